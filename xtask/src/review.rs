//! The steps in a real browser: the review page as people use it, and the way of a crop from phone to server and back.
//!
//! Owns what these need: Node.js with the browser's driver as `tests/loop/package-lock.json` pins it, a Chromium, the server and the
//! command, built. Where a machine may not have them the step says that it was skipped.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use crate::error::{Error, Result};
use crate::python::quiet;
use crate::step::{execute, skip, watch};
use crate::tools::build;
use crate::workspace::{root, target, tools_folder};
use crate::{chromium, debian, fetch};

/// The folder of the tests.
const TESTS: &str = "tests/loop";

/// Runs the tests in `tests/loop`.
pub(crate) fn run(skipped: &Mutex<Vec<String>>) -> Result<()> {
    let (Some(chromium), true) = (chromium::browser()?, has_node()?) else {
        skip(
            skipped,
            "the review page: it needs Chromium, and Node.js 18 or later with npm; apt-get install -y chromium nodejs npm",
        );
        return Ok(());
    };
    let modules = driver()?;
    fetch::run()?;
    build(&["shelfscan-server", "shelfscan-cli"])?;
    let pictures = target().join("loop");
    fs::create_dir_all(&pictures).map_err(Error::file(&pictures))?;
    let mut tests = Command::new("node");
    tests.current_dir(root().join(TESTS)).args(["--test", "--test-concurrency=1", "."]);
    tests.env("CHROMIUM", chromium).env("SHELFSCAN_MODULES", modules.join("")).env("SHELFSCAN_PICTURES", &pictures);
    watch(tests.env("SHELFSCAN_BUILT", target().join("release")), skipped)?;
    println!("pictures {}", pictures.display());
    Ok(())
}

fn has_node() -> Result<bool> {
    let usable =
        || quiet(Command::new("node").args(["-e", "process.exit(Number(parseInt(process.versions.node) < 18))"]));
    let npm = || quiet(Command::new("npm").arg("--version"));
    Ok((usable() && npm()) || (debian::install(&["nodejs", "npm"])? && usable() && npm()))
}

/// The browser's driver, in the build folder, for each state of the lock file.
fn driver() -> Result<PathBuf> {
    let folder = tools_folder().join("loop");
    let installed = folder.join("installed.json");
    let lock = root().join(TESTS).join("package-lock.json");
    let text = fs::read_to_string(&lock).map_err(Error::file(&lock))?;
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == text) {
        return Ok(folder);
    }
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    for name in ["package.json", "package-lock.json"] {
        let (from, to) = (root().join(TESTS).join(name), folder.join(name));
        fs::copy(&from, &to).map_err(Error::file(&from))?;
    }
    execute(Command::new("npm").current_dir(&folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    fs::write(&installed, text).map_err(Error::file(&installed))?;
    Ok(folder)
}
