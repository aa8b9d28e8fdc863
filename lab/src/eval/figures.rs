//! All photos: the figures and their intervals.
//!
//! Owns what each figure is a share or mean of. Every figure is a sum over photos divided by another, or average precision, so a
//! resample of photos gives each again; the same sums serve the comparison of two results.

use std::collections::{BTreeMap, BTreeSet};

use super::Targets;
use super::result::{
    Confusion, ContainerFigures, CurvePoint, DataEntry, EvalResult, FacingOutcome, Figure, Figures, Judged, Naming,
    Outcome, PhotoOutcome, SCHEMA, Settings, SkuFigures,
};
use crate::dataset::UNKNOWN;
use crate::metrics::{IOU_COUNT, Ranking, Weights, interval};

/// What a result says besides the figures.
#[derive(Clone, Debug)]
pub struct Header {
    /// What was judged.
    pub judged: Judged,
    /// On what.
    pub data: DataEntry,
    /// How.
    pub settings: Settings,
    /// Warnings of the way there.
    pub warnings: Vec<String>,
}

/// The result over judged photos.
pub fn conclude(header: Header, targets: &Targets, photos: Vec<PhotoOutcome>) -> EvalResult {
    let figures = figures(&photos, &header.settings);
    let curve = Ranking::new(photos.iter().map(|photo| (photo.labelled, photo.ranked.as_slice()))).curve();
    let curve = curve.into_iter().map(|(recall, precision, score)| CurvePoint { recall, precision, score }).collect();
    let mut notes = header.warnings;
    notes.extend(notes_of(&header.settings));
    EvalResult {
        schema: SCHEMA,
        judged: header.judged,
        data: header.data,
        targets: targets.judge(&figures),
        skus: skus(&photos),
        containers: containers(&photos),
        confusions: confusions(&photos),
        curve,
        figures,
        settings: header.settings,
        notes,
        photos,
    }
}

fn notes_of(settings: &Settings) -> [String; 4] {
    [
        format!(
            "average precision ranks the best {} detections of each photo (maxDets; COCO's own default is 100) down to score {}; mAP@50 \
             and mAP@50-95 take all containers for one class, the figures by container are meaned over kinds",
            settings.max_dets, settings.lowest_confidence
        ),
        format!("all other figures are of detections from score {} on, matched at IoU 0.5", settings.confidence),
        "count MAE is over every pair of photo and SKU where the SKU is labelled or was named; pairs with neither are left \
         out, as zeros would flatter it"
            .into(),
        format!("intervals are 95 %, from {} resamples of whole photos", settings.resamples),
    ]
}

/// Sums of one photo: for each figure what it counts, and of how many.
pub(super) type Sums = [(f64, f64); SUMS];
const SUMS: usize = 15;

/// Names of the sums, as the fields of [`Figures`].
pub(super) const NAMES: [&str; SUMS] = [
    "recall",
    "precision",
    "false_per_photo",
    "container_accuracy",
    "top1",
    "top3",
    "top1_accepted",
    "top1_true_boxes",
    "top3_true_boxes",
    "top1_accepted_true_boxes",
    "end_to_end",
    "count_mae",
    "total_count_mae",
    "unknown_named",
    "known_unknown",
];

/// Whether the best candidate is right, whether one of the best three is, and whether it was named so.
fn naming(sku: &str, naming: &Naming) -> [bool; 3] {
    let is = |candidate: &super::result::CandidateEntry| candidate.sku == sku;
    let accepted = naming.sku.as_deref() == Some(sku);
    // Predictions may have names without candidates.
    let first = if naming.candidates.is_empty() { accepted } else { naming.candidates.first().is_some_and(is) };
    [first, first || naming.candidates.iter().take(3).any(is), accepted]
}

pub(super) fn sums(photo: &PhotoOutcome) -> Sums {
    let mut sums = [(0.0, 0.0); SUMS];
    let mut add = |at: usize, hit: bool| {
        sums[at].0 += f64::from(u8::from(hit));
        sums[at].1 += 1.0;
    };
    for FacingOutcome { outcome, label, detection, .. } in &photo.facings {
        if matches!(outcome, Outcome::Ignored | Outcome::Region) {
            continue;
        }
        if detection.is_some() {
            add(1, label.is_some());
        }
        let Some(label) = label else { continue };
        add(0, detection.is_some());
        let known = label.sku.as_deref().filter(|sku| *sku != UNKNOWN);
        if let (Some(sku), Some(named)) = (known, &label.named) {
            naming(sku, named).into_iter().zip(7..).for_each(|(hit, at)| add(at, hit));
        }
        if known.is_some() {
            add(10, *outcome == Outcome::Right);
        }
        let Some(found) = detection else { continue };
        if let Some(container) = &label.container {
            add(3, *container == found.container);
        }
        if let Some(sku) = known {
            naming(sku, &found.naming).into_iter().zip(4..).for_each(|(hit, at)| add(at, hit));
            add(14, found.naming.sku.is_none());
        } else if label.sku.is_some() {
            add(13, found.naming.sku.is_some());
        }
    }
    let unlabelled = photo.facings.iter().filter(|facing| facing.outcome == Outcome::False).count();
    sums[2] = (unlabelled as f64, 1.0);
    let errors = photo.counts.iter().map(|count| f64::from(count.labelled.abs_diff(count.named)));
    sums[11] = (errors.sum(), photo.counts.len() as f64);
    sums[12] = (f64::from(photo.labelled.abs_diff(photo.found)), 1.0);
    sums
}

/// Everything a resample needs.
pub(super) struct Prepared<'a> {
    sums: Vec<Sums>,
    all: Ranking,
    kinds: Vec<Ranking>,
    /// For each SKU its error on each photo where it counts.
    skus: Vec<Vec<(usize, f64)>>,
    has_skus: bool,
    photos: &'a [PhotoOutcome],
}

impl<'a> Prepared<'a> {
    pub(super) fn new(photos: &'a [PhotoOutcome]) -> Self {
        let mut skus: BTreeMap<&str, Vec<(usize, f64)>> = BTreeMap::new();
        for (at, photo) in photos.iter().enumerate() {
            for count in &photo.counts {
                skus.entry(&count.sku).or_default().push((at, f64::from(count.labelled.abs_diff(count.named))));
            }
        }
        let all = Ranking::new(photos.iter().map(|photo| (photo.labelled, photo.ranked.as_slice())));
        let kinds = kinds(photos).into_iter().map(|kind| ranking_of(photos, kind)).collect();
        let labels = || photos.iter().flat_map(|photo| &photo.facings).filter_map(|facing| facing.label.as_ref());
        let has_skus = labels().any(|label| label.sku.as_deref().is_some_and(|sku| sku != UNKNOWN));
        Self {
            sums: photos.iter().map(sums).collect(),
            all,
            kinds,
            skus: skus.into_values().collect(),
            has_skus,
            photos,
        }
    }

    /// Every figure in the order of [`Prepared::names`], photos counting as often as `weights` says.
    pub(super) fn values(&self, weights: Option<&[u32]>) -> Vec<Option<f64>> {
        let weight = |photo: usize| weights.map_or(1.0, |weights| f64::from(weights[photo]));
        let mut totals = [(0.0, 0.0); SUMS];
        for (photo, sums) in self.sums.iter().enumerate() {
            for (total, sum) in totals.iter_mut().zip(sums) {
                total.0 += weight(photo) * sum.0;
                total.1 += weight(photo) * sum.1;
            }
        }
        let mut values: Vec<Option<f64>> = totals.iter().map(|(sum, of)| (*of > 0.0).then(|| sum / of)).collect();
        let of_sku = |errors: &Vec<(usize, f64)>| {
            let of: f64 = errors.iter().map(|(photo, _)| weight(*photo)).sum();
            (of > 0.0).then(|| errors.iter().map(|(photo, error)| weight(*photo) * error).sum::<f64>() / of)
        };
        if !self.has_skus {
            values[11] = None;
        }
        values.push(mean(self.skus.iter().filter_map(of_sku)).filter(|_| self.has_skus));
        let all = self.all.average_precision(weights);
        let kinds: Vec<[f64; IOU_COUNT]> =
            self.kinds.iter().filter_map(|kind| kind.average_precision(weights)).collect();
        values.push(all.map(|all| all[0]));
        values.push(all.and_then(mean));
        values.push(mean(kinds.iter().map(|kind| kind[0])));
        values.push(mean(kinds.into_iter().flatten()));
        values
    }

    /// Names of the figures.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().chain(["count_mae_by_sku", "map50", "map50_95", "map50_containers", "map50_95_containers"])
    }

    fn of(&self) -> Vec<u64> {
        let mut of: Vec<u64> =
            (0..SUMS).map(|at| self.sums.iter().map(|sums| sums[at].1).sum::<f64>() as u64).collect();
        let labelled = self.photos.iter().map(|photo| u64::from(photo.labelled)).sum();
        let of_kinds = self.photos.iter().flat_map(|photo| photo.by_container.values());
        let of_kinds = of_kinds.map(|kind| u64::from(kind.labelled)).sum();
        of.extend([self.skus.len() as u64, labelled, labelled, of_kinds, of_kinds]);
        of
    }
}

fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (sum, of) = values.into_iter().fold((0.0, 0u32), |(sum, of), value| (sum + value, of + 1));
    (of > 0).then(|| sum / f64::from(of))
}

fn figures(photos: &[PhotoOutcome], settings: &Settings) -> Figures {
    let prepared = Prepared::new(photos);
    let weights = Weights::new(photos.len(), settings.resamples as usize, settings.seed);
    let draws: Vec<Vec<Option<f64>>> = weights.draws().map(|draw| prepared.values(Some(&draw))).collect();
    let of = prepared.of();
    let figures: BTreeMap<&str, Figure> = Prepared::names()
        .zip(prepared.values(None))
        .enumerate()
        .map(|(at, (name, value))| {
            let range = interval(draws.iter().map(|draw| draw[at]));
            let (low, high) = (range.map(|(low, _)| low), range.map(|(_, high)| high));
            (name, Figure { value, low, high, of: if value.is_some() { of[at] } else { 0 } })
        })
        .collect();
    let figure = |name: &str| figures.get(name).copied().unwrap_or_default();
    Figures {
        recall: figure("recall"),
        precision: figure("precision"),
        false_per_photo: figure("false_per_photo"),
        map50: figure("map50"),
        map50_95: figure("map50_95"),
        map50_containers: figure("map50_containers"),
        map50_95_containers: figure("map50_95_containers"),
        container_accuracy: figure("container_accuracy"),
        top1: figure("top1"),
        top3: figure("top3"),
        top1_accepted: figure("top1_accepted"),
        top1_true_boxes: figure("top1_true_boxes"),
        top3_true_boxes: figure("top3_true_boxes"),
        top1_accepted_true_boxes: figure("top1_accepted_true_boxes"),
        end_to_end: figure("end_to_end"),
        count_mae: figure("count_mae"),
        count_mae_by_sku: figure("count_mae_by_sku"),
        total_count_mae: figure("total_count_mae"),
        unknown_named: figure("unknown_named"),
        known_unknown: figure("known_unknown"),
    }
}

/// Kinds of containers that are labelled.
fn kinds(photos: &[PhotoOutcome]) -> BTreeSet<&str> {
    let kinds = photos.iter().flat_map(|photo| &photo.by_container).filter(|(_, ranked)| ranked.labelled > 0);
    kinds.map(|(kind, _)| kind.as_str()).collect()
}

fn ranking_of(photos: &[PhotoOutcome], kind: &str) -> Ranking {
    Ranking::new(photos.iter().map(|photo| match photo.by_container.get(kind) {
        Some(ranked) => (ranked.labelled, ranked.ranked.as_slice()),
        None => (0, [].as_slice()),
    }))
}

fn containers(photos: &[PhotoOutcome]) -> Vec<ContainerFigures> {
    let figures = |kind: &str| {
        let average = ranking_of(photos, kind).average_precision(None);
        let labelled = photos.iter().filter_map(|photo| photo.by_container.get(kind)).map(|kind| kind.labelled).sum();
        let ap50_95 = average.and_then(mean);
        ContainerFigures { container: kind.into(), labelled, ap50: average.map(|average| average[0]), ap50_95 }
    };
    kinds(photos).into_iter().map(figures).collect()
}

fn skus(photos: &[PhotoOutcome]) -> Vec<SkuFigures> {
    let mut skus: BTreeMap<String, SkuFigures> = BTreeMap::new();
    let mut errors: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    fn entry<'a>(skus: &'a mut BTreeMap<String, SkuFigures>, sku: &str) -> &'a mut SkuFigures {
        skus.entry(sku.into()).or_insert_with(|| SkuFigures {
            sku: sku.into(),
            labelled: 0,
            found: 0,
            top1: 0,
            top3: 0,
            called_unknown: 0,
            right: 0,
            named: 0,
            top1_true_boxes: None,
            count_mae: None,
        })
    }
    for photo in photos {
        for FacingOutcome { outcome, label, detection, .. } in &photo.facings {
            if matches!(outcome, Outcome::Ignored | Outcome::Region | Outcome::Found) {
                continue;
            }
            if let Some(named) = detection.as_ref().and_then(|found| found.naming.sku.as_deref()) {
                entry(&mut skus, named).named += 1;
            }
            let Some((label, sku)) = label.as_ref().and_then(|label| Some((label, label.sku.as_deref()?))) else {
                continue;
            };
            let figures = entry(&mut skus, sku);
            figures.labelled += 1;
            figures.right += u32::from(*outcome == Outcome::Right);
            if let Some(named) = &label.named {
                *figures.top1_true_boxes.get_or_insert(0) += u32::from(naming(sku, named)[0]);
            }
            if let Some(found) = detection {
                let [first, third, _] = naming(sku, &found.naming);
                figures.found += 1;
                figures.top1 += u32::from(first);
                figures.top3 += u32::from(third);
                figures.called_unknown += u32::from(found.naming.sku.is_none());
            }
        }
        for count in &photo.counts {
            errors.entry(&count.sku).or_default().push(f64::from(count.labelled.abs_diff(count.named)));
        }
    }
    for (sku, errors) in errors {
        entry(&mut skus, sku).count_mae = mean(errors);
    }
    skus.into_values().collect()
}

fn confusions(photos: &[PhotoOutcome]) -> Vec<Confusion> {
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for facing in photos.iter().flat_map(|photo| &photo.facings).filter(|facing| facing.outcome == Outcome::WrongSku) {
        let labelled = facing.label.as_ref().and_then(|label| label.sku.as_deref());
        let named = facing.detection.as_ref().and_then(|found| found.naming.sku.as_deref());
        if let (Some(labelled), Some(named)) = (labelled, named) {
            *counts.entry((labelled, named)).or_default() += 1;
        }
    }
    let confusion = |((labelled, named), count): ((&str, &str), u32)| Confusion {
        labelled: labelled.into(),
        named: named.into(),
        count,
    };
    let mut confusions: Vec<Confusion> = counts.into_iter().map(confusion).collect();
    confusions.sort_by_key(|confusion| std::cmp::Reverse(confusion.count));
    confusions
}
