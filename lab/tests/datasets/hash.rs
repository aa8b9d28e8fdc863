//! What identifies a data set depends on names and contents, and says what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proptest::prelude::*;
use shelfscan::describe;
use shelfscan_lab::dataset::Dataset;
use shelfscan_lab::files::listed;
use shelfscan_lab::hash::Version;

use crate::folder::{Folder, blotches};

fn version(folder: &Folder) -> Version {
    let names = listed(folder.path()).unwrap();
    Version::of_files(folder.path(), &names, || ()).unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn the_hash_is_that_of_the_list_sha256sum_prints() {
    let folder = Folder::new();
    for (name, bytes) in [("b/é.txt", "one"), ("b-1.txt", ""), ("B.txt", "abc"), ("b.txt", "abc")] {
        folder.write(name, bytes);
    }
    let list = "find * -type f | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum";
    let output = std::process::Command::new("sh").args(["-c", list]).current_dir(folder.path()).output().unwrap();
    let wanted = String::from_utf8(output.stdout).unwrap();
    assert_eq!(version(&folder).sha256, wanted.split_whitespace().next().unwrap());
}

#[test]
fn order_times_and_what_others_leave_behind_don_t_matter() {
    let (one, other) = (Folder::new(), Folder::new());
    let files = [("train/a.txt", "1"), ("train/b.txt", "2"), ("val/c.txt", "3")];
    files.iter().for_each(|(name, bytes)| drop(one.write(name, bytes)));
    files.iter().rev().for_each(|(name, bytes)| drop(other.write(name, bytes)));
    let long_ago = fs::File::options().write(true).open(other.path().join("val/c.txt")).unwrap();
    long_ago.set_modified(std::time::UNIX_EPOCH).unwrap();
    for left in ["train/.DS_Store", ".git/HEAD", "labels/train.cache", "val/Thumbs.db"] {
        other.write(left, "x");
    }
    assert_eq!(version(&one), version(&other));
}

#[test]
fn a_name_that_another_machine_can_t_write_is_refused() {
    let folder = Folder::new();
    folder.write("good.txt", "");
    #[cfg(unix)]
    for bad in [&b"bad\xff.txt"[..], b"back\\slash.txt", b"line\nbreak.txt"] {
        use std::os::unix::ffi::OsStrExt;
        let path = folder.path().join(std::ffi::OsStr::from_bytes(bad));
        fs::write(&path, "").unwrap();
        let refused = listed(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("rename it"), "{refused}");
        fs::remove_file(path).unwrap();
    }
    assert_eq!(listed(folder.path()).unwrap(), ["good.txt"]);
}

#[test]
fn a_folder_without_files_is_named() {
    let folder = Folder::new();
    let missing = folder.path().join("nowhere");
    assert!(listed(&missing).unwrap_err().to_string().contains("nowhere"));
    assert!(listed(folder.path()).unwrap_err().to_string().contains("no file in it"));
    let file = folder.write("a.txt", "");
    assert!(listed(&file).unwrap_err().to_string().contains("it is no folder"));
}

#[test]
fn a_stored_version_reads_back_and_a_changed_one_is_refused() {
    let folder = Folder::new();
    folder.picture("train/cola/1.jpg", &blotches(1, 20, 30));
    folder.picture("val/cola/2.jpg", &blotches(2, 20, 30));
    let version = version(&folder).with_counts(&Dataset::open(folder.path()).unwrap());
    let splits = version.splits.as_ref().unwrap();
    assert_eq!((splits["train"].photos, splits["val"].classes["cola"]), (1, 1));

    let (apart, text) = (Folder::new(), version.to_json().unwrap());
    assert_eq!(Version::read(&apart.write("v.json", &text)).unwrap(), version);
    let bytes = version.files["train/cola/1.jpg"].bytes;
    let file = &version.files["train/cola/1.jpg"].sha256;
    for (changed, reason) in [
        (text.replace("train/cola/1.jpg", "train/cola/3.jpg"), "changed after it was written"),
        (text.replace(file, &"0".repeat(64)), "changed after it was written"),
        (text.replacen("\"schema\": 1", "\"schema\": 2", 1), "schema 2"),
        (text[..text.len() / 2].to_owned(), "v.json:"),
        (text.replace(&format!("\"bytes\": {bytes}\n"), "\"bytes\": -1\n"), "v.json:"),
    ] {
        let refused = Version::read(&apart.write("v.json", &changed)).unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
    }
}

/// Names and contents, both few so that they meet.
fn files() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    prop::collection::btree_map("[a-d]/[a-c]", prop::collection::vec(0_u8..3, 0..2), 1..9)
}

fn of(files: &BTreeMap<String, Vec<u8>>) -> Version {
    let folder = Folder::new();
    files.iter().for_each(|(name, bytes)| drop(folder.write(name, bytes)));
    version(&folder)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn changes_lead_from_the_old_version_to_the_new(old in files(), new in files()) {
        let (before, after) = (of(&old), of(&new));
        let changes = before.changes(&after);
        prop_assert_eq!(changes.is_empty(), old == new);
        prop_assert_eq!(before.sha256 == after.sha256, old == new);

        let mut built = old.clone();
        for name in &changes.removed {
            prop_assert!(built.remove(name).is_some());
        }
        let taken: Vec<_> = changes.moved.iter().map(|(from, to)| (to.clone(), built.remove(from).unwrap())).collect();
        for (name, bytes) in taken {
            prop_assert_eq!(&new[&name], &bytes);
            prop_assert!(built.insert(name, bytes).is_none());
        }
        for name in &changes.changed {
            prop_assert!(built.insert(name.clone(), new[name].clone()).is_some_and(|old| old != new[name]));
        }
        let removed: BTreeSet<_> = changes.removed.iter().map(|name| describe(&old[name]).sha256).collect();
        for name in &changes.added {
            prop_assert!(!removed.contains(&describe(&new[name]).sha256), "moved, not added and removed");
            prop_assert!(built.insert(name.clone(), new[name].clone()).is_none());
        }
        prop_assert_eq!(built, new);
    }
}
