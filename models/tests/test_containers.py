"""The shapes of the rendered containers: standing, of a real size, closed the right way round, and made by seed alone."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from models.training import containers, glassware, odd_containers
from models.training.containers import Container, Finish
from PIL import Image

KINDS = (containers.bottle, containers.can, glassware.glass, odd_containers.unknown_container)


def _volume(container: Container) -> float:
    """Signed volume of a closed mesh in cubic mm: positive when its faces look outward."""
    at = container.solid.all_vertices()
    total = 0.0
    for face in container.solid.faces:
        for second, third in itertools.pairwise(face[1:]):
            total += float(np.dot(at[face[0]], np.cross(at[second], at[third]))) / 6
    return total


@pytest.fixture(autouse=True)
def _no_fonts_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "label", lambda _rng, _width, _height, *, sleeve: Image.new("RGB", (8, 4 + sleeve)))


def test_a_closed_loft_has_its_volume_and_looks_outward() -> None:
    cylinder, box = Container(), Container()
    cylinder.turn([(30.0, 0.0), (30.0, 100.0)], Finish("plain"), top=True, bottom=True)
    assert _volume(cylinder) == pytest.approx(np.pi * 30**2 * 100, rel=0.01)
    box.loft([(0, 40, 20, 60), (50, 40, 20, 60)], Finish("plain"), top=True, bottom=True)
    assert _volume(box) == pytest.approx(80 * 40 * 50, rel=0.05)


@pytest.mark.parametrize(
    "path", [[(0, 0, 0), (0, 0, 50), (0, 0, 100)], [(0, 0, 100), (0, 0, 50), (0, 0, 0)], [(0, 0, 9), (100, 0, 9)]]
)
def test_a_rod_looks_outward_whichever_way_it_runs(path: list[tuple[float, float, float]]) -> None:
    rod = Container()
    rod.tube(path, 5.0, Finish("plain"))
    assert _volume(rod) == pytest.approx(np.pi * 25 * 100, rel=0.05)


def test_a_label_patch_lies_at_the_front() -> None:
    patch = Container()
    patch.turn([(30.0, 0.0), (30.0, 50.0)], Finish("plain"), arc=0.4)
    at = patch.solid.all_vertices()
    assert at[:, 1].mean() < -15 and abs(at[:, 0].mean()) < 0.1
    left = min(zip(patch.solid.corners, np.concatenate([at[f] for f in patch.solid.faces]), strict=True), key=lambda c: c[0][0])
    assert left[1][0] < 0, "the label's left edge is on the viewer's left"


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_every_container_stands_and_has_a_real_size(make: Callable[[np.random.Generator], Container], seed: int) -> None:
    made, again = make(np.random.default_rng(seed)), make(np.random.default_rng(seed))
    at = made.solid.all_vertices()
    assert np.isfinite(at).all() and np.array_equal(at, again.solid.all_vertices())
    size = np.ptp(at, axis=0)
    assert abs(at[:, 2].min()) < 0.5, "stands on the ground"
    assert 45 < size[2] < 420 and 30 < size[0] < 300 and 20 < size[1] < 300
    assert max(max(face) for face in made.solid.faces) < len(at)
    assert sum(map(len, made.solid.faces)) == len(made.solid.corners) and len(made.solid.slots) == len(made.solid.faces)
    assert set(made.solid.slots) == set(range(len(made.finishes)))
