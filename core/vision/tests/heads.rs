//! Heads against a plain float computation of the same formulas, on random tensors.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use shelfscan_vision::heads::OutputShape;
use shelfscan_vision::{Detection, Element, HeadError, HeadKind, HeadOutput, Heads, Quantization};

const INPUT: (usize, usize) = (64, 32);
const STRIDES: [usize; 3] = [8, 16, 32];
const BINS: usize = 4;
const CLASSES: usize = 3;

fn raw() -> HeadKind {
    HeadKind::YoloV8Raw { reg_max: BINS, strides: STRIDES.to_vec() }
}

fn quantized(shape: Vec<usize>, scale: f32, zero_point: i32) -> OutputShape {
    OutputShape { shape, element: Element::Int8, quantization: Some(Quantization { scale, zero_point }) }
}

/// Class and box tensors of all strides, in an order that is not the strides'.
fn raw_outputs() -> Vec<OutputShape> {
    let level = |stride: usize, channels| vec![1, INPUT.1 / stride, INPUT.0 / stride, channels];
    let classes = STRIDES.iter().rev().map(|&stride| quantized(level(stride, CLASSES), 0.07, 5));
    let boxes = STRIDES.iter().map(|&stride| quantized(level(stride, 4 * BINS), 0.05, -20));
    classes.chain(boxes).collect()
}

fn real(output: &OutputShape, numbers: &[i8]) -> Vec<f32> {
    let Quantization { scale, zero_point } = output.quantization.unwrap();
    numbers.iter().map(|&number| scale * (i32::from(number) - zero_point) as f32).collect()
}

fn by_definition(outputs: &[OutputShape], tensors: &[Vec<f32>], confidence: f32) -> Vec<Detection> {
    let find = |stride: usize, channels: usize| {
        let shape = [1, INPUT.1 / stride, INPUT.0 / stride, channels];
        &tensors[outputs.iter().position(|output| output.shape == shape).unwrap()]
    };
    let mut detections = Vec::new();
    for stride in STRIDES {
        let (boxes, classes) = (find(stride, 4 * BINS), find(stride, CLASSES));
        for cell in 0..classes.len() / CLASSES {
            let scores: Vec<f32> =
                classes[cell * CLASSES..][..CLASSES].iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect();
            let score = scores.iter().copied().fold(0.0, f32::max);
            if score < confidence {
                continue;
            }
            let distance = |side: usize| {
                let logits = &boxes[(cell * 4 + side) * BINS..][..BINS];
                let sum: f32 = logits.iter().map(|logit| logit.exp()).sum();
                let mean = logits.iter().enumerate().map(|(bin, logit)| bin as f32 * logit.exp() / sum).sum::<f32>();
                mean * stride as f32
            };
            let columns = INPUT.0 / stride;
            let (x, y) = ((cell % columns) as f32 + 0.5, (cell / columns) as f32 + 0.5);
            let (x, y) = (x * stride as f32, y * stride as f32);
            let rect = shelfscan_vision::Rect::new(x - distance(0), y - distance(1), x + distance(2), y + distance(3));
            let class = scores.iter().position(|&other| other == score).unwrap();
            detections.push(Detection { rect, class, score });
        }
    }
    detections
}

fn assert_same(got: &[Detection], expected: &[Detection]) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        prop_assert_eq!(got.class, expected.class);
        prop_assert!((got.score - expected.score).abs() < 1e-5);
        let (a, b) = (got.rect, expected.rect);
        let corners = [(a.left, b.left), (a.top, b.top), (a.right, b.right), (a.bottom, b.bottom)];
        prop_assert!(corners.iter().all(|(a, b)| (a - b).abs() < 1e-3), "{:?} is not {:?}", a, b);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn raw_heads_follow_their_formula(bytes in prop::collection::vec(any::<i8>(), 4096), confidence in 0.05f32..0.95) {
        let outputs = raw_outputs();
        let mut at = 0;
        let tensors: Vec<Vec<i8>> = outputs.iter().map(|output| {
            let len: usize = output.shape.iter().product();
            at += len;
            (at - len..at).map(|i| bytes[i % bytes.len()]).collect()
        }).collect();
        let reals: Vec<Vec<f32>> = outputs.iter().zip(&tensors).map(|(output, numbers)| real(output, numbers)).collect();
        // A confidence on the edge between two steps of the logit could fall to either side.
        let near = |score: f32| (score - confidence).abs() < 1e-5;
        prop_assume!(!by_definition(&outputs, &reals, 0.0).iter().any(|d| near(d.score)));
        let expected = by_definition(&outputs, &reals, confidence);

        let heads = Heads::new(&raw(), CLASSES, INPUT, &outputs).unwrap();
        let mut got = Vec::new();
        heads.decode(|i| Some(HeadOutput::Int8(&tensors[i])), confidence, &mut got).unwrap();
        assert_same(&got, &expected)?;

        let floats: Vec<OutputShape> = outputs.iter().map(|output| OutputShape {
            shape: output.shape.clone(), element: Element::Float32, quantization: None,
        }).collect();
        let heads = Heads::new(&raw(), CLASSES, INPUT, &floats).unwrap();
        let mut got = Vec::new();
        heads.decode(|i| Some(HeadOutput::Float32(&reals[i])), confidence, &mut got).unwrap();
        assert_same(&got, &expected)?;
    }

    #[test]
    fn concatenated_heads_read_both_axis_orders(
        anchors in prop::collection::vec(((0f32..1.0, 0f32..1.0, 0f32..1.0, 0f32..1.0), [0f32..1.0, 0f32..1.0, 0f32..1.0]), 10..50),
        confidence in 0.05f32..0.95, normalized: bool,
    ) {
        let (x_unit, y_unit) = if normalized { (1.0, 1.0) } else { (INPUT.0 as f32, INPUT.1 as f32) };
        let rows: Vec<[f32; 7]> = anchors.iter().map(|&((x, y, w, h), [a, b, c])| {
            [x * x_unit, y * y_unit, w * x_unit, h * y_unit, a, b, c]
        }).collect();
        let channels_last: Vec<f32> = rows.iter().flatten().copied().collect();
        let anchors_last: Vec<f32> = (0..7).flat_map(|channel| rows.iter().map(move |row| row[channel])).collect();
        let kind = HeadKind::YoloV8Concat { normalized };
        let expected: Vec<(usize, f32)> = anchors.iter().filter_map(|&(_, scores)| {
            let score = scores.iter().copied().fold(0.0, f32::max);
            (score >= confidence).then(|| (scores.iter().position(|&s| s == score).unwrap(), score))
        }).collect();
        for (shape, numbers) in [(vec![1, rows.len(), 7], &channels_last), (vec![1, 7, rows.len()], &anchors_last)] {
            let output = OutputShape { shape, element: Element::Float32, quantization: None };
            let heads = Heads::new(&kind, CLASSES, INPUT, &[output]).unwrap();
            let mut got = Vec::new();
            heads.decode(|_| Some(HeadOutput::Float32(numbers)), confidence, &mut got).unwrap();
            let kinds: Vec<(usize, f32)> = got.iter().map(|detection| (detection.class, detection.score)).collect();
            prop_assert_eq!(&kinds, &expected);
            let kept = anchors.iter().filter(|(_, scores)| scores.iter().any(|&s| s >= confidence));
            for (detection, &((x, y, w, _), _)) in got.iter().zip(kept) {
                let (centre_x, centre_y) = detection.rect.centre();
                prop_assert!((centre_x - x * INPUT.0 as f32).abs() < 1e-3 && (centre_y - y * INPUT.1 as f32).abs() < 1e-3);
                prop_assert!((detection.rect.right - detection.rect.left - w * INPUT.0 as f32).abs() < 1e-3);
            }
        }
    }
}

#[test]
fn outputs_that_fit_no_head_are_named() {
    let mut outputs = raw_outputs();
    outputs[1].shape[3] = CLASSES + 1;
    let refused = Heads::new(&raw(), CLASSES, INPUT, &outputs).unwrap_err();
    assert!(matches!(refused, HeadError::Missing { .. }));
    assert!(refused.to_string().contains("class tensor [1, 2, 4, 3] of stride 16"), "{refused}");
    outputs.pop();
    assert!(matches!(Heads::new(&raw(), CLASSES, INPUT, &outputs), Err(HeadError::Count { got: 5, needed: 6, .. })));
    let uneven = HeadKind::YoloV8Raw { reg_max: BINS, strides: vec![7] };
    assert!(matches!(Heads::new(&uneven, CLASSES, INPUT, &outputs), Err(HeadError::Grid { .. })));
    let odd = [quantized(vec![1, 9, 100], 0.1, 0)];
    let concat = HeadKind::YoloV8Concat { normalized: true };
    assert!(matches!(Heads::new(&concat, CLASSES, INPUT, &odd), Err(HeadError::Missing { .. })));
    let unscaled = [OutputShape { shape: vec![1, 7, 100], element: Element::Int8, quantization: None }];
    assert!(matches!(Heads::new(&concat, CLASSES, INPUT, &unscaled), Err(HeadError::Unscaled(_))));
}

#[test]
fn a_class_tensor_as_wide_as_a_box_tensor_is_not_taken_twice() {
    let kind = HeadKind::YoloV8Raw { reg_max: 2, strides: vec![8] };
    let shape = vec![1, 4, 8, 8];
    let outputs = [quantized(shape.clone(), 0.1, 0), quantized(shape, 0.1, 0)];
    assert!(Heads::new(&kind, 8, INPUT, &outputs).is_ok());
    assert!(Heads::new(&kind, 8, INPUT, &outputs[..1]).is_err());
}

#[test]
fn a_tensor_that_changed_is_refused() {
    let heads = Heads::new(&raw(), CLASSES, INPUT, &raw_outputs()).unwrap();
    let refused = heads.decode(|_| Some(HeadOutput::Int8(&[0; 3])), 0.5, &mut Vec::new());
    assert!(matches!(refused, Err(HeadError::Changed { .. })));
    let refused = heads.decode(|_| None, 0.5, &mut Vec::new());
    assert!(matches!(refused, Err(HeadError::Changed { .. })));
}
