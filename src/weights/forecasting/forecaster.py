"""`Forecaster`: weights of lags for each target of each series, and what they say of the next steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np

from weights.adaptive import AdaptiveBounds
from weights.data.series.calendar import Calendar
from weights.ensemble import Report
from weights.errors import NotFoundError, printable, suggest
from weights.forecasting.cleaning import Cleaning
from weights.forecasting.columns import ChosenColumns, moments_of
from weights.forecasting.drivers import Drivers
from weights.forecasting.network import SeriesNetwork
from weights.forecasting.past import PastScale
from weights.forecasting.settings import ForecastSettings
from weights.forecasting.units import Scale, carry_forward, name_unit, place_series
from weights.tasks.forecast import Forecast
from weights.training.lagged import Regressions
from weights.types import FloatArray, IntArray


class LagModel(msgspec.Struct, frozen=True):
    """What the weights of a forecaster are of.

    Attributes:
        n_lags: L, the most that a regression or smoothing looks at.
        seasons: lengths in steps.
        shares: of each regression, and of what smooths, in the forecasts, by its name, the largest first; means over series and steps.
        beaten: whether forecasts are better than the best of the plain ones by more than their standard error; where not, that answers.
        plain: the best of the plain forecasts, such as the last value.
        settings: what was set. said_known: columns that were said to be known beforehand, whether they help or not.
    """

    n_lags: int
    seasons: tuple[int, ...]
    shares: dict[str, float]
    plain: str
    beaten: bool
    settings: ForecastSettings = ForecastSettings()
    said_known: tuple[str, ...] = ()


class SeriesArrays(NamedTuple):
    """What is known of each of U units, a target of a series each.

    Attributes:
        series, target: which, counted from 0, shape (U,).
        ends: the number of the moment of the last value, shape (U,).
        tails: the last values as they are seen, the newest last, shape (U, L).
        tail_effects: what columns did to them, and what was strange about them, which lags do not look at, shape (U, L).
        center, spread, logged, floored: how values are seen, see `Scale`, shape (U,).
        season_error: mean absolute difference of values a season apart, which errors are compared with, shape (U,).
        weights: of each lag in the forecast of each step, shape (U, L, H).
        intercept, slopes: the effects of columns, shape (U,) and (U, columns).
        filters, farthest: what cleans later values before lags are taken of them, see `Cleaning`, shape (U, p) and (U,).
        known: columns that are known beforehand, and those known up to the origin, at the last moment and after it, shape
            (U, 1 + later ones, k + m); NaN where missing.
        past: columns known up to the origin at the last moments, as they are seen, the newest last, shape (U, q, m).
        past_center, past_spread: how these are seen, shape (U, m).
    """

    series: IntArray
    target: IntArray
    ends: IntArray
    tails: FloatArray
    tail_effects: FloatArray
    center: FloatArray
    spread: FloatArray
    logged: FloatArray
    floored: FloatArray
    season_error: FloatArray
    weights: FloatArray
    intercept: FloatArray
    slopes: FloatArray
    known: FloatArray
    filters: FloatArray
    farthest: FloatArray
    past: FloatArray
    past_center: FloatArray
    past_spread: FloatArray

    def scale(self, unit: int) -> Scale:
        """How the values of a unit are seen."""
        return Scale(float(self.center[unit]), float(self.spread[unit]), bool(self.logged[unit]), bool(self.floored[unit]))

    def cleaning(self, unit: int) -> Cleaning:
        """What is done to later values of a unit before lags are taken of them."""
        return Cleaning(self.filters[unit], float(self.farthest[unit]))


@dataclass(frozen=True, eq=False)
class Forecaster:
    """Weights of lags, and what is needed to use them.

    Attributes:
        task: what is forecast. calendar: which moments there are. labels: what the series are called.
        model: what the weights are of. columns: what stands beside lags.
        units: a target of a series each.
        pooled: weights of lags that all series share, for one that comes later, shape (L, H); none where there is one series.
        bounds: how far values may lie from forecasts, in units in which they were learned; moments are counted from the ends of series,
            which are at -1.
        drivers: what drives forecasts; None where that was not asked for.
        report: how it was made and how good it is.
        past_weights: of lags of columns known up to the origin, the newest first, in the forecast of each step, shape (q, m, H); None where
            there are no such columns.
        past_shares: of the forecast without them, that are added to it, at each step, shape (H,); zeros without such columns.
        network: what adds to the forecasts of regressions; None where nothing does.
    """

    task: Forecast
    calendar: Calendar
    labels: Sequence[str]
    model: LagModel
    columns: ChosenColumns
    units: SeriesArrays
    pooled: FloatArray | None
    bounds: AdaptiveBounds
    drivers: Drivers | None
    report: Report
    past_weights: FloatArray | None = None
    past_shares: FloatArray | float = 0.0
    network: SeriesNetwork | None = None

    def correct(self, units: IntArray, rest: FloatArray, forecasts: FloatArray, added: FloatArray) -> FloatArray:
        """What the network adds to forecasts (n, H) of these units (n,), by regressions, of what columns leave, shape (n, H).

        Args:
            units: whose.
            rest: the last values of it, the newest last, shape (n, L).
            forecasts: of it.
            added: what columns add at the next steps, shape (n, H), NaN where one is missing.
        """
        if self.network is None:
            return np.zeros_like(forecasts)
        return self.network.correct(units, rest, forecasts, added if self.columns.groups else added[:, :0])

    @property
    def plain(self) -> FloatArray:
        """The weights of lags of the best of the plain forecasts, shape (L, H)."""
        n_lags, horizon = self.model.n_lags, self.task.horizon
        plain = Regressions(horizon, (), self.model.seasons).plain_forecasts(n_lags)
        return plain[self.model.plain]

    def __len__(self) -> int:
        """The number of units."""
        return len(self.units.series)

    def units_of(self, series: str | None = None, target: str | None = None) -> list[int]:
        """The units of a series, of a target, or both; all where neither is named.

        Raises:
            NotFoundError: there is no such series or target, or it had too few values to be learned.
        """
        own = np.ones(len(self), bool)
        if series is not None:
            own &= self.units.series == place_series(self.labels, self.task.series, series)
        if target is not None:
            if target not in self.task.targets:
                raise NotFoundError(f"No target is called '{printable(target)}'. {suggest(target, self.task.targets)}")
            own &= self.units.target == self.task.targets.index(target)
        if not own.any():
            named = " of ".join(f"'{printable(name)}'" for name in (target, series) if name is not None)
            raise NotFoundError(f"{named} had too few values to be learned, and is not forecast. Name another.")
        return np.flatnonzero(own).tolist()

    def name(self, unit: int) -> str:
        """What a unit is called."""
        target = self.task.targets[self.units.target[unit]]
        return name_unit(self.labels[self.units.series[unit]], target, len(self.task.targets))

    def expect_later(self, unit: int, known: FloatArray) -> FloatArray:
        """What columns add after the last moment that was learned from, shape (t,), from known ones (t, k); NaN where one is missing."""
        return self.expect_from(unit, int(self.units.ends[unit]), np.concatenate([self.units.known[unit, :1], known]))[1:]

    def expect_from(self, unit: int, begin: int, known: FloatArray) -> FloatArray:
        """What columns add from the moment of a number on, shape (t,), from known ones (t, k or more); NaN where one is missing."""
        if not self.columns.groups:
            return np.zeros(len(known))
        columns = self.columns.at(self.calendar, moments_of(self.calendar, begin, len(known)), known)
        return self.units.intercept[unit] + columns.values @ self.units.slopes[unit]

    def rest_later(self, unit: int, values: FloatArray, expected: FloatArray) -> FloatArray:
        """What lags are taken of: what columns leave of later values (t,), from what they add, (t,), shape (t,).

        Missing values are carried forward, and strange ones moved.
        """
        before = self.units.tails[unit] - self.units.tail_effects[unit]
        rest = carry_forward(self.units.scale(unit).see(values) - expected, before, self.model.seasons)
        return self.units.cleaning(unit).apply(rest, before)

    def past_later(self, unit: int, known: FloatArray) -> FloatArray:
        """Columns known up to the origin as they are seen, shape (q + t, m): the last ones, and later ones of (t, k + m)."""
        own = PastScale(self.units.past_center[unit], self.units.past_spread[unit])
        return np.concatenate([self.units.past[unit], own.see(known[:, len(self.columns.known) :])])

    @property
    def metrics(self) -> Mapping[str, float]:
        """Metrics at rolling origins by name."""
        return {name: metric.value for name, metric in self.report.metrics.items()}
