//! Average precision of boxes, as pycocotools' `COCOeval` computes it for all areas.
//!
//! Per photo and class, detections in the order of their scores (ties in the order given) each take the label with the highest
//! IoU that is free and reaches the threshold; crowd regions come last, may be taken any number of times, and measure the overlap
//! by the detection's area alone. What takes a crowd region is neither right nor wrong. Precision is made monotonous from the
//! right and read at 101 recalls.
//!
//! Two things are different on purpose. Labels have no ids: pycocotools stores the id of the label taken and takes 0 for "none",
//! so there a label with id 0 is never found. And a figure that does not exist (no labels) is `None`, where pycocotools has -1.

use serde::{Deserialize, Serialize};

/// Number of IoU thresholds.
pub const IOU_COUNT: usize = 10;
/// Number of recalls at which precision is read.
const RECALLS: usize = 101;

/// A labelled box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrueBox {
    /// Left, top, width, height.
    pub xywh: [f64; 4],
    /// A region where detections are neither right nor wrong (`iscrowd`).
    pub crowd: bool,
}

/// A detected box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoredBox {
    /// Left, top, width, height.
    pub xywh: [f64; 4],
    /// Higher is surer; not NaN.
    pub score: f64,
}

/// A detection as average precision sees it. Bit `i` of the masks is for IoU `0.5 + 0.05 i`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// Its score.
    pub score: f64,
    /// At which IoUs it has a label of its own.
    pub hit: u16,
    /// At which IoUs it is neither right nor wrong.
    pub ignored: u16,
}

/// The detections of one photo and class, matched to its labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matched {
    /// Best first.
    pub ranked: Vec<Ranked>,
    /// For each of `ranked` its place among the detections given.
    pub order: Vec<usize>,
    /// For each of `ranked` the label it takes at IoU 0.5.
    pub at_50: Vec<Option<usize>>,
    /// Labels that are no crowd.
    pub countable: u32,
}

/// 0.50, 0.55, ... 0.95, to the bit as numpy's `linspace` has them.
pub fn iou_thresholds() -> [f64; IOU_COUNT] {
    let mut thresholds = [0.95; IOU_COUNT];
    let step = (0.95 - 0.5) / (IOU_COUNT - 1) as f64;
    for (at, threshold) in thresholds.iter_mut().enumerate().take(IOU_COUNT - 1) {
        *threshold = at as f64 * step + 0.5;
    }
    thresholds
}

/// Matches the detections of one photo and class to its labels. At most the best `max_dets` detections are looked at.
pub fn match_photo(truth: &[TrueBox], found: &[ScoredBox], max_dets: usize) -> Matched {
    let mut order: Vec<usize> = (0..found.len()).collect();
    // `sort_by` is stable; -0 and 0 are a tie, as for numpy.
    order.sort_by(|&a, &b| found[b].score.partial_cmp(&found[a].score).unwrap_or(std::cmp::Ordering::Equal));
    order.truncate(max_dets);
    let mut labels: Vec<usize> = (0..truth.len()).collect();
    labels.sort_by_key(|&label| truth[label].crowd);
    let overlaps: Vec<Vec<f64>> =
        order.iter().map(|&at| labels.iter().map(|&label| overlap(&found[at], &truth[label])).collect()).collect();

    let mut ranked: Vec<Ranked> =
        order.iter().map(|&at| Ranked { score: found[at].score, hit: 0, ignored: 0 }).collect();
    let mut at_50 = vec![None; order.len()];
    let mut taken = vec![false; labels.len()];
    for (bit, threshold) in iou_thresholds().into_iter().enumerate() {
        taken.fill(false);
        for (detection, overlaps) in overlaps.iter().enumerate() {
            let mut best = threshold.min(1.0 - 1e-10);
            let mut matched: Option<usize> = None;
            for (label, &overlap) in overlaps.iter().enumerate() {
                let crowd = truth[labels[label]].crowd;
                if taken[label] && !crowd {
                    continue;
                }
                if crowd && matched.is_some_and(|matched| !truth[labels[matched]].crowd) {
                    break;
                }
                if overlap >= best {
                    best = overlap;
                    matched = Some(label);
                }
            }
            let Some(label) = matched else { continue };
            taken[label] = true;
            let ranked = &mut ranked[detection];
            if truth[labels[label]].crowd {
                ranked.ignored |= 1 << bit
            } else {
                ranked.hit |= 1 << bit
            }
            if bit == 0 {
                at_50[detection] = Some(labels[label]);
            }
        }
    }
    let countable = truth.iter().filter(|label| !label.crowd).count() as u32;
    Matched { ranked, order, at_50, countable }
}

/// IoU; with a crowd region the share of the detection inside it.
fn overlap(found: &ScoredBox, truth: &TrueBox) -> f64 {
    let ([fx, fy, fw, fh], [tx, ty, tw, th]) = (found.xywh, truth.xywh);
    let width = (fw + fx).min(tw + tx) - fx.max(tx);
    let height = (fh + fy).min(th + ty) - fy.max(ty);
    if width <= 0.0 || height <= 0.0 {
        return 0.0;
    }
    let shared = width * height;
    shared / if truth.crowd { fw * fh } else { fw * fh + tw * th - shared }
}

/// The detections of all photos of one class in one order.
#[derive(Clone, Debug)]
pub struct Ranking {
    ranked: Vec<(u32, Ranked)>,
    countable: Vec<u32>,
}

impl Ranking {
    /// From each photo's labels that count and its detections, best first.
    pub fn new<'a>(photos: impl IntoIterator<Item = (u32, &'a [Ranked])>) -> Self {
        let (mut ranked, mut countable) = (Vec::new(), Vec::new());
        for (photo, (labels, detections)) in (0..).zip(photos) {
            countable.push(labels);
            ranked.extend(detections.iter().map(|&detection| (photo, detection)));
        }
        ranked.sort_by(|(_, a), (_, b)| b.score.partial_cmp(&a.score).unwrap_or(std::cmp::Ordering::Equal));
        Self { ranked, countable }
    }

    /// The average precision at each IoU threshold; none where nothing is labelled. `weights` says how often each photo counts;
    /// once each where there are none.
    pub fn average_precision(&self, weights: Option<&[u32]>) -> Option<[f64; IOU_COUNT]> {
        let weight = |photo: usize| weights.map_or(1, |weights| weights[photo]);
        let labels: u64 = (0..).zip(&self.countable).map(|(at, &count)| u64::from(count) * u64::from(weight(at))).sum();
        if labels == 0 {
            return None;
        }
        let mut steps = Vec::with_capacity(self.ranked.len());
        let mut average = [0.0; IOU_COUNT];
        for (bit, average) in average.iter_mut().enumerate() {
            self.steps(bit, labels, &weight, &mut steps);
            *average =
                at_recalls(&steps).map(|step| step.map_or(0.0, |step| step.precision)).sum::<f64>() / RECALLS as f64;
        }
        Some(average)
    }

    /// Recall, precision and score at IoU 0.5 for each of the 101 recalls that is reached.
    pub fn curve(&self) -> Vec<(f64, f64, f64)> {
        let labels: u64 = self.countable.iter().copied().map(u64::from).sum();
        let mut steps = Vec::new();
        if labels > 0 {
            self.steps(0, labels, &|_| 1, &mut steps);
        }
        let points = recalls().zip(at_recalls(&steps));
        points.filter_map(|(recall, step)| step.map(|step| (recall, step.precision, step.score))).collect()
    }

    /// Recall and precision after each detection, precision made monotonous. A photo that counts twice has each detection twice
    /// in a row; only the second is kept, as right ones raise the precision and wrong ones leave the recall as it was.
    fn steps(&self, bit: usize, labels: u64, weight: &impl Fn(usize) -> u32, steps: &mut Vec<Step>) {
        steps.clear();
        let (mut right, mut wrong) = (0u64, 0u64);
        for (photo, detection) in &self.ranked {
            let times = u64::from(weight(*photo as usize));
            if times == 0 || detection.ignored >> bit & 1 == 1 {
                continue;
            }
            if detection.hit >> bit & 1 == 1 {
                right += times
            } else {
                wrong += times
            }
            let precision = right as f64 / (wrong as f64 + right as f64 + f64::EPSILON);
            steps.push(Step { recall: right as f64 / labels as f64, precision, score: detection.score });
        }
        for at in (1..steps.len()).rev() {
            if steps[at].precision > steps[at - 1].precision {
                steps[at - 1].precision = steps[at].precision;
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Step {
    recall: f64,
    precision: f64,
    score: f64,
}

/// 0.00, 0.01, ... 1.00, as numpy's `linspace` has them.
fn recalls() -> impl Iterator<Item = f64> {
    let step = 1.0 / (RECALLS - 1) as f64;
    (0..RECALLS).map(move |at| if at == RECALLS - 1 { 1.0 } else { at as f64 * step })
}

/// For each recall the first step that reaches it.
fn at_recalls(steps: &[Step]) -> impl Iterator<Item = Option<&Step>> {
    let mut at = 0;
    recalls().map(move |recall| {
        while steps.get(at).is_some_and(|step| step.recall < recall) {
            at += 1;
        }
        steps.get(at)
    })
}
