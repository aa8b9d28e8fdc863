//! Pixels and boxes: everything between a photo's bytes and a detector's boxes that is not a model.
//!
//! Owns decoding, orientation, letterboxing into a model's input tensor, tiles, YOLO heads, non-maximum suppression, crops,
//! shelf rows and photo quality. All of it is pure: a function sees pixels or numbers and returns pixels or numbers.
//!
//! Refuses: running a model, knowing a SKU, opening a file, starting a thread. Boxes that leave this crate are [`Rect`]s in
//! upright pixels of the photo, whatever way the sensor was held.

#![forbid(unsafe_code)]

pub mod crop;
pub mod decode;
pub mod geometry;
pub mod heads;
pub mod letterbox;
pub mod nms;
pub mod photo;
pub mod quality;
pub mod rows;
pub mod sampler;
pub mod tensor;
pub mod tiles;

pub use crop::{Crop, CropError, Cropper};
pub use decode::{DecodeError, DecodeLimits, DecodedPhoto, decode, decode_into};
pub use geometry::Rect;
pub use heads::{Detection, HeadError, HeadKind, HeadOutput, Heads};
pub use letterbox::Letterbox;
pub use photo::{Frame, ImageView, Orientation, PixelFormat, ViewError};
pub use quality::{Finding, Quality};
pub use sampler::{Placement, SampleError, Sampler};
pub use tensor::{ColorOrder, Element, InputSpec, Layout, Normalisation, Quantization, TensorMut};
