//! Scans against what is known to stand on the shelf: that what was accepted as golden is also right.

use std::fs;
use std::path::Path;

use serde_json::Value;
use shelfscan::{Facing, Rect, ScanOptions, ScanResult};

use crate::bundle::{Picture, root, sample_scanner, scanner};

/// Largest share of the facings found that may have a wrong name. Unknown is no wrong name.
const MISNAMED: f64 = 0.05;

/// What a scan found of what there is.
#[derive(Debug, Default)]
struct Tally {
    there: usize,
    found: usize,
    /// Of those found: SKUs that the index knows.
    known: usize,
    /// Of those: called by their name.
    named: usize,
    /// Of those: called by another's name, which is worse than unknown.
    misnamed: usize,
    /// Facings found where there is none.
    invented: usize,
}

impl Tally {
    fn add(&mut self, truth: &[(Rect, String)], result: &ScanResult, knows: impl Fn(&str) -> bool) {
        let rect = |facing: &Facing| Rect::new(facing.rect[0], facing.rect[1], facing.rect[2], facing.rect[3]);
        let mut left: Vec<&Facing> = result.facings.iter().collect();
        self.there += truth.len();
        for (there, sku) in truth {
            let nearest = (0..left.len())
                .max_by(|&a, &b| rect(left[a]).iou(there).total_cmp(&rect(left[b]).iou(there)))
                .filter(|&nearest| rect(left[nearest]).iou(there) >= 0.5);
            let Some(nearest) = nearest else { continue };
            let facing = left.swap_remove(nearest);
            self.found += 1;
            if knows(sku) {
                self.known += 1;
                self.named += usize::from(facing.sku.as_ref() == Some(sku));
            }
            self.misnamed += usize::from(facing.sku.as_ref().is_some_and(|named| named != sku));
        }
        self.invented += left.len();
    }

    /// `found`: least share of the facings found, and 1 less the largest share invented. `named`: least share of those known.
    /// However few are named, hardly one may have a wrong name.
    fn assert(&self, found: f64, named: f64) {
        println!("{self:?}");
        let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
        assert!(self.there > 0);
        assert!(share(self.found, self.there) >= found, "too few facings found: {self:?}");
        assert!(share(self.invented, self.there) <= 1.0 - found, "too many facings invented: {self:?}");
        assert!(share(self.named, self.known) >= named, "too few facings named: {self:?}");
        assert!(share(self.misnamed, self.found) <= MISNAMED, "too many facings misnamed: {self:?}");
    }
}

#[test]
fn the_sample_shelf_is_counted_right() {
    let truth = fs::read(root().join("models/sample/truth.json")).unwrap();
    let truth: Value = serde_json::from_slice(&truth).unwrap();
    let facing = |facing: &Value| {
        let [left, top, right, bottom]: [f32; 4] = serde_json::from_value(facing["box"].clone()).unwrap();
        (Rect::new(left, top, right, bottom), facing["sku"].as_str().unwrap().to_owned())
    };
    let facings: Vec<_> = truth["facings"].as_array().unwrap().iter().map(facing).collect();
    let scanner = sample_scanner();
    let result = scanner.scan(Picture::sample().view(), &ScanOptions::default()).unwrap();
    let mut tally = Tally::default();
    tally.add(&facings, &result, |sku| scanner.bundle().index().sku(sku).is_some());
    tally.assert(0.95, 0.75);
}

/// Every seventh of the fridge photos that were kept out of training.
#[test]
fn photos_of_a_real_fridge_are_counted_right() {
    let fridge = root().join("../shared/data/fridge");
    let Ok(photos) = fs::read_dir(fridge.join("images/val")) else {
        println!("SKIPPED: counts of real photos, no photos at ../shared/data/fridge/images/val");
        return;
    };
    let mut photos: Vec<_> = photos.map(|photo| photo.unwrap().path()).collect();
    photos.sort();
    let scanner = scanner(2);
    let mut tally = Tally::default();
    for photo in photos.iter().step_by(7) {
        let result = scanner.scan_file(&fs::read(photo).unwrap(), &ScanOptions::default()).unwrap();
        let labels = fridge.join("labels/val").join(photo.file_stem().unwrap()).with_extension("txt");
        let truth = labelled(&labels, result.width as f32, result.height as f32);
        tally.add(&truth, &result, |sku| scanner.bundle().index().sku(sku).is_some());
    }
    tally.assert(0.85, 0.8);
}

/// Lines of SKU, container, and the box's centre and size in shares of the photo.
fn labelled(path: &Path, width: f32, height: f32) -> Vec<(Rect, String)> {
    let text = fs::read_to_string(path).unwrap();
    let facing = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [x, y, w, h] = [2, 3, 4, 5].map(|field| fields[field].parse::<f32>().unwrap());
        let rect =
            Rect::new((x - w / 2.0) * width, (y - h / 2.0) * height, (x + w / 2.0) * width, (y + h / 2.0) * height);
        (rect, fields[0].to_owned())
    };
    text.lines().map(facing).collect()
}
