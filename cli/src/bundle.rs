//! `shelfscan bundle check` and `show`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use shelfscan::{Bundle, MANIFEST};

use crate::failure::Failure;
use crate::{scan, table};

/// What to do with a bundle.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Open a bundle as a scan would: manifest, hashes, models, self-test, index. Says what is wrong, or that all is well.
    Check {
        /// Folder of the bundle.
        #[arg(value_name = "DIR")]
        bundle: PathBuf,
    },
    /// Show what a bundle holds.
    Show {
        /// Folder of the bundle.
        #[arg(value_name = "DIR")]
        bundle: PathBuf,
    },
}

/// Runs the command.
pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Check { bundle } => check(bundle),
        Command::Show { bundle } => show(bundle),
    }
}

fn check(folder: &std::path::Path) -> Result<(), Failure> {
    let started = Instant::now();
    let bundle = Bundle::open(folder, scan::all_cores())?;
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
    let manifest = bundle.manifest();
    let (files, skus) = (manifest.files.len(), bundle.index().skus().len());
    writeln!(
        io::stdout(),
        "{}: {} {} is sound: {MANIFEST} and {files} files, self-test passed, {skus} SKUs; opened in {milliseconds:.0} ms",
        folder.display(),
        manifest.name,
        manifest.version
    )?;
    Ok(())
}

fn show(folder: &std::path::Path) -> Result<(), Failure> {
    let bundle = Bundle::open(folder, 1)?;
    let manifest = bundle.manifest();
    let mut out = io::stdout().lock();
    writeln!(out, "{} {}, index {}", manifest.name, manifest.version, bundle.index_version())?;

    let mut files = table::with_headings(["file", "bytes", "sha256"]);
    for (name, file) in &manifest.files {
        files.add_row([name.into(), table::number(file.bytes), file.sha256.as_str().into()]);
    }
    writeln!(out, "{files}")?;

    let mut models = table::with_headings(["model", "input", "output"]);
    let (detector, embedder) = (&manifest.detector, &manifest.embedder);
    let input = |input: &shelfscan::manifest::InputEntry| {
        format!("{}x{} {} {} {}", input.width, input.height, input.color, input.layout, input.element)
    };
    let classes = detector.classes.join(", ");
    models.add_row(["detector".into(), input(&detector.input), classes]);
    models.add_row(["embedder".into(), input(&embedder.input), format!("{} numbers", embedder.dim)]);
    writeln!(out, "{models}")?;

    let thresholds = &manifest.thresholds;
    writeln!(
        out,
        "Facings from score {}, NMS at IoU {}: {}",
        thresholds.confidence, thresholds.nms_iou, thresholds.method
    )?;
    if !manifest.figures.is_empty() {
        let mut figures = table::with_headings(["figure", "value", "data", "command"]);
        for figure in &manifest.figures {
            let (name, data) = (figure.name.as_str(), figure.data.as_str());
            figures.add_row([name.into(), table::number(figure.value), data.into(), figure.command.as_str().into()]);
        }
        writeln!(out, "{figures}")?;
    }
    for licence in &manifest.licences {
        let note = licence.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
        writeln!(out, "{}: {}{note}", licence.what, licence.licence)?;
    }
    for line in &manifest.attribution {
        writeln!(out, "Attribution: {line}")?;
    }
    crate::index::tell(&mut out, bundle.index(), &manifest.skus)
}
