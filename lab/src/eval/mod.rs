//! How good a bundle, or a file of predictions, is.

pub mod result;

pub use result::EvalResult;
