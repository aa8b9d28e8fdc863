//! What people labelled, read back as the data set it claims to be.

use std::io::{Cursor, Read};
use std::path::Path;

use serde_json::json;
use shelfscan_lab::dataset::Dataset;
use shelfscan_lab::layout::lay_out;
use shelfscan_lab::split::{self, Member, SplitOptions};
use shelfscan_server::database::tokens::Role;
use zip::ZipArchive;

use crate::items::item;
use crate::running::{BASE, Running};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_form_is_read_by_the_lab() {
    let server = Running::start().await;
    for number in 0..9 {
        server.put_new(&item(number)).await;
        let label = match number {
            0..4 => json!({"is": "sku", "sku": "cola"}),
            4..7 => json!({"is": "sku", "sku": "pils"}),
            7 => json!({"is": "not_a_product"}),
            _ => json!({"is": "skip"}),
        };
        let label = json!({"item_id": item(number).id().to_string(), "label": label});
        server.post(Role::Reviewer, "/review/label", label).await.json();
    }
    for (format, photos) in [("imagefolder", 7), ("yolo", 8), ("coco", 8)] {
        let folder = tempfile::tempdir().unwrap();
        let zipped = server.get(Role::Admin, &format!("{BASE}/active-learning/export?format={format}")).await;
        assert_eq!(zipped.status.as_u16(), 200);
        unpack(&zipped.body, folder.path());
        let set = Dataset::open(folder.path()).unwrap_or_else(|error| panic!("{format}: {error}"));
        assert_eq!(set.photos.len(), photos, "{format}");
        let facings: Vec<_> =
            set.photos.iter().flat_map(|photo| &photo.facings).filter(|facing| !facing.ignore).collect();
        for (sku, expected) in [("cola", 4), ("pils", 3)] {
            let found = facings.iter().filter(|facing| facing.sku.as_deref() == Some(sku)).count();
            assert_eq!(found, expected, "{format}: {sku}");
        }
        assert_eq!(facings.len(), 7, "{format}: what is no product is no facing");
        let whole = format == "imagefolder";
        for facing in facings {
            let (cx, w) = if whole { (0.5, 1.0) } else { (0.5, 40.0 / 60.0) };
            assert!((facing.cx - cx).abs() < 1e-5 && (facing.w - w).abs() < 1e-5, "{format}: {facing:?}");
        }
        for photo in &set.photos {
            let size = image::open(&photo.path).unwrap().to_rgb8().dimensions();
            assert_eq!(size, if whole { (40, 95) } else { (60, 120) }, "{format}: {}", photo.name);
        }
        let options = SplitOptions { group_by: Some("([0-9a-f]{12})-".parse().unwrap()), ..SplitOptions::default() };
        let members: Vec<Member> = set.photos.iter().map(Member::of).collect();
        let outcome = split::split(&members, &[], "", &options).unwrap_or_else(|error| panic!("{format}: {error}"));
        let out = tempfile::tempdir().unwrap();
        lay_out(&set, &outcome.split, out.path(), || ()).unwrap_or_else(|error| panic!("{format}: {error}"));
        assert_eq!(Dataset::open(out.path()).unwrap().photos.len(), photos, "{format}: laid out");
        let of_one_photo = outcome.split.together.iter().any(|group| group.len() >= 3);
        assert!(of_one_photo, "{format}: facings of one photo stay together: {:?}", outcome.split.together);
    }
}

/// Around the facing there may be others that nobody labelled, so there is nothing to be seen there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn yolos_pictures_are_grey_around_the_facing() {
    let server = Running::start().await;
    server.put_new(&item(5)).await;
    let label = json!({"item_id": item(5).id().to_string(), "label": {"is": "sku", "sku": "cola"}});
    server.post(Role::Reviewer, "/review/label", label).await.json();
    let folder = tempfile::tempdir().unwrap();
    let zipped = server.get(Role::Admin, &format!("{BASE}/active-learning/export?format=yolo")).await;
    unpack(&zipped.body, folder.path());
    let set = Dataset::open(folder.path()).unwrap();
    let picture = image::open(&set.photos[0].path).unwrap().to_rgb8();
    let near = |pixel: &image::Rgb<u8>| pixel.0.iter().all(|value| value.abs_diff(114) < 8);
    assert!(near(picture.get_pixel(2, 2)) && near(picture.get_pixel(57, 117)));
    assert!(!near(picture.get_pixel(30, 60)));
}

fn unpack(zipped: &[u8], folder: &Path) {
    let mut archive = ZipArchive::new(Cursor::new(zipped)).unwrap();
    for number in 0..archive.len() {
        let mut file = archive.by_index(number).unwrap();
        let path = folder.join(file.enclosed_name().unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}
