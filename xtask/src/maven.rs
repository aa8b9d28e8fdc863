//! Packages of Maven Central.
//!
//! Owns which ones the project uses, in `xtask/pins/kotlin.txt`, and the folder in the build folder where they are kept.
//! Refuses to resolve anything: every package is named there with its version and the sha256 of its file.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::python::python;
use crate::step::execute;
use crate::workspace::target;

/// Sections of `[name]`, each with lines of `group:artifact:version sha256`; `@aar` behind the version for an Android archive.
const PINS: &str = include_str!("../pins/kotlin.txt");
/// Copies the address it is given to the file it is given. Proxies are as the environment says.
const DOWNLOAD: &str = "import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=120) as answer, open(sys.argv[2], 'wb') as file:
    shutil.copyfileobj(answer, file, 1 << 20)";
/// How often a download is begun before it is given up: the registry's edge drops one now and then.
const ATTEMPTS: usize = 3;

/// A package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pinned {
    group: &'static str,
    artifact: &'static str,
    version: &'static str,
    android: bool,
    sha256: &'static str,
}

/// The files of the packages in a section of the pins, downloaded if need be.
pub(crate) fn jars(section: &str) -> Result<Vec<PathBuf>> {
    pinned(section).map(|package| package.file()).collect()
}

/// The folder of a section's files, for a program that looks for them there by name.
pub(crate) fn folder(section: &str) -> Result<PathBuf> {
    jars(section)?;
    Ok(store())
}

fn store() -> PathBuf {
    target().join("maven")
}

fn pinned(section: &str) -> impl Iterator<Item = Pinned> {
    let header = format!("[{section}]");
    let lines = PINS.lines().map(str::trim).skip_while(move |line| *line != header).skip(1);
    lines.take_while(|line| !line.starts_with('[')).filter_map(parse)
}

fn parse(line: &'static str) -> Option<Pinned> {
    let (package, sha256) = line.split_once(' ')?;
    let mut parts = package.split(':');
    let (group, artifact, version) = (parts.next()?, parts.next()?, parts.next()?);
    let (version, android) = version.strip_suffix("@aar").map_or((version, false), |version| (version, true));
    (!line.starts_with('#')).then_some(Pinned { group, artifact, version, android, sha256: sha256.trim() })
}

impl Pinned {
    fn name(&self, extension: &str) -> String {
        format!("{}-{}.{extension}", self.artifact, self.version)
    }

    fn address(&self) -> String {
        let Self { group, artifact, version, .. } = self;
        let name = self.name(if self.android { "aar" } else { "jar" });
        format!("https://repo1.maven.org/maven2/{}/{artifact}/{version}/{name}", group.replace('.', "/"))
    }

    /// Its classes in the build folder. Only those of a file with the right checksum get this name.
    fn file(&self) -> Result<PathBuf> {
        let file = store().join(self.name("jar"));
        if file.is_file() {
            return Ok(file);
        }
        fs::create_dir_all(store()).map_err(Error::file(store()))?;
        let scratch = tempfile::tempdir_in(store()).map_err(Error::file(store()))?;
        let downloaded = scratch.path().join(self.name("download"));
        println!("downloading {}", self.address());
        let download = || execute(python()?.args(["-c", DOWNLOAD, &self.address()]).arg(&downloaded));
        let outcome = (1..ATTEMPTS).fold(download(), |outcome, _| outcome.or_else(|_| download()));
        outcome.map_err(|_| Error::Maven { address: self.address() })?;
        let found = sha256(&downloaded)?;
        if found != self.sha256 {
            return Err(Error::Checksum { path: self.address().into(), found, expected: self.sha256.to_owned() });
        }
        let classes = if self.android {
            execute(python()?.args(["-m", "zipfile", "--extract"]).arg(&downloaded).arg(scratch.path()))?;
            scratch.path().join("classes.jar")
        } else {
            downloaded
        };
        fs::rename(&classes, &file).map_err(Error::file(&file))?;
        Ok(file)
    }
}

fn sha256(path: &Path) -> Result<String> {
    let (mut file, mut hash) = (fs::File::open(path).map_err(Error::file(path))?, Sha256::new());
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(Error::file(path))? {
            0 => return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            read => hash.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_pins_is_a_package_a_section_or_a_comment() {
        let mut packages = 0;
        for line in PINS.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '['])) {
            let package = parse(line).unwrap_or_else(|| panic!("{line}"));
            let hexadecimal = package.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            assert!(package.sha256.len() == 64 && hexadecimal, "{line}");
            packages += 1;
        }
        let sections = PINS.lines().filter_map(|line| line.trim().strip_prefix('[')?.strip_suffix(']'));
        assert_eq!(sections.map(|section| pinned(section).count()).sum::<usize>(), packages);
    }

    #[test]
    fn a_section_ends_where_the_next_begins() {
        let compiler: Vec<_> = pinned("compiler").collect();
        assert!(compiler.iter().any(|package| package.artifact == "kotlin-compiler-embeddable"), "{compiler:?}");
        assert!(compiler.iter().all(|package| package.artifact != "jna"), "{compiler:?}");
        assert_eq!(pinned("no such section").count(), 0);
    }
}
