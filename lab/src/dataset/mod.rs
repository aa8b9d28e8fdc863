//! Data sets as they come: photos with labelled facings.
//!
//! Owns which form a folder has and how each is read: Ultralytics YOLO (`data.yaml`, or `images` and `labels` alone), COCO JSON,
//! ImageFolder (a folder of pictures for each SKU), and two lines of words, `SKU CONTAINER cx cy w h` and `CONTAINER cx cy w h`.
//!
//! Refuses: numbers that are none, class numbers and ids without an entry, names that are not UTF-8, photos that share a label
//! file, folders without photos; each by file and line. Says nothing of a box outside its photo or without area, which a check
//! reports, and opens no picture.

mod coco;
mod folder;
mod lines;
mod yolo;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{LabError, Result};

pub(crate) use coco::{CocoAnnotation, CocoCategory, CocoFile, CocoImage, Flag, json as json_fault};

/// SKU of a drink outside the SKU list.
pub const UNKNOWN: &str = "unknown";
/// Stands for a container that is not labelled.
pub(crate) const UNLABELLED: &str = "-";
/// Class names that say what a thing is in, not which product it is.
const CONTAINERS: [&str; 4] = ["bottle", "can", "glass", "unknown_container"];
/// Endings of the files that are photos.
const ENDINGS: [&str; 6] = ["jpg", "jpeg", "png", "webp", "bmp", "gif"];

/// How a data set is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `images/SPLIT`, `labels/SPLIT`, lines of `CLASS cx cy w h` with a class number.
    Yolo,
    /// A COCO JSON file for each split, or one.
    Coco,
    /// `SPLIT/SKU/*.jpg` or `SKU/*.jpg`.
    ImageFolder,
    /// As YOLO, with lines of `SKU CONTAINER cx cy w h`.
    SkuLines,
    /// As YOLO, with lines of `CONTAINER cx cy w h`.
    ContainerLines,
}

/// A data set.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Its folder.
    pub root: PathBuf,
    /// How it is laid out.
    pub form: Form,
    /// The photos, by name.
    pub photos: Vec<Photo>,
    /// Class names that the data set lists, in its order; empty where its form has no list.
    pub classes: Vec<String>,
    /// Label files without a photo.
    pub orphans: Vec<PathBuf>,
}

/// A photo with what is labelled on it.
#[derive(Clone, Debug)]
pub struct Photo {
    /// Its path below the data set's folder, with `/` on every system. A photo outside the folder has its whole path.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// `train`, `val`, `test` or whatever the data set calls it; none where it has no splits.
    pub split: Option<String>,
    /// The file with its labels; none for ImageFolder, and in YOLO for a photo without one, which shows background only.
    pub labels: Option<PathBuf>,
    /// Width and height in upright pixels, where the labels say so (COCO).
    pub size: Option<(u32, u32)>,
    /// What is labelled.
    pub facings: Vec<LabelledFacing>,
}

/// A labelled container, in shares of the upright photo's width and height.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledFacing {
    /// Centre, share of the width.
    pub cx: f64,
    /// Centre, share of the height.
    pub cy: f64,
    /// Share of the width.
    pub w: f64,
    /// Share of the height.
    pub h: f64,
    /// `bottle`, `can`, ...; none where it is not labelled.
    pub container: Option<String>,
    /// The SKU; [`UNKNOWN`] is a drink outside the list, none is not labelled.
    pub sku: Option<String>,
    /// A region where a detection is neither right nor wrong (COCO's crowd and ignore).
    pub ignore: bool,
    /// Where its label stands.
    pub at: LabelPlace,
}

/// Where a label stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelPlace {
    /// Line of the label file, from 1.
    Line(usize),
    /// Id of the annotation in the COCO file.
    Annotation(i64),
    /// The folder's name says it (ImageFolder).
    Folder,
}

impl Dataset {
    /// Reads the data set at `root`: a folder, its `data.yaml`, or a COCO file.
    ///
    /// # Errors
    /// Names the file and line; see the module for what is refused.
    pub fn open(root: &Path) -> Result<Self> {
        let (found, faults) = Self::open_with_faults(root)?;
        faults.into_iter().next().map_or(Ok(found), Err)
    }

    /// As [`Dataset::open`], but goes on after a label, label file or photo that can't be used, and gives what is wrong with each
    /// beside what is left.
    ///
    /// # Errors
    /// What concerns the whole: no data set, no photos, a `data.yaml` or COCO file that can't be read, names that are not UTF-8.
    pub fn open_with_faults(root: &Path) -> Result<(Self, Vec<LabError>)> {
        let metadata = fs::metadata(root).map_err(|error| match error.kind() {
            ErrorKind::NotFound => LabError::content(root, "there is no such folder; give the folder of a data set"),
            _ => LabError::file(root)(error),
        })?;
        let mut faults = Vec::new();
        let mut found = match metadata.is_file() {
            true => open_file(root, &mut faults)?,
            false => open_folder(root, &mut faults)?,
        };
        if found.photos.is_empty() {
            let endings = ENDINGS.join(", ");
            let none = LabError::content(root, format!("no photos ({endings}); name a data set's folder"));
            return Err(faults.into_iter().next().unwrap_or(none));
        }
        found.photos.sort_by(|a, b| a.name.cmp(&b.name));
        found.orphans.sort();
        Ok((found, faults))
    }

    /// Names of the splits, in alphabetical order.
    pub fn splits(&self) -> Vec<&str> {
        let mut splits: Vec<&str> = self.photos.iter().filter_map(|photo| photo.split.as_deref()).collect();
        splits.sort_unstable();
        splits.dedup();
        splits
    }
}

impl Photo {
    /// File and line of a label, for messages.
    pub fn place(&self, facing: &LabelledFacing) -> String {
        let file = self.labels.as_deref().unwrap_or(&self.path).display();
        match facing.at {
            LabelPlace::Line(line) => format!("{file}:{line}"),
            LabelPlace::Annotation(id) => format!("{file}: annotation {id}"),
            LabelPlace::Folder => file.to_string(),
        }
    }
}

fn open_file(path: &Path, faults: &mut Vec<LabError>) -> Result<Dataset> {
    let root = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match ending(path).as_str() {
        "yaml" | "yml" => yolo::open_config(root, path, faults),
        "json" => coco::open(root, &[path.into()], faults),
        _ => Err(LabError::content(path, "a data set is a folder, a data.yaml or a COCO JSON file")),
    }
}

fn open_folder(root: &Path, faults: &mut Vec<LabError>) -> Result<Dataset> {
    for name in ["data.yaml", "data.yml", "dataset.yaml"] {
        let path = root.join(name);
        if path.is_file() {
            return yolo::open_config(root, &path, faults);
        }
    }
    let annotations = coco::files(root)?;
    if !annotations.is_empty() {
        return coco::open(root, &annotations, faults);
    }
    if root.join("images").is_dir() && root.join("labels").is_dir() {
        return lines::open(root, faults);
    }
    folder::open(root)
}

/// What class names without further word mean: containers if all of them are kinds of containers, else SKUs.
fn are_containers<'a>(names: impl IntoIterator<Item = &'a str>) -> bool {
    names.into_iter().all(|name| CONTAINERS.contains(&name))
}

/// Entries of a folder without hidden ones, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(LabError::file(folder))? {
        let path = entry.map_err(LabError::file(folder))?.path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            entries.push(path);
        }
    }
    entries.sort();
    Ok(entries)
}

/// Photos directly in a folder, by name.
fn photos_in(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|path| is_photo(path) && path.is_file()).collect())
}

fn is_photo(path: &Path) -> bool {
    ENDINGS.contains(&ending(path).as_str())
}

fn ending(path: &Path) -> String {
    path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// A file or folder's own name.
fn own_name(path: &Path) -> Result<&str> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_str().ok_or_else(|| LabError::content(path, "its name is not UTF-8; rename it"))
}

/// `path` below `root`, with `/` on every system.
fn name_below(root: &Path, path: &Path) -> Result<String> {
    let below = path.strip_prefix(root).unwrap_or(path);
    let mut name = String::new();
    for part in below.components() {
        let part = part.as_os_str().to_str();
        let part = part.ok_or_else(|| LabError::content(path, "its name is not UTF-8; rename it"))?;
        if !name.is_empty() && !name.ends_with('/') {
            name.push('/');
        }
        name.push_str(part);
    }
    Ok(name)
}

/// A number of a label line.
fn number(word: &str, what: &str) -> std::result::Result<f64, String> {
    match word.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(format!("{what} is {word}, but must be a finite number")),
        Err(_) => Err(format!("{what} is `{word}`, which is not a number")),
    }
}
