"""Drawing in millimetres: the surface on which labels and price strips are painted, and the fonts.

Owns the conversion from mm to pixels, text that fits a width, and a few figures (leaf, drop, ring, barcode). Knows no brand.
Fonts are free ones packaged by Debian; a missing one is an error that names the package.
"""

import math
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONTS: dict[str, tuple[str, str]] = {
    "lobster": ("fonts-lobster", "opentype/lobster/lobster.otf"),
    "leckerli": ("fonts-leckerli-one", "truetype/leckerli-one/LeckerliOne-Regular.ttf"),
    "bebas": ("fonts-bebas-neue", "opentype/bebas-neue/BebasNeue-Bold.otf"),
    "kaushan": ("fonts-kaushanscript", "opentype/kaushanscript/KaushanScript-Regular.otf"),
    "comfortaa": ("fonts-comfortaa", "truetype/comfortaa/Comfortaa-Bold.ttf"),
    "spartan": ("fonts-league-spartan", "opentype/league-spartan/LeagueSpartan-Black.otf"),
    "reggae": ("fonts-reggae", "truetype/reggae/ReggaeOne-Regular.ttf"),
    "cherry": ("fonts-cherrybomb", "opentype/cherrybomb/CherryBomb-Regular.otf"),
    "dosis": ("fonts-dosis", "opentype/dosis/Dosis-ExtraBold.otf"),
    "oldstandard": ("fonts-oldstandard", "truetype/fonts-oldstandard/OldStandard-Bold.ttf"),
    "prociono": ("fonts-prociono", "opentype/fonts-prociono/Prociono.otf"),
    "yanone": ("fonts-yanone-kaffeesatz", "opentype/yanone-kaffeesatz/YanoneKaffeesatz-Bold.otf"),
    "sans": ("fonts-dejavu-core", "truetype/dejavu/DejaVuSans-Bold.ttf"),
}
"""Font by short name: its Debian package and its file below /usr/share/fonts."""

_ROOT = Path("/usr/share/fonts")


@cache
def font(name: str, pixels: int) -> ImageFont.FreeTypeFont:
    """The font at this size; FileNotFoundError with the package to install when it is missing."""
    package, file = FONTS[name]
    path = _ROOT / file
    if not path.is_file():
        raise FileNotFoundError(f"{path}: install it with `apt-get install {package}`")
    return ImageFont.truetype(str(path), max(pixels, 4))


def paint(code: str, alpha: int = 255) -> tuple[int, int, int, int]:
    """A fill from six hex digits."""
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16), alpha


def blend(a: str, b: str, t: float) -> str:
    """The colour `t` of the way from `a` to `b`."""
    return "".join(f"{round(int(a[i : i + 2], 16) * (1 - t) + int(b[i : i + 2], 16) * t):02x}" for i in (0, 2, 4))


class Sheet:
    """A painted surface of `width` x `height` mm, origin at the top left, drawn at twice its final resolution."""

    def __init__(self, width: float, height: float, ground: str, pixels_per_mm: float = 6.0) -> None:
        """A sheet of one colour, to be finished at `pixels_per_mm`."""
        self.width, self.height = width, height
        self._k = pixels_per_mm * 2
        self.image = Image.new("RGB", (round(width * self._k), round(height * self._k)), paint(ground)[:3])

    @property
    def middle(self) -> tuple[float, float]:
        """The centre in mm."""
        return self.width / 2, self.height / 2

    def _draw(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self.image, "RGBA")

    def gradient(self, top: str, bottom: str) -> None:
        """Covers the sheet with a vertical gradient."""
        t = np.linspace(0, 1, self.image.height)[:, None, None]
        a, b = (np.array(paint(c)[:3], dtype=np.float64) for c in (top, bottom))
        rows = np.broadcast_to(a * (1 - t) + b * t, (self.image.height, self.image.width, 3))
        self.image.paste(Image.fromarray(rows.round().astype(np.uint8)))

    def polygon(self, points: Iterable[tuple[float, float]], code: str, alpha: int = 255) -> None:
        """Fills a polygon."""
        self._draw().polygon([(x * self._k, y * self._k) for x, y in points], fill=paint(code, alpha))

    def box(self, x0: float, y0: float, x1: float, y1: float, code: str, alpha: int = 255, round_by: float = 0.0) -> None:
        """Fills a rectangle, with rounded corners if asked."""
        k = self._k
        self._draw().rounded_rectangle((x0 * k, y0 * k, x1 * k, y1 * k), radius=round_by * k, fill=paint(code, alpha))

    def ellipse(self, x: float, y: float, rx: float, ry: float, code: str, alpha: int = 255) -> None:
        """Fills an ellipse about a centre."""
        k = self._k
        self._draw().ellipse(((x - rx) * k, (y - ry) * k, (x + rx) * k, (y + ry) * k), fill=paint(code, alpha))

    def ring(self, x: float, y: float, r: float, thick: float, code: str, alpha: int = 255) -> None:
        """Draws a circle line."""
        k = self._k
        self._draw().ellipse(
            ((x - r) * k, (y - r) * k, (x + r) * k, (y + r) * k),
            outline=paint(code, alpha),
            width=max(1, round(thick * k)),
        )

    def line(self, points: Sequence[tuple[float, float]], thick: float, code: str, alpha: int = 255) -> None:
        """Draws a bent line."""
        self._draw().line(
            [(x * self._k, y * self._k) for x, y in points],
            fill=paint(code, alpha),
            width=max(1, round(thick * self._k)),
            joint="curve",
        )

    def leaf(self, x: float, y: float, long: float, wide: float, degrees: float, code: str, vein: str | None = None) -> None:
        """Fills a leaf with its stem at (x, y), growing `long` mm towards `degrees` (0 right, 90 up)."""
        a = math.radians(degrees)
        ux, uy, px, py = math.cos(a), -math.sin(a), math.sin(a), math.cos(a)
        t = np.linspace(0, 1, 24)
        half = wide / 2 * np.sin(np.pi * t**0.8)
        edge = [(x + ux * long * s + px * h, y + uy * long * s + py * h) for s, h in zip(t, half, strict=True)]
        back = [(x + ux * long * s - px * h, y + uy * long * s - py * h) for s, h in zip(t, half, strict=True)]
        self.polygon([*edge, *back[::-1]], code)
        if vein is not None:
            self.line([(x, y), (x + ux * long * 0.85, y + uy * long * 0.85)], wide * 0.08, vein)

    def ball(self, x: float, y: float, r: float, code: str, light: float = 0.75) -> None:
        """A shaded sphere: fruit, marbles, bubbles."""
        for i in range(14):
            t = i / 13
            self.ellipse(
                x - r * 0.3 * t,
                y - r * 0.32 * t,
                r * (1 - 0.86 * t),
                r * (1 - 0.86 * t),
                blend(blend(code, "000000", 0.28), blend(code, "ffffff", light), t**2.2),
            )

    def text(
        self,
        words: str,
        x: float,
        y: float,
        wide: float,
        tall: float,
        name: str,
        code: str,
        *,
        edge: str | None = None,
        edge_mm: float = 0.0,
        turn: float = 0.0,
        slant: float = 0.0,
    ) -> None:
        """Writes centred on (x, y), as large as fits `wide` x `tall` mm, turned by `turn` degrees, sheared by `slant`."""
        k = self._k
        trial = font(name, 400)
        stroke = edge_mm * k
        left, top, right, bottom = trial.getbbox(words)
        size = 400 * min((wide * k - 2 * stroke) / (right - left), (tall * k - 2 * stroke) / (bottom - top))
        face = font(name, round(size))
        pen = round(stroke)
        x0, y0, x1, y1 = face.getbbox(words, stroke_width=pen)
        pad = round(abs(slant) * (y1 - y0)) + 4
        layer = Image.new("RGBA", (round(x1 - x0) + 2 * pad, round(y1 - y0) + 8), (0, 0, 0, 0))
        ImageDraw.Draw(layer).text(
            (pad - x0, 4 - y0),
            words,
            font=face,
            fill=paint(code),
            stroke_width=pen,
            stroke_fill=paint(edge) if edge else None,
        )
        if slant:
            layer = layer.transform(
                layer.size,
                Image.Transform.AFFINE,
                (1, slant, -slant * layer.height / 2, 0, 1, 0),
                Image.Resampling.BICUBIC,
            )
        if turn:
            layer = layer.rotate(turn, Image.Resampling.BICUBIC, expand=True)
        self.image.paste(layer, (round(x * k - layer.width / 2), round(y * k - layer.height / 2)), layer)

    def barcode(self, x: float, y: float, wide: float, tall: float, seed: int, bars: str = "101010") -> None:
        """A made-up barcode on white; its digits name no product."""
        self.box(x, y, x + wide, y + tall, "ffffff")
        rng = np.random.default_rng(seed)
        at, step = x + wide * 0.06, wide * 0.88 / 60
        while at < x + wide * 0.94:
            thick = int(rng.integers(1, 4)) * step
            self.box(at, y + tall * 0.08, at + thick * 0.9, y + tall * 0.92, bars)
            at += thick + int(rng.integers(1, 4)) * step

    def small_print(self, x: float, y: float, wide: float, tall: float, code: str, seed: int) -> None:
        """Lines of unreadable small print, as ingredients look from afar."""
        rng = np.random.default_rng(seed)
        for row in np.arange(y, y + tall, 2.2):
            at = x
            while at < x + wide:
                word = min(float(rng.uniform(1.5, 6.0)), x + wide - at)
                self.box(at, float(row), at + word, float(row) + 1.1, code, 200)
                at += word + 0.9

    def grain(self, seed: int, strength: float = 3.0) -> None:
        """A little unevenness of print."""
        rng = np.random.default_rng(seed)
        pixels = np.asarray(self.image, dtype=np.int16)
        noise = rng.normal(0, strength, (*pixels.shape[:2], 1))
        self.image = Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))

    def finished(self) -> Image.Image:
        """The sheet at its final resolution."""
        half = (self.image.width // 2, self.image.height // 2)
        return self.image.filter(ImageFilter.GaussianBlur(0.6)).resize(half, Image.Resampling.LANCZOS)
