//! Building for processors and systems that this machine is not.
//!
//! Owns the compiler for it, with std prebuilt for arm64 and as source for phones, a linker and an emulator: Debian's, unpacked below
//! the build folder (`archive`), as rustup has no such targets without a download of its own. What is built goes to folders of its
//! own in the build folder, so that builds for this machine stay as they are.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use crate::archive;
use crate::error::{Error, Result};
use crate::step::skip;
use crate::tools::{cargo, make_executable};
use crate::workspace::target;

/// arm64 as Linux has it, which this machine can run with an emulator.
pub(crate) const ARM64_LINUX: &str = "aarch64-unknown-linux-gnu";

/// The compiler and what belongs to it.
pub(crate) struct Cross {
    root: PathBuf,
}

impl Cross {
    /// Gets it ready; none where that can't be, which is said and kept as skipped by `step`.
    pub(crate) fn prepare(step: &str, skipped: &Mutex<Vec<String>>) -> Result<Option<Self>> {
        if let Some(why) = archive::hindrance() {
            skip(skipped, &format!("{step}: {why}"));
            return Ok(None);
        }
        let cross = Self { root: archive::unpacked()? };
        // Debian's programs find their libraries where Debian puts them, and here they are elsewhere.
        cross.wrap("rustc", "usr/bin/rustc", "")?;
        let sysroot = format!("'--sysroot={}'", cross.root.display());
        cross.wrap("cc", "usr/bin/aarch64-linux-gnu-gcc-12", &sysroot)?;
        Ok(Some(cross))
    }

    /// Cargo for other targets, in the root of the repository, building in `folder` of the build folder.
    pub(crate) fn cargo(&self, folder: &str) -> Command {
        let mut cargo = cargo();
        cargo.env("RUSTC", self.program("rustc")).env("CARGO_TARGET_DIR", target().join(folder));
        cargo.env(for_arm64("LINKER"), self.program("cc")).env_remove("RUSTFLAGS");
        cargo
    }

    /// The emulator with the C library of arm64, as a kind of processor: `max` has all that the emulator knows.
    pub(crate) fn emulator(&self, processor: &str) -> String {
        let root = self.root.display();
        format!("{root}/usr/bin/qemu-aarch64-static -cpu {processor} -L {root}/usr/aarch64-linux-gnu")
    }

    fn program(&self, name: &str) -> PathBuf {
        self.root.join("run").join(name)
    }

    /// Writes the program `name` that runs the one at `path` with its libraries. Not written anew when it is there, as Cargo builds
    /// everything again when its compiler is newer.
    fn wrap(&self, name: &str, path: &str, arguments: &str) -> Result<()> {
        let (program, folder) = (self.program(name), self.root.join("run"));
        let root = self.root.display();
        let text = format!(
            "#!/bin/sh\nLD_LIBRARY_PATH='{root}/usr/lib/x86_64-linux-gnu'\"${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\" \
             exec '{root}/{path}' {arguments} \"$@\"\n"
        );
        if fs::read_to_string(&program).is_ok_and(|there| there == text) {
            return Ok(());
        }
        fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        fs::write(&program, text).map_err(Error::file(&program))?;
        make_executable(&program).map_err(Error::file(&program))
    }
}

/// Cargo's environment variable for a setting of arm64's.
pub(crate) fn for_arm64(setting: &str) -> String {
    format!("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_{setting}")
}

/// Has Cargo build std from source, as there is none prebuilt for phones. Cargo calls that unstable, for which the compiler, a stable
/// one, is told to be a nightly.
pub(crate) fn build_std(cargo: &mut Command) {
    cargo.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_unwind");
}
