//! `shelfscan dataset`: what a data set is, how it is split, and what is wrong with it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use shelfscan::Models;
use shelfscan_lab::check::{self, CheckOptions, Finding, Severity};
use shelfscan_lab::dataset::Dataset;
use shelfscan_lab::hash::{Changes, Counts, Version};
use shelfscan_lab::split::{Member, Ratios, SplitOptions};
use shelfscan_lab::{files, hash, layout, near, photos, split};

use crate::failure::{Failure, one_line};
use crate::output::{self, Output};
use crate::{scan, table};

/// What to do with a data set: photos with labels as YOLO, COCO JSON, ImageFolder or lines of words.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Hash every file and all of them, or say what changed. Exit code 0 where nothing did, 1 where something did.
    Hash(HashArguments),
    /// Put the photos into train, val and test, without separating near-duplicates.
    Split(SplitArguments),
    /// Look for what will hurt training. Exit code 0 without faults (warnings are for a person to judge), 1 with some.
    Check(CheckArguments),
}

/// Hash a data set.
#[derive(Debug, clap::Args)]
pub struct HashArguments {
    /// Folder of the data set.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Write the version: SHA-256 and size of each file, counts, and the hash over all.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Say what is different from an earlier version.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
}

/// Split a data set.
#[derive(Debug, clap::Args)]
pub struct SplitArguments {
    /// Folder of the data set; splits that it has are dealt out anew.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Divide the facings of each SKU by the ratios, not only the photos.
    #[arg(long)]
    stratify: bool,
    /// Write the split. A file with another split is left alone.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Percent of the photos for train, val and test.
    #[arg(long, value_name = "TRAIN,VAL,TEST", default_value = "70,15,15")]
    ratios: Ratios,
    /// Another seed gives another split.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Keep photos together whose names give the same captures of this regular expression, such as `^(shop\d+)_`.
    #[arg(long, value_name = "PATTERN")]
    group_by: Option<regex::Regex>,
    /// Lay out the split in a new folder: photos as hard links where possible, labels as copies.
    #[arg(long, value_name = "OUT")]
    apply: Option<PathBuf>,
}

/// Check a data set.
#[derive(Debug, clap::Args)]
pub struct CheckArguments {
    /// Folder of the data set.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Look for mislabelled crops too, with the embedder of this bundle.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Write all findings with their pictures, as one HTML file.
    #[arg(long, value_name = "HTML")]
    output: Option<PathBuf>,
    /// Training config (YAML) whose `data.min_images_per_sku` is wanted of each SKU; 300 without.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command.
pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Hash(arguments) => run_hash(arguments),
        Command::Split(arguments) => run_split(arguments),
        Command::Check(arguments) => run_check(arguments),
    }
}

fn run_hash(arguments: &HashArguments) -> Result<(), Failure> {
    let HashArguments { folder, output, compare } = arguments;
    let output = output.as_deref().map(|path| output_outside(path, folder)).transpose()?;
    let old = compare.as_deref().map(Version::read).transpose()?;
    let mut version = version(folder)?;
    match Dataset::open(folder) {
        Ok(dataset) => version = version.with_counts(&dataset),
        Err(error) => warn(format!("without counts, as the labels can't be read: {error}")),
    }
    let mut out = io::stdout().lock();
    if let Some(splits) = &version.splits {
        writeln!(out, "{}", counts_table(splits))?;
    }
    writeln!(out, "sha256 {} over {} files, {} bytes", version.sha256, version.files.len(), version.bytes)?;
    if let Some(output) = output {
        output.finish(version.to_json()?.as_bytes())?;
    }
    let Some(old) = old else { return Ok(()) };
    let changes = old.changes(&version);
    tell_changes(&mut out, &changes)?;
    if changes.is_empty() { Ok(()) } else { Err(Failure::Some) }
}

fn version(folder: &Path) -> Result<Version, Failure> {
    let names = files::listed(folder)?;
    let bar = scan::progress(names.len() as u64, "files");
    let version = Version::of_files(folder, &names, || bar.inc(1))?;
    bar.finish_and_clear();
    Ok(version)
}

/// An output, which must not lie in the data set: it would be another data set then.
fn output_outside(path: &Path, folder: &Path) -> Result<Output, Failure> {
    let output = Output::at(path)?;
    if folder.canonicalize().is_ok_and(|folder| output::place(path).starts_with(folder)) {
        return Err(Failure::output(path, "it lies in the data set, which it would change; give another place"));
    }
    Ok(output)
}

fn tell_changes(out: &mut impl Write, changes: &Changes) -> Result<(), Failure> {
    let Changes { added, removed, changed, moved, classes } = changes;
    for (word, names) in [("added", added), ("removed", removed), ("changed", changed)] {
        for name in names {
            writeln!(out, "{word:<8} {name}")?;
        }
    }
    for (from, to) in moved {
        writeln!(out, "{:<8} {from} -> {to}", "moved")?;
    }
    if !classes.is_empty() {
        let mut table = table::with_headings(["split", "class", "before", "now", "change"]);
        for hash::ClassChange { split, class, before, now } in classes {
            let change = i128::from(*now) - i128::from(*before);
            let (before, now) = (table::number(before), table::number(now));
            table.add_row([split.into(), class.into(), before, now, table::number(format!("{change:+}"))]);
        }
        writeln!(out, "{table}")?;
    }
    let [added, removed, changed, moved] = [added.len(), removed.len(), changed.len(), moved.len()];
    match changes.is_empty() {
        true => writeln!(out, "the same: no file was added, removed, changed or moved")?,
        false => writeln!(out, "different: {added} added, {removed} removed, {changed} changed, {moved} moved")?,
    }
    Ok(())
}

fn run_split(arguments: &SplitArguments) -> Result<(), Failure> {
    let SplitArguments { folder, output, apply, .. } = arguments;
    let dataset = Dataset::open(folder)?;
    let place = output_outside(output, &dataset.root)?;
    if let Some(apply) = apply {
        layout::check_place(&dataset, apply)?;
    }
    let version = version(&dataset.root)?;
    let bar = scan::progress(dataset.photos.len() as u64, "photos");
    let seen = photos::look_at(&dataset.photos, || bar.inc(1));
    bar.finish_and_clear();
    for (photo, seen) in dataset.photos.iter().zip(&seen) {
        if let Err(reason) = seen {
            return Err(Failure::Bundle(format!(
                "{}: {}; whether it nearly repeats another photo can't be seen: mend or remove it",
                photo.path.display(),
                one_line(reason)
            )));
        }
    }
    let looks: Vec<_> = seen.into_iter().map(|seen| seen.ok().map(|seen| seen.look)).collect();
    let options = SplitOptions {
        ratios: arguments.ratios,
        seed: arguments.seed,
        stratify: arguments.stratify,
        group_by: arguments.group_by.clone(),
    };
    let members: Vec<Member> = dataset.photos.iter().map(Member::of).collect();
    let outcome = split::split(&members, &near::pairs(&looks), &version.sha256, &options)?;
    outcome.warnings.iter().for_each(warn);

    let text = outcome.split.to_json()?;
    match fs::read_to_string(output) {
        Ok(old) if old != text => {
            let reason = "another split is there, and a split stays what it is; give another name, or remove it first";
            return Err(Failure::output(output, reason));
        }
        Ok(_) => {}
        Err(_) => place.finish(text.as_bytes())?,
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{}", counts_table(&outcome.split.counts))?;
    let together = &outcome.split.together;
    let kept: usize = together.iter().map(Vec::len).sum();
    writeln!(out, "{} groups of {kept} photos were kept together; split in {}", together.len(), output.display())?;
    if let Some(apply) = apply {
        let bar = scan::progress(dataset.photos.len() as u64, "photos");
        layout::lay_out(&dataset, &outcome.split, apply, || bar.inc(1))?;
        bar.finish_and_clear();
        writeln!(out, "laid out in {}", apply.display())?;
    }
    Ok(())
}

fn run_check(arguments: &CheckArguments) -> Result<(), Failure> {
    let CheckArguments { folder, bundle, output, config } = arguments;
    let options = config.as_deref().map(CheckOptions::read).transpose()?.unwrap_or_default();
    let (dataset, faults) = Dataset::open_with_faults(folder)?;
    let output = output.as_deref().map(|path| output_outside(path, &dataset.root)).transpose()?;
    let models = bundle.as_deref().map(|bundle| Models::open(bundle, scan::all_cores())).transpose()?;
    let photos = dataset.photos.len() as u64;
    let bar = scan::progress(photos, "photos");
    let seen = photos::look_at(&dataset.photos, || bar.inc(1));
    bar.finish_and_clear();
    let mut findings = check::check(&dataset, &faults, &seen, &options);
    if let Some(models) = &models {
        let bar = scan::progress(photos, "photos embedded");
        findings.extend(check::mislabelled(&dataset, models, || bar.inc(1))?);
        bar.finish_and_clear();
        findings.sort_by_key(|finding| finding.kind);
    }

    let mut out = io::stdout().lock();
    let all: u64 = dataset.photos.iter().map(|photo| photo.facings.len() as u64).sum();
    writeln!(out, "{}: {photos} photos, {all} labelled facings", folder.display())?;
    let faults = tell_findings(&mut out, &findings)?;
    if let Some(output) = output {
        let sha256 = version(&dataset.root)?.sha256;
        let page = check::html(&dataset, &findings, &sha256, &options)?;
        let path = output.path().display().to_string();
        output.finish(page.as_bytes())?;
        writeln!(out, "all of them with pictures in {path}")?;
    }
    if faults > 0 { Err(Failure::Some) } else { Ok(()) }
}

/// A table of the kinds, each with its first finding; gives the number of faults.
fn tell_findings(out: &mut impl Write, findings: &[Finding]) -> Result<usize, Failure> {
    let is_fault = |finding: &&Finding| finding.kind.severity() == Severity::Fault;
    let faults = findings.iter().filter(is_fault).count();
    if !findings.is_empty() {
        let mut table = table::with_headings(["", "what", "found", "such as"]);
        for of_kind in findings.chunk_by(|a, b| a.kind == b.kind) {
            let Some(Finding { kind, place, what, .. }) = of_kind.first() else { continue };
            let severity = match kind.severity() {
                Severity::Fault => "fault",
                Severity::Warning => "warning",
            };
            let example = one_line(format!("{place}: {what}"));
            table.add_row([severity.into(), kind.title().into(), table::number(of_kind.len()), example.into()]);
        }
        writeln!(out, "{table}")?;
    }
    writeln!(out, "{faults} faults, {} warnings", findings.len() - faults)?;
    Ok(faults)
}

fn counts_table(splits: &BTreeMap<String, Counts>) -> comfy_table::Table {
    let mut table = table::with_headings(["split", "photos", "facings", "classes"]);
    let facings: u64 = splits.values().map(|counts| counts.facings).sum();
    let photos: u64 = splits.values().map(|counts| counts.photos).sum();
    let share = |count: u64, all: u64| format!("{count} ({:.1} %)", count as f64 * 100.0 / all.max(1) as f64);
    for (split, counts) in splits {
        let name = if split.is_empty() { "all" } else { split.as_str() };
        let (facings, classes) = (share(counts.facings, facings), counts.classes.len());
        table.add_row([
            name.into(),
            table::number(share(counts.photos, photos)),
            table::number(facings),
            table::number(classes),
        ]);
    }
    table
}

fn warn(reason: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "warning: {}", one_line(reason));
}
