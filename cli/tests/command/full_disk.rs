//! A disk that is full: a small file system in memory, mounted where only the test sees it. Nothing half-written stays.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;

use image::ImageFormat::Png;

use crate::bundle::{BundleCopy, shipped};
use crate::program::{PROGRAM, Ran, encoded, picture};

/// Runs a shell script with `$DISK`, a file system of `kilobytes` KiB; `None`, said loudly, where one can't be mounted.
fn with_disk(kilobytes: usize, script: &str, variables: &[(&str, &Path)]) -> Option<Ran> {
    let here = tempfile::tempdir().unwrap();
    let mount = format!("mount -t tmpfs -o size={kilobytes}k tmpfs \"$DISK\"");
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).env("DISK", here.path());
        command
    };
    let possible = unshare(&mount).output();
    if !possible.as_ref().is_ok_and(|output| output.status.success()) {
        let why = possible.map_or_else(
            |error| format!("`unshare`: {error}"),
            |output| String::from_utf8_lossy(&output.stderr).trim().replace('\n', ", "),
        );
        println!("SKIPPED: full disk test, no file system can be mounted for it: {why}");
        return None;
    }
    let mut command = unshare(&format!("{mount} || exit 99\n{script}"));
    command.env("SHELFSCAN", PROGRAM).env("BUNDLE", shipped()).envs(variables.iter().copied());
    Some(Ran::of(&mut command))
}

const FILL: &str = "cat /dev/zero > \"$DISK/filler\" 2>/dev/null";

#[test]
fn a_report_that_does_not_fit_leaves_the_old_one() {
    let here = tempfile::tempdir().unwrap();
    let photo = here.path().join("shelf.png");
    fs::write(&photo, encoded(&picture(), Png)).unwrap();
    let script = format!(
        "echo old > \"$DISK/report.json\"; {FILL}
         \"$SHELFSCAN\" scan \"$PHOTO\" --bundle \"$BUNDLE\" --json \"$DISK/report.json\" >/dev/null
         code=$?; ls -A \"$DISK\"; cat \"$DISK/report.json\"; exit $code"
    );
    let Some(ran) = with_disk(64, &script, &[("PHOTO", &photo)]) else { return };
    ran.fails(5, &["report.json", "can't be written", "no storage space"]);
    assert_eq!(ran.stdout, "filler\nreport.json\nold\n");
}

#[test]
fn a_picture_that_does_not_fit_leaves_nothing() {
    let here = tempfile::tempdir().unwrap();
    let photo = here.path().join("shelf.png");
    fs::write(&photo, encoded(&picture(), Png)).unwrap();
    for out in ["pictures", "shelf.png"] {
        let script = format!(
            "mkdir \"$DISK/pictures\"; {FILL}
             \"$SHELFSCAN\" scan \"$PHOTO\" --bundle \"$BUNDLE\" --annotate \"$DISK/{out}\" >/dev/null
             code=$?; cd \"$DISK\"; find . -type f; exit $code"
        );
        let Some(ran) = with_disk(64, &script, &[("PHOTO", &photo)]) else { return };
        ran.fails(5, &["shelf", "can't be written", "no storage space"]);
        assert_eq!(ran.stdout, "./filler\n");
    }
}

#[test]
fn a_bundle_on_a_full_disk_stays_as_it_was() {
    let bundle = BundleCopy::new();
    let here = tempfile::tempdir().unwrap();
    let photo = here.path().join("shelf.png");
    fs::write(&photo, encoded(&picture(), Png)).unwrap();
    let kilobytes: u64 =
        fs::read_dir(bundle.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len() / 1024 + 8).sum();
    // Full at once; full after the index, before the manifest; and with room for both.
    let index = fs::metadata(bundle.file("skus.index")).unwrap().len() / 1024 + 12;
    for (room, fits) in [(0, false), (index, false), (2 * index + 1024, true)] {
        let script = format!(
            "cp \"$COPY\"/* \"$DISK\"; ls -A \"$DISK\" > \"$HERE/before\"
             dd if=/dev/zero of=\"$DISK/room\" bs=1k count={room} 2>/dev/null; {FILL}; rm \"$DISK/room\"
             \"$SHELFSCAN\" index add --bundle \"$DISK\" --sku new \"$PHOTO\" >/dev/null
             code=$?; rm \"$DISK/filler\"
             ls -A \"$DISK\" | cmp - \"$HERE/before\" && cmp \"$COPY/skus.index\" \"$DISK/skus.index\"
             \"$SHELFSCAN\" bundle check \"$DISK\" || exit 98
             exit $code"
        );
        let variables = [("PHOTO", photo.as_path()), ("COPY", bundle.path()), ("HERE", here.path())];
        let Some(ran) = with_disk(kilobytes as usize + 4096, &script, &variables) else { return };
        if fits {
            assert_eq!(ran.code, Some(0), "{ran:?}");
            assert!(ran.stdout.contains("differ"), "the index is another now: {ran:?}");
        } else {
            ran.fails(5, &["the bundle is as it was"]);
            assert!(ran.stdout.contains("is sound") && !ran.stdout.contains("differ"), "{ran:?}");
        }
    }
}
