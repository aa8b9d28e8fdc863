//! A check as a page with pictures.
//!
//! Owns the order (faults first, each kind with what to do about it), and how a finding is shown: its photo with the boxes drawn,
//! or what is around them. Of each kind so many are shown with pictures as a person looks at; the others are listed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use rayon::prelude::*;
use shelfscan::{DecodeLimits, decode};

use super::{CheckOptions, Finding, Kind, Severity, Shown};
use crate::Result;
use crate::dataset::Dataset;
use crate::hash::counts;
use crate::html::{self, escape};

/// Findings of a kind that are shown with pictures.
const WITH_PICTURES: usize = 36;
/// Further findings of a kind that are listed.
const LISTED: usize = 2000;
/// Longer side of a picture, in pixels.
const LONGEST: u32 = 240;
/// Longer side of a close look, in pixels.
const CLOSE: u32 = 120;
/// What is shown around a box in a close look, as a part of its size.
const AROUND: f64 = 0.25;
/// Colours of the first and the second box.
const COLOURS: [Rgb<u8>; 2] = [Rgb([235, 40, 60]), Rgb([40, 140, 255])];

/// The page. `data_sha256` is the data set's hash; findings are in the order of [`super::check`].
///
/// # Errors
/// A picture that can't be encoded.
pub fn html(dataset: &Dataset, findings: &[Finding], data_sha256: &str, options: &CheckOptions) -> Result<String> {
    let name = dataset.root.canonicalize().unwrap_or_else(|_| dataset.root.clone());
    let name = name.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let title = format!("Check of {name}");
    let mut by_kind: BTreeMap<Kind, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        by_kind.entry(finding.kind).or_default().push(finding);
    }
    let mut body = format!("<h1>{}</h1>\n", escape(&title));
    let facings: usize = dataset.photos.iter().map(|photo| photo.facings.len()).sum();
    let _ = writeln!(
        body,
        "<p class=\"quiet\">{} photos, {facings} labelled facings; data set <code>{}</code></p>",
        dataset.photos.len(),
        escape(data_sha256)
    );
    summary(&mut body, &by_kind);
    for (kind, found) in &by_kind {
        section(&mut body, *kind, found)?;
    }
    classes(&mut body, dataset, options);
    Ok(html::page(&title, &body))
}

fn summary(body: &mut String, by_kind: &BTreeMap<Kind, Vec<&Finding>>) {
    if by_kind.is_empty() {
        body.push_str("<p class=\"good\">Nothing was found that would hurt training.</p>\n");
        return;
    }
    body.push_str("<table><tr><th></th><th>what</th><th class=\"number\">found</th></tr>\n");
    for (kind, found) in by_kind {
        let (number, title) = (found.len(), kind.title());
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td><a href=\"#{kind:?}\">{title}</a></td><td class=\"number\">{number}</td></tr>",
            badge(*kind)
        );
    }
    body.push_str("</table>\n");
}

fn badge(kind: Kind) -> &'static str {
    match kind.severity() {
        Severity::Fault => "<span class=\"badge bad\">fault</span>",
        Severity::Warning => "<span class=\"badge warn\">warning</span>",
    }
}

fn section(body: &mut String, kind: Kind, found: &[&Finding]) -> Result<()> {
    let (title, advice) = (kind.title(), escape(kind.advice()));
    let _ = writeln!(body, "<h2 id=\"{kind:?}\">{} {title} ({})</h2>\n<p>{advice}</p>", badge(kind), found.len());
    let (with, without): (Vec<&Finding>, Vec<&Finding>) = found.iter().partition(|finding| !finding.shown.is_empty());
    let (pictured, further) = with.split_at(with.len().min(WITH_PICTURES));
    let cards = pictured.par_iter().map(|finding| card(finding)).collect::<Result<Vec<String>>>()?;
    if !cards.is_empty() {
        let _ = writeln!(body, "<div class=\"cards\">\n{}</div>", cards.concat());
    }
    table(body, &without);
    if !further.is_empty() {
        let _ = writeln!(body, "<details><summary>{} more</summary>", further.len());
        table(body, further);
        body.push_str("</details>\n");
    }
    Ok(())
}

fn table(body: &mut String, findings: &[&Finding]) {
    if findings.is_empty() {
        return;
    }
    body.push_str("<div class=\"wide\"><table>\n");
    for Finding { place, what, .. } in findings.iter().take(LISTED) {
        let _ = writeln!(body, "<tr><td><code>{}</code></td><td>{}</td></tr>", escape(place), escape(what));
    }
    body.push_str("</table></div>\n");
    if findings.len() > LISTED {
        let _ = writeln!(body, "<p class=\"quiet\">and {} more</p>", findings.len() - LISTED);
    }
}

fn card(finding: &Finding) -> Result<String> {
    let mut card = String::from("<div class=\"card\"><div class=\"pictures\">");
    for shown in &finding.shown {
        let caption = escape(&shown.caption);
        let picture = match draw(shown) {
            Some(picture) => html::picture(&picture, LONGEST, &shown.caption)?,
            None => "<p class=\"quiet\">no picture</p>".into(),
        };
        let _ = write!(card, "<figure>{picture}<figcaption>{caption}</figcaption></figure>");
    }
    let (place, what) = (escape(&finding.place), escape(&finding.what));
    let _ = writeln!(card, "</div><p><code>{place}</code><br>{what}</p></div>");
    Ok(card)
}

/// The picture of a finding; none where it can't be read any more.
fn draw(shown: &Shown) -> Option<RgbImage> {
    let bytes = std::fs::read(&shown.photo).ok()?;
    let photo = decode(&bytes, &DecodeLimits::default()).ok()?;
    let frame = photo.view().ok()?.frame();
    let (width, height) = frame.upright_size();
    let upright = RgbImage::from_raw(width, height, frame.to_upright_rgb())?;
    let view = if shown.close { around(&shown.boxes) } else { [0.0, 0.0, 1.0, 1.0] };
    let pixel = |share: f64, length: u32| (share * f64::from(length)).round().clamp(0.0, f64::from(length)) as u32;
    let (left, top) = (pixel(view[0], width).min(width - 1), pixel(view[1], height).min(height - 1));
    let (right, bottom) = (pixel(view[2], width).max(left + 1), pixel(view[3], height).max(top + 1));
    let part = imageops::crop_imm(&upright, left, top, right - left, bottom - top).to_image();
    let longest = if shown.close { CLOSE } else { LONGEST };
    let scale = f64::from(longest) / f64::from(part.width().max(part.height()));
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let mut canvas = imageops::resize(&part, side(part.width()), side(part.height()), FilterType::Triangle);
    for (number, rect) in shown.boxes.iter().enumerate().rev() {
        let x = |share: f64| ((share * f64::from(width) - f64::from(left)) * scale).round() as i64;
        let y = |share: f64| ((share * f64::from(height) - f64::from(top)) * scale).round() as i64;
        let is_all = *rect == [0.0, 0.0, 1.0, 1.0];
        if !is_all {
            outline(&mut canvas, [x(rect[0]), y(rect[1]), x(rect[2]), y(rect[3])], COLOURS[number % COLOURS.len()]);
        }
    }
    Some(canvas)
}

/// What is shown of boxes: they and a part of their size around them.
fn around(boxes: &[[f64; 4]]) -> [f64; 4] {
    let all = boxes.iter().copied().reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]);
    let [left, top, right, bottom] = all.unwrap_or([0.0, 0.0, 1.0, 1.0]);
    let (more_w, more_h) = ((right - left) * AROUND, (bottom - top) * AROUND);
    [left - more_w, top - more_h, right + more_w, bottom + more_h].map(|share| share.clamp(0.0, 1.0))
}

/// A frame two pixels wide; sides outside the canvas run along its edge.
fn outline(canvas: &mut RgbImage, [left, top, right, bottom]: [i64; 4], colour: Rgb<u8>) {
    let (width, height) = (i64::from(canvas.width()), i64::from(canvas.height()));
    let [left, right] = [left, right - 1].map(|x| x.clamp(0, width - 1));
    let [top, bottom] = [top, bottom - 1].map(|y| y.clamp(0, height - 1));
    for inset in 0..2 {
        let [left, right] = [(left + inset).min(width - 1), (right - inset).max(0)];
        let [top, bottom] = [(top + inset).min(height - 1), (bottom - inset).max(0)];
        for x in left..=right {
            canvas.put_pixel(x as u32, top as u32, colour);
            canvas.put_pixel(x as u32, bottom as u32, colour);
        }
        for y in top..=bottom {
            canvas.put_pixel(left as u32, y as u32, colour);
            canvas.put_pixel(right as u32, y as u32, colour);
        }
    }
}

fn classes(body: &mut String, dataset: &Dataset, options: &CheckOptions) {
    let counts = counts(dataset);
    let mut totals = BTreeMap::<&str, u64>::new();
    for (class, count) in counts.values().flat_map(|counts| &counts.classes) {
        *totals.entry(class).or_default() += count;
    }
    let mut order: Vec<(&str, u64)> = totals.into_iter().collect();
    order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let _ = writeln!(
        body,
        "<h2>Classes ({})</h2>\n<p>Facings by split; {} are wanted to learn from.</p>",
        order.len(),
        options.min_images_per_sku
    );
    body.push_str("<div class=\"wide\"><table><tr><th>class</th>");
    for split in counts.keys() {
        let split = if split.is_empty() { "all" } else { split.as_str() };
        let _ = write!(body, "<th class=\"number\">{}</th>", escape(split));
    }
    body.push_str("</tr>\n");
    for (class, _) in order {
        let _ = write!(body, "<tr><td>{}</td>", escape(class));
        for split in counts.values() {
            let _ = write!(body, "<td class=\"number\">{}</td>", split.classes.get(class).unwrap_or(&0));
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</table></div>\n");
}
