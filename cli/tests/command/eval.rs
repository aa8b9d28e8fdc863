//! `shelfscan eval`: the same figures by both ways, targets and their exit code, and a sweep that is written.

use std::fs;
use std::path::{Path, PathBuf};

use crate::arguments;
use crate::bundle::shipped;
use crate::program::{json, shelfscan};

/// A data set of one photo, the bundle's self-test picture, whose labels are the facings that a scan finds in it.
fn data(folder: &Path) -> PathBuf {
    let root = folder.join("set");
    fs::create_dir_all(root.join("images/val")).unwrap();
    fs::create_dir_all(root.join("labels/val")).unwrap();
    let photo = root.join("images/val/a.png");
    fs::copy(shipped().join("selftest.png"), &photo).unwrap();
    let out = folder.join("scan.json");
    shelfscan(arguments!["scan", photo, "--bundle", shipped(), "--json", out]).succeeds();
    let scan = json(&out);
    let photo = &scan["photos"][0];
    let (width, height) = (photo["width"].as_f64().unwrap(), photo["height"].as_f64().unwrap());
    let mut lines = String::new();
    for facing in photo["facings"].as_array().unwrap() {
        let [left, top, right, bottom] = [0, 1, 2, 3].map(|edge| facing["box"][edge].as_f64().unwrap());
        let (cx, cy) = ((left + right) / 2.0 / width, (top + bottom) / 2.0 / height);
        let (w, h) = ((right - left) / width, (bottom - top) / height);
        let (sku, container) = (facing["sku"].as_str().unwrap_or("unknown"), facing["container"].as_str().unwrap());
        lines += &format!("{sku} {container} {cx} {cy} {w} {h}\n");
    }
    assert!(!lines.is_empty(), "the self-test picture shows facings");
    fs::write(root.join("labels/val/a.txt"), lines).unwrap();
    root
}

#[test]
fn labels_that_are_the_scan_are_found_and_both_ways_agree() {
    let folder = tempfile::tempdir().unwrap();
    let root = data(folder.path());
    let at = |name: &str| folder.path().join(name);
    let (first, second) = (at("first.json"), at("second.json"));
    let (predictions, truth) = (at("predictions.json"), at("truth.json"));
    let ran = shelfscan(arguments![
        "eval",
        "--bundle",
        shipped(),
        "--test-dir",
        root,
        "--split",
        "val",
        "--output",
        first,
        "--write-predictions",
        predictions,
        "--write-ground-truth",
        truth
    ]);
    ran.succeeds();
    assert!(ran.stdout.contains("PASS") && !ran.stdout.contains("FAIL"), "{ran:?}");
    shelfscan(arguments!["eval", "--predictions", predictions, "--ground-truth", truth, "--output", second]).succeeds();
    let (first, second) = (json(&first), json(&second));
    assert_eq!(first["figures"]["recall"]["value"], 1.0);
    assert_eq!(first["figures"]["total_count_mae"]["value"], 0.0);
    assert_eq!(first["figures"], second["figures"]);

    // A facing that nobody could find costs recall, and with it the exit code.
    let labels = root.join("labels/val/a.txt");
    let lines = fs::read_to_string(&labels).unwrap();
    fs::write(&labels, format!("{lines}unknown - 0.01 0.01 0.01 0.01\n").repeat(2)).unwrap();
    let ran = shelfscan(arguments!["eval", "--bundle", shipped(), "--test-dir", root]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("FAIL"), "{ran:?}");

    fs::write(&labels, format!("{lines}nuka_cola can 0.5 0.5 0.1 0.1\n")).unwrap();
    let ran = shelfscan(arguments!["eval", "--bundle", shipped(), "--test-dir", root]);
    ran.fails(3, &["a.txt:", "`nuka_cola` is not in the bundle", "--allow-unlisted"]);
}

#[test]
fn a_sweep_is_written_into_a_bundle_that_stays_sound() {
    let folder = tempfile::tempdir().unwrap();
    let root = data(folder.path());
    let bundle = folder.path().join("bundle");
    fs::create_dir(&bundle).unwrap();
    for file in fs::read_dir(shipped()).unwrap() {
        let file = file.unwrap().path();
        fs::copy(&file, bundle.join(file.file_name().unwrap())).unwrap();
    }
    let ran = shelfscan(arguments!["eval", "--sweep", "--write", "--bundle", bundle, "--test-dir", root]);
    assert!(ran.succeeds().stdout.contains("chosen"), "{ran:?}");
    let thresholds = &json(&bundle.join("manifest.json"))["thresholds"];
    assert!(thresholds["method"].as_str().unwrap().contains("data sha256"), "{thresholds}");
    shelfscan(arguments!["bundle", "check", bundle]).succeeds();
}
