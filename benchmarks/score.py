"""What `weights score` says of rows that are like those of training, and so should find nothing: how often it does.

    python benchmarks/score.py differences      tests of each metric against out of bag, linear fits, 200 tables a cell
    python benchmarks/score.py networks         the same of networks, 100 tables a cell
    python benchmarks/score.py levels           tests of each metric between the levels of a column that means nothing, 1,000 tables a cell
    python benchmarks/score.py drift            tests of columns of several kinds, 2,000 columns a cell
    python benchmarks/score.py shares           intervals of shares of rows near one, 20,000 samples a cell

Tests are at 5 %. A share of 200 tables has a standard error of 1.5 %, of 1,000 0.7 %, of 2,000 0.5 %.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from weights.data.distributions import part_of_rows, summarise
from weights.data.encoding import fit_encoding
from weights.ensemble import Predictions
from weights.inspection.comparison import find_p_values
from weights.inspection.drift import compare_column
from weights.tasks.classes import Binary
from weights.tasks.number import Number
from weights.tasks.proportions import mean_share

LINEAR = {"model": "linear", "members": 5, "n_folds": 5, "threads": 1}
NETWORK = {"model": "mlp", "members": 5, "n_folds": 5, "hidden": (32,), "n_bins": 8, "n_steps": 300, "batch_size": 64, "threads": 1}
TARGETS = {"rate 0.5": 0.5, "rate 0.1": 0.1, "rate 0.02": 0.02, "t noise": None}
SIZES = ((300, 100), (1_000, 300))
"""Rows of training and new ones."""


def draw_rows(rate: float | None, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Rows of three numbers; a class of this rate, or a value with noise of Student's t with three degrees of freedom."""
    x = rng.normal(size=(n, 3))
    line = x[:, 0] - 0.5 * x[:, 1]
    if rate is None:
        y: np.ndarray = line + rng.standard_t(3, n)
    else:
        # The intercepts were found by bisection over a million rows.
        intercept = {0.5: 0.0, 0.1: -2.649, 0.02: -4.476}[rate]
        y = np.where(rng.random(n) < 1 / (1 + np.exp(-intercept - line)), "yes", "no")
    return {f"x{j}": x[:, j] for j in range(3)} | {"y": y}


def tried_fit(settings: dict, target: str, sizes: tuple[int, int], repetition: int) -> dict[str, float | None]:
    """P-values by metric of a fit through the ordinary entrance, on new rows of the same kind."""
    import weights as wt

    rng = np.random.default_rng([repetition, *sizes, [*TARGETS].index(target)])
    rows = draw_rows(TARGETS[target], sizes[0], rng)
    while (TARGETS[target] is not None and min(np.unique(rows["y"], return_counts=True)[1], default=0) < 2) or len(
        np.unique(rows["y"])
    ) < 2:
        rows = draw_rows(TARGETS[target], sizes[0], rng)
    model = wt.fit(rows, "y", seed=repetition, inspect=False, **settings)
    scored = model.score(draw_rows(TARGETS[target], sizes[1], rng))
    return {part.name: part.difference and part.difference.p_value for part in scored.metrics}


def tried_levels(target: str, sizes: tuple[int, int], repetition: int) -> dict[str, float | None]:
    """The same between two sets of rows with answers that are right: probabilities as drawn, or the mean."""
    rng = np.random.default_rng([repetition, *sizes, [*TARGETS].index(target), 1])
    rate = TARGETS[target]
    sides = []
    for n in sizes:
        line = rng.normal(size=n)
        if rate is None:
            sides.append(Predictions(line, line + rng.standard_t(3, n), np.arange(n), np.ones(n)))
        else:
            p = np.clip(rate * np.exp(line - 0.5), 0.0, 0.95)
            sides.append(Predictions(np.stack([1 - p, p], 1), (rng.random(n) < p).astype(np.int32), np.arange(n), np.ones(n)))
    return find_p_values(Number("y") if rate is None else Binary("y", ["no", "yes"]), *sides)


def print_sizes(tried: Callable[..., dict[str, float | None]], repetitions: int, *, sizes: tuple[tuple[int, int], ...]) -> None:
    """The share of p-values below 5 %, in percent, by metric, for each cell."""
    for target, of_sizes in itertools.product(TARGETS, sizes):
        found = [tried(target, of_sizes, repetition) for repetition in range(repetitions)]
        shares = []
        for name in found[0]:
            known = [p[name] for p in found if p[name] is not None]
            if known:
                shares.append(
                    f"{name} {100 * np.mean(np.asarray(known) < 0.05):.1f}" + (f" (of {len(known)})" if len(known) < len(found) else "")
                )
        print(f"{target:<10}{of_sizes[0]:>6} rows, new {of_sizes[1]:>5}   {'  '.join(shares)}", flush=True)


COLUMNS: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "normal": lambda n, rng: rng.normal(size=n),
    "t, 2 degrees": lambda n, rng: rng.standard_t(2, n),
    "counts": lambda n, rng: rng.poisson(2.0, n),
    "mostly zero": lambda n, rng: np.where(rng.random(n) < 0.9, 0.0, rng.exponential(size=n)),
    "gaps": lambda n, rng: np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
    "5 levels": lambda n, rng: rng.choice([*"abcde"], n, p=[0.5, 0.3, 0.1, 0.08, 0.02]),
    "40 levels": lambda n, rng: np.char.add("l", rng.zipf(1.5, n).clip(max=40).astype(str)),
}


def drift_p_value(kind: str, sizes: tuple[int, int], repetition: int, shift: float = 0.0) -> float | None:
    """The p-value of a column that did not drift, or, of numbers, was moved."""
    rng = np.random.default_rng([repetition, *sizes, [*COLUMNS].index(kind)])
    before, now = (pa.table({"c": pa.array(COLUMNS[kind](n, rng), from_pandas=True)}) for n in sizes)
    encoding = fit_encoding(before, {"c": "category" if "levels" in kind else "numeric"})
    if shift:
        now = pa.table({"c": pa.array(now["c"].to_numpy() + shift)})
    distribution = summarise(encoding, before)[0]
    cells = part_of_rows(distribution, encoding.columns[0], now["c"])
    return compare_column(distribution, encoding.columns[0], cells).p_value


def print_drift(repetitions: int) -> None:
    """The share of p-values below 5 %, in percent."""
    sizes = ((200, 50), (200, 2_000), (1_000, 200), (1_000, 1_000))
    print(f"{'':<14}" + "".join(f"{f'{n:,} -> {m:,}':>18}" for n, m in sizes))
    for kind in COLUMNS:
        shares = []
        for of_sizes in sizes:
            known = [p for r in range(repetitions) if (p := drift_p_value(kind, of_sizes, r)) is not None]
            shares.append(100 * np.mean(np.asarray(known) < 0.05))
        print(f"{kind:<14}" + "".join(f"{share:>18.1f}" for share in shares), flush=True)


def print_shares(repetitions: int) -> None:
    """The share of intervals that hold the truth, in percent."""
    for n, wrong in itertools.product((20, 60, 300, 2_000), ("0.1", "0.02", "one row")):
        rate, rng, held = 1 - (1 / n if wrong == "one row" else float(wrong)), np.random.default_rng(n), []
        y, ones = np.arange(n) % 2, np.ones(n)
        for _ in range(repetitions):
            right = rng.random(n) < rate
            share, balanced = mean_share(right, 0 * y, ones), mean_share(right, y, ones)
            half = 1.96 * np.sqrt(share.value * (1 - share.value) / n)
            held.append([share.low <= rate <= share.high, balanced.low <= rate <= balanced.high, abs(share.value - rate) <= half])
        accuracy, balanced, usual = 100 * np.mean(held, 0)
        print(f"{n:>6} rows, wrong {wrong:<8} accuracy {accuracy:5.1f}  balanced accuracy {balanced:5.1f}  usual {usual:5.1f}", flush=True)


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("differences", "networks", "levels", "drift", "shares"))
    parser.add_argument("--repetitions", type=int)
    asked = parser.parse_args()
    n = asked.repetitions
    if asked.what in ("differences", "networks"):
        settings, usual, sizes = (LINEAR, 200, SIZES) if asked.what == "differences" else (NETWORK, 100, ((300, 300), (1_000, 1_000)))
        print_sizes(lambda *cell: tried_fit(settings, *cell), n or usual, sizes=sizes)
    elif asked.what == "levels":
        print_sizes(tried_levels, n or 1_000, sizes=((50, 50), (30, 300), (1_000, 20)))
    elif asked.what == "drift":
        print_drift(n or 2_000)
    else:
        print_shares(n or 20_000)


if __name__ == "__main__":
    main()
