"""The parts of the recipe that need no data set: configs, cut-outs, scenes, network folding, figures."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from models import reference
from models.training import agreement, augment, compose, config, cut_outs, datasets, embedder_model, enrolment, evaluate, plots

CONFIGS = Path(__file__).parents[1] / "configs"


def test_shipped_configs_load() -> None:
    assert config.load(CONFIGS / "detector.yaml", config.DetectorConfig).model.classes == [
        "bottle",
        "can",
        "glass",
        "unknown_container",
    ]
    assert config.load(CONFIGS / "classifier.yaml", config.ClassifierConfig).model.embedding_dim == 512


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {init: a, archtecture: b}\ndata: {root: c}", "model.archtecture.*nearest known one is `model.architecture`"),
        ("model: {init: a}", "`data` is missing"),
        ("model: {init: a, input_size: big}\ndata: {root: c}", "`model.input_size` must be"),
        ("model: {init: a}\ndata: {root: c}\ntraining: {bf16: 1}", "`training.bf16` must be"),
        (
            "model: {init: a, architecture: yolo8s}\ndata: {root: c}",
            "`model.architecture` must be one of.*the nearest is yolov8s",
        ),
        ("model: {init: a, coco_classes: [39, 80]}\ndata: {root: c}", "`model.coco_classes` must be 0 to 79, not 80"),
        ("model: {init: a}\ndata: {root: c}\ntargets: {recall_min: 98}", "`targets.recall_min` must be 0 to 1"),
        ("model: {init: a}\ndata: {root: c}\ntraining: {max_hours: 0}", "`training.max_hours` must be above 0"),
        ("model: {init: a}\ndata: {root: c, holdout: {a: many}}", "`data.holdout.a` must be a whole number"),
        ("- 1", "must be a mapping"),
        ("a: [", "not YAML"),
    ],
)
def test_wrong_configs_name_their_fault(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(config.ConfigError, match=message):
        config.load(path, config.DetectorConfig)


def test_label_lines_are_read_or_named(tmp_path: Path) -> None:
    images, labels = tmp_path / "set/images/train", tmp_path / "set/labels/train"
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    (images / "a.jpg").write_bytes(b"")
    (labels / "a.txt").write_text("cola can 0.5 0.5 0.2 0.4\n\nbottle 0.1 0.1 0.2 0.2\n", encoding="utf-8")
    first, second = datasets.photos(tmp_path, "set", "train")[0].boxes
    assert first.pixels(100, 200) == pytest.approx((40, 60, 60, 140)) and first.sku == "cola"
    assert second.sku is None and second.container == "bottle"
    (labels / "a.txt").write_text("can 0.5 0.5 x 0.4", encoding="utf-8")
    with pytest.raises(datasets.DataError, match=r"a\.txt:1"):
        datasets.photos(tmp_path, "set", "train")


def test_cut_out_finds_the_bottle_on_white() -> None:
    picture = np.full((120, 60, 3), 255, np.uint8)
    picture[20:110, 15:45] = (120, 60, 20)
    picture[60:80, 22:38] = 255
    cut = cut_outs.cut_out(picture)
    assert abs(cut.shape[0] - 90) <= 4 and abs(cut.shape[1] - 30) <= 4
    assert (cut[5:-5, 5:-5, 3] > 200).all(), "a white label inside belongs to the bottle"
    assert cut_outs.raggedness(cut) < cut_outs.MOST_RAGGED
    cut[10:30, 4:, 3] = cut[50:70, :-4, 3] = 0
    assert cut_outs.raggedness(cut) > cut_outs.MOST_RAGGED


@pytest.mark.parametrize("seed", range(15))
def test_scenes_have_their_boxes_inside_and_repeat_by_seed(seed: int) -> None:
    shape = np.dstack([np.full((90, 30, 3), 80, np.uint8), np.full((90, 30), 255, np.uint8)])
    picture, facings = compose.scene([cut_outs.CutOut("a", "bottle", shape)], np.random.default_rng(seed), (300, 260))
    again, same = compose.scene([cut_outs.CutOut("a", "bottle", shape)], np.random.default_rng(seed), (300, 260))
    assert np.array_equal(picture, again) and facings == same
    for facing in facings:
        x0, y0, x1, y1 = facing.box
        assert 0 <= x0 < x1 <= 300 and 0 <= y0 < y1 <= 260


def test_a_facing_lies_where_its_box_says() -> None:
    shape = np.dstack([np.tile(np.array([255, 0, 0], np.uint8), (90, 30, 1)), np.full((90, 30), 255, np.uint8)])
    hits = []
    for seed in range(20):
        picture, facings = compose.scene([cut_outs.CutOut("a", "bottle", shape)], np.random.default_rng(seed), (400, 400))
        for facing in facings:
            x0, y0, x1, y1 = (int(v) for v in facing.box)
            centre = picture[(y0 + y1) // 2, (x0 + x1) // 2].astype(int)
            hits.append(centre[0] >= centre[1] and centre[0] >= centre[2])
    assert np.mean(hits) > 0.9


def test_no_facing_stands_outside_the_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, "degrade", lambda picture, *_: picture)
    shape = np.dstack([np.tile(np.array([255, 0, 0], np.uint8), (90, 30, 1)), np.full((90, 30), 255, np.uint8)])
    shares = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        picture, facings = compose.scene([cut_outs.CutOut("a", "bottle", shape)], rng, (400, 400), compose.DENSE)
        red = (picture[..., 0] > 180) & (picture[..., 1:].max(axis=2) < 40)
        outside = red.copy()
        for facing in facings:
            x0, y0, x1, y1 = (round(v) for v in facing.box)
            outside[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2] = False
        shares.append(outside.sum() / red.sum())
    assert np.max(shares) < 0.002


def test_torn_cut_outs_are_told_from_whole_ones() -> None:
    picture = np.zeros((120, 60, 4), np.uint8)
    cv2.ellipse(picture, (30, 60), (20, 55), 8, 0, 360, (200, 100, 50, 255), -1)
    assert cut_outs.lopsidedness(picture) < cut_outs.MOST_LOPSIDED
    picture[60:, :36] = 0
    assert cut_outs.lopsidedness(picture) > cut_outs.MOST_LOPSIDED


@pytest.mark.parametrize("seed", range(60))
def test_degrade_keeps_size_and_type(seed: int) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (int(rng.integers(8, 90)), int(rng.integers(8, 90)), 3)).astype(np.uint8)
    result = augment.degrade(picture, rng)
    assert result.shape == picture.shape and result.dtype == np.uint8


def test_deployed_embedder_is_the_trained_one() -> None:
    torch.manual_seed(0)
    trained = embedder_model.Embedder("tf_efficientnet_lite0", 32)
    trained.norm.running_mean.normal_()
    trained.norm.running_var.uniform_(0.5, 2)
    crops = torch.rand(3, 3, 64, 32)
    with torch.inference_mode():
        expected = trained.eval()(crops)
        actual = embedder_model.DeployedEmbedder(trained)(crops)
    assert torch.allclose(expected, torch.nn.functional.normalize(actual, dim=1), atol=1e-5)


def test_average_precision_by_hand() -> None:
    perfect = evaluate.average_precision(np.array([0.9, 0.8]), np.array([True, True]), 2)
    half = evaluate.average_precision(np.array([0.9, 0.8]), np.array([True, False]), 2)
    late = evaluate.average_precision(np.array([0.9, 0.8, 0.7]), np.array([False, True, True]), 2)
    assert perfect == pytest.approx(1.0)
    assert half == pytest.approx(51 / 101)
    assert late == pytest.approx(2 / 3)


def test_confusions_are_counted_and_precision_falls_with_the_wrong() -> None:
    answers = enrolment.Answers(["a", "a", "b", "b"], ["a", "b", "b", "a"], np.array([0.9, 0.8, 0.7, 0.6], np.float32))
    assert plots.confusions(answers)[0] == {"sku": "a", "called": "b", "crops": 1, "of": 2}
    assert len(plots.confusions(answers)) == 2
    recall, precision = plots.precision_recall(answers)
    assert recall == [0.25, 0.25, 0.5, 0.5] and precision == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])


def test_class_numbers_and_splits_are_found_or_named(tmp_path: Path) -> None:
    for kind in ("images", "labels"):
        (tmp_path / "shop/valid" / kind).mkdir(parents=True)
    (tmp_path / "shop/valid/images/a.jpg").write_bytes(b"")
    (tmp_path / "shop/valid/labels/a.txt").write_text("1 0.5 0.5 0.2 0.4", encoding="utf-8")
    with pytest.raises(datasets.DataError, match=r"a\.txt:1: class 1 has no name"):
        datasets.photos(tmp_path, "shop", "val")
    for names in ("[bottle, can]", "{0: bottle, 1: can}"):
        (tmp_path / "shop/data.yaml").write_text(f"names: {names}", encoding="utf-8")
        assert datasets.photos(tmp_path, "shop", "val")[0].boxes[0].container == "can"
    (tmp_path / "range/cola").mkdir(parents=True)
    for number in range(10):
        (tmp_path / f"range/cola/{number}.jpg").write_bytes(b"")
    train, val = (datasets.crops(tmp_path, "range", split) for split in ("train", "val"))
    assert (len(train), len(val)) == (8, 2) and not {c.path for c in train} & {c.path for c in val}


def test_exports_that_disagree_are_refused(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[1] / "bundles/drinks/embedder.tflite"
    side = tuple(int(v) for v in reference.TfliteModel(shipped).input["shape"][1:3])
    pictures = [np.random.default_rng(seed).integers(0, 256, (*side, 3)).astype(np.uint8) for seed in (1, 2)]
    (tmp_path / "embedder.tflite").write_bytes(shipped.read_bytes())
    (tmp_path / "embedder_float.tflite").write_bytes(shipped.read_bytes())
    agreement.check(tmp_path / "embedder", pictures)
    with pytest.raises(agreement.ExportError, match="int8 against float has a cosine of"):
        agreement.check(tmp_path / "embedder", pictures, bounds=agreement.Bounds(int8_cosine_mean=1.01))
    assert not json.loads((tmp_path / "export.json").read_text(encoding="utf-8"))["embedder"]["agrees"]


@pytest.mark.parametrize("backbone", ["efficientnet_b2", "tf_efficientnet_lite0"])
def test_backbones_of_timm_embed_and_others_are_named(backbone: str) -> None:
    model = config.EmbedderModelConfig(init="none", backbone=backbone, embedding_dim=16)
    network = embedder_model.initialise(model, lambda: torch.empty(0)).eval()
    with torch.inference_mode():
        assert network(torch.rand(2, 3, 64, 32)).norm(dim=1) == pytest.approx([1, 1], abs=1e-5)
    with pytest.raises(config.ConfigError, match=f"the nearest is {backbone}"):
        embedder_model.Embedder(f"{backbone}x", 16)


def test_enrolment_names_the_nearest() -> None:
    known = np.eye(3, dtype=np.float32)
    asked = np.array([[0.9, 0.1, 0], [0, 0.1, 0.9]], np.float32)
    assert enrolment.top1(known, ["a", "b", "c"], asked, ["a", "b"]) == (0.5, 0.5)
    assert enrolment.top1(known, ["a", "b", "c"], asked, ["a", "never enrolled"]) == (0.5, 0.5)
