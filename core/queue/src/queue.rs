//! The queue's file: opened, looked at, set aside.
//!
//! Owns the database and that a call takes place whole or not at all. After a fault of the disk the file is opened again by the next
//! call, so a phone that gets room again goes on.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::Database;
use shelfscan_protocol::{Item, Sha256};

use crate::entry::Eviction;
use crate::error::Fault;
use crate::rows::Rows;
use crate::{Entry, QueueError, Settings, State, Totals};

/// Memory for pages of the file.
const CACHE_BYTES: usize = 4 << 20;

/// A file is compacted on opening when it is this much larger than three times what it holds; twice is what pages cost.
const SLACK_BYTES: u64 = 16 << 20;

/// The queue. `Send` and `Sync`: any thread may call it; calls take their turn.
#[derive(Debug)]
pub struct Queue {
    path: PathBuf,
    pub(crate) settings: Settings,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    /// None after a fault of the disk, until the next call.
    database: Option<Database>,
    /// What was handed out and not answered for.
    pub(crate) sending: HashSet<Sha256>,
    pub(crate) token: Token,
}

#[derive(Debug, Default)]
pub(crate) enum Token {
    #[default]
    None,
    Given(Secret),
    Rejected,
}

/// Not for logs.
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// What an app shows of its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Items in each state.
    pub totals: Totals,
    /// How many of those that wait are being sent now.
    pub sending: u64,
    /// Whether the server refused the token: nothing is sent until there is another.
    pub token_rejected: bool,
    /// The last failure and until when (Unix time in milliseconds) nothing is sent because of it.
    pub resting: Option<(u64, String)>,
}

impl Queue {
    /// Opens the queue at `path`, or makes it. The file is checked whole; after a crash it is repaired.
    ///
    /// # Errors
    /// [`QueueError::Damaged`] where it is no queue or its content is not what was written: see [`set_aside`];
    /// [`QueueError::InUse`], [`QueueError::DiskFull`], [`QueueError::Storage`].
    pub fn open(path: &Path, settings: Settings) -> Result<Self, QueueError> {
        let queue = Self { path: path.into(), settings, inner: Mutex::default() };
        queue.with(|_, _| Ok(()))?;
        Ok(queue)
    }

    /// Opens the queue at `path`; where it is damaged, sets the file aside and begins a new one. Gives where the old file is now.
    ///
    /// # Errors
    /// As [`Queue::open`], but for [`QueueError::Damaged`].
    pub fn open_or_set_aside(path: &Path, settings: Settings) -> Result<(Self, Option<PathBuf>), QueueError> {
        match Self::open(path, settings.clone()) {
            Err(QueueError::Damaged { .. }) => {
                let aside = set_aside(path)?;
                Ok((Self::open(path, settings)?, Some(aside)))
            }
            opened => Ok((opened?, None)),
        }
    }

    /// What the app decided.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts and what holds the queue up.
    ///
    /// # Errors
    /// Those of the disk, as everywhere.
    pub fn status(&self) -> Result<Status, QueueError> {
        self.with(|rows, inner| {
            let mut sending = 0;
            for id in &inner.sending {
                if let Some(number) = rows.number_of(*id)? {
                    sending += u64::from(matches!(rows.entry(number)?.state, State::Waiting { .. }));
                }
            }
            Ok(Status {
                totals: rows.totals()?,
                sending,
                token_rejected: matches!(inner.token, Token::Rejected),
                resting: crate::sync::resting(rows)?,
            })
        })
    }

    /// The items accepted last, the latest first. Those sent or given up are remembered for the last 2,000.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn latest(&self, most: usize) -> Result<Vec<Entry>, QueueError> {
        self.with(|rows, inner| {
            let mut entries = rows.latest(most)?;
            entries.iter_mut().for_each(|entry| inner.overlay(entry));
            Ok(entries)
        })
    }

    /// What became of an item.
    ///
    /// # Errors
    /// [`QueueError::UnknownItem`], and those of the disk.
    pub fn entry(&self, id: Sha256) -> Result<Entry, QueueError> {
        self.with(|rows, inner| {
            let mut entry = rows.entry(found(rows, id)?)?;
            inner.overlay(&mut entry);
            Ok(entry)
        })
    }

    /// An item with its crop, while it waits or was refused.
    ///
    /// # Errors
    /// [`QueueError::UnknownItem`], and those of the disk.
    pub fn item(&self, id: Sha256) -> Result<Option<Item>, QueueError> {
        self.with(|rows, _| {
            let document = rows.document(found(rows, id)?)?;
            let item = document.map(Item::parse).transpose();
            item.map_err(|error| Fault::Row(format!("item {id} is damaged ({error})")))
        })
    }

    /// Gives up an item because a person says so.
    ///
    /// # Errors
    /// [`QueueError::UnknownItem`], and those of the disk.
    pub fn drop_item(&self, id: Sha256, now: u64) -> Result<Entry, QueueError> {
        self.with(|rows, inner| {
            let number = found(rows, id)?;
            let before = rows.entry(number)?;
            if before.worth().is_none() {
                return Ok(before);
            }
            let state = State::Evicted { at: now, why: Eviction::ByPerson };
            let after = Entry { state, ..before.clone() };
            rows.change(number, &before, &after)?;
            inner.sending.remove(&id);
            Ok(after)
        })
    }

    /// Has a refused item sent again.
    ///
    /// # Errors
    /// [`QueueError::NotRefused`], [`QueueError::UnknownItem`], and those of the disk.
    pub fn retry(&self, id: Sha256) -> Result<Entry, QueueError> {
        self.with(|rows, _| {
            let number = found(rows, id)?;
            let before = rows.entry(number)?;
            if !matches!(before.state, State::Refused { .. }) {
                return Err(QueueError::NotRefused { id }.into());
            }
            let state = State::Waiting { not_before: 0, last_error: None };
            let after = Entry { state, tries: 0, ..before.clone() };
            rows.change(number, &before, &after)?;
            Ok(after)
        })
    }

    /// Does `work` in one transaction, flushed to the disk when it returns.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut Rows<'_>, &mut Inner) -> Result<T, Fault>,
    ) -> Result<T, QueueError> {
        let mut inner = self.inner();
        let done = self.transact(&mut inner, work);
        done.map_err(|fault| {
            if fault.is_of_the_database() {
                inner.database = None;
            }
            fault.at(&self.path)
        })
    }

    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn transact<T>(
        &self,
        inner: &mut Inner,
        work: impl FnOnce(&mut Rows<'_>, &mut Inner) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let database = match inner.database.take() {
            Some(database) => database,
            None => self.open_database()?,
        };
        let transaction = database.begin_write()?;
        let mut rows = Rows::open(&transaction)?;
        let done = work(&mut rows, inner);
        let changed = rows.changed();
        drop(rows);
        match &done {
            Ok(_) if changed => transaction.commit()?,
            _ => transaction.abort()?,
        }
        inner.database = Some(database);
        done
    }

    fn open_database(&self) -> Result<Database, Fault> {
        let mut builder = Database::builder();
        // The default trusts a file that was altered, and may panic on it.
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        let mut database = builder.create(&self.path)?;
        let transaction = database.begin_write()?;
        let mut rows = Rows::open(&transaction)?;
        rows.settle_format()?;
        let held = rows.totals()?.bytes;
        drop(rows);
        transaction.commit()?;
        let length = fs::metadata(&self.path).map_or(0, |file| file.len());
        if length > 3 * held + SLACK_BYTES {
            database.compact()?;
        }
        Ok(database)
    }
}

impl Inner {
    /// Shows what is being sent as such.
    fn overlay(&self, entry: &mut Entry) {
        if self.sending.contains(&entry.id) && matches!(entry.state, State::Waiting { .. }) {
            entry.state = State::Sending;
        }
    }
}

pub(crate) fn found(rows: &Rows<'_>, id: Sha256) -> Result<u64, Fault> {
    rows.number_of(id)?.ok_or_else(|| QueueError::UnknownItem { id }.into())
}

/// Renames the file at `path` to `NAME.damaged-1`, or the next number that is free, and gives its new place. Nothing is deleted.
///
/// # Errors
/// [`QueueError::Storage`] where it can't be renamed.
pub fn set_aside(path: &Path) -> Result<PathBuf, QueueError> {
    let failed = |error: io::Error| QueueError::Storage { path: path.into(), reason: error.to_string() };
    for number in 1..10_000 {
        let mut name: OsString = path.as_os_str().into();
        name.push(format!(".damaged-{number}"));
        let aside = PathBuf::from(name);
        if !aside.try_exists().map_err(failed)? {
            fs::rename(path, &aside).map_err(failed)?;
            return Ok(aside);
        }
    }
    Err(failed(io::Error::other("10,000 damaged files lie beside it")))
}
