"""Composes shelf scenes from cut-outs, with exact boxes, SKUs, rows and counts.

Owns the scene: shelves of rows with neighbours, gaps, a second row behind, occlusion, shadows, reflections, price rails,
grilles, lamps and lettering (the things detectors take for drinks), then what a phone does to it. The containers are
`cut_outs`'. Seeded: the same seed and cut-outs give the same scenes. Scenes are made when needed, never committed.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.training import augment, cut_outs, datasets
from models.training import config as configs
from models.training.cut_outs import CutOut

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class PlacedFacing:
    """One facing of a scene: pixel box x0, y0, x1, y1 of its visible part, SKU, container, shelf row counted from the top."""

    box: tuple[float, float, float, float]
    sku: str
    container: str
    row: int


@dataclass(frozen=True)
class Shelving:
    """How a shelf may be filled: least and most rows, and how tall its facings are as a share of a row's pitch."""

    rows: tuple[int, int] = (1, 5)
    tall: tuple[float, float] = (0.55, 0.86)
    sharp: bool = False
    """Whether the picture keeps its detail: where counts are judged, labels must be there to be read."""
    behind: int = 2
    """Most rows seen behind the front one. They have no boxes: what looks over a bottle is no facing of the shelf."""


# A cut-out enlarged more than this is a smear that no phone takes.
MOST_ENLARGED = 2.2
# Full to the front edge and sharp: no count on them is open to argument.
DENSE = Shelving((5, 7), (0.7, 0.88), True, 0)


def paste(canvas: Image, cut: Image, left: int, top: int, light: float = 1.0) -> None:
    """Blends an RGBA cut-out onto the canvas in place, clipped to it."""
    height, width = canvas.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + cut.shape[1], width), min(top + cut.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    part = cut[y0 - top : y1 - top, x0 - left : x1 - left].astype(np.float32)
    alpha = part[..., 3:] / 255.0
    under = canvas[y0:y1, x0:x1]
    under[:] = np.clip(part[..., :3] * light * alpha + under * (1.0 - alpha), 0, 255).astype(np.uint8)


def scene(
    cuts: list[CutOut], rng: np.random.Generator, size: tuple[int, int], shelving: Shelving = Shelving()
) -> tuple[Image, list[PlacedFacing]]:
    """One shelf scene of `size` (width, height) from cut-outs; every box lies within the picture."""
    width, height = size
    canvas = _backdrop(rng, width, height)
    rows = int(rng.integers(shelving.rows[0], shelving.rows[1] + 1))
    margin = int(rng.uniform(0, 0.12) * width)
    pitch = height / rows
    facings: list[PlacedFacing] = []
    for row in range(rows):
        floor = int((row + 1) * pitch - rng.uniform(0.04, 0.1) * pitch)
        _rail(canvas, rng, floor, max(3, int(pitch * rng.uniform(0.04, 0.12))))
        tall = pitch * rng.uniform(*shelving.tall)
        depth = int(rng.integers(0, shelving.behind + 1))
        for back in range(depth, -1, -1):
            facings += _fill_row(canvas, cuts, rng, row, floor - int(back * pitch * 0.05), tall, margin, back)
    if rng.random() < 0.15:
        _door(canvas, rng)
    canvas, facings = _tilt(canvas, facings, rng)
    return augment.degrade(canvas, rng, 0.4 if shelving.sharp else 1.0, shelving.sharp), facings


def _fill_row(
    canvas: Image,
    cuts: list[CutOut],
    rng: np.random.Generator,
    row: int,
    floor: int,
    tall: float,
    margin: int,
    back: int,
) -> list[PlacedFacing]:
    width = canvas.shape[1]
    placed: list[PlacedFacing] = []
    left = float(margin + (rng.uniform(-0.5, 0.5) * tall * 0.3 if back else 0))
    light = 0.5**back
    crowding = rng.uniform(-0.12, 0.1)
    even = rng.random() < 0.5
    while left < width - margin - tall * 0.12:
        cut = cuts[int(rng.integers(len(cuts)))]
        # A can beside bottles is a third shorter than they are.
        share = 1.0 if even or cut.container == "bottle" else rng.uniform(0.5, 0.85)
        if cut.picture.shape[0] * MOST_ENLARGED < tall * share:
            left += 0.5
            continue
        lying = back == 0 and rng.random() < 0.02
        for _ in range(1 if lying else int(rng.integers(1, 6))):
            high = int(tall * share * rng.uniform(0.94, 1.0))
            wide = max(4, int(cut.picture.shape[1] * high / cut.picture.shape[0] * rng.uniform(0.95, 1.05)))
            if lying:
                wide, high = min(high, int(width * 0.5)), wide
            if left + wide > width - margin or high < 8:
                return placed
            source = np.rot90(cut.picture, int(rng.choice([1, 3]))) if lying else cut.picture
            item = cv2.resize(source, (wide, high), interpolation=cv2.INTER_AREA)
            # A mirrored label is another product's.
            if cut.sku == cut_outs.NO_SKU and rng.random() < 0.3:
                item = item[:, ::-1]
            paste(canvas, item, int(left), floor - high, light * rng.uniform(0.85, 1.1))
            if back == 0:
                box = (left, float(floor - high), left + wide, float(floor))
                placed.append(PlacedFacing(box, cut.sku, cut.container, row))
            left += max(3.0, wide * (1.0 + crowding))
        if rng.random() < 0.12:
            left += tall * rng.uniform(0.1, 0.8)
    return placed


def _backdrop(rng: np.random.Generator, width: int, height: int) -> Image:
    base = rng.uniform(10, 235, 3) * 0.4 + rng.uniform(10, 235) * 0.6
    fade = np.linspace(rng.uniform(0.6, 1.2), rng.uniform(0.6, 1.2), height, dtype=np.float32)[:, None, None]
    coarse = rng.normal(0, rng.uniform(2, 18), (max(2, height // 40), max(2, width // int(rng.integers(4, 80))), 1))
    grain = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    canvas = np.clip(base * fade + grain, 0, 255).astype(np.uint8)
    if rng.random() < 0.35:
        _grille(canvas, rng)
    if rng.random() < 0.35:
        x = int(rng.uniform(0, width))
        cv2.line(canvas, (x, 0), (x, height), (250, 252, 255), max(2, int(width * rng.uniform(0.005, 0.03))))
    for _ in range(int(rng.integers(0, 4))):
        _sign(canvas, rng)
    return canvas


def _grille(canvas: Image, rng: np.random.Generator) -> None:
    height, width = canvas.shape[:2]
    top, step = int(rng.uniform(0, 0.8) * height), int(rng.integers(4, 24))
    tone = tuple(int(v) for v in rng.integers(10, 120, 3))
    for offset in range(0, int(rng.uniform(0.1, 0.4) * height), step):
        cv2.line(canvas, (0, top + offset), (width, top + offset), tone, max(1, step // 3))
    if rng.random() < 0.5:
        for x in range(0, width, step * int(rng.integers(1, 4))):
            cv2.line(canvas, (x, top), (x, top + int(height * 0.3)), tone, max(1, step // 4))


def _sign(canvas: Image, rng: np.random.Generator) -> None:
    height, width = canvas.shape[:2]
    x, y = int(rng.uniform(0, width * 0.8)), int(rng.uniform(0, height * 0.9))
    wide, high = int(width * rng.uniform(0.08, 0.5)), int(height * rng.uniform(0.03, 0.1))
    cv2.rectangle(canvas, (x, y), (x + wide, y + high), tuple(int(v) for v in rng.integers(0, 256, 3)), -1)
    word = "".join(chr(int(c)) for c in rng.integers(65, 91, int(rng.integers(3, 9))))
    ink = tuple(int(v) for v in rng.integers(0, 256, 3))
    cv2.putText(canvas, word, (x + 3, y + int(high * 0.8)), int(rng.integers(0, 8)), high / 32, ink, max(1, high // 12))


def _door(canvas: Image, rng: np.random.Generator) -> None:
    """A cooler's closed door: a handle or frame in front, and a pale reflection over the glass."""
    height, width = canvas.shape[:2]
    pale = cv2.GaussianBlur(rng.uniform(0, 255, (8, 6, 3)).astype(np.float32), (0, 0), 1.0)
    reflection = cv2.resize(pale, (width, height), interpolation=cv2.INTER_CUBIC)
    weight = rng.uniform(0.05, 0.25)
    canvas[:] = np.clip(canvas * (1 - weight * 0.7) + reflection * weight, 0, 255).astype(np.uint8)
    x, thick = int(rng.uniform(0, width)), max(3, int(width * rng.uniform(0.01, 0.05)))
    tone = tuple(int(v) for v in rng.uniform(20, 230) + rng.uniform(-10, 10, 3))
    cv2.rectangle(canvas, (x, 0), (x + thick, height), tuple(min(255, max(0, v)) for v in tone), -1)


def _rail(canvas: Image, rng: np.random.Generator, floor: int, thick: int) -> None:
    width = canvas.shape[1]
    tone = tuple(int(v) for v in rng.uniform(20, 240) + rng.uniform(-25, 25, 3))
    cv2.rectangle(canvas, (0, floor), (width, floor + thick), tuple(min(255, max(0, v)) for v in tone), -1)
    x = int(rng.integers(0, 60))
    while rng.random() < 0.9 and x < width:
        wide = int(rng.integers(thick, thick * 4 + 1))
        cv2.rectangle(canvas, (x, floor + 1), (x + wide, floor + thick - 1), (240, 240, 235), -1)
        price = f"{rng.uniform(1, 99):.2f}"
        cv2.putText(canvas, price, (x + 1, floor + thick - 2), cv2.FONT_HERSHEY_SIMPLEX, thick / 36, (20, 20, 30), 1)
        x += wide + int(rng.integers(4, 90))


def _tilt(canvas: Image, facings: list[PlacedFacing], rng: np.random.Generator) -> tuple[Image, list[PlacedFacing]]:
    height, width = canvas.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    # Corners move outwards alone: what came in from beyond an edge would be a mirror image of facings, without boxes.
    outwards = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    moved = corners + outwards * rng.uniform(0.0, 0.09, (4, 2)).astype(np.float32) * (width, height)
    turn = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    canvas = cv2.warpPerspective(canvas, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    kept = []
    for facing in facings:
        x0, y0, x1, y1 = facing.box
        points = np.array([[[x0, y0], [x1, y0], [x1, y1], [x0, y1]]], np.float32)
        points = cv2.perspectiveTransform(points, turn)[0]
        x0, y0 = np.clip((points[0] + np.minimum(points[0], [points[3][0], points[1][1]])) / 2, 0, [width, height])
        x1, y1 = np.clip((points[2] + np.maximum(points[2], [points[1][0], points[3][1]])) / 2, 0, [width, height])
        full = (facing.box[2] - facing.box[0]) * (facing.box[3] - facing.box[1])
        if (x1 - x0) * (y1 - y0) > 0.4 * full:
            kept.append(dataclasses.replace(facing, box=(float(x0), float(y0), float(x1), float(y1))))
    return canvas, kept


def write_scenes(
    cuts: list[CutOut], count: int, seed: int, out: Path, shelving: Shelving = Shelving(), size: tuple[int, int] | None = None
) -> int:
    """Writes `count` scenes to `out/images` and their labels `SKU CONTAINER cx cy w h` to `out/labels`; returns the facings.

    Without `size` (width, height) each scene has one of its own, 420 to 900 pixels a side.
    """
    (out / "images").mkdir(parents=True, exist_ok=True)
    (out / "labels").mkdir(exist_ok=True)
    total = 0
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        own = size or (int(rng.integers(420, 900)), int(rng.integers(420, 900)))
        picture, facings = scene(cuts, rng, own, shelving)
        lines = []
        for facing in facings:
            x0, y0, x1, y1 = (v / s for v, s in zip(facing.box, own * 2, strict=True))
            name = facing.sku.rsplit("/", 1)[-1]
            lines.append(f"{name} {facing.container} {(x0 + x1) / 2:.6f} {(y0 + y1) / 2:.6f} {x1 - x0:.6f} {y1 - y0:.6f}")
        cv2.imwrite(str(out / "images" / f"{number:05d}.jpg"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        (out / "labels" / f"{number:05d}.txt").write_text("\n".join(lines), encoding="utf-8")
        total += len(facings)
    return total


def main() -> None:
    """Composes scenes of the bottles set: `images/val` and `labels/val` below --output-dir, as the lab reads them."""
    parser = argparse.ArgumentParser(prog="python -m models.training.compose", description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets (with bottles/)")
    parser.add_argument("--split", default="train", help="split of the bottles set the cut-outs come from")
    parser.add_argument("--output-dir", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--per-sku", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held-out", type=Path, metavar="CONFIG", help="only the SKUs this detector config keeps out")
    parser.add_argument("--dense", action="store_true", help="12-megapixel shelves of 100 to 200 facings")
    parser.add_argument("--renders", type=Path, help="also the containers rendered into this folder")
    args = parser.parse_args()
    try:
        crops = datasets.crops(args.data, "bottles", args.split)
        if args.held_out:
            data = configs.load(args.held_out, configs.DetectorConfig).data
            names = [c.sku for c in datasets.crops(data.root, "bottles", "train")]
            kept_out = datasets.held_out(names, data.holdout.get("bottles", 0), data.seed)
            crops = [crop for crop in crops if crop.sku in kept_out]
        cuts = cut_outs.from_white_ground(crops, args.per_sku, args.seed)
        if args.renders:
            cuts += cut_outs.from_renders(args.renders)
        shelving, size = (DENSE, (4000, 3000)) if args.dense else (Shelving(), None)
        scratch = args.output_dir / "composed"
        total = write_scenes(cuts, args.count, args.seed, scratch, shelving, size)
        for kind in ("images", "labels"):
            (args.output_dir / kind).mkdir(exist_ok=True)
            (scratch / kind).rename(args.output_dir / kind / "val")
        scratch.rmdir()
    except (configs.ConfigError, datasets.DataError, OSError) as error:
        sys.exit(f"error: {error}")
    print(f"{args.count} scenes with {total} facings of {len(cuts)} cut-outs in {args.output_dir}")


if __name__ == "__main__":
    main()
