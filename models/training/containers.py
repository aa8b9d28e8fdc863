"""Single containers as meshes: lofts, tubes and their finishes, and the families of bottles and cans.

Owns the geometry and says what each surface is made of; knows no renderer. Millimetres; a container stands on z = 0,
its front looks along -y.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.sample.catalogue import Rgb, rgb
from models.sample.shapes import SEGMENTS, Points, Solid, between, smooth
from models.training.container_labels import hex_code, label

Floats = NDArray[np.float64]

Sections = Sequence[tuple[float, float, float, float]]
"""Horizontal cuts from bottom to top: height, half width, half depth, and power (2 an ellipse, above 5 nearly a box)."""


@dataclass(frozen=True, eq=False)
class Finish:
    """What a surface is made of.

    `see` is the share of light that passes straight through (the background shines through there); `clear`, for liquids
    and crystal, how far they refract rather than scatter.
    """

    look: Literal["plain", "metal", "wall", "crystal", "liquid", "print"]
    colour: Rgb = (1.0, 1.0, 1.0)
    roughness: float = 0.3
    see: float = 0.0
    clear: float = 1.0
    art: Image.Image | None = None


class Container:
    """One container: its solid and the finish of each material slot."""

    def __init__(self) -> None:
        """An empty one."""
        self.solid = Solid()
        self.finishes: list[Finish] = []

    def _slot(self, finish: Finish) -> int:
        if finish not in self.finishes:
            self.finishes.append(finish)
        return self.finishes.index(finish)

    def _grid(self, points: Floats, u: Floats, v: Floats, finish: Finish, *, wrap: bool) -> int:
        rows, columns = points.shape[:2]
        base, slot, solid = self.solid.count, self._slot(finish), self.solid
        solid.vertices.append(points.reshape(-1, 3))
        for i in range(rows - 1):
            for j in range(columns if wrap else columns - 1):
                k = (j + 1) % columns
                low, high = base + i * columns, base + (i + 1) * columns
                solid.faces.append([low + j, low + k, high + k, high + j])
                solid.corners += [(u[j], v[i]), (u[j + 1], v[i]), (u[j + 1], v[i + 1]), (u[j], v[i + 1])]
                solid.slots.append(slot)
        solid.count += rows * columns
        return base

    def _cap(self, ring: list[int], finish: Finish) -> None:
        self.solid.faces.append(ring)
        self.solid.corners += [(0.5, 0.5)] * len(ring)
        self.solid.slots.append(self._slot(finish))

    def loft(
        self,
        sections: Sections,
        finish: Finish,
        *,
        top: bool = False,
        bottom: bool = False,
        at: tuple[float, float] = (0.0, 0.0),
        arc: float = 1.0,
    ) -> None:
        """A skin over the sections, closed above or below if asked; `arc` < 1 leaves only that share about the front."""
        whole = arc >= 1.0
        angle = np.linspace(np.pi * (1 - arc), np.pi * (1 + arc), SEGMENTS + 1)
        z, wide, deep, power = (np.asarray(column, dtype=np.float64)[:, None] for column in zip(*sections, strict=True))
        across, along = np.abs(np.sin(angle)) / np.maximum(wide, 1e-3), np.abs(np.cos(angle)) / np.maximum(deep, 1e-3)
        radius = (across**power + along**power) ** (-1 / power)
        points = np.stack(
            [at[0] - np.sin(angle) * radius, at[1] + np.cos(angle) * radius, np.broadcast_to(z, radius.shape)], axis=-1
        )
        widest = points[int(np.argmax(wide))]
        run = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(widest, axis=0), axis=1))])
        v = (z[:, 0] - z.min()) / max(float(np.ptp(z)), 1e-6)
        base = self._grid(points[:, :-1] if whole else points, run / run[-1], v, finish, wrap=whole)
        if bottom:
            self._cap(list(range(base, base + SEGMENTS))[::-1], finish)
        if top:
            last = base + (len(z) - 1) * SEGMENTS
            self._cap(list(range(last, last + SEGMENTS)), finish)

    def turn(self, outline: Points, finish: Finish, **how: object) -> None:
        """A solid of revolution; further arguments as for `loft`."""
        self.loft([(z, r, r, 2.0) for r, z in outline], finish, **how)  # type: ignore[arg-type]

    def tube(self, path: Sequence[tuple[float, float, float]], radius: float, finish: Finish, flat: float = 1.0) -> None:
        """A bent rod along the path; `flat` stretches it across the path's plane of bending."""
        line = np.asarray(path, dtype=np.float64)
        ahead = np.gradient(line, axis=0)
        ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
        side = np.cross(ahead, np.array([0.0, 1.0, 0.02]))
        side /= np.linalg.norm(side, axis=1, keepdims=True)
        other = np.cross(ahead, side)
        angle = np.linspace(0, 2 * np.pi, 15)
        ring = np.cos(angle)[:, None, None] * side * radius + np.sin(angle)[:, None, None] * other * radius * flat
        points = (line + ring).transpose(1, 0, 2)
        base = self._grid(points[:, :-1], angle / angle[-1], np.linspace(0, 1, len(line)), finish, wrap=True)
        self._cap(list(range(base, base + 14))[::-1], finish)
        self._cap(list(range(base + (len(line) - 1) * 14, base + len(line) * 14)), finish)


def colour(
    rng: np.random.Generator, saturation: tuple[float, float] = (0.4, 1.0), value: tuple[float, float] = (0.3, 0.95)
) -> Rgb:
    """Any hue, within these bounds."""
    return rgb(hex_code(float(rng.random()), float(rng.uniform(*saturation)), float(rng.uniform(*value))))


def pick(rng: np.random.Generator, *of: float) -> float:
    """A number between two bounds."""
    return float(rng.uniform(of[0], of[-1]))


DRINKS: tuple[tuple[str, float, float], ...] = (
    ("f4fbff", 1.0, 0.85), ("e9a21e", 0.95, 0.15), ("c96a10", 0.9, 0.1), ("1a0803", 0.1, 0.0), ("5c0a16", 0.5, 0.0),
    ("f2e2a0", 1.0, 0.45), ("f08a1a", 0.1, 0.0), ("d98a4a", 0.9, 0.2), ("9c1424", 0.7, 0.05), ("f5f2ea", 0.0, 0.0),
    ("9fbf2a", 0.4, 0.1), ("2f7fd0", 0.9, 0.2), ("e8607a", 0.8, 0.15), ("6b3a1c", 0.1, 0.0), ("e6c24a", 0.25, 0.0),
)  # fmt: skip
"""Drinks by colour, clearness and the share of light that passes straight through."""


def liquid(rng: np.random.Generator) -> Finish:
    """Some drink: water, beer, wine, spirits, juice, milk, lemonade."""
    code, clear, see = DRINKS[int(rng.integers(len(DRINKS)))]
    tone = tuple(float(np.clip(c * rng.uniform(0.85, 1.1), 0, 1)) for c in rgb(code))
    return Finish("liquid", (tone[0], tone[1], tone[2]), roughness=0.04, see=see, clear=clear)


def paper(rng: np.random.Generator, width: float, height: float, *, sleeve: bool, metallic: bool = False) -> Finish:
    """Printed paper or film of this size in mm."""
    art = label(rng, width, height, sleeve=sleeve)
    return Finish("print", roughness=pick(rng, 0.25, 0.6), art=art, clear=0.5 if metallic else 0.0)


def grown(outline: Points, by: float) -> Points:
    """The outline with every radius larger by so much."""
    return [(max(r + by, 0.05), z) for r, z in outline]


_GLASSES = ("0f2a12", "123a1c", "2a1204", "3a1a06", "0a0a0c", "0c1c4a", "dfeee6", "e8f2f0", "d8ecf2")


def _bottle_outline(rng: np.random.Generator) -> tuple[Points, float, float]:
    """Outline, top of the straight body and radius of the mouth."""
    style = int(rng.integers(0, 7))
    high = (pick(rng, 285, 320), pick(rng, 220, 250), pick(rng, 180, 205), pick(rng, 150, 230), pick(rng, 200, 330),
            pick(rng, 280, 330), pick(rng, 150, 200))[style]  # fmt: skip
    radius = (37.0, 30.5, 32.0, pick(rng, 40, 58), pick(rng, 30, 48), pick(rng, 38, 46), pick(rng, 27, 36))[style]
    body = high * (0.62, 0.52, 0.6, 0.55, 0.66, 0.42, 0.7)[style]
    neck_at = high * (0.72, 0.74, 0.76, 0.72, 0.86, 0.74, 0.84)[style]
    mouth = (14.0, 12.8, 12.8, 16.0, 14.0, 14.5, pick(rng, 14, 20))[style]
    foot = [(radius * 0.86, 0.0), (radius * 0.97, 1.6), (radius, 6.0), (radius, 6.0)]
    waist = pick(rng, 0.86, 1.0) if style in (3, 4, 6) and rng.random() < 0.5 else 1.0
    line = [*foot, (radius * waist, body * pick(rng, 0.35, 0.6)), (radius, body), (radius, body)]
    if waist == 1.0:
        line = [*foot, (radius, body), (radius, body)]
    mid = (body + neck_at) / 2
    line += [(radius * 0.93, body + (mid - body) * 0.5), ((radius + mouth) / 2, mid), (mouth * 1.08, neck_at)]
    line += [(mouth, high - 24), (mouth, high - 16), (mouth, high - 16), (mouth + 1.4, high - 15), (mouth + 1.4, high - 4)]
    return smooth(line), body, mouth


def _closure(c: Container, rng: np.random.Generator, high: float, mouth: float, *, plastic: bool) -> None:
    cap = Finish("plain" if plastic or rng.random() < 0.3 else "metal", colour(rng, (0.0, 1.0), (0.05, 0.95)), roughness=0.35)
    style = int(rng.integers(0, 5)) if not plastic else 4
    r = mouth + 2.0
    if style == 0:
        c.turn([(r * 1.1, high - 7), (r * 1.08, high - 4), (r, high - 1), (r * 0.8, high), (0.4, high)], cap)
    elif style in (1, 2):
        c.turn(
            [(mouth + 0.6, high - pick(rng, 45, 80)), (mouth + 0.9, high - 20), (r, high - 14), (r, high), (0.4, high + 0.5)], cap
        )
    elif style == 3:
        ceramic, wire = Finish("plain", (0.92, 0.9, 0.86), roughness=0.2), Finish("metal", (0.75, 0.75, 0.76))
        c.turn([(mouth + 1, high - 4), (mouth + 1, high + 4), (mouth * 0.8, high + 12), (0.4, high + 13)], ceramic)
        for side in (-1, 1):
            c.tube([(side * (r + 1), -2, high - 30), (side * (r + 3), -2, high - 10), (side * r * 0.7, 0, high + 9)], 1.1, wire)
        c.turn([(mouth + 2.2, high - 32), (mouth + 2.2, high - 29)], wire)
    else:
        tall = pick(rng, 14, 34)
        c.turn(
            [
                (r, high - 14),
                (r + 0.6, high - 13),
                (r + 0.6, high - 14 + tall),
                (r - 1, high - 12 + tall),
                (0.4, high - 12 + tall),
            ],
            cap,
        )


def bottle(rng: np.random.Generator) -> Container:
    """Wine, beer, spirits, PET, squat and square bottles with any closure and invented labels."""
    c = Container()
    outline, body, mouth = _bottle_outline(rng)
    high, radius = outline[-1][1], max(r for r, _ in outline)
    plastic = rng.random() < 0.3
    square = 5.0 if not plastic and rng.random() < 0.2 else 2.0
    deep = pick(rng, 0.5, 1.0) if square > 2 else 1.0
    power = lambda z: 2.0 + (square - 2.0) * float(np.clip((body * 1.08 - z) / (body * 0.16), 0, 1))  # noqa: E731
    flat = lambda z: 1.0 + (deep - 1.0) * float(np.clip((body * 1.2 - z) / (body * 0.3), 0, 1))  # noqa: E731
    cut: Callable[[Points], Sections] = lambda line: [(z, r, r * flat(z), power(z)) for r, z in line]  # noqa: E731
    level = body + (high - body) * pick(rng, 0.1, 0.6)
    tone = rgb(str(rng.choice(_GLASSES)))
    if plastic or sum(tone) > 1.5:
        inside = liquid(rng)
        tone = (0.93, 0.97, 0.97)
    elif rng.random() < 0.15:
        inside = Finish("plain", colour(rng, (0.0, 0.9), (0.05, 0.95)), roughness=0.25)
        level = high - 2
    else:
        inside = Finish("liquid", tone, roughness=0.05, clear=pick(rng, 0.0, 0.7))
    c.loft(cut(between(outline, 0.0, level)), inside, top=True, bottom=True)
    c.loft(cut(between(outline, level, high)), Finish("wall", tone, see=0.9 if sum(tone) > 1.5 else 0.35))
    low, top = body * pick(rng, 0.08, 0.3), body * pick(rng, 0.7, 0.95)
    if plastic or rng.random() < 0.25:
        sleeve = paper(rng, 2 * np.pi * radius, top - low, sleeve=True)
        c.loft(cut(grown(between(outline, low, top), 0.4)), sleeve)
    else:
        share = pick(rng, 0.3, 0.55)
        patch = paper(rng, 2 * np.pi * radius * share, top - low, sleeve=False)
        c.loft(cut(grown(between(outline, low, top), 0.4)), patch, arc=share)
        if rng.random() < 0.4:
            at = body + (high - body) * 0.6
            c.turn(grown(between(outline, at, at + 22), 0.3), paper(rng, 2 * np.pi * mouth, 22, sleeve=True))
    _closure(c, rng, high, mouth, plastic=plastic)
    return c


def can(rng: np.random.Generator) -> Container:
    """Slim, sleek, standard, half-litre, stubby and wide cans in invented artwork."""
    sizes = ((26.6, 134.0), (29.0, 146.0), (33.1, 115.2), (33.1, 168.0), (33.1, 90.0), (26.6, 88.0), (42.0, 178.0), (33.1, 133.0))
    radius, high = sizes[int(rng.integers(len(sizes)))]
    c = Container()
    metal = Finish("metal", (0.78, 0.79, 0.8) if rng.random() < 0.8 else colour(rng, (0.3, 0.9), (0.4, 0.9)), roughness=0.28)
    neck = pick(rng, 0.78, 0.88)
    line = smooth(
        [
            (radius * 0.78, 0.0), (radius * 0.88, 3.0), (radius * 0.97, 6.0), (radius, 10.0), (radius, 10.0), (radius, high - 14),
            (radius, high - 14), (radius * 0.97, high - 10), (radius * neck, high - 3.0), (radius * neck, high - 2.6),
            (radius * neck, high - 2.6), (radius * (neck + 0.035), high - 1.8), (radius * (neck + 0.035), high - 0.4),
            (radius * neck, high),
        ],
        2.0,
    )  # fmt: skip
    low, top = 5.5, high - 8.5
    c.turn(between(line, 0.0, low), metal)
    c.turn(between(line, low, top), paper(rng, 2 * np.pi * radius, top - low, sleeve=True, metallic=rng.random() < 0.7))
    c.turn(between(line, top, high), metal)
    r = radius * neck
    c.turn([(r, high), (r * 0.96, high - 0.4), (r * 0.92, high - 5.5), (r * 0.86, high - 5.0), (0.5, high - 4.6)], metal)
    c.loft([(high - 3.6, 8, 12, 2.5), (high - 2.6, 8, 12, 2.5)], metal, top=True)
    return c
