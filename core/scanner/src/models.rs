//! The bundle's two models as the scan sees them: a look finds facings, a crop becomes an embedding.
//!
//! Owns the match between manifest and model (input shape, type, scale; outputs), the way of a region into the input tensor and
//! of the output tensor out of it. Interpreters are lent from a pool; everything else a call needs is in its [`Workbench`].
//!
//! Refuses: models whose tensors are not what the manifest says, at opening.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use shelfscan_tflite as tflite;
use shelfscan_tflite::{Interpreter, Model, Pool, Pooled, Runtime, TensorInfo};
use shelfscan_vision::heads::OutputShape;
use shelfscan_vision::{
    Detection, Element, Frame, HeadOutput, Heads, InputSpec, Layout, Letterbox, Quantization, Rect, Sampler, TensorMut,
};

use crate::manifest::{DetectorEntry, EmbedderEntry, InputEntry};
use crate::result::Timings;
use crate::{BundleError, ScanError};

/// What one worker needs besides an interpreter, kept from photo to photo.
#[derive(Debug, Default)]
pub(crate) struct Workbench {
    pub(crate) sampler: Sampler,
    canvas: Vec<u8>,
    pub(crate) detections: Vec<Detection>,
    pub(crate) embedding: Vec<f32>,
    pub(crate) scratch: shelfscan_index::Scratch,
}

/// Finds containers.
#[derive(Debug)]
pub(crate) struct Detector {
    pool: Pool,
    spec: InputSpec,
    heads: Heads,
}

impl Detector {
    pub(crate) fn open(
        runtime: &Runtime,
        path: &Path,
        entry: &DetectorEntry,
        threads: usize,
    ) -> Result<Self, BundleError> {
        let misfit = |reason: String| BundleError::Model { path: path.into(), reason };
        let pool = pool(runtime, path, threads)?;
        let spec = entry.input.spec("detector.input").map_err(misfit)?;
        let heads = {
            let interpreter = pool.get()?;
            check_input(&interpreter, &spec, &entry.input).map_err(misfit)?;
            let outputs =
                interpreter.outputs().iter().map(output_shape).collect::<Result<Vec<_>, _>>().map_err(misfit)?;
            let input = (spec.width(), spec.height());
            Heads::new(&entry.head.kind(), entry.classes.len(), input, &outputs).map_err(|error| {
                misfit(format!("{error}; detector.head and detector.classes must describe this model"))
            })?
        };
        Ok(Self { pool, spec, heads })
    }

    /// Input size, (width, height) in pixels.
    pub(crate) fn input_size(&self) -> (usize, usize) {
        (self.spec.width(), self.spec.height())
    }

    pub(crate) fn interpreter(&self) -> Result<Pooled<'_>, tflite::Error> {
        self.pool.get()
    }

    /// Looks at the region of `letterbox` and puts what it finds into the workbench's detections, in photo pixels.
    pub(crate) fn look(
        &self,
        interpreter: &mut Interpreter,
        frame: &Frame<'_>,
        letterbox: &Letterbox,
        confidence: f32,
        bench: &mut Workbench,
        timings: &mut Timings,
    ) -> Result<(), ScanError> {
        let started = Instant::now();
        fill(interpreter, &self.spec, frame, letterbox, bench)?;
        let filled = Instant::now();
        interpreter.invoke()?;
        let invoked = Instant::now();
        bench.detections.clear();
        let interpreter = &*interpreter;
        self.heads.decode(|output| head_output(interpreter, output), confidence, &mut bench.detections)?;
        // A float model may say anything.
        bench.detections.retain(|found| found.rect.area().is_finite() && found.rect.left.is_finite());
        for detection in &mut bench.detections {
            detection.rect = letterbox.to_photo(&detection.rect);
        }
        timings.letterbox += filled - started;
        timings.detector += invoked - filled;
        timings.heads += invoked.elapsed();
        Ok(())
    }
}

/// Describes crops.
#[derive(Debug)]
pub(crate) struct Embedder {
    pool: Pool,
    spec: InputSpec,
    margin: f32,
    output: Quantization,
}

impl Embedder {
    pub(crate) fn open(
        runtime: &Runtime,
        path: &Path,
        entry: &EmbedderEntry,
        threads: usize,
    ) -> Result<Self, BundleError> {
        let misfit = |reason: String| BundleError::Model { path: path.into(), reason };
        let pool = pool(runtime, path, threads)?;
        let spec = entry.input.spec("embedder.input").map_err(misfit)?;
        let output = {
            let interpreter = pool.get()?;
            check_input(&interpreter, &spec, &entry.input).map_err(misfit)?;
            let output = match interpreter.outputs() {
                [output] if output.len() == entry.dim => output_shape(output).map_err(misfit)?,
                outputs => {
                    let shapes: Vec<_> = outputs.iter().map(|output| &output.shape).collect();
                    return Err(misfit(format!("outputs {shapes:?}, but embedder.dim wants one [1, {}]", entry.dim)));
                }
            };
            match (output.element, output.quantization) {
                (Element::Float32, _) => Quantization { scale: 1.0, zero_point: 0 },
                (_, Some(quantization)) => quantization,
                _ => return Err(misfit("its quantized output has no scale and zero point".into())),
            }
        };
        Ok(Self { pool, spec, margin: entry.crop_margin, output })
    }

    pub(crate) fn interpreter(&self) -> Result<Pooled<'_>, tflite::Error> {
        self.pool.get()
    }

    /// Puts the embedding of the facing at `rect` (photo pixels) into the workbench, as the model gives it.
    pub(crate) fn embed(
        &self,
        interpreter: &mut Interpreter,
        frame: &Frame<'_>,
        rect: &Rect,
        bench: &mut Workbench,
        timings: &mut Timings,
    ) -> Result<(), ScanError> {
        let started = Instant::now();
        let region = rect.grown(self.margin).clipped(&frame.bounds());
        let letterbox = Letterbox::new(region, self.spec.width(), self.spec.height());
        fill(interpreter, &self.spec, frame, &letterbox, bench)?;
        let filled = Instant::now();
        interpreter.invoke()?;
        timings.crops += filled - started;
        timings.embedder += filled.elapsed();
        let Quantization { scale, zero_point } = self.output;
        let real = |number: i32| scale * (number - zero_point) as f32;
        let embedding = &mut bench.embedding;
        embedding.clear();
        match head_output(interpreter, 0) {
            Some(HeadOutput::Int8(numbers)) => embedding.extend(numbers.iter().map(|&number| real(number.into()))),
            Some(HeadOutput::UInt8(numbers)) => embedding.extend(numbers.iter().map(|&number| real(number.into()))),
            Some(HeadOutput::Float32(numbers)) => embedding.extend_from_slice(numbers),
            None => {}
        }
        Ok(())
    }
}

fn pool(runtime: &Runtime, path: &Path, threads: usize) -> Result<Pool, BundleError> {
    let limit = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
    let model = Model::open(runtime, path).map_err(|error| match error {
        tflite::Error::Corrupt { path, reason } => {
            let reason = format!("not a usable TensorFlow Lite model: {reason}; copy or export it again");
            BundleError::Model { path, reason }
        }
        other => other.into(),
    })?;
    Ok(Pool::new(model, limit))
}

fn fill(
    interpreter: &mut Interpreter,
    spec: &InputSpec,
    frame: &Frame<'_>,
    letterbox: &Letterbox,
    bench: &mut Workbench,
) -> Result<(), ScanError> {
    let tensor = match spec.element() {
        Element::Int8 => TensorMut::Int8(interpreter.input_mut(0)?),
        Element::UInt8 => TensorMut::UInt8(interpreter.input_mut(0)?),
        Element::Float32 => TensorMut::Float32(interpreter.input_mut(0)?),
    };
    Ok(letterbox.fill(frame, spec, &mut bench.sampler, &mut bench.canvas, tensor)?)
}

fn head_output(interpreter: &Interpreter, output: usize) -> Option<HeadOutput<'_>> {
    match interpreter.outputs().get(output)?.element {
        tflite::Element::Int8 => interpreter.output(output).ok().map(HeadOutput::Int8),
        tflite::Element::UInt8 => interpreter.output(output).ok().map(HeadOutput::UInt8),
        tflite::Element::Float32 => interpreter.output(output).ok().map(HeadOutput::Float32),
        _ => None,
    }
}

fn element(info: &TensorInfo) -> Result<Element, String> {
    match info.element {
        tflite::Element::Int8 => Ok(Element::Int8),
        tflite::Element::UInt8 => Ok(Element::UInt8),
        tflite::Element::Float32 => Ok(Element::Float32),
        other => Err(format!("tensor `{}` holds {other}; int8, uint8 and float32 can be used", info.name)),
    }
}

fn output_shape(info: &TensorInfo) -> Result<OutputShape, String> {
    let quantization =
        info.quantization.map(|tflite::Quantization { scale, zero_point }| Quantization { scale, zero_point });
    Ok(OutputShape { shape: info.shape.clone(), element: element(info)?, quantization })
}

fn check_input(interpreter: &Interpreter, spec: &InputSpec, entry: &InputEntry) -> Result<(), String> {
    let [info] = interpreter.inputs() else {
        return Err(format!("{} inputs, one is expected", interpreter.inputs().len()));
    };
    let (width, height) = (spec.width(), spec.height());
    let shape = match spec.layout() {
        Layout::Nhwc => [1, height, width, 3],
        Layout::Nchw => [1, 3, height, width],
    };
    if info.shape != shape {
        return Err(format!(
            "its input is {:?}, but the manifest's width, height and layout make {shape:?}",
            info.shape
        ));
    }
    if element(info)? != spec.element() {
        return Err(format!("its input holds {}, but the manifest says {}", info.element, entry.element));
    }
    let (scale, zero_point) = (entry.scale.unwrap_or_default(), entry.zero_point.unwrap_or_default());
    match info.quantization {
        Some(model) if (model.scale - scale).abs() > 1e-4 * model.scale || model.zero_point != zero_point => {
            let (model_scale, model_zero) = (model.scale, model.zero_point);
            Err(format!(
                "its input has scale {model_scale} and zero point {model_zero}, but the manifest says {scale} and {zero_point}"
            ))
        }
        _ => Ok(()),
    }
}
