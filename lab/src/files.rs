//! The files of a data set, named alike on every machine.
//!
//! Owns which files count, and their names: relative to the data set's folder, with `/` between folders, in the order of their
//! bytes. Links are followed. Hidden files, and what systems and training runs leave behind (`*.cache`, `Thumbs.db`,
//! `desktop.ini`), don't count: looking at a data set doesn't make it another one.
//!
//! Refuses: names that another machine could not write: not UTF-8, with a backslash or a line break.

use std::io::ErrorKind;
use std::path::Path;

use walkdir::{DirEntry, WalkDir};

use crate::{LabError, Result};

/// Names of all files of the data set in `root`, sorted by their bytes.
///
/// # Errors
/// A folder that can't be read, a name that is refused, no file at all.
pub fn listed(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in WalkDir::new(root).follow_links(true).into_iter().filter_entry(counts) {
        let entry = entry.map_err(|error| {
            if error.depth() == 0 && error.io_error().is_some_and(|error| error.kind() == ErrorKind::NotFound) {
                return LabError::content(root, "there is no such folder; give the folder of a data set");
            }
            let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
            LabError::content(error.path().unwrap_or(root), reason)
        })?;
        if entry.depth() == 0 && !entry.file_type().is_dir() {
            return Err(LabError::content(root, "it is no folder; give the folder of a data set"));
        }
        if entry.file_type().is_file() {
            names.push(name_of(entry.path(), root)?);
        }
    }
    if names.is_empty() {
        return Err(LabError::content(root, "there is no file in it; give the folder of a data set"));
    }
    names.sort_unstable();
    Ok(names)
}

/// The name of a file below `root`.
///
/// # Errors
/// A name that is refused.
pub fn name_of(path: &Path, root: &Path) -> Result<String> {
    let refused = |reason: &str| LabError::content(path, format!("{reason}; rename it"));
    let below = path.strip_prefix(root).map_err(|_| refused("it lies outside the data set"))?;
    let mut name = String::new();
    for part in below {
        let part = part.to_str().ok_or_else(|| refused("its name is not UTF-8"))?;
        if part.contains(['\\', '\n', '\r']) {
            return Err(refused("a backslash or line break in a name is not the same on every machine"));
        }
        if !name.is_empty() {
            name.push('/');
        }
        name.push_str(part);
    }
    Ok(name)
}

fn counts(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let left_behind = name.ends_with(".cache") || name == "Thumbs.db" || name == "desktop.ini";
    entry.depth() == 0 || !(name.starts_with('.') || (left_behind && !entry.file_type().is_dir()))
}
