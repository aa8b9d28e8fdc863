//! The one error enum that apps see.
//!
//! Owns its kinds, which are as many as an app would treat differently, and the one place where the core's errors become them.

use shelfscan::queue::QueueError;
use shelfscan::{BundleError, CatalogueError, ReviewError, RuntimeError, ScanError, ViewError};

/// Why a call failed. Its message says what is wrong, with which file or field, and what to do.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum ShelfscanError {
    /// The photo can't be scanned: damaged, of another format, too large, or its pixels are not what its layout says. Another
    /// photo may work.
    #[error("{0}")]
    Photo(String),
    /// The bundle can't be used: a file is missing, damaged or of another bundle, or the self-test failed on this device.
    #[error("{0}")]
    Bundle(String),
    /// TensorFlow Lite is missing, of an unusable version, or failed.
    #[error("{0}")]
    Runtime(String),
    /// A SKU was not enrolled or removed; the bundle is as it was.
    #[error("{0}")]
    Gallery(String),
    /// What is to be queued can't travel: the box is not on the photo, or a tag, a label, a key or an id is not as it must be.
    #[error("{0}")]
    Item(String),
    /// The queue's file can't be read or written, or another process has it open. Nothing accepted is lost.
    #[error("{0}")]
    Queue(String),
    /// The queue's file is damaged or no queue: `ReviewQueue.openOrSetAside` keeps it and begins a new one.
    #[error("{0}")]
    QueueDamaged(String),
    /// The disk is full. Nothing accepted is lost, the queue goes on when there is room.
    #[error("{0}")]
    DiskFull(String),
    /// The scan was cancelled.
    #[error("the scan was cancelled")]
    Cancelled,
    /// The scanner was closed.
    #[error("the scanner was closed; open the bundle again to go on")]
    Closed,
}

impl From<BundleError> for ShelfscanError {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Runtime(error) => error.into(),
            error => Self::Bundle(error.to_string()),
        }
    }
}

impl From<ScanError> for ShelfscanError {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Cancelled => Self::Cancelled,
            ScanError::Decode(error) => Self::Photo(error.to_string()),
            ScanError::View(error) => error.into(),
            ScanError::Model(error) => error.into(),
            error => Self::Runtime(error.to_string()),
        }
    }
}

impl From<ViewError> for ShelfscanError {
    fn from(error: ViewError) -> Self {
        Self::Photo(error.to_string())
    }
}

impl From<RuntimeError> for ShelfscanError {
    fn from(error: RuntimeError) -> Self {
        Self::Runtime(error.to_string())
    }
}

impl From<CatalogueError> for ShelfscanError {
    fn from(error: CatalogueError) -> Self {
        Self::Gallery(error.to_string())
    }
}

impl From<QueueError> for ShelfscanError {
    fn from(error: QueueError) -> Self {
        let reason = error.to_string();
        match error {
            QueueError::Damaged { .. } => Self::QueueDamaged(reason),
            QueueError::DiskFull { .. } => Self::DiskFull(reason),
            QueueError::UnknownItem { .. } | QueueError::NotRefused { .. } => Self::Item(reason),
            _ => Self::Queue(reason),
        }
    }
}

impl From<ReviewError> for ShelfscanError {
    fn from(error: ReviewError) -> Self {
        match error {
            ReviewError::Scan(error) => error.into(),
            error => Self::Item(error.to_string()),
        }
    }
}
