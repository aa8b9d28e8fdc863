//! A bundle at work on the photos.
//!
//! Owns that the facings judged are those of a scan with the same options, and that each photo goes through the detector once.

use std::fs;

use shelfscan::{Facing, Rect, ScanOptions, Scanner, Sighting, decode};

use super::result::{CandidateEntry, Found, Naming};
use super::{Detections, TruthPhoto, WeakDetection};
use crate::error::{LabError, Result};

/// How the photos are scanned.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// As for any scan.
    pub scan: ScanOptions,
    /// Lowest score that average precision ranks.
    pub lowest: f32,
    /// Whether the labels' own boxes are named too.
    pub true_boxes: bool,
}

/// Scans a photo.
pub fn scan_photo(scanner: &Scanner, photo: &TruthPhoto, options: &RunOptions) -> Result<Detections> {
    let refused = |reason: String| LabError::content(&photo.path, reason);
    let bytes = fs::read(&photo.path).map_err(LabError::file(&photo.path))?;
    let decoded = decode(&bytes, &options.scan.limits).map_err(|error| refused(error.to_string()))?;
    let view = decoded.view().map_err(|error| refused(error.to_string()))?;
    let scanned = scanner.scan_and_weaker(view, &options.scan, options.lowest);
    let (result, weaker) = scanned.map_err(|error| refused(error.to_string()))?;
    let size = (result.width, result.height);
    if let Some((width, height)) = photo.size.filter(|labelled| *labelled != size) {
        return Err(refused(format!("{}x{}, but its labels are for {width}x{height}", size.0, size.1)));
    }
    let mut found = detections(size, &result.facings, &weaker);
    if options.true_boxes {
        let rect = |[left, top, right, bottom]: [f32; 4]| Rect::new(left, top, right, bottom);
        let rects: Vec<Rect> =
            photo.labels.iter().map(|label| rect(label.extent.pixels(size).map(|edge| edge as f32))).collect();
        let view = decoded.view().map_err(|error| refused(error.to_string()))?;
        let named = scanner.name_boxes(view, &rects, &options.scan).map_err(|error| refused(error.to_string()))?;
        found.true_boxes = named.iter().map(|named| naming(&named.sku, named.margin, &named.candidates)).collect();
    }
    Ok(found)
}

/// A scan's facings and what was weaker, as they are judged.
pub fn detections(size: (u32, u32), facings: &[Facing], weaker: &[Sighting]) -> Detections {
    let found = |facing: &Facing| Found {
        rect: facing.rect.map(decimal),
        container: facing.container.clone(),
        score: decimal(facing.score),
        naming: naming(&facing.sku, facing.margin, &facing.candidates),
        row: facing.row,
    };
    let weak = |weak: &Sighting| WeakDetection {
        rect: weak.rect.map(decimal),
        container: weak.container.clone(),
        score: decimal(weak.score),
    };
    let (facings, weaker) = (facings.iter().map(found).collect(), weaker.iter().map(weak).collect());
    Detections { size, facings, weaker, true_boxes: Vec::new() }
}

fn naming(sku: &Option<String>, margin: f32, candidates: &[shelfscan::Candidate]) -> Naming {
    let candidate = |candidate: &shelfscan::Candidate| CandidateEntry {
        sku: candidate.sku.clone(),
        similarity: decimal(candidate.similarity),
    };
    Naming { sku: sku.clone(), margin: Some(decimal(margin)), candidates: candidates.iter().map(candidate).collect() }
}

/// The number that JSON shows: 0.1 and not 0.10000000149, so that a result judged from a file is the same to the bit.
fn decimal(number: f32) -> f64 {
    (f64::from(number) * 10_000.0).round() / 10_000.0
}
