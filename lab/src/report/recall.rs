//! Where facings are missed: by their size and by the shelf's row.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::eval::result::{FacingOutcome, Outcome, PhotoOutcome};

/// Lower ends of the size classes, in pixels.
const SIDES: [f64; 11] = [0.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0, 192.0, 256.0, 384.0];
/// Length of a whole bar.
const BAR: f64 = 160.0;

/// Side of the square of a box's area, in pixels.
pub(super) fn side_of([left, top, right, bottom]: [f64; 4]) -> f64 {
    ((right - left).max(0.0) * (bottom - top).max(0.0)).sqrt()
}

/// Labelled facings and what came of them.
#[derive(Clone, Copy, Default)]
struct Share {
    labelled: u32,
    found: u32,
    /// Of those whose SKU is labelled.
    to_name: u32,
    right: u32,
}

impl Share {
    fn count(&mut self, outcome: Outcome, has_sku: bool) {
        self.labelled += 1;
        if outcome != Outcome::Missed {
            self.found += 1;
            self.to_name += u32::from(has_sku);
            self.right += u32::from(outcome == Outcome::Right);
        }
    }
}

/// Both tables.
pub(super) fn write(body: &mut String, photos: &[PhotoOutcome]) {
    let mut by_side = [Share::default(); SIDES.len()];
    let mut by_row: BTreeMap<u32, Share> = BTreeMap::new();
    for FacingOutcome { outcome, label, .. } in photos.iter().flat_map(|photo| &photo.facings) {
        let Some(label) = label else { continue };
        if matches!(outcome, Outcome::Region | Outcome::Ignored) {
            continue;
        }
        let side = side_of(label.rect);
        let class = SIDES.iter().rposition(|&from| side >= from).unwrap_or(0);
        by_side[class].count(*outcome, label.sku.is_some());
        by_row.entry(label.row).or_default().count(*outcome, label.sku.is_some());
    }
    let sides: Vec<(String, Share)> = by_side
        .iter()
        .enumerate()
        .map(|(class, share)| {
            let from = SIDES[class];
            let name = SIDES.get(class + 1).map_or(format!("{from} px and more"), |to| format!("{from} to {to} px"));
            (name, *share)
        })
        .filter(|(_, share)| share.labelled > 0)
        .collect();
    let rows: Vec<(String, Share)> = by_row
        .iter()
        .map(|(row, share)| (if *row == 0 { "1, the top one".into() } else { (row + 1).to_string() }, *share))
        .collect();
    body.push_str("<h2>Recall by size and by row</h2>\n<div class=\"side-by-side\">\n");
    table(body, "By facing size: side of a square of the facing's area in the photo, as it was taken", "size", &sides);
    table(body, "By shelf row among the labels, from the top", "row", &rows);
    body.push_str("</div>\n");
}

fn table(body: &mut String, caption: &str, heading: &str, shares: &[(String, Share)]) {
    let _ = writeln!(
        body,
        "<div class=\"wide\"><table>\n<caption>{caption}</caption>\n<thead><tr><th scope=\"col\">{heading}</th><th scope=\"col\" \
         class=\"number\">labelled</th><th scope=\"col\" class=\"number\">missed</th><th scope=\"col\">recall</th><th scope=\"col\" \
         class=\"number\">of found, SKU right</th></tr></thead>\n<tbody>"
    );
    for (name, share) in shares {
        let recall = f64::from(share.found) / f64::from(share.labelled.max(1));
        let right = match share.to_name {
            0 => "–".to_owned(),
            to_name => format!("{:.3}", f64::from(share.right) / f64::from(to_name)),
        };
        let length = recall * BAR;
        let _ = writeln!(
            body,
            "<tr><th scope=\"row\">{name}</th><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"bar\"><svg width=\"{BAR}\" \
             height=\"12\" viewBox=\"0 0 {BAR} 12\" aria-hidden=\"true\"><rect class=\"empty\" width=\"{BAR}\" height=\"12\"/><rect class=\"mark\" \
             width=\"{length:.1}\" height=\"12\"/></svg> {recall:.3}</td><td class=\"number\">{right}</td></tr>",
            share.labelled,
            share.labelled - share.found
        );
    }
    body.push_str("</tbody></table></div>\n");
}
