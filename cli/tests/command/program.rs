//! Runs the program, and says what a good or bad end of it looks like.

use std::ffi::OsStr;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Output};

use image::{DynamicImage, ImageFormat};
use serde_json::Value;

use crate::bundle;

/// The program as Cargo built it for these tests.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_shelfscan");

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Lines of standard error that are the program's own: the native library says there that it made a delegate.
    pub fn complaints(&self) -> Vec<&str> {
        self.stderr.lines().filter(|line| !line.starts_with("INFO: ")).collect()
    }

    #[track_caller]
    pub fn succeeds(&self) -> &Self {
        assert_eq!((self.code, self.complaints()), (Some(0), vec![]), "{self:?}");
        self
    }

    /// Ended with `code` and one sentence, in which `words` stand.
    #[track_caller]
    pub fn fails(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        let [sentence] = self.complaints()[..] else { panic!("one sentence wanted on standard error: {self:?}") };
        assert!(sentence.starts_with("error: "), "{sentence}");
        for word in words {
            assert!(sentence.contains(word), "`{word}` is not in: {sentence}");
        }
        self
    }
}

/// Runs the program with these arguments.
pub fn shelfscan<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ran {
    Ran::of(Command::new(PROGRAM).args(arguments))
}

/// Arguments of different types in one list.
#[macro_export]
macro_rules! arguments {
    ($($argument:expr),* $(,)?) => { [$(std::ffi::OsString::from(&$argument)),*] };
}

/// Names in a folder, hidden ones too, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

/// A JSON file.
pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The picture of the bundle's self-test: small, and with facings.
pub fn picture() -> DynamicImage {
    let folder = bundle::shipped();
    let name = json(&folder.join("manifest.json"))["self_test"]["picture"].as_str().unwrap().to_owned();
    image::open(folder.join(name)).unwrap()
}

/// A picture as the bytes of a file.
pub fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}
