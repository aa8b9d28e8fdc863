//! The curve of precision over recall, and true against counted numbers, as inline SVG that follows the page's colours.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::eval::EvalResult;
use crate::eval::result::PhotoOutcome;

/// Where a chart's axes run, in its own units: left, top, right, bottom.
const AREA: [f64; 4] = [52.0, 14.0, 508.0, 300.0];
const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 346.0;
/// A count above this is not an axis of single numbers any more.
const TICKS: u32 = 8;

/// A chart: how values become places.
struct Chart {
    most: [f64; 2],
}

impl Chart {
    fn x(&self, value: f64) -> f64 {
        AREA[0] + (AREA[2] - AREA[0]) * value / self.most[0]
    }

    fn y(&self, value: f64) -> f64 {
        AREA[3] - (AREA[3] - AREA[1]) * value / self.most[1]
    }

    /// Opens the SVG with grid, numbers and titles of the axes. `what` is told instead of the picture.
    fn open(&self, body: &mut String, what: &str, step: f64, decimals: usize, [across, up]: [&str; 2]) {
        let _ =
            writeln!(body, "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{what}\">");
        let [left, top, right, bottom] = AREA;
        let mut value = 0.0;
        while value <= self.most[0] + 1e-9 {
            let x = self.x(value);
            let _ = writeln!(
                body,
                "<path class=\"grid\" d=\"M{x:.1} {top}V{bottom}\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value:.decimals$}</text>",
                bottom + 17.0
            );
            value += step;
        }
        let mut value = 0.0;
        while value <= self.most[1] + 1e-9 {
            let y = self.y(value);
            let _ = writeln!(
                body,
                "<path class=\"grid\" d=\"M{left} {y:.1}H{right}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value:.decimals$}</text>",
                left - 6.0,
                y + 4.0
            );
            value += step;
        }
        let (middle, centre) = ((left + right) / 2.0, (top + bottom) / 2.0);
        let _ = writeln!(
            body,
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{across}</text><text transform=\"translate(14 {centre}) rotate(-90)\" \
             text-anchor=\"middle\">{up}</text>",
            HEIGHT - 8.0
        );
    }
}

/// Precision over recall, with the point of the shipped threshold.
pub(super) fn curve(body: &mut String, result: &EvalResult) {
    if result.curve.is_empty() {
        body.push_str("<p>No labelled facing was found at any threshold, so there is no curve.</p>\n");
        return;
    }
    let chart = Chart { most: [1.0, 1.0] };
    let last = result.curve.iter().map(|point| point.recall).fold(0.0, f64::max);
    let mut what = format!("Precision over recall; the curve reaches recall {last:.2}");
    let shipped = result.figures.recall.value.zip(result.figures.precision.value);
    let confidence = result.settings.confidence;
    if let Some((recall, precision)) = shipped {
        let _ = write!(what, "; at confidence {confidence} recall is {recall:.3} and precision {precision:.3}");
    }
    body.push_str("<figure>\n");
    chart.open(body, &what, 0.2, 1, ["recall: share of the labelled facings found", "precision"]);
    let mut line = String::new();
    for (number, point) in result.curve.iter().enumerate() {
        let letter = if number == 0 { 'M' } else { 'L' };
        let _ = write!(line, "{letter}{:.1} {:.1}", chart.x(point.recall), chart.y(point.precision));
    }
    let _ = writeln!(body, "<path class=\"line\" d=\"{line}\"/>");
    if let Some((recall, precision)) = shipped {
        let (x, y) = (chart.x(recall), chart.y(precision));
        let _ = writeln!(
            body,
            "<circle class=\"point\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{}\">confidence {confidence}</text>",
            if recall > 0.3 { x - 9.0 } else { x + 9.0 },
            (y + 18.0).min(AREA[3] - 6.0),
            if recall > 0.3 { "end" } else { "start" }
        );
    }
    let _ = writeln!(
        body,
        "</svg>\n<figcaption>Best precision at this or a higher recall, IoU 0.5, all containers as one class. The dot is the \
         threshold in use, {confidence}.</figcaption></figure>"
    );
}

/// Labelled against counted: each SKU on each photo, and each photo's facings.
pub(super) fn counts(body: &mut String, photos: &[PhotoOutcome]) {
    let skus = photos.iter().flat_map(|photo| &photo.counts).map(|count| (count.labelled, count.named));
    let totals = photos.iter().map(|photo| (photo.labelled, photo.found));
    body.push_str("<div class=\"side-by-side\">\n");
    scatter(body, "Each SKU on each photo", skus.collect());
    scatter(body, "All facings of each photo, whatever their SKU", totals.collect());
    body.push_str("</div>\n");
}

fn scatter(body: &mut String, title: &str, pairs: Vec<(u32, u32)>) {
    if pairs.is_empty() {
        return;
    }
    let mut cases: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for pair in &pairs {
        *cases.entry(*pair).or_default() += 1;
    }
    let most = pairs.iter().map(|&(there, counted)| there.max(counted)).max().unwrap_or(1).max(1);
    let step = f64::from(step(most));
    let most = (f64::from(most) / step).ceil() * step;
    let off = |least: u32| pairs.iter().filter(|(there, counted)| there.abs_diff(*counted) >= least).count();
    let (exact, one) = (pairs.len() - off(1), off(1) - off(2));
    let more = pairs.iter().filter(|(there, counted)| counted > there).count();
    let what = format!(
        "{title}: {exact} of {} counts are exact, {one} off by one, {} by more; {more} too high, {} too low",
        pairs.len(),
        off(2),
        off(1) - more
    );
    let chart = Chart { most: [most; 2] };
    body.push_str("<figure>\n");
    chart.open(body, &what, step, 0, ["labelled", "counted"]);
    let _ = writeln!(
        body,
        "<path class=\"diagonal\" d=\"M{:.1} {:.1}L{:.1} {:.1}\"/>",
        chart.x(0.0),
        chart.y(0.0),
        chart.x(most),
        chart.y(most)
    );
    let largest = cases.values().copied().max().unwrap_or(1);
    for ((there, counted), cases) in &cases {
        // Area is proportional to the number of cases, and one case can still be seen.
        let radius = 2.5 + 9.5 * (f64::from(cases - 1) / f64::from(largest)).sqrt();
        let (x, y) = (chart.x(f64::from(*there)), chart.y(f64::from(*counted)));
        let class = if there == counted { "mark dot" } else { "off dot" };
        let _ = write!(
            body,
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"><title>{there} labelled, {counted} counted: {cases}x</title></circle>"
        );
    }
    let _ = writeln!(
        body,
        "\n</svg>\n<figcaption>{what}. Larger dots are more cases; above the line is too many.</figcaption></figure>"
    );
}

/// Distance of an axis' numbers: 1, 2 or 5 times a power of ten.
fn step(most: u32) -> u32 {
    let mut power = 1;
    loop {
        if let Some(step) = [1, 2, 5].map(|digit| digit * power).into_iter().find(|step| most / step <= TICKS) {
            return step;
        }
        power *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers_and_few_of_them() {
        assert_eq!([1, 8, 9, 17, 45, 150, 4000, u32::MAX].map(step), [1, 1, 2, 2, 10, 20, 500, 500_000_000]);
    }
}
