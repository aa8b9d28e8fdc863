//! COCO JSON: one file for each split, or one.
//!
//! Owns the fields that are read (`FORMATS.md`): COCO's own, and `sku` and `ignore` of an annotation. Where an annotation has a
//! `sku`, its category is the container; else category names are containers if all of them are kinds of containers, else SKUs.
//!
//! Refuses: ids given twice, annotations of images or categories that are not there, images without a size or a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    Dataset, Form, LabelPlace, LabelledFacing, Photo, UNLABELLED, are_containers, ending, entries, name_below, own_name,
};
use crate::error::{LabError, Result};

/// Name of a COCO file as labelling services export it into a split's own folder.
const EXPORTED: &str = "_annotations.coco.json";

/// A COCO file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CocoFile {
    pub(crate) images: Vec<CocoImage>,
    #[serde(default)]
    pub(crate) annotations: Vec<CocoAnnotation>,
    pub(crate) categories: Vec<CocoCategory>,
}

/// An image of a COCO file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CocoImage {
    pub(crate) id: i64,
    pub(crate) file_name: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A labelled box of a COCO file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CocoAnnotation {
    pub(crate) id: i64,
    pub(crate) image_id: i64,
    pub(crate) category_id: i64,
    /// Left, top, width, height in pixels.
    pub(crate) bbox: [f64; 4],
    /// COCO's own tools need it; not read here.
    #[serde(default)]
    pub(crate) area: Option<f64>,
    #[serde(default)]
    pub(crate) iscrowd: Flag,
    #[serde(default)]
    pub(crate) ignore: Flag,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sku: Option<String>,
}

/// A category of a COCO file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CocoCategory {
    pub(crate) id: i64,
    pub(crate) name: String,
}

/// `true`, `false`, `1` or `0`; written as a number, as COCO has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Word", into = "u8")]
pub(crate) struct Flag(pub(crate) bool);

#[derive(Deserialize)]
#[serde(untagged)]
enum Word {
    Bool(bool),
    Number(u8),
    Null(()),
}

impl From<Word> for Flag {
    fn from(word: Word) -> Self {
        match word {
            Word::Bool(set) => Self(set),
            Word::Number(number) => Self(number != 0),
            Word::Null(()) => Self(false),
        }
    }
}

impl From<Flag> for u8 {
    fn from(flag: Flag) -> Self {
        flag.0.into()
    }
}

impl CocoFile {
    /// Reads a file without its unusable entries, which become faults.
    fn read(path: &Path, faults: &mut Vec<LabError>) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(LabError::file(path))?;
        let mut read: Self = serde_json::from_str(&text).map_err(|error| json(path, &error))?;
        faults.extend(read.take_faults().into_iter().map(|reason| LabError::content(path, reason)));
        Ok(read)
    }

    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self> {
        let mut read: Self = serde_json::from_str(text).map_err(|error| json(path, &error))?;
        let faults = read.take_faults();
        faults.into_iter().next().map_or(Ok(read), |reason| Err(LabError::content(path, reason)))
    }

    /// Takes out the entries that can't be used: what is wrong with each.
    fn take_faults(&mut self) -> Vec<String> {
        let (mut images, mut categories, mut annotations) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut files, mut faults) = (BTreeSet::new(), Vec::new());
        self.images.retain(|CocoImage { id, file_name, width, height }| {
            let fault = if !images.insert(*id) {
                Some(format!("images: id {id} is given twice"))
            } else if !files.insert(file_name.clone()) {
                Some(format!("images: file_name `{file_name}` is given twice"))
            } else {
                let empty = *width == 0 || *height == 0;
                empty.then(|| format!("images: id {id} ({file_name}) is {width}x{height}"))
            };
            kept(fault, &mut faults)
        });
        self.categories.retain(|CocoCategory { id, .. }| {
            let twice = !categories.insert(*id);
            kept(twice.then(|| format!("categories: id {id} is given twice")), &mut faults)
        });
        self.annotations.retain(|CocoAnnotation { id, image_id, category_id, .. }| {
            let fault = if !annotations.insert(*id) {
                Some(format!("annotations: id {id} is given twice"))
            } else if !images.contains(image_id) {
                Some(format!("annotations: id {id} is of image_id {image_id}, which is not in images"))
            } else {
                let unknown = !categories.contains(category_id);
                unknown
                    .then(|| format!("annotations: id {id} has category_id {category_id}, which is not in categories"))
            };
            kept(fault, &mut faults)
        });
        faults
    }

    /// Container and SKU of an annotation.
    pub(crate) fn classes_of(&self, annotation: &CocoAnnotation) -> (Option<String>, Option<String>) {
        let category = self.categories.iter().find(|category| category.id == annotation.category_id);
        let name = category.map(|category| category.name.clone());
        if annotation.sku.is_some() {
            return (name.filter(|name| are_containers([name.as_str()]) || name == UNLABELLED), annotation.sku.clone());
        }
        let names = self.categories.iter().map(|category| category.name.as_str()).filter(|name| *name != UNLABELLED);
        if are_containers(names) || self.annotations.iter().any(|annotation| annotation.sku.is_some()) {
            (name, None)
        } else {
            (None, name)
        }
    }
}

/// Whether there is no fault; one that is there is told.
fn kept(fault: Option<String>, faults: &mut Vec<String>) -> bool {
    let kept = fault.is_none();
    faults.extend(fault);
    kept
}

/// What is wrong with a JSON file, with its line.
pub(crate) fn json(path: &Path, error: &serde_json::Error) -> LabError {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    LabError::line(path, error.line(), format!("column {}: {reason}", error.column()))
}

/// The COCO files of a folder: at its top, in `annotations`, and in the splits' own folders.
pub(super) fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(root)? {
        if path.is_dir() {
            let annotations = path.file_name().is_some_and(|name| name == "annotations");
            let inner = if annotations { entries(&path)? } else { vec![path.join(EXPORTED)] };
            found.extend(inner.into_iter().filter(|path| path.is_file()));
        } else {
            found.push(path);
        }
    }
    found.retain(|path| ending(path) == "json" && looks_like_coco(path));
    Ok(found)
}

/// Whether a JSON file has the two lists by which COCO is known. One that can't be read has them, so that it is read and refused.
fn looks_like_coco(path: &Path) -> bool {
    let Ok(text) = fs::read_to_string(path) else { return true };
    text.contains("\"images\"") && text.contains("\"annotations\"") && text.contains("\"categories\"")
}

pub(super) fn open(root: &Path, files: &[PathBuf], faults: &mut Vec<LabError>) -> Result<Dataset> {
    let (mut photos, mut classes) = (Vec::new(), Vec::new());
    for path in files {
        let file = CocoFile::read(path, faults)?;
        let split = if files.len() > 1 || path.ends_with(EXPORTED) { split_of(path)? } else { None };
        for category in &file.categories {
            if !classes.contains(&category.name) {
                classes.push(category.name.clone());
            }
        }
        let mut by_image: BTreeMap<i64, Vec<&CocoAnnotation>> = BTreeMap::new();
        for annotation in &file.annotations {
            by_image.entry(annotation.image_id).or_default().push(annotation);
        }
        for image in &file.images {
            let Some(photo) = find(root, path, split.as_deref(), &image.file_name) else {
                let reason = format!("images: id {}: there is no photo {}", image.id, image.file_name);
                faults.push(LabError::content(path, reason));
                continue;
            };
            let labelled = by_image.get(&image.id).map(Vec::as_slice).unwrap_or_default();
            photos.push(Photo {
                name: name_below(root, &photo)?,
                path: photo,
                split: split.clone(),
                labels: Some(path.clone()),
                size: Some((image.width, image.height)),
                facings: labelled.iter().map(|annotation| facing(&file, image, annotation)).collect(),
            });
        }
    }
    let root = root.to_owned();
    Ok(Dataset { root, form: Form::Coco, photos, classes, orphans: Vec::new() })
}

fn facing(file: &CocoFile, image: &CocoImage, annotation: &CocoAnnotation) -> LabelledFacing {
    let [left, top, width, height] = annotation.bbox;
    let (w, h) = (f64::from(image.width), f64::from(image.height));
    let (container, sku) = file.classes_of(annotation);
    let container = container.filter(|container| container != UNLABELLED);
    LabelledFacing {
        cx: (left + width / 2.0) / w,
        cy: (top + height / 2.0) / h,
        w: width / w,
        h: height / h,
        container,
        sku,
        ignore: annotation.iscrowd.0 || annotation.ignore.0,
        at: LabelPlace::Annotation(annotation.id),
    }
}

/// `val` for `annotations/instances_val.json`, `val.json` and `val/_annotations.coco.json`.
fn split_of(path: &Path) -> Result<Option<String>> {
    if path.ends_with(EXPORTED) {
        return path.parent().map(own_name).transpose().map(|name| name.map(Into::into));
    }
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    Ok(Some(stem.trim_start_matches("instances_").trim_end_matches(".coco").to_owned()))
}

fn find(root: &Path, file: &Path, split: Option<&str>, name: &str) -> Option<PathBuf> {
    let beside = file.parent().unwrap_or(root);
    let split = split.unwrap_or_default();
    let places =
        [beside.to_owned(), root.to_owned(), root.join("images"), root.join("images").join(split), root.join(split)];
    let above =
        beside.parent().map(|above| [above.join("images"), above.join("images").join(split), above.join(split)]);
    places.into_iter().chain(above.into_iter().flatten()).map(|place| place.join(name)).find(|path| path.is_file())
}
