//! `manifest.json`: everything there is to say about a bundle's models, in one file that Python writes and Rust reads.
//!
//! Owns the schema and the checks that need no other file: numbers in range, names without paths, ids given once. Refuses
//! unknown schema numbers and fields by name, so that a newer bundle is an error and not a wrong count.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use shelfscan_vision::{ColorOrder, Element, HeadKind, InputSpec, Layout, Normalisation, Quantization};

use crate::BundleError;

/// The schema number this version reads and writes.
pub(crate) const SCHEMA: u32 = 1;

/// The id under which a gallery may hold drinks that are none of the bundle's SKUs: a facing most like one of these is unknown,
/// never counted as the SKU it resembles.
pub const OTHER_DRINKS: &str = "unknown";

/// A bundle's manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// 1.
    pub schema: u32,
    /// Name of the bundle, such as `drinks`.
    pub name: String,
    /// Version of its models, `MAJOR.MINOR.PATCH`.
    pub version: String,
    /// Every other file of the bundle, by name.
    pub files: BTreeMap<String, FileEntry>,
    /// The model that finds containers.
    pub detector: DetectorEntry,
    /// The model that describes a crop.
    pub embedder: EmbedderEntry,
    /// The SKUs the index can name.
    pub skus: Vec<SkuEntry>,
    /// Where detections are cut.
    pub thresholds: Thresholds,
    /// A stored input with its stored output.
    pub self_test: SelfTestEntry,
    /// What was measured, on which data.
    #[serde(default)]
    pub figures: Vec<Figure>,
    /// Under which terms the parts may be used.
    #[serde(default)]
    pub licences: Vec<Licence>,
    /// Whom to name.
    #[serde(default)]
    pub attribution: Vec<String>,
}

/// A file as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
}

/// A model's input. Value = (pixel / 255 - mean) / std; quantized: round(value / scale) + zero point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputEntry {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// `nhwc` or `nchw`.
    pub layout: String,
    /// `rgb` or `bgr`.
    pub color: String,
    /// For each channel, pixels in 0..=1.
    pub mean: [f32; 3],
    /// For each channel, not 0.
    pub std: [f32; 3],
    /// `int8`, `uint8` or `float32`.
    #[serde(rename = "type")]
    pub element: String,
    /// For integers: as in the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f32>,
    /// For integers: as in the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zero_point: Option<i32>,
    /// Grey around a letterboxed picture, a pixel value.
    pub pad: u8,
}

/// A detector's head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum HeadEntry {
    /// Two raw tensors a stride.
    Yolov8Raw {
        /// Bins of a side's distribution.
        reg_max: usize,
        /// Input pixels for a cell.
        strides: Vec<usize>,
    },
    /// One concatenated tensor, as stock Ultralytics exports have it.
    Yolov8Concat {
        /// `pixels` or `normalized`.
        boxes: BoxUnit,
    },
}

/// Unit of a concatenated head's boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoxUnit {
    /// Input pixels.
    Pixels,
    /// Shares of the input's sides.
    Normalized,
}

/// The detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorEntry {
    /// Its input.
    pub input: InputEntry,
    /// Its outputs.
    pub head: HeadEntry,
    /// Its classes in the order of its class numbers: containers such as `bottle`, `can`.
    pub classes: Vec<String>,
}

/// The embedder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbedderEntry {
    /// Its input.
    pub input: InputEntry,
    /// Length of an embedding.
    pub dim: usize,
    /// A crop is the facing's box grown by this share of its size on each side.
    pub crop_margin: f32,
}

/// A product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkuEntry {
    /// As in the index.
    pub id: String,
    /// For people.
    pub name: String,
    /// `bottle`, `can`, `glass`, or unset.
    #[serde(default)]
    pub container: Option<String>,
    /// EAN/UPC digits.
    #[serde(default)]
    pub barcode: Option<String>,
}

/// Where detections are cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Lowest score of a facing, 0..1.
    pub confidence: f32,
    /// Two boxes with a higher IoU are one facing, 0..=1.
    pub nms_iou: f32,
    /// A box with a larger share of itself inside a better one is a part of it, 0..=1; 1 (the default) never is.
    #[serde(default = "never")]
    pub nms_inside: f32,
    /// What is added to the similarity that each SKU asks for, -1..=1; 0 where unset. Above 0 more drinks are unknown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unknown_offset: f32,
    /// How they were found.
    pub method: String,
}

fn never() -> f32 {
    1.0
}

fn is_zero(number: &f32) -> bool {
    *number == 0.0
}

/// The golden self-test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTestEntry {
    /// A file of the bundle.
    pub picture: String,
    /// What the detector must find in it, at least.
    pub facings: Vec<GoldenFacing>,
    /// What the embedder must say of one box.
    pub embedding: GoldenEmbedding,
}

/// A facing of the self-test's picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenFacing {
    /// Left, top, right, bottom in pixels.
    #[serde(rename = "box")]
    pub rect: [f32; 4],
    /// One of the detector's classes.
    pub class: String,
    /// 0..=1.
    pub score: f32,
}

/// An embedding of the self-test's picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenEmbedding {
    /// Left, top, right, bottom in pixels.
    #[serde(rename = "box")]
    pub rect: [f32; 4],
    /// `dim` numbers of unit length together.
    pub values: Vec<f32>,
}

/// A measured figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Such as `detection recall`.
    pub name: String,
    /// In the unit its name says.
    pub value: f64,
    /// On which data.
    pub data: String,
    /// Hash of that data.
    #[serde(default)]
    pub data_sha256: Option<String>,
    /// How to repeat it.
    pub command: String,
}

/// Terms of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Which part.
    pub what: String,
    /// SPDX name.
    pub licence: String,
    /// What it means here.
    #[serde(default)]
    pub note: Option<String>,
}

impl Manifest {
    /// Reads and checks a manifest; `path` is for its errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self, BundleError> {
        #[derive(Deserialize)]
        struct Schema {
            schema: Option<serde_json::Value>,
        }
        let invalid = |reason: String| BundleError::Manifest { path: path.into(), reason };
        let Schema { schema } = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
        if schema != Some(SCHEMA.into()) {
            let found = schema.map_or_else(|| "none".into(), |schema| schema.to_string());
            return Err(BundleError::Schema { path: path.into(), found, known: SCHEMA });
        }
        let reader = &mut serde_json::Deserializer::from_str(text);
        let manifest: Self = serde_path_to_error::deserialize(reader).map_err(|error| invalid(error.to_string()))?;
        match manifest.fault() {
            Some(reason) => Err(invalid(reason)),
            None => Ok(manifest),
        }
    }

    /// The entry of a SKU.
    pub fn sku(&self, id: &str) -> Option<&SkuEntry> {
        self.skus.iter().find(|sku| sku.id == id)
    }

    fn fault(&self) -> Option<String> {
        let share = |field: &str, value: f32, low: f32, high: f32| {
            (!(low..=high).contains(&value)).then(|| format!("{field} is {value}, but must be {low} to {high}"))
        };
        let mut seen = HashSet::new();
        let twice = self.skus.iter().find(|sku| !seen.insert(&sku.id));
        let path_like = |name: &&String| name.is_empty() || name.contains(['/', '\\', ':']) || name.starts_with('.');
        let golden = &self.self_test.embedding.values;
        None.or_else(|| share("thresholds.confidence", self.thresholds.confidence, 0.001, 0.999))
            .or_else(|| share("thresholds.nms_iou", self.thresholds.nms_iou, 0.01, 1.0))
            .or_else(|| share("thresholds.nms_inside", self.thresholds.nms_inside, 0.01, 1.0))
            .or_else(|| share("thresholds.unknown_offset", self.thresholds.unknown_offset, -1.0, 1.0))
            .or_else(|| share("embedder.crop_margin", self.embedder.crop_margin, 0.0, 1.0))
            .or_else(|| twice.map(|sku| format!("skus: `{}` is listed twice", sku.id)))
            .or_else(|| {
                let bad = self.files.keys().find(path_like);
                bad.map(|name| format!("files: `{name}` must be a plain file name"))
            })
            .or_else(|| {
                let classes = self.detector.classes.len();
                (!(1..=256).contains(&classes)).then(|| format!("detector.classes: {classes} classes; 1 to 256 can be"))
            })
            .or_else(|| {
                let dim = self.embedder.dim;
                (golden.len() != dim)
                    .then(|| format!("self_test.embedding has {} values, embedder.dim is {dim}", golden.len()))
            })
            .or_else(|| {
                let classes = &self.detector.classes;
                let odd = self.self_test.facings.iter().find(|facing| !classes.contains(&facing.class));
                odd.map(|facing| format!("self_test.facings: `{}` is no class of the detector", facing.class))
            })
            .or_else(|| self.self_test.facings.is_empty().then(|| "self_test.facings is empty".into()))
    }
}

impl InputEntry {
    /// The input as the letterbox takes it; `field` is for errors.
    pub(crate) fn spec(&self, field: &str) -> Result<InputSpec, String> {
        let unknown = |what: &str, value: &str, known: &str| format!("{field}.{what} is `{value}`, known are {known}");
        let layout = match self.layout.as_str() {
            "nhwc" => Layout::Nhwc,
            "nchw" => Layout::Nchw,
            other => return Err(unknown("layout", other, "nhwc, nchw")),
        };
        let color = match self.color.as_str() {
            "rgb" => ColorOrder::Rgb,
            "bgr" => ColorOrder::Bgr,
            other => return Err(unknown("color", other, "rgb, bgr")),
        };
        let element = match self.element.as_str() {
            "int8" => Element::Int8,
            "uint8" => Element::UInt8,
            "float32" => Element::Float32,
            other => return Err(unknown("type", other, "int8, uint8, float32")),
        };
        let quantization =
            self.scale.zip(self.zero_point).map(|(scale, zero_point)| Quantization { scale, zero_point });
        let normalisation = Normalisation { mean: self.mean, std: self.std };
        InputSpec::new((self.width, self.height), (layout, color), normalisation, element, quantization, self.pad)
            .map_err(|error| format!("{field}: {error}"))
    }
}

impl HeadEntry {
    pub(crate) fn kind(&self) -> HeadKind {
        match self {
            Self::Yolov8Raw { reg_max, strides } => HeadKind::YoloV8Raw { reg_max: *reg_max, strides: strides.clone() },
            Self::Yolov8Concat { boxes } => HeadKind::YoloV8Concat { normalized: *boxes == BoxUnit::Normalized },
        }
    }
}
