//! The numbers: average precision as COCO has it, and intervals by resampling photos.
//!
//! Owns the formulas. Knows nothing of bundles, SKUs or files.

mod bootstrap;
mod coco;

pub use bootstrap::{Weights, interval};
pub use coco::{IOU_COUNT, Matched, Ranked, Ranking, ScoredBox, TrueBox, iou_thresholds, match_photo};
