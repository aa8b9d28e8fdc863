//! The annotated picture: each facing in its SKU's colour, with a legend that gives names and counts.
//!
//! Owns the drawing. A box carries its SKU's number in the legend, as names don't fit over 30 pixels of can; unknown facings are
//! white with a question mark. Photos are shown upright and at most 2,000 pixels long.

use std::io::Cursor;
use std::path::Path;

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::{self, FilterType};
use image::{DynamicImage, Rgb, RgbImage};
use shelfscan::{DecodeLimits, ScanResult, decode};

/// Longest side of the photo in the picture, in pixels.
const LONGEST: u32 = 2000;
const INK: Rgb<u8> = Rgb([24, 26, 30]);
const UNKNOWN: Rgb<u8> = Rgb([255; 3]);

/// Whether a path names a picture that can be written.
pub fn is_picture(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ["jpg", "jpeg", "png"].contains(&ending.as_str()))
}

/// The annotated photo as the bytes of a file, in the format that `to` ends in.
pub fn draw(
    photo: &[u8],
    result: &ScanResult,
    to: &Path,
    limits: &DecodeLimits,
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let photo = decode(photo, limits)?;
    let frame = photo.view()?.frame();
    let (width, height) = frame.upright_size();
    let upright = RgbImage::from_raw(width, height, frame.to_upright_rgb()).ok_or("the photo has no pixels")?;
    let scale = (LONGEST as f32 / width.max(height) as f32).min(1.0).max(640.0 / width.max(height) as f32);
    let side = |length: u32| ((length as f32 * scale).round() as u32).max(1);
    let shown = imageops::resize(&upright, side(width), side(height), FilterType::Triangle);
    drop(upright);

    let font = FontRef::try_from_slice(dejavu::sans::bold())?;
    let size = (side(width.max(height)) as f32 / 70.0).clamp(12.0, 26.0);
    let legend = Legend::new(result, &font, size, shown.width());
    let mut canvas = RgbImage::from_pixel(shown.width(), shown.height() + legend.height, Rgb([250; 3]));
    imageops::replace(&mut canvas, &shown, 0, 0);
    for facing in &result.facings {
        let number = facing.sku.as_ref().and_then(|id| result.counts.iter().position(|count| count.sku == *id));
        let colour = number.map_or(UNKNOWN, colour);
        let [left, top, right, bottom] = facing.rect.map(|value| (value * scale) as i32);
        frame_box(&mut canvas, (left, top, right, bottom), colour, (size / 8.0).ceil() as i32);
        let tag = number.map_or("?".to_owned(), |number| (number + 1).to_string());
        let tag_width = text_width(&font, size * 0.8, &tag);
        let (tag_left, tag_top) = ((left + right) / 2 - tag_width / 2 - 2, (top + bottom) / 2 - size as i32 / 2);
        fill(&mut canvas, (tag_left, tag_top, tag_left + tag_width + 4, tag_top + size as i32), colour);
        write(&mut canvas, &font, size * 0.8, (tag_left + 2, tag_top + 1), INK, &tag);
    }
    legend.draw(&mut canvas, &font, shown.height() as i32);

    let mut bytes = Cursor::new(Vec::new());
    if to.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
        DynamicImage::from(canvas).write_with_encoder(PngEncoder::new(&mut bytes))?;
    } else {
        DynamicImage::from(canvas).write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 88))?;
    }
    Ok(bytes.into_inner())
}

/// Names and counts below the photo, in columns.
struct Legend {
    entries: Vec<(Rgb<u8>, String)>,
    columns: usize,
    column_width: i32,
    size: f32,
    height: u32,
}

impl Legend {
    fn new(result: &ScanResult, font: &FontRef<'_>, size: f32, width: u32) -> Self {
        let mut entries: Vec<(Rgb<u8>, String)> = result
            .counts
            .iter()
            .enumerate()
            .map(|(number, count)| (colour(number), format!("{}  {} × {}", number + 1, count.count, count.name)))
            .collect();
        if result.unknown > 0 {
            entries.push((UNKNOWN, format!("?  {} × unknown", result.unknown)));
        }
        let widest = entries.iter().map(|(_, text)| text_width(font, size, text)).max().unwrap_or(0);
        let column_width = widest + 3 * size as i32;
        let columns = (width as i32 / column_width).max(1) as usize;
        let lines = entries.len().div_ceil(columns);
        let height = (lines as f32 * size * 1.5 + size) as u32;
        Self { entries, columns, column_width, size, height }
    }

    fn draw(&self, canvas: &mut RgbImage, font: &FontRef<'_>, top: i32) {
        let lines = self.entries.len().div_ceil(self.columns).max(1);
        for (entry, (colour, text)) in self.entries.iter().enumerate() {
            let left = (entry / lines) as i32 * self.column_width + self.size as i32;
            let top = top + ((entry % lines) as f32 * self.size * 1.5 + self.size * 0.6) as i32;
            let side = (self.size * 0.9) as i32;
            fill(canvas, (left - 1, top - 1, left + side + 1, top + side + 1), INK);
            fill(canvas, (left, top, left + side, top + side), *colour);
            write(canvas, font, self.size, (left + side + self.size as i32 / 2, top), INK, text);
        }
    }
}

/// Bright colours that differ from their neighbours: hues a golden angle apart, at three levels.
fn colour(number: usize) -> Rgb<u8> {
    let hue = (number as f32 * 137.508) % 360.0 / 60.0;
    let (low, high) = [(60.0, 255.0), (110.0, 255.0), (40.0, 210.0)][number % 3];
    let channel = |shift: f32| {
        let distance = ((hue + shift) % 6.0 - 3.0).abs();
        (low + (high - low) * (distance - 1.0).clamp(0.0, 1.0)) as u8
    };
    Rgb([channel(0.0), channel(4.0), channel(2.0)])
}

fn frame_box(canvas: &mut RgbImage, (left, top, right, bottom): (i32, i32, i32, i32), colour: Rgb<u8>, width: i32) {
    for (inset, colour) in [(-1, INK), (width, INK)].into_iter().chain((0..width).map(|inset| (inset, colour))) {
        let (left, top, right, bottom) = (left + inset, top + inset, right - 1 - inset, bottom - 1 - inset);
        fill(canvas, (left, top, right + 1, top + 1), colour);
        fill(canvas, (left, bottom, right + 1, bottom + 1), colour);
        fill(canvas, (left, top, left + 1, bottom + 1), colour);
        fill(canvas, (right, top, right + 1, bottom + 1), colour);
    }
}

fn fill(canvas: &mut RgbImage, (left, top, right, bottom): (i32, i32, i32, i32), colour: Rgb<u8>) {
    let (width, height) = (canvas.width() as i32, canvas.height() as i32);
    for y in top.clamp(0, height)..bottom.clamp(0, height) {
        for x in left.clamp(0, width)..right.clamp(0, width) {
            canvas.put_pixel(x as u32, y as u32, colour);
        }
    }
}

fn glyphs(font: &FontRef<'_>, size: f32, text: &str) -> (Vec<Glyph>, f32) {
    let scaled = font.as_scaled(PxScale::from(size));
    let mut at = 0.0;
    let glyphs = text.chars().map(|letter| {
        let glyph = scaled.scaled_glyph(letter);
        let placed = Glyph { position: point(at, scaled.ascent()), ..glyph };
        at += scaled.h_advance(placed.id);
        placed
    });
    let glyphs = glyphs.collect();
    (glyphs, at)
}

fn text_width(font: &FontRef<'_>, size: f32, text: &str) -> i32 {
    glyphs(font, size, text).1.ceil() as i32
}

fn write(canvas: &mut RgbImage, font: &FontRef<'_>, size: f32, (left, top): (i32, i32), ink: Rgb<u8>, text: &str) {
    for glyph in glyphs(font, size, text).0 {
        let Some(outline) = font.outline_glyph(glyph) else { continue };
        let bounds = outline.px_bounds();
        outline.draw(|x, y, coverage| {
            let (x, y) = (left + bounds.min.x as i32 + x as i32, top + bounds.min.y as i32 + y as i32);
            if let Some(pixel) =
                u32::try_from(x).ok().zip(u32::try_from(y).ok()).and_then(|(x, y)| canvas.get_pixel_mut_checked(x, y))
            {
                for channel in 0..3 {
                    let under = f32::from(pixel[channel]);
                    pixel[channel] = (under + (f32::from(ink[channel]) - under) * coverage) as u8;
                }
            }
        });
    }
}
