//! The boundary from the Rust side: life of a scanner, errors by kind, enrolment, the report's bytes. What Kotlin and Swift see
//! is tested in them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use shelfscan_ffi::{
    Cancellation, Failed, GallerySession, LogLevel, NamedResult, Orientation, PixelFormat, PixelLayout, ScanOptions,
    Scanner, ShelfscanError, Sku, Subject, report_json, start_logging,
};
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn photo() -> Vec<u8> {
    fs::read(root().join("models/sample/shelf.jpg")).unwrap()
}

/// A copy of the shipped bundle that may be changed.
fn bundle() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root().join("models/bundles/drinks")).unwrap() {
        let entry = entry.unwrap();
        fs::write(folder.path().join(entry.file_name()), fs::read(entry.path()).unwrap()).unwrap();
    }
    folder
}

fn open(folder: &TempDir) -> Arc<Scanner> {
    Scanner::open(folder.path().display().to_string(), 2).unwrap()
}

fn options() -> ScanOptions {
    ScanOptions { confidence: None, closer_looks: true }
}

#[test]
fn a_report_has_the_bytes_of_the_core() {
    let folder = bundle();
    let scanner = open(&folder);
    let result = scanner.scan_file(&photo(), options(), None).unwrap();
    let failed = Failed { file: "b.jpg".into(), error: "no photo".into() };
    let ours = report_json(vec![NamedResult { file: "a.jpg".into(), result }], vec![failed]).unwrap();

    let core = shelfscan::Scanner::new(shelfscan::Bundle::open(folder.path(), 2).unwrap());
    let result = core.scan_file(&photo(), &shelfscan::ScanOptions::default()).unwrap();
    let failed = shelfscan::Failed { file: "b.jpg".into(), error: "no photo".into() };
    let theirs = shelfscan::Report::new([("a.jpg".to_owned(), &result)], vec![failed]).to_json().unwrap();
    assert!(!result.facings.is_empty());
    assert_eq!(ours, theirs);
}

#[test]
fn a_closed_scanner_says_so_and_waits_for_the_scan_in_progress() {
    let folder = bundle();
    let scanner = open(&folder);
    let bytes = photo();
    let scans = thread::scope(|scope| {
        let scan = scope.spawn(|| scanner.scan_file(&bytes, options(), None));
        thread::sleep(Duration::from_millis(30));
        scanner.shut_down();
        scanner.shut_down();
        assert!(scan.is_finished() || scan.join().is_ok());
        scanner.scan_file(&bytes, options(), None)
    });
    assert!(matches!(scans, Err(ShelfscanError::Closed)), "{scans:?}");
    assert!(matches!(scanner.skus(), Err(ShelfscanError::Closed)));
    assert!(matches!(scanner.remove_sku("7up".into()), Err(ShelfscanError::Closed)));
}

#[test]
fn a_cancelled_scan_ends_and_the_scanner_goes_on() {
    let folder = bundle();
    let scanner = open(&folder);
    let cancellation = Cancellation::new();
    cancellation.cancel();
    let scan = scanner.scan_file(&photo(), options(), Some(cancellation));
    assert!(matches!(scan, Err(ShelfscanError::Cancelled)), "{scan:?}");
    assert!(scanner.scan_file(&photo(), options(), Some(Cancellation::new())).is_ok());
}

#[test]
fn errors_have_the_kind_that_an_app_treats_differently() {
    let folder = bundle();
    let scanner = open(&folder);
    let empty = scanner.scan_file(&[], options(), None);
    assert!(matches!(&empty, Err(ShelfscanError::Photo(reason)) if reason.contains("empty")), "{empty:?}");
    let layout = PixelLayout {
        width: 4,
        height: 4,
        row_stride: 16,
        format: PixelFormat::Rgba,
        orientation: Orientation::Rotated90,
    };
    let short = scanner.scan_pixels(&[0; 60], layout, options(), None);
    assert!(matches!(&short, Err(ShelfscanError::Photo(reason)) if reason.contains("64")), "{short:?}");
    let nowhere = Scanner::open("/nowhere".into(), 0);
    assert!(matches!(&nowhere, Err(ShelfscanError::Bundle(reason)) if reason.contains("manifest.json")), "{nowhere:?}");
    let stranger = scanner.remove_sku("stranger".into());
    assert!(matches!(&stranger, Err(ShelfscanError::Gallery(reason)) if reason.contains("stranger")), "{stranger:?}");
    assert!(scanner.scan_file(&photo(), options(), None).is_ok(), "a refused change leaves the scanner as it was");
}

#[test]
fn a_sku_enrolled_from_pictures_is_named_in_the_next_scan_and_after_opening_again() {
    let folder = bundle();
    let scanner = open(&folder);
    let gallery = root().join("models/sample/gallery");
    let product =
        fs::read_dir(&gallery).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
    let id = product.file_name().unwrap().to_string_lossy().into_owned();
    let sku = Sku { id: id.clone(), name: "New".into(), container: None, barcode: None };
    let before = scanner.bundle().unwrap();
    let session = GallerySession::new(scanner.clone(), sku);
    assert!(matches!(session.save(), Err(ShelfscanError::Gallery(_))));
    for picture in fs::read_dir(&product).unwrap() {
        let known = session.add_file(&fs::read(picture.unwrap().path()).unwrap(), Subject::Whole).unwrap();
        assert!(!known.is_empty() && known.iter().all(|candidate| candidate.sku != id));
    }
    assert!(session.remove_last());
    let added = session.count();
    assert!(added > 0);
    let saved = session.save().unwrap();
    assert_ne!(saved.index, before.index);
    assert_eq!(session.count(), 0);

    let named = |scanner: &Scanner| {
        let result = scanner.scan_file(&photo(), options(), None).unwrap();
        result.counts.iter().find(|count| count.sku == id).map(|count| count.count)
    };
    let now = named(&scanner);
    assert!(now.is_some_and(|count| count > 0), "{id} stands on the sample's shelf");
    assert_eq!(now, named(&open(&folder)));
    scanner.remove_sku(id.clone()).unwrap();
    assert_eq!(named(&scanner), None);
}

/// Keeps the lines it is given.
struct Kept(Mutex<Vec<(log::Level, String)>>);

static KEPT: Kept = Kept(Mutex::new(Vec::new()));

impl log::Log for Kept {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push((record.level(), record.args().to_string()));
    }

    fn flush(&self) {}
}

#[test]
fn the_log_tells_what_was_opened_how_long_a_scan_took_and_why_one_failed() {
    log::set_logger(&KEPT).unwrap();
    start_logging(LogLevel::Debug);
    let folder = bundle();
    let scanner = open(&folder);
    scanner.scan_file(&photo(), options(), None).unwrap();
    let error = scanner.scan_file(b"no picture at all", options(), None).unwrap_err();
    // Other tests of this program log too.
    let lines = KEPT.0.lock().unwrap();
    let told = |level, part: &str| lines.iter().any(|line| line.0 == level && line.1.contains(part));
    assert!(told(log::Level::Info, "opened drinks "), "{lines:?}");
    assert!(told(log::Level::Debug, " ms: ") && told(log::Level::Debug, "scanned "), "{lines:?}");
    assert!(told(log::Level::Error, &error.to_string()), "{lines:?}");
}
