//! The `shelfscan` command.
//!
//! Owns arguments, tables, pictures and exit codes. What it does to a photo, a bundle or an index is the `shelfscan` crate's;
//! a command here reads files, calls, and says what came of it. Results go to standard output, everything else to standard
//! error.

#![forbid(unsafe_code)]

mod annotate;
mod bundle;
mod dataset;
mod eval;
mod failure;
mod gallery;
mod http;
mod index;
mod output;
mod photos;
mod queue;
mod scan;
mod sweep;
mod table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Counts what stands on a shelf: from photos to counts per SKU, offline.
///
/// Exit codes: 0 all done; 1 some photos or pictures could not be used, the others were, `eval` missed a target, a data set
/// changed or has faults, or items of a queue are left; 2 wrong arguments; 3 the bundle, index, data set, queue or server can't be
/// used; 4 no TensorFlow Lite library; 5 an output can't be written; 6 nothing to work on.
#[derive(Debug, Parser)]
#[command(name = "shelfscan", version, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Scan photos and count facings per SKU.
    Scan(scan::Arguments),
    /// Judge a bundle on photos with labels, or compare two results.
    Eval(eval::Arguments),
    /// Check or show a bundle.
    #[command(subcommand)]
    Bundle(bundle::Command),
    /// Build, change, show or export a SKU index.
    #[command(subcommand)]
    Index(index::Command),
    /// List or change a queue of crops for review, or send it to the server.
    #[command(subcommand)]
    Queue(queue::Command),
    /// Hash, split or check a data set.
    #[command(subcommand)]
    Dataset(dataset::Command),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Scan(arguments) => scan::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Bundle(command) => bundle::run(&command),
        Command::Index(command) => index::run(&command),
        Command::Queue(command) => queue::run(&command),
        Command::Dataset(command) => dataset::run(&command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.tell();
            failure.exit_code()
        }
    }
}
