"""The embedder's network: a timm backbone, one linear layer with BatchNorm, and the unit sphere.

Owns building it from initial weights with the pixel range folded in (input = pixel / 255, so that an int8 input is exactly
pixel - 128), and the deployable form with BatchNorm folded into the linear layer. The margin loss is the trainer's.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from pathlib import Path

import timm
import torch
from torch import Tensor, nn

from models.training import shipped_weights
from models.training.config import UNTRAINED, ConfigError, EmbedderModelConfig


class Embedder(nn.Module):
    """Crops `[n, 3, h, w]` in 0..1 to unit vectors `[n, dim]`."""

    def __init__(self, backbone: str, dim: int) -> None:
        """An untrained network; `initialise` loads ImageNet weights."""
        super().__init__()
        if not timm.is_model(backbone):
            near = difflib.get_close_matches(backbone, timm.list_models(), n=1, cutoff=0.0)[0]
            raise ConfigError(f"`model.backbone`: timm has no {backbone!r}; the nearest is {near}")
        self.backbone = timm.create_model(backbone, num_classes=0, drop_path_rate=0.05)
        self.linear = nn.Linear(self.backbone.num_features, dim, bias=False)
        self.norm = nn.BatchNorm1d(dim)

    def forward(self, crops: Tensor) -> Tensor:
        """The unit vectors of a batch."""
        return nn.functional.normalize(self.norm(self.linear(self.backbone(crops)).float()), dim=1)


class DeployedEmbedder(nn.Module):
    """The same directions with BatchNorm folded into the linear layer, for export.

    The division by the length is left out: phones' TFLite has no int8 DIV, and an int8 L2_NORMALIZATION has a fixed output
    scale of 1/128, which leaves a 512-d unit vector six steps.
    """

    def __init__(self, trained: Embedder) -> None:
        """Takes over the trained weights."""
        super().__init__()
        self.backbone = trained.backbone.eval()
        self.linear = nn.Linear(trained.linear.in_features, trained.linear.out_features)
        norm = trained.norm
        with torch.no_grad():
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            self.linear.weight.copy_(trained.linear.weight * gain[:, None])
            self.linear.bias.copy_(norm.bias - norm.running_mean * gain)

    def forward(self, crops: Tensor) -> Tensor:
        """The vectors of a batch, of any length: who uses them divides by it, in float."""
        return self.linear(self.backbone(crops))


def initialise(config: EmbedderModelConfig, crops: Callable[[], Tensor]) -> Embedder:
    """A network with the weights the config names: ImageNet's (trained with mean = std = 0.5), a run's, or a bundle's.

    `crops` gives some `[n, 3, h, w]` in 0..1, from which a bundle's folded BatchNorms are rebuilt.
    """
    model = Embedder(config.backbone, config.embedding_dim)
    if config.init == UNTRAINED:
        return model
    if config.init.startswith(shipped_weights.PREFIX):
        shipped = Path(config.init.removeprefix(shipped_weights.PREFIX)) / "embedder.tflite"
        shipped_weights.take_over(model, shipped, model, crops())
        return model
    source = torch.load(_weights_path(config.init), map_location="cpu", weights_only=True)
    if "ema" in source:
        model.load_state_dict(source["ema"])
        return model
    own = model.backbone.state_dict()
    values = [value for key, value in source.items() if not key.startswith(("classifier", "_fc", "fc."))]
    shapes = [tuple(v.shape) for v in values]
    if shapes != [tuple(v.shape) for v in own.values()]:
        raise ConfigError(f"model.init {config.init}: its tensors don't fit {config.backbone} in order")
    model.backbone.load_state_dict(dict(zip(own, values, strict=True)))
    _fold_pixel_range(model.backbone)
    return model


def load(paths: list[Path], config: EmbedderModelConfig) -> Embedder:
    """The averaged (EMA) network of a checkpoint written by training, in eval mode.

    Several checkpoints of one run are averaged, weight by weight (Izmailov et al. 2018): an early and a late one together
    generalise better than either.
    """
    states = [torch.load(path, map_location="cpu", weights_only=True)["ema"] for path in paths]
    mean = {
        name: torch.stack([state[name] for state in states]).mean(dim=0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }
    model = Embedder(config.backbone, config.embedding_dim)
    model.load_state_dict(mean)
    return model.eval()


def _weights_path(init: str) -> Path:
    if not init.startswith("package:"):
        return Path(init)
    try:
        package = importlib.import_module(init.removeprefix("package:"))
    except ImportError as error:
        raise ConfigError(f"model.init {init}: {error}; install the packages of requirements.lock") from error
    found = sorted((Path(package.__file__).parent / "models").glob("*.pth"))
    if len(found) != 1:
        raise ConfigError(f"model.init {init}: want one .pth file in the package, found {len(found)}")
    return found[0]


def _fold_pixel_range(backbone: nn.Module) -> None:
    """conv(2x - 1) = 2 conv(x) - sum(w): doubles the stem and moves its BatchNorm's mean; exact but for the border."""
    stem, norm = getattr(backbone, "conv_stem", None), getattr(backbone, "bn1", None)
    if stem is None or norm is None:
        raise ConfigError(f"model.init: ImageNet weights of {type(backbone).__name__} can't take pixel / 255; begin with `none`")
    with torch.no_grad():
        norm.running_mean.add_(stem.weight.sum(dim=(1, 2, 3)))
        stem.weight.mul_(2.0)
