"""Reads float weights back out of a bundle's int8 models, so that training can start from what ships.

Owns the way back: kernels from int8 by their scales, biases from int32, and BatchNorm, which the export folded away, rebuilt
from the activations of a few pictures so that the network computes what it did and can be trained on. What int8 rounded
away is lost (a few thousandths of each weight). Refuses a model whose layers aren't those of the network, by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from ai_edge_litert import schema_py_generated as schema
from torch import Tensor, nn

from models.training.config import ConfigError

PREFIX = "bundle:"
KERNELS = {
    schema.BuiltinOperator.CONV_2D: (0, 3, 1, 2),
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: (3, 0, 1, 2),
    schema.BuiltinOperator.FULLY_CONNECTED: (0, 1),
}


@dataclass(frozen=True)
class Layer:
    """One layer's weights in torch's order (out, in, height, width) and its bias."""

    weight: Tensor
    bias: Tensor


def layers(model: Path) -> list[Layer]:
    """The layers with weights of a quantized model, in the order they run."""
    if not model.is_file():
        raise ConfigError(f"model.init: {model} is missing; name a bundle folder that has it")
    data = model.read_bytes()
    graph = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(data), 0))
    part = graph.subgraphs[0]

    def values(index: int) -> Tensor:
        tensor = part.tensors[index]
        kind = {schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32}.get(tensor.type)
        if kind is None or tensor.quantization is None or tensor.quantization.scale is None:
            raise ConfigError(f"model.init: {model}: `{tensor.name.decode()}` isn't quantized; name an int8 model")
        stored = np.frombuffer(bytes(graph.buffers[tensor.buffer].data), kind).reshape(tensor.shape).astype(np.float32)
        shape = [1] * stored.ndim
        shape[tensor.quantization.quantizedDimension] = -1
        return torch.from_numpy(stored * tensor.quantization.scale.reshape(shape))

    found = []
    for operator in part.operators:
        code = graph.operatorCodes[operator.opcodeIndex]
        order = KERNELS.get(max(code.builtinCode, code.deprecatedBuiltinCode))
        if order:
            weight = values(operator.inputs[1]).permute(*order).contiguous()
            found.append(Layer(weight, values(operator.inputs[2])))
    return found


def take_over(network: nn.Module, model: Path, run: Callable[[Tensor], object], pictures: Tensor) -> None:
    """Gives `network` the weights of `model`, in eval mode; `run` is its forward over `pictures` `[n, 3, h, w]` in 0..1.

    Each BatchNorm gets the mean and variance of what it normalises over `pictures`, and the gain and shift that undo both.
    """
    network.eval()
    chain = _in_order(network, run, pictures[:1])
    shipped = iter(layers(model))
    norms: list[tuple[nn.Module, Tensor]] = []
    for place, layer in enumerate(chain):
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            continue
        stored = next(shipped, None)
        if stored is None or stored.weight.shape != layer.weight.shape:
            found = "nothing" if stored is None else tuple(stored.weight.shape)
            raise ConfigError(f"model.init: {model}: layer {place} is {found}, the network's is {tuple(layer.weight.shape)}")
        follower = chain[place + 1] if place + 1 < len(chain) else None
        with torch.no_grad():
            layer.weight.copy_(stored.weight)
            if layer.bias is not None:
                layer.bias.copy_(stored.bias)
            elif isinstance(follower, nn.modules.batchnorm._BatchNorm):
                _set(follower, torch.zeros_like(stored.bias), torch.ones_like(stored.bias), stored.bias)
                norms.append((follower, stored.bias))
    if next(shipped, None) is not None:
        raise ConfigError(f"model.init: {model} has more layers than the network; is it the same architecture?")
    _rebuild(norms, run, pictures)


def _rebuild(norms: list[tuple[nn.Module, Tensor]], run: Callable[[Tensor], object], pictures: Tensor) -> None:
    sums: dict[nn.Module, list[Tensor]] = {}

    def measure(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        value = inputs[0].double()
        over = [0, 2, 3] if value.dim() == 4 else [0]
        part = torch.stack([value.sum(over), value.square().sum(over)]), torch.tensor(value.numel() / value.shape[1])
        known = sums.get(norm)
        sums[norm] = [known[0] + part[0], known[1] + part[1]] if known else list(part)

    hooks = [norm.register_forward_pre_hook(measure) for norm, _ in norms]
    with torch.no_grad():
        for start in range(0, len(pictures), 16):
            run(pictures[start : start + 16])
    for hook in hooks:
        hook.remove()
    for norm, bias in norms:
        total, count = sums[norm]
        mean = (total[0] / count).float()
        variance = (total[1] / count - (total[0] / count).square()).clamp_min(1e-6).float()
        _set(norm, mean, variance, bias + mean)


def _set(norm: nn.Module, mean: Tensor, variance: Tensor, shift: Tensor) -> None:
    with torch.no_grad():
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_(torch.sqrt(variance + norm.eps))
        norm.bias.copy_(shift)


def _in_order(network: nn.Module, run: Callable[[Tensor], object], picture: Tensor) -> list[nn.Module]:
    """The layers with weights and the BatchNorms, as the forward reaches them."""
    chain: list[nn.Module] = []
    kinds = (nn.Conv2d, nn.Linear, nn.modules.batchnorm._BatchNorm)
    hooks = [m.register_forward_hook(lambda m, *_: chain.append(m)) for m in network.modules() if isinstance(m, kinds)]
    with torch.no_grad():
        run(picture)
    for hook in hooks:
        hook.remove()
    return chain
