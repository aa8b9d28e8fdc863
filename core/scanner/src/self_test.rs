//! The golden self-test: a stored picture must give its stored boxes and embedding on this machine.
//!
//! Owns the tolerances. They let pass what differs between processors and resizers (rounding of int8 kernels, a pixel value),
//! and nothing that would change a count: a broken delegate or a wrong runtime is far outside.

use std::fs;
use std::path::Path;

use shelfscan_vision::nms::{Suppression, suppress};
use shelfscan_vision::{DecodeLimits, Detection, Letterbox, Rect, decode};

use crate::manifest::Manifest;
use crate::models::{Detector, Embedder, Workbench};
use crate::result::Timings;
use crate::{BundleError, ScanError};

/// Least IoU of a box with its golden one.
const IOU: f32 = 0.8;
/// Most that a score may differ.
const SCORE: f32 = 0.12;
/// Least cosine of the embedding with its golden one.
const COSINE: f32 = 0.97;

pub(crate) fn run(
    folder: &Path,
    manifest: &Manifest,
    detector: &Detector,
    embedder: &Embedder,
) -> Result<(), BundleError> {
    let path = folder.join(&manifest.self_test.picture);
    let bytes = fs::read(&path).map_err(|source| BundleError::File { path: path.clone(), source })?;
    let fault = |reason: String| BundleError::SelfTest { path: folder.into(), reason };
    match compare(&bytes, manifest, detector, embedder) {
        Ok(None) => Ok(()),
        Ok(Some(difference)) => Err(fault(difference)),
        Err(error) => Err(fault(error.to_string())),
    }
}

fn compare(
    bytes: &[u8],
    manifest: &Manifest,
    detector: &Detector,
    embedder: &Embedder,
) -> Result<Option<String>, ScanError> {
    let photo = decode(bytes, &DecodeLimits::default())?;
    let frame = photo.view()?.frame();
    let (mut bench, mut timings) = (Workbench::default(), Timings::default());
    let golden = &manifest.self_test;
    let (width, height) = detector.input_size();
    let letterbox = Letterbox::new(frame.bounds(), width, height);
    let lowest = golden.facings.iter().map(|facing| facing.score).fold(1.0, f32::min);
    let confidence = (lowest - SCORE).clamp(0.01, 0.99);
    detector.look(&mut *detector.interpreter()?, &frame, &letterbox, confidence, &mut bench, &mut timings)?;
    let rule = Suppression { iou: manifest.thresholds.nms_iou, inside: 1.0, per_class: false };
    suppress(&mut bench.detections, rule);
    for facing in &golden.facings {
        let [left, top, right, bottom] = facing.rect;
        let rect = Rect::new(left, top, right, bottom);
        let same = |found: &&Detection| {
            manifest.detector.classes[found.class] == facing.class
                && found.rect.iou(&rect) >= IOU
                && (found.score - facing.score).abs() <= SCORE
        };
        if !bench.detections.iter().any(|found| same(&found)) {
            let nearest = bench.detections.iter().max_by(|a, b| a.rect.iou(&rect).total_cmp(&b.rect.iou(&rect)));
            let nearest = nearest.map_or_else(
                || "nothing".into(),
                |found| {
                    let class = &manifest.detector.classes[found.class];
                    format!("{class} with score {:.2} and IoU {:.2}", found.score, found.rect.iou(&rect))
                },
            );
            return Ok(Some(format!("{} with score {:.2} expected, {nearest} found", facing.class, facing.score)));
        }
    }
    let [left, top, right, bottom] = golden.embedding.rect;
    let rect = Rect::new(left, top, right, bottom);
    embedder.embed(&mut *embedder.interpreter()?, &frame, &rect, &mut bench, &mut timings)?;
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let (got, expected) = (&bench.embedding, &golden.embedding.values);
    let cosine = dot(got, expected) / (dot(got, got) * dot(expected, expected)).sqrt();
    let close = cosine >= COSINE;
    Ok((!close)
        .then(|| format!("the embedding's cosine with the stored one is {cosine:.3}, at least {COSINE} expected")))
}
