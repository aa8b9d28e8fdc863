//! `cargo xtask test`: every check and test, as CI runs them.
//!
//! Owns the list of steps and the summary. All steps run even when one fails, so that one run shows all there is to
//! mend. With `CI=true` a skipped test is a failure: what CI can't run, it must not seem to have run.

use std::fmt;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::step::{execute, watch};
use crate::workspace::root;
use crate::{
    arm64, chromium, coco, debian, demo, fetch, kotlin, parity, python, recipe, review, size, swift, targets, tools,
};

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only these steps; all of them if none is named.
    steps: Vec<String>,
    /// Print the names of the steps and stop.
    #[arg(long)]
    list: bool,
}

/// One check: its name, and what it does.
struct Step {
    name: &'static str,
    run: fn(&Skipped) -> Result<Verdict>,
}

/// What the steps said they could not run.
type Skipped = Mutex<Vec<String>>;

enum Verdict {
    Passed,
    /// The step could not find out, for a reason that lies outside the project. Shown, and not counted as passed.
    NotVerified(String),
}

/// In the order of what they need: the library first, quick checks before slow ones.
const STEPS: &[Step] = &[
    Step { name: "fetch", run: |_| fetch::run().map(passed) },
    Step { name: "rustfmt", run: |skipped| cargo(&["fmt", "--all", "--check"], skipped) },
    Step { name: "ruff", run: ruff },
    Step { name: "licences", run: licences },
    Step { name: "advisories", run: advisories },
    Step {
        name: "clippy",
        run: |skipped| cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-Dwarnings"], skipped),
    },
    Step { name: "rustdoc", run: rustdoc },
    // `--show-output`, since a test that can't run says so on its stdout, which is hidden when it passes.
    Step { name: "tests", run: tests },
    Step { name: "arm64", run: |skipped| arm64::run(skipped).map(passed) },
    Step { name: "targets", run: |skipped| targets::run(skipped).map(passed) },
    Step { name: "size", run: |skipped| size::run(skipped).map(passed) },
    Step { name: "coco", run: |skipped| coco::run(skipped).map(passed) },
    Step { name: "parity", run: |skipped| parity::run(skipped).map(passed) },
    Step { name: "kotlin", run: |skipped| kotlin::run(skipped).map(passed) },
    Step { name: "recipe", run: |skipped| recipe::run(skipped).map(passed) },
    Step { name: "demo", run: |_| demo::run(&demo::Options::default()).map(passed) },
    Step { name: "swift", run: |skipped| swift::run(skipped).map(passed) },
    Step { name: "report", run: |skipped| chromium::run(skipped).map(passed) },
    Step { name: "review", run: |skipped| review::run(skipped).map(passed) },
];

/// Runs the steps and prints a table of them; the exit code says whether any failed.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.list {
        STEPS.iter().for_each(|step| println!("{}", step.name));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = options.steps.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        return Err(Error::NoSuchStep(unknown.clone()));
    }
    let chosen = STEPS.iter().filter(|step| options.steps.is_empty() || options.steps.iter().any(|n| n == step.name));
    let done: Vec<Done> = chosen.map(Done::run).collect();
    let (summary, good) = summary(&done, std::env::var("CI").is_ok_and(|ci| ci == "true"));
    println!("\n==> summary\n{summary}");
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A step that was run.
struct Done {
    name: &'static str,
    verdict: Result<Verdict>,
    skipped: Vec<String>,
    took: Duration,
}

impl Done {
    fn run(step: &Step) -> Self {
        println!("\n==> {}", step.name);
        let (skipped, started) = (Skipped::default(), Instant::now());
        let verdict = (step.run)(&skipped);
        if let Err(error) = &verdict {
            println!("error: {error}");
        }
        let skipped = skipped.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        Self { name: step.name, verdict, skipped, took: started.elapsed() }
    }

    /// Whether CI must not let this pass.
    fn failed(&self, ci: bool) -> bool {
        self.verdict.is_err() || (ci && !self.skipped.is_empty())
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.took.as_secs_f32();
        match &self.verdict {
            Ok(Verdict::Passed) => write!(f, "{:<12} {seconds:>7.1} s  passed", self.name)?,
            Ok(Verdict::NotVerified(why)) => write!(f, "{:<12} {seconds:>7.1} s  NOT VERIFIED: {why}", self.name)?,
            Err(error) => write!(f, "{:<12} {seconds:>7.1} s  FAILED: {error}", self.name)?,
        }
        self.skipped.iter().try_for_each(|line| write!(f, "\n{:<12}            {line}", ""))
    }
}

/// What came of each step, and whether that is good. The last line counts those that passed and those that failed.
fn summary(done: &[Done], ci: bool) -> (String, bool) {
    let mut lines: Vec<String> = done.iter().map(Done::to_string).collect();
    let failed: Vec<_> = done.iter().filter(|done| done.failed(ci)).map(|done| done.name).collect();
    if ci && done.iter().any(|done| !done.skipped.is_empty()) {
        lines.push("CI=true: a skipped test is a failure".to_owned());
    }
    if !failed.is_empty() {
        lines.push(format!("failed: {}", failed.join(", ")));
    }
    let passed = done.iter().filter(|done| !done.failed(ci) && matches!(done.verdict, Ok(Verdict::Passed))).count();
    lines.push(format!("{passed} passed, {} failed", failed.len()));
    (lines.join("\n"), failed.is_empty())
}

fn passed(_: ()) -> Verdict {
    Verdict::Passed
}

fn cargo(arguments: &[&str], skipped: &Skipped) -> Result<Verdict> {
    watch(tools::cargo().args(arguments), skipped).map(passed)
}

/// The server is tested with a PostgreSQL, which it starts itself where there is one.
fn tests(skipped: &Skipped) -> Result<Verdict> {
    debian::install(&["postgresql"])?;
    cargo(&["test", "--workspace", "--locked", "--no-fail-fast", "--", "--show-output"], skipped)
}

fn rustdoc(skipped: &Skipped) -> Result<Verdict> {
    let mut rustdoc = tools::cargo();
    rustdoc.args(["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-Dwarnings");
    watch(&mut rustdoc, skipped).map(passed)
}

/// Lints and format of the Python, with the linter's release for this machine from the package registry.
fn ruff(skipped: &Skipped) -> Result<Verdict> {
    for arguments in [&["check"][..], &["format", "--check"]] {
        let mut ruff = python::with_packages("ruff.txt")?;
        ruff.current_dir(root()).args(["-m", "ruff"]).args(arguments).args(["--no-cache", "--quiet", "models"]);
        watch(&mut ruff, skipped)?;
    }
    Ok(Verdict::Passed)
}

fn licences(skipped: &Skipped) -> Result<Verdict> {
    watch(tools::cargo_deny()?.args(["--locked", "check", "licenses", "bans", "sources"]), skipped).map(passed)
}

/// The database of advisories is no registry package: it is cloned from where it is kept, which not every machine
/// reaches.
fn advisories(skipped: &Skipped) -> Result<Verdict> {
    if let Err(error) = execute(tools::cargo_deny()?.args(["fetch", "db"])) {
        return Ok(Verdict::NotVerified(format!("the advisory database can't be reached from here; {error}")));
    }
    watch(tools::cargo_deny()?.args(["--locked", "check", "--disable-fetch", "advisories"]), skipped).map(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(verdict: Result<Verdict>, skipped: &[&str]) -> Done {
        let skipped = skipped.iter().map(ToString::to_string).collect();
        Done { name: "step", verdict, skipped, took: Duration::ZERO }
    }

    #[test]
    fn a_skipped_test_fails_in_ci_alone() {
        let done = [done(Ok(Verdict::Passed), &["the emulator, no KVM"])];
        let (here, good) = summary(&done, false);
        assert!(good && here.contains("the emulator, no KVM") && here.ends_with("\n1 passed, 0 failed"), "{here}");
        let (ci, good) = summary(&done, true);
        assert!(!good && ci.contains("the emulator, no KVM") && ci.ends_with("\n0 passed, 1 failed"), "{ci}");
    }

    #[test]
    fn a_failed_step_fails_everywhere_and_an_unverified_one_nowhere() {
        let unverified = || done(Ok(Verdict::NotVerified("no network".to_owned())), &[]);
        for ci in [false, true] {
            let (text, good) = summary(&[done(Ok(Verdict::Passed), &[]), unverified()], ci);
            assert!(good && text.contains("NOT VERIFIED: no network"), "{text}");
            assert!(text.ends_with("\n1 passed, 0 failed"), "{text}");
            let (text, good) = summary(&[unverified(), done(Err(Error::NoPip), &[])], ci);
            assert!(!good && text.ends_with("\nfailed: step\n0 passed, 1 failed"), "{text}");
        }
    }

    #[test]
    fn steps_have_names_of_their_own() {
        for (index, step) in STEPS.iter().enumerate() {
            assert!(STEPS[..index].iter().all(|other| other.name != step.name), "{}", step.name);
        }
    }
}
