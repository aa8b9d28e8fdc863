//! One shelf, handed over in every way a platform can: the sampled picture is the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use shelfscan_vision::{ImageView, Orientation, PixelFormat, Placement, Rect, Sampler, ViewError};

const WIDTH: usize = 60;
const HEIGHT: usize = 40;

/// Smooth colours, so that chroma at half size loses little.
fn upright(x: usize, y: usize) -> [u8; 3] {
    [(40 + x * 3) as u8, (30 + y * 4) as u8, (200 - x - y) as u8]
}

fn sample(view: &ImageView<'_>, region: Rect, width: usize, height: usize) -> Vec<u8> {
    let mut canvas = vec![7u8; width * height * 3];
    let whole = Placement { left: 0, top: 0, width, height };
    Sampler::new().draw(&view.frame(), &region, &mut canvas, width, whole).unwrap();
    canvas
}

/// The picture whose turn by `orientation` is upright, in RGB: `(pixels, width, height)`.
fn stored(orientation: u8) -> (Vec<[u8; 3]>, usize, usize) {
    let (width, height) = if orientation >= 5 { (HEIGHT, WIDTH) } else { (WIDTH, HEIGHT) };
    let mut pixels = vec![[0; 3]; width * height];
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (right, bottom) = (WIDTH - 1 - x, HEIGHT - 1 - y);
            // EXIF: which stored corner is the visual top left (Exif 2.32, tag 0x0112).
            let (column, row) = match orientation {
                1 => (x, y),
                2 => (right, y),
                3 => (right, bottom),
                4 => (x, bottom),
                5 => (y, x),
                6 => (y, right),
                7 => (bottom, right),
                _ => (bottom, x),
            };
            pixels[row * width + column] = upright(x, y);
        }
    }
    (pixels, width, height)
}

fn packed(pixels: &[[u8; 3]], width: usize, format: PixelFormat, slack: usize) -> (Vec<u8>, usize) {
    let stride = width * format.bytes() + slack;
    let mut bytes = Vec::new();
    for row in pixels.chunks_exact(width) {
        for &[red, green, blue] in row {
            match format {
                PixelFormat::Rgb => bytes.extend([red, green, blue]),
                PixelFormat::Rgba => bytes.extend([red, green, blue, 9]),
                PixelFormat::Bgra => bytes.extend([blue, green, red, 9]),
            }
        }
        bytes.extend(vec![255; slack]);
    }
    (bytes, stride)
}

proptest! {
    #[test]
    fn every_orientation_format_and_stride_gives_the_same_pixels(
        orientation in 1u8..=8,
        format in prop::sample::select(vec![PixelFormat::Rgb, PixelFormat::Rgba, PixelFormat::Bgra]),
        slack in 0usize..13, short_last_row: bool,
        (left, top) in (0f32..30.0, 0f32..20.0), (width, height) in (4f32..30.0, 4f32..20.0),
        (out_width, out_height) in (1usize..40, 1usize..40),
    ) {
        let region = Rect::new(left, top, left + width, top + height);
        let (plain, ..) = stored(1);
        let plain: Vec<u8> = plain.into_iter().flatten().collect();
        let reference = ImageView::packed(&plain, WIDTH as u32, HEIGHT as u32, WIDTH * 3, PixelFormat::Rgb).unwrap();
        let expected = sample(&reference, region, out_width, out_height);

        let (pixels, stored_width, stored_height) = stored(orientation);
        let (mut bytes, stride) = packed(&pixels, stored_width, format, slack);
        if short_last_row {
            bytes.truncate(bytes.len() - slack);
        }
        let view = ImageView::packed(&bytes, stored_width as u32, stored_height as u32, stride, format)
            .unwrap()
            .oriented(Orientation::from_exif(orientation));
        prop_assert_eq!(view.upright_size(), (WIDTH as u32, HEIGHT as u32));
        prop_assert_eq!(view.frame().to_upright_rgb(), plain.as_slice());
        let got = sample(&view, region, out_width, out_height);
        // A turned resize rounds in another order.
        prop_assert!(got.iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 2));
    }
}

#[test]
fn yuv_planes_become_the_same_colours() {
    let clamp = |value: f32| value.round().clamp(0.0, 255.0) as u8;
    let at = |x: usize, y: usize| upright(x.min(WIDTH - 1), y.min(HEIGHT - 1)).map(f32::from);
    let luma = |[r, g, b]: [f32; 3]| clamp(0.299 * r + 0.587 * g + 0.114 * b);
    let cb = |[r, g, b]: [f32; 3]| clamp(128.0 - 0.168_736 * r - 0.331_264 * g + 0.5 * b);
    let cr = |[r, g, b]: [f32; 3]| clamp(128.0 + 0.5 * r - 0.418_688 * g - 0.081_312 * b);
    let plain: Vec<u8> = stored(1).0.into_iter().flatten().collect();
    for (width, height) in [(WIDTH, HEIGHT), (WIDTH - 1, HEIGHT - 1)] {
        let stride = WIDTH + 4;
        let y: Vec<u8> = (0..height).flat_map(|y| (0..stride).map(move |x| luma(at(x, y)))).collect();
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let places: Vec<(usize, usize)> =
            (0..half_height).flat_map(|y| (0..half_width).map(move |x| (x * 2, y * 2))).collect();
        let u: Vec<u8> = places.iter().map(|&(x, y)| cb(at(x, y))).collect();
        let v: Vec<u8> = places.iter().map(|&(x, y)| cr(at(x, y))).collect();
        let vu: Vec<u8> = v.iter().zip(&u).flat_map(|(&v, &u)| [v, u]).collect();
        let (w, h) = (width as u32, height as u32);
        let planar = ImageView::yuv_420((&y, stride), (&u, half_width, 1), (&v, half_width, 1), w, h).unwrap();
        let nv21 = ImageView::nv21(&y, stride, &vu, half_width * 2, w, h).unwrap();
        let region = Rect::of_size(w, h);
        assert_eq!(sample(&planar, region, width, height), sample(&nv21, region, width, height));
        let rgb = ImageView::packed(&plain, w, h, WIDTH * 3, PixelFormat::Rgb).unwrap();
        let expected = sample(&rgb, region, width, height);
        let worst = sample(&planar, region, width, height).iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst.unwrap() <= 6, "{worst:?} at {width}x{height}");
    }
}

#[test]
fn buffers_shorter_than_their_strides_promise_are_refused() {
    let bytes = vec![0u8; 100];
    let packed = |width, height, stride| ImageView::packed(&bytes, width, height, stride, PixelFormat::Rgba);
    assert!(packed(5, 5, 20).is_ok());
    assert!(matches!(packed(5, 5, 19), Err(ViewError::Stride { .. })));
    assert!(matches!(packed(5, 6, 20), Err(ViewError::Short { .. })));
    assert!(matches!(packed(0, 5, 20), Err(ViewError::Size { .. })));
    assert!(matches!(packed(5, 70_000, 20), Err(ViewError::Size { .. })));
    let nv21 = |y: usize, vu: usize| ImageView::nv21(&bytes[..y], 8, &bytes[..vu], 8, 8, 8);
    assert!(nv21(64, 32).is_ok());
    assert!(matches!(nv21(63, 32), Err(ViewError::Short { plane: "Y", .. })));
    assert!(matches!(nv21(64, 31), Err(ViewError::Short { plane: "U", .. })));
    let narrow = ImageView::yuv_420((&bytes, 8), (&bytes, 3, 1), (&bytes, 4, 1), 8, 8);
    assert!(matches!(narrow, Err(ViewError::Stride { plane: "U", .. })));
}

#[test]
fn drawing_outside_the_canvas_is_an_error() {
    let bytes = vec![0u8; 300];
    let view = ImageView::packed(&bytes, 10, 10, 30, PixelFormat::Rgb).unwrap();
    let mut canvas = vec![0u8; 300];
    let outside = Placement { left: 5, top: 0, width: 6, height: 10 };
    assert!(Sampler::new().draw(&view.frame(), &Rect::of_size(10, 10), &mut canvas, 10, outside).is_err());
}
