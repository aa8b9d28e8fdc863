//! Hostile files: each malformation refused by its own error, no byte trusted, nothing read out of bounds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod gallery;

use gallery::{Gallery, Random};
use proptest::prelude::*;
use shelfscan_index::{BuildOptions, Builder, Error, Index, Scratch};

// Places in the file, from FORMAT.md.
const HEADER: usize = 128;
const RECORD: usize = 384;

/// Three SKUs of 5, 6 and 7 vectors of 40 values: every row has padding, and so have the ids.
fn valid() -> Vec<u8> {
    let mut random = Random::new(3);
    let gallery = Gallery::new(3, 40, &mut random);
    let mut builder = Builder::new(40, [9; 32], BuildOptions::default()).unwrap();
    for (product, id) in ["apple", "berry", "cherry"].into_iter().enumerate() {
        for _ in 0..5 + product {
            builder.add(id, &gallery.photo(product, &mut random)).unwrap();
        }
    }
    builder.build().unwrap()
}

const IDS: usize = HEADER + 3 * RECORD;
const CODES: usize = IDS + 64;
const SIGNS: usize = CODES + 18 * 64;

/// The valid file changed, its length and checksum put right again as an attacker would.
fn forged(change: impl FnOnce(&mut Vec<u8>)) -> Error {
    let mut file = valid();
    change(&mut file);
    seal(&mut file);
    Index::from_bytes(file).expect_err("a forged file must be refused")
}

fn seal(file: &mut [u8]) {
    let length = (file.len() as u64).to_le_bytes();
    file[16..24].copy_from_slice(&length);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&file[..12]);
    hasher.update(&file[16..]);
    file[12..16].copy_from_slice(&hasher.finalize().to_le_bytes());
}

fn put<const N: usize>(file: &mut [u8], offset: usize, value: [u8; N]) {
    file[offset..offset + N].copy_from_slice(&value);
}

#[test]
fn the_valid_file_is_accepted_and_laid_out_as_documented() {
    let file = valid();
    assert_eq!(file.len(), SIGNS + 18 * 8);
    assert_eq!(&file[IDS..IDS + 16], b"appleberrycherry");
    let mut resealed = file.clone();
    seal(&mut resealed);
    assert_eq!(resealed, file);
    let index = Index::from_bytes(file).unwrap();
    assert_eq!((index.len(), index.dim()), (18, 40));
}

#[test]
fn what_is_no_index_is_refused_by_name() {
    assert!(matches!(Index::from_bytes(Vec::new()), Err(Error::Truncated { found: 0, needed: 128 })));
    assert!(matches!(Index::from_bytes(b"\x89SKU".to_vec()), Err(Error::Truncated { .. })));
    assert!(matches!(Index::from_bytes(b"\xFF\xD8\xFF".to_vec()), Err(Error::BadMagic)));
    assert!(matches!(Index::from_bytes(vec![0; 4096]), Err(Error::BadMagic)));
    let mut crlf = valid();
    crlf.remove(4); // CR LF became LF on the way
    assert!(matches!(Index::from_bytes(crlf), Err(Error::BadMagic)));
    let mut other = valid();
    put(&mut other, 8, 2_u32.to_le_bytes());
    assert!(matches!(Index::from_bytes(other), Err(Error::UnsupportedVersion { found: 2 })));
    let mut longer = valid();
    longer.push(0);
    assert!(matches!(Index::from_bytes(longer), Err(Error::LengthMismatch { .. })));
}

#[test]
fn each_field_of_the_header_is_checked() {
    for (offset, field, values) in [
        (24, "dim", [0, 4097, u32::MAX]),
        (28, "skus", [1_000_001, 1 << 31, u32::MAX]),
        (32, "prototypes", [4_000_001, 1 << 31, u32::MAX]),
        (36, "id_bytes", [255_000_001, 1 << 31, u32::MAX]),
        (40, "max_prototypes", [0, 33, u32::MAX]),
    ] {
        for value in values {
            let error = forged(|file| put(file, offset, value.to_le_bytes()));
            assert!(
                matches!(&error, Error::OutOfLimits { field: named, found, .. } if *named == field && *found == value.into()),
                "{error}"
            );
        }
    }
    for value in [f32::NAN, f32::INFINITY, -0.01, 0.21] {
        let error = forged(|file| put(file, 44, value.to_le_bytes()));
        assert!(matches!(error, Error::BadNumber { field: "miss_rate", .. }), "{error}");
    }
    assert!(matches!(forged(|file| file[80] = 1), Error::BadPadding { offset: 80 }));
    assert!(matches!(forged(|file| file[127] = 1), Error::BadPadding { offset: 127 }));
}

#[test]
fn counts_that_do_not_fill_the_file_are_refused() {
    for (offset, value) in [(24, 65_u32), (28, 4), (28, 2), (32, 17), (32, 4_000_000), (36, 65), (36, 255_000_000)] {
        let error = forged(|file| put(file, offset, value.to_le_bytes()));
        assert!(matches!(error, Error::LayoutMismatch { .. }), "{offset} {value}: {error}");
    }
    // Counts that fill the file but are not those of the table.
    let error = forged(|file| put(file, 36, 17_u32.to_le_bytes()));
    assert!(matches!(error, Error::CountMismatch { field: "id_bytes", stated: 17, found: 16 }), "{error}");
    let error = forged(|file| put(file, 36, 15_u32.to_le_bytes()));
    assert!(matches!(error, Error::BadPadding { .. }), "{error}");
    let error = forged(|file| put(file, HEADER + 4, 4_u32.to_le_bytes()));
    assert!(matches!(error, Error::CountMismatch { field: "prototypes", stated: 18, found: 17 }), "{error}");
}

#[test]
fn each_field_of_a_record_is_checked() {
    let second = HEADER + RECORD;
    let out_of_limits = [(0, 0_u32), (0, 256), (4, 0), (4, 9), (8, 5), (8, (1 << 31) + 1)];
    for (offset, value) in out_of_limits {
        let error = forged(|file| put(file, second + offset, value.to_le_bytes()));
        assert!(matches!(error, Error::OutOfLimits { .. }), "{offset} {value}: {error}");
    }
    let error = forged(|file| put(file, second, 200_u32.to_le_bytes()));
    assert!(matches!(error, Error::CountMismatch { field: "id_bytes", .. }), "{error}");
    for (offset, field, values) in
        [(12, "threshold", [f32::NAN, 1.01, f32::NEG_INFINITY]), (16, "min_margin", [f32::NAN, -0.1, 2.1])]
    {
        for value in values {
            let error = forged(|file| put(file, second + offset, value.to_le_bytes()));
            assert!(
                matches!(&error, Error::BadNumber { field: named, of, .. } if *named == field && of == "berry"),
                "{error}"
            );
        }
    }
    assert!(matches!(forged(|file| file[second + 20] = 1), Error::BadPadding { .. }));
    let descending = forged(|file| put(file, second + 64, i16::MAX.to_le_bytes()));
    assert!(matches!(&descending, Error::BadLeftOut { id } if id == "berry"), "{descending}");
    let below = forged(|file| put(file, second + 64, i16::MIN.to_le_bytes()));
    assert!(matches!(below, Error::BadLeftOut { .. }), "{below}");
}

#[test]
fn ids_are_checked() {
    assert!(matches!(forged(|file| file[IDS + 5] = 0xFF), Error::IdNotUtf8 { position: 1 }));
    assert!(matches!(forged(|file| file[IDS] = b'\n'), Error::BadId { .. }));
    assert!(matches!(forged(|file| file[IDS] = b'x'), Error::IdsOutOfOrder { id } if id == "berry"));
    let twice = forged(|file| {
        put(file, HEADER + RECORD, 5_u32.to_le_bytes());
        file[IDS + 5..IDS + 10].copy_from_slice(b"apple");
    });
    assert!(matches!(&twice, Error::DuplicateId { id } if id == "apple"), "{twice}");
}

#[test]
fn rows_are_checked() {
    assert!(matches!(forged(|file| file[CODES] = 0x80), Error::BadPrototype { position: 0 }));
    assert!(matches!(forged(|file| file[CODES + 64 + 40] = 1), Error::BadPrototype { position: 1 }));
    assert!(matches!(forged(|file| file[CODES + 128..CODES + 192].fill(0)), Error::BadPrototype { position: 2 }));
    assert!(matches!(forged(|file| file[SIGNS + 3 * 8] ^= 1), Error::BadSigns { position: 3 }));
    assert!(matches!(forged(|file| file[CODES - 1] = 1), Error::BadPadding { .. }));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let file = valid();
    for offset in 0..file.len() {
        let mut damaged = file.clone();
        damaged[offset] ^= 1 << (offset % 8);
        assert!(Index::from_bytes(damaged).is_err(), "byte {offset}");
    }
}

#[test]
fn every_truncation_is_noticed() {
    let file = valid();
    for length in 0..file.len() {
        assert!(Index::from_bytes(file[..length].to_vec()).is_err(), "{length} bytes");
    }
}

#[test]
fn a_missing_file_and_a_folder_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("none.index"), folder.path().to_owned()] {
        let error = Index::open(&path).unwrap_err();
        assert!(matches!(error, Error::Io { .. }));
        assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
    }
}

#[test]
fn an_empty_file_and_an_index_on_disk_open_as_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skus.index");
    std::fs::write(&path, []).unwrap();
    assert!(matches!(Index::open(&path), Err(Error::Truncated { found: 0, .. })));
    std::fs::write(&path, valid()).unwrap();
    let (mapped, owned) = (Index::open(&path).unwrap(), Index::from_bytes(valid()).unwrap());
    assert!(mapped.prototypes().eq(owned.prototypes()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever is changed with the checksum put right: refused, or an index that can be searched and edited.
    #[test]
    fn a_forged_file_never_panics(
        changes in prop::collection::vec((prop_oneof![0..IDS + 16, 0..SIGNS + 144], prop_oneof![any::<u8>(), Just(0), Just(255)]), 1..6),
        length in prop_oneof![Just(usize::MAX), 0..SIGNS + 144],
    ) {
        let mut file = valid();
        for (offset, value) in changes {
            file[offset] = value;
        }
        file.truncate(length);
        if file.len() >= 24 {
            seal(&mut file);
        }
        if let Ok(index) = Index::from_bytes(file) {
            let query = vec![0.5; index.dim()];
            let mut scratch = Scratch::default();
            let hits = index.search(&query, 3, &mut scratch).unwrap();
            prop_assert!(hits.iter().all(|hit| hit.similarity.abs() <= 1.0001));
            let mut builder = Builder::from_index(&index);
            builder.add("new", &query).unwrap();
            Index::from_bytes(builder.build().unwrap()).unwrap();
        }
    }
}
