//! The step `coco`: the lab's average precision against pycocotools' own, on the same cases.

use std::fs;
use std::sync::Mutex;

use crate::error::{Error, Result};
use crate::step::watch;
use crate::workspace::{root, target};
use crate::{python, tools};

/// Writes the cases with our figures and has them compared.
pub(crate) fn run(skipped: &Mutex<Vec<String>>) -> Result<()> {
    let folder = target().join("coco");
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let cases = folder.join("cases.json");
    let file = fs::File::create(&cases).map_err(Error::file(&cases))?;
    let mut ours = tools::cargo();
    ours.args(["run", "--quiet", "--locked", "--package", "shelfscan-lab", "--example", "coco_cases"]).stdout(file);
    crate::step::execute(&mut ours)?;
    let mut theirs = python::with_packages("coco.txt")?;
    watch(theirs.current_dir(root()).arg("lab/tests/pycocotools_oracle.py").arg(&cases), skipped)
}
