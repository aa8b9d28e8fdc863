//! The compact SKU index: which product an embedding is, or "unknown".
//!
//! Owns the file format (`FORMAT.md`), the builder that condenses a gallery of embeddings into prototypes and calibrates the
//! thresholds, and the search. Knows nothing of images, models or SKU names; refuses vectors without direction, files that are not
//! exactly what a builder writes, and ids that can't be printed. Errors name the field or the SKU.
//!
//! ```
//! use shelfscan_index::{BuildOptions, Builder, Index, Scratch, Verdict};
//!
//! let mut builder = Builder::new(3, [7; 32], BuildOptions::default())?;
//! builder.add("cola", &[1.0, 0.0, 0.1])?;
//! builder.add("cola", &[1.0, 0.1, 0.0])?;
//! builder.add("soda", &[0.0, 1.0, 0.0])?;
//! let index = Index::from_bytes(builder.build()?)?;
//!
//! let mut scratch = Scratch::default();
//! let hits = index.search(&[1.0, 0.0, 0.0], 3, &mut scratch)?;
//! assert_eq!(hits.best().map(|hit| hit.sku.id), Some("cola"));
//! assert_eq!(hits.verdict(), Verdict::Accepted);
//! # Ok::<(), shelfscan_index::Error>(())
//! ```
//!
//! One index is shared by any number of threads, each with a [`Scratch`] of its own. To enrol or drop a SKU, take
//! [`Builder::from_index`], change it, and write it out: what was removed leaves no trace, to the byte.

mod builder;
mod calibrate;
mod cluster;
mod dot;
mod error;
mod format;
mod reader;
mod search;
mod storage;
mod vector;

pub use builder::{BuildOptions, Builder};
pub use error::Error;
pub use reader::{Index, Sku};
pub use search::{Hit, Hits, Method, Scratch, Verdict};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
