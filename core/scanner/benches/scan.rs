//! What a scan costs beside its models' own time. Run by `cargo xtask bench`, which prepares the bundle.
//!
//! Arguments: a bundle folder and a photo. Prints Markdown tables: medians of several scans of that photo, all in one run, since
//! absolute times drift with the machine. The models' time is that of their invokes within the same scans.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use shelfscan::{Bundle, Finding, ScanOptions, ScanResult, Scanner, Timings};

/// Scans counted, after one that is not.
const SCANS: usize = 9;
/// Times the bundle is opened.
const OPENS: usize = 9;
/// Argument by which this program calls itself to measure the memory of one scan in a fresh process.
const MEMORY: &str = "--memory-of-one-scan";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [mode @ .., bundle, photo] = &arguments[..] else {
        return Err("a bundle folder and a photo are needed; run `cargo xtask bench`".into());
    };
    let (bundle, photo) = (PathBuf::from(bundle), PathBuf::from(photo));
    if mode.first().is_some_and(|argument| argument == MEMORY) {
        return memory_of_one_scan(&bundle, &photo);
    }
    println!("Machine: {}, {} cores\n", processor(), cores());
    opening(&bundle)?;
    for threads in [1, cores()] {
        scanning(&bundle, &photo, threads)?;
    }
    memory(&bundle, &photo)
}

fn opening(bundle: &Path) -> Outcome<()> {
    let mut times = Vec::new();
    for _ in 0..OPENS {
        let started = Instant::now();
        Bundle::open(bundle, 1)?;
        times.push(started.elapsed());
    }
    println!("Opening the bundle, self-test included: {:.0} ms (median of {OPENS}; limit 150)\n", ms(median(times)));
    Ok(())
}

fn scanning(bundle: &Path, photo: &Path, threads: usize) -> Outcome<()> {
    let scanner = Scanner::new(Bundle::open(bundle, threads)?);
    let bytes = fs::read(photo)?;
    let scans: Vec<ScanResult> =
        (0..=SCANS).map(|_| scanner.scan_file(&bytes, &ScanOptions::default())).collect::<Result<_, _>>()?;
    let scans = &scans[1..];
    let ScanResult { width, height, facings, quality, timings, .. } = &scans[0];
    let findings: Vec<&str> = quality.findings.iter().map(|Finding { kind, .. }| kind.as_str()).collect();
    let megapixels = f64::from(width * height) / 1e6;
    println!(
        "### One photo of {megapixels:.0} MP, {} facings, {} looks, {threads} thread{}\n",
        facings.len(),
        timings.looks,
        if threads == 1 { "" } else { "s" }
    );
    if !findings.is_empty() {
        println!("Findings of the photo: {}\n", findings.join(", "));
    }
    let of = |time: fn(&Timings) -> Duration| median(scans.iter().map(|scan| time(&scan.timings)).collect());
    let sum = of(|timings| timings.invokes() + timings.overhead());
    let row = |name: &str, time: Duration| println!("| {name} | {:.1} | {:.1} % |", ms(time), share(time, sum));
    println!("| stage | ms over all threads | share |\n| --- | ---: | ---: |");
    for (stage, (name, _)) in timings.stages().into_iter().enumerate() {
        row(name, median(scans.iter().map(|scan| scan.timings.stages()[stage].1).collect()));
    }
    row("**the models' invokes**", of(Timings::invokes));
    row("**everything else** (limit 15 %)", of(Timings::overhead));
    println!("\nFrom start to end: {:.0} ms (median of {SCANS})", ms(of(|timings| timings.total)));
    let heads = of(|timings| (timings.heads + timings.merge) / timings.looks.max(1));
    println!("Heads, suppression and rows for each look: {:.3} ms (limit 0.3)", ms(heads));
    println!("One crop into the embedder: {:.3} ms\n", ms(of(|timings| timings.crops) / facings.len().max(1) as u32));
    Ok(())
}

fn memory(bundle: &Path, photo: &Path) -> Outcome<()> {
    let output = Command::new(env::current_exe()?).arg(MEMORY).arg(bundle).arg(photo).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    print!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

fn memory_of_one_scan(bundle: &Path, photo: &Path) -> Outcome<()> {
    let scanner = Scanner::new(Bundle::open(bundle, cores())?);
    let bytes = fs::read(photo)?;
    scanner.scan_file(&bytes, &ScanOptions::default())?;
    let (peak, first) = (resident("VmHWM")?, resident("VmRSS")?);
    for _ in 0..20 {
        scanner.scan_file(&bytes, &ScanOptions::default())?;
    }
    println!(
        "Peak resident memory of a process that scans the photo once, {} threads: {peak:.0} MB (limit 150)\n\
         Resident after one scan {first:.0} MB, after 21 scans {:.0} MB",
        cores(),
        resident("VmRSS")?
    );
    Ok(())
}

/// A line of `/proc/self/status` in MB.
fn resident(field: &str) -> Outcome<f64> {
    let status = fs::read_to_string("/proc/self/status").map_err(|_| "memory is measured on Linux alone")?;
    let line = status.lines().find(|line| line.starts_with(field)).ok_or("no such field in /proc/self/status")?;
    let kilobytes: f64 = line.split_whitespace().nth(1).ok_or("an empty field in /proc/self/status")?.parse()?;
    Ok(kilobytes / 1024.0)
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    name.unwrap_or(env::consts::ARCH).to_owned()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn share(time: Duration, of: Duration) -> f64 {
    100.0 * time.as_secs_f64() / of.as_secs_f64()
}
