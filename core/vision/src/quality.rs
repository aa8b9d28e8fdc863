//! What is wrong with a photo, in words a person at the shelf can act on.
//!
//! Owns four measures and their limits: sharpness, brightness, glare, size. Measured on small samples of the photo, at the scale
//! at which facings are seen, so that a 12-megapixel photo is judged like the same photo at 2 megapixels.
//!
//! Refuses: refusing. A finding is advice; the scan goes on.

use std::fmt;

use crate::{Frame, Placement, Rect, SampleError, Sampler};

/// Side of a patch in pixels at the scale of measurement.
const PATCH: usize = 96;
/// Patches along each side of the photo.
const PATCHES: usize = 3;
/// Longer side of the photo at the scale of measurement, in pixels.
const SCALE: f32 = 1000.0;
/// Sharpness below which a photo is called blurred.
const BLURRED_BELOW: f32 = 0.045;
/// Mean luma below which a photo is called dark, above which bright, 0..=1.
const DARK_BELOW: f32 = 0.16;
const BRIGHT_ABOVE: f32 = 0.80;
/// A pixel this bright in all channels is blown out, 0..=255.
const BLOWN_OUT: u8 = 250;
/// Share of blown-out pixels from which it is called glare.
const GLARE_FROM: f32 = 0.06;
/// Longer side in pixels below which a photo is called small.
const SMALL_BELOW: u32 = 400;

/// Something about a photo that may spoil its count.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Finding {
    /// Edges are soft.
    Blurred {
        /// Share of the contrast that lies in the finest detail, 0..=1.
        sharpness: f32,
    },
    /// Too little light.
    TooDark {
        /// Mean luma, 0..=1.
        brightness: f32,
    },
    /// Too much light.
    TooBright {
        /// Mean luma, 0..=1.
        brightness: f32,
    },
    /// Lamps or reflections hide what is behind them.
    Glare {
        /// Share of blown-out pixels, 0..=1.
        share: f32,
    },
    /// Too few pixels.
    TooSmall {
        /// Longer side in pixels.
        longest: u32,
    },
}

impl Finding {
    /// A short stable name for files and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Blurred { .. } => "blurred",
            Self::TooDark { .. } => "too_dark",
            Self::TooBright { .. } => "too_bright",
            Self::Glare { .. } => "glare",
            Self::TooSmall { .. } => "too_small",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blurred { .. } => {
                write!(out, "The photo is blurred: hold the phone still and tap the shelf to focus.")
            }
            Self::TooDark { .. } => write!(out, "The photo is too dark: switch on the light or the flash."),
            Self::TooBright { .. } => {
                write!(out, "The photo is too bright: tap a bright part of the shelf to expose for it.")
            }
            Self::Glare { share } => {
                let percent = (share * 100.0).round();
                write!(
                    out,
                    "Glare hides {percent} % of the photo: step aside so that lamps don't reflect into the lens."
                )
            }
            Self::TooSmall { longest } => {
                write!(out, "The photo is only {longest} pixels long: use the camera's full resolution.")
            }
        }
    }
}

/// The measures of one photo.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quality {
    /// Share of the contrast that lies in the finest detail, 0..=1, of the sharpest quarter of the photo.
    pub sharpness: f32,
    /// Mean luma (BT.601), 0..=1.
    pub brightness: f32,
    /// Share of pixels blown out in all channels, 0..=1.
    pub glare: f32,
    /// Longer side of the photo in pixels.
    pub longest: u32,
}

impl Quality {
    /// Measures a photo.
    pub fn measure(frame: &Frame<'_>, sampler: &mut Sampler) -> Result<Self, SampleError> {
        let (width, height) = frame.upright_size();
        let longest = width.max(height);
        let side = (PATCH as f32 * longest as f32 / SCALE).max(PATCH as f32).min(width.min(height) as f32);
        let pixels = (side.ceil() as usize).min(PATCH);
        let mut rgb = vec![0u8; pixels * pixels * 3];
        let whole = Placement { left: 0, top: 0, width: pixels, height: pixels };
        let mut sharpness = Vec::with_capacity(PATCHES * PATCHES);
        let (mut luma_sum, mut blown_out, mut count) = (0.0f64, 0usize, 0usize);
        for row in 0..PATCHES {
            for column in 0..PATCHES {
                let at = |length: u32, step: usize| (length as f32 - side) * (step as f32 + 0.5) / PATCHES as f32;
                let (left, top) = (at(width, column), at(height, row));
                sampler.draw(frame, &Rect::new(left, top, left + side, top + side), &mut rgb, pixels, whole)?;
                let luma: Vec<f32> = rgb.chunks_exact(3).map(luma).collect();
                luma_sum += luma.iter().map(|&luma| f64::from(luma)).sum::<f64>();
                blown_out += rgb.chunks_exact(3).filter(|pixel| pixel.iter().all(|&value| value >= BLOWN_OUT)).count();
                count += luma.len();
                sharpness.extend(finest_share(&luma, pixels));
            }
        }
        sharpness.sort_by(|a: &f32, b| b.total_cmp(a));
        Ok(Self {
            sharpness: sharpness.get(sharpness.len() / 4).copied().unwrap_or(1.0),
            brightness: (luma_sum / count.max(1) as f64) as f32,
            glare: blown_out as f32 / count.max(1) as f32,
            longest,
        })
    }

    /// What is worth saying, worst first.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.longest < SMALL_BELOW {
            findings.push(Finding::TooSmall { longest: self.longest });
        }
        if self.brightness < DARK_BELOW {
            findings.push(Finding::TooDark { brightness: self.brightness });
        }
        if self.brightness > BRIGHT_ABOVE {
            findings.push(Finding::TooBright { brightness: self.brightness });
        }
        if self.sharpness < BLURRED_BELOW {
            findings.push(Finding::Blurred { sharpness: self.sharpness });
        }
        if self.glare >= GLARE_FROM {
            findings.push(Finding::Glare { share: self.glare });
        }
        findings
    }
}

fn luma(pixel: &[u8]) -> f32 {
    (0.299 * f32::from(pixel[0]) + 0.587 * f32::from(pixel[1]) + 0.114 * f32::from(pixel[2])) / 255.0
}

/// Contrast between neighbouring pixels over contrast between pixels eight apart; `None` for a patch without contrast. Blur
/// takes the first and leaves the second, and light changes both alike.
fn finest_share(luma: &[f32], side: usize) -> Option<f32> {
    const FAR: usize = 8;
    if side <= FAR {
        return None;
    }
    let (mut near, mut far) = (0.0, 0.0);
    for row in luma.chunks_exact(side) {
        for x in 0..side - FAR {
            near += (row[x] - row[x + 1]).powi(2);
            far += (row[x] - row[x + FAR]).powi(2);
        }
    }
    let pairs = (side * (side - FAR)) as f32;
    (far / pairs > 1e-3).then(|| (near / far).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ImageView, PixelFormat};

    fn quality(side: usize, pixel: impl Fn(usize, usize) -> [u8; 3]) -> Quality {
        let rgb: Vec<u8> = (0..side * side).flat_map(|at| pixel(at % side, at / side)).collect();
        let view = ImageView::packed(&rgb, side as u32, side as u32, side * 3, PixelFormat::Rgb).unwrap();
        Quality::measure(&view.frame(), &mut Sampler::new()).unwrap()
    }

    fn stripes(softness: f32) -> impl Fn(usize, usize) -> [u8; 3] {
        move |x, _| {
            let wave = (x as f32 % 46.0 - 23.0).abs() - 11.5;
            [(120.0 + 100.0 * (wave / softness).clamp(-1.0, 1.0)) as u8; 3]
        }
    }

    fn names(quality: Quality) -> Vec<&'static str> {
        quality.findings().iter().map(Finding::name).collect()
    }

    #[test]
    fn each_fault_is_found_and_a_good_photo_has_none() {
        assert_eq!(names(quality(1000, stripes(0.1))), [""; 0]);
        assert_eq!(names(quality(1000, stripes(11.5))), ["blurred"]);
        assert_eq!(names(quality(1000, |x, y| stripes(0.1)(x, y).map(|v| v / 10))), ["too_dark"]);
        assert_eq!(names(quality(1000, |x, _| [if x % 20 < 10 { 200 } else { 245 }; 3])), ["too_bright"]);
        let lamp = |x: usize, y: usize| {
            if y < 250 { [255; 3] } else { stripes(0.1)(x, y) }
        };
        assert_eq!(names(quality(1000, lamp)), ["glare"]);
        assert_eq!(names(quality(200, stripes(0.1))), ["too_small"]);
        assert_eq!(names(quality(1, |_, _| [100; 3])), ["too_small"]);
    }

    #[test]
    fn resolution_does_not_change_the_verdict() {
        let (small, large) = (quality(1000, stripes(8.0)), quality(3000, |x, y| stripes(8.0)(x / 3, y / 3)));
        assert!((small.sharpness - large.sharpness).abs() < 0.02, "{small:?} {large:?}");
    }
}
