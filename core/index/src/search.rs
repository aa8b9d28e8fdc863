//! Finding the SKUs nearest to an embedding, and the verdict on the nearest.
//!
//! Owns the two ways of searching and when each is taken, and the order of the nearest SKUs. Refuses queries of the wrong length,
//! with NaN or without direction.
//!
//! The prototype nearest to a query may be one that a bad crop made, so the nearest SKUs by prototype are put in the order of
//!
//! ```text
//! likeness = (cosine with the best prototype + 2 cosine with the middle of all prototypes) / 3
//! ```
//!
//! With the bundle `drinks` 0.2.0, against the best prototype alone (`MIDDLE` 0): the right SKU comes first for 81.5 % instead of
//! 79.9 % of the facings found on eight composed shelves of 40 bottles that were enrolled without training; for the 29 SKUs that the
//! embedder was trained on it makes no difference (97.0 and 96.9 % of 1,726 facings).
//!
//! Every similarity given is the exact cosine of the int8 vectors; the filter can only overlook a row, and how rarely is measured
//! in `tests/recall.rs`.

use std::fmt;

use crate::format::stride;
use crate::vector;
use crate::{Index, Result, Sku};

/// From this many prototypes on the sign bits are compared first: with AVX2 and AVX-512 the filter became the faster way between
/// 512 and 640 prototypes of 512 values. `examples/lookup_bench.rs` measures it.
const FILTER_FROM: usize = 600;
/// Rows the filter passes on, at least; see `tests/recall.rs` for what that costs in recall.
const CANDIDATES: usize = 192;
/// ... and at least this many for each SKU asked for, as several may belong to one.
const CANDIDATES_PER_HIT: usize = 24;

/// The nearest SKUs that are put in the order of likeness.
const IN_ORDER: usize = 8;
/// What the middle of a SKU's prototypes counts for beside the best of them.
const MIDDLE: f32 = 2.0;

/// Rows looked at together when those within the cut are gathered.
const BLOCK: usize = 16;

/// The memory of a search. Make one per thread and use it again: once it has grown to the index, searching allocates nothing.
#[derive(Debug, Default)]
pub struct Scratch {
    query: Vec<i8>,
    query_signs: Vec<u64>,
    distances: Vec<u16>,
    histogram: Vec<u32>,
    rows: Vec<u32>,
    dots: Vec<i32>,
    best: Vec<Found>,
}

#[derive(Debug, Clone, Copy)]
struct Found {
    sku: u32,
    row: u32,
    similarity: f32,
    likeness: f32,
}

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Method {
    /// Whichever is faster for the size of the index.
    #[default]
    Auto,
    /// Every prototype is compared.
    Exact,
    /// The sign bits of every prototype are compared, then the prototypes of the nearest.
    Filtered,
}

/// What a search found: the SKUs most like the query, each with its best prototype.
///
/// Borrows the scratch until the next search; the [`Hit`]s taken from it borrow the index alone.
#[derive(Debug, Clone, Copy)]
pub struct Hits<'i, 's> {
    index: &'i Index,
    found: &'s [Found],
    asked: usize,
}

/// A SKU and how like it the query is.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Hit<'a> {
    /// The SKU.
    pub sku: Sku<'a>,
    /// Cosine similarity of the query to the SKU's best prototype, -1 to 1.
    pub similarity: f32,
    /// What it is ranked by: the cosine with the best prototype and with the middle of all, weighed 1 to 2; -1 to 1.
    pub likeness: f32,
    /// The best prototype's place in [`Index::prototypes`].
    pub prototype: usize,
}

/// Whether the best SKU is the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// It is.
    Accepted,
    /// Unknown: not like enough.
    BelowThreshold {
        /// Similarity of the best SKU.
        similarity: f32,
        /// What that SKU asks for.
        threshold: f32,
    },
    /// Unknown: like enough, but another SKU is nearly as like.
    Ambiguous {
        /// Lead in likeness of the best SKU over the second.
        margin: f32,
        /// The lead that SKU asks for.
        needed: f32,
    },
    /// Unknown: there is no SKU.
    EmptyIndex,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("accepted"),
            Self::BelowThreshold { similarity, threshold } => {
                write!(f, "unknown: similarity {similarity:.3} is below the threshold {threshold:.3}")
            }
            Self::Ambiguous { margin, needed } => {
                write!(f, "unknown: leads the second SKU by {margin:.3}, {needed:.3} is needed")
            }
            Self::EmptyIndex => f.write_str("unknown: the index has no SKU"),
        }
    }
}

impl<'i> Hits<'i, '_> {
    /// The SKUs found, the most alike first; as many as asked for or as there are.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Hit<'i>> {
        let index = self.index;
        self.found[..self.asked.min(self.found.len())].iter().map(move |found| hit(index, found))
    }

    /// The SKU most like the query; `None` in an index without SKUs.
    pub fn best(&self) -> Option<Hit<'i>> {
        self.found.first().map(|found| hit(self.index, found))
    }

    /// Lead in likeness of the best SKU over the second, 0 to 2; `None` if there are not two SKUs.
    pub fn margin(&self) -> Option<f32> {
        match self.found {
            [best, second, ..] => Some(best.likeness - second.likeness),
            _ => None,
        }
    }

    /// Whether the best SKU is like enough and far enough ahead, by its own threshold and margin.
    pub fn verdict(&self) -> Verdict {
        self.verdict_at(0.0)
    }

    /// As [`Hits::verdict`], with `offset` added to the threshold of every SKU.
    pub fn verdict_at(&self, offset: f32) -> Verdict {
        let Some(Hit { sku, similarity, .. }) = self.best() else {
            return Verdict::EmptyIndex;
        };
        let threshold = sku.threshold + offset;
        if similarity < threshold {
            return Verdict::BelowThreshold { similarity, threshold };
        }
        match self.margin() {
            Some(margin) if margin < sku.min_margin => Verdict::Ambiguous { margin, needed: sku.min_margin },
            _ => Verdict::Accepted,
        }
    }
}

fn hit<'a>(index: &'a Index, found: &Found) -> Hit<'a> {
    let Found { sku, row, similarity, likeness } = *found;
    Hit { sku: index.sku_at(sku as usize), similarity, likeness, prototype: row as usize }
}

impl Index {
    /// The `k` SKUs most like `query`, an embedding of `dim` values of any length but zero.
    ///
    /// The eight nearest by their best prototype come in the order of likeness, further ones in that of similarity. Of equals the
    /// SKU earlier in the index comes first. The margin and the verdict do not depend on `k`.
    ///
    /// # Errors
    /// [`crate::Error::WrongDim`], [`crate::Error::NotFinite`], [`crate::Error::ZeroVector`].
    pub fn search<'s>(&self, query: &[f32], k: usize, scratch: &'s mut Scratch) -> Result<Hits<'_, 's>> {
        self.search_by(Method::Auto, query, k, scratch)
    }

    /// [`Index::search`] in a given way.
    ///
    /// # Errors
    /// As [`Index::search`].
    pub fn search_by<'s>(
        &self,
        method: Method,
        query: &[f32],
        k: usize,
        scratch: &'s mut Scratch,
    ) -> Result<Hits<'_, 's>> {
        scratch.query.resize(stride(self.dim()), 0);
        vector::quantize(query, self.dim(), &mut scratch.query)?;
        // The order and the margin need more SKUs than may be asked for.
        let wanted = k.max(IN_ORDER).min(self.skus().len());
        let filtered = match method {
            Method::Auto => self.len() >= FILTER_FROM,
            Method::Exact => false,
            Method::Filtered => true,
        };
        let candidates = CANDIDATES.max(wanted.saturating_mul(CANDIDATES_PER_HIT));
        if filtered && candidates < self.len() {
            self.filtered(candidates, wanted, scratch);
        }
        // Few SKUs may fill all places of the filter.
        if !filtered || candidates >= self.len() || scratch.best.len() < wanted {
            self.exact(wanted, scratch);
        }
        self.put_in_order(scratch);
        Ok(Hits { index: self, found: &scratch.best, asked: k })
    }

    fn put_in_order(&self, scratch: &mut Scratch) {
        let Scratch { query, dots, best, .. } = scratch;
        let inverse_norm = vector::inverse_norm(query);
        let nearest = best.len().min(IN_ORDER);
        for found in &mut best[..nearest] {
            let rows = self.rows_of(found.sku as usize);
            dots.clear();
            self.kernel.dots(query, &self.codes()[rows.start * query.len()..rows.end * query.len()], dots);
            let norms = &self.inverse_norms[rows.clone()];
            let sum: f32 = dots.iter().zip(norms).map(|(&dot, &norm)| vector::cosine(dot, inverse_norm, norm)).sum();
            let middle = sum / rows.len() as f32 / self.spreads[found.sku as usize];
            found.likeness = (found.similarity + MIDDLE * middle.clamp(-1.0, 1.0)) / (1.0 + MIDDLE);
        }
        // Stable, and in place for so few.
        best[..nearest].sort_by(|a, b| b.likeness.total_cmp(&a.likeness));
    }

    fn exact(&self, wanted: usize, scratch: &mut Scratch) {
        let Scratch { query, dots, best, .. } = scratch;
        dots.clear();
        self.kernel.dots(query, self.codes(), dots);
        self.rank(query, (0..).zip(dots.iter().copied()), wanted, best);
    }

    /// Compares the `candidates` rows with the fewest differing signs, and all others at the last distance taken.
    fn filtered(&self, candidates: usize, wanted: usize, scratch: &mut Scratch) {
        let Scratch { query, query_signs, distances, histogram, rows, dots, best } = scratch;
        query_signs.clear();
        query_signs.extend(
            query.chunks_exact(64).map(|word| {
                word.iter().enumerate().fold(0, |signs, (bit, &code)| signs | (u64::from(code < 0) << bit))
            }),
        );
        distances.clear();
        self.kernel.distances(query_signs, self.signs(), distances);
        histogram.clear();
        histogram.resize(query.len() + 1, 0);
        for &distance in distances.iter() {
            histogram[usize::from(distance)] += 1;
        }
        let mut within = 0;
        let cut = histogram.iter().position(|&rows| {
            within += rows as usize;
            within >= candidates
        });
        let cut = cut.unwrap_or(query.len()) as u16;
        // The number of rows within the cut differs from query to query.
        rows.clear();
        rows.reserve(self.len());
        for (block, distances) in (0..).step_by(BLOCK).zip(distances.chunks(BLOCK)) {
            // Most blocks have no row within the cut, which the smallest distance tells without a branch per row.
            if distances.iter().fold(u16::MAX, |least, &distance| least.min(distance)) <= cut {
                let within = (block..).zip(distances).filter(|&(_, &distance)| distance <= cut);
                rows.extend(within.map(|(row, _)| row));
            }
        }
        dots.clear();
        dots.reserve(self.len());
        self.kernel.dots_at(query, self.codes(), rows, dots);
        self.rank(query, rows.iter().copied().zip(dots.iter().copied()), wanted, best);
    }

    /// Fills `best` with the `wanted` best SKUs of rows given in ascending order with their dot products.
    fn rank(&self, query: &[i8], rows: impl Iterator<Item = (u32, i32)>, wanted: usize, best: &mut Vec<Found>) {
        best.clear();
        best.reserve(wanted);
        let inverse_norm = vector::inverse_norm(query);
        let mut place = |found: Found| {
            let at = best.partition_point(|better| better.similarity >= found.similarity);
            if at < wanted {
                best.truncate(wanted - 1);
                best.insert(at, found);
            }
        };
        let mut current: Option<Found> = None;
        for (row, dot) in rows {
            let (sku, norm) = (self.sku_of[row as usize], self.inverse_norms[row as usize]);
            let similarity = vector::cosine(dot, inverse_norm, norm);
            match &mut current {
                Some(found) if found.sku == sku => {
                    if similarity > found.similarity {
                        *found = Found { sku, row, similarity, likeness: similarity };
                    }
                }
                _ => {
                    if let Some(done) = current.replace(Found { sku, row, similarity, likeness: similarity }) {
                        place(done);
                    }
                }
            }
        }
        if let Some(done) = current {
            place(done);
        }
    }
}
