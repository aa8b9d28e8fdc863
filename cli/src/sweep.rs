//! `shelfscan eval --sweep`: thresholds against the figures, and the ones to take.

use std::io::{self, Write};

use shelfscan::{MANIFEST, Manifest, Scanner, replace_file};
use shelfscan_lab::eval::{DetectorPoint, GroundTruth, Sweep, UnknownPoint, sweep};

use crate::failure::Failure;
use crate::{scan, table};

/// Best points that are shown.
const SHOWN: usize = 8;

/// Sweeps, tells, and writes where it is asked for.
pub fn run(scanner: &Scanner, truth: &GroundTruth, recall_min: f64, write: bool) -> Result<(), Failure> {
    let bar = scan::progress(truth.photos.len() as u64, "photos");
    let found = sweep(scanner, truth, recall_min, || bar.inc(1))?;
    bar.finish_and_clear();
    let mut out = io::stdout().lock();
    tell(&mut out, &found)?;
    if write && found.chosen.recall < recall_min {
        let (reached, place) = (found.chosen.recall, scanner.bundle().models().folder().join(MANIFEST));
        let reason = format!(
            "no thresholds reach recall {recall_min} here ({reached:.3}); nothing is written to {}",
            place.display()
        );
        return Err(Failure::Bundle(reason));
    }
    if write {
        put(scanner, truth, &found)?;
        writeln!(out, "written to {}", scanner.bundle().models().folder().join(MANIFEST).display())?;
    }
    Ok(())
}

fn tell(out: &mut impl Write, found: &Sweep) -> Result<(), Failure> {
    let mut best: Vec<&DetectorPoint> = found.detector.iter().collect();
    best.sort_by(|a, b| a.total_count_mae.total_cmp(&b.total_count_mae));
    let mut points =
        table::with_headings(["confidence", "NMS IoU", "recall", "precision", "F1", "mAP@50", "total count MAE", ""]);
    let others = best.into_iter().take(SHOWN).filter(|point| **point != found.chosen);
    for point in std::iter::once(&found.chosen).chain(others) {
        let numbers = [point.recall, point.precision, point.f1, point.map50, point.total_count_mae];
        let mut row = vec![table::number(point.confidence), table::number(point.nms_iou)];
        row.extend(numbers.map(|number| table::number(format!("{number:.3}"))));
        row.push(if *point == found.chosen { "chosen" } else { "" }.into());
        points.add_row(row);
    }
    writeln!(out, "{points}")?;
    if !found.unknown.is_empty() {
        let headings =
            ["unknown offset", "unknown called a SKU", "known called unknown", "end to end", "count MAE", ""];
        let mut points = table::with_headings(headings);
        for point in &found.unknown {
            let UnknownPoint { offset, unknown_named, known_unknown, end_to_end, count_mae } = *point;
            let unknown_named = unknown_named.map_or_else(|| "-".into(), |share| format!("{share:.3}"));
            let mut row = vec![table::number(offset), table::number(unknown_named)];
            row.extend([known_unknown, end_to_end, count_mae].map(|number| table::number(format!("{number:.3}"))));
            row.push(if found.chosen_unknown == Some(*point) { "chosen" } else { "" }.into());
            points.add_row(row);
        }
        writeln!(out, "{points}")?;
    }
    let chosen = &found.chosen;
    let offset = found.chosen_unknown.map(|point| format!(", unknown offset {}", point.offset)).unwrap_or_default();
    writeln!(out, "chosen: confidence {}, NMS IoU {}{offset}: {}", chosen.confidence, chosen.nms_iou, found.why)?;
    Ok(())
}

fn put(scanner: &Scanner, truth: &GroundTruth, found: &Sweep) -> Result<(), Failure> {
    let mut manifest: Manifest = scanner.bundle().manifest().clone();
    let thresholds = &mut manifest.thresholds;
    thresholds.confidence = found.chosen.confidence;
    thresholds.nms_iou = found.chosen.nms_iou;
    if let Some(point) = found.chosen_unknown {
        thresholds.unknown_offset = point.offset;
    }
    let split = truth.data.split.as_deref().map(|split| format!(", split {split}")).unwrap_or_default();
    let unknown = match found.chosen_unknown {
        Some(_) => {
            "the similarity below which a drink is unknown is calibrated per SKU when the index is built (leave-one-out), \
                    plus unknown_offset"
        }
        None => {
            "the similarity below which a drink is unknown is calibrated per SKU when the index is built (leave-one-out)"
        }
    };
    thresholds.method = format!(
        "shelfscan eval --sweep --write on {} photos{split}, data sha256 {}: {}; {unknown}",
        truth.data.photos, truth.data.sha256, found.why
    );
    let path = scanner.bundle().models().folder().join(MANIFEST);
    let mut text = serde_json::to_string_pretty(&manifest).map_err(io::Error::from)?;
    text.push('\n');
    Manifest::parse(&text, &path)?;
    replace_file(&path, text.as_bytes()).map_err(|error| Failure::output(&path, error.kind()))
}
