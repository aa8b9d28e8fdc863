"""Judges an embedder the way it is used: enrol SKUs from gallery crops, then name query crops.

Owns the two rules (class mean, nearest neighbour) and the splits judged: each photo set with SKUs on its validation splits
(`SET_val`), and each crop set on val and test: the SKUs kept out of training (`SET_new`), or all where none are (`SET_val`).
Enrolled from train pictures. Float or int8: it takes any function from crops to vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.training import crop_data, datasets
from models.training.config import ClassifierConfig, CropSetConfig, DataConfig, EmbedderModelConfig
from models.training.crop_data import Product
from models.training.embedder_model import Embedder

Vectors = NDArray[np.float32]
EmbedProducts = Callable[[list[Product]], Vectors]
GALLERY_PER_SKU = 40


@dataclass(frozen=True)
class Answers:
    """What SKU each query is, what it is called by the nearest class mean, and how near that is (cosine)."""

    truth: list[str]
    named: list[str]
    similarity: Vectors


class Judge:
    """Galleries and queries, loaded once."""

    def __init__(self, config: ClassifierConfig, kept_out: set[str]) -> None:
        """`kept_out`: the SKUs `crop_data.training_products` left out."""
        self._model = config.model
        data = config.data
        self._parts: dict[str, tuple[list[Product], list[Product]]] = {}
        for photo_set in data.photo_sets:
            if gallery := crop_data.load_photos(data, photo_set.name, "train"):
                queries = [p for split in photo_set.validate for p in crop_data.load_photos(data, photo_set.name, split)]
                self._add(f"{photo_set.name}_val", _at_most(gallery, data.seed), queries)
        for crop_set in data.crop_sets:
            new = data.holdout.get(crop_set.name, 0) > 0
            gallery = [p for p in crop_data.load_crops(data, crop_set, "train") if not new or p.sku in kept_out]
            queries = crop_data.load_crops(data, crop_set, "val") + _test_split(data, crop_set)
            queries = [p for p in queries if not new or p.sku in kept_out]
            self._add(f"{crop_set.name}_{'new' if new else 'val'}", gallery if new else _at_most(gallery, data.seed), queries)
        if not self._parts:
            raise datasets.DataError(f"{data.root}: no set of data.photo_sets or data.crop_sets has SKUs to judge with")

    def _add(self, name: str, gallery: list[Product], queries: list[Product]) -> None:
        if not gallery or not queries:
            raise datasets.DataError(f"{name}: no SKU has pictures both in train and in val; both are needed to judge")
        self._parts[name] = gallery, queries

    @property
    def skus(self) -> dict[str, int]:
        """The parts judged, and how many SKUs each enrols."""
        return {name: len({p.sku for p in gallery}) for name, (gallery, _) in self._parts.items()}

    def answers(self, model: Embedder) -> dict[str, Answers]:
        """Each part's queries and their names by class mean, with the float network."""
        judged = {}
        for name, (gallery, queries) in self._parts.items():
            names, means = _class_means(embed(model, gallery, self._model), [p.sku for p in gallery])
            likeness = embed(model, queries, self._model) @ means.T
            named = [names[i] for i in likeness.argmax(axis=1)]
            judged[name] = Answers([p.sku for p in queries], named, likeness.max(axis=1))
        return judged

    def figures(self, model: Embedder) -> dict[str, float]:
        """Top-1 of each part by class mean (`_mean`) and nearest neighbour (`_nearest`), with the float network."""
        return self.figures_of(lambda products: embed(model, products, self._model))

    def figures_of(self, embed_products: EmbedProducts) -> dict[str, float]:
        """The same for any embedder."""
        figures = {}
        for name, (gallery, queries) in self._parts.items():
            known = embed_products(gallery)
            asked = embed_products(queries)
            mean, nearest = top1(known, [p.sku for p in gallery], asked, [p.sku for p in queries])
            figures |= {f"{name}_mean": round(mean, 4), f"{name}_nearest": round(nearest, 4)}
        return figures


def top1(known: Vectors, known_skus: list[str], asked: Vectors, asked_skus: list[str]) -> tuple[float, float]:
    """The share of queries whose SKU has the nearest class mean, and the nearest neighbour."""
    names, means = _class_means(known, known_skus)
    labels = np.array([names.index(sku) for sku in known_skus])
    truth = np.array([names.index(sku) if sku in names else -1 for sku in asked_skus])
    by_mean = (asked @ means.T).argmax(axis=1)
    by_neighbour = labels[(asked @ known.T).argmax(axis=1)]
    return float((by_mean == truth).mean()), float((by_neighbour == truth).mean())


def _class_means(known: Vectors, skus: list[str]) -> tuple[list[str], Vectors]:
    names = sorted(set(skus))
    labels = np.array([names.index(sku) for sku in skus])
    means = np.stack([known[labels == i].mean(axis=0) for i in range(len(names))])
    return names, means / np.linalg.norm(means, axis=1, keepdims=True)


def embed(model: Embedder, products: list[Product], config: EmbedderModelConfig) -> Vectors:
    """Unit vectors `[n, dim]` of the products by the float network; the model's mode is restored."""
    training = model.training
    model.eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(products), 64):
            crops = np.stack([crop_data.evaluation_crop(p, config) for p in products[start : start + 64]])
            parts.append(model(torch.from_numpy(crops).permute(0, 3, 1, 2).float().div_(255)).numpy())
    model.train(training)
    return np.concatenate(parts)


def _test_split(data: DataConfig, crop_set: CropSetConfig) -> list[Product]:
    there = (data.root / crop_set.name / "test").is_dir()
    return crop_data.load_crops(data, crop_set, "test") if there else []


def _at_most(products: list[Product], seed: int) -> list[Product]:
    taken: dict[str, int] = {}
    kept = []
    for index in np.random.default_rng(seed).permutation(len(products)):
        sku = products[index].sku
        if taken.setdefault(sku, 0) < GALLERY_PER_SKU:
            taken[sku] += 1
            kept.append(products[index])
    return kept
