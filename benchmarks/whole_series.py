"""How good random kernels are on whole series with a label, beside ROCKET and MiniROCKET (aeon), and how long they take.

    python benchmarks/whole_series.py run weights ../shared/data series.jsonl
    python benchmarks/whole_series.py run rocket ../shared/data series.jsonl        # in an environment with aeon and pyarrow
    python benchmarks/whole_series.py run minirocket ../shared/data series.jsonl
    python benchmarks/whole_series.py table series.jsonl
    python benchmarks/whole_series.py sizes

Official splits, ten seeds, defaults of each; peers read shorter series with zeros behind them. The table gives the mean accuracy over
seeds, and the mean difference over test rows with twice its standard error: of each row the difference of how often it was right, so that
the choice of rows and the seeds both count. `sizes` fits made-up series of 150 values, in each of which a wave begins somewhere whose
length is its class, and prints processor time too, because other work takes none of it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

NAMES = ("gun_point", "italy_power_demand", "japanese_vowels")
N_SEEDS = 10


def read(folder: str, name: str) -> pa.Table:
    """Rows of a data set, with a label and the official split."""
    return parquet.read_table(Path(folder) / "series" / name / "data.parquet")


def run_weights(table: pa.Table, seed: int) -> tuple[list[str], dict[str, Any]]:
    """Labels for the test rows, of a fit as `weights fit` makes it; and what it says of itself out of bag."""
    import weights as wt

    split = np.asarray(table["split"].to_pylist())
    model = wt.fit(table.filter(pa.array(split == "train")).drop_columns(["split"]), "label", seed=seed)
    return [str(label) for label in model.predict(table.filter(pa.array(split == "test")))], {"out_of_bag": model.metrics["accuracy"]}


def run_peer(who: str, table: pa.Table, seed: int) -> tuple[list[str], dict[str, Any]]:
    """The same of a classifier of aeon."""
    from aeon.classification.convolution_based import MiniRocketClassifier, RocketClassifier

    channels = [table[name].to_pylist() for name in table.column_names if name.startswith("channel")]
    x = np.zeros((table.num_rows, len(channels), max(len(cells) for cells in channels[0])), np.float32)
    for c, rows in enumerate(channels):
        for i, cells in enumerate(rows):
            x[i, c, : len(cells)] = cells
    y, train = np.asarray(table["label"].to_pylist()), np.asarray(table["split"].to_pylist()) == "train"
    classifier = {"rocket": RocketClassifier, "minirocket": MiniRocketClassifier}[who](random_state=seed, n_jobs=1)
    return [*classifier.fit(x[train], y[train]).predict(x[~train])], {}


def run(who: str, folder: str, results: str) -> None:
    """Fit all data sets with all seeds, and append which test rows were right."""
    for name in NAMES:
        table = read(folder, name)
        truth = [label for label, part in zip(table["label"].to_pylist(), table["split"].to_pylist(), strict=True) if part == "test"]
        for seed in range(N_SEEDS):
            began, busy = time.perf_counter(), time.process_time()
            labels, more = run_weights(table, seed) if who == "weights" else run_peer(who, table, seed)
            right = [int(label == known) for label, known in zip(labels, truth, strict=True)]
            record = {"who": who, "name": name, "seed": seed, "right": right, "seconds": time.perf_counter() - began, **more}
            record["processor"] = time.process_time() - busy
            with open(results, "a") as file:
                file.write(json.dumps(record) + "\n")
            print(who, name, seed, f"{np.mean(right):.4f}", f"{record['processor']:.1f} s", flush=True)


def table(results: str) -> None:
    """Print what stands in a file of results."""
    records = [json.loads(line) for line in Path(results).read_text().splitlines()]
    for name in NAMES:
        shares = {}
        for who in ("weights", "rocket", "minirocket"):
            own = [record for record in records if (record["who"], record["name"]) == (who, name)]
            if not own:
                continue
            right = np.asarray([record["right"] for record in own], float)
            shares[who] = right.mean(0)
            by_seed, seconds = right.mean(1), np.median([record["processor"] for record in own])
            spread = f"{100 * by_seed.mean():6.2f} %  (seeds {100 * by_seed.min():.1f} to {100 * by_seed.max():.1f})"
            print(f"{name:20s} {who:12s} {spread}  {seconds:6.1f} s of processor time")
        for who in [who for who in shares if who != "weights" and "weights" in shares]:
            difference = shares["weights"] - shares[who]
            doubt = 2 * difference.std(ddof=1) / len(difference) ** 0.5
            print(f"{name:20s} weights - {who}: {100 * difference.mean():+.2f} points, +- {100 * doubt:.2f}")


def sizes() -> None:
    """Print how long made-up series take to fit and to answer."""
    import weights as wt

    for n, n_classes in ((50, 2), (500, 2), (2_000, 5), (10_000, 2), (10_000, 5)):
        made = make_waves(n, n_classes)
        began, busy = time.perf_counter(), time.process_time()
        model = wt.fit(made, "label")
        fitted, used = time.perf_counter() - began, time.process_time() - busy
        model.predict(made.slice(0, 1_000))
        began = time.perf_counter()
        model.predict(made.slice(0, 1_000))
        answered = time.perf_counter() - began
        said = f"accuracy out of bag {model.metrics['accuracy']:.3f}; {1_000 if n > 1_000 else n} rows answered in {answered:.2f} s"
        print(f"{n:6d} rows, {n_classes} classes: {fitted:6.1f} s, {used:6.1f} s of processor time; {said}", flush=True)


def make_waves(n: int, n_classes: int) -> pa.Table:
    """Noise in which a wave of 20 values begins anywhere, the quicker the later the class."""
    rng = np.random.default_rng(0)
    label, begin, place = rng.integers(0, n_classes, n), rng.integers(0, 130, n), np.arange(20)
    series = rng.normal(size=(n, 150))
    for row, first, k in zip(series, begin, label, strict=True):
        row[first : first + 20] += 1.5 * np.sin(place * (0.3 + 0.15 * k))
    return pa.table({"wave": [*series], "label": [f"class {k}" for k in label]})


if __name__ == "__main__":
    {"run": run, "table": table, "sizes": sizes}[sys.argv[1]](*sys.argv[2:])
