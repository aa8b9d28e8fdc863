//! One image type for every way a platform hands over a photo.
//!
//! Owns [`ImageView`] (borrowed pixels as the platform has them: packed RGB, RGBA, BGRA or YUV planes, with strides and an
//! orientation) and [`Frame`] (the same photo ready for sampling: packed pixels, upright size). Packed pixels are borrowed as
//! they are and never turned as a whole: orientation is applied to the small pictures that are sampled from them.
//!
//! Refuses: buffers too short for what their strides promise. Knows nothing of files or models.

use std::borrow::Cow;

/// How the stored pixels must be turned to stand upright: first clockwise by quarter turns, then mirrored left to right.
/// The eight values are those of EXIF tag 0x0112.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orientation {
    quarter_turns: u8,
    mirrored: bool,
}

impl Orientation {
    /// Stored pixels are upright already.
    pub const UPRIGHT: Self = Self { quarter_turns: 0, mirrored: false };

    /// Clockwise rotation in degrees; `None` unless it is 0, 90, 180 or 270.
    pub fn from_degrees(clockwise: u32) -> Option<Self> {
        match clockwise {
            0 | 90 | 180 | 270 => Some(Self { quarter_turns: (clockwise / 90) as u8, mirrored: false }),
            _ => None,
        }
    }

    /// EXIF orientation, 1..=8; anything else counts as upright, as viewers do.
    pub fn from_exif(value: u8) -> Self {
        let (quarter_turns, mirrored) = match value {
            2 => (0, true),
            3 => (2, false),
            4 => (2, true),
            5 => (1, true),
            6 => (1, false),
            7 => (3, true),
            8 => (3, false),
            _ => (0, false),
        };
        Self { quarter_turns, mirrored }
    }

    /// Whether width and height change places.
    pub fn swaps_sides(self) -> bool {
        self.quarter_turns % 2 == 1
    }

    /// Upright size of a picture stored as `width` x `height`.
    pub fn upright_size<T>(self, width: T, height: T) -> (T, T) {
        if self.swaps_sides() { (height, width) } else { (width, height) }
    }

    /// The box in stored pixels that shows `upright`, both within a picture stored as `width` x `height`.
    pub(crate) fn to_stored(self, upright: &crate::Rect, width: f32, height: f32) -> crate::Rect {
        let (upright_width, _) = self.upright_size(width, height);
        let (left, right) = if self.mirrored {
            (upright_width - upright.right, upright_width - upright.left)
        } else {
            (upright.left, upright.right)
        };
        let (top, bottom) = (upright.top, upright.bottom);
        match self.quarter_turns {
            0 => crate::Rect::new(left, top, right, bottom),
            1 => crate::Rect::new(top, height - right, bottom, height - left),
            2 => crate::Rect::new(width - right, height - bottom, width - left, height - top),
            _ => crate::Rect::new(width - bottom, left, width - top, right),
        }
    }

    /// For a picture stored as `width` x `height`: index of the stored pixel shown at upright (0, 0), and the steps in
    /// stored indexes for one upright pixel to the right and one down.
    pub(crate) fn stored_steps(self, width: usize, height: usize) -> (usize, isize, isize) {
        let (w, h) = (width as isize, height as isize);
        let (start, right, down) = match self.quarter_turns {
            0 => (0, 1, w),
            1 => (w * (h - 1), -w, 1),
            2 => (w * h - 1, -1, -w),
            _ => (w - 1, w, -1),
        };
        let (upright_width, _) = self.upright_size(w, h);
        if self.mirrored {
            ((start + right * (upright_width - 1)) as usize, -right, down)
        } else {
            (start as usize, right, down)
        }
    }
}

/// Order of the bytes of one packed pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Three bytes: red, green, blue.
    Rgb,
    /// Four bytes: red, green, blue, and one that is ignored (Android `ARGB_8888` in memory).
    Rgba,
    /// Four bytes: blue, green, red, and one that is ignored (`kCVPixelFormatType_32BGRA`).
    Bgra,
}

impl PixelFormat {
    /// Bytes of one pixel.
    pub fn bytes(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Rgba | Self::Bgra => 4,
        }
    }
}

/// Why pixels were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// A side is zero or longer than 65,535 pixels.
    #[error("a photo of {width}x{height} pixels can't be scanned: both sides must be 1 to 65535")]
    Size {
        /// Stored width.
        width: u32,
        /// Stored height.
        height: u32,
    },
    /// A row's stride is shorter than the row.
    #[error("the {plane} plane has {stride} bytes a row, but {width} pixels need at least {needed}")]
    Stride {
        /// Which plane.
        plane: &'static str,
        /// Stride handed over, in bytes.
        stride: usize,
        /// Pixels in a row of this plane.
        width: usize,
        /// Bytes that such a row needs.
        needed: usize,
    },
    /// A buffer ends before its last row does.
    #[error("the {plane} plane has {len} bytes, but its size and strides need {needed}")]
    Short {
        /// Which plane.
        plane: &'static str,
        /// Bytes handed over.
        len: usize,
        /// Bytes needed.
        needed: usize,
    },
}

#[derive(Clone, Copy, Debug)]
enum Planes<'a> {
    Packed { pixels: &'a [u8], stride: usize, format: PixelFormat },
    Yuv { y: Plane<'a>, u: Plane<'a>, v: Plane<'a> },
}

#[derive(Clone, Copy, Debug)]
struct Plane<'a> {
    bytes: &'a [u8],
    row_stride: usize,
    pixel_stride: usize,
}

impl Plane<'_> {
    fn check(&self, plane: &'static str, width: usize, height: usize) -> Result<(), ViewError> {
        let needed_row = (width - 1).saturating_mul(self.pixel_stride.max(1)).saturating_add(1);
        if self.pixel_stride == 0 || self.row_stride < needed_row {
            return Err(ViewError::Stride { plane, stride: self.row_stride, width, needed: needed_row });
        }
        let needed = (height - 1).saturating_mul(self.row_stride).saturating_add(needed_row);
        if self.bytes.len() < needed {
            return Err(ViewError::Short { plane, len: self.bytes.len(), needed });
        }
        Ok(())
    }
}

/// Borrowed pixels of one photo as the platform holds them.
#[derive(Clone, Copy, Debug)]
pub struct ImageView<'a> {
    planes: Planes<'a>,
    width: u32,
    height: u32,
    orientation: Orientation,
}

impl<'a> ImageView<'a> {
    /// Packed pixels, `stride` bytes from one row to the next.
    pub fn packed(
        pixels: &'a [u8],
        width: u32,
        height: u32,
        stride: usize,
        format: PixelFormat,
    ) -> Result<Self, ViewError> {
        check_size(width, height)?;
        let needed_row = width as usize * format.bytes();
        if stride < needed_row {
            return Err(ViewError::Stride { plane: "pixel", stride, width: width as usize, needed: needed_row });
        }
        let needed = (height as usize - 1).saturating_mul(stride).saturating_add(needed_row);
        if pixels.len() < needed {
            return Err(ViewError::Short { plane: "pixel", len: pixels.len(), needed });
        }
        Ok(Self { planes: Planes::Packed { pixels, stride, format }, width, height, orientation: Orientation::UPRIGHT })
    }

    /// NV21 (Android's camera default): a full-size Y plane, then interleaved V and U at half size in both directions.
    pub fn nv21(
        y: &'a [u8],
        y_stride: usize,
        vu: &'a [u8],
        vu_stride: usize,
        width: u32,
        height: u32,
    ) -> Result<Self, ViewError> {
        let v = (vu, vu_stride, 2);
        let u = (vu.get(1..).unwrap_or_default(), vu_stride, 2);
        Self::yuv_420((y, y_stride), u, v, width, height)
    }

    /// `YUV_420_888`: a Y plane `(bytes, row stride)` and U and V planes `(bytes, row stride, pixel stride)` at half size in
    /// both directions (rounded up). Full-range BT.601, as JPEG and Android's camera use.
    pub fn yuv_420(
        (y, y_stride): (&'a [u8], usize),
        (u, u_stride, u_step): (&'a [u8], usize, usize),
        (v, v_stride, v_step): (&'a [u8], usize, usize),
        width: u32,
        height: u32,
    ) -> Result<Self, ViewError> {
        check_size(width, height)?;
        let y = Plane { bytes: y, row_stride: y_stride, pixel_stride: 1 };
        let u = Plane { bytes: u, row_stride: u_stride, pixel_stride: u_step };
        let v = Plane { bytes: v, row_stride: v_stride, pixel_stride: v_step };
        let (half_width, half_height) = (width.div_ceil(2) as usize, height.div_ceil(2) as usize);
        y.check("Y", width as usize, height as usize)?;
        u.check("U", half_width, half_height)?;
        v.check("V", half_width, half_height)?;
        Ok(Self { planes: Planes::Yuv { y, u, v }, width, height, orientation: Orientation::UPRIGHT })
    }

    /// The same pixels, to be turned by `orientation` to stand upright.
    pub fn oriented(mut self, orientation: Orientation) -> Self {
        self.orientation = orientation;
        self
    }

    /// Upright size, `(width, height)` in pixels.
    pub fn upright_size(&self) -> (u32, u32) {
        self.orientation.upright_size(self.width, self.height)
    }

    /// The photo ready for sampling. Packed pixels are borrowed; YUV planes are converted once.
    pub fn frame(&self) -> Frame<'a> {
        let (width, height) = (self.width as usize, self.height as usize);
        let (pixels, row_pixels, format) = match self.planes {
            Planes::Packed { pixels, stride, format }
                if stride % format.bytes() == 0 && pixels.len() >= stride * height =>
            {
                (Cow::Borrowed(pixels), stride / format.bytes(), format)
            }
            // Rows that are no whole number of pixels apart, or a last row cut short of its stride.
            Planes::Packed { pixels, stride, format } => {
                let row = width * format.bytes();
                let tight = pixels.chunks(stride).take(height).flat_map(|line| &line[..row]).copied().collect();
                (Cow::Owned(tight), width, format)
            }
            Planes::Yuv { y, u, v } => (Cow::Owned(rgb_from_yuv(y, u, v, width, height)), width, PixelFormat::Rgb),
        };
        Frame { pixels, row_pixels, width: self.width, height: self.height, format, orientation: self.orientation }
    }
}

fn check_size(width: u32, height: u32) -> Result<(), ViewError> {
    let side = 1..=65_535;
    if side.contains(&width) && side.contains(&height) { Ok(()) } else { Err(ViewError::Size { width, height }) }
}

/// Full-range BT.601 (ITU-T T.871, section 7) in 16-bit fixed point.
fn rgb_from_yuv(y: Plane<'_>, u: Plane<'_>, v: Plane<'_>, width: usize, height: usize) -> Vec<u8> {
    let mut rgb = vec![0u8; width * height * 3];
    for (row, out) in rgb.chunks_exact_mut(width * 3).enumerate() {
        let luma = &y.bytes[row * y.row_stride..][..width];
        let u_row = &u.bytes[row / 2 * u.row_stride..];
        let v_row = &v.bytes[row / 2 * v.row_stride..];
        for (pair, (out, luma)) in out.chunks_mut(6).zip(luma.chunks(2)).enumerate() {
            let cb = i32::from(u_row[pair * u.pixel_stride]) - 128;
            let cr = i32::from(v_row[pair * v.pixel_stride]) - 128;
            let red = 91_881 * cr + 32_768;
            let green = -22_554 * cb - 46_802 * cr + 32_768;
            let blue = 116_130 * cb + 32_768;
            for (pixel, &luma) in out.chunks_exact_mut(3).zip(luma) {
                let luma = i32::from(luma) << 16;
                pixel[0] = ((luma + red) >> 16).clamp(0, 255) as u8;
                pixel[1] = ((luma + green) >> 16).clamp(0, 255) as u8;
                pixel[2] = ((luma + blue) >> 16).clamp(0, 255) as u8;
            }
        }
    }
    rgb
}

/// One photo ready for sampling: packed pixels in stored order, and the orientation that makes them upright.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    pub(crate) pixels: Cow<'a, [u8]>,
    pub(crate) row_pixels: usize,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) format: PixelFormat,
    pub(crate) orientation: Orientation,
}

impl Frame<'_> {
    /// Upright size, `(width, height)` in pixels.
    pub fn upright_size(&self) -> (u32, u32) {
        self.orientation.upright_size(self.width, self.height)
    }

    /// The whole photo, upright, as tight RGB. For people to look at: a scan never needs it.
    pub fn to_upright_rgb(&self) -> Vec<u8> {
        let (width, height) = self.upright_size();
        let (start, right, down) = self.orientation.stored_steps(self.width as usize, self.height as usize);
        let bytes = self.format.bytes();
        let order = if self.format == PixelFormat::Bgra { [2, 1, 0] } else { [0, 1, 2] };
        let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
        for row in 0..height as isize {
            for column in 0..width as isize {
                let stored = (start as isize + row * down + column * right) as usize;
                let (x, y) = (stored % self.width as usize, stored / self.width as usize);
                let pixel = &self.pixels[(y * self.row_pixels + x) * bytes..][..bytes];
                rgb.extend(order.map(|channel| pixel[channel]));
            }
        }
        rgb
    }

    /// The whole photo as a box in upright pixels.
    pub fn bounds(&self) -> crate::Rect {
        let (width, height) = self.upright_size();
        crate::Rect::of_size(width, height)
    }
}
