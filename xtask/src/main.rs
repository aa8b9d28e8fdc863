//! The developer's commands: `cargo xtask demo`, `loop`, `test`, `bench`, `fetch`. CI calls nothing else.
//!
//! Each command is a module. They run cargo, rustfmt, pip and the like as a person would, and keep what they fetch or
//! install in the build folder, so that `cargo clean` is all there is to undo.

mod archive;
mod arm64;
mod bench;
mod boundary;
mod chromium;
mod chroot;
mod coco;
mod cross;
mod debian;
mod demo;
mod elf;
mod error;
mod fetch;
mod jdk;
mod kotlin;
mod kotlinc;
mod maven;
mod office;
mod parity;
mod python;
mod recipe;
mod review;
mod size;
mod step;
mod swift;
mod swift_docs;
mod swift_generated;
mod targets;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The developer's commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Get the native TensorFlow Lite library, pinned by sha256, into the build folder.
    Fetch,
    /// Build, enrol the sample's products, scan the sample photo and show the counts.
    Demo(demo::Options),
    /// Go the way of a crop: scan, queue, sync, a label at the review page, publish, and a scan that knows the SKU.
    Loop(office::Options),
    /// Measure speed and memory of a scan against the models' own time.
    Bench,
    /// Run every check and test, as CI does.
    Test(test::Options),
}

fn main() -> ExitCode {
    let done = |()| ExitCode::SUCCESS;
    let outcome = match Arguments::parse().command {
        Command::Fetch => fetch::run().map(done),
        Command::Demo(options) => demo::run(&options).map(done),
        Command::Loop(options) => office::run(&options).map(done),
        Command::Bench => bench::run().map(done),
        Command::Test(options) => test::run(&options),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}
