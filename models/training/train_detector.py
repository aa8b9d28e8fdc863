"""Trains, validates and exports the detector.

Owns the command line and the schedule; the network and its augmentation are `detector_model`, the data `detector_data`,
the conversion `export`. A target missed is said plainly and exits 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from models.training import agreement, datasets, run_record, shipped_weights
from models.training import config as configs


def train(config: configs.DetectorConfig, resume: Path | None) -> Path:
    """Trains from the config's initial weights, or goes on from `resume` (a `last.pt`); returns the run's folder."""
    from models.training import detector_data, detector_model

    detector_model.ShelfTrainer.shelf_config = config
    folder = resume.parent.parent.parent if resume else run_record.new_folder(config.runs)
    description, digest = detector_data.prepare(config, folder / "data")
    run_record.write(folder, config, digest)
    training = config.training
    overrides: dict[str, Any] = {
        "model": str(resume or _initial_weights(config, folder)),
        "data": str(description),
        "project": str(folder.resolve()),
        "name": "train",
        "exist_ok": True,
        "imgsz": config.model.input_size,
        "batch": training.batch_size,
        # Ultralytics gathers gradients up to a nominal batch of 64 before a step; a batch here is a step.
        "nbs": training.batch_size,
        "epochs": training.epochs,
        "time": training.max_hours,
        "seed": config.data.seed,
        "optimizer": "AdamW",
        "lr0": training.learning_rate,
        "lrf": 0.02,
        "cos_lr": True,
        "weight_decay": training.weight_decay,
        "warmup_epochs": 0.5,
        "warmup_bias_lr": 0.0,
        "workers": 0,
        "amp": False,
        "device": "cpu",
        "cache": False,
        "deterministic": False,
        "save_period": -1,
        "plots": True,
        # Geometry: facings are 5 to 80 % of a photo's height; ShelfDataset adds the aspect jitter and the photometry.
        "mosaic": 0.8,
        "close_mosaic": 2,
        "mixup": 0.05,
        "scale": 0.6,
        # No rotation, shear or perspective: the upright box around a turned bottle is a third wider than the bottle, and a
        # detector that learns such boxes gives them for bottles that stand.
        "degrees": 0.0,
        "shear": 0.0,
        "perspective": 0.0,
        "translate": 0.15,
        "fliplr": 0.5,
        "hsv_h": 0.02,
        "hsv_s": 0.4,
        "hsv_v": 0.2,
    }
    if resume:
        overrides["resume"] = str(resume)
    detector_model.ShelfTrainer(overrides=overrides).train()
    return folder


def _initial_weights(config: configs.DetectorConfig, folder: Path) -> Path:
    """The .pt file training starts from; for a bundle it is made in the run's folder."""
    path = folder / "init.pt"
    if config.model.init == configs.UNTRAINED:
        import torch
        from ultralytics.nn.tasks import DetectionModel

        torch.save({"model": DetectionModel(f"{config.model.architecture}.yaml", nc=80, verbose=False), "train_args": {}}, path)
        return path
    if not config.model.init.startswith(shipped_weights.PREFIX):
        return Path(config.model.init)
    import numpy as np
    import torch

    from models import reference
    from models.training import detector_model

    photos = [p.path for part in config.data.photo_sets for p in datasets.photos(config.data.root, part.name, "train")[:24]]
    size = config.model.input_size
    pixels = np.stack([reference.letterbox(reference.open_photo(path), size, size, 114)[0] for path in photos])
    bundle = Path(config.model.init.removeprefix(shipped_weights.PREFIX))
    model = detector_model.from_bundle(
        bundle, config.model.architecture, torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255)
    )
    torch.save({"model": model, "train_args": {}}, path)
    return path


def validate(config: configs.DetectorConfig, weights: Path) -> dict[str, dict[str, float]]:
    """Float mAP@50 and recall of `weights` on the validation splits of each photo set, by Ultralytics' validator."""
    import tempfile

    from ultralytics import YOLO

    from models.training import detector_data

    figures = {}
    with tempfile.TemporaryDirectory() as scratch:
        plain = configs.DetectorConfig(config.model, configs.DataConfig(config.data.root, config.data.photo_sets))
        description, _ = detector_data.prepare(plain, Path(scratch))
        whole = yaml.safe_load(description.read_text(encoding="utf-8"))
        for name in (part.name for part in config.data.photo_sets):
            part = Path(scratch) / f"{name}.yaml"
            part.write_text(yaml.safe_dump(whole | {"val": f"images/val_{name}"}), encoding="utf-8")
            box = (
                YOLO(weights)
                .val(data=str(part), imgsz=config.model.input_size, workers=0, device="cpu", plots=False, project=scratch)
                .box
            )
            figures[name] = {"map50": float(box.map50), "recall": float(box.mr)}
    return figures


def main() -> None:
    """Command line: train (default), `--resume last.pt`, `--validate best.pt`, or `--export best.pt --output-dir DIR`."""
    parser = argparse.ArgumentParser(prog="python -m models.training.train_detector", description=main.__doc__)
    parser.add_argument("--config", type=Path, required=True)
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--resume", type=Path, metavar="LAST_PT")
    modes.add_argument("--validate", type=Path, metavar="BEST_PT")
    modes.add_argument("--export", type=Path, nargs="+", metavar="BEST_PT", help="several checkpoints are averaged")
    parser.add_argument("--output-dir", type=Path, help="where --export writes int8 and float TFLite and ONNX")
    args = parser.parse_args()
    if bool(args.export) != bool(args.output_dir):
        parser.error("--export and --output-dir go together")
    try:
        config = configs.load(args.config, configs.DetectorConfig)
        made = config.model.init == configs.UNTRAINED or config.model.init.startswith(shipped_weights.PREFIX)
        named = None if made else Path(config.model.init)
        for weights in args.export or [args.resume or args.validate or named]:
            if weights and not weights.is_file():
                raise datasets.DataError(f"{weights}: no such weights; name a .pt file that exists")
        if args.export:
            from models.training import export

            export.detector(config, args.export, args.output_dir)
            return
        if args.validate:
            figures = validate(config, args.validate)
        else:
            folder = train(config, args.resume)
            figures = validate(config, folder / "train" / "weights" / "best.pt")
            run_record.write_metrics(folder, figures)
    except (configs.ConfigError, datasets.DataError, agreement.ExportError) as error:
        sys.exit(f"error: {error}")
    for name, figure in figures.items():
        print(f"{name}: mAP@50 {figure['map50']:.4f}, recall {figure['recall']:.4f}")
    wanted = {"map50": config.targets.map50_min, "recall": config.targets.recall_min}
    missed = [
        f"{name} {key} {figure[key]:.4f} is below its target {least}"
        for name, figure in figures.items()
        for key, least in wanted.items()
        if least is not None and figure[key] < least
    ]
    if missed:
        sys.exit("target missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
