"""Whether a change of the code changed what is learned: six small fits, their bits and their metrics, before and after.

    python benchmarks/bits.py record before.json
    python benchmarks/bits.py compare before.json

Bits differ between machines and between versions of JAX, so both must be run on the same one. Of each fit are kept the SHA-256 of
`model.safetensors`, of the learned arrays alone (which survives new names in the format), and every metric.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from safetensors.numpy import load_file

import weights as wt
from weights.data.table import parquet as rowgroups
from weights.data.table import streaming as stream
from weights.errors import TooLargeError

SMALL = {"members": 8, "n_folds": 4, "n_steps": 200}


def fit_binary(folder: Path) -> wt.Model:
    """Both models of tables, with penalties, dropout and feature weights."""
    return wt.fit("breast-cancer", hidden=(16,), **SMALL)


def fit_multiclass(folder: Path) -> wt.Model:
    """Three classes, weighted, by a network with a penalty that makes zeros."""
    return wt.fit("wine", model="mlp", hidden=(16, 8), penalty="l1", strength=1e-3, class_weight="balanced", **SMALL)


def fit_regression(folder: Path) -> wt.Model:
    """A number, by a solved elastic net beside networks."""
    return wt.fit("diabetes", penalty="elastic_net", hidden=(16,), **SMALL)


def fit_time(folder: Path) -> wt.Model:
    """A number with an order in time and groups."""
    rng = np.random.default_rng(0)
    days = np.datetime64("2020-01-01") + np.arange(400)
    x, word = rng.normal(size=400), rng.choice(["a", "b", "c"], 400)
    columns = {"day": days, "x": x, "word": word, "y": np.sin(2 * x) + (word == "a") + 0.1 * rng.normal(size=400)}
    return wt.fit(columns, "y", time="day", hidden=(16,), **SMALL)


def fit_streamed(folder: Path) -> wt.Model:
    """A Parquet file of which 2,048 rows are kept and all are learned from."""
    rng = np.random.default_rng(1)
    x, word = np.sort(rng.uniform(-3, 3, 30_000)), rng.choice(["red", "green", "blue"], 30_000)
    state = np.where(np.sin(3 * x) + (word == "red") + 0.5 * rng.logistic(size=30_000) > 0.3, "well", "ill")
    path = folder / "rows.parquet"
    parquet.write_table(pa.table({"x": x, "word": word, "state": state}), path, row_group_size=4_000)

    def refuse(n_bytes: float, what: str) -> None:
        raise TooLargeError(f"{what} needs more.")

    kept = rowgroups.check_memory_for, stream._MOST_KEPT
    rowgroups.check_memory_for, stream._MOST_KEPT = refuse, 1 << 11
    try:
        return wt.fit(path, "state", hidden=(16,), **SMALL)
    finally:
        rowgroups.check_memory_for, stream._MOST_KEPT = kept


def fit_images(folder: Path) -> wt.Model:
    """Stripes of two directions, by the convolutional network with augmentation."""
    rng, side = np.random.default_rng(2), 16
    waves = 127 + 80 * np.sin(np.arange(side) * rng.uniform(1.5, 2.5, (120, 1)) + rng.uniform(0, 6, (120, 1)))
    label = np.arange(120) % 2
    images = np.where(label[:, None, None] == 0, waves[:, None, :], waves[:, :, None]) + rng.normal(0, 15, (120, side, side))
    small = {**SMALL, "members": 2, "n_folds": 2, "n_steps": 30, "batch_size": 16}
    return wt.fit(np.clip(images, 0, 255).astype(np.uint8), label, widths=(8, 16), blocks=(0, 1), **small)


FITS: dict[str, Callable[[Path], wt.Model]] = {
    "binary": fit_binary,
    "multiclass": fit_multiclass,
    "regression": fit_regression,
    "time": fit_time,
    "streamed": fit_streamed,
    "images": fit_images,
}


def digest(arrays: dict[str, np.ndarray]) -> str:
    """The SHA-256 of arrays in the order of their names."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return found.hexdigest()


def measure(name: str) -> dict[str, Any]:
    """The bits and the metrics of one fit."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model = FITS[name](folder)
        model.save(folder / "run")
        file = folder / "run" / "model.safetensors"
        arrays = load_file(file)
        learned = {key: array for key, array in arrays.items() if "/params/" in key or key in ("offset", "scores")}
        return {
            "file": hashlib.sha256(file.read_bytes()).hexdigest(),
            "learned": digest(learned),
            "metrics": {metric: [value.value, value.low, value.high] for metric, value in model.report.metrics.items()},
        }


def main() -> int:
    """Record the six fits, or compare them with a record; 1 if something differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("record", "compare"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--only", choices=tuple(FITS), nargs="*", default=tuple(FITS))
    asked = parser.parse_args()
    present = {name: measure(name) for name in asked.only}
    if asked.what == "record":
        asked.path.write_text(json.dumps(present, indent=1))
        return 0
    before, differs = json.loads(asked.path.read_text()), False
    for name, bits in present.items():
        other = [part for part in bits if json.loads(json.dumps(bits[part])) != before[name][part]]
        print(f"{name:10} {'differs in ' + ', '.join(other) if other else 'the same bits'}")
        differs = differs or bool(other)
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
