"""What stands where: the shelves of the cooler, the drinks on them, the gaps, the turns.

Owns the plan of the picture, in metres, from a seed; draws nothing. The front of the shelves looks along -y, x grows to
the right, z upwards; x = 0 is the middle of the cooler. Row 0 is the top shelf, place 0 the leftmost facing.
"""

from dataclasses import dataclass

import numpy as np

from .catalogue import BY_ID
from .shapes import SHAPES

WIDTH = 1.32
"""Inner width of the cooler."""

DEPTH = 0.40
"""Depth of a shelf."""


@dataclass(frozen=True)
class Placed:
    """One product: where its foot stands, how far it is turned about its axis (radians), and how far it sits behind the front."""

    sku: str
    x: float
    y: float
    z: float
    turn: float
    row: int
    place: int
    behind: int


_ROWS: tuple[tuple[float, str], ...] = (
    (1.590, "wumm-energy*5 wumm-zero*4 plixo-lime*5 plixo-grapefruit*4 - roestling-coldbrew*3"),
    (1.370, "tarku-cola-can*4 - tarku-cola-can*2 murmel-orange-can*5 hopfling-pils-can*6"),
    (1.078, "hopfling-pils*6 hopfling-lager*4 - kirschko*3 bitterfink-tonic*4 bitterfink-ginger*3"),
    (0.778, "tarku-cola*5 tarku-zero*4 murmel-lemon*4 - murmel-orange*4"),
    (0.486, "laubwerk-peach*4 laubwerk-mint*4 obsthain-apple*3 obsthain-berry*3 - isolde-blue*3"),
    (0.200, "quellino-still*6 - quellino-sparkling*5 obsthain-berry*1 quellino-sparkling*1 murmel-lemon*2 tarku-cola*2"),
)
"""Height of each shelf and its drinks from left to right: SKU and number of facings; `-` is an empty place."""

SHELVES: tuple[float, ...] = tuple(height for height, _ in _ROWS)


def _sequence(plan: str) -> list[str | None]:
    out: list[str | None] = []
    for word in plan.split():
        sku, _, number = word.partition("*")
        out += [None] if word == "-" else [sku] * int(number)
    return out


def products(seed: int) -> list[Placed]:
    """Every product of the picture; those with `behind` 0 are the facings."""
    rng = np.random.default_rng(seed)
    out: list[Placed] = []
    for row, (height, plan) in enumerate(_ROWS):
        order = _sequence(plan)
        widths = [0.062 if sku is None else 2e-3 * SHAPES[BY_ID[sku].shape].radius for sku in order]
        slack = WIDTH - 0.012 - sum(widths)
        if slack < 0.0:
            raise ValueError(f"row {row}: the drinks are {-slack * 1000:.0f} mm too wide for the shelf")
        shares = rng.dirichlet(np.full(len(order) + 1, 6.0)) * slack
        left, place = -WIDTH / 2 + 0.006, 0
        for sku, width, share in zip(order, widths, shares, strict=False):
            left += float(share)
            x = left + width / 2
            left += width
            if sku is None:
                continue
            y = 0.018 + width / 2 + abs(float(rng.normal(0, 0.006)))
            if rng.random() < 0.07:
                y += float(rng.uniform(0.012, 0.03))
            depth = int(rng.integers(2, 5))
            for behind in range(depth):
                if y + width / 2 > DEPTH:
                    break
                turn = float(rng.normal(0, 0.22))
                if rng.random() < 0.12:
                    turn += float(rng.choice([-1.0, 1.0])) * float(rng.uniform(0.5, 1.0))
                out.append(Placed(sku, x + (float(rng.normal(0, 0.002)) if behind else 0.0), y, height, turn, row, place, behind))
                y += width + 0.002 + abs(float(rng.normal(0, 0.003)))
            place += 1
    return out
