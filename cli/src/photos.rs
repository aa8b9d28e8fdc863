//! Which files a person means by the photos they name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Endings of the files that are taken from a folder. A file named itself is always tried.
const ENDINGS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// What the named paths come to.
#[derive(Debug, Default)]
pub struct Listed {
    /// The named files, and the pictures directly in the named folders, by name.
    pub photos: Vec<PathBuf>,
    /// Named folders that gave no photo, each with the reason.
    pub barren: Vec<(PathBuf, String)>,
}

/// Finds the photos. Whether a named file is there, and is a photo, is found out when it is read.
pub fn listed(named: &[PathBuf]) -> Listed {
    let mut listed = Listed::default();
    for path in named {
        if !path.is_dir() {
            listed.photos.push(path.clone());
            continue;
        }
        match in_folder(path) {
            Ok(found) if found.is_empty() => {
                let endings = ENDINGS.join(", ");
                let reason = format!("no photos in this folder ({endings}); name a folder or file with photos");
                listed.barren.push((path.clone(), reason));
            }
            Ok(found) => listed.photos.extend(found),
            Err(error) => listed.barren.push((path.clone(), error.to_string())),
        }
    }
    listed
}

/// The pictures directly in a folder, in the order of their names. Files that start with a dot are left out.
pub fn in_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut pictures = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        if !hidden && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) && path.is_file() {
            pictures.push(path);
        }
    }
    pictures.sort();
    Ok(pictures)
}
