//! Opening an index: every byte checked once, then trusted.
//!
//! Owns the open index and what can be asked of it besides searching. Refuses, each by its own error, whatever a builder would not
//! have written; what it keeps from the file beyond codes and signs it keeps in memory of its own, so a file that changes under
//! the map can make answers wrong but nothing else.

use std::path::Path;

use crate::builder::{BuildOptions, Section};
use crate::calibrate::{CURVES, LeftOut, POINTS};
use crate::dot::Kernel;
use crate::format::{
    self, HEADER, Layout, MAGIC, MAX_DIM, MAX_ID_BYTES, MAX_MISS_RATE, MAX_PROTOTYPES, MAX_PROTOTYPES_PER_SKU,
    MAX_SAMPLES, MAX_SKUS, RECORD, RECORD_CURVES, VERSION, array_at, at, f32_at, record, stride, u32_at,
};
use crate::storage::Storage;
use crate::{Error, Result, vector};

/// Prototypes that cancel each other out have no middle to speak of.
const LEAST_SPREAD: f32 = 0.05;

/// An open index. Shared by threads freely; each brings its own [`crate::Scratch`] to search.
#[derive(Debug)]
pub struct Index {
    storage: Storage,
    layout: Layout,
    dim: usize,
    options: BuildOptions,
    embedder_sha256: [u8; 32],
    skus: Vec<Entry>,
    /// The SKU of each row.
    pub(crate) sku_of: Vec<u32>,
    /// 1 / length of each row.
    pub(crate) inverse_norms: Vec<f32>,
    /// For each SKU the length of the mean of its prototypes as unit vectors: 1 where all are one, less the more they differ.
    pub(crate) spreads: Vec<f32>,
    pub(crate) kernel: Kernel,
}

#[derive(Debug)]
struct Entry {
    id: Box<str>,
    first_row: usize,
    rows: usize,
    samples: u32,
    threshold: f32,
    min_margin: f32,
}

/// A SKU of an index.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Sku<'a> {
    /// Its place in [`Index::skus`], from 0.
    pub position: usize,
    /// Its id, 1 to 255 bytes.
    pub id: &'a str,
    /// Prototypes kept of it, 1 to 32.
    pub prototypes: usize,
    /// Distinct vectors it was built from.
    pub samples: u32,
    /// Least cosine similarity at which a facing is called this SKU, -1 to 1.
    pub threshold: f32,
    /// Least lead in likeness over the second-best SKU, 0 to 2.
    pub min_margin: f32,
}

impl Index {
    /// Maps the file at `path` and checks it whole.
    ///
    /// # Errors
    /// [`Error::Io`], and all of [`Index::from_bytes`].
    pub fn open(path: &Path) -> Result<Self> {
        Self::check(Storage::map(path)?)
    }

    /// Takes over the bytes of an index and checks them whole.
    ///
    /// # Errors
    /// One variant of [`Error`] for each thing a file can have wrong, from [`Error::BadMagic`] to [`Error::BadSigns`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Self::check(Storage::Owned(bytes))
    }

    /// SHA-256 of the embedder file whose vectors these are.
    pub fn embedder_sha256(&self) -> &[u8; 32] {
        &self.embedder_sha256
    }

    /// Values of a vector, 1 to 4096.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// How the index was built.
    pub fn options(&self) -> BuildOptions {
        self.options
    }

    /// Prototypes of all SKUs together.
    pub fn len(&self) -> usize {
        self.sku_of.len()
    }

    /// Whether there is no SKU.
    pub fn is_empty(&self) -> bool {
        self.skus.is_empty()
    }

    /// The SKUs, ascending by the bytes of their ids.
    pub fn skus(&self) -> impl ExactSizeIterator<Item = Sku<'_>> + DoubleEndedIterator {
        (0..self.skus.len()).map(|position| self.sku_at(position))
    }

    /// The SKU with this id.
    pub fn sku(&self, id: &str) -> Option<Sku<'_>> {
        let position = self.skus.binary_search_by(|entry| entry.id.as_bytes().cmp(id.as_bytes())).ok()?;
        Some(self.sku_at(position))
    }

    /// Whether this index and `other` know the same of the SKU `id`, be it nothing. Thresholds, which depend on the other SKUs
    /// too, are not compared.
    pub fn agrees_on(&self, id: &str, other: &Index) -> bool {
        let section = |index: &Index| index.sku(id).map(|sku| index.section(sku.position));
        section(self) == section(other)
    }

    /// Every prototype as a unit vector of `dim` values, with the id of its SKU; in the order of the SKUs.
    pub fn prototypes(&self) -> impl ExactSizeIterator<Item = (&str, Vec<f32>)> {
        let rows = self.codes().chunks_exact(stride(self.dim)).zip(&self.sku_of);
        rows.map(|(codes, &sku)| {
            let codes: Vec<i8> = codes.iter().map(|&code| code as i8).collect();
            (&*self.skus[sku as usize].id, vector::dequantize(&codes, self.dim))
        })
    }

    /// The kernel that searches on this processor: "portable", "AVX2", "AVX-512 VNNI" or "NEON".
    pub fn kernel(&self) -> &'static str {
        self.kernel.name()
    }

    pub(crate) fn sku_at(&self, position: usize) -> Sku<'_> {
        let Entry { id, rows, samples, threshold, min_margin, .. } = &self.skus[position];
        Sku { position, id, prototypes: *rows, samples: *samples, threshold: *threshold, min_margin: *min_margin }
    }

    pub(crate) fn rows_of(&self, position: usize) -> std::ops::Range<usize> {
        let Entry { first_row, rows, .. } = self.skus[position];
        first_row..first_row + rows
    }

    pub(crate) fn codes(&self) -> &[u8] {
        &self.storage[self.layout.codes..self.layout.signs]
    }

    pub(crate) fn signs(&self) -> &[u8] {
        &self.storage[self.layout.signs..self.layout.end]
    }

    /// What the builder made of the SKU.
    pub(crate) fn section(&self, position: usize) -> Section {
        let entry = &self.skus[position];
        let stride = stride(self.dim);
        let codes = &self.codes()[entry.first_row * stride..][..entry.rows * stride];
        Section {
            codes: codes.iter().map(|&code| code as i8).collect(),
            samples: entry.samples,
            left_out: left_out(&self.storage, HEADER + position * RECORD),
        }
    }

    fn check(storage: Storage) -> Result<Self> {
        let Header { dim, prototypes, options, embedder_sha256, layout, skus } = Header::read(&storage)?;
        for gap in [layout.ids_end..layout.codes, at::ZERO..HEADER] {
            zero(&storage, gap)?;
        }
        let skus = read_skus(&storage, skus, prototypes, options, layout)?;
        let sku_of = (0..).zip(&skus).flat_map(|(sku, entry)| std::iter::repeat_n(sku, entry.rows)).collect();
        let inverse_norms = Vec::with_capacity(prototypes);
        let kernel = Kernel::detect();
        let spreads = Vec::with_capacity(skus.len());
        let mut index =
            Self { storage, layout, dim, options, embedder_sha256, skus, sku_of, inverse_norms, spreads, kernel };
        index.inverse_norms = index.check_rows()?;
        index.spreads = (0..index.skus.len()).map(|sku| index.spread(sku)).collect();
        Ok(index)
    }

    fn spread(&self, sku: usize) -> f32 {
        let stride = stride(self.dim);
        let rows = self.rows_of(sku);
        let mut mean = vec![0.0_f32; stride];
        for row in rows.clone() {
            let codes = &self.codes()[row * stride..][..stride];
            let norm = self.inverse_norms[row];
            mean.iter_mut().zip(codes).for_each(|(mean, &code)| *mean += f32::from(code as i8) * norm);
        }
        let length = mean.iter().map(|value| value * value).sum::<f32>().sqrt() / rows.len() as f32;
        length.max(LEAST_SPREAD)
    }

    /// Lengths of the rows, their codes, padding and signs checked.
    fn check_rows(&self) -> Result<Vec<f32>> {
        let stride = stride(self.dim);
        let rows = self.codes().chunks_exact(stride).zip(self.signs().chunks_exact(stride / 8));
        let mut codes = vec![0; stride];
        let check = |(position, (bytes, signs)): (usize, (&[u8], &[u8]))| {
            codes.iter_mut().zip(bytes).for_each(|(code, &byte)| *code = byte as i8);
            let inverse_norm = vector::inverse_norm(&codes);
            if inverse_norm == 0.0 || codes.contains(&i8::MIN) || codes[self.dim..].iter().any(|&code| code != 0) {
                return Err(Error::BadPrototype { position });
            }
            if !vector::signs(&codes).eq(signs.iter().copied()) {
                return Err(Error::BadSigns { position });
            }
            Ok(inverse_norm)
        };
        rows.enumerate().map(check).collect()
    }
}

/// The header, its fields within their limits and in agreement with the length of the file.
struct Header {
    dim: usize,
    skus: usize,
    prototypes: usize,
    options: BuildOptions,
    embedder_sha256: [u8; 32],
    layout: Layout,
}

impl Header {
    fn read(file: &[u8]) -> Result<Self> {
        let found = file.len() as u64;
        if !file.starts_with(&MAGIC[..file.len().min(MAGIC.len())]) {
            return Err(Error::BadMagic);
        }
        if file.len() < HEADER {
            return Err(Error::Truncated { found, needed: HEADER as u64 });
        }
        let version = u32_at(file, at::VERSION);
        if version != VERSION {
            return Err(Error::UnsupportedVersion { found: version });
        }
        let stated = u64::from_le_bytes(array_at(file, at::FILE_LEN));
        if stated != found {
            return Err(Error::LengthMismatch { stated, found });
        }
        let (stated, found_checksum) = (u32_at(file, at::CHECKSUM), format::checksum(file));
        if stated != found_checksum {
            return Err(Error::ChecksumMismatch { stated, found: found_checksum });
        }
        let dim = count(file, at::DIM, "dim", 1, MAX_DIM)?;
        let skus = count(file, at::SKUS, "skus", 0, MAX_SKUS)?;
        let prototypes = count(file, at::PROTOTYPES, "prototypes", 0, MAX_PROTOTYPES)?;
        let id_bytes = count(file, at::ID_BYTES, "id_bytes", 0, MAX_SKUS * MAX_ID_BYTES)?;
        let max_prototypes = count(file, at::MAX_PROTOTYPES, "max_prototypes", 1, MAX_PROTOTYPES_PER_SKU)?;
        let miss_rate = number(file, at::MISS_RATE, "miss_rate", "the header", 0.0, MAX_MISS_RATE)?;
        let layout = Layout::new(dim, skus, prototypes, id_bytes)?;
        if layout.end as u64 != found {
            return Err(Error::LayoutMismatch { needed: layout.end as u64, found });
        }
        let options = BuildOptions { max_prototypes, miss_rate };
        Ok(Self { dim, skus, prototypes, options, embedder_sha256: array_at(file, at::EMBEDDER), layout })
    }
}

/// The SKU table and the ids.
fn read_skus(file: &[u8], skus: usize, prototypes: usize, options: BuildOptions, layout: Layout) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::with_capacity(skus);
    let (mut next_id, mut next_row) = (layout.ids, 0);
    for position in 0..skus {
        let start = HEADER + position * RECORD;
        let id_len = count(file, start + record::ID_LEN, "id_len", 1, MAX_ID_BYTES)?;
        let bytes = file[..layout.ids_end].get(next_id..next_id + id_len).ok_or(Error::CountMismatch {
            field: "id_bytes",
            stated: (layout.ids_end - layout.ids) as u64,
            found: (next_id + id_len - layout.ids) as u64,
        })?;
        let id = str::from_utf8(bytes).map_err(|_| Error::IdNotUtf8 { position })?;
        format::check_id(id)?;
        if let Some(before) = entries.last() {
            match (*before.id).cmp(id) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Err(Error::DuplicateId { id: id.to_owned() }),
                std::cmp::Ordering::Greater => return Err(Error::IdsOutOfOrder { id: id.to_owned() }),
            }
        }
        let rows = count(file, start + record::PROTOTYPES, "prototypes of a SKU", 1, options.max_prototypes)?;
        let samples = count(file, start + record::SAMPLES, "samples", rows, MAX_SAMPLES)? as u32;
        let threshold = number(file, start + record::THRESHOLD, "threshold", id, -1.0, 1.0)?;
        let min_margin = number(file, start + record::MIN_MARGIN, "min_margin", id, 0.0, 2.0)?;
        zero(file, start + record::ZERO..start + RECORD_CURVES)?;
        if left_out(file, start).0.iter().any(|curve| !curve.is_sorted() || curve[0] == i16::MIN) {
            return Err(Error::BadLeftOut { id: id.to_owned() });
        }
        entries.push(Entry { id: id.into(), first_row: next_row, rows, samples, threshold, min_margin });
        next_id += id_len;
        next_row += rows;
    }
    let totals =
        [("id_bytes", layout.ids_end - layout.ids, next_id - layout.ids), ("prototypes", prototypes, next_row)];
    for (field, stated, found) in totals {
        if stated != found {
            return Err(Error::CountMismatch { field, stated: stated as u64, found: found as u64 });
        }
    }
    Ok(entries)
}

fn left_out(file: &[u8], record: usize) -> LeftOut {
    let mut curves = [[0; POINTS]; CURVES];
    let bytes = file[record + RECORD_CURVES..record + RECORD].as_chunks::<2>().0;
    curves.iter_mut().flatten().zip(bytes).for_each(|(point, &bytes)| *point = i16::from_le_bytes(bytes));
    LeftOut(curves)
}

fn count(file: &[u8], offset: usize, field: &'static str, min: usize, max: usize) -> Result<usize> {
    let found = u32_at(file, offset);
    match usize::try_from(found) {
        Ok(count) if (min..=max).contains(&count) => Ok(count),
        _ => Err(Error::OutOfLimits { field, found: found.into(), min: min as u64, max: max as u64 }),
    }
}

fn number(file: &[u8], offset: usize, field: &'static str, of: &str, min: f32, max: f32) -> Result<f32> {
    let found = f32_at(file, offset);
    // NaN is in no range.
    if (min..=max).contains(&found) {
        Ok(found)
    } else {
        Err(Error::BadNumber { field, of: of.to_owned(), found, min, max })
    }
}

fn zero(file: &[u8], gap: std::ops::Range<usize>) -> Result<()> {
    let start = gap.start;
    match file[gap].iter().position(|&byte| byte != 0) {
        None => Ok(()),
        Some(place) => Err(Error::BadPadding { offset: start + place }),
    }
}
