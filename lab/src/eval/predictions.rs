//! Stored predictions and ground truth: COCO-like JSON, in and out (`FORMATS.md`).
//!
//! Owns which prediction belongs to which photo. Predictions are COCO's list of results, with `sku` and `candidates` where they are
//! known, or the file of `shelfscan scan --json`. Refuses ids and files without a photo, photos that a scan left out, and numbers
//! that are none.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::result::{CandidateEntry, DataEntry, Found, JudgedBundle, Naming};
use super::truth::{countable, sha256, sound};
use super::{Detections, Extent, GroundTruth, TruthLabel, TruthPhoto, WeakDetection};
use crate::dataset::{CocoAnnotation, CocoCategory, CocoFile, CocoImage, Flag, UNLABELLED, json_fault};
use crate::error::{LabError, Result};

/// Predictions for the photos of a ground truth.
#[derive(Clone, Debug)]
pub struct Predictions {
    /// In the order of the ground truth's photos.
    pub photos: Vec<Detections>,
    /// Which bundle gave them, where the file says so.
    pub bundle: Option<JudgedBundle>,
}

/// A COCO result.
#[derive(Serialize, Deserialize)]
struct Prediction {
    image_id: i64,
    category_id: i64,
    /// Left, top, width, height.
    bbox: [f64; 4],
    score: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    margin: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<CandidateEntry>,
}

/// The parts of a scan's file that are judged.
#[derive(Deserialize)]
struct Scans {
    photos: Vec<Scan>,
    #[serde(default)]
    failed: Vec<Failed>,
}

#[derive(Deserialize)]
struct Scan {
    file: String,
    width: u32,
    height: u32,
    bundle: JudgedBundle,
    facings: Vec<Found>,
}

#[derive(Deserialize)]
struct Failed {
    file: String,
    error: String,
}

/// What a file of ground truth gives besides labels: its photos' ids and its categories' names.
#[derive(Clone, Debug)]
pub struct Ids {
    images: BTreeMap<i64, usize>,
    categories: BTreeMap<i64, String>,
}

impl GroundTruth {
    /// Reads a COCO file. No photo has to be there.
    pub fn read(path: &Path) -> Result<(Self, Ids)> {
        let text = fs::read_to_string(path).map_err(LabError::file(path))?;
        let file = CocoFile::parse(&text, path)?;
        if file.images.is_empty() {
            return Err(LabError::content(path, "images: no photos to judge on"));
        }
        let mut by_image: BTreeMap<i64, Vec<&CocoAnnotation>> = BTreeMap::new();
        for annotation in &file.annotations {
            by_image.entry(annotation.image_id).or_default().push(annotation);
        }
        let mut named: Vec<&CocoImage> = file.images.iter().collect();
        named.sort_by(|a, b| a.file_name.cmp(&b.file_name));
        let mut photos = Vec::with_capacity(named.len());
        let mut images = BTreeMap::new();
        for image in named {
            images.insert(image.id, photos.len());
            let mut labels = Vec::new();
            for annotation in by_image.get(&image.id).into_iter().flatten() {
                let [left, top, width, height] = annotation.bbox;
                let id = annotation.id;
                let (container, sku) = file.classes_of(annotation);
                labels.push(TruthLabel {
                    extent: Extent::Pixels([left, top, left + width, top + height]),
                    container: container.filter(|container| container != UNLABELLED),
                    sku,
                    ignore: annotation.iscrowd.0 || annotation.ignore.0,
                    at: format!("{}: annotation {id}", path.display()),
                    added: false,
                });
            }
            sound(&labels, (image.width, image.height))?;
            let (name, file) = (image.file_name.clone(), image.file_name.as_str().into());
            photos.push(TruthPhoto { name, path: file, size: Some((image.width, image.height)), labels });
        }
        let data = DataEntry {
            name: path.display().to_string(),
            split: None,
            photos: photos.len() as u32,
            facings: countable(&photos),
            sha256: sha256(text.as_bytes()),
            additions: None,
        };
        let categories = file.categories.into_iter().map(|category| (category.id, category.name)).collect();
        Ok((Self { photos, data }, Ids { images, categories }))
    }

    /// The ground truth as a COCO file, for photos of these sizes; `kinds` are the detector's.
    pub fn to_coco(&self, sizes: &[(u32, u32)], kinds: &[String]) -> serde_json::Result<String> {
        let categories = categories(kinds);
        let (mut images, mut annotations) = (Vec::new(), Vec::new());
        for (id, (photo, &size)) in (1..).zip(self.photos.iter().zip(sizes)) {
            images.push(CocoImage { id, file_name: photo.name.clone(), width: size.0, height: size.1 });
            for label in &photo.labels {
                let [left, top, right, bottom] = label.extent.pixels(size);
                annotations.push(CocoAnnotation {
                    id: annotations.len() as i64 + 1,
                    image_id: id,
                    category_id: category(&categories, label.container.as_deref().unwrap_or(UNLABELLED)),
                    bbox: [left, top, right - left, bottom - top],
                    area: Some((right - left) * (bottom - top)),
                    iscrowd: Flag(label.ignore),
                    ignore: Flag(label.ignore),
                    sku: label.sku.clone(),
                });
            }
        }
        serde_json::to_string(&CocoFile { images, annotations, categories })
    }
}

/// Detections as a COCO list of results, with the ids of [`GroundTruth::to_coco`].
pub fn to_coco_results(photos: &[Detections], kinds: &[String]) -> serde_json::Result<String> {
    let categories = categories(kinds);
    let mut predictions = Vec::new();
    for (image_id, photo) in (1..).zip(photos) {
        let mut add = |rect: [f64; 4], container: &str, score: f64, naming: Naming| {
            let bbox = [rect[0], rect[1], rect[2] - rect[0], rect[3] - rect[1]];
            let category_id = category(&categories, container);
            let Naming { sku, margin, candidates } = naming;
            predictions.push(Prediction { image_id, category_id, bbox, score, sku, margin, candidates });
        };
        photo.facings.iter().for_each(|found| add(found.rect, &found.container, found.score, found.naming.clone()));
        photo.weaker.iter().for_each(|weak| add(weak.rect, &weak.container, weak.score, Naming::default()));
    }
    serde_json::to_string(&predictions)
}

fn categories(kinds: &[String]) -> Vec<CocoCategory> {
    let names = kinds.iter().map(String::as_str).chain([UNLABELLED]);
    (1..).zip(names).map(|(id, name)| CocoCategory { id, name: name.into() }).collect()
}

/// A kind that the detector doesn't have can't be found; its labels have no kind.
fn category(categories: &[CocoCategory], name: &str) -> i64 {
    let found = categories.iter().find(|category| category.name == name).or(categories.last());
    found.map_or(0, |category| category.id)
}

impl Predictions {
    /// Reads the predictions for `truth`; what scores `confidence` or more is a facing.
    pub fn read(path: &Path, truth: &GroundTruth, ids: &Ids, confidence: f64) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(LabError::file(path))?;
        if text.trim_start().starts_with('{') {
            let scans: Scans = serde_json::from_str(&text).map_err(|error| json_fault(path, &error))?;
            of_scans(path, scans, truth, confidence)
        } else {
            let results: Vec<Prediction> = serde_json::from_str(&text).map_err(|error| json_fault(path, &error))?;
            of_results(path, results, truth, ids, confidence)
        }
    }
}

fn of_results(
    path: &Path,
    results: Vec<Prediction>,
    truth: &GroundTruth,
    ids: &Ids,
    confidence: f64,
) -> Result<Predictions> {
    let empty = |photo: &TruthPhoto| Detections {
        size: photo.size.unwrap_or_default(),
        facings: Vec::new(),
        weaker: Vec::new(),
        true_boxes: Vec::new(),
    };
    let mut photos: Vec<Detections> = truth.photos.iter().map(empty).collect();
    for (entry, prediction) in results.into_iter().enumerate() {
        let refused = |reason: String| LabError::content(path, format!("entry {entry}: {reason}"));
        let Prediction { image_id, category_id, bbox: [left, top, width, height], score, sku, margin, candidates } =
            prediction;
        let photo = ids.images.get(&image_id).and_then(|&at| photos.get_mut(at));
        let photo = photo.ok_or_else(|| refused(format!("image_id {image_id} is not in the ground truth")))?;
        let container = ids.categories.get(&category_id).cloned();
        let container =
            container.ok_or_else(|| refused(format!("category_id {category_id} is not in the ground truth")))?;
        if width <= 0.0 || height <= 0.0 || !(0.0..=1.0).contains(&score) {
            return Err(refused(format!("a box {width} wide and {height} high with score {score}; scores are 0 to 1")));
        }
        let rect = [left, top, left + width, top + height];
        if score >= confidence {
            let naming = Naming { sku, margin, candidates };
            photo.facings.push(Found { rect, container, score, naming, row: 0 });
        } else {
            photo.weaker.push(WeakDetection { rect, container, score });
        }
    }
    for photo in &mut photos {
        let rows = super::judge::rows(&photo.facings.iter().map(|found| found.rect).collect::<Vec<_>>());
        photo.facings.iter_mut().zip(rows).for_each(|(found, row)| found.row = row);
    }
    Ok(Predictions { photos, bundle: None })
}

fn of_scans(path: &Path, scans: Scans, truth: &GroundTruth, confidence: f64) -> Result<Predictions> {
    let mut by_photo: BTreeMap<usize, Scan> = BTreeMap::new();
    for scan in scans.photos {
        let file = scan.file.replace('\\', "/");
        let names =
            |name: &str| file == name || file.ends_with(&format!("/{name}")) || name.ends_with(&format!("/{file}"));
        let mut at = truth.photos.iter().enumerate().filter(|(_, photo)| names(&photo.name));
        let (Some((at, photo)), None) = (at.next(), at.next()) else {
            return Err(LabError::content(path, format!("`{}` is not one photo of the ground truth", scan.file)));
        };
        if photo.size.is_some_and(|size| size != (scan.width, scan.height)) {
            let reason = format!("`{}` is {}x{}, not so in the ground truth", scan.file, scan.width, scan.height);
            return Err(LabError::content(path, reason));
        }
        if by_photo.insert(at, scan).is_some() {
            return Err(LabError::content(path, format!("photo `{}` was scanned twice", photo.name)));
        }
    }
    let mut photos = Vec::with_capacity(truth.photos.len());
    let mut bundle = None;
    for (at, photo) in truth.photos.iter().enumerate() {
        let Some(Scan { width, height, facings, bundle: by, .. }) = by_photo.remove(&at) else {
            let why = scans.failed.iter().find(|failed| failed.file.ends_with(&photo.name));
            let why = why.map(|failed| format!(": {}", failed.error)).unwrap_or_default();
            return Err(LabError::content(path, format!("photo `{}` was not scanned{why}", photo.name)));
        };
        bundle = Some(by);
        let (facings, weak): (Vec<Found>, Vec<Found>) =
            facings.into_iter().partition(|found| found.score >= confidence);
        let weaker =
            weak.into_iter().map(|Found { rect, container, score, .. }| WeakDetection { rect, container, score });
        let weaker = weaker.collect();
        photos.push(Detections { size: (width, height), facings, weaker, true_boxes: Vec::new() });
    }
    Ok(Predictions { photos, bundle })
}
