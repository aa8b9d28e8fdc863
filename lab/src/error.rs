//! What can go wrong, in words for the person who has to mend it.
//!
//! Owns [`LabError`]: each message names the file, the line or entry in it, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be read, judged or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// A file or folder can't be read.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A line of a text file can't be used.
    #[error("{}:{line}: {reason}", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A file's or folder's content can't be used; the reason names the entry.
    #[error("{}: {reason}", .path.display())]
    Content {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A pattern that puts no photo into a group.
    #[error("the pattern `{pattern}` matches no photo's name, such as `{example}`; photos of one group must match it")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// A name it doesn't match.
        example: String,
    },
    /// A file or folder can't be written.
    #[error("{}: can't be written: {reason}", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// A picture or text of a report can't be encoded.
    #[error("the report can't be written: {0}")]
    Encode(String),
    /// A bundle's model failed.
    #[error(transparent)]
    Scan(#[from] shelfscan::ScanError),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, LabError>;

impl LabError {
    /// For `map_err` on an operation on `path`.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::File { path: path.into(), source }
    }

    pub(crate) fn line(path: &Path, line: usize, reason: impl Into<String>) -> Self {
        Self::Line { path: path.into(), line, reason: reason.into() }
    }

    pub(crate) fn content(path: &Path, reason: impl Into<String>) -> Self {
        Self::Content { path: path.into(), reason: reason.into() }
    }
}

/// Pretty JSON that ends with a line break.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<String> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| LabError::Encode(error.to_string()))?;
    text.push('\n');
    Ok(text)
}
