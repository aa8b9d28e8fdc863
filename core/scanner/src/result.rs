//! What a scan says.
//!
//! Owns [`ScanResult`] and its JSON form, schema 1, which the command line, the phones and the server share to the byte: the
//! same photo and bundle give the same bytes on one machine, so timings are not part of it. Numbers are rounded to what is
//! meant: boxes to a tenth of a pixel, scores and similarities to four decimals.

use std::time::Duration;

use serde::Serialize;

/// Everything known about one photo.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScanResult {
    /// Upright width of the photo in pixels.
    pub width: u32,
    /// Upright height of the photo in pixels.
    pub height: u32,
    /// Which bundle said it.
    pub bundle: BundleVersion,
    /// Facings named, for each SKU, most first.
    pub counts: Vec<Count>,
    /// Facings that are no SKU of the bundle, or not surely one.
    pub unknown: u32,
    /// Every container found, row by row from the top, each row from the left.
    pub facings: Vec<Facing>,
    /// How good the photo is.
    pub quality: QualityReport,
    /// How long each stage took.
    #[serde(skip)]
    pub timings: Timings,
}

/// What identifies a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BundleVersion {
    /// Its name.
    pub name: String,
    /// Version of its models.
    pub version: String,
    /// Version of its index: the first twelve hex digits of its SHA-256.
    pub index: String,
}

/// How often a SKU stands on the shelf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The SKU's id.
    pub sku: String,
    /// Its name for people.
    pub name: String,
    /// Facings, at least 1.
    pub count: u32,
}

/// One container.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facing {
    /// Left, top, right, bottom in upright pixels of the photo.
    #[serde(rename = "box")]
    pub rect: [f32; 4],
    /// The detector's class, such as `bottle`.
    pub container: String,
    /// The detector's score, 0..=1.
    pub score: f32,
    /// The SKU's id; none where it is unknown.
    pub sku: Option<String>,
    /// Why it was named, or not.
    pub verdict: Verdict,
    /// Cosine with the best SKU, -1..=1.
    pub similarity: f32,
    /// By how much the best SKU is ahead of the second; of another drink, when that is more like the facing: at most 0 then.
    pub margin: f32,
    /// The best SKUs, at most three, best first.
    pub candidates: Vec<Candidate>,
    /// Shelf row, 0 is the top one.
    pub row: u32,
    /// Place in its row, 0 is the leftmost.
    pub place: u32,
}

/// What the index says of a box.
#[derive(Clone, Debug, PartialEq)]
pub struct Naming {
    /// The SKU's id; none where it is unknown.
    pub sku: Option<String>,
    /// Why it was named, or not.
    pub verdict: Verdict,
    /// Cosine with the best SKU, -1..=1.
    pub similarity: f32,
    /// By how much the best SKU is ahead of the second.
    pub margin: f32,
    /// The best SKUs, at most three, best first.
    pub candidates: Vec<Candidate>,
}

/// A detection too weak to be a facing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sighting {
    /// Left, top, right, bottom in upright pixels of the photo.
    #[serde(rename = "box")]
    pub rect: [f32; 4],
    /// The detector's class.
    pub container: String,
    /// The detector's score, 0..=1.
    pub score: f32,
}

/// A SKU that a facing may be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// The SKU's id.
    pub sku: String,
    /// Cosine with its nearest prototype, -1..=1.
    pub similarity: f32,
}

/// Why a facing was named, or not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Verdict {
    /// It is the best candidate.
    Accepted,
    /// Not similar enough to any SKU.
    BelowThreshold {
        /// What the best candidate needs.
        threshold: f32,
    },
    /// More like a drink that the bundle knows to be none of its SKUs.
    OtherDrink,
    /// Similar to two SKUs alike.
    Ambiguous {
        /// By how much the best should be ahead.
        needed: f32,
    },
    /// The index has no SKU.
    EmptyIndex,
}

/// How good the photo is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QualityReport {
    /// 0..=1, low is blurred.
    pub sharpness: f32,
    /// Mean brightness, 0..=1.
    pub brightness: f32,
    /// Share of blown-out pixels, 0..=1.
    pub glare: f32,
    /// What may spoil the count.
    pub findings: Vec<Finding>,
}

/// Something that may spoil the count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name: `blurred`, `too_dark`, `too_bright`, `glare`, `too_small`.
    pub kind: String,
    /// What to do, for the person with the phone.
    pub advice: String,
}

/// Time spent in each stage, summed over threads, but for `total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// File to pixels.
    pub decode: Duration,
    /// YUV to RGB, where needed.
    pub frame: Duration,
    /// Photo quality.
    pub quality: Duration,
    /// Whole photo and tiles into the detector's input.
    pub letterbox: Duration,
    /// The detector's invokes.
    pub detector: Duration,
    /// Boxes from its outputs.
    pub heads: Duration,
    /// Seams, suppression, rows.
    pub merge: Duration,
    /// Crops into the embedder's input.
    pub crops: Duration,
    /// The embedder's invokes.
    pub embedder: Duration,
    /// Names from the index.
    pub lookup: Duration,
    /// Looks at the photo: the first (several for a panorama), and the closer ones where facings are small.
    pub looks: u32,
    /// The scan from start to end, on the clock.
    pub total: Duration,
}

impl Timings {
    /// The stages with their names, in the order of the scan.
    pub fn stages(&self) -> [(&'static str, Duration); 10] {
        [
            ("decode", self.decode),
            ("frame", self.frame),
            ("quality", self.quality),
            ("letterbox", self.letterbox),
            ("detector invoke", self.detector),
            ("heads", self.heads),
            ("merge", self.merge),
            ("crops", self.crops),
            ("embedder invoke", self.embedder),
            ("lookup", self.lookup),
        ]
    }

    /// The models' own time, which nothing here can shorten.
    pub fn invokes(&self) -> Duration {
        self.detector + self.embedder
    }

    /// Everything but the models' own time.
    pub fn overhead(&self) -> Duration {
        self.stages().into_iter().map(|(_, time)| time).sum::<Duration>() - self.invokes()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.letterbox += other.letterbox;
        self.detector += other.detector;
        self.heads += other.heads;
        self.crops += other.crops;
        self.embedder += other.embedder;
        self.lookup += other.lookup;
    }
}

pub(crate) fn tenth(value: f32) -> f32 {
    (value * 10.0).round() / 10.0
}

pub(crate) fn four_decimals(value: f32) -> f32 {
    (value * 10_000.0).round() / 10_000.0
}
