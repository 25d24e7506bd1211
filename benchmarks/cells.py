"""What reading a text file costs, and noticing changed rows; and a score of few whole numbers as a quantity and as classes.

    python benchmarks/cells.py

Processor seconds of one thread; the tables are made here.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

import weights as wt
from weights.data.dataset import prepare
from weights.data.fingerprint import fingerprint_rows
from weights.data.roles import Roles
from weights.data.table.read import read_table

T = TypeVar("T")
N_READ, N_PREPARED, N_SCORED = 600_000, 1_000_000, 400


def main() -> None:
    """Print the figures."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        frame = pd.DataFrame(rng.normal(size=(N_READ, 6)), columns=[*"abcdef"])
        frame["word"], frame["count"] = rng.choice(["red", "blue", "green"], N_READ), rng.integers(0, 1000, N_READ)
        frame.to_csv(path, index=False)
        text = path.read_text()
        head, rest = text[: len(text) // 2].rsplit("\n", 1)[0], text[len(text[: len(text) // 2].rsplit("\n", 1)[0]) :]
        for name, content in {"no blank line": text, "one at the end": text + "\n", "one in the middle": f"{head}\n{rest}"}.items():
            path.write_text(content)
            table, seconds = timed(lambda: read_table(path))
            print(f"read, {name:<18} {table.num_rows:,} rows x {table.num_columns} columns, {len(content) / 1e6:.0f} MB: {seconds:.2f} s")
    columns = {f"x{j}": rng.normal(size=N_PREPARED) for j in range(16)}
    columns |= {f"word{j}": rng.choice(["red", "blue", "green"], N_PREPARED) for j in range(4)}
    table = read_table({**columns, "y": rng.normal(size=N_PREPARED)})
    dataset, prepared = timed(lambda: prepare(table, Roles("y")))
    _, fingerprinted = timed(lambda: fingerprint_rows(dataset.encoding, table, ["y"]))
    print(f"prepare {N_PREPARED:,} rows x 20 columns: {prepared:.2f} s, of which the fingerprint {fingerprinted:.2f} s")
    a, b, noise = rng.normal(size=(3, N_SCORED))
    score = np.clip(np.round(5 + 1.5 * a + b + 1.8 * noise), 0, 10)
    frame = pd.DataFrame({"a": a, "b": b, "score": score})
    quantity, classes = (wt.fit(frame, "score", task=task, members=8, inspect=False) for task in (None, "multiclass"))
    kept = classes.predictions()
    labels = np.asarray(classes.classes, float)
    as_classes = np.sqrt(np.mean((labels[kept.prediction.argmax(1)] - labels[kept.y]) ** 2))
    print(f"a score of 0.0 to 10.0, out of bag: RMSE {quantity.metrics['rmse']:.2f} as a quantity, {as_classes:.2f} as classes")


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What work gives, and the processor seconds it took."""
    began = time.process_time()
    return work(), time.process_time() - began


if __name__ == "__main__":
    main()
