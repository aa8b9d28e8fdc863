//! What travels between a phone and the server, byte by byte (PROTOCOL.md).
//!
//! Owns the item (a crop and what is known of it, named by its own SHA-256), the label a person gives it, and the delta (a signed
//! change of the SKUs on its way back), with the limits that both ends hold each other to. Parsing is checking: what a function
//! here returns has passed all of them.
//!
//! Refuses: files, sockets, clocks, decoding pictures, and what an index's vectors mean, which is `shelfscan-index`'s.

#![forbid(unsafe_code)]

mod check;
mod delta;
mod digest;
pub mod http;
mod item;
mod jpeg;
mod label;
mod meta;
mod signature;

pub use check::Fault;
pub use delta::{Delta, DeltaError, DeltaHead, MAX_DELTA_BYTES, MAX_DELTA_SKUS, Sku};
pub use digest::{BadDigest, Sha256};
pub use item::{Item, ItemError, MAX_CROP_BYTES, MAX_ITEM_BYTES, MAX_META_BYTES};
pub use jpeg::{JpegFault, MAX_CROP_SIDE};
pub use label::Label;
pub use meta::{BundleRef, Candidate, Embedding, FacingRef, Meta, PhotoRef, Reason, SCHEMA, cosine};
pub use signature::{BadKey, KeyId, PublicKey, SecretKey};
