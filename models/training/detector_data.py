"""Lays out one detector training set from the mixed data sets, in Ultralytics' format, under a run's folder.

Owns which photos an epoch shows, the class of every box and the completing of missing labels. Photos are linked,
not copied. It writes only into the run's folder and refuses a box of a container the config doesn't name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import yaml

from models import reference
from models.training import compose, cut_outs, datasets
from models.training.config import DetectorConfig

RAW_INT8_INPUT = {"layout": "nhwc", "color": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1], "type": "int8", "pad": 114}


def prepare(config: DetectorConfig, out: Path) -> tuple[Path, str]:
    """Writes the training set to `out`; returns its YAML and the sha256 over the photos and labels it was made of."""
    data, classes = config.data, config.model.classes
    if not data.photo_sets:
        raise datasets.DataError("the detector needs photos with boxes: name a set of them in data.photo_sets")
    photos = {part.name: datasets.photos(data.root, part.name, "train") for part in data.photo_sets}
    used = datasets.photo_files([photo for part in photos.values() for photo in part])
    lines = {photo.path: _lines(photo.boxes, classes) for part in photos.values() for photo in part}
    if data.complete_labels_with:
        lines |= _completed(config, [p for part in data.photo_sets if part.complete_labels for p in photos[part.name]], out)
    for part in data.photo_sets:
        for photo in photos[part.name]:
            for copy in range(part.repeat):
                _link(photo.path, lines[photo.path], out, "train", f"{part.name}{copy}_{photo.path.stem}")
    if data.composed_scenes:
        used += _compose(config, out)
    for part in data.photo_sets:
        for split in part.validate:
            for photo in datasets.photos(data.root, part.name, split):
                stem = f"{part.name}_{split}_{photo.path.stem}"
                _link(photo.path, _lines(photo.boxes, classes), out, f"val_{part.name}", stem)
    description = out / "data.yaml"
    entry = {
        "path": str(out.resolve()),
        "train": "images/train",
        "val": [f"images/val_{part.name}" for part in data.photo_sets],
        "names": dict(enumerate(classes)),
    }
    description.write_text(yaml.safe_dump(entry), encoding="utf-8")
    return description, datasets.digest(used)


def _compose(config: DetectorConfig, out: Path) -> list[Path]:
    data, scenes = config.data, out / "composed"
    crops: list[datasets.Crop] = []
    for part in data.crop_sets:
        if part.white_ground:
            found = datasets.crops(data.root, part.name, "train")
            kept_out = datasets.held_out([c.sku for c in found], data.holdout.get(part.name, 0), data.seed)
            crops += [crop for crop in found if crop.sku not in kept_out]
    cuts = cut_outs.from_white_ground(crops, 3, data.seed)
    real = [photo for part in data.photo_sets for photo in datasets.photos(data.root, part.name, "train")]
    cuts += cut_outs.from_photos(real, data.pasted_facings, data.seed)
    if data.renders:
        # Twice: there are few of them beside the photos.
        cuts += 2 * [cut for cut in cut_outs.from_renders(data.renders) if cut.container in config.model.classes]
    if not cuts:
        raise datasets.DataError(
            "data.composed_scenes needs cut-outs: a crop set with white_ground, data.pasted_facings, or data.renders"
        )
    compose.write_scenes(cuts, data.composed_scenes, data.seed, scenes)
    for picture in sorted((scenes / "images").iterdir()):
        labels = (scenes / "labels" / f"{picture.stem}.txt").read_text(encoding="utf-8").splitlines()
        boxes = [datasets.LabelledBox(parts[1], *map(float, parts[2:]), sku=parts[0]) for parts in map(str.split, labels)]
        _link(picture, _lines(boxes, config.model.classes), out, "train", f"composed_{picture.stem}")
    return [crop.path for crop in crops]


def _completed(config: DetectorConfig, photos: list[datasets.Photo], out: Path) -> dict[Path, list[str]]:
    """Adds the facings a detector is sure of where no label is; gives unlabelled containers the class it sees there.

    The additions go to `out/completed.json` for a person to check.
    """
    data, classes = config.data, config.model.classes
    model = reference.TfliteModel(data.complete_labels_with)
    _, height, width, _ = (int(v) for v in model.input["shape"])
    scale, zero_point = model.input["quantization"]
    entry = {
        "input": RAW_INT8_INPUT | {"width": width, "height": height, "scale": scale, "zero_point": zero_point},
        "head": {"type": "yolov8_raw", "reg_max": 16, "strides": [8, 16, 32]},
        # The detector may know fewer classes: the first of ours.
        "classes": classes[: min(int(o["shape"][-1]) for o in model.outputs)],
    }
    detector = reference.Detector(model, entry)
    lines, additions = {}, {}
    for photo in photos:
        picture = reference.open_photo(photo.path)
        size = picture.size
        found = detector.detect(picture, 0.25, 0.6)
        boxes = []
        for box in photo.boxes:
            if box.container == datasets.UNLABELLED_CONTAINER:
                best = max(found, key=lambda f: _overlap(f.box, box.pixels(*size))[0], default=None)
                sure = best is not None and _overlap(best.box, box.pixels(*size))[0] > 0.5
                container = classes[best.label] if sure else "bottle" if box.h * size[1] > 1.9 * box.w * size[0] else "can"
                box = datasets.LabelledBox(container, box.cx, box.cy, box.w, box.h, box.sku)
            boxes.append(box)
        known = [box.pixels(*size) for box in photo.boxes]
        added = []
        for facing in found:
            overlaps = [_overlap(facing.box, box) for box in known]
            if facing.score >= data.complete_labels_confidence and all(i < 0.3 and inside < 0.5 for i, inside in overlaps):
                added.append(facing)
                x0, y0, x1, y1 = (v / s for v, s in zip(facing.box, size * 2, strict=True))
                boxes.append(datasets.LabelledBox(classes[facing.label], (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0))
        lines[photo.path] = _lines(boxes, classes)
        if added:
            additions[photo.path.name] = [{"box": list(f.box), "class": classes[f.label], "score": f.score} for f in added]
    out.mkdir(parents=True, exist_ok=True)
    (out / "completed.json").write_text(json.dumps(additions, indent=1), encoding="utf-8")
    print(f"completed {sum(map(len, additions.values()))} missing labels on {len(additions)} photos: {out}/completed.json")
    return lines


def _overlap(a: reference.Box, b: reference.Box) -> tuple[float, float]:
    """IoU, and the share of the smaller box that lies within the other."""
    shared = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = (a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])
    return shared / max(sum(areas) - shared, 1e-9), shared / max(min(areas), 1e-9)


def _lines(boxes: Sequence[datasets.LabelledBox], classes: list[str]) -> list[str]:
    lines = []
    for box in boxes:
        if box.container == datasets.UNLABELLED_CONTAINER:
            continue
        if box.container not in classes:
            raise datasets.DataError(f"container {box.container!r} is not among model.classes {classes}")
        lines.append(f"{classes.index(box.container)} {box.cx:.6f} {box.cy:.6f} {box.w:.6f} {box.h:.6f}")
    return lines


def _link(picture: Path, lines: list[str], out: Path, split: str, stem: str) -> None:
    image = out / "images" / split / f"{stem}{picture.suffix}"
    label = out / "labels" / split / f"{stem}.txt"
    image.parent.mkdir(parents=True, exist_ok=True)
    label.parent.mkdir(parents=True, exist_ok=True)
    if not image.exists():
        image.symlink_to(picture.resolve())
    label.write_text("\n".join(lines), encoding="utf-8")
