"""Containers as solids of revolution: bottles and cans in millimetres, ready to become meshes.

Owns the outlines and the turning of them into vertices, faces and label coordinates. Knows no colour, no brand and no
renderer. A shape stands on z = 0, its axis is z, the middle of its label looks along -y.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Points = list[tuple[float, float]]
"""Radius and height of an outline, from bottom to top, in mm."""

Modulation = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""Factor on the radius for an angle (radians) and a height (mm): flutes, facets, rounded squares."""

SEGMENTS = 72


@dataclass(frozen=True)
class Shape:
    """One container: its outline, where the label sits, how far it is filled and which closure it wears."""

    height: float
    radius: float
    outline: Points
    label: tuple[float, float]
    fill: float = 0.0
    closure: str = "can"
    closure_at: float = 0.0
    closure_radius: float = 0.0
    modulation: Modulation | None = None


@dataclass
class Solid:
    """Vertices (mm), quads or polygons, one material slot per face, and label coordinates per face corner."""

    vertices: list[NDArray[np.float64]] = field(default_factory=list)
    faces: list[list[int]] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    corners: list[tuple[float, float]] = field(default_factory=list)
    count: int = 0

    def turn(
        self,
        outline: Points,
        slot: int,
        *,
        modulation: Modulation | None = None,
        close_top: bool = False,
        close_bottom: bool = False,
        offset: float = 0.0,
    ) -> None:
        """Turns an outline about the axis; `u` runs once round from the back, `v` from bottom to top of the outline."""
        line = np.asarray(outline, dtype=np.float64)
        angle = np.linspace(0.0, 2.0 * np.pi, SEGMENTS, endpoint=False)
        grid_angle, grid_z = np.meshgrid(angle, line[:, 1])
        radius = np.repeat(line[:, :1], SEGMENTS, axis=1) + offset
        if modulation is not None:
            radius = radius * modulation(grid_angle, grid_z)
        # Angle 0 is the back (+y); seen from outside, u grows to the right.
        x = -np.sin(grid_angle) * radius
        y = np.cos(grid_angle) * radius
        self.vertices.append(np.stack([x, y, grid_z], axis=-1).reshape(-1, 3))
        rows = len(line)
        low, high = float(line[0, 1]), float(line[-1, 1])
        span = max(high - low, 1e-6)
        for i in range(rows - 1):
            v0, v1 = (line[i, 1] - low) / span, (line[i + 1, 1] - low) / span
            for j in range(SEGMENTS):
                k = (j + 1) % SEGMENTS
                base = self.count + i * SEGMENTS
                self.faces.append([base + j, base + k, base + SEGMENTS + k, base + SEGMENTS + j])
                u0, u1 = j / SEGMENTS, (j + 1) / SEGMENTS
                self.corners += [(u0, v0), (u1, v0), (u1, v1), (u0, v1)]
                self.slots.append(slot)
        if close_bottom:
            self._disc(self.count, slot, upward=False)
        if close_top:
            self._disc(self.count + (rows - 1) * SEGMENTS, slot, upward=True)
        self.count += rows * SEGMENTS

    def _disc(self, base: int, slot: int, *, upward: bool) -> None:
        ring = list(range(base, base + SEGMENTS))
        self.faces.append(ring if upward else ring[::-1])
        self.corners += [(0.0, 0.0)] * SEGMENTS
        self.slots.append(slot)

    def all_vertices(self) -> NDArray[np.float64]:
        """All vertices as one `[n, 3]` array in mm."""
        return np.concatenate(self.vertices)


def smooth(points: Points, step: float = 2.5) -> Points:
    """A Catmull-Rom line through the points; a point given twice keeps its corner sharp."""
    out: Points = []
    for i in range(len(points) - 1):
        a, b = np.array(points[i]), np.array(points[i + 1])
        if np.allclose(a, b):
            continue
        before = np.array(points[i - 1]) if i > 0 and not np.allclose(points[i - 1], a) else a - (b - a)
        after = np.array(points[i + 2]) if i + 2 < len(points) and not np.allclose(points[i + 2], b) else b + (b - a)
        n = max(1, round(float(np.hypot(*(b - a))) / step))
        for t in np.arange(n) / n:
            q = 0.5 * (
                2 * a + (b - before) * t + (2 * before - 5 * a + 4 * b - after) * t**2 + (3 * a - before - 3 * b + after) * t**3
            )
            out.append((float(max(q[0], 0.0)), float(q[1])))
    out.append(points[-1])
    return out


def between(outline: Points, low: float, high: float) -> Points:
    """The part of an outline between two heights, cut exactly there."""
    line = np.asarray(outline)
    inside = [(float(r), float(z)) for r, z in outline if low < z < high]
    ends = [(float(np.interp(z, line[:, 1], line[:, 0])), z) for z in (low, high)]
    return [ends[0], *inside, ends[1]]


def _rings(radius: float, low: float, high: float, count: int, depth: float = 1.0) -> Points:
    z = np.linspace(low, high, count * 2 + 1)
    return [(radius - (depth if i % 2 else 0.0), float(h)) for i, h in enumerate(z)]


def _window(z: NDArray[np.float64], low: float, high: float, soft: float = 6.0) -> NDArray[np.float64]:
    return np.multiply(np.clip((z - low) / soft, 0, 1), np.clip((high - z) / soft, 0, 1))


def _flutes(count: int, depth: float, low: float, high: float) -> Modulation:
    return lambda a, z: 1.0 - depth * (0.5 - 0.5 * np.cos(count * a)) * _window(z, low, high)


def _squared(power: float, low: float, high: float) -> Modulation:
    def factor(a: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
        norm = (np.abs(np.cos(a)) ** power + np.abs(np.sin(a)) ** power) ** (-1 / power)
        return 1.0 + (norm / 1.08 - 1.0) * _window(z, low, high, 14.0)

    return factor


def _foot(radius: float) -> Points:
    return [(radius * 0.78, 0.0), (radius * 0.9, 0.8), (radius * 0.985, 5.0), (radius, 11.0)]


def _can(radius: float, height: float) -> Shape:
    line = [
        (radius * 0.78, 0.0),
        (radius * 0.86, 3.0),
        (radius * 0.965, 6.0),
        (radius, 10.0),
        (radius, 10.0),
        (radius, height - 12.5),
        (radius, height - 12.5),
        (radius * 0.985, height - 10.0),
        (radius * 0.87, height - 3.5),
        (radius * 0.84, height - 2.6),
        (radius * 0.84, height - 2.6),
        (radius * 0.875, height - 1.8),
        (radius * 0.875, height - 0.4),
        (radius * 0.85, height),
    ]
    return Shape(height, radius, smooth(line, 2.0), (5.5, height - 9.5), closure_at=height, closure_radius=radius * 0.85)


def _pet(
    radius: float,
    middle: Points,
    shoulder: Points,
    label: tuple[float, float],
    *,
    neck: float = 12.6,
    cap: float = 14.6,
    top: float = 224.0,
    closure: str = "screw",
    modulation: Modulation | None = None,
) -> Shape:
    collar = top - 22.0
    line = [
        *_foot(radius),
        *middle,
        *shoulder,
        (neck, collar - 6),
        (neck, collar - 6),
        (neck, collar - 1.5),
        (neck, collar - 1.5),
        (neck + 3.4, collar - 1.0),
        (neck + 3.4, collar - 1.0),
        (neck + 3.2, collar + 1),
        (neck + 3.2, collar + 1),
        (neck, collar + 1.5),
        (neck, collar + 1.5),
        (neck, collar + 4),
    ]
    height = top + (14.0 if closure == "sport" else 0.0)
    return Shape(
        height,
        radius,
        smooth(line),
        label,
        fill=collar - 20.0,
        closure=closure,
        closure_at=collar + 3.0,
        closure_radius=cap,
        modulation=modulation,
    )


def _glass(radius: float, height: float, shoulder_at: float, neck_at: float, neck: float, label: tuple[float, float]) -> Shape:
    mid = (shoulder_at + neck_at) / 2
    line = [
        (radius * 0.86, 0.0),
        (radius * 0.97, 1.6),
        (radius, 5.0),
        (radius, 5.0),
        (radius, shoulder_at),
        (radius, shoulder_at),
        (radius * 0.93, shoulder_at + (mid - shoulder_at) * 0.5),
        ((radius + neck) / 2, mid),
        (neck * 1.08, neck_at),
        (neck, height - 22),
        (neck * 0.98, height - 16),
        (neck * 0.98, height - 16),
        (neck + 1.4, height - 15),
        (neck + 1.4, height - 10),
        (neck + 0.2, height - 9),
        (neck + 0.2, height - 5),
    ]
    return Shape(
        height,
        radius,
        smooth(line),
        label,
        fill=neck_at + (height - neck_at) * 0.35,
        closure="crown",
        closure_at=height - 6.0,
        closure_radius=neck + 1.2,
    )


SHAPES: dict[str, Shape] = {
    "can_standard": _can(33.1, 115.2),
    "can_sleek": _can(29.0, 146.0),
    "can_slim": _can(26.6, 134.0),
    "can_tall": _can(33.1, 168.0),
    "pet_water": _pet(
        32.0,
        [
            *_rings(32.0, 20, 66, 4, 1.3),
            (31.0, 70),
            (31.0, 70),
            (31.0, 124),
            (31.0, 124),
            *_rings(32.0, 128, 150, 2, 1.2),
        ],
        [(32.0, 154), (29.5, 170), (22.5, 186), (15.0, 194)],
        (70, 124),
        top=226.0,
    ),
    "pet_contour": _pet(
        33.5,
        [(33.5, 30), (32.4, 48), (30.6, 66), (31.0, 82), (32.6, 92), (32.6, 92), (32.6, 140), (32.6, 140), (33.6, 146)],
        [(33.2, 154), (28.5, 172), (21.0, 190), (14.5, 203)],
        (92, 140),
        top=236.0,
        modulation=_flutes(10, 0.05, 14, 84),
    ),
    "pet_round": _pet(
        34.5,
        [(34.5, 30), (34.0, 40), (33.4, 44), (33.4, 44), (33.4, 112), (33.4, 112), (34.5, 117)],
        [(35.2, 134), (32.0, 154), (22.5, 172), (15.0, 180)],
        (44, 112),
        top=212.0,
        modulation=_flutes(16, 0.018, 118, 166),
    ),
    "pet_tea": _pet(
        32.5,
        [(32.5, 24), (32.0, 30), (32.0, 30), (32.0, 140), (32.0, 140), (32.8, 145)],
        [(33.0, 156), (29.0, 176), (21.0, 190), (15.5, 197)],
        (30, 140),
        top=228.0,
        cap=15.2,
        modulation=_squared(3.4, 2, 182),
    ),
    "pet_juice": _pet(
        34.0,
        [
            *_rings(34.0, 18, 36, 2, 1.4),
            (33.0, 42),
            (33.0, 42),
            (33.0, 110),
            (33.0, 110),
            *_rings(34.0, 116, 130, 1, 1.6),
        ],
        [(34.0, 136), (32.0, 152), (26.5, 165), (21.5, 171)],
        (42, 110),
        neck=18.5,
        cap=21.0,
        top=199.0,
    ),
    "pet_sport": _pet(
        34.0,
        [
            (34.0, 26),
            (33.0, 34),
            (33.0, 34),
            (33.0, 104),
            (33.0, 104),
            (34.0, 108),
            (31.0, 120),
            (28.6, 132),
            (31.0, 144),
        ],
        [(33.5, 154), (33.0, 164), (28.0, 176), (19.0, 186)],
        (34, 104),
        top=218.0,
        cap=16.0,
        closure="sport",
        modulation=_flutes(6, 0.03, 110, 152),
    ),
    "glass_longneck": _glass(30.5, 228.0, 122.0, 172.0, 12.8, (36, 112)),
    "glass_mixer": _glass(27.5, 176.0, 84.0, 128.0, 12.4, (22, 76)),
    "glass_soda": _glass(29.5, 214.0, 104.0, 160.0, 12.6, (30, 96)),
}
"""Every shape sold, by the name the catalogue uses."""

BODY, SHELL, LABEL, CLOSURE, LID = range(5)
"""Material slots of a solid: the filled body, the empty neck, the printed label, the cap, the bare metal of a can."""


def solid(shape: Shape) -> Solid:
    """Builds the whole container with its label sleeve and closure."""
    out = Solid()
    low, high = shape.label
    if shape.closure == "can":
        out.turn(between(shape.outline, shape.outline[0][1], low), LID)
        out.turn(between(shape.outline, low, high), LABEL)
        out.turn(between(shape.outline, high, shape.outline[-1][1]), LID)
        top, r = shape.closure_at, shape.closure_radius
        out.turn([(r, top), (r * 0.97, top - 0.4), (r * 0.93, top - 5.5), (r * 0.86, top - 5.0), (0.5, top - 4.6)], LID)
        return out
    mod = shape.modulation
    out.turn(between(shape.outline, shape.outline[0][1], shape.fill), BODY, modulation=mod, close_top=True, close_bottom=True)
    out.turn(between(shape.outline, shape.fill, shape.outline[-1][1]), SHELL, modulation=mod)
    out.turn(between(shape.outline, low, high), LABEL, modulation=mod, offset=0.35)
    _close(out, shape)
    return out


def _close(out: Solid, shape: Shape) -> None:
    z, r = shape.closure_at, shape.closure_radius
    ridges: Modulation = lambda a, h: 1.0 + 0.022 * np.cos(36 * a) * _window(h, z + 3.5, z + 14, 1.0)  # noqa: E731
    if shape.closure == "crown":
        teeth: Modulation = lambda a, h: 1.0 + 0.05 * np.cos(21 * a) * np.clip((z + 4 - h) / 4, 0, 1)  # noqa: E731
        out.turn(
            [(r * 1.02, z), (r, z + 3.0), (r * 0.96, z + 4.6), (r * 0.86, z + 5.7), (r * 0.5, z + 6.0), (0.4, z + 6.0)],
            CLOSURE,
            modulation=teeth,
        )
        return
    out.turn(
        [
            (r, z - 2.5),
            (r, z + 1.2),
            (r * 0.97, z + 1.4),
            (r * 0.97, z + 2.4),
            (r, z + 2.6),
            (r, z + 15.5),
            (r * 0.97, z + 17.2),
            (r * 0.9, z + 18.0),
            (0.4, z + 18.2),
        ],
        CLOSURE,
        modulation=ridges,
    )
    if shape.closure == "sport":
        out.turn(
            [
                (r * 0.62, z + 18.0),
                (r * 0.56, z + 24),
                (r * 0.42, z + 26),
                (r * 0.42, z + 29),
                (r * 0.5, z + 30),
                (r * 0.46, z + 32.5),
                (0.4, z + 33),
            ],
            CLOSURE,
        )
