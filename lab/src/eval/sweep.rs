//! Thresholds against the metrics, and the one to take.
//!
//! Owns the grid and the rule. The models run once for each photo, at the grid's lowest confidence and before suppression; every
//! box that survives suppression at some point of the grid is named; the rest is arithmetic. Closer looks are planned with the
//! shipped confidence throughout. Refuses to choose on labels without SKUs more than confidence and NMS.
//!
//! The rule. Of the points of confidence and NMS IoU that reach the recall wanted (of all, if none does), the one with the least
//! total-count MAE; of those within 1 % of it the one with the best F1. Then of the offsets of the unknown threshold that call at
//! most 4 % of the found known drinks unknown, the one that names the fewest drinks outside the list; of equals the one nearest 0.

use std::fs;

use shelfscan::{Detection, Rect, ScanOptions, Scanner, Suppression, Verdict, decode, suppress};

use super::result::{CandidateEntry, Found, Naming};
use super::{Detections, GroundTruth, TruthPhoto, judge};
use crate::error::{LabError, Result};
use crate::metrics::{IOU_COUNT, Ranking};

/// Most of the found known drinks that may be called unknown.
const KNOWN_UNKNOWN_MAX: f64 = 0.04;

/// A point of the grid of the detector's thresholds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectorPoint {
    /// Lowest score of a facing.
    pub confidence: f32,
    /// IoU above which two boxes are one facing.
    pub nms_iou: f32,
    /// Share of the labelled facings found.
    pub recall: f64,
    /// Share of the detections that have a label.
    pub precision: f64,
    /// Their harmonic mean.
    pub f1: f64,
    /// mAP@50 over the detections from the grid's lowest confidence on.
    pub map50: f64,
    /// Mean absolute error of a photo's number of facings.
    pub total_count_mae: f64,
}

/// A point of the grid of the unknown threshold, at the chosen point of the detector's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnknownPoint {
    /// Added to each SKU's own threshold.
    pub offset: f32,
    /// Share of the found drinks outside the list that are called a SKU; none without such.
    pub unknown_named: Option<f64>,
    /// Share of the found known drinks that are called unknown.
    pub known_unknown: f64,
    /// Share of the labelled known drinks found and rightly named.
    pub end_to_end: f64,
    /// Count MAE over pairs of photo and SKU.
    pub count_mae: f64,
}

/// What a sweep found.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// All points, in the order of the grid.
    pub detector: Vec<DetectorPoint>,
    /// The chosen one.
    pub chosen: DetectorPoint,
    /// All points; empty without labelled SKUs.
    pub unknown: Vec<UnknownPoint>,
    /// The chosen one.
    pub chosen_unknown: Option<UnknownPoint>,
    /// Why these, in a sentence.
    pub why: String,
}

/// A photo's sightings, with a name for each that is ever kept.
struct Seen<'a> {
    photo: &'a TruthPhoto,
    size: (u32, u32),
    sightings: Vec<Detection>,
    names: Vec<Option<shelfscan::Naming>>,
}

const CONFIDENCES: std::ops::RangeInclusive<u8> = 2..=14;
const NMS_IOUS: [f32; 5] = [0.4, 0.45, 0.5, 0.6, 0.7];

fn confidences() -> impl Iterator<Item = f32> {
    CONFIDENCES.map(|step| f32::from(step) / 20.0)
}

/// Sweeps the thresholds; `done` is called after each photo.
pub fn sweep(scanner: &Scanner, truth: &GroundTruth, recall_min: f64, done: impl Fn()) -> Result<Sweep> {
    if truth.data.facings == 0 {
        let reason = "no facings are labelled, so there is nothing to choose by";
        return Err(LabError::content(std::path::Path::new(&truth.data.name), reason));
    }
    let mut seen = Vec::with_capacity(truth.photos.len());
    for photo in &truth.photos {
        seen.push(look(scanner, photo)?);
        done();
    }
    let detector: Vec<DetectorPoint> = NMS_IOUS
        .into_iter()
        .flat_map(|nms_iou| confidences().map(move |confidence| (confidence, nms_iou)))
        .map(|(confidence, nms_iou)| detector_point(scanner, &seen, confidence, nms_iou))
        .collect();
    let reaching = detector.iter().any(|point| point.recall >= recall_min);
    let allowed = || detector.iter().filter(|point| !reaching || point.recall >= recall_min);
    let least = allowed().map(|point| point.total_count_mae).fold(f64::INFINITY, f64::min);
    let best = allowed().filter(|point| point.total_count_mae <= least * 1.01).max_by(|a, b| a.f1.total_cmp(&b.f1));
    let Some(&chosen) = best else {
        return Err(LabError::content(std::path::Path::new(&truth.data.name), "no facings are labelled"));
    };
    let has_skus = truth.photos.iter().flat_map(|photo| &photo.labels).any(|label| label.sku.is_some());
    let offsets = (-10i8..=20).map(|step| f32::from(step) / 100.0).filter(|_| has_skus);
    let unknown: Vec<UnknownPoint> = offsets.map(|offset| unknown_point(scanner, &seen, &chosen, offset)).collect();
    let named = |point: &UnknownPoint| point.unknown_named.unwrap_or(0.0);
    let chosen_unknown = unknown
        .iter()
        .filter(|point| point.known_unknown <= KNOWN_UNKNOWN_MAX && point.unknown_named.is_some())
        .min_by(|a, b| named(a).total_cmp(&named(b)).then(a.offset.abs().total_cmp(&b.offset.abs())))
        .copied();
    let of = if reaching {
        format!("of the points that reach recall {recall_min}")
    } else {
        format!("no point reaches recall {recall_min}, so of all points")
    };
    let mut why = format!(
        "{of} the least total-count MAE, {:.3}, and within 1 % of it the best F1, {:.3}",
        chosen.total_count_mae, chosen.f1
    );
    if let Some(point) = chosen_unknown {
        why += &format!(
            "; of the unknown offsets that call at most {:.0} % of known drinks unknown ({:.1} %) the one that names the fewest \
             unknown ones ({:.1} %)",
            100.0 * KNOWN_UNKNOWN_MAX,
            100.0 * point.known_unknown,
            100.0 * named(&point)
        );
    }
    Ok(Sweep { detector, chosen, unknown, chosen_unknown, why })
}

fn look<'a>(scanner: &Scanner, photo: &'a TruthPhoto) -> Result<Seen<'a>> {
    let refused = |reason: String| LabError::content(&photo.path, reason);
    let options = ScanOptions::default();
    let bytes = fs::read(&photo.path).map_err(LabError::file(&photo.path))?;
    let decoded = decode(&bytes, &options.limits).map_err(|error| refused(error.to_string()))?;
    let view = || decoded.view().map_err(|error| refused(error.to_string()));
    let size = view()?.frame().upright_size();
    let lowest = confidences().next().unwrap_or(0.1);
    let mut sightings = scanner.sightings(view()?, &options, lowest).map_err(|error| refused(error.to_string()))?;
    sightings.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept = vec![false; sightings.len()];
    for nms_iou in NMS_IOUS {
        survivors(scanner, &sightings, nms_iou).into_iter().for_each(|at| kept[at] = true);
    }
    let places: Vec<usize> = (0..kept.len()).filter(|&at| kept[at]).collect();
    let rects: Vec<Rect> = places.iter().map(|&at| sightings[at].rect).collect();
    let named = scanner.name_boxes(view()?, &rects, &options).map_err(|error| refused(error.to_string()))?;
    let mut names = vec![None; sightings.len()];
    places.into_iter().zip(named).for_each(|(at, named)| names[at] = Some(named));
    Ok(Seen { photo, size, sightings, names })
}

/// Places of the sightings that suppression leaves.
fn survivors(scanner: &Scanner, sightings: &[Detection], nms_iou: f32) -> Vec<usize> {
    // The class carries the place through the suppression, which is not per class.
    let mut left: Vec<Detection> =
        sightings.iter().enumerate().map(|(at, sighting)| Detection { class: at, ..*sighting }).collect();
    let inside = scanner.bundle().manifest().thresholds.nms_inside;
    suppress(&mut left, Suppression { iou: nms_iou, inside, per_class: false });
    left.into_iter().map(|left| left.class).collect()
}

fn judged(
    scanner: &Scanner,
    seen: &Seen<'_>,
    confidence: f32,
    nms_iou: f32,
    offset: f32,
) -> super::result::PhotoOutcome {
    let classes = &scanner.bundle().manifest().detector.classes;
    let (mut facings, mut weaker) = (Vec::new(), Vec::new());
    for at in survivors(scanner, &seen.sightings, nms_iou) {
        let Detection { rect, class, score } = seen.sightings[at];
        let rect = [rect.left, rect.top, rect.right, rect.bottom].map(f64::from);
        let (container, strength) = (classes[class].clone(), f64::from(score));
        if score >= confidence {
            let naming = seen.names[at].as_ref().map(|named| at_offset(scanner, named, offset)).unwrap_or_default();
            facings.push(Found { rect, container, score: strength, naming, row: 0 });
        } else {
            weaker.push(super::WeakDetection { rect, container, score: strength });
        }
    }
    judge(seen.photo, Detections { size: seen.size, facings, weaker, true_boxes: Vec::new() }, 1000)
}

/// The name that a box gets with another offset.
fn at_offset(scanner: &Scanner, named: &shelfscan::Naming, offset: f32) -> Naming {
    let best = named.candidates.first();
    let sku = best.and_then(|best| scanner.bundle().index().sku(&best.sku)).filter(|sku| {
        let ahead = named.candidates.len() < 2 || named.margin >= sku.min_margin;
        !matches!(named.verdict, Verdict::EmptyIndex | Verdict::OtherDrink)
            && named.similarity >= sku.threshold + offset
            && ahead
    });
    let candidate = |candidate: &shelfscan::Candidate| CandidateEntry {
        sku: candidate.sku.clone(),
        similarity: f64::from(candidate.similarity),
    };
    Naming {
        sku: sku.map(|sku| sku.id.to_owned()),
        margin: Some(f64::from(named.margin)),
        candidates: named.candidates.iter().map(candidate).collect(),
    }
}

fn share((hit, of): (f64, f64)) -> f64 {
    if of > 0.0 { hit / of } else { 0.0 }
}

fn totals(outcomes: &[super::result::PhotoOutcome]) -> Vec<(f64, f64)> {
    let mut totals = vec![(0.0, 0.0); super::figures::NAMES.len()];
    for outcome in outcomes {
        for (total, sum) in totals.iter_mut().zip(super::figures::sums(outcome)) {
            *total = (total.0 + sum.0, total.1 + sum.1);
        }
    }
    totals
}

fn total(totals: &[(f64, f64)], name: &str) -> (f64, f64) {
    let named = super::figures::NAMES.iter().zip(totals).find(|(known, _)| **known == name);
    named.map_or((0.0, 0.0), |(_, total)| *total)
}

fn detector_point(scanner: &Scanner, seen: &[Seen<'_>], confidence: f32, nms_iou: f32) -> DetectorPoint {
    let outcomes: Vec<_> = seen.iter().map(|seen| judged(scanner, seen, confidence, nms_iou, 0.0)).collect();
    let sums = totals(&outcomes);
    let (recall, precision) = (share(total(&sums, "recall")), share(total(&sums, "precision")));
    let f1 = if recall + precision > 0.0 { 2.0 * recall * precision / (recall + precision) } else { 0.0 };
    let ranking = Ranking::new(outcomes.iter().map(|photo| (photo.labelled, photo.ranked.as_slice())));
    let map50 = ranking.average_precision(None).map_or(0.0, |average: [f64; IOU_COUNT]| average[0]);
    let total_count_mae = share(total(&sums, "total_count_mae"));
    DetectorPoint { confidence, nms_iou, recall, precision, f1, map50, total_count_mae }
}

fn unknown_point(scanner: &Scanner, seen: &[Seen<'_>], at: &DetectorPoint, offset: f32) -> UnknownPoint {
    let outcomes: Vec<_> = seen.iter().map(|seen| judged(scanner, seen, at.confidence, at.nms_iou, offset)).collect();
    let sums = totals(&outcomes);
    let unknown = total(&sums, "unknown_named");
    UnknownPoint {
        offset,
        unknown_named: (unknown.1 > 0.0).then(|| share(unknown)),
        known_unknown: share(total(&sums, "known_unknown")),
        end_to_end: share(total(&sums, "end_to_end")),
        count_mae: share(total(&sums, "count_mae")),
    }
}
