"""From prices to a `PriceForecaster`: paths that follow from weights, judged beside what needs no model, and what tells of them."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import weights
from weights.data.series.calendar import Calendar
from weights.ensemble import Origin, Report
from weights.errors import DataError
from weights.finance.forecaster import LEARNED, PriceDrivers, PriceForecaster, expect_plainly
from weights.finance.history import PriceHistory
from weights.finance.judging import Judged, compare, measure_losses, say_comparison
from weights.finance.paths import PathModel, Windows, fit_paths
from weights.finance.scoring import choose_steps, judge_later
from weights.inspection.predictors import find_look_ahead, weigh_predictors
from weights.tasks.prices import PriceForecast
from weights.training.control import Control, Progress
from weights.types import FloatArray

LEARNING, JUDGING, WEIGHING = "learning paths", "judging them", "weighing predictors"
"""The stages of a fit."""
_SHARES_OF_TIME = {LEARNING: 0.4, JUDGING: 0.2, WEIGHING: 0.4}
_SECONDS_A_PRICE = 4e-5
_SAME = 1e-9
"""Below one, that the correlation of a variable and its copy may be."""


@dataclass(frozen=True, eq=False)
class PricePlan:
    """A forecast of prices that is ready to be learned.

    Attributes:
        task, calendar, labels: what is forecast.
        history: prices, those that are for the test too. n_learned: how many of its moments are learned from.
        source: where rows came from, in a few words. origin: where they can be read again. n_samples: their number.
        remarks: notes on the data. n_threads: not more than one is used.
        inspect: whether to weigh what may tell of prices.
    """

    task: PriceForecast
    calendar: Calendar
    labels: Sequence[str]
    history: PriceHistory
    n_learned: int
    source: str
    origin: Origin
    n_samples: int
    remarks: list[str]
    n_threads: int
    inspect: bool

    def agrees_with(self, config: Any) -> bool:
        """Whether a saved run forecasts series of the same names."""
        return [*self.labels] == getattr(config, "labels", None)

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        return 0.5 + _SECONDS_A_PRICE * self.history.close.size

    @property
    def stages(self) -> dict[str, float]:
        """The names of what is done, in this order, and about how many seconds each takes."""
        return {name: share * self.seconds for name, share in _SHARES_OF_TIME.items() if self.inspect or name != WEIGHING}


def fit_prices(plan: PricePlan, control: Control) -> PriceForecaster:
    """Learn how prices move, and whether that is better than what needs no learning.

    Raises:
        DataError: prices are too few.
        Interrupted: the work was asked to stop.
    """
    begun = time.monotonic()
    task, history = plan.task, plan.history.until(plan.n_learned)
    control.check()
    model, windows = fit_paths(task.told, history, task.horizon)
    control.report(Progress(LEARNING, 1.0, None))
    control.check()
    a_year = count_a_year(plan.calendar, history)
    judged = _judge(model, windows, history, task, a_year)
    comparison = compare(judged, task, LEARNED)
    answering = LEARNED if comparison.beaten else comparison.simplest
    metrics = measure_losses(judged, task)
    control.report(Progress(JUDGING, 1.0, None))
    control.check()
    drivers = _find_drivers(history, task) if plan.inspect else None
    control.report(Progress(WEIGHING, 1.0, None))
    report = Report(
        source=plan.source,
        n_samples=plan.n_samples,
        n_features=1 + len(history.beside) + len(history.signals),
        metrics=metrics[answering],
        compared={name: metrics[name] for name in (answering, *(other for other in metrics if other != answering))},
        decision=say_comparison(comparison, next(iter(task.metrics.values())).title),
        remarks=plan.remarks,
        seconds=round(time.monotonic() - begun, 3),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        version=weights.__version__,
        origin=plan.origin,
    )
    forecaster = PriceForecaster(task, plan.calendar, plan.labels, history, plan.n_learned, model, answering, a_year, drivers, report)
    return judge_later(forecaster, plan.history) if plan.n_learned < len(plan.history) else forecaster


def count_a_year(calendar: Calendar, history: PriceHistory) -> float:
    """Moments with prices in a year, such as 252 days of trading; one where rows are steps, so that volatility is that of a step."""
    if calendar.numbered:
        return 1.0
    priced = np.flatnonzero(np.isfinite(history.close).any(axis=1))
    first, last = calendar.moments(history.begin + priced[[0, -1]])
    return float(round((len(priced) - 1) / ((last - first) / (365.25 * 86_400.0)))) or 1.0


def _judge(model: PathModel, windows: Windows, history: PriceHistory, task: PriceForecast, a_year: float) -> Judged:
    """What would have been forecast at rolling origins, and what came."""
    steps, told = choose_steps(task.horizon), task.told
    mean = model.follow(told, windows.drift, windows.spread, steps).mean
    came = np.full((len(windows.origin), len(steps)), np.nan)
    plain = {name: came.copy() for name in told.baselines}
    for share in np.unique(windows.share):
        own = windows.share == share
        outcomes, expected = expect_plainly(task, history, int(share), steps)
        came[own] = outcomes[windows.origin[own]]
        for name, values in expected.items():
            plain[name][own] = values[windows.origin[own]]
    shown = {name: told.show(values, a_year) for name, values in {LEARNED: mean, **plain}.items()}
    return Judged(windows.origin, windows.share, told.show(came, a_year), shown)


def _find_drivers(history: PriceHistory, task: PriceForecast) -> PriceDrivers:
    """What was known that might tell of the outcome after the last step, with what looks ahead."""
    names, known = _leave_copies(*history.predictors)
    told, step = task.told, np.asarray([task.horizon])
    came = np.stack([history.observe(told, share, task.horizon)[:, -1] for share in range(history.close.shape[1])], axis=1)
    outcome = told.compare(came[..., None], history.volatility[..., None], step)[..., 0]
    spread = float(np.nanstd(outcome)) or 1.0
    there = np.isfinite(outcome) & np.isfinite(known).all(axis=0)
    signals = np.stack([*history.signals.values()]) if history.signals else np.zeros((0, *history.close.shape))
    suspects = [row.warning for row in find_look_ahead(history.returns, signals, [*history.signals]) if row.suspect]
    try:
        predictors = weigh_predictors(outcome / spread, known, names, steps=task.horizon)
    except DataError as error:
        return PriceDrivers(suspects=suspects, reason=str(error))
    unit = "standard deviations of the outcome for one of the predictor"
    return PriceDrivers(predictors, unit, int(there.any(axis=1).sum()), int(there.sum()), suspects)


def _leave_copies(names: Sequence[str], known: FloatArray) -> tuple[list[str], FloatArray]:
    """Variables (p, t, S) without those that follow from an earlier one, as the market does from the only share there is."""
    there = np.isfinite(known).all(axis=0)
    if not there.any():
        return [*names], known
    seen = known[:, there] - known[:, there].mean(axis=1, keepdims=True)
    size = np.sqrt((seen**2).sum(axis=1))
    kept: list[int] = []
    for i, own in enumerate(seen):
        alike = any(abs(own @ seen[j]) >= (1 - _SAME) * size[i] * size[j] for j in kept)
        kept += [] if alike and size[i] > 0 else [i]
    return [names[i] for i in kept], known[kept]
