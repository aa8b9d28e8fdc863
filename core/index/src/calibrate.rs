//! When a similarity is enough: the thresholds of each SKU.
//!
//! Owns the left-out similarities of a SKU (from its own vectors alone, stored with it) and the formula that makes thresholds of
//! them (from what is stored of all SKUs, so it can be repeated after any edit). Refuses nothing.
//!
//! # The formula
//! Every vector of a SKU is left out in turn and compared with what the SKU would be without it. Its threshold `t` and least
//! margin `m` are, with `T(p)` the similarity that a share `p` of its genuine facings falls below and `h` the greatest similarity
//! of one of its prototypes to one of another SKU (the nearest impostor):
//!
//! ```text
//! t = h, held between T(miss_rate) and T(5 miss_rate)
//! m = 0.15 w max(0, T(0.5) - h)
//! T(p) = pool(p) + w (own(0.1) - pool(0.1)) - 0.15 * 8 / (n + 8)
//! w = n / (n + 5)
//! ```
//!
//! `n` is the number of the SKU's vectors, `own(p)` the `p`-quantile of its left-out similarities, and `pool(p)` that of all SKUs,
//! each with the same weight, against few of their vectors: the largest of 1, 2, 4, 8 that `n - 1` reaches, and against the
//! prototypes from 17 vectors on. A SKU of one vector has no `own`: there `T` is the pool.
//!
//! - The low quantile comes from the pool, as in one SKU it hangs on its few worst crops, often mislabelled; the SKU moves it by
//!   its lower tenth, the lowest that some ten vectors can tell, and the less the fewer vectors it has.
//! - The pool is that of SKUs seen through as few vectors, so a SKU enrolled with two photos is judged as the others would be with
//!   one left out: the best of few photos is less like a facing than the best of many.
//! - Few photos of a product come from one place, light and camera; its facings don't. What is lost between the two can't be
//!   seen by leaving one of them out, so `T` is lowered, by 0.13 for a single photo and the less the more there are. The price:
//!   of few photos more unknown drinks of a known brand pass (`tests/calibration.rs` prints both shares).
//! - A near impostor raises the threshold, at the price of up to five times the misses; a far one can't lower it, as the unknown
//!   drinks to come are more alike than the known ones, which the embedder was trained to tell apart.
//! - `m` is asked of the lead in likeness, which is close to that in similarity.
//! - A SKU that is usually far ahead of all others should be; look-alikes are never far ahead of each other, so no margin is asked.
//!
//! Where no SKU has two vectors there is nothing to leave out: `t` is then `h` held between 0.5 and 0.8, and `m` is 0.

use crate::cluster::{Clusters, Vectors, dot};

/// Points of a curve, at the quantiles (i + 0.5) / 32.
pub(crate) const POINTS: usize = 32;
/// Curves of a SKU: one for each of `FEW`, and one against the prototypes.
pub(crate) const CURVES: usize = FEW.len() + 1;
/// Numbers of other vectors a left-out vector is compared with.
const FEW: [usize; 4] = [1, 2, 4, 8];
/// From this many vectors on a SKU is judged by its prototypes, and teaches the pool of such SKUs.
const MANY: usize = 17;
/// A SKU's own lower tenth weighs n / (n + OWN).
const OWN: f32 = 5.0;
/// The quantile at which a SKU is compared with the pool.
const LOWER: f32 = 0.1;
/// What is lost between a gallery's photos and facings, for a SKU of no photo, and the number of photos that halves it.
const ELSEWHERE: (f32, f32) = (0.15, 8.0);
/// A near impostor may cost this many times the misses.
const IMPOSTOR_PRICE: f32 = 5.0;
/// The share of its usual lead that a SKU must have.
const MARGIN_SHARE: f32 = 0.15;
/// Bounds where nothing is known: about where 5 % and 50 % of pairs of photos of one drink lie, with embedders trained by angle.
const BLIND: (f32, f32) = (0.5, 0.8);
/// One in the fixed-point numbers of a curve.
const ONE: f32 = 32_767.0;

/// Left-out similarities at 32 quantiles, ascending, in 1/32767; zero if there were too few vectors.
pub(crate) type Curve = [i16; POINTS];

/// The left-out similarities of one SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftOut(pub(crate) [Curve; CURVES]);

impl LeftOut {
    /// Compares each vector with others of its SKU, spread evenly over the order they come in, and with the clusters without it.
    pub(crate) fn of(vectors: &Vectors, clusters: &Clusters) -> Self {
        let count = vectors.len();
        let mut curves = [[0; POINTS]; CURVES];
        for (curve, few) in curves.iter_mut().zip(FEW) {
            if count > few {
                let best = |place: usize| {
                    let other = |turn: usize| vectors.get((place + (turn + 1) * count / (few + 1)) % count);
                    (0..few).map(|turn| dot(vectors.get(place), other(turn))).fold(-1.0, f32::max)
                };
                *curve = self::curve((0..count).map(best).collect());
            }
        }
        if count > 1 {
            curves[FEW.len()] = curve(clusters.left_out(vectors));
        }
        Self(curves)
    }

    fn prototypes(&self) -> &Curve {
        &self.0[FEW.len()]
    }
}

fn curve(mut similarities: Vec<f32>) -> Curve {
    if similarities.is_empty() {
        return [0; POINTS];
    }
    similarities.sort_unstable_by(f32::total_cmp);
    let point = |place: usize| quantile(&similarities, (place as f32 + 0.5) / POINTS as f32);
    std::array::from_fn(|place| (point(place).clamp(-1.0, 1.0) * ONE).round() as i16)
}

/// Linear interpolation between the order statistics, the first at 0 and the last at 1.
fn quantile<T: Copy + Into<f32>>(ascending: &[T], share: f32) -> f32 {
    let place = share * (ascending.len() - 1) as f32;
    let low = place as usize;
    let high = (low + 1).min(ascending.len() - 1);
    let (a, b): (f32, f32) = (ascending[low].into(), ascending[high].into());
    a + (b - a) * (place - low as f32)
}

/// What the formula needs of a SKU.
pub(crate) struct Evidence<'a> {
    /// Distinct vectors it was built from.
    pub(crate) samples: u32,
    pub(crate) left_out: &'a LeftOut,
    /// Greatest similarity of its prototypes to another SKU's; -1 if it is alone.
    pub(crate) impostor: f32,
}

/// What a facing must reach to be called this SKU.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    pub(crate) threshold: f32,
    pub(crate) min_margin: f32,
}

/// The limits of each SKU, in the order of `evidence`.
pub(crate) fn limits(evidence: &[Evidence<'_>], miss_rate: f32) -> Vec<Limits> {
    let pools = Pools::of(evidence);
    let one = |sku: &Evidence<'_>| {
        let Some(genuine) = pools.genuine(sku) else {
            return Limits { threshold: sku.impostor.clamp(BLIND.0, BLIND.1), min_margin: 0.0 };
        };
        let (least, most) = (genuine(miss_rate), genuine(IMPOSTOR_PRICE * miss_rate));
        Limits {
            threshold: sku.impostor.max(least).min(most).clamp(-1.0, 1.0),
            min_margin: MARGIN_SHARE * weight(sku.samples) * (genuine(0.5).min(1.0) - sku.impostor).clamp(0.0, 2.0),
        }
    };
    evidence.iter().map(one).collect()
}

/// Ascending left-out similarities of all SKUs together, one pool per curve.
struct Pools([Vec<i16>; CURVES]);

impl Pools {
    fn of(evidence: &[Evidence<'_>]) -> Self {
        Self(std::array::from_fn(|pool| {
            let needed = FEW.get(pool).map_or(MANY, |few| few + 1);
            let able = evidence.iter().filter(|sku| sku.samples as usize >= needed);
            let mut points: Vec<i16> = able.flat_map(|sku| sku.left_out.0[pool]).collect();
            points.sort_unstable();
            points
        }))
    }

    /// The pool of SKUs seen through as many vectors as one of `samples` is when one is left out, or through fewer.
    fn like(&self, samples: usize) -> Option<&[i16]> {
        let others = samples.saturating_sub(1).max(FEW[0]);
        let pool = if samples >= MANY { FEW.len() } else { FEW.iter().rposition(|&few| few <= others)? };
        self.0[..=pool].iter().rev().find(|points| !points.is_empty()).map(Vec::as_slice)
    }

    /// `T` of the formula; `None` if there is no pool.
    fn genuine(&self, sku: &Evidence<'_>) -> Option<impl Fn(f32) -> f32> {
        let pool = self.like(sku.samples as usize)?;
        let own = quantile(sku.left_out.prototypes(), LOWER);
        let shift = if sku.samples > 1 { weight(sku.samples) * (own - quantile(pool, LOWER)) } else { 0.0 };
        let (most, half) = ELSEWHERE;
        let elsewhere = most * half / (sku.samples as f32 + half);
        Some(move |share| (quantile(pool, share) + shift) / ONE - elsewhere)
    }
}

/// What a SKU's own left-out similarities count for beside those of all.
fn weight(samples: u32) -> f32 {
    samples as f32 / (samples as f32 + OWN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn left_out() -> impl Strategy<Value = LeftOut> {
        let curve = prop::collection::vec(-1.0_f32..1.0, 1..50).prop_map(curve);
        prop::collection::vec(curve, CURVES).prop_map(|curves| LeftOut(std::array::from_fn(|place| curves[place])))
    }

    proptest! {
        #[test]
        fn a_nearer_impostor_makes_a_sku_stricter_and_asks_for_less_lead(
            skus in prop::collection::vec((1..40_u32, left_out(), -1.0_f32..1.0), 1..6),
            nearer in 0.0_f32..1.0,
            miss_rate in 0.0_f32..0.2,
        ) {
            let evidence = |raise: f32| -> Vec<Evidence<'_>> {
                skus.iter()
                    .map(|(samples, left_out, impostor)| Evidence {
                        samples: *samples,
                        left_out,
                        impostor: (impostor + raise).min(1.0),
                    })
                    .collect()
            };
            let (far, near) = (limits(&evidence(0.0), miss_rate), limits(&evidence(nearer), miss_rate));
            for (far, near) in far.into_iter().zip(near) {
                prop_assert!((-1.0..=1.0).contains(&far.threshold) && (0.0..=2.0).contains(&far.min_margin));
                prop_assert!(near.threshold >= far.threshold);
                prop_assert!(near.min_margin <= far.min_margin);
            }
        }

        #[test]
        fn a_curve_is_the_distribution(similarities in prop::collection::vec(-1.0_f32..1.0, 1..200)) {
            let curve = curve(similarities.clone());
            prop_assert!(curve.is_sorted());
            for (place, point) in curve.into_iter().enumerate() {
                let point = f32::from(point) / ONE;
                let share = (place as f32 + 0.5) / POINTS as f32 * similarities.len() as f32;
                let up_to = |limit: f32| similarities.iter().filter(|&&similarity| similarity <= limit).count() as f32;
                prop_assert!(up_to(point - 1e-4) <= share + 1.5 && up_to(point + 1e-4) >= share - 1.5, "{place} {point}");
            }
        }
    }

    #[test]
    fn without_two_vectors_of_any_sku_the_impostor_decides() {
        let none = LeftOut([[0; POINTS]; CURVES]);
        let threshold = |impostor| limits(&[Evidence { samples: 1, left_out: &none, impostor }], 0.01)[0];
        assert_eq!(threshold(-1.0), Limits { threshold: 0.5, min_margin: 0.0 });
        assert_eq!(threshold(0.6), Limits { threshold: 0.6, min_margin: 0.0 });
        assert_eq!(threshold(0.99), Limits { threshold: 0.8, min_margin: 0.0 });
    }

    #[test]
    fn a_sku_of_one_photo_is_judged_as_the_others_would_be_with_one() {
        let mut of_many =
            LeftOut([curve(vec![0.6, 0.7]), curve(vec![0.8]), curve(vec![0.85]), curve(vec![0.9]), curve(vec![0.95])]);
        let none = LeftOut([[0; POINTS]; CURVES]);
        let thresholds = |many: &LeftOut| {
            let one = Evidence { samples: 1, left_out: &none, impostor: -1.0 };
            let limits = limits(&[Evidence { samples: 50, left_out: many, impostor: -1.0 }, one], 0.0);
            (limits[0].threshold, limits[1].threshold)
        };
        let elsewhere = |photos: f32| ELSEWHERE.0 * ELSEWHERE.1 / (photos + ELSEWHERE.1);
        let (many, one) = thresholds(&of_many);
        assert!((many + elsewhere(50.0) - 0.95).abs() < 1e-4, "{many}");
        assert!((0.6..0.61).contains(&(one + elsewhere(1.0))), "{one}");
        of_many.0[0] = curve(vec![0.3]);
        assert!((thresholds(&of_many).1 + elsewhere(1.0) - 0.3).abs() < 1e-4);
    }
}
