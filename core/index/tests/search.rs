//! What a search finds, against the plain cosine of the prototypes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod gallery;

use gallery::{Gallery, Random};
use proptest::prelude::*;
use shelfscan_index::{BuildOptions, Builder, Error, Index, Method, Scratch, Verdict};

fn index(dim: usize, products: usize, random: &mut Random) -> (Index, Gallery) {
    let gallery = Gallery::new(products, dim, random);
    let mut builder = Builder::new(dim, [0; 32], BuildOptions::default()).unwrap();
    for product in 0..products {
        for _ in 0..1 + random.below(12) {
            builder.add(&Gallery::id(product), &gallery.photo(product, random)).unwrap();
        }
    }
    (Index::from_bytes(builder.build().unwrap()).unwrap(), gallery)
}

/// A SKU, the best cosine of its prototypes, and the likeness of the formula.
struct Plain {
    id: String,
    similarity: f32,
    likeness: f32,
}

/// The SKUs by the best cosine of their prototypes, the most alike first.
fn plain(index: &Index, query: &[f32]) -> Vec<Plain> {
    let query = gallery::normalized(query.to_vec());
    let cosine = |other: &[f32]| other.iter().zip(&query).map(|(a, b)| a * b).sum::<f32>();
    let of_sku = |id: &str| -> Vec<Vec<f32>> {
        index.prototypes().filter(|(own, _)| *own == id).map(|(_, prototype)| prototype).collect()
    };
    let plain = |id: &str| {
        let prototypes = of_sku(id);
        let similarity = prototypes.iter().map(|prototype| cosine(prototype)).fold(-1.0, f32::max);
        let mut middle = vec![0.0; query.len()];
        for prototype in &prototypes {
            middle.iter_mut().zip(prototype).for_each(|(sum, value)| *sum += value);
        }
        let likeness = (similarity + 2.0 * cosine(&gallery::normalized(middle))) / 3.0;
        Plain { id: id.to_owned(), similarity, likeness }
    };
    let mut all: Vec<Plain> = index.skus().map(|sku| plain(sku.id)).collect();
    all.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hits_are_the_best_skus_in_order(seed: u64, dim in 2..300_usize, products in 1..40_usize, k in 0..50_usize, exact: bool) {
        let mut random = Random::new(seed);
        let (index, gallery) = index(dim, products, &mut random);
        let query = gallery.photo(random.below(products), &mut random);
        let expected = plain(&index, &query);
        let method = if exact { Method::Exact } else { Method::Filtered };
        let mut scratch = Scratch::default();
        let hits = index.search_by(method, &query, k, &mut scratch).unwrap();

        prop_assert_eq!(hits.iter().len(), k.min(products));
        for (place, hit) in hits.iter().enumerate() {
            // The query is rounded to int8 as well: similarities within 0.01, order where it is clearer than that.
            let own = expected.iter().find(|plain| plain.id == hit.sku.id).unwrap();
            prop_assert!((hit.similarity - own.similarity).abs() < 0.02, "{hit:?} {}", own.similarity);
            let likeness = if place < 8 { own.likeness } else { own.similarity };
            prop_assert!((hit.likeness - likeness).abs() < 0.03, "{hit:?} {likeness}");
            let least = expected[7.max(place).min(products - 1)].similarity;
            prop_assert!(own.similarity > least - 0.02, "{hit:?} is not among the nearest");
            prop_assert_eq!(index.prototypes().nth(hit.prototype).unwrap().0, hit.sku.id);
        }
        let likeness: Vec<f32> = hits.iter().take(8).map(|hit| hit.likeness).collect();
        prop_assert!(likeness.is_sorted_by(|a, b| a >= b));
        prop_assert!(hits.iter().skip(8).is_sorted_by(|a, b| a.similarity >= b.similarity));
        let mut ids: Vec<_> = hits.iter().map(|hit| hit.sku.position).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), k.min(products), "each SKU once");
        prop_assert_eq!(hits.margin().is_some(), products > 1);
        prop_assert!(hits.margin().is_none_or(|margin| (0.0..=2.0).contains(&margin)));
    }

    #[test]
    fn the_answer_does_not_depend_on_k_or_on_earlier_searches(seed: u64, first in 0..30_usize, second in 0..30_usize) {
        let mut random = Random::new(seed);
        let (index, gallery) = index(64, 20, &mut random);
        let (a, b) = (gallery.photo(3, &mut random), gallery.photo(5, &mut random));
        let (mut used, mut fresh) = (Scratch::default(), Scratch::default());
        index.search(&a, first, &mut used).unwrap();
        let again = index.search(&b, first, &mut used).unwrap();
        let alone = index.search(&b, second, &mut fresh).unwrap();
        prop_assert_eq!(again.best(), alone.best());
        prop_assert_eq!(again.margin(), alone.margin());
        prop_assert_eq!(again.verdict(), alone.verdict());
        let both = first.min(second);
        prop_assert!(again.iter().take(both).eq(alone.iter().take(both)));
    }
}

#[test]
fn equals_are_given_in_the_order_of_the_index() {
    let mut builder = Builder::new(2, [0; 32], BuildOptions::default()).unwrap();
    for id in ["b", "a", "c"] {
        builder.add(id, &[1.0, 0.0]).unwrap();
    }
    let index = Index::from_bytes(builder.build().unwrap()).unwrap();
    let mut scratch = Scratch::default();
    let hits = index.search(&[5.0, 0.0], 3, &mut scratch).unwrap();
    assert_eq!(hits.iter().map(|hit| hit.sku.id).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(hits.margin(), Some(0.0));
    assert!((hits.best().unwrap().similarity - 1.0).abs() < 1e-6);
}

#[test]
fn verdicts_say_why() {
    let mut builder = Builder::new(4, [0; 32], BuildOptions::default()).unwrap();
    let mut scratch = Scratch::default();
    let empty = Index::from_bytes(builder.build().unwrap()).unwrap();
    let hits = empty.search(&[1.0, 0.0, 0.0, 0.0], 3, &mut scratch).unwrap();
    assert_eq!((hits.verdict(), hits.iter().len(), hits.margin()), (Verdict::EmptyIndex, 0, None));

    for place in 0..40 {
        let aside = 0.01 * place as f32;
        builder.add("cola", &[1.0, aside, 0.0, 0.0]).unwrap();
        builder.add("soda", &[0.0, 0.0, 1.0, aside]).unwrap();
    }
    let index = Index::from_bytes(builder.build().unwrap()).unwrap();
    let cola = index.sku("cola").unwrap();
    assert!(cola.threshold > 0.9 && cola.min_margin > 0.05, "{cola:?}");
    let mut verdict = |query: [f32; 4]| index.search(&query, 1, &mut scratch).unwrap().verdict();
    assert_eq!(verdict([1.0, 0.1, 0.0, 0.0]), Verdict::Accepted);
    assert!(matches!(verdict([1.0, 0.1, 0.8, 0.0]), Verdict::BelowThreshold { similarity, threshold }
        if threshold == cola.threshold && similarity < threshold));
    assert!(matches!(verdict([0.0, 1.0, 0.0, 0.0]), Verdict::BelowThreshold { .. }));
    assert_eq!(
        Verdict::Ambiguous { margin: 0.0123, needed: 0.05 }.to_string(),
        "unknown: leads the second SKU by 0.012, 0.050 is needed"
    );
}

#[test]
fn a_lead_that_is_too_small_is_ambiguous() {
    // One product far from the rest of the index, one photo of another that is nearly as like it as its own.
    let mut random = Random::new(5);
    let gallery = Gallery::new(12, 256, &mut random).with_spread(0.3);
    let mut builder = Builder::new(256, [0; 32], BuildOptions::default()).unwrap();
    for product in [0, 6] {
        for _ in 0..30 {
            builder.add(&Gallery::id(product), &gallery.photo(product, &mut random)).unwrap();
        }
    }
    let index = Index::from_bytes(builder.build().unwrap()).unwrap();
    let between: Vec<f32> = gallery.products[0].iter().zip(&gallery.products[6]).map(|(a, b)| a + 0.99 * b).collect();
    // Sees that the verdict follows the stored limits, whichever of them refuses the mixture first.
    let mut scratch = Scratch::default();
    let hits = index.search(&between, 2, &mut scratch).unwrap();
    let (best, margin) = (hits.best().unwrap(), hits.margin().unwrap());
    assert!(margin < best.sku.min_margin, "{margin} {best:?}");
    match hits.verdict() {
        Verdict::BelowThreshold { .. } => assert!(best.similarity < best.sku.threshold),
        Verdict::Ambiguous { needed, .. } => assert!(best.similarity >= best.sku.threshold && needed > margin),
        other => panic!("{other:?}"),
    }
}

#[test]
fn queries_without_direction_are_refused_by_name() {
    let (index, _) = index(32, 4, &mut Random::new(1));
    let mut scratch = Scratch::default();
    let mut refusal = |query: &[f32]| index.search(query, 3, &mut scratch).unwrap_err();
    assert!(matches!(refusal(&[0.0; 32]), Error::ZeroVector));
    assert!(matches!(refusal(&[1.0; 31]), Error::WrongDim { expected: 32, found: 31 }));
    assert!(matches!(refusal(&[f32::NEG_INFINITY; 32]), Error::NotFinite { position: 0, .. }));
}

#[test]
fn threads_share_an_index() {
    let mut random = Random::new(2);
    let (index, gallery) = index(128, 200, &mut random);
    let queries: Vec<Vec<f32>> = (0..200).map(|product| gallery.photo(product, &mut random)).collect();
    let search = || -> Vec<_> {
        let mut scratch = Scratch::default();
        queries.iter().map(|query| index.search(query, 3, &mut scratch).unwrap().best()).collect()
    };
    let alone = search();
    std::thread::scope(|scope| {
        for thread in [scope.spawn(search), scope.spawn(search)] {
            assert!(thread.join().unwrap() == alone);
        }
    });
}
