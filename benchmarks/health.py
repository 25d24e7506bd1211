"""Whether what is wrong with the five elements is found, what taking it down costs, and whether compared variants have true intervals.

python benchmarks/health.py recording                            time of training with recording and without, in turn
python benchmarks/health.py planted                              faults that were planted, and healthy twins
python benchmarks/health.py tables ../shared/data                what is said of real tables fitted with default settings
python benchmarks/health.py intervals                            how often intervals of compared variants hold the truth
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

_DEEP = (32,) * 8
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "first weights too small": ("scale", {"initialization": "normal", "scale": 0.001}),
    "first weights too large": ("scale", {"initialization": "normal", "scale": 3.0}),
    "relu dead at the start": ("dead", {"initialization": "zeros"}),
    "relu dead at the end": ("dead", {"learning_rate": 0.3, "patience": 0}),
    "tanh saturated": ("saturated", {"activation": "tanh", "gain": 50.0}),
    "gradient vanishes": ("vanishing gradient", {"hidden": _DEEP, "activation": "sigmoid"}),
    "gradient explodes": ("exploding gradient", {"hidden": _DEEP, "initialization": "normal", "scale": 1.0}),
    "learning rate too high": ("learning rate", {"learning_rate": 0.3, "activation": "tanh"}),
    "rank collapsed": ("collapsed rank", {"hidden": (16,) * 32}),
    "too few steps": ("too few steps", {"n_steps": 60, "optimization": "sgd", "learning_rate": 0.01, "schedule": "constant"}),
    "all weights zero": ("all zero", {"penalty": "l1", "strength": 10.0, "patience": 0}),
}
TWINS: dict[str, dict[str, Any]] = {
    "default": {},
    "xavier": {"initialization": "xavier"},
    "orthogonal": {"initialization": "orthogonal"},
    "data": {"initialization": "data"},
    "tanh": {"activation": "tanh"},
    "gelu": {"activation": "gelu"},
    "sigmoid": {"activation": "sigmoid"},
    "eight layers of relu": {"hidden": _DEEP},
    "eight layers of gelu": {"hidden": _DEEP, "activation": "gelu"},
    "weak l1": {"penalty": "l1", "strength": 1e-4},
    "momentum": {"optimization": "momentum"},
}
EXAMPLES = ("breast-cancer", "iris", "diabetes", "wine")


def recording(n_repeats: int) -> None:
    """Train the same member with recording and without, in turn, on one thread, and compare the times."""
    from weights.api import plan_fit
    from weights.fitting import job
    from weights.training.control import Control
    from weights.training.stepping import Run

    print("| rows of | steps | rows a step | us a step | recording, of the time without [quartiles of pairs] |\n|---|---|---|---|---|")
    for source in ("iris", "breast-cancer", "wine"):
        prepared = plan_fit(source, model="mlp", members=1, patience=0, threads=1)
        spec = prepared.candidates["mlp"]

        def trained(measuring: bool, prepared: Any = prepared, spec: Any = spec) -> float:
            one, began = job("mlp", spec, prepared), time.perf_counter()
            Run.begin(one, Control(n_threads=1, measuring=measuring)).advance()
            return time.perf_counter() - began

        trained(True), trained(False)
        pairs = np.asarray([(trained(True), trained(False)) if i % 2 else (trained(False), trained(True))[::-1] for i in range(n_repeats)])
        ratios, n_steps = pairs[:, 0] / pairs[:, 1] - 1, spec.optimization.n_steps
        low, middle, high = np.percentile(ratios, [25, 50, 75])
        step = 1e6 * np.median(pairs[:, 1]) / n_steps
        print(
            f"| {source} | {n_steps:,} | {spec.optimization.batch_size} | {step:.0f} | {middle:+.1%} [{low:+.1%} {high:+.1%}] |", flush=True
        )


def planted(seeds: int) -> None:
    """Fit tables with faults and without, and count what is found."""
    print("| fault | found | of | also said |\n|---|---|---|---|")
    for name, (fault, settings) in FAULTS.items():
        said = [_faults(source, seed, settings) for source in EXAMPLES for seed in range(seeds)]
        others = Counter(other for one in said for other in one - {fault})
        print(f"| {name} | {sum(fault in one for one in said)} | {len(said)} | {_counted(others)} |", flush=True)
    print("\n| healthy | silent | of | said |\n|---|---|---|---|")
    for name, settings in TWINS.items():
        said = [_faults(source, seed, settings) for source in EXAMPLES for seed in range(seeds)]
        print(
            f"| {name} | {sum(not one for one in said)} | {len(said)} | {_counted(Counter(x for one in said for x in one))} |", flush=True
        )


def _faults(source: str, seed: int, settings: dict[str, Any]) -> set[str]:
    from weights.api import fit

    try:
        return {finding.fault for finding in fit(source, model="mlp", members=3, inspect=False, seed=seed, **settings).findings()}
    except Exception as error:
        return {f"{type(error).__name__}"}


def _counted(found: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in found.most_common())


def tables(folder: Path, most_rows: int) -> None:
    """Fit shared tables as `weights fit` does, and print what is said of them."""
    from weights.api import fit

    said: Counter[str] = Counter()
    n_populations = 0
    for entry in json.loads((folder / "MANIFEST.json").read_text()):
        if entry["kind"] != "table" or entry["rows"] > most_rows:
            continue
        drop = tuple(entry.get("leaky_columns") or ())
        model = fit(str(folder / entry["path"]), target=entry["target"], drop=drop, members=4, inspect=False)
        n_populations += sum(not spec.solved for spec in model.specs.values())
        for finding in model.findings():
            said[finding.fault] += 1
            print(f"{entry['name']} {finding.population}: {finding.words}. {finding.advice}", flush=True)
    print(f"\n{n_populations} populations of networks; said: {_counted(said) or 'nothing'}")


def intervals(n_tables: int) -> None:
    """Compare two settings on many tables; the mean gain of all tables is the truth that each interval should hold."""
    from weights.api import compare, fit

    network = {"model": "mlp", "hidden": (16,), "embedding": "none", "n_steps": 150}
    kinds: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "linear, strength 0.01 to 1": ({"model": "linear", "strength": 0.01}, {"strength": [1.0]}),
        "network, 16 to 64 units": (network, {"hidden": [(64,)]}),
        "network, relu to tanh": (network, {"activation": ["tanh"]}),
        "network, learning rate times 5": (network, {"learning_rate": [0.03]}),
    }
    print("| variant | rows | tables | gain | held by 95 % intervals | said to be better or worse |\n|---|---|---|---|---|---|")
    for name, (options, vary) in kinds.items():
        for n in (150, 500):
            gains = []
            for seed in range(n_tables):
                rng = np.random.default_rng([seed, n])
                x = rng.normal(size=(n, 6))
                y = x[:, 0] - x[:, 1] + 0.5 * x[:, 2] + 0.3 * x[:, 3] ** 2 + rng.normal(size=n)
                rows = {f"x{j}": x[:, j] for j in range(6)} | {"y": y}
                model = fit(rows, "y", members=4, inspect=False, seed=seed, **options)
                gains.append(compare(model, vary, rows).variants[1].gain)
            truth = np.mean([gain.value for gain in gains])
            held = np.mean([gain.low <= truth <= gain.high for gain in gains])
            significant = np.mean([gain.low > 0 or gain.high < 0 for gain in gains])
            print(f"| {name} | {n} | {n_tables} | {truth:.4f} | {held:.1%} | {significant:.0%} |", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["recording", "planted", "tables", "intervals"])
    parser.add_argument("folder", nargs="?", type=Path, help="of the shared tables")
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=60_000, help="the most that a table has")
    parser.add_argument("--tables", type=int, default=200)
    given = parser.parse_args()
    if given.what == "recording":
        recording(given.repeats)
    elif given.what == "planted":
        planted(given.seeds)
    elif given.what == "tables":
        tables(given.folder, given.rows)
    else:
        intervals(given.tables)


if __name__ == "__main__":
    main()
