//! The tables of a queue's file and what keeps them true to each other.
//!
//! Owns every row: a change of an entry changes what is found by its state (`due`, `worth`, `finished`), the counts and the quota in
//! the same transaction.
//!
//! ```text
//! facts      name            -> JSON      format, totals, day, uploads, downloads
//! entries    number          -> JSON      Entry; numbers ascend in the order of acceptance
//! documents  number          -> bytes     the item, while it waits or was refused
//! by_id      SHA-256         -> number
//! due        class, not before, number    what waits: corrections (0), then the rest (1), the oldest first
//! worth      worth, number                what could make way, the least first
//! finished   ordinal         -> number    what was sent or given up, for trimming
//! looks      SKU, number     -> bytes     embedder's SHA-256 and codes: what to keep a distance to
//! waiting    SKU             -> count     for the quota
//! facings    hash of photo and box -> number   the last item of a facing, while its document is kept
//! ```

use redb::{ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shelfscan_protocol::{Embedding, Item, Meta, Sha256};

use crate::error::Fault;
use crate::{Entry, State, Totals};

type Bytes = &'static [u8];
type Id = [u8; 32];

const FACTS: TableDefinition<'static, &str, Bytes> = TableDefinition::new("facts");
const ENTRIES: TableDefinition<'static, u64, Bytes> = TableDefinition::new("entries");
const DOCUMENTS: TableDefinition<'static, u64, Bytes> = TableDefinition::new("documents");
const BY_ID: TableDefinition<'static, Id, u64> = TableDefinition::new("by_id");
const DUE: TableDefinition<'static, (u8, u64, u64), ()> = TableDefinition::new("due");
const WORTH: TableDefinition<'static, (u8, u64), ()> = TableDefinition::new("worth");
const FINISHED: TableDefinition<'static, u64, u64> = TableDefinition::new("finished");
const LOOKS: TableDefinition<'static, (&str, u64), Bytes> = TableDefinition::new("looks");
const WAITING: TableDefinition<'static, &str, u32> = TableDefinition::new("waiting");
const FACINGS: TableDefinition<'static, Id, u64> = TableDefinition::new("facings");

/// The tables' version.
const FORMAT: u32 = 1;

/// How many that were sent or given up are remembered.
const HISTORY: u64 = 2_000;

/// The most recent crops of a SKU that a new one is compared with.
const COMPARED: usize = 256;

/// All tables, open for one transaction.
pub(crate) struct Rows<'t> {
    facts: Table<'t, &'static str, Bytes>,
    entries: Table<'t, u64, Bytes>,
    documents: Table<'t, u64, Bytes>,
    by_id: Table<'t, Id, u64>,
    due: Table<'t, (u8, u64, u64), ()>,
    worth: Table<'t, (u8, u64), ()>,
    finished: Table<'t, u64, u64>,
    looks: Table<'t, (&'static str, u64), Bytes>,
    waiting: Table<'t, &'static str, u32>,
    facings: Table<'t, Id, u64>,
    changed: bool,
}

impl<'t> Rows<'t> {
    pub(crate) fn open(transaction: &'t WriteTransaction) -> Result<Self, Fault> {
        let rows = Self {
            facts: transaction.open_table(FACTS)?,
            entries: transaction.open_table(ENTRIES)?,
            documents: transaction.open_table(DOCUMENTS)?,
            by_id: transaction.open_table(BY_ID)?,
            due: transaction.open_table(DUE)?,
            worth: transaction.open_table(WORTH)?,
            finished: transaction.open_table(FINISHED)?,
            looks: transaction.open_table(LOOKS)?,
            waiting: transaction.open_table(WAITING)?,
            facings: transaction.open_table(FACINGS)?,
            changed: false,
        };
        Ok(rows)
    }

    /// Whether there is anything to flush.
    pub(crate) fn changed(&self) -> bool {
        self.changed
    }

    /// Makes a new file a queue, and refuses one of another format.
    pub(crate) fn settle_format(&mut self) -> Result<(), Fault> {
        match self.fact::<Option<u32>>("format")? {
            Some(FORMAT) => Ok(()),
            Some(other) => Err(Fault::Row(format!("format {other}, but this version reads format {FORMAT}"))),
            None if self.entries.is_empty()? => self.set_fact("format", &FORMAT),
            None => Err(Fault::Row("its format is not said".into())),
        }
    }

    /// A fact, or its default where it was never set.
    pub(crate) fn fact<T: DeserializeOwned + Default>(&self, name: &'static str) -> Result<T, Fault> {
        match self.facts.get(name)? {
            Some(json) => read(json.value()),
            None => Ok(T::default()),
        }
    }

    pub(crate) fn set_fact(&mut self, name: &'static str, value: &impl Serialize) -> Result<(), Fault> {
        self.changed = true;
        self.facts.insert(name, &*write(value)?)?;
        Ok(())
    }

    pub(crate) fn totals(&self) -> Result<Totals, Fault> {
        self.fact("totals")
    }

    pub(crate) fn number_of(&self, id: Sha256) -> Result<Option<u64>, Fault> {
        Ok(self.by_id.get(id.0)?.map(|number| number.value()))
    }

    pub(crate) fn entry(&self, number: u64) -> Result<Entry, Fault> {
        let json = self.entries.get(number)?.ok_or_else(|| Fault::Row(format!("item number {number} is missing")))?;
        read(json.value())
    }

    pub(crate) fn document(&self, number: u64) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.documents.get(number)?.map(|document| document.value().to_vec()))
    }

    /// The entries accepted last, the latest first.
    pub(crate) fn latest(&self, most: usize) -> Result<Vec<Entry>, Fault> {
        self.entries.iter()?.rev().take(most).map(|row| read(row?.1.value())).collect()
    }

    /// How many likest to a SKU wait.
    pub(crate) fn waiting_of(&self, group: &str) -> Result<u32, Fault> {
        Ok(self.waiting.get(group)?.map_or(0, |count| count.value()))
    }

    /// The most alike of the last crops of a SKU, with its cosine.
    pub(crate) fn most_alike(&self, group: &str, embedding: &Embedding) -> Result<Option<(u64, f32)>, Fault> {
        let mut nearest = None;
        for row in self.looks.range((group, 0)..=(group, u64::MAX))?.rev().take(COMPARED) {
            let (key, look) = row?;
            let Some((embedder, codes)) = look.value().split_first_chunk() else { continue };
            let codes = codes.iter().map(|&code| code as i8).collect();
            let other = Embedding { embedder: Sha256(*embedder), codes };
            if let Some(cosine) = embedding.cosine(&other)
                && nearest.is_none_or(|(_, best)| cosine > best)
            {
                nearest = Some((key.value().1, cosine));
            }
        }
        Ok(nearest)
    }

    /// The last item of the same facing of the same photo.
    pub(crate) fn of_facing(&self, meta: &Meta) -> Result<Option<u64>, Fault> {
        Ok(self.facings.get(facing(meta))?.map(|number| number.value()))
    }

    /// What is worth the least, with its worth, the oldest first.
    pub(crate) fn least_worth(&self) -> Result<impl Iterator<Item = Result<(u8, u64), Fault>>, Fault> {
        Ok(self.worth.iter()?.map(|row| Ok(row?.0.value())))
    }

    /// What waits of a class, what is due first.
    pub(crate) fn due(&self, class: u8) -> Result<impl Iterator<Item = Result<(u64, u64), Fault>>, Fault> {
        let rows = self.due.range((class, 0, 0)..=(class, u64::MAX, u64::MAX))?;
        Ok(rows.map(|row| {
            let (_, not_before, number) = row?.0.value();
            Ok((not_before, number))
        }))
    }

    /// Adds an item that waits.
    pub(crate) fn insert(&mut self, entry: &Entry, item: &Item) -> Result<(), Fault> {
        self.changed = true;
        let number = self.entries.last()?.map_or(0, |(number, _)| number.value() + 1);
        self.documents.insert(number, item.bytes())?;
        self.by_id.insert(entry.id.0, number)?;
        self.facings.insert(facing(item.meta()), number)?;
        if let Some(Embedding { embedder, codes }) = &item.meta().embedding {
            let look: Vec<u8> = embedder.0.iter().copied().chain(codes.iter().map(|&code| code as u8)).collect();
            self.looks.insert((entry.group(), number), &*look)?;
        }
        self.index(number, entry)?;
        let mut totals = self.totals()?;
        totals.bytes += entry.bytes;
        *totals.of(&entry.state) += 1;
        self.set_fact("totals", &totals)?;
        self.entries.insert(number, &*write(entry)?)?;
        Ok(())
    }

    /// Gives an entry another state.
    pub(crate) fn change(&mut self, number: u64, before: &Entry, after: &Entry) -> Result<(), Fault> {
        self.changed = true;
        self.unindex(number, before)?;
        self.index(number, after)?;
        let mut totals = self.totals()?;
        *totals.of(&before.state) -= 1;
        *totals.of(&after.state) += 1;
        if before.worth().is_some() && after.worth().is_none() {
            let document = self.documents.remove(number)?.map(|document| document.value().to_vec());
            if let Some(Ok(item)) = document.map(Item::parse)
                && self.of_facing(item.meta())? == Some(number)
            {
                self.facings.remove(facing(item.meta()))?;
            }
            totals.bytes -= before.bytes;
        }
        self.set_fact("totals", &totals)?;
        self.entries.insert(number, &*write(after)?)?;
        if before.worth().is_some() && after.worth().is_none() {
            let ordinal = self.finished.last()?.map_or(0, |(ordinal, _)| ordinal.value() + 1);
            self.finished.insert(ordinal, number)?;
            self.trim()?;
        }
        Ok(())
    }

    fn index(&mut self, number: u64, entry: &Entry) -> Result<(), Fault> {
        if let State::Waiting { not_before, .. } = entry.state {
            self.due.insert((entry.class(), not_before, number), ())?;
            let waiting = self.waiting_of(entry.group())?;
            self.waiting.insert(entry.group(), waiting + 1)?;
        }
        if let Some(worth) = entry.worth() {
            self.worth.insert((worth, number), ())?;
        }
        Ok(())
    }

    fn unindex(&mut self, number: u64, entry: &Entry) -> Result<(), Fault> {
        if let State::Waiting { not_before, .. } = entry.state {
            self.due.remove((entry.class(), not_before, number))?;
            match self.waiting_of(entry.group())? {
                0 | 1 => drop(self.waiting.remove(entry.group())?),
                count => drop(self.waiting.insert(entry.group(), count - 1)?),
            }
        }
        if let Some(worth) = entry.worth() {
            self.worth.remove((worth, number))?;
        }
        Ok(())
    }

    /// Forgets the oldest of what was sent or given up.
    fn trim(&mut self) -> Result<(), Fault> {
        while self.finished.len()? > HISTORY {
            let Some(number) = self.finished.pop_first()?.map(|(_, number)| number.value()) else { break };
            let entry = self.entry(number)?;
            self.looks.remove((entry.group(), number))?;
            self.by_id.remove(entry.id.0)?;
            self.entries.remove(number)?;
        }
        Ok(())
    }
}

/// What tells a facing of a photo apart from all others.
fn facing(meta: &Meta) -> Id {
    let sides = meta.facing.rect.map(f32::to_le_bytes);
    Sha256::of_parts(&[&meta.photo.sha256.0, sides.as_flattened()]).0
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(json).map_err(|error| Fault::Row(format!("a row can't be read ({error})")))
}

fn write(value: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(value).map_err(|error| Fault::Row(format!("a row can't be written ({error})")))
}
