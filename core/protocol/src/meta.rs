//! What is known of a crop: why it was kept, where it stood, what it was taken for.
//!
//! Owns the fields and their limits. Their order here is their order in the JSON, so equal facts give equal bytes and so the
//! same id.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::check::{self, Fault};
use crate::{Label, Sha256};

/// The schema this version reads and writes.
pub const SCHEMA: u32 = 1;

/// Most candidates of a facing.
const MAX_CANDIDATES: usize = 8;
/// Most tags of an item.
const MAX_TAGS: usize = 16;
/// Longest side of a photo in pixels.
const MAX_PHOTO_SIDE: u32 = 65_535;
/// Most values of an embedding.
const MAX_DIM: usize = 4096;
/// The last millisecond of the year 9999.
const MAX_TIME: u64 = 253_402_300_799_999;

/// All that is known of a crop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// 1.
    pub schema: u32,
    /// Why it was kept.
    pub reason: Reason,
    /// When the photo was taken, Unix time in milliseconds, by the phone's clock.
    pub captured_at: u64,
    /// Which bundle judged it.
    pub bundle: BundleRef,
    /// The photo it was cut from, which stays on the phone.
    pub photo: PhotoRef,
    /// The container in it.
    pub facing: FacingRef,
    /// The SKU the phone counted it as; none where it was unknown.
    pub sku: Option<String>,
    /// What it may be, likeliest first, at most 8.
    pub candidates: Vec<Candidate>,
    /// By how much the likeliest is ahead of the second, -2 to 2.
    pub margin: f32,
    /// What a person on the phone said; present exactly when `reason` is `corrected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<Label>,
    /// What the app wants to be known: at most 16; keys of 1 to 64 characters `a-z 0-9 _ . -`, values of 1 to 256 bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Its embedding, by which look-alikes are grouped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Embedding>,
}

/// Why a crop was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A person corrected it.
    Corrected,
    /// No SKU, or not surely one.
    Unknown,
    /// The likeliest SKU is not far enough ahead of the second.
    LowMargin,
    /// The detector was hardly sure that it is a container.
    NearThreshold,
    /// One of a small share taken at random, so that what is surely known is looked at too.
    Random,
}

/// Which bundle judged a facing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleRef {
    /// Its name, 1 to 64 bytes.
    pub name: String,
    /// Version of its models, 1 to 64 bytes.
    pub version: String,
    /// SHA-256 of its index file.
    pub index: Sha256,
}

/// A photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoRef {
    /// SHA-256 of what was scanned: the file's bytes, or the pixels where there is no file.
    pub sha256: Sha256,
    /// Upright width in pixels, 1 to 65,535.
    pub width: u32,
    /// Upright height in pixels, 1 to 65,535.
    pub height: u32,
}

/// The container that a crop is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FacingRef {
    /// Left, top, right, bottom in upright pixels of the photo.
    #[serde(rename = "box")]
    pub rect: [f32; 4],
    /// The same box in pixels of the crop, which shows some of what stands around it.
    pub box_in_crop: [f32; 4],
    /// The detector's class, such as `bottle`, 1 to 64 bytes.
    pub container: String,
    /// The detector's score, 0 to 1.
    pub score: f32,
}

/// A SKU that a facing may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its id, 1 to 255 bytes.
    pub sku: String,
    /// Cosine with its nearest prototype, -1 to 1.
    pub similarity: f32,
}

/// An embedding as int8: only its direction counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embedding {
    /// SHA-256 of the embedder that it comes from: only embeddings of the same one compare.
    pub embedder: Sha256,
    /// Its values scaled so that the largest is 127 or -127; base64 in JSON.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub codes: Vec<i8>,
}

impl Meta {
    /// Whether all fields are within their limits.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), Fault> {
        if self.schema != SCHEMA {
            let reason = format!("{}, but this version reads schema {SCHEMA}", self.schema);
            return Err(Fault::new("schema", reason));
        }
        if self.captured_at > MAX_TIME {
            let reason = format!("{} is after the year 9999: milliseconds are needed", self.captured_at);
            return Err(Fault::new("captured_at", reason));
        }
        check::text("bundle.name", &self.bundle.name, 64)?;
        check::text("bundle.version", &self.bundle.version, 64)?;
        let (width, height) = (self.photo.width, self.photo.height);
        for (field, side) in [("photo.width", width), ("photo.height", height)] {
            if !(1..=MAX_PHOTO_SIDE).contains(&side) {
                return Err(Fault::new(field, format_args!("{side}, allowed are 1 to {MAX_PHOTO_SIDE}")));
            }
        }
        check::rect("facing.box", self.facing.rect, (width, height))?;
        check::text("facing.container", &self.facing.container, 64)?;
        check::number("facing.score", self.facing.score, 0.0, 1.0)?;
        self.sku.iter().try_for_each(|sku| check::text("sku", sku, 255))?;
        check::count("candidates", self.candidates.len(), MAX_CANDIDATES)?;
        for Candidate { sku, similarity } in &self.candidates {
            check::text("candidates.sku", sku, 255)?;
            check::number("candidates.similarity", *similarity, -1.0, 1.0)?;
        }
        check::number("margin", self.margin, -2.0, 2.0)?;
        self.check_correction()?;
        check::count("tags", self.tags.len(), MAX_TAGS)?;
        for (key, value) in &self.tags {
            let fits = |letter: u8| matches!(letter, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
            if !(1..=64).contains(&key.len()) || !key.bytes().all(fits) {
                let reason = format!("the key {key:?} must be 1 to 64 characters of a-z 0-9 _ . -");
                return Err(Fault::new("tags", reason));
            }
            check::text(&format!("tags.{key}"), value, 256)?;
        }
        self.embedding.iter().try_for_each(Embedding::check)
    }

    fn check_correction(&self) -> Result<(), Fault> {
        match (&self.correction, self.reason) {
            (Some(label), Reason::Corrected) => label
                .check()
                .map_err(|Fault { field, reason }| Fault { field: field.replacen("label", "correction", 1), reason }),
            (None, Reason::Corrected) => Err(Fault::new("correction", "missing, though the reason is `corrected`")),
            (Some(_), _) => Err(Fault::new("correction", "given, though the reason is not `corrected`")),
            (None, _) => Ok(()),
        }
    }
}

/// Cosine of two embeddings' codes, of one length, -1 to 1. For codes as they are kept, without an [`Embedding`] made of each.
pub fn cosine(a: impl Iterator<Item = i8>, b: impl Iterator<Item = i8>) -> f32 {
    let (mut dot, mut a_squared, mut b_squared) = (0, 0, 0);
    for (a, b) in a.zip(b).map(|(a, b)| (i32::from(a), i32::from(b))) {
        dot += a * b;
        a_squared += a * a;
        b_squared += b * b;
    }
    (f64::from(dot) / (f64::from(a_squared) * f64::from(b_squared)).sqrt().max(1.0)) as f32
}

impl Embedding {
    /// The embedding `vector` (finite, not all 0, 1 to 4096 values) from `embedder`; none where it has no direction.
    pub fn of(vector: &[f32], embedder: Sha256) -> Option<Self> {
        let largest = vector.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        if !vector.iter().all(|value| value.is_finite()) || largest == 0.0 || vector.len() > MAX_DIM {
            return None;
        }
        let scale = 127.0 / f64::from(largest);
        let codes = vector.iter().map(|&value| (f64::from(value) * scale).round() as i8).collect();
        Some(Self { embedder, codes })
    }

    /// Cosine with another, -1 to 1; none where they come from different embedders.
    pub fn cosine(&self, other: &Self) -> Option<f32> {
        if self.embedder != other.embedder || self.codes.len() != other.codes.len() {
            return None;
        }
        Some(cosine(self.codes.iter().copied(), other.codes.iter().copied()))
    }

    fn check(&self) -> Result<(), Fault> {
        if self.codes.is_empty() {
            return Err(Fault::new("embedding.codes", "empty"));
        }
        check::count("embedding.codes", self.codes.len(), MAX_DIM)?;
        if self.codes.contains(&i8::MIN) || self.codes.iter().all(|&code| code == 0) {
            return Err(Fault::new("embedding.codes", "values of -127 to 127 are needed, not all of them 0"));
        }
        Ok(())
    }
}

fn to_base64<S: Serializer>(codes: &[i8], serializer: S) -> Result<S::Ok, S::Error> {
    let bytes: Vec<u8> = codes.iter().map(|&code| code as u8).collect();
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i8>, D::Error> {
    let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
    let bytes = STANDARD.decode(text.as_bytes()).map_err(|error| de::Error::custom(format_args!("base64: {error}")))?;
    Ok(bytes.into_iter().map(|byte| byte as i8).collect())
}
