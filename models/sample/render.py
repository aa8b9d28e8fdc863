"""Makes the sample photo, its ground truth and its gallery: `python -m models.sample.render`.

Owns the order of the work and the command line; see README.md beside it for what must be installed.
"""

import argparse
import tempfile
import time
from pathlib import Path

from PIL import Image

from . import gallery, photo, planogram, scene, truth

_SEED = 7
_MOST_BYTES = 1_400_000


def _shelf(folder: Path, work: Path, detail: float, samples: int, threads: int) -> None:
    placed = planogram.products(_SEED)
    scene.empty()
    scene.shelf(placed)
    scene.quality(samples, 0.55, threads)
    scene.render(work / "shelf.png", round(scene.WIDTH * detail), round(scene.HEIGHT * detail))
    seen = scene.which_facing(work, scene.WIDTH, scene.HEIGHT)
    described = truth.describe(placed, seen)
    rendered = Image.open(work / "shelf.png").convert("RGB")
    enlarged = rendered.resize((scene.WIDTH, scene.HEIGHT), Image.Resampling.LANCZOS)
    quality = photo.save(photo.shelf(enlarged, _SEED), folder / "shelf.jpg", _MOST_BYTES, range(92, 30, -2))
    truth.write(folder / "truth.json", described)
    print(f"shelf.jpg: {described['total']} facings, {len(described['skus'])} SKUs, JPEG quality {quality}")


def main() -> None:
    """Renders what is asked for into the output folder."""
    parser = argparse.ArgumentParser(prog="python -m models.sample.render", description=main.__doc__)
    parser.add_argument("part", nargs="?", choices=("all", "shelf", "gallery"), default="all")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    parser.add_argument(
        "--detail", type=float, default=0.667, help="size of the rendering before it is enlarged to the photo's size"
    )
    parser.add_argument("--samples", type=int, default=10, help="light paths a pixel of the shelf picture")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if not 0.02 <= args.detail <= 1.0 or args.samples < 1:
        parser.error("--detail must lie between 0.02 and 1, --samples be at least 1")
    args.output.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        if args.part != "gallery":
            _shelf(args.output, Path(work), args.detail, args.samples, args.threads)
        if args.part != "shelf":
            count = gallery.build(args.output / "gallery", Path(work), _SEED, args.threads)
            print(f"gallery: {count} pictures")
    print(f"done in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
