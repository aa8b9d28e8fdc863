//! Shelfscan for Kotlin and Swift.
//!
//! Owns the boundary: objects, records and the one error enum that uniffi turns into Kotlin and Swift. Each method converts,
//! delegates to `shelfscan` and maps the error.
//!
//! Refuses logic: what is missing goes into the core. Refuses copies of photos: bytes and pixels are borrowed for the call.

// On Android the lock on a Bitmap's pixels, in `bitmap`, is the one exception.
#![cfg_attr(not(target_os = "android"), forbid(unsafe_code))]
#![cfg_attr(target_os = "android", deny(unsafe_code))]

#[cfg(target_os = "android")]
mod bitmap;
mod error;
mod gallery;
mod logs;
mod photo;
mod queue;
mod result;
mod scanner;
mod sync;

pub use error::ShelfscanError;
pub use gallery::{GallerySession, Subject};
pub use logs::{LogLevel, start_logging};
pub use photo::{Orientation, PixelFormat, PixelLayout, YuvLayout};
pub use queue::{
    Capture, Correction, Intake, ItemState, KeepReason, MeteredUse, QueueSettings, QueueStatus, QueuedItem, ReviewQueue,
};
pub use result::{
    BundleInfo, Candidate, Facing, FacingBox, Failed, Finding, NamedResult, PhotoQuality, ScanResult, ScanTimings, Sku,
    SkuCount, Verdict, report_json,
};
pub use scanner::{Cancellation, ScanOptions, Scanner};
pub use sync::{
    DownloadRequest, DownloadResult, HoldReason, HttpHeader, HttpOutcome, NetworkKind, NextDownload, NextUpload,
    SyncConditions, UploadRequest,
};

uniffi::setup_scaffolding!("shelfscan");

/// Fails as a bug in the library would.
#[cfg(feature = "panic-probe")]
#[uniffi::export]
#[allow(clippy::panic)]
pub fn panic_probe() -> Result<(), ShelfscanError> {
    panic!("this is a test of what an app sees of a bug");
}
