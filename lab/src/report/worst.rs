//! The photos with most errors, each error drawn and told.
//!
//! Owns which errors are shown how: by colour and by the kind of line, so that either is enough, with a number that the list below
//! the photo explains.

use std::cmp::Reverse;
use std::fmt::Write as _;

use super::is_wrong;
use super::pictures::Pictures;
use crate::eval::result::{FacingOutcome, Outcome, PhotoOutcome};
use crate::html::escape;

/// Photos shown.
const PHOTOS: usize = 20;
/// Errors of a photo that are drawn and listed.
const ERRORS: usize = 150;
/// Facings of a photo that are drawn for being right.
const RIGHT: usize = 400;

/// Numbers of the photos with most errors, worst first.
pub(super) fn choose(photos: &[PhotoOutcome]) -> Vec<usize> {
    let mut worst: Vec<(usize, usize)> =
        photos.iter().enumerate().map(|(number, photo)| (errors(photo).count(), number)).collect();
    worst.retain(|(errors, _)| *errors > 0);
    worst.sort_by_key(|&(errors, number)| (Reverse(errors), number));
    worst.into_iter().take(PHOTOS).map(|(_, number)| number).collect()
}

fn errors(photo: &PhotoOutcome) -> impl Iterator<Item = &FacingOutcome> {
    photo.facings.iter().filter(|facing| is_wrong(facing.outcome))
}

/// A photo's errors in one line.
pub(super) fn in_words(photo: &PhotoOutcome) -> String {
    let count = |outcome| photo.facings.iter().filter(|facing| facing.outcome == outcome).count();
    format!(
        "{}: of {} labelled facings {} missed, {} named a wrong SKU, {} called unknown; {} detections without a label",
        photo.name,
        photo.labelled,
        count(Outcome::Missed),
        count(Outcome::WrongSku),
        count(Outcome::NotNamed),
        count(Outcome::False)
    )
}

/// The section.
pub(super) fn write(body: &mut String, photos: &[PhotoOutcome], worst: &[usize], pictures: &Pictures) {
    if worst.is_empty() {
        body.push_str("<h2>Worst photos</h2>\n<p>No photo has an error.</p>\n");
        return;
    }
    let _ = writeln!(body, "<h2>Worst photos ({})</h2>\n<ul class=\"legend\">", worst.len());
    let legend = [
        ("missed", "missed: labelled, not found"),
        ("false", "false: found, not labelled"),
        ("wrong", "wrong SKU, or a known one called unknown"),
        ("right", "right"),
        ("region", "ignored region"),
    ];
    for (class, meaning) in legend {
        let _ = writeln!(
            body,
            "<li><svg width=\"34\" height=\"22\" viewBox=\"0 0 34 22\" aria-hidden=\"true\"><rect class=\"{class}\" x=\"4\" y=\"4\" \
             width=\"26\" height=\"14\"/></svg>{meaning}</li>"
        );
    }
    body.push_str("</ul>\n<div class=\"shots\">\n");
    for &number in worst {
        card(body, &photos[number], pictures.photos.get(&number));
    }
    body.push_str("</div>\n");
}

fn card(body: &mut String, photo: &PhotoOutcome, picture: Option<&String>) {
    let wrong: Vec<&FacingOutcome> = errors(photo).collect();
    let _ = writeln!(body, "<div class=\"card\"><h3>{}</h3>", escape(&photo.name));
    match picture {
        Some(picture) => shot(body, photo, &wrong, picture),
        None => body.push_str("<p class=\"quiet\">The photo can't be read, or is not the one that was judged.</p>\n"),
    }
    let words = in_words(photo);
    let words = words.strip_prefix(&photo.name).unwrap_or(&words).trim_start_matches(": ");
    let _ = writeln!(body, "<p>{}</p>\n<details><summary>{} errors</summary>\n<ol>", escape(words), wrong.len());
    for facing in wrong.iter().take(ERRORS) {
        let _ = writeln!(body, "<li>{}</li>", told(facing));
    }
    body.push_str("</ol>\n");
    if wrong.len() > ERRORS {
        let _ = writeln!(body, "<p class=\"quiet\">and {} more</p>", wrong.len() - ERRORS);
    }
    body.push_str("</details></div>\n");
}

/// The picture with its boxes over it, in the photo's own pixels.
fn shot(body: &mut String, photo: &PhotoOutcome, wrong: &[&FacingOutcome], picture: &str) {
    let (width, height) = (photo.width, photo.height);
    let _ = writeln!(
        body,
        "<div class=\"shot\">{picture}<svg viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
    );
    let quiet = |facing: &&FacingOutcome| matches!(facing.outcome, Outcome::Right | Outcome::Found | Outcome::Region);
    for facing in photo.facings.iter().filter(quiet).take(RIGHT) {
        rect(body, facing, if facing.outcome == Outcome::Region { "region" } else { "right" });
    }
    let letters = f64::from(width.max(height)) / 38.0;
    for (at, facing) in wrong.iter().take(ERRORS).enumerate() {
        let class = match facing.outcome {
            Outcome::Missed => "missed",
            Outcome::False => "false",
            _ => "wrong",
        };
        rect(body, facing, "halo");
        rect(body, facing, class);
        if let Some([left, top, right, _]) = place(facing) {
            let (x, y) = ((left + right) / 2.0, (top + letters).clamp(letters, f64::from(height)));
            let _ = writeln!(body, "<text x=\"{x:.0}\" y=\"{y:.0}\" font-size=\"{letters:.1}\">{}</text>", at + 1);
        }
    }
    body.push_str("</svg></div>\n");
}

/// Where a facing is: as it was found, or else as it is labelled.
fn place(facing: &FacingOutcome) -> Option<[f64; 4]> {
    let found = facing.detection.as_ref().map(|found| found.rect);
    found.or_else(|| facing.label.as_ref().map(|label| label.rect))
}

fn rect(body: &mut String, facing: &FacingOutcome, class: &str) {
    let Some([left, top, right, bottom]) = place(facing) else { return };
    let (width, height) = ((right - left).max(0.0), (bottom - top).max(0.0));
    let _ = writeln!(
        body,
        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
    );
}

/// An error in words, as HTML.
fn told(facing: &FacingOutcome) -> String {
    let label = facing.label.as_ref();
    let labelled = label.and_then(|label| label.sku.as_deref().or(label.container.as_deref())).unwrap_or("a facing");
    let at = label.map(|label| format!(" <code>{}</code>", escape(&label.at))).unwrap_or_default();
    let score = facing.detection.as_ref().map_or(0.0, |found| found.score);
    let named = facing.detection.as_ref().and_then(|found| found.naming.sku.as_deref()).unwrap_or("unknown");
    let (labelled, named) = (escape(labelled), escape(named));
    match facing.outcome {
        Outcome::Missed => format!("missed: {labelled}{at}"),
        Outcome::False => format!("false: named {named}, score {score:.2}"),
        Outcome::NotNamed => format!("wrong SKU: {labelled} was called unknown{at}"),
        _ => format!("wrong SKU: {labelled} was named {named}{at}"),
    }
}
