//! The step `size`: what the library adds to an app, as it is linked with the profile that apps get.
//!
//! Owns the budget, and which names the library may export: those of uniffi and of Java's native methods, as every other name could
//! be taken for another library's. TensorFlow Lite is no part of it, as the app brings it.
//!
//! Linked for Linux, as a link for Android needs the NDK, which comes from no package registry. It is the same code with the same
//! flags; Android's C library is another, and its unwinder is linked into the library where Linux has it in the system's `libgcc_s`.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use crate::cross::{ARM64_LINUX, Cross};
use crate::elf::Library;
use crate::error::{Error, Result};
use crate::step::watch;
use crate::workspace::target;

/// Profile in the workspace's `Cargo.toml`.
const PROFILE: &str = "phone";
/// Pages of 16 KB, which Android 15 may have: every loaded segment must start at such a page.
const PAGE: u64 = 16_384;
const PAGE_ARGUMENT: &str = "-Clink-arg=-Wl,-z,max-page-size=16384";
/// Target, and most bytes that its library may have: a little more than it has, so that no change makes it grow unseen. The
/// emulator's x86-64 is shown only.
const TARGETS: [(&str, Option<usize>); 2] = [(ARM64_LINUX, Some(3_500_000)), ("x86_64-unknown-linux-gnu", None)];
/// What an app should be asked to carry; BENCHMARKS.md says what stands in the way.
const WANTED: usize = 2_000_000;
/// How the names begin that may be exported.
const EXPORTED: [&str; 4] = ["uniffi_shelfscan_ffi_", "ffi_shelfscan_ffi_", "UNIFFI_META_", "Java_dev_shelfscan_"];

/// Links the libraries and judges them.
pub(crate) fn run(skipped: &Mutex<Vec<String>>) -> Result<()> {
    let Some(cross) = Cross::prepare("size", skipped)? else { return Ok(()) };
    let mut cargo = cross.cargo("phone");
    // The target for the compiler's own programs is named too, so that the flags are not theirs.
    cargo.env("RUSTFLAGS", PAGE_ARGUMENT).args(["build", "--locked", "--package", "shelfscan-bindings", "--lib"]);
    cargo.args(["--profile", PROFILE]).args(TARGETS.iter().flat_map(|(target, _)| ["--target", target]));
    watch(&mut cargo, skipped)?;

    let lists = target().join("size");
    fs::create_dir_all(&lists).map_err(Error::file(&lists))?;
    let mut faults = Vec::new();
    println!("{:<28} {:>9}  exported names", "target", "bytes");
    for (name, budget) in TARGETS {
        let path = target().join("phone").join(name).join(PROFILE).join("libshelfscan_ffi.so");
        let bytes = fs::read(&path).map_err(Error::file(&path))?;
        let library = Library::parse(&bytes, &path)?;
        let list = lists.join(name).with_extension("txt");
        fs::write(&list, library.exported.join("\n") + "\n").map_err(Error::file(&list))?;
        println!("{name:<28} {:>9}  {} in {}", bytes.len(), library.exported.len(), list.display());
        if budget.is_some() && bytes.len() > WANTED {
            println!("{name:<28} {WANTED:>9}  are wanted, and missed");
        }
        faults.extend(judge(&library, bytes.len(), budget, &path));
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Size(faults.join("; "))) }
}

/// What is wrong with a library, if anything.
fn judge(library: &Library, bytes: usize, budget: Option<usize>, path: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    let path = path.display();
    if let Some(budget) = budget.filter(|&budget| bytes > budget) {
        faults.push(format!("{path} has {bytes} bytes, more than the {budget} that it may have"));
    }
    let small = library.alignments.iter().filter(|alignment| !alignment.is_multiple_of(PAGE)).count();
    if small > 0 || library.alignments.is_empty() {
        let alignments = &library.alignments;
        faults.push(format!("{path}: its loaded segments are aligned to {alignments:?} bytes, not to {PAGE}"));
    }
    let strangers: Vec<&str> = library
        .exported
        .iter()
        .map(String::as_str)
        .filter(|name| EXPORTED.iter().all(|start| !name.starts_with(start)))
        .collect();
    if !strangers.is_empty() {
        faults.push(format!("{path} exports {}, which are for no app", strangers.join(", ")));
    }
    if !library.exported.iter().any(|name| name.starts_with(EXPORTED[0])) {
        faults.push(format!("{path} exports nothing for an app"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(alignments: &[u64], exported: &[&str], bytes: usize) -> String {
        let exported = exported.iter().map(ToString::to_string).collect();
        let library = Library { alignments: alignments.to_vec(), exported };
        judge(&library, bytes, Some(100), Path::new("some.so")).join("\n")
    }

    #[test]
    fn a_library_within_the_budget_with_an_apps_names_alone_has_no_fault() {
        let names = ["Java_dev_shelfscan_BitmapPixels_lend", "uniffi_shelfscan_ffi_fn_constructor_scanner_open"];
        assert_eq!(faults(&[PAGE, 4 * PAGE], &names, 100), "");
    }

    #[test]
    fn each_fault_is_told_by_itself() {
        let good = ["uniffi_shelfscan_ffi_fn_func_report_json"];
        assert!(faults(&[PAGE], &good, 101).contains("101 bytes"));
        assert!(faults(&[PAGE, 4096], &good, 1).contains("[16384, 4096]"));
        assert!(faults(&[], &good, 1).contains("aligned to []"));
        assert!(faults(&[PAGE], &["rust_eh_personality", good[0]], 1).contains("exports rust_eh_personality,"));
        assert!(faults(&[PAGE], &[], 1).contains("exports nothing"));
    }
}
