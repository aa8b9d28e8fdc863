//! From a shelf photo to counts per SKU.
//!
//! Owns the bundle (models, index and the manifest that describes them, checked before use), the scan (tiles, detector, crops,
//! embedder, index, counts) and its result, which of its facings a person should look at, and the change of a bundle's SKUs. Everything about pixels is `shelfscan-vision`'s, about running models
//! `shelfscan-tflite`'s, about naming a SKU `shelfscan-index`'s.
//!
//! Refuses: threads of its own beyond a running scan, network, storage. It blocks; the platform decides where.
//!
//! ```no_run
//! use shelfscan::{Bundle, ScanOptions, Scanner};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let scanner = Scanner::new(Bundle::open("models/bundles/drinks".as_ref(), 2)?);
//! let result = scanner.scan_file(&std::fs::read("shelf.jpg")?, &ScanOptions::default())?;
//! for count in &result.counts {
//!     println!("{} x {}", count.count, count.name);
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod bundle;
mod catalogue;
mod delta;
mod error;
mod gallery;
pub mod manifest;
mod models;
pub mod npy;
mod parallel;
mod report;
mod result;
mod review;
mod scanner;
mod self_test;

pub use bundle::{Bundle, DETECTOR, EMBEDDER, INDEX, MANIFEST, Models, describe};
pub use catalogue::{Catalogue, CatalogueError, replace_file};
pub use delta::{Applied, DeltaFault};
pub use error::{BundleError, ScanError};
pub use gallery::{FacingEmbeddings, LabelledPhoto, PictureError, Subject};
pub use manifest::{FileEntry, Manifest, SkuEntry};
pub use parallel::Cancel;
pub use report::{Failed, Report, Total};
pub use result::{
    BundleVersion, Candidate, Count, Facing, Finding, Naming, QualityReport, ScanResult, Sighting, Timings, Verdict,
};
pub use review::{Capture, ReviewError};
pub use scanner::{ScanOptions, Scanner};
pub use shelfscan_index as index;
pub use shelfscan_protocol as protocol;
pub use shelfscan_queue as queue;
pub use shelfscan_tflite::{Error as RuntimeError, Runtime};
pub use shelfscan_vision::nms::{Suppression, suppress};
pub use shelfscan_vision::rows::{Place, places};
pub use shelfscan_vision::tiles::Tiling;
pub use shelfscan_vision::{
    DecodeError, DecodeLimits, DecodedPhoto, Detection, Frame, ImageView, Orientation, PixelFormat, Rect, ViewError,
    decode,
};
