//! A facing cut out of a photo, as a JPEG for a person to look at.
//!
//! Owns how much of its surroundings a crop shows, how large it may be, and that it is upright whatever way the sensor was held. The
//! JPEG is made from pixels alone: there is no EXIF, no place and no comment in it.
//!
//! Refuses: keeping it.

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use crate::{Frame, Placement, Rect, SampleError, Sampler};

/// Share of the facing's size that is shown around it on each side, where the photo goes on: neighbours and price labels help to
/// tell what it is.
const CONTEXT: f32 = 0.3;
/// Longest side of a crop in pixels; larger ones are made smaller, none larger.
const LONGEST: f32 = 640.0;
/// Of 100.
const QUALITY: u8 = 88;

/// Cuts crops; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub struct Cropper {
    sampler: Sampler,
    canvas: Vec<u8>,
}

/// A facing with some of its surroundings.
#[derive(Clone, Debug, PartialEq)]
pub struct Crop {
    /// The picture, a baseline JPEG.
    pub jpeg: Vec<u8>,
    /// Its width and height in pixels, at most 640.
    pub size: (u32, u32),
    /// The facing in its pixels.
    pub facing: Rect,
}

/// Why there is no crop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CropError {
    /// The box has no area inside the photo.
    #[error("the box {0:?} has no area inside the photo")]
    Outside(Rect),
    /// The region could not be sampled.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// The picture could not be encoded.
    #[error("the crop could not be encoded: {0}")]
    Encode(#[from] image::ImageError),
}

impl Cropper {
    /// Cuts out the facing at `rect` (upright pixels of the photo; what lies outside the photo is left out).
    ///
    /// # Errors
    /// [`CropError::Outside`] where nothing of the box lies on the photo.
    pub fn cut(&mut self, frame: &Frame<'_>, rect: &Rect) -> Result<Crop, CropError> {
        if ![rect.left, rect.top, rect.right, rect.bottom].iter().all(|side| side.is_finite()) {
            return Err(CropError::Outside(*rect));
        }
        let facing = rect.clipped(&frame.bounds());
        if facing.area() == 0.0 {
            return Err(CropError::Outside(*rect));
        }
        let shown = facing.grown(CONTEXT);
        let whole = Rect::new(shown.left.floor(), shown.top.floor(), shown.right.ceil(), shown.bottom.ceil());
        let region = whole.clipped(&frame.bounds());
        let scale = (LONGEST / region.width().max(region.height())).min(1.0);
        let side = |length: f32| (length * scale).round().max(1.0) as usize;
        let (width, height) = (side(region.width()), side(region.height()));
        self.canvas.clear();
        self.canvas.resize(width * height * 3, 0);
        let placement = Placement { left: 0, top: 0, width, height };
        self.sampler.draw(frame, &region, &mut self.canvas, width, placement)?;
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode(
            &self.canvas,
            width as u32,
            height as u32,
            ExtendedColorType::Rgb8,
        )?;
        let (x, y) = (width as f32 / region.width(), height as f32 / region.height());
        let facing = Rect::new(
            (facing.left - region.left) * x,
            (facing.top - region.top) * y,
            (facing.right - region.left) * x,
            (facing.bottom - region.top) * y,
        );
        let facing = facing.clipped(&Rect::of_size(width as u32, height as u32));
        Ok(Crop { jpeg, size: (width as u32, height as u32), facing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ImageView, Orientation, PixelFormat};

    /// A grey photo of 400 x 300 upright pixels with a red facing at 100..200 x 50..250, stored in any orientation.
    fn stored(orientation: Orientation) -> (Vec<u8>, u32, u32) {
        let (width, height) = orientation.upright_size(400_usize, 300);
        let (start, right, down) = orientation.stored_steps(width, height);
        let mut pixels = vec![0; width * height * 4];
        for y in 0..300_isize {
            for x in 0..400_isize {
                let at = (start as isize + x * right + y * down) as usize * 4;
                let red = (100..200).contains(&x) && (50..250).contains(&y);
                pixels[at..at + 4].copy_from_slice(if red { &[20, 20, 220, 255] } else { &[128, 128, 128, 255] });
            }
        }
        (pixels, width as u32, height as u32)
    }

    #[test]
    fn a_crop_is_upright_whatever_way_the_sensor_was_held() {
        for exif in 1..=8 {
            let orientation = Orientation::from_exif(exif);
            let (pixels, width, height) = stored(orientation);
            let view = ImageView::packed(&pixels, width, height, width as usize * 4, PixelFormat::Bgra).unwrap();
            let frame = view.oriented(orientation).frame();
            let crop = Cropper::default().cut(&frame, &Rect::new(100.0, 50.0, 200.0, 250.0)).unwrap();
            // 30 % of 100 and of 200 on each side, but only 50 are there above and below.
            assert_eq!((crop.size, crop.facing), ((160, 300), Rect::new(30.0, 50.0, 130.0, 250.0)), "EXIF {exif}");
            let decoded = image::load_from_memory(&crop.jpeg).unwrap().to_rgb8();
            for ((x, y), expected) in
                [((80, 150), [220, 20, 20]), ((10, 150), [128; 3]), ((150, 150), [128; 3]), ((80, 20), [128; 3])]
            {
                let found = decoded.get_pixel(x, y).0;
                let near = found.iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) < 8);
                assert!(near, "EXIF {exif}, pixel {x}, {y}: {found:?} instead of {expected:?}");
            }
        }
    }

    #[test]
    fn large_facings_are_made_smaller_and_small_ones_kept() {
        let pixels = vec![90; 3000 * 2000 * 3];
        let view = ImageView::packed(&pixels, 3000, 2000, 9000, PixelFormat::Rgb).unwrap();
        let frame = view.frame();
        let mut cropper = Cropper::default();
        let large = cropper.cut(&frame, &Rect::new(500.0, 100.0, 1300.0, 1900.0)).unwrap();
        assert_eq!(large.size.1, 640);
        assert!(large.jpeg.len() < 1 << 20, "{} bytes", large.jpeg.len());
        let small = cropper.cut(&frame, &Rect::new(10.2, 10.7, 30.1, 50.3)).unwrap();
        assert_eq!(small.size, (33, 63));
        let corner = cropper.cut(&frame, &Rect::new(-50.0, -50.0, 10.0, 0.5)).unwrap();
        assert_eq!((corner.facing.left, corner.facing.top), (0.0, 0.0));
        for outside in
            [Rect::new(-9.0, -9.0, 0.0, 0.0), Rect::new(4000.0, 0.0, 4100.0, 90.0), Rect::new(f32::NAN, 0.0, 9.0, 9.0)]
        {
            let refused = cropper.cut(&frame, &outside);
            assert!(matches!(refused, Err(CropError::Outside(_))), "{refused:?}");
        }
    }
}
