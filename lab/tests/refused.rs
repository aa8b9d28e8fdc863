//! Data that can't be judged on: each folder of `refused/` has a data set and what its refusal must say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is the test's")]

use std::fs;
use std::path::Path;

use shelfscan_lab::dataset::Dataset;
use shelfscan_lab::eval::{Additions, GroundTruth, Predictions};
use shelfscan_lab::{LabError, Result};

fn open(root: &Path) -> Result<GroundTruth> {
    GroundTruth::of(&Dataset::open(root)?, None, None)
}

#[test]
fn each_case_is_refused_by_file_and_line() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused");
    let mut cases = 0;
    for case in fs::read_dir(folder).unwrap() {
        let case = case.unwrap().path();
        let expected = fs::read_to_string(case.join("expected.txt")).unwrap();
        let error = open(&case.join("set")).expect_err(&case.display().to_string());
        let said = error.to_string().replace('\\', "/");
        assert!(said.contains(expected.trim()), "{}: {said}", case.display());
        cases += 1;
    }
    assert!(cases >= 20, "{cases} cases");
}

fn sample(root: &Path) {
    fs::create_dir_all(root.join("images/val")).unwrap();
    fs::create_dir_all(root.join("labels/val")).unwrap();
    fs::write(root.join("images/val/a.jpg"), "").unwrap();
    fs::write(root.join("labels/val/a.txt"), "pepsi can 0.5 0.5 0.1 0.2\nunknown - 0.2 0.5 0.1 0.2\n").unwrap();
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    fs::write(folder.path().join("labels/val/a.txt"), b"pepsi can 0.5 0.5 0.1 0.2\n\xff\xfe can 0.5 0.5 0.1 0.2\n")
        .unwrap();
    let said = open(folder.path()).unwrap_err().to_string();
    assert!(said.contains("a.txt:2: not UTF-8 text"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_text_are_refused() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.jpg");
    fs::write(folder.path().join("images/val").join(name), "").unwrap();
    let said = open(folder.path()).unwrap_err().to_string();
    assert!(said.contains("its name is not UTF-8; rename it"), "{said}");
}

#[test]
fn splits_skus_and_additions_that_are_not_there_are_told() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let dataset = Dataset::open(folder.path()).unwrap();
    let said = GroundTruth::of(&dataset, Some("test"), None).unwrap_err().to_string();
    assert!(said.contains("no photos in split `test`; it has val"), "{said}");

    let mut truth = GroundTruth::of(&dataset, Some("val"), None).unwrap();
    let unlisted = truth.unlisted(["cola"]);
    assert_eq!(unlisted.keys().collect::<Vec<_>>(), ["pepsi"], "unknown drinks are no SKU");
    assert!(unlisted["pepsi"].ends_with("a.txt:1"));
    truth.take_for_unknown(&unlisted);
    assert!(truth.unlisted([]).is_empty());

    let additions = |text: &str| {
        let path = folder.path().join("additions.json");
        fs::write(&path, text).unwrap();
        Additions::read(&path).and_then(|additions| GroundTruth::of(&dataset, None, Some(&additions)))
    };
    let said = |truth: Result<GroundTruth>| truth.map_err(|error: LabError| error.to_string()).unwrap_err();
    let other = said(additions(r#"{"photos": {"b.jpg": []}}"#));
    assert!(other.contains("`b.jpg` is not one of the photos judged on"), "{other}");
    let no_area = said(additions(r#"{"photos": {"a.jpg": [{"box": [5, 5, 5, 9], "is": "drink"}]}}"#));
    assert!(no_area.contains("a.jpg: entry 0"), "{no_area}");
    let text = r#"{"data": "x", "photos": {"a.jpg": [{"box": [0, 0, 5, 9], "is": "drink", "container": "can", "note": "back row"},
        {"box": [0, 0, 5, 9], "is": "ignore"}]}}"#;
    let truth = additions(text).unwrap();
    assert_eq!((truth.data.facings, truth.photos[0].labels.len()), (3, 4));
    let added = truth.data.additions.unwrap();
    assert_eq!((added.drinks, added.ignored), (1, 1));
}

#[test]
fn predictions_for_other_photos_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let truth = r#"{"images": [{"id": 4, "file_name": "a.jpg", "width": 100, "height": 100},
        {"id": 5, "file_name": "b.jpg", "width": 100, "height": 100}], "categories": [{"id": 1, "name": "can"}],
        "annotations": [{"id": 0, "image_id": 4, "category_id": 1, "bbox": [10, 10, 20, 20], "sku": "pepsi"}]}"#;
    let (truth, ids) = GroundTruth::read(&write("truth.json", truth)).unwrap();
    let read = |text: &str| {
        let read = Predictions::read(&write("predictions.json", text), &truth, &ids, 0.25);
        read.map_err(|error| error.to_string())
    };
    let result = |image: u8, category: u8, bbox: &str, score: &str| {
        format!(r#"[{{"image_id": {image}, "category_id": {category}, "bbox": {bbox}, "score": {score}}}]"#)
    };
    for (text, expected) in [
        (result(7, 1, "[1, 2, 3, 4]", "0.5"), "entry 0: image_id 7 is not in the ground truth"),
        (result(4, 2, "[1, 2, 3, 4]", "0.5"), "entry 0: category_id 2 is not in the ground truth"),
        (result(4, 1, "[1, 2, 0, 4]", "0.5"), "entry 0: a box 0 wide"),
        (result(4, 1, "[1, 2, 3, 4]", "1.5"), "entry 0: a box 3 wide and 4 high with score 1.5"),
        (result(4, 1, "[1, NaN, 3, 4]", "0.5"), "predictions.json:1: column"),
        (r#"{"photos": []}"#.into(), "photo `a.jpg` was not scanned"),
        (r#"{"photos": [], "failed": [{"file": "x/a.jpg", "error": "cut off"}]}"#.into(), "was not scanned: cut off"),
    ] {
        let said = read(&text).unwrap_err();
        assert!(said.contains(expected), "{text}: {said}");
    }
    let good = read(&result(4, 1, "[1, 2, 3, 4]", "0.5")).unwrap();
    assert_eq!(good.photos.iter().map(|photo| photo.facings.len()).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn ground_truth_with_boxes_off_its_photos_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("truth.json");
    for (boxes, expected) in [
        ("[500, 500, 20, 40]", "annotation 7: the box lies outside the photo"),
        ("[-50, -10, 2000, 4000]", "annotation 7: the box is 20.00 times as wide as the photo, 40.00 as high"),
        ("[10, 10, 0, 40]", "annotation 7: the box is 0.000 of the photo wide"),
    ] {
        let text = format!(
            r#"{{"images": [{{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}}],
            "annotations": [{{"id": 7, "image_id": 1, "category_id": 1, "bbox": {boxes}}}],
            "categories": [{{"id": 1, "name": "can"}}]}}"#
        );
        fs::write(&path, text).unwrap();
        let said = GroundTruth::read(&path).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    }
}
