"""How often intervals of rate ratios hold the truth whatever the variance of counts, and what counts gain on regression.

    python benchmarks/counts.py linear         Poisson regression, 1,000 tables a cell, beside errors that believe Poisson's variance
    python benchmarks/counts.py networks       networks through the ordinary entrance, 100 tables a cell
    python benchmarks/counts.py categories     tests of a category of ten levels without effects, 300 tables a cell
    python benchmarks/counts.py tables FOLDER  counts in tables of shared data, as counts and as numbers

A generated table has three features: a number, one of heavier tails (Student's t, 5 degrees) and a flag that one row in ten has; the logs
of their rate ratios are 0.3, -0.2 and 0.5. Counts are Poisson's, or negative binomial with variance mean + mean^2 or mean + 3 mean^2.
"""

from __future__ import annotations

import argparse
import itertools
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.special

from weights.inspection.joint import find_p_values
from weights.inspection.poisson import poisson
from weights.inspection.slopes import Rows
from weights.tasks.metrics import COUNT_METRICS, score

EFFECTS, FEATURES = np.array([0.3, -0.2, 0.5]), ("number", "tails", "flag")
NETWORK = {"model": "mlp", "members": 5, "n_folds": 5, "hidden": (32,), "n_bins": 8, "n_steps": 300, "batch_size": 64, "threads": 1}
OVERDISPERSIONS, RATES, ROWS = (0.0, 1.0, 3.0), (0.1, 1.0, 10.0), (300, 2_000)
TARGETS = [
    ("bike_share_hourly", "bikers"),
    ("contraceptive_method", "children"),
    ("hotel_rates", "booking_changes"),
    ("birth_weight", "npvis"),
]
ALONE = {"model": "linear", "members": 20, "n_folds": 10}


class Cell(NamedTuple):
    """Tables of so many rows, with counts of this mean (of a row whose features are zero) and overdispersion."""

    overdispersion: float
    rate: float
    n: int


def draw(cell: Cell, repetition: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, 3) and counts (n,)."""
    rng = np.random.default_rng([int(10 * cell.overdispersion), int(10 * cell.rate), cell.n, repetition])
    x = np.column_stack([rng.normal(size=cell.n), rng.standard_t(5, cell.n), rng.uniform(size=cell.n) < 0.1])
    frailty = rng.gamma(1 / cell.overdispersion, cell.overdispersion, cell.n) if cell.overdispersion else 1.0
    return x, rng.poisson(cell.rate * np.exp(x @ EFFECTS) * frailty).astype(float)


def held(slopes: np.ndarray, errors: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """One where the 95 % interval holds the log of the rate ratio, zero where not, NaN where there is none."""
    inside = np.abs(slopes - EFFECTS) <= scipy.special.stdtrit(degrees, 0.975) * errors
    return np.where(np.isfinite(slopes), inside.astype(float), np.nan)


def linear_table(cell: Cell, repetition: int) -> np.ndarray:
    """Whether intervals hold the truth: ours, and those that believe Poisson's variance, (6,)."""
    x, counts = draw(cell, repetition)
    slopes = poisson(x, counts, Rows(np.ones(cell.n), None, None))
    mean = np.exp(np.log(counts.mean()) + (x - x.mean(0)) @ np.nan_to_num(slopes.slopes))
    dispersion = ((counts - (mean := mean * counts.sum() / mean.sum())) ** 2 / mean).sum() / (cell.n - 4)
    believed = slopes.errors["classical"] / np.sqrt(dispersion)
    many = np.full(3, 1e6)
    return np.concatenate(
        [held(slopes.slopes, slopes.errors["robust"], slopes.degrees["robust"].clip(1)), held(slopes.slopes, believed, many)]
    )


def network_table(cell: Cell, repetition: int) -> np.ndarray:
    """Whether intervals of a fitted network hold the truth, (3,)."""
    import weights as wt

    x, counts = draw(cell, repetition)
    columns = {"number": x[:, 0], "tails": x[:, 1], "flag": np.where(x[:, 2] == 1, "yes", "no"), "events": counts}
    model = wt.fit(pa.table(columns), "events", task="count", seed=repetition, **NETWORK)
    contrasts = {c.feature: c for c in model.report.feature_weights.contrasts if c.scale == "link"}
    known = [contrasts[name] for name in FEATURES]
    slopes = np.array([np.nan if c.effect is None or not c.std_errs else c.effect for c in known])
    errors, degrees = (np.array([getattr(c, what).get("robust", np.nan) for c in known]) for what in ("std_errs", "degrees"))
    return held(slopes, errors, degrees)


def category_figures(n_tables: int, n: int = 500, n_levels: int = 10) -> None:
    """Print how often a category without effects, and its levels by themselves, come out with p < 0.05, beside a number with one."""
    print("share of tests with p < 0.05: overdispersion, rate, levels, of all levels together, of each by itself")
    for overdispersion, rate, even in itertools.product((0.0, 1.0), RATES, (True, False)):
        rng, together, alone = np.random.default_rng(5), [], []
        chance = np.ones(n_levels) if even else 1 / (1 + np.arange(n_levels))
        for _ in range(n_tables):
            level, number = rng.choice(n_levels, n, p=chance / chance.sum()), rng.normal(size=n)
            frailty = rng.gamma(1 / overdispersion, overdispersion, n) if overdispersion else 1.0
            counts = rng.poisson(rate * np.exp(0.5 * number) * frailty).astype(float)
            own, rows = np.arange(1, n_levels), Rows(np.ones(n), None, None)
            slopes = poisson(np.column_stack([number, level[:, None] == own]).astype(float), counts, rows)
            together.append(find_p_values(slopes.only(own), level, rows, lambda expected: None)["robust"])
            z, degrees = slopes.slopes[own] / slopes.null_errors["robust"][own], slopes.degrees["robust"][own].clip(1)
            alone += [*(2 * scipy.special.stdtr(degrees, -np.abs(z)))[np.isfinite(z)]]
        shares = [round(float(np.mean(np.asarray(p) < 0.05)), 3) for p in (together, alone)]
        print(overdispersion, rate, "even" if even else "uneven", *shares, flush=True)


def table_figures(folder: Path) -> None:
    """Deviance and root mean squared error out of bag of counts and of numbers, each with and without networks."""
    import weights as wt

    columns = ("table", "rows", "mean", "task", "model", "deviance", "D2", "RMSE", "sum of predictions over that of counts")
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for (name, target), task, options in itertools.product(TARGETS, ("count", "regression"), (ALONE, {})):
        table = pq.read_table(folder / name / "data.parquet")
        table = table.filter(table[target].is_valid())
        model = wt.fit(table, target, task=task, inspect=False, **options)
        answers = model.ensemble.oob_predictions
        y, prediction = np.round(model.ensemble.task.original(answers.y)), answers.prediction
        found = score(COUNT_METRICS, y, np.maximum(prediction, 1e-3 * y.mean()), weight=answers.weight)
        figures = " | ".join(f"{found[metric].value:.4g}" for metric in ("deviance", "d2", "rmse"))
        kind = "linear" if options else "auto"
        print(
            f"| {name}, {target} | {len(table):,} | {y.mean():.3g} | {task} | {kind} | {figures} | {prediction.sum() / y.sum():.3f} |",
            flush=True,
        )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("linear", "networks", "categories", "tables"))
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--tables", type=int, help="of each cell")
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    if asked.what == "tables":
        if asked.folder is None:
            parser.error("tables needs the FOLDER of tables")
        return table_figures(asked.folder)
    if asked.what == "categories":
        return category_figures(asked.tables or 300)
    one, n_tables, rows = (linear_table, 1000, ROWS) if asked.what == "linear" else (network_table, 100, (600,))
    n_tables = asked.tables or n_tables
    print("share of 95 % intervals that hold the truth, and of tables with an interval", *FEATURES, sep="  ")
    with ProcessPoolExecutor(asked.processes) as pool:
        for cell in itertools.starmap(Cell, itertools.product(OVERDISPERSIONS, RATES, rows)):
            found = np.stack([*pool.map(one, [cell] * n_tables, range(n_tables), chunksize=10)])
            there = np.isfinite(found[:, :3]).mean(0)
            print(*cell, np.nanmean(found, 0).round(3), there.round(3), flush=True)
    return None


if __name__ == "__main__":
    main()
