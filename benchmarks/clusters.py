"""How often intervals of effects hold the truth where rows come in clusters, few or many, of even and uneven size.

    python benchmarks/clusters.py linear        least squares and log odds, 1,000 tables a cell, beside the usual cluster errors
    python benchmarks/clusters.py networks      networks through the ordinary entrance, 100 tables a cell

A table has 40 rows a cluster on average and three features: one that differs within clusters, one that differs between
them only, one that does both. Noise has a part that a cluster's rows share, of the intra-cluster correlation that is named.
Uneven: the largest cluster has 22 to 36 % of the rows.
"""

from __future__ import annotations

import argparse
import itertools
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np
import scipy.special

from weights.inspection.logistic import logistic
from weights.inspection.slopes import Rows, Slopes, least_squares

EFFECTS = np.array([1.0, 0.5, 0.5])
ROWS_EACH, FEATURES = 40, ("within", "between", "both")
NETWORK = {"model": "mlp", "members": 5, "n_folds": 5, "hidden": (64,), "n_bins": 16, "n_steps": 600, "batch_size": 64, "threads": 1}


class Cell(NamedTuple):
    """Tables of so many clusters, with noise of this intra-cluster correlation."""

    n_clusters: int
    even: bool
    correlation: float


class Table(NamedTuple):
    """Cluster (n,), features (n, 3) and noise of variance one (n,) of the rows of a table."""

    group: np.ndarray
    x: np.ndarray
    noise: np.ndarray


def draw(cell: Cell, repetition: int) -> Table:
    """A table."""
    rng = np.random.default_rng([cell.n_clusters, cell.even, int(10 * cell.correlation), repetition])
    n, places = cell.n_clusters, np.arange(cell.n_clusters)
    sizes = np.ones(n) if cell.even else 0.7**places if n <= 20 else 1 / (1 + places)
    group = np.repeat(places, np.maximum(np.round(sizes / sizes.sum() * ROWS_EACH * n).astype(int), 2))
    shared, own = rng.normal(size=(3, n))[:, group], rng.normal(size=(3, len(group)))
    x = np.column_stack([own[0], shared[0], 0.7 * (shared[1] + own[1])])
    return Table(group, x, np.sqrt(cell.correlation) * shared[2] + np.sqrt(1 - cell.correlation) * own[2])


def held(slopes: Slopes, effects: np.ndarray) -> np.ndarray:
    """Which of the 95 % intervals hold the effects, shape (3,)."""
    half = slopes.errors["cluster"] * scipy.special.stdtrit(slopes.degrees["cluster"], 0.975)
    return np.abs(slopes.slopes - effects) <= half


def usual_held(table: Table, y: np.ndarray) -> np.ndarray:
    """The same of least squares with the errors of Liang and Zeger, their correction for few groups and as many degrees less one."""
    z = np.column_stack([np.ones(len(y)), table.x])
    products = np.linalg.inv(z.T @ z)
    slopes = products @ z.T @ y
    sums = np.zeros((table.group.max() + 1, z.shape[1]))
    np.add.at(sums, table.group, z * (y - z @ slopes)[:, None])
    n, g, k = len(y), len(sums), z.shape[1]
    errors = np.sqrt(np.diag(products @ sums.T @ sums @ products) * g / (g - 1) * (n - 1) / (n - k))
    return (np.abs(slopes - np.r_[0, EFFECTS]) <= errors * scipy.special.stdtrit(g - 1, 0.975))[1:]


def linear_table(cell: Cell, repetition: int) -> np.ndarray:
    """What held: least squares, the usual errors, and log odds of features without effect, shape (3, 3)."""
    table = draw(cell, repetition)
    y = table.x @ EFFECTS + table.noise
    rows = Rows(np.ones(len(y)), table.group, None)
    # Noise of any correlation leaves a class with probability one half, whatever the features are.
    odds = logistic(table.x, (table.noise > 0).astype(float), rows)
    return np.stack([held(least_squares(table.x, y, rows), EFFECTS), usual_held(table, y), held(odds, np.zeros(3))])


def network_table(cell: Cell, repetition: int) -> np.ndarray:
    """What held of a fit of networks to a truth that bends, shape (1, 3)."""
    import weights as wt

    table = draw(cell, repetition)
    y = table.x @ EFFECTS + 0.5 * (table.x[:, 0] ** 2 - 1) + table.noise
    columns = {name: table.x[:, j] for j, name in enumerate(FEATURES)} | {"site": table.group.astype(str), "y": y}
    rows = wt.fit(columns, "y", group="site", seed=repetition, **NETWORK).feature_weights()
    return np.asarray([[row["low"] is not None and row["low"] <= e <= row["high"] for row, e in zip(rows, EFFECTS, strict=True)]])


def main() -> None:
    """Print the share of intervals that held, in percent, for each cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("linear", "networks"))
    parser.add_argument("--repetitions", type=int)
    asked = parser.parse_args()
    names = ("least squares", "usual errors", "log odds") if asked.what == "linear" else ("networks",)
    tried, repetitions = (linear_table, 1_000) if asked.what == "linear" else (network_table, 100)
    repetitions = asked.repetitions or repetitions
    correlations = (0.0, 0.2, 0.5) if asked.what == "linear" else (0.0, 0.3)
    print(f"{'clusters':>8} {'size':<7}{'corr.':>5}   " + "".join(f"{name + ': ' + ', '.join(FEATURES):<40}" for name in names))
    with ProcessPoolExecutor() as pool:
        for cell in map(Cell._make, itertools.product((5, 10, 20, 50), (True, False), correlations)):
            shares = 100 * np.mean([*pool.map(tried, [cell] * repetitions, range(repetitions), chunksize=10)], axis=0)
            cells = "".join(f"{'  '.join(f'{share:5.1f}' for share in row):<40}" for row in shares)
            print(f"{cell.n_clusters:>8} {'even' if cell.even else 'uneven':<7}{cell.correlation:>5}   {cells}", flush=True)


if __name__ == "__main__":
    main()
