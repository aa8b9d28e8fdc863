//! `cargo xtask demo`: what the project does, in one command on a fresh machine.
//!
//! Owns the order: native library, build, a bundle that knows the sample's products, the scan, and how its counts compare with
//! the truth of the sample. With `--photos` the shipped bundle scans the named photos instead.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::fetch;
use crate::step::execute;
use crate::tools::build;
use crate::workspace::{root, target};

/// What to scan.
#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Photos or folders to scan with the shipped bundle, instead of the sample photo.
    #[arg(long, num_args = 1.., value_name = "PHOTO")]
    photos: Vec<PathBuf>,
}

/// The shipped bundle, below the root of the repository.
pub(crate) const BUNDLE: &str = "models/bundles/drinks";
/// The sample photo, its truth and its gallery.
pub(crate) const SAMPLE: &str = "models/sample";

/// Fetches, builds, scans, and says where the results are.
pub(crate) fn run(options: &Options) -> Result<()> {
    fetch::run()?;
    build(&["shelfscan-cli"])?;
    let out = target().join("demo");
    fs::create_dir_all(&out).map_err(Error::file(&out))?;
    if options.photos.is_empty() { sample(&out) } else { photos(&options.photos, &out) }
}

fn sample(out: &Path) -> Result<()> {
    let bundle = enrolled_bundle(out)?;
    let photo = root().join(SAMPLE).join("shelf.jpg");
    let (picture, json) = (out.join("shelf.annotated.jpg"), out.join("shelf.json"));
    println!("\n==> counts of {}", photo.display());
    execute(
        shelfscan()
            .arg("scan")
            .arg(photo)
            .arg("--bundle")
            .arg(bundle)
            .arg("--annotate")
            .arg(&picture)
            .arg("--json")
            .arg(&json),
    )?;
    compare(&json, &root().join(SAMPLE).join("truth.json"))?;
    println!("\npicture  {}\nJSON     {}", picture.display(), json.display());
    Ok(())
}

/// A new copy of the shipped bundle, in `out`.
pub(crate) fn copied_bundle(out: &Path) -> Result<PathBuf> {
    let (shipped, bundle) = (root().join(BUNDLE), out.join("bundle"));
    if bundle.exists() {
        fs::remove_dir_all(&bundle).map_err(Error::file(&bundle))?;
    }
    fs::create_dir_all(&bundle).map_err(Error::file(&bundle))?;
    for file in fs::read_dir(&shipped).map_err(Error::file(&shipped))? {
        let file = file.map_err(Error::file(&shipped))?;
        fs::copy(file.path(), bundle.join(file.file_name())).map_err(Error::file(file.path()))?;
    }
    Ok(bundle)
}

/// A copy of the shipped bundle that knows the sample's products instead of its own, by `index build` from their pictures.
pub(crate) fn enrolled_bundle(out: &Path) -> Result<PathBuf> {
    let bundle = copied_bundle(out)?;
    println!("\n==> the sample's products, enrolled from their pictures");
    execute(
        shelfscan().args(["index", "build"]).arg(root().join(SAMPLE).join("gallery")).arg("--bundle").arg(&bundle),
    )?;
    Ok(bundle)
}

fn photos(photos: &[PathBuf], out: &Path) -> Result<()> {
    let (pictures, json) = (out.join("photos"), out.join("photos.json"));
    let mut scan = shelfscan();
    scan.arg("scan").args(photos).arg("--bundle").arg(root().join(BUNDLE));
    execute(scan.arg("--annotate").arg(&pictures).arg("--json").arg(&json))?;
    println!("\npictures {}\nJSON     {}", pictures.display(), json.display());
    Ok(())
}

/// The command as built for release.
pub(crate) fn shelfscan() -> Command {
    Command::new(target().join("release").join(format!("shelfscan{}", std::env::consts::EXE_SUFFIX)))
}

#[derive(Deserialize)]
struct Report {
    total: Total,
}

#[derive(Deserialize)]
struct Total {
    counts: Vec<Count>,
    unknown: u32,
}

#[derive(Deserialize)]
struct Count {
    sku: String,
    count: i64,
}

#[derive(Deserialize)]
struct Truth {
    skus: Vec<TrueCount>,
}

#[derive(Deserialize)]
struct TrueCount {
    id: String,
    count: i64,
    enrolled: bool,
}

fn compare(json: &Path, truth: &Path) -> Result<()> {
    let report: Report = read(json)?;
    let Truth { skus: truth } = read(truth)?;
    // For each SKU: how many there are, how many were counted.
    let mut skus: BTreeMap<&str, (i64, i64)> =
        truth.iter().filter(|sku| sku.enrolled).map(|sku| (sku.id.as_str(), (sku.count, 0))).collect();
    for count in &report.total.counts {
        skus.entry(&count.sku).or_default().1 = count.count;
    }
    let right = skus.values().filter(|(there, counted)| there == counted).count();
    let off: i64 = skus.values().map(|(there, counted)| (there - counted).abs()).sum();
    let strangers: i64 = truth.iter().filter(|sku| !sku.enrolled).map(|sku| sku.count).sum();
    println!(
        "Against the truth: {right} of {} SKUs counted exactly, {off} facings off in all; {} facings of a product that was \
         never enrolled, {} called unknown",
        skus.len(),
        strangers,
        report.total.unknown
    );
    for (sku, (there, counted)) in skus.iter().filter(|(_, (there, counted))| there != counted) {
        println!("  {sku}: {there} there, {counted} counted");
    }
    Ok(())
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).map_err(Error::file(path))?;
    serde_json::from_str(&text).map_err(|error| Error::Json { path: path.into(), reason: error.to_string() })
}
