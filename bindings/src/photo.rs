//! How an app says what its pixels are.
//!
//! Owns the records that describe borrowed pixels, and their way to an [`ImageView`]. Checking is the view's.

use shelfscan::ImageView;

use crate::ShelfscanError;

/// How stored pixels must be turned to stand upright: first clockwise, then mirrored left to right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, uniffi::Enum)]
pub enum Orientation {
    /// They are upright (EXIF 1).
    #[default]
    Upright,
    /// A quarter turn clockwise (EXIF 6): a phone held upright, as most cameras store it.
    Rotated90,
    /// Half a turn (EXIF 3).
    Rotated180,
    /// A quarter turn counter-clockwise (EXIF 8).
    Rotated270,
    /// Mirrored only (EXIF 2).
    Mirrored,
    /// A quarter turn clockwise, then mirrored (EXIF 5).
    Rotated90Mirrored,
    /// Half a turn, then mirrored (EXIF 4).
    Rotated180Mirrored,
    /// A quarter turn counter-clockwise, then mirrored (EXIF 7).
    Rotated270Mirrored,
}

impl From<Orientation> for shelfscan::Orientation {
    fn from(orientation: Orientation) -> Self {
        Self::from_exif(match orientation {
            Orientation::Upright => 1,
            Orientation::Mirrored => 2,
            Orientation::Rotated180 => 3,
            Orientation::Rotated180Mirrored => 4,
            Orientation::Rotated90Mirrored => 5,
            Orientation::Rotated90 => 6,
            Orientation::Rotated270Mirrored => 7,
            Orientation::Rotated270 => 8,
        })
    }
}

/// Order of the bytes of one packed pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum PixelFormat {
    /// Three bytes: red, green, blue.
    Rgb,
    /// Four bytes: red, green, blue, and one that is ignored (Android's `ARGB_8888` in memory).
    Rgba,
    /// Four bytes: blue, green, red, and one that is ignored (`kCVPixelFormatType_32BGRA`).
    Bgra,
}

impl From<PixelFormat> for shelfscan::PixelFormat {
    fn from(format: PixelFormat) -> Self {
        match format {
            PixelFormat::Rgb => Self::Rgb,
            PixelFormat::Rgba => Self::Rgba,
            PixelFormat::Bgra => Self::Bgra,
        }
    }
}

/// What packed pixels are.
#[derive(Clone, Copy, Debug, uniffi::Record)]
pub struct PixelLayout {
    /// Stored width in pixels, 1 to 65,535.
    pub width: u32,
    /// Stored height in pixels, 1 to 65,535.
    pub height: u32,
    /// Bytes from one row to the next.
    pub row_stride: u32,
    /// Order of a pixel's bytes.
    pub format: PixelFormat,
    /// What makes them upright.
    pub orientation: Orientation,
}

impl PixelLayout {
    pub(crate) fn view<'a>(&self, pixels: &'a [u8]) -> Result<ImageView<'a>, ShelfscanError> {
        let Self { width, height, row_stride, format, orientation } = *self;
        let view = ImageView::packed(pixels, width, height, row_stride as usize, format.into())?;
        Ok(view.oriented(orientation.into()))
    }
}

/// What the planes of a 4:2:0 picture are (Android's `YUV_420_888`, NV21 and NV12; full range, BT.601).
#[derive(Clone, Copy, Debug, uniffi::Record)]
pub struct YuvLayout {
    /// Stored width in pixels, 1 to 65,535.
    pub width: u32,
    /// Stored height in pixels, 1 to 65,535.
    pub height: u32,
    /// Bytes from one row of Y to the next.
    pub y_row_stride: u32,
    /// Bytes from one row of U to the next, and of V.
    pub uv_row_stride: u32,
    /// Bytes from one value of U to the next, and of V: 1 for planes of their own, 2 where they are interleaved.
    pub uv_pixel_stride: u32,
    /// What makes them upright.
    pub orientation: Orientation,
}

impl YuvLayout {
    pub(crate) fn view<'a>(&self, y: &'a [u8], u: &'a [u8], v: &'a [u8]) -> Result<ImageView<'a>, ShelfscanError> {
        let (row, step) = (self.uv_row_stride as usize, self.uv_pixel_stride as usize);
        let y = (y, self.y_row_stride as usize);
        let view = ImageView::yuv_420(y, (u, row, step), (v, row, step), self.width, self.height)?;
        Ok(view.oriented(self.orientation.into()))
    }
}
