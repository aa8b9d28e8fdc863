//! For ML engineers, never on a phone: what a data set holds, how it is split, and how good a bundle is.
//!
//! Owns the reading of data sets, their hash, split and check, the evaluation of a bundle or of stored predictions against
//! ground truth, and the report of it. Refuses to scan by itself: a scan is the `shelfscan` crate's; and to guess: a data set, a
//! prediction or a label that can't be used is an error that names the file and line, never a wrong figure.

#![forbid(unsafe_code)]

pub mod check;
pub mod dataset;
mod error;
pub mod eval;
pub mod files;
pub mod hash;
pub mod html;
pub mod layout;
pub mod metrics;
pub mod near;
pub mod photos;
pub mod report;
pub mod split;

pub use error::{LabError, Result};
