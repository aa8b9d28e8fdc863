//! How good a bundle, or a file of predictions, is.
//!
//! Owns the way from ground truth and detections to an [`EvalResult`]: which label each detection is, what came of it, the
//! figures over all photos with their intervals, the targets, and what changed between two results.
//!
//! Refuses: ground truth that can't be judged on, by file and line; SKUs that a bundle doesn't know, unless they are to be taken
//! for unknown drinks.

mod additions;
mod compare;
mod figures;
mod judge;
mod predictions;
pub mod result;
mod run;
mod sweep;
mod targets;
mod truth;

pub use additions::Additions;
pub use compare::{Comparison, Difference, compare};
pub use figures::{Header, conclude};
pub use judge::{Detections, WeakDetection, judge};
pub use predictions::{Ids, Predictions, to_coco_results};
pub use result::EvalResult;
pub use run::{RunOptions, detections, scan_photo};
pub use sweep::{DetectorPoint, Sweep, UnknownPoint, sweep};
pub use targets::Targets;
pub use truth::{Extent, GroundTruth, TruthLabel, TruthPhoto};
