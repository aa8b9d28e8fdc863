//! A gallery folder: one folder of pictures for each SKU (ImageFolder), and what `skus.csv` beside them says of the SKUs.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use shelfscan::{Cancel, Models, SkuEntry, Subject};

use crate::failure::{Failure, complain};
use crate::{photos, scan};

/// One SKU and its pictures.
#[derive(Debug)]
pub struct Entry {
    /// What is known of it.
    pub sku: SkuEntry,
    /// Its pictures, at least one.
    pub pictures: Vec<PathBuf>,
}

/// A line of `skus.csv`.
#[derive(Debug, Deserialize)]
struct Line {
    id: String,
    name: Option<String>,
    container: Option<String>,
    barcode: Option<String>,
}

/// Reads a gallery folder. Folders without pictures are refused by name: a SKU that can't be recognised is a mistake.
/// What `skus.csv` doesn't say of a SKU is taken from `known`.
pub fn read(folder: &Path, known: &[SkuEntry]) -> Result<Vec<Entry>, Failure> {
    let unreadable = |error| Failure::Nothing(format!("{}: {error}", folder.display()));
    let lines = lines(folder)?;
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().filter(|_| path.is_dir()) else { continue };
        let id = name.to_str().ok_or_else(|| {
            Failure::Nothing(format!("{}: a folder's name is its SKU's id and must be UTF-8", path.display()))
        })?;
        if id.starts_with('.') {
            continue;
        }
        let pictures = photos::in_folder(&path).map_err(unreadable)?;
        if pictures.is_empty() {
            return Err(Failure::Nothing(format!("{}: no pictures of this SKU", path.display())));
        }
        let unset = || SkuEntry { id: id.into(), name: id.into(), container: None, barcode: None };
        let sku = lines.iter().chain(known).find(|sku| sku.id == id).cloned().unwrap_or_else(unset);
        entries.push(Entry { sku, pictures });
    }
    if entries.is_empty() {
        return Err(Failure::Nothing(format!(
            "{}: no SKUs; a gallery has a folder for each SKU, named by its id, with its pictures",
            folder.display()
        )));
    }
    entries.sort_by(|a, b| a.sku.id.cmp(&b.sku.id));
    Ok(entries)
}

fn lines(folder: &Path) -> Result<Vec<SkuEntry>, Failure> {
    let path = folder.join("skus.csv");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let wrong = |error: csv::Error| Failure::Nothing(format!("{}: {error}", path.display()));
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(&path).map_err(wrong)?;
    let entry = |line: Line| {
        let set = |text: Option<String>| text.filter(|text| !text.is_empty());
        let name = set(line.name).unwrap_or_else(|| line.id.clone());
        SkuEntry { id: line.id, name, container: set(line.container), barcode: set(line.barcode) }
    };
    reader.deserialize().map(|line| line.map(entry).map_err(wrong)).collect()
}

/// What came of a gallery's pictures.
#[derive(Debug)]
pub struct Embedded {
    /// For each picture its embedding; none where it could not be used.
    pub embeddings: Vec<Option<Vec<f32>>>,
    /// Whether there were any of those.
    pub failed: bool,
}

/// Embeds pictures; those that can't be used are named on standard error.
pub fn embed(models: &Models, pictures: &[PathBuf], subject: Subject) -> Result<Embedded, Failure> {
    let bar = scan::progress(pictures.len() as u64, "pictures");
    let outcomes = models.embed_pictures(pictures, subject, &Cancel::new(), || bar.inc(1))?;
    bar.finish_and_clear();
    let tell = |outcome: Result<Vec<f32>, shelfscan::PictureError>| outcome.map_err(complain).ok();
    let embeddings: Vec<Option<Vec<f32>>> = outcomes.into_iter().map(tell).collect();
    let failed = embeddings.iter().any(Option::is_none);
    Ok(Embedded { embeddings, failed })
}
