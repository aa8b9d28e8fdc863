"""The folder of one run: config, seed, git commit, data-set hash and metrics, so that a figure can be traced.

Owns `runs/KIND/NAME/`. It never overwrites another run's folder.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml


def new_folder(runs: Path) -> Path:
    """A fresh folder named after the time."""
    folder = runs / time.strftime("%Y%m%d-%H%M%S")
    folder.mkdir(parents=True)
    return folder


def write(folder: Path, config: Any, data_sha256: str) -> None:
    """Writes `run.yaml`: the config as used, the commit, the seed and the hash of the data."""
    plain = _plain(dataclasses.asdict(config))
    entry = {"commit": commit(), "seed": config.data.seed, "data_sha256": data_sha256, "config": plain}
    (folder / "run.yaml").write_text(yaml.safe_dump(entry, sort_keys=False), encoding="utf-8")


def write_metrics(folder: Path, metrics: dict[str, Any]) -> None:
    """Writes `metrics.json`."""
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1), encoding="utf-8")


def commit() -> str:
    """The commit checked out, with `-dirty` when files under version control differ; `unknown` outside a repository."""
    done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=40"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, Path) else value
