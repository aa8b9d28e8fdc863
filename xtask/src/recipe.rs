//! The step `recipe`: the Python recipe's own tests, and the whole of it run once on a tiny set.
//!
//! Owns the environment it runs in, made once for each state of `models/requirements.lock`, and what a machine must have for
//! it. A machine that lacks it says `SKIPPED:` and why; the machine's own Python is never installed into.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::error::{Error, Result};
use crate::step::{execute, skip, watch};
use crate::workspace::{root, tools_folder};
use crate::{demo, fetch, python, tools};

/// What the environment takes at its largest, with the wheels on their way into it.
const GIGABYTES: u64 = 10;

/// Runs the tests of `models/tests`, with the built command for the one that goes from pictures to a scan.
pub(crate) fn run(skipped: &Mutex<Vec<String>>) -> Result<()> {
    let python = match environment()? {
        Ok(python) => python,
        Err(why) => {
            skip(skipped, &format!("the training recipe, {why}"));
            return Ok(());
        }
    };
    fetch::run()?;
    tools::build(&["shelfscan-cli"])?;
    let mut tests = Command::new(python);
    tests.current_dir(root()).args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=3", "models/tests"]);
    tests.env("PYTHONPATH", root()).env("SHELFSCAN_BINARY", demo::shelfscan().get_program());
    watch(&mut tests, skipped)
}

/// The Python of the recipe's environment; or why this machine can't have one.
fn environment() -> Result<Result<PathBuf, String>> {
    let lock = root().join("models/requirements.lock");
    let text = fs::read_to_string(&lock).map_err(Error::file(&lock))?;
    let folder = tools_folder().join("recipe");
    let own = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let installed = folder.join("installed.txt");
    if own.is_file() && fs::read_to_string(&installed).is_ok_and(|installed| installed == text) {
        return Ok(Ok(own));
    }
    let Some(machine) = python::for_recipe() else {
        return Ok(Err("it needs Python 3.11 or 3.12 with venv".to_owned()));
    };
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Error::file(&folder))?;
    }
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    if !has_room(machine, &folder) {
        return Ok(Err(format!("its packages need {GIGABYTES} GB of free disk")));
    }
    execute(Command::new(machine).args(["-m", "venv"]).arg(&folder))?;
    let mut install = Command::new(&own);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&lock);
    execute(&mut install)?;
    fs::write(&installed, text).map_err(Error::file(&installed))?;
    Ok(Ok(own))
}

fn has_room(python: &str, folder: &Path) -> bool {
    let ask = format!("import shutil, sys; sys.exit(shutil.disk_usage(sys.argv[1]).free < {GIGABYTES} * 10**9)");
    python::quiet(Command::new(python).arg("-c").arg(ask).arg(folder))
}
