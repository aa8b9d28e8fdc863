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
    let sure = at("sure.json");
    shelfscan(arguments![
        "eval",
        "--predictions",
        predictions,
        "--ground-truth",
        truth,
        "--confidence",
        "0.8",
        "--output",
        sure
    ]);
    let ran = shelfscan(arguments!["eval", "--compare", second, sure]);
    assert!(ran.stdout.contains("! facings count from score 0.25 in the first and from 0.8"), "{ran:?}");
    assert!(!ran.stdout.contains("labels or additions differ"), "{ran:?}");
    let ran = shelfscan(arguments!["eval", "--compare", first, second]);
    assert!(ran.stdout.contains("labels or additions differ"), "{ran:?}");
    let (first, second) = (json(&first), json(&second));
    assert_eq!(first["figures"]["recall"]["value"], 1.0);
    assert_eq!(first["figures"]["total_count_mae"]["value"], 0.0);
    assert_eq!(first["figures"], second["figures"]);

    // A facing that nobody could find costs recall, and with it the exit code.
    let labels = root.join("labels/val/a.txt");
    let lines = fs::read_to_string(&labels).unwrap();
    let nowhere: String = (1..=9).map(|place| format!("unknown - 0.0{place} 0.01 0.005 0.01\n")).collect();
    fs::write(&labels, format!("{lines}{nowhere}")).unwrap();
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

#[test]
fn what_is_read_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let root = data(folder.path());
    let at = |name: &str| folder.path().join(name);
    let (predictions, truth, out) = (at("predictions.json"), at("truth.json"), at("out.json"));
    let with = |more: &[std::ffi::OsString]| {
        let shipped = shipped();
        let judge = arguments!["eval", "--bundle", shipped, "--test-dir", root];
        shelfscan([judge.as_slice(), more].concat())
    };
    with(&arguments!["--write-predictions", predictions, "--write-ground-truth", truth]).succeeds();
    let (label, photo) = (root.join("labels/val/a.txt"), root.join("images/val/a.png"));
    for (place, option) in [(&label, "--output"), (&photo, "--report"), (&root.join("new.json"), "--output")] {
        let before = fs::read(place).ok();
        with(&arguments![option, place]).fails(5, &["which is judged"]);
        assert_eq!(fs::read(place).ok(), before);
    }
    with(&arguments!["--output", out, "--report", out]).fails(5, &["another output"]);
    for place in [&predictions, &truth] {
        let before = fs::read(place).unwrap();
        let ran =
            shelfscan(arguments!["eval", "--predictions", predictions, "--ground-truth", truth, "--output", place]);
        ran.fails(5, &["it is an input"]);
        assert_eq!(fs::read(place).unwrap(), before);
    }
}

#[test]
fn a_sweep_over_nothing_labelled_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = data(folder.path());
    fs::write(root.join("labels/val/a.txt"), "").unwrap();
    let ran = shelfscan(arguments!["eval", "--bundle", shipped(), "--test-dir", root, "--sweep"]);
    ran.fails(3, &["no facings are labelled"]);
}
