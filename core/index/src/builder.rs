//! From a gallery of embeddings to the bytes of an index, and from an index to a changed one.
//!
//! Owns what is kept of each SKU. A SKU's section depends on its own vectors alone, and what depends on several SKUs (thresholds,
//! margins) is computed anew at every build from what is stored; so an index from which a SKU was removed equals, to the byte, one
//! that never had it, and the order of adding does not matter. Refuses vectors and ids that can't be used, and adding to a SKU
//! whose vectors were condensed.

use std::collections::{BTreeMap, BTreeSet};

use crate::calibrate::{self, Evidence, LeftOut, Limits};
use crate::cluster::{Clusters, Vectors};
use crate::dot::Kernel;
use crate::format::{
    self, Layout, MAGIC, MAX_DIM, MAX_MISS_RATE, MAX_PROTOTYPES, MAX_PROTOTYPES_PER_SKU, MAX_SAMPLES, MAX_SKUS, RECORD,
    RECORD_CURVES, VERSION, at, record, stride,
};
use crate::{Error, Index, Result, vector};

/// How an index is built. Stored in it, so that an edited index is built the same way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BuildOptions {
    /// Most prototypes of a SKU, 1 to 32. A SKU with no more distinct vectors keeps them all.
    pub max_prototypes: usize,
    /// Share of a SKU's genuine facings that may be called unknown when no other SKU is near, 0 to 0.2; up to five times as many
    /// when one is. It is met on facings like those the index was built from; where the embedder was trained on the same photos,
    /// expect two to three times as many on new ones.
    pub miss_rate: f32,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self { max_prototypes: 8, miss_rate: 0.01 }
    }
}

/// Collects vectors per SKU and writes an index of them.
#[derive(Debug, Clone)]
pub struct Builder {
    dim: usize,
    embedder_sha256: [u8; 32],
    options: BuildOptions,
    skus: BTreeMap<String, Source>,
}

/// What is known of a SKU while building.
#[derive(Debug, Clone)]
enum Source {
    /// All its vectors, as rows of codes: the order of adding is forgotten, repeated vectors count once.
    Vectors(BTreeSet<Box<[i8]>>),
    /// Its section of an index, its vectors gone.
    Condensed(Box<Section>),
}

/// What an index keeps of a SKU's vectors.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Section {
    /// Prototypes, one row of codes after the other.
    pub(crate) codes: Vec<i8>,
    /// Distinct vectors it was built from.
    pub(crate) samples: u32,
    pub(crate) left_out: LeftOut,
}

impl Builder {
    /// An index without SKUs, for vectors of `dim` values (1 to 4096) from the embedder with this SHA-256.
    ///
    /// # Errors
    /// [`Error::BadDim`], [`Error::BadOption`].
    pub fn new(dim: usize, embedder_sha256: [u8; 32], options: BuildOptions) -> Result<Self> {
        if !(1..=MAX_DIM).contains(&dim) {
            return Err(Error::BadDim { found: dim });
        }
        if !(1..=MAX_PROTOTYPES_PER_SKU).contains(&options.max_prototypes) {
            let found = options.max_prototypes.to_string();
            return Err(Error::BadOption { option: "max_prototypes", found, allowed: "1 to 32" });
        }
        if !(0.0..=MAX_MISS_RATE).contains(&options.miss_rate) {
            let found = options.miss_rate.to_string();
            return Err(Error::BadOption { option: "miss_rate", found, allowed: "0 to 0.2" });
        }
        Ok(Self { dim, embedder_sha256, options, skus: BTreeMap::new() })
    }

    /// All that is in `index`, to be changed and written out again; unchanged it gives the same bytes.
    pub fn from_index(index: &Index) -> Self {
        let skus = sources(index).collect();
        Self { dim: index.dim(), embedder_sha256: *index.embedder_sha256(), options: index.options(), skus }
    }

    /// Takes over the SKUs of `index`, each in place of what was known of it. Built then, they are to the byte what they would
    /// be had their vectors been added here.
    ///
    /// # Errors
    /// [`Error::Unlike`] where the two can't be one index. Nothing is taken over then.
    pub fn take_over(&mut self, index: &Index) -> Result<()> {
        let unlike = |what| Err(Error::Unlike { what });
        if self.dim != index.dim() {
            return unlike("vectors of another length");
        }
        if self.embedder_sha256 != *index.embedder_sha256() {
            return unlike("vectors of another embedder");
        }
        if self.options != index.options() {
            return unlike("other build options");
        }
        self.skus.extend(sources(index));
        Ok(())
    }

    /// Takes out all SKUs but those whose id is to be kept.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.skus.retain(|id, _| keep(id));
    }

    /// Adds one embedding of the SKU `id`, of any length but zero; its direction counts.
    ///
    /// An id is 1 to 255 bytes without control characters. A vector the SKU has already is counted once.
    ///
    /// # Errors
    /// [`Error::BadId`]; [`Error::WrongDim`], [`Error::NotFinite`], [`Error::ZeroVector`]; [`Error::SkuIsCondensed`] if the SKU
    /// comes from an index that keeps only the centres of its vectors. Nothing is added then.
    pub fn add(&mut self, id: &str, vector: &[f32]) -> Result<()> {
        format::check_id(id)?;
        let mut codes = vec![0; stride(self.dim)].into_boxed_slice();
        vector::quantize(vector, self.dim, &mut codes)?;
        match self.skus.get_mut(id) {
            None => {
                self.skus.insert(id.to_owned(), Source::Vectors(BTreeSet::from([codes])));
            }
            Some(Source::Vectors(vectors)) => {
                if vectors.len() >= MAX_SAMPLES {
                    return Err(Error::TooMany {
                        what: "vectors of one SKU",
                        found: vectors.len() + 1,
                        max: MAX_SAMPLES,
                    });
                }
                vectors.insert(codes);
            }
            Some(Source::Condensed(section)) => {
                return Err(Error::SkuIsCondensed { id: id.to_owned(), samples: section.samples });
            }
        }
        Ok(())
    }

    /// Takes the SKU `id` out, with all its vectors.
    ///
    /// # Errors
    /// [`Error::UnknownSku`].
    pub fn remove(&mut self, id: &str) -> Result<()> {
        self.skus.remove(id).map(drop).ok_or_else(|| Error::UnknownSku { id: id.to_owned() })
    }

    /// Ids of the SKUs so far, ascending by their bytes.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.skus.keys().map(String::as_str)
    }

    /// The index: prototypes chosen, thresholds calibrated. The same SKUs and vectors give the same bytes on every processor.
    ///
    /// # Errors
    /// [`Error::TooMany`].
    pub fn build(&self) -> Result<Vec<u8>> {
        let skus: Vec<(&str, Section)> =
            self.skus.iter().map(|(id, source)| (id.as_str(), self.section(source))).collect();
        let stride = stride(self.dim);
        let rows: Vec<usize> = skus.iter().map(|(_, section)| section.codes.len() / stride).collect();
        let prototypes = rows.iter().sum();
        for (what, found, max) in [("SKUs", skus.len(), MAX_SKUS), ("prototypes", prototypes, MAX_PROTOTYPES)] {
            if found > max {
                return Err(Error::TooMany { what, found, max });
            }
        }
        let id_bytes = skus.iter().map(|(id, _)| id.len()).sum();
        let layout = Layout::new(self.dim, skus.len(), prototypes, id_bytes)?;

        let codes: Vec<i8> = skus.iter().flat_map(|(_, section)| &section.codes).copied().collect();
        let impostors = impostors(&codes, stride, &rows);
        let evidence: Vec<Evidence<'_>> = skus
            .iter()
            .zip(impostors)
            .map(|((_, section), impostor)| Evidence {
                samples: section.samples,
                left_out: &section.left_out,
                impostor,
            })
            .collect();
        let limits = calibrate::limits(&evidence, self.options.miss_rate);

        let mut file = Vec::with_capacity(layout.end);
        self.write_header(&mut file, &layout, skus.len(), prototypes, id_bytes);
        for (((id, section), rows), limits) in skus.iter().zip(rows).zip(limits) {
            write_record(&mut file, id, section, rows, limits);
        }
        skus.iter().for_each(|(id, _)| file.extend_from_slice(id.as_bytes()));
        file.resize(layout.codes, 0);
        file.extend(codes.iter().map(|&code| code as u8));
        file.extend(vector::signs(&codes));
        let checksum = format::checksum(&file);
        file[at::CHECKSUM..][..4].copy_from_slice(&checksum.to_le_bytes());
        Ok(file)
    }

    /// Condenses the vectors of a SKU.
    fn section(&self, source: &Source) -> Section {
        let set = match source {
            Source::Condensed(section) => return (**section).clone(),
            Source::Vectors(set) => set,
        };
        let values = set.iter().flat_map(|codes| vector::dequantize(codes, self.dim)).collect();
        let vectors = Vectors::new(values, self.dim);
        let clusters = Clusters::of(&vectors, self.options.max_prototypes);
        let codes = if set.len() <= self.options.max_prototypes {
            set.iter().flat_map(|codes| codes.iter().copied()).collect()
        } else {
            let stride = stride(self.dim);
            let mut codes = vec![0; clusters.centres().len() * stride];
            for (centre, row) in clusters.centres().zip(codes.chunks_exact_mut(stride)) {
                vector::quantize_finite(centre, row);
            }
            codes
        };
        Section { codes, samples: set.len() as u32, left_out: LeftOut::of(&vectors, &clusters) }
    }

    fn write_header(&self, file: &mut Vec<u8>, layout: &Layout, skus: usize, prototypes: usize, id_bytes: usize) {
        file.extend_from_slice(&MAGIC);
        file.extend_from_slice(&VERSION.to_le_bytes());
        file.extend_from_slice(&[0; 4]); // the checksum, when all else is written
        file.extend_from_slice(&(layout.end as u64).to_le_bytes());
        for count in [self.dim, skus, prototypes, id_bytes, self.options.max_prototypes] {
            file.extend_from_slice(&(count as u32).to_le_bytes());
        }
        file.extend_from_slice(&self.options.miss_rate.to_le_bytes());
        file.extend_from_slice(&self.embedder_sha256);
        file.resize(format::HEADER, 0);
    }
}

/// What is known of each SKU of an index.
fn sources(index: &Index) -> impl Iterator<Item = (String, Source)> {
    let stride = stride(index.dim());
    index.skus().map(move |sku| {
        let section = index.section(sku.position);
        // Nothing was condensed where each vector is a prototype.
        let source = if section.codes.len() / stride == section.samples as usize {
            Source::Vectors(section.codes.chunks_exact(stride).map(Box::from).collect())
        } else {
            Source::Condensed(Box::new(section))
        };
        (sku.id.to_owned(), source)
    })
}

fn write_record(file: &mut Vec<u8>, id: &str, section: &Section, prototypes: usize, limits: Limits) {
    let start = file.len();
    file.resize(start + RECORD, 0);
    let bytes = &mut file[start..];
    let mut put = |offset: usize, value: [u8; 4]| bytes[offset..offset + 4].copy_from_slice(&value);
    put(record::ID_LEN, (id.len() as u32).to_le_bytes());
    put(record::PROTOTYPES, (prototypes as u32).to_le_bytes());
    put(record::SAMPLES, section.samples.to_le_bytes());
    put(record::THRESHOLD, limits.threshold.to_le_bytes());
    put(record::MIN_MARGIN, limits.min_margin.to_le_bytes());
    let points = section.left_out.0.iter().flatten();
    for (point, place) in points.zip(bytes[RECORD_CURVES..].chunks_exact_mut(2)) {
        place.copy_from_slice(&point.to_le_bytes());
    }
}

/// For each SKU the greatest similarity of one of its prototypes to one of another SKU; -1 if there is no other.
fn impostors(codes: &[i8], stride: usize, rows: &[usize]) -> Vec<f32> {
    let kernel = Kernel::detect();
    let bytes: Vec<u8> = codes.iter().map(|&code| code as u8).collect();
    let inverse_norms: Vec<f32> = codes.chunks_exact(stride).map(vector::inverse_norm).collect();
    let sku_of: Vec<usize> = rows.iter().enumerate().flat_map(|(sku, &rows)| std::iter::repeat_n(sku, rows)).collect();
    let mut nearest = vec![-1.0_f32; rows.len()];
    let (mut dots, mut next) = (Vec::new(), 0);
    for (sku, &count) in rows.iter().enumerate() {
        let first_other = next + count;
        for row in next..first_other {
            dots.clear();
            kernel.dots(&codes[row * stride..][..stride], &bytes[first_other * stride..], &mut dots);
            for (place, &dot) in (first_other..).zip(&dots) {
                let similarity = vector::cosine(dot, inverse_norms[row], inverse_norms[place]);
                let other = sku_of[place];
                nearest[sku] = nearest[sku].max(similarity);
                nearest[other] = nearest[other].max(similarity);
            }
        }
        next = first_other;
    }
    nearest
}
