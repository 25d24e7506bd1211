"""How often intervals of mean effects over series hold the truth where series go along.

    python benchmarks/mean_effects.py                    3 and 20 series, 200 and 1,000 moments, 200 tables a cell

Series are a shock that all share (an autoregression of 0.6), one of their own (0.5, Student's t of 4 degrees), a holiday that all have
(3 % of moments, worth 1), heat (an autoregression of 0.8 that all have, worth 0.5 a unit) and promotions of their own (10 %, worth 2);
what they are worth differs between series by the deviation that is said. Printed: intervals that hold the mean of the true effects of
these series, in per cent, and standard errors.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from weights.data.series.cycles import Columns
from weights.training.covariates import fit_effects
from weights.training.mean_effects import OwnEffects, average_effects

NAMES = ("holiday", "heat", "promotion")
_BURNED = 50


def depend(random_values: np.ndarray, share: float) -> np.ndarray:
    """An autoregression of first order, without its beginning."""
    return lfilter([1.0], [1.0, -share], random_values)[_BURNED:]


def draw(random: np.random.Generator, n_series: int, n: int, differ: float) -> tuple[list[OwnEffects], np.ndarray]:
    """Effects on each series, and the mean of the true ones."""
    shared, heat = depend(random.normal(size=n + _BURNED), 0.6), depend(random.normal(size=n + _BURNED), 0.8)
    holiday = (random.random(n) < 0.03).astype(float)
    truth = np.array([1.0, 0.5, 2.0]) + differ * random.normal(size=(n_series, 3))
    found = []
    for own_truth in truth:
        columns = np.column_stack([holiday, heat, (random.random(n) < 0.1).astype(float)])
        values = shared + depend(random.standard_t(4, size=n + _BURNED), 0.5) + columns @ own_truth
        found.append(OwnEffects(fit_effects(values, Columns(NAMES, columns)), 0, 1.0))
    return found, truth.mean(axis=0)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=200)
    given, rows = parser.parse_args(), []
    for n_series, n, differ in ((3, 200, 0.0), (20, 200, 0.0), (20, 200, 0.5), (20, 1000, 0.0)):
        random, held, errors = np.random.default_rng(0), [], []
        for _ in range(given.repetitions):
            effects, truth = draw(random, n_series, n, differ)
            slopes, own = average_effects(effects, n)
            held.append([abs(a - b) <= (e.half_width() or np.inf) for a, b, e in zip(slopes, truth, own, strict=True)])
            errors.append([error.std_err for error in own])
        shares = {name: f"{100 * np.mean(column):.1f}" for name, column in zip(NAMES, zip(*held, strict=True), strict=True)}
        sizes = {f"error of {name}": f"{np.mean(column):.3f}" for name, column in zip(NAMES, zip(*errors, strict=True), strict=True)}
        rows.append({"series": n_series, "moments": n, "differ": differ} | shares | sizes)
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
