//! A bundle folder, opened only when all of it fits together.
//!
//! Owns the order of the checks: manifest, length and SHA-256 of every listed file, models against manifest, golden self-test,
//! index against embedder and SKU list. [`Models`] is a bundle before it has an index, for building one.
//!
//! Refuses: bundles with any fault, naming file and field. Writes nothing.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use shelfscan_index::Index;
use shelfscan_tflite::Runtime;

use crate::manifest::{FileEntry, Manifest};
use crate::models::{Detector, Embedder};
use crate::{BundleError, self_test};

/// Name of the manifest in a bundle folder.
pub const MANIFEST: &str = "manifest.json";
/// Name of the detector.
pub const DETECTOR: &str = "detector.tflite";
/// Name of the embedder.
pub const EMBEDDER: &str = "embedder.tflite";
/// Name of the index.
pub const INDEX: &str = "skus.index";

/// A new index on its way to [`INDEX`].
pub(crate) const INCOMING_INDEX: &str = "skus.index.new";

/// The index as the office has it, beside one that the phone changed itself.
pub(crate) const OFFICE_INDEX: &str = "office.index";

/// A bundle's manifest and its two models, checked and ready to run.
#[derive(Debug)]
pub struct Models {
    folder: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) detector: Detector,
    pub(crate) embedder: Embedder,
    embedder_sha256: [u8; 32],
    threads: usize,
}

impl Models {
    /// Opens the models of the bundle in `folder`, to be run on up to `threads` threads (at least 1). The index, if there is
    /// one, is not looked at.
    pub fn open(folder: &Path, threads: usize) -> Result<Self, BundleError> {
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(|source| BundleError::File { path: path.clone(), source })?;
        let manifest = Manifest::parse(&text, &path)?;
        for name in [DETECTOR, EMBEDDER, &manifest.self_test.picture] {
            entry(&manifest, &path, name)?;
        }
        let mut embedder_sha256 = [0; 32];
        for (name, expected) in manifest.files.iter().filter(|(name, _)| *name != INDEX) {
            let sha256 = verify(&folder.join(name), expected)?;
            if name == EMBEDDER {
                embedder_sha256 = sha256;
            }
        }
        let threads = threads.max(1);
        let runtime = Runtime::load()?;
        let detector = Detector::open(&runtime, &folder.join(DETECTOR), &manifest.detector, threads)?;
        let embedder = Embedder::open(&runtime, &folder.join(EMBEDDER), &manifest.embedder, threads)?;
        self_test::run(folder, &manifest, &detector, &embedder)?;
        Ok(Self { folder: folder.into(), manifest, detector, embedder, embedder_sha256, threads })
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where the bundle lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// SHA-256 of the embedder, which an index of its embeddings must carry.
    pub fn embedder_sha256(&self) -> [u8; 32] {
        self.embedder_sha256
    }

    /// Threads a scan or a gallery uses at most.
    pub fn threads(&self) -> usize {
        self.threads
    }
}

/// A bundle that can be scanned with.
#[derive(Debug)]
pub struct Bundle {
    models: Models,
    index: Index,
    index_sha256: [u8; 32],
}

impl Bundle {
    /// Opens the bundle in `folder`, to be run on up to `threads` threads (at least 1).
    pub fn open(folder: &Path, threads: usize) -> Result<Self, BundleError> {
        Self::with_index(Models::open(folder, threads)?)
    }

    /// Models with the index that lies beside them and that their manifest names.
    pub(crate) fn with_index(models: Models) -> Result<Self, BundleError> {
        let folder = models.folder();
        let manifest_path = folder.join(MANIFEST);
        let (path, index_sha256) = find_index(folder, entry(models.manifest(), &manifest_path, INDEX)?)?;
        let index = Index::open(&path).map_err(|source| BundleError::Index { path: path.clone(), source })?;
        let dim = models.manifest.embedder.dim;
        if *index.embedder_sha256() != models.embedder_sha256 || index.dim() != dim {
            let index = short(index.embedder_sha256());
            return Err(BundleError::OtherEmbedder { path, index, embedder: short(&models.embedder_sha256) });
        }
        if let Some(sku) = index.skus().find(|sku| models.manifest.sku(sku.id).is_none()) {
            let reason = format!("skus: `{}` is in {INDEX} but not listed", sku.id);
            return Err(BundleError::Manifest { path: manifest_path, reason });
        }
        Ok(Self { models, index, index_sha256 })
    }

    /// Manifest and models.
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.models.manifest
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The index alone.
    pub fn into_index(self) -> Index {
        self.index
    }

    /// SHA-256 of the index file.
    pub fn index_sha256(&self) -> [u8; 32] {
        self.index_sha256
    }

    /// First twelve hex digits of the index's SHA-256: what tells apart two bundles that differ by an enrolled SKU.
    pub fn index_version(&self) -> String {
        short(&self.index_sha256)
    }

    pub(crate) fn into_models(self) -> Models {
        self.models
    }
}

fn entry<'a>(manifest: &'a Manifest, path: &Path, name: &str) -> Result<&'a FileEntry, BundleError> {
    manifest.files.get(name).ok_or_else(|| BundleError::Unlisted { path: path.into(), name: name.into() })
}

/// The index that belongs to the manifest. A change of the SKUs that was cut off after its manifest was in place (see
/// [`Catalogue::save`](crate::Catalogue::save)) left the index under its new name.
pub(crate) fn find_index(folder: &Path, expected: &FileEntry) -> Result<(PathBuf, [u8; 32]), BundleError> {
    let path = folder.join(INDEX);
    match verify(&path, expected) {
        Ok(sha256) => Ok((path, sha256)),
        Err(fault) => {
            let incoming = folder.join(INCOMING_INDEX);
            verify(&incoming, expected).map(|sha256| (incoming, sha256)).map_err(|_| fault)
        }
    }
}

/// Checks a file's length and SHA-256 and gives the latter.
fn verify(path: &Path, expected: &FileEntry) -> Result<[u8; 32], BundleError> {
    let unreadable = |source| BundleError::File { path: path.into(), source };
    let wrong = |found, expected| BundleError::Content { path: path.into(), found, expected };
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length != expected.bytes {
        return Err(wrong(format!("{length} bytes"), format!("{} bytes", expected.bytes)));
    }
    let sha256: [u8; 32] = Sha256::digest(fs::read(path).map_err(unreadable)?).into();
    let found = hex(&sha256);
    if found != expected.sha256 {
        return Err(wrong(format!("sha256 {found}"), format!("sha256 {}", expected.sha256)));
    }
    Ok(sha256)
}

/// Length and SHA-256 of a file, as a manifest lists it.
pub fn describe(bytes: &[u8]) -> FileEntry {
    FileEntry { sha256: hex(&Sha256::digest(bytes)), bytes: bytes.len() as u64 }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn short(sha256: &[u8]) -> String {
    hex(&sha256[..6])
}
