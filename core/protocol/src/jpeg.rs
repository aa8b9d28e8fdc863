//! A crop's JPEG, looked at without decoding it: its size, and that it carries nothing but the picture.
//!
//! Owns the walk over a JPEG's segments up to its first scan. Refuses EXIF, XMP, GPS and comments: a crop tells what stood on a
//! shelf and not where the phone was.

/// Longest side of a crop in pixels.
pub const MAX_CROP_SIDE: u32 = 4096;

/// What is wrong with a crop's JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JpegFault {
    /// It does not start and end as a JPEG does.
    #[error("not a whole JPEG: it must begin with FF D8 and end with FF D9")]
    NotWhole,
    /// Its segments do not follow each other to a scan.
    #[error("the JPEG's segments are broken at byte {0}")]
    Broken(usize),
    /// A segment that may hold private data.
    #[error(
        "the JPEG has a segment FF {0:02X}, which may say where or by whom it was taken; write it without metadata"
    )]
    Metadata(u8),
    /// Too large or empty.
    #[error("the JPEG has {0}x{1} pixels, sides of 1 to {MAX_CROP_SIDE} are allowed")]
    Size(u32, u32),
}

/// Width and height in pixels.
pub(crate) fn size(jpeg: &[u8]) -> Result<(u32, u32), JpegFault> {
    if !jpeg.starts_with(&[0xff, 0xd8]) || !jpeg.ends_with(&[0xff, 0xd9]) || jpeg.len() < 4 {
        return Err(JpegFault::NotWhole);
    }
    let (mut at, mut size) = (2, None);
    loop {
        let broken = JpegFault::Broken(at);
        let &[0xff, marker, high, low] = jpeg.get(at..at + 4).and_then(|head| head.as_array()).ok_or(broken)? else {
            return Err(broken);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let segment = jpeg.get(at + 4..at + 2 + length).ok_or(broken)?;
        match marker {
            // Start of scan: pixels follow.
            0xda => break,
            // Frames: SOF0 to SOF15 but for DHT, JPG and DAC, which share their numbers.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let &[_, top, bottom, left, right] = segment.first_chunk().ok_or(broken)?;
                let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
                size = Some((side(left, right), side(top, bottom)));
            }
            // JFIF and Adobe's colour transform say how to decode; tables too.
            0xe0 | 0xee | 0xc4 | 0xcc | 0xdb | 0xdd => {}
            0xe1..=0xef | 0xfe => return Err(JpegFault::Metadata(marker)),
            _ => return Err(broken),
        }
        at += 2 + length;
    }
    match size {
        Some((width, height)) if (1..=MAX_CROP_SIDE).contains(&width) && (1..=MAX_CROP_SIDE).contains(&height) => {
            Ok((width, height))
        }
        Some((width, height)) => Err(JpegFault::Size(width, height)),
        None => Err(JpegFault::Broken(at)),
    }
}
