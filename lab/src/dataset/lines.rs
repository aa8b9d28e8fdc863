//! `images/SPLIT` beside `labels/SPLIT` with a text file for each photo: lines of `SKU CONTAINER cx cy w h`, of
//! `CONTAINER cx cy w h`, or YOLO's class number and four numbers without a `data.yaml`.
//!
//! Owns which of the three it is (that of most lines; all must agree) and how label files pair with photos. In
//! the two forms of words a photo without a label file is an error: an empty file says that nothing stands there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Dataset, Form, LabelPlace, LabelledFacing, Photo, UNLABELLED, number};
use super::{are_containers, ending, entries, name_below, own_name, photos_in};
use crate::error::{LabError, Result};

/// A photo and its label file, which may not be there.
pub(super) struct Pair {
    pub(super) photo: PathBuf,
    pub(super) labels: PathBuf,
    pub(super) split: Option<String>,
}

/// Photos with their label files, and what doesn't pair up.
#[derive(Default)]
pub(super) struct Pairs {
    pub(super) pairs: Vec<Pair>,
    /// Label files without a photo.
    pub(super) orphans: Vec<PathBuf>,
}

pub(super) fn open(root: &Path, faults: &mut Vec<LabError>) -> Result<Dataset> {
    let (images, labels) = (root.join("images"), root.join("labels"));
    let mut found = Pairs::default();
    pair_up(&images, &labels, None, &mut found, faults)?;
    for folder in entries(&images)?.into_iter().filter(|path| path.is_dir()) {
        let split = own_name(&folder)?;
        pair_up(&folder, &labels.join(split), Some(split), &mut found, faults)?;
    }
    let texts: Vec<Option<String>> = found.pairs.iter().map(|pair| read_labels(&pair.labels, faults)).collect();
    let form = form_of_most(&texts);
    if form == Form::Yolo {
        let classes = class_list(root, &texts)?;
        return super::yolo::from_texts(root, found, texts, classes, faults);
    }
    let mut photos = Vec::with_capacity(texts.len());
    for (pair, text) in found.pairs.into_iter().zip(texts) {
        let text = text.unwrap_or_else(|| {
            let labels = pair.labels.display();
            let reason = format!("its labels, {labels}, are missing; an empty file says that nothing stands there");
            faults.push(LabError::content(&pair.photo, reason));
            String::new()
        });
        let facings = numbered(&pair.labels, &text, faults, |line| of_words(form, line));
        let (name, path, split) = (name_below(root, &pair.photo)?, pair.photo, pair.split);
        photos.push(Photo { name, path, split, labels: Some(pair.labels), size: None, facings });
    }
    Ok(Dataset { root: root.into(), form, photos, classes: Vec::new(), orphans: found.orphans })
}

/// Pairs the photos of a folder with the label files of another, by the names without endings.
pub(super) fn pair_up(
    images: &Path,
    labels: &Path,
    split: Option<&str>,
    found: &mut Pairs,
    faults: &mut Vec<LabError>,
) -> Result<()> {
    let mut by_stem: BTreeMap<String, PathBuf> = BTreeMap::new();
    for photo in photos_in(images)? {
        own_name(&photo)?;
        let stem = photo.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let file = labels.join(format!("{stem}.txt"));
        if let Some(other) = by_stem.insert(stem, photo.clone()) {
            let reason = format!("{} has the same label file, {}; rename one", other.display(), file.display());
            faults.push(LabError::content(&photo, reason));
            continue;
        }
        found.pairs.push(Pair { photo, labels: file, split: split.map(Into::into) });
    }
    if labels.is_dir() {
        let text = |path: &PathBuf| ending(path) == "txt" && path.is_file();
        let stem = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // Lists of class names lie among the labels of some tools.
        let listed = |path: &PathBuf| by_stem.contains_key(&stem(path)) || stem(path) == "classes";
        found.orphans.extend(entries(labels)?.into_iter().filter(|path| text(path) && !listed(path)));
    }
    Ok(())
}

/// A label file's text; none where it is not there.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(LabError::File { path: path.into(), source }),
    };
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        LabError::line(path, line, "not UTF-8 text; save it as UTF-8")
    })
}

/// A label file's text; none where it is not there, empty where it can't be read.
pub(super) fn read_labels(path: &Path, faults: &mut Vec<LabError>) -> Option<String> {
    read(path).unwrap_or_else(|error| {
        faults.push(error);
        Some(String::new())
    })
}

/// Reads each line that is not blank.
pub(super) fn numbered(
    path: &Path,
    text: &str,
    faults: &mut Vec<LabError>,
    read: impl Fn(&str) -> std::result::Result<LabelledFacing, String>,
) -> Vec<LabelledFacing> {
    let mut facings = Vec::new();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        match read(text) {
            Ok(facing) => facings.push(LabelledFacing { at: LabelPlace::Line(line), ..facing }),
            Err(reason) => faults.push(LabError::line(path, line, reason)),
        }
    }
    facings
}

/// The form that most lines have: the few others are wrong, and not the many. Of equally many, that of the first line.
fn form_of_most(texts: &[Option<String>]) -> Form {
    let mut forms: Vec<(Form, usize)> = Vec::new();
    for line in texts.iter().flatten().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty()) {
        let form = form_of(line);
        match forms.iter_mut().find(|(of, _)| *of == form) {
            Some((_, lines)) => *lines += 1,
            None => forms.push((form, 1)),
        }
    }
    forms.into_iter().rev().max_by_key(|(_, lines)| *lines).map_or(Form::ContainerLines, |(form, _)| form)
}

fn form_of(line: &str) -> Form {
    let words: Vec<&str> = line.split_whitespace().collect();
    let starts_with_number = words.first().is_some_and(|word| word.parse::<f64>().is_ok());
    match words.len() {
        // A SKU may look like a number, its container can't.
        6 if words[1].parse::<f64>().is_err() => Form::SkuLines,
        _ if starts_with_number => Form::Yolo,
        _ => Form::ContainerLines,
    }
}

fn of_words(form: Form, line: &str) -> std::result::Result<LabelledFacing, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (wanted, is) = match form {
        Form::SkuLines => (6, "SKU CONTAINER cx cy w h"),
        _ => (5, "CONTAINER cx cy w h"),
    };
    if words.len() != wanted {
        return Err(format!("{} words, but a line here is `{is}`", words.len()));
    }
    let (class, numbers) = words.split_at(wanted - 4);
    let [cx, cy, w, h] = four(numbers)?;
    let container = class[class.len() - 1];
    if container.parse::<f64>().is_ok() {
        return Err(format!("the container is `{container}`; a line here is `{is}`"));
    }
    let labelled = |word: &str| (word != UNLABELLED).then(|| word.to_owned());
    let sku = if form == Form::SkuLines { labelled(class[0]) } else { None };
    Ok(LabelledFacing { cx, cy, w, h, container: labelled(container), sku, ignore: false, at: LabelPlace::Folder })
}

pub(super) fn four(words: &[&str]) -> std::result::Result<[f64; 4], String> {
    let mut numbers = [0.0; 4];
    for ((number_, word), what) in numbers.iter_mut().zip(words).zip(["cx", "cy", "w", "h"]) {
        *number_ = number(word, what)?;
    }
    Ok(numbers)
}

/// Names of the class numbers: `classes.txt`, or the numbers themselves.
fn class_list(root: &Path, texts: &[Option<String>]) -> Result<Vec<String>> {
    for place in [root.join("classes.txt"), root.join("labels/classes.txt")] {
        if let Some(text) = read(&place)? {
            return Ok(text.lines().map(str::trim).filter(|name| !name.is_empty()).map(Into::into).collect());
        }
    }
    let numbers =
        texts.iter().flatten().flat_map(|text| text.lines()).filter_map(|line| line.split_whitespace().next());
    let highest = numbers.filter_map(|word| word.parse::<u16>().ok()).max().unwrap_or(0);
    Ok((0..=highest).map(|number| number.to_string()).collect())
}

/// Puts a class name where it belongs.
pub(super) fn classify(name: &str, classes: &[String]) -> (Option<String>, Option<String>) {
    let name = Some(name.to_owned());
    if are_containers(classes.iter().map(String::as_str)) { (name, None) } else { (None, name) }
}
