"""What a network on what regressions leave saves, on real series, also where `weights fit` does not try it.

    python benchmarks/lag_network.py ../shared/data --sections m4_hourly,etth1,chicago_train_ridership --seeds 2

Regressions are fitted once and not seen again; a network of each seed learns from the same windows, before the test part. "Alone" is the
loss of regressions, "gain" the share of it that the network saves, with its standard error over series (m4_hourly), or over eight parts
of the test part; "out of bag" what its members save in stretches of time that they left out, by which `fit` decides; "at once" the gain
with the whole of its outputs, not the share that these choose. Seconds are those of the processor.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pandas as pd
import scipy.stats

import series
import weights as wt
from series_peers import Holdout, Walk
from weights.forecasting import fitting, network
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.later import nothing_later, read_later
from weights.forecasting.walking import undo_all, walk
from weights.training import lag_network
from weights.training.control import Control

N_PARTS = 8
CHICAGO_WINDOWS = 182

Losses = Callable[[Forecaster], np.ndarray]
"""The loss of each series, or of each part of the test part, by a forecaster, shape (n,)."""


class Fitted(NamedTuple):
    """Regressions, what a network learns from, and how forecasts are judged."""

    forecaster: Forecaster
    plan: Any
    learned: list[network.LearnedSeries]
    losses: Losses


def fit(frame: pd.DataFrame, **options: Any) -> tuple[Forecaster, Any, list[network.LearnedSeries]]:
    """Regressions without a network, their plan, and what they learned from."""
    arrays, kept = fitting._arrays, []

    def keep(plan: Any, beside: Any, *rest: Any) -> Any:
        series_of = zip(plan.units, beside, strict=True)
        kept.append((plan, [network.LearnedSeries(unit, own.rest_final, own.final) for unit, own in series_of]))
        return arrays(plan, beside, *rest)

    with mock.patch.object(fitting, "_arrays", keep), mock.patch.object(fitting, "_train_network", return_value=None):
        model = wt.fit(frame, task="forecast", inspect=False, **options)
    return model.forecaster, *kept[0]


def of_m4_hourly(folder: Path) -> Fitted:
    """414 series, the last 48 values, MASE."""
    holdout = Holdout("m4_hourly", series.read(folder, "m4_hourly"), "step", 48, 24)
    frame = holdout.frame[holdout.frame["split"] == "train"].drop(columns="split")
    fitted = fit(frame, time="step", series="series", target="value", horizon=48)

    def losses(forecaster: Forecaster) -> np.ndarray:
        steps = pd.DataFrame(wt.ForecastModel(forecaster).forecast())
        names = holdout.frame["series"].unique()
        return series.mase(holdout, [steps["prediction"][steps["series"] == name].to_numpy() for name in names])

    return Fitted(*fitted, losses)


def of_etth1(folder: Path) -> Fitted:
    """Seven channels, 96 steps ahead from each moment of the test part, absolute errors in deviations of the training part."""
    frame = series.read(folder, "etth1")[: series.ETT_TRAIN + series.ETT_VALIDATION + series.ETT_TEST]
    targets = [*frame.columns[1:]]
    known = frame[targets][: series.ETT_TRAIN]
    frame[targets] = (frame[targets] - known.mean()) / known.std(ddof=0)
    first = series.ETT_TRAIN + series.ETT_VALIDATION - 1
    return of_walk(Walk(frame, "date", targets, np.arange(first, len(frame) - 96), 96, 24))


def of_chicago(folder: Path) -> Fitted:
    """The last 182 windows of 14 days, fitted once, absolute errors in thousands of riders."""
    whole = series.walk_chicago(folder)
    return of_walk(whole._replace(origins=whole.origins[-CHICAGO_WINDOWS:]))


def of_walk(job: Walk) -> Fitted:
    """One table, forecast from many origins, in parts of the same length; mean absolute errors of each part."""
    frame, first = job.frame[[job.time, *job.targets, *job.known]], int(job.origins[0])
    known = {"known": [*job.known]} if job.known else {}
    fitted = fit(frame[: first + 1], time=job.time, target=[*job.targets], horizon=job.horizon, **known)

    def losses(forecaster: Forecaster) -> np.ndarray:
        later = read_later(forecaster, frame[first + 1 :]) if len(frame) > first + 1 else nothing_later(forecaster)
        moments = walk(later.forecaster, later.values, later.expected, later.past, follow=False)
        forecasts = [undo_all(moment.scales, moment.forecasts) for moment, _ in zip(moments, job.origins, strict=False)]
        of_targets = np.stack(forecasts, axis=1)
        errors = np.abs(of_targets - job.steps()[later.forecaster.units.target]).mean(axis=(0, 2))
        return np.asarray([part.mean() for part in np.array_split(errors, N_PARTS)])

    return Fitted(*fitted, losses)


def try_network(fitted: Fitted, seed: int) -> dict[str, float]:
    """The figures of one seed."""
    forecaster, plan, learned, losses = fitted
    train, choose = lag_network.fit_lag_network, lag_network._choose_share
    chosen: list[tuple[float, float]] = []

    def choose_all(*given: Any) -> tuple[float, float]:
        chosen.append(choose(*given))
        return 1.0, chosen[-1][1]

    began = time.process_time()
    with (
        mock.patch.multiple(network, FEWEST_SERIES=1, _FEWEST_WINDOWS=1, fit_lag_network=lambda *given: train(*given, seed=seed)),
        mock.patch.object(lag_network, "_choose_share", choose_all),
    ):
        columns = bool(plan.columns.groups)
        seasons = plan.regressions.seasons
        whole = network.train_network(learned, forecaster.units.weights, seasons, Control(), with_columns=columns)
    seconds = time.process_time() - began
    assert whole is not None
    share, gain = chosen[0]
    settings = lag_network.NetworkSettings(whole.network.settings.spec, whole.network.settings.n_lags, share, gain)
    alone, at_once, with_share = (
        losses(replace(forecaster, network=own)) for own in (None, whole, whole._replace(network=whole.network._replace(settings=settings)))
    )
    saved, mean = alone - with_share, float(alone.mean())
    return {
        "alone": mean,
        "with": float(with_share.mean()),
        "gain": float(saved.mean()) / mean,
        "error": float(scipy.stats.sem(saved)) / mean,
        "at once": float((alone - at_once).mean()) / mean,
        "share": share,
        "out of bag": gain,
        "seconds": seconds,
    }


SECTIONS = {"m4_hourly": of_m4_hourly, "etth1": of_etth1, "chicago_train_ridership": of_chicago}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of datasets")
    parser.add_argument("--sections", default=",".join(SECTIONS))
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    for section in given.sections.split(","):
        fitted = SECTIONS[section](given.data)
        for seed in range(given.seeds):
            figures = try_network(fitted, seed)
            shown = ", ".join(f"{name} {value:.1%}" if name in _SHARES else f"{name} {value:.4g}" for name, value in figures.items())
            print(f"{section}, seed {seed}: {shown}", flush=True)


_SHARES = ("gain", "error", "at once", "out of bag")


if __name__ == "__main__":
    main()
