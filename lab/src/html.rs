//! Reports as one HTML file that opens anywhere.
//!
//! Owns the page around a report, the escaping of text, and pictures as `data:` URIs. A page needs no script and no network.
//!
//! Refuses: knowing what a report says.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{RgbImage, imageops};

use crate::{LabError, Result};

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b1f24; --ground: #fff; --quiet: #656d76; --line: #d8dee4; --card: #f6f8fa;
  --bad: #c62828; --warn: #9a6700; --good: #1a7f37; --mark: #0b5cad; --off: #c2571a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --ground: #0d1117; --quiet: #8d96a0; --line: #30363d;
  --card: #161b22; --bad: #ff7b72; --warn: #e3b341; --good: #56d364; --mark: #58a6ff; --off: #f0883e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 72rem; color: var(--ink); background: var(--ground);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .4rem; }
p { margin: .3rem 0 .8rem; } .quiet { color: var(--quiet); }
code { font: .9em ui-monospace, 'DejaVu Sans Mono', monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; margin: .8rem 0; } .wide { overflow-x: auto; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; }
th { font-weight: 600; } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.prose { min-width: 11rem; }
.bad { color: var(--bad); } .warn { color: var(--warn); } .good { color: var(--good); }
.badge { border: 1px solid currentColor; border-radius: 1em; padding: 0 .6em; font-size: .85em; white-space: nowrap; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .8rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .7rem; overflow: hidden; }
.card .pictures { display: flex; flex-wrap: wrap; gap: .5rem; align-items: flex-end; }
.card figure { margin: 0; max-width: calc(50% - .25rem); } .card figcaption { font-size: .8rem; color: var(--quiet); max-width: 11rem; overflow-wrap: anywhere; }
.card img { display: block; max-width: 100%; border-radius: .25rem; } .card p { margin: .5rem 0 0; font-size: .9rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; } caption { text-align: left; color: var(--quiet); font-size: .9rem; }
tbody th { font-weight: inherit; } .card h3 { margin-top: 0; overflow-wrap: anywhere; } summary { cursor: pointer; } ul, ol { margin: .3rem 0 .8rem; padding-left: 1.4rem; }
ul, ol, .lead { max-width: 50rem; } .lead { font-size: 1.1rem; margin: 1rem 0; } figure { margin: .5rem 0; }
figcaption { color: var(--quiet); font-size: .85rem; } .side-by-side { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; }
.side-by-side > * { flex: 0 1 auto; min-width: 0; max-width: 100%; } .side-by-side > figure { flex: 1 1 20rem; }
.light { display: inline-block; width: .7em; height: .7em; margin-right: .4em; border-radius: 50%; background: currentColor; }
.chart { display: block; width: 100%; max-width: 40rem; height: auto; } .chart text { fill: var(--ink); font-size: 13px; }
.grid { stroke: var(--line); } .line, .diagonal { fill: none; stroke: var(--mark); stroke-width: 2.5; stroke-linejoin: round; }
.diagonal { stroke-width: 1.5; stroke-dasharray: 6 4; } .mark { fill: var(--mark); } .empty { fill: var(--line); } .off { fill: var(--off); }
.dot { fill-opacity: .65; } .point { fill: var(--bad); stroke: var(--ground); stroke-width: 2; } .bar { white-space: nowrap; }
.crops { display: flex; flex-wrap: wrap; gap: .4rem 1rem; } .crops > div { min-width: 0; } .crops p { margin: 0 0 .2rem; font-size: .8rem; }
.crops img { display: inline-block; height: 6.5rem; width: auto; margin-right: .3rem; }
.shots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
.shot { position: relative; } .shot img { width: 100%; height: auto; } .shot svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.shot rect, .legend rect { fill: none; vector-effect: non-scaling-stroke; stroke-width: 2.5; } .shot .halo { stroke: #000; stroke-opacity: .65; stroke-width: 4.5; }
.shot .missed, .legend .missed { stroke: #ff3b4e; stroke-dasharray: 7 4; } .shot .false, .legend .false { stroke: #4db2ff; stroke-dasharray: 2 3; }
.shot .wrong, .legend .wrong { stroke: #ffc400; } .shot .right, .legend .right { stroke: #fff; stroke-opacity: .55; stroke-width: 1; }
.shot .region, .legend .region { stroke: #bbb; fill: #888; fill-opacity: .35; stroke-width: 1; }
.shot text { fill: #fff; stroke: #000; stroke-width: .22em; paint-order: stroke; font-weight: 700; text-anchor: middle; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; list-style: none; padding: 0; max-width: none; }
.legend svg { background: #333; border-radius: .2rem; vertical-align: middle; margin-right: .5rem; }
@media print { :root { --ink: #000; --ground: #fff; --quiet: #444; --line: #bbb; --card: #fff; --bad: #b00020; --warn: #7a5200;
  --good: #14682c; --mark: #0b5cad; --off: #b35900; } body { max-width: none; padding: 0; font-size: 11px; }
  .card, figure, tr, .legend { break-inside: avoid; } h2, h3 { break-after: avoid; } .light, .legend svg { print-color-adjust: exact; } }
";

/// Text as HTML shows it.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A whole page. `title` is text, `body` HTML.
pub fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
}

/// An `img` element with the picture in it as JPEG, scaled down where its longer side is over `longest` pixels. `alt` is text.
///
/// # Errors
/// A picture that can't be encoded.
pub fn picture(picture: &RgbImage, longest: u32, alt: &str) -> Result<String> {
    let side = picture.width().max(picture.height()).max(1);
    let small;
    let shown = if side > longest {
        let scaled = |length: u32| (u64::from(length) * u64::from(longest) / u64::from(side)).max(1) as u32;
        small = imageops::thumbnail(picture, scaled(picture.width()), scaled(picture.height()));
        &small
    } else {
        picture
    };
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, 78)
        .encode_image(shown)
        .map_err(|error| LabError::Encode(error.to_string()))?;
    let (width, height, alt) = (shown.width(), shown.height(), escape(alt));
    let data = STANDARD.encode(bytes.into_inner());
    Ok(format!("<img src=\"data:image/jpeg;base64,{data}\" width=\"{width}\" height=\"{height}\" alt=\"{alt}\">"))
}
