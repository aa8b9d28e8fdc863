//! What identifies a data set: the SHA-256 and size of every file, counts, and one hash over all.
//!
//! Owns the [`Version`] of a data set, its JSON form, and what changed from one to another. The hash over all is the SHA-256 of
//! the lines `SHA256  NAME\n`, one for each file in the order of the names' bytes, as `sha256sum` prints them: it depends on names
//! and contents, and not on times, the order of a folder's entries, or the machine.
//!
//! Refuses: a stored version whose lines don't give its hash.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shelfscan::FileEntry;

use crate::dataset::{Dataset, LabelledFacing};
use crate::{LabError, Result};

/// Schema of the JSON form.
const SCHEMA: u32 = 1;
/// Bytes read at a time.
const CHUNK: usize = 1 << 18;

/// A data set, or the part of it that was used, as it was at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Schema of the JSON form, 1.
    pub schema: u32,
    /// The hash over all files, hex.
    pub sha256: String,
    /// Bytes of all files.
    pub bytes: u64,
    /// What the labels say, by split (an empty name where there are none); absent where they were not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub splits: Option<BTreeMap<String, Counts>>,
    /// SHA-256 and size of each file, by name.
    pub files: BTreeMap<String, FileEntry>,
}

/// Counts of a split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Photos.
    pub photos: u64,
    /// Labelled facings, without regions to be ignored; in folders of SKUs, one a photo.
    pub facings: u64,
    /// Facings of each class.
    pub classes: BTreeMap<String, u64>,
}

impl Version {
    /// Reads and hashes files below `root` on all cores. `done` is called after each file, from any thread.
    ///
    /// # Errors
    /// A file that can't be read.
    pub fn of_files<N>(root: &Path, names: &[N], done: impl Fn() + Sync) -> Result<Self>
    where
        N: AsRef<str> + Sync,
    {
        let files = names
            .par_iter()
            .map_init(
                || vec![0; CHUNK],
                |buffer, name| {
                    let name = name.as_ref();
                    let entry = describe(&root.join(name), buffer)?;
                    done();
                    Ok((name.to_owned(), entry))
                },
            )
            .collect::<Result<BTreeMap<_, _>>>()?;
        let bytes = files.values().map(|file| file.bytes).sum();
        Ok(Self { schema: SCHEMA, sha256: over_all(&files), bytes, splits: None, files })
    }

    /// The version with what the data set's labels say.
    #[must_use]
    pub fn with_counts(mut self, dataset: &Dataset) -> Self {
        self.splits = Some(counts(dataset));
        self
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// A file that can't be read, is no version, of another schema, or was changed by hand.
    pub fn read(path: &Path) -> Result<Self> {
        let unusable = |reason: String| LabError::content(path, reason);
        let text = std::fs::read_to_string(path).map_err(LabError::file(path))?;
        let version: Self = serde_json::from_str(&text)
            .map_err(|error| LabError::line(path, error.line(), format!("not a data set's version: {error}")))?;
        if version.schema != SCHEMA {
            return Err(unusable(format!("schema {}, but schema {SCHEMA} is read", version.schema)));
        }
        if over_all(&version.files) != version.sha256 {
            return Err(unusable("its files don't give its sha256: it was changed after it was written".into()));
        }
        Ok(version)
    }

    /// The JSON form.
    ///
    /// # Errors
    /// None that data of this type could cause.
    pub fn to_json(&self) -> Result<String> {
        crate::error::json(self)
    }

    /// What is different in `new`.
    pub fn changes(&self, new: &Self) -> Changes {
        let (mut changes, mut gone) = (Changes::default(), BTreeMap::<&str, Vec<&str>>::new());
        for (name, entry) in &self.files {
            match new.files.get(name) {
                None => gone.entry(&entry.sha256).or_default().push(name),
                Some(now) if now != entry => changes.changed.push(name.clone()),
                Some(_) => {}
            }
        }
        gone.values_mut().for_each(|names| names.reverse());
        for (name, entry) in new.files.iter().filter(|(name, _)| !self.files.contains_key(*name)) {
            match gone.get_mut(entry.sha256.as_str()).and_then(Vec::pop) {
                Some(from) => changes.moved.push((from.to_owned(), name.clone())),
                None => changes.added.push(name.clone()),
            }
        }
        changes.removed = gone.into_values().flatten().map(str::to_owned).collect();
        changes.removed.sort_unstable();
        changes.classes = class_changes(self, new);
        changes
    }
}

/// What is different between two versions, each list in the order of the names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New names with new contents.
    pub added: Vec<String>,
    /// Names that are gone, their contents too.
    pub removed: Vec<String>,
    /// Names with other contents.
    pub changed: Vec<String>,
    /// The same contents under another name: from, to.
    pub moved: Vec<(String, String)>,
    /// Classes with another number of facings, where both versions have counts.
    pub classes: Vec<ClassChange>,
}

impl Changes {
    /// Whether both versions have the same files.
    pub fn is_empty(&self) -> bool {
        [&self.added, &self.removed, &self.changed].iter().all(|names| names.is_empty()) && self.moved.is_empty()
    }
}

/// Another number of facings of a class in a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassChange {
    /// The split.
    pub split: String,
    /// The class.
    pub class: String,
    /// Facings before.
    pub before: u64,
    /// Facings now.
    pub now: u64,
}

/// Photos and facings of each split; a data set without splits has one with an empty name.
pub fn counts(dataset: &Dataset) -> BTreeMap<String, Counts> {
    let mut splits = BTreeMap::<String, Counts>::new();
    for photo in &dataset.photos {
        let counts = splits.entry(photo.split.clone().unwrap_or_default()).or_default();
        counts.photos += 1;
        for facing in photo.facings.iter().filter(|facing| !facing.ignore) {
            counts.facings += 1;
            *counts.classes.entry(class_of(facing).to_owned()).or_default() += 1;
        }
    }
    splits
}

/// What a facing is counted as: its SKU, else its container.
pub(crate) fn class_of(facing: &LabelledFacing) -> &str {
    facing.sku.as_deref().or(facing.container.as_deref()).unwrap_or(crate::dataset::UNKNOWN)
}

fn class_changes(old: &Version, new: &Version) -> Vec<ClassChange> {
    let (Some(old), Some(new)) = (&old.splits, &new.splits) else { return Vec::new() };
    let keys = |splits: &BTreeMap<String, Counts>| -> Vec<(String, String)> {
        let of_split = |(split, counts): (&String, &Counts)| {
            counts.classes.keys().map(|class| (split.clone(), class.clone())).collect::<Vec<_>>()
        };
        splits.iter().flat_map(of_split).collect()
    };
    let all: BTreeSet<(String, String)> = keys(old).into_iter().chain(keys(new)).collect();
    let count = |splits: &BTreeMap<String, Counts>, split: &str, class: &str| {
        splits.get(split).and_then(|counts| counts.classes.get(class)).copied().unwrap_or(0)
    };
    all.into_iter()
        .map(|(split, class)| {
            let (before, now) = (count(old, &split, &class), count(new, &split, &class));
            ClassChange { split, class, before, now }
        })
        .filter(|change| change.before != change.now)
        .collect()
}

fn describe(path: &Path, buffer: &mut [u8]) -> Result<FileEntry> {
    let mut file = File::open(path).map_err(LabError::file(path))?;
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(FileEntry { sha256: hex(&hasher.finalize()), bytes }),
            Ok(length) => {
                hasher.update(&buffer[..length]);
                bytes += length as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(LabError::file(path)(error)),
        }
    }
}

fn over_all(files: &BTreeMap<String, FileEntry>) -> String {
    let mut hasher = Sha256::new();
    for (name, entry) in files {
        hasher.update(format!("{}  {name}\n", entry.sha256));
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
