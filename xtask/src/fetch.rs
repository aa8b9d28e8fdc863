//! `cargo xtask fetch`: the native TensorFlow Lite library.
//!
//! Owns which library each platform gets: where it is in its wheel and the sha256 it must have. Fetches nothing when
//! the right one is already there. To move to another version, change `xtask/pins/tflite.txt` and the checksums here
//! together.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use shelfscan_tflite::{Runtime, fetched_library};

use crate::error::{Error, Result};
use crate::python::fetch_from_wheel;
use crate::workspace::target;

/// A library in its wheel: its path there, and its sha256.
type Pinned = (&'static str, &'static str);

fn pinned(os: &str, arch: &str) -> Option<Pinned> {
    match (os, arch) {
        ("linux", "x86_64") => Some((
            "pymicro_wakeword/lib/libtensorflowlite_c.so",
            "25465edb5cd7aadd00249d4d28f1d922ce5cc90195ad4403458111dd63493bae",
        )),
        ("linux", "aarch64") => Some((
            "pymicro_wakeword/lib/libtensorflowlite_c.so",
            "12062437bfde367b1be592ebc4a9fe64b8453f90b3b7dc21fade002c38e1ac1a",
        )),
        ("macos", "x86_64" | "aarch64") => Some((
            "pymicro_wakeword/lib/libtensorflowlite_c.dylib",
            "e77597b3710e43f58f1c37a9c8979a82901ed9f3a11de71e95f2154a4c9ce6d7",
        )),
        ("windows", "x86_64") => Some((
            "pymicro_wakeword/lib/tensorflowlite_c.dll",
            "882e6d8f9866ff84f23d4b964c145b7f0f0a8907fa830dcd8c499e7c46bf3365",
        )),
        _ => None,
    }
}

/// Fetches the library unless it is there, and says where it is.
pub(crate) fn run() -> Result<()> {
    let library = library()?;
    let runtime = Runtime::load_from(&library)?;
    println!("TensorFlow Lite {} in {}", runtime.version(), library.display());
    Ok(())
}

/// The library of this platform, fetched if need be, with its checksum verified.
fn library() -> Result<PathBuf> {
    let pinned = pinned(OS, ARCH).ok_or_else(|| Error::NoLibrary { platform: format!("{OS} on {ARCH}") })?;
    let library = fetched_library(&target());
    fetch(&library, pinned, None)?;
    Ok(library)
}

/// The library of Linux on arm64, for an emulator, put where a program built in `folder` looks for it.
pub(crate) fn arm64(folder: &Path) -> Result<()> {
    let pinned = pinned("linux", "aarch64").ok_or_else(|| Error::NoLibrary { platform: "linux on aarch64".into() })?;
    fetch(&folder.join("tflite/linux-aarch64/libtensorflowlite_c.so"), pinned, Some("manylinux_2_35_aarch64"))
}

/// Gets the file from the wheel of `platform`, or of this machine, unless it is there.
fn fetch(library: &Path, (inside, expected): Pinned, platform: Option<&str>) -> Result<()> {
    if library.is_file() {
        if sha256(library)? == expected {
            return Ok(());
        }
        println!("{} is not the pinned one; fetching it again", library.display());
    }
    fetch_from_wheel("tflite.txt", inside, library, platform)?;
    let found = sha256(library)?;
    if found == expected {
        return Ok(());
    }
    // Not left where a program would load it.
    fs::remove_file(library).map_err(Error::file(library))?;
    Err(Error::Checksum { path: library.to_owned(), found, expected: expected.to_owned() })
}

fn sha256(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(Error::file(path))?;
    Ok(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}
