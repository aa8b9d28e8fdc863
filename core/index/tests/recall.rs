//! How rarely the filter of sign bits overlooks what comparing every prototype finds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod gallery;

use gallery::{Gallery, Random};
use shelfscan_index::{BuildOptions, Builder, Hits, Index, Method, Scratch, Verdict};

const DIM: usize = 512;
const PRODUCTS: usize = 500;
const QUERIES: usize = 2_000;

/// How a filtered search compares with the exact one over many queries.
#[derive(Debug)]
struct Agreement {
    /// Share of queries with the same best SKU.
    best: f64,
    /// Share of queries with the same answer: the same SKU, or unknown.
    answer: f64,
}

fn agreement(index: &Index, queries: &[Vec<f32>]) -> Agreement {
    let (mut best, mut answer) = (0, 0);
    let (mut a, mut b) = (Scratch::default(), Scratch::default());
    for query in queries {
        let exact = index.search_by(Method::Exact, query, 3, &mut a).unwrap();
        let filtered = index.search_by(Method::Filtered, query, 3, &mut b).unwrap();
        let named =
            |hits: Hits<'_, '_>| (hits.verdict() == Verdict::Accepted).then(|| hits.best().unwrap().sku.position);
        best += u32::from(exact.best() == filtered.best());
        answer += u32::from(named(exact) == named(filtered));
    }
    let share = |count| f64::from(count) / queries.len() as f64;
    Agreement { best: share(best), answer: share(answer) }
}

#[test]
fn the_filter_finds_what_the_exact_search_finds() {
    let mut random = Random::new(11);
    // Photos at a cosine of about 0.9 to their product, and of about 0.7, worse than any shelf.
    for spread in [0.5, 1.0] {
        let gallery = Gallery::new(PRODUCTS + 100, DIM, &mut random).with_spread(spread);
        let mut builder = Builder::new(DIM, [0; 32], BuildOptions::default()).unwrap();
        for product in 0..PRODUCTS {
            for _ in 0..8 {
                builder.add(&Gallery::id(product), &gallery.photo(product, &mut random)).unwrap();
            }
        }
        let index = Index::from_bytes(builder.build().unwrap()).unwrap();
        assert_eq!(index.len(), PRODUCTS * 8);

        let known: Vec<Vec<f32>> = (0..QUERIES).map(|_| gallery.photo(random.below(PRODUCTS), &mut random)).collect();
        let found = agreement(&index, &known);
        println!("spread {spread}, known drinks: {found:?}");
        assert!(found.best >= 0.999 && found.answer >= 0.999, "{found:?}");

        // Which of many far SKUs is the nearest may differ; that the drink is unknown may not.
        let unknown: Vec<Vec<f32>> =
            (0..QUERIES).map(|_| gallery.photo(PRODUCTS + random.below(100), &mut random)).collect();
        let found = agreement(&index, &unknown);
        println!("spread {spread}, unknown drinks: {found:?}");
        assert!(found.answer >= 0.999, "{found:?}");
    }
}
