//! What can go wrong, in words for the person who has to mend it.
//!
//! Owns two enums: [`BundleError`] for a bundle that can't be used, [`ScanError`] for a photo that can't be scanned.

use std::path::PathBuf;

use shelfscan_vision::letterbox::LetterboxError;

/// Why a bundle was refused. Nothing of it was used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A file of the bundle is not there or can't be read.
    #[error("{}: {source}: a bundle needs this file; copy the bundle again", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The manifest is damaged or contradicts itself.
    #[error("{}: {reason}", .path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Field and fault.
        reason: String,
    },
    /// A manifest of another schema.
    #[error("{}: schema {found}, but this version of shelfscan reads schema {known}; use a matching version", .path.display())]
    Schema {
        /// The manifest.
        path: PathBuf,
        /// Its schema.
        found: String,
        /// The one that is read.
        known: u32,
    },
    /// The manifest doesn't list a file that every bundle has.
    #[error("{}: files: `{name}` is not listed", .path.display())]
    Unlisted {
        /// The manifest.
        path: PathBuf,
        /// The file.
        name: String,
    },
    /// A file is not the one the manifest was written for.
    #[error("{}: {found}, but the manifest says {expected}; the file is damaged or of another bundle: copy the bundle again", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Its length or hash.
        found: String,
        /// As in the manifest.
        expected: String,
    },
    /// A model's tensors are not what the manifest says.
    #[error("{}: {reason}", .path.display())]
    Model {
        /// The model.
        path: PathBuf,
        /// What doesn't fit.
        reason: String,
    },
    /// The index is damaged.
    #[error("{}: {source}", .path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong with it.
        source: shelfscan_index::Error,
    },
    /// The index was built with another embedder: its numbers mean nothing to this one.
    #[error("{}: built with another embedder ({index}) than the bundle's ({embedder}); build it again with `shelfscan index build`", .path.display())]
    OtherEmbedder {
        /// The index.
        path: PathBuf,
        /// Start of the hash it carries.
        index: String,
        /// Start of the embedder's hash.
        embedder: String,
    },
    /// The stored input doesn't give the stored output on this machine.
    #[error("{}: the self-test failed: {reason}; the native library or its delegate computes wrongly here, or a model was changed without its self-test", .path.display())]
    SelfTest {
        /// The bundle.
        path: PathBuf,
        /// What came out instead.
        reason: String,
    },
    /// The native library or a model in it.
    #[error(transparent)]
    Runtime(#[from] shelfscan_tflite::Error),
}

/// Why a photo was not scanned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// Its file can't be decoded.
    #[error(transparent)]
    Decode(#[from] shelfscan_vision::DecodeError),
    /// Its pixels can't be used.
    #[error(transparent)]
    View(#[from] shelfscan_vision::ViewError),
    /// The scan was cancelled.
    #[error("the scan was cancelled")]
    Cancelled,
    /// A model failed.
    #[error(transparent)]
    Model(#[from] shelfscan_tflite::Error),
    /// A model's input could not be filled.
    #[error(transparent)]
    Input(#[from] LetterboxError),
    /// A detector's output could not be read.
    #[error(transparent)]
    Heads(#[from] shelfscan_vision::HeadError),
    /// An embedding could not be looked up.
    #[error(transparent)]
    Index(#[from] shelfscan_index::Error),
    /// A worker thread of the scan could not be started or panicked.
    #[error("a thread of the scan failed: {0}")]
    Thread(String),
}

impl From<shelfscan_vision::SampleError> for ScanError {
    fn from(error: shelfscan_vision::SampleError) -> Self {
        Self::Input(error.into())
    }
}
