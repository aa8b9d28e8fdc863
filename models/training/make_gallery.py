"""Cuts a gallery of crops, one folder per SKU, out of labelled photos: what an index is built from.

Owns which crops enrol a SKU: at most `--per-sku`, spread over as many photos as there are, the largest of each photo first.
Crops carry the embedder's margin, so an index built from them sees what a scan would cut. Drinks labelled `unknown` become the
gallery of other drinks, which the scan keeps apart from the SKUs. Refuses a folder that isn't empty.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from models import reference
from models.training import crop_data, datasets


def cut(root: Path, name: str, split: str, per_sku: int, margin: float, out: Path) -> dict[str, int]:
    """Writes `out/SKU/PHOTO_N.jpg` and `out/skus.csv`; returns the number of crops of each SKU."""
    if out.exists() and any(out.iterdir()):
        raise datasets.DataError(f"{out}: not empty; name a new folder for the gallery")
    facings: dict[str, list[tuple[int, float, Path, datasets.LabelledBox]]] = {}
    for photo in datasets.photos(root, name, split):
        of_sku: dict[str, list[datasets.LabelledBox]] = {}
        for box in photo.boxes:
            if box.sku:
                of_sku.setdefault(box.sku, []).append(box)
        for sku, boxes in of_sku.items():
            boxes.sort(key=lambda b: -b.w * b.h)
            facings.setdefault(sku, []).extend((rank, -b.w * b.h, photo.path, b) for rank, b in enumerate(boxes))
    counts = {}
    for sku, found in sorted(facings.items()):
        found.sort(key=lambda f: f[:2])
        folder = out / sku
        folder.mkdir(parents=True)
        for rank, _, path, box in found[:per_sku]:
            picture = reference.open_photo(path)
            region = reference.crop_region(box.pixels(*picture.size), margin, *picture.size)
            crop = picture.crop(tuple(round(v) for v in region))
            crop.save(folder / f"{path.stem}_{rank}.jpg", quality=95, subsampling=0)
        counts[sku] = min(len(found), per_sku)
    containers = {sku: found[0][3].container for sku, found in facings.items()}
    containers = {sku: "" if kind == datasets.UNLABELLED_CONTAINER else kind for sku, kind in containers.items()}
    with (out / "skus.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "name", "container", "barcode"])
        names = {crop_data.UNKNOWN_SKU: "other drinks"}
        rows.writerows([sku, names.get(sku, sku.replace("_", " ")), containers[sku], ""] for sku in sorted(counts))
    return counts


def main() -> None:
    """Cuts the gallery of one data set's split."""
    parser = argparse.ArgumentParser(prog="python -m models.training.make_gallery", description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--set", default="fridge", help="the set with photos, boxes and SKUs")
    parser.add_argument("--split", default="train")
    parser.add_argument("--per-sku", type=int, default=120)
    parser.add_argument("--crop-margin", type=float, default=0.03, help="as in the classifier config")
    parser.add_argument("--output-dir", type=Path, required=True)
    args = parser.parse_args()
    try:
        counts = cut(args.data, args.set, args.split, args.per_sku, args.crop_margin, args.output_dir)
    except datasets.DataError as error:
        sys.exit(f"error: {error}")
    few = [f"{sku} ({n})" for sku, n in counts.items() if n < 10]
    print(f"{sum(counts.values())} crops of {len(counts)} SKUs in {args.output_dir}")
    if few:
        print("fewer than ten crops, so weakly enrolled: " + ", ".join(few))


if __name__ == "__main__":
    main()
