//! A Java to run what Kotlin is compiled to.
//!
//! Owns finding one that is new enough, and installing Debian's where it may.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::debian;
use crate::error::Result;

/// Oldest release that runs Android's classes of [`crate::kotlin`].
const OLDEST: u32 = 17;
/// What Debian 12 has of that release, without a screen.
const PACKAGE: &str = "openjdk-17-jre-headless";

/// The program `java`, of `JAVA_HOME` or on the path; installed where this is Debian and done as root. None where there is none.
pub(crate) fn java() -> Result<Option<PathBuf>> {
    if let Some(java) = found() {
        return Ok(Some(java));
    }
    debian::install(&[PACKAGE])?;
    Ok(found())
}

fn found() -> Option<PathBuf> {
    let home = std::env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin/java"));
    home.into_iter().chain([PathBuf::from("java")]).find(|java| release(java).is_some_and(|release| release >= OLDEST))
}

/// The number of the release that this program is of.
fn release(java: &Path) -> Option<u32> {
    let output = Command::new(java).arg("-version").stdin(Stdio::null()).output().ok()?;
    parse(&String::from_utf8_lossy(&output.stderr))
}

/// Of `openjdk version "17.0.15" 2025-04-15` and the like; releases before 9 called themselves 1.8 and so on.
fn parse(version: &str) -> Option<u32> {
    let number = version.split('"').nth(1)?;
    number.split(['.', '-', '+']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_from_what_java_says() {
        assert_eq!(parse("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime Environment"), Some(17));
        assert_eq!(parse("openjdk version \"26-ea\" 2026-03-17"), Some(26));
        assert_eq!(parse("java version \"1.8.0_402\""), Some(1));
        assert_eq!(parse("The operation couldn't be completed. Unable to locate a Java Runtime."), None);
    }
}
