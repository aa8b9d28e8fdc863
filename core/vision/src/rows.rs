//! Which shelf row a facing stands in, and which place in that row.
//!
//! Containers of one row share a base line, which may run askew through the photo. So rows are chained from neighbour to
//! neighbour: a facing belongs with the nearest one to its right whose base is level with its own and which it overlaps in
//! height; rows cut by a gap are joined again where one continues the other's line.
//!
//! Refuses: planogram knowledge, second rows behind the first.

use crate::Rect;

/// Base lines of neighbours differ by at most this share of the smaller one's height.
const LEVEL: f32 = 0.3;
/// Neighbours stand at most this many widths of the wider one apart.
const REACH: f32 = 4.0;

/// Where a facing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// 0 is the top row.
    pub row: u32,
    /// 0 is the leftmost facing of the row.
    pub place: u32,
}

/// The place of each facing, in the order of `facings`.
pub fn places(facings: &[Rect]) -> Vec<Place> {
    let mut rows = join_across_gaps(chain(facings), facings);
    let height = |row: &[usize]| row.iter().map(|&i| facings[i].bottom).sum::<f32>() / row.len() as f32;
    rows.sort_by(|a, b| height(a).total_cmp(&height(b)));
    let mut places = vec![Place { row: 0, place: 0 }; facings.len()];
    for (row, members) in rows.iter_mut().enumerate() {
        members.sort_by(|&a, &b| facings[a].centre().0.total_cmp(&facings[b].centre().0));
        for (place, &facing) in members.iter().enumerate() {
            places[facing] = Place { row: row as u32, place: place as u32 };
        }
    }
    places
}

fn chain(facings: &[Rect]) -> Vec<Vec<usize>> {
    let mut by_x: Vec<usize> = (0..facings.len()).collect();
    by_x.sort_by(|&a, &b| facings[a].centre().0.total_cmp(&facings[b].centre().0));
    let mut row_of: Vec<usize> = (0..facings.len()).collect();
    for (position, &facing) in by_x.iter().enumerate() {
        let neighbour = by_x[position + 1..].iter().find(|&&other| {
            let (a, b) = (&facings[facing], &facings[other]);
            let smaller = a.height().min(b.height());
            let level = (a.bottom - b.bottom).abs() <= LEVEL * smaller;
            let overlap = a.bottom.min(b.bottom) - a.top.max(b.top) >= 0.5 * smaller;
            level && overlap && b.left - a.right <= REACH * a.width().max(b.width())
        });
        if let Some(&neighbour) = neighbour {
            let (from, to) = (row_of[neighbour], row_of[facing]);
            row_of.iter_mut().filter(|row| **row == from).for_each(|row| *row = to);
        }
    }
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); facings.len()];
    for (facing, row) in row_of.into_iter().enumerate() {
        rows[row].push(facing);
    }
    rows.retain(|row| !row.is_empty());
    rows
}

fn join_across_gaps(mut rows: Vec<Vec<usize>>, facings: &[Rect]) -> Vec<Vec<usize>> {
    let mut joined = true;
    while joined {
        joined = false;
        'pairs: for a in 0..rows.len() {
            for b in a + 1..rows.len() {
                if continues(&rows[a], &rows[b], facings) {
                    let tail = rows.swap_remove(b);
                    rows[a].extend(tail);
                    joined = true;
                    break 'pairs;
                }
            }
        }
    }
    rows
}

/// Whether two rows lie beside each other on one line.
fn continues(a: &[usize], b: &[usize], facings: &[Rect]) -> bool {
    let span = |row: &[usize]| {
        let left = row.iter().map(|&i| facings[i].left).fold(f32::MAX, f32::min);
        (left, row.iter().map(|&i| facings[i].right).fold(f32::MIN, f32::max))
    };
    let (span_a, span_b) = (span(a), span(b));
    let height = |row: &[usize]| row.iter().map(|&i| facings[i].height()).sum::<f32>() / row.len() as f32;
    let narrowest = a.iter().chain(b).map(|&i| facings[i].width()).fold(f32::MAX, f32::min);
    if span_a.1.min(span_b.1) - span_a.0.max(span_b.0) > 0.5 * narrowest {
        return false;
    }
    let (longer, shorter) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let base = base_line(longer, facings);
    let off = shorter.iter().map(|&i| (facings[i].bottom - base(facings[i].centre().0)).abs()).sum::<f32>();
    off / shorter.len() as f32 <= LEVEL * height(a).min(height(b))
}

/// Least-squares line through the base points of a row; level for fewer than three facings.
fn base_line(row: &[usize], facings: &[Rect]) -> impl Fn(f32) -> f32 {
    let count = row.len() as f32;
    let mean_x = row.iter().map(|&i| facings[i].centre().0).sum::<f32>() / count;
    let mean_y = row.iter().map(|&i| facings[i].bottom).sum::<f32>() / count;
    let (mut rise, mut run) = (0.0, 0.0);
    for &i in row {
        let dx = facings[i].centre().0 - mean_x;
        rise += dx * (facings[i].bottom - mean_y);
        run += dx * dx;
    }
    let slope = if row.len() >= 3 && run > 0.0 { rise / run } else { 0.0 };
    move |x| mean_y + slope * (x - mean_x)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_skewed_shelf_is_read_row_by_row(
            rows in 1usize..7, columns in 1usize..20, tilt in -0.12f32..0.12,
            width in 20f32..60.0, gap in 0f32..0.6, heights in prop::collection::vec(0.7f32..1.0, 16),
            missing in prop::collection::vec(any::<bool>(), 16), shuffle in any::<prop::sample::Index>(),
        ) {
            let height = width * 2.2;
            let mut facings = Vec::new();
            for row in 0..rows {
                let mut place = 0;
                for column in 0..columns {
                    let seed = row * 5 + column * 3;
                    // At most every third place is empty, so that a row stays one chain.
                    if column % 3 == 1 && missing[seed % 16] {
                        continue;
                    }
                    let left = column as f32 * width * (1.0 + gap);
                    let bottom = (row + 1) as f32 * height * 1.3 + left * tilt;
                    let top = bottom - height * heights[seed % 16];
                    facings.push((Rect::new(left, top, left + width, bottom), Place { row: row as u32, place }));
                    place += 1;
                }
            }
            let turn = shuffle.index(facings.len());
            facings.rotate_left(turn);
            let (rects, expected): (Vec<_>, Vec<_>) = facings.into_iter().unzip();
            prop_assert_eq!(places(&rects), expected);
        }
    }

    #[test]
    fn a_row_with_a_wide_gap_stays_one_row() {
        let at = |left: f32, bottom: f32| Rect::new(left, bottom - 80.0, left + 30.0, bottom);
        let facings = [at(0.0, 100.0), at(35.0, 101.0), at(600.0, 102.0), at(0.0, 250.0), at(640.0, 104.0)];
        let rows: Vec<u32> = places(&facings).iter().map(|place| place.row).collect();
        assert_eq!(rows, [0, 0, 0, 1, 0]);
        assert!(places(&[]).is_empty());
    }

    #[test]
    fn stacked_cans_are_two_rows() {
        let at = |left: f32, bottom: f32| Rect::new(left, bottom - 50.0, left + 30.0, bottom);
        let facings = [at(0.0, 100.0), at(32.0, 100.0), at(0.0, 52.0), at(32.0, 52.0)];
        let rows: Vec<u32> = places(&facings).iter().map(|place| place.row).collect();
        assert_eq!(rows, [1, 1, 0, 0]);
    }
}
