//! Upright RGB pictures of any region of a photo, at any size.
//!
//! Owns the resize (bilinear with antialiasing, as Pillow's `Image.resize(BILINEAR, box=…)`), the swizzle to RGB and the turn to
//! upright, all on the small result and not on the photo. Keeps its scratch between calls: once warm it allocates nothing.
//!
//! Refuses: padding and number formats, which are the letterbox's and the tensor's.

use fast_image_resize as fir;
use fir::images::{TypedCroppedImage, TypedCroppedImageMut, TypedImage, TypedImageRef};
use fir::pixels::{U8x3, U8x4};

use crate::{Frame, PixelFormat, Rect};

/// Resizes regions of photos; one for each thread.
#[derive(Debug, Default)]
pub struct Sampler {
    resizer: fir::Resizer,
    scratch: Vec<u8>,
}

/// A rectangle of whole pixels inside an RGB canvas, where a sampled picture goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// First column.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// Columns, at least 1.
    pub width: usize,
    /// Rows, at least 1.
    pub height: usize,
}

/// A picture was to be drawn outside its canvas.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the region {region:?} can't be drawn at {placement:?}: it lies outside its picture")]
pub struct SampleError {
    /// The region, in stored pixels.
    pub region: Rect,
    /// Where it was to go.
    pub placement: Placement,
}

impl Sampler {
    /// A sampler without scratch yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws `region` (upright pixels, clipped to the photo) into `placement` of the tight RGB `canvas` that is
    /// `canvas_width` pixels wide. A region without area samples the pixel it lies on.
    ///
    /// # Errors
    /// When `placement` leaves the canvas.
    pub fn draw(
        &mut self,
        frame: &Frame<'_>,
        region: &Rect,
        canvas: &mut [u8],
        canvas_width: usize,
        placement: Placement,
    ) -> Result<(), SampleError> {
        let (stored_width, stored_height) = (frame.width as f32, frame.height as f32);
        let stored = frame.orientation.to_stored(region, stored_width, stored_height);
        let stored = at_least_a_sliver(&stored.clipped(&Rect::new(0.0, 0.0, stored_width, stored_height)), frame);
        if frame.format == PixelFormat::Rgb && frame.orientation == crate::Orientation::UPRIGHT {
            let rows = canvas.len() / (canvas_width * 3);
            return self.resize_into(frame, &stored, canvas, (canvas_width, rows), placement);
        }
        let (width, height) = frame.orientation.upright_size(placement.width, placement.height);
        let mut scratch = std::mem::take(&mut self.scratch);
        let bytes = frame.format.bytes();
        scratch.resize(width * height * bytes, 0);
        let whole = Placement { left: 0, top: 0, width, height };
        let resized = self.resize_into(frame, &stored, &mut scratch, (width, height), whole);
        let (start, right, down) = frame.orientation.stored_steps(width, height);
        let [red, green, blue] = match frame.format {
            PixelFormat::Rgb | PixelFormat::Rgba => [0, 1, 2],
            PixelFormat::Bgra => [2, 1, 0],
        };
        for row in 0..placement.height {
            let at = ((placement.top + row) * canvas_width + placement.left) * 3;
            let line = &mut canvas[at..at + placement.width * 3];
            let mut from = start as isize + row as isize * down;
            for pixel in line.chunks_exact_mut(3) {
                let source = &scratch[from as usize * bytes..][..bytes];
                pixel.copy_from_slice(&[source[red], source[green], source[blue]]);
                from += right;
            }
        }
        self.scratch = scratch;
        resized
    }

    fn resize_into(
        &mut self,
        frame: &Frame<'_>,
        stored: &Rect,
        canvas: &mut [u8],
        (canvas_width, canvas_height): (usize, usize),
        to: Placement,
    ) -> Result<(), SampleError> {
        // By type of pixel, as code for every other type that the resizer knows would treble the size of a phone's library.
        let resized = match frame.format {
            PixelFormat::Rgb => self.resize::<U8x3>(frame, stored, canvas, (canvas_width, canvas_height), to),
            PixelFormat::Rgba | PixelFormat::Bgra => {
                self.resize::<U8x4>(frame, stored, canvas, (canvas_width, canvas_height), to)
            }
        };
        resized.ok_or(SampleError { region: *stored, placement: to })
    }

    /// None where a rectangle leaves its picture.
    fn resize<P: fir::PixelTrait>(
        &mut self,
        frame: &Frame<'_>,
        stored: &Rect,
        canvas: &mut [u8],
        (canvas_width, canvas_height): (usize, usize),
        to: Placement,
    ) -> Option<()> {
        let (left, top) = (f64::from(stored.left), f64::from(stored.top));
        let options = fir::ResizeOptions::new()
            .resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Bilinear))
            .use_alpha(false)
            .crop(left, top, f64::from(stored.right) - left, f64::from(stored.bottom) - top);
        let source = TypedImageRef::<P>::from_buffer(frame.row_pixels as u32, frame.height, &frame.pixels).ok()?;
        let source = TypedCroppedImage::new(source, 0, 0, frame.width, frame.height).ok()?;
        let canvas = TypedImage::<P>::from_buffer(canvas_width as u32, canvas_height as u32, canvas).ok()?;
        let (left, top, width, height) = (to.left as u32, to.top as u32, to.width as u32, to.height as u32);
        let mut target = TypedCroppedImageMut::new(canvas, left, top, width, height).ok()?;
        self.resizer.resize_typed(&source, &mut target, &options).ok()
    }
}

/// `fast_image_resize` refuses empty regions: a region that lost its area at the photo's edge becomes the pixel it lies on.
fn at_least_a_sliver(stored: &Rect, frame: &Frame<'_>) -> Rect {
    let side = |low: f32, high: f32, limit: f32| {
        if high - low >= 1.0 {
            (low, high)
        } else {
            let low = low.floor().clamp(0.0, limit - 1.0);
            (low, low + 1.0)
        }
    };
    let (left, right) = side(stored.left, stored.right, frame.width as f32);
    let (top, bottom) = side(stored.top, stored.bottom, frame.height as f32);
    Rect::new(left, top, right, bottom)
}
