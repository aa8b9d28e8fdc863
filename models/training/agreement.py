"""Holds the exported forms of one network against each other: ONNX float, TFLite float and TFLite int8 on the same pictures.

Owns the bounds and `export.json`, which says what was measured. The two float forms must be equal but for the order of sums;
int8 must point the same way. All forms take `[1, h, w, 3]` of pixel / 255. Refuses, with a plain sentence, an export
that lies out of its bounds; what that costs in accuracy is for `evaluate` and the lab to say.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import reference

Outputs = list[NDArray[np.float32]]
RECORD = "export.json"


class ExportError(RuntimeError):
    """An export that came out otherwise than a bundle needs it."""


@dataclass(frozen=True)
class Bounds:
    """How far the forms may lie apart, over all pictures and outputs."""

    float_most: float = 0.001
    """Largest difference of the two float forms, as a share of the output's largest value."""
    int8_cosine_mean: float = 0.95
    """Least mean cosine of int8 against float, over the pictures."""
    int8_cosine_least: float = 0.80
    """Least cosine of int8 against float of a single picture."""


def check(stem: Path, pictures: list[NDArray[np.uint8]], clip: float | None = None, bounds: Bounds = Bounds()) -> None:
    """Compares `stem.onnx`, `stem_float.tflite` and `stem.tflite`, as far as they are there, on letterboxed pictures.

    Values under `clip` count as `clip`: int8 doesn't keep class logits that no score shows. Writes what it found under the
    stem's name into `export.json` beside the files.
    """
    forms = {
        "onnx": (stem.with_suffix(".onnx"), _onnx),
        "float": (stem.with_name(f"{stem.name}_float.tflite"), _tflite),
        "int8": (stem.with_suffix(".tflite"), _tflite),
    }
    runs = {name: run(path) for name, (path, run) in forms.items() if path.is_file()}
    found = {name: [_in_order(run(picture), clip) for picture in pictures] for name, run in runs.items()}
    truth = next((found[name] for name in ("float", "onnx") if name in found), [])
    entry: dict[str, Any] = {"pictures": len(pictures), "forms": list(found), "bounds": asdict(bounds)}
    faults = []
    if "onnx" in found and "float" in found:
        entry["onnx_to_float"] = apart = _differences(found["onnx"], truth)
        if not apart["share_of_largest"] <= bounds.float_most:
            faults.append(f"ONNX and float TFLite differ by {apart['share_of_largest']:.4f} of the largest value")
    if "int8" in found and truth:
        entry["int8_to_float"] = apart = _differences(found["int8"], truth)
        if not (apart["cosine_mean"] >= bounds.int8_cosine_mean and apart["cosine_least"] >= bounds.int8_cosine_least):
            faults.append(
                f"int8 against float has a cosine of {apart['cosine_mean']:.4f} in the mean and {apart['cosine_least']:.4f} at "
                f"least, want {bounds.int8_cosine_mean} and {bounds.int8_cosine_least}"
            )
    entry["agrees"] = not faults
    _record(stem, entry)
    print(f"{stem.name}: {json.dumps(entry)}", flush=True)
    if faults:
        raise ExportError(f"{stem}: the exported forms disagree: {'; '.join(faults)} (see {RECORD} beside them)")


def _differences(ours: list[Outputs], theirs: list[Outputs]) -> dict[str, float]:
    most, mean, share, cosines = 0.0, [], 0.0, []
    for mine, other in zip(ours, theirs, strict=True):
        for a, b in zip(mine, other, strict=True):
            if a.shape != b.shape:
                raise ExportError(f"the exported forms have outputs of different shapes: {a.shape} and {b.shape}")
            apart = np.abs(a - b)
            most, share = max(most, float(apart.max())), max(share, float(apart.max() / max(np.abs(b).max(), 1e-9)))
            mean.append(float(apart.mean()))
        a, b = (np.concatenate([o.ravel() for o in side]).astype(np.float64) for side in (mine, other))
        cosines.append(float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-12)))
    return {
        "largest": round(most, 6),
        "mean": round(float(np.mean(mean)), 6),
        "share_of_largest": round(share, 6),
        "cosine_mean": round(float(np.mean(cosines)), 6),
        "cosine_least": round(min(cosines), 6),
    }


def _in_order(outputs: Outputs, clip: float | None) -> Outputs:
    """By shape: exporters list outputs as they like."""
    outputs = sorted((np.squeeze(o) for o in outputs), key=lambda o: o.shape)
    # Class logits alone: the sides of boxes have 64 channels.
    return [np.maximum(o, np.float32(clip)) if clip is not None and o.shape[-1] != 64 else o for o in outputs]


def _tflite(path: Path) -> Callable[[NDArray[np.uint8]], Outputs]:
    model = reference.TfliteModel(path)
    whole = model.input["dtype"] == np.int8
    return lambda picture: model.run(
        (picture.astype(np.int16) - 128).astype(np.int8)[None] if whole else picture.astype(np.float32)[None] / np.float32(255)
    )


def _onnx(path: Path) -> Callable[[NDArray[np.uint8]], Outputs]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda picture: session.run(None, {name: picture.astype(np.float32)[None] / np.float32(255)})


def _record(stem: Path, entry: dict[str, Any]) -> None:
    path = stem.with_name(RECORD)
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps(known | {stem.name: entry}, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)
