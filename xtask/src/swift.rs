//! The step `swift`: the Swift package on Linux, against the real library and the shipped bundle.
//!
//! Owns what the tests work on and the order: the generated part is fresh, the package and every file of Swift in the repository compile
//! or at least parse, its tests pass. It builds a copy of the package below the build folder, so that the generated part can have
//! the function that fails as a bug would, and the code of the guide can be compiled beside the tests. Refuses to pass for what only
//! Apple's systems compile: that is parsed, and said to be no more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;

use serde_json::json;

use crate::chroot::Chroot;
use crate::demo::{BUNDLE, SAMPLE, shelfscan};
use crate::error::{Error, Result};
use crate::step::{execute, skip, watch};
use crate::tools::build;
use crate::workspace::{root, target};
use crate::{boundary, fetch, swift_docs, swift_generated};

/// What a Debian needs to compile Swift.
const PACKAGES: [&str; 3] = ["swiftlang", "libc6-dev", "libstdc++-14-dev"];
/// What that takes at its largest, with the packages on their way into it.
const GIGABYTES: u64 = 4;
/// Real photos to scan, beside the repository, as the command line is given them.
const PHOTOS: &str = "../shared/data/fridge/images/val";
/// How many of them.
const COUNT: usize = 6;
/// Looks whether the libraries `$2` and `$3` define all that the script `$1` would export from the XCFramework.
const EXPORTS: &str = r#"
defined=$(nm --dynamic --defined-only --format=just-symbols "$2" "$3" | sed 's/@.*//')
missing=$(LC_ALL=C comm -23 <("$1" --exports) <(echo "$defined" | LC_ALL=C sort -u))
[ -z "$missing" ] || { echo "the XCFramework would export what no library defines:" $missing; exit 1; }
echo "the XCFramework exports $("$1" --exports | wc -l) symbols, all of them defined"
"#;

/// Checks what is generated, on every machine; builds and tests the package where Swift can be had.
pub(crate) fn run(skipped: &Mutex<Vec<String>>) -> Result<()> {
    let library = boundary::library()?;
    let generated = swift_generated::checked(&library)?;
    let chroot = match Chroot::ready("trixie", &PACKAGES, GIGABYTES)? {
        Ok(chroot) => chroot,
        Err(why) => {
            skip(skipped, &format!("Swift, {why}"));
            return Ok(());
        }
    };
    println!("swiftlang {} of Debian trixie", chroot.version("swiftlang"));
    let folder = target().join("swift");
    let package = folder.join("package");
    stage(&package, &generated)?;
    let apple = swift_docs::stage(&package, &folder.join("parsed"))?;
    let fixtures = folder.join("fixtures");
    make_fixtures(&fixtures)?;

    let swift = |program: &str| {
        let photos = root().join(PHOTOS).canonicalize().ok();
        let (target, mut folders) = (target(), vec![(root(), false)]);
        folders.extend(photos.as_deref().map(|photos| (photos, false)));
        folders.push((&target, true));
        let mut command = chroot.command(&folders);
        // Where the compiler keeps what it made of system modules.
        command.env("HOME", &folder);
        command.arg(program);
        command
    };

    let mut parse = swift("swiftc");
    parse.args(["-frontend", "-parse", "-swift-version", "6"]).args(sources(&root().join("ios"))?).args(&apple);
    watch(&mut parse, skipped)?;

    // As at the root of a repository that has the package in `ios`.
    let mirror = folder.join("mirror");
    let manifest = fs::read(package.join("Package.swift")).map_err(Error::file(&package))?;
    write_if_new(&mirror.join("Package.swift"), &manifest)?;
    for file in files(&package)? {
        let inside = Path::new("ios").join(file.strip_prefix(&package).unwrap_or(&file));
        write_if_new(&mirror.join(inside), &fs::read(&file).map_err(Error::file(&file))?)?;
    }
    let mut describe = swift("swift");
    describe.args(["package", "describe", "--package-path"]).arg(&mirror);
    describe.arg("--scratch-path").arg(folder.join("build-mirror"));
    execute(describe.stdout(Stdio::null()))?;

    let tflite = shelfscan_tflite::fetched_library(&target());
    let mut exports = swift("bash");
    exports.args(["-c", EXPORTS, "exports"]).arg(root().join("ios/build-xcframework.sh")).arg(&library).arg(&tflite);
    watch(&mut exports, skipped)?;

    let mut test = swift("swift");
    test.args(["test", "--disable-swift-testing", "--package-path"])
        .arg(&package)
        .arg("--scratch-path")
        .arg(folder.join("build"));
    test.args(["-Xswiftc", "-DSHELFSCAN_PANIC_PROBE", "-Xswiftc", "-warnings-as-errors"]);
    test.arg("-Xlinker").arg(format!("-L{}", library.parent().unwrap_or(&library).display()));
    test.env("LD_LIBRARY_PATH", library.parent().unwrap_or(&library));
    test.env("TFLITE_LIBRARY_PATH", &tflite);
    test.env("SHELFSCAN_ROOT", root()).env("SHELFSCAN_FIXTURES", &fixtures);
    watch(&mut test, skipped)
}

/// Copies the package, with the generated part that has the probe. What is the same already is left, so that it is not built again.
fn stage(package: &Path, generated: &Path) -> Result<()> {
    let source = root().join("ios");
    let mut wanted = vec![PathBuf::from("Package.swift")];
    for folder in ["Sources", "Tests"] {
        wanted.extend(
            files(&source.join(folder))?.iter().filter_map(|file| Some(file.strip_prefix(&source).ok()?.to_owned())),
        );
    }
    for file in &wanted {
        let of = if swift_generated::PARTS.iter().any(|(_, committed)| root().join(committed) == source.join(file)) {
            generated.join(file.file_name().unwrap_or_default())
        } else {
            source.join(file)
        };
        let text = fs::read(&of).map_err(Error::file(&of))?;
        write_if_new(&package.join(file), &text)?;
    }
    // What was taken out of the package since.
    for file in files(package)? {
        let inside = file.strip_prefix(package).unwrap_or(&file);
        if !wanted.iter().any(|wanted| wanted == inside) && !inside.ends_with(swift_docs::COMPILED) {
            fs::remove_file(&file).map_err(Error::file(&file))?;
        }
    }
    Ok(())
}

/// Writes a file unless it is there with these bytes.
pub(crate) fn write_if_new(file: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).map_err(Error::file(folder))?;
    fs::write(file, bytes).map_err(Error::file(file))
}

/// The sample photo's pixels, and what the command line says of it and of some real photos.
fn make_fixtures(folder: &Path) -> Result<()> {
    fetch::run()?;
    build(&["shelfscan-cli"])?;
    fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let mut photos = vec![format!("{SAMPLE}/shelf.jpg")];
    if let Ok(found) = files(&root().join(PHOTOS)) {
        let names = found.iter().filter_map(|file| Some(format!("{PHOTOS}/{}", file.file_name()?.to_str()?)));
        photos.extend(names.take(COUNT));
    }
    let mut scan = shelfscan();
    scan.current_dir(root()).arg("scan").args(&photos).args(["--bundle", BUNDLE, "--json"]);
    execute(scan.arg(folder.join("expected.json")).stdout(Stdio::null()))?;
    let names = folder.join("photos.txt");
    fs::write(&names, photos.join("\n")).map_err(Error::file(&names))?;

    let shelf = root().join(&photos[0]);
    let unusable = |reason: String| Error::Page { path: shelf.clone(), reason };
    let bytes = fs::read(&shelf).map_err(Error::file(&shelf))?;
    let photo = shelfscan::decode(&bytes, &Default::default()).map_err(|error| unusable(error.to_string()))?;
    let (width, height) = photo.view().map_err(|error| unusable(error.to_string()))?.frame().upright_size();
    let (pixels, size) = (folder.join("photo.rgb"), folder.join("photo.json"));
    fs::write(&pixels, photo.into_buffer()).map_err(Error::file(&pixels))?;
    fs::write(&size, json!({"width": width, "height": height}).to_string()).map_err(Error::file(&size))
}

/// The Swift files below `folder`.
fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_swift = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "swift");
    // A manifest is read by the package manager.
    let is_manifest = |file: &PathBuf| file.ends_with("Package.swift");
    Ok(files(folder)?.into_iter().filter(|file| is_swift(file) && !is_manifest(file)).collect())
}

/// The files below `folder`, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
