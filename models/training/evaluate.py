"""Measures a bundle's shipped int8 files on the judged splits, in Python, through the reference.

Owns the figures of the model card: detection AP@50 and recall (class-agnostic, whole photo, single pass), container kind,
SKU top-1 from true boxes, enrolment of SKUs kept out of training, and the time of one invoke beside other models in the
same run. The lab's Rust evaluation is the judge in the end; this is what the recipe can say before it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models import reference
from models.training import config as configs
from models.training import crop_data, datasets, enrolment

IOU = 0.5
LOWEST_CONFIDENCE = 0.01


@dataclass(frozen=True)
class DetectionFigures:
    """What a detector reaches on one split, against its labels as they are."""

    ap50: float
    recall: float
    """Share of labelled facings found at the confidence threshold."""
    false_per_photo: float
    """Detections at the threshold without a label, per photo (many are drinks nobody labelled)."""
    kind_accuracy: float
    """Share of the found facings whose container kind is right."""


def detection(detector: reference.Detector, photos: list[datasets.Photo], limits: dict[str, float]) -> DetectionFigures:
    """Matches each photo's detections to its labels, best first, at IoU 0.5 and class-agnostic."""
    scores, hits, labels, kinds, found_at_threshold, false = [], [], 0, [], 0, 0
    for photo in photos:
        picture = reference.open_photo(photo.path)
        truth = [box.pixels(*picture.size) for box in photo.boxes]
        free = set(range(len(truth)))
        labels += len(truth)
        for facing in detector.detect(picture, LOWEST_CONFIDENCE, limits["nms_iou"]):
            best = max(free, key=lambda i: _iou(truth[i], facing.box), default=None)
            hit = best is not None and _iou(truth[best], facing.box) >= IOU
            sure = facing.score >= limits["confidence"]
            if hit:
                free.discard(best)
                found_at_threshold += sure
                container = photo.boxes[best].container
                if sure and container != datasets.UNLABELLED_CONTAINER:
                    kinds.append(container == detector.classes[facing.label])
            else:
                false += sure
            scores.append(facing.score)
            hits.append(hit)
    return DetectionFigures(
        average_precision(np.array(scores), np.array(hits), labels),
        found_at_threshold / labels,
        false / len(photos),
        float(np.mean(kinds)),
    )


def average_precision(scores: NDArray[np.float64], hits: NDArray[np.bool_], labels: int) -> float:
    """Area under the precision envelope over recall, at COCO's 101 recall points."""
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(hits[order])
    precision = found / np.arange(1, len(found) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(found / labels, np.linspace(0, 1, 101))
    return float(np.mean([envelope[i] if i < len(envelope) else 0.0 for i in at]))


def invoke_times(paths: list[Path], rounds: int = 40, repeats: int = 5) -> list[float]:
    """Milliseconds of one invoke of each model, one thread, XNNPACK: the models take turns, the lower quartile counts."""
    models = [reference.TfliteModel(path) for path in paths]
    times: list[list[float]] = [[] for _ in models]
    rng = np.random.default_rng(0)
    inputs = [rng.integers(-128, 128, m.input["shape"]).astype(m.input["dtype"]) for m in models]
    for _ in range(rounds):
        for model, tensor, spent in zip(models, inputs, times, strict=True):
            for _ in range(repeats):
                started = time.perf_counter()
                model.run(tensor)
                spent.append((time.perf_counter() - started) * 1e3)
    return [float(np.percentile(spent, 25)) for spent in times]


def measure(bundle: Path, config: configs.ClassifierConfig, command: str) -> list[dict[str, object]]:
    """The bundle's figures in the manifest's form."""
    entry = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    detector = reference.Detector(reference.TfliteModel(bundle / "detector.tflite"), entry["detector"])
    embedder = reference.Embedder(reference.TfliteModel(bundle / "embedder.tflite"), entry["embedder"])
    root = config.data.root
    figures: list[dict[str, object]] = []

    def add(name: str, value: float, data: str, digest: str) -> None:
        figures.append({"name": name, "value": round(value, 4), "data": data, "data_sha256": digest, "command": command})
        print(f"{name} on {data}: {value:.4f}", flush=True)

    for part in config.data.photo_sets:
        label = f"{part.name} {' + '.join(part.validate)}"
        photos = [photo for split in part.validate for photo in datasets.photos(root, part.name, split)]
        digest = datasets.digest(datasets.photo_files(photos))
        reached = detection(detector, photos, entry["thresholds"])
        add("detection AP@50", reached.ap50, label, digest)
        add(f"detection recall at confidence {entry['thresholds']['confidence']}", reached.recall, label, digest)
        add("detections without a label per photo", reached.false_per_photo, label, digest)
        add("container kind accuracy", reached.kind_accuracy, label, digest)
    _, kept_out = crop_data.training_products(config.data)
    judge = enrolment.Judge(config, kept_out)
    judged = [p for part in config.data.photo_sets for split in part.validate for p in datasets.photos(root, part.name, split)]
    crops = [
        c.path for part in config.data.crop_sets for split in _splits(root, part) for c in datasets.crops(root, part.name, split)
    ]
    digest = datasets.digest(datasets.photo_files([p for p in judged if any(box.sku for box in p.boxes)]) + crops)
    parts = {}
    for part in config.data.photo_sets:
        parts[f"{part.name}_val"] = (
            f"{part.name} {' + '.join(part.validate)}, true boxes, {{}} SKUs enrolled from {part.name} train "
            f"({enrolment.GALLERY_PER_SKU} crops each)"
        )
    for part in config.data.crop_sets:
        queried = f"{part.name} {' + '.join(_splits(root, part))}, {{}} SKUs"
        parts[f"{part.name}_new"] = f"{queried} left out of training, enrolled from their train pictures"
        parts[f"{part.name}_val"] = f"{queried} enrolled from train ({enrolment.GALLERY_PER_SKU} crops each)"
    reached = judge.figures_of(lambda products: _embed(embedder, products))
    for name, value in reached.items():
        part, rule = name.rsplit("_", 1)
        where = parts[part].format(judge.skus[part])
        add(f"SKU top-1, {'class mean' if rule == 'mean' else 'nearest neighbour'}", value, where, digest)
    return figures


def _splits(root: Path, crop_set: configs.CropSetConfig) -> list[str]:
    return ["val", "test"] if (root / crop_set.name / "test").is_dir() else ["val"]


def _embed(embedder: reference.Embedder, products: list[crop_data.Product]) -> enrolment.Vectors:
    vectors = []
    for product in products:
        picture = Image.fromarray(np.ascontiguousarray(product.picture[..., :3]))
        vectors.append(embedder.embed(picture, product.box))
    return np.stack(vectors)


def _iou(a: reference.Box, b: reference.Box) -> float:
    shared = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / max(union, 1e-9)


def main() -> None:
    """Measures a bundle, or with --time the milliseconds of one invoke of each model named."""
    parser = argparse.ArgumentParser(prog="python -m models.training.evaluate", description=main.__doc__)
    parser.add_argument("--bundle", type=Path, help="folder with manifest.json and both models")
    parser.add_argument("--config", type=Path, help="the classifier config: data root and the SKUs kept out")
    parser.add_argument("--output", type=Path, help="writes the figures as JSON for make_bundle")
    parser.add_argument("--time", type=Path, nargs="+", metavar="TFLITE", help="models timed in turns, one thread")
    args = parser.parse_args()
    if not args.time and not (args.bundle and args.config):
        parser.error("give --bundle and --config, or --time")
    try:
        for path, spent in zip(args.time or [], invoke_times(args.time or []), strict=True):
            print(f"{path}: {spent:.2f} ms")
        if args.bundle:
            config = configs.load(args.config, configs.ClassifierConfig)
            command = f"python -m models.training.evaluate --bundle {args.bundle} --config {args.config}"
            figures = measure(args.bundle, config, command)
            if args.output:
                args.output.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    except (configs.ConfigError, datasets.DataError, reference.ReferenceError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
