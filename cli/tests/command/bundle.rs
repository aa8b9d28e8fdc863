//! A bundle to spoil: a copy of the shipped one.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;
use serde_json::Value;
use shelfscan::index::{BuildOptions, Builder};
use tempfile::TempDir;

use crate::program::json;

/// The bundle that everything is tried with.
pub fn shipped() -> PathBuf {
    let folder = env::var_os("SHELFSCAN_TEST_BUNDLE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/bundles/drinks"), PathBuf::from);
    assert!(
        folder.join("manifest.json").is_file(),
        "{}: no bundle here; these tests need the shipped one, or another named by SHELFSCAN_TEST_BUNDLE",
        folder.display()
    );
    folder
}

/// One thing that happens to a bundle.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// A file is gone.
    Delete(String),
    /// A file is cut to so many bytes.
    Truncate { file: String, to: usize },
    /// The lowest bit of a byte is another.
    FlipBit { file: String, at: usize },
    /// A field of the manifest, by JSON pointer, gets another value, or is new in its object.
    Set { field: String, to: Value },
    /// A field of an object of the manifest is gone.
    Unset { of: String, field: String },
    /// An index that another embedder's vectors were put into.
    ForeignIndex,
    /// Lengths and hashes in the manifest are made those of the files: only what is in them is wrong.
    Seal,
}

/// A bundle that is a test's own.
pub struct BundleCopy {
    folder: TempDir,
}

impl BundleCopy {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(shipped()).unwrap() {
            let entry = entry.unwrap();
            // Written anew and not copied, as the bundle's files may be read-only.
            fs::write(folder.path().join(entry.file_name()), fs::read(entry.path()).unwrap()).unwrap();
        }
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).unwrap()
    }

    pub fn manifest(&self) -> Value {
        json(&self.file("manifest.json"))
    }

    /// Changes the manifest.
    pub fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut manifest = self.manifest();
        change(&mut manifest);
        fs::write(self.file("manifest.json"), serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
    }

    pub fn apply(&self, change: &Change) {
        match change {
            Change::Delete(file) => fs::remove_file(self.file(file)).unwrap(),
            Change::Truncate { file, to } => {
                let bytes = self.read(file);
                assert!(bytes.len() > *to, "{file} has only {} bytes", bytes.len());
                fs::write(self.file(file), &bytes[..*to]).unwrap();
            }
            Change::FlipBit { file, at } => {
                let mut bytes = self.read(file);
                bytes[*at] ^= 1;
                fs::write(self.file(file), bytes).unwrap();
            }
            Change::Set { field, to } => self.edit(|manifest| {
                let (parent, name) = field.rsplit_once('/').unwrap();
                manifest.pointer_mut(parent).unwrap()[name] = to.clone();
            }),
            Change::Unset { of, field } => self.edit(|manifest| {
                let object = manifest.pointer_mut(of).unwrap().as_object_mut().unwrap();
                object.remove(field).unwrap_or_else(|| panic!("the manifest has no {of}/{field}"));
            }),
            Change::ForeignIndex => {
                let dim = self.manifest()["embedder"]["dim"].as_u64().unwrap() as usize;
                let mut builder = Builder::new(dim, [0x5A; 32], BuildOptions::default()).unwrap();
                builder.add("a-sku", &vec![1.0; dim]).unwrap();
                fs::write(self.file("skus.index"), builder.build().unwrap()).unwrap();
            }
            Change::Seal => self.edit(|manifest| {
                for (name, entry) in manifest["files"].as_object_mut().unwrap() {
                    *entry = serde_json::to_value(shelfscan::describe(&self.read(name))).unwrap();
                }
            }),
        }
    }
}
