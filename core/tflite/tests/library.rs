//! Libraries that are not there, are something else, or fail.

#![allow(clippy::unwrap_used, reason = "a failure in what prepares a test is the test's")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use shelfscan_tflite::{Error, Interpreter, LIBRARY_PATH_VARIABLE, Model, Runtime};
use tempfile::TempDir;

use common::{cargo_setting, model_path, run_alone, runtime};

/// Builds a dynamic library from a Rust file, with a `--cfg`.
fn build(folder: &TempDir, source: &Path, fault: &str) -> PathBuf {
    let library =
        folder.path().join(format!("{}{fault}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX));
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    // Where the test was built for another processor, so is the library.
    if let Some(linker) = cargo_setting("LINKER") {
        rustc.arg(format!("--target={}-unknown-linux-gnu", std::env::consts::ARCH)).arg(format!("-Clinker={linker}"));
    }
    let built = rustc
        .args(["--edition=2024", "--crate-type=cdylib", "--crate-name=fake", "--cfg", fault, "-Awarnings", "-o"])
        .arg(&library)
        .arg(source)
        .status()
        .unwrap();
    assert!(built.success());
    library
}

fn fake(folder: &TempDir, fault: &str) -> PathBuf {
    build(folder, &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake/library.rs"), fault)
}

/// Checks that an error is one line, and says each of `parts`.
fn says(error: &Error, parts: &[&str]) {
    let said = error.to_string();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(parts.iter().all(|part| said.contains(part)), "{parts:?} in {said}");
}

#[test]
fn the_library_is_found_without_being_told_where() {
    let Some(runtime) = runtime() else { return };
    assert!(runtime.version().starts_with("2."), "{runtime:?}");
    assert!(!runtime.library().is_empty());
}

#[test]
fn a_missing_library_is_named_with_the_cure() {
    let error = Runtime::load_from(Path::new("/nowhere/libtensorflowlite_c.so")).unwrap_err();
    assert!(matches!(error, Error::LibraryNotFound { .. }));
    says(&error, &["/nowhere/libtensorflowlite_c.so", "cargo xtask fetch", LIBRARY_PATH_VARIABLE]);
}

#[test]
fn a_file_that_is_no_library_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("empty.so", &b""[..]), ("text.so", b"not a library"), ("cut.so", b"\x7fELF\x02\x01\x01")] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let error = Runtime::load_from(&path).unwrap_err();
        assert!(matches!(error, Error::UnusableLibrary { .. }), "{error}");
        says(&error, &[name, "cargo xtask fetch"]);
    }
}

#[test]
fn a_library_without_the_symbols_is_named_with_the_first_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("empty.rs");
    fs::write(&source, "").unwrap();
    let error = Runtime::load_from(&build(&folder, &source, "empty")).unwrap_err();
    assert!(matches!(error, Error::UnusableLibrary { .. }), "{error}");
    says(&error, &["lacks the symbol `TfLiteVersion`", "empty", "cargo xtask fetch"]);
}

#[test]
fn another_version_is_refused_with_what_it_is_and_what_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let error = Runtime::load_from(&fake(&folder, "old")).unwrap_err();
    says(&error, &["1.15.0", "2.14", "cargo xtask fetch"]);
}

#[test]
fn a_delegate_that_fails_is_told_from_a_model_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    for (fault, delegate) in [("no_delegate", true), ("delegate_fails", true), ("nothing_works", false)] {
        let runtime = Runtime::load_from(&fake(&folder, fault)).unwrap();
        let model = Model::open(&runtime, &model_path("conv")).unwrap();
        let error = Interpreter::new(&model).unwrap_err();
        assert_eq!(matches!(error, Error::Delegate { .. }), delegate, "{fault}: {error}");
        assert_eq!(matches!(error, Error::Corrupt { .. }), !delegate, "{fault}: {error}");
        says(&error, &["conv.tflite"]);
    }
}

#[test]
fn the_environment_decides_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.so");
    fs::write(&text, "not a library").unwrap();
    let old = fake(&folder, "old");
    for (path, said) in [
        ("/nowhere/lib.so", "tried /nowhere/lib.so (no such file). Run"),
        (text.to_str().unwrap(), "text.so"),
        (old.to_str().unwrap(), "1.15.0"),
    ] {
        let output = run_alone("load_child", &[(LIBRARY_PATH_VARIABLE, path)]);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{printed}");
        assert!(printed.contains("refused: ") && printed.contains(said), "{path}: {printed}");
    }
}

#[test]
fn the_environment_can_name_a_library() {
    let Some(found) = runtime().map(|runtime| runtime.library().to_owned()) else { return };
    if !Path::new(&found).is_file() {
        return; // The system's: it has no path to name.
    }
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("renamed-library");
    fs::copy(found, &elsewhere).unwrap();
    let output = run_alone("load_child", &[(LIBRARY_PATH_VARIABLE, elsewhere.to_str().unwrap())]);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("loaded: ") && printed.contains("renamed-library"), "{printed}");
}

#[test]
#[ignore = "run by the tests of the environment"]
fn load_child() {
    match Runtime::load() {
        Ok(runtime) => println!("loaded: {}", runtime.library()),
        Err(error) => println!("refused: {error}"),
    }
}
