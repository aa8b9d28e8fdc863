//! A Debian of its own below the build folder, for programs that this machine's release doesn't have.
//!
//! Owns making it, once, from Debian's signed archive, and running programs in it that see this repository where it is.
//! Every mount is made in a namespace of its own, which ends with the program: none is left behind on any way out, and the
//! build folder can be deleted like any other. Refuses to pin package versions: the archive that is reachable keeps the newest alone, so
//! what was installed is written down and shown.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian;
use crate::error::{Error, Result};
use crate::python::quiet;
use crate::step::execute;
use crate::swift::write_if_new;
use crate::workspace::tools_folder;

/// Mounts what the Debian in `$1` needs, shows it each `OPTION FOLDER` up to `--`, and becomes the program after that.
const ENTER: &str = r#"set -eu
root=$1; shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
while [ "$1" != -- ]; do
    mkdir -p "$root$2"
    mount --bind "$2" "$root$2"
    mount -o "remount,bind,$1" "$root$2"
    shift 2
done
shift
exec chroot "$root" "$@"
"#;

/// A Debian below the build folder.
pub(crate) struct Chroot {
    root: PathBuf,
    /// The script that goes into it.
    enter: PathBuf,
    /// Names and versions of its packages, a line for each.
    packages: String,
}

impl Chroot {
    /// The Debian of `suite` with `packages`, made if need be; or why this machine can't have one. `gigabytes` is what it takes at its
    /// largest.
    pub(crate) fn ready(suite: &str, packages: &[&str], gigabytes: u64) -> Result<Result<Self, String>> {
        let root = tools_folder().join(format!("debian-{suite}-{}", packages[0]));
        let enter = tools_folder().join("enter-chroot.sh");
        write_if_new(&enter, ENTER.as_bytes())?;
        let (asked, installed) = (root.join("asked.txt"), root.join("packages.txt"));
        let asks = packages.join(" ");
        if fs::read_to_string(&asked).is_ok_and(|asked| asked == asks) {
            let packages = fs::read_to_string(&installed).map_err(Error::file(&installed))?;
            return Ok(Ok(Self { root, enter, packages }));
        }
        if !debian::may_install() || !debian::install(&["debootstrap", "debian-archive-keyring"])? {
            return Ok(Err(format!("it runs in a Debian {suite} that only root on Debian can make")));
        }
        if !quiet(namespace().arg("true")) {
            return Ok(Err("this root may not mount, as its container forbids it".to_owned()));
        }
        if root.exists() {
            fs::remove_dir_all(&root).map_err(Error::file(&root))?;
        }
        let folder = tools_folder();
        fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        if !has_room(&folder, gigabytes) {
            return Ok(Err(format!("its Debian {suite} needs {gigabytes} GB of free disk")));
        }
        println!("making a Debian {suite} with {asks} in {}", root.display());
        let mut bootstrap = namespace();
        bootstrap.args(["debootstrap", "--variant=minbase"]).arg(format!("--include={}", packages.join(",")));
        execute(bootstrap.arg("--keyring=/usr/share/keyrings/debian-archive-keyring.gpg").arg(suite).arg(&root))?;

        let mut chroot = Self { root, enter, packages: String::new() };
        execute(chroot.command(&[]).args(["apt-get", "clean"]))?;
        let mut query = chroot.command(&[]);
        let listed = query.args(["dpkg-query", "--show", "--showformat=${Package} ${Version}\\n"]).output();
        let listed = listed.map_err(|source| Error::Program { program: "dpkg-query".into(), source })?.stdout;
        chroot.packages = String::from_utf8_lossy(&listed).into_owned();
        fs::write(&installed, &chroot.packages).map_err(Error::file(&installed))?;
        fs::write(&asked, asks).map_err(Error::file(&asked))?;
        Ok(Ok(chroot))
    }

    /// The installed version of a package.
    pub(crate) fn version(&self, package: &str) -> &str {
        let versions = self.packages.lines().filter_map(|line| line.split_once(' '));
        versions.filter(|(name, _)| *name == package).map(|(_, version)| version).next().unwrap_or("of unknown version")
    }

    /// A command whose arguments are the program to run inside and its arguments. It sees `folders` where they are here, each
    /// `(folder, may be written)`, those within others after them.
    pub(crate) fn command(&self, folders: &[(&Path, bool)]) -> Command {
        let mut command = namespace();
        command.arg("sh").arg(&self.enter).arg(&self.root);
        for (folder, writable) in folders {
            command.arg(if *writable { "rw" } else { "ro" }).arg(folder);
        }
        command.arg("--");
        command
    }
}

/// Runs its arguments with mounts and processes of their own, which end with them.
fn namespace() -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    unshare
}

fn has_room(folder: &Path, gigabytes: u64) -> bool {
    let free = Command::new("df").args(["--output=avail", "--block-size=1000000000"]).arg(folder).output();
    let free =
        free.map(|df| String::from_utf8_lossy(&df.stdout).lines().nth(1).and_then(|line| line.trim().parse().ok()));
    // Where it can't be told, trying tells.
    free.ok().flatten().is_none_or(|free: u64| free >= gigabytes)
}
