//! The SKUs of a bundle as the office has them, and what the phone enrolled itself.
//!
//! Owns the way from one index of the office to the next, and that what the phone knows on top of it stays. Refuses a change that
//! does not come out as the office says, before anything is written.
//!
//! The first time a phone changes its SKUs itself, the index it had is kept beside as [`OFFICE_INDEX`]. What differs between the two
//! is the phone's own. A delta changes the office's index; what is the phone's own is put on top, but for SKUs that the delta brings,
//! for which the office is right. The bundle is saved first, then [`OFFICE_INDEX`] is replaced: after a cut in between the same delta
//! is asked for again and comes to the same.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use shelfscan_index::{Builder, Index};
use shelfscan_protocol::{Delta, DeltaHead, SCHEMA, Sha256, Sku};

use crate::bundle::{OFFICE_INDEX, find_index};
use crate::catalogue::replace_file;
use crate::manifest::SkuEntry;
use crate::{Bundle, BundleError, Catalogue, CatalogueError, INDEX, MANIFEST};

/// Why a delta was not applied. The bundle is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeltaFault {
    /// Of another bundle.
    #[error("the delta is for the bundle `{found}`, this is `{ours}`")]
    OtherBundle {
        /// In the delta.
        found: String,
        /// Here.
        ours: String,
    },
    /// Its vectors come from another embedder.
    #[error("the delta's vectors come from the embedder {found}, this bundle's is {ours}: a new bundle is needed")]
    OtherEmbedder {
        /// In the delta.
        found: Sha256,
        /// Here.
        ours: Sha256,
    },
    /// It changes another index than the one that is here.
    #[error("the delta changes the index {found}, but {ours} is here; ask for another")]
    OtherIndex {
        /// In the delta.
        found: Sha256,
        /// Here.
        ours: Sha256,
    },
    /// What comes out is not what the office has.
    #[error("the delta should make the index {stated}, but it makes {made}; ask for the whole index")]
    OtherResult {
        /// In the delta.
        stated: Sha256,
        /// Here.
        made: Sha256,
    },
    /// A SKU of its vectors is not among its SKUs.
    #[error("the delta has vectors of `{sku}` but doesn't say what it is")]
    Unnamed {
        /// The SKU.
        sku: String,
    },
    /// Its vectors are no index, or not like the one here.
    #[error("the delta's vectors: {0}")]
    Vectors(#[from] shelfscan_index::Error),
    /// The index here can't be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The bundle can't be written.
    #[error(transparent)]
    Write(#[from] CatalogueError),
}

impl DeltaFault {
    /// Whether the whole index would do where this delta didn't.
    pub fn is_mended_by_the_whole(&self) -> bool {
        matches!(self, Self::OtherIndex { .. } | Self::OtherResult { .. } | Self::Vectors(_))
    }
}

/// What a delta did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// SKUs that are known now.
    pub added: Vec<String>,
    /// SKUs that were known, whose vectors or name are others now.
    pub changed: Vec<String>,
    /// SKUs that are gone.
    pub removed: Vec<String>,
    /// SKUs that only this phone knows.
    pub own: Vec<String>,
}

impl Bundle {
    /// What to ask for a delta with: SHA-256 of the index that came from the office last, or that the bundle was shipped with, and
    /// of the embedder.
    pub fn office(&self) -> (Sha256, Sha256) {
        let models = self.models();
        let index = office_index(models.folder()).map_or(Sha256(self.index_sha256()), |(_, sha256)| sha256);
        (index, Sha256(models.embedder_sha256()))
    }

    /// What changes an index of the bytes `from` with the SKU list `from_skus` to this bundle's; all of it where there is none, or
    /// where none of it can be used. To be signed. `made_at` is Unix time in milliseconds.
    ///
    /// # Errors
    /// Those of building an index.
    pub fn delta_from(
        &self,
        from: Option<&[u8]>,
        from_skus: &[SkuEntry],
        made_at: u64,
    ) -> Result<Delta, shelfscan_index::Error> {
        let index = self.index();
        let embedder = Sha256(self.models().embedder_sha256());
        let alike = |old: &Index| {
            old.dim() == index.dim() && old.embedder_sha256() == &embedder.0 && old.options() == index.options()
        };
        let old = from.and_then(|bytes| Some((Index::from_bytes(bytes.into()).ok().filter(alike)?, Sha256::of(bytes))));
        let agrees = |id: &str| old.as_ref().is_some_and(|(old, _)| index.agrees_on(id, old));
        let mut vectors = Builder::from_index(index);
        vectors.retain(|id| !agrees(id));
        let vectors = if vectors.ids().len() == 0 { Vec::new() } else { vectors.build()? };
        let new: HashSet<&str> = index.skus().map(|sku| sku.id).collect();
        let listed = self.manifest().skus.iter().filter(|sku| new.contains(&*sku.id));
        let skus = listed.filter(|sku| !agrees(&sku.id) || !from_skus.contains(sku));
        let removed = old.iter().flat_map(|(old, _)| old.skus().map(|sku| sku.id.to_owned()).collect::<Vec<_>>());
        let head = DeltaHead {
            schema: SCHEMA,
            bundle: self.manifest().name.clone(),
            from: old.as_ref().map(|(_, sha256)| *sha256),
            to: Sha256(self.index_sha256()),
            embedder,
            made_at,
            skus: skus.map(sku).collect(),
            removed: removed.filter(|id| !new.contains(&**id)).collect(),
        };
        Ok(Delta { head, vectors })
    }
}

impl Catalogue {
    /// Applies a delta and saves the bundle: all of it or nothing, whatever moment the power goes. What only this phone knows
    /// stays.
    ///
    /// # Errors
    /// Why the bundle is as it was.
    pub fn apply(&mut self, delta: &Delta) -> Result<Applied, DeltaFault> {
        let head = &delta.head;
        let manifest = self.models().manifest();
        if head.bundle != manifest.name {
            return Err(DeltaFault::OtherBundle { found: head.bundle.clone(), ours: manifest.name.clone() });
        }
        let ours = Sha256(self.models().embedder_sha256());
        if head.embedder != ours {
            return Err(DeltaFault::OtherEmbedder { found: head.embedder, ours });
        }
        let folder = self.models().folder().to_owned();
        let (current, current_sha256) = self.current_index()?;
        let kept = office_index(&folder);
        let (office, office_sha256) =
            kept.as_ref().map_or((&current, current_sha256), |(kept, sha256)| (kept, *sha256));
        if let Some(from) = head.from.filter(|from| *from != office_sha256) {
            return Err(DeltaFault::OtherIndex { found: from, ours: office_sha256 });
        }

        let brought = if delta.vectors.is_empty() { None } else { Some(Index::from_bytes(delta.vectors.clone())?) };
        let named: HashSet<&str> = head.skus.iter().map(|sku| &*sku.id).collect();
        if let Some(sku) = brought.iter().flat_map(Index::skus).find(|sku| !named.contains(sku.id)) {
            return Err(DeltaFault::Unnamed { sku: sku.id.into() });
        }
        let next = match (head.from, &brought) {
            // The whole index comes as it is, so that it fits whatever version built it.
            (None, Some(_)) => delta.vectors.clone(),
            _ => next_office(office, brought.as_ref(), head)?,
        };
        let made = Sha256::of(&next);
        if made != head.to {
            return Err(DeltaFault::OtherResult { stated: head.to, made });
        }
        let next_index = Index::from_bytes(next.clone())?;

        let is_brought = |id: &str| brought.as_ref().is_some_and(|index| index.sku(id).is_some());
        let own = |id: &str| !is_brought(id) && !current.agrees_on(id, office);
        let mut merged = Builder::from_index(&next_index);
        // What a person took out on the phone stays out.
        let taken_out = |id: &str| own(id) && current.sku(id).is_none();
        let changed_here = next_index.skus().any(|sku| taken_out(sku.id));
        merged.retain(|id| !taken_out(id));
        let mut own_skus = Builder::from_index(&current);
        own_skus.retain(own);
        let own_ids: Vec<String> = own_skus.ids().map(str::to_owned).collect();
        if !own_ids.is_empty() {
            merged.take_over(&Index::from_bytes(own_skus.build()?)?)?;
        }

        let left: HashSet<String> = merged.ids().map(str::to_owned).collect();
        let mut applied = Applied { own: own_ids, ..Applied::default() };
        for id in merged.ids() {
            if current.sku(id).is_none() {
                applied.added.push(id.into());
            } else if named.contains(id) {
                applied.changed.push(id.into());
            }
        }
        applied.removed = current.skus().map(|sku| sku.id.to_owned()).filter(|id| !left.contains(id)).collect();
        let mut skus: Vec<SkuEntry> = manifest.skus.clone();
        skus.retain(|sku| !named.contains(&*sku.id) && !applied.removed.contains(&sku.id));
        skus.extend(head.skus.iter().map(entry).filter(|sku| left.contains(&sku.id)));

        let office_is_all = applied.own.is_empty() && !changed_here;
        let index = if office_is_all { next.clone() } else { merged.build()? };
        self.replace(skus, merged);
        self.write(&index)?;
        settle_office(&folder, (!office_is_all).then_some(&*next))?;
        Ok(applied)
    }

    /// Saves what was changed on the phone itself, so that it stays when the office's SKUs change.
    ///
    /// # Errors
    /// As [`Catalogue::save`].
    pub fn save_own(&mut self) -> Result<(), CatalogueError> {
        let folder = self.models().folder().to_owned();
        if office_index(&folder).is_none()
            && let Ok((current, _)) = self.current_index()
        {
            settle_office(&folder, Some(&Builder::from_index(&current).build()?))?;
        }
        let index = self.index()?;
        self.write(&index)
    }

    /// The bundle's index as it lies on the disk, which its manifest names.
    fn current_index(&self) -> Result<(Index, Sha256), BundleError> {
        let (manifest, folder) = (self.models().manifest(), self.models().folder());
        let unlisted = || BundleError::Unlisted { path: folder.join(MANIFEST), name: INDEX.into() };
        let (path, sha256) = find_index(folder, manifest.files.get(INDEX).ok_or_else(unlisted)?)?;
        let index = Index::open(&path).map_err(|source| BundleError::Index { path, source })?;
        Ok((index, Sha256(sha256)))
    }
}

/// The office's index after the delta.
fn next_office(office: &Index, brought: Option<&Index>, head: &DeltaHead) -> Result<Vec<u8>, shelfscan_index::Error> {
    let mut next = Builder::from_index(office);
    next.retain(|id| head.from.is_some() && !head.removed.iter().any(|removed| removed == id));
    if let Some(brought) = brought {
        next.take_over(brought)?;
    }
    next.build()
}

/// What is kept of the office's index beside the phone's own; none where the two are one, or where it can't be used any more.
fn office_index(folder: &Path) -> Option<(Index, Sha256)> {
    let bytes = fs::read(folder.join(OFFICE_INDEX)).ok()?;
    let sha256 = Sha256::of(&bytes);
    Some((Index::from_bytes(bytes).ok()?, sha256))
}

/// Keeps the office's index beside the phone's own, or no more where the two are one.
pub(crate) fn settle_office(folder: &Path, index: Option<&[u8]>) -> Result<(), CatalogueError> {
    let path = folder.join(OFFICE_INDEX);
    let settled = match index {
        Some(bytes) => replace_file(&path, bytes),
        None if path.exists() => fs::remove_file(&path),
        None => Ok(()),
    };
    settled.map_err(|source| CatalogueError::Write { path, source })
}

fn sku(entry: &SkuEntry) -> Sku {
    let SkuEntry { id, name, container, barcode } = entry.clone();
    Sku { id, name, container, barcode }
}

fn entry(sku: &Sku) -> SkuEntry {
    let Sku { id, name, container, barcode } = sku.clone();
    SkuEntry { id, name, container, barcode }
}
