"""Artwork for products that don't exist: random palettes, words, patterns and layouts.

Owns what is printed on a rendered container. Every name is made of random syllables and stands for no product on sale.
Draws with the sample photo's `Sheet`, and so needs its free fonts.
"""

from __future__ import annotations

import colorsys
import math

import numpy as np
from PIL import Image

from models.sample.artwork import Sheet, blend

_FONTS = (
    "lobster", "leckerli", "bebas", "kaushan", "comfortaa", "spartan",
    "reggae", "cherry", "dosis", "oldstandard", "prociono", "yanone",
)  # fmt: skip
_ONSETS = ("b", "br", "d", "f", "fl", "g", "gr", "k", "kl", "l", "m", "n", "p", "pr", "r", "s", "st", "t", "tr", "v", "z")
_CODAS = ("", "", "l", "n", "r", "s", "x", "nd", "rk", "tt")
_KINDS = ("LAGER", "COLA", "LEMON", "ORANGE", "DRY GIN", "RESERVA", "ZERO", "MANGO", "ICE TEA", "TONIC", "CIDER", "MILK", "1897")


def hex_code(hue: float, saturation: float, value: float) -> str:
    """Six hex digits of a colour given by hue, saturation and value, each 0..1."""
    return "".join(f"{round(255 * c):02x}" for c in colorsys.hsv_to_rgb(hue % 1.0, saturation, value))


def _word(rng: np.random.Generator) -> str:
    syllables = [
        str(rng.choice(_ONSETS)) + str(rng.choice(list("aeiou"))) + str(rng.choice(_CODAS))
        for _ in range(int(rng.integers(1, 4)))
    ]
    word = "".join(syllables)
    return word.upper() if rng.random() < 0.4 else word.capitalize()


def _palette(rng: np.random.Generator) -> tuple[str, str, str]:
    """Ground, second colour and lettering, the lettering always readable on the ground."""
    hue, style = float(rng.random()), float(rng.random())
    if style < 0.25:
        ground = hex_code(hue, float(rng.uniform(0.0, 0.15)), float(rng.uniform(0.85, 1.0)))
    elif style < 0.45:
        ground = hex_code(hue, float(rng.uniform(0.2, 0.9)), float(rng.uniform(0.04, 0.25)))
    else:
        ground = hex_code(hue, float(rng.uniform(0.6, 1.0)), float(rng.uniform(0.45, 0.95)))
    second = hex_code(hue + float(rng.uniform(0.08, 0.6)), float(rng.uniform(0.5, 1.0)), float(rng.uniform(0.5, 0.95)))
    luma = sum(w * int(ground[i : i + 2], 16) for w, i in ((0.3, 0), (0.59, 2), (0.11, 4)))
    ink = hex_code(hue + 0.5, 0.8, 0.2) if luma > 150 else hex_code(hue + 0.45, float(rng.choice([0.0, 0.0, 0.5])), 1.0)
    return ground, second, ink


def _pattern(s: Sheet, rng: np.random.Generator, second: str, ink: str) -> None:
    w, h = s.width, s.height
    style = int(rng.integers(0, 9))
    if style == 0:
        step = float(rng.uniform(4, 16))
        for i in range(int(w / step) + 1):
            s.box(i * step, 0, i * step + step * 0.45, h, second, 170)
    elif style == 1:
        thick = h * float(rng.uniform(0.1, 0.3))
        for i in range(int(rng.integers(1, 4))):
            rise, at = float(rng.uniform(-0.5, 0.5)) * h, h * float(rng.random())
            s.line([(-10, at + rise), (w + 10, at - rise)], thick / (i + 1), (second, ink)[i % 2], 200)
    elif style == 2:
        for _ in range(int(rng.integers(15, 60))):
            x, y = float(rng.uniform(0, w)), float(rng.uniform(0, h))
            s.ball(x, y, float(rng.uniform(1.5, w * 0.06)), (second, blend(second, ink, 0.4))[int(rng.integers(2))])
    elif style == 3:
        for i in range(9):
            s.ring(w / 2, h / 2, w * (0.1 + i * 0.07), w * 0.02, second, 220)
    elif style == 4:
        for i in range(24):
            a = 2 * math.pi * i / 24
            far = [(w / 2 + w * math.cos(a + d), h / 2 + w * math.sin(a + d)) for d in (-0.06, 0.06)]
            s.polygon([(w / 2, h / 2), *far], second, 130)
    elif style == 5:
        for _ in range(int(rng.integers(12, 40))):
            x, y, long = float(rng.uniform(0, w)), float(rng.uniform(0, h)), w * float(rng.uniform(0.1, 0.25))
            s.leaf(x, y, long, long * 0.4, float(rng.uniform(0, 360)), blend(second, ink, float(rng.uniform(0, 0.4))), ink)
    elif style == 6:
        edge = float(rng.uniform(0.03, 0.12)) * h
        for y in (0.0, h - edge):
            s.box(0, y, w, y + edge, second)
            s.box(0, y + edge * 0.4, w, y + edge * 0.55, ink)
    elif style == 7:
        at, swing = h * float(rng.uniform(0.4, 0.7)), h * float(rng.uniform(0.02, 0.12))
        wave = [(t, at + swing * math.sin(t * 6 / w)) for t in np.linspace(0, w, 40)]
        s.polygon([*wave, (w, h), (0, h)], second)


def _emblem(s: Sheet, rng: np.random.Generator, ground: str, second: str, ink: str) -> None:
    w, h = s.width, s.height
    x, y, r = w / 2, h * float(rng.choice([0.22, 0.74])), min(w * 0.16, h * 0.14)
    style = int(rng.integers(0, 5))
    if style == 0:
        s.ellipse(x, y, r * 1.15, r * 1.15, ink)
        s.ellipse(x, y, r, r, second)
    elif style == 1:
        points = [
            (x + q * math.sin(i * math.pi / 5), y - q * math.cos(i * math.pi / 5))
            for i in range(10)
            for q in [r if i % 2 == 0 else r * 0.45]
        ]
        s.polygon(points, ink)
    elif style == 2:
        for dx in (-0.8, 0.8, 0.0):
            s.ball(x + dx * r, y + (0.3 if dx else 0.0) * r, r * 0.85, second)
        s.leaf(x, y - r * 0.6, r * 1.2, r * 0.5, 40, "3d7a1c", "cfe8a0")
    elif style == 3:
        s.polygon([(x - r, y - r), (x + r, y - r), (x + r, y + r * 0.3), (x, y + r * 1.2), (x - r, y + r * 0.3)], ink)
        s.text(_word(rng)[0].upper(), x, y - r * 0.1, r * 1.1, r * 1.1, "oldstandard", ground)


def _front(rng: np.random.Generator, width: float, height: float) -> Image.Image:
    ground, second, ink = _palette(rng)
    s = Sheet(width, height, ground, pixels_per_mm=min(3.0, 320 / max(width, height)))
    s.gradient(ground, blend(ground, str(rng.choice(["000000", "ffffff", second])), float(rng.uniform(0, 0.35))))
    _pattern(s, rng, second, ink)
    face = str(rng.choice(_FONTS))
    name, y = _word(rng), height * float(rng.uniform(0.35, 0.6))
    upright = height > 1.6 * width and rng.random() < 0.4
    if rng.random() < 0.35 and not upright:
        s.box(width * 0.06, y - height * 0.14, width * 0.94, y + height * 0.14, ground, round_by=float(rng.choice([0.0, 3.0])))
    if not upright:
        _emblem(s, rng, ground, second, ink)
    edge = blend(ground, "000000", 0.5) if rng.random() < 0.3 else None
    if upright:
        s.text(name, width / 2, height / 2, height * 0.8, width * 0.5, face, ink, edge=edge, edge_mm=0.8, turn=90)
    else:
        turn = float(rng.choice([0.0, 0.0, 8.0, -6.0]))
        s.text(
            name, width / 2, y, width * 0.84, height * float(rng.uniform(0.14, 0.3)), face, ink, edge=edge, edge_mm=0.8, turn=turn
        )
        s.text(str(rng.choice(_KINDS)), width / 2, y + height * 0.2, width * 0.5, height * 0.07, str(rng.choice(_FONTS)), ink)
    if rng.random() < 0.5:
        s.small_print(width * 0.08, height * 0.9, width * 0.84, height * 0.06, ink, int(rng.integers(1 << 30)))
    s.grain(int(rng.integers(1 << 30)), 2.0)
    return s.finished()


def label(rng: np.random.Generator, width: float, height: float, *, sleeve: bool) -> Image.Image:
    """A label of `width` x `height` mm; a sleeve runs once round, its front in the middle and again at the back."""
    if not sleeve:
        return _front(rng, width, height)
    front = _front(rng, width / 2, height)
    whole = Image.new("RGB", (front.width * 2, front.height))
    for at in (-front.width // 2, front.width // 2, front.width + front.width // 2):
        whole.paste(front, (at, 0))
    return whole
