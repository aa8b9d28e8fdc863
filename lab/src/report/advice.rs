//! What to try where a target is missed.
//!
//! Owns, for each target, its usual causes in the order in which they are worth trying, next to what this very result says of
//! them. Refuses: a remedy that the result speaks against without saying so.

use std::fmt::Write as _;

use shelfscan::Rect;

use super::recall::side_of;
use super::target_row;
use crate::eval::EvalResult;
use crate::eval::result::{FacingOutcome, Outcome, PhotoOutcome, Target};
use crate::html::escape;

/// IoU with a found facing from which on a detection without a label is taken for a second box around it.
const DOUBLED: f32 = 0.3;
/// Square root of its area, in pixels, below which a facing is small.
const SMALL: f64 = 32.0;

/// The section; nothing where no target is missed.
pub(super) fn write(body: &mut String, result: &EvalResult) {
    let failed: Vec<&Target> = result.targets.iter().filter(|target| !target.passed).collect();
    if failed.is_empty() {
        return;
    }
    body.push_str("<h2>What to try first</h2>\n");
    let tally = Tally::of(&result.photos);
    for target in failed {
        let name = target_row(target, &result.figures).map_or(target.name.as_str(), |(name, ..)| name);
        let _ = writeln!(body, "<h3>{}</h3>", escape(name));
        let (causes, here) = match target.name.as_str() {
            "recall_min" => (RECALL, recall(target, result, &tally)),
            "map50_min" => (AVERAGE_PRECISION, average_precision(result, &tally)),
            "top1_accuracy_min" => (TOP1, top1(result)),
            "count_mae_max" => (COUNTS, counts(result, &tally)),
            _ => continue,
        };
        if !here.is_empty() {
            let here: String = here.iter().map(|line| format!("<li>{}</li>\n", escape(line))).collect();
            let _ = writeln!(body, "<p>This result says:</p>\n<ul>\n{here}</ul>");
        }
        body.push_str("<p>Usual causes, in the order to try:</p>\n<ol>\n");
        for (cause, remedy) in causes {
            let _ = writeln!(body, "<li><strong>{cause}</strong> {remedy}</li>");
        }
        body.push_str("</ol>\n");
    }
}

type Causes = &'static [(&'static str, &'static str)];

const RECALL: Causes = &[
    (
        "Labels.",
        "Look at the missed facings among the worst photos: boxes that are too wide, that hold two drinks, or that show \
         drinks behind others can't be found. Correct the labels first; nothing else helps against them.",
    ),
    (
        "Threshold.",
        "<code>shelfscan eval --sweep</code> shows recall for lower confidences and what they cost in false detections.",
    ),
    (
        "Too few hard photos.",
        "Add training photos like those with most missed facings: dark, oblique, crowded, far away, behind glass.",
    ),
    ("Model too small.", "Train with a larger input or a larger model, last, as every phone pays for it with time."),
];

const AVERAGE_PRECISION: Causes = &[
    (
        "Labels.",
        "A drink that is found and not labelled counts as false, the more so the better its score. Review the false \
         detections of the worst photos and give those that are drinks as <code>--additions</code>, or label them.",
    ),
    (
        "Recall.",
        "Average precision can't exceed the recall at the lowest score. Where facings are missed at every threshold, begin there.",
    ),
    ("Doubled boxes.", "Lower the NMS IoU: <code>shelfscan eval --sweep</code> shows what it does."),
    (
        "Backgrounds taken for drinks.",
        "Add photos without drinks (posters, price labels, other goods) and those of the worst photos to the training set.",
    ),
    (
        "Boxes that sit loosely.",
        "Train longer at the final resolution, without mosaic in the last epochs; check that labels sit tightly.",
    ),
];

const TOP1: Causes = &[
    (
        "Too few pictures of a SKU.",
        "Enrol more pictures of the SKUs below with most confusions, in the light and at the angles of the shelves; some hundred \
         crops for training.",
    ),
    ("SKUs that look alike.", "Train with hard negatives: batches that hold the confused pairs together."),
    (
        "Margin.",
        "A larger margin (of the training's loss, or of acceptance in the index) keeps neighbours apart; more facings are then called unknown.",
    ),
    (
        "Mislabelled crops.",
        "Look at the confused crops: where the name is right, the label is wrong. <code>shelfscan dataset check --bundle</code> lists them.",
    ),
];

const COUNTS: Causes = &[
    ("Recall.", "A facing that is not found is not counted. If the recall's target is missed, begin there."),
    (
        "Doubled boxes.",
        "A drink that is found twice is counted twice. Lower the NMS IoU: <code>shelfscan eval --sweep</code>.",
    ),
    (
        "Detections nobody labelled.",
        "Each is counted if it is named. Review whether they are drinks (then label them); else raise the confidence or add \
         photos of such backgrounds to the training set.",
    ),
    ("Wrong SKUs.", "Each is an error in two counts. See the confusions below."),
    (
        "Known drinks called unknown.",
        "They are missing in their SKU's count. Enrol more pictures of them, or let <code>shelfscan eval --sweep</code> choose the \
         unknown threshold.",
    ),
    (
        "Resolution.",
        "Small or blurred facings are found and not recognised. Take photos from nearer, or use a larger embedder input.",
    ),
];

/// How many facings went which way.
#[derive(Default)]
struct Tally {
    missed: u32,
    missed_small: u32,
    wrong: u32,
    not_named: u32,
    unlabelled: u32,
    unlabelled_named: u32,
    doubled: u32,
}

impl Tally {
    fn of(photos: &[PhotoOutcome]) -> Self {
        let mut tally = Self::default();
        for photo in photos {
            for facing in &photo.facings {
                match facing.outcome {
                    Outcome::Missed => {
                        tally.missed += 1;
                        let is_small = facing.label.as_ref().is_some_and(|label| side_of(label.rect) < SMALL);
                        tally.missed_small += u32::from(is_small);
                    }
                    Outcome::WrongSku => tally.wrong += 1,
                    Outcome::NotNamed => tally.not_named += 1,
                    Outcome::False => {
                        let named = facing.detection.as_ref().is_some_and(|found| found.naming.sku.is_some());
                        tally.unlabelled += 1;
                        tally.unlabelled_named += u32::from(named);
                        tally.doubled += u32::from(is_doubled(facing, photo));
                    }
                    _ => {}
                }
            }
        }
        tally
    }
}

/// Whether a detection without a label overlaps a facing that was found by another detection.
fn is_doubled(facing: &FacingOutcome, photo: &PhotoOutcome) -> bool {
    let rect = |[left, top, right, bottom]: [f64; 4]| Rect::new(left as f32, top as f32, right as f32, bottom as f32);
    let Some(own) = facing.detection.as_ref().map(|found| rect(found.rect)) else { return false };
    photo.facings.iter().any(|other| match (&other.label, &other.detection) {
        (Some(label), Some(found)) => own.iou(&rect(label.rect)).max(own.iou(&rect(found.rect))) >= DOUBLED,
        _ => false,
    })
}

fn recall(target: &Target, result: &EvalResult, tally: &Tally) -> Vec<String> {
    let mut here = Vec::new();
    if tally.missed > 0 {
        here.push(format!(
            "{} facings are missed, {} of them smaller than {SMALL:.0} x {SMALL:.0} pixels in area",
            tally.missed, tally.missed_small
        ));
    }
    match result.curve.iter().find(|point| point.recall >= target.target) {
        Some(point) => here.push(format!(
            "at confidence {:.2} instead of {:.2} the target would be met, with precision {:.3}",
            point.score, result.settings.confidence, point.precision
        )),
        None => here.push("no threshold meets the target: the detector doesn't see these facings at all".into()),
    }
    here
}

fn average_precision(result: &EvalResult, tally: &Tally) -> Vec<String> {
    let mut here = Vec::new();
    if let Some(point) = result.curve.last() {
        let score = result.settings.lowest_confidence;
        here.push(format!("recall ends at {:.2} with all detections down to score {score}", point.recall));
    }
    if tally.unlabelled > 0 {
        here.push(format!(
            "{} detections have no label; {} of them lie on a facing that was found otherwise (doubled boxes, or boxes around \
             two drinks), the other {} where nothing is labelled",
            tally.unlabelled,
            tally.doubled,
            tally.unlabelled - tally.doubled
        ));
    }
    here
}

fn top1(result: &EvalResult) -> Vec<String> {
    let mut here = Vec::new();
    if let (Some(first), Some(three)) = (result.figures.top1.value, result.figures.top3.value) {
        here.push(format!(
            "the right SKU is the best candidate of {:.1} % and among the three best of {:.1} %: {}",
            first * 100.0,
            three * 100.0,
            if three - first > (1.0 - first) / 2.0 {
                "most errors are between neighbours, so hard negatives and more pictures of them help"
            } else {
                "most errors are far off, so look for wrong labels and pictures unlike those enrolled"
            }
        ));
    }
    let all: u32 = result.confusions.iter().map(|pair| pair.count).sum();
    let first: Vec<_> = result.confusions.iter().take(3).collect();
    if all > 0 {
        let count: u32 = first.iter().map(|pair| pair.count).sum();
        let names: Vec<String> = first.iter().map(|pair| format!("{} as {}", pair.labelled, pair.named)).collect();
        here.push(format!("{count} of {all} wrong names are of few pairs: {}", names.join(", ")));
    }
    here
}

fn counts(result: &EvalResult, tally: &Tally) -> Vec<String> {
    let mut here = vec![format!(
        "{} facings missed, {} detections without a label that were named (in all {} without a label, {} of them on a facing \
         that was found otherwise), {} named another SKU, {} known ones called unknown",
        tally.missed, tally.unlabelled_named, tally.unlabelled, tally.doubled, tally.wrong, tally.not_named
    )];
    let parts = [
        (tally.missed, "missed facings"),
        (tally.unlabelled_named, "detections without a label"),
        (2 * tally.wrong, "wrong SKUs, which count twice"),
        (tally.not_named, "known drinks called unknown"),
    ];
    if let Some((most, name)) = parts.iter().max_by_key(|(count, _)| *count).filter(|(count, _)| *count > 0) {
        let all: u32 = parts.iter().map(|(count, _)| count).sum();
        here.push(format!("most of it comes from {name}: about {:.0} %", f64::from(*most) * 100.0 / f64::from(all)));
    }
    if let (Some(mean), Some(by_sku)) = (result.figures.count_mae.value, result.figures.count_mae_by_sku.value)
        && by_sku > mean * 1.25
    {
        here.push(format!("meaned over SKUs the error is {by_sku:.2}: rare SKUs are worse off than frequent ones"));
    }
    here
}
