//! The bundles and photos that are scanned.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};

use shelfscan::index::BuildOptions;
use shelfscan::{
    Bundle, Cancel, Catalogue, DecodeLimits, ImageView, Models, PixelFormat, Scanner, SkuEntry, Subject, decode,
};
use tempfile::TempDir;

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder of the bundle that everything is tried with.
pub fn shipped() -> PathBuf {
    let folder =
        env::var_os("SHELFSCAN_TEST_BUNDLE").map_or_else(|| root().join("models/bundles/drinks"), PathBuf::from);
    assert!(
        folder.join("manifest.json").is_file(),
        "{}: no bundle here; these tests need the shipped one, or another named by SHELFSCAN_TEST_BUNDLE",
        folder.display()
    );
    folder
}

/// A scanner with the shipped bundle.
pub fn scanner(threads: usize) -> Scanner {
    Scanner::new(Bundle::open(&shipped(), threads).unwrap_or_else(|error| panic!("{error}")))
}

/// The bytes of the self-test's picture: small, and with facings.
pub fn small_photo() -> Vec<u8> {
    let manifest = fs::read(shipped().join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    fs::read(shipped().join(manifest["self_test"]["picture"].as_str().unwrap())).unwrap()
}

/// A scanner that knows the products of the sample photo, enrolled from their gallery, as the demo does it.
pub fn sample_scanner() -> &'static Scanner {
    static SCANNER: OnceLock<(Scanner, TempDir)> = OnceLock::new();
    &SCANNER.get_or_init(|| enrolled().unwrap_or_else(|error| panic!("{error}"))).0
}

fn enrolled() -> Result<(Scanner, TempDir), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    for entry in fs::read_dir(shipped())? {
        let entry = entry?;
        // Written anew and not copied, as the bundle's files may be read-only.
        fs::write(folder.path().join(entry.file_name()), fs::read(entry.path())?)?;
    }
    let mut catalogue = Catalogue::empty(Models::open(folder.path(), 2)?, BuildOptions::default())?;
    let gallery = root().join("models/sample/gallery");
    for sku in sorted(&gallery)?.into_iter().filter(|path| path.is_dir()) {
        let id = sku.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let models = catalogue.models();
        let embedded = models.embed_pictures(&sorted(&sku)?, Subject::Whole, &Cancel::new(), || ())?;
        let embeddings = embedded.into_iter().collect::<Result<Vec<_>, _>>()?;
        catalogue.enrol(SkuEntry { name: id.clone(), id, container: None, barcode: None }, &embeddings)?;
    }
    catalogue.save()?;
    Ok((Scanner::new(catalogue.into_bundle()?), folder))
}

fn sorted(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Upright RGB pixels.
pub struct Picture {
    pub pixels: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

impl Picture {
    /// From the bytes of a file that is stored upright.
    pub fn of(bytes: &[u8]) -> Self {
        let photo = decode(bytes, &DecodeLimits::default()).unwrap();
        let (width, height) = photo.view().unwrap().upright_size();
        Self { pixels: photo.into_buffer(), width, height }
    }

    /// The sample photo.
    pub fn sample() -> &'static Self {
        static SAMPLE: OnceLock<Picture> = OnceLock::new();
        SAMPLE.get_or_init(|| Self::of(&fs::read(root().join("models/sample/shelf.jpg")).unwrap()))
    }

    pub fn view(&self) -> ImageView<'_> {
        self.part([0, 0, self.width, self.height])
    }

    /// The pixels from `left`, `top` to `right`, `bottom`, where they lie.
    pub fn part(&self, [left, top, right, bottom]: [u32; 4]) -> ImageView<'_> {
        let stride = self.width as usize * 3;
        let start = top as usize * stride + left as usize * 3;
        ImageView::packed(&self.pixels[start..], right - left, bottom - top, stride, PixelFormat::Rgb).unwrap()
    }
}
