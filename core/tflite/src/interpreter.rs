//! A model that can be opened and run.
//!
//! Owns [`Model`] and [`Interpreter`]: which tensors there are, and when an output may be read. Refuses indices that
//! don't exist, elements of another type, and outputs of a run that has not happened or failed.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::handles::{End, Graph, ModelHandle};
use crate::{Error, Result, Runtime, TensorElement, TensorInfo};

/// A memory-mapped model. Cloning shares it.
#[derive(Clone)]
pub struct Model(pub(crate) Arc<ModelHandle>);

impl Model {
    /// Maps the file and verifies that it is a whole flatbuffer of the model schema.
    ///
    /// Verification covers the structure of the file, not the meaning of what it holds: TensorFlow Lite is not safe
    /// against a model that was made to harm it (see the crate's docs), so check where a model comes from before
    /// opening it. The file must not be rewritten in place while it is open; replacing it by a rename is fine.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if it can't be opened; [`Error::Corrupt`] if it is empty, truncated or something else.
    pub fn open(runtime: &Runtime, path: &Path) -> Result<Self> {
        ModelHandle::open(runtime, path).map(|handle| Self(Arc::new(handle)))
    }

    /// The file it was opened from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The mapped file: the very bytes that run, for a checksum over them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Model").field(&self.0.path).finish()
    }
}

/// One runnable instance of a [`Model`]: one thread, XNNPACK, tensors allocated once.
///
/// `Send` but not `Sync`: for several threads make several, with a [`Pool`](crate::Pool).
pub struct Interpreter {
    graph: Graph,
    inputs: Vec<TensorInfo>,
    outputs: Vec<TensorInfo>,
    ran: bool,
}

impl Interpreter {
    /// Builds the graph, applies XNNPACK and allocates every tensor; inputs start as zeros.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the graph can't be built or its tensors make no sense; [`Error::Delegate`] if XNNPACK
    /// fails.
    pub fn new(model: &Model) -> Result<Self> {
        let graph = Graph::new(Arc::clone(&model.0))?;
        let (inputs, outputs) = (graph.describe(End::Input)?, graph.describe(End::Output)?);
        Ok(Self { graph, inputs, outputs, ran: false })
    }

    /// The inputs, in the model's order; at least one.
    #[must_use]
    pub fn inputs(&self) -> &[TensorInfo] {
        &self.inputs
    }

    /// The outputs, in the model's order; at least one.
    #[must_use]
    pub fn outputs(&self) -> &[TensorInfo] {
        &self.outputs
    }

    /// The memory of input `index`, to be written in place before [`invoke`](Self::invoke): `inputs()[index].len()`
    /// elements, row-major. What a run leaves in it is not specified, so write all of it each time.
    ///
    /// # Errors
    /// [`Error::NoSuchTensor`], [`Error::WrongElement`], [`Error::TensorMemory`].
    pub fn input_mut<T: TensorElement>(&mut self, index: usize) -> Result<&mut [T]> {
        match self.inputs.get(index) {
            Some(info) => self.graph.input_mut(index, info),
            None => Err(self.no_such_tensor("input", index, self.inputs.len())),
        }
    }

    /// What the last run left in output `index`: `outputs()[index].len()` elements, row-major.
    ///
    /// # Errors
    /// [`Error::NotInvoked`] unless the last [`invoke`](Self::invoke) succeeded; [`Error::NoSuchTensor`],
    /// [`Error::WrongElement`], [`Error::TensorMemory`].
    pub fn output<T: TensorElement>(&self, index: usize) -> Result<&[T]> {
        let Some(info) = self.outputs.get(index) else {
            return Err(self.no_such_tensor("output", index, self.outputs.len()));
        };
        if !self.ran {
            return Err(Error::NotInvoked { path: self.graph.model().path.clone() });
        }
        self.graph.output(index, info)
    }

    /// Runs the model on what the inputs hold, on the calling thread. Allocates nothing after the first time.
    ///
    /// # Errors
    /// [`Error::Invoke`] with what TensorFlow Lite reported.
    pub fn invoke(&mut self) -> Result<()> {
        self.ran = false;
        self.graph.invoke()?;
        self.ran = true;
        Ok(())
    }

    fn no_such_tensor(&self, end: &'static str, index: usize, count: usize) -> Error {
        Error::NoSuchTensor { path: self.graph.model().path.clone(), end, index, count }
    }
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpreter")
            .field("model", &self.graph.model().path)
            .field("inputs", &self.inputs)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}
