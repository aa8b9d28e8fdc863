//! How the numbers of a model's input follow from a picture's pixels.
//!
//! Owns the input description of the manifest (size, layout, colour order, normalisation, quantization, padding) and writes
//! pixels as it says: value = (pixel / 255 - mean) / std for each channel; quantized: round(value / scale) + zero point.
//!
//! Refuses: descriptions that can't be computed (zero sizes, std or scale), tensors of another length or type.

use bytemuck::cast_slice_mut;

/// Order of a tensor's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Height, width, channels.
    Nhwc,
    /// Channels, height, width.
    Nchw,
}

/// Order of the colour channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// Number type of a tensor that holds a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// Signed bytes.
    Int8,
    /// Unsigned bytes.
    UInt8,
    /// 32-bit floats.
    Float32,
}

/// real = scale * (quantized - zero point).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantization {
    /// Positive and finite.
    pub scale: f32,
    /// Within the range of the element.
    pub zero_point: i32,
}

/// Mean and standard deviation of each channel, in the tensor's channel order, for pixels in 0..=1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalisation {
    /// Subtracted.
    pub mean: [f32; 3],
    /// Divided by; not zero.
    pub std: [f32; 3],
}

/// Why an input description or a tensor was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// A side is 0 or over 4096.
    #[error("an input of {width}x{height} pixels is not usable: both sides must be 1 to 4096")]
    Size {
        /// Width asked for.
        width: usize,
        /// Height asked for.
        height: usize,
    },
    /// A channel's mean or std is not a finite number, or std is zero.
    #[error("input channel {channel}: mean {mean} and std {std} must be finite, std not 0")]
    Normalisation {
        /// 0..=2.
        channel: usize,
        /// Its mean.
        mean: f32,
        /// Its std.
        std: f32,
    },
    /// An integer tensor without a usable scale and zero point.
    #[error("an {element:?} input needs a positive scale and a zero point in the element's range")]
    Quantization {
        /// The element.
        element: Element,
    },
    /// A tensor of another number type or length than the description.
    #[error(
        "the model's input tensor holds {got} {got_element:?} numbers, the manifest describes {needed} {element:?}"
    )]
    Mismatch {
        /// Numbers in the tensor.
        got: usize,
        /// Their type.
        got_element: Element,
        /// Numbers described.
        needed: usize,
        /// Their type.
        element: Element,
    },
}

/// A model's input tensor, to be written.
#[derive(Debug)]
pub enum TensorMut<'a> {
    /// Signed bytes.
    Int8(&'a mut [i8]),
    /// Unsigned bytes.
    UInt8(&'a mut [u8]),
    /// Floats.
    Float32(&'a mut [f32]),
}

impl TensorMut<'_> {
    fn shape(&self) -> (usize, Element) {
        match self {
            Self::Int8(numbers) => (numbers.len(), Element::Int8),
            Self::UInt8(numbers) => (numbers.len(), Element::UInt8),
            Self::Float32(numbers) => (numbers.len(), Element::Float32),
        }
    }
}

#[derive(Clone, Debug)]
enum Numbers {
    /// Bytes whose value is the pixel XOR this: 0 leaves it, 0x80 subtracts 128 in two's complement.
    Flip(Element, u8),
    Bytes(Element, Box<[[u8; 256]; 3]>),
    Floats(Box<[[f32; 256]; 3]>),
}

/// A checked input description, with a table of the number for each channel and pixel value.
#[derive(Clone, Debug)]
pub struct InputSpec {
    width: usize,
    height: usize,
    layout: Layout,
    color: ColorOrder,
    pad: u8,
    numbers: Numbers,
}

impl InputSpec {
    /// A description of an input of `width` x `height` pixels, padded with `pad` grey (a pixel value).
    pub fn new(
        (width, height): (usize, usize),
        (layout, color): (Layout, ColorOrder),
        normalisation: Normalisation,
        element: Element,
        quantization: Option<Quantization>,
        pad: u8,
    ) -> Result<Self, TensorError> {
        if !(1..=4096).contains(&width) || !(1..=4096).contains(&height) {
            return Err(TensorError::Size { width, height });
        }
        let mut floats = Box::new([[0f32; 256]; 3]);
        for (channel, table) in floats.iter_mut().enumerate() {
            let (mean, std) = (normalisation.mean[channel], normalisation.std[channel]);
            if !mean.is_finite() || !std.is_finite() || std == 0.0 {
                return Err(TensorError::Normalisation { channel, mean, std });
            }
            for (pixel, value) in table.iter_mut().enumerate() {
                *value = (pixel as f32 / 255.0 - mean) / std;
            }
        }
        let numbers = match element {
            Element::Float32 => Numbers::Floats(floats),
            Element::Int8 | Element::UInt8 => quantized(element, quantization, &floats)?,
        };
        Ok(Self { width, height, layout, color, pad, numbers })
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Order of the axes.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Grey of the padding, a pixel value.
    pub fn pad(&self) -> u8 {
        self.pad
    }

    /// Number type of the tensor.
    pub fn element(&self) -> Element {
        match self.numbers {
            Numbers::Flip(element, _) | Numbers::Bytes(element, _) => element,
            Numbers::Floats(_) => Element::Float32,
        }
    }

    /// Lets `draw` fill an upright RGB canvas of this size (tight rows) and turns it into the tensor's numbers. Where the
    /// tensor is bytes in RGB and NHWC, the canvas is the tensor itself and no pixel is copied.
    ///
    /// # Errors
    /// When the tensor doesn't fit the description; else whatever `draw` returns.
    pub fn fill<E: From<TensorError>>(
        &self,
        tensor: TensorMut<'_>,
        canvas: &mut Vec<u8>,
        draw: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let needed = self.width * self.height * 3;
        let (got, got_element) = tensor.shape();
        if got != needed || got_element != self.element() {
            return Err(TensorError::Mismatch { got, got_element, needed, element: self.element() }.into());
        }
        match (tensor, &self.numbers) {
            (TensorMut::Float32(out), Numbers::Floats(table)) => {
                canvas.resize(needed, 0);
                draw(canvas)?;
                self.arrange(canvas, out, table);
            }
            (TensorMut::Float32(_), _) | (_, Numbers::Floats(_)) => {}
            (TensorMut::Int8(out), numbers) => self.fill_bytes(cast_slice_mut(out), numbers, canvas, draw)?,
            (TensorMut::UInt8(out), numbers) => self.fill_bytes(out, numbers, canvas, draw)?,
        }
        Ok(())
    }

    fn fill_bytes<E>(
        &self,
        out: &mut [u8],
        numbers: &Numbers,
        canvas: &mut Vec<u8>,
        draw: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let in_place = self.layout == Layout::Nhwc && self.color == ColorOrder::Rgb;
        match numbers {
            Numbers::Flip(_, mask) if in_place => {
                draw(out)?;
                out.iter_mut().for_each(|byte| *byte ^= mask);
            }
            Numbers::Bytes(_, table) if in_place => {
                draw(out)?;
                for pixel in out.chunks_exact_mut(3) {
                    for (byte, table) in pixel.iter_mut().zip(table.iter()) {
                        *byte = table[usize::from(*byte)];
                    }
                }
            }
            Numbers::Flip(_, mask) => {
                canvas.resize(out.len(), 0);
                draw(canvas)?;
                let flipped: [u8; 256] = std::array::from_fn(|pixel| pixel as u8 ^ mask);
                self.arrange(canvas, out, &[flipped; 3]);
            }
            Numbers::Bytes(_, table) => {
                canvas.resize(out.len(), 0);
                draw(canvas)?;
                self.arrange(canvas, out, table);
            }
            Numbers::Floats(_) => {}
        }
        Ok(())
    }

    fn arrange<T: Copy>(&self, rgb: &[u8], out: &mut [T], table: &[[T; 256]; 3]) {
        let order = match self.color {
            ColorOrder::Rgb => [0, 1, 2],
            ColorOrder::Bgr => [2, 1, 0],
        };
        match self.layout {
            Layout::Nhwc => {
                for (to, from) in out.chunks_exact_mut(3).zip(rgb.chunks_exact(3)) {
                    for channel in 0..3 {
                        to[channel] = table[channel][usize::from(from[order[channel]])];
                    }
                }
            }
            Layout::Nchw => {
                for (channel, plane) in out.chunks_exact_mut(self.width * self.height).enumerate() {
                    for (to, from) in plane.iter_mut().zip(rgb.chunks_exact(3)) {
                        *to = table[channel][usize::from(from[order[channel]])];
                    }
                }
            }
        }
    }
}

fn quantized(
    element: Element,
    quantization: Option<Quantization>,
    floats: &[[f32; 256]; 3],
) -> Result<Numbers, TensorError> {
    let (low, high) = if element == Element::Int8 { (-128, 127) } else { (0, 255) };
    let usable = |q: &Quantization| q.scale.is_finite() && q.scale > 0.0 && (low..=high).contains(&q.zero_point);
    let Some(Quantization { scale, zero_point }) = quantization.filter(usable) else {
        return Err(TensorError::Quantization { element });
    };
    let mut bytes = Box::new([[0u8; 256]; 3]);
    for (bytes, floats) in bytes.iter_mut().zip(floats) {
        for (byte, value) in bytes.iter_mut().zip(floats) {
            // Two's complement: the low byte of a number in either range.
            *byte = ((value / scale).round() as i32).saturating_add(zero_point).clamp(low, high) as u8;
        }
    }
    let flip = if element == Element::Int8 { 0x80 } else { 0 };
    let plain = bytes.iter().all(|table| table.iter().enumerate().all(|(pixel, byte)| pixel as u8 ^ flip == *byte));
    Ok(if plain { Numbers::Flip(element, flip) } else { Numbers::Bytes(element, bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Normalisation = Normalisation { mean: [0.0; 3], std: [1.0; 3] };

    fn fill(spec: &InputSpec, tensor: TensorMut<'_>, rgb: &[u8]) -> Result<(), TensorError> {
        spec.fill(tensor, &mut Vec::new(), |canvas| {
            canvas.copy_from_slice(rgb);
            Ok(())
        })
    }

    fn spec(
        layout: Layout,
        color: ColorOrder,
        normalisation: Normalisation,
        element: Element,
        quantization: Option<Quantization>,
    ) -> InputSpec {
        InputSpec::new((2, 1), (layout, color), normalisation, element, quantization, 114).unwrap()
    }

    #[test]
    fn every_layout_order_and_element_follows_the_formula() {
        let rgb = [0u8, 100, 255, 7, 128, 200];
        let normalisation = Normalisation { mean: [0.1, 0.5, 0.4], std: [0.5, 0.25, 2.0] };
        for layout in [Layout::Nhwc, Layout::Nchw] {
            for color in [ColorOrder::Rgb, ColorOrder::Bgr] {
                let expected = |channel: usize, pixel: usize| {
                    let source = if color == ColorOrder::Rgb { channel } else { 2 - channel };
                    let value = f32::from(rgb[pixel * 3 + source]) / 255.0;
                    (value - normalisation.mean[channel]) / normalisation.std[channel]
                };
                let at = |channel: usize, pixel: usize| match layout {
                    Layout::Nhwc => pixel * 3 + channel,
                    Layout::Nchw => channel * 2 + pixel,
                };
                let mut floats = [0f32; 6];
                let description = spec(layout, color, normalisation, Element::Float32, None);
                fill(&description, TensorMut::Float32(&mut floats), &rgb).unwrap();
                let quantization = Quantization { scale: 0.02, zero_point: -3 };
                let mut bytes = [0i8; 6];
                let description = spec(layout, color, normalisation, Element::Int8, Some(quantization));
                fill(&description, TensorMut::Int8(&mut bytes), &rgb).unwrap();
                for (channel, pixel) in [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)] {
                    let value = expected(channel, pixel);
                    assert!((floats[at(channel, pixel)] - value).abs() < 1e-6);
                    let number = ((value / 0.02).round() as i32 - 3).clamp(-128, 127);
                    assert_eq!(i32::from(bytes[at(channel, pixel)]), number);
                }
            }
        }
    }

    #[test]
    fn the_plain_int8_input_is_pixel_minus_128() {
        let quantization = Some(Quantization { scale: 1.0 / 255.0, zero_point: -128 });
        let description = spec(Layout::Nhwc, ColorOrder::Rgb, PLAIN, Element::Int8, quantization);
        assert!(matches!(description.numbers, Numbers::Flip(Element::Int8, 0x80)));
        let mut bytes = [0i8; 6];
        fill(&description, TensorMut::Int8(&mut bytes), &[0, 1, 127, 128, 254, 255]).unwrap();
        assert_eq!(bytes, [-128, -127, -1, 0, 126, 127]);
    }

    #[test]
    fn what_cannot_be_computed_is_refused() {
        let new = |size, normalisation, quantization| {
            InputSpec::new(size, (Layout::Nhwc, ColorOrder::Rgb), normalisation, Element::Int8, quantization, 0)
        };
        let fine = Some(Quantization { scale: 0.1, zero_point: 0 });
        assert!(matches!(new((0, 9), PLAIN, fine), Err(TensorError::Size { .. })));
        let flat = Normalisation { mean: [0.0; 3], std: [1.0, 0.0, 1.0] };
        assert!(matches!(new((1, 1), flat, fine), Err(TensorError::Normalisation { channel: 1, .. })));
        for quantization in [
            None,
            Some(Quantization { scale: 0.0, zero_point: 0 }),
            Some(Quantization { scale: f32::NAN, zero_point: 0 }),
            Some(Quantization { scale: 0.1, zero_point: 200 }),
        ] {
            assert!(matches!(new((1, 1), PLAIN, quantization), Err(TensorError::Quantization { .. })));
        }
        let description = new((1, 1), PLAIN, fine).unwrap();
        let refused = fill(&description, TensorMut::Float32(&mut [0.0; 3]), &[0; 3]);
        assert!(matches!(refused, Err(TensorError::Mismatch { .. })));
    }
}
