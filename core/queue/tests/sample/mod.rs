//! Made-up items of any size and likeness.

#![allow(dead_code, clippy::unwrap_used, reason = "each user of this module needs another part of it")]

use std::collections::BTreeMap;

use shelfscan_queue::protocol::{
    BundleRef, Candidate, Embedding, FacingRef, Item, Label, Meta, PhotoRef, Reason, Sha256,
};

/// An item that `number` tells apart from others. Two numbers, an even one and the next, are of one facing. Items of the same `look` and SKU look alike. Its picture is made up.
pub fn item(number: u64, reason: Reason, sku: &str, look: u64, bytes: usize) -> Item {
    with_crop(number, reason, sku, look, &jpeg(bytes))
}

/// As [`item`], with a picture that can be decoded.
pub fn decodable(number: u64, reason: Reason, sku: &str, look: u64) -> Item {
    with_crop(number, reason, sku, look, include_bytes!("crop.jpg"))
}

fn with_crop(number: u64, reason: Reason, sku: &str, look: u64, crop: &[u8]) -> Item {
    let embedding: Vec<f32> = (0..64).map(|axis| if axis == look % 64 { 1.0 } else { 0.01 }).collect();
    let meta = Meta {
        schema: 1,
        reason,
        captured_at: number,
        bundle: BundleRef { name: "drinks".into(), version: "0.2.0".into(), index: Sha256([1; 32]) },
        photo: PhotoRef { sha256: Sha256::of(&(number / 2).to_le_bytes()), width: 1000, height: 1000 },
        facing: FacingRef {
            rect: [1.0, 1.0, 50.0, 90.0],
            box_in_crop: [0.0, 0.0, 90.0, 160.0],
            container: "bottle".into(),
            score: 0.5,
        },
        sku: None,
        candidates: vec![Candidate { sku: sku.into(), similarity: 0.5 }],
        margin: 0.0,
        correction: (reason == Reason::Corrected).then_some(Label::NotAProduct),
        tags: BTreeMap::new(),
        embedding: Embedding::of(&embedding, Sha256([3; 32])),
    };
    Item::new(&meta, crop).unwrap()
}

fn jpeg(bytes: usize) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8, 0xff, 0xc0, 0x00, 0x0b, 8, 0, 160, 0, 90, 1, 1, 0x11, 0];
    jpeg.extend_from_slice(&[0xff, 0xda, 0x00, 0x08, 1, 1, 0, 0, 63, 0]);
    jpeg.resize(jpeg.len() + bytes, 0x55);
    jpeg.extend_from_slice(&[0xff, 0xd9]);
    jpeg
}
