//! Average precision against an independent implementation, hotcoco, over random and adversarial cases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is the test's")]

use hotcoco::params::IouType;
use hotcoco::{Annotation, COCO, COCOeval, Category, Dataset, Image};
use proptest::prelude::*;
use shelfscan_lab::metrics::{IOU_COUNT, Ranking, ScoredBox, TrueBox, match_photo};

#[derive(Clone, Debug)]
struct Photo {
    truth: Vec<(u64, TrueBox)>,
    found: Vec<(u64, ScoredBox)>,
}

const CLASSES: u64 = 4;

fn boxes() -> impl Strategy<Value = [f64; 4]> {
    // A coarse grid, so that equal boxes, equal IoUs and touching edges are common.
    prop_oneof![
        (0u8..12, 0u8..12, 1u8..6, 1u8..6).prop_map(|(x, y, w, h)| [x, y, w, h].map(|v| f64::from(v) * 10.0)),
        (0f64..120.0, 0f64..120.0, 0.5f64..60.0, 0.5f64..60.0).prop_map(|(x, y, w, h)| [x, y, w, h]),
    ]
}

fn photo() -> impl Strategy<Value = Photo> {
    // Class 3 is never labelled. Scores from a few values tie often.
    let truth = (1..CLASSES, boxes(), prop::bool::weighted(0.2));
    let truth = truth.prop_map(|(class, xywh, crowd)| (class, TrueBox { xywh, crowd }));
    let found = (1..=CLASSES, boxes(), prop_oneof![(0u8..8).prop_map(|s| f64::from(s) / 8.0), 0f64..1.0]);
    let found = found.prop_map(|(class, xywh, score)| (class, ScoredBox { xywh, score }));
    let near = |truth: Vec<(u64, TrueBox)>| {
        let moved = truth.clone();
        let moved = prop::collection::vec((any::<prop::sample::Index>(), -4f64..4.0, 0u8..8), 0..=2 * moved.len())
            .prop_map(move |picks| {
                let picks = picks.into_iter().filter(|_| !moved.is_empty());
                picks
                    .map(|(at, by, score)| {
                        let (class, TrueBox { xywh: [x, y, w, h], .. }) = *at.get(&moved);
                        (class, ScoredBox { xywh: [x + by, y, w, h], score: f64::from(score) / 8.0 })
                    })
                    .collect::<Vec<_>>()
            });
        (Just(truth), moved)
    };
    let truth = prop_oneof![1 => Just(Vec::new()), 4 => prop::collection::vec(truth, 0..25)];
    let found = prop_oneof![1 => Just(Vec::new()), 4 => prop::collection::vec(found, 0..40)];
    (truth.prop_flat_map(near), found).prop_map(|((truth, mut near), found)| {
        near.extend(found);
        Photo { truth, found: near }
    })
}

/// Ours: the average precision of each class at each IoU.
fn ours(photos: &[Photo], max_dets: usize) -> Vec<Option<[f64; IOU_COUNT]>> {
    let class = |class: u64| {
        let matched: Vec<_> = photos
            .iter()
            .map(|photo| {
                let truth: Vec<_> =
                    photo.truth.iter().filter(|(of, _)| *of == class).map(|(_, label)| *label).collect();
                let found: Vec<_> =
                    photo.found.iter().filter(|(of, _)| *of == class).map(|(_, found)| *found).collect();
                match_photo(&truth, &found, max_dets)
            })
            .collect();
        Ranking::new(matched.iter().map(|photo| (photo.countable, photo.ranked.as_slice()))).average_precision(None)
    };
    (1..=CLASSES).map(class).collect()
}

fn annotation(id: u64, image: usize, class: u64, xywh: [f64; 4]) -> Annotation {
    Annotation {
        id,
        image_id: image as u64 + 1,
        category_id: class,
        bbox: Some(xywh),
        area: Some(xywh[2] * xywh[3]),
        ..Annotation::default()
    }
}

/// hotcoco's, whose label ids begin at `first_id`.
fn theirs(photos: &[Photo], max_dets: usize, first_id: u64) -> Vec<Option<[f64; IOU_COUNT]>> {
    let images = (1..=photos.len() as u64).map(|id| Image { id, ..Image::default() }).collect();
    let categories =
        (1..=CLASSES).map(|id| Category { id, name: format!("class {id}"), ..Category::default() }).collect();
    let (mut annotations, mut detections) = (Vec::new(), Vec::new());
    for (image, photo) in photos.iter().enumerate() {
        for (class, label) in &photo.truth {
            let id = first_id + annotations.len() as u64;
            annotations.push(Annotation { iscrowd: label.crowd, ..annotation(id, image, *class, label.xywh) });
        }
        for (class, found) in &photo.found {
            let id = 1 + detections.len() as u64;
            detections.push(Annotation { score: Some(found.score), ..annotation(id, image, *class, found.xywh) });
        }
    }
    let truth = COCO::from_dataset(Dataset { images, categories, annotations, ..Dataset::default() });
    let found = truth.load_res_anns(detections).unwrap();
    let mut evaluation = COCOeval::new(truth, found, IouType::Bbox);
    evaluation.params.max_dets = vec![max_dets];
    evaluation.evaluate().unwrap();
    evaluation.accumulate();
    let accumulated = evaluation.accumulated().unwrap();
    let shape = accumulated.shape;
    (0..CLASSES as usize)
        .map(|class| {
            let mut average = [0.0; IOU_COUNT];
            for (iou, average) in average.iter_mut().enumerate() {
                let at =
                    |recall| accumulated.precision[(((iou * shape.r + recall) * shape.k + class) * shape.a) * shape.m];
                *average = (0..shape.r).map(at).sum::<f64>() / shape.r as f64;
            }
            (average[0] > -0.5).then_some(average)
        })
        .collect()
}

fn compare(ours: &[Option<[f64; IOU_COUNT]>], theirs: &[Option<[f64; IOU_COUNT]>]) -> Result<(), TestCaseError> {
    for (class, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        prop_assert_eq!(ours.is_some(), theirs.is_some(), "class {}: {:?} and {:?}", class, ours, theirs);
        for (ours, theirs) in ours.iter().flatten().zip(theirs.iter().flatten()) {
            prop_assert!((ours - theirs).abs() < 1e-9, "class {}: {} and {}", class, ours, theirs);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn equals_hotcoco(
        photos in prop::collection::vec(photo(), 1..8), max_dets in prop::sample::select(vec![1usize, 5, 100, 1000]),
        first_id in 0u64..2,
    ) {
        compare(&ours(&photos, max_dets), &theirs(&photos, max_dets, first_id))?;
    }
}

/// 150 facings, each found, in two scores: COCO's usual limit of 100 loses a third, 1000 none.
#[test]
fn a_photo_of_150_facings_is_not_punished() {
    let place = |at: u32| [f64::from(at % 15) * 20.0, f64::from(at / 15) * 40.0, 15.0, 35.0];
    let truth = (0..150).map(|at| (1, TrueBox { xywh: place(at), crowd: false })).collect();
    let found = (0..150).map(|at| (1, ScoredBox { xywh: place(at), score: 0.5 + f64::from(at % 2) / 4.0 })).collect();
    let photos = [Photo { truth, found }];
    for max_dets in [100, 1000] {
        compare(&ours(&photos, max_dets), &theirs(&photos, max_dets, 0)).unwrap();
    }
    assert_eq!(ours(&photos, 1000)[0].unwrap()[0], 1.0);
    assert!(ours(&photos, 100)[0].unwrap()[0] < 0.67);
}
