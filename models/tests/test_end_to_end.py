"""The whole recipe on a tiny set made from the sample gallery: train, export, bundle, and a scan by the real program.

Needs the built command, named by SHELFSCAN_BINARY; `cargo xtask test recipe` names it. Starts from the shipped weights, so that
a few steps leave models that still see.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "models/sample"
SHIPPED = ROOT / "models/bundles/drinks"
SKUS = ("tarku-cola", "murmel-orange", "laubwerk-mint", "hopfling-pils-can")
SHELF = 640


def _shelf(rng: np.random.Generator) -> tuple[Image.Image, list[str]]:
    """Pictures of products in a row on grey, and a label line for each, its class a number."""
    shelf = Image.new("RGB", (SHELF, SHELF), tuple(int(v) for v in rng.integers(60, 200, 3)))
    lines, left = [], 20
    while left < SHELF - 130:
        sku = SKUS[int(rng.integers(len(SKUS)))]
        pictures = sorted((SAMPLE / "gallery" / sku).glob("*.jpg"))
        product = Image.open(pictures[int(rng.integers(len(pictures)))]).convert("RGB")
        high = int(rng.integers(260, 330))
        wide = min(120, round(product.width * high / product.height))
        top = SHELF // 2 - high // 2
        shelf.paste(product.resize((wide, high)), (left, top))
        kind = 1 if sku.endswith("-can") else 0
        numbers = ((left + wide / 2) / SHELF, (top + high / 2) / SHELF, wide / SHELF, high / SHELF)
        lines.append(f"{kind} " + " ".join(f"{n:.6f}" for n in numbers))
        left += wide + 10
    return shelf, lines


def _lay_out(folder: Path) -> None:
    """A photo set `shop` with a data.yaml and a crop set `range` without splits, as an engineer may bring them."""
    rng = np.random.default_rng(5)
    for split, count in (("train", 6), ("val", 2)):
        for kind in ("images", "labels"):
            (folder / "shop" / split / kind).mkdir(parents=True)
        for number in range(count):
            shelf, lines = _shelf(rng)
            shelf.save(folder / f"shop/{split}/images/{number}.jpg", quality=92)
            (folder / f"shop/{split}/labels/{number}.txt").write_text("\n".join(lines), encoding="utf-8")
    (folder / "shop/data.yaml").write_text("names: [bottle, can]\n", encoding="utf-8")
    for sku in SKUS:
        (folder / "range" / sku).mkdir(parents=True)
        for picture in (SAMPLE / "gallery" / sku).glob("*.jpg"):
            (folder / "range" / sku / picture.name).write_bytes(picture.read_bytes())


def _run(module: str, *arguments: object) -> str:
    command = [sys.executable, "-m", f"models.training.{module}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{module} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def _only(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def test_two_folders_become_a_bundle_that_names_products(tmp_path: Path) -> None:
    binary = os.environ.get("SHELFSCAN_BINARY")
    if not binary:
        pytest.skip("SHELFSCAN_BINARY names no built shelfscan")
    _lay_out(tmp_path / "data")
    classes = json.loads((SHIPPED / "manifest.json").read_text(encoding="utf-8"))["detector"]["classes"]
    data = {"root": str(tmp_path / "data"), "photo_sets": [{"name": "shop"}], "crop_sets": [{"name": "range"}]}
    training = {"epochs": 1, "batch_size": 3, "learning_rate": 1e-6, "threads": 1, "bf16": False}
    detector, classifier = tmp_path / "detector.yaml", tmp_path / "classifier.yaml"
    model = {"init": f"bundle:{SHIPPED}", "classes": classes, "coco_classes": [39] * len(classes)}
    entry = {"model": model, "data": data, "training": training, "runs": str(tmp_path / "detector")}
    detector.write_text(yaml.safe_dump(entry), encoding="utf-8")
    model = {"init": f"bundle:{SHIPPED}", "metric_head": {"scale": 32.0}}
    mined = data | {"crops_per_epoch": 32, "hard_negative_mining": {"enabled": True, "look_alikes": 1}}
    training |= {"batch_size": 16}
    entry = {"model": model, "data": mined, "training": training, "runs": str(tmp_path / "classifier")}
    classifier.write_text(yaml.safe_dump(entry), encoding="utf-8")

    _run("train_detector", "--config", detector)
    run = _only(tmp_path / "detector")
    record = yaml.safe_load((run / "run.yaml").read_text(encoding="utf-8"))
    assert record["seed"] == 0 and len(record["data_sha256"]) == 64 and (run / "metrics.json").is_file()
    exported = tmp_path / "export"
    _run("train_detector", "--config", detector, "--export", run / "train/weights/best.pt", "--output-dir", exported)

    _run("train_classifier", "--config", classifier)
    run = _only(tmp_path / "classifier")
    assert json.loads((run / "metrics.json").read_text(encoding="utf-8"))["range_val_mean"] > 0.8
    export = ("--export-tflite", "--export-onnx", "--weights", run / "best.pt", "--output-dir", exported)
    _run("train_classifier", "--config", classifier, *export)
    agreed = json.loads((exported / "export.json").read_text(encoding="utf-8"))
    assert agreed.keys() == {"detector", "embedder"}
    assert all(entry["agrees"] and len(entry["forms"]) == 3 for entry in agreed.values()), agreed

    bundle = tmp_path / "bundle"
    models = ("--detector", exported / "detector.tflite", "--embedder", exported / "embedder.tflite")
    configs = ("--detector-config", detector, "--classifier-config", classifier)
    self_test = ("--self-test", SAMPLE / "shelf.jpg", "--self-test-box", 1524, 985, 2858, 2064)
    gallery = ("--gallery", tmp_path / "data/range", "--shelfscan", binary)
    card = ("--card", SHIPPED / "MODEL_CARD.md")
    naming = ("--name", "tiny", "--version", "0.0.1", "--output-dir", bundle)
    _run("make_bundle", *models, *configs, *self_test, *card, *gallery, *naming)

    result = tmp_path / "result.json"
    photo = tmp_path / "data/shop/val/images/0.jpg"
    command = [binary, "scan", str(photo), "--bundle", str(bundle), "--json", str(result)]
    subprocess.run(command, check=True, timeout=120)
    total = json.loads(result.read_text(encoding="utf-8"))["total"]
    named = {count["sku"]: count["count"] for count in total["counts"]}
    labels = len((tmp_path / "data/shop/val/labels/0.txt").read_text(encoding="utf-8").splitlines())
    assert sum(named.values()) + total["unknown"] >= labels / 2, total
    assert named and set(named) <= set(SKUS), named
