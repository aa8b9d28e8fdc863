//! The result of an evaluation: what `--output` writes, what the report shows and `--compare` compares. JSON, schema 1,
//! described in `FORMATS.md`.
//!
//! Owns the shape alone. Boxes are `[left, top, right, bottom]` in upright pixels of the photo. A figure that the data can't give
//! (no SKUs labelled, say) has no value; it is never 0 for want of something to measure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::metrics::Ranked;

/// The schema number this version reads and writes.
pub const SCHEMA: u32 = 1;

/// Everything an evaluation found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalResult {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was judged.
    pub judged: Judged,
    /// On which data.
    pub data: DataEntry,
    /// How.
    pub settings: Settings,
    /// What holds of these figures and must be told with them: definitions, limits, warnings.
    pub notes: Vec<String>,
    /// All photos together.
    pub figures: Figures,
    /// Targets, met or not.
    pub targets: Vec<Target>,
    /// For each SKU that is labelled or was named, by id.
    pub skus: Vec<SkuFigures>,
    /// For each kind of container that is labelled.
    pub containers: Vec<ContainerFigures>,
    /// Which SKU was taken for which, most frequent first.
    pub confusions: Vec<Confusion>,
    /// Precision over recall at IoU 0.5, class-agnostic: a point for each of COCO's 101 recalls that is reached.
    pub curve: Vec<CurvePoint>,
    /// Photo by photo, in the order of their names.
    pub photos: Vec<PhotoOutcome>,
}

/// A bundle, or a file of predictions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The bundle's name and versions; none for predictions of unknown origin.
    pub bundle: Option<JudgedBundle>,
    /// The file of predictions; none where the photos were scanned.
    pub predictions: Option<String>,
}

/// What identifies a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedBundle {
    /// Its name.
    pub name: String,
    /// Version of its models.
    pub version: String,
    /// Version of its index.
    pub index: String,
}

/// The data judged on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataEntry {
    /// Folder, or file of ground truth, as it was named.
    pub name: String,
    /// The split; none where all photos were taken.
    pub split: Option<String>,
    /// Photos.
    pub photos: u32,
    /// Labelled facings that count, additions among them.
    pub facings: u32,
    /// SHA-256 over names and contents of the photos and label files judged on, in hex.
    pub sha256: String,
    /// The reviewed missing labels that were added; none where none were.
    pub additions: Option<AdditionsEntry>,
}

/// A file of reviewed missing labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdditionsEntry {
    /// The file.
    pub file: String,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// Facings it adds to the photos judged.
    pub drinks: u32,
    /// Regions it has ignored in them.
    pub ignored: u32,
}

/// How it was judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Score from which on a detection counts for everything but average precision.
    pub confidence: f32,
    /// Lowest score of a detection that average precision ranks.
    pub lowest_confidence: f32,
    /// IoU at which a detection and a label are one facing, for everything but mAP@50-95.
    pub iou: f64,
    /// Detections of a photo that average precision ranks at most, the best.
    pub max_dets: u32,
    /// Bootstrap resamples of the intervals.
    pub resamples: u32,
    /// Their seed.
    pub seed: u64,
}

/// A measured figure with its 95 % bootstrap interval over photos.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// None where there was nothing to measure.
    pub value: Option<f64>,
    /// Lower end of the interval.
    pub low: Option<f64>,
    /// Upper end of the interval.
    pub high: Option<f64>,
    /// How many cases it is of: facings, photos or (photo, SKU) pairs.
    pub of: u64,
}

/// The figures of all photos together. Shares are 0..=1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Share of the labelled facings that were found, at IoU 0.5 and the shipped threshold.
    pub recall: Figure,
    /// Share of the detections that have a label.
    pub precision: Figure,
    /// Detections without a label, for each photo.
    pub false_per_photo: Figure,
    /// Average precision at IoU 0.5, class-agnostic.
    pub map50: Figure,
    /// Mean of the average precision at IoU 0.50, 0.55, ... 0.95, class-agnostic.
    pub map50_95: Figure,
    /// As `map50`, mean over the kinds of containers; of facings whose container is labelled.
    pub map50_containers: Figure,
    /// As `map50_95`, mean over the kinds of containers.
    pub map50_95_containers: Figure,
    /// Share of the found facings whose kind of container is right.
    pub container_accuracy: Figure,
    /// Share of the found facings of known SKUs whose best candidate is the right one, accepted or not.
    pub top1: Figure,
    /// Share of them whose right SKU is among the three best candidates.
    pub top3: Figure,
    /// Share of them that were named, and rightly.
    pub top1_accepted: Figure,
    /// As `top1`, of all labelled facings of known SKUs by their labelled boxes.
    pub top1_true_boxes: Figure,
    /// As `top3`, by labelled boxes.
    pub top3_true_boxes: Figure,
    /// As `top1_accepted`, by labelled boxes.
    pub top1_accepted_true_boxes: Figure,
    /// Share of all labelled facings of known SKUs that were found and rightly named.
    pub end_to_end: Figure,
    /// Mean absolute error of the count over every pair of photo and SKU where the SKU is labelled or was named.
    pub count_mae: Figure,
    /// The alternative: the same error meaned for each SKU first, then over SKUs.
    pub count_mae_by_sku: Figure,
    /// Mean absolute error of a photo's number of facings.
    pub total_count_mae: Figure,
    /// Share of the found drinks outside the SKU list that were called a SKU.
    pub unknown_named: Figure,
    /// Share of the found facings of known SKUs that were called unknown.
    pub known_unknown: Figure,
}

impl Figures {
    /// All figures with their names for people, in the order they are told.
    pub fn named(&self) -> [(&'static str, &Figure); 20] {
        [
            ("detection recall at IoU 0.5", &self.recall),
            ("detection precision", &self.precision),
            ("detections without a label, per photo", &self.false_per_photo),
            ("mAP@50", &self.map50),
            ("mAP@50-95", &self.map50_95),
            ("mAP@50, mean over kinds of containers", &self.map50_containers),
            ("mAP@50-95, mean over kinds of containers", &self.map50_95_containers),
            ("kind of container right", &self.container_accuracy),
            ("SKU top-1 of found facings", &self.top1),
            ("SKU top-3 of found facings", &self.top3),
            ("SKU top-1 of found facings, and accepted", &self.top1_accepted),
            ("SKU top-1 of labelled boxes", &self.top1_true_boxes),
            ("SKU top-3 of labelled boxes", &self.top3_true_boxes),
            ("SKU top-1 of labelled boxes, and accepted", &self.top1_accepted_true_boxes),
            ("end to end: found and rightly named", &self.end_to_end),
            ("count MAE per photo and SKU", &self.count_mae),
            ("count MAE, mean over SKUs", &self.count_mae_by_sku),
            ("total count MAE per photo", &self.total_count_mae),
            ("unknown drinks called a SKU", &self.unknown_named),
            ("known drinks called unknown", &self.known_unknown),
        ]
    }
}

/// A target and whether it was met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// `recall_min`, `map50_min`, `top1_accuracy_min` or `count_mae_max`.
    pub name: String,
    /// The least or greatest value.
    pub target: f64,
    /// What was measured; none where the data can't tell, which fails no target.
    pub value: Option<f64>,
    /// Whether it was met.
    pub passed: bool,
}

/// The figures of one SKU, without intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SkuFigures {
    /// Its id; `unknown` stands for the drinks outside the list.
    pub sku: String,
    /// Facings labelled.
    pub labelled: u32,
    /// Of them found.
    pub found: u32,
    /// Of the found, best candidate right.
    pub top1: u32,
    /// Of the found, right SKU among the three best candidates.
    pub top3: u32,
    /// Of the found, called unknown.
    pub called_unknown: u32,
    /// Found and rightly named (`unknown`: rightly called unknown).
    pub right: u32,
    /// Facings named so, whatever they are; those whose SKU is not labelled are left out.
    pub named: u32,
    /// By labelled boxes: best candidate right; none where labelled boxes were not named.
    pub top1_true_boxes: Option<u32>,
    /// Mean absolute error of its count, over the photos where it is labelled or was named; none for `unknown`.
    pub count_mae: Option<f64>,
}

/// The figures of one kind of container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerFigures {
    /// Its name.
    pub container: String,
    /// Facings labelled.
    pub labelled: u32,
    /// Average precision at IoU 0.5.
    pub ap50: Option<f64>,
    /// Mean over IoU 0.50 to 0.95.
    pub ap50_95: Option<f64>,
}

/// A SKU taken for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// As labelled.
    pub labelled: String,
    /// As named.
    pub named: String,
    /// Facings.
    pub count: u32,
}

/// A point of the precision-recall curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Recall.
    pub recall: f64,
    /// Best precision at this or a higher recall.
    pub precision: f64,
    /// Score of the detection at which the recall is reached.
    pub score: f64,
}

/// One photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhotoOutcome {
    /// Its name below the data set's folder.
    pub name: String,
    /// Upright pixels.
    pub width: u32,
    /// Upright pixels.
    pub height: u32,
    /// Labelled facings that count.
    pub labelled: u32,
    /// Detections that count: not those in ignored regions.
    pub found: u32,
    /// Every label and every detection at the shipped threshold, matched where they are one facing.
    pub facings: Vec<FacingOutcome>,
    /// Counts for each SKU that is labelled or was named.
    pub counts: Vec<CountOutcome>,
    /// All detections down to the lowest confidence, best first, for average precision over all containers alike.
    pub ranked: Vec<Ranked>,
    /// The same for each kind of container that is labelled or was found, by name.
    pub by_container: BTreeMap<String, ContainerRanked>,
}

/// What came of a label or a detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Found, and rightly named or rightly called unknown.
    Right,
    /// Found; its SKU is not labelled.
    Found,
    /// Found, and named another SKU than labelled.
    WrongSku,
    /// Found, and called unknown though its SKU is known.
    NotNamed,
    /// Labelled and not found.
    Missed,
    /// Found and not labelled.
    False,
    /// Found in an ignored region, or doubled there.
    Ignored,
    /// An ignored region itself.
    Region,
}

/// A label, a detection, or both where they are one facing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FacingOutcome {
    /// What came of it.
    pub outcome: Outcome,
    /// The label.
    pub label: Option<Label>,
    /// The detection.
    pub detection: Option<Found>,
    /// Their IoU, where both are there.
    pub iou: Option<f64>,
}

/// A labelled facing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// Box in pixels.
    #[serde(rename = "box")]
    pub rect: [f64; 4],
    /// Kind of container, where labelled.
    pub container: Option<String>,
    /// SKU, where labelled; `unknown` is a drink outside the list.
    pub sku: Option<String>,
    /// File and line of the label.
    pub at: String,
    /// Whether it comes from the reviewed additions.
    pub added: bool,
    /// Shelf row among the labels, 0 is the top one.
    pub row: u32,
    /// What the bundle says of this very box, where it was asked.
    pub named: Option<Naming>,
}

/// A detection at the shipped threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Box in pixels.
    #[serde(rename = "box")]
    pub rect: [f64; 4],
    /// Kind of container.
    pub container: String,
    /// Score, 0..=1.
    pub score: f64,
    /// What it was named.
    #[serde(flatten)]
    pub naming: Naming,
    /// Shelf row, 0 is the top one.
    pub row: u32,
}

/// What the index says of a box.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Naming {
    /// The SKU; none where it was called unknown.
    pub sku: Option<String>,
    /// Lead of the best candidate over the second.
    pub margin: Option<f64>,
    /// The best SKUs, best first.
    pub candidates: Vec<CandidateEntry>,
}

/// A SKU that a facing may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CandidateEntry {
    /// Its id.
    pub sku: String,
    /// Cosine, -1..=1.
    pub similarity: f64,
}

/// A SKU's count on a photo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountOutcome {
    /// The SKU.
    pub sku: String,
    /// Facings labelled so.
    pub labelled: u32,
    /// Facings named so.
    pub named: u32,
}

/// A photo's detections of one kind of container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerRanked {
    /// Labelled facings of this kind.
    pub labelled: u32,
    /// Detections of this kind, best first.
    pub ranked: Vec<Ranked>,
}
