use std::io;
use std::path::PathBuf;

use crate::Element;

/// What can go wrong between a model file and its outputs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No library at any of the places that are searched.
    #[error(
        "no TensorFlow Lite library found; tried {tried}. Run `cargo xtask fetch`, or set \
         TFLITE_LIBRARY_PATH to the library's file"
    )]
    LibraryNotFound {
        /// Each place with what was wrong there.
        tried: String,
    },
    /// A library is there, but the system can't load it or it is not a TensorFlow Lite that this crate can use.
    #[error(
        "TensorFlow Lite library {library}: {reason}. Run `cargo xtask fetch` for one that works, or set \
         TFLITE_LIBRARY_PATH to another"
    )]
    UnusableLibrary {
        /// Which library.
        library: String,
        /// The loader's words, the missing symbol, or the wrong version.
        reason: String,
    },
    /// The model file can't be opened or mapped.
    #[error("model {}: {source}", path.display())]
    Unreadable {
        /// The model file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not a model, is damaged, or describes a graph that can't be built.
    #[error("model {} is not a usable TensorFlow Lite model: {reason}", path.display())]
    Corrupt {
        /// The model file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// XNNPACK could not be applied. Running without would be several times slower, so it is not done silently.
    #[error("model {}: the XNNPACK delegate failed: {reason}", path.display())]
    Delegate {
        /// The model file.
        path: PathBuf,
        /// What TensorFlow Lite reported.
        reason: String,
    },
    /// A run of the model failed.
    #[error("model {}: invoke failed with status {status}: {reason}", path.display())]
    Invoke {
        /// The model file.
        path: PathBuf,
        /// The `TfLiteStatus`.
        status: i32,
        /// What TensorFlow Lite reported.
        reason: String,
    },
    /// There is no such input or output.
    #[error("model {}: asked for {end} {index}, it has {count}", path.display())]
    NoSuchTensor {
        /// The model file.
        path: PathBuf,
        /// `input` or `output`.
        end: &'static str,
        /// The index asked for, from 0.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The tensor holds another type.
    #[error("tensor `{tensor}` holds {is}, not {asked}")]
    WrongElement {
        /// The tensor's name.
        tensor: String,
        /// What it holds.
        is: Element,
        /// What was asked for.
        asked: Element,
    },
    /// The tensor's memory does not fit its description, as with an output whose shape is known only after a run.
    #[error(
        "tensor `{tensor}` has {bytes} bytes of memory, which don't fit its shape {shape:?}; export the model with \
         fixed shapes"
    )]
    TensorMemory {
        /// The tensor's name.
        tensor: String,
        /// Length of its memory.
        bytes: usize,
        /// Its shape when the interpreter was made.
        shape: Vec<usize>,
    },
    /// An output was read before a run succeeded.
    #[error("model {}: an output was read before a successful invoke", path.display())]
    NotInvoked {
        /// The model file.
        path: PathBuf,
    },
}

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
