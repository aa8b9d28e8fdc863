//! Files that a command writes: whole or not at all, and refused before the work rather than after it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A file to be. Nothing of it is on the disk until it is finished, so a command that is stopped leaves nothing.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
}

impl Output {
    /// Makes sure that `path` can be written: its folder is there and takes files.
    pub fn at(path: &Path) -> Result<Self, Failure> {
        if path.is_dir() {
            return Err(Failure::output(path, "it is a folder; give a file name"));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        tempfile::Builder::new()
            .prefix(".shelfscan-")
            .tempfile_in(folder)
            .map_err(|error| refusal(path, folder, &error))?;
        Ok(Self { path: path.into() })
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts `bytes` in place.
    pub fn finish(self, bytes: &[u8]) -> Result<(), Failure> {
        shelfscan::replace_file(&self.path, bytes).map_err(|error| Failure::output(&self.path, error.kind()))
    }
}

/// Where a file that may not be there yet is or will be, whatever links lead to it.
pub fn place(path: &Path) -> PathBuf {
    if let Ok(there) = path.canonicalize() {
        return there;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.into());
    path.file_name().map_or_else(|| folder.clone(), |name| folder.join(name))
}

/// Makes a folder for outputs, and those above it.
pub fn folder(path: &Path) -> Result<(), Failure> {
    if path.is_file() {
        return Err(Failure::output(path, "it is a file; give a folder, or a name that ends in .jpg or .png"));
    }
    fs::create_dir_all(path).map_err(|error| refusal(path, path.parent().unwrap_or(path), &error))
}

fn refusal(path: &Path, folder: &Path, error: &io::Error) -> Failure {
    let folder = folder.display();
    match error.kind() {
        ErrorKind::NotFound => Failure::output(path, format!("there is no folder {folder}; make it first")),
        ErrorKind::NotADirectory => Failure::output(path, format!("{folder} is no folder; give another place")),
        kind => Failure::output(path, kind),
    }
}
