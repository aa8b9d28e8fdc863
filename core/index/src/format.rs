//! The index file, byte by byte: its constants, its header and where its sections lie.
//!
//! Owns the numbers of the format; `FORMAT.md` says the same in prose with the reasons. Refuses counts whose sections could not be
//! addressed; everything else is `reader`'s to refuse.
//!
//! ```text
//! All numbers are little endian, f32 is IEEE 754 binary32. Every section starts at a multiple of 64 bytes; gaps are zero.
//!
//! header, 128 bytes
//!   0   8  magic             89 53 4B 55 0D 0A 1A 0A  (0x89 "SKU" CR LF 0x1A LF)
//!   8   4  version           u32  1
//!  12   4  checksum          u32  CRC-32 (IEEE) of all bytes but these four
//!  16   8  file_len          u64  bytes of the whole file
//!  24   4  dim               u32  values of a vector, 1..=4096
//!  28   4  skus              u32  records in the SKU table, 0..=1,000,000
//!  32   4  prototypes        u32  rows of all SKUs together, 0..=4,000,000
//!  36   4  id_bytes          u32  bytes of all ids together
//!  40   4  max_prototypes    u32  build option, 1..=32
//!  44   4  miss_rate         f32  build option, 0..=0.2
//!  48  32  embedder_sha256        the embedder whose vectors these are
//!  80  48                         zero
//!
//! SKU table, 384 bytes a record, ascending by the bytes of the ids
//!   0   4  id_len            u32  1..=255
//!   4   4  prototypes        u32  1..=32
//!   8   4  samples           u32  distinct vectors it was built from, prototypes..=2^31
//!  12   4  threshold         f32  -1..=1, least similarity to be accepted
//!  16   4  min_margin        f32  0..=2, least lead over the second SKU
//!  20  44                         zero
//!  64 320  left_out          five curves of 32 i16, in 1/32767: similarities of the SKU's own vectors, each left out, against 1, 2, 4
//!                            and 8 of its other vectors and against its prototypes; ascending; zero where there are too few vectors
//!
//! ids       id_bytes: UTF-8 in the order of the table, no separators
//! codes     prototypes x stride: i8 in -127..=127; stride is dim rounded up to a multiple of 64, the rest of a row is zero
//! signs     prototypes x stride / 8: bit i % 8 of byte i / 8 is 1 where code i is negative
//! ```

use crate::{Error, Result};

/// First bytes of an index: binary, and damaged by any transfer that rewrites line ends.
pub(crate) const MAGIC: [u8; 8] = *b"\x89SKU\r\n\x1a\n";
/// The one version this code writes and reads.
pub(crate) const VERSION: u32 = 1;
/// Bytes of the header.
pub(crate) const HEADER: usize = 128;
/// Bytes of a record of the SKU table.
pub(crate) const RECORD: usize = 384;
/// Where the curves begin in a record.
pub(crate) const RECORD_CURVES: usize = 64;
/// Sections start at multiples of this: one cache line, one AVX-512 register.
pub(crate) const ALIGN: usize = 64;

/// Largest dimension: 4096 products of two i8 stay far inside an i32.
pub(crate) const MAX_DIM: usize = 4096;
/// Most SKUs of one index.
pub(crate) const MAX_SKUS: usize = 1_000_000;
/// Most rows of one index.
pub(crate) const MAX_PROTOTYPES: usize = 4_000_000;
/// Most rows of one SKU.
pub(crate) const MAX_PROTOTYPES_PER_SKU: usize = 32;
/// Longest id in bytes.
pub(crate) const MAX_ID_BYTES: usize = 255;
/// Most vectors one SKU is built from.
pub(crate) const MAX_SAMPLES: usize = 1 << 31;
/// Largest build option `miss_rate`.
pub(crate) const MAX_MISS_RATE: f32 = 0.2;

/// Offsets within the header.
pub(crate) mod at {
    pub(crate) const VERSION: usize = 8;
    pub(crate) const CHECKSUM: usize = 12;
    pub(crate) const FILE_LEN: usize = 16;
    pub(crate) const DIM: usize = 24;
    pub(crate) const SKUS: usize = 28;
    pub(crate) const PROTOTYPES: usize = 32;
    pub(crate) const ID_BYTES: usize = 36;
    pub(crate) const MAX_PROTOTYPES: usize = 40;
    pub(crate) const MISS_RATE: usize = 44;
    pub(crate) const EMBEDDER: usize = 48;
    pub(crate) const ZERO: usize = 80;
}

/// Offsets within a record of the SKU table.
pub(crate) mod record {
    pub(crate) const ID_LEN: usize = 0;
    pub(crate) const PROTOTYPES: usize = 4;
    pub(crate) const SAMPLES: usize = 8;
    pub(crate) const THRESHOLD: usize = 12;
    pub(crate) const MIN_MARGIN: usize = 16;
    pub(crate) const ZERO: usize = 20;
}

/// Bytes of a row of codes: `dim` rounded up so that every kernel works on whole blocks.
pub(crate) const fn stride(dim: usize) -> usize {
    dim.next_multiple_of(ALIGN)
}

/// Where the sections of a file with these counts lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) ids: usize,
    pub(crate) ids_end: usize,
    pub(crate) codes: usize,
    pub(crate) signs: usize,
    pub(crate) end: usize,
}

impl Layout {
    /// The counts must be within the limits above.
    ///
    /// # Errors
    /// [`Error::TooMany`] if the file could not be addressed on this machine.
    pub(crate) fn new(dim: usize, skus: usize, prototypes: usize, id_bytes: usize) -> Result<Self> {
        let stride = stride(dim);
        let sections = || {
            let ids = skus.checked_mul(RECORD)?.checked_add(HEADER)?;
            let ids_end = ids.checked_add(id_bytes)?;
            let codes = ids_end.checked_next_multiple_of(ALIGN)?;
            let signs = prototypes.checked_mul(stride)?.checked_add(codes)?;
            let end = prototypes.checked_mul(stride / 8)?.checked_add(signs)?;
            (end <= isize::MAX as usize).then_some(Self { ids, ids_end, codes, signs, end })
        };
        sections().ok_or(Error::TooMany {
            what: "prototypes",
            found: prototypes,
            max: isize::MAX as usize / (stride * 2),
        })
    }
}

/// Ids go into file names, tables and logs.
///
/// # Errors
/// [`Error::BadId`].
pub(crate) fn check_id(id: &str) -> Result<()> {
    let reason = if id.is_empty() {
        "it is empty"
    } else if id.len() > MAX_ID_BYTES {
        "it is too long"
    } else if id.chars().any(char::is_control) {
        "it has control characters"
    } else {
        return Ok(());
    };
    Err(Error::BadId { id: id.chars().take(40).collect(), reason })
}

/// CRC-32 of everything but the checksum itself.
pub(crate) fn checksum(file: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&file[..at::CHECKSUM]);
    hasher.update(&file[at::CHECKSUM + 4..]);
    hasher.finalize()
}

/// The `u32` at `offset`, which must lie within `bytes`.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, offset))
}

/// The `f32` at `offset`, which must lie within `bytes`.
pub(crate) fn f32_at(bytes: &[u8], offset: usize) -> f32 {
    f32::from_le_bytes(array_at(bytes, offset))
}

/// The `N` bytes at `offset`, which must lie within `bytes`.
pub(crate) fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[offset..offset + N]);
    array
}
