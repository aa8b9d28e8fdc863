//! SKUs in and out of a bundle: what is taken out leaves no trace, what is cut off leaves a bundle that opens.

use std::fs;
use std::path::Path;

use image::ImageFormat::Png;
use image::RgbImage;
use serde_json::{Value, json as value};
use shelfscan::describe;
use tempfile::TempDir;

use crate::arguments;
use crate::bundle::{BundleCopy, shipped};
use crate::program::{Ran, encoded, json, names, picture, shelfscan};

/// A gallery of two of the self-test's own facings: a SKU for each, with two pictures.
fn gallery() -> (TempDir, Vec<[f64; 4]>) {
    let here = tempfile::tempdir().unwrap();
    let boxes = golden_boxes();
    let shelf = picture().into_rgb8();
    for (number, rect) in boxes.iter().enumerate() {
        let folder = here.path().join(format!("sku-{number}"));
        fs::create_dir(&folder).unwrap();
        for grown in 0..2 {
            let path = folder.join(format!("{grown}.png"));
            fs::write(path, encoded(&crop(&shelf, *rect, f64::from(grown)).into(), Png)).unwrap();
        }
    }
    fs::write(here.path().join("skus.csv"), "id,name,container,barcode\nsku-1, The Second ,can,4012345678901\n")
        .unwrap();
    (here, boxes)
}

/// The first and the last facing of the self-test: surely not the same product.
fn golden_boxes() -> Vec<[f64; 4]> {
    let manifest = json(&shipped().join("manifest.json"));
    let facings = manifest["self_test"]["facings"].as_array().unwrap();
    let (Some(first), Some(last)) = (facings.first(), facings.last()) else { panic!("the self-test has no facings") };
    assert_ne!(first, last, "the self-test has a single facing");
    [first, last].into_iter().map(|facing| serde_json::from_value(facing["box"].clone()).unwrap()).collect()
}

fn crop(shelf: &RgbImage, [left, top, right, bottom]: [f64; 4], grown: f64) -> RgbImage {
    let side = |value: f64, most: u32| value.round().clamp(0.0, f64::from(most)) as u32;
    let (left, top) = (side(left - grown, shelf.width()), side(top - grown, shelf.height()));
    let (right, bottom) = (side(right + grown, shelf.width()), side(bottom + grown, shelf.height()));
    image::imageops::crop_imm(shelf, left, top, right - left, bottom - top).to_image()
}

/// Ids that `index show` prints, in its order.
fn shown(path: &Path) -> Vec<String> {
    let ran = shelfscan(arguments!["index", "show", path]);
    let cells = |line: &str| line.split(['│', '┆']).nth(1).map(|cell| cell.trim().to_owned());
    ran.succeeds().stdout.lines().filter(|line| line.starts_with('│')).filter_map(cells).skip(1).collect()
}

/// The SKUs of a manifest, by id.
fn skus(manifest: &Value) -> Vec<Value> {
    let mut skus = manifest["skus"].as_array().unwrap().clone();
    skus.sort_by_key(|sku| sku["id"].as_str().unwrap().to_owned());
    skus
}

/// Enrols the first golden facing as `id`.
fn add(bundle: &BundleCopy, id: &str, more: &[&str]) -> Ran {
    let here = tempfile::tempdir().unwrap();
    let photo = here.path().join("product.png");
    let rect = golden_boxes()[0];
    fs::write(&photo, encoded(&crop(&picture().into_rgb8(), rect, 2.0).into(), Png)).unwrap();
    let mut add = arguments!["index", "add", "--bundle", bundle.path(), "--sku", id, photo].to_vec();
    add.extend(more.iter().map(Into::into));
    shelfscan(add)
}

fn remove(bundle: &BundleCopy, id: &str) -> Ran {
    shelfscan(arguments!["index", "remove", "--bundle", bundle.path(), "--sku", id])
}

#[test]
fn what_was_added_and_removed_leaves_no_trace() {
    let bundle = BundleCopy::new();
    let (index, manifest, files) = (bundle.read("skus.index"), bundle.manifest(), names(bundle.path()));
    let about = ["--name", "New Drink", "--container", "can", "--barcode", "96385074"];
    add(&bundle, "a-new-one", &about).succeeds();
    let with = bundle.manifest();
    let entry = with["skus"].as_array().unwrap().iter().find(|sku| sku["id"] == "a-new-one").unwrap();
    let wanted = value!({"id": "a-new-one", "name": "New Drink", "container": "can", "barcode": "96385074"});
    assert_eq!(*entry, wanted);
    assert!(shown(bundle.path()).contains(&"a-new-one".to_owned()));
    assert_ne!(bundle.read("skus.index"), index);
    assert_eq!(with["files"]["skus.index"], serde_json::to_value(describe(&bundle.read("skus.index"))).unwrap());

    remove(&bundle, "a-new-one").succeeds();
    assert!(
        bundle.read("skus.index") == index,
        "another index than before; if thresholds are calibrated in another way now, build the shipped index again"
    );
    assert_eq!(bundle.manifest()["files"], manifest["files"]);
    assert_eq!(skus(&bundle.manifest()), skus(&manifest));
    assert_eq!(names(bundle.path()), files);
    shelfscan(arguments!["bundle", "check", bundle.path()]).succeeds();
}

#[test]
fn an_enrolled_sku_is_found_on_the_shelf() {
    let bundle = BundleCopy::new();
    let (gallery, boxes) = gallery();
    let ran = shelfscan(arguments!["index", "build", gallery.path(), "--bundle", bundle.path()]);
    assert!(ran.succeeds().stdout.contains("2 SKUs from 4 embeddings"), "{ran:?}");
    assert_eq!(shown(bundle.path()), ["sku-0", "sku-1"]);
    let manifest = bundle.manifest();
    let wanted = value!({"id": "sku-1", "name": "The Second", "container": "can", "barcode": "4012345678901"});
    assert_eq!(manifest["skus"][1], wanted);

    let (photo, report) = (gallery.path().join("shelf.png"), gallery.path().join("report.json"));
    fs::write(&photo, encoded(&picture(), Png)).unwrap();
    shelfscan(arguments!["scan", photo, "--bundle", bundle.path(), "--json", report]).succeeds();
    let report = json(&report);
    let facings = report["photos"][0]["facings"].as_array().unwrap();
    for (number, rect) in boxes.iter().enumerate() {
        let shared = |facing: &Value| {
            let found: [f64; 4] = serde_json::from_value(facing["box"].clone()).unwrap();
            iou(found, *rect)
        };
        let facing = facings.iter().max_by(|a, b| shared(a).total_cmp(&shared(b))).unwrap();
        assert!(shared(facing) > 0.7, "no facing at {rect:?}: {facing}");
        assert_eq!(facing["candidates"][0]["sku"], format!("sku-{number}"), "{facing}");
        assert!(facing["similarity"].as_f64().unwrap() > 0.9, "{facing}");
    }
}

fn iou(a: [f64; 4], b: [f64; 4]) -> f64 {
    let area = |[left, top, right, bottom]: [f64; 4]| (right - left).max(0.0) * (bottom - top).max(0.0);
    let shared = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    shared / (area(a) + area(b) - shared)
}

#[test]
fn an_index_beside_the_bundle_leaves_the_bundle_alone() {
    let bundle = BundleCopy::new();
    let before = (bundle.read("manifest.json"), bundle.read("skus.index"));
    let (gallery, _) = gallery();
    let apart = gallery.path().join("apart.index");
    let build = arguments!["index", "build", gallery.path(), "--bundle", bundle.path(), "--output", apart];
    shelfscan(build).succeeds();
    assert_eq!(shown(&apart), ["sku-0", "sku-1"]);
    assert_eq!((bundle.read("manifest.json"), bundle.read("skus.index")), before);
    assert!(!names(gallery.path()).iter().any(|name| name.starts_with('.')), "{:?}", names(gallery.path()));
}

#[test]
fn exported_prototypes_build_the_index_they_came_from() {
    let (bundle, here) = (BundleCopy::new(), tempfile::tempdir().unwrap());
    let (first, second) = (here.path().join("first.npy"), here.path().join("second.npy"));
    shelfscan(arguments!["index", "export", bundle.path(), "--npy", first]).succeeds();
    let labels = here.path().join("first.labels.json");
    let dim = bundle.manifest()["embedder"]["dim"].as_u64().unwrap() as usize;
    let rows = prototypes(&first, &labels, dim);

    let ids_before = shown(bundle.path());
    let build = arguments!["index", "build", "--from", first, labels, "--bundle", bundle.path()];
    shelfscan(build).succeeds();
    assert_eq!(shown(bundle.path()), ids_before);
    shelfscan(arguments!["index", "export", bundle.path(), "--npy", second]).succeeds();
    assert!(prototypes(&second, &here.path().join("second.labels.json"), dim) == rows, "other prototypes");
}

/// Ids and rows of an exported array. A SKU's rows are in no order that means anything.
fn prototypes(array: &Path, labels: &Path, dim: usize) -> Vec<(String, Vec<u8>)> {
    let array = fs::read(array).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([array[8], array[9]]));
    assert!(array.starts_with(b"\x93NUMPY\x01\x00") && header.is_multiple_of(64), "numpy pads its header");
    let ids: Vec<String> = serde_json::from_value(json(labels)).unwrap();
    assert_eq!(array.len() - header, ids.len() * dim * 4);
    let rows = array[header..].chunks_exact(dim * 4).map(<[u8]>::to_vec);
    let mut prototypes: Vec<_> = ids.into_iter().zip(rows).collect();
    prototypes.sort();
    prototypes
}

#[test]
fn arrays_that_don_t_fit_are_refused() {
    let (bundle, here) = (BundleCopy::new(), tempfile::tempdir().unwrap());
    let (array, labels) = (here.path().join("array.npy"), here.path().join("array.labels.json"));
    shelfscan(arguments!["index", "export", bundle.path(), "--npy", array]).succeeds();
    let before = bundle.read("skus.index");
    let (good, ids) = (fs::read(&array).unwrap(), fs::read_to_string(&labels).unwrap());
    let one_more = ids.replacen('[', "[\"another\",", 1);
    let cases: [(&[u8], &str, [&str; 2]); 4] = [
        (&good, &one_more, ["array.npy", "shape"]),
        (&good, "{}", ["array.labels.json", "list of SKU ids"]),
        (b"hello", &ids, ["array.npy", "not a .npy file"]),
        (&good[..good.len() - 4], &ids, ["array.npy", ""]),
    ];
    for (numbers, ids, words) in cases {
        fs::write(&array, numbers).unwrap();
        fs::write(&labels, ids).unwrap();
        let build = arguments!["index", "build", "--from", array, labels, "--bundle", bundle.path()];
        shelfscan(build).fails(6, &words);
        assert_eq!(bundle.read("skus.index"), before);
    }
    fs::remove_file(&array).unwrap();
    let build = arguments!["index", "build", "--from", array, labels, "--bundle", bundle.path()];
    shelfscan(build).fails(6, &["array.npy", "No such file"]);
}

/// The three states that a save passes through, each as a cut leaves it, and each the start of the next save.
#[test]
fn a_save_that_was_cut_off_leaves_a_bundle_that_opens_and_can_be_changed() {
    let (old, new) = (BundleCopy::new(), BundleCopy::new());
    let old_ids = shown(old.path());
    add(&new, "a-new-one", &[]).succeeds();
    let new_ids = shown(new.path());
    assert_eq!(new_ids.len(), old_ids.len() + 1);

    let before_the_manifest = BundleCopy::new();
    fs::write(before_the_manifest.file("skus.index.new"), new.read("skus.index")).unwrap();
    assert_eq!(shown(before_the_manifest.path()), old_ids);

    let after_the_manifest = BundleCopy::new();
    fs::write(after_the_manifest.file("skus.index.new"), new.read("skus.index")).unwrap();
    fs::write(after_the_manifest.file("manifest.json"), new.read("manifest.json")).unwrap();
    assert_eq!(shown(after_the_manifest.path()), new_ids);

    for cut in [&before_the_manifest, &after_the_manifest] {
        shelfscan(arguments!["bundle", "check", cut.path()]).succeeds();
        add(cut, "a-later-one", &[]).succeeds();
        assert!(shown(cut.path()).contains(&"a-later-one".to_owned()));
        assert_eq!(names(cut.path()), names(old.path()));
    }
}

/// The index that a cut left under its incoming name gets its own before the next save needs that name: were it overwritten,
/// a cut of that save would leave no index that fits the manifest. Here the next save can't write a file of any length.
#[test]
#[cfg(unix)]
fn a_save_after_one_that_was_cut_off_first_puts_its_index_in_place() {
    let (new, cut) = (BundleCopy::new(), BundleCopy::new());
    add(&new, "a-new-one", &[]).succeeds();
    fs::write(cut.file("skus.index.new"), new.read("skus.index")).unwrap();
    fs::write(cut.file("manifest.json"), new.read("manifest.json")).unwrap();
    let here = tempfile::tempdir().unwrap();
    let limited = "ulimit -f 1 && trap '' XFSZ && exec \"$@\"";
    let photo = here.path().join("product.png");
    fs::write(&photo, encoded(&picture(), Png)).unwrap();
    let add = arguments!["index", "add", "--bundle", cut.path(), "--sku", "a-later-one", photo];
    let mut command = std::process::Command::new("sh");
    command.args(["-c", limited, "sh", crate::program::PROGRAM]).args(add);
    Ran::of(&mut command).fails(5, &["the bundle is as it was"]);
    assert_eq!(cut.read("skus.index"), new.read("skus.index"));
    assert_eq!(names(cut.path()), names(new.path()));
    shelfscan(arguments!["bundle", "check", cut.path()]).succeeds();
}

#[test]
fn what_can_t_be_enrolled_or_removed_is_said() {
    let bundle = BundleCopy::new();
    let before = (bundle.read("manifest.json"), bundle.read("skus.index"));
    remove(&bundle, "never-heard-of").fails(3, &["no SKU `never-heard-of` in the index"]);
    let here = tempfile::tempdir().unwrap();
    let text = here.path().join("text.jpg");
    fs::write(&text, "no picture").unwrap();
    let ran = shelfscan(arguments!["index", "add", "--bundle", bundle.path(), "--sku", "new", text]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(ran.complaints()[0].contains("text.jpg: not a JPEG"), "{ran:?}");
    assert!(ran.complaints()[1].contains("nothing was changed"), "{ran:?}");
    add(&bundle, "two\nlines", &[]).fails(3, &["control characters"]);
    add(&bundle, "", &[]).fails(3, &["SKU id"]);

    let gallery = here.path().join("gallery");
    let build = || shelfscan(arguments!["index", "build", gallery, "--bundle", bundle.path()]);
    build().fails(6, &["gallery"]);
    fs::create_dir(&gallery).unwrap();
    build().fails(6, &["gallery", "a folder for each SKU"]);
    fs::create_dir(gallery.join("cola")).unwrap();
    build().fails(6, &["cola", "no pictures of this SKU"]);
    assert_eq!((bundle.read("manifest.json"), bundle.read("skus.index")), before);
    shelfscan(arguments!["index", "show", text]).fails(3, &["text.jpg", "not a SKU index"]);
}

#[test]
fn a_gallery_with_one_bad_picture_is_built_from_the_others() {
    let bundle = BundleCopy::new();
    let (gallery, _) = gallery();
    fs::write(gallery.path().join("sku-1/broken.jpg"), "no picture").unwrap();
    let ran = shelfscan(arguments!["index", "build", gallery.path(), "--bundle", bundle.path()]);
    ran.fails(1, &["sku-1", "broken.jpg", "not a JPEG"]);
    assert_eq!(shown(bundle.path()), ["sku-0", "sku-1"]);
}
