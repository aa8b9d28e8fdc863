//! The step `targets`: the boundary, and with it the whole core, type-checked for the phones.
//!
//! Owns which targets phones are. The code for them alone (an Android Bitmap's lock, logcat, TensorFlow Lite linked into an iOS app)
//! is compiled nowhere else here. It is checked and not linked: no NDK and no Xcode is needed, as no dependency of the core
//! compiles C but the one for Apple's unified log, which is left out (`os-log`). Warnings are errors.

use std::sync::Mutex;

use crate::cross::{Cross, build_std};
use crate::error::Result;
use crate::step::watch;

/// 64-bit and 32-bit Android, iPhones, and their simulator on a Mac.
const TARGETS: [&str; 4] =
    ["aarch64-linux-android", "armv7-linux-androideabi", "aarch64-apple-ios", "aarch64-apple-ios-sim"];

/// Checks them all.
pub(crate) fn run(skipped: &Mutex<Vec<String>>) -> Result<()> {
    let Some(cross) = Cross::prepare("targets", skipped)? else { return Ok(()) };
    let mut cargo = cross.cargo("mobile");
    build_std(&mut cargo);
    // Std is compiled even for a check: not optimised, as nothing is run.
    cargo.args(["--config", "profile.dev.opt-level=0", "--config", r#"profile.dev.package."*".opt-level=0"#]);
    cargo.env("RUSTFLAGS", "-Dwarnings").args([
        "check",
        "--locked",
        "--package",
        "shelfscan-bindings",
        "--no-default-features",
    ]);
    cargo.args(TARGETS.iter().flat_map(|target| ["--target", target]));
    watch(&mut cargo, skipped)
}
