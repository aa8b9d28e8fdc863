//! Building and editing: the same content gives the same bytes, however it came about.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod gallery;

use gallery::{Gallery, Random};
use proptest::prelude::*;
use shelfscan_index::{BuildOptions, Builder, Error, Index};

const DIM: usize = 24;

fn builder() -> Builder {
    Builder::new(DIM, [1; 32], BuildOptions { max_prototypes: 4, ..BuildOptions::default() }).unwrap()
}

/// Up to six SKUs with 1 to 30 photos each: all kept, condensed, and enough for the pool of large SKUs.
fn photos() -> impl Strategy<Value = Vec<(String, Vec<f32>)>> {
    (prop::collection::vec(1..30_usize, 1..6), any::<u64>()).prop_map(|(counts, seed)| {
        let mut random = Random::new(seed);
        let gallery = Gallery::new(counts.len(), DIM, &mut random);
        let skus = counts.into_iter().enumerate();
        skus.flat_map(|(product, count)| vec![product; count])
            .map(|product| (Gallery::id(product), gallery.photo(product, &mut random)))
            .collect()
    })
}

fn built<'a>(photos: impl IntoIterator<Item = &'a (String, Vec<f32>)>) -> Vec<u8> {
    let mut builder = builder();
    for (id, vector) in photos {
        builder.add(id, vector).unwrap();
    }
    builder.build().unwrap()
}

proptest! {
    #[test]
    fn the_order_of_adding_does_not_matter(photos in photos(), seed: u64) {
        let mut shuffled = photos.clone();
        let mut random = Random::new(seed);
        for place in (1..shuffled.len()).rev() {
            shuffled.swap(place, random.below(place + 1));
        }
        prop_assert_eq!(built(&photos), built(&shuffled));
    }

    #[test]
    fn a_photo_added_twice_counts_once(photos in photos()) {
        prop_assert_eq!(built(&photos), built(photos.iter().chain(&photos)));
    }

    /// What a phone does with the SKUs that changed in the office.
    #[test]
    fn skus_taken_over_are_as_if_added_here(photos in photos(), before: u64, after: u64) {
        let some = |mask: u64| photos.iter().filter(move |(id, _)| mask >> (id.bytes().map(u32::from).sum::<u32>() % 64) & 1 == 1);
        // Of some SKUs the office has more photos than it had.
        let old = Index::from_bytes(built(some(before).step_by(2))).unwrap();
        let new = Index::from_bytes(built(some(after))).unwrap();
        let changed: Vec<&str> = new.skus().map(|sku| sku.id).filter(|id| !new.agrees_on(id, &old)).collect();
        let mut part = Builder::from_index(&new);
        part.retain(|id| changed.contains(&id));
        let part = Index::from_bytes(part.build().unwrap()).unwrap();
        let mut phone = Builder::from_index(&old);
        phone.retain(|id| new.sku(id).is_some());
        phone.take_over(&part).unwrap();
        prop_assert_eq!(phone.build().unwrap(), built(some(after)));
    }

    #[test]
    fn an_index_written_again_is_the_same(photos in photos()) {
        let bytes = built(&photos);
        let index = Index::from_bytes(bytes.clone()).unwrap();
        prop_assert_eq!(Builder::from_index(&index).build().unwrap(), bytes);
    }

    #[test]
    fn removed_is_never_added(photos in photos(), which: prop::sample::Index) {
        let id = which.get(&photos).0.clone();
        let others: Vec<_> = photos.iter().filter(|(other, _)| *other != id).collect();
        let never = built(others.iter().copied());

        let index = Index::from_bytes(built(&photos)).unwrap();
        let mut editor = Builder::from_index(&index);
        editor.remove(&id).unwrap();
        prop_assert_eq!(&editor.build().unwrap(), &never);
        let refused = matches!(editor.remove(&id), Err(Error::UnknownSku { .. }));
        prop_assert!(refused);

        // ... and added later is there from the start.
        let mut editor = Builder::from_index(&Index::from_bytes(never).unwrap());
        for (_, vector) in photos.iter().filter(|(other, _)| *other == id) {
            editor.add(&id, vector).unwrap();
        }
        prop_assert_eq!(editor.build().unwrap(), built(&photos));
    }

    #[test]
    fn a_sku_that_kept_all_its_photos_takes_more(photos in photos()) {
        let index = Index::from_bytes(built(&photos)).unwrap();
        for sku in index.skus() {
            let mut editor = Builder::from_index(&index);
            let more: Vec<f32> = (0..DIM).map(|value| value as f32 - 3.5).collect();
            let added = editor.add(sku.id, &more);
            if sku.samples as usize == sku.prototypes {
                added.unwrap();
                let together = photos.iter().cloned().chain([(sku.id.to_owned(), more)]).collect::<Vec<_>>();
                prop_assert_eq!(editor.build().unwrap(), built(&together));
            } else {
                let refused = matches!(added, Err(Error::SkuIsCondensed { samples, .. }) if samples == sku.samples);
                prop_assert!(refused);
            }
        }
    }
}

#[test]
fn an_index_without_skus_is_an_index() {
    let index = Index::from_bytes(builder().build().unwrap()).unwrap();
    assert!(index.is_empty());
    assert_eq!((index.len(), index.dim(), index.embedder_sha256()), (0, DIM, &[1; 32]));
    assert_eq!(Builder::from_index(&index).build().unwrap(), builder().build().unwrap());
}

#[test]
fn what_can_not_be_indexed_is_refused_by_name() {
    for dim in [0, 4097] {
        assert!(
            matches!(Builder::new(dim, [0; 32], BuildOptions::default()), Err(Error::BadDim { found }) if found == dim)
        );
    }
    for options in [
        BuildOptions { max_prototypes: 0, ..BuildOptions::default() },
        BuildOptions { max_prototypes: 33, ..BuildOptions::default() },
        BuildOptions { miss_rate: f32::NAN, ..BuildOptions::default() },
        BuildOptions { miss_rate: 0.3, ..BuildOptions::default() },
    ] {
        assert!(matches!(Builder::new(8, [0; 32], options), Err(Error::BadOption { .. })));
    }
    let mut builder = builder();
    let good = [1.0; DIM];
    for id in ["", "a\nb", "\u{7f}", &"x".repeat(256)] {
        assert!(matches!(builder.add(id, &good), Err(Error::BadId { .. })), "{id:?}");
    }
    assert!(matches!(builder.add("a", &good[1..]), Err(Error::WrongDim { expected: 24, found: 23 })));
    assert!(matches!(builder.add("a", &[0.0; DIM]), Err(Error::ZeroVector)));
    assert!(matches!(builder.add("a", &[f32::NAN; DIM]), Err(Error::NotFinite { position: 0, .. })));
    assert_eq!(builder.ids().count(), 0, "a refused vector leaves no SKU behind");
    builder.add(&"\u{e9}".repeat(127), &good).unwrap();
}

#[test]
fn an_open_index_keeps_what_it_was_opened_with() {
    let folder = tempfile::tempdir().unwrap();
    let (path, beside) = (folder.path().join("skus.index"), folder.path().join("skus.index.new"));
    let mut builder = builder();
    builder.add("a", &[1.0; DIM]).unwrap();
    std::fs::write(&path, builder.build().unwrap()).unwrap();
    let old = Index::open(&path).unwrap();
    builder.remove("a").unwrap();
    std::fs::write(&beside, builder.build().unwrap()).unwrap();
    std::fs::rename(&beside, &path).unwrap();
    assert_eq!(old.prototypes().count(), 1);
    assert!(Index::open(&path).unwrap().is_empty());
    assert!(matches!(Index::open(&beside), Err(Error::Io { path, .. }) if path == beside));
}
