//! Safe wrapper over the TensorFlow Lite C API, loaded at run time.
//!
//! Owns how a library is found and loaded ([`Runtime`]), how a model file becomes something that runs ([`Model`],
//! [`Interpreter`], [`Pool`]), and how its tensors are viewed ([`TensorInfo`], [`TensorElement`]). Knows nothing of
//! pictures, boxes or manifests. Refuses to run without XNNPACK, to use more than one thread per interpreter (two
//! threads in one interpreter spin and collapse on a busy machine; several interpreters don't), and to give out a
//! tensor's memory as anything but what it is.
//!
//! ```no_run
//! use std::path::Path;
//! use shelfscan_tflite::{Interpreter, Model, Runtime};
//!
//! # fn main() -> shelfscan_tflite::Result<()> {
//! let runtime = Runtime::load()?;
//! let model = Model::open(&runtime, Path::new("detector.tflite"))?;
//! let mut interpreter = Interpreter::new(&model)?;
//! interpreter.input_mut::<i8>(0)?.fill(-14);
//! interpreter.invoke()?;
//! let scores = interpreter.output::<i8>(0)?;
//! # Ok(())
//! # }
//! ```
//!
//! # What a model may do
//! A file that is truncated or not a model is refused with its name. But TensorFlow Lite trusts the values inside a
//! well-formed model, such as the parameters of an operator: of models with one to three random bytes changed, it
//! crashes the process on one in some thousands (the test `changed_bytes_end_in_a_result` counts them). So a model
//! needs a checksum from a trusted source as the first gate; a bundle's manifest has one for each of its models.
//!
//! The library prints one line on stderr, once per process, when the first interpreter is made: "INFO: Created
//! TensorFlow Lite XNNPACK delegate for CPU." Its C API has no switch for that. Everything else it has to say goes into
//! an [`Error`].

#![deny(unsafe_code)]

mod error;
#[allow(unsafe_code)]
mod ffi;
mod flatbuffer;
#[allow(unsafe_code)]
mod handles;
mod interpreter;
mod pool;
mod runtime;
mod tensor;

pub use error::{Error, Result};
pub use interpreter::{Interpreter, Model};
pub use pool::{Pool, Pooled};
pub use runtime::{LIBRARY_PATH_VARIABLE, Runtime, fetched_library};
pub use tensor::{Element, Quantization, TensorElement, TensorInfo};
