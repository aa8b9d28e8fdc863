//! What a scan says, as records of Kotlin and Swift.
//!
//! Owns the mirror images of the core's result types, both ways, and [`report_json`]. The numbers are the core's.

use std::time::Duration;

use crate::ShelfscanError;

/// Everything known about one photo.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct ScanResult {
    /// Upright width of the photo in pixels.
    pub width: u32,
    /// Upright height of the photo in pixels.
    pub height: u32,
    /// Which bundle said it.
    pub bundle: BundleInfo,
    /// Facings named, for each SKU, most first.
    pub counts: Vec<SkuCount>,
    /// Facings that are no SKU of the bundle, or not surely one.
    pub unknown: u32,
    /// Every container found, row by row from the top, each row from the left.
    pub facings: Vec<Facing>,
    /// How good the photo is.
    pub quality: PhotoQuality,
    /// How long the scan took.
    pub timings: ScanTimings,
}

/// What identifies a bundle.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BundleInfo {
    /// Its name.
    pub name: String,
    /// Version of its models.
    pub version: String,
    /// Version of its index; changes when a SKU is enrolled or removed.
    pub index: String,
}

/// A product that the bundle can name.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Sku {
    /// Its id: letters, digits, `_`, `-` and `.`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// `bottle`, `can` or `glass`, where known.
    #[uniffi(default = None)]
    pub container: Option<String>,
    /// EAN or UPC digits, where known.
    #[uniffi(default = None)]
    pub barcode: Option<String>,
}

/// How often a SKU stands on the shelf.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct SkuCount {
    /// The SKU's id.
    pub sku: String,
    /// Its name for people.
    pub name: String,
    /// Facings, at least 1.
    pub count: u32,
}

/// One container on the shelf.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Facing {
    /// Where it is, in upright pixels of the photo.
    pub rect: FacingBox,
    /// The detector's class, such as `bottle`.
    pub container: String,
    /// The detector's score, 0 to 1.
    pub score: f32,
    /// The SKU's id; none where it is unknown.
    pub sku: Option<String>,
    /// Why it was named, or not.
    pub verdict: Verdict,
    /// Cosine with the best SKU, -1 to 1.
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

/// A box in upright pixels of the photo; right and bottom are exclusive.
#[derive(Clone, Copy, Debug, PartialEq, uniffi::Record)]
pub struct FacingBox {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Bottom edge.
    pub bottom: f32,
}

/// A SKU that a facing may be.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Candidate {
    /// The SKU's id.
    pub sku: String,
    /// Cosine with its nearest prototype, -1 to 1.
    pub similarity: f32,
}

/// Why a facing was named, or not.
#[derive(Clone, Copy, Debug, PartialEq, uniffi::Enum)]
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
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct PhotoQuality {
    /// 0 to 1, low is blurred.
    pub sharpness: f32,
    /// Mean brightness, 0 to 1.
    pub brightness: f32,
    /// Share of blown-out pixels, 0 to 1.
    pub glare: f32,
    /// What may spoil the count, for the person with the phone.
    pub findings: Vec<Finding>,
}

/// Something that may spoil the count.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Finding {
    /// Stable name: `blurred`, `too_dark`, `too_bright`, `glare`, `too_small`.
    pub kind: String,
    /// What to do, in English.
    pub advice: String,
}

/// How long a scan took, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, uniffi::Record)]
pub struct ScanTimings {
    /// From start to end, on the clock.
    pub total: f64,
    /// File to pixels; 0 where pixels were handed over.
    pub decode: f64,
    /// The detector's runs, summed over threads.
    pub detector: f64,
    /// The embedder's runs, summed over threads.
    pub embedder: f64,
}

/// A photo's result with the photo's name.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct NamedResult {
    /// The photo, as the report is to name it.
    pub file: String,
    /// Its result.
    pub result: ScanResult,
}

/// A photo that could not be scanned.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Failed {
    /// The photo, as the report is to name it.
    pub file: String,
    /// Why.
    pub error: String,
}

/// The report on some photos as JSON, schema 1: the same bytes that `shelfscan scan --json` writes.
#[uniffi::export]
pub fn report_json(photos: Vec<NamedResult>, failed: Vec<Failed>) -> Result<String, ShelfscanError> {
    let photos: Vec<(String, shelfscan::ScanResult)> =
        photos.into_iter().map(|named| (named.file, named.result.into())).collect();
    let failed = failed.into_iter().map(|Failed { file, error }| shelfscan::Failed { file, error }).collect();
    let report = shelfscan::Report::new(photos.iter().map(|(file, result)| (file.clone(), result)), failed);
    report.to_json().map_err(|error| ShelfscanError::Photo(format!("the report: {error}")))
}

/// Both ways between a record and the core's type of the same fields.
macro_rules! mirrors {
    ($($record:ident = $core:ident { $($field:ident),* })*) => {$(
        impl From<shelfscan::$core> for $record {
            fn from(core: shelfscan::$core) -> Self {
                Self { $($field: core.$field),* }
            }
        }
        impl From<$record> for shelfscan::$core {
            fn from(record: $record) -> Self {
                Self { $($field: record.$field),* }
            }
        }
    )*};
}

mirrors! {
    BundleInfo = BundleVersion { name, version, index }
    Sku = SkuEntry { id, name, container, barcode }
    SkuCount = Count { sku, name, count }
    Candidate = Candidate { sku, similarity }
    Finding = Finding { kind, advice }
}

impl From<[f32; 4]> for FacingBox {
    fn from([left, top, right, bottom]: [f32; 4]) -> Self {
        Self { left, top, right, bottom }
    }
}

impl From<FacingBox> for [f32; 4] {
    fn from(rect: FacingBox) -> Self {
        [rect.left, rect.top, rect.right, rect.bottom]
    }
}

impl From<shelfscan::Verdict> for Verdict {
    fn from(verdict: shelfscan::Verdict) -> Self {
        match verdict {
            shelfscan::Verdict::Accepted => Self::Accepted,
            shelfscan::Verdict::BelowThreshold { threshold } => Self::BelowThreshold { threshold },
            shelfscan::Verdict::OtherDrink => Self::OtherDrink,
            shelfscan::Verdict::Ambiguous { needed } => Self::Ambiguous { needed },
            shelfscan::Verdict::EmptyIndex => Self::EmptyIndex,
        }
    }
}

impl From<Verdict> for shelfscan::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accepted => Self::Accepted,
            Verdict::BelowThreshold { threshold } => Self::BelowThreshold { threshold },
            Verdict::OtherDrink => Self::OtherDrink,
            Verdict::Ambiguous { needed } => Self::Ambiguous { needed },
            Verdict::EmptyIndex => Self::EmptyIndex,
        }
    }
}

impl From<shelfscan::Facing> for Facing {
    fn from(facing: shelfscan::Facing) -> Self {
        Self {
            rect: facing.rect.into(),
            container: facing.container,
            score: facing.score,
            sku: facing.sku,
            verdict: facing.verdict.into(),
            similarity: facing.similarity,
            margin: facing.margin,
            candidates: each(facing.candidates),
            row: facing.row,
            place: facing.place,
        }
    }
}

impl From<Facing> for shelfscan::Facing {
    fn from(facing: Facing) -> Self {
        Self {
            rect: facing.rect.into(),
            container: facing.container,
            score: facing.score,
            sku: facing.sku,
            verdict: facing.verdict.into(),
            similarity: facing.similarity,
            margin: facing.margin,
            candidates: each(facing.candidates),
            row: facing.row,
            place: facing.place,
        }
    }
}

impl From<shelfscan::QualityReport> for PhotoQuality {
    fn from(quality: shelfscan::QualityReport) -> Self {
        let shelfscan::QualityReport { sharpness, brightness, glare, findings } = quality;
        Self { sharpness, brightness, glare, findings: each(findings) }
    }
}

impl From<PhotoQuality> for shelfscan::QualityReport {
    fn from(quality: PhotoQuality) -> Self {
        let PhotoQuality { sharpness, brightness, glare, findings } = quality;
        Self { sharpness, brightness, glare, findings: each(findings) }
    }
}

impl From<shelfscan::Timings> for ScanTimings {
    fn from(timings: shelfscan::Timings) -> Self {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        Self {
            total: milliseconds(timings.total),
            decode: milliseconds(timings.decode),
            detector: milliseconds(timings.detector),
            embedder: milliseconds(timings.embedder),
        }
    }
}

impl From<shelfscan::ScanResult> for ScanResult {
    fn from(result: shelfscan::ScanResult) -> Self {
        Self {
            width: result.width,
            height: result.height,
            bundle: result.bundle.into(),
            counts: each(result.counts),
            unknown: result.unknown,
            facings: each(result.facings),
            quality: result.quality.into(),
            timings: result.timings.into(),
        }
    }
}

/// Without the timings, which are no part of a report.
impl From<ScanResult> for shelfscan::ScanResult {
    fn from(result: ScanResult) -> Self {
        Self {
            width: result.width,
            height: result.height,
            bundle: result.bundle.into(),
            counts: each(result.counts),
            unknown: result.unknown,
            facings: each(result.facings),
            quality: result.quality.into(),
            timings: shelfscan::Timings::default(),
        }
    }
}

fn each<T, U: From<T>>(items: Vec<T>) -> Vec<U> {
    items.into_iter().map(U::from).collect()
}
