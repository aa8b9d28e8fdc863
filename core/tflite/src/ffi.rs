//! The C API as symbols: declarations, loading, and the error reporter.
//!
//! Owns the table of function pointers and the signatures they are given. Uses the classic, opaque part of the API
//! alone, so that no struct of TensorFlow Lite whose layout changes between versions crosses the boundary: the XNNPACK
//! options are left to the library (`NULL` means its defaults), and the one struct returned by value,
//! [`QuantizationParams`], has kept its layout since the C API began. Refuses a library that lacks a symbol. Names are
//! those of `tensorflow/lite/c/c_api.h`.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// `TfLiteStatus` of success.
pub(crate) const OK: c_int = 0;

/// `TfLiteQuantizationParams`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct QuantizationParams {
    pub(crate) scale: f32,
    pub(crate) zero_point: i32,
}

macro_rules! opaque {
    ($($name:ident),+) => {$(
        #[repr(C)]
        pub(crate) struct $name {
            _private: [u8; 0],
        }
    )+};
}
opaque!(CModel, COptions, CInterpreter, CDelegate, CTensor);

/// A `va_list` as a callee gets it. Stable Rust has no type for it, but in every C ABI this crate is built for, a
/// `va_list` argument travels as one pointer-sized word: an array that decays to a pointer (x86-64 System V), a struct
/// of more than 16 bytes passed by reference (AArch64 AAPCS), a struct of one pointer (32-bit ARM), or a plain `char *`
/// (Apple AArch64, x86, Windows). It is only ever handed on, untouched, to `vsnprintf`.
type VaList = *mut c_void;

type Reporter = unsafe extern "C" fn(user_data: *mut c_void, format: *const c_char, arguments: VaList);

macro_rules! api {
    ($($field:ident = $symbol:ident: fn($($arg:ty),*) $(-> $ret:ty)?;)+) => {
        /// The functions of one loaded library. They stay valid for the life of the process: see [`Api::load`].
        pub(crate) struct Api {
            $(pub(crate) $field: unsafe extern "C" fn($($arg),*) $(-> $ret)?,)+
        }

        impl Api {
            /// Takes the symbols out of `library`; `Err` names the first that is missing.
            fn resolve(library: &libloading::Library) -> Result<Self, &'static str> {
                Ok(Self {
                    $($field: {
                        // SAFETY: the signature is the one `tensorflow/lite/c/c_api.h` (and xnnpack_delegate.h)
                        // declares for this name, with opaque pointees. A library that exports the name for something
                        // else is not TensorFlow Lite; loading it is the caller's mistake as much as linking it would
                        // be.
                        let symbol = unsafe { library.get(concat!(stringify!($symbol), "\0").as_bytes()) };
                        *symbol.map_err(|_| stringify!($symbol))?
                    },)+
                })
            }
        }
    };
}

api! {
    version = TfLiteVersion: fn() -> *const c_char;
    schema_version = TfLiteSchemaVersion: fn() -> c_int;
    model_create = TfLiteModelCreate: fn(*const c_void, usize) -> *mut CModel;
    model_create_reporting = TfLiteModelCreateWithErrorReporter:
        fn(*const c_void, usize, Reporter, *mut c_void) -> *mut CModel;
    model_delete = TfLiteModelDelete: fn(*mut CModel);
    options_create = TfLiteInterpreterOptionsCreate: fn() -> *mut COptions;
    options_delete = TfLiteInterpreterOptionsDelete: fn(*mut COptions);
    options_set_threads = TfLiteInterpreterOptionsSetNumThreads: fn(*mut COptions, i32);
    options_set_reporter = TfLiteInterpreterOptionsSetErrorReporter: fn(*mut COptions, Reporter, *mut c_void);
    options_add_delegate = TfLiteInterpreterOptionsAddDelegate: fn(*mut COptions, *mut CDelegate);
    interpreter_create = TfLiteInterpreterCreate: fn(*const CModel, *const COptions) -> *mut CInterpreter;
    interpreter_delete = TfLiteInterpreterDelete: fn(*mut CInterpreter);
    allocate_tensors = TfLiteInterpreterAllocateTensors: fn(*mut CInterpreter) -> c_int;
    invoke = TfLiteInterpreterInvoke: fn(*mut CInterpreter) -> c_int;
    input_count = TfLiteInterpreterGetInputTensorCount: fn(*const CInterpreter) -> i32;
    input = TfLiteInterpreterGetInputTensor: fn(*const CInterpreter, i32) -> *mut CTensor;
    output_count = TfLiteInterpreterGetOutputTensorCount: fn(*const CInterpreter) -> i32;
    output = TfLiteInterpreterGetOutputTensor: fn(*const CInterpreter, i32) -> *const CTensor;
    tensor_type = TfLiteTensorType: fn(*const CTensor) -> c_int;
    tensor_dims = TfLiteTensorNumDims: fn(*const CTensor) -> i32;
    tensor_dim = TfLiteTensorDim: fn(*const CTensor, i32) -> i32;
    tensor_bytes = TfLiteTensorByteSize: fn(*const CTensor) -> usize;
    tensor_data = TfLiteTensorData: fn(*const CTensor) -> *mut c_void;
    tensor_name = TfLiteTensorName: fn(*const CTensor) -> *const c_char;
    tensor_quantization = TfLiteTensorQuantizationParams: fn(*const CTensor) -> QuantizationParams;
    xnnpack_create = TfLiteXNNPackDelegateCreate: fn(*const c_void) -> *mut CDelegate;
    xnnpack_delete = TfLiteXNNPackDelegateDelete: fn(*mut CDelegate);
}

/// Why a library can't be used.
pub(crate) enum LoadError {
    /// The system's loader refused it, in its words.
    Loader(String),
    /// It lacks this symbol.
    MissingSymbol(&'static str),
}

impl Api {
    /// Loads the library at `path` (or, for a bare file name, from where the system looks for libraries).
    ///
    /// The library is never unloaded: it has static C++ state and a CPU probe that outlive any one model, and so the
    /// function pointers are good for the life of the process.
    pub(crate) fn load(path: &Path) -> Result<Self, LoadError> {
        // SAFETY: loading runs the library's initialisers. The path comes from the search order of `Runtime::load` or
        // from the application itself, which is trusted to name a TensorFlow Lite library, as a linker's search path
        // is.
        let library = unsafe { libloading::Library::new(path) };
        Self::keep(library.map_err(|error| LoadError::Loader(loader_message(&error)))?)
    }

    /// Takes the symbols that are linked into the running program (iOS, where an app can't load libraries of its own).
    #[cfg(target_os = "ios")]
    pub(crate) fn linked() -> Result<Self, LoadError> {
        Self::keep(libloading::os::unix::Library::this().into())
    }

    fn keep(library: libloading::Library) -> Result<Self, LoadError> {
        let api = Self::resolve(&library).map_err(LoadError::MissingSymbol)?;
        std::mem::forget(library);
        Ok(api)
    }

    /// The library's version, as `2.17.1`, and the version of the model format it reads.
    pub(crate) fn versions(&self) -> (String, i32) {
        // SAFETY: both functions take nothing; the first returns a static string.
        let (version, schema) = unsafe { ((self.version)(), (self.schema_version)()) };
        (text(version), schema)
    }
}

fn loader_message(error: &libloading::Error) -> String {
    use std::error::Error;
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// Copies a C string; empty for `NULL`.
pub(crate) fn text(string: *const c_char) -> String {
    if string.is_null() {
        return String::new();
    }
    // SAFETY: not null, and every string this crate is given by the library is NUL-terminated and outlives the call.
    unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned()
}

/// What the library reported while it worked: the sentences it would otherwise print on stderr.
#[derive(Default)]
pub(crate) struct Report(Mutex<String>);

/// Longest report kept, bytes; a broken graph can complain once per node.
const REPORT_LIMIT: usize = 2048;

impl Report {
    /// The callback to register together with [`Report::user_data`].
    pub(crate) const REPORTER: Reporter = report;

    /// What the callback is to be given. The report must outlive whatever it is registered with.
    pub(crate) fn user_data(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    /// Takes what was reported so far, or `otherwise` when nothing was.
    pub(crate) fn take(&self, otherwise: &str) -> String {
        let text = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if text.is_empty() { otherwise.to_owned() } else { text }
    }

    fn push(&self, message: &str) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if text.len() + message.len() > REPORT_LIMIT {
            return;
        }
        if !text.is_empty() {
            text.push_str("; ");
        }
        // Some messages have several lines; an error is one.
        for (index, line) in message.lines().enumerate() {
            text.push_str(if index == 0 { "" } else { " " });
            text.push_str(line.trim());
        }
    }
}

/// The library's error callback: formats the message and appends it to the [`Report`].
unsafe extern "C" fn report(user_data: *mut c_void, format: *const c_char, arguments: VaList) {
    if user_data.is_null() || format.is_null() {
        return;
    }
    // SAFETY: `user_data` is `Report::user_data` of a report that outlives the object it is registered with.
    let report = unsafe { &*user_data.cast::<Report>() };
    report.push(&formatted(format, arguments));
}

#[cfg(unix)]
fn formatted(format: *const c_char, arguments: VaList) -> String {
    unsafe extern "C" {
        fn vsnprintf(buffer: *mut c_char, size: usize, format: *const c_char, arguments: VaList) -> c_int;
    }
    let mut buffer = [0 as c_char; 512];
    // SAFETY: `format` and `arguments` are the pair the library made for a printf-like function, used once; a `va_list`
    // is passed on as it came (see `VaList`); at most `buffer.len()` bytes are written, with a NUL at the end.
    unsafe { vsnprintf(buffer.as_mut_ptr(), buffer.len(), format, arguments) };
    text(buffer.as_ptr())
}

/// Windows' C library has no exported `vsnprintf`: the message is kept with its placeholders.
#[cfg(not(unix))]
fn formatted(format: *const c_char, _arguments: VaList) -> String {
    text(format)
}
