//! Photo in, JSON out, compared with what was accepted before.
//!
//! Between processors int8 kernels round differently, so boxes and numbers have a tolerance. What a person would see has none:
//! how many facings, which SKUs, in which row and place.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;
use shelfscan::{ImageView, ScanOptions, ScanResult, Scanner};

use crate::bundle::{Picture, sample_scanner, scanner, small_photo};

/// Environment variable that makes what comes out the new expectation.
const ACCEPT: &str = "SHELFSCAN_ACCEPT";
/// Least IoU of a facing with the expected one.
const IOU: f64 = 0.9;
/// Most that scores, similarities and shares may differ.
const NUMBER: f64 = 0.05;

#[test]
fn the_whole_sample_shelf() {
    check("shelf", sample_scanner(), Picture::sample().view());
}

#[test]
fn two_rows_of_the_sample_shelf() {
    check("shelf-two-rows", sample_scanner(), Picture::sample().part([200, 2060, 2850, 3160]));
}

#[test]
fn one_row_of_the_sample_shelf() {
    check("shelf-one-row", sample_scanner(), Picture::sample().part([200, 570, 2850, 990]));
}

#[test]
fn a_picture_smaller_than_the_detectors_input() {
    check("small", &scanner(2), Picture::of(&small_photo()).view());
}

fn check(name: &str, scanner: &Scanner, photo: ImageView<'_>) {
    let result = scanner.scan(photo, &ScanOptions::default()).unwrap();
    let found = told(&result);
    let wanted_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).with_extension("json");
    if env::var(ACCEPT).is_ok_and(|accept| accept == "1") {
        write(&wanted_path, &found);
        return;
    }
    let wanted = fs::read(&wanted_path).map(|bytes| serde_json::from_slice::<Value>(&bytes).unwrap());
    let differences = match &wanted {
        Ok(wanted) => differences(wanted, &found),
        Err(error) => vec![format!("nothing to compare with: {error}")],
    };
    if !differences.is_empty() {
        let found_path = golden_folder().join(format!("{name}.actual.json"));
        write(&found_path, &found);
        panic!(
            "the scan of `{name}` is another than before:\n{}\nexpected: {}\nfound:    {}\nLook at both. If the new one is \
             right, accept it: {ACCEPT}=1 cargo test -p shelfscan --test scans golden",
            differences.join("\n"),
            wanted_path.display(),
            found_path.display()
        );
    }
}

/// Where what was found is left to look at: `target/golden`.
fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("golden")
}

/// The JSON of a result, without the bundle's version: an index that was built on another processor may have other bytes.
fn told(result: &ScanResult) -> Value {
    // By way of text, as a value would widen each f32 to an f64 of many digits.
    let mut told: Value = serde_json::from_str(&serde_json::to_string(result).unwrap()).unwrap();
    told.as_object_mut().unwrap().remove("bundle");
    told
}

fn write(path: &Path, told: &Value) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("{told:#}\n")).unwrap();
}

fn differences(wanted: &Value, found: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    for field in ["width", "height", "counts", "unknown"] {
        if wanted[field] != found[field] {
            differences.push(format!("{field}: {} expected, {} found", wanted[field], found[field]));
        }
    }
    for field in ["sharpness", "brightness", "glare"] {
        let (wanted, found) = (&wanted["quality"][field], &found["quality"][field]);
        if !near(wanted, found) {
            differences.push(format!("quality.{field}: {wanted} expected, {found} found"));
        }
    }
    if wanted["quality"]["findings"] != found["quality"]["findings"] {
        differences.push(format!("quality.findings: {} found", found["quality"]["findings"]));
    }
    let mut left: Vec<&Value> = found["facings"].as_array().unwrap().iter().collect();
    for wanted in wanted["facings"].as_array().unwrap() {
        let nearest = (0..left.len()).max_by(|&a, &b| iou(left[a], wanted).total_cmp(&iou(left[b], wanted)));
        let Some(nearest) = nearest.filter(|&nearest| iou(left[nearest], wanted) >= IOU) else {
            differences.push(format!("missing: {}", short(wanted)));
            continue;
        };
        let found = left.swap_remove(nearest);
        let same = ["container", "sku", "row", "place"].iter().all(|&field| wanted[field] == found[field])
            && wanted["verdict"]["is"] == found["verdict"]["is"]
            && ["score", "similarity", "margin"].iter().all(|&field| near(&wanted[field], &found[field]));
        if !same {
            differences.push(format!("changed: {} expected, {} found", short(wanted), short(found)));
        }
    }
    differences.extend(left.into_iter().map(|found| format!("not expected: {}", short(found))));
    differences
}

fn near(a: &Value, b: &Value) -> bool {
    (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() <= NUMBER
}

fn iou(a: &Value, b: &Value) -> f64 {
    let [a, b] = [a, b].map(|facing| serde_json::from_value::<[f64; 4]>(facing["box"].clone()).unwrap());
    let area = |[left, top, right, bottom]: [f64; 4]| (right - left).max(0.0) * (bottom - top).max(0.0);
    let shared = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    shared / (area(a) + area(b) - shared)
}

fn short(facing: &Value) -> String {
    let [rect, container, sku] = ["box", "container", "sku"].map(|field| facing[field].to_string());
    let [score, similarity, margin] = ["score", "similarity", "margin"].map(|field| facing[field].to_string());
    let [row, place] = ["row", "place"].map(|field| facing[field].to_string());
    let verdict = &facing["verdict"]["is"];
    format!("{row}.{place} {container} {score} {rect} {sku} {verdict} similarity {similarity} margin {margin}")
}

/// The comparison itself: what it must not let pass.
#[test]
fn every_change_a_person_would_see_is_a_difference() {
    let scanner = scanner(1);
    let good = told(&scanner.scan(Picture::of(&small_photo()).view(), &ScanOptions::default()).unwrap());
    assert_eq!(differences(&good, &good), Vec::<String>::new());
    let mut fewer = good.clone();
    fewer["facings"].as_array_mut().unwrap().pop();
    assert_eq!(differences(&good, &fewer).len(), 1, "a facing is missing");
    assert_eq!(differences(&fewer, &good).len(), 1, "a facing is new");
    let changes: [(&str, Value); 8] = [
        ("/facings/0/sku", "another".into()),
        ("/facings/0/container", "barrel".into()),
        ("/facings/0/box/0", (-1e3).into()),
        ("/facings/0/row", 77.into()),
        ("/facings/0/score", 0.0.into()),
        ("/unknown", 1000.into()),
        ("/counts", "none".into()),
        ("/quality/brightness", 2.0.into()),
    ];
    for (field, value) in changes {
        let mut other = good.clone();
        *other.pointer_mut(field).unwrap() = value;
        assert!(!differences(&good, &other).is_empty(), "{field}");
    }
    let mut rounded = good.clone();
    let score = good["facings"][0]["score"].as_f64().unwrap();
    rounded["facings"][0]["score"] = (score + 0.004).into();
    assert_eq!(differences(&good, &rounded), Vec::<String>::new());
}
