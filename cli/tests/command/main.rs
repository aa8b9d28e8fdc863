//! The `shelfscan` program as a person runs it: arguments in; tables, files, complaints and an exit code out.
//!
//! `bundles/` and `photos/` beside this folder hold the cases that are data. The tests need the shipped bundle (or the one that
//! `SHELFSCAN_TEST_BUNDLE` names) and the native library; without either they fail.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure here is the test's")]

mod arguments;
mod bad_bundles;
mod bad_photos;
mod bundle;
mod datasets;
mod eval;
mod full_disk;
mod handled_photos;
mod indexes;
mod outputs;
mod program;
mod queue;
