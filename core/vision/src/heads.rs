//! From a YOLOv8 detector's output tensors to boxes.
//!
//! Owns the heads that are known: the six raw tensors of an int8 or float export (distribution focal loss over `reg_max` bins a
//! side, class logits), and the one concatenated tensor of stock Ultralytics exports. Tensors are matched to their part by
//! shape, once, when the model is opened. A box is computed only where the class number passes the threshold; for quantized
//! logits that test is one byte comparison.
//!
//! Refuses: outputs that fit no known head, with all their shapes named; suppression.

use crate::{Element, Quantization, Rect};

/// A box in input pixels (from [`Heads::decode`]) or in the photo, with what the detector thinks it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Where it is.
    pub rect: Rect,
    /// Index into the bundle's classes.
    pub class: usize,
    /// 0..=1.
    pub score: f32,
}

/// Which head a detector has, as its manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadKind {
    /// For each stride a box tensor `[1, H/S, W/S, 4 * reg_max]` and a class tensor `[1, H/S, W/S, classes]` of logits.
    YoloV8Raw {
        /// Bins of a side's distribution, 16 in stock models.
        reg_max: usize,
        /// Input pixels for a cell, 8, 16, 32 in stock models.
        strides: Vec<usize>,
    },
    /// One tensor `[1, 4 + classes, N]` or `[1, N, 4 + classes]`: centre x, centre y, width, height, class probabilities.
    YoloV8Concat {
        /// Whether boxes are in shares of the input's sides rather than in pixels.
        normalized: bool,
    },
}

/// An output tensor as the model describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputShape {
    /// Axes, batch first.
    pub shape: Vec<usize>,
    /// Number type.
    pub element: Element,
    /// For quantized types.
    pub quantization: Option<Quantization>,
}

/// The numbers of an output tensor after an invoke.
#[derive(Clone, Copy, Debug)]
pub enum HeadOutput<'a> {
    /// Signed bytes.
    Int8(&'a [i8]),
    /// Unsigned bytes.
    UInt8(&'a [u8]),
    /// Floats.
    Float32(&'a [f32]),
}

/// Why a detector's outputs were refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// No tensor for a part of the head.
    #[error("the detector's outputs fit no {head} head: no {missing} among {found}")]
    Missing {
        /// The head looked for.
        head: &'static str,
        /// The part without a tensor.
        missing: String,
        /// The shapes there are.
        found: String,
    },
    /// Other tensors than the head has.
    #[error("the detector has {got} outputs, a {head} head has {needed}: {found}")]
    Count {
        /// The head looked for.
        head: &'static str,
        /// Outputs of the model.
        got: usize,
        /// Outputs of the head.
        needed: usize,
        /// The shapes there are.
        found: String,
    },
    /// A quantized output without scale and zero point.
    #[error("the detector's output {0:?} is quantized, but the model gives no usable scale and zero point for it")]
    Unscaled(Vec<usize>),
    /// Strides or bins that no input can have.
    #[error("strides {strides:?} and reg_max {reg_max} don't fit an input of {width}x{height} pixels")]
    Grid {
        /// As in the manifest.
        strides: Vec<usize>,
        /// As in the manifest.
        reg_max: usize,
        /// Input width.
        width: usize,
        /// Input height.
        height: usize,
    },
    /// After an invoke: a tensor of another type or length than when the model was opened.
    #[error("output {output} of the detector changed its type or length")]
    Changed {
        /// Which output.
        output: usize,
    },
}

/// A detector's head, matched to its outputs.
#[derive(Clone, Debug)]
pub struct Heads {
    outputs: Vec<Numbers>,
    parts: Parts,
    classes: usize,
    input: (usize, usize),
}

#[derive(Clone, Debug)]
enum Parts {
    Raw { reg_max: usize, levels: Vec<Level> },
    Concat { normalized: bool, anchors: usize, anchors_last: bool },
}

#[derive(Clone, Debug)]
struct Level {
    stride: usize,
    columns: usize,
    boxes: usize,
    classes: usize,
}

/// What an output's numbers mean: a table for bytes (in the order of unsigned bytes), the number itself for floats.
#[derive(Clone, Debug)]
struct Numbers {
    element: Element,
    len: usize,
    real: Box<[f32; 256]>,
    /// `exp(-scale * steps)`: the softmax weight of a bin `steps` below the highest.
    falloff: Box<[f32; 256]>,
}

impl Heads {
    /// Matches a head of `kind` with `classes` classes to a model's outputs. `input` is the detector's (width, height).
    pub fn new(
        kind: &HeadKind,
        classes: usize,
        input: (usize, usize),
        outputs: &[OutputShape],
    ) -> Result<Self, HeadError> {
        let found = || outputs.iter().map(|output| format!("{:?}", output.shape)).collect::<Vec<_>>().join(", ");
        let count = |head, needed| match outputs.len() {
            got if got == needed => Ok(()),
            got => Err(HeadError::Count { head, got, needed, found: found() }),
        };
        let position = |shape: &[usize], not: Option<usize>| {
            outputs.iter().enumerate().position(|(i, output)| Some(i) != not && output.shape == shape)
        };
        let parts = match kind {
            HeadKind::YoloV8Raw { reg_max, strides } => {
                const HEAD: &str = "raw YOLOv8";
                let (width, height) = input;
                let fits =
                    |stride: &usize| *stride > 0 && width.is_multiple_of(*stride) && height.is_multiple_of(*stride);
                if strides.is_empty() || !strides.iter().all(fits) || !(1..=64).contains(reg_max) {
                    return Err(HeadError::Grid { strides: strides.clone(), reg_max: *reg_max, width, height });
                }
                count(HEAD, strides.len() * 2)?;
                let level = |&stride: &usize| {
                    let (columns, rows) = (width / stride, height / stride);
                    let part = |what, channels, not| {
                        let shape = [1, rows, columns, channels];
                        let missing = || format!("{what} tensor {shape:?} of stride {stride}");
                        position(&shape, not).ok_or_else(|| HeadError::Missing {
                            head: HEAD,
                            missing: missing(),
                            found: found(),
                        })
                    };
                    let boxes = part("box", 4 * reg_max, None)?;
                    let classes = part("class", classes, Some(boxes))?;
                    Ok(Level { stride, columns, boxes, classes })
                };
                Parts::Raw { reg_max: *reg_max, levels: strides.iter().map(level).collect::<Result<_, _>>()? }
            }
            HeadKind::YoloV8Concat { normalized } => {
                const HEAD: &str = "concatenated YOLOv8";
                count(HEAD, 1)?;
                let channels = 4 + classes;
                match outputs[0].shape[..] {
                    [1, first, anchors] if first == channels => {
                        Parts::Concat { normalized: *normalized, anchors, anchors_last: true }
                    }
                    [1, anchors, last] if last == channels => {
                        Parts::Concat { normalized: *normalized, anchors, anchors_last: false }
                    }
                    _ => {
                        let missing = format!("[1, {channels}, N] or [1, N, {channels}] tensor");
                        return Err(HeadError::Missing { head: HEAD, missing, found: found() });
                    }
                }
            }
        };
        let outputs = outputs.iter().map(Numbers::new).collect::<Result<_, _>>()?;
        Ok(Self { outputs, parts, classes, input })
    }

    /// Appends the boxes that score at least `confidence` to `detections`, in input pixels, unsuppressed. `output` gives the
    /// numbers of the model's output with that index.
    pub fn decode<'a>(
        &self,
        output: impl Fn(usize) -> Option<HeadOutput<'a>>,
        confidence: f32,
        detections: &mut Vec<Detection>,
    ) -> Result<(), HeadError> {
        let read = |index: usize| {
            let numbers = &self.outputs[index];
            let fits = |output: &HeadOutput<'a>| numbers.fits(output);
            output(index).filter(fits).ok_or(HeadError::Changed { output: index })
        };
        match &self.parts {
            Parts::Raw { reg_max, levels } => {
                for level in levels {
                    let (boxes, classes) = (read(level.boxes)?, read(level.classes)?);
                    self.decode_level(level, *reg_max, boxes, classes, confidence, detections);
                }
            }
            Parts::Concat { normalized, anchors, anchors_last } => {
                let steps = if *anchors_last { (1, *anchors) } else { (4 + self.classes, 1) };
                self.decode_concat(read(0)?, *normalized, *anchors, steps, confidence, detections);
            }
        }
        Ok(())
    }

    fn decode_level(
        &self,
        level: &Level,
        reg_max: usize,
        boxes: HeadOutput<'_>,
        classes: HeadOutput<'_>,
        confidence: f32,
        detections: &mut Vec<Detection>,
    ) {
        let logit = (confidence / (1.0 - confidence)).ln();
        let numbers = &self.outputs[level.classes];
        let mut cell_passes = |cell: usize, class: usize, logit: f32| {
            let (x, y) = ((cell % level.columns) as f32 + 0.5, (cell / level.columns) as f32 + 0.5);
            let stride = level.stride as f32;
            let side = |side: usize| {
                self.outputs[level.boxes].expectation(boxes, (cell * 4 + side) * reg_max, reg_max) * stride
            };
            let (x, y) = (x * stride, y * stride);
            let rect = Rect::new(x - side(0), y - side(1), x + side(2), y + side(3));
            detections.push(Detection { rect, class, score: 1.0 / (1.0 + (-logit).exp()) });
        };
        match classes {
            HeadOutput::Float32(logits) => {
                for (cell, logits) in logits.chunks_exact(self.classes).enumerate() {
                    let (class, best) = highest(logits.iter().copied());
                    if best >= logit {
                        cell_passes(cell, class, best);
                    }
                }
            }
            HeadOutput::Int8(_) | HeadOutput::UInt8(_) => {
                let cut = numbers.real.partition_point(|&real| real < logit);
                let scan = |bytes: &[u8], flip: u8, cell_passes: &mut dyn FnMut(usize, usize, f32)| {
                    for (cell, bytes) in bytes.chunks_exact(self.classes).enumerate() {
                        let (class, best) = highest(bytes.iter().map(|byte| byte ^ flip));
                        if usize::from(best) >= cut {
                            cell_passes(cell, class, numbers.real[usize::from(best)]);
                        }
                    }
                };
                match classes {
                    HeadOutput::Int8(bytes) => scan(bytemuck::cast_slice(bytes), 0x80, &mut cell_passes),
                    HeadOutput::UInt8(bytes) => scan(bytes, 0, &mut cell_passes),
                    HeadOutput::Float32(_) => {}
                }
            }
        }
    }

    fn decode_concat(
        &self,
        output: HeadOutput<'_>,
        normalized: bool,
        anchors: usize,
        (anchor_step, channel_step): (usize, usize),
        confidence: f32,
        detections: &mut Vec<Detection>,
    ) {
        let (x_unit, y_unit) = if normalized { (self.input.0 as f32, self.input.1 as f32) } else { (1.0, 1.0) };
        let numbers = &self.outputs[0];
        for anchor in 0..anchors {
            let at = |channel: usize| numbers.real(output, anchor * anchor_step + channel * channel_step);
            let (class, score) = highest((0..self.classes).map(|class| at(4 + class)));
            if score >= confidence {
                let (x, y, half_width, half_height) = (at(0), at(1), at(2) / 2.0, at(3) / 2.0);
                let rect = Rect::new(
                    (x - half_width) * x_unit,
                    (y - half_height) * y_unit,
                    (x + half_width) * x_unit,
                    (y + half_height) * y_unit,
                );
                detections.push(Detection { rect, class, score });
            }
        }
    }
}

/// Index and value of the highest, the first of equals.
fn highest<T: PartialOrd + Copy + Default>(numbers: impl Iterator<Item = T>) -> (usize, T) {
    let mut numbers = numbers.enumerate();
    let first = numbers.next().unwrap_or_default();
    numbers.fold(first, |best, next| if next.1 > best.1 { next } else { best })
}

impl Numbers {
    fn new(output: &OutputShape) -> Result<Self, HeadError> {
        let unscaled = || HeadError::Unscaled(output.shape.clone());
        let Quantization { scale, zero_point } = match (output.element, output.quantization) {
            (Element::Float32, _) => Quantization { scale: 1.0, zero_point: 0 },
            (_, Some(q)) if q.scale.is_finite() && q.scale > 0.0 => q,
            _ => return Err(unscaled()),
        };
        let lowest = if output.element == Element::Int8 { -128 } else { 0 };
        let real = |step: usize| scale * (step as i32 + lowest - zero_point) as f32;
        Ok(Self {
            element: output.element,
            len: output.shape.iter().product(),
            real: Box::new(std::array::from_fn(real)),
            falloff: Box::new(std::array::from_fn(|steps| (-scale * steps as f32).exp())),
        })
    }

    fn fits(&self, output: &HeadOutput<'_>) -> bool {
        let (len, element) = match output {
            HeadOutput::Int8(numbers) => (numbers.len(), Element::Int8),
            HeadOutput::UInt8(numbers) => (numbers.len(), Element::UInt8),
            HeadOutput::Float32(numbers) => (numbers.len(), Element::Float32),
        };
        len == self.len && element == self.element
    }

    fn real(&self, output: HeadOutput<'_>, index: usize) -> f32 {
        match output {
            HeadOutput::Int8(numbers) => self.real[usize::from(numbers[index] as u8 ^ 0x80)],
            HeadOutput::UInt8(numbers) => self.real[usize::from(numbers[index])],
            HeadOutput::Float32(numbers) => numbers[index],
        }
    }

    /// Mean bin of the softmax over `bins` logits from `start` on: the distance in strides (Li et al., "Generalized Focal
    /// Loss", arXiv:2006.04388, equation 5).
    fn expectation(&self, output: HeadOutput<'_>, start: usize, bins: usize) -> f32 {
        let mean = |weights: &mut dyn Iterator<Item = f32>| {
            let (mut sum, mut moment) = (0.0, 0.0);
            for (bin, weight) in weights.enumerate() {
                sum += weight;
                moment += weight * bin as f32;
            }
            moment / sum
        };
        let bytes = |bytes: &[u8], flip: u8| {
            let (_, top) = highest(bytes.iter().map(|byte| byte ^ flip));
            mean(&mut bytes.iter().map(|byte| self.falloff[usize::from(top - (byte ^ flip))]))
        };
        match output {
            HeadOutput::Int8(numbers) => bytes(bytemuck::cast_slice(&numbers[start..start + bins]), 0x80),
            HeadOutput::UInt8(numbers) => bytes(&numbers[start..start + bins], 0),
            HeadOutput::Float32(numbers) => {
                let logits = &numbers[start..start + bins];
                let (_, top) = highest(logits.iter().copied());
                mean(&mut logits.iter().map(|logit| (logit - top).exp()))
            }
        }
    }
}
