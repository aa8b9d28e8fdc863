//! One scanner for many: threads at once, a scan that is called off, memory that another photo left.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use shelfscan::{Cancel, ScanError, ScanOptions, ScanResult};

use crate::bundle::{Picture, sample_scanner, scanner, small_photo};

/// What a result says; timings differ from scan to scan.
fn json(result: &ScanResult) -> String {
    serde_json::to_string(result).unwrap()
}

#[test]
fn eight_threads_at_once_find_what_one_finds() {
    let (scanner, bytes) = (scanner(2), small_photo());
    let photo = Picture::of(&bytes);
    let part = [0, 0, photo.width * 3 / 4, photo.height];
    let options = ScanOptions::default();
    let alone =
        [json(&scanner.scan_file(&bytes, &options).unwrap()), json(&scanner.scan(photo.part(part), &options).unwrap())];
    assert_ne!(alone[0], alone[1], "the two photos can be told apart");
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for number in 0..8 {
            let (scanner, bytes, photo, options, alone, start) = (&scanner, &bytes, &photo, &options, &alone, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..4 {
                    let (found, which) = if (number + round) % 2 == 0 {
                        (scanner.scan_file(bytes, options), 0)
                    } else {
                        (scanner.scan(photo.part(part), options), 1)
                    };
                    assert_eq!(json(&found.unwrap()), alone[which], "thread {number}, round {round}");
                }
            });
        }
    });
}

#[test]
fn one_thread_and_two_give_the_same_bytes() {
    let photo = Picture::sample();
    let part = [300, 600, 1800, 2100];
    let options = ScanOptions::default();
    let [one, two] = [1, 2].map(|threads| json(&scanner(threads).scan(photo.part(part), &options).unwrap()));
    assert!(one.contains("\"container\""), "there are facings in it");
    assert_eq!(one, two);
}

#[test]
fn a_scan_called_off_from_another_thread_ends_early_and_harms_nothing() {
    let scanner = sample_scanner();
    let photo = Picture::sample();
    let small = Picture::of(&small_photo());
    let before = json(&scanner.scan(small.view(), &ScanOptions::default()).unwrap());

    let started = Instant::now();
    scanner.scan(photo.view(), &ScanOptions::default()).unwrap();
    let whole = started.elapsed();

    let cancel = Cancel::new();
    let options = ScanOptions { cancel: cancel.clone(), ..ScanOptions::default() };
    let (outcome, took) = thread::scope(|scope| {
        let scan = scope.spawn(|| {
            let outcome = scanner.scan(photo.view(), &options);
            (outcome, Instant::now())
        });
        thread::sleep(whole / 10);
        let called_off = Instant::now();
        cancel.cancel();
        let (outcome, ended) = scan.join().unwrap();
        (outcome, ended.saturating_duration_since(called_off))
    });
    assert!(matches!(outcome, Err(ScanError::Cancelled)), "{outcome:?}");
    // After the model run it is in: some milliseconds, on a crowded machine some tens. A whole scan takes seconds.
    assert!(took < (whole / 2).max(Duration::from_millis(200)), "{took:?} of {whole:?}");

    let refused = scanner.scan_file(&small_photo(), &options);
    assert!(matches!(refused, Err(ScanError::Cancelled)), "what is called off stays so: {refused:?}");
    let after = json(&scanner.scan(small.view(), &ScanOptions::default()).unwrap());
    assert_eq!(after, before);
}

#[test]
fn what_was_scanned_before_changes_nothing() {
    let scanner = scanner(2);
    let options = ScanOptions::default();
    let sample = std::fs::read(crate::bundle::root().join("models/sample/shelf.jpg")).unwrap();
    let first = json(&scanner.scan_file(&small_photo(), &options).unwrap());
    scanner.scan_file(&sample, &options).unwrap();
    assert_eq!(json(&scanner.scan_file(&small_photo(), &options).unwrap()), first, "after a large photo");
    for bad in [&sample[..sample.len() / 2], b"no picture", b""] {
        assert!(matches!(scanner.scan_file(bad, &options), Err(ScanError::Decode(_))));
    }
    assert_eq!(json(&scanner.scan_file(&small_photo(), &options).unwrap()), first, "after photos that failed");
    scanner.release_memory();
    assert_eq!(json(&scanner.scan_file(&small_photo(), &options).unwrap()), first, "after giving memory back");
}

#[test]
fn a_higher_confidence_finds_a_part_of_the_facings() {
    let (scanner, photo) = (scanner(2), Picture::of(&small_photo()));
    let scan = |confidence| {
        let options = ScanOptions { confidence, ..ScanOptions::default() };
        scanner.scan(photo.view(), &options).unwrap()
    };
    let usual = scan(None);
    let mut scores: Vec<f32> = usual.facings.iter().map(|facing| facing.score).collect();
    scores.sort_by(f32::total_cmp);
    let middle = f32::midpoint(scores[0], scores[scores.len() - 1]);
    let sure = scan(Some(middle));
    assert!(!sure.facings.is_empty() && sure.facings.len() < usual.facings.len(), "of {}", usual.facings.len());
    assert!(sure.facings.iter().all(|facing| facing.score >= middle));
    let known = sure.facings.iter().all(|facing| usual.facings.iter().any(|other| other.rect == facing.rect));
    assert!(known, "a facing that the usual scan has not");
}
