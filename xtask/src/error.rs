use std::io;
use std::path::PathBuf;

/// Why a command of the developer's could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("can't run `{program}`: {source}")]
    Program { program: String, source: io::Error },
    #[error("`{command}` failed ({status})")]
    Command { command: String, status: String },
    #[error(
        "pip could not download what xtask/pins/{pins} names, for the reason above. The package registry must be \
         reachable, and on Linux glibc must be 2.35 or later (Debian 12, Ubuntu 22.04)"
    )]
    Download { pins: String },
    #[error(
        "this Python has no pip, and no venv to make one with. Install it, as with `apt-get install python3-pip \
         python3-venv` on Debian and Ubuntu, and run the command again"
    )]
    NoPip,
    #[error("no Python 3 found as `python3` or `python`. Install it, as with `apt-get install python3 python3-pip`")]
    NoPython,
    #[error(
        "{} has the sha256 {found}, expected {expected}: the download is not what this project was tested with",
        path.display()
    )]
    Checksum { path: PathBuf, found: String, expected: String },
    #[error(
        "there is no prebuilt TensorFlow Lite for {platform}. Build `libtensorflowlite_c` with XNNPACK and set \
         TFLITE_LIBRARY_PATH to it"
    )]
    NoLibrary { platform: String },
    #[error("Debian's packages: {0}")]
    Archive(String),
    #[error("the library for apps: {0}")]
    Size(String),
    #[error("the library was fetched but does not work: {0}")]
    Library(#[from] shelfscan_tflite::Error),
    #[error("{}: {reason}", path.display())]
    Json { path: PathBuf, reason: String },
    #[error("{}: {reason}", path.display())]
    Page { path: PathBuf, reason: String },
    #[error("{0}")]
    Office(String),
    #[error("the core and its Python reference differ: {0}")]
    Parity(String),
    #[error(
        "{} is not what the library's interface gives now. If the change is meant: `{accept}`, and commit the file",
        path.display()
    )]
    Stale { path: PathBuf, accept: &'static str },
    #[error("{address} could not be downloaded, for the reason above. Maven Central must be reachable")]
    Maven { address: String },
    #[error("{module} does not compile, for the reasons above")]
    Kotlin { module: String },
    #[error("tests in {name} failed, as shown above")]
    Tests { name: String },
    #[error("{}: {reason}", path.display())]
    Document { path: PathBuf, reason: String },
    #[error("no such step: {0}. `cargo xtask test --list` names them")]
    NoSuchStep(String),
}

impl Error {
    /// For `map_err` on what was done with `path`.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.into(), source }
    }
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;
