"""What a phone does to a picture: light, colour, blur, noise, low resolution, glare and JPEG.

Owns the photometric augmentation shared by the detector's photos, the embedder's crops and the composed scenes. Pure
functions over RGB uint8 arrays `[h, w, 3]` and a seeded generator; sizes are kept. Geometry is the callers' business.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def degrade(image: Image, rng: np.random.Generator, strength: float = 1.0, sharp: bool = False) -> Image:
    """A phone photo of the same thing: each effect drawn by chance, `strength` 0 (none) to 1 (hard) scales the odds.

    `sharp` leaves out what takes detail away: a photo that a person who retakes blurred ones would keep.
    """
    if rng.random() < 0.8 * strength:
        image = recolour(image, rng)
    if rng.random() < 0.25 * strength:
        image = shade(image, rng)
    if rng.random() < 0.12 * strength:
        image = glare(image, rng)
    if not sharp and rng.random() < 0.35 * strength:
        image = shrink(image, rng)
    if not sharp and rng.random() < 0.35 * strength:
        image = blur(image, rng)
    if rng.random() < 0.4 * strength:
        image = noise(image, rng)
    if rng.random() < 0.4 * strength:
        image = jpeg(image, rng)
    return image


def recolour(image: Image, rng: np.random.Generator) -> Image:
    """Exposure, gamma, contrast, saturation and a colour cast, in one table per channel and one mix towards grey."""
    ramp = np.linspace(0.0, 1.0, 256, dtype=np.float32)
    ramp = ramp ** np.exp(rng.normal(0.0, 0.3))
    contrast, exposure = np.exp(rng.normal(0.0, 0.2)), np.exp(rng.normal(-0.05, 0.28))
    ramp = ((ramp - 0.5) * contrast + 0.5) * exposure
    cast = np.exp(rng.normal(0.0, 0.08, 3)).astype(np.float32)
    table = np.clip(ramp[:, None] * cast * 255.0 + rng.normal(0, 6), 0, 255).astype(np.uint8)
    image = cv2.LUT(image, np.ascontiguousarray(table[None]))
    saturation = float(np.clip(np.exp(rng.normal(-0.1, 0.35)), 0.0, 1.8))
    if rng.random() < 0.04:
        saturation = 0.0
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    image = cv2.addWeighted(image, saturation, grey, 1.0 - saturation, 0.0)
    if rng.random() < 0.15:
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = ((hsv[..., 0].astype(np.int16) + int(rng.integers(-6, 7))) % 180).astype(np.uint8)
        image = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return image


def shade(image: Image, rng: np.random.Generator) -> Image:
    """A light that falls off across the picture, or a soft-edged shadow."""
    height, width = image.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    along = (
        np.cos(angle) * np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        + np.sin(angle) * np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    )
    depth, softness = rng.uniform(0.25, 0.75), rng.uniform(0.08, 1.2)
    mask = 1.0 - depth / (1.0 + np.exp(-(along - rng.uniform(-0.6, 0.6)) / softness * 2))
    return np.clip(image * mask[..., None], 0, 255).astype(np.uint8)


def glare(image: Image, rng: np.random.Generator) -> Image:
    """A bright streak or spot, as a lamp in a fridge door leaves it."""
    height, width = image.shape[:2]
    layer = np.zeros((height, width), np.uint8)
    centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
    axes = (max(1, int(width * rng.uniform(0.02, 0.2))), max(1, int(height * rng.uniform(0.05, 0.5))))
    cv2.ellipse(layer, centre, axes, float(rng.uniform(-30, 30)), 0, 360, int(rng.integers(90, 230)), -1)
    layer = cv2.GaussianBlur(layer, (0, 0), max(1.0, min(height, width) * rng.uniform(0.01, 0.06)))
    return cv2.add(image, cv2.cvtColor(layer, cv2.COLOR_GRAY2RGB))


def shrink(image: Image, rng: np.random.Generator) -> Image:
    """Loses resolution: down to 30-90 % and back."""
    height, width = image.shape[:2]
    factor = rng.uniform(0.3, 0.9)
    small = cv2.resize(image, (max(6, int(width * factor)), max(6, int(height * factor))), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def blur(image: Image, rng: np.random.Generator) -> Image:
    """Out of focus, or shaken along a line."""
    unit = max(image.shape[:2]) / 416
    if rng.random() < 0.6:
        return cv2.GaussianBlur(image, (0, 0), max(0.3, rng.uniform(0.4, 1.8) * unit))
    length = max(3, int(rng.integers(3, 9) * unit)) | 1
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0 / length
    turn = cv2.getRotationMatrix2D((length // 2, length // 2), float(rng.uniform(0, 180)), 1.0)
    kernel = cv2.warpAffine(kernel, turn, (length, length))
    return cv2.filter2D(image, -1, kernel / max(float(kernel.sum()), 1e-6))


def noise(image: Image, rng: np.random.Generator) -> Image:
    """Sensor noise, stronger in dark pictures, partly in colour."""
    height, width = image.shape[:2]
    sigma = rng.uniform(2.0, 14.0)
    grain = np.empty((height, width, 3), np.int16)
    cv2.setRNGSeed(int(rng.integers(1 << 30)))
    cv2.randn(grain, (0, 0, 0), (sigma, sigma, sigma))
    return np.clip(image.astype(np.int16) + grain, 0, 255).astype(np.uint8)


def jpeg(image: Image, rng: np.random.Generator) -> Image:
    """A pass through JPEG at quality 25-85."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 86))])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)
