//! `shelfscan scan`: photos in, counts out.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, iter, thread};

use indicatif::{ProgressBar, ProgressStyle};
use shelfscan::protocol::Sha256;
use shelfscan::queue::{Queue, Settings};
use shelfscan::{
    Bundle, Capture, Count, Failed, Report, ScanOptions, ScanResult, Scanner, Tiling, Timings, Total, Verdict,
};

use crate::failure::{Failure, complain, one_line};
use crate::output::{self, Output};
use crate::photos::Listed;
use crate::{annotate, photos, queue, table};

/// Scan photos and count facings per SKU.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Photos (JPEG, PNG, WebP) and folders of photos.
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// Folder of the bundle to scan with.
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Write annotated pictures: a file (.jpg or .png) for one photo, else a folder.
    #[arg(long, value_name = "OUT")]
    annotate: Option<PathBuf>,
    /// Write all results as JSON to a file; `-` writes them to standard output instead of the tables.
    #[arg(long, value_name = "OUT")]
    json: Option<PathBuf>,
    /// Threads to use; all cores by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Show stage timings, and for each facing its best SKUs and why it was accepted or not.
    #[arg(long)]
    explain: bool,
    /// Lowest score of a facing, instead of the bundle's.
    #[arg(long, value_name = "SCORE", value_parser = confidence)]
    confidence: Option<f32>,
    /// Keep crops of the facings that a person should look at in a queue; the file is made where there is none.
    #[arg(long, value_name = "FILE")]
    queue: Option<PathBuf>,
    /// What is to be known of the queued crops, such as store=17; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", requires = "queue", value_parser = tag)]
    tag: Vec<(String, String)>,
    /// Look at each photo as a whole only.
    #[arg(long)]
    no_tiles: bool,
}

/// A score given as an argument.
pub fn confidence(text: &str) -> Result<f32, String> {
    let share = text.parse::<f32>().ok().filter(|score| (0.001..=0.999).contains(score));
    share.ok_or_else(|| "a number from 0.001 to 0.999 is needed".into())
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE is needed")?;
    Ok((key.into(), value.into()))
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Listed { photos, barren } = photos::listed(&arguments.photos);
    if photos.is_empty() {
        let reasons: Vec<String> =
            barren.iter().map(|(folder, reason)| format!("{}: {reason}", folder.display())).collect();
        return Err(Failure::Nothing(reasons.join("; ")));
    }
    let to_stdout = arguments.json.as_deref() == Some(Path::new("-"));
    let json = arguments.json.as_deref().filter(|_| !to_stdout).map(Output::at).transpose()?;
    let pictures = arguments.annotate.as_deref().map(|path| pictures(path, &photos)).transpose()?;
    let files = json.iter().map(Output::path).chain(pictures.iter().flatten().map(PathBuf::as_path));
    spare(&photos, files)?;
    let queue = arguments.queue.as_deref().map(|path| Queue::open(path, Settings::default())).transpose()?;
    let threads = arguments.threads.map_or_else(all_cores, usize::from);
    let scanner = Scanner::new(Bundle::open(&arguments.bundle, threads)?);
    let tiling = if arguments.no_tiles { Tiling::Off } else { Tiling::Auto };
    let options = ScanOptions { confidence: arguments.confidence, tiling, ..ScanOptions::default() };

    let mut stdout: Box<dyn Write> = Box::new(io::stdout().lock());
    let writes_files = json.is_some() || pictures.is_some();
    let bar = progress(photos.len() as u64, "photos");
    let (mut scanned, mut failed) = (Vec::new(), Vec::new());
    let mut fail = |path: &Path, error: String| {
        bar.suspend(|| complain(format!("{}: {error}", path.display())));
        failed.push(Failed { file: path.display().to_string(), error });
    };
    barren.into_iter().for_each(|(folder, reason)| fail(&folder, reason));
    for (number, path) in photos.iter().enumerate() {
        let picture = pictures.as_ref().map(|pictures| pictures[number].as_path());
        match scan(&scanner, path, &options, picture, queue.as_ref().map(|queue| (queue, &*arguments.tag))) {
            Ok(result) => {
                if !to_stdout {
                    let told = bar.suspend(|| tell(&mut stdout, path, &result, &scanner, arguments.explain));
                    go_on(told, &mut stdout, writes_files)?;
                }
                scanned.push((path, result));
            }
            Err(Trouble::Photo(error)) => fail(path, error),
            Err(Trouble::Output(failure)) => return Err(failure),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(queue) = queue.as_ref().filter(|_| !to_stdout) {
        let told = writeln!(stdout, "Queue: {}", queue::summary(&queue.status()?)).map_err(Failure::from);
        go_on(told, &mut stdout, writes_files)?;
    }

    let any_failed = !failed.is_empty();
    let report = Report::new(scanned.iter().map(|(path, result)| (path.display().to_string(), result)), failed);
    if !to_stdout && photos.len() > 1 {
        let told = tell_total(&mut stdout, scanned.len(), report.total());
        go_on(told, &mut stdout, writes_files)?;
    }
    if arguments.json.is_some() {
        let text = report.to_json().map_err(io::Error::from)?;
        match json {
            Some(output) => output.finish(text.as_bytes())?,
            None => stdout.write_all(text.as_bytes())?,
        }
    }
    stdout.flush()?;
    if any_failed { Err(Failure::Some) } else { Ok(()) }
}

enum Trouble {
    Photo(String),
    Output(Failure),
}

fn scan(
    scanner: &Scanner,
    path: &Path,
    options: &ScanOptions,
    picture: Option<&Path>,
    queue: Option<(&Queue, &[(String, String)])>,
) -> Result<ScanResult, Trouble> {
    let photo = |error: &dyn std::fmt::Display| Trouble::Photo(one_line(error));
    let bytes = fs::read(path).map_err(|error| photo(&error))?;
    let result = scanner.scan_file(&bytes, options).map_err(|error| photo(&error))?;
    if let Some(to) = picture {
        let output = Output::at(to).map_err(Trouble::Output)?;
        let picture = annotate::draw(&bytes, &result, to, &options.limits).map_err(|error| photo(&error))?;
        output.finish(&picture).map_err(Trouble::Output)?;
    }
    if let Some((queue, tags)) = queue {
        let taken =
            fs::metadata(path).and_then(|file| file.modified()).map_or_else(|_| queue::now(), queue::milliseconds);
        let tags = tags.iter().cloned().collect();
        let capture = Capture { photo: Sha256::of(&bytes), captured_at: taken, tags };
        let most = queue.budget(queue::now()).map_err(|error| Trouble::Output(error.into()))? as usize;
        let policy = &queue.settings().policy;
        let items = scanner
            .uncertain_in_file(&bytes, &result, options, &capture, policy, most)
            .map_err(|error| photo(&error))?;
        queue.offer(&items, queue::now()).map_err(|error| Trouble::Output(error.into()))?;
    }
    Ok(result)
}

/// Where the annotated picture of each photo goes.
fn pictures(path: &Path, photos: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    if !annotate::is_picture(path) {
        output::folder(path)?;
        return Ok(picture_names(photos).into_iter().map(|name| path.join(name)).collect());
    }
    if photos.len() > 1 {
        let reason = format!("--annotate {}: one file for {} photos; give a folder", path.display(), photos.len());
        return Err(Failure::Arguments(reason));
    }
    Output::at(path)?;
    Ok(vec![path.into()])
}

/// `shelf.annotated.jpg` for `monday/shelf.jpg`, then `shelf-2.annotated.jpg` for `tuesday/shelf.jpg`: a name is given once,
/// also on file systems that don't tell upper from lower case.
fn picture_names(photos: &[PathBuf]) -> Vec<String> {
    let mut taken = HashSet::new();
    let name = |photo: &PathBuf| {
        let stem = photo.file_stem().unwrap_or_default().to_string_lossy();
        let numbered = (2..).map(|number: u32| format!("{stem}-{number}"));
        let free = iter::once(stem.to_string()).chain(numbered).find(|name| taken.insert(name.to_lowercase()));
        format!("{}.annotated.jpg", free.unwrap_or_default())
    };
    photos.iter().map(name).collect()
}

/// Refuses to write over a photo that is to be scanned.
fn spare<'a>(photos: &[PathBuf], mut outputs: impl Iterator<Item = &'a Path>) -> Result<(), Failure> {
    let originals: HashSet<PathBuf> = photos.iter().filter_map(|photo| photo.canonicalize().ok()).collect();
    let over_a_photo = |output: &&Path| output.canonicalize().is_ok_and(|output| originals.contains(&output));
    match outputs.find(over_a_photo) {
        Some(output) => {
            let reason = "this would overwrite a photo that is to be scanned; give another place for the results";
            Err(Failure::Arguments(format!("{}: {reason}", output.display())))
        }
        None => Ok(()),
    }
}

/// When whoever read standard output has read enough, files that were asked for are still made.
fn go_on(told: Result<(), Failure>, stdout: &mut Box<dyn Write>, writes_files: bool) -> Result<(), Failure> {
    match told {
        Err(Failure::ReaderGone) if writes_files => {
            *stdout = Box::new(io::sink());
            Ok(())
        }
        told => told,
    }
}

/// As many threads as the machine has cores for us.
pub fn all_cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// A bar on standard error; nothing where that is no terminal.
pub fn progress(length: u64, unit: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {eta}") {
        bar.set_style(style);
    }
    bar.with_message(unit)
}

fn tell(
    out: &mut impl Write,
    path: &Path,
    result: &ScanResult,
    scanner: &Scanner,
    explain: bool,
) -> Result<(), Failure> {
    let facings = result.facings.len();
    let rows = result.facings.iter().map(|facing| facing.row + 1).max().unwrap_or(0);
    let (width, height) = (result.width, result.height);
    writeln!(out, "{}  {width}x{height}, {facings} facings in {rows} rows", path.display())?;
    writeln!(out, "{}", counts_table(&result.counts, result.unknown))?;
    for finding in &result.quality.findings {
        writeln!(out, "! {}", finding.advice)?;
    }
    if explain {
        explain_facings(out, result, scanner)?;
        explain_timings(out, &result.timings)?;
    }
    writeln!(out)?;
    Ok(())
}

fn tell_total(out: &mut impl Write, photos: usize, total: &Total) -> Result<(), Failure> {
    let named: u32 = total.counts.iter().map(|count| count.count).sum();
    writeln!(out, "Total of {photos} photos, {} facings", named + total.unknown)?;
    writeln!(out, "{}", counts_table(&total.counts, total.unknown))?;
    Ok(())
}

fn counts_table(counts: &[Count], unknown: u32) -> comfy_table::Table {
    let mut table = table::with_headings(["SKU", "name", "count"]);
    for count in counts {
        table.add_row([count.sku.as_str().into(), count.name.as_str().into(), table::number(count.count)]);
    }
    table.add_row(["unknown".into(), "".into(), table::number(unknown)]);
    table
}

fn explain_facings(out: &mut impl Write, result: &ScanResult, scanner: &Scanner) -> Result<(), Failure> {
    let mut table = table::with_headings(["row.place", "box", "container", "best SKUs", "verdict"]);
    for facing in &result.facings {
        let [left, top, right, bottom] = facing.rect.map(f32::round);
        let candidates: Vec<String> = facing
            .candidates
            .iter()
            .map(|candidate| format!("{} {:.3}", candidate.sku, candidate.similarity))
            .collect();
        let similarity = facing.similarity;
        let verdict = match facing.verdict {
            Verdict::Accepted => {
                let sku = facing.sku.as_deref().and_then(|id| scanner.bundle().index().sku(id));
                let offset = scanner.bundle().manifest().thresholds.unknown_offset;
                let threshold = sku.map_or(0.0, |sku| sku.threshold + offset);
                format!("accepted: {similarity:.3} >= {threshold:.3}, ahead by {:.3}", facing.margin)
            }
            Verdict::BelowThreshold { threshold } => format!("unknown: {similarity:.3} < {threshold:.3}"),
            Verdict::OtherDrink => {
                format!("unknown: {:.3} more like a drink that is no SKU of the bundle", -facing.margin)
            }
            Verdict::Ambiguous { needed } => {
                format!("unknown: ahead by only {:.3}, {needed:.3} needed", facing.margin)
            }
            Verdict::EmptyIndex => "unknown: the index has no SKU".into(),
        };
        table.add_row([
            format!("{}.{}", facing.row, facing.place),
            format!("{left},{top} {right},{bottom}"),
            format!("{} {:.2}", facing.container, facing.score),
            candidates.join(", "),
            verdict,
        ]);
    }
    writeln!(out, "{table}")?;
    Ok(())
}

fn explain_timings(out: &mut impl Write, timings: &Timings) -> Result<(), Failure> {
    let milliseconds = |time: Duration| table::number(format!("{:.1}", time.as_secs_f64() * 1000.0));
    let stages = timings.stages();
    let sum: Duration = stages.iter().map(|(_, time)| *time).sum();
    let share = |time: Duration| table::number(format!("{:.0} %", 100.0 * time.as_secs_f64() / sum.as_secs_f64()));
    let mut table = table::with_headings(["stage", "ms over all threads", "share"]);
    for (name, time) in stages {
        table.add_row([name.into(), milliseconds(time), share(time)]);
    }
    table.add_row(["sum".into(), milliseconds(sum), share(sum)]);
    let total = timings.total.as_secs_f64() * 1000.0;
    writeln!(out, "{table}\n{} looks at the photo, {total:.1} ms from start to end", timings.looks)?;
    Ok(())
}
