//! Product pictures and labelled facings become embeddings, for an index or a judgement of the labels.
//!
//! Owns how a gallery's pictures are read: whole, only the container found in them, or the facings labelled on them, on all
//! threads. Refuses: deciding what to do about a picture that can't be read; each has its own result.

use std::fs;
use std::path::{Path, PathBuf};

use shelfscan_vision::nms::{Suppression, suppress};
use shelfscan_vision::{DecodeLimits, DecodedPhoto, Frame, ImageView, Letterbox, Rect, decode};

use crate::bundle::Models;
use crate::models::Workbench;
use crate::parallel::in_turn;
use crate::result::Timings;
use crate::{Cancel, ScanError};

/// What of a picture is the product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// All of it: galleries of crops.
    #[default]
    Whole,
    /// The container that fills most of it; the whole where none is found.
    Container,
}

/// Why a picture of a gallery gave no embedding.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", .path.display())]
pub struct PictureError {
    /// The picture.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// A photo whose facings are labelled.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledPhoto {
    /// The photo.
    pub path: PathBuf,
    /// Left, top, right and bottom of each facing, in shares of the upright photo. A part of each must lie on the photo.
    pub boxes: Vec<[f32; 4]>,
}

/// The embedding of each labelled facing of a photo, or why there is none.
pub type FacingEmbeddings = Result<Vec<Vec<f32>>, PictureError>;

impl Models {
    /// The embeddings of each photo's facings, in their order, or why there are none. `done` is called after each photo, from any
    /// thread.
    ///
    /// # Errors
    /// Only what concerns all of them: a failing model, or `cancel`.
    pub fn embed_facings(
        &self,
        photos: &[LabelledPhoto],
        cancel: &Cancel,
        done: impl Fn() + Sync,
    ) -> Result<Vec<FacingEmbeddings>, ScanError> {
        in_turn(
            photos.len(),
            self.threads(),
            cancel,
            || Ok(Workbench::default()),
            |bench, number| {
                let LabelledPhoto { path, boxes } = &photos[number];
                let embeddings = self.embed_labelled(path, boxes, bench)?;
                done();
                Ok(embeddings.map_err(|reason| PictureError { path: path.clone(), reason }))
            },
            |_| (),
        )
    }

    fn embed_labelled(
        &self,
        path: &Path,
        boxes: &[[f32; 4]],
        bench: &mut Workbench,
    ) -> Result<Result<Vec<Vec<f32>>, String>, ScanError> {
        let photo = match read(path) {
            Ok(photo) => photo,
            Err(reason) => return Ok(Err(reason)),
        };
        let frame = photo.view()?.frame();
        let all = frame.bounds();
        let interpreter = &mut *self.embedder.interpreter()?;
        let mut embeddings = Vec::with_capacity(boxes.len());
        for &[left, top, right, bottom] in boxes {
            let (width, height) = (all.width(), all.height());
            let rect = Rect::new(left * width, top * height, right * width, bottom * height);
            self.embedder.embed(interpreter, &frame, &rect, bench, &mut Timings::default())?;
            embeddings.push(bench.embedding.clone());
        }
        Ok(Ok(embeddings))
    }

    /// The embedding of each picture, in their order, or why there is none. `done` is called after each picture, from any thread.
    ///
    /// # Errors
    /// Only what concerns all of them: a failing model, or `cancel`.
    pub fn embed_pictures(
        &self,
        pictures: &[PathBuf],
        subject: Subject,
        cancel: &Cancel,
        done: impl Fn() + Sync,
    ) -> Result<Vec<Result<Vec<f32>, PictureError>>, ScanError> {
        in_turn(
            pictures.len(),
            self.threads(),
            cancel,
            || Ok(Workbench::default()),
            |bench, picture| {
                let path = &pictures[picture];
                let embedding = self.embed_picture(path, subject, bench)?;
                done();
                Ok(embedding.map_err(|reason| PictureError { path: path.clone(), reason }))
            },
            |_| (),
        )
    }

    fn embed_picture(
        &self,
        path: &Path,
        subject: Subject,
        bench: &mut Workbench,
    ) -> Result<Result<Vec<f32>, String>, ScanError> {
        let photo = match read(path) {
            Ok(photo) => photo,
            Err(reason) => return Ok(Err(reason)),
        };
        self.embed_view(photo.view()?, subject, bench)?;
        Ok(Ok(bench.embedding.clone()))
    }

    /// The embedding of a picture's product, left on the bench.
    pub(crate) fn embed_view(
        &self,
        view: ImageView<'_>,
        subject: Subject,
        bench: &mut Workbench,
    ) -> Result<(), ScanError> {
        let frame = view.frame();
        let mut timings = Timings::default();
        let rect = match subject {
            Subject::Whole => frame.bounds(),
            Subject::Container => self.largest_container(&frame, bench, &mut timings)?.unwrap_or(frame.bounds()),
        };
        let interpreter = &mut *self.embedder.interpreter()?;
        self.embedder.embed(interpreter, &frame, &rect, bench, &mut timings)
    }

    fn largest_container(
        &self,
        frame: &Frame<'_>,
        bench: &mut Workbench,
        timings: &mut Timings,
    ) -> Result<Option<Rect>, ScanError> {
        let (width, height) = self.detector.input_size();
        let letterbox = Letterbox::new(frame.bounds(), width, height);
        let thresholds = &self.manifest().thresholds;
        let interpreter = &mut *self.detector.interpreter()?;
        self.detector.look(interpreter, frame, &letterbox, thresholds.confidence, bench, timings)?;
        suppress(&mut bench.detections, Suppression { iou: thresholds.nms_iou, inside: 1.0, per_class: false });
        let largest = bench.detections.iter().max_by(|a, b| a.rect.area().total_cmp(&b.rect.area()));
        Ok(largest.map(|found| found.rect))
    }
}

fn read(path: &Path) -> Result<DecodedPhoto, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    decode(&bytes, &DecodeLimits::default()).map_err(|error| error.to_string())
}
