//! Each kind of fault is found where it stands, and a sound data set has none.

use std::fs;

use shelfscan_lab::check::{CheckOptions, Finding, Kind, Severity, check, html};
use shelfscan_lab::dataset::Dataset;
use shelfscan_lab::photos::look_at;

use crate::folder::{Folder, blotches, jpeg};

fn found(folder: &Folder, min_images_per_sku: u64) -> (Dataset, Vec<Finding>) {
    let (dataset, faults) = Dataset::open_with_faults(folder.path()).unwrap();
    let seen = look_at(&dataset.photos, || ());
    let findings = check(&dataset, &faults, &seen, &CheckOptions { min_images_per_sku });
    (dataset, findings)
}

/// A shelf photo in each split, each with both SKUs.
fn sound() -> Folder {
    let folder = Folder::new();
    for (number, split) in ["train", "val"].into_iter().enumerate() {
        folder.picture(&format!("images/{split}/{number}.jpg"), &blotches(number as u64, 200, 100));
        let lines = "cola can 0.25 0.5 0.1 0.4\nfanta can 0.5 0.5 0.1 0.4\nfanta can 0.62 0.5 0.1 0.4\n";
        folder.write(&format!("labels/{split}/{number}.txt"), lines);
    }
    folder
}

#[test]
fn a_sound_data_set_has_nothing() {
    let (dataset, findings) = found(&sound(), 1);
    assert_eq!(findings, []);
    assert!(html(&dataset, &findings, "0123", &CheckOptions::default()).unwrap().contains("Nothing was found"));
}

#[test]
fn boxes_that_can_t_be_right_are_found() {
    for (line, kind, words) in [
        ("cola can 0.02 0.5 0.1 0.4", Kind::Outside, "cola: 6 pixels outside"),
        ("cola can 1.5 0.5 0.1 0.4", Kind::Outside, "cola: 110 pixels outside"),
        ("cola can 0.5 0.5 0.1 0", Kind::ZeroBox, "cola: 20.00 x 0.00 pixels"),
        ("cola can 0.5 0.5 -0.1 0.4", Kind::ZeroBox, "cola: -20.00 x 40.00 pixels"),
        ("cola can 0.5 0.5 0.95 0.95", Kind::HugeBox, "cola: 90 % of the photo"),
        ("cola can 0.5 0.5 0.1 0.4", Kind::DoubledBox, "fanta in the place of cola (2), IoU 1.000"),
        ("fanta can 0.501 0.5 0.1 0.4", Kind::DoubledBox, "fanta in the place of fanta (2), IoU 0.980"),
    ] {
        let folder = sound();
        let labels = folder.path().join("labels/train/0.txt");
        let lines = format!("fanta can 0.5 0.5 0.1 0.4\n{line}\ncola can 0.25 0.5 0.1 0.4\n");
        fs::write(&labels, lines).unwrap();
        let (_, findings) = found(&folder, 1);
        let [finding] = &findings[..] else { panic!("{line}: {findings:?}") };
        let place = if kind == Kind::DoubledBox { "images/train/0.jpg, line 1" } else { "images/train/0.jpg, line 2" };
        assert_eq!((finding.kind, finding.place.as_str(), finding.what.as_str()), (kind, place, words));
    }
}

#[test]
fn a_box_that_leaves_its_photo_by_rounding_is_no_fault() {
    let folder = sound();
    fs::write(folder.path().join("labels/val/1.txt"), "cola can 0.0498 0.5 0.1 1.01\nfanta can 0.5 0.5 0.1 0.4\n")
        .unwrap();
    assert_eq!(found(&folder, 1).1, []);
}

#[test]
fn pictures_classes_and_near_duplicates_are_found() {
    let folder = sound();
    let again = jpeg(&blotches(0, 200, 100), 55);
    folder.write("images/val/again.jpg", &again);
    folder.write("labels/val/again.txt", "cola can 0.25 0.5 0.1 0.4\nsprite can 0.5 0.5 0.1 0.4\n");
    folder.write("images/train/broken.jpg", &again[..again.len() / 2]);
    folder.write("labels/train/broken.txt", "pepsi can 0.5 0.5 0.1 0.4\n");
    folder.write("labels/train/orphan.txt", "");
    let (dataset, findings) = found(&folder, 2);
    let told: Vec<(Kind, &str, &str)> =
        findings.iter().map(|finding| (finding.kind, finding.place.as_str(), finding.what.as_str())).collect();
    let truncated = findings[0].what.as_str();
    assert!(truncated.contains("truncated"), "{truncated}");
    assert_eq!(
        told,
        [
            (Kind::Unreadable, "images/train/broken.jpg", truncated),
            (Kind::NearDuplicate, "images/train/0.jpg", "looks nearly like images/val/again.jpg"),
            (Kind::NotTrained, "sprite", "missing in train; 1 in val"),
            (Kind::NotTested, "pepsi", "missing in val; 1 in train"),
            (Kind::FewImages, "cola", "1 to learn from, 2 wanted"),
            (Kind::FewImages, "pepsi", "1 to learn from, 2 wanted"),
            (Kind::Orphan, "labels/train/orphan.txt", "no photo has its name"),
        ]
    );
    let faults = findings.iter().filter(|finding| finding.kind.severity() == Severity::Fault).count();
    assert_eq!(faults, 3);

    let page = html(&dataset, &findings, "0123", &CheckOptions { min_images_per_sku: 2 }).unwrap();
    for word in
        ["near-duplicates across splits", "images/val/again.jpg", "data:image/jpeg;base64,", "sprite", "truncated"]
    {
        assert!(page.contains(word), "`{word}`");
    }
    assert!(
        !page.contains("http:") && !page.contains("https:") && !page.contains("<script"),
        "a page opens without network and scripts"
    );
}

#[test]
fn a_class_far_from_the_others_is_told() {
    let folder = Folder::new();
    for (sku, count) in [("a", 1), ("b", 15), ("c", 15), ("d", 15), ("<b>e", 160)] {
        for number in 0..count {
            folder.picture(&format!("{sku}/{number}.jpg"), &blotches(number, 16, 16));
        }
    }
    let (dataset, findings) = found(&folder, 1);
    let told: Vec<(Kind, &str)> = findings.iter().map(|finding| (finding.kind, finding.place.as_str())).collect();
    assert_eq!(told, [(Kind::Imbalance, "a"), (Kind::Imbalance, "<b>e")]);
    let page = html(&dataset, &findings, "0123", &CheckOptions::default()).unwrap();
    assert!(page.contains("&lt;b&gt;e") && !page.contains("<b>e"), "names are text");
}

#[test]
fn sizes_that_are_not_the_pictures_are_found() {
    let folder = Folder::new();
    folder.picture("1.jpg", &blotches(1, 60, 40));
    let file = r#"{"images": [{"id": 0, "file_name": "1.jpg", "width": 40, "height": 60}],
        "annotations": [{"id": 0, "image_id": 0, "category_id": 0, "bbox": [1, 1, 10, 10]}],
        "categories": [{"id": 0, "name": "cola"}]}"#;
    folder.write("coco.json", file);
    let (_, findings) = found(&folder, 1);
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(
        (finding.kind, finding.what.as_str()),
        (Kind::WrongSize, "labelled as 40x60, but it is 60x40 pixels upright")
    );
}

#[test]
fn the_config_says_how_many_images_a_sku_needs() {
    let folder = Folder::new();
    let read = |text: &str| CheckOptions::read(&folder.write("c.yaml", text)).map(|options| options.min_images_per_sku);
    assert_eq!(read("data:\n  min_images_per_sku: 4\n  root: x\nmodel: {a: [1]}\n").unwrap(), 4);
    assert_eq!(read("data: {root: x}\n").unwrap(), 300);
    assert_eq!(read("model: 1\n").unwrap(), 300);
    let refused = read("data: {min_images_per_sku: many}\n").unwrap_err().to_string();
    assert!(refused.contains("c.yaml"), "{refused}");
    assert!(CheckOptions::read(&folder.path().join("none.yaml")).unwrap_err().to_string().contains("none.yaml"));
}

/// Kind, place and the beginning of what is wrong, of faults of labels and photos without them.
fn unusable(folder: &Folder) -> Vec<(Kind, String, String)> {
    let (_, findings) = found(folder, 1);
    let of_labels = findings.into_iter().filter(|finding| [Kind::Unusable, Kind::Unlabelled].contains(&finding.kind));
    of_labels.map(|Finding { kind, place, what, .. }| (kind, place, what)).collect()
}

#[test]
fn labels_that_can_t_be_used_don_t_hide_the_others() {
    let folder = sound();
    folder.write("labels/train/0.txt", "0 0.5 0.5 0.1 0.1\nfanta can 0.5 0.5 0.1 0.4\ncola can 0.25 0.5 0.1 x\n");
    folder.picture("images/val/2.jpg", &blotches(2, 200, 100));
    folder.picture("images/val/3.jpg", &blotches(3, 200, 100));
    folder.write("labels/val/3.txt", b"cola can 0.25 0.5 0.1 0.4\n\xff");
    folder.write("images/val/1.png", "shares the labels of 1.jpg");
    let told = unusable(&folder);
    let wanted = [
        ("images/val/1.png", "1.jpg has the same label file, "),
        ("labels/val/3.txt, line 2", "not UTF-8 text"),
        ("labels/train/0.txt, line 1", "5 words, but a line here is `SKU CONTAINER cx cy w h`"),
        ("labels/train/0.txt, line 3", "h is `x`, which is not a number"),
        ("images/val/2.jpg", "its labels, "),
    ];
    assert_eq!(told.len(), wanted.len(), "{told:?}");
    for ((kind, place, what), (of, words)) in told.iter().zip(wanted) {
        assert_eq!((*kind, place.as_str()), (Kind::Unusable, of));
        assert!(what.contains(words), "{what}");
    }
    let refused = Dataset::open(folder.path()).unwrap_err().to_string();
    assert!(refused.contains("has the same label file"), "{refused}");
    let (dataset, _) = found(&folder, 1);
    let facings: Vec<_> = dataset.photos.iter().map(|photo| (photo.name.as_str(), photo.facings.len())).collect();
    assert_eq!(
        facings,
        [("images/train/0.jpg", 1), ("images/val/1.jpg", 3), ("images/val/2.jpg", 0), ("images/val/3.jpg", 0)]
    );
}

#[test]
fn yolo_photos_without_labels_are_for_a_person_to_judge() {
    let folder = Folder::new();
    folder.write("data.yaml", "train: images/train\nval: list.txt\nnames: [cola, fanta]\n");
    folder.write("list.txt", "./images/val/2.jpg\n./images/val/gone.jpg\n");
    for (name, number) in [("train/0", 0), ("train/1", 1), ("val/2", 2)] {
        folder.picture(&format!("images/{name}.jpg"), &blotches(number, 200, 100));
    }
    folder.write("labels/train/0.txt", "0 0.3 0.5 0.1 0.1\n2 0.3 0.5 0.1 0.1\n");
    folder.write("labels/val/2.txt", "");
    let wanted = [
        (Kind::Unusable, "list.txt, line 2", "there is no photo "),
        (Kind::Unusable, "labels/train/0.txt, line 2", "class 2, but there are 2 class names"),
        (Kind::Unlabelled, "images/train/1.jpg", "no label file: background, or forgotten?"),
    ];
    let told = unusable(&folder);
    assert_eq!(told.len(), wanted.len(), "{told:?}");
    for ((kind, place, what), (of_kind, of, words)) in told.iter().zip(wanted) {
        assert_eq!((*kind, place.as_str()), (of_kind, of));
        assert!(what.contains(words), "{what}");
    }
}

#[test]
fn each_unusable_entry_of_a_coco_file_is_told() {
    let folder = Folder::new();
    folder.picture("1.jpg", &blotches(1, 60, 40));
    let file = r#"{"images": [{"id": 1, "file_name": "1.jpg", "width": 60, "height": 40},
            {"id": 1, "file_name": "2.jpg", "width": 60, "height": 40}, {"id": 3, "file_name": "3.jpg", "width": 60, "height": 40}],
        "annotations": [{"id": 0, "image_id": 1, "category_id": 0, "bbox": [1, 1, 10, 10]},
            {"id": 0, "image_id": 1, "category_id": 0, "bbox": [1, 1, 10, 10]},
            {"id": 1, "image_id": 9, "category_id": 0, "bbox": [1, 1, 10, 10]},
            {"id": 2, "image_id": 1, "category_id": 9, "bbox": [1, 1, 10, 10]}],
        "categories": [{"id": 0, "name": "cola"}]}"#;
    folder.write("coco.json", file);
    let told: Vec<String> = unusable(&folder).into_iter().map(|(_, place, what)| format!("{place}: {what}")).collect();
    assert_eq!(
        told,
        [
            "coco.json: images: id 1 is given twice",
            "coco.json: annotations: id 0 is given twice",
            "coco.json: annotations: id 1 is of image_id 9, which is not in images",
            "coco.json: annotations: id 2 has category_id 9, which is not in categories",
            "coco.json: images: id 3: there is no photo 3.jpg",
        ]
    );
    assert_eq!(found(&folder, 1).0.photos[0].facings.len(), 1);
}
