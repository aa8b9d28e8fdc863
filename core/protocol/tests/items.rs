//! Items: what may travel does so unchanged, everything else is refused by name.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shelfscan_protocol::{
    BundleRef, Candidate, Embedding, FacingRef, Item, ItemError, JpegFault, Label, MAX_CROP_BYTES, Meta, PhotoRef,
    Reason, Sha256,
};

/// The segments of a JPEG of 90 x 160 pixels, its pixels made up.
fn jpeg(extra: &[u8], pixels: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8];
    bytes.extend_from_slice(b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00");
    bytes.extend_from_slice(extra);
    bytes.extend_from_slice(&[0xff, 0xc0, 0x00, 0x0b, 8, 0, 160, 0, 90, 1, 1, 0x11, 0]);
    bytes.extend_from_slice(&[0xff, 0xda, 0x00, 0x08, 1, 1, 0, 0, 63, 0]);
    bytes.extend_from_slice(pixels);
    bytes.extend_from_slice(&[0xff, 0xd9]);
    bytes
}

fn meta() -> Meta {
    Meta {
        schema: 1,
        reason: Reason::LowMargin,
        captured_at: 1_790_000_000_000,
        bundle: BundleRef { name: "drinks".into(), version: "0.2.0".into(), index: Sha256::of(b"index") },
        photo: PhotoRef { sha256: Sha256::of(b"photo"), width: 3024, height: 4032 },
        facing: FacingRef {
            rect: [100.1, 200.5, 160.0, 330.9],
            box_in_crop: [10.0, 20.0, 80.0, 140.0],
            container: "bottle".into(),
            score: 0.8712,
        },
        sku: None,
        candidates: vec![Candidate { sku: "spezi-033".into(), similarity: 0.7301 }],
        margin: 0.0123,
        correction: None,
        tags: BTreeMap::from([("store".into(), "Köln 17".into())]),
        embedding: Embedding::of(&[0.5, -0.25, 0.125], Sha256::of(b"embedder")),
    }
}

#[test]
fn an_item_comes_back_as_it_was_made() {
    let crop = jpeg(&[], b"pixels");
    let item = Item::new(&meta(), &crop).unwrap();
    let back = Item::parse_as(item.id(), item.bytes().to_vec()).unwrap();
    assert_eq!(back, item);
    assert_eq!((back.meta(), back.crop(), back.crop_size()), (&meta(), &crop[..], (90, 160)));
    assert_eq!(item.id(), Sha256::of(item.bytes()));
}

/// The bytes of an item must stay readable, and equal facts must give equal bytes in every version.
#[test]
fn the_layout_is_fixed() {
    let item = Item::new(&meta(), &jpeg(&[], b"pixels")).unwrap();
    let json = str::from_utf8(&item.bytes()[8..item.bytes().len() - item.crop().len()]).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"{"schema":1,"reason":"low_margin","captured_at":1790000000000,"#,
            r#""bundle":{"name":"drinks","version":"0.2.0","#,
            r#""index":"1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6"},"#,
            r#""photo":{"sha256":"55c64d0fcd6f9d5f7c828093857e3fdfda68478bb4e9bd24d481ef391c7804e8","#,
            r#""width":3024,"height":4032},"facing":{"box":[100.1,200.5,160.0,330.9],"#,
            r#""box_in_crop":[10.0,20.0,80.0,140.0],"container":"bottle","score":0.8712},"sku":null,"#,
            r#""candidates":[{"sku":"spezi-033","similarity":0.7301}],"margin":0.0123,"#,
            r#""tags":{"store":"Köln 17"},"#,
            r#""embedding":{"embedder":"87c2de5924ee7b220a8f496bccd026eec57cd04d3f1e4259010d6ea4c1b91905","codes":"f8Ag"}}"#
        )
    );
}

#[test]
fn fields_that_a_later_version_adds_are_ignored() {
    let crop = jpeg(&[], b"pixels");
    let text = serde_json::to_string(&meta()).unwrap().replacen('{', r#"{"weather":"rain","#, 1);
    let bytes = [b"SSI1", &(text.len() as u32).to_le_bytes()[..], text.as_bytes(), &crop].concat();
    assert_eq!(Item::parse(bytes).unwrap().meta(), &meta());
}

#[test]
fn a_crop_says_nothing_of_place_or_person() {
    let made = |extra: &[u8]| Item::new(&meta(), &jpeg(extra, b"pixels")).unwrap_err();
    for (extra, marker) in [
        (&b"\xff\xe1\x00\x08Exif\0\0"[..], 0xe1),
        (b"\xff\xe2\x00\x06ICC_", 0xe2),
        (b"\xff\xed\x00\x04IP", 0xed),
        (b"\xff\xfe\x00\x06me!!", 0xfe),
    ] {
        assert_eq!(made(extra), ItemError::Crop(JpegFault::Metadata(marker)));
    }
    assert_eq!(made(b"\xff\x01\x00\x02"), ItemError::Crop(JpegFault::Broken(20)));
    assert_eq!(made(b"\xff\xdb\xff\xff"), ItemError::Crop(JpegFault::Broken(20)));
    let huge = Item::new(&meta(), &jpeg(&[], &vec![0; MAX_CROP_BYTES])).unwrap_err();
    assert!(matches!(huge, ItemError::TooLarge { what: "crop", .. }), "{huge}");
}

#[test]
fn each_field_has_its_limits() {
    type Spoil = fn(&mut Meta);
    let cases: [(&str, Spoil); 24] = [
        ("schema", |meta| meta.schema = 2),
        ("captured_at", |meta| meta.captured_at = u64::MAX),
        ("bundle.name", |meta| meta.bundle.name.clear()),
        ("bundle.version", |meta| meta.bundle.version = "v".repeat(65)),
        ("photo.width", |meta| meta.photo.width = 0),
        ("photo.height", |meta| meta.photo.height = 65_536),
        ("facing.box", |meta| meta.facing.rect[2] = 3025.0),
        ("facing.box", |meta| meta.facing.rect = [5.0, 5.0, 5.0, 9.0]),
        ("facing.box_in_crop", |meta| meta.facing.box_in_crop[3] = 161.0),
        ("facing.container", |meta| meta.facing.container = "a\nb".into()),
        ("facing.score", |meta| meta.facing.score = 1.5),
        ("sku", |meta| meta.sku = Some(String::new())),
        ("candidates", |meta| meta.candidates = vec![meta.candidates[0].clone(); 9]),
        ("candidates.sku", |meta| meta.candidates[0].sku = "s".repeat(256)),
        ("candidates.similarity", |meta| meta.candidates[0].similarity = -1.01),
        ("margin", |meta| meta.margin = 2.01),
        ("correction", |meta| meta.reason = Reason::Corrected),
        ("correction", |meta| meta.correction = Some(Label::NotAProduct)),
        ("correction.name", |meta| {
            meta.reason = Reason::Corrected;
            meta.correction = Some(Label::NewSku { name: "n".repeat(201), container: None, barcode: None });
        }),
        ("tags", |meta| meta.tags.extend((0..16).map(|n| (n.to_string(), "x".into())))),
        ("tags", |meta| drop(meta.tags.insert("Store".into(), "x".into()))),
        ("tags.note", |meta| drop(meta.tags.insert("note".into(), "x".repeat(257)))),
        ("embedding.codes", |meta| meta.embedding.as_mut().unwrap().codes = vec![0; 3]),
        ("embedding.codes", |meta| meta.embedding.as_mut().unwrap().codes[0] = -128),
    ];
    for (field, spoil) in cases {
        let mut meta = meta();
        spoil(&mut meta);
        match Item::new(&meta, &jpeg(&[], b"pixels")) {
            Err(ItemError::Field(fault)) => assert_eq!(fault.field, field, "{fault}"),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn every_cut_is_refused() {
    let bytes = Item::new(&meta(), &jpeg(&[], b"pixels")).unwrap().into_bytes();
    for length in 0..bytes.len() {
        assert!(Item::parse(bytes[..length].to_vec()).is_err(), "cut to {length} of {} bytes", bytes.len());
    }
}

#[test]
fn another_name_is_refused() {
    let item = Item::new(&meta(), &jpeg(&[], b"pixels")).unwrap();
    let named = Sha256::of(b"another");
    assert_eq!(Item::parse_as(named, item.bytes().to_vec()), Err(ItemError::OtherId { named, found: item.id() }));
}

proptest! {
    /// Never a panic, and what is accepted is written again as it was read.
    #[test]
    fn changed_bytes_are_refused_or_read_soundly(place in 0..2000_usize, value: u8) {
        let mut bytes = Item::new(&meta(), &jpeg(&[], b"pixels")).unwrap().into_bytes();
        let place = place % bytes.len();
        bytes[place] = value;
        if let Ok(item) = Item::parse(bytes.clone()) {
            prop_assert_eq!(item.bytes(), &bytes[..]);
            prop_assert!(Item::new(item.meta(), item.crop()).is_ok());
        }
    }

    #[test]
    fn embeddings_keep_their_direction(vector in prop::collection::vec(-1.0_f32..1.0, 512)) {
        let embedding = Embedding::of(&vector, Sha256([0; 32])).unwrap();
        let dot: f64 = embedding.codes.iter().zip(&vector).map(|(&code, &value)| f64::from(code) * f64::from(value)).sum();
        let length = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
        let lengths = length(&mut embedding.codes.iter().map(|&code| code.into()))
            * length(&mut vector.iter().map(|&value| value.into()));
        prop_assert!(dot / lengths > 0.9999, "cosine {}", dot / lengths);
        prop_assert!((embedding.cosine(&embedding).unwrap() - 1.0).abs() < 1e-6);
    }
}
