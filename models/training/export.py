"""From trained weights to TFLite: conversion with litert-torch, int8 quantization with ai-edge-quantizer.

Owns the deployable form of both models (detector: six raw head tensors, embedder: vectors of any length; input `[1, h, w, 3]` of
pixel / 255) and the calibration. Each export writes the float and the int8 file side by side and checks that the int8
input is exactly pixel - 128. Refuses nothing about accuracy: `evaluate` measures that.
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
from models.training import config as configs
from models.training import crop_data, datasets, detector_model, embedder_model

PIXEL_SCALE, PIXEL_ZERO_POINT = 1.0 / 255.0, -128
CALIBRATION_PHOTOS = 160
CALIBRATION_CROPS = 480
LEAST_LOGIT = -8.0


class ExportError(RuntimeError):
    """An export that came out otherwise than a bundle needs it."""


class _ChannelsLast(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        return self.network(pixels.permute(0, 3, 1, 2))


def detector(config: configs.DetectorConfig, weights: Path, out: Path) -> None:
    """Writes `detector.tflite` (int8) and `detector_float.tflite` of a `best.pt`."""
    network = YOLO(weights).model.float().fuse().eval()
    size = config.model.input_size
    photos = [
        photo.path
        for name in ("fridge", "beverages")
        for photo in _sample(datasets.photos(config.data.root, name, "train"), CALIBRATION_PHOTOS // 2)
    ]
    pictures = (reference.letterbox(reference.open_photo(path), size, size, 114)[0] for path in photos)
    _convert(detector_model.RawHeads(network), (size, size), pictures, out / "detector", len(config.model.classes))


def embedder(config: configs.ClassifierConfig, weights: Path, out: Path) -> None:
    """Writes `embedder.tflite` (int8) and `embedder_float.tflite` of a `best.pt` or `last.pt`."""
    network = embedder_model.DeployedEmbedder(embedder_model.load(weights, config.model))
    products, _ = crop_data.training_products(config.data)
    order = crop_data.epoch_order(products, CALIBRATION_CROPS, np.random.default_rng(config.data.seed))
    crops = (crop_data.evaluation_crop(products[i], config.model) for i in order)
    _convert(_ChannelsLast(network), (config.model.input_height, config.model.input_width), crops, out / "embedder")


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
