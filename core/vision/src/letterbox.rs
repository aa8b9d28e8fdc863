//! A region of a photo in a model's input, its shape kept, the rest padded; and the way back for boxes.
//!
//! Owns the geometry that Python and Rust must agree on: scale = min(W/w, H/h), content size rounded to the nearest pixel and
//! at least 1, centred with the odd pixel at the right and bottom. Used for the whole photo, tiles and crops alike.
//!
//! Refuses: choosing the region.

use crate::tensor::TensorError;
use crate::{Frame, InputSpec, Placement, Rect, SampleError, Sampler, TensorMut};

/// Where a region lies in an input, and how to come back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Letterbox {
    region: Rect,
    content: Placement,
}

/// Why an input could not be filled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LetterboxError {
    /// The tensor doesn't fit its description.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// The region could not be sampled.
    #[error(transparent)]
    Sample(#[from] SampleError),
}

impl Letterbox {
    /// Fits `region` (upright pixels of the photo) into an input of `width` x `height` pixels.
    pub fn new(region: Rect, width: usize, height: usize) -> Self {
        let (region_width, region_height) = (region.width().max(1.0), region.height().max(1.0));
        let scale = (width as f32 / region_width).min(height as f32 / region_height);
        let side = |length: f32, limit: usize| ((length * scale).round() as usize).clamp(1, limit);
        let (content_width, content_height) = (side(region_width, width), side(region_height, height));
        let content = Placement {
            left: (width - content_width) / 2,
            top: (height - content_height) / 2,
            width: content_width,
            height: content_height,
        };
        Self { region, content }
    }

    /// Photo pixels for one input pixel, horizontally and vertically.
    pub fn photo_pixels_per_input_pixel(&self) -> (f32, f32) {
        let width = self.region.width().max(1.0) / self.content.width as f32;
        let height = self.region.height().max(1.0) / self.content.height as f32;
        (width, height)
    }

    /// A box in input pixels as a box in the photo, clipped to the region.
    pub fn to_photo(&self, input: &Rect) -> Rect {
        let (x, y) = self.photo_pixels_per_input_pixel();
        let (left, top) = (self.content.left as f32, self.content.top as f32);
        Rect::new(
            self.region.left + (input.left - left) * x,
            self.region.top + (input.top - top) * y,
            self.region.left + (input.right - left) * x,
            self.region.top + (input.bottom - top) * y,
        )
        .clipped(&self.region)
    }

    /// A box in the photo as a box in input pixels.
    pub fn to_input(&self, photo: &Rect) -> Rect {
        let (x, y) = self.photo_pixels_per_input_pixel();
        let (left, top) = (self.content.left as f32, self.content.top as f32);
        Rect::new(
            (photo.left - self.region.left) / x + left,
            (photo.top - self.region.top) / y + top,
            (photo.right - self.region.left) / x + left,
            (photo.bottom - self.region.top) / y + top,
        )
    }

    /// Writes the region into `tensor` as `spec` says. `canvas` is scratch, used only where the tensor can't serve as canvas.
    pub fn fill(
        &self,
        frame: &Frame<'_>,
        spec: &InputSpec,
        sampler: &mut Sampler,
        canvas: &mut Vec<u8>,
        tensor: TensorMut<'_>,
    ) -> Result<(), LetterboxError> {
        spec.fill(tensor, canvas, |canvas| {
            self.pad(canvas, spec.width(), spec.pad());
            sampler.draw(frame, &self.region, canvas, spec.width(), self.content)?;
            Ok(())
        })
    }

    fn pad(&self, canvas: &mut [u8], canvas_width: usize, grey: u8) {
        let row = canvas_width * 3;
        let Placement { left, top, width, height } = self.content;
        let (above, rest) = canvas.split_at_mut(top * row);
        let (beside, below) = rest.split_at_mut(height * row);
        above.fill(grey);
        below.fill(grey);
        if width < canvas_width {
            for line in beside.chunks_exact_mut(row) {
                line[..left * 3].fill(grey);
                line[(left + width) * 3..].fill(grey);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ColorOrder, Element, ImageView, Layout, Normalisation, PixelFormat, Quantization};

    proptest! {
        #[test]
        fn boxes_come_back_where_they_were(
            (left, top) in (0f32..5000.0, 0f32..5000.0),
            (width, height) in (20f32..6000.0, 20f32..6000.0),
            (input_width, input_height) in (32usize..700, 32usize..700),
            (x0, x1, y0, y1) in (0f32..0.5, 0.5f32..1.0, 0f32..0.5, 0.5f32..1.0),
        ) {
            let region = Rect::new(left, top, left + width, top + height);
            let letterbox = Letterbox::new(region, input_width, input_height);
            let inside = Rect::new(left + x0 * width, top + y0 * height, left + x1 * width, top + y1 * height);
            let input = letterbox.to_input(&inside);
            prop_assert!(input.left >= -0.01 && input.right <= input_width as f32 + 0.01);
            prop_assert!(input.top >= -0.01 && input.bottom <= input_height as f32 + 0.01);
            let back = letterbox.to_photo(&input);
            for (a, b) in [
                (back.left, inside.left), (back.right, inside.right), (back.top, inside.top), (back.bottom, inside.bottom),
            ] {
                prop_assert!((a - b).abs() < 0.05, "{back:?} is not {inside:?}");
            }
        }

        #[test]
        fn content_is_centred_and_touches_two_sides(
            (width, height) in (1f32..6000.0, 1f32..6000.0),
            (input_width, input_height) in (1usize..700, 1usize..700),
        ) {
            let Placement { left, top, width, height } =
                Letterbox::new(Rect::new(0.0, 0.0, width, height), input_width, input_height).content;
            prop_assert!(width == input_width || height == input_height);
            prop_assert_eq!(left, (input_width - width) / 2);
            prop_assert_eq!(top, (input_height - height) / 2);
        }
    }

    #[test]
    fn a_picture_lands_between_its_padding() {
        let red = [200u8, 10, 20].repeat(40 * 20);
        let view = ImageView::packed(&red, 40, 20, 120, PixelFormat::Rgb).unwrap();
        let quantization = Some(Quantization { scale: 1.0 / 255.0, zero_point: -128 });
        let normalisation = Normalisation { mean: [0.0; 3], std: [1.0; 3] };
        let layout = (Layout::Nhwc, ColorOrder::Rgb);
        let spec = InputSpec::new((16, 16), layout, normalisation, Element::Int8, quantization, 114).unwrap();
        let mut tensor = vec![99i8; 16 * 16 * 3];
        Letterbox::new(Rect::of_size(40, 20), 16, 16)
            .fill(&view.frame(), &spec, &mut Sampler::new(), &mut Vec::new(), TensorMut::Int8(&mut tensor))
            .unwrap();
        for (row, line) in tensor.chunks_exact(48).enumerate() {
            let expected = if (4..12).contains(&row) { [72, -118, -108] } else { [-14; 3] };
            assert!(line.chunks_exact(3).all(|pixel| pixel == expected), "row {row}: {line:?}");
        }
    }
}
