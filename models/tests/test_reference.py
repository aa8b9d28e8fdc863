"""The reference against values worked out by hand and against properties that hold for any input."""

import numpy as np
import pytest
from models import reference
from PIL import Image


@pytest.mark.parametrize("seed", range(200))
def test_letterbox_keeps_the_shape_and_centres_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    wide, high, width, height = (int(v) for v in rng.integers(1, 500, 4))
    picture = Image.new("RGB", (wide, high), (250, 10, 20))
    pixels, place = reference.letterbox(picture, width, height, 114)
    assert pixels.shape == (height, width, 3)
    content = (pixels != 114).any(axis=2)
    rows, columns = np.where(content)
    box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    assert (box[0], box[1]) == (place.left, place.top)
    assert abs((width - box[2]) - box[0]) <= 1 and abs((height - box[3]) - box[1]) <= 1
    assert box[2] - box[0] == width or box[3] - box[1] == height
    assert abs((box[2] - box[0]) - wide * min(width / wide, height / high)) <= 1


def test_letterbox_of_a_region_is_that_of_the_cut_but_for_its_edge() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 70, 3)).astype(np.uint8)
    picture = Image.fromarray(noise)
    whole, _ = reference.letterbox(picture.crop((10, 20, 50, 80)), 32, 64, 114)
    part, _ = reference.letterbox(picture, 32, 64, 114, (10.0, 20.0, 50.0, 80.0))
    assert np.array_equal(whole[12:-12, 4:-4], part[12:-12, 4:-4])
    assert whole[12:-12, 4:-4].std() > 10


@pytest.mark.parametrize("seed", range(200))
def test_crop_region_lies_in_the_photo_and_holds_a_pixel(seed: int) -> None:
    rng = np.random.default_rng(seed)
    width, height = (int(v) for v in rng.integers(1, 400, 2))
    x0, y0 = rng.uniform(-50, 450, 2)
    left, top, right, bottom = reference.crop_region(
        (x0, y0, x0 + rng.uniform(0, 90), y0 + rng.uniform(0, 90)), 0.03, width, height
    )
    assert left >= 0 and left + 1 <= right <= max(width, 1) + 1e-9
    assert top >= 0 and top + 1 <= bottom <= max(height, 1) + 1e-9


def test_raw_heads_by_hand() -> None:
    sides = np.full((1, 1, 64), -50.0, np.float32)
    for side, value in enumerate((1, 2, 3, 4)):
        sides[0, 0, side * 16 + value] = 50.0
    logits = np.array([[[0.0, np.log(3.0)]]], np.float32)
    boxes, scores = reference.decode_raw_heads([logits, sides], 2, 16, [32], 32, 32)
    assert np.allclose(boxes, [[16 - 32, 16 - 64, 16 + 96, 16 + 128]], atol=1e-4)
    assert np.allclose(scores, [[0.5, 0.75]], atol=1e-6)


@pytest.mark.parametrize("seed", range(100))
def test_nms_keeps_the_best_and_nothing_that_overlaps_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (40, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 40, (40, 2))], axis=1).astype(np.float32)
    scores = rng.uniform(0, 1, 40).astype(np.float32)
    kept = reference.non_maximum_suppression(boxes, scores, 0.5)
    assert kept[0] == scores.argmax() and len(set(kept)) == len(kept)
    for index in range(40):
        better = [k for k in kept if k != index and scores[k] >= scores[index]]
        covered = any(_iou(boxes[index], boxes[k]) > 0.5 for k in better)
        assert covered == (index not in kept)


def test_int8_input_is_pixel_minus_128() -> None:
    entry = {"width": 2, "height": 1, "pad": 114, "layout": "nhwc", "color": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1]}
    given = reference.ModelInput.from_manifest(entry | {"type": "int8", "scale": 0.003921568859368563, "zero_point": -128})
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(256, 1, 3)
    assert np.array_equal(given.tensor(pixels)[0].astype(int), pixels.astype(int) - 128)


def test_unknown_layouts_are_refused() -> None:
    with pytest.raises(reference.ReferenceError, match="nhwc"):
        reference.ModelInput.from_manifest({"layout": "nchw", "color": "rgb", "type": "int8"})


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    shared = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)
