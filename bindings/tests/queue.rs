//! The queue through the boundary: a scan's uncertain facings and a correction go in, requests come out, answers go in, and a
//! delta changes what the open scanner knows.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shelfscan::protocol::{Delta, Item, Reason, SecretKey};
use shelfscan_ffi::{
    Capture, Correction, DownloadResult, GallerySession, HoldReason, HttpOutcome, ItemState, MeteredUse, NetworkKind,
    NextDownload, NextUpload, QueueSettings, ReviewQueue, ScanOptions, Scanner, ShelfscanError, Sku, Subject,
    SyncConditions,
};
use tempfile::TempDir;

const NOW: u64 = 1_790_000_000_000;
const FREE: SyncConditions = SyncConditions { network: NetworkKind::Unmetered, battery_low: false };

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn bundle() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root().join("models/bundles/drinks")).unwrap() {
        let entry = entry.unwrap();
        fs::write(folder.path().join(entry.file_name()), fs::read(entry.path()).unwrap()).unwrap();
    }
    folder
}

fn open(folder: &TempDir) -> Arc<Scanner> {
    Scanner::open(folder.path().display().to_string(), 2).unwrap()
}

fn settings(key: &SecretKey) -> QueueSettings {
    QueueSettings {
        max_items: 2000,
        max_bytes: 128 << 20,
        per_sku: 40,
        per_day: 300,
        random_share: 0.0,
        metered: MeteredUse::Corrections,
        on_low_battery: false,
        ask_every_minutes: 60,
        public_keys: vec![key.public().to_string()],
    }
}

fn capture() -> Capture {
    Capture { captured_at: NOW, tags: HashMap::from([("store".into(), "17".into())]) }
}

fn answered(status: u16, body: Vec<u8>) -> HttpOutcome {
    HttpOutcome::Answered { status, retry_after: None, body }
}

#[test]
fn a_scan_and_a_correction_go_to_the_server() {
    let (folder, key) = (bundle(), SecretKey::from_seed([3; 32]));
    let scanner = open(&folder);
    let photo = fs::read(root().join("models/sample/shelf.jpg")).unwrap();
    let options = || ScanOptions { confidence: None, closer_looks: true };
    let result = scanner.scan_file(&photo, options(), None).unwrap();
    let path = folder.path().join("queue").display().to_string();
    let queue = ReviewQueue::open(path.clone(), settings(&key)).unwrap();

    let intake = queue.offer_file(scanner.clone(), &photo, result.clone(), options(), capture(), NOW).unwrap();
    assert!(intake.accepted > 0, "{intake:?}");
    let again = queue.offer_file(scanner.clone(), &photo, result.clone(), options(), capture(), NOW).unwrap();
    assert_eq!((again.accepted, again.known), (0, intake.accepted), "{again:?}");
    let label = Correction::Sku { id: "spezi".into() };
    let corrected =
        queue.correct_file(scanner.clone(), &photo, result.facings[0].clone(), label, capture(), NOW).unwrap();
    assert_eq!(corrected.accepted, 1, "{corrected:?}");

    let held = queue.next_upload(NOW, FREE).unwrap();
    assert!(matches!(held, NextUpload::Held { reason: HoldReason::NoToken }));
    queue.set_token(Some("t".into()));
    let mut order = Vec::new();
    loop {
        match queue.next_upload(NOW, FREE).unwrap() {
            NextUpload::Ready { request } => {
                let item = Item::parse_as(request.id.parse().unwrap(), request.body).unwrap();
                assert_eq!(queue.crop(request.id.clone()).unwrap().unwrap(), item.crop());
                order.push(item.meta().reason);
                let state = queue.report(request.id, answered(201, Vec::new()), NOW).unwrap().state;
                assert_eq!(state, ItemState::Sent { at: NOW });
            }
            NextUpload::Nothing => break,
            _ => panic!("nothing stands in the way"),
        }
    }
    // The first facing's item was accepted first; what a person said of it takes its place.
    assert_eq!((order.len() as u32, order[0]), (intake.accepted, Reason::Corrected));
    let status = queue.status().unwrap();
    assert_eq!((status.waiting, status.sent, status.evicted), (0, order.len() as u64, 1));

    let in_use = ReviewQueue::open(path, settings(&key));
    assert!(matches!(in_use, Err(ShelfscanError::Queue(_))), "{in_use:?}");
    let stranger = queue.item("0".repeat(64));
    assert!(matches!(stranger, Err(ShelfscanError::Item(_))), "{stranger:?}");
}

#[test]
fn a_damaged_queue_has_its_own_kind_of_error() {
    let (folder, key) = (tempfile::tempdir().unwrap(), SecretKey::from_seed([3; 32]));
    let path = folder.path().join("queue");
    fs::write(&path, b"no queue").unwrap();
    let refused = ReviewQueue::open(path.display().to_string(), settings(&key));
    assert!(matches!(refused, Err(ShelfscanError::QueueDamaged(_))), "{refused:?}");
    let queue = ReviewQueue::open_or_set_aside(path.display().to_string(), settings(&key)).unwrap();
    assert_eq!(fs::read(queue.set_aside().unwrap()).unwrap(), b"no queue");
    let keyless = QueueSettings { public_keys: vec!["00".into()], ..settings(&key) };
    let refused = ReviewQueue::open(path.display().to_string(), keyless);
    assert!(matches!(refused, Err(ShelfscanError::Item(_))), "{refused:?}");
}

#[test]
fn what_the_office_labels_the_next_scan_knows() {
    let (folder, office, key) = (bundle(), bundle(), SecretKey::from_seed([3; 32]));
    let scanner = open(&folder);
    let queue = ReviewQueue::open(folder.path().join("queue").display().to_string(), settings(&key)).unwrap();
    queue.set_token(Some("t".into()));

    let before = fs::read(office.path().join("skus.index")).unwrap();
    let product = root().join("models/sample/gallery/isolde-blue");
    let pictures: Vec<PathBuf> = fs::read_dir(product).unwrap().map(|file| file.unwrap().path()).collect();
    let models = shelfscan::Bundle::open(office.path(), 2).unwrap();
    let mut catalogue = shelfscan::Catalogue::of(models);
    let embedded = catalogue
        .models()
        .embed_pictures(&pictures, shelfscan::Subject::Whole, &shelfscan::Cancel::new(), || ())
        .unwrap();
    let embeddings: Vec<Vec<f32>> = embedded.into_iter().map(|embedding| embedding.unwrap()).collect();
    let sku = shelfscan::SkuEntry { id: "isolde".into(), name: "Isolde".into(), container: None, barcode: None };
    catalogue.enrol(sku, &embeddings).unwrap();
    catalogue.save().unwrap();
    let office = catalogue.into_bundle().unwrap();
    let delta: Delta = office.delta_from(Some(&before), &[], NOW).unwrap();

    let NextDownload::Ready { request } = queue.next_download(scanner.clone(), NOW, FREE).unwrap() else {
        panic!("it is time to ask")
    };
    let asked = format!("index={}", shelfscan::protocol::Sha256::of(&before));
    assert!(request.path.contains(&asked), "{}", request.path);
    let forged = delta.sign(&SecretKey::from_seed([4; 32])).unwrap();
    let refused = queue.report_download(scanner.clone(), answered(200, forged), NOW).unwrap();
    assert!(matches!(refused, DownloadResult::NotApplied { .. }), "{refused:?}");
    assert!(scanner.skus().unwrap().iter().all(|sku| sku.id != "isolde"));

    let signed = delta.sign(&key).unwrap();
    match queue.report_download(scanner.clone(), answered(200, signed), NOW).unwrap() {
        DownloadResult::Applied { added, bundle, own, .. } => {
            assert_eq!((added, own), (vec!["isolde".to_owned()], vec![]));
            assert_eq!(bundle, scanner.bundle().unwrap());
        }
        other => panic!("{other:?}"),
    }
    let photo = fs::read(root().join("models/sample/shelf.jpg")).unwrap();
    let result = scanner.scan_file(&photo, ScanOptions { confidence: None, closer_looks: true }, None).unwrap();
    assert!(result.counts.iter().any(|count| count.sku == "isolde"), "{:?}", result.counts);
    let wait = queue.next_download(scanner.clone(), NOW + 1, FREE).unwrap();
    assert!(matches!(wait, NextDownload::Wait { until } if until == NOW + 3_600_000));

    // What is enrolled here does not change what the office is asked for.
    let own = Sku { id: "own".into(), name: "Own".into(), container: None, barcode: None };
    let session = GallerySession::new(scanner.clone(), own);
    session.add_file(&fs::read(&pictures[0]).unwrap(), Subject::Whole).unwrap();
    session.save().unwrap();
    let NextDownload::Ready { request } = queue.next_download(scanner, NOW + 3_600_001, FREE).unwrap() else {
        panic!("it is time to ask again")
    };
    assert!(request.path.contains(&delta.head.to.to_string()), "{}", request.path);
}
