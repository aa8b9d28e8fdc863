//! What a tensor is: element type, shape, quantization.
//!
//! Owns the description of a tensor and the Rust types that may view one. Refuses nothing itself: the checks are made
//! where memory becomes a slice.

use std::fmt;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Element {
    /// 32-bit IEEE float.
    Float32,
    /// Signed 8 bits: what a quantized model of this project has at both ends.
    Int8,
    /// Unsigned 8 bits.
    UInt8,
    /// Signed 16 bits.
    Int16,
    /// Signed 32 bits.
    Int32,
    /// Signed 64 bits.
    Int64,
    /// Any other `TfLiteType`, by its number; such a tensor can be described but not viewed.
    Other(i32),
}

impl Element {
    /// From a `TfLiteType` (`tensorflow/lite/core/c/c_api_types.h`).
    pub(crate) fn from_c(number: i32) -> Self {
        match number {
            1 => Self::Float32,
            2 => Self::Int32,
            3 => Self::UInt8,
            4 => Self::Int64,
            7 => Self::Int16,
            9 => Self::Int8,
            other => Self::Other(other),
        }
    }

    /// Bytes per element; for [`Element::Other`] 1, the least it can be.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Int8 | Self::UInt8 | Self::Other(_) => 1,
            Self::Int16 => 2,
            Self::Float32 | Self::Int32 => 4,
            Self::Int64 => 8,
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float32 => f.write_str("float32"),
            Self::Int8 => f.write_str("int8"),
            Self::UInt8 => f.write_str("uint8"),
            Self::Int16 => f.write_str("int16"),
            Self::Int32 => f.write_str("int32"),
            Self::Int64 => f.write_str("int64"),
            Self::Other(number) => write!(f, "TfLiteType {number}"),
        }
    }
}

/// How the integers of a tensor stand for real values: `real = (q - zero_point) * scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantization {
    /// Size of one step; finite and above zero.
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero_point: i32,
}

/// Description of one input or output, read from the model.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorInfo {
    /// The name the converter gave it; may be empty.
    pub name: String,
    /// Length of each axis, outermost first, none of them 0.
    pub shape: Vec<usize>,
    /// Type of the elements.
    pub element: Element,
    /// Per-tensor quantization, if the tensor is quantized.
    pub quantization: Option<Quantization>,
}

impl TensorInfo {
    /// Number of elements.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no axis is 0, so no tensor is empty")]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A Rust type that can view a tensor: `f32`, `i8`, `u8`, `i16`, `i32`, `i64`. Sealed.
pub trait TensorElement: sealed::Sealed + Copy {
    /// The tensor element it views.
    const ELEMENT: Element;
}

mod sealed {
    /// Implemented for plain numbers alone, for which every bit pattern is a value.
    pub trait Sealed {}
}

macro_rules! elements {
    ($($rust:ty => $element:ident),+) => {$(
        impl sealed::Sealed for $rust {}
        impl TensorElement for $rust {
            const ELEMENT: Element = Element::$element;
        }
    )+};
}
elements!(f32 => Float32, i8 => Int8, u8 => UInt8, i16 => Int16, i32 => Int32, i64 => Int64);
