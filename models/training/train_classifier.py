"""Trains, validates and exports the embedder.

Owns the command line, the schedule and the margin loss; the network is `embedder_model`, the crops `crop_data`, the
conversion `export`, the judging `enrolment`. A target missed is said plainly and exits 1.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_metric_learning.losses import ArcFaceLoss, SubCenterArcFaceLoss
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from models.training import agreement, crop_data, datasets, embedder_model, enrolment, plots, run_record
from models.training import config as configs

# Channel orders that make a SKU another one: as it is, and two that leave no colour in its place.
COLOUR_ORDERS = ((0, 1, 2), (1, 2, 0), (2, 0, 1))


def train(config: configs.ClassifierConfig, resume: Path | None) -> Path:
    """Trains from the config's initial weights, or goes on from `resume` (a `last.pt`); returns the run's folder."""
    training = config.training
    torch.set_num_threads(training.threads)
    torch.manual_seed(config.data.seed)
    folder = resume.parent if resume else run_record.new_folder(config.runs)
    products, kept_out = crop_data.training_products(config.data)
    names = sorted({p.sku for p in products})
    print(f"{len(products)} crops of {len(names)} SKUs; {len(kept_out)} SKUs kept out of training", flush=True)
    run_record.write(folder, config, _digest(config.data))
    label_of = {
        (name, colours): i * len(COLOUR_ORDERS) + j for i, name in enumerate(names) for j, colours in enumerate(COLOUR_ORDERS)
    }
    model = embedder_model.initialise(config.model, lambda: _some_crops(products, config))
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.995), use_buffers=True)
    loss = margin_loss(config.model.metric_head, len(label_of), config.model.embedding_dim)
    fresh = [*model.linear.parameters(), *model.norm.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": list(model.backbone.parameters()), "lr": training.learning_rate},
            {"params": fresh, "lr": training.learning_rate * 2},
            {"params": list(loss.parameters()), "lr": training.learning_rate * 10, "weight_decay": 1e-4},
        ],
        weight_decay=training.weight_decay,
    )
    peaks = [group["lr"] for group in optimizer.param_groups]
    first, best, spent = 0, 0.0, 0.0
    if resume:
        state = torch.load(resume, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        averaged.module.load_state_dict(state["ema"])
        averaged.n_averaged.fill_(1)
        loss.load_state_dict(state["loss"])
        optimizer.load_state_dict(state["optimizer"])
        first, best, spent = state["epoch"] + 1, state["best"], state["seconds"]
    elif not config.model.init.startswith("package:"):
        _start_at_means(loss, model, products, label_of, config)
    model = model.to(memory_format=torch.channels_last)
    judge = enrolment.Judge(config, kept_out)
    limit = training.max_hours * 3600 if training.max_hours else math.inf
    for epoch in range(first, training.epochs):
        rng = np.random.default_rng([config.data.seed, epoch])
        order = _order(products, config, loss, label_of, rng)
        batches = np.array_split(order, max(1, len(order) // training.batch_size))
        started, losses = time.monotonic(), []
        model.train()
        bar = tqdm(batches, desc=f"epoch {epoch + 1}", mininterval=10)
        for step, batch in enumerate(bar):
            done = epoch + step / len(batches)
            # With a time limit the schedule follows the clock, so that it always ends at its low end.
            share = max(done / training.epochs, (spent + time.monotonic() - started) / limit)
            if share >= 1.0:
                break
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = (
                    peak * min(1.0, (done + 0.01) / 0.5) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))
                )
            colours = [_colours(products[i], config.data, rng) for i in batch]
            crops = [
                crop_data.training_crop(products[i], products, config.model, rng)[..., list(order)]
                for i, order in zip(batch, colours, strict=True)
            ]
            inputs = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float().div_(255)
            labels = torch.tensor([label_of[products[i].sku, order] for i, order in zip(batch, colours, strict=True)])
            with torch.autocast("cpu", torch.bfloat16, enabled=training.bf16):
                vectors = model(inputs)
            value = loss(vectors.float(), labels)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            averaged.update_parameters(model)
            losses.append(value.item())
            bar.set_postfix(loss=f"{np.mean(losses[-50:]):.2f}")
        spent += time.monotonic() - started
        over = epoch + 1 == training.epochs or spent >= limit
        figures = judge.figures(averaged.module) if epoch % 3 == 2 or over else {}
        mean = float(np.mean(list(figures.values()))) if figures else 0.0
        state = {
            "model": model.state_dict(),
            "ema": averaged.module.state_dict(),
            "loss": loss.state_dict(),
            "optimizer": optimizer.state_dict(),
            "epoch": epoch,
            "best": max(best, mean),
            "seconds": spent,
        }
        torch.save(state, folder / "last.pt")
        if mean > best:
            best = mean
            torch.save({"ema": state["ema"]}, folder / "best.pt")
        entry = {"epoch": epoch + 1, "loss": float(np.mean(losses)) if losses else None, "seconds": round(spent), **figures}
        with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        print(entry, flush=True)
        if over:
            break
    weights = folder / "best.pt" if (folder / "best.pt").is_file() else folder / "last.pt"
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    plots.write(folder, log, judge.answers(embedder_model.load([weights], config.model)))
    return folder


def margin_loss(head: configs.MetricHeadConfig, classes: int, dim: int) -> nn.Module:
    """The loss the config names; its margin is in radians there and in degrees in the library."""
    common: dict[str, Any] = {
        "num_classes": classes,
        "embedding_size": dim,
        "margin": math.degrees(head.margin),
        "scale": head.scale,
    }
    if head.type == "arcface":
        return ArcFaceLoss(**common)
    if head.type == "subcenter_arcface":
        return SubCenterArcFaceLoss(**common, sub_centers=head.sub_centers)
    raise configs.ConfigError(f"`model.metric_head.type` must be arcface or subcenter_arcface, not {head.type!r}")


def export_embeddings(config: configs.ClassifierConfig, weights: list[Path], data: Path, out: Path) -> None:
    """Embeds an ImageFolder of crops: `embeddings.npy` float32 `[n, dim]` and `labels.json`, a list of n SKU names."""
    torch.set_num_threads(config.training.threads)
    crops = datasets.crops(data.parent, data.name, ".")
    products = [crop_data.whole_picture(crop) for crop in crops]
    vectors = enrolment.embed(embedder_model.load(weights, config.model), products, config.model)
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "embeddings.npy", vectors)
    labels = [crop.path.parent.name for crop in crops]
    (out / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    print(f"{len(labels)} vectors of {len(set(labels))} SKUs in {out}")


def _order(
    products: list[crop_data.Product],
    config: configs.ClassifierConfig,
    loss: nn.Module,
    label_of: dict[tuple[str, tuple[int, ...]], int],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """An epoch's crops: drawn freely, and with mining in part as groups of SKUs whose class centres lie close now."""
    count, mining = config.data.crops_per_epoch, config.data.hard_negative_mining
    mined = round(count * mining.share) if mining.enabled else 0
    order = crop_data.epoch_order(products, count - mined, config.data, rng)
    if not mined:
        return order
    names = sorted({p.sku for p in products})
    with torch.no_grad():
        centres = nn.functional.normalize(loss.W.detach().t(), dim=1)
        centres = centres.reshape(len(label_of), -1, centres.shape[1])[[label_of[n, COLOUR_ORDERS[0]] for n in names]]
        likeness = torch.einsum("ikd,jld->ijkl", centres, centres).amax((2, 3)).fill_diagonal_(-1)
        close = likeness.topk(min(mining.look_alikes, len(names) - 1)).indices
    nearest = {name: [names[j] for j in close[i]] for i, name in enumerate(names)}
    groups = crop_data.mined_order(products, mined, config.data, nearest, rng)
    # Whole groups go into a batch: free draws and groups are dealt out in turns.
    size = mining.look_alikes + 1
    parts = [*np.array_split(order, max(1, len(order) // size)), *np.array_split(groups, max(1, mined // size))]
    return np.concatenate([parts[i] for i in rng.permutation(len(parts))])


def _colours(product: crop_data.Product, data: configs.DataConfig, rng: np.random.Generator) -> tuple[int, ...]:
    if product.field or rng.random() >= data.recoloured_skus:
        return COLOUR_ORDERS[0]
    return COLOUR_ORDERS[int(rng.integers(1, len(COLOUR_ORDERS)))]


def _some_crops(products: list[crop_data.Product], config: configs.ClassifierConfig) -> torch.Tensor:
    rng = np.random.default_rng(config.data.seed)
    chosen = crop_data.epoch_order(products, 256, config.data, rng)
    crops = [crop_data.training_crop(products[i], products, config.model, rng) for i in chosen]
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float().div_(255)


def _start_at_means(
    loss: nn.Module,
    model: embedder_model.Embedder,
    products: list[crop_data.Product],
    label_of: dict[tuple[str, tuple[int, ...]], int],
    config: configs.ClassifierConfig,
) -> None:
    """Puts each class centre where the network sees its SKU (Qi et al. 2018), so that new centres don't undo old weights."""
    rng = np.random.default_rng(config.data.seed)
    taken: dict[str, list[crop_data.Product]] = {}
    for i in rng.permutation(len(products)):
        mine = taken.setdefault(products[i].sku, [])
        if len(mine) < 8:
            mine.append(products[i])
    model.eval()
    centres = loss.W.detach().t().reshape(len(label_of), -1, config.model.embedding_dim)
    with torch.inference_mode():
        for (sku, colours), label in tqdm(label_of.items(), desc="class centres", mininterval=10):
            crops = np.stack([crop_data.evaluation_crop(p, config.model)[..., list(colours)] for p in taken[sku]])
            mean = model(torch.from_numpy(crops).permute(0, 3, 1, 2).float().div_(255)).mean(dim=0)
            spread = 0.1 * nn.functional.normalize(torch.randn(centres.shape[1:]), dim=1)
            centres[label] = nn.functional.normalize(mean + spread, dim=1)
    with torch.no_grad():
        loss.W.copy_(centres.reshape(-1, config.model.embedding_dim).t())


def _digest(data: configs.DataConfig) -> str:
    photos = [photo for part in data.photo_sets for photo in datasets.photos(data.root, part.name, "train")]
    files = datasets.photo_files([photo for photo in photos if any(box.sku for box in photo.boxes)])
    files += [crop.path for part in data.crop_sets for crop in datasets.crops(data.root, part.name, "train")]
    return datasets.digest(files)


def main() -> None:
    """Command line: train (default), `--resume last.pt`, `--export-embeddings`, or `--export-tflite` and `--export-onnx`."""
    parser = argparse.ArgumentParser(prog="python -m models.training.train_classifier", description=main.__doc__)
    parser.add_argument("--config", type=Path, required=True)
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--resume", type=Path, metavar="LAST_PT")
    modes.add_argument("--export-embeddings", action="store_true", help="embed --data-path into --output-dir")
    parser.add_argument("--export-tflite", action="store_true", help="write int8 and float TFLite into --output-dir")
    parser.add_argument("--export-onnx", action="store_true", help="write float ONNX into --output-dir")
    parser.add_argument("--weights", type=Path, nargs="+", default=[], help="best.pt, last.pt or both of a run: averaged")
    parser.add_argument("--data-path", type=Path, help="ImageFolder of crops: SKU/*.jpg")
    parser.add_argument("--output-dir", type=Path)
    args = parser.parse_args()
    converting = args.export_tflite or args.export_onnx
    exporting = args.export_embeddings or converting
    if converting and (args.resume or args.export_embeddings):
        parser.error("--export-tflite and --export-onnx go with no other mode")
    if exporting and not (args.weights and args.output_dir):
        parser.error("an export needs --weights and --output-dir")
    if args.export_embeddings and not args.data_path:
        parser.error("--export-embeddings needs --data-path")
    try:
        config = configs.load(args.config, configs.ClassifierConfig)
        for path in (args.resume, *args.weights):
            if path and not path.is_file():
                raise datasets.DataError(f"{path}: no such weights; name a .pt file that exists")
        if args.export_embeddings:
            export_embeddings(config, args.weights, args.data_path, args.output_dir)
            return
        if converting:
            from models.training import export

            export.embedder(config, args.weights, args.output_dir, args.export_tflite, args.export_onnx)
            return
        folder = train(config, args.resume)
    except (configs.ConfigError, datasets.DataError, agreement.ExportError) as error:
        sys.exit(f"error: {error}")
    figures = json.loads((folder / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    run_record.write_metrics(folder, figures)
    # The first set judged is the one that counts.
    name, reached = next((name, value) for name, value in figures.items() if name.endswith("_mean"))
    least = config.targets.top1_accuracy_min
    if least is not None and reached < least:
        part = name.removesuffix("_mean").replace("_", " ")
        sys.exit(f"target missed: {part} top-1 by class mean {reached:.4f} is below its target {least}")


if __name__ == "__main__":
    main()
