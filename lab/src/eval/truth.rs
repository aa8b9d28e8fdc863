//! What is on the photos: labels fit to be judged on.
//!
//! Owns the choice of a split, the additions' place among the labels, and the hash of what was judged on. Refuses labels without
//! area or off the photo, label files without a photo, and SKUs that the bundle doesn't know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Additions;
use super::result::{AdditionsEntry, DataEntry};
use crate::dataset::{Dataset, Photo, UNKNOWN};
use crate::error::{LabError, Result};
use crate::hash::Version;

/// Photos to judge on.
#[derive(Clone, Debug)]
pub struct GroundTruth {
    /// By name.
    pub photos: Vec<TruthPhoto>,
    /// What they are, for the result.
    pub data: DataEntry,
}

/// A photo and its labels.
#[derive(Clone, Debug)]
pub struct TruthPhoto {
    /// Below the data set's folder.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Upright pixels, where the labels say so.
    pub size: Option<(u32, u32)>,
    /// The labels.
    pub labels: Vec<TruthLabel>,
}

/// A label.
#[derive(Clone, Debug)]
pub struct TruthLabel {
    /// Where it is.
    pub extent: Extent,
    /// Kind of container, where labelled.
    pub container: Option<String>,
    /// SKU, where labelled.
    pub sku: Option<String>,
    /// A region where detections are neither right nor wrong.
    pub ignore: bool,
    /// File and line.
    pub at: String,
    /// Whether it comes from the additions.
    pub added: bool,
}

/// A label's box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Extent {
    /// Centre, width and height as shares of the upright photo's sides.
    Shares([f64; 4]),
    /// Left, top, right, bottom in upright pixels.
    Pixels([f64; 4]),
}

impl Extent {
    /// Left, top, right, bottom in pixels of a photo of this size.
    pub fn pixels(&self, (width, height): (u32, u32)) -> [f64; 4] {
        let (width, height) = (f64::from(width), f64::from(height));
        match *self {
            Self::Shares([cx, cy, w, h]) => {
                [(cx - w / 2.0) * width, (cy - h / 2.0) * height, (cx + w / 2.0) * width, (cy + h / 2.0) * height]
            }
            Self::Pixels(rect) => rect,
        }
    }
}

impl GroundTruth {
    /// The photos of a split (all photos where it is none), with the additions.
    pub fn of(dataset: &Dataset, split: Option<&str>, additions: Option<&Additions>) -> Result<Self> {
        if let Some(orphan) = dataset.orphans.first() {
            let others = match dataset.orphans.len() - 1 {
                0 => String::new(),
                others => format!(", nor have {others} others"),
            };
            return Err(LabError::content(
                orphan,
                format!("these labels have no photo{others}; add it or remove them"),
            ));
        }
        let chosen: Vec<&Photo> = match split {
            Some(split) => dataset.photos.iter().filter(|photo| photo.split.as_deref() == Some(split)).collect(),
            None => dataset.photos.iter().collect(),
        };
        if chosen.is_empty() {
            let splits = dataset.splits().join(", ");
            let reason = format!("no photos in split `{}`; it has {splits}", split.unwrap_or_default());
            return Err(LabError::content(&dataset.root, reason));
        }
        let mut photos = Vec::with_capacity(chosen.len());
        for photo in &chosen {
            let mut labels = Vec::with_capacity(photo.facings.len());
            for facing in &photo.facings {
                labels.push(TruthLabel {
                    extent: Extent::Shares([facing.cx, facing.cy, facing.w, facing.h]),
                    container: facing.container.clone(),
                    sku: facing.sku.clone(),
                    ignore: facing.ignore,
                    at: photo.place(facing),
                    added: false,
                });
            }
            sound(&labels, (1, 1))?;
            let (name, path) = (photo.name.clone(), photo.path.clone());
            photos.push(TruthPhoto { name, path, size: photo.size, labels });
        }
        let additions = additions.map(|additions| additions.apply(&mut photos)).transpose()?;
        let data = DataEntry {
            name: dataset.root.display().to_string(),
            split: split.map(Into::into),
            photos: photos.len() as u32,
            facings: countable(&photos),
            sha256: digest(&dataset.root, &chosen)?,
            additions,
        };
        Ok(Self { photos, data })
    }

    /// The SKUs labelled that are not among `known`, each with the place of a label. `unknown` is none.
    pub fn unlisted<'a>(&self, known: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, String> {
        let known: BTreeSet<&str> = known.into_iter().chain([UNKNOWN]).collect();
        let mut unlisted = BTreeMap::new();
        for label in self.photos.iter().flat_map(|photo| &photo.labels).filter(|label| !label.ignore) {
            if let Some(sku) = label.sku.as_deref().filter(|sku| !known.contains(sku)) {
                unlisted.entry(sku.to_owned()).or_insert_with(|| label.at.clone());
            }
        }
        unlisted
    }

    /// Takes these SKUs for drinks outside the list.
    pub fn take_for_unknown(&mut self, skus: &BTreeMap<String, String>) {
        for label in self.photos.iter_mut().flat_map(|photo| &mut photo.labels) {
            if label.sku.as_ref().is_some_and(|sku| skus.contains_key(sku)) {
                label.sku = Some(UNKNOWN.into());
            }
        }
    }
}

/// Sides of a box in sides of its photo, at most: labelling tools round.
const LARGEST: f64 = 1.02;

/// Labels that are no ignored regions.
pub(super) fn countable(photos: &[TruthPhoto]) -> u32 {
    photos.iter().flat_map(|photo| &photo.labels).filter(|label| !label.ignore).count() as u32
}

/// Refuses labels that would make a figure wrong, naming the first: boxes that are none, that lie outside a photo of this size
/// or are larger than it, and the same facing labelled twice.
pub(super) fn sound(labels: &[TruthLabel], size: (u32, u32)) -> Result<()> {
    let mut seen: Vec<[f64; 4]> = Vec::with_capacity(labels.len());
    for label in labels {
        let extent = label.extent.pixels(size);
        let twice = || (!label.ignore && seen.contains(&extent)).then(|| "the same box is labelled twice".to_owned());
        if let Some(fault) = fault(extent, size).or_else(twice) {
            let reason = format!("{fault}; mend it (`shelfscan dataset check` lists all such labels)");
            return Err(LabError::content(Path::new(&label.at), reason));
        }
        seen.extend((!label.ignore).then_some(extent));
    }
    Ok(())
}

fn fault(extent: [f64; 4], (width, height): (u32, u32)) -> Option<String> {
    let [left, top, right, bottom] = extent;
    let (width, height) = (f64::from(width), f64::from(height));
    let (wide, high) = ((right - left) / width, (bottom - top) / height);
    if !extent.iter().all(|number| number.is_finite()) {
        return Some(format!("the box {left} {top} {right} {bottom} is not finite"));
    }
    if wide <= 0.0 || high <= 0.0 {
        return Some(format!("the box is {wide:.3} of the photo wide and {high:.3} high"));
    }
    if right <= 0.0 || bottom <= 0.0 || left >= width || top >= height {
        return Some("the box lies outside the photo".into());
    }
    (wide > LARGEST || high > LARGEST)
        .then(|| format!("the box is {wide:.2} times as wide as the photo, {high:.2} as high"))
}

/// The hash of the photos and label files judged on, as `shelfscan dataset hash` makes it of a folder.
fn digest(root: &Path, photos: &[&Photo]) -> Result<String> {
    let files = photos.iter().flat_map(|photo| [Some(photo.path.as_path()), photo.labels.as_deref()]).flatten();
    let name = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    let names: BTreeSet<String> = files.map(name).collect();
    Ok(Version::of_files(root, &names.into_iter().collect::<Vec<_>>(), || {})?.sha256)
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl AdditionsEntry {
    pub(super) fn of(path: &Path, bytes: &[u8]) -> Self {
        Self { file: path.display().to_string(), sha256: sha256(bytes), drinks: 0, ignored: 0 }
    }
}
