//! One photo: which label each detection is, and what came of it.
//!
//! Owns the match at IoU 0.5, which asks for a facing and not for its container or SKU, and the counts that follow from it.

use std::collections::BTreeMap;

use shelfscan::{Rect, places};

use super::TruthPhoto;
use super::result::{ContainerRanked, CountOutcome, FacingOutcome, Found, Label, Naming, Outcome, PhotoOutcome};
use crate::dataset::UNKNOWN;
use crate::metrics::{ScoredBox, TrueBox, match_photo};

/// What was detected on a photo.
#[derive(Clone, Debug)]
pub struct Detections {
    /// Upright pixels.
    pub size: (u32, u32),
    /// Facings at the shipped threshold, named.
    pub facings: Vec<Found>,
    /// Weaker detections, for average precision alone.
    pub weaker: Vec<WeakDetection>,
    /// What the labels' own boxes were named, in their order; empty where they were not.
    pub true_boxes: Vec<Naming>,
}

/// A detection below the shipped threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct WeakDetection {
    /// Left, top, right, bottom in pixels.
    pub rect: [f64; 4],
    /// Kind of container.
    pub container: String,
    /// Score, 0..=1.
    pub score: f64,
}

/// Judges a photo's detections by its labels.
pub fn judge(photo: &TruthPhoto, detections: Detections, max_dets: usize) -> PhotoOutcome {
    let Detections { size, facings: found, weaker, true_boxes } = detections;
    let rects: Vec<[f64; 4]> = photo.labels.iter().map(|label| label.extent.pixels(size)).collect();
    let scored: Vec<(ScoredBox, &str)> = found
        .iter()
        .map(|found| (scored(found.rect, found.score), found.container.as_str()))
        .chain(weaker.iter().map(|weak| (scored(weak.rect, weak.score), weak.container.as_str())))
        .collect();
    let truth: Vec<TrueBox> = photo
        .labels
        .iter()
        .zip(&rects)
        .map(|(label, &rect)| TrueBox { xywh: xywh(rect), crowd: label.ignore })
        .collect();
    let boxes: Vec<ScoredBox> = scored.iter().map(|(found, _)| *found).collect();
    let mut matched = match_photo(&truth, &boxes, usize::MAX);
    let mut label_of = vec![None; scored.len()];
    for (&at, &label) in matched.order.iter().zip(&matched.at_50) {
        label_of[at] = label;
    }
    matched.ranked.truncate(max_dets);
    let by_container = by_container(photo, &truth, &scored, max_dets);

    let rows = rows(&rects);
    let mut labels: Vec<Option<Label>> = photo
        .labels
        .iter()
        .zip(&rects)
        .zip(rows)
        .enumerate()
        .map(|(at, ((label, &rect), row))| {
            Some(Label {
                rect,
                container: label.container.clone(),
                sku: label.sku.clone(),
                at: label.at.clone(),
                added: label.added,
                row,
                named: true_boxes.get(at).cloned(),
            })
        })
        .collect();
    let mut facings = Vec::with_capacity(labels.len());
    let mut regions = Vec::new();
    for (at, found) in found.into_iter().enumerate() {
        let label = label_of[at];
        let ignored = label.is_some_and(|label| photo.labels[label].ignore);
        let label = label.filter(|_| !ignored).and_then(|label| labels[label].take());
        let outcome = if ignored { Outcome::Ignored } else { outcome(label.as_ref(), &found) };
        let iou = label.as_ref().map(|label| iou(label.rect, found.rect));
        facings.push(FacingOutcome { outcome, label, detection: Some(found), iou });
    }
    for (label, truth) in labels.into_iter().zip(&photo.labels) {
        let Some(label) = label else { continue };
        let outcome = if truth.ignore { Outcome::Region } else { Outcome::Missed };
        let facing = FacingOutcome { outcome, label: Some(label), detection: None, iou: None };
        if truth.ignore { regions.push(facing) } else { facings.push(facing) }
    }
    facings.append(&mut regions);
    let counts = counts(&facings);
    let labelled = matched.countable;
    let counted = |facing: &&FacingOutcome| facing.detection.is_some() && facing.outcome != Outcome::Ignored;
    let found = facings.iter().filter(counted).count() as u32;
    let (width, height) = size;
    let (name, ranked) = (photo.name.clone(), matched.ranked);
    PhotoOutcome { name, width, height, labelled, found, facings, counts, ranked, by_container }
}

fn outcome(label: Option<&Label>, found: &Found) -> Outcome {
    let Some(label) = label else { return Outcome::False };
    match (label.sku.as_deref(), found.naming.sku.as_deref()) {
        (None, _) => Outcome::Found,
        (Some(UNKNOWN), None) => Outcome::Right,
        (Some(labelled), Some(named)) if labelled == named => Outcome::Right,
        (Some(_), Some(_)) => Outcome::WrongSku,
        (Some(_), None) => Outcome::NotNamed,
    }
}

/// Counts of the SKUs that are labelled or were named; a name on a facing whose SKU is not labelled is neither right nor wrong.
fn counts(facings: &[FacingOutcome]) -> Vec<CountOutcome> {
    let mut counts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for facing in facings {
        if matches!(facing.outcome, Outcome::Ignored | Outcome::Region | Outcome::Found) {
            continue;
        }
        let labelled = facing.label.as_ref().and_then(|label| label.sku.as_deref()).filter(|sku| *sku != UNKNOWN);
        let named = facing.detection.as_ref().and_then(|found| found.naming.sku.as_deref());
        if let Some(sku) = labelled {
            counts.entry(sku).or_default().0 += 1;
        }
        if let Some(sku) = named {
            counts.entry(sku).or_default().1 += 1;
        }
    }
    counts.into_iter().map(|(sku, (labelled, named))| CountOutcome { sku: sku.into(), labelled, named }).collect()
}

/// The detections of each kind of container against the labels of that kind. A label without a kind is an ignored region for all.
fn by_container(
    photo: &TruthPhoto,
    truth: &[TrueBox],
    scored: &[(ScoredBox, &str)],
    max_dets: usize,
) -> BTreeMap<String, ContainerRanked> {
    let labelled = photo.labels.iter().filter(|label| !label.ignore).filter_map(|label| label.container.as_deref());
    let mut kinds: BTreeMap<String, ContainerRanked> = BTreeMap::new();
    for kind in labelled.chain(scored.iter().map(|(_, kind)| *kind)) {
        if kinds.contains_key(kind) {
            continue;
        }
        let of_kind = |container: Option<&str>| container.is_none_or(|container| container == kind);
        let truth: Vec<TrueBox> = photo
            .labels
            .iter()
            .zip(truth)
            .filter(|(label, _)| label.ignore || of_kind(label.container.as_deref()))
            .map(|(label, truth)| TrueBox { crowd: label.ignore || label.container.is_none(), ..*truth })
            .collect();
        let found: Vec<ScoredBox> =
            scored.iter().filter(|(_, container)| *container == kind).map(|(found, _)| *found).collect();
        let matched = match_photo(&truth, &found, max_dets);
        kinds.insert(kind.into(), ContainerRanked { labelled: matched.countable, ranked: matched.ranked });
    }
    kinds
}

pub(super) fn rows(rects: &[[f64; 4]]) -> Vec<u32> {
    let rects: Vec<Rect> =
        rects.iter().map(|rect| rect.map(|edge| edge as f32)).map(|[l, t, r, b]| Rect::new(l, t, r, b)).collect();
    places(&rects).into_iter().map(|place| place.row).collect()
}

fn scored(rect: [f64; 4], score: f64) -> ScoredBox {
    ScoredBox { xywh: xywh(rect), score }
}

fn xywh([left, top, right, bottom]: [f64; 4]) -> [f64; 4] {
    [left, top, right - left, bottom - top]
}

fn iou(a: [f64; 4], b: [f64; 4]) -> f64 {
    let width = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    let area = |rect: [f64; 4]| (rect[2] - rect[0]) * (rect[3] - rect[1]);
    width * height / (area(a) + area(b) - width * height)
}
