//! Crops that look like another SKU than their label says.
//!
//! Owns the judgement: the bundle's embedder describes every labelled facing, and a crop is told when none of its
//! [`NEIGHBOURS`] most similar crops from other photos has its label and nearly all of them agree on one other SKU. A SKU that is on
//! one photo only can't be judged, and `unknown` is no SKU to agree on.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use shelfscan::{Cancel, LabelledPhoto, Models};

use super::boxes::{corners, place};
use super::{Finding, Kind, Shown};
use crate::Result;
use crate::dataset::{Dataset, UNKNOWN};

/// Most similar crops that are asked.
const NEIGHBOURS: usize = 5;
/// How many of them must agree.
const AGREED: usize = 4;
/// Neighbours shown beside a crop.
const SHOWN: usize = 3;
/// Crops compared with one crop while it is at hand.
const AT_HAND: usize = 16;

/// A labelled facing with its embedding, of length 1.
struct Crop<'a> {
    photo: usize,
    facing: usize,
    sku: &'a str,
    embedding: Vec<f32>,
}

/// Crops of `dataset` that `models` finds more like another SKU, the clearest first. `done` is called after each photo, from any
/// thread. Photos that can't be read and boxes without area are left to the other checks.
///
/// # Errors
/// A failing model.
pub fn mislabelled(dataset: &Dataset, models: &Models, done: impl Fn() + Sync) -> Result<Vec<Finding>> {
    let usable = |[left, top, right, bottom]: [f64; 4]| {
        left.max(0.0) < right.min(1.0) - 1e-4 && top.max(0.0) < bottom.min(1.0) - 1e-4
    };
    let mut labelled = Vec::new();
    let mut wanted = Vec::new();
    for (number, photo) in dataset.photos.iter().enumerate() {
        let mut boxes = Vec::new();
        for (facing, label) in photo.facings.iter().enumerate() {
            if let Some(sku) = label.sku.as_deref().filter(|_| !label.ignore && usable(corners(label))) {
                boxes.push(corners(label).map(|share| share as f32));
                wanted.push((labelled.len(), number, facing, sku));
            }
        }
        labelled.push(LabelledPhoto { path: photo.path.clone(), boxes });
    }
    let embedded = models.embed_facings(&labelled, &Cancel::new(), done)?;
    let mut crops = Vec::with_capacity(wanted.len());
    let mut next = vec![0; labelled.len()];
    for (at, photo, facing, sku) in wanted {
        if let Ok(embeddings) = &embedded[at]
            && let Some(embedding) = embeddings.get(next[at])
        {
            crops.push(Crop { photo, facing, sku, embedding: unit(embedding) });
        }
        next[at] += 1;
    }
    Ok(judge(dataset, &crops))
}

fn judge(dataset: &Dataset, crops: &[Crop<'_>]) -> Vec<Finding> {
    let mut photos_of = BTreeMap::<&str, BTreeSet<usize>>::new();
    for crop in crops {
        photos_of.entry(crop.sku).or_default().insert(crop.photo);
    }
    let judged =
        |crop: &Crop<'_>| crop.sku == UNKNOWN || photos_of.get(crop.sku).is_some_and(|photos| photos.len() > 1);
    let mut found: Vec<(f32, Finding)> = crops
        .par_chunks(AT_HAND)
        .flat_map_iter(|chunk| {
            let neighbours = neighbours(chunk, crops);
            chunk.iter().zip(neighbours).filter(|(crop, _)| judged(crop)).filter_map(|(crop, near)| {
                let agreed = agreed(crop, &near, crops)?;
                let similarity = near.iter().map(|(similarity, _)| similarity).sum::<f32>() / near.len() as f32;
                Some((similarity, finding(dataset, crop, agreed, similarity, &near, crops)))
            })
        })
        .collect();
    found.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.place.cmp(&other.place)));
    found.into_iter().map(|(_, finding)| finding).collect()
}

/// The SKU that the neighbours agree on against a crop's label.
fn agreed<'a>(crop: &Crop<'_>, near: &[(f32, usize)], crops: &[Crop<'a>]) -> Option<&'a str> {
    let mut votes = BTreeMap::<&'a str, usize>::new();
    for (_, neighbour) in near {
        *votes.entry(crops[*neighbour].sku).or_default() += 1;
    }
    let (sku, count) = votes.iter().max_by_key(|(_, count)| **count)?;
    (*count >= AGREED && *sku != UNKNOWN && !votes.contains_key(crop.sku)).then_some(*sku)
}

/// For each crop of `chunk` its most similar crops of other photos, best first.
fn neighbours(chunk: &[Crop<'_>], crops: &[Crop<'_>]) -> Vec<Vec<(f32, usize)>> {
    let mut best: Vec<Vec<(f32, usize)>> = vec![Vec::with_capacity(NEIGHBOURS + 1); chunk.len()];
    for (number, other) in crops.iter().enumerate() {
        for (crop, best) in chunk.iter().zip(&mut best).filter(|(crop, _)| crop.photo != other.photo) {
            let similarity = dot(&crop.embedding, &other.embedding);
            if best.len() < NEIGHBOURS || best.last().is_some_and(|(least, _)| similarity > *least) {
                let at = best.partition_point(|(better, _)| *better >= similarity);
                best.insert(at, (similarity, number));
                best.truncate(NEIGHBOURS);
            }
        }
    }
    best
}

fn finding(
    dataset: &Dataset,
    crop: &Crop<'_>,
    agreed: &str,
    similarity: f32,
    near: &[(f32, usize)],
    crops: &[Crop<'_>],
) -> Finding {
    let shown = |crop: &Crop<'_>, caption: String| {
        let photo = &dataset.photos[crop.photo];
        Shown { close: true, caption, ..Shown::whole(photo, vec![corners(&photo.facings[crop.facing])]) }
    };
    let mut pictures = vec![shown(crop, format!("labelled {}", crop.sku))];
    for (similarity, neighbour) in near.iter().take(SHOWN) {
        let neighbour = &crops[*neighbour];
        pictures.push(shown(neighbour, format!("{} ({similarity:.2})", neighbour.sku)));
    }
    let photo = &dataset.photos[crop.photo];
    let what = format!("labelled {}, but looks like {agreed} (similarity {similarity:.2})", crop.sku);
    Finding { kind: Kind::Mislabelled, place: place(photo, &photo.facings[crop.facing]), what, shown: pictures }
}

fn unit(embedding: &[f32]) -> Vec<f32> {
    let length = dot(embedding, embedding).sqrt().max(f32::MIN_POSITIVE);
    embedding.iter().map(|number| number / length).collect()
}

/// Sixteen sums side by side, which the compiler turns into vector instructions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (a, b) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}
