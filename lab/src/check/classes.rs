//! What the counts of classes tell: missing in a split, few, far from the others.

use std::collections::{BTreeMap, BTreeSet};

use super::{CheckOptions, Finding, Kind};
use crate::dataset::UNKNOWN;
use crate::hash::Counts;

/// How many times the median, or which part of it, a class may have.
const IMBALANCE: u64 = 10;
/// The split that a model learns from.
const TRAIN: &str = "train";

pub(super) fn check(splits: &BTreeMap<String, Counts>, options: &CheckOptions, findings: &mut Vec<Finding>) {
    let classes: BTreeSet<&str> =
        splits.values().flat_map(|counts| counts.classes.keys()).map(String::as_str).collect();
    let mut tell = |kind, class: &str, what| {
        findings.push(Finding { kind, place: class.to_owned(), what, shown: Vec::new() });
    };
    for class in classes.iter().copied().filter(|_| splits.len() > 1) {
        let missing: Vec<&str> = splits
            .iter()
            .filter(|(_, counts)| !counts.classes.contains_key(class))
            .map(|(split, _)| split.as_str())
            .collect();
        let others: Vec<String> = splits
            .iter()
            .filter_map(|(split, counts)| counts.classes.get(class).map(|count| format!("{count} in {split}")))
            .collect();
        let kind = if missing.contains(&TRAIN) { Kind::NotTrained } else { Kind::NotTested };
        if !missing.is_empty() {
            tell(kind, class, format!("missing in {}; {}", missing.join(" and "), others.join(", ")));
        }
    }

    // What a model learns from: the split for it, or all where there are no splits.
    let learnt: Vec<&Counts> = match splits.get(TRAIN) {
        Some(train) => vec![train],
        None => splits.values().collect(),
    };
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (class, count) in learnt.iter().flat_map(|counts| &counts.classes).filter(|(class, _)| *class != UNKNOWN) {
        *counts.entry(class).or_default() += count;
    }
    let mut by_count: Vec<(u64, &str)> = counts.into_iter().map(|(class, count)| (count, class)).collect();
    by_count.sort_unstable();
    let needed = options.min_images_per_sku;
    for (count, class) in by_count.iter().take_while(|(count, _)| *count < needed) {
        tell(Kind::FewImages, class, format!("{count} to learn from, {needed} wanted"));
    }
    let Some((median, _)) = by_count.get(by_count.len() / 2).copied().filter(|_| by_count.len() > 1) else { return };
    for (count, class) in &by_count {
        if *count > median * IMBALANCE || count * IMBALANCE < median {
            let times = *count as f64 / median.max(1) as f64;
            tell(Kind::Imbalance, class, format!("{count} to learn from, {times:.2} times the median of {median}"));
        }
    }
}
