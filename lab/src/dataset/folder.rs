//! ImageFolder: a folder of pictures for each SKU, in a folder for each split or alone.
//!
//! Each picture shows its SKU and nothing else.

use std::path::Path;

use super::{Dataset, Form, LabelPlace, LabelledFacing, Photo, entries, is_photo, name_below, own_name, photos_in};
use crate::error::{LabError, Result};

pub(super) fn open(root: &Path) -> Result<Dataset> {
    let mut photos = Vec::new();
    for folder in entries(root)?.into_iter().filter(|path| path.is_dir()) {
        let inner: Vec<_> = entries(&folder)?;
        let has_photos = inner.iter().any(|path| is_photo(path));
        let skus: Vec<_> = inner.into_iter().filter(|path| path.is_dir()).collect();
        match (has_photos, skus.is_empty()) {
            (true, true) => gather(root, &folder, None, &mut photos)?,
            (false, false) => {
                let split = own_name(&folder)?;
                for sku in &skus {
                    gather(root, sku, Some(split), &mut photos)?;
                }
            }
            (true, false) => {
                let reason = "has both photos and folders; a data set is SPLIT/SKU/*.jpg or SKU/*.jpg throughout, or has \
                              images and labels folders, or a data.yaml, or a COCO JSON file";
                return Err(LabError::content(&folder, reason));
            }
            (false, true) => {}
        }
    }
    let with_split = photos.iter().find(|photo: &&Photo| photo.split.is_some());
    let without = photos.iter().find(|photo| photo.split.is_none());
    if let (Some(with_split), Some(without)) = (with_split, without) {
        let reason = format!(
            "`{}` is in a split and `{}` is not; a data set is SPLIT/SKU/*.jpg or SKU/*.jpg throughout",
            with_split.name, without.name
        );
        return Err(LabError::content(root, reason));
    }
    Ok(Dataset { root: root.into(), form: Form::ImageFolder, photos, classes: Vec::new(), orphans: Vec::new() })
}

fn gather(root: &Path, folder: &Path, split: Option<&str>, photos: &mut Vec<Photo>) -> Result<()> {
    let sku = own_name(folder)?;
    for path in photos_in(folder)? {
        let whole = LabelledFacing {
            cx: 0.5,
            cy: 0.5,
            w: 1.0,
            h: 1.0,
            container: None,
            sku: Some(sku.into()),
            ignore: false,
            at: LabelPlace::Folder,
        };
        photos.push(Photo {
            name: name_below(root, &path)?,
            path,
            split: split.map(Into::into),
            labels: None,
            size: None,
            facings: vec![whole],
        });
    }
    Ok(())
}
