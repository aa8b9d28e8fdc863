//! Ultralytics YOLO: `data.yaml` names the splits' folders and the classes; a label line is a class number and four numbers
//! (box) or pairs of numbers (the outline, whose bounds are the box).
//!
//! A photo without a label file shows background only, as Ultralytics has it. Class names are kinds of containers if all of them
//! are (`bottle`, `can`, `glass`, `unknown_container`), else they are SKUs.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::lines::{Pair, Pairs, classify, four, numbered, pair_up, read_labels};
use super::{Dataset, Form, LabelPlace, LabelledFacing, Photo, is_photo, name_below, number};
use crate::error::{LabError, Result};

/// The fields of a `data.yaml` that say where things are; it has others.
#[derive(Deserialize)]
struct Config {
    path: Option<PathBuf>,
    #[serde(default)]
    train: Places,
    #[serde(default)]
    val: Places,
    #[serde(default)]
    test: Places,
    names: Names,
}

/// One folder or list file, or several.
#[derive(Default)]
struct Places(Vec<PathBuf>);

/// Class names in the order of their numbers.
struct Names(Vec<(u64, String)>);

pub(super) fn open_config(root: &Path, path: &Path, faults: &mut Vec<LabError>) -> Result<Dataset> {
    let text = fs::read_to_string(path).map_err(LabError::file(path))?;
    let config: Config = serde_saphyr::from_str(&text).map_err(|error| LabError::content(path, first_line(&error)))?;
    let mut classes = Vec::new();
    for (expected, (number, name)) in (0..).zip(config.names.0) {
        if number != expected {
            return Err(LabError::content(
                path,
                format!("names: class {expected} has no name; classes are 0, 1, 2, ..."),
            ));
        }
        classes.push(name);
    }
    if classes.is_empty() {
        return Err(LabError::content(path, "names: no classes"));
    }
    let base = config.path.map_or(root.to_owned(), |path| root.join(path));
    let mut pairs = Pairs::default();
    for (split, places) in [("train", config.train), ("val", config.val), ("test", config.test)] {
        for place in places.0 {
            let found = find(root, &base, &place).ok_or_else(|| {
                LabError::content(path, format!("{split}: there is no {}", base.join(&place).display()))
            })?;
            if found.is_file() {
                from_list(&found, &base, split, &mut pairs.pairs, faults)?;
            } else {
                pair_up(&found, &labels_of(&found), Some(split), &mut pairs, faults)?;
            }
        }
    }
    let texts = pairs.pairs.iter().map(|pair| read_labels(&pair.labels, faults)).collect();
    from_texts(root, pairs, texts, classes, faults)
}

/// The data set that these label files' texts make, `classes` naming the class numbers.
pub(super) fn from_texts(
    root: &Path,
    pairs: Pairs,
    texts: Vec<Option<String>>,
    classes: Vec<String>,
    faults: &mut Vec<LabError>,
) -> Result<Dataset> {
    let mut photos = Vec::with_capacity(texts.len());
    for (Pair { photo, labels, split }, text) in pairs.pairs.into_iter().zip(texts) {
        let lines = text.as_deref().unwrap_or_default();
        let facings = numbered(&labels, lines, faults, |line| of_numbers(line, &classes));
        let labels = text.map(|_| labels);
        photos.push(Photo { name: name_below(root, &photo)?, path: photo, split, labels, size: None, facings });
    }
    Ok(Dataset { root: root.into(), form: Form::Yolo, photos, classes, orphans: pairs.orphans })
}

fn of_numbers(line: &str, classes: &[String]) -> std::result::Result<LabelledFacing, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some((class, numbers)) = words.split_first() else { return Err("an empty line".into()) };
    let class_number = class.parse::<f64>().ok().filter(|class| class.fract() == 0.0 && *class >= 0.0);
    let class_number =
        class_number.ok_or_else(|| format!("the class is `{class}`, but must be a number from 0"))? as usize;
    let Some(name) = classes.get(class_number) else {
        return Err(format!("class {class_number}, but there are {} class names", classes.len()));
    };
    let [cx, cy, w, h] = match numbers.len() {
        4 => four(numbers)?,
        points if points >= 6 && points % 2 == 0 => bounds(numbers)?,
        _ => {
            return Err(format!(
                "{} numbers after the class; cx cy w h, or the points of an outline, are needed",
                numbers.len()
            ));
        }
    };
    let (container, sku) = classify(name, classes);
    Ok(LabelledFacing { cx, cy, w, h, container, sku, ignore: false, at: LabelPlace::Folder })
}

/// The box around an outline.
fn bounds(words: &[&str]) -> std::result::Result<[f64; 4], String> {
    let (mut low, mut high) = ([f64::MAX; 2], [f64::MIN; 2]);
    for (at, word) in words.iter().enumerate() {
        let value = number(word, "a point")?;
        low[at % 2] = low[at % 2].min(value);
        high[at % 2] = high[at % 2].max(value);
    }
    Ok([(low[0] + high[0]) / 2.0, (low[1] + high[1]) / 2.0, high[0] - low[0], high[1] - low[1]])
}

/// Where a place of `data.yaml` is: below `path`, or, as exports write `../train/images` for a folder beside the file, there.
fn find(root: &Path, base: &Path, place: &Path) -> Option<PathBuf> {
    let beside = place.strip_prefix("..").ok().map(|place| root.join(place));
    [Some(base.join(place)), beside].into_iter().flatten().find(|path| path.exists())
}

/// `images` as the last such part of a path becomes `labels`; without one, labels lie beside the photos.
fn labels_of(images: &Path) -> PathBuf {
    let parts: Vec<_> = images.components().collect();
    match parts.iter().rposition(|part| part.as_os_str() == "images") {
        Some(at) => parts[..at]
            .iter()
            .map(|part| part.as_os_str())
            .chain(["labels".as_ref()])
            .chain(parts[at + 1..].iter().map(|part| part.as_os_str()))
            .collect(),
        None => images.into(),
    }
}

/// A text file with a photo's path on each line.
fn from_list(list: &Path, base: &Path, split: &str, pairs: &mut Vec<Pair>, faults: &mut Vec<LabError>) -> Result<()> {
    let text = fs::read_to_string(list).map_err(LabError::file(list))?;
    for (line, place) in (1..).zip(text.lines().map(str::trim)).filter(|(_, place)| !place.is_empty()) {
        let photo = match place.strip_prefix("./") {
            Some(place) => list.parent().unwrap_or(base).join(place),
            None => base.join(place),
        };
        if !is_photo(&photo) || !photo.is_file() {
            faults.push(LabError::line(list, line, format!("there is no photo {}", photo.display())));
            continue;
        }
        let labels =
            labels_of(photo.parent().unwrap_or(base)).join(photo.file_stem().unwrap_or_default()).with_extension("txt");
        pairs.push(Pair { photo, labels, split: Some(split.into()) });
    }
    Ok(())
}

/// The reason without the quoted text that follows it.
fn first_line(error: &serde_saphyr::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct PlacesVisitor;
        impl<'de> Visitor<'de> for PlacesVisitor {
            type Value = Places;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a folder or list file, or several")
            }

            fn visit_unit<E>(self) -> std::result::Result<Places, E> {
                Ok(Places::default())
            }

            fn visit_none<E>(self) -> std::result::Result<Places, E> {
                Ok(Places::default())
            }

            fn visit_str<E>(self, text: &str) -> std::result::Result<Places, E> {
                Ok(Places(if text.is_empty() { Vec::new() } else { vec![text.into()] }))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Places, A::Error> {
                let mut places = Vec::new();
                while let Some(place) = seq.next_element()? {
                    places.push(place);
                }
                Ok(Places(places))
            }
        }
        deserializer.deserialize_any(PlacesVisitor)
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct NamesVisitor;
        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a list of class names, or a map from class numbers to names")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = seq.next_element()? {
                    names.push((names.len() as u64, name));
                }
                Ok(Names(names))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    names.push(entry);
                }
                names.sort();
                Ok(Names(names))
            }
        }
        deserializer.deserialize_any(NamesVisitor)
    }
}
