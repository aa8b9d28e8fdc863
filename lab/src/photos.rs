//! Every photo of a data set, decoded once.
//!
//! Owns what is kept of a photo when its pixels are gone: its size and its [`Look`], or why there is none. Refuses: keeping pixels.

use std::fs;

use rayon::prelude::*;
use shelfscan::{DecodeLimits, decode};

use crate::dataset::Photo;
use crate::near::Look;

/// What is known of a photo that was decoded.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Width and height in upright pixels.
    pub size: (u32, u32),
    /// What it looks like.
    pub look: Look,
}

/// Decodes photos on all cores: what each is, in their order, or what is wrong with it. `done` is called after each, from any
/// thread.
pub fn look_at(photos: &[Photo], done: impl Fn() + Sync) -> Vec<Result<Seen, String>> {
    photos
        .par_iter()
        .map(|photo| {
            let seen = see(photo);
            done();
            seen
        })
        .collect()
}

fn see(photo: &Photo) -> Result<Seen, String> {
    let bytes = fs::read(&photo.path).map_err(|error| error.to_string())?;
    let decoded = decode(&bytes, &DecodeLimits::default()).map_err(|error| error.to_string())?;
    let size = decoded.view().map_err(|error| error.to_string())?.upright_size();
    let look = Look::of(&decoded).map_err(|error| error.to_string())?;
    Ok(Seen { size, look })
}
