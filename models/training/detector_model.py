"""The detector's network and what training changes about Ultralytics': head rows, bfloat16, aspect jitter, CPU threads.

Owns the model class and the trainer. It keeps YOLOv8's architecture and loss as they are; the head keeps COCO's 80-wide
class branch and only its last layer is cut to our classes, which start from the nearest COCO rows.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from ultralytics.data.dataset import YOLODataset
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.torch_utils import unwrap_model

from models.training import augment, shipped_weights
from models.training.config import ConfigError, DetectorConfig

# How much less sure than the others a class starts that the initial weights don't know, in logits.
UNSEEN = 2.0


class RawHeads(nn.Module):
    """A YOLOv8 up to its head's convolutions: per stride a box tensor `[1, h, w, 64]` and a class tensor `[1, h, w, nc]`."""

    def __init__(self, network: nn.Module) -> None:
        """Shares the network's layers."""
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """The six heads of pictures `[n, h, w, 3]` in 0..1."""
        value: Tensor | list[Tensor] = pixels.permute(0, 3, 1, 2)
        *layers, head = self.network.model
        kept: list[Tensor | None] = []
        for layer in layers:
            value = _inputs(layer.f, value, kept)
            value = layer(value)
            kept.append(value if layer.i in self.network.save else None)
        outputs: list[Tensor] = []
        for level, features in enumerate(_inputs(head.f, value, kept)):
            outputs += [head.cv2[level](features).permute(0, 2, 3, 1), head.cv3[level](features).permute(0, 2, 3, 1)]
        return tuple(outputs)


def _inputs(source: int | list[int], last: Tensor | list[Tensor], kept: list[Tensor | None]) -> Tensor | list[Tensor]:
    if isinstance(source, int):
        return last if source == -1 else kept[source]
    return [last if index == -1 else kept[index] for index in source]


class Detector(DetectionModel):
    """YOLOv8 whose training forward may run in bfloat16; the loss is always float32."""

    bf16 = False

    def loss(self, batch: dict[str, Any], preds: Any = None) -> Any:
        """The detection loss of a batch, with its forward in bfloat16 when `bf16` is set."""
        if preds is None and self.bf16 and self.training:
            with torch.autocast("cpu", torch.bfloat16):
                preds = _to_float(self.forward(batch["img"]))
        return super().loss(batch, preds)


def build(init: nn.Module, classes: list[str], coco_classes: list[int], bf16: bool) -> Detector:
    """A detector of `classes` with the weights of `init`: a COCO model, or one of ours, whose classes may be fewer."""
    model = Detector(deepcopy(init.yaml), nc=80, verbose=False)
    head = model.model[-1]
    source = init.model[-1]
    weights = init.float().state_dict()
    own = [
        name for name in weights if not any(name.endswith(f"cv3.{i}.2.{part}") for i in range(3) for part in ("weight", "bias"))
    ]
    model.load_state_dict({name: weights[name] for name in own}, strict=False)
    rows = coco_classes if source.nc == 80 else [_row(source_names(init), name) for name in classes]
    for branch, known in zip(head.cv3, source.cv3, strict=True):
        old, new = known[-1], nn.Conv2d(known[-1].in_channels, len(classes), 1)
        with torch.no_grad():
            for place, row in enumerate(rows):
                new.weight[place] = old.weight[row] if row is not None else old.weight.mean(dim=0)
                new.bias[place] = old.bias[row] if row is not None else old.bias.mean() - UNSEEN
        branch[-1] = new
    head.nc, head.no = len(classes), len(classes) + 4 * head.reg_max
    model.nc, model.names = len(classes), dict(enumerate(classes))
    model.yaml["nc"] = len(classes)
    model.bf16 = bf16
    return model


def from_bundle(folder: Path, architecture: str, pictures: Tensor) -> DetectionModel:
    """The detector of a bundle as a network that can be trained; `pictures` `[n, 3, h, w]` in 0..1 rebuild its BatchNorms."""
    classes = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["detector"]["classes"]
    model = DetectionModel(f"{architecture}.yaml", nc=80, verbose=False)
    head = model.model[-1]
    for branch in head.cv3:
        branch[-1] = nn.Conv2d(branch[-1].in_channels, len(classes), 1)
    head.nc, head.no = len(classes), len(classes) + 4 * head.reg_max
    model.nc, model.names = len(classes), dict(enumerate(classes))
    model.yaml["nc"] = len(classes)
    raw = RawHeads(model)
    shipped_weights.take_over(model, folder / "detector.tflite", lambda x: raw(x.permute(0, 2, 3, 1)), pictures)
    return model


def source_names(init: nn.Module) -> list[str]:
    """The class names of a network in their order."""
    return [init.names[i] for i in range(init.model[-1].nc)]


def _row(known: list[str], name: str) -> int | None:
    return known.index(name) if name in known else None


class ShelfDataset(YOLODataset):
    """Adds to YOLO's own augmentation a jitter of the aspect (some sets were stretched) and what a phone does to a photo."""

    def load_image(self, i: int, *args: Any, **kwargs: Any) -> tuple[np.ndarray, tuple[int, int], tuple[int, int]]:
        """The picture, its size on disk and its size now; labels are normalised, so a stretch keeps them right."""
        image, original, resized = super().load_image(i, *args, **kwargs)
        if not self.augment:
            return image, original, resized
        rng = np.random.default_rng(np.random.randint(1 << 31))
        height, width = resized
        narrow = float(np.exp(rng.uniform(np.log(0.65), np.log(1.3))))
        if narrow < 1.0:
            width = max(32, round(width * narrow))
        else:
            height = max(32, round(height / narrow))
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        rgb = augment.degrade(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), rng, 0.7)
        return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), original, (height, width)


class ShelfTrainer(DetectionTrainer):
    """Ultralytics' trainer with our model and data set, and the threads the config asks for."""

    shelf_config: DetectorConfig

    def get_model(self, cfg: Any = None, weights: nn.Module | None = None, verbose: bool = True) -> Detector:
        """The model to train, from the weights the run starts or resumes with."""
        model = self.shelf_config.model
        found = f"yolov8{weights.yaml.get('scale')}"
        if found != model.architecture:
            raise ConfigError(f"`model.architecture` is {model.architecture!r} but the initial weights are a {found}")
        torch.set_num_threads(self.shelf_config.training.threads)
        return build(weights, model.classes, model.coco_classes, self.shelf_config.training.bf16)

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> YOLODataset:
        """Ultralytics' data set; for training with this module's augmentation."""
        dataset = super().build_dataset(img_path, mode, batch)
        if mode == "train":
            dataset.__class__ = ShelfDataset
        torch.set_num_threads(self.shelf_config.training.threads)
        unwrap_model(self.model).bf16 = self.shelf_config.training.bf16
        return dataset


def _to_float(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.float()
    if isinstance(value, dict):
        return {k: _to_float(v) for k, v in value.items()}
    return type(value)(_to_float(v) for v in value)
