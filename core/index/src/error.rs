//! Everything that can be wrong with an index file, a vector or a request, one variant each.

use std::path::PathBuf;

use crate::format::{MAX_DIM, MAX_ID_BYTES, VERSION};

/// What the index refused, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// The file is shorter than its header.
    #[error("index is truncated: {found} bytes, the header alone needs {needed}; copy or build it again")]
    Truncated {
        /// Bytes there are.
        found: u64,
        /// Bytes there must be at least.
        needed: u64,
    },
    /// The first bytes are not those of an index.
    #[error("not a SKU index: the file does not start with its magic bytes")]
    BadMagic,
    /// Written by another version of the format.
    #[error("index has format version {found}, this build reads version {VERSION}; build the index again")]
    UnsupportedVersion {
        /// The version in the file.
        found: u32,
    },
    /// The length in the header is not that of the file.
    #[error("index says it is {stated} bytes long but the file has {found}; copy or build it again")]
    LengthMismatch {
        /// Length in the header.
        stated: u64,
        /// Length of the file.
        found: u64,
    },
    /// The content does not match its checksum.
    #[error("index is damaged: checksum {found:08x}, expected {stated:08x}; copy or build it again")]
    ChecksumMismatch {
        /// Checksum in the header.
        stated: u32,
        /// Checksum of the content.
        found: u32,
    },
    /// A field of the header or of a table is outside its limits.
    #[error("index field `{field}` is {found}, allowed are {min} to {max}")]
    OutOfLimits {
        /// Name of the field in `FORMAT.md`.
        field: &'static str,
        /// The value in the file.
        found: u64,
        /// Smallest value allowed.
        min: u64,
        /// Largest value allowed.
        max: u64,
    },
    /// The sections the counts call for do not fill the file exactly.
    #[error("index counts call for {needed} bytes but the file has {found}")]
    LayoutMismatch {
        /// Bytes the counts call for.
        needed: u64,
        /// Bytes there are.
        found: u64,
    },
    /// A total in the header is not the sum over the SKU table.
    #[error("index field `{field}` is {stated} but the SKU table adds up to {found}")]
    CountMismatch {
        /// Name of the total.
        field: &'static str,
        /// The total in the header.
        stated: u64,
        /// The sum over the table.
        found: u64,
    },
    /// A number that must be finite and within range is not.
    #[error("index field `{field}` of {of} is {found}, allowed are {min} to {max}")]
    BadNumber {
        /// Name of the field in `FORMAT.md`.
        field: &'static str,
        /// The SKU it belongs to, or "the header".
        of: String,
        /// The value in the file.
        found: f32,
        /// Smallest value allowed.
        min: f32,
        /// Largest value allowed.
        max: f32,
    },
    /// An id is not UTF-8.
    #[error("id of SKU {position} in the index is not UTF-8")]
    IdNotUtf8 {
        /// Place in the SKU table, from 0.
        position: usize,
    },
    /// An id occurs twice.
    #[error("SKU `{id}` is in the index twice")]
    DuplicateId {
        /// The id.
        id: String,
    },
    /// Ids are not in ascending order of their bytes.
    #[error("SKU `{id}` stands out of order in the index")]
    IdsOutOfOrder {
        /// The id that should have come earlier.
        id: String,
    },
    /// Bytes that must be zero are not.
    #[error("index has data where zero padding must be, at byte {offset}")]
    BadPadding {
        /// Place in the file.
        offset: usize,
    },
    /// A prototype has no direction or a value no builder writes.
    #[error("prototype {position} in the index is not a unit vector of int8")]
    BadPrototype {
        /// Row, from 0.
        position: usize,
    },
    /// The stored sign bits are not those of the prototype.
    #[error("sign bits of prototype {position} in the index do not belong to it")]
    BadSigns {
        /// Row, from 0.
        position: usize,
    },

    /// The left-out similarities of a SKU do not ascend.
    #[error("left-out similarities of SKU `{id}` in the index are not a distribution")]
    BadLeftOut {
        /// The id.
        id: String,
    },

    /// A vector has another length than the index.
    #[error("vector has {found} values, the index holds vectors of {expected}")]
    WrongDim {
        /// Values the index holds.
        expected: usize,
        /// Values of the vector.
        found: usize,
    },
    /// A vector contains NaN or infinity.
    #[error("value {position} of the vector is {value}: not a finite number")]
    NotFinite {
        /// Place in the vector, from 0.
        position: usize,
        /// The value.
        value: f32,
    },
    /// A vector has no direction.
    #[error("vector is zero: it has no direction to compare")]
    ZeroVector,
    /// A dimension no index can have.
    #[error("an index of dimension {found} is not possible, allowed are 1 to {MAX_DIM}")]
    BadDim {
        /// The dimension asked for.
        found: usize,
    },
    /// An id that can't be stored.
    #[error("SKU id {id:?} can't be used: {reason} (at most {MAX_ID_BYTES} bytes, no control characters)")]
    BadId {
        /// The id, cut to a readable length.
        id: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A build option outside its range.
    #[error("build option `{option}` is {found}: {allowed}")]
    BadOption {
        /// Field of `BuildOptions`.
        option: &'static str,
        /// The value given.
        found: String,
        /// The range.
        allowed: &'static str,
    },
    /// The SKU to remove is not there.
    #[error("no SKU `{id}` in the index")]
    UnknownSku {
        /// The id.
        id: String,
    },
    /// Vectors can't be added to a SKU of which only cluster centres were kept.
    #[error(
        "SKU `{id}` keeps only the centres of its {samples} vectors, so more can't be calibrated with them; \
         remove it and add all its vectors again, or add these under another id"
    )]
    SkuIsCondensed {
        /// The id.
        id: String,
        /// Vectors it was built from.
        samples: u32,
    },
    /// Two indexes that can't be one.
    #[error("the index to take SKUs from has {what}")]
    Unlike {
        /// What the other doesn't have.
        what: &'static str,
    },
    /// More than the format can hold.
    #[error("too many {what}: {found}, an index holds at most {max}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        found: usize,
        /// The limit.
        max: usize,
    },
}

impl Error {
    pub(crate) fn io(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}
