//! `shelfscan dataset`: versions that say what changed, splits that stay what they are, checks that name each fault.

use std::fs;
use std::path::{Path, PathBuf};

use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use tempfile::TempDir;

use crate::arguments;
use crate::program::{encoded, json, names, shelfscan};

/// A data set that is a test's own, in a folder of its own.
struct Set(TempDir);

impl Set {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("set")).unwrap();
        Self(folder)
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("set")
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn photo(&self, name: &str, number: u32) -> PathBuf {
        self.write(name, encoded(&patches(number), ImageFormat::Png))
    }

    /// Two SKUs on a photo of each split.
    fn shelves() -> Self {
        let set = Self::new();
        for (number, split) in [(1, "train"), (2, "val")] {
            set.photo(&format!("images/{split}/{number}.png"), number);
            set.write(
                &format!("labels/{split}/{number}.txt"),
                "cola can 0.25 0.5 0.1 0.4\nfanta can 0.5 0.5 0.1 0.4\n",
            );
        }
        set
    }

    /// A folder for each of two SKUs, 20 photos in each.
    fn products() -> Self {
        let set = Self::new();
        for number in 0..40 {
            set.photo(&format!("{}/{number:02}.png", ["cola", "fanta"][number as usize % 2]), number);
        }
        set
    }
}

/// Soft patches of colours that no other number gives.
fn patches(number: u32) -> DynamicImage {
    let mut state = number.wrapping_mul(0x9E37_79B9) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8
    };
    let coarse = RgbImage::from_fn(6, 6, |_, _| Rgb([next(), next(), next()]));
    imageops::resize(&coarse, 90, 60, FilterType::Triangle).into()
}

#[test]
fn a_version_is_the_same_until_a_file_is_another() {
    let set = Set::shelves();
    let version = set.beside("v.json");
    let ran = shelfscan(arguments!["dataset", "hash", set.root(), "--output", version]);
    let hash = json(&version)["sha256"].as_str().unwrap().to_owned();
    assert!(ran.succeeds().stdout.contains(&format!("sha256 {hash} over 4 files")), "{ran:?}");
    let ran = shelfscan(arguments!["dataset", "hash", set.root(), "--compare", version]);
    assert!(ran.succeeds().stdout.contains("the same: no file was added, removed, changed or moved"), "{ran:?}");

    set.write("labels/train/1.txt", "cola can 0.25 0.5 0.1 0.4\ncola can 0.5 0.5 0.1 0.4\n");
    set.photo("images/train/3.png", 3);
    set.write("labels/train/3.txt", "");
    fs::rename(set.root().join("images/val/2.png"), set.root().join("images/val/two.png")).unwrap();
    fs::remove_file(set.root().join("labels/val/2.txt")).unwrap();
    set.write("labels/val/two.txt", "fanta can 0.5 0.5 0.1 0.4\n");
    let ran = shelfscan(arguments!["dataset", "hash", set.root(), "--compare", version]);
    assert_eq!((ran.code, ran.complaints()), (Some(1), vec![]), "{ran:?}");
    for line in [
        "added    images/train/3.png",
        "added    labels/val/two.txt",
        "removed  labels/val/2.txt",
        "changed  labels/train/1.txt",
        "moved    images/val/2.png -> images/val/two.png",
        "different: 3 added, 1 removed, 1 changed, 1 moved",
    ] {
        assert!(ran.stdout.contains(line), "`{line}` is not in {}", ran.stdout);
    }
    let classes: Vec<Vec<&str>> = ran
        .stdout
        .lines()
        .map(|line| line.split(|c: char| !(c.is_alphanumeric() || c == '+' || c == '-')).collect::<Vec<_>>())
        .map(|words| words.into_iter().filter(|word| !word.is_empty()).collect())
        .collect();
    for row in [["train", "cola", "1", "2", "+1"], ["train", "fanta", "1", "0", "-1"], ["val", "cola", "1", "0", "-1"]]
    {
        assert!(classes.contains(&row.to_vec()), "{row:?} is not in {}", ran.stdout);
    }
}

#[test]
fn a_version_without_usable_labels_has_no_counts_and_says_why() {
    let set = Set::shelves();
    set.write("labels/val/2.txt", "cola can 0.25 0.5 wide 0.4\n");
    let version = set.beside("v.json");
    let ran = shelfscan(arguments!["dataset", "hash", set.root(), "--output", version]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("without counts") && ran.stderr.contains("2.txt:1: w is `wide`"), "{ran:?}");
    assert!(json(&version).get("splits").is_none());
}

#[test]
fn a_split_is_the_same_again_and_never_overwritten_by_another() {
    let set = Set::products();
    let again = encoded(&patches(0), ImageFormat::Jpeg);
    set.write("cola/00-again.jpg", again);
    let (first, second) = (set.beside("first.json"), set.beside("second.json"));
    for output in [&first, &second, &first] {
        let ran = shelfscan(arguments!["dataset", "split", set.root(), "--stratify", "--output", output]);
        assert!(ran.succeeds().stdout.contains("1 groups of 2 photos were kept together"), "{ran:?}");
    }
    let bytes = fs::read(&first).unwrap();
    assert_eq!(bytes, fs::read(&second).unwrap());
    let split = json(&first);
    assert_eq!(split["together"], serde_json::json!([["cola/00-again.jpg", "cola/00.png"]]));
    for (name, least) in [("train", 13), ("val", 2), ("test", 2)] {
        for sku in ["cola", "fanta"] {
            let count = split["counts"][name]["classes"][sku].as_u64().unwrap();
            assert!((least..=least + 3).contains(&count), "{count} of {sku} in {name}");
        }
    }

    let another = arguments!["dataset", "split", set.root(), "--stratify", "--seed", "5", "--output", first];
    shelfscan(another).fails(5, &["first.json", "another split is there", "give another name"]);
    assert_eq!(fs::read(&first).unwrap(), bytes);
}

#[test]
fn a_split_is_laid_out_in_a_new_folder_only() {
    let set = Set::products();
    let (output, out) = (set.beside("split.json"), set.beside("out"));
    let apply = |group_by: &str| {
        shelfscan(arguments![
            "dataset",
            "split",
            set.root(),
            "--output",
            output,
            "--ratios",
            "60,40",
            "--group-by",
            group_by,
            "--apply",
            out
        ])
    };
    let ran = apply(r"/(\d)\d\.png$");
    assert!(ran.succeeds().stdout.contains("4 groups of 40 photos were kept together"), "{ran:?}");
    assert_eq!(names(&out), ["train", "val"]);
    let split = json(&output);
    for name in ["train", "val"] {
        let mut wanted: Vec<&str> = split["splits"][name].as_array().unwrap().iter().flat_map(|n| n.as_str()).collect();
        let skus = ["cola", "fanta"].into_iter();
        let mut found: Vec<String> = skus
            .flat_map(|sku| names(&out.join(name).join(sku)).into_iter().map(move |n| format!("{sku}/{n}")))
            .collect();
        wanted.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, wanted, "{name}");
    }

    apply(r"/(\d)\d\.png$").fails(5, &["out", "not empty", "give a new folder"]);
    let inside = arguments!["dataset", "split", set.root(), "--output", output, "--apply", set.root().join("new")];
    shelfscan(inside).fails(5, &["new", "lies in the data set"]);
    assert!(!set.root().join("new").exists());
}

#[test]
fn a_check_ends_with_0_on_warnings_and_1_on_faults_and_writes_the_page() {
    let set = Set::shelves();
    let page = set.beside("report.html");
    let check = || shelfscan(arguments!["dataset", "check", set.root(), "--output", page]);
    let ran = check();
    assert!(ran.succeeds().stdout.contains("0 faults, 2 warnings"), "{ran:?}");
    assert!(ran.stdout.contains("SKUs with few pictures"), "{ran:?}");
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains("1 to learn from, 300 wanted"), "{html}");

    set.write("config.yaml", "data: {min_images_per_sku: 1}\n");
    let config = set.root().join("config.yaml");
    let ran = shelfscan(arguments!["dataset", "check", set.root(), "--config", config]);
    assert!(ran.succeeds().stdout.contains("0 faults, 0 warnings"), "{ran:?}");

    set.write("labels/train/1.txt", "cola can 0.98 0.5 0.1 0.4\nfanta can 0.5 0.5\nfanta can 0.5 0.5 0.1 0.4\n");
    set.write("labels/val/2.txt", "cola can 0.25 0.5 0.1 nan\nfanta can 0.5 0.5 0.1 0.4\ncola can 0.3 0.3 0.1 0\n");
    set.photo("images/val/bare.png", 9);
    set.write("images/val/broken.png", "no picture");
    set.write("labels/val/broken.txt", "");
    let ran = check();
    assert_eq!((ran.code, ran.complaints()), (Some(1), vec![]), "{ran:?}");
    assert!(ran.stdout.contains("6 faults, 2 warnings"), "{ran:?}");
    for word in
        ["images/val/broken.png", "labels that can't be used", "boxes outside their photo", "boxes without area"]
    {
        assert!(ran.stdout.contains(word), "`{word}` is not in {}", ran.stdout);
    }
    let html = fs::read_to_string(&page).unwrap();
    for word in [
        "images/val/broken.png",
        "labels/train/1.txt, line 2",
        "4 words, but a line here is",
        "labels/val/2.txt, line 1",
        "h is nan",
        "images/val/bare.png",
        "images/train/1.png, line 1",
        "images/val/2.png, line 3",
        "data:image/jpeg;base64,",
    ] {
        assert!(html.contains(word), "`{word}` is not in the page");
    }
}

#[test]
fn what_can_t_be_worked_on_is_named_with_what_to_do() {
    let set = Set::products();
    let (output, nowhere) = (set.beside("out.json"), set.beside("nowhere"));
    let (empty, photoless) = (set.beside("empty"), set.beside("photoless"));
    fs::create_dir(&empty).unwrap();
    fs::create_dir(&photoless).unwrap();
    fs::write(photoless.join("readme.txt"), "no photos").unwrap();
    let commands = |root: &Path| {
        [
            arguments!["dataset", "hash", root].to_vec(),
            arguments!["dataset", "split", root, "--output", output].to_vec(),
            arguments!["dataset", "check", root].to_vec(),
        ]
    };
    for arguments in commands(&nowhere) {
        shelfscan(arguments).fails(3, &["nowhere", "give the folder of a data set"]);
    }
    let [hash, split, check] = commands(&empty);
    shelfscan(hash).fails(3, &["empty", "there is no file in it", "give the folder of a data set"]);
    for arguments in [split, check].into_iter().chain(commands(&photoless).into_iter().skip(1)) {
        shelfscan(arguments).fails(3, &["no photos (jpg, ", "name a data set's folder"]);
    }

    let old = set.beside("old.json");
    fs::write(&old, "{\"schema\": 1,\n \"sha256\": 7}").unwrap();
    let compare = arguments!["dataset", "hash", set.root(), "--compare", old];
    shelfscan(compare).fails(3, &["old.json:2", "not a data set's version"]);
    let inside = arguments!["dataset", "hash", set.root(), "--output", set.root().join("v.json")];
    shelfscan(inside).fails(5, &["v.json", "it lies in the data set", "give another place"]);
    let far = arguments!["dataset", "check", set.root(), "--output", nowhere.join("report.html")];
    shelfscan(far).fails(5, &["report.html", "there is no folder", "make it first"]);
    let config = set.beside("config.yaml");
    fs::write(&config, "data: {min_images_per_sku: many}\n").unwrap();
    shelfscan(arguments!["dataset", "check", set.root(), "--config", config]).fails(3, &["config.yaml"]);

    let pattern = arguments!["dataset", "split", set.root(), "--output", output, "--group-by", "^market"];
    shelfscan(pattern).fails(2, &["`^market` matches no photo's name, such as `cola/00.png`"]);
    for (option, value, word) in [
        ("--group-by", "(shop", "unclosed group"),
        ("--ratios", "70,15,16", "whole percents that make 100"),
        ("--ratios", "many", "whole percents that make 100"),
        ("--seed", "-1", "--seed"),
    ] {
        let ran =
            shelfscan(arguments!["dataset", "split", set.root(), "--output", output, format!("{option}={value}")]);
        assert_eq!(ran.code, Some(2), "{option} {value}: {ran:?}");
        assert!(ran.stderr.contains(word), "{option} {value}: `{word}` is not in {}", ran.stderr);
    }
    set.write("cola/00.png", "no picture");
    let [_, split, _] = commands(&set.root());
    shelfscan(split).fails(3, &["00.png", "mend or remove it"]);
    assert!(!output.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_another_machine_can_t_write_are_refused_by_each_command() {
    use std::os::unix::ffi::OsStrExt;
    let set = Set::products();
    let (photo, output) = (set.root().join("cola/00.png"), set.beside("out.json"));
    fs::rename(photo, set.root().join("cola").join(std::ffi::OsStr::from_bytes(b"caf\xe9.png"))).unwrap();
    for arguments in [
        arguments!["dataset", "hash", set.root()].to_vec(),
        arguments!["dataset", "split", set.root(), "--output", output].to_vec(),
        arguments!["dataset", "check", set.root()].to_vec(),
    ] {
        shelfscan(arguments).fails(3, &["caf", "its name is not UTF-8; rename it"]);
    }
    assert!(!output.exists());
}
