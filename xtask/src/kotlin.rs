//! The step `kotlin`: the library for Android and its tests, compiled and run.
//!
//! Owns what is compiled against what, and what the tests are told of this machine. The half of the library that needs no Android
//! runs on the JVM with the real native library; all of it runs on Robolectric's Android.

mod documents;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use shelfscan_tflite::{LIBRARY_PATH_VARIABLE, fetched_library};

use crate::boundary::{self, Language};
use crate::error::{Error, Result};
use crate::kotlinc::{Module, class_path, compile};
use crate::step::{skip, watch};
use crate::tools::build;
use crate::workspace::{root, target};
use crate::{demo, fetch, jdk, maven};

/// Real photos, beside the repository.
const PHOTOS: &str = "../shared/data/fridge/images/val";
/// Sources of the half of the library that needs no Android, and of the other.
const PURE: &str = "android/shelfscan/src/main/kotlin";
const ANDROID: &str = "android/shelfscan/src/main/android";
/// Sources of the sample app.
const SAMPLE: &str = "android/sample/src/main/kotlin";
/// The page whose code is compiled, and what has the lines of it that are no Kotlin.
const PAGE: &str = "docs/android.md";
const SAMPLE_FILES: [&str; 2] = ["android/sample/build.gradle.kts", "android/sample/src/main/AndroidManifest.xml"];

/// Compiles and runs; says that it was skipped where there is no Java.
pub(crate) fn run(skipped: &Mutex<Vec<String>>) -> Result<()> {
    let Some(java) = jdk::java()? else {
        skip(skipped, "kotlin: there is no Java 17 or later; apt-get install openjdk-17-jre-headless");
        return Ok(());
    };
    fetch::run()?;
    build(&["shelfscan-cli"])?;
    let library = boundary::library()?;
    let bindings = target().join("kotlin/bindings");
    boundary::generate(&library, Language::Kotlin, &bindings)?;
    let step = Step { java, library, bindings, skipped };
    step.jvm()?;
    step.android()
}

struct Step<'a> {
    java: PathBuf,
    library: PathBuf,
    bindings: PathBuf,
    skipped: &'a Mutex<Vec<String>>,
}

impl Step<'_> {
    /// The half without Android, on the JVM.
    fn jvm(&self) -> Result<()> {
        let libraries = maven::jars("library")?;
        let sources = [root().join(PURE), self.bindings.clone()];
        let library = Module { name: "library", sources: &sources, classpath: &libraries, friends: &[], strict: false };
        let library = compile(&self.java, &library)?;
        let classpath = [vec![library.clone()], libraries, maven::jars("tests")?].concat();
        let sources = ["jvm", "support"].map(|folder| root().join("tests/kotlin").join(folder));
        let tests =
            Module { name: "jvm-tests", sources: &sources, classpath: &classpath, friends: &[library], strict: true };
        let tests = compile(&self.java, &tests)?;
        self.test(&tests, &classpath, &[])
    }

    /// All of it, and the sample app, on Robolectric's Android; and the code of the page.
    fn android(&self) -> Result<()> {
        let libraries = [maven::jars("library")?, maven::jars("android")?].concat();
        let sources = [root().join(PURE), root().join(ANDROID), self.bindings.clone()];
        let library =
            Module { name: "android-library", sources: &sources, classpath: &libraries, friends: &[], strict: false };
        let library = compile(&self.java, &library)?;

        let classpath = [vec![library.clone()], libraries].concat();
        let sample = Module {
            name: "sample",
            sources: &[root().join(SAMPLE)],
            classpath: &classpath,
            friends: &[],
            strict: true,
        };
        let sample = compile(&self.java, &sample)?;

        let blocks = target().join("kotlin/blocks");
        documents::extract(&root().join(PAGE), &SAMPLE_FILES.map(|file| root().join(file)), &blocks)?;
        let sources = [blocks, root().join("tests/kotlin/docs")];
        let page = Module { name: "page", sources: &sources, classpath: &classpath, friends: &[], strict: false };
        compile(&self.java, &page)?;

        let classpath = [vec![sample.clone()], classpath, maven::jars("tests")?, maven::jars("robolectric")?].concat();
        let sources = ["android", "support"].map(|folder| root().join("tests/kotlin").join(folder));
        let tests = Module {
            name: "android-tests",
            sources: &sources,
            classpath: &classpath,
            friends: &[library, sample],
            strict: true,
        };
        let tests = compile(&self.java, &tests)?;
        // Its settings are beside its sources.
        let classpath = [vec![root().join("tests/kotlin/android")], classpath].concat();
        let images = maven::folder("android-instrumented")?;
        let mut properties = vec!["-Drobolectric.offline=true".to_owned()];
        properties.push(format!("-Drobolectric.dependency.dir={}", images.display()));
        let opened = ["java.io", "java.lang", "java.util"];
        properties.extend(opened.map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED")));
        self.test(&tests, &classpath, &properties)
    }

    /// Runs the tests among these classes.
    fn test(&self, tests: &Path, classpath: &[PathBuf], properties: &[String]) -> Result<()> {
        let mut run = Command::new(&self.java);
        let folder = self.library.parent().unwrap_or(&self.library);
        run.current_dir(root()).arg("-Xmx1500m");
        run.arg(format!("-Djna.library.path={}", folder.display()));
        run.arg(format!("-Dshelfscan.root={}", root().display()));
        run.arg(format!("-Dshelfscan.command={}", Path::new(demo::shelfscan().get_program()).display()));
        run.arg(format!("-Dshelfscan.photos={}", root().join(PHOTOS).display()));
        run.args(properties).env(LIBRARY_PATH_VARIABLE, fetched_library(&target()));
        run.arg("-cp").arg(class_path(&[&[tests.to_owned()], classpath].concat())?);
        run.arg("dev.shelfscan.RunnerKt").arg(tests);
        watch(&mut run, self.skipped).map_err(|_| Error::Tests { name: "Kotlin".to_owned() })
    }
}
