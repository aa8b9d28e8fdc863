//! `shelfscan eval`: how good a bundle is, on photos with labels.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{fs, thread};

use comfy_table::{Cell, Table};
use shelfscan::{Bundle, ScanOptions, Scanner};
use shelfscan_lab::dataset::Dataset;
use shelfscan_lab::eval::result::{Judged, JudgedBundle, PhotoOutcome, Settings};
use shelfscan_lab::eval::{
    Additions, Detections, EvalResult, GroundTruth, Header, Predictions, RunOptions, Targets, TruthPhoto, compare,
    conclude, judge, scan_photo, to_coco_results,
};
use shelfscan_lab::report;

use crate::failure::Failure;
use crate::output::{self, Output};
use crate::{scan, table};

/// Lowest score that average precision ranks.
const LOWEST: f32 = 0.01;
/// Score of a facing in predictions, where nothing else is said.
const CONFIDENCE: f32 = 0.25;
/// SKUs that an error or warning names at most.
const UNLISTED_SHOWN: usize = 8;
/// Resamples of the intervals.
const RESAMPLES: u32 = 1000;

/// Judge a bundle on photos with labels, or compare two results.
///
/// Exit codes: 0 all targets met; 1 a target was missed; 2 wrong arguments; 3 the bundle or the data can't be used; 4 no
/// TensorFlow Lite library; 5 an output can't be written.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of the bundle to judge.
    #[arg(long, value_name = "DIR", requires = "test_dir", required_unless_present_any = ["compare", "predictions"])]
    bundle: Option<PathBuf>,
    /// Data set to judge on: YOLO, COCO, ImageFolder or label lines (lab/FORMATS.md).
    #[arg(long, value_name = "DIR", requires = "bundle")]
    test_dir: Option<PathBuf>,
    /// Judge stored predictions instead: a COCO list of results or the file of `scan --json` (lab/FORMATS.md).
    #[arg(long, value_name = "FILE", requires = "ground_truth", conflicts_with = "bundle")]
    predictions: Option<PathBuf>,
    /// What is on the photos of --predictions: COCO JSON (lab/FORMATS.md).
    #[arg(long, value_name = "FILE", requires = "predictions")]
    ground_truth: Option<PathBuf>,
    /// Folder of the photos of --ground-truth, for the pictures of --report; the ground truth's own by default.
    #[arg(long, value_name = "DIR", requires = "ground_truth")]
    photos: Option<PathBuf>,
    /// Split to judge on; all photos by default.
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// Write the result as JSON (lab/FORMATS.md).
    #[arg(long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Write the report, one HTML file with pictures that needs no network.
    #[arg(long, value_name = "OUT")]
    report: Option<PathBuf>,
    /// Targets, YAML or JSON: `targets: {recall_min, map50_min, top1_accuracy_min, count_mae_max}`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Reviewed missing labels, JSON (lab/FORMATS.md).
    #[arg(long, value_name = "FILE")]
    additions: Option<PathBuf>,
    /// Lowest score of a facing, instead of the bundle's; 0.25 for predictions.
    #[arg(long, value_name = "SCORE", value_parser = scan::confidence)]
    confidence: Option<f32>,
    /// Detections of a photo that average precision ranks at most.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_dets: u32,
    /// Name the labels' own boxes too, for top-1 on true boxes; takes about half as long again.
    #[arg(long)]
    true_boxes: bool,
    /// Take labelled SKUs that the bundle doesn't know for drinks outside its list.
    #[arg(long)]
    allow_unlisted: bool,
    /// Write what was detected as a COCO list of results, which --predictions reads.
    #[arg(long, value_name = "OUT", requires = "bundle")]
    write_predictions: Option<PathBuf>,
    /// Write the labels judged on as COCO JSON, which --ground-truth reads.
    #[arg(long, value_name = "OUT", requires = "bundle")]
    write_ground_truth: Option<PathBuf>,
    /// Try thresholds (confidence, NMS IoU, unknown) instead of judging, and choose.
    #[arg(long, requires = "bundle", conflicts_with_all = ["output", "report", "write_predictions", "write_ground_truth", "confidence", "true_boxes"])]
    sweep: bool,
    /// Put the chosen thresholds into the bundle's manifest.
    #[arg(long, requires = "sweep")]
    write: bool,
    /// Threads to use; all cores by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Compare two results over the same photos: what got better and worse.
    #[arg(long, value_names = ["BEFORE", "AFTER"], num_args = 2, exclusive = true)]
    compare: Option<Vec<PathBuf>>,
}

impl Arguments {
    /// Refuses outputs that would take the place of what is read, or of one another.
    fn spare_inputs(&self) -> Result<(), Failure> {
        let outputs = [&self.output, &self.report, &self.write_predictions, &self.write_ground_truth];
        let files = [&self.config, &self.additions, &self.predictions, &self.ground_truth];
        let folders = [&self.bundle, &self.test_dir];
        let mut taken: Vec<PathBuf> = files.into_iter().flatten().filter_map(|file| file.canonicalize().ok()).collect();
        let folders: Vec<PathBuf> =
            folders.into_iter().flatten().filter_map(|folder| folder.canonicalize().ok()).collect();
        for output in outputs.into_iter().flatten() {
            let place = output::place(output);
            if taken.contains(&place) {
                return Err(Failure::output(output, "it is an input, or another output; give another name"));
            }
            if let Some(folder) = folders.iter().find(|folder| place.starts_with(folder)) {
                let reason = format!("it lies in {}, which is judged; give a place outside", folder.display());
                return Err(Failure::output(output, reason));
            }
            taken.push(place);
        }
        Ok(())
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.spare_inputs()?;
    match (&arguments.compare, &arguments.bundle, &arguments.test_dir) {
        (Some(results), ..) => match results.as_slice() {
            [before, after] => run_compare(before, after),
            _ => Err(Failure::Arguments("--compare takes two results".into())),
        },
        (None, Some(bundle), Some(data)) => run_bundle(arguments, bundle, data),
        _ => match (&arguments.predictions, &arguments.ground_truth) {
            (Some(predictions), Some(truth)) => run_predictions(arguments, predictions, truth),
            _ => Err(Failure::Arguments("give --bundle and --test-dir, or --predictions and --ground-truth".into())),
        },
    }
}

fn run_bundle(arguments: &Arguments, bundle: &Path, data: &Path) -> Result<(), Failure> {
    let outputs = Outputs::of(arguments)?;
    let targets = arguments.config.as_deref().map(Targets::read).transpose()?.unwrap_or_default();
    let additions = arguments.additions.as_deref().map(Additions::read).transpose()?;
    let mut truth = GroundTruth::of(&Dataset::open(data)?, arguments.split.as_deref(), additions.as_ref())?;
    let threads = arguments.threads.map_or_else(scan::all_cores, usize::from);
    let scanner = Scanner::new(Bundle::open(bundle, threads)?);
    let mut warnings = Vec::new();
    let unlisted = truth.unlisted(scanner.bundle().manifest().skus.iter().map(|sku| sku.id.as_str()));
    if let Some((sku, at)) = unlisted.iter().next() {
        let some: Vec<&str> = unlisted.keys().map(String::as_str).take(UNLISTED_SHOWN).collect();
        let others = unlisted.len() - some.len();
        let others = if others > 0 { format!(" and {others} others") } else { String::new() };
        let all = format!("{}{others}", some.join(", "));
        if !arguments.allow_unlisted {
            return Err(Failure::Bundle(format!(
                "{at}: SKU `{sku}` is not in the bundle (labelled and not in it: {all}); enrol them, correct the labels, or take \
                 them for unknown drinks with --allow-unlisted"
            )));
        }
        warnings.push(format!("labelled SKUs that the bundle doesn't know were taken for unknown drinks: {all}"));
        truth.take_for_unknown(&unlisted);
    }
    if arguments.sweep {
        return crate::sweep::run(&scanner, &truth, targets.recall_min, arguments.write);
    }
    let stored = [&arguments.write_predictions, &arguments.write_ground_truth];
    let [predictions, labels] = stored.map(|path| path.as_deref().map(Output::at).transpose());
    let (predictions, labels) = (predictions?, labels?);
    let options = RunOptions {
        scan: ScanOptions { confidence: arguments.confidence, ..ScanOptions::default() },
        lowest: LOWEST,
        true_boxes: arguments.true_boxes,
    };
    let keep = predictions.is_some();
    let (photos, detections) = scan_all(&scanner, &truth, &options, arguments.max_dets as usize, keep)?;
    let kinds = &scanner.bundle().manifest().detector.classes;
    if let Some(output) = predictions {
        output.finish(to_coco_results(&detections, kinds).map_err(io::Error::from)?.as_bytes())?;
    }
    if let Some(output) = labels {
        let sizes: Vec<(u32, u32)> = photos.iter().map(|photo| (photo.width, photo.height)).collect();
        output.finish(truth.to_coco(&sizes, kinds).map_err(io::Error::from)?.as_bytes())?;
    }
    let version = scanner.version();
    let thresholds = &scanner.bundle().manifest().thresholds;
    let settings = Settings {
        confidence: arguments.confidence.unwrap_or(thresholds.confidence),
        lowest_confidence: LOWEST,
        iou: 0.5,
        max_dets: arguments.max_dets,
        resamples: RESAMPLES,
        seed: 0,
    };
    let bundle = JudgedBundle { name: version.name, version: version.version, index: version.index };
    let judged = Judged { bundle: Some(bundle), predictions: None };
    let result = conclude(Header { judged, data: truth.data, settings, warnings }, &targets, photos);
    finish(&result, &truth.photos, outputs)
}

/// Scans each photo while the one before it is judged.
fn scan_all(
    scanner: &Scanner,
    truth: &GroundTruth,
    options: &RunOptions,
    max_dets: usize,
    keep: bool,
) -> Result<(Vec<PhotoOutcome>, Vec<Detections>), Failure> {
    let bar = scan::progress(truth.photos.len() as u64, "photos");
    let (send, receive) = std::sync::mpsc::channel();
    let outcomes = thread::scope(|scope| {
        let judging = scope.spawn(move || -> Vec<PhotoOutcome> {
            receive.into_iter().map(|(photo, detections)| judge(photo, detections, max_dets)).collect()
        });
        let mut kept = Vec::new();
        for photo in &truth.photos {
            let detections = scan_photo(scanner, photo, options)?;
            if keep {
                kept.push(detections.clone());
            }
            // The other end waits until this one is dropped.
            let _ = send.send((photo, detections));
            bar.inc(1);
        }
        drop(send);
        let judged = judging.join();
        let judged =
            judged.map_err(|_| Failure::Bundle("a thread failed; please report this with the data set".into()))?;
        Ok((judged, kept))
    });
    bar.finish_and_clear();
    outcomes
}

fn run_predictions(arguments: &Arguments, predictions: &Path, truth: &Path) -> Result<(), Failure> {
    if arguments.split.is_some() || arguments.additions.is_some() || arguments.allow_unlisted || arguments.true_boxes {
        let reason = "--split, --additions, --allow-unlisted and --true-boxes go with --bundle; write their outcome with \
                      --write-ground-truth";
        return Err(Failure::Arguments(reason.into()));
    }
    let outputs = Outputs::of(arguments)?;
    let targets = arguments.config.as_deref().map(Targets::read).transpose()?.unwrap_or_default();
    let (truth, ids) = GroundTruth::read(truth)?;
    let confidence = arguments.confidence.unwrap_or(CONFIDENCE);
    let read = Predictions::read(predictions, &truth, &ids, decimal(confidence))?;
    let max_dets = arguments.max_dets as usize;
    let lowest = read.photos.iter().flat_map(|photo| {
        photo.facings.iter().map(|found| found.score).chain(photo.weaker.iter().map(|weak| weak.score))
    });
    let lowest = lowest.fold(f64::from(confidence), f64::min) as f32;
    let photos: Vec<PhotoOutcome> =
        truth.photos.iter().zip(read.photos).map(|(photo, found)| judge(photo, found, max_dets)).collect();
    let settings = Settings {
        confidence,
        lowest_confidence: lowest,
        iou: 0.5,
        max_dets: arguments.max_dets,
        resamples: RESAMPLES,
        seed: 0,
    };
    let judged = Judged { bundle: read.bundle, predictions: Some(predictions.display().to_string()) };
    let warnings = Vec::new();
    let result = conclude(Header { judged, data: truth.data, settings, warnings }, &targets, photos);
    finish(&result, &truth.photos, outputs)
}

/// 0.25 and not 0.25000001.
fn decimal(score: f32) -> f64 {
    (f64::from(score) * 10_000.0).round() / 10_000.0
}

/// What is written of a result.
struct Outputs {
    json: Option<Output>,
    report: Option<Output>,
    /// Where photos are, if not where their names say.
    photos: PathBuf,
}

impl Outputs {
    fn of(arguments: &Arguments) -> Result<Self, Failure> {
        let at = |path: &Option<PathBuf>| path.as_deref().map(Output::at).transpose();
        let beside = arguments.ground_truth.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let photos = arguments.photos.as_deref().unwrap_or(beside).to_owned();
        Ok(Self { json: at(&arguments.output)?, report: at(&arguments.report)?, photos })
    }
}

fn finish(result: &EvalResult, photos: &[TruthPhoto], outputs: Outputs) -> Result<(), Failure> {
    if let Some(output) = outputs.json {
        let mut text = serde_json::to_string(result).map_err(io::Error::from)?;
        text.push('\n');
        output.finish(text.as_bytes())?;
    }
    if let Some(output) = outputs.report {
        let paths: BTreeMap<&str, &Path> =
            photos.iter().map(|photo| (photo.name.as_str(), photo.path.as_path())).collect();
        let path_of = |name: &str| {
            let path = *paths.get(name)?;
            Some(if path.is_file() { path.to_owned() } else { outputs.photos.join(path) })
        };
        output.finish(report::html(result, path_of)?.as_bytes())?;
    }
    tell(&mut io::stdout().lock(), result)?;
    if result.targets.iter().all(|target| target.passed) { Ok(()) } else { Err(Failure::Some) }
}

fn tell(out: &mut impl Write, result: &EvalResult) -> Result<(), Failure> {
    let data = &result.data;
    let split = data.split.as_deref().map(|split| format!(" {split}")).unwrap_or_default();
    writeln!(
        out,
        "{}{split}: {} photos, {} labelled facings, sha256 {}",
        data.name, data.photos, data.facings, data.sha256
    )?;
    if let Some(added) = &data.additions {
        let (drinks, ignored) = (added.drinks, added.ignored);
        writeln!(
            out,
            "with {drinks} reviewed drinks and {ignored} ignored regions of {}, sha256 {}",
            added.file, added.sha256
        )?;
    }
    if let Some(bundle) = &result.judged.bundle {
        writeln!(out, "bundle {} {}, index {}", bundle.name, bundle.version, bundle.index)?;
    }
    writeln!(out, "{}", figures_table(result))?;
    if result.skus.iter().any(|sku| sku.labelled > 0) {
        writeln!(out, "{}", skus_table(result))?;
    }
    let mut containers = table::with_headings(["container", "labelled", "AP@50", "AP@50-95"]);
    for kind in &result.containers {
        let [ap50, ap50_95] = [kind.ap50, kind.ap50_95].map(|value| table::number(three(value)));
        containers.add_row([kind.container.as_str().into(), table::number(kind.labelled), ap50, ap50_95]);
    }
    writeln!(out, "{containers}")?;
    if !result.confusions.is_empty() {
        let most = result.confusions.iter().take(10);
        let most: Vec<String> =
            most.map(|pair| format!("{} as {} {}x", pair.labelled, pair.named, pair.count)).collect();
        writeln!(out, "most often confused: {}", most.join(", "))?;
    }
    for note in &result.notes {
        writeln!(out, "- {note}")?;
    }
    writeln!(out, "{}", targets_table(result))?;
    Ok(())
}

fn figures_table(result: &EvalResult) -> Table {
    let f = &result.figures;
    let mut table = table::with_headings(["figure", "value", "95 %", "of"]);
    for (name, figure) in f.named() {
        if figure.value.is_none() {
            continue;
        }
        let range = figure.low.zip(figure.high).map(|(low, high)| format!("{low:.3} - {high:.3}")).unwrap_or_default();
        table.add_row([
            name.into(),
            table::number(three(figure.value)),
            table::number(range),
            table::number(figure.of),
        ]);
    }
    table
}

fn skus_table(result: &EvalResult) -> Table {
    let mut table =
        table::with_headings(["SKU", "labelled", "found", "top-1", "right", "unknown", "named", "count MAE"]);
    for sku in &result.skus {
        let counts = [sku.labelled, sku.found, sku.top1, sku.right, sku.called_unknown, sku.named];
        let mut row = vec![Cell::new(&sku.sku)];
        row.extend(counts.map(table::number));
        row.push(table::number(three(sku.count_mae)));
        table.add_row(row);
    }
    table
}

fn targets_table(result: &EvalResult) -> Table {
    let mut table = table::with_headings(["target", "wanted", "measured", ""]);
    for target in &result.targets {
        let verdict = match (target.value, target.passed) {
            (None, _) => Cell::new("not measured"),
            (_, true) => Cell::new("PASS"),
            (_, false) => Cell::new("FAIL"),
        };
        let (wanted, measured) = (table::number(three(Some(target.target))), table::number(three(target.value)));
        table.add_row([target.name.as_str().into(), wanted, measured, verdict]);
    }
    table
}

fn three(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.3}"))
}

fn run_compare(before: &Path, after: &Path) -> Result<(), Failure> {
    let (before, after_path, after) = (read(before)?, after, read(after)?);
    let comparison = compare(&before, &after, after_path)?;
    let mut out = io::stdout().lock();
    if before.data.sha256 != after.data.sha256 || before.data.additions != after.data.additions {
        writeln!(out, "! the photos, labels or additions differ between the two: part of each change may be theirs")?;
    }
    let [one, other] = [&before, &after].map(|result| decimal(result.settings.confidence));
    if one != other {
        writeln!(out, "! facings count from score {one} in the first and from {other} in the second")?;
    }
    let mut table = table::with_headings(["figure", "before", "after", "change, 95 %", ""]);
    for change in &comparison.differences {
        let range = change.interval.map(|(low, high)| format!("{low:+.3} to {high:+.3}")).unwrap_or_default();
        let verdict = match change.verdict() {
            Some(true) => "better",
            Some(false) => "WORSE",
            None => "",
        };
        let (before, after) = (three(Some(change.before)), three(Some(change.after)));
        table.add_row([
            change.name.into(),
            table::number(before),
            table::number(after),
            table::number(range),
            verdict.into(),
        ]);
    }
    writeln!(out, "{table}")?;
    let told = |photos: Vec<&(String, i64)>| {
        let told: Vec<String> = photos.iter().take(10).map(|(name, change)| format!("{name} {change:+}")).collect();
        told.join(", ")
    };
    let worse: Vec<_> = comparison.photos.iter().filter(|(_, change)| *change > 0).collect();
    let better: Vec<_> = comparison.photos.iter().rev().filter(|(_, change)| *change < 0).collect();
    writeln!(
        out,
        "wrong facings (missed, false, not rightly named): {} photos better, {} worse",
        better.len(),
        worse.len()
    )?;
    if !better.is_empty() {
        writeln!(out, "better: {}", told(better))?;
    }
    if !worse.is_empty() {
        writeln!(out, "worse: {}", told(worse))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<EvalResult, Failure> {
    let refused = |reason: String| Failure::Bundle(format!("{}: {reason}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
    let result: EvalResult = serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
    let known = shelfscan_lab::eval::result::SCHEMA;
    match result.schema {
        schema if schema == known => Ok(result),
        schema => Err(refused(format!("schema {schema}, but this version reads schema {known}"))),
    }
}
