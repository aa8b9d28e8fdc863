//! A stored split of a made-up set comes out the same on every machine and from every later version.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use shelfscan_lab::dataset::Dataset;
use shelfscan_lab::near::pairs;
use shelfscan_lab::photos::look_at;
use shelfscan_lab::split::{Member, SplitOptions, split};

use crate::folder::Folder;

/// Patches in whole numbers, so that no machine's rounding matters.
fn patches(seed: u32, change: u8) -> RgbImage {
    RgbImage::from_fn(96, 64, |x, y| {
        let level = |channel: u32| {
            let cell = (seed * 1000 + (x / 12) * 100 + (y / 8) * 10 + channel + 1).wrapping_mul(0x9E37_79B1);
            let mixed = (cell ^ cell >> 15).wrapping_mul(0x85EB_CA6B);
            (mixed >> 25) as u8 + change
        };
        Rgb([level(0), level(1), level(2)])
    })
}

/// Forty shelves with four of nine SKUs each; two are photographed twice, and eight are of two shops.
fn shelves() -> Folder {
    let folder = Folder::new();
    for shelf in 0..42_u32 {
        let (seed, change) = if shelf < 40 { (shelf, 0) } else { (shelf - 40, 9) };
        let name = if (8..16).contains(&shelf) { format!("shop{}-{shelf}", shelf % 2) } else { format!("{shelf}") };
        let photo = folder.write(&format!("images/{name}.png"), "");
        patches(seed, change).save(photo).unwrap();
        let line = |place: u32| {
            let sku = (shelf * (place + 1) + place * place) % 9;
            format!("sku{sku} can 0.{} 0.5 0.1 0.4\n", 2 * place + 1).repeat(1 + (shelf + place) as usize % 3)
        };
        folder.write(&format!("labels/{name}.txt"), (0..4).map(line).collect::<String>());
    }
    folder
}

#[test]
fn a_stored_split_comes_out_the_same() {
    let folder = shelves();
    let dataset = Dataset::open(folder.path()).unwrap();
    let looks: Vec<_> = look_at(&dataset.photos, || ()).into_iter().map(|seen| Some(seen.unwrap().look)).collect();
    let members: Vec<Member> = dataset.photos.iter().map(Member::of).collect();
    let options = SplitOptions {
        ratios: "70,15,15".parse().unwrap(),
        seed: 7,
        stratify: true,
        group_by: Some(regex::Regex::new(r"/(shop\d)-").unwrap()),
    };
    // PNG encoders may come to pack otherwise: what is hashed is not what is tried here.
    let made = split(&members, &pairs(&looks), "not hashed", &options).unwrap().split.to_json().unwrap();
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/datasets/frozen-split.json");
    if fs::read_to_string(&stored).unwrap_or_default().replace('\r', "") != made {
        let other = Path::new(env!("CARGO_TARGET_TMPDIR")).join("frozen-split.json");
        fs::write(&other, made).unwrap();
        panic!("{} is no longer what comes out, which is in {}", stored.display(), other.display());
    }
}
