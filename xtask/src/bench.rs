//! `cargo xtask bench`: the figures of BENCHMARKS.md, measured on this machine.
//!
//! Owns what is needed before the measurement: the library, a bundle that knows the sample's products. The measurements themselves are
//! the benchmark of the `shelfscan` crate, examples of the index and the queue, and the queue's kill test at full length, all built for
//! release.

use std::fs;

use crate::error::{Error, Result};
use crate::step::execute;
use crate::tools::{build, cargo};
use crate::workspace::{root, target};
use crate::{demo, fetch};

/// Measures and prints the tables.
pub(crate) fn run() -> Result<()> {
    fetch::run()?;
    build(&["shelfscan-cli"])?;
    let out = target().join("bench");
    fs::create_dir_all(&out).map_err(Error::file(&out))?;
    let bundle = demo::enrolled_bundle(&out)?;
    let photo = root().join(demo::SAMPLE).join("shelf.jpg");
    let lookups =
        ["run", "--quiet", "--release", "--locked", "--package", "shelfscan-index", "--example", "lookup_bench"];
    execute(cargo().args(lookups))?;
    execute(cargo().args([
        "run",
        "--quiet",
        "--release",
        "--locked",
        "--package",
        "shelfscan-queue",
        "--example",
        "growth",
    ]))?;
    build(&["shelfscan-server"])?;
    execute(
        cargo()
            .args(["test", "--quiet", "--release", "--locked", "--package", "shelfscan-queue", "--test", "kills"])
            .env("SHELFSCAN_KILLS", "500")
            .env("SHELFSCAN_KILLS_SERVER", target().join("release/shelfscan-server")),
    )?;
    execute(
        cargo()
            .args(["bench", "--quiet", "--locked", "--package", "shelfscan", "--bench", "scan", "--"])
            .arg(bundle)
            .arg(photo),
    )
}
