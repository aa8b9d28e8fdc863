//! Enrolling a SKU on the phone, from photos of it.
//!
//! Owns a session: pictures are added one by one, each answered by what the bundle takes it for so far, and only `save` changes
//! the bundle.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shelfscan::ImageView;

use crate::result::{BundleInfo, Candidate, Sku};
use crate::{PixelLayout, Scanner, ShelfscanError};

/// What of a picture is the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Subject {
    /// The container that fills most of it; all of it where none is found.
    Container,
    /// All of it: a crop, such as a facing a person has named.
    Whole,
}

/// A SKU on its way into the bundle. Pictures count once `save` was called; a session that is dropped leaves nothing.
#[derive(Debug, uniffi::Object)]
pub struct GallerySession {
    scanner: Arc<Scanner>,
    sku: Sku,
    embeddings: Mutex<Vec<Vec<f32>>>,
}

#[uniffi::export]
impl GallerySession {
    /// Begins to enrol a SKU, or to add pictures to one.
    #[uniffi::constructor]
    pub fn new(scanner: Arc<Scanner>, sku: Sku) -> Arc<Self> {
        Arc::new(Self { scanner, sku, embeddings: Mutex::default() })
    }

    /// Adds a picture from the bytes of its file. Gives the SKUs the bundle knows that are most like it, at most three: a person
    /// can see that the product is enrolled already, or is hard to tell from another.
    pub fn add_file(&self, bytes: &[u8], subject: Subject) -> Result<Vec<Candidate>, ShelfscanError> {
        let photo =
            shelfscan::decode(bytes, &Default::default()).map_err(|error| ShelfscanError::Photo(error.to_string()))?;
        self.add(photo.view()?, subject)
    }

    /// Adds a picture from packed pixels.
    pub fn add_pixels(
        &self,
        pixels: &[u8],
        layout: PixelLayout,
        subject: Subject,
    ) -> Result<Vec<Candidate>, ShelfscanError> {
        self.add(layout.view(pixels)?, subject)
    }

    /// Takes the last picture back; whether there was one.
    pub fn remove_last(&self) -> bool {
        self.embeddings().pop().is_some()
    }

    /// Pictures added so far.
    pub fn count(&self) -> u32 {
        self.embeddings().len() as u32
    }

    /// Enrols the SKU from the pictures added, on disk and for the next scan, and begins anew without pictures. Waits for the
    /// scans in progress.
    pub fn save(&self) -> Result<BundleInfo, ShelfscanError> {
        let mut embeddings = self.embeddings();
        if embeddings.is_empty() {
            let reason = format!("SKU `{}` has no pictures yet: add one, three to eight are best", self.sku.id);
            return Err(ShelfscanError::Gallery(reason));
        }
        let ((), saved) = self.scanner.change(|catalogue| {
            catalogue.enrol(self.sku.clone().into(), &embeddings)?;
            Ok(catalogue.save_own()?)
        })?;
        embeddings.clear();
        Ok(saved)
    }
}

impl GallerySession {
    fn add(&self, view: ImageView<'_>, subject: Subject) -> Result<Vec<Candidate>, ShelfscanError> {
        let subject = match subject {
            Subject::Container => shelfscan::Subject::Container,
            Subject::Whole => shelfscan::Subject::Whole,
        };
        let (embedding, naming) = self.scanner.with(|scanner| Ok(scanner.embed_product(view, subject)?))?;
        self.embeddings().push(embedding);
        Ok(naming.candidates.into_iter().map(Candidate::from).collect())
    }

    fn embeddings(&self) -> MutexGuard<'_, Vec<Vec<f32>>> {
        self.embeddings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
