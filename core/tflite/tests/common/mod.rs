//! What the tests of this folder share.
#![allow(dead_code, reason = "each test program uses a part")]
#![allow(clippy::unwrap_used, reason = "a failure here is the test's")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use shelfscan_tflite::{Model, Runtime};

/// The library, or `None` where there is none to test with; with `CI=true` that is a failure.
pub fn runtime() -> Option<Runtime> {
    match Runtime::load() {
        Ok(runtime) => Some(runtime),
        Err(error) => {
            println!("SKIPPED: a test of core/tflite, {error}");
            assert!(env::var("CI").as_deref() != Ok("true"), "CI needs the library: {error}");
            None
        }
    }
}

/// One of the models that `make_models.py` writes.
pub fn model_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name).with_extension("tflite")
}

pub fn model(runtime: &Runtime, name: &str) -> Model {
    Model::open(runtime, &model_path(name)).unwrap()
}

/// A setting that Cargo was given for this program's target, as what to run it with where the machine can't run it by itself.
pub fn cargo_setting(name: &str) -> Option<String> {
    let arch = env::consts::ARCH.to_uppercase();
    env::var(format!("CARGO_TARGET_{arch}_UNKNOWN_LINUX_GNU_{name}")).ok()
}

/// Runs one ignored test of this same program in a process of its own: with another environment, or since it may crash.
pub fn run_alone(test: &str, environment: &[(&str, &str)]) -> Output {
    let program = env::current_exe().unwrap();
    let mut command = match cargo_setting("RUNNER") {
        Some(runner) => {
            let mut words = runner.split_whitespace();
            let mut command = Command::new(words.next().unwrap());
            command.args(words).arg(program);
            command
        }
        None => Command::new(program),
    };
    command
        .args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

/// The features that `conv` gives for a picture, worked out by hand: its filters and bias are in `make_models.py`, and one
/// step of its input is one step of its output.
pub fn features(picture: &[i8]) -> Vec<i8> {
    const FILTERS: [[i32; 2]; 3] = [[1, 2], [-4, 3], [1, -1]];
    const BIAS: [i32; 3] = [0, 10, -5];
    let feature = |pixel: &[i8], channel: usize| {
        let [a, b] = FILTERS[channel];
        let sum = a * (i32::from(pixel[0]) - 1) + b * (i32::from(pixel[1]) - 1) + BIAS[channel];
        i8::try_from((sum - 2).clamp(-128, 127)).unwrap()
    };
    picture.chunks_exact(2).flat_map(|pixel| (0..3).map(move |channel| feature(pixel, channel))).collect()
}

/// A sequence of 64-bit numbers that look random and are the same each time (SplitMix64).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    pub fn picture(&mut self) -> [i8; 12] {
        std::array::from_fn(|_| self.next().to_le_bytes()[0].cast_signed())
    }
}
