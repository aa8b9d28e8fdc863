//! Data sets made on the spot: hashed, split, laid out, checked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure here is the test's")]

mod check;
mod folder;
mod frozen;
mod hash;
mod near;
mod split;
