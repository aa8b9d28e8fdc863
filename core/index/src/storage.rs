//! The bytes of an index: mapped from a file or held in memory.
//!
//! Owns reading and replacing the file. Refuses nothing about the content.

use std::fs::File;
use std::io::Write;
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
        // SAFETY: the map is read-only. Nothing of this project changes an index in place: `replace` renames a new file over the
        // old one, and the map keeps the old one. Should another program overwrite the bytes nevertheless, no memory is at risk:
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

/// Puts `bytes` at `path`, whole or not at all: written beside, flushed to the disk, then renamed over what was there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let write = || -> std::io::Result<()> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".skus.").suffix(".part");
        #[cfg(unix)]
        {
            // Readable like any new file, not for the owner alone as temporary files are.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        #[cfg(unix)]
        File::open(folder)?.sync_all()?;
        Ok(())
    };
    write().map_err(|source| Error::io(path, source))
}
