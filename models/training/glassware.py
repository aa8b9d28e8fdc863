"""Drinking glasses as meshes: tumblers to champagne flutes, empty or with drinks, foam, ice, straws and slices of fruit.

Owns the families of glasses and what is in them. Millimetres; see `containers` for the rest.
"""

from __future__ import annotations

import numpy as np

from models.sample.catalogue import rgb
from models.sample.shapes import Points, between, smooth
from models.training.containers import Container, Finish, colour, liquid, pick

_CRYSTAL = Finish("crystal", (0.95, 0.98, 0.97), roughness=0.02, see=0.45)

BOWLS = (
    "tumbler",
    "highball",
    "pint",
    "nonic",
    "weizen",
    "mug",
    "shot",
    "wine",
    "flute",
    "cocktail",
    "coupe",
    "tulip",
    "balloon",
)
"""Families of glasses."""


def _bowl(rng: np.random.Generator, family: str) -> tuple[Points, float, float]:
    """Outer outline from the cavity's floor to the rim, radius of the foot, and thickness of the wall."""
    k = pick(rng, 0.92, 1.08)
    if family == "tumbler":
        base, rim, high = pick(rng, 32, 40), pick(rng, 36, 46), pick(rng, 75, 105)
        return smooth([(base, 8.0), (base + (rim - base) * 0.6, high * 0.5), (rim, high)]), base, 2.4
    if family == "highball":
        base, high = pick(rng, 26, 32), pick(rng, 125, 165)
        return [(base, 9.0), (base + pick(rng, 0, 6), high)], base, 2.0
    if family == "pint":
        return [(30 * k, 10.0), (44 * k, 150 * k)], 30 * k, 2.6
    if family == "nonic":
        line = [(30 * k, 10.0), (38 * k, 100.0), (43 * k, 112.0), (44 * k, 118.0), (40.5 * k, 127.0), (43 * k, 152.0)]
        return smooth(line), 30 * k, 2.6
    if family == "weizen":
        line = [
            (24 * k, 22.0),
            (23 * k, 60.0),
            (27 * k, 110.0),
            (36 * k, 165.0),
            (39 * k, 195.0),
            (36 * k, 220.0),
            (33 * k, 240.0),
        ]
        return smooth(line), 31 * k, 2.4
    if family == "mug":
        high = pick(rng, 120, 180)
        return [(pick(rng, 36, 46), 14.0), (pick(rng, 38, 44), high)], 42.0, 5.0
    if family == "shot":
        return [(17 * k, 12.0), (23 * k, pick(rng, 50, 72))], 18 * k, 2.2
    stem = {"wine": 88, "flute": 78, "cocktail": 95, "coupe": 80, "tulip": 30, "balloon": 26}[family] * k
    bowl = {
        "wine": [(3, 0), (22, 8), (37, 32), (41, 55), (38, 80), (33, 108)],
        "flute": [(3, 0), (12, 12), (20, 45), (25, 85), (25, 120), (22, 145)],
        "cocktail": [(3, 0), (3, 0), (52, 62)],
        "coupe": [(3, 0), (25, 6), (43, 24), (48, 44), (48, 52)],
        "tulip": [(6, 0), (25, 10), (38, 42), (38, 75), (33, 100), (37, 128)],
        "balloon": [(6, 0), (32, 10), (50, 42), (47, 75), (36, 105)],
    }[family]
    line = smooth([(r * k if r > 6 else float(r), stem + z * k) for r, z in bowl])
    return line, pick(rng, 30, 38) * k, 1.6


def _handle(c: Container, rng: np.random.Generator, radius: float, low: float, high: float) -> None:
    side = 1 if rng.random() < 0.5 else -1
    out = pick(rng, 26, 36)
    path = [
        (side * (radius - 2), 0.0, high), (side * (radius + out * 0.7), 0.0, high + 2), (side * (radius + out), 0.0, high - 12),
        (side * (radius + out * 1.05), 0.0, (low + high) / 2), (side * (radius + out), 0.0, low + 12),
        (side * (radius + out * 0.6), 0.0, low - 2), (side * (radius - 2), 0.0, low),
    ]  # fmt: skip
    fine = np.linspace(0, len(path) - 1, 40)
    bent = np.stack([np.interp(fine, range(len(path)), [p[i] for p in path]) for i in range(3)], axis=-1)
    for _ in range(3):
        bent[1:-1] = (bent[:-2] + bent[1:-1] + bent[2:]) / 3
    c.tube([tuple(p) for p in bent], 6.5, Finish("crystal", (0.95, 0.98, 0.97), roughness=0.02, see=0.3), flat=1.2)


def _ice(c: Container, rng: np.random.Generator, radius: float, level: float) -> None:
    cube = Finish("crystal", (0.96, 0.98, 1.0), roughness=0.12, see=0.25)
    for _ in range(int(rng.integers(2, 6))):
        a, away, side = pick(rng, 0, 6.28), pick(rng, 0, max(radius - 13, 1)), pick(rng, 8, 12)
        z = level - pick(rng, 2, side * 1.6)
        at = (float(np.cos(a)) * away, float(np.sin(a)) * away)
        rise = [(z, 0.8), (z + 1, 0.95), (z + side * 0.9, 1.0), (z + side * 1.6, 0.97), (z + side * 1.7, 0.85)]
        c.loft([(h, side * f, side * f, 6.0) for h, f in rise], cube, top=True, bottom=True, at=at)


def _straw(c: Container, rng: np.random.Generator, radius: float, floor: float, rim: float) -> None:
    lean = pick(rng, -0.8, 0.8) * radius
    over = rim + pick(rng, 25, 60)
    c.tube(
        [(-lean, 0, floor + 3), (lean * 0.9, 0, rim), (lean * (0.9 + 1.9 * (over - rim) / (rim - floor)), 0, over)],
        pick(rng, 2.5, 4.0),
        Finish("plain", colour(rng, (0.0, 1.0), (0.1, 1.0)), roughness=0.4),
    )


def _slice(c: Container, rng: np.random.Generator, radius: float, rim: float) -> None:
    rind, flesh = (("e8b414", "f7e27a"), ("4f8f1e", "cfe39a"), ("e0700c", "f7a53a"))[int(rng.integers(3))]
    side = 1 if rng.random() < 0.5 else -1
    r, n = pick(rng, 17, 24), 3.0
    # A disc standing on the rim: thin in depth, round in height.
    lie = [(rim + 4 + r * float(np.sin(t)), r * float(np.cos(t))) for t in np.linspace(-1.5, 1.5, 15)]
    c.loft([(z, w, n, 4.0) for z, w in lie], Finish("plain", rgb(rind), roughness=0.5), at=(side * radius, 0.0))
    c.loft(
        [(rim + 4 + (z - rim - 4) * 0.86, w * 0.86, n + 0.4, 4.0) for z, w in lie],
        Finish("plain", rgb(flesh)),
        at=(side * radius, 0.0),
    )


def glass(rng: np.random.Generator) -> Container:
    """One drinking glass of any family, about a third of them empty."""
    family = BOWLS[int(rng.integers(len(BOWLS)))]
    outer, foot, wall = _bowl(rng, family)
    c = Container()
    floor, rim = outer[0][1], outer[-1][1]
    tint = (0.96, 0.985, 0.98)
    if rng.random() < 0.08:
        tint = colour(rng, (0.2, 0.6), (0.5, 0.9))
    skin = Finish("wall", tint, see=0.95)
    inner = [(max(r - wall, 0.3), z + (wall if z == floor else 0.0)) for r, z in outer]
    c.turn([*outer, (outer[-1][0] - wall / 2, rim + 0.9), *inner[::-1]], skin)
    if outer[0][0] < 10:
        stem = outer[0][0]
        line = [
            (foot, 0.0),
            (foot, 1.6),
            (foot * 0.6, 3.5),
            (stem * 1.7, 8),
            (stem, 18),
            (stem * 0.95, floor - 10),
            (stem + 1, floor),
        ]
        c.turn(smooth([(foot * 0.97, 0.0), *line[1:]]), _CRYSTAL, bottom=True, top=True)
    elif family == "weizen":
        c.turn(smooth([(foot, 0.0), (foot, 4.0), (foot * 0.86, 10.0), (outer[0][0], floor)]), _CRYSTAL, bottom=True, top=True)
    else:
        c.turn([(foot * 0.93, 0.0), (foot * 0.98, 1.2), (outer[0][0], floor)], _CRYSTAL, bottom=True, top=True)
    if family == "mug":
        _handle(c, rng, max(r for r, _ in outer), floor + 8, rim - 14)
    if rng.random() < 0.33:
        if rng.random() < 0.1 and floor < 16:
            _straw(c, rng, inner[-1][0] * 0.8, floor, rim)
        return c
    share = pick(rng, 0.3, 0.55) if family in ("wine", "balloon") else pick(rng, 0.5, 0.9)
    drink = liquid(rng)
    beer = family in ("pint", "nonic", "weizen", "mug", "tulip")
    if beer and rng.random() < 0.75:
        code, clear = (("e9a21e", 0.95), ("c9700e", 0.9), ("e0a83a", 0.3), ("241006", 0.2), ("7a300c", 0.7))[int(rng.integers(5))]
        drink = Finish("liquid", rgb(code), roughness=0.04, see=0.1, clear=clear)
    start = inner[0][1] + 0.3
    level = start + (rim - start) * share
    c.turn([(max(r - 0.3, 0.2), z) for r, z in between(inner, start, level)], drink, bottom=True, top=True)
    at_level = float(np.interp(level, [z for _, z in inner], [r for r, _ in inner])) - 0.4
    if (beer and rng.random() < 0.8) or rng.random() < 0.08:
        head = min(pick(rng, 8, 35), rim + 12 - level)
        top = min(level + head, rim - 0.5)
        line = [(max(r - 0.4, 0.2), z) for r, z in between(inner, level - 0.2, top)]
        dome = max(level + head - top, 2.0)
        last = line[-1][0]
        line += [(last * 0.97, top + dome * 0.5), (last * 0.8, top + dome * 0.85), (last * 0.4, top + dome), (0.3, top + dome)]
        c.turn(line, Finish("plain", (0.95, 0.92 + pick(rng, -0.06, 0.02), 0.84), roughness=0.7))
    elif rng.random() < 0.35 and at_level > 16:
        _ice(c, rng, at_level, level)
    if not beer and rng.random() < 0.2 and family not in ("wine", "flute", "shot"):
        _straw(c, rng, at_level * 0.85, start, rim)
    if rng.random() < 0.12 and family not in ("wine", "flute", "weizen"):
        _slice(c, rng, outer[-1][0] - 1, rim)
    return c
