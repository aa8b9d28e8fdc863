"""The artwork of the invented brands: one painter per brand, told apart by palette and variant.

Owns what is printed on a container. A painter draws the half of a label that is seen from the front; the same half is
printed twice around the container, with small print and a barcode between.
"""

import math
from collections.abc import Callable
from zlib import crc32

import numpy as np
from PIL import Image

from .artwork import Sheet, blend
from .catalogue import Sku
from .shapes import SHAPES


def _quellino(s: Sheet, sku: Sku) -> None:
    deep, pale, white = sku.palette
    x, _ = s.middle
    h = s.height
    s.gradient(pale, deep)
    for i in range(7):
        at = h * (0.62 + i * 0.07)
        wave = [(t, at + math.sin(t * 0.16 + i * 1.3) * 1.8) for t in np.arange(-2, s.width + 3, 1.0)]
        s.line(wave, 1.1, white, 60 + 18 * i)
    s.polygon(
        [(x - 26, h * 0.56), (x - 9, h * 0.14), (x + 1, h * 0.34), (x + 10, h * 0.2), (x + 27, h * 0.56)],
        blend(deep, "001030", 0.35),
        150,
    )
    s.polygon([(x - 12.4, h * 0.22), (x - 9, h * 0.14), (x - 5, h * 0.22), (x - 8.5, h * 0.25)], white)
    s.text("quellino", x, h * 0.6, 52, h * 0.3, "comfortaa", white, edge=deep, edge_mm=0.9)
    s.box(x - 19, h * 0.82, x + 19, h * 0.95, white, round_by=3)
    s.text(sku.variant, x, h * 0.885, 34, h * 0.085, "spartan", deep)


def _tarku(s: Sheet, sku: Sku) -> None:
    ground, copper, cream = sku.palette
    x, y = s.middle
    h = s.height
    s.gradient(blend(ground, "ffffff", 0.08), blend(ground, "000000", 0.25))
    for i, (thick, colour) in enumerate(((9.0, copper), (2.6, cream), (4.0, blend(copper, ground, 0.45)))):
        off = (-5.0, 5.5, 11.0)[i]
        s.line([(x - 60, y + 26 + off), (x + 60, y - 26 + off)], thick, colour)
    for i in range(11):
        a = i / 10 * math.pi
        s.polygon(
            [
                (x + 30 * math.cos(a) - 1, h * 0.04),
                (x + 30 * math.cos(a) + 1, h * 0.04),
                (x + 30 * math.cos(a), h * 0.12),
            ],
            copper,
        )
    s.text(
        "Tarku",
        x,
        y - h * 0.02,
        50,
        h * 0.44,
        "lobster",
        cream,
        edge=blend(ground, "000000", 0.45),
        edge_mm=1.5,
        turn=11,
    )
    s.text(sku.variant, x + 9, h * 0.82, 30, h * 0.15, "bebas", cream, turn=11)


def _murmel(s: Sheet, sku: Sku) -> None:
    light, strong, accent, cream = sku.palette
    x, y = s.middle
    s.gradient(light, blend(light, strong, 0.55))
    rng = np.random.default_rng(11)
    spots = [(float(rng.uniform(0, s.width)), float(rng.uniform(0, s.height)), float(rng.uniform(2.5, 8.0))) for _ in range(60)]
    for px, py, r in sorted(spots, key=lambda p: p[2]):
        if abs(px - x) < 25 and abs(py - y) < s.height * 0.27:
            continue
        s.ball(px, py, r, (light, strong, strong, accent)[int(px * 7) % 4])
    s.ellipse(x, y, 30, s.height * 0.29, accent)
    s.ellipse(x, y, 28.4, s.height * 0.265, cream)
    s.text("Murmel", x, y - s.height * 0.045, 47, s.height * 0.25, "cherry", strong, edge=accent, edge_mm=1.0)
    s.text(sku.variant, x, y + s.height * 0.155, 26, s.height * 0.085, "spartan", accent)


def _laubwerk(s: Sheet, sku: Sku) -> None:
    pale, strong, dark, white = sku.palette
    x, _ = s.middle
    h = s.height
    s.gradient(pale, blend(pale, strong, 0.35))
    rng = np.random.default_rng(5)
    for _ in range(70):
        px, py = float(rng.uniform(-4, s.width + 4)), float(rng.uniform(0, h))
        if py > h * 0.28 and py < h * 0.7 and abs(px - x) < 30:
            continue
        tone = blend(strong, dark, float(rng.uniform(0, 0.8)))
        s.leaf(px, py, float(rng.uniform(11, 21)), float(rng.uniform(5, 9)), float(rng.uniform(0, 360)), tone, pale)
    s.box(x - 29, h * 0.27, x + 29, h * 0.7, white, round_by=9)
    s.text("Laubwerk", x, h * 0.43, 51, h * 0.17, "leckerli", dark)
    s.text(sku.variant, x, h * 0.585, 40, h * 0.12, "bebas", strong)
    if sku.variant == "PEACH":
        s.ball(x - 8, h * 0.835, 13, "f08a4a")
        s.ball(x + 9, h * 0.86, 11, "f6a765")
        s.leaf(x - 4, h * 0.75, 15, 7, 25, "3f8f3c", "d8f0c0")
    else:
        for degrees in (40, 90, 140, 65, 115):
            s.leaf(x, h * 0.94, 24, 11, degrees, "2c9b5c", "bfe3c0")


def _obsthain(s: Sheet, sku: Sku) -> None:
    paper, fruit, second, dark = sku.palette
    x, _ = s.middle
    h = s.height
    s.gradient("ffffff", paper)
    s.box(0, 0, s.width, h * 0.16, fruit)
    s.box(0, h * 0.16, s.width, h * 0.19, dark)
    s.text("DIRECT  JUICE", x, h * 0.085, 40, h * 0.07, "spartan", "ffffff")
    s.text("Obsthain", x, h * 0.325, 52, h * 0.18, "prociono", dark)
    s.text(sku.variant, x, h * 0.475, 30, h * 0.08, "spartan", second)
    if sku.variant == "APPLE":
        for dx, dy, r, c in ((-16, 0.77, 14, fruit), (15, 0.78, 13, second), (0, 0.8, 14.5, fruit)):
            s.ball(x + dx, h * dy, r, c)
            s.leaf(x + dx, h * dy - r * 0.85, 10, 5, 40, "3d7a1c", "cfe8a0")
    else:
        rng = np.random.default_rng(2)
        for _ in range(34):
            s.ball(
                x + float(rng.normal(0, 15)),
                h * float(rng.uniform(0.64, 0.96)),
                float(rng.uniform(3.5, 6.5)),
                (fruit, second, "2c1a5a", "b3265f")[int(rng.integers(4))],
            )
        s.leaf(x - 6, h * 0.64, 15, 7, 150, "3d7a1c", "cfe8a0")
        s.leaf(x + 6, h * 0.64, 15, 7, 30, "3d7a1c", "cfe8a0")
    s.box(0, h * 0.965, s.width, h, fruit)


def _isolde(s: Sheet, sku: Sku) -> None:
    ground, bright, white = sku.palette
    x, y = s.middle
    h = s.height
    s.gradient(ground, blend(ground, bright, 0.35))
    for i in range(9):
        at = x - 62 + i * 15
        s.polygon([(at, h), (at + 4 + i * 0.6, h), (at + 26 + i * 0.6, 0), (at + 22, 0)], bright, 70 + 18 * i)
    s.polygon([(0, h * 0.36), (s.width, h * 0.2), (s.width, h * 0.62), (0, h * 0.78)], ground)
    s.text("ISOLDE", x, y - 1, 56, h * 0.28, "spartan", white, slant=0.22, turn=5)
    s.text("SPORT", x + 13, h * 0.16, 26, h * 0.1, "spartan", white, slant=0.22)
    s.text(sku.variant, x - 8, h * 0.86, 34, h * 0.11, "bebas", white)


def _hopfling(s: Sheet, sku: Sku) -> None:
    paper, strong, gold, dark = sku.palette
    x, y = s.middle
    h = s.height
    s.gradient(strong, blend(strong, "000000", 0.3))
    for edge in (0.0, h - 4.2):
        s.box(0, edge, s.width, edge + 4.2, gold)
        s.box(0, edge + 1.3, s.width, edge + 2.0, dark)
    ry = h * 0.42
    for grow, colour in ((1.0, gold), (0.955, dark), (0.93, gold), (0.9, paper)):
        s.ellipse(x, y, 31 * grow, ry * grow, colour)
    for row in range(5):
        for i in range(5 - row):
            at = (i - (4 - row) / 2) * 4.3
            s.leaf(x + at, y - ry * 0.62 + row * 3.1, 6.6, 5.6, 270, blend("7fa838", "2f5a1c", row / 5), "dbe8a8")
    s.leaf(x - 2, y - ry * 0.62, 14, 7, 165, "3f7a2a", "cfe0a0")
    s.leaf(x + 2, y - ry * 0.62, 14, 7, 15, "3f7a2a", "cfe0a0")
    s.box(0, y - ry * 0.04, s.width, y + ry * 0.42, strong)
    s.box(0, y - ry * 0.04, s.width, y + ry * 0.0, gold)
    s.box(0, y + ry * 0.38, s.width, y + ry * 0.42, gold)
    s.text("Hopfling", x, y + ry * 0.19, 54, ry * 0.3, "oldstandard", paper)
    s.text(sku.variant, x, y + ry * 0.62, 24, ry * 0.2, "oldstandard", strong)


def _bitterfink(s: Sheet, sku: Sku) -> None:
    ground, bright, cream = sku.palette
    x, _ = s.middle
    h = s.height
    s.gradient(ground, blend(ground, "000000", 0.2))
    for i in range(25):
        a = math.pi * i / 24
        s.polygon(
            [
                (x, h * 0.56),
                (x + 80 * math.cos(a - 0.03), h * 0.56 - 80 * math.sin(a - 0.03)),
                (x + 80 * math.cos(a + 0.03), h * 0.56 - 80 * math.sin(a + 0.03)),
            ],
            bright,
            170 if i % 2 else 90,
        )
    s.ellipse(x, h * 0.3, 13, 13, cream)
    s.ellipse(x - 1, h * 0.32, 7.4, 5.6, ground)
    s.ellipse(x + 5.4, h * 0.23, 3.8, 3.6, ground)
    s.polygon([(x + 8.6, h * 0.215), (x + 13, h * 0.235), (x + 8.4, h * 0.26)], bright)
    s.polygon([(x - 5, h * 0.3), (x - 15, h * 0.41), (x - 8, h * 0.4)], ground)
    s.ellipse(x + 6.2, h * 0.22, 0.8, 0.8, cream)
    s.box(0, h * 0.53, s.width, h * 0.76, cream)
    s.box(0, h * 0.53, s.width, h * 0.545, bright)
    s.text("BITTERFINK", x, h * 0.645, 46, h * 0.13, "yanone", ground)
    s.text(sku.variant, x, h * 0.87, 32, h * 0.12, "dosis", bright)


def _kirschko(s: Sheet, sku: Sku) -> None:
    white, red, green = sku.palette
    x, _ = s.middle
    h = s.height
    for row in range(int(h / 7) + 2):
        for i in range(int(s.width / 8) + 2):
            s.ellipse(i * 8 + (row % 2) * 4, row * 7, 1.7, 1.7, red, 200)
    s.polygon([(0, h * 0.4), (s.width, h * 0.3), (s.width, h * 0.7), (0, h * 0.8)], red)
    s.text("Kirschko", x, h * 0.55, 52, h * 0.34, "kaushan", white, turn=5)
    s.line([(x - 8, h * 0.2), (x - 1, h * 0.03), (x + 8, h * 0.19)], 1.1, green)
    s.leaf(x - 1, h * 0.04, 15, 6, 12, green, white)
    s.ball(x - 8, h * 0.23, 6.4, red)
    s.ball(x + 8, h * 0.22, 6.4, red)
    s.box(x - 22, h * 0.82, x + 22, h * 0.94, white, round_by=3)
    s.text(sku.variant, x, h * 0.88, 38, h * 0.07, "spartan", red)


def _wumm(s: Sheet, sku: Sku) -> None:
    ground, bright, third = sku.palette
    x, y = s.middle
    h = s.height
    s.gradient(ground, blend(ground, bright, 0.25))
    for i in range(12):
        s.ring(x, y, 66 - i * 5.2, 2.1, (bright, third, bright)[i % 3], 255 - i * 9)
    s.ellipse(x, y, 15, 15, third)
    s.text("WUMM", x, y, h * 0.82, 25, "reggae", third, edge=ground, edge_mm=2.4, turn=90)
    s.text("WUMM", x, y, h * 0.78, 22, "reggae", bright if third != "ffd23e" else "ffffff", turn=90)
    s.box(0, h * 0.91, s.width, h, bright)
    s.text(sku.variant, x, h * 0.955, 36, h * 0.055, "spartan", ground)


def _plixo(s: Sheet, sku: Sku) -> None:
    ground, pale, dark = sku.palette
    x, _ = s.middle
    h = s.height
    s.gradient(blend(ground, "ffffff", 0.1), blend(ground, "000000", 0.12))
    for row in range(9):
        at = h * (0.52 + row * 0.065)
        teeth = [(i * 7.0, at + (3.6 if i % 2 else -3.6)) for i in range(-1, int(s.width / 7) + 3)]
        s.line(teeth, 2.6, pale if row % 2 else dark, 230)
    s.text("plixo", x, h * 0.25, 46, h * 0.27, "cherry", pale, edge=dark, edge_mm=1.8, turn=12)
    s.ellipse(x, h * 0.71, 18, 18, pale)
    s.ellipse(x, h * 0.71, 16.2, 16.2, blend(ground, "ffffff", 0.35))
    for i in range(9):
        a = 2 * math.pi * i / 9
        s.leaf(x, h * 0.71, 15.4, 8.4, math.degrees(a), ground)
    s.text(sku.variant, x, h * 0.45, 38, h * 0.07, "spartan", dark)


def _roestling(s: Sheet, sku: Sku) -> None:
    ground, cream, accent = sku.palette
    x, _ = s.middle
    h = s.height
    s.gradient(blend(ground, cream, 0.12), blend(ground, "000000", 0.35))
    for i in range(16):
        ripple = [
            (t, h * (0.08 + i * 0.06) + 3.4 * math.sin(t * 0.11 + i * 0.7) + 2.2 * math.sin(t * 0.05 - i))
            for t in np.arange(-2, s.width + 3, 1.5)
        ]
        s.line(ripple, 0.8, cream, 80)
    s.box(x - 21, h * 0.13, x + 21, h * 0.72, cream, round_by=21)
    s.ellipse(x, h * 0.3, 10.5, 14.5, ground)
    s.line([(x + 1.5 + 3 * math.sin(t * 0.42), h * 0.3 - 13 + t) for t in np.arange(0, 27, 1.0)], 1.7, cream)
    s.text("röstling", x, h * 0.53, 36, h * 0.12, "dosis", ground)
    s.text(sku.variant, x, h * 0.645, 30, h * 0.05, "spartan", accent)
    s.box(0, h * 0.8, s.width, h * 0.86, accent)


_PAINTERS: dict[str, Callable[[Sheet, Sku], None]] = {
    "quellino": _quellino,
    "tarku": _tarku,
    "murmel": _murmel,
    "laubwerk": _laubwerk,
    "obsthain": _obsthain,
    "isolde": _isolde,
    "hopfling": _hopfling,
    "bitterfink": _bitterfink,
    "kirschko": _kirschko,
    "wumm": _wumm,
    "plixo": _plixo,
    "roestling": _roestling,
}


def label(sku: Sku) -> Image.Image:
    """The whole label of a SKU, once around its container, the front in the middle, at 6 pixels a mm."""
    shape = SHAPES[sku.shape]
    low, high = shape.label
    half = Sheet(shape.radius * math.pi, high - low, sku.palette[0])
    _PAINTERS[sku.art](half, sku)
    seed = crc32(sku.id.encode())
    light = "ffffff" if sum(int(sku.palette[0][i : i + 2], 16) for i in (0, 2, 4)) < 380 else "202020"
    half.small_print(2, half.height * 0.3, 13, half.height * 0.4, light, seed)
    half.barcode(half.width - 15, half.height * 0.42, 13, min(18.0, half.height * 0.3), seed)
    half.grain(seed, 2.0)
    front = half.finished()
    whole = Image.new("RGB", (front.width * 2, front.height))
    whole.paste(front, (front.width // 2, 0))
    whole.paste(front, (front.width // 2 + front.width, 0))
    whole.paste(front, (front.width // 2 - front.width, 0))
    return whole
