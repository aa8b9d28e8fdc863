//! Moves and swaps of groups after dealing, which bring each SKU's share nearer to the ratios.
//!
//! Owns the measure: for each SKU, and for the photos themselves, the squared distance of what a split has from what it should
//! have, over all there are (as in Pearson's chi-squared statistic); and the search, which takes what lowers the sum most for each
//! group in turn, until nothing tried does.
//!
//! Refuses: taking a split's last facing of a SKU, or its last photo.

use std::collections::BTreeMap;

use super::{Group, Ratios, SPLITS};

/// Groups that each group may be swapped with: the next ones in the order of chance.
const PARTNERS: usize = 256;
/// Moves and swaps tried at most, so that a large data set, which is dealt evenly as it is, takes no time.
const TRIED: usize = 20_000_000;

/// What is in a group: number of a SKU, facings. Number 0 is the photos. In the order of the numbers.
type Contents = Vec<(usize, i64)>;

struct Balance {
    ratios: [i64; SPLITS.len()],
    totals: Vec<i64>,
    has: Vec<[i64; SPLITS.len()]>,
}

/// Improves on `places`, the split of each group.
pub(super) fn even_out(groups: &[Group], ratios: Ratios, places: &mut [usize]) {
    let mut numbers = BTreeMap::<&str, usize>::new();
    for sku in groups.iter().flat_map(|group| group.skus.keys()) {
        let next = numbers.len() + 1;
        numbers.entry(sku).or_insert(next);
    }
    let contents_of = |group: &Group| -> Contents {
        let skus = group.skus.iter().filter_map(|(sku, count)| Some((*numbers.get(sku.as_str())?, *count as i64)));
        let mut contents: Contents = std::iter::once((0, group.photos.len() as i64)).chain(skus).collect();
        contents.sort_unstable();
        contents
    };
    let contents: Vec<Contents> = groups.iter().map(contents_of).collect();
    let swapped = |other: Option<usize>| other.map_or(&[][..], |other| &contents[other][..]);
    let classes = numbers.len() + 1;
    let mut balance = Balance {
        ratios: ratios.0.map(|ratio| ratio as i64),
        totals: vec![0; classes],
        has: vec![[0; SPLITS.len()]; classes],
    };
    for (contents, place) in contents.iter().zip(places.iter()) {
        for (class, count) in contents {
            balance.totals[*class] += count;
            balance.has[*class][*place] += count;
        }
    }

    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|number| (groups[*number].chance, *number));
    let (mut tried, mut moved, mut net) = (0, true, Contents::new());
    while moved && tried < TRIED {
        moved = false;
        for at in 0..order.len() {
            let (group, from) = (order[at], places[order[at]]);
            let (mut best, mut most) = (None, 0);
            let open = (0..SPLITS.len()).filter(|place| *place != from && ratios.0[*place] > 0);
            let moves = open.map(|to| (to, None));
            let next = (1..order.len().min(PARTNERS + 1)).map(|step| order[(at + step) % order.len()]);
            let swaps = next.filter(|other| places[*other] != from).map(|other| (places[other], Some(other)));
            for (to, other) in moves.chain(swaps) {
                less(&contents[group], swapped(other), &mut net);
                tried += 1;
                if let Some(gain) = balance.gain(&net, from, to).filter(|gain| *gain > most) {
                    (best, most) = (Some((to, other)), gain);
                }
            }
            if let Some((to, other)) = best {
                less(&contents[group], swapped(other), &mut net);
                balance.carry(&net, from, to);
                places[group] = to;
                if let Some(other) = other {
                    places[other] = from;
                }
                moved = true;
            }
        }
    }
}

impl Balance {
    /// By how much the sum falls when `net` goes `from` a split `to` another; none where that would take the last of something.
    fn gain(&self, net: &[(usize, i64)], from: usize, to: usize) -> Option<i128> {
        let mut gain = 0;
        for (class, count) in net {
            let (has, total) = (&self.has[*class], self.totals[*class]);
            let (left, there) = (has[from] - count, has[to] + count);
            if (left == 0 && has[from] > 0) || (there == 0 && has[to] > 0) {
                return None;
            }
            let off = |place: usize, count: i64| {
                let distance = i128::from(100 * count - self.ratios[place] * total);
                distance * distance / i128::from(total.max(1))
            };
            gain += off(from, has[from]) + off(to, has[to]) - off(from, left) - off(to, there);
        }
        Some(gain)
    }

    fn carry(&mut self, net: &[(usize, i64)], from: usize, to: usize) {
        for (class, count) in net {
            self.has[*class][from] -= count;
            self.has[*class][to] += count;
        }
    }
}

/// Puts into `net` what is in `a`, less what is in `b`.
fn less(a: &[(usize, i64)], b: &[(usize, i64)], net: &mut Contents) {
    net.clear();
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let next = match (a.peek(), b.peek()) {
            (None, None) => return,
            (Some((class, _)), None) | (None, Some((class, _))) => *class,
            (Some((one, _)), Some((other, _))) => *one.min(other),
        };
        let mut count = a.next_if(|(class, _)| *class == next).map_or(0, |(_, count)| *count);
        count -= b.next_if(|(class, _)| *class == next).map_or(0, |(_, count)| *count);
        if count != 0 {
            net.push((next, count));
        }
    }
}
