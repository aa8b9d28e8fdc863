//! The picture of an item, made anew.
//!
//! Owns decoding what a phone sent and encoding it again: what is stored and shown to people is what the server itself wrote, without
//! anything that hid in the file. The same picture gives the same bytes.

use bytes::Bytes;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use shelfscan::{DecodeLimits, decode};

/// High enough that a second encoding takes nothing from training.
const QUALITY: u8 = 95;

/// Decodes a crop of the size its item says, and encodes it again.
///
/// # Errors
/// Why it is no such picture.
pub fn re_encode(jpeg: &[u8], (width, height): (u32, u32)) -> Result<Bytes, String> {
    let limits = DecodeLimits { max_pixels: u64::from(width) * u64::from(height), max_side: width.max(height) };
    let photo = decode(jpeg, &limits).map_err(|error| error.to_string())?;
    let pixels = photo.into_buffer();
    if pixels.len() as u64 != u64::from(width) * u64::from(height) * 3 {
        return Err(format!("it is not of {width}x{height} pixels, as its header says"));
    }
    encode(&pixels, (width, height))
}

/// RGB pixels as JPEG.
///
/// # Errors
/// A size that a JPEG can't have.
pub fn encode(pixels: &[u8], (width, height): (u32, u32)) -> Result<Bytes, String> {
    let mut bytes = Vec::with_capacity(pixels.len() / 4);
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode(pixels, width, height, ExtendedColorType::Rgb8)
        .map_err(|error| error.to_string())?;
    Ok(bytes.into())
}
