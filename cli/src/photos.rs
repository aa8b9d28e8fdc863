//! Which files a person means by the photos they name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Endings of the files that are taken from a folder. A file named itself is always tried.
const ENDINGS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// The named files, and the pictures directly in the named folders, by name. Files that start with a dot are left out.
pub fn listed(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut photos = Vec::new();
    for path in named {
        if path.is_dir() {
            let found = in_folder(path)?;
            if found.is_empty() {
                let endings = ENDINGS.join(", ");
                return Err(Failure::Nothing(format!(
                    "{}: no photos in this folder ({endings}); name a folder or file with photos",
                    path.display()
                )));
            }
            photos.extend(found);
        } else {
            photos.push(path.clone());
        }
    }
    Ok(photos)
}

/// The pictures directly in a folder, in the order of their names.
pub fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error| Failure::Nothing(format!("{}: {error}", folder.display()));
    let mut pictures = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        if !hidden && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) && path.is_file() {
            pictures.push(path);
        }
    }
    pictures.sort();
    Ok(pictures)
}
