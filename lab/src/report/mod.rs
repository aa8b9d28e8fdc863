//! An evaluation as one page that a manager can read and an engineer can work by.
//!
//! Owns the order: targets first, for each failed one what to try, then the figures, where facings were missed, which SKUs were
//! confused, how far the counts are off, the worst photos, and what holds of all these figures.
//!
//! Refuses: computing a figure that the result has, and a page of any size: pictures are of a few photos, and each is small.

mod advice;
mod charts;
mod confusions;
mod pictures;
mod recall;
mod worst;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::Result;
use crate::eval::EvalResult;
use crate::eval::result::{Figure, Figures, Outcome, Target};
use crate::html::{self, escape};
use pictures::Pictures;

/// Photos below which an interval says little.
const FEW: u32 = 10;

/// A figure for people: what it is called, its value, and whether more of it is better.
type Row<'a> = (&'static str, &'a Figure, bool);

/// The page. `path_of` says where a photo of the result is by its name; a photo that isn't there or has another size than the one
/// judged is left out, and the page says so. At most 6 MB, however many photos.
///
/// # Errors
/// A picture that can't be encoded.
pub fn html(result: &EvalResult, path_of: impl Fn(&str) -> Option<PathBuf> + Sync) -> Result<String> {
    let worst = worst::choose(&result.photos);
    let pairs = confusions::choose(result);
    let crops: BTreeSet<_> = pairs.iter().flat_map(confusions::Pair::facings).collect();
    let pictures = Pictures::take(&result.photos, &worst, &crops, path_of)?;

    let judged = judged(result);
    let title = format!("Evaluation of {judged}");
    let mut body = format!("<h1>{}</h1>\n", escape(&title));
    on_what(&mut body, result);
    in_words(&mut body, result);
    targets(&mut body, result);
    advice::write(&mut body, result);
    figures(&mut body, &result.figures);
    body.push_str("<h2>Precision over recall</h2>\n");
    charts::curve(&mut body, result);
    recall::write(&mut body, &result.photos);
    confusions::write(&mut body, result, &pairs, &pictures);
    body.push_str("<h2>Counts</h2>\n");
    charts::counts(&mut body, &result.photos);
    skus(&mut body, result);
    worst::write(&mut body, &result.photos, &worst, &pictures);
    notes(&mut body, result);
    Ok(html::page(&title, &format!("<main>\n{body}</main>")))
}

fn judged(result: &EvalResult) -> String {
    match (&result.judged.bundle, &result.judged.predictions) {
        (Some(bundle), _) => format!("{} {}", bundle.name, bundle.version),
        (None, Some(predictions)) => predictions.clone(),
        (None, None) => "predictions".into(),
    }
}

fn on_what(body: &mut String, result: &EvalResult) {
    let data = &result.data;
    let split = data.split.as_deref().map(|split| format!(", split {split}")).unwrap_or_default();
    let _ = writeln!(
        body,
        "<p class=\"quiet\">On {}{}: {} photos, {} labelled facings</p>",
        escape(&data.name),
        escape(&split),
        data.photos,
        data.facings
    );
}

/// The result in one paragraph without terms of the field.
fn in_words(body: &mut String, result: &EvalResult) {
    let f = &result.figures;
    let mut words = Vec::new();
    if let Some(recall) = f.recall.value {
        words.push(format!("Of 100 facings on a photo, <strong>{}</strong> are found", of_hundred(recall)));
        if let Some(named) = f.end_to_end.value {
            words.push(format!("<strong>{}</strong> are found and named with the right SKU", of_hundred(named)));
        }
    }
    let mut text = words.join(", and ");
    if let Some(wrong) = f.false_per_photo.value {
        let _ = write!(text, ". A photo has {wrong:.1} detections that nobody labelled");
    }
    if let Some(error) = f.count_mae.value {
        let _ = write!(text, "; the count of a SKU on a photo is off by {error:.2} on average");
    }
    if !text.is_empty() {
        let _ = writeln!(body, "<p class=\"lead\">{text}.</p>");
    }
}

/// 99.97 % is not all.
fn of_hundred(share: f64) -> String {
    let hundred = (share * 1000.0).round() / 10.0;
    let hundred = if share < 1.0 { hundred.min(99.9) } else { hundred };
    if hundred.fract() == 0.0 { format!("{hundred:.0}") } else { format!("{hundred:.1}") }
}

/// What a target is called, its figure, and whether it is a least value.
fn target_row<'a>(target: &Target, figures: &'a Figures) -> Option<Row<'a>> {
    Some(match target.name.as_str() {
        "recall_min" => ("Facings found (detection recall at IoU 0.5)", &figures.recall, true),
        "map50_min" => ("Detection quality (mAP@50)", &figures.map50, true),
        "top1_accuracy_min" => ("Right SKU of found facings (top-1)", &figures.top1, true),
        "count_mae_max" => ("Count error of a SKU on a photo (count MAE)", &figures.count_mae, false),
        _ => return None,
    })
}

fn targets(body: &mut String, result: &EvalResult) {
    let failed = result.targets.iter().filter(|target| !target.passed).count();
    let unmeasured = result.targets.iter().filter(|target| target.value.is_none()).count();
    let mut summary = match failed {
        0 => "No target is missed.".to_owned(),
        1 => "1 target is missed.".to_owned(),
        failed => format!("{failed} targets are missed."),
    };
    if unmeasured > 0 {
        let _ = write!(summary, " The data can't tell of {unmeasured}.");
    }
    let _ = writeln!(
        body,
        "<h2>Targets</h2>\n<p>{summary}</p>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">verdict</th><th scope=\"col\">target\
         </th><th scope=\"col\" class=\"number\">wanted</th><th scope=\"col\" class=\"number\">measured</th><th scope=\"col\" \
         class=\"number\">95 % interval</th><th scope=\"col\">how sure</th></tr></thead>\n<tbody>"
    );
    for target in &result.targets {
        let row = target_row(target, &result.figures);
        let (name, is_least) = row.map_or((target.name.as_str(), true), |(name, _, is_least)| (name, is_least));
        let interval = row.and_then(|(_, figure, _)| figure.low.zip(figure.high));
        let meets = |value: f64| if is_least { value >= target.target } else { value <= target.target };
        let sure = interval.map(|(low, high)| meets(low) == meets(high));
        let (class, verdict) = match (target.value, target.passed, sure) {
            (None, ..) => ("quiet", "not measured"),
            (_, false, _) => ("bad", "FAIL"),
            (_, true, sure) if sure == Some(false) || result.data.photos < FEW => ("warn", "PASS"),
            (_, true, _) => ("good", "PASS"),
        };
        let sure = match (target.value, sure) {
            (None, _) | (_, None) => "",
            _ if result.data.photos < FEW => "not sure: these are too few photos to tell",
            (_, Some(true)) => "yes, by the whole interval",
            (_, Some(false)) => "not certain: the target lies within the interval, more photos could turn it",
        };
        let _ = writeln!(
            body,
            "<tr><td><span class=\"badge {class}\"><span class=\"light\"></span>{verdict}</span></td><th scope=\"row\">{}</th><td \
             class=\"number\">{} {:.3}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"prose\">{sure}</td></tr>",
            escape(name),
            if is_least { "at least" } else { "at most" },
            target.target,
            three(target.value),
            range(interval),
        );
    }
    body.push_str("</tbody></table></div>\n");
}

fn figures(body: &mut String, f: &Figures) {
    let rows = f.named();
    body.push_str(
        "<h2>Figures</h2>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">figure</th><th scope=\"col\" class=\"number\">value\
         </th><th scope=\"col\" class=\"number\">95 % interval</th><th scope=\"col\" class=\"number\">cases</th></tr></thead>\n<tbody>\n",
    );
    for (name, figure) in rows.iter().filter(|(_, figure)| figure.value.is_some()) {
        let _ = writeln!(
            body,
            "<tr><th scope=\"row\">{name}</th><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            three(figure.value),
            range(figure.low.zip(figure.high)),
            figure.of
        );
    }
    body.push_str("</tbody></table></div>\n");
}

fn skus(body: &mut String, result: &EvalResult) {
    if result.skus.is_empty() {
        return;
    }
    let mut skus: Vec<_> = result.skus.iter().collect();
    skus.sort_by(|a, b| b.count_mae.unwrap_or(0.0).total_cmp(&a.count_mae.unwrap_or(0.0)).then(a.sku.cmp(&b.sku)));
    body.push_str(
        "<details><summary>SKU by SKU, largest count error first</summary>\n<div class=\"wide\"><table>\n<thead><tr>",
    );
    body.push_str("<th scope=\"col\">SKU</th>");
    for heading in ["labelled", "found", "top-1 right", "named rightly", "called unknown", "named so", "count MAE"] {
        let _ = write!(body, "<th scope=\"col\" class=\"number\">{heading}</th>");
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for sku in skus {
        let _ = write!(body, "<tr><th scope=\"row\">{}</th>", escape(&sku.sku));
        for count in [sku.labelled, sku.found, sku.top1, sku.right, sku.called_unknown, sku.named] {
            let _ = write!(body, "<td class=\"number\">{count}</td>");
        }
        let _ = writeln!(body, "<td class=\"number\">{}</td></tr>", three(sku.count_mae));
    }
    body.push_str("</tbody></table></div></details>\n");
}

fn notes(body: &mut String, result: &EvalResult) {
    body.push_str("<h2>What holds of these figures</h2>\n<ul>\n");
    for note in &result.notes {
        let _ = writeln!(body, "<li>{}</li>", escape(note));
    }
    let data = &result.data;
    let _ = writeln!(body, "<li>photos and labels judged on: sha256 <code>{}</code></li>", escape(&data.sha256));
    if let Some(added) = &data.additions {
        let _ = writeln!(
            body,
            "<li>with {} reviewed drinks that nobody had labelled and {} ignored regions, of {}: sha256 <code>{}</code></li>",
            added.drinks,
            added.ignored,
            escape(&added.file),
            escape(&added.sha256)
        );
    }
    if let Some(bundle) = &result.judged.bundle {
        let [name, version, index] = [&bundle.name, &bundle.version, &bundle.index].map(|text| escape(text));
        let _ = writeln!(body, "<li>bundle {name} {version}, index <code>{index}</code></li>");
    }
    if let Some(predictions) = &result.judged.predictions {
        let _ = writeln!(body, "<li>predictions of {}</li>", escape(predictions));
    }
    body.push_str("</ul>\n");
}

/// Whether a facing is an error that the page shows.
fn is_wrong(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Missed | Outcome::False | Outcome::WrongSku | Outcome::NotNamed)
}

fn three(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |value| format!("{value:.3}"))
}

fn range(interval: Option<(f64, f64)>) -> String {
    interval.map_or_else(|| "–".into(), |(low, high)| format!("{low:.3} to {high:.3}"))
}
