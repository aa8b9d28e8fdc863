//! Where results go: places that take no file, names that meet, readers that leave, and a program that is stopped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use image::ImageFormat::Png;
use tempfile::TempDir;

use crate::arguments;
use crate::bundle::shipped;
use crate::program::{PROGRAM, Ran, encoded, json, names, picture, shelfscan};

/// A folder with one good photo in it.
fn with_photo() -> (TempDir, PathBuf) {
    let here = tempfile::tempdir().unwrap();
    let photo = here.path().join("shelf.png");
    fs::write(&photo, encoded(&picture(), Png)).unwrap();
    (here, photo)
}

#[test]
fn places_that_take_no_file_are_refused_before_the_scan() {
    let (here, photo) = with_photo();
    let folder = here.path().join("folder.jpg");
    fs::create_dir(&folder).unwrap();
    let (under_a_file, nowhere) = (photo.join("out.jpg"), here.path().join("nowhere/out.jpg"));
    for (place, words) in [
        (&under_a_file, ["out.jpg", "is no folder; give another place"]),
        (&nowhere, ["out.jpg", "make it first"]),
        (&folder, ["folder.jpg", "it is a folder; give a file name"]),
    ] {
        // The bundle isn't there: whoever scans first would end with 3.
        for option in ["--json", "--annotate"] {
            let place = if option == "--json" { place.clone() } else { place.with_extension("jpg") };
            let ran = shelfscan(arguments!["scan", photo, "--bundle", "no-bundle", option, place]);
            ran.fails(5, &words);
        }
    }
    let ran = shelfscan(arguments!["scan", photo, "--bundle", "no-bundle", "--annotate", photo.join("pictures")]);
    ran.fails(5, &["pictures", "is no folder"]);
    let notes = here.path().join("notes.txt");
    fs::write(&notes, "milk").unwrap();
    let ran = shelfscan(arguments!["scan", photo, "--bundle", "no-bundle", "--annotate", notes]);
    ran.fails(5, &["notes.txt", "it is a file; give a folder"]);
    assert_eq!(names(here.path()), ["folder.jpg", "notes.txt", "shelf.png"]);

    let nowhere = here.path().join("nowhere/out.npy");
    shelfscan(arguments!["index", "export", shipped(), "--npy", nowhere]).fails(5, &["out.npy", "make it first"]);
    let ran = shelfscan(arguments!["index", "build", here.path(), "--bundle", "no-bundle", "--output", folder]);
    ran.fails(5, &["folder.jpg", "it is a folder"]);
}

#[test]
fn a_photo_is_never_written_over() {
    let (here, photo) = with_photo();
    let before = fs::read(&photo).unwrap();
    let roundabout = here.path().join(".").join("shelf.png");
    for option in ["--json", "--annotate"] {
        let ran = shelfscan(arguments!["scan", photo, "--bundle", shipped(), option, roundabout]);
        ran.fails(2, &["shelf.png", "overwrite a photo", "give another place"]);
    }
    let annotated = here.path().join("shelf.annotated.jpg");
    fs::copy(&photo, &annotated).unwrap();
    let ran = shelfscan(arguments!["scan", photo, annotated, "--bundle", shipped(), "--annotate", here.path()]);
    ran.fails(2, &["shelf.annotated.jpg", "overwrite a photo"]);
    assert_eq!((fs::read(&photo).unwrap(), fs::read(&annotated).unwrap()), (before.clone(), before));
}

#[test]
fn one_file_for_several_photos_is_refused() {
    let (here, photo) = with_photo();
    let out = here.path().join("out.png");
    let ran = shelfscan(arguments!["scan", photo, photo, "--bundle", shipped(), "--annotate", out]);
    ran.fails(2, &["out.png", "one file for 2 photos", "give a folder"]);
    assert_eq!(names(here.path()), ["shelf.png"]);
}

#[test]
fn photos_of_one_name_have_a_picture_each() {
    let (here, photo) = with_photo();
    let mut photos = vec![photo.clone()];
    for (folder, name) in [("tuesday", "shelf.png"), ("wednesday", "Shelf.png"), ("thursday", "shelf-2.png")] {
        fs::create_dir(here.path().join(folder)).unwrap();
        let path = here.path().join(folder).join(name);
        fs::copy(&photo, &path).unwrap();
        photos.push(path);
    }
    let pictures = here.path().join("new/pictures");
    let mut scan = arguments!["scan", "--bundle", shipped(), "--annotate", pictures].to_vec();
    scan.extend(photos.into_iter().map(PathBuf::into_os_string));
    shelfscan(scan).succeeds();
    let wanted = ["Shelf-3.annotated.jpg", "shelf-2-2.annotated.jpg", "shelf-2.annotated.jpg", "shelf.annotated.jpg"];
    assert_eq!(names(&pictures), wanted);
    for name in wanted {
        image::open(pictures.join(name)).unwrap();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_name_that_is_no_unicode_is_scanned() {
    use std::os::unix::ffi::OsStrExt;
    let (here, photo) = with_photo();
    let folder = here.path().join("photos");
    fs::create_dir(&folder).unwrap();
    fs::rename(&photo, folder.join(std::ffi::OsStr::from_bytes(b"regal-\xE4.png"))).unwrap();
    fs::write(folder.join(std::ffi::OsStr::from_bytes(b"bad-\xE4.png")), "").unwrap();
    let (report, pictures) = (here.path().join("report.json"), here.path().join("pictures"));
    let ran = shelfscan(arguments!["scan", folder, "--bundle", shipped(), "--json", report, "--annotate", pictures]);
    ran.fails(1, &["bad-\u{FFFD}.png", "0 bytes"]);
    let file = json(&report)["photos"][0]["file"].as_str().unwrap().to_owned();
    assert!(file.ends_with("regal-\u{FFFD}.png"), "{file}");
    assert_eq!(names(&pictures), ["regal-\u{FFFD}.annotated.jpg"]);
}

#[test]
fn json_on_standard_output_is_all_there_is_and_equal_to_the_file() {
    let (here, photo) = with_photo();
    let report = here.path().join("report.json");
    let ran = shelfscan(arguments!["scan", photo, "--bundle", shipped(), "--json", "-", "--threads", "1"]);
    ran.succeeds();
    let to_file = arguments!["scan", photo, "--bundle", shipped(), "--json", report, "--threads", "2"];
    let tables = shelfscan(to_file);
    assert!(tables.succeeds().stdout.contains("facings in"), "{tables:?}");
    assert_eq!(fs::read_to_string(&report).unwrap(), ran.stdout);
    let object = json(&report);
    let keys: Vec<&String> = object.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["failed", "photos", "schema", "total"]);
    assert_eq!(object["schema"], 1);
}

#[test]
fn explain_says_why_of_each_facing_and_where_the_time_went() {
    let (_here, photo) = with_photo();
    let ran = shelfscan(arguments!["scan", photo, "--bundle", shipped(), "--json", "-"]);
    let report: serde_json::Value = serde_json::from_str(&ran.succeeds().stdout).unwrap();
    let facings = report["photos"][0]["facings"].as_array().unwrap().len();
    let ran = shelfscan(arguments!["scan", photo, "--bundle", shipped(), "--explain"]);
    let told = &ran.succeeds().stdout;
    let verdicts = told.matches("accepted:").count() + told.matches("unknown:").count();
    assert_eq!(verdicts, facings, "{told}");
    assert!(told.contains("detector invoke") && told.contains("ms from start to end"), "{told}");
}

/// The program with a standard output (and, if asked, standard error) that nobody reads any more.
#[cfg(unix)]
fn unread(arguments: &[std::ffi::OsString], errors_too: bool) -> Ran {
    let redirect = if errors_too { "2>&1" } else { "" };
    let script = format!("{{ \"$@\" {redirect}; echo $? >&3; }} 3>\"$CODE\" | true");
    let here = tempfile::tempdir().unwrap();
    let code = here.path().join("code");
    // `sleep` lets `true` end, and with it the pipe's reader, before the program writes.
    let script = script.replace("{ \"$@\"", "{ sleep 0.3; \"$@\"");
    let mut ran = Ran::of(Command::new("sh").args(["-c", &script, "sh", PROGRAM]).args(arguments).env("CODE", &code));
    ran.code = fs::read_to_string(code).unwrap().trim().parse().ok();
    ran
}

#[test]
#[cfg(unix)]
fn a_reader_that_leaves_is_no_failure_and_files_are_still_made() {
    let (here, photo) = with_photo();
    let tables = arguments!["scan", photo, photo, "--bundle", shipped()];
    unread(&tables, false).succeeds();
    unread(&arguments!["bundle", "show", shipped()], false).succeeds();
    let (report, pictures) = (here.path().join("report.json"), here.path().join("pictures"));
    let files = arguments!["scan", photo, photo, "--bundle", shipped(), "--json", report, "--annotate", pictures];
    unread(&files, false).succeeds();
    assert_eq!(json(&report)["photos"].as_array().unwrap().len(), 2);
    assert_eq!(names(&pictures), ["shelf-2.annotated.jpg", "shelf.annotated.jpg"]);
}

#[test]
#[cfg(unix)]
fn complaints_that_nobody_reads_don_t_stop_the_scan() {
    let (here, photo) = with_photo();
    let report = here.path().join("report.json");
    let arguments = arguments!["scan", "not-there.jpg", photo, "--bundle", shipped(), "--json", report];
    let ran = unread(&arguments, true);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(json(&report)["photos"].as_array().unwrap().len(), 1);
}

#[test]
#[cfg(unix)]
fn a_scan_that_is_stopped_leaves_nothing() {
    let (here, photo) = with_photo();
    let report = here.path().join("report.json");
    let mut command = Command::new(PROGRAM);
    command.arg("scan").args(vec![&photo; 200]).arg("--bundle").arg(shipped()).arg("--json").arg(&report);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("shelf.png"), "{first}");
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it ended before it was stopped");
    assert_eq!(names(here.path()), ["shelf.png"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_standard_output_that_takes_nothing_is_a_failure() {
    let (_here, photo) = with_photo();
    let full = fs::OpenOptions::new().write(true).open(Path::new("/dev/full")).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(arguments!["scan", photo, "--bundle", shipped()]).stdout(full);
    Ran::of(&mut command).fails(5, &["standard output", "No space left"]);
}
