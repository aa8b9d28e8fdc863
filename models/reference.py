"""The Python reference of a bundle's pre- and post-processing, in numpy, Pillow and the TFLite interpreter alone.

Owns letterbox, raw YOLOv8 heads, NMS, crop and embedding exactly as the manifest describes them; the Rust core is held
to it by a parity test. One pass over the whole photo: tiles, index and counting belong to the core and are refused
here, as are heads other than `yolov8_raw`. Plain and slow on purpose.

Command line: `python -m models.reference BUNDLE PHOTO... --output OUT.json [--pixels FOLDER]`.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image, ImageOps

Box = tuple[float, float, float, float]
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


class ReferenceError(ValueError):
    """A bundle, model or photo that the reference can't use: says which and why."""


@dataclass(frozen=True)
class ModelInput:
    """A model's input, as in the manifest: value = (pixel / 255 - mean) / std, q = value / scale + zero point."""

    width: int
    height: int
    pad: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    type: str
    scale: float
    zero_point: int

    @classmethod
    def from_manifest(cls, entry: dict[str, Any]) -> ModelInput:
        """Reads `detector.input` or `embedder.input`."""
        if entry["layout"] != "nhwc" or entry["color"] != "rgb" or entry["type"] not in {"int8", "float32"}:
            raise ReferenceError(f"the reference knows nhwc, rgb, int8 or float32 inputs only, not {entry}")
        return cls(
            entry["width"],
            entry["height"],
            entry["pad"],
            tuple(entry["mean"]),
            tuple(entry["std"]),
            entry["type"],
            float(entry.get("scale", 1.0)),
            int(entry.get("zero_point", 0)),
        )

    def tensor(self, pixels: Pixels) -> NDArray[Any]:
        """The input tensor `[1, h, w, 3]` of a letterboxed picture `[h, w, 3]`."""
        values = (pixels.astype(np.float64) / 255.0 - self.mean) / self.std
        if self.type == "float32":
            return values.astype(np.float32)[None]
        steps = np.clip(np.rint(values / self.scale) + self.zero_point, -128, 127)
        return steps.astype(np.int8)[None]


@dataclass(frozen=True)
class Letterbox:
    """Where a picture lies in the input: input = picture * (new / old) + offset, per axis."""

    scale_x: float
    scale_y: float
    left: int
    top: int


@dataclass(frozen=True)
class Facing:
    """One detected facing: x0, y0, x1, y1 in upright pixels of the photo, class index, score 0..1."""

    box: Box
    label: int
    score: float


def open_photo(path: Path) -> Image.Image:
    """The photo, upright and in RGB."""
    try:
        return ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    except OSError as error:
        raise ReferenceError(f"{path}: not a readable picture: {error}") from error


def letterbox(picture: Image.Image, width: int, height: int, pad: int, region: Box | None = None) -> tuple[Pixels, Letterbox]:
    """A region of the picture (all of it by default) resized to fit width x height, centred on grey `pad`.

    Bilinear with antialiasing; a region's edges may lie between pixels.
    """
    x0, y0, x1, y1 = region or (0.0, 0.0, float(picture.width), float(picture.height))
    wide, high = x1 - x0, y1 - y0
    scale = min(width / wide, height / high)
    new_width = min(width, max(1, math.floor(wide * scale + 0.5)))
    new_height = min(height, max(1, math.floor(high * scale + 0.5)))
    left, top = (width - new_width) // 2, (height - new_height) // 2
    canvas = np.full((height, width, 3), pad, np.uint8)
    small = picture.resize((new_width, new_height), Image.Resampling.BILINEAR, box=(x0, y0, x1, y1))
    canvas[top : top + new_height, left : left + new_width] = np.asarray(small)
    return canvas, Letterbox(new_width / wide, new_height / high, left, top)


def crop_region(box: Box, margin: float, width: int, height: int) -> Box:
    """The box grown by `margin` of its size on each side and clipped to the photo; at least one pixel each way."""
    x0, y0, x1, y1 = box
    grow_x, grow_y = (x1 - x0) * margin, (y1 - y0) * margin
    left, top = min(max(x0 - grow_x, 0.0), width - 1.0), min(max(y0 - grow_y, 0.0), height - 1.0)
    right, bottom = max(min(x1 + grow_x, width), left + 1.0), max(min(y1 + grow_y, height), top + 1.0)
    return left, top, right, bottom


def decode_raw_heads(
    outputs: list[Floats], classes: int, reg_max: int, strides: list[int], width: int, height: int
) -> tuple[Floats, Floats]:
    """Boxes `[n, 4]` in input pixels and class scores `[n, classes]` of the six raw head tensors, matched by shape."""
    boxes, scores = [], []
    for stride in strides:
        rows, columns = height // stride, width // stride
        sides = _by_shape(outputs, (rows, columns, 4 * reg_max)).reshape(rows, columns, 4, reg_max)
        logits = _by_shape(outputs, (rows, columns, classes))
        weights = np.exp(sides - sides.max(axis=-1, keepdims=True))
        distance = (weights / weights.sum(axis=-1, keepdims=True)) @ np.arange(reg_max, dtype=np.float32)
        y, x = np.meshgrid(np.arange(rows) + 0.5, np.arange(columns) + 0.5, indexing="ij")
        left, top, right, bottom = np.moveaxis(distance, -1, 0)
        corners = np.stack([x - left, y - top, x + right, y + bottom], axis=-1) * stride
        boxes.append(corners.reshape(-1, 4))
        scores.append((1.0 / (1.0 + np.exp(-logits))).reshape(-1, classes))
    return np.concatenate(boxes).astype(np.float32), np.concatenate(scores).astype(np.float32)


def non_maximum_suppression(boxes: Floats, scores: Floats, iou: float) -> list[int]:
    """Indices kept, best first: greedy and class-agnostic, dropping what overlaps a kept box by more than `iou`."""
    order = np.argsort(-scores, kind="stable")
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    kept: list[int] = []
    while len(order):
        best, order = int(order[0]), order[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[order, :2])
        high = np.minimum(boxes[best, 2:], boxes[order, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        union = np.maximum(areas[best] + areas[order] - shared, 1e-9)
        order = order[shared / union <= iou]
    return kept


class TfliteModel:
    """A TFLite model with one input; outputs come back as float32, dequantized by their own scale and zero point."""

    def __init__(self, path: Path) -> None:
        """Loads the model for one thread."""
        self._interpreter = Interpreter(model_path=str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        self.input = self._interpreter.get_input_details()[0]
        self.outputs = self._interpreter.get_output_details()

    def run(self, tensor: NDArray[Any]) -> list[Floats]:
        """The outputs without their batch axis."""
        self._interpreter.set_tensor(self.input["index"], tensor)
        self._interpreter.invoke()
        return [self._read(entry) for entry in self.outputs]

    def _read(self, entry: dict[str, Any]) -> Floats:
        values = self._interpreter.get_tensor(entry["index"])[0]
        scale, zero_point = entry["quantization"]
        if values.dtype == np.float32:
            return values
        return ((values.astype(np.float32) - zero_point) * np.float32(scale)).astype(np.float32)


class Detector:
    """The bundle's detector over one whole photo."""

    def __init__(self, model: TfliteModel, entry: dict[str, Any]) -> None:
        """`entry` is the manifest's `detector`."""
        if entry["head"]["type"] != "yolov8_raw":
            raise ReferenceError(f"the reference decodes yolov8_raw heads only, not {entry['head']['type']!r}")
        self._model, self._head = model, entry["head"]
        self.input = ModelInput.from_manifest(entry["input"])
        self.classes: list[str] = entry["classes"]

    def detect(self, photo: Image.Image, confidence: float, nms_iou: float) -> list[Facing]:
        """The facings with a score of at least `confidence`, best first, in pixels of the photo and clipped to it."""
        shape = self.input
        pixels, place = letterbox(photo, shape.width, shape.height, shape.pad)
        boxes, scores = decode_raw_heads(
            self._model.run(shape.tensor(pixels)),
            len(self.classes),
            self._head["reg_max"],
            self._head["strides"],
            shape.width,
            shape.height,
        )
        labels, best = scores.argmax(axis=1), scores.max(axis=1)
        sure = best >= confidence
        boxes, labels, best = boxes[sure], labels[sure], best[sure]
        boxes[:, [0, 2]] = np.clip((boxes[:, [0, 2]] - place.left) / place.scale_x, 0, photo.width)
        boxes[:, [1, 3]] = np.clip((boxes[:, [1, 3]] - place.top) / place.scale_y, 0, photo.height)
        kept = non_maximum_suppression(boxes, best, nms_iou)
        return [Facing(tuple(float(v) for v in boxes[i]), int(labels[i]), float(best[i])) for i in kept]


class Embedder:
    """The bundle's embedder over crops of a photo."""

    def __init__(self, model: TfliteModel, entry: dict[str, Any]) -> None:
        """`entry` is the manifest's `embedder`."""
        self._model, self._margin = model, float(entry["crop_margin"])
        self.input = ModelInput.from_manifest(entry["input"])

    def embed(self, photo: Image.Image, box: Box) -> Floats:
        """The unit vector `[dim]` of the product in `box`."""
        region = crop_region(box, self._margin, photo.width, photo.height)
        pixels, _ = letterbox(photo, self.input.width, self.input.height, self.input.pad, region)
        vector = self._model.run(self.input.tensor(pixels))[0]
        return (vector / np.linalg.norm(vector)).astype(np.float32)


class Bundle:
    """A bundle folder's manifest and its two models."""

    def __init__(self, folder: Path) -> None:
        """Opens the manifest and loads both models; hashes and the self-test are the core's to check."""
        try:
            self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ReferenceError(f"{folder / 'manifest.json'}: {error}") from error
        self.detector = Detector(TfliteModel(folder / "detector.tflite"), self.manifest["detector"])
        self.embedder = Embedder(TfliteModel(folder / "embedder.tflite"), self.manifest["embedder"])

    def detect(self, photo: Image.Image) -> list[Facing]:
        """The facings of a photo at the bundle's thresholds."""
        limits = self.manifest["thresholds"]
        return self.detector.detect(photo, limits["confidence"], limits["nms_iou"])


def _by_shape(outputs: list[Floats], shape: tuple[int, ...]) -> Floats:
    found = [output for output in outputs if output.shape == shape]
    if len(found) != 1:
        raise ReferenceError(f"want one output of shape {shape}, the model has {[o.shape for o in outputs]}")
    return found[0]


def main() -> None:
    """Writes each photo's facings, found in a single pass over the whole picture, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m models.reference", description=main.__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("photos", type=Path, nargs="+", metavar="photo")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--pixels", type=Path, help="folder for each photo as it was seen here: upright, lossless PNG")
    args = parser.parse_args()
    try:
        bundle = Bundle(args.bundle)
        entries = []
        for path in args.photos:
            photo = open_photo(path)
            facings = [
                {"box": list(f.box), "class": bundle.detector.classes[f.label], "score": f.score} for f in bundle.detect(photo)
            ]
            entry = {"file": str(path), "width": photo.width, "height": photo.height, "facings": facings}
            if args.pixels:
                seen = args.pixels / f"{path.stem}.png"
                photo.save(seen)
                entry["pixels"] = str(seen)
            entries.append(entry)
    except ReferenceError as error:
        sys.exit(f"error: {error}")
    args.output.write_text(json.dumps({"photos": entries}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
