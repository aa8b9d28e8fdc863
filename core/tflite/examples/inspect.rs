//! Prints what models take and give, and how long they take:
//! `cargo run --release -p shelfscan-tflite --example inspect -- MODEL…`.
//!
//! The quickest way to see whether an exported model runs in the library that the project ships, which knows fewer
//! operators than the Python packages that export them.

use std::path::Path;
use std::time::{Duration, Instant};

use shelfscan_tflite::{Element, Interpreter, Model, Result, Runtime, TensorInfo};

const RUNS: usize = 20;

fn main() -> Result<()> {
    let runtime = Runtime::load()?;
    println!("TensorFlow Lite {} from {}", runtime.version(), runtime.library());
    std::env::args().skip(1).try_for_each(|path| inspect(&runtime, Path::new(&path)))
}

fn inspect(runtime: &Runtime, path: &Path) -> Result<()> {
    let started = Instant::now();
    let model = Model::open(runtime, path)?;
    let opened = started.elapsed();
    let mut interpreter = Interpreter::new(&model)?;
    let made = started.elapsed() - opened;

    println!("\n{}", path.display());
    interpreter.inputs().iter().for_each(|info| print_tensor("input", info));
    interpreter.outputs().iter().for_each(|info| print_tensor("output", info));

    fill(&mut interpreter)?;
    interpreter.invoke()?;
    let fastest = (0..RUNS).map(|_| timed(&mut interpreter)).collect::<Result<Vec<Duration>>>()?.into_iter().min();
    println!(
        "  open {opened:.2?}, interpreter {made:.2?}, fastest of {RUNS} invokes {:.2?}",
        fastest.unwrap_or_default()
    );
    Ok(())
}

/// Something other than zeros, so that no shortcut for them is measured.
fn fill(interpreter: &mut Interpreter) -> Result<()> {
    for index in 0..interpreter.inputs().len() {
        match interpreter.inputs()[index].element {
            Element::Int8 => interpreter.input_mut::<i8>(index)?.iter_mut().zip((-128..=127).cycle()).for_each(copy),
            Element::UInt8 => interpreter.input_mut::<u8>(index)?.iter_mut().zip((0..=255).cycle()).for_each(copy),
            Element::Float32 => interpreter.input_mut::<f32>(index)?.fill(0.5),
            _ => {}
        }
    }
    Ok(())
}

fn copy<T>((value, pattern): (&mut T, T)) {
    *value = pattern;
}

fn timed(interpreter: &mut Interpreter) -> Result<Duration> {
    let started = Instant::now();
    interpreter.invoke()?;
    Ok(started.elapsed())
}

fn print_tensor(end: &str, info: &TensorInfo) {
    let quantization = info.quantization.map_or_else(String::new, |quantization| {
        format!(", scale {}, zero point {}", quantization.scale, quantization.zero_point)
    });
    println!("  {end:<6} {} {:?}{quantization}  {}", info.element, info.shape, info.name);
}
