//! What a single photo's boxes tell: outside, without area, huge, doubled.

use super::{Finding, Kind, Shown};
use crate::dataset::{Form, LabelledFacing, Photo};
use crate::hash::class_of;

/// Pixels by which a box may leave its photo: labels are rounded.
const ROUNDING: f64 = 1.0;
/// Share of the photo's area from which a box is huge.
const HUGE: f64 = 0.8;
/// IoU from which two boxes are one.
const DOUBLED: f64 = 0.9;

pub(super) fn check(form: Form, photo: &Photo, size: (u32, u32), findings: &mut Vec<Finding>) {
    if let Some((width, height)) = photo.size.filter(|told| *told != size) {
        findings.push(Finding {
            kind: Kind::WrongSize,
            place: photo.name.clone(),
            what: format!("labelled as {width}x{height}, but it is {}x{} pixels upright", size.0, size.1),
            shown: vec![Shown::whole(photo, Vec::new())],
        });
    }
    if form == Form::ImageFolder {
        return;
    }
    let facings: Vec<&LabelledFacing> = photo.facings.iter().filter(|facing| !facing.ignore).collect();
    for facing in &facings {
        let found = fault(facing, size);
        findings.extend(found.map(|(kind, what)| one(photo, facing, kind, what)));
    }
    for (number, a) in facings.iter().enumerate() {
        for b in &facings[number + 1..] {
            let iou = iou(corners(a), corners(b));
            if iou > DOUBLED {
                let (first, second) = (class_of(a), class_of(b));
                let other = photo.place(b);
                let place_of_other = other.rsplit_once(':').map_or(other.as_str(), |(_, line)| line.trim());
                let what = format!("{first} in the place of {second} ({place_of_other}), IoU {iou:.3}");
                let close = Shown { close: true, ..Shown::whole(photo, vec![corners(a), corners(b)]) };
                findings.push(Finding { kind: Kind::DoubledBox, place: place(photo, a), what, shown: vec![close] });
            }
        }
    }
}

fn fault(facing: &LabelledFacing, (width, height): (u32, u32)) -> Option<(Kind, String)> {
    let (width, height) = (f64::from(width), f64::from(height));
    let [left, top, right, bottom] = corners(facing);
    let class = class_of(facing);
    if facing.w * width < 1.0 || facing.h * height < 1.0 {
        let what = format!("{class}: {:.2} x {:.2} pixels", facing.w * width, facing.h * height);
        return Some((Kind::ZeroBox, what));
    }
    let over = [-left * width, -top * height, (right - 1.0) * width, (bottom - 1.0) * height];
    let most = over.into_iter().fold(0.0, f64::max);
    if most > ROUNDING {
        return Some((Kind::Outside, format!("{class}: {most:.0} pixels outside")));
    }
    let share = facing.w * facing.h;
    (share > HUGE).then(|| (Kind::HugeBox, format!("{class}: {:.0} % of the photo", share * 100.0)))
}

fn one(photo: &Photo, facing: &LabelledFacing, kind: Kind, what: String) -> Finding {
    Finding { kind, place: place(photo, facing), what, shown: vec![Shown::whole(photo, vec![corners(facing)])] }
}

/// The label's place, by names in the data set.
pub(super) fn place(photo: &Photo, facing: &LabelledFacing) -> String {
    match facing.at {
        crate::dataset::LabelPlace::Line(line) => format!("{}, line {line}", photo.name),
        crate::dataset::LabelPlace::Annotation(id) => format!("{}, annotation {id}", photo.name),
        crate::dataset::LabelPlace::Folder => photo.name.clone(),
    }
}

/// Left, top, right and bottom, in shares of the photo.
pub(super) fn corners(facing: &LabelledFacing) -> [f64; 4] {
    let (w, h) = (facing.w / 2.0, facing.h / 2.0);
    [facing.cx - w, facing.cy - h, facing.cx + w, facing.cy + h]
}

fn iou(a: [f64; 4], b: [f64; 4]) -> f64 {
    let area = |[left, top, right, bottom]: [f64; 4]| (right - left).max(0.0) * (bottom - top).max(0.0);
    let shared = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    let union = area(a) + area(b) - shared;
    if union > 0.0 { shared / union } else { 0.0 }
}
