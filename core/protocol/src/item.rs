//! The item: one document of bytes that holds a crop and what is known of it.
//!
//! Owns its layout and that its name is the SHA-256 of all its bytes: sent twice, it is the same item.
//!
//! ```text
//! "SSI1" | u32 LE: length of the metadata | metadata, JSON in UTF-8 | the crop, JPEG, to the end
//! ```

use crate::check::{self, Fault};
use crate::{JpegFault, Meta, Sha256, jpeg};

/// Most bytes of an item's metadata.
pub const MAX_META_BYTES: usize = 64 << 10;
/// Most bytes of a crop.
pub const MAX_CROP_BYTES: usize = 1 << 20;
/// Most bytes of an item.
pub const MAX_ITEM_BYTES: usize = HEAD + MAX_META_BYTES + MAX_CROP_BYTES;

const MAGIC: [u8; 4] = *b"SSI1";
const HEAD: usize = 8;

/// A checked item.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    bytes: Vec<u8>,
    id: Sha256,
    meta: Meta,
    crop_at: usize,
    crop_size: (u32, u32),
}

/// Why bytes are no item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ItemError {
    /// Another kind of file, or another version of this one.
    #[error("not an item: it must begin with `SSI1`")]
    Magic,
    /// Shorter than its own lengths say.
    #[error("the item is cut off: {found} bytes, at least {needed} are needed")]
    Truncated {
        /// Bytes there are.
        found: usize,
        /// Bytes there must be.
        needed: usize,
    },
    /// Larger than allowed.
    #[error("{what}: {found} bytes, at most {max} are allowed")]
    TooLarge {
        /// `metadata` or `crop`.
        what: &'static str,
        /// Its bytes.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// The metadata is not the JSON of PROTOCOL.md.
    #[error("metadata: {0}")]
    Json(String),
    /// A field of the metadata is beyond its limits.
    #[error("metadata: {0}")]
    Field(#[from] Fault),
    /// The crop can't be accepted.
    #[error("crop: {0}")]
    Crop(#[from] JpegFault),
    /// It was sent under the name of another.
    #[error("the item's SHA-256 is {found}, but it was named {named}; send it as it was made")]
    OtherId {
        /// What it was called.
        named: Sha256,
        /// What it is.
        found: Sha256,
    },
}

impl Item {
    /// The item that holds `crop` (a JPEG of at most 1 MiB) and `meta`.
    ///
    /// # Errors
    /// What an item may not hold, by name.
    pub fn new(meta: &Meta, crop: &[u8]) -> Result<Self, ItemError> {
        let json = serde_json::to_vec(meta).map_err(|error| ItemError::Json(error.to_string()))?;
        within("metadata", json.len(), MAX_META_BYTES)?;
        let mut bytes = Vec::with_capacity(HEAD + json.len() + crop.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&(json.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&json);
        bytes.extend_from_slice(crop);
        Self::parse(bytes)
    }

    /// Checks the bytes of an item, all but the pixels.
    ///
    /// # Errors
    /// One variant for each thing that can be wrong.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, ItemError> {
        if !bytes.starts_with(&MAGIC[..bytes.len().min(MAGIC.len())]) {
            return Err(ItemError::Magic);
        }
        let cut = |needed| ItemError::Truncated { found: bytes.len(), needed };
        let &length = bytes.get(MAGIC.len()..).and_then(|rest| rest.first_chunk()).ok_or(cut(HEAD))?;
        let length = u32::from_le_bytes(length) as usize;
        within("metadata", length, MAX_META_BYTES)?;
        let crop_at = HEAD + length;
        let (json, crop) = (bytes.get(HEAD..crop_at).ok_or(cut(crop_at))?, &bytes[crop_at..]);
        within("crop", crop.len(), MAX_CROP_BYTES)?;
        let meta: Meta = serde_json::from_slice(json).map_err(|error| ItemError::Json(error.to_string()))?;
        meta.check()?;
        let crop_size = jpeg::size(crop)?;
        check::rect("facing.box_in_crop", meta.facing.box_in_crop, crop_size)?;
        Ok(Self { id: Sha256::of(&bytes), bytes, meta, crop_at, crop_size })
    }

    /// Checks the bytes of an item that was sent under a name.
    ///
    /// # Errors
    /// As [`Item::parse`], and [`ItemError::OtherId`].
    pub fn parse_as(named: Sha256, bytes: Vec<u8>) -> Result<Self, ItemError> {
        let item = Self::parse(bytes)?;
        if item.id == named { Ok(item) } else { Err(ItemError::OtherId { named, found: item.id }) }
    }

    /// SHA-256 of [`Item::bytes`].
    pub fn id(&self) -> Sha256 {
        self.id
    }

    /// What is known of the crop.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The crop, a JPEG.
    pub fn crop(&self) -> &[u8] {
        &self.bytes[self.crop_at..]
    }

    /// Width and height of the crop in pixels.
    pub fn crop_size(&self) -> (u32, u32) {
        self.crop_size
    }

    /// The whole document.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The whole document.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

fn within(what: &'static str, found: usize, max: usize) -> Result<(), ItemError> {
    if found <= max { Ok(()) } else { Err(ItemError::TooLarge { what, found, max }) }
}
