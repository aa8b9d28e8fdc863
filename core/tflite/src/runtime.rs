//! Finding and loading the TensorFlow Lite library.
//!
//! Owns the search order and the version check. Refuses a library that is not TensorFlow Lite 2.14 or later of major
//! version 2, and never falls through to another place when a file that was found does not work: a stale copy should be
//! noticed, not passed over.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ffi::{Api, LoadError};
use crate::{Error, Result};

/// Environment variable that names the library's file; when set, nothing else is tried.
pub const LIBRARY_PATH_VARIABLE: &str = "TFLITE_LIBRARY_PATH";

/// The version of the model format (`TFLITE_SCHEMA_VERSION`) that a library must read.
const SCHEMA_VERSION: i32 = 3;

/// Oldest minor version of TensorFlow Lite 2 that is accepted: the oldest whose headers declare all that is called.
const OLDEST_MINOR: u32 = 14;

/// File name of the library on this platform.
#[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
const FILE_NAME: &str = "libtensorflowlite_c.so";
#[cfg(target_vendor = "apple")]
const FILE_NAME: &str = "libtensorflowlite_c.dylib";
#[cfg(windows)]
const FILE_NAME: &str = "tensorflowlite_c.dll";
/// What the Android packages of TensorFlow Lite and LiteRT call it; the C API is exported from the JNI library.
#[cfg(target_os = "android")]
const FILE_NAME: &str = "libtensorflowlite_jni.so";

/// How far up from the executable a build folder is looked for: `target/TRIPLE/PROFILE/deps/EXECUTABLE`.
#[cfg(not(target_os = "ios"))]
const BUILD_FOLDER_DEPTH: usize = 4;

/// Where `cargo xtask fetch` puts the library for this platform in the build folder `target`.
#[must_use]
pub fn fetched_library(target: &Path) -> PathBuf {
    target.join("tflite").join(format!("{}-{}", env::consts::OS, env::consts::ARCH)).join(FILE_NAME)
}

/// A loaded TensorFlow Lite library. Cloning shares it; it stays loaded for the life of the process.
#[derive(Clone)]
pub struct Runtime(Arc<Loaded>);

struct Loaded {
    api: Api,
    library: String,
    version: String,
}

/// A place where the library may be.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// A file; passed over when there is none.
    File(PathBuf),
    /// A name for the system's loader to find.
    #[cfg(not(target_os = "ios"))]
    Name(&'static str),
    /// The running program itself.
    #[cfg(target_os = "ios")]
    Linked,
}

impl Runtime {
    /// Loads the library from the first place that has it: the file that `TFLITE_LIBRARY_PATH` names (then nothing else
    /// is tried); `lib/` beside the executable, or the executable's folder; where `cargo xtask fetch` puts it, when the
    /// executable is in a Cargo build folder; the system's libraries. On iOS, the running program alone: the symbols
    /// are linked into it.
    ///
    /// The current directory is never searched: whoever can write there could have code run.
    ///
    /// # Errors
    /// [`Error::LibraryNotFound`] with every place tried; [`Error::UnusableLibrary`] if one was found that doesn't
    /// work.
    pub fn load() -> Result<Self> {
        let variable = env::var_os(LIBRARY_PATH_VARIABLE).filter(|value| !value.is_empty());
        Self::load_first(places(variable, env::current_exe().ok().as_deref()))
    }

    /// Loads the library from this file. Loading a library runs code of it: the path must be one that the application
    /// trusts.
    ///
    /// # Errors
    /// [`Error::LibraryNotFound`] if there is no such file; [`Error::UnusableLibrary`] if it is not a usable TensorFlow
    /// Lite.
    pub fn load_from(path: &Path) -> Result<Self> {
        Self::load_first(vec![Place::File(path.to_owned())])
    }

    fn load_first(places: Vec<Place>) -> Result<Self> {
        let mut tried = Vec::new();
        for place in places {
            let (library, loaded) = match &place {
                Place::File(path) if !path.is_file() => {
                    tried.push(format!("{} (no such file)", path.display()));
                    continue;
                }
                // A relative path without a folder would be taken for a system name.
                Place::File(path) => {
                    (path.display().to_string(), Api::load(&path.canonicalize().unwrap_or(path.clone())))
                }
                #[cfg(not(target_os = "ios"))]
                Place::Name(name) => match Api::load(Path::new(name)) {
                    Err(LoadError::Loader(reason)) => {
                        tried.push(format!("the system's {name} ({reason})"));
                        continue;
                    }
                    loaded => (format!("{name} of the system"), loaded),
                },
                #[cfg(target_os = "ios")]
                Place::Linked => ("linked into the program".to_owned(), Api::linked()),
            };
            return Self::checked(library, loaded);
        }
        Err(Error::LibraryNotFound { tried: tried.join(", ") })
    }

    fn checked(library: String, loaded: Result<Api, LoadError>) -> Result<Self> {
        let api = match loaded {
            Ok(api) => api,
            Err(LoadError::Loader(reason)) => return Err(Error::UnusableLibrary { library, reason }),
            Err(LoadError::MissingSymbol(symbol)) => {
                let reason = format!("it lacks the symbol `{symbol}`");
                return Err(Error::UnusableLibrary { library, reason });
            }
        };
        let (version, schema) = api.versions();
        if !supported(&version) || schema != SCHEMA_VERSION {
            let reason = format!(
                "it is version {version:?} with model format {schema}; needed is 2.{OLDEST_MINOR} \
                 or a later 2.x with format {SCHEMA_VERSION}"
            );
            return Err(Error::UnusableLibrary { library, reason });
        }
        Ok(Self(Arc::new(Loaded { api, library, version })))
    }

    /// The library's version, as `2.17.1`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// Where the library came from: the path of its file, or which of the system's it is.
    #[must_use]
    pub fn library(&self) -> &str {
        &self.0.library
    }

    pub(crate) fn api(&self) -> &Api {
        &self.0.api
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("library", &self.0.library).field("version", &self.0.version).finish()
    }
}

/// The search order.
#[cfg(not(target_os = "ios"))]
fn places(variable: Option<OsString>, executable: Option<&Path>) -> Vec<Place> {
    if let Some(path) = variable {
        return vec![Place::File(path.into())];
    }
    let mut places = Vec::new();
    if let Some(folder) = executable.and_then(Path::parent) {
        places.push(Place::File(folder.join("lib").join(FILE_NAME)));
        places.push(Place::File(folder.join(FILE_NAME)));
        let build_folders = folder.ancestors().take(BUILD_FOLDER_DEPTH);
        places.extend(build_folders.map(fetched_library).map(Place::File));
    }
    places.push(Place::Name(FILE_NAME));
    places
}

/// An app on iOS has no say in what is loaded.
#[cfg(target_os = "ios")]
fn places(_variable: Option<OsString>, _executable: Option<&Path>) -> Vec<Place> {
    vec![Place::Linked]
}

/// Whether `version` (`MAJOR.MINOR.PATCH…`) is one this crate calls correctly.
fn supported(version: &str) -> bool {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    matches!((numbers.next(), numbers.next()), (Some(Ok(2)), Some(Ok(OLDEST_MINOR..))))
}

#[cfg(all(test, not(target_os = "ios")))]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_the_only_place() {
        let executable = Path::new("/opt/shelfscan/bin/shelfscan");
        let places = places(Some("/somewhere/lib.so".into()), Some(executable));
        assert_eq!(places, [Place::File("/somewhere/lib.so".into())]);
    }

    #[test]
    fn beside_the_executable_then_fetched_then_the_system() {
        let places = places(None, Some(Path::new("/r/target/debug/deps/scan-1f")));
        let position = |wanted: &Place| places.iter().position(|place| place == wanted).unwrap();
        let beside = position(&Place::File(Path::new("/r/target/debug/deps/lib").join(FILE_NAME)));
        let fetched = position(&Place::File(fetched_library(Path::new("/r/target"))));
        assert_eq!(beside, 0);
        assert!(beside < fetched);
        assert_eq!(position(&Place::Name(FILE_NAME)), places.len() - 1);
    }

    #[test]
    fn without_an_executable_only_the_system_is_left() {
        assert_eq!(places(None, None), [Place::Name(FILE_NAME)]);
    }

    #[test]
    fn versions_outside_the_range_are_refused() {
        for version in ["2.14.0", "2.17.1", "2.20.0-rc1"] {
            assert!(supported(version), "{version}");
        }
        for version in ["", "2", "2.13.1", "1.15.0", "3.0.0", "two.seventeen", "2.x"] {
            assert!(!supported(version), "{version}");
        }
    }
}
