"""A forecast that is ready to be learned: what is learned from, what is tried, and about how long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from weights.data.series.calendar import Calendar
from weights.ensemble import Origin
from weights.forecasting.columns import ChosenColumns
from weights.forecasting.network import estimate_network
from weights.forecasting.settings import ForecastSettings
from weights.forecasting.statics import Statics
from weights.forecasting.units import Unit
from weights.tasks.forecast import Forecast
from weights.training.lagged import Regressions
from weights.training.rolling import place_cuts
from weights.types import FloatArray, IntArray

POOLING, REGRESSING = "all series", "each series"
"""The stages of a fit."""
_N_CUTS = 3
SECONDS_A_SMOOTHING = 0.04
"""Of a series, about: parameters are estimated from its values before some cuts, and from all."""
_SECONDS_A_CUBE, _SECONDS_A_PRODUCT, _SECONDS_A_DISTANCE = 4.5e-10, 2e-9, 6e-5


@dataclass(frozen=True, eq=False)
class ForecastPlan:
    """A forecast that is ready to be learned.

    Attributes:
        task, calendar, labels: what is forecast.
        units: what is learned from. regressions: what is tried.
        tests: values of each unit that come after those it learns from, shape (t,) each; none where nothing is for the test.
        source: where rows came from, in a few words. origin: where they can be read again. n_samples: their number.
        remarks: notes on the data. n_threads: units in work at the same time. seconds: about how long it takes.
        columns: what stands beside lags. past: columns that are known up to the origin, which are asked whether they help.
        inspect: whether to measure what drives forecasts.
        settings: what was set of it. statics: columns that are the same at all moments of a series, which a network reads.
        said_known: columns of the table that were said to be known beforehand, whether they help or not.
    """

    task: Forecast
    calendar: Calendar
    labels: Sequence[str]
    units: Sequence[Unit]
    regressions: Regressions
    tests: Sequence[FloatArray]
    source: str
    origin: Origin
    n_samples: int
    remarks: list[str]
    n_threads: int
    seconds: float
    columns: ChosenColumns
    past: Sequence[str]
    inspect: bool
    settings: ForecastSettings
    statics: Statics
    said_known: tuple[str, ...]

    def agrees_with(self, config: Any) -> bool:
        """Whether a saved run forecasts series of the same names."""
        return [*self.labels] == getattr(config, "labels", None)

    def places_of(self, columns: ChosenColumns) -> list[int]:
        """Where chosen columns stand among those of the units."""
        names = [*self.columns.known, *self.past]
        return [names.index(name) for name in (*columns.known, *columns.past)]

    def columns_after(self, columns: ChosenColumns) -> list[FloatArray]:
        """Chosen columns of each unit after what is learned from, shape (any, k + m) each."""
        places = self.places_of(columns)
        return [unit.columns[len(unit.values) :, places] for unit in self.units]

    @property
    def with_pool(self) -> bool:
        """Whether series share regressions."""
        return self.settings.pooling and len(self.units) > 1

    @property
    def stages(self) -> dict[str, float]:
        """The names of what is done, in this order, and about how many seconds each takes."""
        alone = {REGRESSING: self.seconds}
        if not self.with_pool:
            return alone
        return {POOLING: 0.3 * self.seconds, **alone} | (estimate_network(len(self.units), self.n_threads) if self.settings.network else {})


def estimate_seconds(n_units: int, regressions: Regressions, n_threads: int) -> float:
    """About how long the regressions of so many series take."""
    each = 0.0
    for n_lags in regressions.lags:
        n_references = len(regressions.references(n_lags))
        decomposing = _SECONDS_A_CUBE * n_lags**3
        judging = _SECONDS_A_PRODUCT * n_lags**2 * regressions.horizon
        each += (_N_CUTS + 1) * n_references * (decomposing + judging)
    longest = max(regressions.lags, default=1)
    smoothing = SECONDS_A_SMOOTHING * n_units if regressions.smoothers else 0.0  # of one thread at a time
    return smoothing + n_units * (each + _SECONDS_A_DISTANCE * (longest + regressions.horizon)) / n_threads


def place_first_judged(plan: ForecastPlan) -> list[IntArray | None]:
    """The first origins that are judged of each unit: at the same moments in all, where they are long enough; None where it is not.

    Series that count steps of their own are laid beside each other by their ends.
    """
    regressions, units = plan.regressions, plan.units
    given = [unit.first_judged for unit in units]
    if regressions.lags and all(first is not None for first in given):
        n_lags, horizon = regressions.lags[-1], regressions.horizon
        return [cut_before_judged(unit, n_lags, horizon) for unit in units]
    latest = max(unit.end for unit in units)
    beside = [plan.calendar.numbered or unit.end == latest for unit in units]
    lengths = [len(unit.values) for unit, fits in zip(units, beside, strict=True) if fits] if regressions.lags else []
    enough = [n for n in lengths if n >= max(lengths) / 2 and regressions.lags[-1] in regressions.within(n).lags]
    if not enough:
        return [None] * len(units)
    shortest = min(enough)
    from_end = shortest - place_cuts(shortest, regressions.lags[-1], regressions.horizon, n_cuts=_N_CUTS)
    return [
        len(unit.values) - from_end if fits and len(unit.values) >= shortest else None for unit, fits in zip(units, beside, strict=True)
    ]


def cut_before_judged(unit: Unit, n_lags: int, horizon: int) -> IntArray | None:
    """One cut, before the values that were given to judge by; None where they leave too little."""
    assert unit.first_judged is not None
    cut = unit.first_judged - 1
    return np.asarray([cut]) if n_lags - 1 + horizon <= cut < len(unit.values) - horizon else None
