//! Owners of what the C API makes: a mapped model, and an interpreter with its delegate.
//!
//! Owns creation, lifetime and destruction order (interpreter, then delegate, then model, then the mapped file), and is
//! the only place where a tensor's memory becomes a slice: after its type, length and alignment were checked. Refuses
//! tensors whose memory, length or shape don't agree. Everything it offers is safe to call.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;

use crate::ffi::{self, Api, CDelegate, CInterpreter, CModel, COptions, CTensor, Report};
use crate::flatbuffer::has_external_buffers;
use crate::tensor::{Element, Quantization, TensorElement, TensorInfo};
use crate::{Error, Result, Runtime};

/// Largest input or output tensor that is accepted, bytes: far above any picture a phone can feed, far below what would
/// bring a phone down before the sizes of a corrupt model are noticed.
const TENSOR_LIMIT: usize = 256 << 20;

/// A model over its mapped file.
pub(crate) struct ModelHandle {
    pub(crate) runtime: Runtime,
    pub(crate) path: PathBuf,
    model: NonNull<CModel>,
    // Dropped after `model` was deleted in `drop`.
    map: memmap2::Mmap,
}

// SAFETY: a `TfLiteModel` is immutable once made, and the C API documents it as usable from several interpreters and
// threads at once. The map is read-only.
unsafe impl Send for ModelHandle {}
// SAFETY: as above.
unsafe impl Sync for ModelHandle {}

impl ModelHandle {
    pub(crate) fn open(runtime: &Runtime, path: &Path) -> Result<Self> {
        let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
        let corrupt = |reason: String| Error::Corrupt { path: path.to_owned(), reason };
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?;
        if length.is_dir() {
            return Err(corrupt("it is a folder".to_owned()));
        }
        if length.len() < 8 {
            return Err(corrupt(format!("it is {} bytes long", length.len())));
        }
        // SAFETY: the map is read-only and private to this value. As with every memory-mapped file, another process
        // that rewrites it in place takes the process down; the project replaces files by rename, which leaves a map
        // intact.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(unreadable)?;
        // A flatbuffer names its schema in bytes 4..8.
        if map.get(4..8) != Some(b"TFL3") {
            return Err(corrupt("it does not begin as a TensorFlow Lite model does".to_owned()));
        }

        let api = runtime.api();
        let report = Report::default();
        // SAFETY: the data is `map.len()` readable bytes; the report outlives the call, and the model made here is
        // deleted at once: it would keep a pointer to a reporter that the library frees on return. What this call is
        // for is its verdict, with the reason, where the quiet variant below would print the reason on stderr.
        unsafe {
            let verified =
                (api.model_create_reporting)(map.as_ptr().cast(), map.len(), Report::REPORTER, report.user_data());
            if verified.is_null() {
                return Err(corrupt(report.take("TensorFlow Lite gives no reason")));
            }
            (api.model_delete)(verified);
        }
        // SAFETY: the data is `map.len()` readable bytes that stay mapped at this address until after the model is
        // deleted.
        let model = unsafe { (api.model_create)(map.as_ptr().cast(), map.len()) };
        let model = NonNull::new(model).ok_or_else(|| corrupt("TensorFlow Lite refused it".to_owned()))?;
        let handle = Self { runtime: runtime.clone(), path: path.to_owned(), model, map };
        if has_external_buffers(&handle.map) {
            let reason = "its weights lie outside its flatbuffer, where the C API can't read them; \
                          export it with the weights inside";
            return Err(corrupt(reason.to_owned()));
        }
        Ok(handle)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }
}

impl Drop for ModelHandle {
    fn drop(&mut self) {
        // SAFETY: made by `model_create`, deleted once; interpreters hold the handle alive by their `Arc`.
        unsafe { (self.runtime.api().model_delete)(self.model.as_ptr()) }
    }
}

/// An interpreter with the XNNPACK delegate it runs on; tensors allocated, inputs zeroed.
pub(crate) struct Graph {
    interpreter: NonNull<CInterpreter>,
    delegate: Option<NonNull<CDelegate>>,
    // The interpreter holds a pointer into the box.
    report: Box<Report>,
    model: Arc<ModelHandle>,
}

// SAFETY: the C interpreter, its delegate and its tensors are used by whoever holds this value and by nobody else;
// nothing in them is bound to the thread that made them (one thread, no thread pool).
unsafe impl Send for Graph {}

/// Which end of the graph a tensor is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Input,
    Output,
}

impl Graph {
    pub(crate) fn new(model: Arc<ModelHandle>) -> Result<Self> {
        let api = model.runtime.api();
        let path = || model.path.clone();
        // SAFETY: `NULL` options are the library's defaults: int8 operators on, no thread pool.
        let delegate = unsafe { (api.xnnpack_create)(std::ptr::null()) };
        let Some(delegate) = NonNull::new(delegate) else {
            return Err(Error::Delegate { path: path(), reason: "TensorFlow Lite could not create it".to_owned() });
        };
        let mut graph = match Self::create(Arc::clone(&model), Some(delegate)) {
            Ok(graph) => graph,
            // The library gives one answer for a graph it can't build and for a delegate that fails: tell them apart.
            Err(reason) => {
                return Err(match Self::create(Arc::clone(&model), None) {
                    Ok(_) => Error::Delegate { path: path(), reason },
                    Err(reason) => Error::Corrupt { path: path(), reason },
                });
            }
        };
        // SAFETY: the interpreter is alive and exclusively owned.
        if unsafe { (api.allocate_tensors)(graph.interpreter.as_ptr()) } != ffi::OK {
            let reason = graph.report.take("its tensors could not be allocated");
            return Err(Error::Corrupt { path: path(), reason });
        }
        graph.zero_inputs()?;
        // Warnings of a start that went well are no part of a later error.
        graph.report.take("");
        Ok(graph)
    }

    /// Creates the interpreter and takes the delegate over, which is deleted when that fails.
    fn create(model: Arc<ModelHandle>, delegate: Option<NonNull<CDelegate>>) -> Result<Self, String> {
        let api = model.runtime.api();
        let report = Box::<Report>::default();
        // SAFETY: the options live from their creation to their deletion below; the report is boxed and outlives the
        // interpreter (see `Drop`), the delegate too; the model is kept by the `Arc`.
        let interpreter = unsafe {
            let options = (api.options_create)();
            if options.is_null() {
                std::ptr::null_mut()
            } else {
                Self::configure(api, options, &report, delegate);
                let interpreter = (api.interpreter_create)(model.model.as_ptr(), options);
                (api.options_delete)(options);
                interpreter
            }
        };
        match NonNull::new(interpreter) {
            Some(interpreter) => Ok(Self { interpreter, delegate, report, model }),
            None => {
                if let Some(delegate) = delegate {
                    // SAFETY: the interpreter that would have used it was not made.
                    unsafe { (api.xnnpack_delete)(delegate.as_ptr()) }
                }
                Err(report.take("TensorFlow Lite gives no reason"))
            }
        }
    }

    /// # Safety
    /// `options` is alive, and `report` and `delegate` outlive every interpreter made with it.
    unsafe fn configure(api: &Api, options: *mut COptions, report: &Report, delegate: Option<NonNull<CDelegate>>) {
        // SAFETY: the caller's promise.
        unsafe {
            (api.options_set_threads)(options, 1);
            (api.options_set_reporter)(options, Report::REPORTER, report.user_data());
            if let Some(delegate) = delegate {
                (api.options_add_delegate)(options, delegate.as_ptr());
            }
        }
    }

    /// Gives every input defined contents, so that a slice of it is never of uninitialised memory.
    fn zero_inputs(&mut self) -> Result<()> {
        let api = self.model.runtime.api();
        let file = self.model.map.as_ptr_range();
        for index in 0..self.count(End::Input)? {
            let tensor = self.tensor(End::Input, index)?;
            // SAFETY: the tensor belongs to the live interpreter.
            let (data, bytes) = unsafe { ((api.tensor_data)(tensor), (api.tensor_bytes)(tensor)) };
            let data = data.cast::<u8>();
            if data.is_null() || bytes > TENSOR_LIMIT {
                return Err(self.corrupt(format!("its input {index} of {bytes} bytes could not be allocated")));
            }
            if file.contains(&data.cast_const()) {
                return Err(self.corrupt(format!("its input {index} is a constant")));
            }
            // SAFETY: a tensor's data is valid for writes of its byte size unless it lies in the model's file, which
            // was ruled out, and nothing else refers to it.
            unsafe { data.write_bytes(0, bytes) };
        }
        Ok(())
    }

    pub(crate) fn model(&self) -> &Arc<ModelHandle> {
        &self.model
    }

    /// Describes the tensors at one end, refusing any whose shape, length and quantization don't fit together.
    pub(crate) fn describe(&self, end: End) -> Result<Vec<TensorInfo>> {
        (0..self.count(end)?).map(|index| self.describe_tensor(end, index)).collect()
    }

    fn count(&self, end: End) -> Result<i32> {
        let api = self.model.runtime.api();
        // SAFETY: the interpreter is alive.
        let count = unsafe {
            match end {
                End::Input => (api.input_count)(self.interpreter.as_ptr()),
                End::Output => (api.output_count)(self.interpreter.as_ptr()),
            }
        };
        match count {
            1.. => Ok(count),
            _ => Err(self.corrupt(format!("it has no {}", end.name()))),
        }
    }

    /// `index` must be below `count(end)`: the library does not check it.
    fn tensor(&self, end: End, index: i32) -> Result<*const CTensor> {
        let api = self.model.runtime.api();
        // SAFETY: the interpreter is alive and the index is in range, as every caller takes it from `count` or from the
        // descriptions made with it.
        let tensor = unsafe {
            match end {
                End::Input => (api.input)(self.interpreter.as_ptr(), index).cast_const(),
                End::Output => (api.output)(self.interpreter.as_ptr(), index),
            }
        };
        if tensor.is_null() { Err(self.corrupt(format!("its {} {index} is missing", end.name()))) } else { Ok(tensor) }
    }

    fn describe_tensor(&self, end: End, index: i32) -> Result<TensorInfo> {
        let api = self.model.runtime.api();
        let tensor = self.tensor(end, index)?;
        let odd = |what: String| self.corrupt(format!("its {} {index} {what}", end.name()));
        // SAFETY: the tensor belongs to the live interpreter, and `tensor_dim` is asked for dimensions it has.
        let (name, element, dims, quantization) = unsafe {
            let dims: Vec<i32> = (0..(api.tensor_dims)(tensor)).map(|axis| (api.tensor_dim)(tensor, axis)).collect();
            ((api.tensor_name)(tensor), (api.tensor_type)(tensor), dims, (api.tensor_quantization)(tensor))
        };
        let shape = dims
            .iter()
            .map(|&dim| usize::try_from(dim).ok().filter(|&dim| dim > 0))
            .collect::<Option<Vec<usize>>>()
            .ok_or_else(|| odd(format!("has the shape {dims:?}")))?;
        let element = Element::from_c(element);
        let length = shape.iter().try_fold(element.size(), |length, &dim| length.checked_mul(dim));
        if length.is_none_or(|length| length > TENSOR_LIMIT) {
            return Err(odd(format!("has the shape {dims:?}, larger than any picture")));
        }
        let quantization = match quantization.scale {
            0.0 => None,
            scale if scale.is_finite() && scale > 0.0 => {
                Some(Quantization { scale, zero_point: quantization.zero_point })
            }
            scale => return Err(odd(format!("has the quantization scale {scale}"))),
        };
        Ok(TensorInfo { name: ffi::text(name), shape, element, quantization })
    }

    /// The checked memory of the tensor that `info` describes.
    fn data<T: TensorElement>(&self, end: End, index: usize, info: &TensorInfo) -> Result<(NonNull<T>, usize)> {
        if info.element != T::ELEMENT {
            return Err(Error::WrongElement { tensor: info.name.clone(), is: info.element, asked: T::ELEMENT });
        }
        let api = self.model.runtime.api();
        let c_index =
            i32::try_from(index).map_err(|_| self.corrupt(format!("its {} {index} is missing", end.name())))?;
        let tensor = self.tensor(end, c_index)?;
        // SAFETY: the tensor belongs to the live interpreter.
        let (data, bytes, element) =
            unsafe { ((api.tensor_data)(tensor), (api.tensor_bytes)(tensor), (api.tensor_type)(tensor)) };
        let data = data.cast::<T>();
        match NonNull::new(data) {
            Some(data)
                if data.is_aligned()
                    && bytes == info.len() * size_of::<T>()
                    && Element::from_c(element) == T::ELEMENT =>
            {
                Ok((data, info.len()))
            }
            _ => Err(Error::TensorMemory { tensor: info.name.clone(), bytes, shape: info.shape.clone() }),
        }
    }

    pub(crate) fn input_mut<T: TensorElement>(&mut self, index: usize, info: &TensorInfo) -> Result<&mut [T]> {
        let (data, length) = self.data::<T>(End::Input, index, info)?;
        // SAFETY: non-null, aligned and `length` elements long (checked by `data`); initialised, since inputs are
        // zeroed when allocated and written by the library after; every bit pattern is a `T`; `&mut self` keeps it the
        // only reference until the next call.
        Ok(unsafe { slice::from_raw_parts_mut(data.as_ptr(), length) })
    }

    /// The caller has seen an invoke succeed: before that an output's memory is not initialised.
    pub(crate) fn output<T: TensorElement>(&self, index: usize, info: &TensorInfo) -> Result<&[T]> {
        let (data, length) = self.data::<T>(End::Output, index, info)?;
        // SAFETY: non-null, aligned and `length` elements long (checked by `data`); written by the invoke that the
        // caller has seen succeed (an output that no operator writes has the bytes that the library's allocator left
        // there); every bit pattern is a `T`; nothing writes to it while `&self` is borrowed.
        Ok(unsafe { slice::from_raw_parts(data.as_ptr(), length) })
    }

    pub(crate) fn invoke(&mut self) -> Result<()> {
        // SAFETY: the interpreter is alive, its tensors are allocated, and `&mut self` makes this the only use of it.
        let status = unsafe { (self.model.runtime.api().invoke)(self.interpreter.as_ptr()) };
        if status == ffi::OK {
            return Ok(());
        }
        let reason = self.report.take("TensorFlow Lite gives no reason");
        Err(Error::Invoke { path: self.model.path.clone(), status, reason })
    }

    fn corrupt(&self, reason: String) -> Error {
        Error::Corrupt { path: self.model.path.clone(), reason }
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        let api = self.model.runtime.api();
        // SAFETY: each was made once and is deleted once, the delegate after the interpreter that uses it; the report
        // and the model are dropped after this.
        unsafe {
            (api.interpreter_delete)(self.interpreter.as_ptr());
            if let Some(delegate) = self.delegate {
                (api.xnnpack_delete)(delegate.as_ptr());
            }
        }
    }
}

impl End {
    fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}
