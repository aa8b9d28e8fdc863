//! Whole scans with the shipped bundle: what they find, and that nothing around a photo changes it.
//!
//! The tests need the shipped bundle (or the one that `SHELFSCAN_TEST_BUNDLE` names) and the native library; without either they
//! fail. `golden/` beside this folder holds what the scans of the sample photo must give.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure here is the test's")]

mod bundle;
mod deltas;
mod golden;
mod orientation;
mod review;
mod sharing;
mod truth;
mod weaker;
