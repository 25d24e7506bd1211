"""Whether bounds of forecasts hold at each step ahead, and how wide they are, on real series and on simulated ones.

    python benchmarks/bands.py ../shared/data                          the tables of docs/benchmarks.md
    python benchmarks/bands.py ../shared/data --series etth1_720       one of etth1_96, etth1_720, chicago, m4_hourly
    python benchmarks/bands.py simulated                               autoregressions of known noise, short and long

etth1: seven columns, standardised by the first 8,640 rows; a ridge regression on 504 lags, pooled over the columns and fitted to these
rows, its reference and strength chosen on the next 2,880; bounds from the errors on these; walk-forward over every origin of the last 2,880
rows that has all its steps, updated with every hour.
chicago: `ridership`, 14 days ahead; mixtures of ridge regressions (`mix_regressions`) fitted at the start of each of the last five years to
all days before; bounds from the errors of the first three of these; walk-forward over every day of the last two, updated with every day.
m4_hourly: 414 series, official test; a mixture fitted to each whole training part, and for errors four to all but its last 192, 144, 96 and
48 values; one origin. Widths and scores are in units of the mean seasonal difference (MASE).

Coverage is of all values, and of the worst step and the best (in brackets, of the worst and the best series). The interval score (Winkler
1972; Gneiting and Raftery 2007, equation 43) is the width plus 2 / (1 - level) times what a value lies beyond, the smaller the better.
Bold: farther from the level than the targets, 3 points overall and 6 at each step. "sums" is the coverage of the sum over all steps by the
quantiles of 1,000 sample paths, of every 24th origin (of m4_hourly of the one).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import scipy.stats
from numpy.lib.stride_tricks import sliding_window_view

from weights.adaptive import AdaptiveBounds, fit_bounds
from weights.errorsizes import known_at
from weights.training.lagged import Regressions, mix_regressions
from weights.training.rolling import STRENGTHS
from weights.training.windows import RidgePath, refer_to_last, refer_to_mean, sum_windows
from weights.types import FloatArray, IntArray

LEVELS = (0.8, 0.95)
N_PATHS, EVERY = 1_000, 24
WINDOW_VALUES_AT_ONCE = 2**21


class Case(NamedTuple):
    """Errors (S, O, H) of forecasts from origins (O,); those from `moment` on, the last one known at first, are for the test.

    window: of moments, of whose errors the quantiles of an alternative are.
    """

    errors: FloatArray
    origins: IntArray
    moment: int
    seasons: tuple[int, ...]
    window: int
    units: FloatArray | None = None

    def tested(self) -> IntArray:
        """The rows of origins from which all steps came."""
        return np.flatnonzero((self.origins >= self.moment) & np.isfinite(self.errors).all(axis=(0, 2)))

    def seen(self) -> FloatArray:
        """Errors that were known at the moment, the others NaN, shape (S, o, H)."""
        known = self.origins[:, None] + np.arange(1, self.errors.shape[2] + 1) <= self.moment
        return np.where(known, self.errors, np.nan)[:, self.origins < self.moment]


Bounds = dict[float, tuple[FloatArray, FloatArray]]


def etth1(folder: Path, horizon: int, n_lags: int = 504) -> Case:
    """The seven columns of ETTh1."""
    learned, validated, end = 8_640, 11_520, 14_400
    table = pq.read_table(folder / "series/etth1/data.parquet").drop_columns(["date"])
    values = np.stack([column.to_numpy().astype(float) for column in table.columns])[:, :end]
    values = (values - values[:, :learned].mean(1, keepdims=True)) / values[:, :learned].std(1, keepdims=True)
    edges = np.array([n_lags - 1, learned - horizon])
    sums = sum_windows(values[0, :learned], n_lags, horizon, edges)
    for column in values[1:]:
        sums = sums.plus(sum_windows(column[:learned], n_lags, horizon, edges))
    best, chosen = np.inf, np.zeros((n_lags, horizon))
    for refer in (refer_to_last, refer_to_mean):
        path = RidgePath(sums.at(0), refer(n_lags, horizon))
        for strength in STRENGTHS:
            weights = path.weights(strength)
            errors = [roll_errors(column[:validated], [weights], np.array([learned - 1])) for column in values]
            if (loss := float(np.nanmean(np.square(errors)))) < best:
                best, chosen = loss, weights
    errors = np.stack([roll_errors(column, [chosen], np.array([learned - 1])) for column in values])
    return Case(errors, np.arange(learned - 1, end - 1), validated - 1, (24, 168), 720)


def chicago(folder: Path, horizon: int = 14) -> Case:
    """Entries at a station of Chicago, daily."""
    values = pq.read_table(folder / "series/chicago_train_ridership/data.parquet")["ridership"].to_numpy().astype(float)
    begin = len(values) - 730 - 1
    cuts = np.array([begin + 365 * year for year in range(-3, 2)])
    errors = mixed_errors(values, horizon, cuts, [14, 28, 56, 112, 371], [7, 364])
    return Case(errors[None], np.arange(cuts[0], len(values) - 1), begin, (7, 364), 365)


def m4_hourly(folder: Path, horizon: int = 48) -> Case:
    """The 414 hourly series of M4, counted from the end of their training parts."""
    table = pq.read_table(folder / "series/m4_hourly/data.parquet").to_pandas().sort_values(["series", "step"])
    rows, units = [], []
    for _, own in table.groupby("series", sort=False):
        values = own["value"].to_numpy(float)
        last = len(values) - horizon - 1
        cuts = last - horizon * np.arange(4, -1, -1)
        units.append(np.abs(values[24 : last + 1] - values[: last - 23]).mean())
        rows.append(mixed_errors(values, horizon, cuts, [24, 48, 168], [24, 168])[: 4 * horizon + 1])
    return Case(np.stack(rows), np.arange(-4 * horizon, 1), 0, (24, 168), 192, np.asarray(units))


def roll_errors(values: FloatArray, weights: list[FloatArray], cuts: IntArray) -> FloatArray:
    """The errors of forecasts from every origin from the first cut on, values less forecasts, shape (origins, H).

    Forecasts are made with the weights of the last cut at or before their origin. Errors are NaN where the value, or a lag of any weight,
    did not come, as after the last value: origins end before it.

    Args:
        values: of a series, NaN where missing, shape (t,).
        weights: of lags in the forecast of each step, fitted to nothing that came after the cut, for each cut, shape (L, H).
        cuts: the first origin that each is used at, ascending, with the values for the lags before it.

    Example:
        >>> roll_errors(np.array([1.0, 2.0, 4.0, 8.0]), [np.array([[1.0, 1.0]])], np.array([1]))  # the last value stays
        array([[ 2.,  6.],
               [ 4., nan]])
    """
    horizon = weights[0].shape[1]
    futures = sliding_window_view(np.append(values, np.full(horizon, np.nan)), horizon)[1:]
    rows = []
    for of_lags, begin, end in zip(weights, cuts, [*cuts[1:], len(values) - 1], strict=True):
        n_lags = len(of_lags)
        pasts = sliding_window_view(values, n_lags)[:, ::-1]
        for first in range(begin, end, step := max(WINDOW_VALUES_AT_ONCE // n_lags, 1)):
            last = min(first + step, end)
            rows.append(futures[first:last] - pasts[first - n_lags + 1 : last - n_lags + 1] @ of_lags)
    return np.concatenate(rows) if rows else np.empty((0, horizon))


def mixed_errors(values: FloatArray, horizon: int, cuts: IntArray, lags: list[int], seasons: list[int]) -> FloatArray:
    """Errors (origins, H) of the mixtures that are fitted to the values up to each cut."""
    middle, spread = values[: cuts[0]].mean(), values[: cuts[0]].std() or 1.0
    standard, weights = (values - middle) / spread, []
    for cut in cuts:
        mixture = mix_regressions(standard[: cut + 1], Regressions(horizon, tuple(lags), tuple(seasons)))
        assert mixture is not None
        weights.append(mixture.weights)
    return roll_errors(standard, weights, cuts) * spread


CASES: dict[str, Callable[[Path], Case]] = {
    "etth1_96": lambda folder: etth1(folder, 96),
    "etth1_720": lambda folder: etth1(folder, 720),
    "chicago": chicago,
    "m4_hourly": m4_hourly,
}


def walk_adaptive(case: Case) -> tuple[Bounds, float]:
    """Bounds at each tested origin, each with what was known there, and the coverage of sums over all steps."""
    began = time.perf_counter()
    bounds = fit_bounds(case.errors, case.origins, moment=case.moment, units=case.units, seasons=case.seasons)
    fitted = time.perf_counter() - began
    tested = case.tested()
    zero, issued, sums = np.zeros(case.errors[:, 0].shape), {level: [] for level in LEVELS}, []
    began = time.perf_counter()
    for i, row in enumerate(tested):
        while bounds.moment < case.origins[row]:
            bounds = bounds.update(known_at(case.errors, case.origins, bounds.moment + 1))
        for level in LEVELS:
            issued[level].append(bounds.bounds(zero, level))
        if i % EVERY == 0:
            sums.append(cover_sums(bounds, case.errors[:, row]))
    seconds = time.perf_counter() - began
    print(f"season of {bounds.season}, fitted in {fitted:.1f} s, walked over {len(tested):,} origins in {seconds:.1f} s", flush=True)
    shown = {level: (np.stack([b.low for b in of], 1), np.stack([b.high for b in of], 1)) for level, of in issued.items()}
    return shown, np.mean(sums, axis=(0, 1))


def cover_sums(bounds: AdaptiveBounds, errors: FloatArray) -> FloatArray:
    """Whether sums of errors (S, H) lie within quantiles of those of sample paths, shape (S, levels)."""
    sums = bounds.sample_paths(np.zeros(errors.shape), N_PATHS, seed=0).sum(axis=2)
    within = []
    for level in LEVELS:
        low, high = np.quantile(sums, [(1 - level) / 2, (1 + level) / 2], axis=1)
        within.append((low <= errors.sum(axis=1)) & (errors.sum(axis=1) <= high))
    return np.stack(within, axis=1)


def alternatives(case: Case) -> Iterator[tuple[str, Bounds]]:
    """Bounds of simpler kinds, by name: two that stay as they are, and quantiles of the last moments."""
    seen, tested = case.seen(), case.tested()
    shape = (len(seen), len(tested), seen.shape[2])

    def fixed(half: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.broadcast_to(-half[:, None], shape), np.broadcast_to(half[:, None], shape)

    deviation = np.sqrt(np.nanmean(seen**2, axis=1))
    yield "normal, deviation of the errors", {level: fixed(scipy.stats.norm.ppf((1 + level) / 2) * deviation) for level in LEVELS}
    yield "plain conformal", {level: fixed(np.nanquantile(np.abs(seen), level, axis=1)) for level in LEVELS}
    moving: Bounds = {level: (np.empty(shape), np.empty(shape)) for level in LEVELS}
    for first in range(0, len(tested), EVERY):
        moment = int(case.origins[tested[first]])
        known = np.stack([known_at(case.errors, case.origins, moment - ago) for ago in range(case.window)], axis=1)
        for level in LEVELS:
            quantiles = np.nanquantile(known, [(1 - level) / 2, (1 + level) / 2], axis=1)
            for bound, quantile in zip(moving[level], quantiles, strict=True):
                bound[:, first : first + EVERY] = quantile[:, None]
    yield f"quantiles of the last {case.window} moments", moving


def lines(name: str, case: Case) -> list[str]:
    """The table of a case."""
    adaptive, sums = walk_adaptive(case)
    units = np.ones(len(case.errors)) if case.units is None else case.units
    errors = case.errors[:, case.tested()] / units[:, None, None]
    n_series, n_origins, horizon = errors.shape
    shown = [
        f"{name}: {n_series} series, {n_origins:,} origins, {horizon} steps",
        "| bounds | level | coverage | by step | by series | sums | width | interval score |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, bounds in (("adaptive", adaptive), *alternatives(case)):
        for i, level in enumerate(LEVELS):
            low, high = (bound / units[:, None, None] for bound in bounds[level])
            within = (low <= errors) & (errors <= high)
            steps, series = within.mean(axis=(0, 1)), within.mean(axis=(1, 2))
            beyond = np.maximum(low - errors, 0) + np.maximum(errors - high, 0)
            cells = [
                kind,
                f"{level:.0%}",
                percent(within.mean(), level, 0.03),
                f"{percent(steps.min(), level, 0.06)} to {percent(steps.max(), level, 0.06)}",
                f"{100 * series.min():.1f} to {100 * series.max():.1f}",
                f"{100 * sums[i]:.1f}" if kind == "adaptive" else "",
                f"{np.mean(high - low):.3f}",
                f"{np.mean(high - low + 2 / (1 - level) * beyond):.3f}",
            ]
            shown.append(f"| {' | '.join(cells)} |")
    return shown


def percent(share: float, level: float, within: float) -> str:
    """In percent, bold where it is farther from the level than the target allows."""
    words = f"{100 * share:.1f}"
    return words if abs(share - level) <= within else f"**{words}**"


def simulate(n: int, horizon: int, n_series: int, share: float, n_repetitions: int) -> FloatArray:
    """Coverage of the steps after n values of autoregressions, whose share is estimated, shape (levels, H).

    The second half of the values is forecast, with what the values before each third of it say; so are the next ones, with all.
    """
    steps, within = np.arange(1, horizon + 1), np.zeros((len(LEVELS), horizon))
    for repetition in range(n_repetitions):
        random = np.random.default_rng(repetition)
        values = np.zeros((n_series, 200 + n + horizon))
        noise = random.normal(size=values.shape)
        for t in range(1, values.shape[1]):
            values[:, t] = share * values[:, t - 1] + noise[:, t]
        values = values[:, 200:]
        cuts = np.append(np.linspace(n // 2, n - 1, 4).astype(int)[:-1], n - 1)
        errors = []
        for series in values:
            estimates = [series[1 : cut + 1] @ series[:cut] / (series[:cut] @ series[:cut]) for cut in cuts]
            errors.append(roll_errors(series, [(estimate**steps)[None] for estimate in estimates], cuts))
        both = np.stack(errors)
        bounds = fit_bounds(both, cuts[0] + np.arange(both.shape[1]), moment=n - 1)
        for i, level in enumerate(LEVELS):
            issued, came = bounds.bounds(np.zeros((n_series, horizon)), level), both[:, n - 1 - cuts[0]]
            within[i] += ((issued.low <= came) & (came <= issued.high)).mean(axis=0) / n_repetitions
    return within


def simulated(n_repetitions: int) -> Iterator[str]:
    """The table of simulated series."""
    yield f"{n_repetitions} repetitions"
    yield "| values, steps, series | share kept | 80 %: all, first and last step | 95 %: all, first and last step |"
    yield "|---|---|---|---|"
    for n, horizon, n_series in ((60, 12, 1), (120, 12, 1), (400, 12, 1), (400, 48, 1), (120, 12, 10), (1_500, 24, 1)):
        for share in (0.5, 0.95):
            within = simulate(n, horizon, n_series, share, n_repetitions)
            cells = [
                f"{percent(of.mean(), level, 0.03)}, {percent(of[0], level, 0.06)}, {percent(of[-1], level, 0.06)}"
                for level, of in zip(LEVELS, within, strict=True)
            ]
            yield f"| {n:,}, {horizon}, {n_series} | {share} | {cells[0]} | {cells[1]} |"


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="of the collection, or simulated")
    parser.add_argument("--series", default=",".join(CASES), help="names, separated by commas; all if not given")
    parser.add_argument("--repetitions", type=int, default=400)
    asked = parser.parse_args()
    if asked.folder == "simulated":
        for line in simulated(asked.repetitions):
            print(line, flush=True)
        return
    for name in asked.series.split(","):
        print(*lines(name, CASES[name](Path(asked.folder))), sep="\n", flush=True)


if __name__ == "__main__":
    main()
