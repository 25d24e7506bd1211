"""How often intervals of what columns do to a series hold the truth, where what they leave depends on what came before.

    python benchmarks/effects.py --repetitions 1000

Daily series with effects of Sundays, of 4 or 12 holidays a year, of a covariate that is itself an autoregression (weather, 0.8), of a wave
a year, and of nothing; the rest is white, an autoregression of first order (0.5, 0.9), of a week (0.6 of the same day a week before, 0.3 of
the day before), the first with noise that is three times as large in winter, or with a third of the days missing. Printed: the share of
intervals of 95 % that hold the truth, by column, and their mean length beside 2 x 1.96 deviations between repetitions.
"""

from __future__ import annotations

import argparse

import numpy as np
import scipy.signal

from weights.data.series.cycles import Columns
from weights.training.covariates import fit_effects

FILTERS = {"white": [1.0], "rho 0.5": [1.0, -0.5], "rho 0.9": [1.0, -0.9], "week": [1.0, -0.3, 0, 0, 0, 0, 0, -0.6]}
KINDS = (*FILTERS, "rho 0.5, winter", "rho 0.5, gaps")
NAMES = ("Sunday", "4 holidays", "12 holidays", "weather", "wave", "nothing")
SLOPES = np.array([-3.0, -4.0, 2.0, 0.5, 1.0, 0.0])
LENGTHS = (300, 1_000, 3_000)


def draw(kind: str, n: int, random: np.random.Generator) -> tuple[np.ndarray, Columns]:
    """A series and its columns."""
    day = np.arange(n)
    rare, often = (np.isin(day % 365, random.choice(365, count, replace=False)).astype(float) for count in (4, 12))
    covariates = scipy.signal.lfilter([0.6], [1.0, -0.8], random.normal(size=(2, n + 200)))[:, 200:]
    values = np.column_stack([day % 7 == 6, rare, often, covariates[0], np.sin(2 * np.pi * day / 365), covariates[1]]).astype(float)
    noise = random.normal(size=n + 500)
    if "winter" in kind:
        noise[500:] *= 2 + np.cos(2 * np.pi * day / 365)
    rest = scipy.signal.lfilter([1.0], FILTERS[kind.split(",")[0]], noise)[500:]
    series = 10 + values @ SLOPES + rest
    if "gaps" in kind:
        series[random.random(n) < 1 / 3] = np.nan
    return series, Columns(NAMES, values)


def measure(kind: str, n: int, repetitions: int) -> tuple[np.ndarray, np.ndarray]:
    """The share of intervals that hold each slope, and their mean length beside what it should be."""
    slopes, ends = [], []
    for repetition in range(repetitions):
        series, columns = draw(kind, n, np.random.default_rng([11, KINDS.index(kind), n, repetition]))
        effects = fit_effects(series, columns)
        slopes.append(effects.slopes)
        ends.append(effects.intervals())
    low, high = np.moveaxis(np.asarray(ends), 2, 0)
    given = np.isfinite(low)
    held = ((low <= SLOPES) & (high >= SLOPES)).sum(axis=0) / given.sum(axis=0)
    return held, np.nanmean(high - low, axis=0) / (2 * 1.96 * np.std(slopes, axis=0))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1_000)
    parser.add_argument("--lengths", default=",".join(str(n) for n in LENGTHS))
    given = parser.parse_args()
    print(f"{'rest':<18}{'n':>6}{''.join(f'{name:>16}' for name in NAMES)}")
    for kind in KINDS:
        for n in (int(n) for n in given.lengths.split(",")):
            held, length = measure(kind, n, given.repetitions)
            cells = (f"{f'{100 * h:.1f} %':>9}{w:>7.2f}" for h, w in zip(held, length, strict=True))
            print(f"{kind:<18}{n:>6}{''.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
