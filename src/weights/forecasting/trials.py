"""Forecasts with other settings, learned without the last moments and judged on these.

All are judged on the same windows, so that differences are paired, and their intervals know that windows near each other depend on each
other.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
import numpy as np

from weights.errors import DataError, UsageError
from weights.forecasting.cleaning import clean_all
from weights.forecasting.fitting import find_season_errors, fit_forecaster
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.later import lay_out_later
from weights.forecasting.plan import ForecastPlan
from weights.forecasting.planning import SeriesPlanner
from weights.forecasting.rolling import Errors, Sizes, find_errors, mean_error, measure_sizes
from weights.forecasting.scoring import answer_plainly, walk_later
from weights.forecasting.settings import ForecastSettings, change_settings
from weights.training.control import Control
from weights.training.lagged import forecast_at, steps_after
from weights.types import FloatArray

MEASURE = "scaled error (MASE)"
"""What is lost."""
_LEVEL = 0.95
_MOST_WINDOWS = 500
"""Of each series, of which it is asked how well they are fitted (our choice)."""


class ForecastTrial(msgspec.Struct, frozen=True):
    """Other settings and what they do.

    Attributes:
        name: of the change. change: in words. settings: that were changed, as they are set.
        gain: by how much the loss of later values falls. low, high: where that lies, with 95 % for all changes together; None where
            nothing can be said.
        train_gain: by how much the loss of windows that were learned from falls.
        seconds: what learning took.
        failure: why it could not be tried; empty if it could.
    """

    name: str
    change: str
    settings: dict[str, Any] = {}
    gain: float = 0.0
    low: float | None = None
    high: float | None = None
    train_gain: float = 0.0
    seconds: float = 0.0
    failure: str = ""

    @property
    def helps(self) -> bool:
        """Whether the loss falls beyond doubt."""
        return self.low is not None and self.low > 0

    @property
    def harms(self) -> bool:
        """Whether the loss rises beyond doubt."""
        return self.high is not None and self.high < 0


class Base(NamedTuple):
    """What came of some settings.

    Attributes:
        settings: these. plan: that follows from them. forecaster: that was learned.
        scale: what errors of each unit are scaled by, of all settings, shape (U,).
        later, learned: sizes of errors of later values, and of windows that were learned from.
        seconds: what learning took.
    """

    settings: ForecastSettings
    plan: ForecastPlan
    forecaster: Forecaster
    scale: FloatArray
    later: Sizes
    learned: Sizes
    seconds: float

    @property
    def loss(self) -> float:
        """Of later values."""
        return mean_error(self.later.mase, self.later)[0]

    @property
    def train_loss(self) -> float:
        """Of windows that were learned from."""
        return mean_error(self.learned.mase, self.learned)[0]

    def judge_plainly(self) -> float:
        """The loss of later values of the best of the plain forecasts."""
        columns = self.plan.columns_after(self.forecaster.columns)
        plainly = answer_plainly(lay_out_later(self.forecaster, self.plan.tests, columns, []))
        sizes = measure_sizes(walk_later(plainly, ()).errors, self.scale)
        return mean_error(sizes.mase, sizes)[0]


class TrialRunner(NamedTuple):
    """What tries settings.

    Attributes:
        planner: of series whose last moments are their tests. control: reports progress, and stops. work: what it is, in words.
        network: whether networks are trained, where settings say so.
    """

    planner: SeriesPlanner
    control: Control
    work: str
    network: bool

    def learn(self, settings: ForecastSettings) -> Base:
        """What comes of settings that others are compared with.

        Raises:
            DataError: nothing can be judged. Interrupted: the work was asked to stop.
        """
        plan = self.planner.plan(settings)
        return self._try(plan, find_season_errors(plan))

    def judge(self, base: Base, name: str, change: str, settings: dict[str, Any], *, among: int) -> ForecastTrial:
        """What a change of settings, one of so many, does.

        Raises:
            Interrupted: the work was asked to stop.
        """
        try:
            tried = self._try(self.planner.plan(change_settings(base.settings, settings)), base.scale)
        except (DataError, UsageError) as failed:
            return ForecastTrial(name, change, settings, failure=str(failed))
        gain, error = mean_error(base.later.mase - tried.later.mase, base.later)
        half = error.half_width(1 - (1 - _LEVEL) / among)
        same = np.array_equal(base.later.mase, tried.later.mase)
        low, high = (0.0, 0.0) if same else (None, None) if half is None else (gain - half, gain + half)
        return ForecastTrial(name, change, settings, gain, low, high, base.train_loss - tried.train_loss, tried.seconds)

    def _try(self, plan: ForecastPlan, scale: FloatArray) -> Base:
        """How a plan fares on what comes later, and on what it was learned from; errors as `learn`."""
        begun = time.monotonic()
        quiet = Control(n_threads=self.control.n_threads, stopping=self.control.stopping, work=self.work)
        settings = plan.settings if self.network else msgspec.structs.replace(plan.settings, network=False)
        forecaster = fit_forecaster(replace(plan, tests=(), inspect=False, settings=settings), quiet)
        seconds = time.monotonic() - begun
        walked = walk_later(lay_out_later(forecaster, plan.tests, plan.columns_after(forecaster.columns), []), ())
        if not any(len(own.origins) for own in walked.errors):
            raise DataError(
                "Judging changes needs a series with as many of the last moments as the horizon, but there is none. Give more rows."
            )
        later, learned = (measure_sizes(errors, scale) for errors in (walked.errors, _fitted_errors(forecaster, plan)))
        return Base(plan.settings, plan, forecaster, scale, later, learned, seconds)


def _fitted_errors(forecaster: Forecaster, plan: ForecastPlan) -> list[Errors]:
    """The errors of windows that were learned from, the last ones of each series, without what columns known up to the origin add."""
    horizon, places, found = forecaster.task.horizon, plan.places_of(forecaster.columns), []
    for u, unit in enumerate(plan.units):
        effects = forecaster.expect_from(u, unit.begin, unit.columns[: len(unit.values), places])
        n_lags = max(min(forecaster.model.n_lags, len(effects) // 2), 1)
        origins = np.arange(max(n_lags - 1, len(effects) - horizon - _MOST_WINDOWS), len(effects) - horizon)
        rest = clean_all(unit.seen - effects, forecaster.units.cleaning(u))
        forecasts = forecast_at(rest, origins, forecaster.units.weights[u, :n_lags]) + steps_after(effects, origins, horizon)
        came = steps_after(unit.came, origins, horizon)
        found.append(find_errors(origins - len(effects), came, forecasts, unit.scale))
    return found
