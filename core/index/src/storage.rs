//! The bytes of an index: mapped from a file or held in memory.
//!
//! Owns reading the file. Refuses nothing about the content.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;

use crate::{Error, Result};

/// Bytes that stay the same as long as this lives.
#[derive(Debug)]
pub(crate) enum Storage {
    Mapped(memmap2::Mmap),
    Owned(Vec<u8>),
}

impl Storage {
    /// Maps the file; an empty one becomes no bytes, as some systems refuse to map nothing.
    pub(crate) fn map(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|source| Error::io(path, source))?;
        let metadata = file.metadata().map_err(|source| Error::io(path, source))?;
        if metadata.is_dir() {
            return Err(Error::io(path, std::io::ErrorKind::IsADirectory.into()));
        }
        if metadata.len() == 0 {
            return Ok(Self::Owned(Vec::new()));
        }
        // SAFETY: the map is read-only. Nothing of this project changes an index in place: a new file is renamed over the old
        // one, and the map keeps the old one. Should another program overwrite the bytes nevertheless, no memory is at risk:
        // `Index` keeps every id, count and offset in memory of its own, and any byte is a valid code or sign.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|source| Error::io(path, source))?;
        Ok(Self::Mapped(map))
    }
}

impl Deref for Storage {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Owned(bytes) => bytes,
        }
    }
}
