"""From trained weights to TFLite and ONNX: conversion with litert-torch, int8 quantization with ai-edge-quantizer.

Owns the deployable form of both models (detector: six raw head tensors, embedder: vectors of any length; input `[1, h, w, 3]` of
pixel / 255) and the calibration. Each export writes the float and the int8 file side by side and checks that the int8
input is exactly pixel - 128. Refuses forms that disagree (`agreement`); accuracy is for `evaluate` to measure.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import flatbuffers
import litert_torch
import numpy as np
import torch
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe
from numpy.typing import NDArray
from torch import Tensor, nn
from ultralytics import YOLO

from models import reference
from models.training import agreement, crop_data, datasets, detector_model, embedder_model
from models.training import config as configs
from models.training.agreement import ExportError

PIXEL_SCALE, PIXEL_ZERO_POINT = 1.0 / 255.0, -128
CALIBRATION_PHOTOS = 160
CALIBRATION_CROPS = 480
LEAST_LOGIT = -8.0
AGREEMENT_PHOTOS = 12
AGREEMENT_CROPS = 96
ONNX_OPSET = 18


class _ChannelsLast(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        return self.network(pixels.permute(0, 3, 1, 2))


def detector(config: configs.DetectorConfig, weights: list[Path], out: Path) -> None:
    """Writes `detector.tflite` (int8), `detector_float.tflite` and `detector.onnx`, and compares them.

    `weights` is a `best.pt`, or several checkpoints of one architecture and one list of classes, which are averaged.
    """
    network = _mean_of(weights).fuse().eval()
    size = config.model.input_size

    def pictures(split: str, count: int) -> Iterable[NDArray[np.uint8]]:
        sets = config.data.photo_sets
        for part in sets:
            for photo in _sample(datasets.photos(config.data.root, part.name, split), math.ceil(count / len(sets))):
                yield reference.letterbox(reference.open_photo(photo.path), size, size, 114)[0]

    heads, stem = detector_model.RawHeads(network), out / "detector"
    _convert(heads, (size, size), pictures("train", CALIBRATION_PHOTOS), stem, len(config.model.classes))
    _to_onnx(heads, (size, size), stem)
    agreement.check(stem, list(pictures("val", AGREEMENT_PHOTOS)), clip=LEAST_LOGIT)


def embedder(config: configs.ClassifierConfig, weights: list[Path], out: Path, tflite: bool = True, onnx: bool = True) -> None:
    """Writes `embedder.tflite` (int8) with `embedder_float.tflite`, and `embedder.onnx`, of a `best.pt` or `last.pt`.

    Compares all three, with those that an earlier export left in `out`.
    """
    network = _ChannelsLast(embedder_model.DeployedEmbedder(embedder_model.load(weights, config.model)))
    products, _ = crop_data.training_products(config.data)
    size, stem = (config.model.input_height, config.model.input_width), out / "embedder"

    def crops(count: int, seed: int) -> Iterable[NDArray[np.uint8]]:
        order = crop_data.epoch_order(products, min(count, len(products)), config.data, np.random.default_rng(seed))
        return (crop_data.evaluation_crop(products[i], config.model) for i in order)

    if tflite:
        _convert(network, size, crops(CALIBRATION_CROPS, config.data.seed), stem)
    if onnx:
        _to_onnx(network, size, stem)
    agreement.check(stem, list(crops(AGREEMENT_CROPS, config.data.seed + 1)))


def _mean_of(weights: list[Path]) -> nn.Module:
    networks = [YOLO(path).model.float() for path in weights]
    first = networks[0]
    state = first.state_dict()
    for path, network in zip(weights[1:], networks[1:], strict=True):
        other = network.state_dict()
        if network.names != first.names or {k: v.shape for k, v in other.items()} != {k: v.shape for k, v in state.items()}:
            raise ExportError(f"{path}: not of the architecture and classes of {weights[0]}; only their like can be averaged")
        for name, value in state.items():
            if value.is_floating_point():
                value += other[name]
    for value in state.values():
        if value.is_floating_point():
            value /= len(networks)
    return first


def _to_onnx(network: nn.Module, size: tuple[int, int], stem: Path) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    path = stem.with_suffix(".onnx")
    with tempfile.TemporaryDirectory(dir=stem.parent) as scratch:
        fresh = Path(scratch) / path.name
        torch.onnx.export(
            network.eval(),
            (torch.rand(1, *size, 3),),
            str(fresh),
            input_names=["pixels"],
            opset_version=ONNX_OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        fresh.replace(path)
    print(f"{path}: {path.stat().st_size:,} bytes")


def _convert(
    network: nn.Module, size: tuple[int, int], pictures: Iterable[NDArray[np.uint8]], stem: Path, logits: int | None = None
) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    float_path, int8_path = stem.with_name(f"{stem.name}_float.tflite"), stem.with_suffix(".tflite")
    with torch.no_grad():
        litert_torch.convert(network.eval(), (torch.rand(1, *size, 3),)).export(str(float_path))
    samples = [{"args_0": _with_full_range(picture)} for picture in pictures]
    maker = quantizer.Quantizer(str(float_path), recipe.static_wi8_ai8())
    ranges = maker.calibrate({"serving_default": samples}, num_threads=1)
    _widen_outputs(ranges, float_path, samples, logits)
    with tempfile.TemporaryDirectory(dir=stem.parent) as scratch:
        fresh = Path(scratch) / int8_path.name
        maker.quantize(ranges).export_model(str(fresh))
        _weights_inside(fresh)
        fresh.replace(int8_path)
    made = reference.TfliteModel(int8_path).input
    scale, zero_point = made["quantization"]
    if made["dtype"] != np.int8 or zero_point != PIXEL_ZERO_POINT or abs(scale - PIXEL_SCALE) > 1e-6:
        raise ExportError(f"{int8_path}: its input is {made['dtype'].__name__}, scale {scale}, zero point {zero_point}")
    print(f"{int8_path}: {int8_path.stat().st_size:,} bytes; {float_path}: {float_path.stat().st_size:,} bytes")


def _widen_outputs(
    ranges: dict[str, Any], model: Path, samples: list[dict[str, NDArray[np.float32]]], logits: int | None
) -> None:
    """Gives each output the range it really had over the samples.

    The quantizer's moving average would cut the highest values off: class logits are positive at facings alone, so an
    average over photos ended below 0 and every sure facing scored 0.5. Class logits (outputs of `logits` channels) under
    LEAST_LOGIT, a score of 0.0003, are left out for finer steps above.
    """
    interpreter = Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    outputs = interpreter.get_output_details()
    least, most = [math.inf] * len(outputs), [-math.inf] * len(outputs)
    for sample in samples:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample["args_0"])
        interpreter.invoke()
        for place, output in enumerate(outputs):
            values = interpreter.get_tensor(output["index"])
            least[place], most[place] = min(least[place], float(values.min())), max(most[place], float(values.max()))
    for place, output in enumerate(outputs):
        low = max(least[place], LEAST_LOGIT) if output["shape"][-1] == logits else least[place]
        entry = ranges[output["name"]]
        entry["min"], entry["max"] = np.full_like(entry["min"], low), np.full_like(entry["max"], most[place])


def _weights_inside(path: Path) -> None:
    """Moves weights that the quantizer appended behind the flatbuffer into it: the C API of phones reads them only there."""
    data = path.read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(data), 0))
    for buffer in model.buffers:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(data, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    builder = flatbuffers.Builder(len(data) + 65536)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))


def _with_full_range(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The quantizer's moving average clips highlights unless every picture has a pixel at 0 and one at 1."""
    values = picture.astype(np.float32)[None] / np.float32(255)
    values[0, 0, 0], values[0, 0, 1] = 0.0, 1.0
    return values


def _sample(photos: list[datasets.Photo], count: int) -> list[datasets.Photo]:
    return random.Random(0).sample(photos, min(count, len(photos)))
