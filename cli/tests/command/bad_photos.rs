//! Files that are no photo, or not a whole one: each is named with its fault, and the others are scanned.

use std::fs;
use std::path::Path;
use std::process::Command;

use image::ImageFormat::{Jpeg, Png};
use image::{DynamicImage, RgbImage};

use crate::arguments;
use crate::bundle::shipped;
use crate::program::{PROGRAM, Ran, encoded, json, names, picture, shelfscan};

/// Virtual memory in KiB within which a header of 40,000 x 40,000 pixels, 4.8 GB of them, must be refused.
const MEMORY: &str = "2000000";

/// Name, bytes, and what must be said of it.
fn bad() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let jpeg = encoded(&DynamicImage::from(picture().into_rgb8()), Jpeg);
    let png = encoded(&picture(), Png);
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let mut mangled = png.clone();
    let middle = mangled.len() / 2;
    mangled[middle..middle + 64].fill(0x55);
    vec![
        ("a-text.jpg", b"Dear reader, this is no picture.".to_vec(), "not a JPEG, PNG or WebP picture"),
        ("an-iphone.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), "HEIC: save or export it as JPEG"),
        ("cut.jpg", half(&jpeg), "the JPEG file is truncated"),
        ("cut.png", half(&png), "the PNG file is truncated"),
        ("last-byte.jpg", jpeg[..jpeg.len() - 1].to_vec(), "the JPEG file is truncated"),
        ("magic-only.jpg", jpeg[..4].to_vec(), "magic-only.jpg"),
        ("mangled.png", mangled, "can't be decoded"),
        ("zero.jpg", Vec::new(), "the file is empty (0 bytes): copy it again"),
        ("huge.jpg", huge_jpeg(), "40000x40000 pixels; at most"),
        ("huge.png", huge_png(), "40000x40000 pixels; at most"),
    ]
}

/// A small JPEG whose frame header (ITU-T T.81, B.2.2) says 40,000 x 40,000.
fn huge_jpeg() -> Vec<u8> {
    let mut bytes = encoded(&RgbImage::new(16, 16).into(), Jpeg);
    let frame = bytes.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    for side in [frame + 5, frame + 7] {
        bytes[side..side + 2].copy_from_slice(&40_000u16.to_be_bytes());
    }
    bytes
}

/// A small PNG whose IHDR chunk says 40,000 x 40,000, with the right checksum.
fn huge_png() -> Vec<u8> {
    let mut bytes = encoded(&RgbImage::new(16, 16).into(), Png);
    for side in [16, 20] {
        bytes[side..side + 4].copy_from_slice(&40_000u32.to_be_bytes());
    }
    let checksum = crc32fast::hash(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

#[test]
fn each_is_named_with_its_fault_and_the_others_are_scanned() {
    let here = tempfile::tempdir().unwrap();
    let photos = here.path().join("photos");
    fs::create_dir(&photos).unwrap();
    for (name, bytes, _) in bad() {
        fs::write(photos.join(name), bytes).unwrap();
    }
    for good in ["b-good.png", "z-good.png"] {
        fs::write(photos.join(good), encoded(&picture(), Png)).unwrap();
    }
    let missing = here.path().join("not-there.jpg");
    let (report, pictures) = (here.path().join("report.json"), here.path().join("annotated"));
    let ran =
        shelfscan(arguments!["scan", photos, missing, "--bundle", shipped(), "--json", report, "--annotate", pictures]);
    assert_eq!(ran.code, Some(1), "{ran:?}");

    let mut wanted: Vec<(&str, &str)> = bad().into_iter().map(|(name, _, fault)| (name, fault)).collect();
    wanted.push(("not-there.jpg", "No such file"));
    let complaints = ran.complaints();
    assert_eq!(complaints.len(), wanted.len(), "{complaints:#?}");
    let report = json(&report);
    for (name, fault) in wanted {
        let of_it: Vec<&&str> = complaints.iter().filter(|line| line.contains(name)).collect();
        let [line] = of_it[..] else { panic!("one line wanted for {name}: {complaints:#?}") };
        assert!(line.starts_with("error: ") && line.contains(fault), "{line}");
        let failed = report["failed"].as_array().unwrap().iter();
        let told = failed.filter(|failed| failed["file"].as_str().unwrap().ends_with(name));
        assert_eq!(told.count(), 1, "{name} in `failed` of the report");
    }

    let scanned = report["photos"].as_array().unwrap();
    assert_eq!(scanned.len(), 2);
    assert_eq!(scanned[0]["facings"], scanned[1]["facings"]);
    assert!(!scanned[0]["facings"].as_array().unwrap().is_empty(), "the good photo has facings");
    assert_eq!(names(&pictures), ["b-good.annotated.jpg", "z-good.annotated.jpg"]);
    assert!(ran.stdout.contains("b-good.png") && ran.stdout.contains("Total of 2 photos"), "{}", ran.stdout);
}

#[test]
fn bad_photos_alone_leave_no_picture() {
    let here = tempfile::tempdir().unwrap();
    let photo = here.path().join("photo.jpg");
    for (_, bytes, fault) in bad() {
        fs::write(&photo, bytes).unwrap();
        let annotated = here.path().join("annotated.png");
        let ran = shelfscan(arguments!["scan", photo, "--bundle", shipped(), "--annotate", annotated]);
        let fault = if fault == "magic-only.jpg" { "photo.jpg" } else { fault };
        ran.fails(1, &["photo.jpg", fault]);
        assert_eq!(names(here.path()), ["photo.jpg"]);
    }
}

#[test]
#[cfg(unix)]
fn a_huge_header_is_refused_before_its_pixels_are_allocated() {
    for (name, bytes) in [("huge.jpg", huge_jpeg()), ("huge.png", huge_png())] {
        let here = tempfile::tempdir().unwrap();
        let photo = here.path().join(name);
        fs::write(&photo, bytes).unwrap();
        let limited = format!("ulimit -v {MEMORY} && exec \"$@\"");
        let arguments = arguments!["scan", photo, "--bundle", shipped(), "--threads", "1"];
        let ran = Ran::of(Command::new("sh").args(["-c", &limited, "sh", PROGRAM]).args(arguments));
        ran.fails(1, &[name, "40000x40000"]);
    }
}

#[test]
fn a_single_pixel_is_scanned_and_called_too_small() {
    let here = tempfile::tempdir().unwrap();
    for (name, format) in [("dot.png", Png), ("dot.jpg", Jpeg)] {
        let (photo, report) = (here.path().join(name), here.path().join("report.json"));
        fs::write(&photo, encoded(&RgbImage::new(1, 1).into(), format)).unwrap();
        let annotated = here.path().join("annotated.png");
        let ran =
            shelfscan(arguments!["scan", photo, "--bundle", shipped(), "--json", report, "--annotate", annotated]);
        ran.succeeds();
        let report = json(&report);
        let dot = &report["photos"][0];
        assert_eq!((&dot["width"], &dot["height"]), (&1.into(), &1.into()));
        assert_eq!(dot["facings"].as_array().unwrap().len(), 0, "{dot}");
        let findings = dot["quality"]["findings"].as_array().unwrap();
        assert!(findings.iter().any(|finding| finding["kind"] == "too_small"), "{dot}");
        image::open(&annotated).unwrap();
    }
}

#[test]
fn a_folder_without_photos_is_named() {
    let here = tempfile::tempdir().unwrap();
    let (empty, other) = (here.path().join("empty"), here.path().join("only-notes"));
    fs::create_dir(&empty).unwrap();
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes.txt"), "milk").unwrap();
    fs::write(other.join(".hidden.jpg"), encoded(&RgbImage::new(9, 9).into(), Jpeg)).unwrap();
    for folder in [&empty, &other] {
        let ran = shelfscan(arguments!["scan", folder, "--bundle", shipped()]);
        ran.fails(6, &[&folder.display().to_string(), "no photos in this folder", "name a folder or file with photos"]);
    }
    let ran = shelfscan(arguments!["scan", empty, other, "--bundle", shipped()]);
    ran.fails(6, &["empty", "only-notes"]);
}

#[test]
fn a_folder_without_photos_does_not_keep_the_others_from_being_scanned() {
    let here = tempfile::tempdir().unwrap();
    let (empty, good, report) =
        (here.path().join("empty"), here.path().join("good.png"), here.path().join("report.json"));
    fs::create_dir(&empty).unwrap();
    fs::write(&good, encoded(&picture(), Png)).unwrap();
    let ran = shelfscan(arguments!["scan", empty, good, "--bundle", shipped(), "--json", report]);
    ran.fails(1, &["empty", "no photos in this folder"]);
    let report = json(&report);
    assert_eq!(report["photos"].as_array().unwrap().len(), 1);
    assert_eq!(report["failed"][0]["file"].as_str(), Some(empty.display().to_string().as_str()));
}

/// The bundle is what every test here leans on: say so in one place if it is missing.
#[test]
fn the_picture_of_the_self_test_has_facings() {
    let here = tempfile::tempdir().unwrap();
    let photo = here.path().join("good.png");
    fs::write(&photo, encoded(&picture(), Png)).unwrap();
    assert!(facings(&photo) > 0);
}

fn facings(photo: &Path) -> usize {
    let ran = shelfscan(arguments!["scan", photo, "--bundle", shipped(), "--json", "-"]);
    let report: serde_json::Value = serde_json::from_str(&ran.succeeds().stdout).unwrap();
    report["photos"][0]["facings"].as_array().unwrap().len()
}
