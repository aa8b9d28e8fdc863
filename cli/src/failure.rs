//! How a command ends when it doesn't end well: one sentence and an exit code.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use shelfscan::{BundleError, CatalogueError, ScanError};
use shelfscan_lab::LabError;

/// Says on standard error what is wrong, on one line. Where nobody listens there (`2>&1 | head`) the work goes on.
pub fn complain(reason: impl Display) {
    let _ = writeln!(io::stderr(), "error: {}", one_line(reason));
}

/// What is wrong as one line: some decoders end theirs with line breaks, and a file's name may hold one.
pub fn one_line(reason: impl Display) -> String {
    let reason = reason.to_string();
    let lines: Vec<&str> = reason.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// Why a command failed, and with it the exit code.
#[derive(Debug)]
pub enum Failure {
    /// 1: told already, photo by photo or target by target.
    Some,
    /// 2.
    Arguments(String),
    /// 3.
    Bundle(String),
    /// 4.
    Library(String),
    /// 5.
    Output(String),
    /// 6.
    Nothing(String),
    /// 0: whoever read the output has read enough.
    ReaderGone,
}

impl Failure {
    /// Prints it.
    pub fn tell(&self) {
        match self {
            Self::Some | Self::ReaderGone => {}
            Self::Arguments(reason)
            | Self::Bundle(reason)
            | Self::Library(reason)
            | Self::Output(reason)
            | Self::Nothing(reason) => complain(reason),
        }
    }

    /// The documented exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::ReaderGone => 0,
            Self::Some => 1,
            Self::Arguments(_) => 2,
            Self::Bundle(_) => 3,
            Self::Library(_) => 4,
            Self::Output(_) => 5,
            Self::Nothing(_) => 6,
        })
    }

    /// An output that can't be written.
    pub fn output(path: &Path, error: impl Display) -> Self {
        Self::Output(format!("{}: can't be written: {error}", path.display()))
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Runtime(
                shelfscan::RuntimeError::LibraryNotFound { .. } | shelfscan::RuntimeError::UnusableLibrary { .. },
            ) => Self::Library(error.to_string()),
            _ => Self::Bundle(error.to_string()),
        }
    }
}

impl From<CatalogueError> for Failure {
    fn from(error: CatalogueError) -> Self {
        match error {
            CatalogueError::Write { .. } => Self::Output(error.to_string()),
            _ => Self::Bundle(error.to_string()),
        }
    }
}

impl From<ScanError> for Failure {
    fn from(error: ScanError) -> Self {
        Self::Bundle(error.to_string())
    }
}

impl From<LabError> for Failure {
    fn from(error: LabError) -> Self {
        match error {
            LabError::Pattern { .. } => Self::Arguments(error.to_string()),
            LabError::Write { .. } => Self::Output(error.to_string()),
            LabError::Scan(error) => error.into(),
            _ => Self::Bundle(error.to_string()),
        }
    }
}

/// Errors of standard output: a closed pipe (`| head`) is the reader's choice.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Output(format!("standard output: {error}")),
        }
    }
}
