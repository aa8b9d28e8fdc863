//! Intervals by resampling photos.
//!
//! Owns the percentile bootstrap: photos are drawn with replacement, as facings of one photo stand or fall together. The draws
//! come from a seed alone, so the same data give the same interval on every machine.

/// How often each photo counts in each resample.
#[derive(Clone, Debug)]
pub struct Weights {
    photos: usize,
    resamples: usize,
    seed: u64,
}

impl Weights {
    /// Draws for `photos` photos.
    pub fn new(photos: usize, resamples: usize, seed: u64) -> Self {
        Self { photos, resamples, seed }
    }

    /// The resamples, one after the other: for each photo how often it was drawn.
    pub fn draws(&self) -> impl Iterator<Item = Vec<u32>> {
        let mut state = self.seed;
        (0..self.resamples).map(move |_| {
            let mut weights = vec![0; self.photos];
            for _ in 0..self.photos {
                let drawn = (u128::from(next(&mut state)) * self.photos as u128) >> 64;
                weights[drawn as usize] += 1;
            }
            weights
        })
    }
}

/// The middle 95 % of `values`, by linear interpolation between the nearest two; none where fewer than two have a value.
pub fn interval(values: impl IntoIterator<Item = Option<f64>>) -> Option<(f64, f64)> {
    let mut values: Vec<f64> = values.into_iter().flatten().collect();
    if values.len() < 2 {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    Some((at(0.025), at(0.975)))
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_fair_and_repeatable() {
        let weights = Weights::new(10, 2000, 7);
        let mut sums = [0u32; 10];
        for draw in weights.draws() {
            assert_eq!(draw.iter().sum::<u32>(), 10);
            sums.iter_mut().zip(&draw).for_each(|(sum, times)| *sum += times);
        }
        // 2000 expected, standard deviation 42.
        assert!(sums.iter().all(|sum| sum.abs_diff(2000) < 250), "{sums:?}");
        assert!(weights.draws().zip(Weights::new(10, 2000, 7).draws()).all(|(a, b)| a == b));
        assert!(weights.draws().zip(Weights::new(10, 2000, 8).draws()).any(|(a, b)| a != b));
    }

    #[test]
    fn the_interval_covers_a_mean_about_as_often_as_it_says() {
        let mut state = 1;
        let mut covered = 0;
        for round in 0..200 {
            let sample: Vec<f64> = (0..60).map(|_| (next(&mut state) % 1000) as f64 / 999.0).collect();
            let mean = |weights: &[u32]| {
                sample.iter().zip(weights).map(|(value, &times)| value * f64::from(times)).sum::<f64>() / 60.0
            };
            let (low, high) = interval(Weights::new(60, 300, round).draws().map(|draw| Some(mean(&draw)))).unwrap();
            covered += usize::from((low..=high).contains(&0.5));
        }
        assert!((178..=199).contains(&covered), "{covered} of 200");
        assert_eq!(interval([Some(1.0), None]), None);
    }
}
