//! A split keeps together what belongs together, divides SKUs by the ratios, and is the same everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proptest::prelude::*;
use shelfscan_lab::dataset::{Dataset, Form, Photo};
use shelfscan_lab::layout::lay_out;
use shelfscan_lab::split::{Member, Ratios, SplitOptions, split};

use crate::folder::{Folder, blotches};

fn options(ratios: &str, seed: u64) -> SplitOptions {
    SplitOptions { ratios: ratios.parse().unwrap(), seed, stratify: true, group_by: None }
}

fn member(name: impl Into<String>, skus: &[(&str, u64)]) -> Member {
    Member { name: name.into(), skus: skus.iter().map(|(sku, count)| ((*sku).to_owned(), *count)).collect() }
}

/// Photos of one SKU each.
fn folder_of_skus(skus: usize, photos: usize) -> Vec<Member> {
    let of_sku = |sku: usize| {
        let id = format!("sku-{sku:02}");
        (0..photos).map(move |photo| member(format!("{id}/{photo:03}.jpg"), &[(&id, 1)])).collect::<Vec<_>>()
    };
    (0..skus).flat_map(of_sku).collect()
}

#[test]
fn each_sku_is_divided_by_the_ratios() {
    let outcome = split(&folder_of_skus(12, 20), &[], "", &options("70,15,15", 3)).unwrap();
    assert_eq!(outcome.warnings, Vec::<String>::new());
    for (split, wanted) in [("train", 14), ("val", 3), ("test", 3)] {
        let classes = &outcome.split.counts[split].classes;
        assert_eq!(classes.values().collect::<BTreeSet<_>>(), BTreeSet::from([&wanted]), "{split}");
        assert_eq!(classes.len(), 12);
    }
}

/// Shelf photos: many SKUs on each, some of them rare.
#[test]
fn skus_that_share_photos_are_divided_nearly_by_the_ratios() {
    let members: Vec<Member> = (0..400_u64)
        .map(|photo| {
            let on_it = (0..20_u64).filter(|sku| (photo * 7 + sku * 13) % (sku + 2) == 0);
            let skus = on_it.map(|sku| (format!("sku-{sku:02}"), 1 + (photo + sku) % 5));
            Member { name: format!("{photo:03}.jpg"), skus: skus.collect() }
        })
        .collect();
    let split = split(&members, &[], "", &options("70,15,15", 1)).unwrap().split;
    let total = |sku: &str| split.counts.values().filter_map(|counts| counts.classes.get(sku)).sum::<u64>() as f64;
    for (name, ratio) in [("train", 0.70), ("val", 0.15), ("test", 0.15)] {
        for (sku, count) in &split.counts[name].classes {
            let share = *count as f64 / total(sku);
            assert!((share - ratio).abs() < 0.02, "{sku}: {share:.3} of it in {name}");
        }
        let share = split.counts[name].photos as f64 / 400.0;
        assert!((share - ratio).abs() < 0.05, "{share:.3} of the photos in {name}");
    }
}

/// Whoever deals out the photos of one SKU deals out all others with them.
#[test]
fn skus_that_are_on_every_photo_are_divided_by_the_ratios_too() {
    let count = |photo: u64, sku: u64| {
        let mixed = (photo * 12 + sku + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        1 + (mixed ^ mixed >> 31).wrapping_mul(0xBF58_476D_1CE4_E5B9) % 23
    };
    let skus = |photo: u64| (0..12).map(move |sku| (format!("sku-{sku:02}"), count(photo, sku))).collect();
    let members: Vec<Member> =
        (0..100).map(|photo| Member { name: format!("{photo:03}.jpg"), skus: skus(photo) }).collect();
    let split = split(&members, &[], "", &options("70,15,15", 0)).unwrap().split;
    for (name, ratio) in [("train", 0.70), ("val", 0.15), ("test", 0.15)] {
        for (sku, facings) in &split.counts[name].classes {
            let total: u64 = split.counts.values().filter_map(|counts| counts.classes.get(sku)).sum();
            let share = *facings as f64 / total as f64;
            assert!((share - ratio).abs() < 0.02, "{sku}: {share:.3} of it in {name}");
        }
    }
}

#[test]
fn a_seed_gives_another_split_of_the_same_quality() {
    let members = folder_of_skus(6, 20);
    let [one, other] = [1, 2].map(|seed| split(&members, &[], "", &options("70,15,15", seed)).unwrap().split);
    assert_ne!(one.splits, other.splits);
    assert_eq!(one.counts, other.counts);
}

#[test]
fn photos_of_one_group_stay_together() {
    let members: Vec<Member> =
        (0..60).map(|photo| member(format!("shop{}_{photo:02}.jpg", photo / 6), &[("cola", 2)])).collect();
    let group_by = Some(regex::Regex::new(r"^(shop\d+)_").unwrap());
    let split = split(&members, &[], "", &SplitOptions { group_by, ..options("60,20,20", 0) }).unwrap().split;
    let shops = |name: &str| -> BTreeSet<String> {
        split.splits[name].iter().map(|photo| photo.split('_').next().unwrap().to_owned()).collect()
    };
    let (train, val, test) = (shops("train"), shops("val"), shops("test"));
    assert!(train.is_disjoint(&val) && train.is_disjoint(&test) && val.is_disjoint(&test));
    assert_eq!((train.len(), val.len(), test.len()), (6, 2, 2));
    assert_eq!(split.together.len(), 10);
}

#[test]
fn a_pattern_that_matches_nothing_and_ratios_that_are_none_are_refused() {
    let group_by = Some(regex::Regex::new("^market").unwrap());
    let refused = split(&folder_of_skus(1, 3), &[], "", &SplitOptions { group_by, ..options("70,15,15", 0) });
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("`^market`") && refused.contains("sku-00/000.jpg"), "{refused}");
    for bad in [
        "",
        "70",
        "70,15,16",
        "0,50,50",
        "70,-15,45",
        "70.5,14.5,15",
        "25,25,25,25",
        "1e2,0,0",
        "99999999999999999999,1,0",
    ] {
        let refused = bad.parse::<Ratios>().unwrap_err();
        assert!(refused.contains("make 100"), "{bad}: {refused}");
    }
}

#[test]
fn what_can_t_be_balanced_is_told() {
    let members = folder_of_skus(2, 10);
    let together: Vec<(usize, usize)> = (1..9).map(|photo| (0, photo)).collect();
    let outcome = split(&members, &together, "", &options("70,15,15", 0)).unwrap();
    let told = |words: &str| outcome.warnings.iter().any(|warning| warning.contains(words));
    assert!(told("9 photos that belong together (such as sku-00/000.jpg)"), "{:?}", outcome.warnings);
    assert!(told("has no facing of 1 SKUs: sku-00"), "{:?}", outcome.warnings);
    let outcome = split(&members[..1], &[], "", &options("70,15,15", 0)).unwrap();
    assert!(outcome.warnings.iter().any(|warning| warning.contains("val got no photo")), "{:?}", outcome.warnings);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_photo_is_in_one_split_and_no_pair_is_separated(
        skus in prop::collection::vec(prop::collection::btree_map("[a-e]", 1_u64..4, 0..4), 1..40),
        pairs in prop::collection::vec((0_usize..40, 0_usize..40), 0..20),
        seed in any::<u64>(),
        ratios in prop::sample::select(vec!["70,15,15", "80,20", "34,33,33", "100,0,0"]),
        stratify in any::<bool>(),
    ) {
        let members: Vec<Member> =
            skus.into_iter().enumerate().map(|(photo, skus)| Member { name: format!("{photo:02}.jpg"), skus }).collect();
        let pairs: Vec<_> = pairs.into_iter().map(|(a, b)| (a % members.len(), b % members.len())).collect();
        let options = SplitOptions { stratify, ..options(ratios, seed) };
        let made = split(&members, &pairs, "", &options).unwrap().split;
        let place = |photo: usize| -> Vec<&String> {
            made.splits.iter().filter(|(_, photos)| photos.contains(&members[photo].name)).map(|(split, _)| split).collect()
        };
        for photo in 0..members.len() {
            prop_assert_eq!(place(photo).len(), 1);
        }
        for (a, b) in &pairs {
            prop_assert_eq!(place(*a), place(*b));
        }
        let turned: Vec<_> = pairs.iter().rev().map(|(a, b)| (*b, *a)).collect();
        prop_assert_eq!(&split(&members, &turned, "", &options).unwrap().split, &made);
    }
}

/// A photo as its labels describe it, without names of files.
fn contents(photos: &[Photo]) -> Vec<(Vec<u8>, Vec<String>)> {
    let content = |photo: &Photo| {
        let mut facings: Vec<String> = photo
            .facings
            .iter()
            .map(|facing| {
                let box_ = [facing.cx, facing.cy, facing.w, facing.h].map(|share| format!("{share:.6}")).join(" ");
                format!("{:?} {:?} {box_} {}", facing.sku, facing.container, facing.ignore)
            })
            .collect();
        facings.sort();
        (fs::read(&photo.path).unwrap(), facings)
    };
    let mut contents: Vec<_> = photos.iter().map(content).collect();
    contents.sort();
    contents
}

/// The same photos in each of the forms; two of different splits share a name.
fn in_form(form: Form, folder: &Folder) {
    for photo in 0..12_u64 {
        let split = if photo < 8 { "train" } else { "val" };
        let name = if photo == 8 { 0 } else { photo };
        let picture = blotches(100 + photo, 40, 30);
        let (sku, other) = (photo % 2, (photo + 1) % 2);
        let box_ = format!("0.5 0.4 0.2 0.{}", photo + 1);
        match form {
            Form::ImageFolder => drop(folder.picture(&format!("{split}/sku{sku}/{name}.jpg"), &picture)),
            Form::Coco => drop(folder.picture(&format!("{split}/{name}.jpg"), &picture)),
            _ => drop(folder.picture(&format!("images/{split}/{name}.jpg"), &picture)),
        }
        let labels = format!("labels/{split}/{name}.txt");
        match form {
            Form::SkuLines => {
                drop(folder.write(&labels, format!("sku{sku} can {box_}\nsku{other} - 0.2 0.2 0.1 0.1\n")))
            }
            Form::ContainerLines => drop(folder.write(&labels, format!("bottle {box_}\n"))),
            Form::Yolo if photo != 3 => drop(folder.write(&labels, format!("{sku} {box_}\n"))),
            _ => {}
        }
    }
    if form == Form::Yolo {
        folder.write("data.yaml", "train: images/train\nval: images/val\nnames: [\"sku: 0\", sku1]\n");
    }
    if form == Form::Coco {
        for (split, numbers) in [("train", 0..8), ("val", 8..12)] {
            let name = |photo: i64| if photo == 8 { 0 } else { photo };
            let images: Vec<_> = numbers
                .clone()
                .map(|photo| {
                    serde_json::json!({"id": photo, "file_name": format!("{}.jpg", name(photo)), "width": 40, "height": 30, "licence": 7})
                })
                .collect();
            let annotations: Vec<_> = numbers
                .map(|photo| {
                    serde_json::json!({"id": photo, "image_id": photo, "category_id": photo % 2, "bbox": [1, 2, 3 + photo, 4],
                        "area": 12, "iscrowd": i64::from(photo == 5)})
                })
                .collect();
            let categories = serde_json::json!([{"id": 1, "name": "sku1"}, {"id": 0, "name": "sku0"}]);
            let file = serde_json::json!({"images": images, "annotations": annotations, "categories": categories});
            folder.write(&format!("{split}/_annotations.coco.json"), file.to_string());
        }
    }
}

#[test]
fn a_split_laid_out_is_the_data_set_in_other_folders() {
    for form in [Form::ImageFolder, Form::Yolo, Form::SkuLines, Form::ContainerLines, Form::Coco] {
        let (folder, apart) = (Folder::new(), Folder::new());
        in_form(form, &folder);
        let dataset = Dataset::open(folder.path()).unwrap();
        assert_eq!((dataset.form, dataset.photos.len()), (form, 12));
        let members: Vec<Member> = dataset.photos.iter().map(Member::of).collect();
        let split = split(&members, &[], "", &options("50,25,25", 5)).unwrap().split;
        let out = apart.path().join("out");
        lay_out(&dataset, &split, &out, || ()).unwrap();

        let made = Dataset::open(&out).unwrap();
        assert_eq!(made.form, form);
        assert_eq!(contents(&made.photos), contents(&dataset.photos), "{form:?}");
        let of = |name: &str| -> BTreeMap<String, Vec<Photo>> {
            let mut splits = BTreeMap::<String, Vec<Photo>>::new();
            let photos = if name == "made" { &made.photos } else { &dataset.photos };
            for photo in photos {
                let wanted = || split.splits.iter().find(|(_, names)| names.contains(&photo.name)).unwrap().0.clone();
                let place = if name == "made" { photo.split.clone().unwrap() } else { wanted() };
                splits.entry(place).or_default().push(photo.clone());
            }
            splits
        };
        let (made, wanted) = (of("made"), of("wanted"));
        assert_eq!(made.keys().collect::<Vec<_>>(), ["test", "train", "val"]);
        for (split, photos) in made {
            assert_eq!(contents(&photos), contents(&wanted[&split]), "{form:?} {split}");
        }
        assert_eq!(fs::read_dir(apart.path()).unwrap().count(), 1, "nothing is left beside it");

        let refused = lay_out(&dataset, &split, &out, || ()).unwrap_err().to_string();
        assert!(refused.contains("not empty"), "{refused}");
        let inside = lay_out(&dataset, &split, &folder.path().join("new"), || ()).unwrap_err().to_string();
        assert!(inside.contains("lies in the data set"), "{inside}");
    }
}

#[test]
#[cfg(unix)]
fn photos_are_links_and_labels_are_copies() {
    use std::os::unix::fs::MetadataExt;
    let (folder, apart) = (Folder::new(), Folder::new());
    in_form(Form::SkuLines, &folder);
    folder.write("skus.csv", "sku,container\n");
    let dataset = Dataset::open(folder.path()).unwrap();
    let members: Vec<Member> = dataset.photos.iter().map(Member::of).collect();
    let split = split(&members, &[], "", &options("100,0,0", 0)).unwrap().split;
    let out = apart.path().join("out");
    lay_out(&dataset, &split, &out, || ()).unwrap();
    let links = |name: &str| fs::metadata(out.join(name)).unwrap().nlink();
    assert_eq!((links("images/train/4.jpg"), links("labels/train/4.txt")), (2, 1));
    assert!(out.join("images/train/train_0.jpg").is_file() && out.join("images/train/val_0.jpg").is_file());
    assert!(out.join("skus.csv").is_file());
}
