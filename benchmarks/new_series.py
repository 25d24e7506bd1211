"""Whether bounds hold for series that a run never saw, and how the number of their rows matters.

    python benchmarks/new_series.py ../shared/data

Simulated: 20 series of a weekly rhythm and autoregressive noise of 0.3 to 1.5 times its innovations, 200 steps, 8 ahead; 400 new ones of a
length, whose noise is drawn alike, or three times as large. And m4_hourly: every other series is learned from, and the last values of the
rest, as many as said, go before its official test. Share of values within bounds of 80 and 95 %.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

import weights as wt
from series import read

LEVELS = (0.8, 0.95)
HORIZON, N_NEW = 8, 400
_BURNED = 50


def draw_series(random: np.random.Generator, n: int, noise: float) -> np.ndarray:
    """A weekly rhythm about a level of its own, and autoregressive noise, shape (n,)."""
    rest = np.zeros(n + _BURNED)
    for t, innovation in enumerate(random.normal(size=n + _BURNED)):
        rest[t] = 0.7 * rest[t - 1] + innovation
    rhythm = 3 * np.sin(2 * np.pi * np.arange(n) / 7 + random.uniform(0, 6))
    return rhythm + noise * rest[_BURNED:] + 10 * random.normal()


def lay_below(series: dict[str, np.ndarray]) -> pd.DataFrame:
    """A long table of series by name."""
    frames = [pd.DataFrame({"name": name, "step": np.arange(len(values)), "value": values}) for name, values in series.items()]
    return pd.concat(frames, ignore_index=True)


def cover(model: wt.ForecastModel, before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> dict[str, float]:
    """The shares of what came after new series that lay within bounds, and the first steps of it."""
    table = pd.DataFrame(model.forecast(after=lay_below(before), level=LEVELS)).query("series in @after.keys()")
    came = np.asarray([after[name][step - 1] for name, step in zip(table["series"], table["step"], strict=True)])
    shares = {}
    for level in LEVELS:
        held = (table[f"low {level:.0%}"] <= came) & (came <= table[f"high {level:.0%}"])
        shares |= {f"{level:.0%}": held.mean(), f"{level:.0%} first": held[table["step"] == 1].mean()}
    return {name: 100 * float(share) for name, share in shares.items()}


def simulate(random: np.random.Generator) -> pd.DataFrame:
    """Coverage of simulated new series."""
    known = {f"known {i}": draw_series(random, 200, random.uniform(0.3, 1.5)) for i in range(20)}
    model = wt.fit(lay_below(known), "value", task="forecast", time="step", series="name", horizon=HORIZON, inspect=False)
    rows = []
    for times in (1, 3):
        for n in (5, 10, 20, 40, 100, 300):
            new = {f"new {i}": draw_series(random, n + HORIZON, times * random.uniform(0.3, 1.5)) for i in range(N_NEW)}
            shares = cover(model, {k: v[:n] for k, v in new.items()}, {k: v[n:] for k, v in new.items()})
            rows.append({"noise": f"times {times}", "rows": n} | shares)
    return pd.DataFrame(rows)


def ask_m4(frame: pd.DataFrame) -> pd.DataFrame:
    """Coverage of the official test of every other series of m4_hourly, from their last rows before it."""
    parts = {split: {name: own["value"].to_numpy(float) for name, own in part.groupby("series")} for split, part in frame.groupby("split")}
    names = [*parts["train"]]
    model = wt.fit(
        lay_below({name: parts["train"][name] for name in names[::2]}),
        "value", task="forecast", time="step", series="name", horizon=48, inspect=False,
    )  # fmt: skip
    rows = []
    for n in (12, 48, 200, 600):
        before = {name: parts["train"][name][-n:] for name in names[1::2]}
        rows.append({"rows": n} | cover(model, before, {name: parts["test"][name] for name in before}))
    return pd.DataFrame(rows)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of datasets")
    given = parser.parse_args()
    print(simulate(np.random.default_rng(0)).round(1).to_string(index=False))
    print(ask_m4(read(given.data, "m4_hourly")).round(1).to_string(index=False))


if __name__ == "__main__":
    main()
