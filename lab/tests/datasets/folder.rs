//! Folders with files and pictures in them.

use std::fs;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use tempfile::TempDir;

/// A folder that is gone after the test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub fn picture(&self, name: &str, picture: &RgbImage) -> PathBuf {
        self.write(name, jpeg(picture, 90))
    }
}

pub fn jpeg(picture: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture).unwrap();
    bytes
}

/// A picture of soft coloured blotches that no other seed gives.
pub fn blotches(seed: u64, width: u32, height: u32) -> RgbImage {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let spots: Vec<[f32; 6]> = (0..14).map(|_| [next(), next(), 0.06 + 0.2 * next(), next(), next(), next()]).collect();
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
        let mut colour = [0.4_f32; 3];
        for [at_x, at_y, radius, red, green, blue] in &spots {
            let distance = ((x - at_x).powi(2) + (y - at_y).powi(2)) / radius.powi(2);
            let weight = (-2.0 * distance).exp();
            for (level, spot) in colour.iter_mut().zip([red, green, blue]) {
                *level += (spot - *level) * weight;
            }
        }
        Rgb(colour.map(|level| (level * 255.0) as u8))
    })
}
