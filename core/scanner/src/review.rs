//! From a scan to what a person should look at.
//!
//! Owns which facings of a scan become items of the queue, and what is written of each: crop, embedding, candidates. What is worth
//! keeping is the policy's to say, where to keep it the queue's.

use std::collections::BTreeMap;

use shelfscan_protocol::{
    BundleRef, Candidate, Embedding, FacingRef, Item, ItemError, Label, Meta, PhotoRef, Reason, SCHEMA, Sha256,
};
use shelfscan_queue::{Judged, Policy};
use shelfscan_vision::{CropError, Cropper, Frame, ImageView, Rect};

use crate::models::Workbench;
use crate::result::{Timings, tenth};
use crate::{Facing, ScanError, ScanOptions, ScanResult, Scanner, Verdict};

/// Candidates told of an item.
const CANDIDATES: usize = 3;

/// When a photo was taken and what the app knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// SHA-256 of the photo's file, or of its pixels where there is no file.
    pub photo: Sha256,
    /// Unix time in milliseconds.
    pub captured_at: u64,
    /// What the app wants to be known: at most 16; keys of 1 to 64 characters `a-z 0-9 _ . -`, values of 1 to 256 bytes.
    pub tags: BTreeMap<String, String>,
}

/// Why there is no item of a facing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// The photo can't be read or a model failed.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// The facing is not on the photo.
    #[error(transparent)]
    Crop(#[from] CropError),
    /// What the app says of it can't travel.
    #[error(transparent)]
    Item(#[from] ItemError),
}

impl From<shelfscan_vision::DecodeError> for ReviewError {
    fn from(error: shelfscan_vision::DecodeError) -> Self {
        Self::Scan(error.into())
    }
}

impl From<shelfscan_vision::ViewError> for ReviewError {
    fn from(error: shelfscan_vision::ViewError) -> Self {
        Self::Scan(error.into())
    }
}

impl Scanner {
    /// Items of the facings that `policy` finds worth a person's look, those worth most first, at most `most`. `result` must be
    /// what the scan of this very photo with these options gave.
    ///
    /// # Errors
    /// When a model fails or the capture's tags can't travel.
    pub fn uncertain(
        &self,
        view: ImageView<'_>,
        result: &ScanResult,
        options: &ScanOptions,
        capture: &Capture,
        policy: &Policy,
        most: usize,
    ) -> Result<Vec<Item>, ReviewError> {
        let chosen = self.chosen(result, options, capture, policy, most);
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        self.items(&view.frame(), &chosen, capture)
    }

    /// As [`Scanner::uncertain`], from the photo's file, which is decoded again only where a facing is worth it.
    ///
    /// # Errors
    /// When the file can't be decoded, and as there.
    pub fn uncertain_in_file(
        &self,
        bytes: &[u8],
        result: &ScanResult,
        options: &ScanOptions,
        capture: &Capture,
        policy: &Policy,
        most: usize,
    ) -> Result<Vec<Item>, ReviewError> {
        let chosen = self.chosen(result, options, capture, policy, most);
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        self.with_decoded(bytes, &options.limits, |view| self.items(&view.frame(), &chosen, capture))
    }

    /// The item of a facing that a person corrected. The facing may be one of a scan, or made up by the app where the scan found
    /// none: its box is what counts.
    ///
    /// # Errors
    /// When the box is not on the photo, label or tags can't travel, or a model fails.
    pub fn corrected(
        &self,
        view: ImageView<'_>,
        facing: &Facing,
        label: Label,
        capture: &Capture,
    ) -> Result<Item, ReviewError> {
        let chosen = [(Reason::Corrected, facing, Some(label))];
        let mut items = self.items(&view.frame(), &chosen, capture)?;
        items.pop().ok_or_else(|| ReviewError::Crop(CropError::Outside(rect_of(facing))))
    }

    /// As [`Scanner::corrected`], from the photo's file.
    ///
    /// # Errors
    /// When the file can't be decoded, and as there.
    pub fn corrected_in_file(
        &self,
        bytes: &[u8],
        options: &ScanOptions,
        facing: &Facing,
        label: Label,
        capture: &Capture,
    ) -> Result<Item, ReviewError> {
        self.with_decoded(bytes, &options.limits, |view| self.corrected(view, facing, label, capture))
    }

    fn chosen<'a>(
        &self,
        result: &'a ScanResult,
        options: &ScanOptions,
        capture: &Capture,
        policy: &Policy,
        most: usize,
    ) -> Vec<(Reason, &'a Facing, Option<Label>)> {
        let threshold = self.confidence(options);
        let judged = |facing: &Facing| Judged {
            named: facing.sku.is_some(),
            ambiguous: matches!(facing.verdict, Verdict::Ambiguous { .. }),
            margin: facing.margin,
            needed_margin: self.needed_margin(facing),
            score: facing.score,
            threshold,
            rect: facing.rect,
            photo: capture.photo,
        };
        let mut chosen: Vec<_> =
            result.facings.iter().filter_map(|facing| Some((policy.reason(&judged(facing))?, facing, None))).collect();
        // Reasons ascend from what is worth most; facings of one reason stay in the order of the shelf.
        chosen.sort_by_key(|(reason, _, _)| *reason);
        chosen.truncate(most);
        chosen
    }

    fn needed_margin(&self, facing: &Facing) -> f32 {
        let sku = facing.sku.as_deref().and_then(|id| self.bundle().index().sku(id));
        sku.map_or(0.0, |sku| sku.min_margin)
    }

    fn items(
        &self,
        frame: &Frame<'_>,
        chosen: &[(Reason, &Facing, Option<Label>)],
        capture: &Capture,
    ) -> Result<Vec<Item>, ReviewError> {
        let models = self.bundle().models();
        let embedder = Sha256(models.embedder_sha256());
        let manifest = self.bundle().manifest();
        let bundle = BundleRef {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            index: Sha256(self.bundle().index_sha256()),
        };
        let (width, height) = frame.upright_size();
        let photo = PhotoRef { sha256: capture.photo, width, height };
        let interpreter = &mut *models.embedder.interpreter().map_err(ScanError::from)?;
        let (mut cropper, mut bench) = (Cropper::default(), Workbench::default());
        let mut items = Vec::with_capacity(chosen.len());
        for (reason, facing, label) in chosen {
            let crop = cropper.cut(frame, &rect_of(facing))?;
            let rect = rect_of(facing).clipped(&frame.bounds());
            models.embedder.embed(interpreter, frame, &rect, &mut bench, &mut Timings::default())?;
            let candidates = facing.candidates.iter().take(CANDIDATES);
            let meta = Meta {
                schema: SCHEMA,
                reason: *reason,
                captured_at: capture.captured_at,
                bundle: bundle.clone(),
                photo,
                facing: FacingRef {
                    rect: [rect.left, rect.top, rect.right, rect.bottom],
                    box_in_crop: inward(&crop.facing, crop.size),
                    container: facing.container.clone(),
                    score: facing.score.clamp(0.0, 1.0),
                },
                sku: facing.sku.clone(),
                candidates: candidates
                    .map(|candidate| Candidate {
                        sku: candidate.sku.clone(),
                        similarity: candidate.similarity.clamp(-1.0, 1.0),
                    })
                    .collect(),
                margin: facing.margin.clamp(-2.0, 2.0),
                correction: label.clone(),
                tags: capture.tags.clone(),
                embedding: Embedding::of(&bench.embedding, embedder),
            };
            items.push(Item::new(&meta, &crop.jpeg)?);
        }
        Ok(items)
    }
}

fn rect_of(facing: &Facing) -> Rect {
    let [left, top, right, bottom] = facing.rect;
    Rect::new(left, top, right, bottom)
}

/// The box to a tenth of a pixel, not beyond the crop.
fn inward(rect: &Rect, (width, height): (u32, u32)) -> [f32; 4] {
    let (right, bottom) = (tenth(rect.right).min(width as f32), tenth(rect.bottom).min(height as f32));
    [tenth(rect.left).min(right - 0.1), tenth(rect.top).min(bottom - 0.1), right, bottom].map(|side| side.max(0.0))
}
