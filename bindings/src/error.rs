//! The one error enum that apps see.
//!
//! Owns its kinds, which are as many as an app would treat differently, and the one place where the core's errors become them.

use shelfscan::{BundleError, CatalogueError, RuntimeError, ScanError, ViewError};

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
