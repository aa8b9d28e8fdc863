//! Runs of a model whose every number is known.

mod common;

use shelfscan_tflite::{Element, Error, Interpreter, Quantization};

use common::{Numbers, features, model, runtime};

#[test]
fn tensors_are_described_as_the_model_has_them() {
    let Some(runtime) = runtime() else { return };
    let interpreter = Interpreter::new(&model(&runtime, "conv")).unwrap();
    let [picture] = interpreter.inputs() else { panic!("{:?}", interpreter.inputs()) };
    assert_eq!(picture.name, "picture");
    assert_eq!(picture.shape, [1, 2, 3, 2]);
    assert_eq!(picture.len(), 12);
    assert_eq!(picture.element, Element::Int8);
    assert_eq!(picture.quantization, Some(Quantization { scale: 0.5, zero_point: 1 }));
    let [features, real] = interpreter.outputs() else { panic!("{:?}", interpreter.outputs()) };
    assert_eq!((features.name.as_str(), features.element), ("features", Element::Int8));
    assert_eq!(features.quantization, Some(Quantization { scale: 0.5, zero_point: -2 }));
    assert_eq!((real.name.as_str(), real.element, real.quantization), ("real", Element::Float32, None));
}

#[test]
fn outputs_are_what_the_weights_say() {
    let Some(runtime) = runtime() else { return };
    let mut interpreter = Interpreter::new(&model(&runtime, "conv")).unwrap();
    let mut numbers = Numbers(1);
    for _ in 0..200 {
        let picture = numbers.picture();
        interpreter.input_mut::<i8>(0).unwrap().copy_from_slice(&picture);
        interpreter.invoke().unwrap();
        let expected = features(&picture);
        assert_eq!(interpreter.output::<i8>(0).unwrap(), expected, "{picture:?}");
        let real: Vec<f32> = expected.iter().map(|&q| 0.5 * (f32::from(q) + 2.0)).collect();
        assert_eq!(interpreter.output::<f32>(1).unwrap(), real);
    }
}

#[test]
fn the_same_input_gives_the_same_output_in_every_interpreter() {
    let Some(runtime) = runtime() else { return };
    let model = model(&runtime, "conv");
    let picture = Numbers(2).picture();
    let mut first = None;
    for _ in 0..3 {
        let mut interpreter = Interpreter::new(&model).unwrap();
        for _ in 0..3 {
            interpreter.input_mut::<i8>(0).unwrap().copy_from_slice(&picture);
            interpreter.invoke().unwrap();
            let output = interpreter.output::<i8>(0).unwrap().to_vec();
            assert_eq!(&output, first.get_or_insert_with(|| output.clone()));
        }
    }
}

#[test]
fn inputs_start_as_zeros_and_outputs_need_a_run() {
    let Some(runtime) = runtime() else { return };
    let mut interpreter = Interpreter::new(&model(&runtime, "conv")).unwrap();
    assert_eq!(interpreter.input_mut::<i8>(0).unwrap(), [0; 12]);
    let error = interpreter.output::<i8>(0).unwrap_err();
    assert!(matches!(error, Error::NotInvoked { .. }), "{error}");
    interpreter.invoke().unwrap();
    assert_eq!(interpreter.output::<i8>(0).unwrap(), features(&[0; 12]));
}

#[test]
fn another_element_type_is_refused() {
    let Some(runtime) = runtime() else { return };
    let mut interpreter = Interpreter::new(&model(&runtime, "conv")).unwrap();
    interpreter.invoke().unwrap();
    let asked = [
        (interpreter.input_mut::<u8>(0).map(drop), Element::UInt8),
        (interpreter.input_mut::<f32>(0).map(drop), Element::Float32),
        (interpreter.output::<i64>(0).map(drop), Element::Int64),
        (interpreter.output::<i16>(0).map(drop), Element::Int16),
    ];
    for (result, wanted) in asked {
        let error = result.unwrap_err();
        assert!(
            matches!(&error, Error::WrongElement { is: Element::Int8, asked, .. } if *asked == wanted),
            "{wanted}: {error}"
        );
    }
    let error = interpreter.output::<i32>(1).unwrap_err();
    assert_eq!(error.to_string(), "tensor `real` holds float32, not int32");
}

#[test]
fn an_index_out_of_range_is_refused() {
    let Some(runtime) = runtime() else { return };
    let mut interpreter = Interpreter::new(&model(&runtime, "conv")).unwrap();
    for index in [1, 2, usize::MAX] {
        let error = interpreter.input_mut::<i8>(index).unwrap_err();
        assert!(matches!(error, Error::NoSuchTensor { end: "input", count: 1, .. }), "{error}");
    }
    for index in [2, 1 << 31, 1 << 32, usize::MAX] {
        let error = interpreter.output::<i8>(index).unwrap_err();
        assert!(matches!(error, Error::NoSuchTensor { end: "output", count: 2, .. }), "{error}");
    }
}

#[test]
fn a_failed_run_says_why_and_leaves_no_output() {
    let Some(runtime) = runtime() else { return };
    let mut interpreter = Interpreter::new(&model(&runtime, "int8_division")).unwrap();
    for _ in 0..2 {
        let error = interpreter.invoke().unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, Error::Invoke { .. }), "{said}");
        assert!(said.contains("int8_division.tflite") && said.contains("DIV"), "{said}");
        // The library's message with its arguments filled in, where that can be done.
        assert!(cfg!(not(unix)) || said.contains("got 9"), "{said}");
        assert!(matches!(interpreter.output::<i8>(0), Err(Error::NotInvoked { .. })));
    }
}

#[test]
fn an_output_that_changed_its_shape_is_refused() {
    let Some(runtime) = runtime() else { return };
    let mut interpreter = Interpreter::new(&model(&runtime, "dynamic")).unwrap();
    assert_eq!(interpreter.outputs()[0].shape, [2, 2]);
    for (shape, fits) in [([2, 2], true), ([3, 5], false), ([1, 1], false), ([0, 4], false), ([2, 2], true)] {
        interpreter.input_mut::<i32>(0).unwrap().copy_from_slice(&shape);
        interpreter.invoke().unwrap();
        match interpreter.output::<f32>(0) {
            Ok(sevens) => assert!(fits && sevens == [7.0; 4], "{shape:?}: {sevens:?}"),
            Err(error) => assert!(!fits && matches!(error, Error::TensorMemory { .. }), "{shape:?}: {error}"),
        }
    }
}

#[test]
fn an_interpreter_outlives_the_model_and_moves_between_threads() {
    let Some(runtime) = runtime() else { return };
    let model = model(&runtime, "conv");
    let mut interpreter = Interpreter::new(&model).unwrap();
    drop((model, runtime));
    let picture = Numbers(3).picture();
    let mut interpreter = std::thread::spawn(move || {
        interpreter.input_mut::<i8>(0).unwrap().copy_from_slice(&picture);
        interpreter
    })
    .join()
    .unwrap();
    interpreter.invoke().unwrap();
    assert_eq!(interpreter.output::<i8>(0).unwrap(), features(&picture));
}

#[test]
fn a_model_gives_the_bytes_that_run() {
    let Some(runtime) = runtime() else { return };
    let model = model(&runtime, "conv");
    assert_eq!(model.bytes(), std::fs::read(model.path()).unwrap());
}
