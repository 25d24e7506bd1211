"""How often the band of `weights effect` holds what it claims to hold, on simulated tables.

    python benchmarks/curves.py --repetitions 100

A curve is counted from the mean answer of the rows that it is averaged over, which stay the same here, while members learn from another
table in each repetition. Wanted is the truth where members have no penalty and the truth is a line, else what members say on average over
repetitions. Printed: the share of the places of all curves at which the band holds it, that of the worst column, and the mean width beside
1.96 deviations between repetitions.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

import weights as wt
from weights.data.table.read import read_table
from weights.inspection.curves import find_curves

NETWORKS = {"model": "mlp", "hidden": (32,), "n_bins": 16, "n_steps": 500, "batch_size": 64}
KINDS: dict[str, tuple[dict[str, Any], bool, bool]] = {
    "linear, no penalty": ({"model": "linear", "members": 16, "penalty": "none", "clip": None}, False, True),
    "linear": ({"model": "linear", "members": 16}, False, False),
    "linear, two classes": ({"model": "linear", "members": 16}, True, False),
    "networks, a curved truth": ({**NETWORKS, "members": 8}, False, False),
}
"""Options of a fit, whether targets are classes, and whether the truth itself is wanted."""
SLOPES = np.array([1.0, -0.5, 0.0])
N_PLACES = 8


def draw(n: int, rng: np.random.Generator, *, classes: bool, curved: bool) -> tuple[np.ndarray, np.ndarray]:
    """Rows of three inputs, the first two of correlation 0.5, and targets."""
    x = rng.normal(size=(n, 3))
    x[:, 1] = 0.5 * x[:, 0] + np.sqrt(0.75) * x[:, 1]
    signal = x @ SLOPES + (np.sin(2 * x[:, 2]) if curved else 0.0)
    return x, (signal + rng.logistic(size=n) > 0).astype(int) if classes else signal + rng.normal(size=n)


def try_band(kind: str, repetitions: int, n: int) -> dict[str, float]:
    """The share of places that the band holds, that of the worst column, and its width beside what it should be."""
    options, classes, known = KINDS[kind]
    curved = "curved" in kind
    asked = read_table(draw(200, np.random.default_rng(1), classes=classes, curved=curved)[0])
    said, half = [], []
    for repetition in range(repetitions):
        x, y = draw(n, np.random.default_rng([7, repetition]), classes=classes, curved=curved)
        ensemble = wt.fit(x, y, seed=repetition, threads=1, inspect=False, **options).ensemble
        curves = [find_curves(ensemble, asked, feature)[0] for feature in range(3)]
        places = np.linspace(0, len(curves[0].values) - 1, N_PLACES).astype(int)
        said.append([np.asarray(curve.answer)[places] - curve.mean for curve in curves])
        half.append([(np.asarray(curve.high) - curve.answer)[places] for curve in curves])
    wanted = np.mean(said, axis=0)
    if known:
        rows = np.stack([asked[name].to_numpy() for name in asked.column_names], axis=1)
        wanted = np.stack([SLOPES[j] * (np.asarray(curve.values)[places] - rows[:, j].mean()) for j, curve in enumerate(curves)])
    held = np.abs(np.asarray(said) - wanted) <= half
    width = float(np.mean(half) / (1.96 * np.std(said, axis=0, ddof=1)).mean())
    return {"held": float(held.mean()), "worst": float(held.mean((0, 2)).min()), "width": width}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    given = parser.parse_args()
    for kind in (kind for kind in KINDS if given.only in kind):
        began = time.monotonic()
        found = try_band(kind, given.repetitions, given.rows)
        seconds = time.monotonic() - began
        print(f"{kind:<28}{100 * found['held']:6.1f} %{100 * found['worst']:7.1f} %{found['width']:7.2f}{seconds:8.0f} s", flush=True)


if __name__ == "__main__":
    main()
