//! The step `arm64`: the core's tests on the processors that phones have.
//!
//! Owns which tests an emulator runs, and as which processors. Each skip has its reason here. What a phone's speed and memory would
//! be an emulator can't tell, and the step doesn't ask.

use std::sync::Mutex;

use crate::cross::{ARM64_LINUX, Cross, for_arm64};
use crate::error::Result;
use crate::fetch;
use crate::step::watch;
use crate::workspace::target;

/// Where it is built, in the build folder.
const FOLDER: &str = "arm64";

/// All that the emulator knows (dot products, int8 matrices, SVE), and a small core of 2012 with NEON alone, as cheap phones still
/// have: TensorFlow Lite's kernels and the resizer's differ between the two.
const PROCESSORS: [&str; 2] = ["max", "cortex-a53"];

/// What is run of a crate: its package, and what else `cargo test` gets.
const TESTS: [(&str, &[&str]); 4] = [
    // The property tests of the kernels among them: NEON gives the integers that the portable code gives. Not `recall`, which is
    // about the index's method whatever computes it, and takes minutes.
    (
        "shelfscan-index",
        &[
            "--lib",
            "--test",
            "calibration",
            "--test",
            "editing",
            "--test",
            "malformed",
            "--test",
            "no_allocation",
            "--test",
            "search",
        ],
    ),
    ("shelfscan-vision", &["--lib", "--tests"]),
    ("shelfscan-tflite", &["--lib", "--tests"]),
    // Of the scans two golden ones: of the self-test's picture, as opening a bundle runs the self-test itself, and of a row of the
    // sample with the gallery enrolled. The others scan much more, which takes an emulator minutes, or are about this machine's
    // memory and threads.
    (
        "shelfscan",
        &[
            "--lib",
            "--test",
            "scans",
            "--",
            "a_picture_smaller_than_the_detectors_input",
            "one_row_of_the_sample_shelf",
        ],
    ),
];

/// Builds the tests and runs them.
pub(crate) fn run(skipped: &Mutex<Vec<String>>) -> Result<()> {
    let Some(cross) = Cross::prepare("arm64", skipped)? else { return Ok(()) };
    fetch::arm64(&target().join(FOLDER))?;
    for processor in PROCESSORS {
        for (package, arguments) in TESTS {
            println!("--> {package} as {processor}");
            let mut cargo = cross.cargo(FOLDER);
            cargo.env(for_arm64("RUNNER"), cross.emulator(processor));
            cargo.args(["test", "--locked", "--target", ARM64_LINUX, "--package", package]).args(arguments);
            if !arguments.contains(&"--") {
                cargo.arg("--");
            }
            watch(cargo.arg("--show-output"), skipped)?;
        }
    }
    Ok(())
}
