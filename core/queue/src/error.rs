//! What can go wrong with a queue's file.

use std::io;
use std::path::{Path, PathBuf};

use shelfscan_protocol::Sha256;

/// Why a call failed. Nothing of it took place, and the queue can be called again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The file is no queue, or damaged. Nothing of it was changed; [`set_aside`](crate::set_aside) makes way for a new one.
    #[error("{}: {reason}; it can be set aside, so that a new queue begins and the file is kept", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process has it open.
    #[error("{}: another process has this queue open; wait until it is done", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full.
    #[error("{}: the disk is full; make room, nothing accepted is lost", .path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// The file can't be read or written.
    #[error("{}: {reason}", .path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// No such item, or it was forgotten since.
    #[error("no item {id} in the queue")]
    UnknownItem {
        /// Its SHA-256.
        id: Sha256,
    },
    /// Only what was refused can be tried again.
    #[error("item {id} was not refused: there is nothing to try again")]
    NotRefused {
        /// Its SHA-256.
        id: Sha256,
    },
}

/// What happens inside a transaction.
#[derive(Debug)]
pub(crate) enum Fault {
    Redb(redb::Error),
    /// A row that this version can't read.
    Row(String),
    Queue(QueueError),
}

impl Fault {
    pub(crate) fn at(self, path: &Path) -> QueueError {
        let path = path.to_owned();
        match self {
            Self::Queue(error) => error,
            Self::Row(reason) => QueueError::Damaged { path, reason },
            Self::Redb(redb::Error::DatabaseAlreadyOpen) => QueueError::InUse { path },
            Self::Redb(redb::Error::Io(error)) if is_full(&error) => QueueError::DiskFull { path },
            Self::Redb(redb::Error::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                QueueError::Damaged { path, reason: format!("not a queue ({error})") }
            }
            Self::Redb(redb::Error::Corrupted(reason)) => QueueError::Damaged { path, reason },
            Self::Redb(error @ (redb::Error::UpgradeRequired(_) | redb::Error::TableTypeMismatch { .. })) => {
                QueueError::Damaged { path, reason: format!("made by another version ({error})") }
            }
            Self::Redb(error) => QueueError::Storage { path, reason: error.to_string() },
        }
    }

    /// Whether the database must be opened again before it is of use.
    pub(crate) fn is_of_the_database(&self) -> bool {
        matches!(self, Self::Redb(_))
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge
            | io::ErrorKind::WriteZero
    )
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Redb(error.into())
    }
}

impl From<QueueError> for Fault {
    fn from(error: QueueError) -> Self {
        Self::Queue(error)
    }
}
