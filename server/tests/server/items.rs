//! Items as phones make them.

use std::collections::BTreeMap;
use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use shelfscan_protocol::{BundleRef, Candidate, Embedding, FacingRef, Item, Label, Meta, PhotoRef, Reason, Sha256};

/// Pixels of every crop.
pub const SIZE: (u32, u32) = (60, 120);

/// The embedder that made up embeddings are said to come from.
pub fn embedder() -> Sha256 {
    Sha256::of(b"the embedder")
}

/// A crop that differs from number to number.
pub fn jpeg(number: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let inside = (10..50).contains(&x) && (15..110).contains(&y);
        let shade = (number.wrapping_mul(37) % 200) as u8;
        if inside { Rgb([shade, 255 - shade, (x * 4) as u8]) } else { Rgb([250, (y % 7) as u8 * 30, 5]) }
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// What is known of a crop, with an embedding in the direction of its group.
pub fn meta(number: u32, group: u32) -> Meta {
    let mut vector = [0.02_f32; 16];
    vector[group as usize % 16] = 1.0;
    vector[(group as usize + 1) % 16] += number as f32 % 5.0 * 0.01;
    Meta {
        schema: 1,
        reason: Reason::LowMargin,
        captured_at: 1_790_000_000_000 + u64::from(number),
        bundle: BundleRef { name: "drinks".into(), version: "0.2.0".into(), index: Sha256::of(b"index") },
        photo: PhotoRef { sha256: Sha256::of(&(number / 4).to_le_bytes()), width: 3024, height: 4032 },
        facing: FacingRef {
            rect: [100.0, 200.0, 140.0, 295.0],
            box_in_crop: [10.0, 15.0, 50.0, 110.0],
            container: "can".into(),
            score: 0.81,
        },
        sku: None,
        candidates: vec![
            Candidate { sku: "cola".into(), similarity: 0.71 },
            Candidate { sku: "pils".into(), similarity: 0.69 },
        ],
        margin: 0.02,
        correction: None,
        tags: BTreeMap::from([("store".into(), "17".into())]),
        embedding: Embedding::of(&vector, embedder()),
    }
}

/// An item.
pub fn item(number: u32) -> Item {
    item_of(&meta(number, 0), number)
}

/// An item that looks like the others of its group.
pub fn item_in(group: u32, number: u32) -> Item {
    item_of(&meta(number, group), number)
}

/// An item that a person corrected on the phone.
pub fn corrected(number: u32, label: Label) -> Item {
    item_of(&Meta { reason: Reason::Corrected, correction: Some(label), ..meta(number, 0) }, number)
}

fn item_of(meta: &Meta, number: u32) -> Item {
    Item::new(meta, &jpeg(number)).unwrap()
}
