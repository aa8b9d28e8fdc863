//! Which models this machine recognises with.
//!
//! Owns what the settings and `pipeline.yaml` come to: one bundle folder, of which the manifest says everything about the models. A
//! model given by itself must be one that the manifest beside it, or of the bundle named, describes; of embeddings in `.npy` an index
//! is made. Refuses models without a manifest.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use shelfscan::index::BuildOptions;
use shelfscan::npy::Array;
use shelfscan::{
    BundleError, Catalogue, CatalogueError, DETECTOR, EMBEDDER, INDEX, MANIFEST, Manifest, Models, SkuEntry, describe,
};

use crate::bundles::copy_files;
use crate::config::{Config, ModelFiles};
use crate::engine::default_bundle;

/// Why it is not clear which models to use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// Nothing is set, and there is no bundle where one is looked for.
    #[error("no models: set AI_V2_DETECTOR_MODEL to a bundle's detector, or start where {} is", default_bundle().display())]
    Nothing,
    /// A file can't be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The embedder can't be used.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// No index can be made of the embeddings.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// `pipeline.yaml`, a manifest or embeddings are not as they must be.
    #[error("{}: {reason}", .path.display())]
    Pipeline {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A kind of file that is not read.
    #[error("{variable}: {}: {reason}", .path.display())]
    Kind {
        /// The variable that names it.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// What is expected.
        reason: &'static str,
    },
    /// A model without a manifest.
    #[error("{}: there is no {MANIFEST} beside it, which says how the model is to be used; name a file of a bundle", .path.display())]
    NoManifest {
        /// The model.
        path: PathBuf,
    },
}

/// The part of `pipeline.yaml` that is read; paths are relative to the file. What else stands there is left alone.
#[derive(Debug, Default, Deserialize)]
struct Pipeline {
    bundle: Option<PathBuf>,
    detector_model: Option<PathBuf>,
    classifier_model: Option<PathBuf>,
    embeddings_path: Option<PathBuf>,
}

/// The folder of the bundle that the settings come to. Where they name files of several places, one is made of them below
/// `data`.
///
/// # Errors
/// What is missing or can't be used.
pub fn bundle(config: &Config) -> Result<PathBuf, ModelsError> {
    let ModelFiles { pipeline, detector, embedder, embeddings } = config.models.clone();
    let pipeline = pipeline.as_deref().map(read).transpose()?.unwrap_or_default();
    let detector = detector.or(pipeline.detector_model);
    let embedder = embedder.or(pipeline.classifier_model);
    let embeddings = embeddings.or(pipeline.embeddings_path);
    for (variable, model) in [("AI_V2_DETECTOR_MODEL", &detector), ("AI_V2_CLASSIFIER_MODEL", &embedder)] {
        if let Some(path) = model.as_ref().filter(|path| path.extension().is_none_or(|ending| ending != "tflite")) {
            let reason = "a .tflite model is needed; ONNX models are not run by this version, export them to TFLite";
            return Err(ModelsError::Kind { variable, path: path.clone(), reason });
        }
    }
    let ending = |path: &PathBuf| path.extension().map(|ending| ending.to_string_lossy().into_owned());
    if let Some(path) = embeddings.as_ref().filter(|path| !matches!(ending(path).as_deref(), Some("index" | "npy"))) {
        let reason = "a .npy of the SKUs' embeddings is needed, or an index";
        return Err(ModelsError::Kind { variable: "AI_V2_EMBEDDINGS_PATH", path: path.clone(), reason });
    }
    let beside = |model: &Option<PathBuf>| model.as_deref().and_then(Path::parent).map(Path::to_owned);
    let default = || default_bundle().join(MANIFEST).is_file().then(|| default_bundle().to_owned());
    let named = pipeline.bundle.or_else(|| beside(&detector)).or_else(|| beside(&embedder));
    let folder = named.or_else(default).or_else(|| beside(&embeddings)).ok_or(ModelsError::Nothing)?;
    if !folder.join(MANIFEST).is_file() {
        return Err(ModelsError::NoManifest { path: detector.or(embedder).or(embeddings).unwrap_or(folder) });
    }
    let given = [(DETECTOR, detector), (EMBEDDER, embedder), (INDEX, embeddings)];
    let given = given.into_iter().filter_map(|(name, path)| Some((name, path?)));
    let others: Vec<(&str, PathBuf)> = given.filter(|(name, path)| !same(path, &folder.join(name))).collect();
    if others.is_empty() { Ok(folder) } else { put_together(&folder, &others, &config.data) }
}

/// A bundle of `folder`'s manifest and files, but for those given. Whether they fit is seen when it is opened.
fn put_together(folder: &Path, others: &[(&str, PathBuf)], data: &Path) -> Result<PathBuf, ModelsError> {
    let made = data.join("models");
    if made.exists() {
        fs::remove_dir_all(&made).map_err(failed(&made))?;
    }
    fs::create_dir_all(&made).map_err(failed(&made))?;
    let path = folder.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(failed(&path))?;
    let mut manifest: Manifest = serde_json::from_str(&text)
        .map_err(|error| ModelsError::Pipeline { path: path.clone(), reason: error.to_string() })?;
    let names = manifest.files.keys().map(String::as_str);
    let names: Vec<&str> = names.filter(|name| others.iter().all(|(other, _)| other != name)).collect();
    copy_files(folder, &made, &names).map_err(|(path, source)| ModelsError::File { path, source })?;
    let mut embeddings = None;
    for (name, path) in others {
        if path.extension().is_some_and(|ending| ending == "npy") {
            embeddings = Some(path);
            continue;
        }
        let bytes = fs::read(path).map_err(failed(path))?;
        if *name == INDEX {
            // It carries the hash of its embedder, which is checked; the manifest's own entry is of another index.
            manifest.files.insert(INDEX.into(), describe(&bytes));
        }
        fs::write(made.join(name), bytes).map_err(failed(path))?;
    }
    let text = serde_json::to_string_pretty(&manifest)
        .map_err(|error| ModelsError::Pipeline { path: path.clone(), reason: error.to_string() })?;
    fs::write(made.join(MANIFEST), text).map_err(failed(&made))?;
    if let Some(npy) = embeddings {
        index_of(npy, &made)?;
    }
    Ok(made)
}

/// Makes the bundle's index of embeddings and of the SKUs in the JSON list beside them, as `shelfscan index export` writes both.
fn index_of(npy: &Path, made: &Path) -> Result<(), ModelsError> {
    let labels = npy.with_extension("labels.json");
    let text = fs::read_to_string(&labels).map_err(failed(&labels))?;
    let unusable = |path: &Path, reason: String| ModelsError::Pipeline { path: path.into(), reason };
    let ids: Vec<String> = serde_json::from_str(&text)
        .map_err(|error| unusable(&labels, format!("a JSON list of SKU ids is needed: {error}")))?;
    let array = Array::parse(&fs::read(npy).map_err(failed(npy))?).map_err(|reason| unusable(npy, reason))?;
    let models = Models::open(made, 1)?;
    let dim = models.manifest().embedder.dim;
    if array.shape != (ids.len(), dim) || ids.is_empty() {
        let (rows, columns) = array.shape;
        let reason = format!(
            "its shape is {rows} x {columns}, but {} labels and the embedder make {} x {dim}",
            ids.len(),
            ids.len()
        );
        return Err(unusable(npy, reason));
    }
    let known = models.manifest().skus.clone();
    let mut by_sku: BTreeMap<&str, Vec<Vec<f32>>> = BTreeMap::new();
    for (id, row) in ids.iter().zip(array.numbers.chunks_exact(dim)) {
        by_sku.entry(id).or_default().push(row.to_vec());
    }
    let mut catalogue = Catalogue::empty(models, BuildOptions::default())?;
    for (id, embeddings) in by_sku {
        let entry = known.iter().find(|sku| sku.id == id).cloned();
        let nameless = || SkuEntry { id: id.into(), name: id.into(), container: None, barcode: None };
        catalogue.enrol(entry.unwrap_or_else(nameless), &embeddings)?;
    }
    Ok(catalogue.save()?)
}

fn read(path: &Path) -> Result<Pipeline, ModelsError> {
    let text = fs::read_to_string(path).map_err(failed(path))?;
    let read: Pipeline = serde_saphyr::from_str(&text)
        .map_err(|error| ModelsError::Pipeline { path: path.into(), reason: error.to_string() })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let there = |path: Option<PathBuf>| path.map(|path| folder.join(path));
    Ok(Pipeline {
        bundle: there(read.bundle),
        detector_model: there(read.detector_model),
        classifier_model: there(read.classifier_model),
        embeddings_path: there(read.embeddings_path),
    })
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> ModelsError {
    let path = path.to_owned();
    move |source| ModelsError::File { path, source }
}
