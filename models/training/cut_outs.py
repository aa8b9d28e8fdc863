"""Containers cut out of pictures, to be set on composed shelves.

Owns the three places they come from: bottles on white ground (the `bottles` set), labelled boxes of real photos (bottles and
cans as a shop's light shows them), and renders with an alpha channel (glasses and odd containers, of which there are no
photos). Each is RGBA, cropped to what is opaque. Writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models import reference
from models.training import datasets

Image = NDArray[np.uint8]
NO_SKU = "unknown"
LEAST_PIXELS = 24
# A clean bottle's outline is 1.05 to 1.15 times that of its hull; above 1.18 pieces are missing or ground is left.
MOST_RAGGED = 1.18
# Clean bottles are up to 0.03; above, pieces are missing on one side or ground is left there.
MOST_LOPSIDED = 0.035


@dataclass(frozen=True)
class CutOut:
    """One container: its SKU (`unknown` where none is known), its container kind, and its RGBA picture."""

    sku: str
    container: str
    picture: Image


def from_white_ground(items: list[datasets.Crop], per_sku: int, seed: int) -> list[CutOut]:
    """Up to `per_sku` bottles of each SKU, chosen by seed; those that white ground ate into are passed over."""
    order = np.random.default_rng(seed).permutation(len(items))
    taken: dict[str, int] = {}
    cuts = []
    for index in order:
        item = items[index]
        if taken.setdefault(item.sku, 0) < per_sku:
            picture = cut_out(cv2.cvtColor(cv2.imread(str(item.path)), cv2.COLOR_BGR2RGB))
            if raggedness(picture) <= MOST_RAGGED and lopsidedness(picture) <= MOST_LOPSIDED:
                taken[item.sku] += 1
                cuts.append(CutOut(item.sku, "bottle", picture))
    return cuts


def from_photos(photos: list[datasets.Photo], count: int, seed: int) -> list[CutOut]:
    """`count` labelled facings of real photos, with the corners of their boxes rounded off softly."""
    rng = np.random.default_rng(seed)
    cuts: list[CutOut] = []
    for index in rng.permutation(len(photos)):
        picture = np.asarray(reference.open_photo(photos[index].path))
        size = picture.shape[1], picture.shape[0]
        for box in photos[index].boxes:
            x0, y0, x1, y1 = (round(v) for v in box.pixels(*size))
            crop = picture[max(y0, 0) : y1, max(x0, 0) : x1]
            if box.container == datasets.UNLABELLED_CONTAINER or min(crop.shape[:2]) < LEAST_PIXELS:
                continue
            cuts.append(CutOut(NO_SKU, box.container, _rounded(crop)))
            if len(cuts) == count:
                return cuts
    return cuts


def from_renders(folder: Path) -> list[CutOut]:
    """The renders of `render_containers`: `folder/CONTAINER/*.png` with alpha."""
    if not folder.is_dir():
        raise datasets.DataError(f"{folder}: no such folder; make renders with `models.training.render_containers` first")
    cuts = []
    for path in sorted(folder.glob("*/*.png")):
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
            raise datasets.DataError(f"{path}: not a picture with alpha; render it again")
        cuts.append(CutOut(NO_SKU, path.parent.name, _trimmed(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA))))
    return cuts


def cut_out(picture: Image) -> Image:
    """The product on white ground as RGBA: ground reached from the border becomes transparent, edges stay soft."""
    height, width = picture.shape[:2]
    lightness = picture.min(axis=2)
    padded = cv2.copyMakeBorder(lightness, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=255)
    ground = (padded > 225).astype(np.uint8)
    mask = np.zeros((height + 4, width + 4), np.uint8)
    cv2.floodFill(ground, mask, (0, 0), 2)
    inside = (ground[1:-1, 1:-1] != 2).astype(np.uint8)
    inside = cv2.morphologyEx(inside, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(inside)
    if count > 1:
        inside = (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    # A container is convex along each pixel row: what lies between its two sides belongs to it, clear glass too.
    left = np.maximum.accumulate(inside, axis=1)
    inside = left & np.maximum.accumulate(inside[:, ::-1], axis=1)[:, ::-1]
    alpha = cv2.GaussianBlur(cv2.erode(inside, np.ones((3, 3), np.uint8)) * 255, (0, 0), 0.8)
    if (alpha > 127).sum() < 0.1 * height * width:
        alpha = np.full((height, width), 255, np.uint8)
    return _trimmed(np.dstack([picture, alpha]))


def raggedness(picture: Image) -> float:
    """Length of the outline of what is opaque, in lengths of its convex hull's: 1 for a box, more the more it is torn."""
    outlines, _ = cv2.findContours((picture[..., 3] > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=cv2.contourArea)
    return cv2.arcLength(outline, True) / max(cv2.arcLength(cv2.convexHull(outline), True), 1.0)


def lopsidedness(picture: Image) -> float:
    """How far the middles of the opaque pixel rows lie from one straight line, in mean widths: near 0 for what was turned on a
    wheel or built four-square, upright or tilted."""
    opaque = picture[..., 3] > 127
    rows = np.flatnonzero(opaque.any(axis=1))
    left = opaque[rows].argmax(axis=1)
    right = opaque.shape[1] - opaque[rows, ::-1].argmax(axis=1)
    middles = (left + right) / 2
    line = np.polyval(np.polyfit(rows, middles, 1), rows) if len(rows) > 2 else middles
    return float(np.abs(middles - line).mean() / max((right - left).mean(), 1.0))


def _rounded(crop: Image) -> Image:
    height, width = crop.shape[:2]
    alpha = np.zeros((height, width), np.uint8)
    radius = max(2, round(0.18 * width))
    cv2.rectangle(alpha, (radius, 1), (width - 1 - radius, height - 2), 255, -1)
    cv2.rectangle(alpha, (1, radius), (width - 2, height - 1 - radius), 255, -1)
    for x in (radius, width - 1 - radius):
        for y in (radius, height - 1 - radius):
            cv2.circle(alpha, (x, y), radius - 1, 255, -1)
    return np.dstack([crop, cv2.GaussianBlur(alpha, (0, 0), 0.8)])


def _trimmed(picture: Image) -> Image:
    rows, columns = np.where(picture[..., 3] > 40)
    if len(rows) == 0:
        return picture
    return np.ascontiguousarray(picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1])
