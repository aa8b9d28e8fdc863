//! Files that a command writes: whole or not at all, and refused before the work rather than after it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// A file to be. It lies beside its place, under another name, until it is finished; dropped unfinished it is gone.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    beside: NamedTempFile,
}

impl Output {
    /// Makes sure that `path` can be written: its folder is there and takes files.
    pub fn at(path: &Path) -> Result<Self, Failure> {
        if path.is_dir() {
            return Err(Failure::output(path, "it is a folder; give a file name"));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let beside = tempfile::Builder::new()
            .prefix(".shelfscan-")
            .tempfile_in(folder)
            .map_err(|error| Failure::output(path, error.kind()))?;
        Ok(Self { path: path.into(), beside })
    }

    /// Puts `bytes` in place.
    pub fn finish(mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.beside.write_all(bytes).and_then(|()| self.beside.as_file().sync_all());
        written.map_err(|error| Failure::output(&self.path, error))?;
        #[cfg(unix)]
        fs::set_permissions(self.beside.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .map_err(|error| Failure::output(&self.path, error))?;
        self.beside.persist(&self.path).map_err(|error| Failure::output(&self.path, error.error))?;
        Ok(())
    }
}

/// Makes a folder for outputs, and those above it.
pub fn folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| Failure::output(path, error.kind()))
}
