//! The pictures of a page: whole photos scaled down, and crops of facings.
//!
//! Owns the limit of their size: a picture that compresses badly is shown smaller. Each photo is decoded once, whatever is wanted
//! of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use image::{RgbImage, imageops};
use rayon::prelude::*;
use shelfscan::{DecodeLimits, decode};

use crate::Result;
use crate::eval::result::{FacingOutcome, PhotoOutcome};
use crate::html;

/// A facing: number of the photo in the result, number of the facing in the photo.
pub(super) type FacingNumber = (usize, usize);

/// Longer side of a photo, in pixels.
const PHOTO: u32 = 800;
/// Longer side of a crop, in pixels.
const CROP: u32 = 160;
/// Letters of a photo's `img`: 20 of them are 4 MB.
const PHOTO_LETTERS: usize = 200_000;
/// Letters of a crop's.
const CROP_LETTERS: usize = 14_000;
/// What is shown around a facing, as a part of its size.
const AROUND: f64 = 0.08;

/// Pictures as `img` elements; what could not be read is not there.
#[derive(Default)]
pub(super) struct Pictures {
    /// By number of the photo.
    pub(super) photos: BTreeMap<usize, String>,
    /// By facing.
    pub(super) crops: BTreeMap<FacingNumber, String>,
}

impl Pictures {
    /// Takes the photos and facings named, on all cores.
    pub(super) fn take(
        photos: &[PhotoOutcome],
        whole: &[usize],
        crops: &BTreeSet<FacingNumber>,
        path_of: impl Fn(&str) -> Option<PathBuf> + Sync,
    ) -> Result<Self> {
        let numbers: BTreeSet<usize> = whole.iter().copied().chain(crops.iter().map(|(photo, _)| *photo)).collect();
        let numbers: Vec<usize> = numbers.into_iter().collect();
        let parts = numbers
            .par_iter()
            .map(|&number| {
                let mut part = Self::default();
                let photo = &photos[number];
                let Some(pixels) = path_of(&photo.name).and_then(|path| upright(path, photo)) else { return Ok(part) };
                if whole.contains(&number) {
                    let alt = super::worst::in_words(photo);
                    part.photos.insert(number, within(&pixels, PHOTO, PHOTO_LETTERS, &alt)?);
                }
                for &(_, facing) in crops.range((number, 0)..=(number, usize::MAX)) {
                    if let Some((crop, alt)) = crop(&pixels, &photo.facings[facing], &photo.name) {
                        part.crops.insert((number, facing), within(&crop, CROP, CROP_LETTERS, &alt)?);
                    }
                }
                Ok(part)
            })
            .collect::<Result<Vec<Self>>>()?;
        let mut all = Self::default();
        for part in parts {
            all.photos.extend(part.photos);
            all.crops.extend(part.crops);
        }
        Ok(all)
    }
}

/// The photo's pixels, if it can be read and is as large as the one judged.
fn upright(path: PathBuf, photo: &PhotoOutcome) -> Option<RgbImage> {
    let decoded = decode(&fs::read(path).ok()?, &DecodeLimits::default()).ok()?;
    let frame = decoded.view().ok()?.frame();
    let (width, height) = frame.upright_size();
    if (width, height) != (photo.width, photo.height) {
        return None;
    }
    RgbImage::from_raw(width, height, frame.to_upright_rgb())
}

/// An `img` of at most so many letters, smaller where that is needed.
fn within(picture: &RgbImage, longest: u32, letters: usize, alt: &str) -> Result<String> {
    let mut longest = longest;
    loop {
        let image = html::picture(picture, longest, alt)?;
        if image.len() <= letters || longest <= 32 {
            return Ok(image);
        }
        longest = longest * 3 / 4;
    }
}

/// A facing and a little around it, and what to say instead of it.
fn crop(photo: &RgbImage, facing: &FacingOutcome, name: &str) -> Option<(RgbImage, String)> {
    let found = facing.detection.as_ref()?;
    let [left, top, right, bottom] = found.rect;
    let (more_x, more_y) = ((right - left) * AROUND, (bottom - top) * AROUND);
    let pixel = |place: f64, length: u32| place.clamp(0.0, f64::from(length)) as u32;
    let (left, top) = (pixel(left - more_x, photo.width()), pixel(top - more_y, photo.height()));
    let (right, bottom) = (pixel(right + more_x, photo.width()), pixel(bottom + more_y, photo.height()));
    if left >= right || top >= bottom {
        return None;
    }
    let labelled = facing.label.as_ref().and_then(|label| label.sku.as_deref()).unwrap_or("nothing");
    let named = found.naming.sku.as_deref().unwrap_or("unknown");
    let alt = format!("labelled {labelled}, named {named}, on {name}");
    Some((imageops::crop_imm(photo, left, top, right - left, bottom - top).to_image(), alt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_compresses_badly_is_shown_smaller() {
        let mut state = 1u32;
        let noise = RgbImage::from_fn(800, 800, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            image::Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
        });
        assert!(html::picture(&noise, PHOTO, "").unwrap().len() > PHOTO_LETTERS);
        let image = within(&noise, PHOTO, PHOTO_LETTERS, "noise").unwrap();
        assert!(image.len() <= PHOTO_LETTERS && image.len() > PHOTO_LETTERS / 4, "{}", image.len());
        assert!(image.ends_with("alt=\"noise\">"));
    }
}
