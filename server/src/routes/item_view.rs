//! An item as people see it.

use serde::{Deserialize, Serialize};
use shelfscan_protocol::{Label, Meta, Reason};
use utoipa::ToSchema;

use super::BASE;
use crate::database::items::{ItemRow, State};
use crate::error::{ApiError, ApiResult};

/// An item as people see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ItemView {
    /// SHA-256 of its document.
    #[schema(example = "9f2c…64 hex digits")]
    pub id: String,
    /// Order of arrival.
    pub seq: i64,
    /// When it came, Unix milliseconds.
    pub received_at: i64,
    /// Id of the token that sent it.
    pub sent_by: String,
    /// How far it is.
    pub state: State,
    /// What it is called, if it is.
    pub label: Option<LabelView>,
    /// How many people are to name it, 1 or 2.
    pub wanted: i64,
    /// Why the phone kept it: `corrected`, `unknown`, `low_margin`, `near_threshold`, `random`.
    #[schema(example = "low_margin")]
    pub reason: String,
    /// Its picture.
    pub crop: CropView,
    /// The container that it is about, as the detector saw it.
    #[schema(example = "can")]
    pub container: String,
    /// What it may be, likeliest first, at most 8.
    pub candidates: Vec<CandidateView>,
    /// By how much the likeliest is ahead of the second.
    pub margin: f32,
    /// What a person on the phone said.
    pub correction: Option<LabelView>,
    /// Which bundle judged it.
    pub bundle: BundleView,
    /// The photo it was cut from, which is not here, and where in it.
    pub photo: PhotoView,
    /// When the photo was taken, by the phone's clock, Unix milliseconds.
    pub captured_at: u64,
    /// What the app wanted to be known.
    pub tags: std::collections::BTreeMap<String, String>,
}

/// A picture of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CropView {
    /// Where it is; the same token is needed.
    #[schema(example = "/api/v1/ai/v2/active-learning/items/9f2c…/crop")]
    pub url: String,
    /// Pixels.
    pub width: i64,
    /// Pixels.
    pub height: i64,
    /// The container in it: left, top, right, bottom in its pixels. The rest is its surroundings on the shelf.
    #[serde(rename = "box")]
    #[schema(example = json!([12.0, 9.5, 108.0, 240.0]))]
    pub rect: [f32; 4],
}

/// A SKU that an item may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CandidateView {
    /// Its id.
    pub sku: String,
    /// Its name; the id where the server doesn't know it.
    pub name: String,
    /// Cosine, -1 to 1.
    pub similarity: f32,
}

/// What somebody called an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum LabelView {
    /// A SKU.
    Sku {
        /// Its id.
        sku: String,
        /// Its name.
        name: String,
    },
    /// A product that is no SKU yet; from phones alone.
    NewSku {
        /// Its name.
        name: String,
        /// `bottle`, `can`, …
        container: Option<String>,
        /// EAN/UPC digits.
        barcode: Option<String>,
    },
    /// Nothing that is sold.
    NotAProduct,
}

/// A bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BundleView {
    /// Its name.
    pub name: String,
    /// Version of its models.
    pub version: String,
    /// SHA-256 of its index.
    pub index: String,
}

/// A photo that stayed on the phone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PhotoView {
    /// Its SHA-256.
    pub sha256: String,
    /// Upright pixels.
    pub width: u32,
    /// Upright pixels.
    pub height: u32,
    /// The item's box in it: left, top, right, bottom.
    #[serde(rename = "box")]
    pub rect: [f32; 4],
}

/// Gives SKUs their names.
pub trait Names {
    /// The name of a SKU; its id where there is none.
    fn name(&self, id: &str) -> String;
}

impl Names for std::collections::HashMap<String, String> {
    fn name(&self, id: &str) -> String {
        self.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }
}

impl ItemView {
    /// The item of a row.
    ///
    /// # Errors
    /// A row whose metadata can't be read, which the intake never writes.
    pub fn of(row: ItemRow, names: &impl Names) -> ApiResult<Self> {
        let meta: Meta = serde_json::from_str(&row.metadata).map_err(ApiError::internal)?;
        let sku = |sku: String| LabelView::Sku { name: names.name(&sku), sku };
        let label = match (row.label.as_deref(), row.sku) {
            (Some("sku"), Some(id)) => Some(sku(id)),
            (Some("not_a_product"), _) => Some(LabelView::NotAProduct),
            _ => None,
        };
        Ok(Self {
            seq: row.seq,
            received_at: row.received_at,
            sent_by: row.sent_by,
            state: row.state,
            label,
            wanted: row.wanted,
            reason: reason(meta.reason).into(),
            crop: CropView {
                url: format!("{BASE}/active-learning/items/{}/crop", row.id),
                width: row.crop_width,
                height: row.crop_height,
                rect: meta.facing.box_in_crop,
            },
            id: row.id,
            container: meta.facing.container,
            candidates: meta
                .candidates
                .into_iter()
                .map(|candidate| CandidateView {
                    name: names.name(&candidate.sku),
                    sku: candidate.sku,
                    similarity: candidate.similarity,
                })
                .collect(),
            margin: meta.margin,
            correction: meta.correction.map(|correction| match correction {
                Label::Sku { sku: id } => sku(id),
                Label::NewSku { name, container, barcode } => LabelView::NewSku { name, container, barcode },
                Label::NotAProduct => LabelView::NotAProduct,
            }),
            bundle: BundleView {
                name: meta.bundle.name,
                version: meta.bundle.version,
                index: meta.bundle.index.to_string(),
            },
            photo: PhotoView {
                sha256: meta.photo.sha256.to_string(),
                width: meta.photo.width,
                height: meta.photo.height,
                rect: meta.facing.rect,
            },
            captured_at: meta.captured_at,
            tags: meta.tags,
        })
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Corrected => "corrected",
        Reason::Unknown => "unknown",
        Reason::LowMargin => "low_margin",
        Reason::NearThreshold => "near_threshold",
        Reason::Random => "random",
    }
}
