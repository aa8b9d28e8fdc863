//! The tables of a queue's file and what keeps them true to each other.
//!
//! Owns every row: a change of an entry changes what is found by its state (`due`, `worth`, `finished`), the counts and the quota in
//! the same transaction.
//!
//! All keys and values are bytes, numbers big-endian so that they sort as numbers: redb's code is compiled anew for each type of
//! table, and phones carry it.
//!
//! ```text
//! facts      name            -> JSON      format, totals, day, uploads, downloads
//! entries    number          -> JSON      Entry; numbers ascend in the order of acceptance
//! documents  number          -> bytes     the item, while it waits or was refused
//! by_id      SHA-256         -> number
//! due        class (1 byte), not before, number -> nothing   what waits: corrections (0), then the rest (1), the oldest first
//! worth      worth (1 byte), number -> nothing               what could make way, the least first
//! finished   ordinal         -> number    what was sent or given up, for trimming
//! looks      SKU, 0, number  -> bytes     embedder's SHA-256 and codes: what to keep a distance to; a SKU has no byte 0
//! waiting    SKU             -> number    how many, for the quota
//! facings    hash of photo and box -> number   the last item of a facing, while its document is kept
//! ```

use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shelfscan_protocol::{Embedding, Item, Meta, Sha256, cosine};

use crate::error::Fault;
use crate::{Entry, State, Totals};

type Bytes = &'static [u8];
type Table<'t> = redb::Table<'t, Bytes, Bytes>;
type Definition = TableDefinition<'static, Bytes, Bytes>;

const FACTS: Definition = TableDefinition::new("facts");
const ENTRIES: Definition = TableDefinition::new("entries");
const DOCUMENTS: Definition = TableDefinition::new("documents");
const BY_ID: Definition = TableDefinition::new("by_id");
const DUE: Definition = TableDefinition::new("due");
const WORTH: Definition = TableDefinition::new("worth");
const FINISHED: Definition = TableDefinition::new("finished");
const LOOKS: Definition = TableDefinition::new("looks");
const WAITING: Definition = TableDefinition::new("waiting");
const FACINGS: Definition = TableDefinition::new("facings");

/// The tables' version.
const FORMAT: u32 = 1;

/// How many that were sent or given up are remembered.
const HISTORY: u64 = 2_000;

/// The most recent crops of a SKU that a new one is compared with.
const COMPARED: usize = 256;

/// All tables, open for one transaction.
pub(crate) struct Rows<'t> {
    facts: Table<'t>,
    entries: Table<'t>,
    documents: Table<'t>,
    by_id: Table<'t>,
    due: Table<'t>,
    worth: Table<'t>,
    finished: Table<'t>,
    looks: Table<'t>,
    waiting: Table<'t>,
    facings: Table<'t>,
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
        match self.facts.get(name.as_bytes())? {
            Some(json) => read(json.value()),
            None => Ok(T::default()),
        }
    }

    pub(crate) fn set_fact(&mut self, name: &'static str, value: &impl Serialize) -> Result<(), Fault> {
        self.changed = true;
        self.facts.insert(name.as_bytes(), &*write(value)?)?;
        Ok(())
    }

    pub(crate) fn totals(&self) -> Result<Totals, Fault> {
        self.fact("totals")
    }

    pub(crate) fn number_of(&self, id: Sha256) -> Result<Option<u64>, Fault> {
        number_at(&self.by_id, &id.0)
    }

    pub(crate) fn entry(&self, number: u64) -> Result<Entry, Fault> {
        let json = self
            .entries
            .get(&key(number)[..])?
            .ok_or_else(|| Fault::Row(format!("item number {number} is missing")))?;
        read(json.value())
    }

    pub(crate) fn document(&self, number: u64) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.documents.get(&key(number)[..])?.map(|document| document.value().to_vec()))
    }

    /// The entries accepted last, the latest first.
    pub(crate) fn latest(&self, most: usize) -> Result<Vec<Entry>, Fault> {
        self.entries.iter()?.rev().take(most).map(|row| read(row?.1.value())).collect()
    }

    /// How many likest to a SKU wait.
    pub(crate) fn waiting_of(&self, group: &str) -> Result<u64, Fault> {
        Ok(number_at(&self.waiting, group.as_bytes())?.unwrap_or(0))
    }

    /// The most alike of the last crops of a SKU, with its cosine.
    pub(crate) fn most_alike(&self, group: &str, embedding: &Embedding) -> Result<Option<(u64, f32)>, Fault> {
        let mut nearest = None;
        for row in self.looks.range(&*look_key(group, 0)..=&*look_key(group, u64::MAX))?.rev().take(COMPARED) {
            let (key, look) = row?;
            let Some((embedder, codes)) = look.value().split_first_chunk() else { continue };
            if embedding.embedder != Sha256(*embedder) || embedding.codes.len() != codes.len() {
                continue;
            }
            let cosine = cosine(embedding.codes.iter().copied(), codes.iter().map(|&code| code as i8));
            if nearest.is_none_or(|(_, best)| cosine > best) {
                nearest = Some((last_number(key.value())?, cosine));
            }
        }
        Ok(nearest)
    }

    /// The last item of the same facing of the same photo.
    pub(crate) fn of_facing(&self, meta: &Meta) -> Result<Option<u64>, Fault> {
        number_at(&self.facings, &facing(meta))
    }

    /// What is worth the least, with its worth, the oldest first.
    pub(crate) fn least_worth(&self) -> Result<impl Iterator<Item = Result<(u8, u64), Fault>>, Fault> {
        Ok(self.worth.iter()?.map(|row| {
            let (key, _) = row?;
            let worth = key.value().first().copied().ok_or_else(|| Fault::Row("an empty key".into()))?;
            Ok((worth, last_number(key.value())?))
        }))
    }

    /// What waits of a class, what is due first.
    pub(crate) fn due(&self, class: u8) -> Result<impl Iterator<Item = Result<(u64, u64), Fault>>, Fault> {
        let rows = self.due.range(&*due_key(class, 0, 0)..=&*due_key(class, u64::MAX, u64::MAX))?;
        Ok(rows.map(|row| {
            let (key, _) = row?;
            let (rest, number) = split_number(key.value())?;
            Ok((last_number(rest)?, number))
        }))
    }

    /// Adds an item that waits.
    pub(crate) fn insert(&mut self, entry: &Entry, item: &Item) -> Result<(), Fault> {
        self.changed = true;
        let number = next(&self.entries)?;
        self.documents.insert(&key(number)[..], item.bytes())?;
        self.by_id.insert(&entry.id.0[..], &key(number)[..])?;
        self.facings.insert(&facing(item.meta())[..], &key(number)[..])?;
        if let Some(Embedding { embedder, codes }) = &item.meta().embedding {
            let look: Vec<u8> = embedder.0.iter().copied().chain(codes.iter().map(|&code| code as u8)).collect();
            self.looks.insert(&*look_key(entry.group(), number), &*look)?;
        }
        self.index(number, entry)?;
        let mut totals = self.totals()?;
        totals.bytes += entry.bytes;
        *totals.of(&entry.state) += 1;
        self.set_fact("totals", &totals)?;
        self.entries.insert(&key(number)[..], &*write(entry)?)?;
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
            let document = self.documents.remove(&key(number)[..])?.map(|document| document.value().to_vec());
            if let Some(Ok(item)) = document.map(Item::parse)
                && self.of_facing(item.meta())? == Some(number)
            {
                self.facings.remove(&facing(item.meta())[..])?;
            }
            totals.bytes -= before.bytes;
        }
        self.set_fact("totals", &totals)?;
        self.entries.insert(&key(number)[..], &*write(after)?)?;
        if before.worth().is_some() && after.worth().is_none() {
            let ordinal = next(&self.finished)?;
            self.finished.insert(&key(ordinal)[..], &key(number)[..])?;
            self.trim()?;
        }
        Ok(())
    }

    fn index(&mut self, number: u64, entry: &Entry) -> Result<(), Fault> {
        if let State::Waiting { not_before, .. } = entry.state {
            self.due.insert(&*due_key(entry.class(), not_before, number), &[][..])?;
            let waiting = self.waiting_of(entry.group())?;
            self.waiting.insert(entry.group().as_bytes(), &key(waiting + 1)[..])?;
        }
        if let Some(worth) = entry.worth() {
            self.worth.insert(&*worth_key(worth, number), &[][..])?;
        }
        Ok(())
    }

    fn unindex(&mut self, number: u64, entry: &Entry) -> Result<(), Fault> {
        if let State::Waiting { not_before, .. } = entry.state {
            self.due.remove(&*due_key(entry.class(), not_before, number))?;
            match self.waiting_of(entry.group())? {
                0 | 1 => drop(self.waiting.remove(entry.group().as_bytes())?),
                count => drop(self.waiting.insert(entry.group().as_bytes(), &key(count - 1)[..])?),
            }
        }
        if let Some(worth) = entry.worth() {
            self.worth.remove(&*worth_key(worth, number))?;
        }
        Ok(())
    }

    /// Forgets the oldest of what was sent or given up.
    fn trim(&mut self) -> Result<(), Fault> {
        while self.finished.len()? > HISTORY {
            let first = self.finished.pop_first()?.map(|(_, number)| last_number(number.value()));
            let Some(number) = first.transpose()? else { break };
            let entry = self.entry(number)?;
            self.looks.remove(&*look_key(entry.group(), number))?;
            self.by_id.remove(&entry.id.0[..])?;
            self.entries.remove(&key(number)[..])?;
        }
        Ok(())
    }
}

fn key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

fn due_key(class: u8, not_before: u64, number: u64) -> Vec<u8> {
    [&[class][..], &key(not_before)[..], &key(number)].concat()
}

fn worth_key(worth: u8, number: u64) -> Vec<u8> {
    [&[worth][..], &key(number)].concat()
}

fn look_key(group: &str, number: u64) -> Vec<u8> {
    [group.as_bytes(), &[0], &key(number)].concat()
}

/// The number that ends `bytes`, and what is before it.
fn split_number(bytes: &[u8]) -> Result<(&[u8], u64), Fault> {
    let (rest, number) = bytes.split_last_chunk().ok_or_else(|| Fault::Row("a number is cut off".into()))?;
    Ok((rest, u64::from_be_bytes(*number)))
}

fn last_number(bytes: &[u8]) -> Result<u64, Fault> {
    Ok(split_number(bytes)?.1)
}

fn number_at(table: &Table<'_>, key: &[u8]) -> Result<Option<u64>, Fault> {
    table.get(key)?.map(|number| last_number(number.value())).transpose()
}

/// The number after the last key.
fn next(table: &Table<'_>) -> Result<u64, Fault> {
    table.last()?.map_or(Ok(0), |(key, _)| Ok(last_number(key.value())? + 1))
}

/// What tells a facing of a photo apart from all others.
fn facing(meta: &Meta) -> [u8; 32] {
    let sides = meta.facing.rect.map(f32::to_le_bytes);
    Sha256::of_parts(&[&meta.photo.sha256.0, sides.as_flattened()]).0
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(json).map_err(|error| Fault::Row(format!("a row can't be read ({error})")))
}

fn write(value: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(value).map_err(|error| Fault::Row(format!("a row can't be written ({error})")))
}
