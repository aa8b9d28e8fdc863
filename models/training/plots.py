"""What a run of the embedder looks like: its loss, precision over recall, and the SKUs it takes for one another.

Owns `loss.png`, `pr.png`, `confusions.png` and `confusions.json` in a run's folder. (Ultralytics draws the detector's, in
`train/`.) It judges nothing: the answers come from `enrolment`.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from models.training.enrolment import Answers

MOST_PAIRS = 40
DRAWN_PAIRS = 20


def write(folder: Path, log: list[dict[str, Any]], judged: dict[str, Answers]) -> None:
    """Draws all of them: `log` is a run's `log.jsonl`, `judged` what the best weights answer on each part."""
    _loss(log).savefig(folder / "loss.png", dpi=110)
    _precision_recall(judged).savefig(folder / "pr.png", dpi=110)
    pairs = {name: confusions(answers) for name, answers in judged.items()}
    (folder / "confusions.json").write_text(json.dumps(pairs, indent=1, ensure_ascii=False), encoding="utf-8")
    _confusions(pairs).savefig(folder / "confusions.png", dpi=110)


def confusions(answers: Answers) -> list[dict[str, Any]]:
    """The pairs of SKUs most often confused, worst first: how many crops of `sku` are called `called`, and of how many."""
    of = Counter(answers.truth)
    wrong = Counter((t, a) for t, a in zip(answers.truth, answers.named, strict=True) if t != a)
    return [{"sku": t, "called": a, "crops": n, "of": of[t]} for (t, a), n in wrong.most_common(MOST_PAIRS)]


def precision_recall(answers: Answers) -> tuple[list[float], list[float]]:
    """Recall and precision as the similarity falls below which a crop gets no name: the right ones, of all and of the named."""
    order = np.argsort(-answers.similarity, kind="stable")
    right = np.cumsum(np.array([t == a for t, a in zip(answers.truth, answers.named, strict=True)])[order])
    return (right / len(order)).tolist(), (right / np.arange(1, len(order) + 1)).tolist()


def _loss(log: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    left = figure.subplots()
    known = [entry for entry in log if entry["loss"] is not None]
    left.plot([e["epoch"] for e in known], [e["loss"] for e in known], "o-", color="black", markersize=3, label="loss")
    left.set(xlabel="epoch", ylabel="loss")
    right = left.twinx()
    right.set(ylabel="top-1 by class mean", ylim=(0, 1))
    for name in sorted({key for entry in log for key in entry if key.endswith("_mean")}):
        there = [entry for entry in log if name in entry]
        right.plot([e["epoch"] for e in there], [e[name] for e in there], "o-", markersize=3, label=name.removesuffix("_mean"))
    figure.legend(loc="outside lower center", ncols=5)
    return figure


def _precision_recall(judged: dict[str, Answers]) -> Figure:
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    for name, answers in judged.items():
        axes.plot(*precision_recall(answers), label=name)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.01))
    axes.legend()
    return figure


def _confusions(pairs: dict[str, list[dict[str, Any]]]) -> Figure:
    worst = sorted((pair for part in pairs.values() for pair in part), key=lambda p: -p["crops"])[:DRAWN_PAIRS]
    figure = Figure(figsize=(9, 1.2 + 0.28 * max(len(worst), 1)), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(worst)), [p["crops"] for p in worst])
    axes.set_yticks(range(len(worst)), [f"{p['sku']} as {p['called']} (of {p['of']})" for p in worst], fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel="crops called by another SKU's name")
    return figure
