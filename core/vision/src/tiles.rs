//! Which parts of a large photo the detector looks at, and whose word counts where they overlap.
//!
//! A 12-megapixel photo shrunk to one input of 416 pixels leaves a facing a dozen pixels wide. So large photos are also seen in
//! overlapping tiles. Each facing is judged where it is seen whole:
//! - a tile's detection that touches an edge inside the photo is cut, and dropped: the neighbour overlaps by more than the
//!   facing and sees it whole;
//! - a facing too large for the overlap is left to the picture as a whole, where it is large enough to be seen;
//! - what tile and whole both see is one facing after suppression.
//!
//! Refuses: running the detector, suppression.

use crate::{Letterbox, Rect};

/// Share of a tile's side that it has in common with its neighbour.
const OVERLAP: f32 = 0.25;
/// Photos with a longer side of at least this many times the input's are tiled.
const TILED_FROM: f32 = 2.0;
/// Tiles along the longer side of a photo, counted without their overlap.
const TILES_ALONG: f32 = 3.0;
/// A detection this close to a tile's edge, in input pixels, is cut by it.
const EDGE: f32 = 2.5;
/// The whole picture's detections count from this share of the overlap on. Below 1, so that a facing measured a little
/// differently in tile and whole can't fall between them.
const WHOLE_FROM: f32 = 0.7;

/// One look at the photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tile {
    /// What is looked at, in upright pixels of the photo.
    pub region: Rect,
    keep: Keep,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Keep {
    /// The only look there is.
    All,
    /// The whole of a tiled photo: facings wider or higher than this.
    Larger { width: f32, height: f32 },
    /// A tile: facings not cut by those of its edges that lie inside the photo.
    Uncut { left: bool, top: bool, right: bool, bottom: bool },
}

/// Whether large photos are tiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tiling {
    /// As the photo's size asks for.
    #[default]
    Auto,
    /// Never: one look at the whole.
    Off,
}

/// The looks at a photo of `width` x `height` upright pixels, by a detector with an input of `input` pixels (width, height).
/// The first is always the whole photo.
pub fn plan((width, height): (u32, u32), input: (usize, usize), tiling: Tiling) -> Vec<Tile> {
    let whole = Rect::of_size(width, height);
    let longest = width.max(height) as f32;
    let smallest = input.0.min(input.1) as f32;
    if tiling == Tiling::Off || longest < TILED_FROM * smallest {
        return vec![Tile { region: whole, keep: Keep::All }];
    }
    let side = (longest / TILES_ALONG).max(smallest);
    let (columns, rows) = (spans(width as f32, side), spans(height as f32, side));
    let overlap = |spans: &[(f32, f32)]| spans.windows(2).map(|pair| pair[0].1 - pair[1].0).fold(f32::MAX, f32::min);
    let larger = Keep::Larger { width: overlap(&columns) * WHOLE_FROM, height: overlap(&rows) * WHOLE_FROM };
    let mut tiles = vec![Tile { region: whole, keep: larger }];
    for &(top, bottom) in &rows {
        for &(left, right) in &columns {
            let region = Rect::new(left, top, right, bottom);
            let keep = Keep::Uncut {
                left: left > 0.0,
                top: top > 0.0,
                right: right < width as f32,
                bottom: bottom < height as f32,
            };
            tiles.push(Tile { region, keep });
        }
    }
    tiles
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
    /// Whether this look's word counts for a facing at `rect` (photo pixels), seen through `letterbox`.
    pub fn keeps(&self, rect: &Rect, letterbox: &Letterbox) -> bool {
        match self.keep {
            Keep::All => true,
            Keep::Larger { width, height } => rect.width() > width || rect.height() > height,
            Keep::Uncut { left, top, right, bottom } => {
                let (x, y) = letterbox.photo_pixels_per_input_pixel();
                let (x, y) = (x * EDGE, y * EDGE);
                !(left && rect.left < self.region.left + x
                    || top && rect.top < self.region.top + y
                    || right && rect.right > self.region.right - x
                    || bottom && rect.bottom > self.region.bottom - y)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Detection;
    use crate::nms::{Suppression, suppress};

    /// A detector without fault: reports of each facing the part that its tile shows, a little jittered, however small.
    fn looked_at(tiles: &[Tile], facings: &[Rect], input: (usize, usize), jitter: &[f32]) -> Vec<Detection> {
        let mut seen = Vec::new();
        for (look, tile) in tiles.iter().enumerate() {
            let letterbox = Letterbox::new(tile.region, input.0, input.1);
            let (x, y) = letterbox.photo_pixels_per_input_pixel();
            for (number, facing) in facings.iter().enumerate() {
                let part = facing.clipped(&tile.region);
                if part.area() <= 0.0 {
                    continue;
                }
                let wobble = |corner: usize| jitter[(look * 7 + number * 3 + corner) % jitter.len()];
                let rect = Rect::new(
                    part.left + x * wobble(0),
                    part.top + y * wobble(1),
                    part.right + x * wobble(2),
                    part.bottom + y * wobble(3),
                )
                .clipped(&tile.region);
                if tile.keeps(&rect, &letterbox) {
                    seen.push(Detection { rect, class: 0, score: 0.9 - wobble(4).abs() * 0.1 });
                }
            }
        }
        suppress(&mut seen, Suppression { iou: 0.6, inside: 1.0, per_class: false });
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
            jitter in prop::collection::vec(-0.4f32..0.4, 64),
        ) {
            let (cell_width, cell_height) = (width as f32 / columns as f32, height as f32 / rows as f32);
            let facings: Vec<Rect> = (0..rows * columns)
                .map(|place| {
                    let (left, top) = ((place % columns) as f32 * cell_width, (place / columns) as f32 * cell_height);
                    Rect::new(left, top, left + cell_width * share_x, top + cell_height * share_y)
                })
                .collect();
            let tiles = plan((width, height), input, Tiling::Auto);
            // Facings under six input pixels even in a tile are for no detector; with the jitter their IoU means nothing.
            let tile = tiles.last().unwrap();
            let (x, y) = Letterbox::new(tile.region, input.0, input.1).photo_pixels_per_input_pixel();
            prop_assume!(cell_width * share_x > 6.0 * x && cell_height * share_y > 6.0 * y);
            let seen = looked_at(&tiles, &facings, input, &jitter);
            for facing in &facings {
                let hits = seen.iter().filter(|seen| seen.rect.iou(facing) > 0.5).count();
                prop_assert_eq!(hits, 1, "{:?} was counted {} times in {}x{}", facing, hits, width, height);
            }
            prop_assert_eq!(seen.len(), facings.len());
        }

        #[test]
        fn tiles_cover_the_photo_and_stay_inside((width, height) in (1u32..20_000, 1u32..20_000)) {
            let tiles = plan((width, height), (416, 416), Tiling::Auto);
            let whole = Rect::of_size(width, height);
            prop_assert_eq!(tiles[0].region, whole);
            prop_assert!(tiles.iter().all(|tile| tile.region.clipped(&whole) == tile.region && tile.region.area() > 0.0));
            prop_assert!(tiles.len() <= 26, "{} looks", tiles.len());
            if tiles.len() > 1 {
                for x in [0.5, width as f32 / 2.0, width as f32 - 0.5] {
                    for y in [0.5, height as f32 / 2.0, height as f32 - 0.5] {
                        let shows = |tile: &Tile| {
                            let region = &tile.region;
                            region.left < x && x < region.right && region.top < y && y < region.bottom
                        };
                        prop_assert!(tiles[1..].iter().any(shows));
                    }
                }
            }
        }
    }

    #[test]
    fn a_phone_photo_gets_a_dozen_tiles_and_a_small_one_none() {
        assert_eq!(plan((3024, 4032), (416, 416), Tiling::Auto).len(), 13);
        assert_eq!(plan((3024, 4032), (416, 416), Tiling::Off).len(), 1);
        assert_eq!(plan((640, 480), (416, 416), Tiling::Auto).len(), 1);
    }
}
