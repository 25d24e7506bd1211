"""Peers that forecast series, and the two kinds of job that they are given; `benchmarks/series.py` runs them.

A `Walk` is one table and many origins: at each everything up to it is known, and the next `horizon` values are forecast. A `Holdout` is
many series with one origin each. Peers of statsforecast are fitted at the first origin after each refit and in between carried forward by
their own `forward`, which keeps parameters and reads the values that came since.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

TREE_ROWS = 200_000
"""Rows of windows and steps that trees are fitted to at most, drawn at random."""
LONGEST_SEASON = 24
"""Seasons longer than that are taken out by LOESS before ETS and ARIMA, whose own states would be too many."""


class Walk(NamedTuple):
    """One table, forecast at many origins.

    Attributes:
        frame: rows in the order of time. time: their column. targets: what is forecast.
        known: columns that are known in the future. past: columns that are known up to the origin.
        origins: rows, the last that is known of each window, ascending. refit: rows after which all are fitted anew; none: once.
        season: steps. lags: of trees.
    """

    frame: pd.DataFrame
    time: str
    targets: Sequence[str]
    origins: np.ndarray
    horizon: int
    season: int
    refit: int | None = None
    lags: int = 28
    known: Sequence[str] = ()
    past: Sequence[str] = ()

    @property
    def fits(self) -> np.ndarray:
        """The origins at which models are fitted."""
        return self.origins[:1] if self.refit is None else np.arange(self.origins[0], self.origins[-1] + 1, self.refit)

    def steps(self) -> np.ndarray:
        """What came, shape (targets, n, H); NaN beyond the last row."""
        values = np.concatenate([self.frame[[*self.targets]].to_numpy(float), np.full((self.horizon, len(self.targets)), np.nan)])
        return np.moveaxis(values[self.origins[:, None] + np.arange(1, self.horizon + 1)], 2, 0)


class Holdout(NamedTuple):
    """Series of which the last `horizon` values are forecast, from one origin each.

    Attributes:
        name: of the job. frame: long, with the columns series, time, value and split (train or test), in the order of time.
        time: the column of moments.
    """

    name: str
    frame: pd.DataFrame
    time: str
    horizon: int
    season: int

    def parts(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The values to learn from and those to forecast, of each series in the order of the table."""
        of_series = [group for _, group in self.frame.groupby("series", sort=False)]
        values = [group["value"].to_numpy(float) for group in of_series]
        n_known = [int((group["split"] == "train").sum()) for group in of_series]
        return [v[:n] for v, n in zip(values, n_known, strict=True)], [v[n:] for v, n in zip(values, n_known, strict=True)]


Make = Callable[[int], Any]
"""A season in steps -> a model with `fit`, `predict` and `forward`."""


def make_ets(season: int) -> Any:
    """Exponential smoothing, its parts chosen by AICc."""
    from statsforecast.models import AutoETS

    return AutoETS(season_length=season) if season <= LONGEST_SEASON else make_mstl(season)


def make_theta(season: int) -> Any:
    """The best of four Theta models."""
    from statsforecast.models import AutoTheta

    return AutoTheta(season_length=season)


def make_arima(season: int) -> Any:
    """ARIMA, its orders found stepwise."""
    from statsforecast.models import MSTL, AutoARIMA

    return AutoARIMA(season_length=season) if season <= LONGEST_SEASON else MSTL(season, trend_forecaster=AutoARIMA())


def make_mstl(season: int) -> Any:
    """Seasons by LOESS, a day and a week of hours or a week and a year of days, the rest by AutoETS."""
    from statsforecast.models import MSTL

    return MSTL(season_length={24: [24, 168], 7: [7, 365]}.get(season, season))


def walk_model(make: Make, history: int, walk: Walk) -> np.ndarray:
    """Forecasts of a model that reads the last `history` values, each target by itself, shape (targets, n, H)."""
    answers = np.empty((len(walk.targets), len(walk.origins), walk.horizon))
    for c, target in enumerate(walk.targets):
        values, model, fitted = walk.frame[target].to_numpy(float), None, -1
        for i, origin in enumerate(walk.origins):
            known = np.ascontiguousarray(values[max(origin + 1 - history, 0) : origin + 1])
            due = int(np.searchsorted(walk.fits, origin, side="right"))
            if due != fitted:
                model, fitted = make(walk.season).fit(known), due
                answers[c, i] = model.predict(walk.horizon)["mean"]
            else:
                answers[c, i] = model.forward(known, h=walk.horizon)["mean"]
    return answers


def hold_model(make: Make, history: int, holdout: Holdout) -> list[np.ndarray]:
    """Forecasts of each series by a model of its own; gaps are filled by straight lines."""
    known, _ = holdout.parts()
    return [make(holdout.season).fit(fill(v)[-history:].copy()).predict(holdout.horizon)["mean"] for v in known]


def walk_naive(walk: Walk) -> np.ndarray:
    """The value a season before."""
    back = walk.season - 1 - np.arange(walk.horizon) % walk.season
    values = walk.frame[[*walk.targets]].to_numpy(float)
    return np.moveaxis(values[walk.origins[:, None] - back], 2, 0)


def hold_naive(holdout: Holdout) -> list[np.ndarray]:
    """The value a season before; of gaps that of the straight line over them."""
    season = np.arange(holdout.horizon) % holdout.season
    return [fill(v)[len(v) - holdout.season + season] for v in holdout.parts()[0]]


def walk_trees(walk: Walk) -> np.ndarray:
    """Gradient boosting on lags, known and past columns and the calendar, one model a target, with the step as a feature.

    What is learned is the distance from the mean of the last season; losses are absolute errors.
    """
    answers = np.empty((len(walk.targets), len(walk.origins), walk.horizon))
    columns = tree_columns(walk)
    for c, target in enumerate(walk.targets):
        values = walk.frame[target].to_numpy(float)
        for origin in walk.fits:
            learned = np.arange(walk.lags - 1, origin + 1 - walk.horizon)
            model = fit_trees([(values, learned, columns)], walk)
            upto = origin + walk.refit if walk.refit else walk.origins[-1] + 1
            asked = (walk.origins >= origin) & (walk.origins < upto)
            answers[c, asked] = ask_trees(model, values, walk.origins[asked], columns, walk)
    return answers


def hold_trees(holdout: Holdout) -> list[np.ndarray]:
    """The same, one model for all series, whose windows are seen in units of their own deviation."""
    known = [fill(values) for values in holdout.parts()[0]]
    scales = [max(float(np.std(values)), 1e-9) for values in known]
    longest = min(len(values) for values in known) - holdout.horizon
    lags = max(min(7 * holdout.season, longest // 2), 1)
    shape = Walk(pd.DataFrame(), "", (), np.array([]), holdout.horizon, holdout.season, lags=lags)
    none = np.zeros((0, 0))
    learned = [(v / s, np.arange(lags - 1, len(v) - holdout.horizon), none) for v, s in zip(known, scales, strict=True)]
    model = fit_trees(learned, shape)
    return [ask_trees(model, v / s, np.array([len(v) - 1]), none, shape)[0] * s for v, s in zip(known, scales, strict=True)]


def tree_columns(walk: Walk) -> np.ndarray:
    """What trees are told of the target's moment, beside lags: known columns, and of dates the calendar, shape (t, k)."""
    known = walk.frame[[*walk.known]].to_numpy(float)
    if not pd.api.types.is_datetime64_any_dtype(walk.frame[walk.time]):
        return known
    at = walk.frame[walk.time].dt
    return np.column_stack([known, at.hour, at.dayofweek, at.dayofyear, at.year])


def fit_trees(learned: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], walk: Walk) -> Any:
    """Boosted trees of windows: values, origins and columns of each series."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    random = np.random.default_rng(0)
    n_windows = sum(len(origins) for _, origins, _ in learned)
    share = min(1.0, TREE_ROWS / (n_windows * walk.horizon))
    rows, targets = [], []
    for values, origins, columns in learned:
        pairs = np.flatnonzero(random.random(len(origins) * walk.horizon) < share)
        own, steps = origins[pairs // walk.horizon], pairs % walk.horizon + 1
        features, center = tree_features(values, own, steps, columns, walk)
        rows.append(features)
        targets.append(values[own + steps] - center)
    model = HistGradientBoostingRegressor(loss="absolute_error", max_iter=400, learning_rate=0.06, max_leaf_nodes=31, early_stopping=False)
    return model.fit(np.concatenate(rows), np.concatenate(targets))


def ask_trees(model: Any, values: np.ndarray, origins: np.ndarray, columns: np.ndarray, walk: Walk) -> np.ndarray:
    """Forecasts of trees, shape (n, H)."""
    own, steps = np.repeat(origins, walk.horizon), np.tile(np.arange(1, walk.horizon + 1), len(origins))
    within = len(columns) == 0 or own.max(initial=0) + walk.horizon < len(columns)
    if not within:  # beyond the table nothing is scored; the last row stands for its columns
        columns = np.concatenate([columns, np.repeat(columns[-1:], walk.horizon, axis=0)])
    features, center = tree_features(values, own, steps, columns, walk)
    return (center + model.predict(features)).reshape(len(origins), walk.horizon)


def tree_features(
    values: np.ndarray, origins: np.ndarray, steps: np.ndarray, columns: np.ndarray, walk: Walk
) -> tuple[np.ndarray, np.ndarray]:
    """Features of pairs of origin and step, and the mean of the last season, which lags are counted from.

    The lags, the value a season before the target, the step, columns of the target's moment, past columns of the origin.
    """
    lags = values[origins[:, None] - np.arange(walk.lags)]
    center = lags[:, : walk.season].mean(axis=1)
    before = values[origins - (walk.season - 1 - (steps - 1) % walk.season)]
    parts = [lags - center[:, None], (before - center)[:, None], steps[:, None]]
    if len(columns):
        parts.append(columns[origins + steps])
    if walk.past:
        parts.append(walk.frame[[*walk.past]].to_numpy(float)[origins])
    return np.concatenate(parts, axis=1), center


def fill(values: np.ndarray) -> np.ndarray:
    """Values with straight lines over gaps."""
    there = np.flatnonzero(~np.isnan(values))
    return np.interp(np.arange(len(values)), there, values[there])
