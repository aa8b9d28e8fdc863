//! Model files that are not what they should be.

#![allow(clippy::unwrap_used, reason = "a failure in what prepares a test is the test's")]

mod common;

use std::fs;
use std::path::Path;

use shelfscan_tflite::{Error, Interpreter, Model, Runtime};

use common::{Numbers, model_path, run_alone, runtime};

/// Opens `bytes` as a model.
fn open(runtime: &Runtime, folder: &Path, bytes: &[u8]) -> Result<Model, Error> {
    let path = folder.join("model.tflite");
    fs::write(&path, bytes).unwrap();
    let opened = Model::open(runtime, &path);
    // A new file each time: the last one may still be mapped.
    fs::remove_file(&path).unwrap();
    opened
}

#[test]
fn every_truncation_is_refused_or_ends_in_the_same_answers() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(model_path("conv")).unwrap();
    let mut refused = 0;
    for length in 0..whole.len() {
        match open(&runtime, folder.path(), &whole[..length]) {
            Err(Error::Corrupt { path, .. }) => {
                refused += 1;
                assert!(path.ends_with("model.tflite"));
            }
            Err(other) => panic!("{length} bytes: {other}"),
            // Only padding was cut.
            Ok(model) => assert!(Interpreter::new(&model).is_ok(), "{length} bytes"),
        }
    }
    assert!(refused > whole.len() - 8, "{refused} of {} refused", whole.len());
}

#[test]
fn what_is_not_a_model_is_refused_by_name() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut other_schema = fs::read(model_path("conv")).unwrap();
    other_schema[4..8].copy_from_slice(b"SHFB");
    let mut numbers = Numbers(7);
    let noise: Vec<u8> = (0..4096).map(|_| numbers.next().to_le_bytes()[0]).collect();
    let named_noise = [&noise[..4], b"TFL3", &noise[8..]].concat();
    for (bytes, reason) in [
        (&b""[..], "it is 0 bytes long"),
        (b"TFL3", "it is 4 bytes long"),
        (&[0; 4096], "does not begin as"),
        (b"\x89PNG\r\n\x1a\n and so on", "does not begin as"),
        (&noise, "does not begin as"),
        (&other_schema, "does not begin as"),
        (&named_noise, "not a valid Flatbuffer"),
    ] {
        let error = open(&runtime, folder.path(), bytes).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains(reason) && said.contains("model.tflite") && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_missing_file_and_a_folder_are_refused_by_name() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let missing = Model::open(&runtime, &folder.path().join("none.tflite")).unwrap_err();
    assert!(matches!(&missing, Error::Unreadable { path, .. } if path.ends_with("none.tflite")), "{missing}");
    let error = Model::open(&runtime, folder.path()).unwrap_err();
    assert!(matches!(&error, Error::Corrupt { .. } | Error::Unreadable { .. }), "{error}");
    assert!(error.to_string().contains(&*folder.path().to_string_lossy()), "{error}");
}

#[test]
fn weights_outside_the_flatbuffer_are_refused_when_opened() {
    let Some(runtime) = runtime() else { return };
    let error = Model::open(&runtime, &model_path("external")).unwrap_err();
    assert!(error.to_string().contains("weights lie outside its flatbuffer"), "{error}");
}

#[test]
fn a_constant_as_input_is_refused_before_it_is_written_to() {
    let Some(runtime) = runtime() else { return };
    let model = Model::open(&runtime, &model_path("constant_input")).unwrap();
    let error = Interpreter::new(&model).unwrap_err();
    assert!(error.to_string().contains("input 1 is a constant"), "{error}");
}

#[test]
fn an_unknown_operator_is_refused_by_its_name() {
    let Some(runtime) = runtime() else { return };
    let model = Model::open(&runtime, &model_path("custom_op")).unwrap();
    let error = Interpreter::new(&model).unwrap_err().to_string();
    assert!(error.contains("ShelfMagic") && error.contains("custom_op.tflite"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

/// Models with a few bytes changed: this crate must answer each with a result. TensorFlow Lite itself crashes on one in
/// some thousands, which is why they run in a process of their own, and why a bundle's checksums come first.
#[test]
fn changed_bytes_end_in_a_result() {
    const ROUNDS: usize = 1000;
    if runtime().is_none() {
        return;
    }
    let (mut round, mut crashes) = (0, 0);
    while round < ROUNDS {
        let range = format!("{round} {ROUNDS}");
        let output = run_alone("changed_bytes_child", &[("SHELFSCAN_ROUNDS", range.as_str())]);
        let said = String::from_utf8_lossy(&output.stdout);
        // The exit code of a failed Rust test.
        assert_ne!(output.status.code(), Some(101), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        let last = said.lines().filter_map(|line| line.strip_prefix("round ")?.parse::<usize>().ok()).next_back();
        round = last.expect("the child ran a round") + 1;
        crashes += usize::from(!output.status.success());
    }
    assert!(crashes * 100 <= ROUNDS, "{crashes} of {ROUNDS} changed models crashed the library");
}

#[test]
#[ignore = "run by `changed_bytes_end_in_a_result`"]
fn changed_bytes_child() {
    let range = std::env::var("SHELFSCAN_ROUNDS").unwrap();
    let (from, to) = range.split_once(' ').unwrap();
    let runtime = Runtime::load().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(model_path("conv")).unwrap();
    for round in from.parse::<u64>().unwrap()..to.parse().unwrap() {
        println!("\nround {round}");
        let mut numbers = Numbers(round);
        let mut bytes = whole.clone();
        for _ in 0..=numbers.below(3) {
            let position = numbers.below(bytes.len());
            bytes[position] = numbers.next().to_le_bytes()[0];
        }
        if let Ok(model) = open(&runtime, folder.path(), &bytes)
            && let Ok(mut interpreter) = Interpreter::new(&model)
        {
            use_all_of_it(&mut interpreter);
        }
    }
}

/// Reads and writes every tensor as every type, before and after a run.
fn use_all_of_it(interpreter: &mut Interpreter) {
    for index in 0..interpreter.inputs().len() {
        let length = interpreter.inputs()[index].len();
        if let Ok(picture) = interpreter.input_mut::<i8>(index) {
            assert_eq!(picture.len(), length);
            picture.fill(1);
        }
        if let Ok(picture) = interpreter.input_mut::<f32>(index) {
            picture.fill(1.0);
        }
    }
    let ran = interpreter.invoke().is_ok();
    for index in 0..interpreter.outputs().len() {
        let int8: i64 = interpreter.output::<i8>(index).map_or(0, |values| values.iter().map(|&q| i64::from(q)).sum());
        let float: f32 = interpreter.output::<f32>(index).map_or(0.0, |values| values.iter().sum());
        assert!(ran || (int8 == 0 && float == 0.0));
    }
}
