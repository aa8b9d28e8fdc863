//! `shelfscan index`: SKUs in and out of an index.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use shelfscan::index::{BuildOptions, Index};
use shelfscan::npy::Array;
use shelfscan::{Bundle, Catalogue, Models, SkuEntry, Subject};

use crate::failure::Failure;
use crate::gallery::{self, Embedded};
use crate::output::Output;
use crate::{scan, table};

/// What to do with an index.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Build the index of a bundle anew, from a gallery of product pictures or from embeddings.
    Build {
        /// Folder with a folder of pictures for each SKU, named by the SKU's id; names, containers and barcodes are taken from
        /// a `skus.csv` in it (id,name,container,barcode).
        #[arg(value_name = "GALLERY", required_unless_present = "from")]
        gallery: Option<PathBuf>,
        /// Embeddings instead of pictures: a `.npy` of N x dim float32, and a JSON list of N SKU ids.
        #[arg(long, num_args = 2, value_names = ["EMBEDDINGS", "LABELS"], conflicts_with = "gallery")]
        from: Option<Vec<PathBuf>>,
        #[command(flatten)]
        bundle: OfBundle,
        /// Write the index to a file and leave the bundle as it is.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Find the container in each picture instead of taking the picture as a crop.
        #[arg(long)]
        find: bool,
        /// Most prototypes kept of a SKU.
        #[arg(long, value_name = "N", default_value_t = BuildOptions::default().max_prototypes)]
        prototypes: usize,
        /// Share of known facings that may be called unknown, 0 to 0.2.
        #[arg(long, value_name = "SHARE", default_value_t = BuildOptions::default().miss_rate)]
        miss_rate: f32,
    },
    /// Enrol a SKU from a few pictures, without training.
    Add {
        #[command(flatten)]
        bundle: OfBundle,
        /// Id of the SKU.
        #[arg(long, value_name = "ID")]
        sku: String,
        /// Its name for people; the id if unset.
        #[arg(long)]
        name: Option<String>,
        /// `bottle`, `can` or `glass`.
        #[arg(long)]
        container: Option<String>,
        /// EAN or UPC digits.
        #[arg(long)]
        barcode: Option<String>,
        /// Take each picture as a crop; otherwise the container in it is found first.
        #[arg(long)]
        whole: bool,
        /// Pictures of the SKU.
        #[arg(required = true, value_name = "PICTURE")]
        pictures: Vec<PathBuf>,
    },
    /// Take a SKU out.
    Remove {
        #[command(flatten)]
        bundle: OfBundle,
        /// Id of the SKU.
        #[arg(long, value_name = "ID")]
        sku: String,
    },
    /// Show the SKUs of an index.
    Show {
        /// A bundle's folder or an index file.
        #[arg(value_name = "PATH")]
        path: PathBuf,
    },
    /// Write the prototypes of an index as numpy array, and their SKUs as JSON list.
    Export {
        /// A bundle's folder or an index file.
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// The array, N x dim float32; the list goes beside it, with the ending `.labels.json`.
        #[arg(long, value_name = "OUT")]
        npy: PathBuf,
    },
}

/// The bundle that a command changes.
#[derive(Debug, clap::Args)]
pub struct OfBundle {
    /// Folder of the bundle.
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
}

impl OfBundle {
    /// Waits until no other command changes the bundle, and keeps others waiting as long as the result lives. Where a folder
    /// can't be opened or locked, the bundle's own checks must do.
    fn lock(&self) -> Option<File> {
        let folder = File::open(&self.bundle).ok()?;
        folder.lock().is_ok().then_some(folder)
    }
}

/// Runs the command.
pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Build { gallery, from, bundle, output, find, prototypes, miss_rate } => {
            let options = BuildOptions { max_prototypes: *prototypes, miss_rate: *miss_rate };
            let output = output.as_deref().map(Output::at).transpose()?;
            let _alone = bundle.lock();
            let catalogue = Catalogue::empty(Models::open(&bundle.bundle, scan::all_cores())?, options)?;
            let subject = if *find { Subject::Container } else { Subject::Whole };
            match (gallery, from.as_deref()) {
                (Some(gallery), _) => build(catalogue, gallery, subject, output),
                (None, Some([embeddings, labels])) => build_from(catalogue, embeddings, labels, output),
                _ => Err(Failure::Arguments("a gallery, or --from EMBEDDINGS LABELS, is needed".into())),
            }
        }
        Command::Add { bundle, sku, name, container, barcode, whole, pictures } => {
            let _alone = bundle.lock();
            let catalogue = Catalogue::of(Bundle::open(&bundle.bundle, scan::all_cores())?);
            let known = catalogue.skus().iter().find(|known| known.id == *sku).cloned();
            let known = known.unwrap_or_else(|| SkuEntry {
                id: sku.clone(),
                name: sku.clone(),
                container: None,
                barcode: None,
            });
            let entry = SkuEntry {
                id: sku.clone(),
                name: name.clone().unwrap_or(known.name),
                container: container.clone().or(known.container),
                barcode: barcode.clone().or(known.barcode),
            };
            let subject = if *whole { Subject::Whole } else { Subject::Container };
            add(catalogue, entry, pictures, subject)
        }
        Command::Remove { bundle, sku } => {
            let _alone = bundle.lock();
            let mut catalogue = Catalogue::of(Bundle::open(&bundle.bundle, 1)?);
            catalogue.remove(sku)?;
            catalogue.save()?;
            writeln!(io::stdout(), "`{sku}` removed, {} SKUs left", catalogue.skus().len())?;
            Ok(())
        }
        Command::Show { path } => {
            let (index, skus) = open(path)?;
            tell(&mut io::stdout().lock(), &index, &skus)
        }
        Command::Export { path, npy } => export(&open(path)?.0, npy),
    }
}

fn build(mut catalogue: Catalogue, gallery: &Path, subject: Subject, output: Option<Output>) -> Result<(), Failure> {
    let entries = gallery::read(gallery, &catalogue.models().manifest().skus)?;
    let pictures: Vec<PathBuf> = entries.iter().flat_map(|entry| &entry.pictures).cloned().collect();
    let Embedded { embeddings, failed } = gallery::embed(catalogue.models(), &pictures, subject)?;
    let mut embeddings = embeddings.into_iter();
    for entry in entries {
        let of_sku: Vec<Vec<f32>> = embeddings.by_ref().take(entry.pictures.len()).flatten().collect();
        if of_sku.is_empty() {
            let id = &entry.sku.id;
            return Err(Failure::Nothing(format!("none of the pictures of `{id}` can be used; nothing was written")));
        }
        catalogue.enrol(entry.sku, &of_sku)?;
    }
    finish(catalogue, pictures.len(), output)?;
    if failed { Err(Failure::Some) } else { Ok(()) }
}

fn build_from(
    mut catalogue: Catalogue,
    embeddings: &Path,
    labels: &Path,
    output: Option<Output>,
) -> Result<(), Failure> {
    let unusable = |path: &Path, reason: String| Failure::Nothing(format!("{}: {reason}", path.display()));
    let text = fs::read_to_string(labels).map_err(|error| unusable(labels, error.to_string()))?;
    let ids: Vec<String> = serde_json::from_str(&text)
        .map_err(|error| unusable(labels, format!("a JSON list of SKU ids is needed: {error}")))?;
    let bytes = fs::read(embeddings).map_err(|error| unusable(embeddings, error.to_string()))?;
    let array = Array::parse(&bytes).map_err(|reason| unusable(embeddings, reason))?;
    let dim = catalogue.models().manifest().embedder.dim;
    if array.shape != (ids.len(), dim) {
        let (rows, columns) = array.shape;
        let reason = format!(
            "its shape is {rows} x {columns}; {} labels and the bundle's embedder make {} x {dim}",
            ids.len(),
            ids.len()
        );
        return Err(unusable(embeddings, reason));
    }
    if ids.is_empty() {
        return Err(unusable(labels, "no embeddings; nothing was changed".into()));
    }
    let known = catalogue.models().manifest().skus.clone();
    for (id, embedding) in ids.iter().zip(array.numbers.chunks_exact(dim)) {
        let unset = || SkuEntry { id: id.clone(), name: id.clone(), container: None, barcode: None };
        let sku = known.iter().find(|sku| sku.id == *id).cloned().unwrap_or_else(unset);
        catalogue.enrol(sku, &[embedding.to_vec()])?;
    }
    finish(catalogue, ids.len(), output)
}

fn finish(mut catalogue: Catalogue, embeddings: usize, output: Option<Output>) -> Result<(), Failure> {
    let bytes = catalogue.index()?;
    let (skus, length) = (catalogue.skus().len(), bytes.len());
    match output {
        Some(output) => output.finish(&bytes)?,
        None => catalogue.save()?,
    }
    writeln!(io::stdout(), "{skus} SKUs from {embeddings} embeddings, {length} bytes")?;
    Ok(())
}

fn add(mut catalogue: Catalogue, sku: SkuEntry, pictures: &[PathBuf], subject: Subject) -> Result<(), Failure> {
    let Embedded { embeddings, failed } = gallery::embed(catalogue.models(), pictures, subject)?;
    let embeddings: Vec<Vec<f32>> = embeddings.into_iter().flatten().collect();
    if embeddings.is_empty() {
        return Err(Failure::Nothing(format!("none of the pictures of `{}` can be used; nothing was changed", sku.id)));
    }
    let id = sku.id.clone();
    catalogue.enrol(sku, &embeddings)?;
    catalogue.save()?;
    let (count, skus) = (embeddings.len(), catalogue.skus().len());
    writeln!(io::stdout(), "`{id}` enrolled from {count} pictures, {skus} SKUs now")?;
    if failed { Err(Failure::Some) } else { Ok(()) }
}

/// An index by itself, or that of a bundle with what its manifest knows of the SKUs.
fn open(path: &Path) -> Result<(Index, Vec<SkuEntry>), Failure> {
    let unusable = |error: shelfscan::index::Error| Failure::Bundle(format!("{}: {error}", path.display()));
    if !path.is_dir() {
        return Ok((Index::open(path).map_err(unusable)?, Vec::new()));
    }
    let bundle = Bundle::open(path, 1)?;
    let skus = bundle.manifest().skus.clone();
    Ok((bundle.into_index(), skus))
}

/// Prints the SKUs of an index.
pub fn tell(out: &mut impl Write, index: &Index, known: &[SkuEntry]) -> Result<(), Failure> {
    let mut table = table::with_headings(["SKU", "name", "container", "from", "prototypes", "threshold", "margin"]);
    for sku in index.skus() {
        let entry = known.iter().find(|entry| entry.id == sku.id);
        table.add_row([
            sku.id.into(),
            entry.map_or("", |entry| &entry.name).into(),
            entry.and_then(|entry| entry.container.as_deref()).unwrap_or("").into(),
            table::number(sku.samples),
            table::number(sku.prototypes),
            table::number(format!("{:.3}", sku.threshold)),
            table::number(format!("{:.3}", sku.min_margin)),
        ]);
    }
    writeln!(out, "{table}\n{} SKUs, {} prototypes of {} numbers", index.skus().len(), index.len(), index.dim())?;
    Ok(())
}

fn export(index: &Index, npy: &Path) -> Result<(), Failure> {
    let labels = npy.with_extension("labels.json");
    let (array, list) = (Output::at(npy)?, Output::at(&labels)?);
    let (mut ids, mut numbers) = (Vec::new(), Vec::new());
    for (id, row) in index.prototypes() {
        ids.push(id);
        numbers.extend(row);
    }
    let bytes = Array { shape: (ids.len(), index.dim()), numbers }.to_bytes();
    let text = serde_json::to_vec(&ids).map_err(io::Error::from)?;
    array.finish(&bytes)?;
    list.finish(&text)?;
    writeln!(io::stdout(), "{} prototypes to {}, their SKUs to {}", ids.len(), npy.display(), labels.display())?;
    Ok(())
}
