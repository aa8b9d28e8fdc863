//! Known drinks keep their names and unknown ones get none, with the thresholds the builder found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod gallery;

use gallery::{Gallery, Random};
use shelfscan_index::{BuildOptions, Builder, Index, Scratch, Verdict};

const DIM: usize = 128;
const KNOWN: usize = 60;
const UNKNOWN: usize = 30;

/// The known drinks are two of every three products and the unknown ones the third, so each has relatives of its own brand
/// among the known; of the places 0..KNOWN + UNKNOWN the known come first.
fn product(place: usize) -> usize {
    if place < KNOWN { place / 2 * 3 + place % 2 } else { (place - KNOWN) * 3 + 2 }
}

/// Shares of the known drinks that are refused and of the unknown that are.
fn refused(index: &Index, gallery: &Gallery, known: std::ops::Range<usize>, random: &mut Random) -> (f64, f64) {
    let mut scratch = Scratch::default();
    let mut share = |places: std::ops::Range<usize>| {
        let (mut refused, mut right) = (0, 0);
        for place in places.clone().cycle().take(places.len() * 40) {
            let hits = index.search(&gallery.photo(product(place), random), 3, &mut scratch).unwrap();
            if place >= KNOWN || hits.best().unwrap().sku.id == Gallery::id(place) {
                right += 1;
                refused += u32::from(hits.verdict() != Verdict::Accepted);
            }
        }
        f64::from(refused) / f64::from(right)
    };
    (share(known), share(KNOWN..KNOWN + UNKNOWN))
}

/// `photos(place)` photos of each known product, a share of them really of another.
fn built(gallery: &Gallery, photos: impl Fn(usize) -> usize, mislabelled: f64, random: &mut Random) -> Index {
    let mut builder = Builder::new(DIM, [0; 32], BuildOptions::default()).unwrap();
    for place in 0..KNOWN {
        for _ in 0..photos(place) {
            let wrong = (random.below(1_000) as f64) < mislabelled * 1_000.0;
            let shown = if wrong { random.below(KNOWN + UNKNOWN) } else { place };
            builder.add(&Gallery::id(place), &gallery.photo(product(shown), random)).unwrap();
        }
    }
    Index::from_bytes(builder.build().unwrap()).unwrap()
}

#[test]
fn known_drinks_are_named_and_unknown_ones_are_not() {
    // Mislabelled photos are the lowest of the left-out similarities, so they loosen the thresholds; and of two photos one is left
    // out, so the thresholds are those of single photos. Few photos are given slack for facings from elsewhere, which this
    // gallery doesn't have.
    let galleries = [(40, 0.0, 0.95), (40, 0.02, 0.85), (12, 0.0, 0.93), (5, 0.0, 0.8), (3, 0.0, 0.68), (2, 0.0, 0.4)];
    for (photos, mislabelled, least) in galleries {
        let mut random = Random::new(21);
        let gallery = Gallery::new(KNOWN + UNKNOWN, DIM, &mut random);
        let index = built(&gallery, |_| photos, mislabelled, &mut random);
        let (known, unknown) = refused(&index, &gallery, 0..KNOWN, &mut random);
        println!(
            "{photos} photos, {mislabelled} mislabelled: refused {known:.4} of known, {unknown:.4} of unknown drinks"
        );
        assert!(known <= 0.04, "{photos} photos, {mislabelled} mislabelled: {known} of known drinks refused");
        assert!(unknown >= least, "{photos} photos, {mislabelled} mislabelled: {unknown} of unknown drinks refused");
    }
}

#[test]
fn a_drink_enrolled_with_few_photos_is_named_too() {
    for photos in [1, 2, 3, 5] {
        let mut random = Random::new(22);
        let gallery = Gallery::new(KNOWN + UNKNOWN, DIM, &mut random);
        let index = built(&gallery, |place| if place < 50 { 30 } else { photos }, 0.0, &mut random);
        let (old, unknown) = refused(&index, &gallery, 0..50, &mut random);
        let (new, _) = refused(&index, &gallery, 50..KNOWN, &mut random);
        println!("{photos} photos: refused {new:.4} of new, {old:.4} of old, {unknown:.4} of unknown drinks");
        assert!(new <= 0.06 && old <= 0.04, "{photos} photos: {new} of new, {old} of old drinks refused");
        assert!(unknown >= 0.8, "{photos} photos: {unknown} of unknown drinks refused");
    }
}

#[test]
fn the_same_product_under_two_ids_is_still_named() {
    let mut random = Random::new(23);
    let gallery = Gallery::new(KNOWN + UNKNOWN, DIM, &mut random);
    let mut builder = Builder::from_index(&built(&gallery, |_| 30, 0.0, &mut random));
    for _ in 0..30 {
        builder.add("again", &gallery.photo(0, &mut random)).unwrap();
    }
    let index = Index::from_bytes(builder.build().unwrap()).unwrap();
    let (one, two) = (index.sku("again").unwrap(), index.sku(&Gallery::id(0)).unwrap());
    assert!(one.min_margin < 0.01 && two.min_margin < 0.01, "{one:?} {two:?}");
    let mut scratch = Scratch::default();
    let mut refused = 0;
    for _ in 0..400 {
        let hits = index.search(&gallery.photo(0, &mut random), 3, &mut scratch).unwrap();
        refused += u32::from(hits.verdict() != Verdict::Accepted);
    }
    assert!(refused <= 400 / 12, "{refused} of 400");
}

#[test]
fn a_higher_miss_rate_refuses_more() {
    let mut random = Random::new(24);
    let gallery = Gallery::new(KNOWN + UNKNOWN, DIM, &mut random);
    let thresholds = |miss_rate| {
        let mut random = Random::new(25);
        let mut builder = Builder::new(DIM, [0; 32], BuildOptions { miss_rate, ..BuildOptions::default() }).unwrap();
        for product in 0..KNOWN {
            for _ in 0..30 {
                builder.add(&Gallery::id(product), &gallery.photo(product, &mut random)).unwrap();
            }
        }
        let index = Index::from_bytes(builder.build().unwrap()).unwrap();
        index.skus().map(|sku| sku.threshold).collect::<Vec<_>>()
    };
    let (few, many) = (thresholds(0.005), thresholds(0.1));
    assert!(few.iter().zip(&many).all(|(few, many)| few < many));
}
