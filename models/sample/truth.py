"""The ground truth of the sample photo: where each facing is seen, what it is, and how many there are of each SKU.

Owns `truth.json`. A box is the tight extent of the pixels in which a facing is seen; what a neighbour, rail or the
picture's edge hides is not in it.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .catalogue import BY_ID, SKUS
from .planogram import Placed

NOTE = (
    "Rendered picture of invented brands. Only the front row is counted: the drinks standing behind a facing, also where "
    "they show above it or beside a gap, are not facings. Boxes are the visible extent, [x0, y0, x1, y1] in upright pixels "
    'with x1 and y1 exclusive. Row 0 is the top shelf, place 0 the leftmost facing. A SKU with "enrolled": false is not '
    "in the gallery, so a scan should call it unknown."
)


def describe(placed: list[Placed], seen: NDArray[np.int32]) -> dict[str, Any]:
    """The truth of a picture of `placed`, from the facing seen at each pixel (its number from 1, else 0)."""
    height, width = seen.shape
    facings: list[dict[str, Any]] = []
    for number, item in enumerate((p for p in placed if p.behind == 0), start=1):
        rows, columns = np.nonzero(seen == number)
        if len(rows) == 0:
            raise ValueError(f"row {item.row}, place {item.place}: {item.sku} isn't seen in the picture")
        box = [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]
        facings.append(
            {"box": box, "sku": item.sku, "container": BY_ID[item.sku].container, "row": item.row, "place": item.place}
        )
    counts = Counter(f["sku"] for f in facings)
    skus = [
        {"id": s.id, "name": s.name, "container": s.container, "enrolled": s.enrolled, "count": counts[s.id]}
        for s in SKUS
        if counts[s.id]
    ]
    return {
        "photo": "shelf.jpg",
        "width": width,
        "height": height,
        "note": NOTE,
        "total": len(facings),
        "skus": skus,
        "facings": facings,
    }


def write(path: Path, truth: dict[str, Any]) -> None:
    """Writes the truth, one facing a line."""
    lines = ",\n".join("  " + json.dumps(f) for f in truth["facings"])
    skus = ",\n".join("  " + json.dumps(s, ensure_ascii=False) for s in truth["skus"])
    head = {k: v for k, v in truth.items() if k not in ("skus", "facings")}
    text = json.dumps(head, indent=1)[:-2] + f',\n "skus": [\n{skus}\n ],\n "facings": [\n{lines}\n ]\n}}\n'
    json.loads(text)
    path.write_text(text, encoding="utf-8")
