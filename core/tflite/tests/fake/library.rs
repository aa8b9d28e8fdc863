//! A library with the symbols of TensorFlow Lite and none of its insides, for what the real one never does. Built by
//! `tests/library.rs` with `--cfg` of the fault it is to have: `old`, `no_delegate`, `delegate_fails`, `nothing_works`.
#![allow(non_snake_case, clippy::all, missing_docs)]

use std::ffi::{c_char, c_int, c_void};
use std::ptr::{dangling_mut, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};

type Pointer = *mut c_void;
static DELEGATE_ADDED: AtomicBool = AtomicBool::new(false);

fn made(works: bool) -> Pointer {
    if works { dangling_mut::<u64>().cast() } else { null_mut() }
}

#[unsafe(no_mangle)]
extern "C" fn TfLiteVersion() -> *const c_char {
    if cfg!(old) { c"1.15.0".as_ptr() } else { c"2.17.1".as_ptr() }
}
#[unsafe(no_mangle)]
extern "C" fn TfLiteSchemaVersion() -> c_int {
    3
}
#[unsafe(no_mangle)]
extern "C" fn TfLiteXNNPackDelegateCreate(_: Pointer) -> Pointer {
    made(!cfg!(no_delegate))
}
#[unsafe(no_mangle)]
extern "C" fn TfLiteInterpreterOptionsCreate() -> Pointer {
    DELEGATE_ADDED.store(false, Ordering::SeqCst);
    made(true)
}
#[unsafe(no_mangle)]
extern "C" fn TfLiteInterpreterOptionsAddDelegate(_: Pointer, _: Pointer) {
    DELEGATE_ADDED.store(true, Ordering::SeqCst);
}
#[unsafe(no_mangle)]
extern "C" fn TfLiteInterpreterCreate(_: Pointer, _: Pointer) -> Pointer {
    made(!cfg!(nothing_works) && !(cfg!(delegate_fails) && DELEGATE_ADDED.load(Ordering::SeqCst)))
}

macro_rules! inert {
    ($($name:ident -> $ret:ty = $value:expr),+ $(,)?) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name() -> $ret {
            $value
        }
    )+};
}
inert! {
    TfLiteModelCreate -> Pointer = made(true),
    TfLiteModelCreateWithErrorReporter -> Pointer = made(true),
    TfLiteModelDelete -> () = (),
    TfLiteInterpreterOptionsDelete -> () = (),
    TfLiteInterpreterOptionsSetNumThreads -> () = (),
    TfLiteInterpreterOptionsSetErrorReporter -> () = (),
    TfLiteInterpreterDelete -> () = (),
    TfLiteInterpreterAllocateTensors -> c_int = 1,
    TfLiteInterpreterInvoke -> c_int = 1,
    TfLiteInterpreterGetInputTensorCount -> i32 = 0,
    TfLiteInterpreterGetInputTensor -> Pointer = null_mut(),
    TfLiteInterpreterGetOutputTensorCount -> i32 = 0,
    TfLiteInterpreterGetOutputTensor -> Pointer = null_mut(),
    TfLiteTensorType -> c_int = 0,
    TfLiteTensorNumDims -> i32 = 0,
    TfLiteTensorDim -> i32 = 0,
    TfLiteTensorByteSize -> usize = 0,
    TfLiteTensorData -> Pointer = null_mut(),
    TfLiteTensorName -> Pointer = null_mut(),
    TfLiteTensorQuantizationParams -> u64 = 0,
    TfLiteXNNPackDelegateDelete -> () = (),
}
