//! Which parts of a photo the detector looks at, and whose word counts where they overlap.
//!
//! A photo is first looked at as a whole (a panorama in several looks side by side). Where the facings found there are small, as on
//! a 12-megapixel photo of 150 of them, it is looked at again, closer, in overlapping tiles that show facings at the size the
//! detector knows. Facings that are large already are not: a detector that is shown half a bottle finds bottles in it.
//! Each facing is judged where it is seen whole:
//! - a detection that touches an edge inside the photo is cut, and dropped: the neighbour overlaps by more than the facing and
//!   sees it whole;
//! - a facing too large for the tiles' overlap is left to the first look, where it is large enough to be seen;
//! - what both see is one facing after suppression.
//!
//! Refuses: running the detector, suppression.

use crate::{Letterbox, Rect};

/// Share of a tile's side that it has in common with its neighbour.
const OVERLAP: f32 = 0.25;
/// A photo is a panorama, and first seen in squares, from this ratio of its sides on.
const PANORAMA: f32 = 1.9;
/// Size at which a facing is seen well: the root of its area, in input pixels.
const FAMILIAR: f32 = 56.0;
/// Closer looks are taken where facings are smaller than this share of the familiar size.
const SMALL: f32 = 0.5;
/// Least and most that a closer look magnifies.
const CLOSER: (f32, f32) = (1.5, 4.0);
/// How much closer to look where the first look found nothing to measure.
const BLIND: f32 = 3.0;
/// A detection this close to a tile's edge, in input pixels, is cut by it.
const EDGE: f32 = 2.5;
/// The first look's detections count from this share of the overlap on. Below 1, so that a facing measured a little
/// differently in both can't fall between them.
const FIRST_FROM: f32 = 0.7;

/// One look at the photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tile {
    /// What is looked at, in upright pixels of the photo.
    pub region: Rect,
    /// Which of its edges lie inside the photo.
    left: bool,
    top: bool,
    right: bool,
    bottom: bool,
}

/// Whether closer looks are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tiling {
    /// As the size of the facings asks for.
    #[default]
    Auto,
    /// Never.
    Off,
}

/// Closer looks at a photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Closer {
    /// The tiles.
    pub tiles: Vec<Tile>,
    /// Facings of the first look no larger than this (width, height) are the tiles' to tell of.
    larger: (f32, f32),
}

/// The first looks at a photo of `size` (width, height) upright pixels: one, or several side by side for a panorama.
pub fn first((width, height): (u32, u32)) -> Vec<Tile> {
    let side = first_side((width, height));
    grid((width, height), &spans(width as f32, side), &spans(height as f32, side))
}

/// Closer looks, if facings of `facing` input pixels in the first looks (the root of their area; none where nothing was found)
/// ask for it and the photo has the pixels. `input` is the detector's (width, height).
pub fn closer(size: (u32, u32), input: (usize, usize), facing: Option<f32>) -> Option<Closer> {
    let zoom = match facing {
        Some(facing) if facing >= SMALL * FAMILIAR => return None,
        Some(facing) => (FAMILIAR / facing.max(1.0)).clamp(CLOSER.0, CLOSER.1),
        None => BLIND,
    };
    let first = first_side(size).min(size.0.max(size.1) as f32);
    // Not closer than the photo's own pixels.
    let side = (first / zoom).max(input.0.min(input.1) as f32);
    if side * CLOSER.0 > first {
        return None;
    }
    let (columns, rows) = (spans(size.0 as f32, side), spans(size.1 as f32, side));
    let overlap = |spans: &[(f32, f32)]| spans.windows(2).map(|pair| pair[0].1 - pair[1].0).fold(f32::MAX, f32::min);
    let larger = (overlap(&columns) * FIRST_FROM, overlap(&rows) * FIRST_FROM);
    Some(Closer { tiles: grid(size, &columns, &rows), larger })
}

fn first_side((width, height): (u32, u32)) -> f32 {
    let (longest, shortest) = (width.max(height) as f32, width.min(height) as f32);
    if longest < PANORAMA * shortest { longest } else { shortest }
}

fn grid((width, height): (u32, u32), columns: &[(f32, f32)], rows: &[(f32, f32)]) -> Vec<Tile> {
    let tile = |&(top, bottom): &(f32, f32), &(left, right): &(f32, f32)| Tile {
        region: Rect::new(left, top, right, bottom),
        left: left > 0.0,
        top: top > 0.0,
        right: right < width as f32,
        bottom: bottom < height as f32,
    };
    rows.iter().flat_map(|row| columns.iter().map(move |column| tile(row, column))).collect()
}

/// Evenly spread spans of `side` over `length`, whole pixels, overlapping by at least [`OVERLAP`].
fn spans(length: f32, side: f32) -> Vec<(f32, f32)> {
    if length <= side {
        return vec![(0.0, length)];
    }
    let steps = ((length - side) / (side * (1.0 - OVERLAP))).ceil();
    (0..=steps as usize)
        .map(|step| {
            let start = ((length - side) * step as f32 / steps).floor();
            (start, (start + side).ceil().min(length))
        })
        .collect()
}

impl Tile {
    /// Whether a facing at `rect` (photo pixels), seen through `letterbox`, is seen whole.
    pub fn shows_whole(&self, rect: &Rect, letterbox: &Letterbox) -> bool {
        let (x, y) = letterbox.photo_pixels_per_input_pixel();
        let (x, y) = (x * EDGE, y * EDGE);
        !(self.left && rect.left < self.region.left + x
            || self.top && rect.top < self.region.top + y
            || self.right && rect.right > self.region.right - x
            || self.bottom && rect.bottom > self.region.bottom - y)
    }
}

impl Closer {
    /// Whether the first look's word counts for a facing at `rect` (photo pixels).
    pub fn leaves_to_first(&self, rect: &Rect) -> bool {
        rect.width() > self.larger.0 || rect.height() > self.larger.1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Detection;
    use crate::nms::{Suppression, suppress};

    /// A detector without fault: reports of each facing the part that a tile shows, a little jittered, however small.
    fn look(tile: &Tile, number: usize, facings: &[Rect], input: (usize, usize), jitter: &[f32]) -> Vec<Detection> {
        let letterbox = Letterbox::new(tile.region, input.0, input.1);
        let (x, y) = letterbox.photo_pixels_per_input_pixel();
        let mut seen = Vec::new();
        for (at, facing) in facings.iter().enumerate() {
            let part = facing.clipped(&tile.region);
            if part.area() <= 0.0 {
                continue;
            }
            let wobble = |corner: usize| jitter[(number * 7 + at * 3 + corner) % jitter.len()];
            let rect = Rect::new(
                part.left + x * wobble(0),
                part.top + y * wobble(1),
                part.right + x * wobble(2),
                part.bottom + y * wobble(3),
            )
            .clipped(&tile.region);
            if tile.shows_whole(&rect, &letterbox) {
                seen.push(Detection { rect, class: 0, score: 0.9 - wobble(4).abs() * 0.1 });
            }
        }
        seen
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn no_facing_is_lost_or_doubled(
            (width, height) in (30u32..9000, 30u32..9000),
            input in prop::sample::select(vec![(320usize, 320usize), (416, 416), (640, 480)]),
            columns in 1usize..26, rows in 1usize..8,
            (share_x, share_y) in (0.5f32..0.95, 0.5f32..0.95),
            jitter in prop::collection::vec(-0.4f32..0.4, 64), measured: bool,
        ) {
            let (cell_width, cell_height) = (width as f32 / columns as f32, height as f32 / rows as f32);
            let facings: Vec<Rect> = (0..rows * columns)
                .map(|place| {
                    let (left, top) = ((place % columns) as f32 * cell_width, (place / columns) as f32 * cell_height);
                    Rect::new(left, top, left + cell_width * share_x, top + cell_height * share_y)
                })
                .collect();
            let first = first((width, height));
            // A panorama's facing wider than the overlap of its first looks is seen whole in none.
            let overlap = first.windows(2).map(|pair| pair[0].region.intersection(&pair[1].region)).fold(f32::MAX, f32::min);
            let shortest = width.min(height) as f32;
            prop_assume!(first.len() == 1 || cell_width.max(cell_height) < 0.9 * overlap / shortest);
            let (x, y) = Letterbox::new(first[0].region, input.0, input.1).photo_pixels_per_input_pixel();
            let size = facings[0].area().sqrt() / x.max(y);
            let closer = closer((width, height), input, measured.then_some(size));
            // Facings under six input pixels even in a tile are for no detector; with the jitter their IoU means nothing.
            let tile = closer.as_ref().map_or(first[0], |closer| closer.tiles[0]);
            let (x, y) = Letterbox::new(tile.region, input.0, input.1).photo_pixels_per_input_pixel();
            prop_assume!(cell_width * share_x > 6.0 * x && cell_height * share_y > 6.0 * y);
            let mut seen = Vec::new();
            for (number, tile) in first.iter().enumerate() {
                let found = look(tile, number, &facings, input, &jitter);
                let counts = |found: &Detection| closer.as_ref().is_none_or(|closer| closer.leaves_to_first(&found.rect));
                seen.extend(found.into_iter().filter(counts));
            }
            for (number, tile) in closer.iter().flat_map(|closer| &closer.tiles).enumerate() {
                seen.extend(look(tile, number + first.len(), &facings, input, &jitter));
            }
            suppress(&mut seen, Suppression { iou: 0.6, inside: 1.0, per_class: false });
            for facing in &facings {
                let hits = seen.iter().filter(|seen| seen.rect.iou(facing) > 0.5).count();
                prop_assert_eq!(hits, 1, "{:?} was counted {} times in {}x{}", facing, hits, width, height);
            }
            prop_assert_eq!(seen.len(), facings.len());
        }

        #[test]
        fn looks_cover_the_photo_and_stay_inside((width, height) in (1u32..20_000, 1u32..20_000), facing in 1f32..60.0) {
            let whole = Rect::of_size(width, height);
            let tiles = closer((width, height), (416, 416), Some(facing)).map(|closer| closer.tiles).unwrap_or_default();
            for looks in [first((width, height)), tiles] {
                prop_assert!(looks.iter().all(|look| look.region.clipped(&whole) == look.region && look.region.area() > 0.0));
                for x in [0.5, width as f32 / 2.0, width as f32 - 0.5] {
                    for y in [0.5, height as f32 / 2.0, height as f32 - 0.5] {
                        let shows = |look: &Tile| {
                            let region = &look.region;
                            region.left < x && x < region.right && region.top < y && y < region.bottom
                        };
                        prop_assert!(looks.is_empty() || looks.iter().any(shows));
                    }
                }
            }
        }
    }

    #[test]
    fn small_facings_are_looked_at_closer_and_large_ones_are_not() {
        let tiles = |size, facing| closer(size, (416, 416), facing).map_or(0, |closer| closer.tiles.len());
        assert_eq!(tiles((3024, 4032), Some(39.0)), 0);
        assert_eq!(tiles((3024, 4032), Some(20.0)), 12);
        assert_eq!(tiles((3024, 4032), Some(13.3)), 20);
        assert_eq!(tiles((3024, 4032), None), 12);
        assert_eq!(tiles((416, 416), Some(10.0)), 0, "there are no more pixels to see");
        assert_eq!(first((3024, 4032)).len(), 1);
        assert_eq!(first((4992, 1248)).len(), 5);
    }
}
