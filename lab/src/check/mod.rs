//! What will hurt training, and the figures made with it.
//!
//! Owns what is looked for, how bad each kind is, and the order in which it is told: faults, which make a label or a figure
//! wrong, before warnings, which a person has to judge. Each finding says where it stands and what is wrong with it.
//!
//! Refuses: mending anything.

mod boxes;
mod classes;
mod mislabelled;
mod report;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::dataset::{Dataset, Form, Photo};
use crate::hash::counts;
use crate::photos::Seen;
use crate::{LabError, Result, near};

pub use mislabelled::mislabelled;
pub use report::html;

/// What a check asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckOptions {
    /// Pictures that training needs of a SKU: facings, or whole pictures in folders of SKUs.
    pub min_images_per_sku: u64,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self { min_images_per_sku: 300 }
    }
}

/// The part of a training config that a check reads.
#[derive(Deserialize)]
struct Config {
    data: Option<ConfigData>,
}

#[derive(Deserialize)]
struct ConfigData {
    min_images_per_sku: Option<u64>,
}

impl CheckOptions {
    /// Takes `data.min_images_per_sku` from a training config (YAML); the default where it is not set.
    ///
    /// # Errors
    /// A file that can't be read, or a value that is no whole number.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(LabError::file(path))?;
        let config: Config = serde_saphyr::from_str(&text).map_err(|error| {
            let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
            LabError::content(path, reason)
        })?;
        let set = config.data.and_then(|data| data.min_images_per_sku);
        Ok(set.map_or_else(Self::default, |min_images_per_sku| Self { min_images_per_sku }))
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A label or a figure is wrong.
    Fault,
    /// A person has to judge.
    Warning,
}

/// What is found, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A label, label file or photo that can't be used.
    Unusable,
    /// A picture that can't be decoded.
    Unreadable,
    /// A label file says another size than the picture has.
    WrongSize,
    /// Photos of different splits that look nearly the same.
    NearDuplicate,
    /// A box that leaves its photo.
    Outside,
    /// A box of less than a pixel.
    ZeroBox,
    /// Two boxes in one place.
    DoubledBox,
    /// A class that is tested but not trained.
    NotTrained,
    /// A crop that looks like another SKU.
    Mislabelled,
    /// A box of nearly the whole photo.
    HugeBox,
    /// A photo without a label file, where that is allowed.
    Unlabelled,
    /// A class that a split has nothing of.
    NotTested,
    /// A SKU with few pictures.
    FewImages,
    /// A class with many more or fewer facings than others.
    Imbalance,
    /// A label file without a photo.
    Orphan,
}

impl Kind {
    /// How bad it is.
    pub fn severity(self) -> Severity {
        if self < Self::Mislabelled { Severity::Fault } else { Severity::Warning }
    }

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Unusable => "labels that can't be used",
            Self::Unreadable => "unreadable pictures",
            Self::WrongSize => "sizes that aren't the pictures'",
            Self::NearDuplicate => "near-duplicates across splits",
            Self::Outside => "boxes outside their photo",
            Self::ZeroBox => "boxes without area",
            Self::DoubledBox => "doubled boxes",
            Self::NotTrained => "classes missing in train",
            Self::Mislabelled => "probably mislabelled",
            Self::HugeBox => "huge boxes",
            Self::Unlabelled => "photos without labels",
            Self::NotTested => "classes missing in a split",
            Self::FewImages => "SKUs with few pictures",
            Self::Imbalance => "class imbalance",
            Self::Orphan => "labels without a photo",
        }
    }

    /// What it does, and what to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Unusable => {
                "Training stops at them or leaves them out, and everything else here is told without them. Mend each."
            }
            Self::Unreadable => "Training skips or fails on them. Copy them again, or remove them with their labels.",
            Self::WrongSize => {
                "Every box of such a photo is in the wrong place. Export the labels again from these pictures."
            }
            Self::NearDuplicate => {
                "What was seen in training tells nothing in a test: figures are too good. Split again with `shelfscan dataset \
                 split`, which keeps them together, or remove one of each pair."
            }
            Self::Outside => "Such a box teaches a wrong size or place. Clip or redraw it.",
            Self::ZeroBox => {
                "Nothing can be learnt from it, and some trainers divide by its area. Redraw or delete it."
            }
            Self::DoubledBox => {
                "One facing is counted twice, and a right detection looks like a miss. Delete one; where the SKUs differ, find \
                 out which is right."
            }
            Self::NotTrained => "No model can know them. Split again, stratified, or add photos to train.",
            Self::Mislabelled => {
                "The most similar crops of other photos agree on another SKU. Look at each beside its neighbours: wrong \
                 labels cost more accuracy than missing ones."
            }
            Self::HugeBox => "A box of nearly the whole photo is mostly a slip of the hand, or a label for the photo.",
            Self::Unlabelled => {
                "Training takes them for background. Where something stands on one, the model learns not to see it: label it. Where \
                 nothing does, an empty label file says so."
            }
            Self::NotTested => "Figures say nothing about these classes. Split again, stratified, or add photos.",
            Self::FewImages => "Few pictures make a SKU hard to tell from others. Take more, in other shops and light.",
            Self::Imbalance => {
                "The model prefers what it sees most. Collect more of the rare, or sample classes evenly in training."
            }
            Self::Orphan => "The photo is missing, or has another name. Nothing of these labels is used.",
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// File, line or class.
    pub place: String,
    /// What is wrong with it.
    pub what: String,
    /// Pictures of it.
    pub shown: Vec<Shown>,
}

/// A picture of a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The photo.
    pub photo: PathBuf,
    /// Boxes on it: left, top, right, bottom in shares of the upright photo.
    pub boxes: Vec<[f64; 4]>,
    /// Whether only the boxes and what is around them are shown.
    pub close: bool,
    /// What it is.
    pub caption: String,
}

impl Shown {
    fn whole(photo: &Photo, boxes: Vec<[f64; 4]>) -> Self {
        Self { photo: photo.path.clone(), boxes, close: false, caption: photo.name.clone() }
    }
}

/// Checks a data set that was read with these faults ([`Dataset::open_with_faults`]) and whose photos were looked at. The findings
/// are in the order of [`Kind`], each kind in that of the photos.
pub fn check(
    dataset: &Dataset,
    faults: &[LabError],
    seen: &[std::result::Result<Seen, String>],
    options: &CheckOptions,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = faults.iter().map(|fault| unusable(dataset, fault)).collect();
    for photo in dataset.photos.iter().filter(|photo| dataset.form == Form::Yolo && photo.labels.is_none()) {
        findings.push(Finding {
            kind: Kind::Unlabelled,
            place: photo.name.clone(),
            what: "no label file: background, or forgotten?".into(),
            shown: vec![Shown::whole(photo, Vec::new())],
        });
    }
    for (photo, seen) in dataset.photos.iter().zip(seen) {
        match seen {
            Err(reason) => findings.push(Finding {
                kind: Kind::Unreadable,
                place: photo.name.clone(),
                what: reason.clone(),
                shown: Vec::new(),
            }),
            Ok(seen) => boxes::check(dataset.form, photo, seen.size, &mut findings),
        }
    }
    near_duplicates(dataset, seen, &mut findings);
    classes::check(&counts(dataset), options, &mut findings);
    for orphan in &dataset.orphans {
        let place = name_of(dataset, orphan);
        findings.push(Finding { kind: Kind::Orphan, place, what: "no photo has its name".into(), shown: Vec::new() });
    }
    findings.sort_by_key(|finding| finding.kind);
    findings
}

fn unusable(dataset: &Dataset, fault: &LabError) -> Finding {
    let (place, what) = match fault {
        LabError::Line { path, line, reason } => (format!("{}, line {line}", name_of(dataset, path)), reason.clone()),
        LabError::Content { path, reason } => (name_of(dataset, path), reason.clone()),
        LabError::File { path, source } => (name_of(dataset, path), source.to_string()),
        other => (dataset.root.display().to_string(), other.to_string()),
    };
    Finding { kind: Kind::Unusable, place, what, shown: Vec::new() }
}

fn name_of(dataset: &Dataset, path: &Path) -> String {
    crate::files::name_of(path, &dataset.root).unwrap_or_else(|_| path.display().to_string())
}

fn near_duplicates(dataset: &Dataset, seen: &[std::result::Result<Seen, String>], findings: &mut Vec<Finding>) {
    let looks: Vec<_> = seen.iter().map(|seen| seen.as_ref().ok().map(|seen| seen.look.clone())).collect();
    for (a, b) in near::pairs(&looks) {
        let (a, b) = (&dataset.photos[a], &dataset.photos[b]);
        if a.split != b.split {
            findings.push(Finding {
                kind: Kind::NearDuplicate,
                place: a.name.clone(),
                what: format!("looks nearly like {}", b.name),
                shown: vec![Shown::whole(a, Vec::new()), Shown::whole(b, Vec::new())],
            });
        }
    }
}
