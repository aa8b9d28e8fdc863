//! The same shelf, stored in every way a camera stores it: turned, mirrored, with other channels and wider rows.

use shelfscan::{Facing, ImageView, Orientation, PixelFormat, Rect, ScanOptions, ScanResult};

use crate::bundle::{Picture, sample_scanner};

/// The upright part of the sample that is scanned: two whole shelf rows, large enough for tiles. A row cut in half would have
/// facings of which it is chance whether they are seen.
const PART: [u32; 4] = [200, 1000, 2850, 1995];

fn scan(view: ImageView<'_>) -> ScanResult {
    sample_scanner().scan(view, &ScanOptions::default()).unwrap()
}

fn upright() -> Picture {
    let [left, top, right, bottom] = PART;
    let frame = Picture::sample().part([left, top, right, bottom]).frame();
    Picture { pixels: frame.to_upright_rgb(), width: right - left, height: bottom - top }
}

/// The picture as a camera held another way stores it: `at(x, y)` of the stored picture is which upright pixel.
fn stored(upright: &Picture, width: u32, height: u32, at: impl Fn(u32, u32) -> (u32, u32)) -> Picture {
    let mut pixels = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            let (x, y) = at(x, y);
            let start = ((y * upright.width + x) * 3) as usize;
            pixels.extend_from_slice(&upright.pixels[start..start + 3]);
        }
    }
    Picture { pixels, width, height }
}

#[test]
fn all_eight_exif_orientations_give_the_same_facings() {
    let upright = upright();
    let wanted = scan(upright.view());
    assert!(wanted.facings.len() >= 10, "{} facings", wanted.facings.len());
    let (right, bottom) = (upright.width - 1, upright.height - 1);
    let (w, h) = (upright.width, upright.height);
    // EXIF 2.32, tag 0x0112: where the stored row 0 and column 0 lie in the upright picture.
    for exif in 1..=8 {
        let stored = match exif {
            1 => stored(&upright, w, h, |x, y| (x, y)),
            2 => stored(&upright, w, h, |x, y| (right - x, y)),
            3 => stored(&upright, w, h, |x, y| (right - x, bottom - y)),
            4 => stored(&upright, w, h, |x, y| (x, bottom - y)),
            5 => stored(&upright, h, w, |x, y| (y, x)),
            6 => stored(&upright, h, w, |x, y| (right - y, x)),
            7 => stored(&upright, h, w, |x, y| (right - y, bottom - x)),
            _ => stored(&upright, h, w, |x, y| (y, bottom - x)),
        };
        let found = scan(stored.view().oriented(Orientation::from_exif(exif)));
        assert_eq!((found.width, found.height), (w, h), "orientation {exif}");
        assert_same(&wanted.facings, &found.facings, exif);
        assert_same(&found.facings, &wanted.facings, exif);
    }
}

/// Turned pixels are averaged in another order and end a 255th or two apart, so what is decided by a hair may be decided
/// otherwise. A picture that was turned or mirrored wrongly has next to nothing in its place.
fn assert_same(wanted: &[Facing], found: &[Facing], exif: u8) {
    let rect = |facing: &Facing| Rect::new(facing.rect[0], facing.rect[1], facing.rect[2], facing.rect[3]);
    let same = |wanted: &&Facing| {
        let there = found.iter().filter(|found| rect(found).iou(&rect(wanted)) >= 0.8);
        there.into_iter().any(|found| found.sku == wanted.sku && found.container == wanted.container)
    };
    let otherwise: Vec<&Facing> = wanted.iter().filter(|wanted| !same(wanted)).collect();
    let (few, all) = (otherwise.len(), wanted.len());
    assert!(few * 10 <= all, "orientation {exif}: {few} of {all} facings are otherwise: {otherwise:#?}");
}

#[test]
fn channels_and_strides_change_nothing() {
    let upright = upright();
    let wanted = serde_json::to_string(&scan(upright.view())).unwrap();
    let stride = upright.width as usize * 4 + 52;
    for (format, order) in [(PixelFormat::Rgba, [0, 1, 2]), (PixelFormat::Bgra, [2, 1, 0])] {
        let mut pixels = vec![0xA5; stride * upright.height as usize];
        let rows = upright.pixels.chunks_exact(upright.width as usize * 3);
        for (row, to) in rows.zip(pixels.chunks_exact_mut(stride)) {
            for (pixel, to) in row.chunks_exact(3).zip(to.chunks_exact_mut(4)) {
                order.into_iter().zip(pixel).for_each(|(channel, &value)| to[channel] = value);
            }
        }
        let view = ImageView::packed(&pixels, upright.width, upright.height, stride, format).unwrap();
        assert_eq!(serde_json::to_string(&scan(view)).unwrap(), wanted, "{format:?}");
    }
}
