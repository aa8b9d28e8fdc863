//! Bundles with one fault each, from `tests/bundles/`: refused, whatever command meets them.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::arguments;
use crate::bundle::{BundleCopy, Change};
use crate::program::{encoded, names, picture, shelfscan};

/// A file of the folder.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What happens to a good bundle, in this order.
    changes: Vec<Change>,
    /// What the sentence must have in it: file, fault, and what to do.
    says: Vec<String>,
}

#[test]
fn each_is_refused_in_one_sentence_and_nothing_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bundles");
    let cases = names(&folder);
    assert!(cases.len() >= 20, "cases are missing from {}", folder.display());
    for name in cases {
        println!("case {name}");
        let case: Case = serde_json::from_slice(&fs::read(folder.join(&name)).unwrap()).unwrap();
        let bundle = BundleCopy::new();
        case.changes.iter().for_each(|change| bundle.apply(change));
        let says: Vec<&str> = case.says.iter().map(String::as_str).collect();

        let here = tempfile::tempdir().unwrap();
        let photo = here.path().join("shelf.png");
        fs::write(&photo, encoded(&picture(), image::ImageFormat::Png)).unwrap();
        let (report, annotated) = (here.path().join("report.json"), here.path().join("shelf.annotated.png"));
        let scan = arguments!["scan", photo, "--bundle", bundle.path(), "--json", report, "--annotate", annotated];
        let ran = shelfscan(scan);
        ran.fails(3, &says);
        assert_eq!(ran.stdout, "");
        assert_eq!(names(here.path()), ["shelf.png"]);

        let before = names(bundle.path());
        shelfscan(arguments!["bundle", "check", bundle.path()]).fails(3, &says);
        let enrol = arguments!["index", "add", "--bundle", bundle.path(), "--sku", "new", photo];
        shelfscan(enrol).fails(3, &says);
        assert_eq!(names(bundle.path()), before);
    }
}

#[test]
fn no_folder_at_all_is_no_bundle() {
    let here = tempfile::tempdir().unwrap();
    let missing = here.path().join("bundle");
    shelfscan(arguments!["bundle", "check", missing]).fails(3, &["bundle/manifest.json", "copy the bundle again"]);
}

#[test]
fn a_sound_bundle_is_sound() {
    let bundle = BundleCopy::new();
    let ran = shelfscan(arguments!["bundle", "check", bundle.path()]);
    assert!(ran.succeeds().stdout.contains("is sound"), "{ran:?}");
    let ran = shelfscan(arguments!["bundle", "show", bundle.path()]);
    assert!(ran.succeeds().stdout.contains("detector.tflite"), "{ran:?}");
}
