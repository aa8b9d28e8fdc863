//! The scanner as an object of Kotlin and Swift.
//!
//! Owns its life: open, any number of scans at once, a change of its SKUs between scans, closed. Whatever it does besides is
//! the core's.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::thread;

use shelfscan::{Bundle, Cancel, Catalogue, ImageView, Tiling};

use crate::result::{BundleInfo, ScanResult, Sku};
use crate::{PixelLayout, ShelfscanError, YuvLayout};

/// What one scan does differently from the bundle's defaults.
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct ScanOptions {
    /// Lowest score of a facing, 0 to 1; the bundle's threshold where unset.
    #[uniffi(default = None)]
    pub confidence: Option<f32>,
    /// Whether small facings are looked at closer: more are found on photos of wide shelves, for more time.
    #[uniffi(default = true)]
    pub closer_looks: bool,
}

/// Calls off scans from any thread. One that was called off stays so.
#[derive(Debug, Default, uniffi::Object)]
pub struct Cancellation(Cancel);

#[uniffi::export]
impl Cancellation {
    /// One that is not called off yet.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Calls off: the scan fails with `Cancelled` after the model run it is in, some milliseconds on a phone.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether it was called off.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// A bundle at work. Any number of threads may call it at once. Each call blocks: not for a main thread.
#[derive(Debug, uniffi::Object)]
pub struct Scanner {
    /// None once it is closed.
    open: RwLock<Option<shelfscan::Scanner>>,
}

#[uniffi::export]
impl Scanner {
    /// Opens the bundle in a folder: checks every file and runs the self-test.
    ///
    /// `threads` is how many a scan may use; 0 stands for as many as the device has cores, at most 4: phones have few fast ones.
    #[uniffi::constructor]
    pub fn open(folder: String, threads: u32) -> Result<Arc<Self>, ShelfscanError> {
        let threads = match threads {
            0 => thread::available_parallelism().map_or(1, usize::from).min(4),
            asked => asked as usize,
        };
        let bundle = logged(Bundle::open(Path::new(&folder), threads).map_err(ShelfscanError::from))?;
        let scanner = shelfscan::Scanner::new(bundle);
        let version = scanner.version();
        log::info!("opened {} {} for {threads} threads", version.name, version.version);
        Ok(Arc::new(Self { open: RwLock::new(Some(scanner)) }))
    }

    /// Decodes and scans the bytes of a photo file (JPEG, PNG, WebP); they are not copied. EXIF orientation is followed.
    pub fn scan_file(
        &self,
        bytes: &[u8],
        options: ScanOptions,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<ScanResult, ShelfscanError> {
        self.with(|scanner| Ok(timed(scanner.scan_file(bytes, &core_options(options, cancellation))?)))
    }

    /// Scans packed pixels; they are not copied.
    pub fn scan_pixels(
        &self,
        pixels: &[u8],
        layout: PixelLayout,
        options: ScanOptions,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<ScanResult, ShelfscanError> {
        self.scan_view(layout.view(pixels)?, options, cancellation)
    }

    /// Scans the planes of a 4:2:0 picture; they are converted to RGB once.
    pub fn scan_yuv(
        &self,
        y: &[u8],
        u: &[u8],
        v: &[u8],
        layout: YuvLayout,
        options: ScanOptions,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<ScanResult, ShelfscanError> {
        self.scan_view(layout.view(y, u, v)?, options, cancellation)
    }

    /// What identifies the bundle.
    pub fn bundle(&self) -> Result<BundleInfo, ShelfscanError> {
        self.with(|scanner| Ok(scanner.version().into()))
    }

    /// The SKUs that the bundle can name, by id.
    pub fn skus(&self) -> Result<Vec<Sku>, ShelfscanError> {
        self.with(|scanner| Ok(scanner.bundle().manifest().skus.iter().cloned().map(Sku::from).collect()))
    }

    /// Takes a SKU out of the bundle, on disk too. Waits for the scans in progress.
    pub fn remove_sku(&self, id: String) -> Result<BundleInfo, ShelfscanError> {
        let ((), bundle) = self.change(|catalogue| {
            catalogue.remove(&id)?;
            Ok(catalogue.save_own()?)
        })?;
        Ok(bundle)
    }

    /// Gives back what is kept between photos to be quick: decoded pixels and scratch, not the models. For when the system asks
    /// for memory.
    pub fn release_memory(&self) -> Result<(), ShelfscanError> {
        self.with(|scanner| {
            scanner.release_memory();
            Ok(())
        })
    }

    /// Frees the models and the index. Waits for the scans in progress, so cancel them first to be quick; calls after it fail
    /// with `Closed`. Closing again does nothing.
    pub fn shut_down(&self) {
        drop(self.alone().take());
    }
}

impl Scanner {
    /// Works with the scanner while it is open.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&shelfscan::Scanner) -> Result<T, ShelfscanError>,
    ) -> Result<T, ShelfscanError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        logged(open.as_ref().ok_or(ShelfscanError::Closed).and_then(work))
    }

    /// Changes the SKUs, for the scans after this one too; `change` saves them. When it fails all is as it was.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut Catalogue) -> Result<T, ShelfscanError>,
    ) -> Result<(T, BundleInfo), ShelfscanError> {
        let mut open = self.alone();
        let scanner = open.take().ok_or(ShelfscanError::Closed)?;
        let mut catalogue = Catalogue::of(scanner.into_bundle());
        let changed = change(&mut catalogue);
        let scanner = open.insert(shelfscan::Scanner::new(catalogue.into_bundle()?));
        Ok((changed?, scanner.version().into()))
    }

    fn scan_view(
        &self,
        view: ImageView<'_>,
        options: ScanOptions,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<ScanResult, ShelfscanError> {
        self.with(|scanner| Ok(timed(scanner.scan(view, &core_options(options, cancellation))?)))
    }

    fn alone(&self) -> RwLockWriteGuard<'_, Option<shelfscan::Scanner>> {
        self.open.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says in the log why a call failed; that one was called off is no failure.
fn logged<T>(outcome: Result<T, ShelfscanError>) -> Result<T, ShelfscanError> {
    outcome.inspect_err(|error| match error {
        ShelfscanError::Cancelled => log::debug!("{error}"),
        error => log::error!("{error}"),
    })
}

fn timed(result: shelfscan::ScanResult) -> ScanResult {
    let (took, facings) = (result.timings.total.as_millis(), result.facings.len());
    log::debug!("scanned {} x {} pixels in {took} ms: {facings} facings", result.width, result.height);
    result.into()
}

pub(crate) fn core_options(options: ScanOptions, cancellation: Option<Arc<Cancellation>>) -> shelfscan::ScanOptions {
    shelfscan::ScanOptions {
        confidence: options.confidence,
        tiling: if options.closer_looks { Tiling::Auto } else { Tiling::Off },
        cancel: cancellation.map(|cancellation| cancellation.0.clone()).unwrap_or_default(),
        ..Default::default()
    }
}
