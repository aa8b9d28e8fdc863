//! Which models this machine recognises with.
//!
//! Owns what the settings and `pipeline.yaml` come to: one bundle folder, of which the manifest says everything about the models. A
//! model given by itself must be one that the manifest beside it, or of the bundle named, describes. Refuses models without one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use shelfscan::{DETECTOR, EMBEDDER, MANIFEST, Manifest};

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
    /// `pipeline.yaml` is not as it must be.
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
    if let Some(path) = embeddings.as_ref().filter(|path| path.extension().is_none_or(|ending| ending != "index")) {
        let reason = "an index of a bundle is needed; make one of a .npy with `shelfscan index build --from`";
        return Err(ModelsError::Kind { variable: "AI_V2_EMBEDDINGS_PATH", path: path.clone(), reason });
    }
    let beside = |model: &Option<PathBuf>| model.as_deref().and_then(Path::parent).map(Path::to_owned);
    let folder = match pipeline
        .bundle
        .or_else(|| beside(&detector))
        .or_else(|| beside(&embedder))
        .or_else(|| beside(&embeddings))
    {
        Some(folder) => folder,
        None if default_bundle().join(MANIFEST).is_file() => return Ok(default_bundle().into()),
        None => return Err(ModelsError::Nothing),
    };
    if !folder.join(MANIFEST).is_file() {
        return Err(ModelsError::NoManifest { path: detector.or(embedder).or(embeddings).unwrap_or(folder) });
    }
    let given = [(DETECTOR, detector), (EMBEDDER, embedder), (shelfscan::INDEX, embeddings)];
    let others: Vec<(&str, PathBuf)> = given
        .into_iter()
        .filter_map(|(name, path)| Some((name, path?)))
        .filter(|(name, path)| !same(path, &folder.join(name)))
        .collect();
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
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|error| ModelsError::Pipeline { path: path.clone(), reason: error.to_string() })?;
    let names = manifest.files.keys().map(String::as_str).chain([MANIFEST]);
    let names: Vec<&str> = names.filter(|name| others.iter().all(|(other, _)| other != name)).collect();
    copy_files(folder, &made, &names).map_err(|(path, source)| ModelsError::File { path, source })?;
    for (name, path) in others {
        fs::copy(path, made.join(name)).map_err(failed(path))?;
    }
    Ok(made)
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
