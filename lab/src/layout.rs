//! A split as folders that a training run takes.
//!
//! Owns where a photo and its labels go: `images/SPLIT` and `labels/SPLIT` for data sets with label files, with a `data.yaml` for
//! YOLO; `SPLIT/SKU` for ImageFolder; `SPLIT/_annotations.coco.json` beside the photos for COCO. Photos are hard links where the
//! disk allows it, else copies; labels are copies, as people correct labels and must not change the originals by it.
//!
//! Refuses: a folder that is not empty. It is all there at the end, or nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::dataset::{Dataset, Form, Photo};
use crate::split::{SPLITS, Split};
use crate::{LabError, Result};

/// Makes sure that a split of `dataset` can be laid out in `out`.
///
/// # Errors
/// It holds something, or lies in the data set.
pub fn check_place(dataset: &Dataset, out: &Path) -> Result<()> {
    let refused = |reason: &str| LabError::Write { path: out.into(), reason: reason.into() };
    match fs::read_dir(out).map(|mut entries| entries.next().is_some()) {
        Ok(true) => return Err(refused("it is not empty; give a new folder")),
        Err(_) if out.exists() => return Err(refused("it is no folder; give a new folder")),
        _ => {}
    }
    let folder = above(out).canonicalize().map_err(|error| refused(&format!("{}: {error}", above(out).display())))?;
    match dataset.root.canonicalize() {
        Ok(root) if folder.starts_with(&root) => Err(refused("it lies in the data set; give a folder outside")),
        _ => Ok(()),
    }
}

/// Lays out a split of `dataset` in `out`. `done` is called after each photo.
///
/// # Errors
/// As [`check_place`]; two photos that would get one name; files that can't be read or written.
pub fn lay_out(dataset: &Dataset, split: &Split, out: &Path, done: impl Fn()) -> Result<()> {
    check_place(dataset, out)?;
    let failed = |error: std::io::Error| LabError::Write { path: out.into(), reason: error.to_string() };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".shelfscan-");
    // Open to others like any new folder, not for the owner alone as temporary ones are.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    let work = builder.tempdir_in(above(out)).map_err(failed)?;

    let by_name: BTreeMap<&str, &Photo> = dataset.photos.iter().map(|photo| (photo.name.as_str(), photo)).collect();
    let names = new_names(dataset)?;
    for (place, photos) in &split.splits {
        let photos: Vec<&Photo> = photos.iter().filter_map(|name| by_name.get(name.as_str()).copied()).collect();
        for photo in &photos {
            let name = names.get(photo.name.as_str()).map_or(photo.name.as_str(), String::as_str);
            put(dataset.form, photo, place, name, work.path())?;
            done();
        }
        if dataset.form == Form::Coco {
            let text = crate::error::json(&coco(dataset, &photos, &names)?)?;
            write(&work.path().join(place).join("_annotations.coco.json"), text.as_bytes())?;
        }
    }
    if dataset.form == Form::Yolo {
        write(&work.path().join("data.yaml"), data_yaml(dataset, split)?.as_bytes())?;
    }
    let skus = dataset.root.join("skus.csv");
    if skus.is_file() {
        copy(&skus, &work.path().join("skus.csv"))?;
    }
    if out.is_dir() {
        fs::remove_dir(out).map_err(failed)?;
    }
    fs::rename(work.path(), out).map_err(failed)
}

fn above(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The file name of each photo. Where photos of different splits have the same, their old folders become part of it.
fn new_names(dataset: &Dataset) -> Result<BTreeMap<&str, String>> {
    let key = |photo: &Photo, name: &str| {
        let folder = if dataset.form == Form::ImageFolder { sku_of(photo) } else { "" };
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        (folder.to_owned(), stem.to_lowercase())
    };
    let own_name = |photo: &Photo| photo.name.rsplit('/').next().unwrap_or(&photo.name).to_owned();
    let mut uses = BTreeMap::<_, usize>::new();
    for photo in &dataset.photos {
        *uses.entry(key(photo, &own_name(photo))).or_default() += 1;
    }
    let (mut names, mut taken) = (BTreeMap::new(), BTreeSet::new());
    for photo in &dataset.photos {
        let mut name = own_name(photo);
        if uses.get(&key(photo, &name)).is_some_and(|uses| *uses > 1) {
            name = photo.name.trim_start_matches("images/").replace(['/', ':'], "_");
        }
        if !taken.insert(key(photo, &name)) {
            return Err(LabError::content(&photo.path, "another photo would get the same name; rename it"));
        }
        names.insert(photo.name.as_str(), name);
    }
    Ok(names)
}

fn put(form: Form, photo: &Photo, split: &str, name: &str, out: &Path) -> Result<()> {
    match (form, &photo.labels) {
        (Form::ImageFolder, _) => link(&photo.path, &out.join(split).join(sku_of(photo)).join(name)),
        (Form::Coco, _) => link(&photo.path, &out.join(split).join(name)),
        (Form::Yolo | Form::SkuLines | Form::ContainerLines, labels) => {
            link(&photo.path, &out.join("images").join(split).join(name))?;
            let to = out.join("labels").join(split).join(name).with_extension("txt");
            labels.as_ref().map_or(Ok(()), |labels| copy(labels, &to))
        }
    }
}

fn sku_of(photo: &Photo) -> &str {
    photo.facings.first().and_then(|facing| facing.sku.as_deref()).unwrap_or_default()
}

fn link(from: &Path, to: &Path) -> Result<()> {
    make_folder_of(to)?;
    // A hard link to a link would break where that one points elsewhere.
    let from = from.canonicalize().map_err(LabError::file(from))?;
    fs::hard_link(&from, to).or_else(|_| copy(&from, to))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    make_folder_of(to)?;
    fs::copy(from, to).map(drop).map_err(|error| {
        let reason = format!("copying {}: {error}", from.display());
        LabError::Write { path: to.into(), reason }
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    make_folder_of(path)?;
    fs::write(path, bytes).map_err(|error| LabError::Write { path: path.into(), reason: error.to_string() })
}

fn make_folder_of(path: &Path) -> Result<()> {
    let folder = above(path);
    fs::create_dir_all(folder).map_err(|error| LabError::Write { path: folder.into(), reason: error.to_string() })
}

/// Without `path`, places are relative to the file itself.
fn data_yaml(dataset: &Dataset, split: &Split) -> Result<String> {
    let mut text = String::new();
    for place in SPLITS.iter().filter(|place| split.splits.get(**place).is_some_and(|photos| !photos.is_empty())) {
        text.push_str(&format!("{place}: images/{place}\n"));
    }
    text.push_str("names:\n");
    for (number, class) in dataset.classes.iter().enumerate() {
        // A JSON string is a YAML string.
        let class = serde_json::to_string(class).map_err(|error| LabError::Encode(error.to_string()))?;
        text.push_str(&format!("  {number}: {class}\n"));
    }
    Ok(text)
}

/// The COCO file of a split: images and annotations as they were but for names and ids, categories by name.
fn coco(dataset: &Dataset, photos: &[&Photo], names: &BTreeMap<&str, String>) -> Result<Value> {
    let files: BTreeSet<&PathBuf> = photos.iter().filter_map(|photo| photo.labels.as_ref()).collect();
    let ids: BTreeMap<&str, usize> =
        dataset.classes.iter().enumerate().map(|(number, class)| (class.as_str(), number + 1)).collect();
    let (mut images, mut annotations) = (Vec::new(), Vec::new());
    for file in files {
        let text = fs::read_to_string(file).map_err(LabError::file(file))?;
        let source: Value =
            serde_json::from_str(&text).map_err(|error| LabError::line(file, error.line(), error.to_string()))?;
        let list = |name: &str| source[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut categories = BTreeMap::<i64, usize>::new();
        for category in list("categories") {
            let new = category["name"].as_str().and_then(|name| ids.get(name));
            categories.extend(category["id"].as_i64().zip(new.copied()));
        }
        let mut annotations_of = BTreeMap::<i64, Vec<&Value>>::new();
        for annotation in list("annotations") {
            annotations_of.entry(annotation["image_id"].as_i64().unwrap_or_default()).or_default().push(annotation);
        }
        for photo in photos.iter().filter(|photo| photo.labels.as_ref() == Some(file)) {
            let of_photo = |image: &&Value| image["file_name"].as_str().is_some_and(|name| photo.path.ends_with(name));
            let longest = |image: &&Value| image["file_name"].as_str().map(str::len);
            let Some(image) = list("images").iter().filter(of_photo).max_by_key(longest) else {
                return Err(LabError::content(file, format!("images: {} is gone", photo.name)));
            };
            let old = image["id"].as_i64().unwrap_or_default();
            let mut image = image.clone();
            image["id"] = json!(images.len() + 1);
            image["file_name"] = json!(names.get(photo.name.as_str()));
            for annotation in annotations_of.get(&old).into_iter().flatten() {
                let mut annotation = (*annotation).clone();
                annotation["id"] = json!(annotations.len() + 1);
                annotation["image_id"] = image["id"].clone();
                let category = annotation["category_id"].as_i64().and_then(|id| categories.get(&id));
                annotation["category_id"] = json!(category);
                annotations.push(annotation);
            }
            images.push(image);
        }
    }
    let categories: Vec<Value> = ids_in_order(&dataset.classes);
    Ok(json!({ "images": images, "annotations": annotations, "categories": categories }))
}

fn ids_in_order(classes: &[String]) -> Vec<Value> {
    classes.iter().enumerate().map(|(number, class)| json!({ "id": number + 1, "name": class })).collect()
}
