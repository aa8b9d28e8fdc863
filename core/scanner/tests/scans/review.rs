//! From a scan to items that a person can judge.

use std::collections::BTreeMap;

use shelfscan::protocol::{Label, Reason, Sha256};
use shelfscan::queue::Policy;
use shelfscan::{Capture, DecodeLimits, Facing, ReviewError, ScanOptions, decode};

use crate::bundle::{scanner, small_photo};

fn capture(bytes: &[u8]) -> Capture {
    let tags = BTreeMap::from([("store".to_owned(), "17".to_owned())]);
    Capture { photo: Sha256::of(bytes), captured_at: 1_790_000_000_000, tags }
}

/// All facings are worth a look.
fn curious() -> Policy {
    Policy { random_share: 1.0, min_side: 0.0, ..Policy::default() }
}

#[test]
fn each_uncertain_facing_becomes_an_item() {
    let scanner = scanner(2);
    let photo = small_photo();
    let options = ScanOptions::default();
    let result = scanner.scan_file(&photo, &options).unwrap();
    assert!(!result.facings.is_empty());
    let items = scanner.uncertain_in_file(&photo, &result, &options, &capture(&photo), &curious(), 1000).unwrap();
    assert_eq!(items.len(), result.facings.len());
    let reasons: Vec<Reason> = items.iter().map(|item| item.meta().reason).collect();
    assert!(reasons.is_sorted(), "those worth most come first: {reasons:?}");

    let decoded = decode(&photo, &DecodeLimits::default()).unwrap();
    let view = decoded.view().unwrap();
    let mut alike = 0;
    for item in &items {
        let meta = item.meta();
        let facing = result.facings.iter().find(|facing| facing.rect == meta.facing.rect).unwrap();
        assert_eq!((&meta.sku, meta.facing.score), (&facing.sku, facing.score));
        assert_eq!((meta.photo.width, meta.photo.height), (result.width, result.height));
        assert_eq!(meta.bundle.index.to_string()[..12], result.bundle.index);
        let crop = decode(item.crop(), &DecodeLimits::default()).unwrap();
        assert_eq!(crop.view().unwrap().upright_size(), item.crop_size());
        let [left, top, right, bottom] = meta.facing.box_in_crop;
        let in_crop = shelfscan::Rect::new(left, top, right, bottom);
        let in_photo = shelfscan::Rect::new(facing.rect[0], facing.rect[1], facing.rect[2], facing.rect[3]);
        let named = |view, rect| scanner.name_boxes(view, &[rect], &options).unwrap().remove(0);
        let (there, here) = (named(view, in_photo), named(crop.view().unwrap(), in_crop));
        alike += usize::from(there.candidates[0].sku == here.candidates[0].sku);
    }
    // What the crop's box shows is what the photo's box shows; the JPEG may turn a close decision.
    assert!(4 * alike >= 3 * items.len(), "{alike} of {} crops are taken for the same as in the photo", items.len());
    let few = scanner.uncertain_in_file(&photo, &result, &options, &capture(&photo), &curious(), 2).unwrap();
    assert_eq!(few, items[..2.min(items.len())]);
}

#[test]
fn a_photo_without_uncertain_facings_is_not_decoded_again() {
    let scanner = scanner(1);
    let photo = small_photo();
    let options = ScanOptions::default();
    let mut result = scanner.scan_file(&photo, &options).unwrap();
    result.facings.clear();
    let items = scanner.uncertain_in_file(b"no photo", &result, &options, &capture(&photo), &curious(), 9).unwrap();
    assert!(items.is_empty());
}

#[test]
fn a_correction_says_what_the_person_said() {
    let scanner = scanner(1);
    let photo = small_photo();
    let options = ScanOptions::default();
    let facing = scanner.scan_file(&photo, &options).unwrap().facings.remove(0);
    let correct =
        |facing: &Facing, label: Label| scanner.corrected_in_file(&photo, &options, facing, label, &capture(&photo));
    let label = Label::NewSku { name: "Almdudler".into(), container: None, barcode: None };
    let item = correct(&facing, label.clone()).unwrap();
    assert_eq!((item.meta().reason, &item.meta().correction), (Reason::Corrected, &Some(label)));
    assert!(item.meta().embedding.is_some());

    let nameless = correct(&facing, Label::NewSku { name: String::new(), container: None, barcode: None });
    assert!(matches!(&nameless, Err(ReviewError::Item(_))), "{nameless:?}");
    for rect in [[-9.0, -9.0, 0.0, 0.0], [f32::NAN, 0.0, 9.0, 9.0], [1e9, 1e9, 2e9, 2e9], [9.0, 9.0, 3.0, 3.0]] {
        let outside = correct(&Facing { rect, ..facing.clone() }, Label::NotAProduct);
        assert!(matches!(&outside, Err(ReviewError::Crop(_))), "{rect:?}: {outside:?}");
    }
}
