//! Photos that show nearly the same: what a model saw in training tells nothing about it in a test.
//!
//! Owns a photo's [`Look`] (a hash of its coarse structure and a thumbnail) and which looks are near-duplicates. The hash finds
//! candidates: 64 signs of the photo's low frequencies (DCT of its 32 x 32 luma), at most [`HASH_DISTANCE`] of them different. The
//! thumbnails, 16 x 16 in colour, decide: their difference, each less its mean and divided by its spread so that exposure doesn't
//! matter, must have a root mean square of at most [`DIFFERENCE`]. A ground that both share, as around a product that was cut out,
//! says nothing and is left out; otherwise all bottles on white would be alike.
//!
//! All sums are of whole numbers: every machine finds the same pairs in the same pixels.
//!
//! Refuses: mirrored and turned copies; only what a photo looks like as it is shown counts.

use std::collections::BTreeMap;

use rayon::prelude::*;
use shelfscan::DecodedPhoto;
use shelfscan::ViewError;

/// Most bits of two hashes that may differ.
pub const HASH_DISTANCE: u32 = 12;
/// Largest root mean square difference of two thumbnails, in spreads.
pub const DIFFERENCE: f64 = 0.35;

/// Cells of the luma that is hashed, a side.
const FINE: usize = 32;
/// Cells of the thumbnail, a side.
const COARSE: usize = 16;
/// Signs taken of the frequencies, a side.
const SIGNS: usize = 8;
/// Levels within which a cell is of the ground's colour.
const GROUND: u8 = 24;
/// Levels added to a spread, so that noise on a blank picture is no structure.
const NOISE: f64 = 4.0;
/// Cells that must not be ground for thumbnails to be compared without it.
const FEWEST_CELLS: usize = 32;

type Cell = [u8; 3];

/// What a photo looks like, in a few hundred bytes.
#[derive(Clone, Debug)]
pub struct Look {
    hash: u64,
    cells: [Cell; COARSE * COARSE],
    ground: [bool; COARSE * COARSE],
}

impl Look {
    /// The look of a decoded photo, upright.
    ///
    /// # Errors
    /// A photo without pixels.
    pub fn of(photo: &DecodedPhoto) -> Result<Self, ViewError> {
        let frame = photo.view()?.frame();
        let (width, height) = frame.upright_size();
        Ok(Self::of_rgb(&frame.to_upright_rgb(), width as usize, height as usize))
    }

    /// The look of `width` x `height` RGB pixels without padding, both at least 1.
    pub(crate) fn of_rgb(pixels: &[u8], width: usize, height: usize) -> Self {
        let fine = means(pixels, width, height, FINE);
        let luma: Vec<i64> = fine.iter().map(luma).collect();
        let coarse = means(pixels, width, height, COARSE);
        let mut cells = [Cell::default(); COARSE * COARSE];
        cells.copy_from_slice(&coarse);
        let ground_colour = border_colour(&cells);
        let ground = cells.map(|cell| cell.iter().zip(ground_colour).all(|(level, of)| level.abs_diff(of) <= GROUND));
        Self { hash: structure(&luma), cells, ground }
    }

    /// Whether the photo of the other look is nearly this one.
    pub fn is_near(&self, other: &Self) -> bool {
        (self.hash ^ other.hash).count_ones() <= HASH_DISTANCE && self.difference(other) <= DIFFERENCE
    }

    /// Root mean square difference of the thumbnails, in spreads, without the ground both share.
    fn difference(&self, other: &Self) -> f64 {
        let mut counted: [bool; COARSE * COARSE] = [true; COARSE * COARSE];
        for (cell, counted) in counted.iter_mut().enumerate() {
            *counted = !(self.ground[cell] && other.ground[cell]);
        }
        if counted.iter().filter(|counted| **counted).count() < FEWEST_CELLS {
            counted = [true; COARSE * COARSE];
        }
        let (ours, theirs) = (Normal::of(&self.cells, &counted), Normal::of(&other.cells, &counted));
        let of_cell = |cell: usize| -> f64 {
            let square = |channel: usize| {
                let difference = ours.level(&self.cells, cell, channel) - theirs.level(&other.cells, cell, channel);
                difference * difference
            };
            (0..3).map(square).sum()
        };
        let cells = (0..COARSE * COARSE).filter(|cell| counted[*cell]);
        (cells.map(of_cell).sum::<f64>() / (3.0 * ours.count)).sqrt()
    }
}

/// Mean of each channel and spread over all, of the cells that count.
struct Normal {
    count: f64,
    mean: [f64; 3],
    spread: f64,
}

impl Normal {
    fn of(cells: &[Cell], counted: &[bool]) -> Self {
        let (mut count, mut sums, mut squares) = (0_i64, [0_i64; 3], 0_i64);
        for (cell, _) in cells.iter().zip(counted).filter(|(_, counted)| **counted) {
            count += 1;
            for (sum, level) in sums.iter_mut().zip(cell.map(i64::from)) {
                *sum += level;
                squares += level * level;
            }
        }
        let whole: i64 = sums.iter().map(|sum| sum * sum).sum();
        let variance = (squares * count - whole) as f64 / (3 * count * count) as f64;
        let count = count as f64;
        Self { count, mean: sums.map(|sum| sum as f64 / count), spread: variance.sqrt() + NOISE }
    }

    fn level(&self, cells: &[Cell], cell: usize, channel: usize) -> f64 {
        (f64::from(cells[cell][channel]) - self.mean[channel]) / self.spread
    }
}

/// Pairs of near-duplicates among `looks`, each with the lower number first, in order.
pub fn pairs(looks: &[Option<Look>]) -> Vec<(usize, usize)> {
    let present: Vec<(u64, usize, &Look)> = looks
        .iter()
        .enumerate()
        .filter_map(|(number, look)| look.as_ref().map(|look| (look.hash, number, look)))
        .collect();
    // Hashes alone, close together in memory: nearly all comparisons end with them.
    let hashes: Vec<u64> = present.iter().map(|(hash, ..)| *hash).collect();
    let near_to = |place: usize| -> Vec<(usize, usize)> {
        let (hash, number, look) = present[place];
        let close = (place + 1..hashes.len()).filter(|other| (hashes[*other] ^ hash).count_ones() <= HASH_DISTANCE);
        close.filter(|other| look.is_near(present[*other].2)).map(|other| (number, present[other].1)).collect()
    };
    (0..present.len()).into_par_iter().flat_map_iter(near_to).collect()
}

/// Joins what belongs together: the groups that `pairs` of `0..count` make, each sorted, in the order of their first members.
pub fn groups(count: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Vec<Vec<usize>> {
    let mut first: Vec<usize> = (0..count).collect();
    let find = |first: &mut Vec<usize>, mut member: usize| {
        while first[member] != member {
            first[member] = first[first[member]];
            member = first[member];
        }
        member
    };
    for (a, b) in pairs {
        let (a, b) = (find(&mut first, a), find(&mut first, b));
        first[a.max(b)] = a.min(b);
    }
    let mut groups = BTreeMap::<usize, Vec<usize>>::new();
    for member in 0..count {
        groups.entry(find(&mut first, member)).or_default().push(member);
    }
    groups.into_values().collect()
}

/// Mean colour of `side` x `side` cells, row by row. A picture smaller than that gives neighbouring cells the same pixels.
fn means(pixels: &[u8], width: usize, height: usize, side: usize) -> Vec<Cell> {
    let span = |cell: usize, length: usize| {
        let start = cell * length / side;
        start..((cell + 1) * length / side).max(start + 1)
    };
    let mut cells = Vec::with_capacity(side * side);
    for row in 0..side {
        for column in 0..side {
            let (columns, rows) = (span(column, width), span(row, height));
            let count = (columns.len() * rows.len()) as i64;
            let mut sums = [0_i64; 3];
            for y in rows {
                let line = &pixels[(y * width + columns.start) * 3..(y * width + columns.end) * 3];
                for pixel in line.chunks_exact(3) {
                    for (sum, level) in sums.iter_mut().zip(pixel) {
                        *sum += i64::from(*level);
                    }
                }
            }
            cells.push(sums.map(|sum| (sum / count) as u8));
        }
    }
    cells
}

fn luma([red, green, blue]: &Cell) -> i64 {
    (299 * i64::from(*red) + 587 * i64::from(*green) + 114 * i64::from(*blue)) / 1000
}

/// Median colour along the border, channel by channel.
fn border_colour(cells: &[Cell]) -> Cell {
    let last = COARSE - 1;
    let on_border = |cell: &usize| [0, last].contains(&(cell / COARSE)) || [0, last].contains(&(cell % COARSE));
    let border: Vec<usize> = (0..cells.len()).filter(on_border).collect();
    [0, 1, 2].map(|channel| {
        let mut levels: Vec<u8> = border.iter().map(|cell| cells[*cell][channel]).collect();
        levels.sort_unstable();
        levels[levels.len() / 2]
    })
}

/// A bit for each of the lowest frequencies of the luma but the constant ones: whether it lies above their median (Zauner,
/// "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, section 3.2.1).
fn structure(luma: &[i64]) -> u64 {
    let waves: Vec<[i64; FINE]> = (1..=SIGNS).map(wave).collect();
    let mut columns = [[0_i64; FINE]; SIGNS];
    for (wave, sums) in waves.iter().zip(&mut columns) {
        for (row, factor) in wave.iter().enumerate() {
            for (sum, level) in sums.iter_mut().zip(&luma[row * FINE..(row + 1) * FINE]) {
                *sum += factor * level;
            }
        }
    }
    let sum = |sums: &[i64; FINE], wave: &[i64; FINE]| sums.iter().zip(wave).map(|(sum, factor)| sum * factor).sum();
    let frequencies: Vec<i64> = columns.iter().flat_map(|sums| waves.iter().map(|wave| sum(sums, wave))).collect();
    let mut sorted = frequencies.clone();
    sorted.sort_unstable();
    let middle = sorted[sorted.len() / 2 - 1..=sorted.len() / 2].iter().sum::<i64>() / 2;
    frequencies.iter().fold(0, |hash, frequency| hash << 1 | u64::from(*frequency > middle))
}

/// A cosine of the DCT-II in 4096ths. Rounded so coarsely, it is the same whatever a machine's cosine is in its last digit.
fn wave(frequency: usize) -> [i64; FINE] {
    let mut wave = [0; FINE];
    for (place, factor) in wave.iter_mut().enumerate() {
        let angle = std::f64::consts::PI * ((2 * place + 1) * frequency) as f64 / (2 * FINE) as f64;
        *factor = (angle.cos() * 4096.0).round() as i64;
    }
    wave
}
