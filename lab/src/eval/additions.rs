//! Reviewed missing labels: drinks that nobody labelled, and regions not to judge.
//!
//! Owns the file's form (`FORMATS.md`). Refuses photos that are not judged on, and boxes without area or off the photo.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::result::AdditionsEntry;
use super::{Extent, TruthLabel, TruthPhoto};
use crate::dataset::json_fault;
use crate::error::{LabError, Result};

/// A file of additions.
#[derive(Clone, Debug)]
pub struct Additions {
    path: PathBuf,
    file: File,
    entry: AdditionsEntry,
}

#[derive(Clone, Debug, Deserialize)]
struct File {
    photos: BTreeMap<String, Vec<Addition>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Addition {
    #[serde(rename = "box")]
    rect: [f64; 4],
    is: Kind,
    container: Option<String>,
    sku: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Drink,
    Ignore,
}

impl Additions {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(LabError::file(path))?;
        let file: File = serde_json::from_slice(&bytes).map_err(|error| json_fault(path, &error))?;
        for (photo, additions) in &file.photos {
            for (at, Addition { rect, .. }) in additions.iter().enumerate() {
                let [left, top, right, bottom] = *rect;
                if left >= right || top >= bottom || right <= 0.0 || bottom <= 0.0 {
                    let reason = format!("photos: {photo}: entry {at}: the box {rect:?} has no area on the photo");
                    return Err(LabError::content(
                        path,
                        format!("{reason}; it is [left, top, right, bottom] in pixels"),
                    ));
                }
            }
        }
        Ok(Self { path: path.into(), file, entry: AdditionsEntry::of(path, &bytes) })
    }

    /// Adds the labels to the photos, which are named by the end of their path.
    pub(super) fn apply(&self, photos: &mut [TruthPhoto]) -> Result<AdditionsEntry> {
        let mut entry = self.entry.clone();
        for (name, additions) in &self.file.photos {
            let mut named =
                photos.iter_mut().filter(|photo| photo.name == *name || photo.name.ends_with(&format!("/{name}")));
            let (Some(photo), None) = (named.next(), named.next()) else {
                let reason =
                    format!("photos: `{name}` is not one of the photos judged on; name it as its file is named");
                return Err(LabError::content(&self.path, reason));
            };
            for (at, addition) in additions.iter().enumerate() {
                let ignore = addition.is == Kind::Ignore;
                if ignore {
                    entry.ignored += 1
                } else {
                    entry.drinks += 1
                }
                photo.labels.push(TruthLabel {
                    extent: Extent::Pixels(addition.rect),
                    container: addition.container.clone(),
                    sku: addition.sku.clone(),
                    ignore,
                    at: format!("{}: {name}: entry {at}", self.path.display()),
                    added: true,
                });
            }
        }
        Ok(entry)
    }
}
