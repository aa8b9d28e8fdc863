//! Labels come back: what the office knows, the phone knows after a delta, to the byte; and nothing is half known.

use std::fs;
use std::path::{Path, PathBuf};

use shelfscan::protocol::{Delta, SecretKey, Sha256};
use shelfscan::{Bundle, Cancel, Catalogue, DeltaFault, SkuEntry, Subject};
use tempfile::TempDir;

use crate::bundle::{root, shipped};

/// A copy of the shipped bundle.
fn copy() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(shipped()).unwrap() {
        let entry = entry.unwrap();
        fs::write(folder.path().join(entry.file_name()), fs::read(entry.path()).unwrap()).unwrap();
    }
    folder
}

fn catalogue(folder: &TempDir) -> Catalogue {
    Catalogue::of(Bundle::open(folder.path(), 1).unwrap())
}

fn index(folder: &TempDir) -> Vec<u8> {
    fs::read(folder.path().join("skus.index")).unwrap()
}

/// Adds a product of the sample's gallery.
fn enrol(catalogue: &mut Catalogue, product: &str) {
    let mut pictures: Vec<PathBuf> = fs::read_dir(root().join("models/sample/gallery").join(product))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    pictures.sort();
    let embedded = catalogue.models().embed_pictures(&pictures[..3], Subject::Whole, &Cancel::new(), || ()).unwrap();
    let embeddings: Vec<Vec<f32>> = embedded.into_iter().map(|embedding| embedding.unwrap()).collect();
    let sku = SkuEntry { id: product.into(), name: product.to_uppercase(), container: None, barcode: None };
    catalogue.enrol(sku, &embeddings).unwrap();
}

/// The delta from what the phone says it has, over the wire.
fn delta(office: &TempDir, phone: &TempDir) -> Delta {
    let (phone, office) = (Bundle::open(phone.path(), 1).unwrap(), Bundle::open(office.path(), 1).unwrap());
    let asked = phone.office().0;
    let known = [shipped().join("skus.index"), phone.models().folder().join("skus.index")]
        .into_iter()
        .chain([phone.models().folder().join("office.index")])
        .filter_map(|path| fs::read(path).ok())
        .find(|bytes| Sha256::of(bytes) == asked);
    let delta = office.delta_from(known.as_deref(), &phone.manifest().skus, 1).unwrap();
    let key = SecretKey::from_seed([5; 32]);
    Delta::verify(&delta.sign(&key).unwrap(), &[key.public()]).unwrap()
}

fn knows(folder: &TempDir, id: &str) -> bool {
    Bundle::open(folder.path(), 1).unwrap().index().sku(id).is_some()
}

#[test]
fn the_phone_ends_with_the_bytes_of_the_office() {
    let (office, phone) = (copy(), copy());
    let mut changed = catalogue(&office);
    enrol(&mut changed, "hopfling-pils");
    let gone = changed.skus().iter().find(|sku| sku.id != "unknown").unwrap().id.clone();
    changed.remove(&gone).unwrap();
    changed.save().unwrap();

    let delta = delta(&office, &phone);
    assert!(delta.vectors.len() < index(&office).len() / 4, "only what changed travels: {}", delta.vectors.len());
    let applied = catalogue(&phone).apply(&delta).unwrap();
    assert_eq!((&applied.added[..], &applied.removed[..]), (&["hopfling-pils".to_owned()][..], &[gone.clone()][..]));
    assert_eq!(applied.own, Vec::<String>::new());
    assert!(index(&phone) == index(&office), "the indexes differ");
    let now = Bundle::open(phone.path(), 1).unwrap();
    assert_eq!(now.manifest().sku("hopfling-pils").unwrap().name, "HOPFLING-PILS");
    assert!(now.manifest().sku(&gone).is_none());

    // Once more: it is for another index.
    let again = catalogue(&phone).apply(&delta);
    assert!(matches!(again, Err(DeltaFault::OtherIndex { .. })), "{again:?}");
}

#[test]
fn what_the_phone_enrolled_itself_stays() {
    let (office, phone) = (copy(), copy());
    let before = index(&phone);
    let mut own = catalogue(&phone);
    enrol(&mut own, "murmel-lemon");
    let taken_out = own.skus().iter().filter(|sku| sku.id != "unknown").nth(1).unwrap().id.clone();
    own.remove(&taken_out).unwrap();
    own.save_own().unwrap();
    assert_eq!(Bundle::open(phone.path(), 1).unwrap().office().0, Sha256::of(&before), "asked for with the office's");

    for (product, round) in [("hopfling-pils", 1), ("isolde-blue", 2)] {
        let mut changed = catalogue(&office);
        enrol(&mut changed, product);
        changed.save().unwrap();
        let delta = delta(&office, &phone);
        let office_index = fs::read(phone.path().join("office.index")).unwrap();
        let applied = catalogue(&phone).apply(&delta).unwrap();
        assert_eq!((applied.added, applied.own), (vec![product.to_owned()], vec!["murmel-lemon".to_owned()]));
        assert!(knows(&phone, "murmel-lemon") && !knows(&phone, &taken_out), "round {round}");
        let (made, kept) = (index(&phone), fs::read(phone.path().join("office.index")).unwrap());
        assert!(kept == index(&office), "the office's index is kept beside, round {round}");

        // The power went between the two files: the same delta comes again, and to the same.
        fs::write(phone.path().join("office.index"), office_index).unwrap();
        catalogue(&phone).apply(&delta).unwrap();
        assert!(index(&phone) == made, "round {round}");
    }

    // In the end the office enrols it too: the office is right, and nothing is the phone's own but what it took out.
    let mut changed = catalogue(&office);
    enrol(&mut changed, "murmel-lemon");
    changed.save().unwrap();
    let applied = catalogue(&phone).apply(&delta(&office, &phone)).unwrap();
    assert_eq!((applied.changed, applied.own), (vec!["murmel-lemon".to_owned()], vec![]));
    assert!(!knows(&phone, &taken_out));
}

#[test]
fn a_phone_that_the_office_does_not_know_gets_the_whole() {
    let (office, phone) = (copy(), copy());
    let mut changed = catalogue(&office);
    enrol(&mut changed, "hopfling-pils");
    changed.save().unwrap();
    let office_bundle = Bundle::open(office.path(), 1).unwrap();
    let whole = office_bundle.delta_from(None, &[], 1).unwrap();
    assert_eq!((whole.head.from, whole.head.removed.len()), (None, 0));
    catalogue(&phone).apply(&whole).unwrap();
    assert!(index(&phone) == index(&office), "the indexes differ");
}

#[test]
fn a_delta_that_does_not_fit_changes_nothing() {
    let (office, phone) = (copy(), copy());
    let mut changed = catalogue(&office);
    enrol(&mut changed, "hopfling-pils");
    changed.save().unwrap();
    let good = delta(&office, &phone);
    let before = files(phone.path());
    let spoil = |spoil: fn(&mut Delta)| {
        let mut delta = good.clone();
        spoil(&mut delta);
        let error = catalogue(&phone).apply(&delta).unwrap_err();
        assert!(files(phone.path()) == before, "something was written: {error}");
        error
    };
    assert!(matches!(spoil(|delta| delta.head.bundle = "other".into()), DeltaFault::OtherBundle { .. }));
    assert!(matches!(spoil(|delta| delta.head.embedder = Sha256([9; 32])), DeltaFault::OtherEmbedder { .. }));
    assert!(matches!(spoil(|delta| delta.head.from = Some(Sha256([9; 32]))), DeltaFault::OtherIndex { .. }));
    assert!(matches!(spoil(|delta| delta.head.to = Sha256([9; 32])), DeltaFault::OtherResult { .. }));
    assert!(matches!(spoil(|delta| delta.head.skus.clear()), DeltaFault::Unnamed { .. }));
    assert!(matches!(spoil(|delta| delta.vectors.truncate(99)), DeltaFault::Vectors(_)));
    assert!(matches!(spoil(|delta| delta.vectors.clear()), DeltaFault::OtherResult { .. }));
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}
