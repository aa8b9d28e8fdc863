"""From a clean rendering to a picture as a phone takes it: lens, sensor, sharpening, JPEG.

Owns what happens to pixels after the renderer, for the shelf and for the gallery.
"""

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

Floats = NDArray[np.float64]


def _noise(pixels: Floats, strength: float, rng: np.random.Generator) -> Floats:
    """Sensor noise as a phone leaves it: soft, stronger in the dark, a little of it coloured."""
    height, width = pixels.shape[:2]
    grey = rng.normal(0.0, strength, (height, width, 1))
    small = rng.normal(0.0, strength * 60, (height // 6 + 1, width // 6 + 1, 3)).clip(-120, 120) + 128
    blotch = Image.fromarray(small.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    colour = (np.asarray(blotch, dtype=np.float64) - 128) / 90
    return pixels + (grey + colour) * (1.25 - pixels.mean(axis=2, keepdims=True) / 255)


def _phone_tone(image: Image.Image) -> Image.Image:
    """The tone curve of a phone: brighter, more contrast in the middle, fuller colours."""
    level = np.clip(np.arange(256) / 255 * 1.10, 0, 1)
    curve = level + 0.44 * (level - 0.5) * level * (1 - level)
    vivid = ImageEnhance.Color(image).enhance(1.22)
    return vivid.point([round(float(v) * 255) for v in curve.clip(0, 1)] * 3)


def shelf(rendered: Image.Image, seed: int) -> Image.Image:
    """The sample photo out of its rendering: tone, glow of bright lamps, fall-off to the corners, sharpening, noise."""
    rng = np.random.default_rng(seed)
    image = _phone_tone(rendered.convert("RGB"))
    small = image.resize((image.width // 8, image.height // 8), Image.Resampling.BOX)
    bright = small.point([max(0, v - 205) * 4 for v in range(256)] * 3)
    glow = bright.filter(ImageFilter.GaussianBlur(image.width / 8 * 0.012)).resize(image.size, Image.Resampling.BICUBIC)
    sharp = image.filter(ImageFilter.UnsharpMask(radius=image.width / 1500, percent=55, threshold=2))
    pixels = np.asarray(sharp, dtype=np.float64) + 0.16 * np.asarray(glow, dtype=np.float64)
    y, x = np.mgrid[-1 : 1 : image.height * 1j, -1 : 1 : image.width * 1j]
    pixels *= (1.0 - 0.13 * (x**2 * 0.6 + y**2) ** 1.4)[..., None]
    return Image.fromarray(_noise(pixels, 1.5, rng).clip(0, 255).astype(np.uint8))


def product(rendered: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A gallery picture out of its rendering: its own light, white balance, blur and noise."""
    pixels = np.asarray(_phone_tone(rendered.convert("RGB")), dtype=np.float64)
    pixels = 255 * (pixels / 255) ** float(rng.uniform(0.65, 1.0)) * rng.uniform(0.93, 1.05, 3)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 1.0))))
    noisy = _noise(np.asarray(image, dtype=np.float64), float(rng.uniform(1.0, 4.0)), rng)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def save(image: Image.Image, path: Path, most_bytes: int, qualities: range) -> int:
    """Writes the best JPEG of at most `most_bytes` and returns its quality; ValueError when even the worst is larger."""
    for quality in qualities:
        out = BytesIO()
        image.save(out, "JPEG", quality=quality, subsampling="4:2:0", optimize=True, progressive=False)
        if out.tell() <= most_bytes:
            path.write_bytes(out.getvalue())
            return quality
    raise ValueError(f"{path}: over {most_bytes} bytes even at JPEG quality {qualities[-1]}")
