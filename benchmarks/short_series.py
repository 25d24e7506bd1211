"""How well short series are forecast, and whether bounds hold: nine well-known ones, each fitted at eight origins in its second half.

    python benchmarks/short_series.py ../shared/data                  two seasons ahead
    python benchmarks/short_series.py ../shared/data --most 12        twelve steps at most; of series without a season half of the usual

Steps of series without a season are those of `series.py`. MASE as there; coverage is the share of values within bounds; width and interval
score (Winkler 1972) are in units of the mean absolute difference of values a season apart. Means over origins, then over series.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

import weights as wt
from series import CLASSIC_EXCEPTIONS, CLASSIC_SEASONS, read

LONG = ("min_temp_melbourne", "co2_mauna_loa", "female_births_california")
LEVELS = (0.8, 0.95)
ORIGINS = 8


def forecast_at(own: pd.DataFrame, end: int, season: int, horizon: int) -> dict[str, float]:
    """How well the values of a series (date, value) from a place on are forecast from those before it."""
    values = own["value"].to_numpy(float)
    model = wt.fit(own[["date", "value"]][:end], task="forecast", time="date", target="value", horizon=horizon, inspect=False)
    steps = {name: np.asarray(column) for name, column in model.forecast(level=LEVELS).items()}
    came, scale = values[end : end + horizon], np.nanmean(np.abs(values[season:end] - values[: end - season]))
    record = {"MASE": float(np.nanmean(np.abs(steps["prediction"].astype(float) - came)) / scale)}
    for level in LEVELS:
        low, high = (steps[f"{side} {level:.0%}"].astype(float) for side in ("low", "high"))
        beyond = np.maximum(low - came, 0) + np.maximum(came - high, 0)
        record |= {f"coverage {level:.0%}": float(np.mean((low <= came) & (came <= high)))}
        record |= {f"width {level:.0%}": float(np.mean(high - low) / scale)}
        record |= {f"score {level:.0%}": float(np.mean(high - low + 2 / (1 - level) * beyond) / scale)}
    return record


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of datasets")
    parser.add_argument("--most", type=int, help="steps ahead, at most")
    given = parser.parse_args()
    rows = []
    for name, own in read(given.data, "classic_univariate").groupby("series", sort=False):
        if name in LONG:
            continue
        season, horizon = CLASSIC_EXCEPTIONS.get(name, (CLASSIC_SEASONS[own["frequency"].iloc[0]],) * 2)
        horizon = horizon if name in CLASSIC_EXCEPTIONS else 2 * season
        if given.most is not None:
            horizon = given.most if season > 1 else horizon // 2
        first = max(len(own) // 2, len(own) - horizon - ORIGINS * horizon // 2)
        ends = np.unique(np.linspace(first, len(own) - horizon, ORIGINS).astype(int))
        rows += [{"series": name} | forecast_at(own, int(end), season, horizon) for end in ends]
    table = pd.DataFrame(rows).groupby("series", sort=False).mean()
    table.loc["mean"] = table.mean()
    print(table.round(3).to_string())


if __name__ == "__main__":
    main()
