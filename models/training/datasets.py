"""Reads the data sets' folders: which photos and crops there are, their boxes and SKUs.

Owns the layout on disk: `SET/images/SPLIT` with `SET/labels/SPLIT` (or `SET/SPLIT/images` with `SET/SPLIT/labels`) for photos
with boxes, where a class number is looked up in `SET/data.yaml`; `SET/SPLIT/SKU/*.jpg` for crops, or `SET/SKU/*.jpg`, of which
every fifth picture is then val. Refuses a missing folder or a label line it can't read, by name. It changes no file.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

UNLABELLED_CONTAINER = "-"
# Of a set without splits, each SKU's every fifth picture judges and the others train.
VAL_EVERY = 5


class DataError(ValueError):
    """A data set that can't be read: names the file and what is wrong with it."""


@dataclass(frozen=True)
class LabelledBox:
    """One facing: normalised centre and size, its container, and its SKU where the set names one."""

    container: str
    cx: float
    cy: float
    w: float
    h: float
    sku: str | None = None

    def pixels(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The box as x0, y0, x1, y1 in a photo of this size."""
        return (
            (self.cx - self.w / 2) * width,
            (self.cy - self.h / 2) * height,
            (self.cx + self.w / 2) * width,
            (self.cy + self.h / 2) * height,
        )


@dataclass(frozen=True)
class Photo:
    """A photo with its labelled facings."""

    path: Path
    boxes: tuple[LabelledBox, ...]


@dataclass(frozen=True)
class Crop:
    """A picture of one product."""

    path: Path
    sku: str


def photos(root: Path, name: str, split: str) -> list[Photo]:
    """The photos of `name`/`split`, sorted by file name."""
    layouts = [root / name / "images" / split, root / name / split / "images"]
    if split == "val":
        layouts += [root / name / "images" / "valid", root / name / "valid" / "images"]
    folder = next((path for path in layouts if path.is_dir()), layouts[0])
    names = _class_names(root / name / "data.yaml")
    return [Photo(path, tuple(_boxes(_label_path(path), names))) for path in _pictures(folder)]


def crops(root: Path, name: str, split: str) -> list[Crop]:
    """The crops of an ImageFolder set; their SKU is `name/FOLDER` so that sets can be mixed."""
    whole, folder = root / name, root / name / split
    splits = [whole / part for part in ("train", "val", "test")]
    unsplit = whole.is_dir() and not any(part.is_dir() for part in splits) and folder in splits
    if unsplit:
        folder = whole
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; set data.root to the folder of the data sets")
    found = []
    for sku in sorted(path for path in folder.iterdir() if path.is_dir()):
        for place, path in enumerate(_pictures(sku)):
            if not unsplit or split == ("val" if place % VAL_EVERY == VAL_EVERY - 1 else "train"):
                found.append(Crop(path, f"{name}/{sku.name}"))
    return found


def held_out(skus: list[str], count: int, seed: int) -> set[str]:
    """`count` SKUs chosen by seed, kept out of training."""
    names = sorted(set(skus))
    return set(random.Random(seed).sample(names, min(count, len(names))))


def digest(paths: list[Path]) -> str:
    """sha256 over the names and bytes of the files, in sorted order: identifies what was trained or measured on."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def photo_files(items: list[Photo]) -> list[Path]:
    """The pictures and label files behind these photos, for `digest`."""
    return [path for item in items for path in (item.path, _label_path(item.path))]


def _label_path(picture: Path) -> Path:
    folder = picture.parent
    if folder.name == "images":
        return folder.parent / "labels" / f"{picture.stem}.txt"
    return folder.parent.parent / "labels" / folder.name / f"{picture.stem}.txt"


def _class_names(path: Path) -> dict[str, str]:
    """Class number -> name, from the `names` of an Ultralytics description; empty where there is none."""
    if not path.is_file():
        return {}
    try:
        names: Any = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("names")
    except (yaml.YAMLError, AttributeError) as error:
        raise DataError(f"{path}: not a YAML mapping with `names`: {error}") from error
    if not isinstance(names, dict | list):
        raise DataError(f"{path}: `names` must list the classes of the label files")
    return {str(number): str(name) for number, name in (names.items() if isinstance(names, dict) else enumerate(names))}


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; set data.root to the folder of the data sets")
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png"})


def _boxes(path: Path, names: dict[str, str]) -> Iterator[LabelledBox]:
    if not path.is_file():
        raise DataError(f"{path}: label file missing (an empty file means a photo without facings)")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        parts = line.split()
        if not parts:
            continue
        sku = parts.pop(0) if len(parts) == 6 else None
        try:
            container, (cx, cy, w, h) = parts[0], map(float, parts[1:])
        except ValueError:
            raise DataError(f"{path}:{number}: want `[SKU] CONTAINER cx cy w h`, found {line!r}") from None
        if container.isdigit():
            if container not in names:
                raise DataError(f"{path}:{number}: class {container} has no name; list it under `names` in the set's data.yaml")
            container = names[container]
        yield LabelledBox(container, cx, cy, w, h, sku)
