//! The page of an evaluation: complete, well-formed, small, and without anything that runs or asks the network.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is the test's")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use image::{Rgb, RgbImage};
use shelfscan_lab::eval::result::{
    CandidateEntry, DataEntry, Found, Judged, JudgedBundle, Naming, PhotoOutcome, Settings,
};
use shelfscan_lab::eval::{Detections, EvalResult, Extent, Header, Targets, TruthLabel, TruthPhoto, conclude, judge};
use shelfscan_lab::report;

const HOSTILE: &str = "<script>alert('x')</script>&\"";
/// Elements that are never closed.
const VOID: [&str; 4] = ["meta", "img", "br", "!doctype"];

fn found(rect: [f64; 4], sku: Option<&str>) -> Found {
    let candidates = sku.iter().map(|sku| CandidateEntry { sku: sku.to_string(), similarity: 0.9 }).collect();
    let naming = Naming { sku: sku.map(Into::into), margin: Some(0.2), candidates };
    Found { rect, container: "can".into(), score: 0.8, naming, row: 0 }
}

/// A photo of `side` pixels with a facing that is right, one each that is missed, false, wrongly named and not named.
fn photo(name: &str, side: u32) -> PhotoOutcome {
    let step = f64::from(side) / 5.0;
    let rect = |at: usize| [step * at as f64 + 2.0, 5.0, step * (at as f64 + 1.0) - 2.0, step * 2.0];
    let label = |at: usize, sku: &str| TruthLabel {
        extent: Extent::Pixels(rect(at)),
        container: Some("can".into()),
        sku: Some(sku.into()),
        ignore: false,
        at: format!("{name}.txt:{}", at + 1),
        added: false,
    };
    let labels = vec![label(0, "cola"), label(1, "cola"), label(3, "cola"), label(4, HOSTILE)];
    let truth = TruthPhoto { name: name.into(), path: PathBuf::new(), size: Some((side, side)), labels };
    let facings = vec![
        found(rect(0), Some("cola")),
        found(rect(2), Some("cola")),
        found(rect(3), Some(HOSTILE)),
        found(rect(4), None),
    ];
    judge(&truth, Detections { size: (side, side), facings, weaker: vec![], true_boxes: vec![] }, 1000)
}

fn result(photos: Vec<PhotoOutcome>) -> EvalResult {
    let facings = photos.iter().map(|photo| photo.labelled).sum();
    let data = DataEntry {
        name: HOSTILE.into(),
        split: Some("val".into()),
        photos: photos.len() as u32,
        facings,
        sha256: "5eed".into(),
        additions: None,
    };
    let bundle = JudgedBundle { name: "drinks".into(), version: "1.0".into(), index: "abc".into() };
    let settings =
        Settings { confidence: 0.25, lowest_confidence: 0.01, iou: 0.5, max_dets: 1000, resamples: 50, seed: 0 };
    let judged = Judged { bundle: Some(bundle), predictions: None };
    conclude(Header { judged, data, settings, warnings: vec![HOSTILE.into()] }, &Targets::default(), photos)
}

/// Noise compresses worst of all.
fn noise(side: u32) -> RgbImage {
    let mut state = 1u32;
    RgbImage::from_fn(side, side, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
    })
}

/// Panics where an element is closed that isn't open, or the other way round, or an id is there twice.
fn assert_well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut parts = page.split('<');
    parts.next();
    for part in parts {
        let (tag, _) = part.split_once('>').unwrap_or_else(|| panic!("an element without end: <{part:.60}"));
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap_or_default();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed near <{part:.60}");
        } else if !VOID.contains(&name) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
}

#[test]
fn a_page_of_noise_is_complete_well_formed_and_small() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("noise.png");
    noise(900).save(&file).unwrap();
    let names: Vec<String> = (0..59).map(|number| format!("photo-{number:02}.jpg")).collect();
    let result = result(names.iter().map(|name| photo(name, 900)).collect());
    let page = report::html(&result, |_| Some(file.clone())).unwrap();
    assert_well_formed(&page);
    assert!(page.len() < 6_000_000, "{} bytes", page.len());
    assert!(page.matches("class=\"shot\"").count() == 20);
    for (class, times) in [("missed", 20), ("false", 20), ("wrong", 40)] {
        let drawn = page.matches(&format!("<rect class=\"{class}\" x=")).count();
        assert_eq!(drawn, times + 1, "{class}: once each, and in the legend");
    }
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("<script"));
    let images = page.matches("<img ").count();
    assert!(images > 20 && images == page.matches(" alt=\"").count());
    for told in ["FAIL", "Usual causes", "photo-03.jpg.txt:2", "5eed", "maxDets", "sha256"] {
        assert!(page.contains(told), "{told}");
    }
}

#[test]
fn photos_that_are_not_there_or_are_others_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.png");
    noise(40).save(&other).unwrap();
    let result = result(vec![photo("a.jpg", 100), photo("b.jpg", 100)]);
    let paths = BTreeMap::from([("a.jpg", other)]);
    let page = report::html(&result, |name| paths.get(name).cloned()).unwrap();
    assert_well_formed(&page);
    assert_eq!(page.matches("is not the one that was judged").count(), 2);
    assert!(!page.contains("<img "));
}

#[test]
fn nothing_to_measure_is_said_and_not_drawn() {
    let page = report::html(&result(vec![]), |_| None).unwrap();
    assert_well_formed(&page);
    assert!(page.contains("not measured") && !page.contains("NaN") && !page.contains("FAIL"));
}
