//! One box for each facing: non-maximum suppression.
//!
//! Owns the greedy suppression by IoU, per class or over all classes, and the rule for a box that lies within another. Refuses:
//! thresholds of its own; they come from the bundle.

use crate::Detection;

/// What counts as the same facing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suppression {
    /// Two boxes with an IoU above this are one facing, 0..=1.
    pub iou: f32,
    /// A box with more than this share of its area inside a better one is a part of it (a cap, a label), 0..=1. 1 never is.
    pub inside: f32,
    /// Whether boxes of different classes leave each other alone.
    pub per_class: bool,
}

/// Keeps the best box of each facing, best first. Boxes with the same score keep the order they came in, so that a result
/// depends on nothing but its input.
pub fn suppress(detections: &mut Vec<Detection>, rule: Suppression) {
    detections.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept = 0;
    for candidate in 0..detections.len() {
        let this = detections[candidate];
        let doubled = detections[..kept].iter().any(|better| {
            if rule.per_class && better.class != this.class {
                return false;
            }
            let shared = better.rect.intersection(&this.rect);
            shared > 0.0
                && (shared > rule.iou * (better.rect.area() + this.rect.area() - shared)
                    || (rule.inside < 1.0 && shared > rule.inside * this.rect.area()))
        });
        if !doubled {
            detections.swap(kept, candidate);
            kept += 1;
        }
    }
    detections.truncate(kept);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Rect;

    fn detections() -> impl Strategy<Value = Vec<Detection>> {
        let one = (0f32..100.0, 0f32..100.0, 1f32..60.0, 1f32..60.0, 0usize..3, 0u8..20);
        prop::collection::vec(one, 0..60).prop_map(|all| {
            let detection = |(left, top, width, height, class, score)| Detection {
                rect: Rect::new(left, top, left + width, top + height),
                class,
                score: f32::from(score) / 20.0,
            };
            all.into_iter().map(detection).collect()
        })
    }

    /// The definition, word for word: take the best left, drop all that overlap it, repeat.
    fn by_definition(mut left: Vec<Detection>, rule: Suppression) -> Vec<Detection> {
        let mut kept = Vec::new();
        while !left.is_empty() {
            let best = (0..left.len()).fold(0, |best, i| if left[i].score > left[best].score { i } else { best });
            let best = left.remove(best);
            left.retain(|other| {
                let same_kind = !rule.per_class || other.class == best.class;
                let inside = rule.inside < 1.0 && other.rect.share_inside(&best.rect) > rule.inside;
                !(same_kind && (other.rect.iou(&best.rect) > rule.iou || inside))
            });
            kept.push(best);
        }
        kept
    }

    proptest! {
        #[test]
        fn equals_its_definition(
            all in detections(), iou in 0.05f32..0.95, inside in prop::sample::select(vec![0.6f32, 0.9, 1.0]), per_class: bool,
        ) {
            let rule = Suppression { iou, inside, per_class };
            let expected = by_definition(all.clone(), rule);
            let mut kept = all;
            suppress(&mut kept, rule);
            prop_assert_eq!(&kept, &expected);
            let again = kept.clone();
            suppress(&mut kept, rule);
            prop_assert_eq!(kept, again, "a second pass must change nothing");
        }
    }
}
