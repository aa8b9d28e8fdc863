//! The SKUs of a bundle, to be changed: enrol a new one, remove one, write the bundle back.
//!
//! Owns that index and SKU list change together or not at all, whatever moment the power goes. Refuses to touch the models.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use shelfscan_index::{BuildOptions, Builder};

use crate::bundle::{INCOMING_INDEX, MANIFEST, find_index};
use crate::delta::settle_office;
use crate::manifest::SkuEntry;
use crate::{Bundle, BundleError, INDEX, Manifest, Models, describe};

/// A bundle's SKUs and their embeddings.
#[derive(Debug)]
pub struct Catalogue {
    models: Models,
    skus: Vec<SkuEntry>,
    builder: Builder,
}

/// Why the SKUs of a bundle were not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The index refused.
    #[error("SKU `{sku}`: {source}")]
    Index {
        /// The SKU.
        sku: String,
        /// Why.
        source: shelfscan_index::Error,
    },
    /// The index could not be built.
    #[error(transparent)]
    Build(#[from] shelfscan_index::Error),
    /// A file could not be written; the bundle is as it was.
    #[error("{}: {source}; the bundle is as it was", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The manifest could not be written as JSON.
    #[error("{MANIFEST}: {0}")]
    Manifest(#[from] serde_json::Error),
}

impl Catalogue {
    /// No SKUs yet, for the embedder of `models`.
    pub fn empty(models: Models, options: BuildOptions) -> Result<Self, CatalogueError> {
        let builder = Builder::new(models.manifest().embedder.dim, models.embedder_sha256(), options)?;
        Ok(Self { models, skus: Vec::new(), builder })
    }

    /// The SKUs of an open bundle.
    pub fn of(bundle: Bundle) -> Self {
        let builder = Builder::from_index(bundle.index());
        let skus = bundle.manifest().skus.clone();
        Self { models: bundle.into_models(), skus, builder }
    }

    /// The models that the embeddings must come from.
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// The SKUs as they are now.
    pub fn skus(&self) -> &[SkuEntry] {
        &self.skus
    }

    /// Adds embeddings of a SKU, which may be new. What is known of it (name, container, barcode) is replaced.
    pub fn enrol(&mut self, sku: SkuEntry, embeddings: &[Vec<f32>]) -> Result<(), CatalogueError> {
        for embedding in embeddings {
            self.builder.add(&sku.id, embedding).map_err(|source| refused(&sku.id, source))?;
        }
        match self.skus.iter_mut().find(|known| known.id == sku.id) {
            Some(known) => *known = sku,
            None => self.skus.push(sku),
        }
        Ok(())
    }

    /// Takes a SKU out, with everything known of it.
    pub fn remove(&mut self, id: &str) -> Result<(), CatalogueError> {
        self.builder.remove(id)?;
        self.skus.retain(|sku| sku.id != id);
        Ok(())
    }

    /// The index as a file's bytes.
    pub fn index(&self) -> Result<Vec<u8>, CatalogueError> {
        Ok(self.builder.build()?)
    }

    /// Writes index and SKU list into the bundle's folder, as the office's.
    ///
    /// # Errors
    /// Why the bundle is as it was.
    pub fn save(&mut self) -> Result<(), CatalogueError> {
        let index = self.index()?;
        self.write(&index)?;
        settle_office(self.models.folder(), None)
    }

    /// The new index is put beside the old one, then the manifest is replaced, which is the moment the change counts, then the
    /// index takes its place. [`Bundle::open`] finds a matching pair after a cut at any point.
    pub(crate) fn write(&mut self, index: &[u8]) -> Result<(), CatalogueError> {
        let folder = self.models.folder();
        let mut manifest = Manifest { skus: self.skus.clone(), ..self.models.manifest().clone() };
        manifest.skus.sort_by(|a, b| a.id.cmp(&b.id));
        manifest.files.insert(INDEX.into(), describe(index));
        let mut text = serde_json::to_string_pretty(&manifest)?;
        text.push('\n');
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            replace_file(&path, bytes).map_err(|source| CatalogueError::Write { path, source })
        };
        self.settle()?;
        write(INCOMING_INDEX, index)?;
        write(MANIFEST, text.as_bytes()).inspect_err(|_| {
            let _ = fs::remove_file(folder.join(INCOMING_INDEX));
        })?;
        let incoming = folder.join(INCOMING_INDEX);
        self.models.manifest = manifest;
        self.settle_index(&incoming)
    }

    /// Puts other SKUs in place of all that are there, to be saved.
    pub(crate) fn replace(&mut self, skus: Vec<SkuEntry>, builder: Builder) {
        (self.skus, self.builder) = (skus, builder);
    }

    /// The bundle as it was last saved, to be scanned with; the models stay loaded. Changes that were not saved are dropped.
    ///
    /// # Errors
    /// When the index in the bundle's folder is not the one that was saved.
    pub fn into_bundle(self) -> Result<Bundle, BundleError> {
        Bundle::with_index(self.models)
    }

    /// A save that was cut off may have left the index that counts under its incoming name, which is needed now.
    fn settle(&self) -> Result<(), CatalogueError> {
        let found = self.models.manifest().files.get(INDEX).map(|entry| find_index(self.models.folder(), entry));
        match found {
            Some(Ok((path, _))) => self.settle_index(&path),
            _ => Ok(()),
        }
    }

    fn settle_index(&self, at: &Path) -> Result<(), CatalogueError> {
        let path = self.models.folder().join(INDEX);
        fs::rename(at, &path).map_err(|source| CatalogueError::Write { path, source })
    }
}

/// Names the SKU where the index's own words don't.
fn refused(sku: &str, source: shelfscan_index::Error) -> CatalogueError {
    match source {
        shelfscan_index::Error::SkuIsCondensed { .. } | shelfscan_index::Error::BadId { .. } => source.into(),
        source => CatalogueError::Index { sku: sku.into(), source },
    }
}

/// Puts `bytes` at `path` whole or not at all: written beside, flushed to the disk, renamed.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".shelfscan-");
    // Readable like any new file, not for the owner alone as temporary files are.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut beside = builder.tempfile_in(folder)?;
    beside.write_all(bytes)?;
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    // The rename itself is on the disk once the folder is; some systems can't open one.
    File::open(folder).and_then(|folder| folder.sync_all()).or(Ok(()))
}
