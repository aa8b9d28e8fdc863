//! Several photos' results as one JSON document, schema 1 (RESULT.md).
//!
//! Owns the document that the command line writes, the phones hand to their app and the server answers with: the same bytes for
//! the same results. Refuses to write files.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Count, ScanResult};

/// The results of some photos and their sums.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    schema: u32,
    photos: Vec<Scanned<'a>>,
    total: Total,
    failed: Vec<Failed>,
}

#[derive(Debug, Serialize)]
struct Scanned<'a> {
    file: String,
    #[serde(flatten)]
    result: &'a ScanResult,
}

/// Facings of some photos together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Facings named, for each SKU, most first, then by id.
    pub counts: Vec<Count>,
    /// Facings that are no SKU of the bundle, or not surely one.
    pub unknown: u32,
}

/// A photo that could not be scanned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// The photo, as it was named.
    pub file: String,
    /// Why.
    pub error: String,
}

impl<'a> Report<'a> {
    /// The report on photos by their names, and on those that failed.
    pub fn new(photos: impl IntoIterator<Item = (String, &'a ScanResult)>, failed: Vec<Failed>) -> Self {
        let photos: Vec<Scanned<'a>> = photos.into_iter().map(|(file, result)| Scanned { file, result }).collect();
        let total = Total::of(photos.iter().map(|scanned| scanned.result));
        Self { schema: 1, photos, total, failed }
    }

    /// The sums over the photos that were scanned.
    pub fn total(&self) -> &Total {
        &self.total
    }

    /// Indented JSON that ends with a line feed.
    ///
    /// # Errors
    /// None that the types here allow; a number that is not finite would be written as `null`.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }
}

impl Total {
    /// The sums of `results`.
    pub fn of<'a>(results: impl Iterator<Item = &'a ScanResult>) -> Self {
        let mut unknown = 0;
        let mut by_sku: BTreeMap<&str, Count> = BTreeMap::new();
        for result in results {
            unknown += result.unknown;
            for count in &result.counts {
                let sum = by_sku.entry(&count.sku).or_insert_with(|| Count { count: 0, ..count.clone() });
                sum.count += count.count;
            }
        }
        let mut counts: Vec<Count> = by_sku.into_values().collect();
        counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.sku.cmp(&b.sku)));
        Self { counts, unknown }
    }
}
