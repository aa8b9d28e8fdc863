"""Compares the lab's average precision with pycocotools', case by case: `cargo xtask test coco` runs it.

Reads the cases of `cargo run --example coco_cases` from the file named, exits with 1 where any figure differs by 1e-9 or more.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

TOLERANCE = 1e-9


def average_precision(case: dict[str, Any]) -> list[list[float] | None]:
    """For each class its average precision at each IoU; None where nothing is labelled."""
    truth, found = [], []
    for image_id, photo in enumerate(case["photos"], 1):
        for category, bbox, crowd in photo["truth"]:
            label = {"id": len(truth) + 1, "image_id": image_id, "category_id": category, "bbox": bbox}
            truth.append({**label, "iscrowd": crowd, "area": bbox[2] * bbox[3]})
        for category, bbox, score in photo["found"]:
            found.append({"image_id": image_id, "category_id": category, "bbox": bbox, "score": score})
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": image_id} for image_id in range(1, len(case["photos"]) + 1)],
        "categories": [{"id": category} for category in range(1, case["classes"] + 1)],
        "annotations": truth,
    }
    coco.createIndex()
    if found:
        results = coco.loadRes(found)
    else:
        results = COCO()
        results.dataset = {**coco.dataset, "annotations": []}
        results.createIndex()
    evaluation = COCOeval(coco, results, "bbox")
    evaluation.params.maxDets = [case["max_dets"]]
    evaluation.evaluate()
    evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, 0]
    return [
        None if (precision[:, :, k] < 0).all() else precision[:, :, k].mean(axis=1).tolist()
        for k in range(precision.shape[2])
    ]


def main() -> None:
    """Compares all cases."""
    cases = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    compared, greatest = 0, 0.0
    for number, case in enumerate(cases):
        with contextlib.redirect_stdout(io.StringIO()):
            theirs = average_precision(case)
        for category, (our, their) in enumerate(zip(case["average_precision"], theirs, strict=True), 1):
            if (our is None) != (their is None):
                sys.exit(f"case {number}, class {category}: {our} here, {their} in pycocotools")
            if our is None:
                continue
            difference = float(np.abs(np.array(our) - np.array(their)).max())
            if difference >= TOLERANCE:
                sys.exit(f"case {number}, class {category}: {our} here, {their} in pycocotools")
            compared, greatest = compared + len(our), max(greatest, difference)
    if compared == 0:
        sys.exit("no figures to compare")
    print(f"{compared} average precisions of {len(cases)} cases: greatest difference {greatest:.1e}")


if __name__ == "__main__":
    main()
