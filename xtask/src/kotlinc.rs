//! Compiling Kotlin.
//!
//! Owns the compiler's command and the cache of what it made: classes are known by the content of all that went into them, so
//! what did not change is not compiled again.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::maven;
use crate::step::execute;
use crate::workspace::target;

/// Byte code that Android's tools take; also of what runs on the JVM here.
const JVM_TARGET: &str = "17";

/// A piece of Kotlin that is compiled as one.
pub(crate) struct Module<'a> {
    /// Its name, in messages and below the build folder.
    pub name: &'a str,
    /// Its sources: files, and folders with all Kotlin files below them.
    pub sources: &'a [PathBuf],
    /// What it is compiled against: archives and folders of classes.
    pub classpath: &'a [PathBuf],
    /// Folders of classes whose `internal` names it may use, as a test's.
    pub friends: &'a [PathBuf],
    /// Whether a warning is an error. Not for what a generator wrote.
    pub strict: bool,
}

/// The folder with the module's classes, compiled if need be.
pub(crate) fn compile(java: &Path, module: &Module<'_>) -> Result<PathBuf> {
    let sources = files(module.sources)?;
    let arguments = arguments(module);
    let compiler = maven::jars("compiler")?;
    let folder = target().join("kotlin").join(format!("{}-{}", module.name, digest(&compiler, &sources, &arguments)?));
    if folder.is_dir() {
        return Ok(folder);
    }
    println!("compiling {} ({} files)", module.name, sources.len());
    forget(module.name)?;
    let parent = folder.parent().unwrap_or(&folder);
    fs::create_dir_all(parent).map_err(Error::file(parent))?;
    // Beside the folder, so that a folder of this name is a whole one.
    let scratch = tempfile::tempdir_in(parent).map_err(Error::file(parent))?;
    let classes = scratch.path().join("classes");
    let mut kotlinc = Command::new(java);
    kotlinc.args(["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]).arg(class_path(&compiler)?);
    kotlinc.arg("org.jetbrains.kotlin.cli.jvm.K2JVMCompiler").args(&arguments).arg("-d").arg(&classes).args(&sources);
    execute(&mut kotlinc).map_err(|_| Error::Kotlin { module: module.name.to_owned() })?;
    fs::rename(&classes, &folder).map_err(Error::file(&folder))?;
    Ok(folder)
}

fn arguments(module: &Module<'_>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["-no-stdlib", "-no-reflect", "-jvm-target", JVM_TARGET].map(Into::into).into();
    if module.strict {
        arguments.push("-Werror".into());
    }
    if !module.friends.is_empty() {
        let friends: Vec<_> = module.friends.iter().map(|path| path.display().to_string()).collect();
        arguments.push(format!("-Xfriend-paths={}", friends.join(",")).into());
    }
    arguments.push("-classpath".into());
    arguments.push(class_path(module.classpath).unwrap_or_default());
    arguments
}

/// Archives and folders as one argument.
pub(crate) fn class_path(entries: &[PathBuf]) -> Result<OsString> {
    std::env::join_paths(entries).map_err(|error| Error::Kotlin { module: error.to_string() })
}

/// All Kotlin files of these files and folders, in one order everywhere.
fn files(sources: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for source in sources {
        if source.is_dir() {
            let entries = fs::read_dir(source).map_err(Error::file(source))?;
            let below = entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>();
            let below: Vec<_> = below.map_err(Error::file(source))?;
            found
                .extend(files(&below.into_iter().filter(|path| path.is_dir() || is_kotlin(path)).collect::<Vec<_>>())?);
        } else {
            found.push(source.clone());
        }
    }
    found.sort();
    Ok(found)
}

fn is_kotlin(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "kt")
}

/// What went into the classes: the compiler, the arguments, which name archives by version and classes by their own digest, and
/// the sources.
fn digest(compiler: &[PathBuf], sources: &[PathBuf], arguments: &[OsString]) -> Result<String> {
    let mut hash = Sha256::new();
    for text in compiler.iter().map(|path| path.as_os_str()).chain(arguments.iter().map(OsString::as_os_str)) {
        hash.update(text.as_encoded_bytes());
        hash.update([0]);
    }
    for source in sources {
        hash.update(source.as_os_str().as_encoded_bytes());
        hash.update(Sha256::digest(fs::read(source).map_err(Error::file(source))?));
    }
    Ok(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// Removes what the module was compiled to before.
fn forget(name: &str) -> Result<()> {
    let folder = target().join("kotlin");
    let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
    for entry in entries.filter_map(|entry| entry.ok()) {
        let former = entry.file_name().to_string_lossy().rsplit_once('-').is_some_and(|(former, _)| former == name);
        if former && entry.path().is_dir() {
            fs::remove_dir_all(entry.path()).map_err(Error::file(entry.path()))?;
        }
    }
    Ok(())
}
