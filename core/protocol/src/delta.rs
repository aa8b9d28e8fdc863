//! The delta: what a phone must change to know the SKUs that the office knows, signed.
//!
//! Owns its layout and its signature. Refuses to give anything of a document before its signature was found good.
//!
//! ```text
//! "SSD1" | u32 LE: length of the head | head, JSON in UTF-8 | vectors, a SKU index (core/index/FORMAT.md) or nothing
//!        | 8 bytes: id of the key | 64 bytes: Ed25519 over all the bytes before them
//! ```

use serde::{Deserialize, Serialize};

use crate::check::{self, Fault};
use crate::signature::{KeyId, SIGNATURE_BYTES};
use crate::{PublicKey, SCHEMA, SecretKey, Sha256};

/// Most bytes of a delta.
pub const MAX_DELTA_BYTES: usize = 64 << 20;
/// Most SKUs that a delta changes or removes.
pub const MAX_DELTA_SKUS: usize = 100_000;

const MAGIC: [u8; 4] = *b"SSD1";
const START: usize = 8;
const KEY_ID_BYTES: usize = 8;
const TAIL: usize = KEY_ID_BYTES + SIGNATURE_BYTES;

/// A change of the SKUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// What changes.
    pub head: DeltaHead,
    /// The vectors of the SKUs that have new ones, as an index of these SKUs alone; empty where only names change or SKUs go.
    pub vectors: Vec<u8>,
}

/// What a delta changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaHead {
    /// 1.
    pub schema: u32,
    /// Name of the bundle, 1 to 64 bytes.
    pub bundle: String,
    /// SHA-256 of the index it changes; none where it stands for the whole index, whatever there was.
    pub from: Option<Sha256>,
    /// SHA-256 of the index that comes out.
    pub to: Sha256,
    /// SHA-256 of the embedder that the vectors come from.
    pub embedder: Sha256,
    /// When it was made, Unix time in milliseconds.
    pub made_at: u64,
    /// SKUs that are new or whose vectors or name changed.
    pub skus: Vec<Sku>,
    /// Ids of SKUs that are gone.
    pub removed: Vec<String>,
}

/// A SKU as people know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sku {
    /// Its id, 1 to 255 bytes.
    pub id: String,
    /// Its name, 1 to 200 bytes.
    pub name: String,
    /// `bottle`, `can`, `glass`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// EAN/UPC digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barcode: Option<String>,
}

/// Why bytes are no delta that may be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeltaError {
    /// Another kind of file, or another version of this one.
    #[error("not a delta: it must begin with `SSD1`")]
    Magic,
    /// Shorter than its own lengths say.
    #[error("the delta is cut off: {found} bytes, at least {needed} are needed")]
    Truncated {
        /// Bytes there are.
        found: usize,
        /// Bytes there must be.
        needed: usize,
    },
    /// Larger than allowed.
    #[error("the delta has {found} bytes, at most {MAX_DELTA_BYTES} are allowed")]
    TooLarge {
        /// Its bytes.
        found: usize,
    },
    /// Signed by nobody this phone trusts.
    #[error("the delta is signed with the key {0}, which this phone does not know; add the server's public key")]
    UnknownKey(KeyId),
    /// The signature is not of these bytes.
    #[error("the delta's signature is wrong: it was changed on its way, or made by somebody else")]
    Signature,
    /// The head is not the JSON of PROTOCOL.md.
    #[error("head: {0}")]
    Json(String),
    /// A field of the head is beyond its limits.
    #[error("head: {0}")]
    Field(#[from] Fault),
}

impl Delta {
    /// The signed document.
    ///
    /// # Errors
    /// What a delta may not hold, by name.
    pub fn sign(&self, key: &SecretKey) -> Result<Vec<u8>, DeltaError> {
        self.head.check()?;
        let json = serde_json::to_vec(&self.head).map_err(|error| DeltaError::Json(error.to_string()))?;
        let length = START + json.len() + self.vectors.len() + TAIL;
        if length > MAX_DELTA_BYTES {
            return Err(DeltaError::TooLarge { found: length });
        }
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&(json.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&json);
        bytes.extend_from_slice(&self.vectors);
        bytes.extend_from_slice(&key.public().id().0);
        bytes.extend_from_slice(&key.sign(&bytes));
        Ok(bytes)
    }

    /// Reads a document that one of `keys` signed.
    ///
    /// # Errors
    /// One variant for each thing that can be wrong.
    pub fn verify(bytes: &[u8], keys: &[PublicKey]) -> Result<Self, DeltaError> {
        if bytes.len() > MAX_DELTA_BYTES {
            return Err(DeltaError::TooLarge { found: bytes.len() });
        }
        if !bytes.starts_with(&MAGIC[..bytes.len().min(MAGIC.len())]) {
            return Err(DeltaError::Magic);
        }
        let cut = |needed| DeltaError::Truncated { found: bytes.len(), needed };
        let (signed, signature) = bytes.split_last_chunk::<SIGNATURE_BYTES>().ok_or(cut(START + TAIL))?;
        let (body, &key_id) = signed.split_last_chunk::<KEY_ID_BYTES>().ok_or(cut(START + TAIL))?;
        let (start, rest) = body.split_first_chunk::<START>().ok_or(cut(START + TAIL))?;
        let key_id = KeyId(key_id);
        let key = keys.iter().find(|key| key.id() == key_id).ok_or(DeltaError::UnknownKey(key_id))?;
        if !key.verifies(signed, signature) {
            return Err(DeltaError::Signature);
        }
        let [.., a, b, c, d] = *start;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let (json, vectors) = rest.split_at_checked(length).ok_or(cut(START + length + TAIL))?;
        let head: DeltaHead = serde_json::from_slice(json).map_err(|error| DeltaError::Json(error.to_string()))?;
        head.check()?;
        Ok(Self { head, vectors: vectors.into() })
    }
}

impl DeltaHead {
    fn check(&self) -> Result<(), Fault> {
        if self.schema != SCHEMA {
            let reason = format!("{}, but this version reads schema {SCHEMA}", self.schema);
            return Err(Fault::new("schema", reason));
        }
        check::text("bundle", &self.bundle, 64)?;
        check::count("skus", self.skus.len(), MAX_DELTA_SKUS)?;
        check::count("removed", self.removed.len(), MAX_DELTA_SKUS)?;
        for sku in &self.skus {
            check::text("skus.id", &sku.id, 255)?;
            check::text("skus.name", &sku.name, 200)?;
            sku.container.iter().try_for_each(|container| check::text("skus.container", container, 64))?;
            sku.barcode.iter().try_for_each(|digits| check::barcode("skus.barcode", digits))?;
        }
        self.removed.iter().try_for_each(|id| check::text("removed", id, 255))?;
        let mut ids: Vec<&str> =
            self.skus.iter().map(|sku| &*sku.id).chain(self.removed.iter().map(|id| &**id)).collect();
        ids.sort_unstable();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Fault::new("skus", format_args!("`{}` is given twice", pair[0]))),
            None => Ok(()),
        }
    }
}
