//! SKUs taken for others, with their crops beside crops of what each looks like.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::pictures::{FacingNumber, Pictures};
use crate::eval::EvalResult;
use crate::eval::result::{FacingOutcome, Outcome};
use crate::html::escape;

/// Pairs shown with crops.
const PAIRS: usize = 12;
/// Crops of a confusion.
const CONFUSED: usize = 4;
/// Crops of what a SKU looks like.
const EXAMPLES: usize = 2;
/// Pairs listed without crops.
const LISTED: usize = 200;

/// A pair and the facings that show it.
pub(super) struct Pair<'a> {
    labelled: &'a str,
    named: &'a str,
    count: u32,
    confused: Vec<FacingNumber>,
    /// Facings rightly named as the one and as the other.
    examples: [Vec<FacingNumber>; 2],
}

impl Pair<'_> {
    /// All facings shown.
    pub(super) fn facings(&self) -> impl Iterator<Item = FacingNumber> {
        self.confused.iter().chain(self.examples.iter().flatten()).copied()
    }
}

/// The most frequent pairs. Confusions with the largest margin come first, as they are no close calls; examples are the largest.
pub(super) fn choose<'a>(result: &'a EvalResult) -> Vec<Pair<'a>> {
    let facings: Vec<(FacingNumber, &FacingOutcome)> = result
        .photos
        .iter()
        .enumerate()
        .flat_map(|(photo, outcome)| outcome.facings.iter().enumerate().map(move |(at, facing)| ((photo, at), facing)))
        .collect();
    let example = |sku: &str| {
        let is_it = |facing: &FacingOutcome| facing.outcome == Outcome::Right && labelled(facing) == Some(sku);
        let mut right: Vec<_> = facings.iter().filter(|(_, facing)| is_it(facing)).collect();
        right.sort_by_key(|(number, facing)| (Reverse(area(facing)), *number));
        right.into_iter().take(EXAMPLES).map(|(number, _)| *number).collect()
    };
    let pair = |labelled_as: &'a str, named_as: &'a str, count: u32| {
        let is_it = |facing: &FacingOutcome| {
            facing.outcome == Outcome::WrongSku
                && labelled(facing) == Some(labelled_as)
                && named(facing) == Some(named_as)
        };
        let mut confused: Vec<_> = facings.iter().filter(|(_, facing)| is_it(facing)).collect();
        confused.sort_by(|(a, facing), (b, other)| margin(other).total_cmp(&margin(facing)).then(a.cmp(b)));
        let confused = confused.into_iter().take(CONFUSED).map(|(number, _)| *number).collect();
        let examples = [example(labelled_as), example(named_as)];
        Pair { labelled: labelled_as, named: named_as, count, confused, examples }
    };
    result.confusions.iter().take(PAIRS).map(|of| pair(&of.labelled, &of.named, of.count)).collect()
}

fn labelled(facing: &FacingOutcome) -> Option<&str> {
    facing.label.as_ref()?.sku.as_deref()
}

fn named(facing: &FacingOutcome) -> Option<&str> {
    facing.detection.as_ref()?.naming.sku.as_deref()
}

fn margin(facing: &FacingOutcome) -> f64 {
    facing.detection.as_ref().and_then(|found| found.naming.margin).unwrap_or(0.0)
}

fn area(facing: &FacingOutcome) -> u64 {
    let side = facing.detection.as_ref().map_or(0.0, |found| super::recall::side_of(found.rect));
    (side * side) as u64
}

/// The section.
pub(super) fn write(body: &mut String, result: &EvalResult, pairs: &[Pair], pictures: &Pictures) {
    body.push_str("<h2>SKUs taken for others</h2>\n");
    let all: u32 = result.confusions.iter().map(|pair| pair.count).sum();
    if all == 0 {
        body.push_str("<p>No facing was named another SKU than labelled.</p>\n");
        return;
    }
    let photos: BTreeSet<usize> = pairs.iter().flat_map(|pair| &pair.confused).map(|(photo, _)| *photo).collect();
    let _ = writeln!(
        body,
        "<p>{all} facings in {} pairs. The most frequent pairs, with crops of {} photos; of each the least doubtful confusions first.</p>\n\
         <div class=\"cards\">",
        result.confusions.len(),
        photos.len()
    );
    for pair in pairs {
        let (labelled, named) = (escape(pair.labelled), escape(pair.named));
        let _ = writeln!(
            body,
            "<div class=\"card\"><h3>{labelled} <span class=\"quiet\">named</span> {named}: {}x</h3>\n<div class=\"crops\">",
            pair.count
        );
        crops(body, &format!("labelled {labelled}, named {named}"), &pair.confused, pictures);
        crops(body, &format!("rightly {labelled}"), &pair.examples[0], pictures);
        crops(body, &format!("rightly {named}"), &pair.examples[1], pictures);
        body.push_str("</div></div>\n");
    }
    body.push_str("</div>\n");
    let further = result.confusions.get(pairs.len()..).unwrap_or_default();
    if further.is_empty() {
        return;
    }
    let _ = writeln!(
        body,
        "<details><summary>{} more pairs</summary>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">labelled</th><th \
         scope=\"col\">named</th><th scope=\"col\" class=\"number\">facings</th></tr></thead>\n<tbody>",
        further.len()
    );
    for pair in further.iter().take(LISTED) {
        let (labelled, named, count) = (escape(&pair.labelled), escape(&pair.named), pair.count);
        let _ = writeln!(body, "<tr><td>{labelled}</td><td>{named}</td><td class=\"number\">{count}</td></tr>");
    }
    body.push_str("</tbody></table></div>\n");
    if further.len() > LISTED {
        let _ = writeln!(body, "<p class=\"quiet\">and {} more</p>", further.len() - LISTED);
    }
    body.push_str("</details>\n");
}

/// Crops under a title, which is HTML.
fn crops(body: &mut String, title: &str, facings: &[FacingNumber], pictures: &Pictures) {
    let _ = write!(body, "<div><p class=\"quiet\">{title}</p>");
    let shown: String = facings.iter().filter_map(|facing| pictures.crops.get(facing)).map(String::as_str).collect();
    body.push_str(if shown.is_empty() { "<p>no picture</p>" } else { &shown });
    body.push_str("</div>\n");
}
