//! What counts as nearly the same photo.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use proptest::prelude::*;
use shelfscan_lab::dataset::Dataset;
use shelfscan_lab::near::{groups, pairs};
use shelfscan_lab::photos::look_at;

use crate::folder::{Folder, blotches, jpeg};

/// Pairs of near-duplicates among pictures, by number.
fn near(pictures: &[Vec<u8>]) -> Vec<(usize, usize)> {
    let folder = Folder::new();
    for (number, bytes) in pictures.iter().enumerate() {
        folder.write(&format!("sku/{number:03}.jpg"), bytes);
    }
    let photos = Dataset::open(folder.path()).unwrap().photos;
    let looks: Vec<_> = look_at(&photos, || ()).into_iter().map(|seen| Some(seen.unwrap().look)).collect();
    pairs(&looks)
}

#[test]
fn a_photo_encoded_scaled_or_exposed_anew_is_near_and_another_is_not() {
    let photo = blotches(7, 400, 300);
    let exposed = RgbImage::from_fn(400, 300, |x, y| {
        Rgb(photo.get_pixel(x, y).0.map(|level| (f32::from(level) * 1.15 + 12.0).min(255.0) as u8))
    });
    let cropped = imageops::crop_imm(&photo, 4, 3, 392, 294).to_image();
    let pictures = [
        jpeg(&photo, 92),
        jpeg(&photo, 40),
        jpeg(&imageops::resize(&photo, 173, 130, FilterType::Triangle), 80),
        jpeg(&exposed, 85),
        jpeg(&cropped, 85),
        jpeg(&blotches(8, 400, 300), 92),
        jpeg(&imageops::flip_horizontal(&photo), 92),
    ];
    let wanted: Vec<_> = (0..5).flat_map(|a| (a + 1..5).map(move |b| (a, b))).collect();
    assert_eq!(near(&pictures), wanted);
}

#[test]
fn products_on_white_are_told_apart_by_themselves_not_by_the_ground() {
    let product = |label: [u8; 3], at: u32| {
        let mut picture = RgbImage::from_pixel(120, 320, Rgb([250; 3]));
        for y in 40..310 {
            for x in 30..90 {
                let on_label = (at..at + 30).contains(&x) && (150..240).contains(&y);
                let colour = if on_label { label } else { [150, 90, 30] };
                // Light falls on it from the left and above.
                picture.put_pixel(
                    x,
                    y,
                    Rgb(colour.map(|level| (u32::from(level) * (150 - x) * (500 - y) / 55_200) as u8)),
                );
            }
        }
        jpeg(&picture, 90)
    };
    let pictures = [
        product([240, 240, 230], 45),
        product([240, 240, 230], 46),
        product([240, 240, 230], 70),
        product([20, 60, 20], 45),
    ];
    assert_eq!(near(&pictures), [(0, 1)]);
}

#[test]
fn tiny_and_blank_pictures_are_compared_too() {
    let pictures = [
        jpeg(&RgbImage::from_pixel(1, 1, Rgb([9; 3])), 90),
        jpeg(&RgbImage::from_pixel(50, 50, Rgb([9; 3])), 90),
        jpeg(&blotches(3, 9, 40), 90),
    ];
    assert_eq!(near(&pictures), [(0, 1)]);
}

proptest! {
    #[test]
    fn groups_are_what_pairs_connect(count in 1_usize..20, pairs in prop::collection::vec((0_usize..20, 0_usize..20), 0..20)) {
        let pairs: Vec<_> = pairs.into_iter().map(|(a, b)| (a % count, b % count)).collect();
        let groups = groups(count, pairs.iter().copied());
        let mut all: Vec<usize> = groups.concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
        let group_of = |member: usize| groups.iter().position(|group| group.contains(&member));
        for (a, b) in &pairs {
            prop_assert_eq!(group_of(*a), group_of(*b));
        }
        // Each member of a group is reached from its first over pairs.
        for group in &groups {
            let mut reached = vec![group[0]];
            let mut at = 0;
            while let Some(&member) = reached.get(at) {
                let next = pairs.iter().flat_map(|&(a, b)| [(a, b), (b, a)]).filter(|(a, _)| *a == member);
                for (_, b) in next {
                    if !reached.contains(&b) {
                        reached.push(b);
                    }
                }
                at += 1;
            }
            reached.sort_unstable();
            prop_assert_eq!(&reached, group);
        }
    }
}
