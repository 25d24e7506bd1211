"""How often intervals of metrics hold the truth where rows depend on each other: near ones in time, or those of a group.

    python benchmarks/metric_intervals.py time      2,000 tables a cell
    python benchmarks/metric_intervals.py groups    2,000 tables a cell

What a row contributes to a metric is a series of known dependence around a known mean, so that the metric is a mean error of known truth.
Beside each interval stands the one that was given before: of independent rows under `--time`; under `--group` of the sum over groups of
their squared contributions, with a degree of freedom less than there are groups.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable

import numpy as np
import scipy.signal
import scipy.special

from weights.tasks.metrics import REGRESSION_METRICS, Metric, score

TRUTH = 10.0
"""The mean error, so far from zero that no error is below it."""
SERIES = ("first-order", "squares", "noisy")
CORRELATIONS, LENGTHS = (0.0, 0.3, 0.6, 0.9), (50, 200, 1_000, 5_000)
GROUPS, SHARED = (5, 10, 20, 50), (0.0, 0.2, 0.5)
ROWS_EACH = 40
NOISE = 0.7


def draw_series(name: str, n: int, correlation: float, random: np.random.Generator) -> np.ndarray:
    """Contributions (n,) of mean zero: an autoregression of first order; its squares; or with as much as 70 % white noise."""
    steps = random.normal(size=n + 500)
    series = scipy.signal.lfilter([np.sqrt(1 - correlation**2)], [1, -correlation], steps)[500:]
    if name == "squares":
        return (series**2 - 1) / np.sqrt(2)
    return series if name == "first-order" else np.sqrt(1 - NOISE) * series + np.sqrt(NOISE) * random.normal(size=n)


def draw_groups(n_groups: int, even: bool, shared: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Codes of groups (n,) and contributions of which groups share a part; uneven: the largest has 22 to 36 % of the rows."""
    places = np.arange(n_groups)
    sizes = np.ones(n_groups) if even else 0.7**places if n_groups <= 20 else 1 / (1 + places)
    group = np.repeat(places, np.maximum(np.round(sizes / sizes.sum() * ROWS_EACH * n_groups).astype(int), 2))
    return group, np.sqrt(shared) * random.normal(size=n_groups)[group] + np.sqrt(1 - shared) * random.normal(size=len(group))


def mean_error(contributions: np.ndarray, **dependence: np.ndarray) -> Metric:
    """The mean error of predictions of zero for values of this distance from it."""
    return score(REGRESSION_METRICS, TRUTH + contributions, np.zeros(len(contributions)), **dependence)["mae"]


def before(contributions: np.ndarray, group: np.ndarray) -> Metric:
    """The interval that was given before where rows come in groups."""
    center = contributions.mean()
    sums = np.bincount(group, contributions - center) / len(group)
    half = scipy.special.stdtrit(len(sums) - 1, 0.975) * np.sqrt(sums @ sums)
    return Metric(TRUTH + center, TRUTH + center - half, TRUTH + center + half)


def coverage(draw: Callable[[np.random.Generator], list[Metric]], n_tables: int, seed: list[int]) -> np.ndarray:
    """How often each interval holds the truth, how often it is there, and its mean length beside that of the first, shape (i, 3)."""
    random = np.random.default_rng(seed)
    tables = [draw(random) for _ in range(n_tables)]
    lows, highs = (
        np.array([[np.nan if m.low is None else getattr(m, end) for m in metrics] for metrics in tables]) for end in ("low", "high")
    )
    there = np.isfinite(lows)
    held = (lows <= TRUTH) & (highs >= TRUTH)
    length = np.nanmean(highs - lows, axis=0)
    return np.stack([held.sum(0) / np.maximum(there.sum(0), 1), there.mean(0), length / length[0]], axis=1)


def of_time(n_tables: int) -> None:
    """Coverage where near rows depend on each other."""
    print("series        rows   rho   before   now   given   length beside before")
    for (i, name), n, correlation in itertools.product(enumerate(SERIES), LENGTHS, CORRELATIONS):

        def draw(random: np.random.Generator, name: str = name, n: int = n, correlation: float = correlation) -> list[Metric]:
            contributions = draw_series(name, n, correlation, random)
            return [mean_error(contributions), mean_error(contributions, time=np.arange(n))]

        (old, _, _), (now, given, length) = coverage(draw, n_tables, [1, i, n, int(10 * correlation)])
        print(f"{name:<12}{n:>6}{correlation:>6}{old:>8.1%}{now:>8.1%}{given:>8.1%}{length:>8.2f}", flush=True)


def of_groups(n_tables: int) -> None:
    """Coverage where rows of a group depend on each other."""
    print("groups  sizes   shared  before   now   length beside before")
    for n_groups, even, shared in itertools.product(GROUPS, (True, False), SHARED):

        def draw(random: np.random.Generator, n_groups: int = n_groups, even: bool = even, shared: float = shared) -> list[Metric]:
            group, contributions = draw_groups(n_groups, even, shared, random)
            return [before(contributions, group), mean_error(contributions, group=group)]

        (old, _, _), (now, _, length) = coverage(draw, n_tables, [2, n_groups, even, int(10 * shared)])
        print(f"{n_groups:>6}  {'even' if even else 'uneven':<8}{shared:>6}{old:>8.1%}{now:>8.1%}{length:>8.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("time", "groups"))
    parser.add_argument("--tables", type=int, default=2_000)
    given = parser.parse_args()
    {"time": of_time, "groups": of_groups}[given.what](given.tables)
