//! The part of the Swift package that uniffi writes.
//!
//! Owns the copy that is committed, since a package manager can't generate it, and the check that it is what the library's interface gives
//! now. No other generated code is committed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::boundary::{self, Language};
use crate::error::{Error, Result};
use crate::step::execute;
use crate::workspace::{root, target};

/// Each generated file, and where its copy is committed.
pub(crate) const PARTS: [(&str, &str); 2] = [
    ("ShelfScan.swift", "ios/Sources/ShelfScan/Generated/ShelfScan.swift"),
    ("ShelfScanFFI.h", "ios/Sources/ShelfScanFFI/ShelfScanFFI.h"),
];
/// In `uniffi.toml`, what keeps the probe out of the package.
const WITHOUT_PROBE: &str = "exclude = [\"panic_probe\"]\n";

/// Checks the committed files, or with `SHELFSCAN_ACCEPT` set writes them anew. Returns a folder with the same files for `library`
/// as tests see it, with the function that fails as a bug would.
pub(crate) fn checked(library: &Path) -> Result<PathBuf> {
    let folder = target().join("swift/generated");
    boundary::generate(library, Language::Swift, &folder)?;
    for (name, committed) in PARTS {
        let committed = root().join(committed);
        let now = fs::read(folder.join(name)).map_err(Error::file(folder.join(name)))?;
        if std::env::var_os("SHELFSCAN_ACCEPT").is_some() {
            crate::swift::write_if_new(&committed, &now)?;
        } else if fs::read(&committed).map_err(Error::file(&committed))? != now {
            return Err(Error::Stale { path: committed, accept: "SHELFSCAN_ACCEPT=1 cargo xtask test swift" });
        }
    }
    with_probe(library)
}

fn with_probe(library: &Path) -> Result<PathBuf> {
    let (config, folder) = (root().join("uniffi.toml"), target().join("swift/generated-with-probe"));
    let text = fs::read_to_string(&config).map_err(Error::file(&config))?;
    if !text.contains(WITHOUT_PROBE) {
        return Err(Error::Json { path: config, reason: format!("there is no line {}", WITHOUT_PROBE.trim()) });
    }
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let open = folder.join("uniffi.toml");
    fs::write(&open, text.replace(WITHOUT_PROBE, "")).map_err(Error::file(&open))?;
    let bindgen = target().join("debug").join(format!("uniffi-bindgen{}", std::env::consts::EXE_SUFFIX));
    let mut generate = Command::new(bindgen);
    generate.current_dir(root()).args(["generate", "--no-format", "--language", "swift", "--config"]).arg(open);
    execute(generate.arg("--out-dir").arg(&folder).arg(library))?;
    Ok(folder)
}
