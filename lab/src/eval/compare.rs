//! Two results side by side: what got better and what worse.
//!
//! Owns the pairing of photos by name and the paired bootstrap: a resample takes the same photos of both, so what makes a photo hard
//! cancels out. Refuses results over different photos or labels.

use std::collections::BTreeMap;
use std::path::Path;

use super::figures::{Prepared, sums};
use super::result::{EvalResult, PhotoOutcome};
use crate::error::{LabError, Result};
use crate::metrics::{Weights, interval};

/// What changed from one result to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Figure by figure.
    pub differences: Vec<Difference>,
    /// Photos with the change in wrong facings (missed, false, wrongly named) and their names, worst first; unchanged ones are left out.
    pub photos: Vec<(String, i64)>,
}

/// A figure in both results.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its name.
    pub name: &'static str,
    /// Before.
    pub before: f64,
    /// After.
    pub after: f64,
    /// Interval of after less before, 95 %.
    pub interval: Option<(f64, f64)>,
    /// Whether more is better.
    pub more_is_better: bool,
}

impl Difference {
    /// Whether it got better (`true`) or worse; none where the interval holds zero.
    pub fn verdict(&self) -> Option<bool> {
        let (low, high) = self.interval?;
        if low > 0.0 || high < 0.0 { Some((low > 0.0) == self.more_is_better) } else { None }
    }
}

/// Compares two results; `path` is the second's, for errors.
pub fn compare(before: &EvalResult, after: &EvalResult, path: &Path) -> Result<Comparison> {
    let by_name: BTreeMap<&str, &PhotoOutcome> =
        before.photos.iter().map(|photo| (photo.name.as_str(), photo)).collect();
    if by_name.len() != after.photos.len() {
        let reason = format!("{} photos, the other result has {}", after.photos.len(), by_name.len());
        return Err(LabError::content(path, format!("{reason}; compare results over the same photos")));
    }
    let mut first = Vec::with_capacity(by_name.len());
    for photo in &after.photos {
        let Some(other) = by_name.get(photo.name.as_str()) else {
            let reason =
                format!("photo `{}` is not in the other result; compare results over the same photos", photo.name);
            return Err(LabError::content(path, reason));
        };
        if other.labelled != photo.labelled {
            let reason =
                format!("photo `{}` has {} labels, {} in the other result", photo.name, photo.labelled, other.labelled);
            return Err(LabError::content(path, format!("{reason}; compare results over the same labels")));
        }
        first.push((*other).clone());
    }
    let (a, b) = (Prepared::new(&first), Prepared::new(&after.photos));
    let (resamples, seed) = (after.settings.resamples as usize, after.settings.seed);
    let mut draws = vec![Vec::new(); Prepared::names().count()];
    for draw in Weights::new(first.len(), resamples, seed).draws() {
        let pairs = a.values(Some(&draw)).into_iter().zip(b.values(Some(&draw)));
        for (differences, (before, after)) in draws.iter_mut().zip(pairs) {
            differences.push(before.zip(after).map(|(before, after)| after - before));
        }
    }
    let values = a.values(None).into_iter().zip(b.values(None));
    let differences = Prepared::names()
        .zip(values)
        .zip(draws)
        .filter_map(|((name, (before, after)), draws)| {
            let less = [
                "false_per_photo",
                "count_mae",
                "count_mae_by_sku",
                "total_count_mae",
                "unknown_named",
                "known_unknown",
            ];
            let more_is_better = !less.contains(&name);
            Some(Difference { name, before: before?, after: after?, interval: interval(draws), more_is_better })
        })
        .collect();
    let mut photos: Vec<(String, i64)> = first
        .iter()
        .zip(&after.photos)
        .map(|(before, after)| (after.name.clone(), wrong(after) - wrong(before)))
        .filter(|(_, change)| *change != 0)
        .collect();
    photos.sort_by_key(|(name, change)| (-change, name.clone()));
    Ok(Comparison { differences, photos })
}

/// Facings missed, false, or not rightly named.
fn wrong(photo: &PhotoOutcome) -> i64 {
    use super::result::Outcome;
    let sums = sums(photo);
    let missed_or_false = (sums[0].1 - sums[0].0) + sums[2].0;
    let misnamed = |outcome: &Outcome| matches!(outcome, Outcome::WrongSku | Outcome::NotNamed);
    missed_or_false as i64 + photo.facings.iter().filter(|facing| misnamed(&facing.outcome)).count() as i64
}
