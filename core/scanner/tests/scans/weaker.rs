//! What a judge sees besides a scan changes nothing of the scan.

use shelfscan::{Rect, ScanOptions};

use crate::bundle::{Picture, sample_scanner, scanner};

#[test]
fn facings_are_those_of_a_scan_and_the_rest_is_weaker() {
    let scanner = scanner(2);
    let photo = Picture::sample();
    // The first is looked at as a whole, the second in tiles.
    for part in [[300, 600, 1800, 2100], [0, 0, photo.width, photo.height]] {
        let options = ScanOptions::default();
        let alone = scanner.scan(photo.part(part), &options).unwrap();
        let (facings, weaker) = scanner.scan_and_weaker(photo.part(part), &options, 0.01).unwrap();
        assert_eq!(serde_json::to_string(&alone).unwrap(), serde_json::to_string(&facings).unwrap());
        let confidence = scanner.bundle().manifest().thresholds.confidence;
        assert!(!weaker.is_empty() && weaker.iter().all(|weaker| (0.01..=confidence).contains(&weaker.score)));
        assert!(weaker.windows(2).all(|pair| pair[0].score >= pair[1].score), "best first");
    }
}

#[test]
fn a_given_box_is_named_as_the_same_facing_is() {
    let scanner = sample_scanner();
    let photo = Picture::sample();
    let part = [0, 0, photo.width, photo.height];
    let options = ScanOptions::default();
    let result = scanner.scan(photo.part(part), &options).unwrap();
    let rect = |[left, top, right, bottom]: [f32; 4]| Rect::new(left, top, right, bottom);
    let boxes: Vec<Rect> = result.facings.iter().map(|facing| rect(facing.rect)).collect();
    let named = scanner.name_boxes(photo.part(part), &boxes, &options).unwrap();
    assert_eq!(named.len(), boxes.len());
    // A result's boxes are rounded to a tenth of a pixel, so a similarity may move in the third decimal.
    for (facing, named) in result.facings.iter().zip(&named) {
        assert!((facing.similarity - named.similarity).abs() < 0.03, "{} and {}", facing.similarity, named.similarity);
    }
    let same = result.facings.iter().zip(&named).filter(|(facing, named)| facing.sku == named.sku).count();
    assert!(same * 100 >= boxes.len() * 95, "{same} of {}", boxes.len());
}
