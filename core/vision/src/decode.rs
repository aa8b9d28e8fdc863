//! From the bytes of a photo file to pixels, within limits.
//!
//! Owns the formats that are read (JPEG, PNG, WebP), what becomes of grey, 16-bit, CMYK and transparent pictures (8-bit RGB,
//! transparency over white), the EXIF orientation, and the checks before a byte is allocated for pixels.
//!
//! Refuses: photos over the limits, truncated files (half a shelf would be half a count), formats it doesn't know, by name.

use std::io::{Cursor, ErrorKind};

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, metadata};

use crate::{ImageView, Orientation, PixelFormat, ViewError};

/// What a photo may cost before it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Pixels in all; decoding takes 3 bytes for each. The default, 120 million, lets the 108-megapixel modes of phones pass.
    pub max_pixels: u64,
    /// Longest side in pixels.
    pub max_side: u32,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_pixels: 120_000_000, max_side: 30_000 }
    }
}

/// Why a photo was not decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not a byte.
    #[error("the file is empty (0 bytes): copy it again from the phone")]
    Empty,
    /// No format that is read here.
    #[error("not a JPEG, PNG or WebP picture{}", hint(.found))]
    UnknownFormat {
        /// A format recognised but not read, such as HEIC.
        found: Option<&'static str>,
    },
    /// Over the limits.
    #[error(
        "the picture says it is {width}x{height} pixels; at most {max_pixels} pixels and {max_side} a side are scanned"
    )]
    TooLarge {
        /// Width in the file's header.
        width: u32,
        /// Height in the file's header.
        height: u32,
        /// The limit on pixels.
        max_pixels: u64,
        /// The limit on a side.
        max_side: u32,
    },
    /// The file ends before the picture does.
    #[error(
        "the {format} file is truncated: it ends before its picture does, so a count would miss facings; copy it again"
    )]
    Truncated {
        /// The format.
        format: &'static str,
    },
    /// Damaged or of a kind the decoder doesn't know.
    #[error("the picture can't be decoded: {0}")]
    Broken(#[source] image::ImageError),
    /// Decoded to a size that can't be scanned.
    #[error(transparent)]
    View(#[from] ViewError),
}

fn hint(found: &Option<&'static str>) -> String {
    found.map(|format| format!(" but {format}: save or export it as JPEG")).unwrap_or_default()
}

/// A decoded photo: tight 8-bit RGB as stored in the file, and the orientation its EXIF data asks for.
#[derive(Clone, Debug)]
pub struct DecodedPhoto {
    pixels: Vec<u8>,
    width: u32,
    height: u32,
    orientation: Orientation,
}

impl DecodedPhoto {
    /// The photo as the image type everything else takes.
    pub fn view(&self) -> Result<ImageView<'_>, ViewError> {
        let stride = self.width as usize * 3;
        let view = ImageView::packed(&self.pixels, self.width, self.height, stride, PixelFormat::Rgb)?;
        Ok(view.oriented(self.orientation))
    }

    /// The memory of the pixels, to decode another photo into.
    pub fn into_buffer(self) -> Vec<u8> {
        self.pixels
    }
}

/// Decodes a whole JPEG, PNG or WebP file.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<DecodedPhoto, DecodeError> {
    decode_into(bytes, limits, Vec::new())
}

/// Like [`decode`], into a buffer of an earlier photo ([`DecodedPhoto::into_buffer`]). Fresh memory for 12 megapixels costs
/// nearly as much as decoding them: the system hands it out page by page as it is first written.
pub fn decode_into(bytes: &[u8], limits: &DecodeLimits, buffer: Vec<u8>) -> Result<DecodedPhoto, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    let format = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => format,
        _ => return Err(DecodeError::UnknownFormat { found: known_by_name(bytes) }),
    };
    let reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut decoder = reader.into_decoder().map_err(|error| broken(error, format))?;
    let (width, height) = decoder.dimensions();
    let DecodeLimits { max_pixels, max_side } = *limits;
    if width.max(height) > max_side || u64::from(width) * u64::from(height) > max_pixels {
        return Err(DecodeError::TooLarge { width, height, max_pixels, max_side });
    }
    if format == ImageFormat::Jpeg && !jpeg_reaches_its_end(bytes) {
        return Err(DecodeError::Truncated { format: "JPEG" });
    }
    let orientation = decoder.orientation().unwrap_or(metadata::Orientation::NoTransforms);
    let pixels = rgb(decoder, buffer).map_err(|error| broken(error, format))?;
    Ok(DecodedPhoto { pixels, width, height, orientation: Orientation::from_exif(orientation.to_exif()) })
}

fn rgb(decoder: impl ImageDecoder, mut buffer: Vec<u8>) -> image::ImageResult<Vec<u8>> {
    if decoder.color_type() == ColorType::Rgb8 {
        let length = usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX);
        if buffer.capacity() < length {
            // Zeroed memory from the system is not touched before the decoder writes it.
            drop(buffer);
            buffer = vec![0; length];
        }
        buffer.resize(length, 0);
        decoder.read_image(&mut buffer)?;
        return Ok(buffer);
    }
    let picture = DynamicImage::from_decoder(decoder)?;
    Ok(if picture.color().has_alpha() { over_white(&picture.into_rgba8()) } else { picture.into_rgb8().into_raw() })
}

fn broken(error: image::ImageError, format: ImageFormat) -> DecodeError {
    let truncated = matches!(&error, image::ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof);
    match format {
        ImageFormat::Png if truncated => DecodeError::Truncated { format: "PNG" },
        ImageFormat::WebP if truncated => DecodeError::Truncated { format: "WebP" },
        ImageFormat::Jpeg if truncated => DecodeError::Truncated { format: "JPEG" },
        _ => DecodeError::Broken(error),
    }
}

fn over_white(picture: &image::RgbaImage) -> Vec<u8> {
    let blend = |colour: u8, alpha: u8| {
        let (colour, alpha) = (u32::from(colour), u32::from(alpha));
        ((colour * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let rgb = |&image::Rgba([red, green, blue, alpha]): &image::Rgba<u8>| {
        [blend(red, alpha), blend(green, alpha), blend(blue, alpha)]
    };
    picture.pixels().flat_map(rgb).collect()
}

fn known_by_name(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', b'h', b'e', ..] => Some("HEIC"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f', ..] => Some("AVIF"),
        [b'G', b'I', b'F', b'8', ..] => Some("GIF"),
        [b'I', b'I', 0x2a, 0, ..] | [b'M', b'M', 0, 0x2a, ..] => Some("TIFF or camera raw"),
        [b'B', b'M', ..] => Some("BMP"),
        [b'%', b'P', b'D', b'F', ..] => Some("PDF"),
        _ => None,
    }
}

/// Walks the markers of a JPEG (ITU-T T.81, annex B) to its end-of-image marker. Decoders fill a missing end with grey and
/// say nothing. Bytes after the end, such as a motion photo's film, are fine.
fn jpeg_reaches_its_end(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xDA;
    const END_OF_IMAGE: u8 = 0xD9;
    let mut at = 2;
    while let Some(&marker) = bytes.get(at + 1) {
        match (bytes[at], marker) {
            (0xFF, END_OF_IMAGE) => return true,
            // Fill bytes before a marker, and markers without a segment.
            (0xFF, 0xFF) => at += 1,
            (0xFF, 0x01 | 0xD0..=0xD7) => at += 2,
            (0xFF, _) => {
                let Some(&[high, low]) = bytes.get(at + 2..at + 4).and_then(|length| length.first_chunk()) else {
                    return false;
                };
                at += 2 + usize::from(u16::from_be_bytes([high, low]));
                if marker == START_OF_SCAN {
                    let scan = bytes.get(at..).unwrap_or_default();
                    let ends = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xD0..=0xD7);
                    match scan.windows(2).position(ends) {
                        Some(length) => at += length,
                        None => return false,
                    }
                }
            }
            // Not a marker: whether the damage matters is the decoder's to say.
            _ => {
                return bytes[at..].windows(2).any(|pair| pair == [0xFF, END_OF_IMAGE]);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, ImageEncoder, Luma, Rgb, Rgba, codecs};

    use super::*;

    fn gradient(width: u32, height: u32) -> ImageBuffer<Rgb<u8>, Vec<u8>> {
        ImageBuffer::from_fn(width, height, |x, y| Rgb([(x * 5) as u8, (y * 7) as u8, (x * y) as u8]))
    }

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn pixels(bytes: &[u8]) -> (Vec<u8>, u32, u32) {
        let photo = decode(bytes, &DecodeLimits::default()).unwrap();
        (photo.pixels, photo.width, photo.height)
    }

    #[test]
    fn every_truncation_of_a_jpeg_is_refused() {
        let bytes = encoded(&gradient(48, 32).into(), ImageFormat::Jpeg);
        assert_eq!(pixels(&bytes).1, 48);
        for length in 0..bytes.len() - 1 {
            assert!(decode(&bytes[..length], &DecodeLimits::default()).is_err(), "{length} of {} bytes", bytes.len());
        }
        let half = decode(&bytes[..bytes.len() / 2 + 200], &DecodeLimits::default());
        assert!(matches!(half, Err(DecodeError::Truncated { format: "JPEG" })), "{half:?}");
    }

    #[test]
    fn a_buffer_of_another_photo_leaves_no_trace() {
        let (large, small) = (gradient(64, 48), gradient(31, 17));
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let (large, small) = (encoded(&large.clone().into(), format), encoded(&small.clone().into(), format));
            let limits = DecodeLimits::default();
            let buffer = decode(&large, &limits).unwrap().into_buffer();
            let again = decode_into(&small, &limits, buffer).unwrap();
            assert_eq!(again.pixels, pixels(&small).0);
            let grown = decode_into(&large, &limits, again.into_buffer()).unwrap();
            assert_eq!(grown.pixels, pixels(&large).0);
        }
    }

    #[test]
    fn bytes_after_the_picture_are_ignored() {
        let mut bytes = encoded(&gradient(48, 32).into(), ImageFormat::Jpeg);
        let plain = pixels(&bytes);
        bytes.extend_from_slice(b"a film follows \xFF\xDA\x00");
        assert_eq!(pixels(&bytes), plain);
    }

    #[test]
    fn a_truncated_png_is_called_truncated() {
        let bytes = encoded(&gradient(90, 90).into(), ImageFormat::Png);
        let refused = decode(&bytes[..bytes.len() / 2], &DecodeLimits::default());
        assert!(matches!(refused, Err(DecodeError::Truncated { format: "PNG" })), "{refused:?}");
    }

    #[test]
    fn grey_sixteen_bit_and_transparent_pictures_become_rgb() {
        let grey = ImageBuffer::from_fn(3, 2, |x, y| Luma([(x * 50 + y) as u8]));
        let (rgb, ..) = pixels(&encoded(&grey.into(), ImageFormat::Png));
        assert_eq!(rgb[..9], [0, 0, 0, 50, 50, 50, 100, 100, 100]);
        let deep = ImageBuffer::from_pixel(2, 2, Rgb([65_535u16, 32_896, 0]));
        let (rgb, ..) = pixels(&encoded(&deep.into(), ImageFormat::Png));
        assert_eq!(rgb[..3], [255, 128, 0]);
        let clear = ImageBuffer::from_fn(3, 1, |x, _| Rgba([200u8, 0, 100, [0, 128, 255][x as usize]]));
        let (rgb, ..) = pixels(&encoded(&clear.into(), ImageFormat::Png));
        assert_eq!(rgb, [255, 255, 255, 227, 127, 177, 200, 0, 100]);
    }

    #[test]
    fn a_huge_header_is_refused_before_pixels_are_allocated() {
        let mut bytes = encoded(&gradient(16, 16).into(), ImageFormat::Png);
        bytes[16..20].copy_from_slice(&40_000u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&40_000u32.to_be_bytes());
        let crc = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        let refused = decode(&bytes, &DecodeLimits::default());
        assert!(matches!(refused, Err(DecodeError::TooLarge { width: 40_000, height: 40_000, .. })), "{refused:?}");
    }

    /// CRC-32 of a PNG chunk, bit by bit (PNG specification, annex D).
    fn crc32(bytes: &[u8]) -> u32 {
        let step = |crc: u32| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
        };
        !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
    }

    #[test]
    fn what_is_no_picture_is_named() {
        let refused = |bytes: &[u8]| decode(bytes, &DecodeLimits::default()).unwrap_err().to_string();
        assert!(refused(b"").contains("0 bytes"));
        assert!(refused(b"hello, this is a text").contains("not a JPEG"));
        assert!(refused(b"\0\0\0\x18ftypheic\0\0").contains("HEIC: save or export it as JPEG"));
        assert!(
            refused(b"\xFF\xD8\xFF").contains("can't be decoded") || refused(b"\xFF\xD8\xFF").contains("truncated")
        );
    }

    #[test]
    fn the_exif_orientation_is_read() {
        let picture = gradient(24, 16);
        let mut bytes = Vec::new();
        let mut encoder = codecs::jpeg::JpegEncoder::new(&mut bytes);
        let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        encoder.set_exif_metadata(exif.to_vec()).unwrap();
        encoder.write_image(picture.as_raw(), 24, 16, image::ExtendedColorType::Rgb8).unwrap();
        let photo = decode(&bytes, &DecodeLimits::default()).unwrap();
        assert_eq!(photo.view().unwrap().upright_size(), (16, 24));
    }
}
