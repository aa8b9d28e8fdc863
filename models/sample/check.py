"""Does an ordinary detector see the drinks in the sample photo? Recall and extra detections against `truth.json`.

Owns this one judgement of the picture: overlapping square tiles, one raw-head detector, one-to-one matching. It is no
evaluation of a bundle. Command line: `python -m models.sample.check DETECTOR.tflite [--photo P --truth T]`.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.reference import Box, ModelInput, TfliteModel, decode_raw_heads, letterbox, non_maximum_suppression

_HERE = Path(__file__).parent
_CLASSES = ("bottle", "can")


def _tiles(length: int, tile: int, overlap: float) -> list[int]:
    count = max(1, int(np.ceil((length - tile * overlap) / (tile * (1 - overlap)))))
    return [round(i * (length - tile) / max(1, count - 1)) for i in range(count)]


def detect(photo: Image.Image, model: TfliteModel, tile: int, confidence: float) -> tuple[NDArray[np.float32], ...]:
    """Boxes `[n, 4]`, scores and classes in the photo's pixels; boxes cut by an inner tile edge are left to the next tile."""
    _, height, width, _ = model.input["shape"]
    scale, zero = model.input["quantization"]
    shape = ModelInput(int(width), int(height), 114, (0, 0, 0), (1, 1, 1), np.dtype(model.input["dtype"]).name, scale, zero)
    boxes, scores, labels = [], [], []
    for top in _tiles(photo.height, tile, 0.4):
        for left in _tiles(photo.width, tile, 0.4):
            region: Box = (left, top, left + tile, top + tile)
            pixels, place = letterbox(photo, shape.width, shape.height, shape.pad, region)
            found, sure = decode_raw_heads(model.run(shape.tensor(pixels)), 2, 16, [8, 16, 32], shape.width, shape.height)
            best = sure.max(axis=1)
            keep = best >= confidence
            box = found[keep].copy()
            box[:, [0, 2]] = (box[:, [0, 2]] - place.left) / place.scale_x
            box[:, [1, 3]] = (box[:, [1, 3]] - place.top) / place.scale_y
            rim = tile * 0.01
            cut = (
                ((box[:, 0] < rim) & (left > 0))
                | ((box[:, 1] < rim) & (top > 0))
                | ((box[:, 2] > tile - rim) & (left + tile < photo.width))
                | ((box[:, 3] > tile - rim) & (top + tile < photo.height))
            )
            boxes.append(box[~cut] + np.array([left, top, left, top], np.float32))
            scores.append(best[keep][~cut])
            labels.append(sure[keep].argmax(axis=1)[~cut])
    joined = [np.concatenate(part) for part in (boxes, scores, labels)]
    kept = non_maximum_suppression(joined[0], joined[1], 0.6)
    return tuple(part[kept] for part in joined)


def overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU of every box of `a` with every box of `b`."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    area = [np.prod(x[:, 2:] - x[:, :2], axis=1) for x in (a, b)]
    return shared / (area[0][:, None] + area[1][None] - shared)


def main() -> None:
    """Prints recall at IoU 0.5, the facings missed, and the detections that are no facing."""
    parser = argparse.ArgumentParser(prog="python -m models.sample.check", description=main.__doc__)
    parser.add_argument("detector", type=Path)
    parser.add_argument("--photo", type=Path, default=_HERE / "shelf.jpg")
    parser.add_argument("--truth", type=Path, default=_HERE / "truth.json")
    parser.add_argument("--tile", type=int, default=1344, help="side of a tile in pixels of the photo")
    parser.add_argument("--confidence", type=float, default=0.25)
    args = parser.parse_args()
    for path in (args.detector, args.photo, args.truth):
        if not path.is_file():
            parser.error(f"{path}: no such file")
    photo = Image.open(args.photo).convert("RGB")
    facings = json.loads(args.truth.read_text(encoding="utf-8"))["facings"]
    truth = np.array([f["box"] for f in facings], dtype=np.float64)
    boxes, scores, labels = detect(photo, TfliteModel(args.detector), args.tile, args.confidence)
    iou = overlap(truth, boxes.astype(np.float64))
    match = np.full(len(truth), -1)
    taken = np.zeros(len(boxes), dtype=bool)
    for j in np.argsort(-scores):
        free = np.where(match < 0, iou[:, j], 0.0)
        i = int(free.argmax())
        if free[i] >= 0.5:
            match[i], taken[j] = j, True
    found = match >= 0
    for i in np.flatnonzero(~found):
        f = facings[i]
        print(f"missed: row {f['row']} place {f['place']} {f['sku']}, best IoU {iou[i].max():.2f}")
    for j in np.flatnonzero(~taken):
        print(f"extra: {_CLASSES[int(labels[j])]} {scores[j]:.2f} at {boxes[j].round().astype(int).tolist()}")
    kinds = sum(_CLASSES[int(labels[match[i]])] == facings[i]["container"] for i in np.flatnonzero(found))
    print(
        f"recall {found.mean():.3f} ({found.sum()} of {len(truth)}), extra {int((~taken).sum())}, "
        f"kind right {kinds} of {found.sum()}, mean IoU {np.mean([iou[i, match[i]] for i in np.flatnonzero(found)]):.3f}"
    )


if __name__ == "__main__":
    main()
