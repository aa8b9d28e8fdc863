//! The library that apps load, and the Kotlin and Swift that are made from it.
//!
//! Owns building both. Nothing made here is committed by it: a step that keeps a copy checks it against this.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};
use crate::step::execute;
use crate::tools::cargo;
use crate::workspace::{root, target};

/// A language of apps.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    /// For Android and the JVM.
    Kotlin,
    /// For Apple's systems and Linux.
    Swift,
}

/// Builds the library for this machine, with the function that fails as a bug would, for tests. Its symbols are kept, as the
/// generator reads them.
pub(crate) fn library() -> Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--package", "shelfscan-bindings", "--features", "panic-probe"]);
    execute(&mut build)?;
    let name = format!("{}shelfscan_ffi{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    Ok(target().join("release").join(name))
}

/// Writes the side of `language` for `library` into `folder`, which is emptied first.
pub(crate) fn generate(library: &Path, language: Language, folder: &Path) -> Result<()> {
    execute(cargo().args(["build", "--locked", "--package", "shelfscan-bindings", "--features", "bindgen"]))?;
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(Error::file(folder))?;
    }
    let mut bindgen =
        Command::new(target().join("debug").join(format!("uniffi-bindgen{}", std::env::consts::EXE_SUFFIX)));
    bindgen.current_dir(root()).args(["generate", "--no-format", "--config", "uniffi.toml", "--language"]);
    bindgen.arg(match language {
        Language::Kotlin => "kotlin",
        Language::Swift => "swift",
    });
    execute(bindgen.arg("--out-dir").arg(folder).arg(library))
}
