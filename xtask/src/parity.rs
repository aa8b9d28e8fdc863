//! The step `parity`: the core against a Python reference of the same bundle.
//!
//! Owns the comparison. The reference does letterbox, heads and NMS in numpy and Pillow and runs the same model file with the
//! TFLite interpreter of PyPI, another build than ours. It also writes the pixels it saw, so that two JPEG decoders that round
//! differently don't count as a difference of what comes after them.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use serde::Deserialize;
use shelfscan::{Bundle, ScanOptions, Scanner, Tiling};

use crate::demo::BUNDLE;
use crate::error::{Error, Result};
use crate::python;
use crate::step::{skip, watch};
use crate::workspace::{root, target};

/// Real photos to compare on, beside the repository.
const PHOTOS: &str = "../shared/data/fridge/images/val";
/// How many of them.
const COUNT: usize = 20;
/// Most that an edge of a box may differ, in pixels.
const PIXELS: f32 = 1.0;
/// Most that a score may differ.
const SCORE: f32 = 0.02;

#[derive(Deserialize)]
struct Reference {
    photos: Vec<Photo>,
}

#[derive(Deserialize)]
struct Photo {
    pixels: PathBuf,
    facings: Vec<Facing>,
}

#[derive(Deserialize)]
struct Facing {
    #[serde(rename = "box")]
    rect: [f32; 4],
    class: String,
    score: f32,
}

/// Compares on real photos; says that it was skipped where there are none.
pub(crate) fn run(skipped: &Mutex<Vec<String>>) -> Result<()> {
    let Some(photos) = photos() else {
        skip(skipped, &format!("parity with the Python reference, no photos at {PHOTOS}"));
        return Ok(());
    };
    let out = target().join("parity");
    fs::create_dir_all(&out).map_err(Error::file(&out))?;
    let json = out.join("reference.json");
    let mut reference = python::with_packages("reference.txt")?;
    reference.current_dir(root()).args(["-m", "models.reference", BUNDLE]).args(&photos);
    reference.arg("--output").arg(&json).arg("--pixels").arg(&out);
    watch(&mut reference, skipped)?;

    let text = fs::read_to_string(&json).map_err(Error::file(&json))?;
    let Reference { photos } =
        serde_json::from_str(&text).map_err(|error| Error::Json { path: json, reason: error.to_string() })?;
    let bundle = Bundle::open(&root().join(BUNDLE), 1).map_err(|error| Error::Parity(error.to_string()))?;
    let scanner = Scanner::new(bundle);
    let (mut facings, mut worst_pixels, mut worst_score) = (0, 0f32, 0f32);
    for photo in &photos {
        let (pixels, score) = compare(&scanner, photo)?;
        facings += photo.facings.len();
        (worst_pixels, worst_score) = (worst_pixels.max(pixels), worst_score.max(score));
    }
    println!(
        "{facings} facings in {} photos agree: boxes within {worst_pixels:.2} px, scores within {worst_score:.4}",
        photos.len()
    );
    Ok(())
}

fn photos() -> Option<Vec<PathBuf>> {
    let mut photos: Vec<PathBuf> =
        fs::read_dir(root().join(PHOTOS)).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    photos.sort();
    // Spread over the set, as neighbours are alike.
    let step = (photos.len() / COUNT).max(1);
    let chosen: Vec<PathBuf> = photos.into_iter().step_by(step).take(COUNT).collect();
    (chosen.len() == COUNT).then_some(chosen)
}

/// Largest differences of edges and scores between the reference's facings and the core's.
fn compare(scanner: &Scanner, photo: &Photo) -> Result<(f32, f32)> {
    let wrong = |what: String| Error::Parity(format!("{}: {what}", photo.pixels.display()));
    let options = ScanOptions { tiling: Tiling::Off, ..ScanOptions::default() };
    let bytes = fs::read(&photo.pixels).map_err(Error::file(&photo.pixels))?;
    let result = scanner.scan_file(&bytes, &options).map_err(|error| wrong(error.to_string()))?;
    if result.facings.len() != photo.facings.len() {
        return Err(wrong(format!("{} facings, the reference has {}", result.facings.len(), photo.facings.len())));
    }
    let (mut worst_pixels, mut worst_score) = (0f32, 0f32);
    for expected in &photo.facings {
        let pixels = |facing: &&shelfscan::Facing| {
            facing.rect.iter().zip(expected.rect).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max)
        };
        let nearest = result.facings.iter().min_by(|a, b| pixels(a).total_cmp(&pixels(b)));
        let Some(found) = nearest.filter(|found| pixels(found) <= PIXELS && found.container == expected.class) else {
            return Err(wrong(format!(
                "no facing within {PIXELS} px of the reference's {} at {:?}",
                expected.class, expected.rect
            )));
        };
        let score = (found.score - expected.score).abs();
        if score > SCORE {
            return Err(wrong(format!(
                "score {} at {:?}, the reference has {}",
                found.score, found.rect, expected.score
            )));
        }
        (worst_pixels, worst_score) = (worst_pixels.max(pixels(&found)), worst_score.max(score));
    }
    Ok((worst_pixels, worst_score))
}
