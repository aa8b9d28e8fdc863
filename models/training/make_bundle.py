"""Puts two int8 models together into a bundle folder: manifest, hashes, golden self-test, model card, then the index.

Owns the manifest (schema 1) but for the SKU list and the index, which `shelfscan index build` adds from the gallery. The
self-test's values come from the Python reference. Inputs are read from the models themselves, never assumed. A file is
written beside its place and renamed, so a failed run leaves no half bundle behind.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from models import reference
from models.training import config as configs
from models.training import datasets

SCHEMA = 1
SELF_TEST_SIDE = 416
LICENCES = [
    {
        "what": "detector weights",
        "licence": "AGPL-3.0",
        "note": "trained from Ultralytics' YOLOv8n; an app that ships them is bound by the AGPL or needs a licence from "
        "Ultralytics. Any detector with a known head can take their place.",
    },
    {
        "what": "embedder weights",
        "licence": "Apache-2.0",
        "note": "trained from the ImageNet weights of EfficientNet-Lite0",
    },
    {"what": "self-test picture", "licence": "as the project", "note": "rendered by the project's own script"},
]
ATTRIBUTION = [
    'fridge: "drinks" by user object-detection, Roboflow Universe (drinks-jicb6), CC BY 4.0; changed: labels normalised, '
    "look-alike classes merged, missing labels completed",
    'bottles: "bottles" by self-zb436, Roboflow Universe (bottles-q0ajc), CC BY 4.0; changed: cropped, scaled, turned, '
    "cut out and composed",
    'teas: "nthu-final-project-beveragedetec" v6 by personal-workspace-kusbp, Roboflow Universe, CC BY 4.0; changed: cropped',
    "groceries: Grocery Store Dataset, (c) 2019 Marcus Klasson, MIT; changed: scaled",
    'beverages: "beverage3" by qqdengws, Roboflow Universe, CC BY 4.0',
]
THRESHOLD_METHOD = (
    "confidence, NMS and 0.85 inside are the recipe's defaults until `shelfscan eval --sweep --write` calibrates them; "
    "the similarity below which a drink is unknown is calibrated per SKU when the index is built (leave-one-out)"
)
# What of an evaluation goes into the manifest.
FIGURES = {
    "recall": "detection recall at IoU 0.5",
    "map50": "detection mAP@50, one class",
    "container_accuracy": "container kind accuracy",
    "top1_true_boxes": "SKU top-1 on true boxes",
    "end_to_end": "facings found and rightly named",
    "count_mae": "count MAE per photo and SKU",
    "unknown_named": "unknown drinks called a SKU",
    "known_unknown": "known drinks called unknown",
}


def build(args: argparse.Namespace) -> None:
    """Writes the bundle the command line describes."""
    detector = configs.load(args.detector_config, configs.DetectorConfig).model
    embedder = configs.load(args.classifier_config, configs.ClassifierConfig).model
    out: Path = args.output_dir
    out.mkdir(parents=True, exist_ok=True)
    sources = {
        "detector.tflite": args.detector,
        "embedder.tflite": args.embedder,
        "MODEL_CARD.md": args.card,
    }
    for name, source in sources.items():
        if source.resolve() != (out / name).resolve():
            _place(out / name, source.read_bytes())
    _place(out / "selftest.png", _self_test_picture(args.self_test, args.self_test_box))
    (out / "skus.index").unlink(missing_ok=True)
    dim = int(reference.TfliteModel(out / "embedder.tflite").outputs[0]["shape"][-1])
    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "name": args.name,
        "version": args.version,
        "files": {name: _described(out / name) for name in [*sources, "selftest.png"]},
        "detector": {
            "input": _input(out / "detector.tflite", 114),
            "head": {"type": "yolov8_raw", "reg_max": 16, "strides": [8, 16, 32]},
            "classes": detector.classes,
        },
        "embedder": {
            "input": _input(out / "embedder.tflite", embedder.pad),
            "dim": dim,
            "crop_margin": embedder.crop_margin,
        },
        "skus": [],
        "thresholds": {
            "confidence": args.confidence,
            "nms_iou": args.nms_iou,
            "nms_inside": args.nms_inside,
            "unknown_offset": args.unknown_offset,
            "method": args.threshold_method,
        },
        "figures": (json.loads(args.figures.read_text(encoding="utf-8")) if args.figures else [])
        + [figure for path in args.judged for figure in judged(path)],
        "licences": LICENCES,
        "attribution": ATTRIBUTION,
    }
    manifest["self_test"] = _self_test(out, manifest)
    _place(out / "manifest.json", (json.dumps(manifest, indent=1) + "\n").encode())
    total = sum(path.stat().st_size for path in out.iterdir())
    print(f"{out}: {total:,} bytes, {len(manifest['self_test']['facings'])} facings in the self-test")


def judged(path: Path) -> list[dict[str, Any]]:
    """The figures of a result of `shelfscan eval --output`, in the manifest's form."""
    result = json.loads(path.read_text(encoding="utf-8"))
    data = result["data"]
    command = f"shelfscan eval --bundle DIR --test-dir {data['name']}"
    name = data["name"]
    if data["split"]:
        command += f" --split {data['split']}"
        name += f" {data['split']}"
    if data["additions"]:
        command += f" --additions {data['additions']['file']}"
        name += ", reviewed missing labels added"
    if result["figures"]["top1_true_boxes"]["value"] is not None:
        command += " --true-boxes"
    entry = {"data": name, "data_sha256": data["sha256"], "command": command}
    values = {label: result["figures"][key]["value"] for key, label in FIGURES.items()}
    return [{"name": label, "value": round(value, 4), **entry} for label, value in values.items() if value is not None]


def add_index(shelfscan: Path, gallery: Path, bundle: Path) -> None:
    """Has the Rust side embed the gallery and write `skus.index`, its SKU list and hash into the bundle."""
    command = [str(shelfscan), "index", "build", str(gallery), "--bundle", str(bundle)]
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise datasets.DataError(f"`{' '.join(command)}` ended with exit code {done.returncode}; the bundle has no index")


def _input(model: Path, pad: int) -> dict[str, Any]:
    entry = reference.TfliteModel(model).input
    _, height, width, channels = (int(v) for v in entry["shape"])
    if channels != 3 or entry["dtype"] != np.int8:
        raise datasets.DataError(f"{model}: want an int8 input [1, h, w, 3], found {entry['shape']} {entry['dtype']}")
    scale, zero_point = entry["quantization"]
    return {
        "width": width,
        "height": height,
        "layout": "nhwc",
        "color": "rgb",
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
        "type": "int8",
        "scale": float(scale),
        "zero_point": int(zero_point),
        "pad": pad,
    }


def _self_test_picture(source: Path, box: list[int] | None) -> bytes:
    """A part of the picture, at most 416 px a side, as PNG: small, lossless, without metadata."""
    picture = reference.open_photo(source)
    if box:
        picture = picture.crop(tuple(box))
    picture.thumbnail((SELF_TEST_SIDE, SELF_TEST_SIDE))
    data = io.BytesIO()
    picture.save(data, "PNG", optimize=True)
    return data.getvalue()


def _self_test(out: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    detector = reference.Detector(reference.TfliteModel(out / "detector.tflite"), manifest["detector"])
    embedder = reference.Embedder(reference.TfliteModel(out / "embedder.tflite"), manifest["embedder"])
    picture = reference.open_photo(out / "selftest.png")
    limits = manifest["thresholds"]
    facings = detector.detect(picture, limits["confidence"], limits["nms_iou"])
    if not facings:
        raise datasets.DataError("the detector finds nothing on the self-test picture; give one with drinks on it")
    box = tuple(round(v, 3) for v in facings[0].box)
    return {
        "picture": "selftest.png",
        "facings": [
            {
                "box": [round(v, 3) for v in f.box],
                "class": detector.classes[f.label],
                "score": round(f.score, 5),
            }
            for f in facings
        ],
        "embedding": {"box": list(box), "values": [round(float(v), 6) for v in embedder.embed(picture, box)]},
    }


def _described(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def _place(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def main() -> None:
    """Builds a bundle and, with --gallery, its index."""
    parser = argparse.ArgumentParser(prog="python -m models.training.make_bundle", description=main.__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--detector", type=Path, required=True, help="int8 detector.tflite with raw heads")
    parser.add_argument("--embedder", type=Path, required=True, help="int8 embedder.tflite")
    parser.add_argument("--detector-config", type=Path, required=True)
    parser.add_argument("--classifier-config", type=Path, required=True)
    parser.add_argument("--self-test", type=Path, required=True, help="a rights-free picture with drinks on it")
    parser.add_argument("--self-test-box", type=int, nargs=4, metavar=("X0", "Y0", "X1", "Y1"), help="the part of it to use")
    parser.add_argument("--card", type=Path, required=True, help="MODEL_CARD.md")
    parser.add_argument("--figures", type=Path, help="JSON written by models.training.evaluate --output")
    parser.add_argument("--judged", type=Path, nargs="+", default=[], help="results of `shelfscan eval --output`")
    parser.add_argument("--confidence", type=float, default=0.25)
    parser.add_argument("--nms-iou", type=float, default=0.5)
    parser.add_argument("--unknown-offset", type=float, default=0.0, help="added to each SKU's calibrated threshold")
    parser.add_argument("--threshold-method", default=THRESHOLD_METHOD, help="how the thresholds were found, in a sentence")
    parser.add_argument("--nms-inside", type=float, default=0.85)
    parser.add_argument("--gallery", type=Path, help="ImageFolder of crops to build the index from")
    parser.add_argument("--shelfscan", type=Path, default=Path(shutil.which("shelfscan") or "target/release/shelfscan"))
    parser.add_argument("--output-dir", type=Path, required=True)
    args = parser.parse_args()
    try:
        if args.gallery and not args.shelfscan.is_file():
            raise datasets.DataError(f"{args.shelfscan}: not built; run `cargo build --release -p shelfscan-cli` first")
        build(args)
        if args.gallery:
            add_index(args.shelfscan, args.gallery, args.output_dir)
    except (configs.ConfigError, datasets.DataError, reference.ReferenceError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
