//! Pictures that are stored in unusual ways and are scanned all the same.

use std::fs;
use std::path::Path;

use image::ImageFormat::{Jpeg, Png};
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgb, Rgba};
use serde_json::Value;

use crate::arguments;
use crate::bundle::shipped;
use crate::program::{encoded, json, picture, shelfscan};

/// What a scan says of a picture: all but its file's name.
fn scanned(picture: &DynamicImage, format: ImageFormat) -> Value {
    let here = tempfile::tempdir().unwrap();
    let photo = here.path().join("photo");
    fs::write(&photo, encoded(picture, format)).unwrap();
    let ran = shelfscan(arguments!["scan", photo, "--bundle", shipped(), "--json", "-"]);
    let mut report: Value = serde_json::from_str(&ran.succeeds().stdout).unwrap();
    let mut told = report["photos"][0].take();
    told.as_object_mut().unwrap().remove("file").unwrap();
    told
}

#[test]
fn sixteen_bit_and_opaque_pictures_give_what_their_eight_bits_give() {
    let plain = picture().into_rgb8();
    let (width, height) = plain.dimensions();
    let wanted = scanned(&plain.clone().into(), Png);
    assert!(!wanted["facings"].as_array().unwrap().is_empty());

    let deep: ImageBuffer<Rgb<u16>, Vec<u16>> =
        ImageBuffer::from_fn(width, height, |x, y| Rgb(plain.get_pixel(x, y).0.map(|value| u16::from(value) * 257)));
    assert_eq!(scanned(&deep.into(), Png), wanted, "16 bits");
    let opaque = DynamicImage::from(plain).into_rgba8();
    assert_eq!(scanned(&opaque.into(), Png), wanted, "alpha 255");
}

#[test]
fn grey_pictures_give_what_grey_in_colour_gives() {
    let grey = picture().into_luma8();
    let (width, height) = grey.dimensions();
    let coloured = ImageBuffer::from_fn(width, height, |x, y| {
        let Luma([value]) = *grey.get_pixel(x, y);
        Rgb([value; 3])
    });
    let wanted = scanned(&coloured.into(), Png);
    assert_eq!(scanned(&grey.clone().into(), Png), wanted);
    let deep: ImageBuffer<Luma<u16>, Vec<u16>> =
        ImageBuffer::from_fn(width, height, |x, y| Luma([u16::from(grey.get_pixel(x, y).0[0]) * 257]));
    assert_eq!(scanned(&deep.into(), Png), wanted, "16 bits");
    assert_eq!(scanned(&grey.into(), Jpeg)["width"], wanted["width"], "grey JPEG");
}

#[test]
fn transparent_pixels_are_white() {
    let plain = picture().into_rgb8();
    let (width, height) = plain.dimensions();
    let clear_left = ImageBuffer::from_fn(width, height, |x, y| {
        let Rgb([red, green, blue]) = *plain.get_pixel(x, y);
        Rgba([red, green, blue, if x < width / 2 { 0 } else { 255 }])
    });
    let white_left =
        ImageBuffer::from_fn(width, height, |x, y| if x < width / 2 { Rgb([255; 3]) } else { *plain.get_pixel(x, y) });
    assert_eq!(scanned(&clear_left.into(), Png), scanned(&white_left.into(), Png));
}

#[test]
fn cmyk_has_its_colours() {
    let photo = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/photos/cmyk.jpg");
    let here = tempfile::tempdir().unwrap();
    let (report, annotated) = (here.path().join("report.json"), here.path().join("annotated.png"));
    let ran = shelfscan(arguments!["scan", photo, "--bundle", shipped(), "--json", report, "--annotate", annotated]);
    ran.succeeds();
    let report = json(&report);
    let brightness = report["photos"][0]["quality"]["brightness"].as_f64().unwrap();
    assert!((0.12..0.25).contains(&brightness), "dark colours; inverted they would be bright: {brightness}");

    // Pillow makes these of it: (195, 0, 0) and (0, 29, 135).
    let drawn = image::open(annotated).unwrap().into_rgb8();
    let (width, height) = (drawn.width(), drawn.width() * 48 / 64);
    for (x, wanted) in [(width / 4, [195, 0, 0]), (width * 3 / 4, [0, 29, 135])] {
        let Rgb(found) = *drawn.get_pixel(x, height / 2);
        let near = found.iter().zip(wanted).all(|(&found, wanted)| (i32::from(found) - wanted).abs() <= 16);
        assert!(near, "{found:?}, not {wanted:?}");
    }
}

#[test]
fn a_picture_stored_on_its_side_is_upright_in_the_report() {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut bytes);
    // A TIFF header with one tag: orientation (0x0112) is 6, turn clockwise by 90 degrees.
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    image::ImageEncoder::set_exif_metadata(&mut encoder, exif.to_vec()).unwrap();
    encoder.encode_image(&picture().into_rgb8().view_part()).unwrap();
    let here = tempfile::tempdir().unwrap();
    let (photo, report, annotated) =
        (here.path().join("side.jpg"), here.path().join("report.json"), here.path().join("upright.png"));
    fs::write(&photo, bytes).unwrap();
    shelfscan(arguments!["scan", photo, "--bundle", shipped(), "--json", report, "--annotate", annotated]).succeeds();
    let report = json(&report);
    assert_eq!((&report["photos"][0]["width"], &report["photos"][0]["height"]), (&60.into(), &120.into()));
    let drawn = image::open(annotated).unwrap();
    assert!(drawn.height() >= 2 * drawn.width() - 2, "{}x{}", drawn.width(), drawn.height());
}

/// A part of a picture, 120 x 60 pixels.
trait Part {
    fn view_part(&self) -> DynamicImage;
}

impl Part for image::RgbImage {
    fn view_part(&self) -> DynamicImage {
        image::imageops::crop_imm(self, 0, 0, 120, 60).to_image().into()
    }
}
