"""How often intervals of what past columns say hold the truth, and how often something is found where nothing is.

    python benchmarks/past_intervals.py                    300 and 1,000 values, 400 series a cell

A target that follows itself (0.6 of its last value) and three columns that have nothing to do with it, measured together from seven lags
at steps 1 and 5: autoregressive columns (0.9), heavy tails (Student's t of 3 degrees), rare events (3 % ones), autoregressive ones beside
a target whose shocks have a variance that follows from the last one, and random walks. Printed: series of which anything is found at an
adjusted p of 0.05 (5 % may be), intervals that hold zero (95 %), and single p-values below 0.05 (5 %).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from weights.forecasting.pastdrivers import find_past_drivers
from weights.forecasting.units import Scale, Unit

_BURNED = 200
COLUMNS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "autoregressive": lambda random, n: lfilter([1], [1, -0.9], random.normal(size=n)),
    "heavy tails": lambda random, n: random.standard_t(3, size=n),
    "rare events": lambda random, n: (random.random(n) < 0.03).astype(float),
    "shocks in storms": lambda random, n: lfilter([1], [1, -0.9], random.normal(size=n)),
    "random walks": lambda random, n: np.cumsum(random.normal(size=n)),
}


def draw(random: np.random.Generator, n: int, kind: str) -> Unit:
    """A target and three columns that do not tell of it."""
    shocks = random.normal(size=n + _BURNED)
    if kind == "shocks in storms":
        for t in range(1, len(shocks)):
            shocks[t] *= np.sqrt(0.5 + 0.5 * shocks[t - 1] ** 2)
    values = lfilter([1], [1, -0.6], shocks)[_BURNED:]
    columns = np.column_stack([COLUMNS[kind](random, n + _BURNED)[_BURNED:] for _ in range(3)])
    return Unit(0, 0, 0, values, np.ones(n, bool), Scale(0.0, 1.0), None, columns)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=400)
    given, rows = parser.parse_args(), []
    for n in (300, 1000):
        for kind in COLUMNS:
            random, effects, any_found = np.random.default_rng(1), [], 0
            for _ in range(given.repetitions):
                unit = draw(random, n, kind)
                own = find_past_drivers([unit], [unit.values], ["a", "b", "c"], 0, [1, 5], 7).effects
                any_found += any(effect.adjusted is not None and effect.adjusted < 0.05 for effect in own)
                effects += own
            known = [effect.p_value for effect in effects if effect.p_value is not None]
            held = np.mean([effect.low <= 0 <= effect.high for effect in effects])
            shares = {"any found": any_found / given.repetitions, "held": held, "p < 0.05": np.mean(np.asarray(known) < 0.05)}
            rows.append({"values": n, "columns": kind} | {name: 100 * float(share) for name, share in shares.items()})
    print(pd.DataFrame(rows).round(1).to_string(index=False))


if __name__ == "__main__":
    main()
