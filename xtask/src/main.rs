//! The developer's commands: `cargo xtask fetch`, `cargo xtask test`. CI calls nothing else.
//!
//! Each command is a module. They run cargo, rustfmt, pip and the like as a person would, and keep what they fetch or
//! install in the build folder, so that `cargo clean` is all there is to undo.

mod error;
mod fetch;
mod python;
mod step;
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
    /// Run every check and test, as CI does.
    Test(test::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Fetch => fetch::run(),
        Command::Test(options) => test::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
