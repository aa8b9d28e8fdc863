//! Figures of photos small enough to be counted by hand, and the ways to the same figures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is the test's")]

use shelfscan_lab::eval::result::{CandidateEntry, Found, Judged, Naming, Outcome, Settings};
use shelfscan_lab::eval::{
    Detections, EvalResult, GroundTruth, Header, Predictions, Targets, WeakDetection, compare, conclude, judge,
    to_coco_results,
};

const TRUTH: &str = r#"{"images": [{"id": 0, "file_name": "a.jpg", "width": 200, "height": 100},
    {"id": 1, "file_name": "b.jpg", "width": 200, "height": 100}],
  "categories": [{"id": 1, "name": "bottle"}, {"id": 2, "name": "can"}, {"id": 3, "name": "-"}],
  "annotations": [
    {"id": 0, "image_id": 0, "category_id": 2, "bbox": [0, 0, 10, 20], "sku": "pepsi"},
    {"id": 1, "image_id": 0, "category_id": 2, "bbox": [20, 0, 10, 20], "sku": "pepsi"},
    {"id": 2, "image_id": 0, "category_id": 1, "bbox": [40, 0, 10, 20], "sku": "cola"},
    {"id": 3, "image_id": 0, "category_id": 3, "bbox": [60, 0, 10, 20], "sku": "unknown"},
    {"id": 4, "image_id": 0, "category_id": 2, "bbox": [80, 0, 10, 20]},
    {"id": 5, "image_id": 0, "category_id": 3, "bbox": [100, 0, 100, 100], "iscrowd": 1},
    {"id": 6, "image_id": 1, "category_id": 2, "bbox": [0, 0, 10, 20], "sku": "pepsi"}]}"#;

fn found(left: f64, container: &str, score: f64, sku: Option<&str>, candidates: &[&str]) -> Found {
    let candidates = candidates.iter().map(|sku| CandidateEntry { sku: (*sku).into(), similarity: 0.8 }).collect();
    let naming = Naming { sku: sku.map(Into::into), margin: Some(0.1), candidates };
    Found { rect: [left, 0.0, left + 10.0, 20.0], container: container.into(), score, naming, row: 0 }
}

/// On the first photo: a pepsi right, the other called cola, the cola called unknown though best, the unknown called pepsi, the one
/// without SKU called cola, two in the region, one that nobody labelled called pepsi. On the second nothing but a weak detection.
fn detections() -> Vec<Detections> {
    let first = vec![
        found(0.0, "can", 0.9, Some("pepsi"), &["pepsi", "cola"]),
        found(20.0, "can", 0.8, Some("cola"), &["cola", "pepsi"]),
        found(40.0, "can", 0.7, None, &["cola", "pepsi"]),
        found(60.0, "bottle", 0.6, Some("pepsi"), &["pepsi"]),
        found(80.0, "can", 0.6, Some("cola"), &["cola"]),
        found(120.0, "can", 0.95, Some("pepsi"), &["pepsi"]),
        found(122.0, "can", 0.94, Some("pepsi"), &["pepsi"]),
        found(0.0, "can", 0.5, Some("pepsi"), &["pepsi"]),
    ];
    let weak = WeakDetection { rect: [0.0, 0.0, 10.0, 20.0], container: "can".into(), score: 0.1 };
    let of = |facings, weaker| Detections { size: (200, 100), facings, weaker, true_boxes: Vec::new() };
    vec![of(first, Vec::new()), of(Vec::new(), vec![weak])]
}

fn settings() -> Settings {
    Settings { confidence: 0.25, lowest_confidence: 0.01, iou: 0.5, max_dets: 1000, resamples: 200, seed: 0 }
}

fn result(truth: &GroundTruth, detections: Vec<Detections>) -> EvalResult {
    let photos = truth.photos.iter().zip(detections).map(|(photo, found)| judge(photo, found, 1000)).collect();
    let judged = Judged { bundle: None, predictions: None };
    let header = Header { judged, data: truth.data.clone(), settings: settings(), warnings: Vec::new() };
    conclude(header, &Targets::default(), photos)
}

fn truth(folder: &std::path::Path) -> (GroundTruth, shelfscan_lab::eval::Ids) {
    let path = folder.join("truth.json");
    std::fs::write(&path, TRUTH).unwrap();
    GroundTruth::read(&path).unwrap()
}

#[test]
fn figures_are_what_a_hand_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (truth, _) = truth(folder.path());
    let result = result(&truth, detections());
    let outcomes: Vec<Outcome> = result.photos[0].facings.iter().map(|facing| facing.outcome).collect();
    use Outcome::{False, Found, Ignored, NotNamed, Region, Right, WrongSku};
    assert_eq!(outcomes, [Right, WrongSku, NotNamed, WrongSku, Found, Ignored, Ignored, False, Region]);
    assert_eq!(result.photos[1].facings.iter().map(|facing| facing.outcome).collect::<Vec<_>>(), [Outcome::Missed]);

    let f = &result.figures;
    let value = |figure: shelfscan_lab::eval::result::Figure| (figure.value.unwrap() * 1e6).round() / 1e6;
    let share = |hit: f64, of: f64| (hit / of * 1e6).round() / 1e6;
    assert_eq!(value(f.recall), share(5.0, 6.0));
    assert_eq!(value(f.precision), share(5.0, 6.0));
    assert_eq!(value(f.false_per_photo), 0.5);
    assert_eq!(value(f.container_accuracy), share(3.0, 4.0), "the unknown drink's kind is not labelled");
    assert_eq!(value(f.top1), share(2.0, 3.0));
    assert_eq!(value(f.top3), 1.0);
    assert_eq!(value(f.top1_accepted), share(1.0, 3.0));
    assert_eq!(value(f.end_to_end), share(1.0, 4.0));
    assert_eq!(value(f.unknown_named), 1.0);
    assert_eq!(value(f.known_unknown), share(1.0, 3.0));
    // Pepsi 2 labelled and 3 named, cola 1 and 1; on the second photo pepsi 1 and 0.
    assert_eq!(value(f.count_mae), share(2.0, 3.0));
    assert_eq!(value(f.count_mae_by_sku), 0.5);
    // Five labelled and six found on the first photo, one and none on the second.
    assert_eq!(value(f.total_count_mae), 1.0);
    assert_eq!(f.top1_true_boxes.value, None, "labelled boxes were not named");
    // Five right ones in a row, a double, the weak one right: recall 5/6 with precision 1, the rest with 6/7.
    assert_eq!(value(f.map50), share(84.0 + 17.0 * 6.0 / 7.0, 101.0));
    let passed: Vec<bool> = result.targets.iter().map(|target| target.passed).collect();
    assert_eq!(passed, [false, true, false, false], "recall, mAP@50, top-1, count MAE");
}

#[test]
fn stored_predictions_give_the_same_figures() {
    let folder = tempfile::tempdir().unwrap();
    let (truth, _) = truth(folder.path());
    let before = result(&truth, detections());
    let kinds = ["bottle".to_owned(), "can".to_owned()];
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let stored = write("stored.json", truth.to_coco(&[(200, 100); 2], &kinds).unwrap());
    let (again, ids) = GroundTruth::read(&stored).unwrap();
    let predictions = write("predictions.json", to_coco_results(&detections(), &kinds).unwrap());
    let predictions = Predictions::read(&predictions, &again, &ids, 0.25).unwrap();
    let after = result(&again, predictions.photos);
    assert_eq!(before.figures, after.figures);
    assert_eq!(before.skus, after.skus);
    assert_eq!(before.containers, after.containers);
    let text = serde_json::to_string(&after).unwrap();
    let read: EvalResult = serde_json::from_str(&text).unwrap();
    assert_eq!(read.figures.recall.value, after.figures.recall.value, "a result can be read again");

    let compared = compare(&before, &after, &stored).unwrap();
    assert!(compared.differences.len() > 15 && compared.photos.is_empty());
    assert!(compared.differences.iter().all(|change| change.before == change.after && change.verdict().is_none()));
}

#[test]
fn a_comparison_tells_what_got_better_photo_by_photo() {
    let folder = tempfile::tempdir().unwrap();
    let (truth, _) = truth(folder.path());
    let before = result(&truth, detections());
    let mut better = detections();
    better[0].facings[1].naming.sku = Some("pepsi".into());
    better[1].facings.push(found(0.0, "can", 0.9, Some("pepsi"), &["pepsi"]));
    let after = result(&truth, better);
    let compared = compare(&before, &after, folder.path()).unwrap();
    assert_eq!(compared.photos, [("a.jpg".to_owned(), -1), ("b.jpg".to_owned(), -1)]);
    let change = |name: &str| compared.differences.iter().find(|change| change.name == name).unwrap();
    assert!(change("recall").after > change("recall").before);
    let total = change("total_count_mae");
    assert_eq!((total.before, total.after, total.more_is_better), (1.0, 0.5, false));
    assert_eq!(change("end_to_end").verdict(), Some(true));

    let mut other = after.clone();
    other.photos[0].name = "c.jpg".into();
    let said = compare(&before, &other, folder.path()).unwrap_err().to_string();
    assert!(said.contains("`c.jpg` is not in the other result"), "{said}");
}
