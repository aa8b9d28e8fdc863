//! What Debian has, for the steps that need it.
//!
//! Owns installing its packages as root. Elsewhere it says that it can't, and the step says what it skipped.

use std::path::Path;
use std::process::Command;

use crate::error::Result;
use crate::step::execute;

/// Installs those of `packages` that are not there, without what they merely recommend; whether all are there now. No where this is
/// no Debian, or not done as root.
pub(crate) fn install(packages: &[&str]) -> Result<bool> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !installed(package)).collect();
    if missing.is_empty() {
        return Ok(true);
    }
    if !may_install() {
        return Ok(false);
    }
    if execute(apt_get().args(["install", "-y", "-qq", "--no-install-recommends"]).args(&missing)).is_err() {
        execute(apt_get().args(["update", "-qq"]))?;
        execute(apt_get().args(["install", "-y", "-qq", "--no-install-recommends"]).args(&missing))?;
    }
    Ok(true)
}

/// Whether this is Debian, or one of its children, and this program is run by root.
pub(crate) fn may_install() -> bool {
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    root && Path::new("/etc/debian_version").exists()
}

fn installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    let status = query.args(["--show", "--showformat=${db:Status-Status}", package]).output();
    status.is_ok_and(|status| status.stdout.starts_with(b"installed"))
}

/// Asks nothing, as nobody is there to answer.
fn apt_get() -> Command {
    let mut apt_get = Command::new("apt-get");
    apt_get.env("DEBIAN_FRONTEND", "noninteractive");
    apt_get
}
