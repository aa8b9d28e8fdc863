//! Debian's packages, unpacked and not installed.
//!
//! Owns a folder in which the packages of `xtask/pins/debian.txt` lie as they would below `/`. It needs apt and dpkg but neither
//! root nor a change of the machine: apt gets lists, an architecture (arm64) and a state of the project's own.
//!
//! What is trusted is what apt trusts: the archive's signed index, by the keyring that Debian ships. The sha256 is pinned besides, so
//! that all machines work with the same files. But the archive keeps only the newest security update, so a pinned version vanishes
//! one day, and a machine set up after that day should not be broken by it: then the version that the signed index offers is taken,
//! also under a name with another number, and a loud line says which, with the line to pin. A pinned version with another sha256 is
//! refused.
//!
//! To move to newer versions, write `0` for the version in the file's lines, run `cargo xtask test arm64`, and take over the lines
//! that it prints.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::python::quiet;
use crate::step::execute;
use crate::workspace::{root, tools_folder};

const PINS: &str = "xtask/pins/debian.txt";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// One line of the pins.
#[derive(Debug)]
struct Pin<'a> {
    package: &'a str,
    architecture: &'a str,
    version: &'a str,
    sha256: &'a str,
    /// Files and folders of it that are unpacked; all if none is named.
    only: Vec<&'a str>,
}

/// Where the packages lie, fetched and unpacked if need be.
pub(crate) fn unpacked() -> Result<PathBuf> {
    let folder = tools_folder().join("debian");
    let stamp = folder.join("pins.txt");
    let file = root().join(PINS);
    let text = fs::read_to_string(&file).map_err(Error::file(&file))?;
    if fs::read_to_string(&stamp).is_ok_and(|unpacked| unpacked == text) {
        return Ok(folder);
    }
    fs::create_dir_all(tools_folder()).map_err(Error::file(tools_folder()))?;
    // Beside the destination, so that the last step is a rename.
    let scratch = tempfile::tempdir_in(tools_folder()).map_err(Error::file(tools_folder()))?;
    let (packages, unpacked) = (scratch.path().join("packages"), scratch.path().join("unpacked"));
    for folder in [&packages, &unpacked] {
        fs::create_dir(folder).map_err(Error::file(folder))?;
    }
    let pins = pins(&text)?;
    download(&pins, scratch.path(), &packages)?;
    for package in fetched(&packages)? {
        unpack(checked(&package, &pins)?, &package, &unpacked)?;
    }
    fs::write(unpacked.join("pins.txt"), text).map_err(Error::file(&unpacked))?;
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Error::file(&folder))?;
    }
    fs::rename(&unpacked, &folder).map_err(Error::file(&folder))?;
    Ok(folder)
}

/// Why packages can't be unpacked here, if so.
pub(crate) fn hindrance() -> Option<&'static str> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Some("the pinned Debian packages are for Linux on x86-64");
    }
    if !quiet(Command::new("apt-get").arg("--version")) || !quiet(Command::new("dpkg-deb").arg("--version")) {
        return Some("there is no apt-get and dpkg-deb to get Debian packages with");
    }
    (!Path::new(KEYRING).exists()).then_some("Debian's keyring is missing; apt-get install debian-archive-keyring")
}

fn pins(text: &str) -> Result<Vec<Pin<'_>>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some(package), Some(architecture), Some(version), Some(sha256)) => {
                    Ok(Pin { package, architecture, version, sha256, only: words.collect() })
                }
                _ => Err(Error::Archive(format!(
                    "xtask/pins/debian.txt: `{line}` is no package, architecture, version, sha256"
                ))),
            }
        })
        .collect()
}

/// Gets every package in its pinned version; those that the archive no longer has in the one that it offers.
fn download(pins: &[Pin<'_>], scratch: &Path, packages: &Path) -> Result<()> {
    let configuration = configure(scratch)?;
    let apt_get = || {
        let mut apt_get = Command::new("apt-get");
        apt_get.arg("--config-file").arg(&configuration).arg("--quiet=2").current_dir(packages);
        apt_get
    };
    let failed = |what: &str| {
        Error::Archive(format!("apt-get could not {what}, for the reason above. deb.debian.org must be reachable"))
    };
    execute(apt_get().arg("update")).map_err(|_| failed("read Debian's list of packages"))?;
    let pinned = |pin: &Pin<'_>| format!("{}={}", named(pin), pin.version);
    println!("fetching {} of Debian's packages", pins.len());
    if execute(apt_get().arg("download").args(pins.iter().map(pinned)).stderr(Stdio::null())).is_ok() {
        return Ok(());
    }
    let get = |what: &str| execute(apt_get().arg("download").arg(what).stderr(Stdio::null())).is_ok();
    let missing: Vec<_> = pins.iter().filter(|pin| !get(&pinned(pin)) && !get(&named(pin))).collect();
    // What has a number in its name may go on under another.
    for _ in 0..2 {
        for name in renamed(packages, pins)? {
            execute(apt_get().arg("download").arg(&name)).map_err(|_| failed(&format!("get {name}")))?;
        }
    }
    let there = fetched(packages)?.iter().map(|file| field(file, "Package")).collect::<Result<Vec<_>>>()?;
    match missing.iter().find(|pin| !there.iter().any(|name| numberless(name) == numberless(pin.package))) {
        Some(pin) => Err(failed(&format!("get {}", named(pin)))),
        None => Ok(()),
    }
}

/// The packages in a folder.
fn fetched(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::file(folder))?;
    let files = entries.map(|entry| entry.map(|entry| entry.path()).map_err(Error::file(folder)));
    let mut files = files.collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "deb"));
    Ok(files)
}

/// What a package says of itself.
fn field(package: &Path, name: &str) -> Result<String> {
    let mut query = Command::new("dpkg-deb");
    query.arg("--field").arg(package).arg(name);
    let output = query.output().map_err(|source| Error::Program { program: "dpkg-deb".into(), source })?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Names of packages that those in the folder depend on and that are pinned with another number in them, as `libllvm23` may be
/// where `libllvm22` is pinned.
fn renamed(folder: &Path, pins: &[Pin<'_>]) -> Result<Vec<String>> {
    let files = fetched(folder)?;
    let there = files.iter().map(|file| field(file, "Package")).collect::<Result<Vec<_>>>()?;
    let mut names = Vec::new();
    for file in &files {
        let depends = field(file, "Depends")?;
        for name in depends.split(',').filter_map(|one| one.split_whitespace().next()) {
            let other = pins.iter().any(|pin| numberless(pin.package) == numberless(name))
                && pins.iter().all(|pin| pin.package != name);
            if other && !there.iter().any(|had| had == name) && !names.iter().any(|had| had == name) {
                names.push(name.to_owned());
            }
        }
    }
    Ok(names)
}

fn numberless(package: &str) -> String {
    package.chars().filter(|letter| !letter.is_ascii_digit() && *letter != '.').collect()
}

/// What apt calls a package.
fn named(pin: &Pin<'_>) -> String {
    match pin.architecture {
        "all" => pin.package.to_owned(),
        architecture => format!("{}:{architecture}", pin.package),
    }
}

/// Lists, archives and state of apt's in `folder`, with the signed index of Debian 12 and its security updates.
fn configure(folder: &Path) -> Result<PathBuf> {
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(Error::file(&path)).map(|()| path)
    };
    for needed in ["lists/partial", "archives/partial"] {
        let path = folder.join(needed);
        fs::create_dir_all(&path).map_err(Error::file(&path))?;
    }
    let suite = |name: &str| format!("deb [signed-by={KEYRING}] http://deb.debian.org/{name} main\n");
    let sources = write("sources.list", suite("debian bookworm") + &suite("debian-security bookworm-security"))?;
    let status = write("status", String::new())?;
    let (folder, sources, status) = (folder.display(), sources.display(), status.display());
    write(
        "apt.conf",
        format!(
            "Dir::State \"{folder}\";\nDir::State::lists \"{folder}/lists\";\nDir::State::status \"{status}\";\n\
             Dir::Cache \"{folder}\";\nDir::Etc::sourcelist \"{sources}\";\nDir::Etc::sourceparts \"-\";\n\
             APT::Architecture \"amd64\";\nAPT::Architectures {{ \"amd64\"; \"arm64\"; }};\n\
             APT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\n\
             #clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n"
        ),
    )
}

/// The pin of a package that was fetched, if it is the pinned one, or of another version.
fn checked<'a, 'b>(file: &Path, pins: &'a [Pin<'b>]) -> Result<&'a Pin<'b>> {
    let [package, architecture, version] =
        ["Package", "Architecture", "Version"].map(|name| field(file, name).unwrap_or_default());
    let pin =
        pins.iter().find(|pin| pin.architecture == architecture && numberless(pin.package) == numberless(&package));
    let Some(pin) = pin else {
        return Err(Error::Archive(format!("{} is not what was asked for", file.display())));
    };
    let bytes = fs::read(file).map_err(Error::file(file))?;
    let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let as_pinned = package == pin.package && version == pin.version;
    if as_pinned && found != pin.sha256 {
        let expected = pin.sha256;
        return Err(Error::Archive(format!("{package} {version} has the sha256 {found}, expected {expected}")));
    }
    if !as_pinned {
        println!(
            "NOTE: Debian no longer has {} {}. Taken instead, as its signed index has it:\n\
             {package} {architecture} {version} {found} {}\nPut that line into {PINS} once all passes.",
            pin.package,
            pin.version,
            pin.only.join(" ")
        );
    }
    Ok(pin)
}

fn unpack(pin: &Pin<'_>, package: &Path, root: &Path) -> Result<()> {
    let mut content = Command::new("dpkg-deb");
    content.arg("--fsys-tarfile").arg(package).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut content = content.spawn().map_err(|source| Error::Program { program: "dpkg-deb".into(), source })?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--no-same-owner", "--wildcards", "--directory"]).arg(root);
    tar.args(pin.only.iter().map(|path| format!("./{path}")));
    if let Some(stream) = content.stdout.take() {
        tar.stdin(stream);
    }
    let unpacked = execute(&mut tar);
    let read = content.wait().map_err(|source| Error::Program { program: "dpkg-deb".into(), source })?;
    unpacked?;
    if read.success() { Ok(()) } else { Err(Error::Archive(format!("{} can't be unpacked", package.display()))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../pins/debian.txt");

    #[test]
    fn every_line_pins_a_package_and_none_twice() {
        let pins = pins(TEXT).unwrap();
        assert!(pins.len() > 10, "{pins:?}");
        for (index, pin) in pins.iter().enumerate() {
            assert!(pin.sha256.len() == 64 && pin.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()), "{pin:?}");
            assert!(["all", "amd64", "arm64"].contains(&pin.architecture), "{pin:?}");
            let twice = pins[..index].iter().any(|other| named(other) == named(pin));
            assert!(!twice, "{pin:?}");
        }
    }

    #[test]
    fn the_compiler_and_every_std_are_of_one_version() {
        let pins = pins(TEXT).unwrap();
        let rust: Vec<_> = pins.iter().filter(|pin| pin.package.contains("rust")).collect();
        assert_eq!(rust.len(), 5, "{rust:?}");
        assert!(rust.iter().all(|pin| pin.version == rust[0].version), "{rust:?}");
    }

    #[test]
    fn names_that_differ_by_a_number_are_one_packages() {
        assert_eq!(numberless("libstd-rust-web-1.96"), numberless("libstd-rust-web-1.101"));
        assert_ne!(numberless("libstd-rust-web-1.96"), numberless("libstd-rust-web-dev"));
    }

    #[test]
    fn a_line_without_a_checksum_is_refused_by_itself() {
        let error = pins("# a comment\n\nqemu-user amd64 1:7.2\n").unwrap_err();
        assert!(error.to_string().contains("`qemu-user amd64 1:7.2`"), "{error}");
    }
}
