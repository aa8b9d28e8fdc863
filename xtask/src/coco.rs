//! The step `coco`: the lab's average precision against pycocotools' own, on the same cases.

use std::fs;
use std::process::Command;
use std::sync::Mutex;

use crate::error::{Error, Result};
use crate::step::{execute, watch};
use crate::workspace::{root, target};
use crate::{python, tools};

/// Writes the cases with our figures and has them compared.
pub(crate) fn run(skipped: &Mutex<Vec<String>>) -> Result<()> {
    let folder = target().join("coco");
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let cases = folder.join("cases.json");
    let file = fs::File::create(&cases).map_err(Error::file(&cases))?;
    // Of the whole workspace, as for its tests: with the lab's own features alone most of it would be built anew.
    execute(tools::cargo().args(["build", "--workspace", "--locked", "--example", "coco_cases"]))?;
    let example = target().join("debug/examples").join(format!("coco_cases{}", std::env::consts::EXE_SUFFIX));
    execute(Command::new(example).stdout(file))?;
    let mut theirs = python::with_packages("coco.txt")?;
    watch(theirs.current_dir(root()).arg("lab/tests/pycocotools_oracle.py").arg(&cases), skipped)
}
