//! Product pictures become embeddings, for an index.
//!
//! Owns how a gallery's pictures are read: whole, or only the container found in them, on all threads. Refuses: deciding what to
//! do about a picture that can't be read; each has its own result.

use std::fs;
use std::path::{Path, PathBuf};

use shelfscan_vision::nms::{Suppression, suppress};
use shelfscan_vision::{DecodeLimits, Frame, Letterbox, Rect, decode};

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

impl Models {
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
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let photo = match decode(&bytes, &DecodeLimits::default()) {
            Ok(photo) => photo,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let frame = photo.view()?.frame();
        let mut timings = Timings::default();
        let rect = match subject {
            Subject::Whole => frame.bounds(),
            Subject::Container => self.largest_container(&frame, bench, &mut timings)?.unwrap_or(frame.bounds()),
        };
        let interpreter = &mut *self.embedder.interpreter()?;
        self.embedder.embed(interpreter, &frame, &rect, bench, &mut timings)?;
        Ok(Ok(bench.embedding.clone()))
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
