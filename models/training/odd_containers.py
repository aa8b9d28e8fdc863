"""Containers that are neither bottle, can nor drinking glass, as meshes: what the class `unknown_container` stands for.

Owns jugs, canisters, growlers, cartons, pouches, jars, bag-in-box, kegs, cups with lids and buckets. Millimetres; see
`containers` for the rest.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.sample.catalogue import rgb
from models.sample.shapes import between, smooth
from models.training.containers import Container, Finish, colour, grown, liquid, paper, pick

_STEEL = Finish("metal", (0.74, 0.75, 0.76), roughness=0.3)


def _plain(rng: np.random.Generator) -> Finish:
    if rng.random() < 0.35:
        return Finish("plain", (0.93, 0.93, pick(rng, 0.84, 0.95)), roughness=0.4)
    return Finish("plain", colour(rng, (0.3, 1.0), (0.15, 0.95)), roughness=pick(rng, 0.2, 0.6))


def _arch(low: tuple[float, float], high: tuple[float, float], out: float) -> list[tuple[float, float, float]]:
    """A handle beside the axis: leaves at `high` (x, z), swings `out` mm away, comes back at `low`."""
    t = np.linspace(0, 1, 24)
    bulge = np.sin(np.pi * t) ** 0.55
    sign = 1.0 if high[0] >= 0 else -1.0
    x = high[0] + (low[0] - high[0]) * t + sign * out * bulge
    z = high[1] + (low[1] - high[1]) * t
    return [(float(a), 0.0, float(b)) for a, b in zip(x, z, strict=True)]


def _jug(rng: np.random.Generator) -> Container:
    c, high, r = Container(), pick(rng, 180, 260), pick(rng, 52, 72)
    line = smooth(
        [
            (r * 0.8, 0),
            (r * 0.9, 6),
            (r * 0.9, 6),
            (r, high * 0.35),
            (r * pick(rng, 0.7, 0.95), high * 0.75),
            (r * pick(rng, 0.75, 1.0), high),
        ]
    )
    side = float(rng.choice([-1, 1]))
    rim = line[-1][0]
    if rng.random() < 0.5:
        skin, inside = Finish("wall", (0.95, 0.98, 0.98), see=0.95), liquid(rng)
        level = high * pick(rng, 0.4, 0.85)
        c.turn(line, skin)
        c.turn(grown(between(line, 4, level), -3), inside, bottom=True, top=True)
        c.turn(
            [(line[0][0], 0.0), (line[0][0] + 2, 4.0)],
            Finish("crystal", (0.95, 0.98, 0.97), roughness=0.02, see=0.4),
            bottom=True,
            top=True,
        )
        grip = Finish("crystal", (0.95, 0.98, 0.97), roughness=0.03, see=0.3)
    else:
        grip = _plain(rng)
        c.turn([*line, (rim - 3, high + 1), (rim - 4, high - 12), (0.5, high - 20)], grip, bottom=True)
        if rng.random() < 0.4:
            c.turn(grown(between(line, high * 0.3, high * 0.5), 0.4), paper(rng, 6.28 * r, high * 0.2, sleeve=True))
    c.tube(_arch((side * r * 0.92, high * 0.2), (side * rim * 0.97, high * 0.92), pick(rng, 26, 42)), 7.0, grip, flat=1.3)
    c.loft([(high - 14, 5, 5, 2), (high + 1, 15, 9, 2)], grip, at=(-side * (rim - 2), 0))
    return c


def _canister(rng: np.random.Generator) -> Container:
    c, wide, deep = Container(), pick(rng, 65, 120), pick(rng, 45, 80)
    high, skin = pick(rng, 200, 330), _plain(rng)
    top = high * 0.86
    c.loft(
        [(0, wide * 0.95, deep * 0.95, 5), (5, wide, deep, 6), (top * 0.93, wide, deep, 6), (top, wide * 0.9, deep * 0.85, 5),
         (high * 0.9, wide * 0.75, deep * 0.6, 4)],
        skin, top=True, bottom=True,
    )  # fmt: skip
    side = float(rng.choice([-1, 1]))
    cap = _plain(rng)
    c.loft([(high * 0.88, 24, 24, 2), (high, 24, 24, 2), (high + 2, 22, 22, 2)], cap, top=True, at=(side * wide * 0.5, 0))
    x = -side * wide
    c.tube(
        [(x * 0.85, 0, top * 0.95), (x * 0.8, 0, high * 0.97), (x * 0.6, 0, high), (x * 0.1, 0, high),
         (-x * 0.12, 0, high * 0.97), (-x * 0.15, 0, top * 0.98)],
        9.0, skin, flat=1.4,
    )  # fmt: skip
    if rng.random() < 0.75:
        share = pick(rng, 0.2, 0.34)
        low, upper = top * pick(rng, 0.1, 0.3), top * pick(rng, 0.65, 0.88)
        patch = [(z, wide + 0.6, deep + 0.6, 6.0) for z in (low, upper)]
        c.loft(patch, paper(rng, 4 * (wide + deep) * share, upper - low, sleeve=False), arc=share)
    return c


def _growler(rng: np.random.Generator) -> Container:
    c, r = Container(), pick(rng, 55, 75)
    high = r * pick(rng, 3.4, 4.0)
    line = smooth(
        [
            (r * 0.9, 0),
            (r, 6),
            (r, 6),
            (r, high * 0.5),
            (r * 0.92, high * 0.62),
            (r * 0.4, high * 0.83),
            (18, high * 0.9),
            (18, high - 5),
        ]
    )
    tone = rgb(str(rng.choice(["3a1a06", "2a1204", "123a1c", "c8dcd4", "141416", "a8b0b4"])))
    look = "metal" if sum(tone) > 1.9 and rng.random() < 0.4 else "liquid"
    c.turn(line, Finish(look, tone, roughness=0.08, clear=0.5, see=0.15 if sum(tone) > 1.9 else 0.0), bottom=True, top=True)
    cap = _plain(rng)
    c.turn([(20, high - 14), (21, high - 12), (21, high + 4), (19, high + 6), (0.4, high + 6)], cap)
    side = float(rng.choice([-1, 1]))
    grip = Finish("liquid", tone, roughness=0.08, clear=0.4)
    c.tube(_arch((side * r * 0.6, high * 0.74), (side * 16, high * 0.9), 22), 6, grip, flat=1.2)
    share = pick(rng, 0.3, 0.5)
    patch = grown(between(line, high * 0.1, high * 0.47), 0.5)
    c.turn(patch, paper(rng, 6.28 * r * share, high * 0.37, sleeve=False), arc=share)
    return c


def _carton(rng: np.random.Generator) -> Container:
    c, half = Container(), pick(rng, 32, 48)
    deep, high = half * pick(rng, 0.65, 1.0), half * pick(rng, 3.6, 5.2)
    art = paper(rng, 4 * (half + deep), high, sleeve=True)
    style = int(rng.integers(0, 3))
    p = 24.0
    if style == 0:
        ridge = high * 0.86
        c.loft([(0, half, deep, p), (ridge * 0.86, half, deep, p)], art, bottom=True)
        roof = Finish("plain", (0.94, 0.94, 0.93), roughness=0.5) if rng.random() < 0.5 else _plain(rng)
        c.loft([(ridge * 0.86, half, deep, p), (ridge, half * 0.99, 2, p), (ridge + 16, half * 0.99, 2, p)], roof, top=True)
        if rng.random() < 0.6:
            cap, z = _plain(rng), ridge * 0.92
            c.loft([(z - 4, 14, 14, 2), (z + 12, 14, 14, 2)], cap, top=True, at=(0, -deep * 0.5))
        return c
    c.loft([(0, half, deep, p), (high, half, deep, p)], art, bottom=True, top=True)
    side = float(rng.choice([-1, 1]))
    if style == 1:
        c.loft(
            [(high - 2, 14, 14, 2), (high + 13, 14, 14, 2), (high + 14, 13, 13, 2)],
            _plain(rng),
            top=True,
            at=(side * half * 0.4, 0),
        )
    elif rng.random() < 0.7:
        x = side * half * 0.5
        c.tube(
            [(x, 0, high - 3), (x, 0, high + 28), (x + side * 4, 0, high + 33), (x + side * 22, 0, high + 42)], 2.4, _plain(rng)
        )
    return c


def _pouch(rng: np.random.Generator) -> Container:
    c, half = Container(), pick(rng, 48, 75)
    high, deep = half * pick(rng, 2.3, 3.0), half * pick(rng, 0.4, 0.55)
    art = paper(rng, 4.2 * half, high, sleeve=True, metallic=rng.random() < 0.6)
    thick = [(0.0, 0.9), (0.06, 1.0), (0.3, 0.95), (0.55, 0.7), (0.8, 0.3), (0.92, 0.06), (1.0, 0.04)]
    pinch = pick(rng, 0.0, 0.08)
    c.loft(
        [(high * t, half * (1 - pinch * np.sin(np.pi * t)), deep * d, 2.6) for t, d in smooth(thick, 0.04)],
        art,
        bottom=True,
        top=True,
    )
    if rng.random() < 0.6:
        x = float(rng.choice([0.0, 0.6, -0.6])) * half
        spout = _plain(rng)
        c.loft([(high - 4, 7, 7, 2), (high + 8, 7, 7, 2)], Finish("plain", (0.9, 0.9, 0.9)), at=(x, 0))
        c.loft([(high + 7, 11, 11, 2), (high + 24, 10, 10, 2)], spout, top=True, bottom=True, at=(x, 0))
    return c


def _jar(rng: np.random.Generator) -> Container:
    c, r = Container(), pick(rng, 34, 58)
    high = r * pick(rng, 2.0, 3.4)
    line = smooth(
        [
            (r * 0.88, 0),
            (r * 0.98, 3),
            (r, 9),
            (r, 9),
            (r, high * 0.78),
            (r, high * 0.78),
            (r * 0.84, high * 0.88),
            (r * 0.82, high),
        ]
    )
    level = high * pick(rng, 0.6, 0.85)
    c.turn(line, Finish("wall", (0.95, 0.98, 0.97), see=0.95))
    c.turn(grown(between(line, 2, level), -2), liquid(rng), bottom=True, top=True)
    lid = _STEEL if rng.random() < 0.3 else Finish("metal" if rng.random() < 0.5 else "plain", colour(rng, (0.1, 1), (0.1, 0.95)))
    c.turn([(r * 0.88, high - 4), (r * 0.9, high - 2), (r * 0.9, high + 12), (r * 0.86, high + 14), (0.4, high + 14)], lid)
    if rng.random() < 0.7:
        share = pick(rng, 0.35, 0.7)
        c.turn(
            grown(between(line, high * 0.15, high * 0.68), 0.4),
            paper(rng, 6.28 * r * share, high * 0.53, sleeve=False),
            arc=share,
        )
    if rng.random() < 0.3:
        side = float(rng.choice([-1, 1]))
        c.tube(
            _arch((side * r * 0.97, high * 0.2), (side * r * 0.97, high * 0.72), 28),
            6,
            Finish("crystal", roughness=0.03, see=0.3),
            flat=1.3,
        )
    return c


def _bag_in_box(rng: np.random.Generator) -> Container:
    c, wide = Container(), pick(rng, 80, 120)
    deep, high = wide * pick(rng, 0.5, 0.8), wide * pick(rng, 1.7, 2.4)
    c.loft([(0, wide, deep, 40), (high, wide, deep, 40)], paper(rng, 4 * (wide + deep), high, sleeve=True), bottom=True, top=True)
    tap = Finish("plain", (0.08, 0.08, 0.09) if rng.random() < 0.5 else (0.75, 0.06, 0.06), roughness=0.3)
    z = high * pick(rng, 0.12, 0.2)
    c.loft([(z - 13, 8, 8, 2), (z + 8, 10, 10, 2)], tap, bottom=True, top=True, at=(0, -deep - 12))
    c.loft([(z + 4, 20, 5, 2), (z + 9, 20, 5, 2)], tap, bottom=True, top=True, at=(0, -deep - 14))
    c.loft([(z - 8, 12, 12, 2), (z + 8, 12, 12, 2)], tap, bottom=True, top=True, at=(0, -deep - 3))
    if rng.random() < 0.5:
        c.tube(
            [(-wide * 0.35, 0, high - 2), (-wide * 0.3, 0, high + 14), (wide * 0.3, 0, high + 14), (wide * 0.35, 0, high - 2)],
            4,
            tap,
            flat=2.5,
        )
    return c


def _keg(rng: np.random.Generator) -> Container:
    c, r = Container(), pick(rng, 80, 110)
    high = r * pick(rng, 2.5, 3.6)
    ring = lambda z: [(r, z - 5), (r + 4, z - 2), (r + 4, z + 2), (r, z + 5)]  # noqa: E731
    line = [
        (r * 0.9, 0),
        (r * 0.97, 3),
        (r, 10),
        *ring(high * 0.3),
        *ring(high * 0.7),
        (r, high - 12),
        (r * 0.95, high - 3),
        (r * 0.9, high),
    ]
    c.turn(smooth(line), _STEEL, bottom=True)
    c.turn([(r * 0.9, high), (r * 0.87, high - 2), (r * 0.86, high - 14), (0.5, high - 14)], _STEEL)
    if rng.random() < 0.6:
        low, top = (0.32, 0.68) if rng.random() < 0.6 else (0.05, 0.95)
        art = paper(rng, 6.28 * r, high * (top - low), sleeve=True, metallic=True)
        c.turn(grown(between(smooth(line), high * low, high * top), 0.6), art)
    c.turn([(22, high - 14), (22, high + 2), (14, high + 6), (0.4, high + 6)], _plain(rng))
    return c


def _cup(rng: np.random.Generator) -> Container:
    c, base = Container(), pick(rng, 27, 33)
    rim, high = base * pick(rng, 1.35, 1.55), pick(rng, 95, 160)
    line = [(base, 0.0), (rim, high)]
    clear = rng.random() < 0.45
    if clear:
        c.turn(line, Finish("wall", (0.95, 0.97, 0.98), see=0.95))
        level = high * pick(rng, 0.6, 0.9)
        c.turn(grown(between(line, 1.5, level), -1.2), liquid(rng), bottom=True, top=True)
        if rng.random() < 0.5:
            c.turn(grown(between(line, high * 0.3, high * 0.65), 0.3), paper(rng, 100, high * 0.35, sleeve=False), arc=0.4)
    else:
        c.turn(line, paper(rng, 6.28 * rim, high, sleeve=True) if rng.random() < 0.7 else _plain(rng), bottom=True)
    lid = Finish("plain", (0.95, 0.95, 0.95) if rng.random() < 0.6 else (0.06, 0.06, 0.07), roughness=0.35)
    if clear and rng.random() < 0.6:
        dome = [(rim + 2, high - 3), (rim + 2, high + 3), (rim * 0.9, high + 22), (rim * 0.6, high + 36), (14, high + 40)]
        c.turn(smooth(dome), Finish("wall", (0.95, 0.97, 0.98), see=0.9))
    else:
        c.turn(
            [
                (rim + 2, high - 3),
                (rim + 2, high + 3),
                (rim * 0.94, high + 5),
                (rim * 0.9, high + 11),
                (rim * 0.4, high + 10),
                (0.4, high + 10),
            ],
            lid,
        )
    if clear or rng.random() < 0.4:
        lean = pick(rng, -14, 14)
        c.tube(
            [(0, 0, high * 0.3 if clear else high), (lean * 0.6, 0, high + 40), (lean * 1.5, 0, high + pick(rng, 60, 100))],
            3.2,
            _plain(rng),
        )
    return c


def _bucket(rng: np.random.Generator) -> Container:
    c, base = Container(), pick(rng, 70, 95)
    rim, high = base * pick(rng, 1.15, 1.35), base * pick(rng, 1.7, 2.2)
    skin = _STEEL if rng.random() < 0.4 else _plain(rng)
    wall = [(base, 0), (rim, high - 12), (rim + 4, high - 11), (rim + 4, high - 3), (rim + 1, high)]
    c.turn(wall, skin, bottom=True)
    if rng.random() < 0.5:
        c.turn([(rim + 5, high - 8), (rim + 5, high + 3), (rim * 0.93, high + 4), (rim * 0.9, high), (0.4, high)], _plain(rng))
    else:
        c.turn([(rim - 2, high - 1), (base - 2, 8), (0.4, 8)], skin)
    t = np.linspace(0, np.pi, 24)
    up = float(rng.choice([1.0, -0.55]))
    swing = [(float(np.cos(a)) * (rim + 6), -20.0 * float(np.sin(a)), high - 10 + up * rim * 0.8 * float(np.sin(a))) for a in t]
    if up < 0:
        swing = [(x, -float(np.sin(a)) * (rim + 7), z) for (x, _, z), a in zip(swing, t, strict=True)]
    c.tube(swing, 2.6, _STEEL)
    if rng.random() < 0.6:
        share = pick(rng, 0.25, 0.4)
        patch = grown(between(wall[:2], high * 0.2, high * 0.75), 0.5)
        c.turn(patch, paper(rng, 6.28 * base * share, high * 0.55, sleeve=False), arc=share)
    return c


_FAMILIES: tuple[Callable[[np.random.Generator], Container], ...] = (
    _jug, _canister, _growler, _carton, _carton, _pouch, _jar, _bag_in_box, _keg, _cup, _cup, _bucket,
)  # fmt: skip


def unknown_container(rng: np.random.Generator) -> Container:
    """One container of any odd family."""
    return _FAMILIES[int(rng.integers(len(_FAMILIES)))](rng)
