//! From labels to a new index, and from a published index to a bundle in force.
//!
//! Owns how an index is built for publication: always upon the bundle as it was shipped, with the embeddings of what people labelled
//! since, so that the same labels give the same bytes on every machine. Refuses to change the shipped bundle.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use shelfscan::{
    Bundle, BundleError, Catalogue, CatalogueError, INDEX, MANIFEST, Manifest, Scanner, SkuEntry, describe,
    replace_file,
};
use shelfscan_protocol::Sha256;

use crate::blobs::Blobs;
use crate::database::indexes::PublishedIndex;
use crate::database::skus::Sku;
use crate::engine::Loaded;

/// Why a published index is not in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishedError {
    /// A file can't be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The bundle made of it can't be used.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Its file can't be got.
    #[error("the store of pictures and indexes: {0}")]
    Blob(#[from] object_store::Error),
    /// The SKUs can't be written as JSON or read from it.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// An index can't be built.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The work was broken off.
    #[error("{0}")]
    Task(String),
}

/// An index ready to be published.
#[derive(Debug)]
pub struct Built {
    /// Its file.
    pub index: Vec<u8>,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// SHA-256 of its embedder in hex.
    pub embedder: String,
    /// Its SKUs.
    pub skus: Vec<SkuEntry>,
    /// SKUs that the shipped bundle has not.
    pub new: Vec<String>,
    /// SKUs of the shipped bundle that got more vectors.
    pub extended: Vec<String>,
    /// SKUs of which the shipped bundle keeps the centres of their vectors alone, so that none can be added.
    pub condensed: Vec<String>,
    /// Vectors of labelled items in it.
    pub vectors: usize,
}

/// Builds an index of the shipped bundle and of labelled embeddings: SKU and int8 codes of each. It blocks.
///
/// # Errors
/// Where the bundle or an embedding can't be used.
pub fn build(
    shipped: &Path,
    threads: usize,
    labelled: Vec<(String, Vec<u8>)>,
    skus: &[Sku],
) -> Result<Built, PublishedError> {
    let bundle = Bundle::open(shipped, threads)?;
    let embedder = Sha256(bundle.models().embedder_sha256()).to_string();
    let known: Vec<String> = bundle.manifest().skus.iter().map(|sku| sku.id.clone()).collect();
    let mut catalogue = Catalogue::of(bundle);
    let mut by_sku: BTreeMap<String, Vec<Vec<f32>>> = BTreeMap::new();
    for (sku, codes) in labelled {
        by_sku.entry(sku).or_default().push(codes.into_iter().map(|code| f32::from(code as i8)).collect());
    }
    let (mut new, mut extended, mut condensed, mut vectors) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for (id, embeddings) in by_sku {
        let entry = skus.iter().find(|sku| sku.id == id).map_or_else(|| nameless(&id), entry);
        match catalogue.enrol(entry, &embeddings) {
            Ok(()) => {
                vectors += embeddings.len();
                if known.contains(&id) { &mut extended } else { &mut new }.push(id);
            }
            Err(CatalogueError::Build(shelfscan::index::Error::SkuIsCondensed { .. })) => condensed.push(id),
            Err(error) => return Err(error.into()),
        }
    }
    let index = catalogue.index()?;
    let mut skus = catalogue.skus().to_vec();
    skus.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Built { sha256: describe(&index).sha256, index, embedder, skus, new, extended, condensed, vectors })
}

/// The bundle of `loaded` with a published index in its place. One of another embedder is left alone: after the models were
/// exchanged it means nothing, until the labels are published anew.
///
/// # Errors
/// Where its file can't be got or the bundle made of it can't be used.
pub async fn in_force(
    loaded: &Loaded,
    published: &PublishedIndex,
    blobs: &Blobs,
    data: &Path,
    threads: usize,
) -> Result<Loaded, PublishedError> {
    if published.embedder != Sha256(loaded.scanner.bundle().models().embedder_sha256()).to_string() {
        log::warn!(
            "the published index is of other models; the shipped one is in force until labels are published again"
        );
        return Ok(loaded.clone());
    }
    let index = blobs.index(&published.sha256).await?;
    let skus: Vec<SkuEntry> = serde_json::from_str(&published.skus)?;
    let (shipped, bundles) = (loaded.shipped.clone(), data.join("bundles"));
    let sha256 = published.sha256.clone();
    let task = tokio::task::spawn_blocking(move || {
        let folder = make(&shipped, &bundles, &sha256, &index, skus)?;
        let scanner = Scanner::new(Bundle::open(&folder, threads)?);
        sweep(&bundles, &folder);
        Ok(Loaded::new(scanner, shipped, folder))
    });
    task.await.map_err(|error| PublishedError::Task(error.to_string()))?
}

/// Makes the bundle's folder, whole or not at all.
fn make(
    shipped: &Path,
    bundles: &Path,
    sha256: &str,
    index: &[u8],
    skus: Vec<SkuEntry>,
) -> Result<PathBuf, PublishedError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PublishedError::File { path, source }
    };
    fs::create_dir_all(bundles).map_err(failed(bundles))?;
    let beside = tempfile::Builder::new().prefix(".making-").tempdir_in(bundles).map_err(failed(bundles))?;
    let path = shipped.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(failed(&path))?;
    let mut manifest: Manifest = serde_json::from_str(&text)?;
    let names: Vec<&str> = manifest.files.keys().map(String::as_str).filter(|name| *name != INDEX).collect();
    copy_files(shipped, beside.path(), &names).map_err(|(path, source)| PublishedError::File { path, source })?;
    manifest.files.insert(INDEX.into(), describe(index));
    manifest.skus = skus;
    let text = serde_json::to_string_pretty(&manifest)? + "\n";
    for (name, bytes) in [(INDEX, index), (MANIFEST, text.as_bytes())] {
        let path = beside.path().join(name);
        replace_file(&path, bytes).map_err(failed(&path))?;
    }
    let folder = bundles.join(sha256);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed(&folder))?;
    }
    fs::rename(beside.keep(), &folder).map_err(failed(&folder))?;
    Ok(folder)
}

/// Removes bundles that are no longer in force. What is still open of them stays until it is closed.
fn sweep(bundles: &Path, keep: &Path) {
    for entry in fs::read_dir(bundles).into_iter().flatten().flatten() {
        let path = entry.path();
        if path != keep && !entry.file_name().to_string_lossy().starts_with('.') {
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// Copies files from folder to folder.
///
/// # Errors
/// The file, and why.
pub(crate) fn copy_files(from: &Path, to: &Path, names: &[&str]) -> Result<(), (PathBuf, io::Error)> {
    for name in names {
        let path = from.join(name);
        fs::copy(&path, to.join(name)).map_err(|error| (path, error))?;
    }
    Ok(())
}

/// The bundle in `folder` as one `.zip`, the same bytes every time. It blocks.
///
/// # Errors
/// Where a file of it can't be read.
pub fn zipped(folder: &Path) -> io::Result<Bytes> {
    let text = fs::read_to_string(folder.join(MANIFEST))?;
    let manifest: Manifest = serde_json::from_str(&text)?;
    let mut zip = crate::zip::Zip::new(io::Cursor::new(Vec::new()));
    for name in manifest.files.keys().map(String::as_str).chain([MANIFEST]) {
        zip.add(name, &fs::read(folder.join(name))?)?;
    }
    Ok(zip.finish()?.into_inner().into())
}

fn entry(sku: &Sku) -> SkuEntry {
    SkuEntry {
        id: sku.id.clone(),
        name: sku.name.clone(),
        container: sku.container.clone(),
        barcode: sku.barcode.clone(),
    }
}

fn nameless(id: &str) -> SkuEntry {
    SkuEntry { id: id.into(), name: id.into(), container: None, barcode: None }
}
