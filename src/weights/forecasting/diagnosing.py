"""Would forecasts be better otherwise? Changes of a plan are learned without the last moments, and judged on these.

Every change is tried on the windows of the run itself, so that differences are paired, and their intervals know that windows near each
other depend on each other. What a change does where it was learned from, beside what it does to what came later, says which way the run
is wrong: a freer forecast that fits better and forecasts worse was too free.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import msgspec
import numpy as np

from weights.errors import DataError, listed, printable
from weights.forecasting.cleaning import clean_all
from weights.forecasting.columns import NO_COLUMNS
from weights.forecasting.fitting import find_season_errors, fit_forecaster
from weights.forecasting.forecaster import Forecaster, LagModel
from weights.forecasting.later import lay_out_later
from weights.forecasting.plan import ForecastPlan
from weights.forecasting.rolling import Errors, Sizes, find_errors, mean_error, measure_sizes
from weights.forecasting.scoring import answer_plainly, walk_later
from weights.forecasting.units import Unit, find_scale
from weights.training.control import Control, Progress
from weights.training.lagged import MOST_LAGS, forecast_at, steps_after
from weights.types import FloatArray

TRYING = "trying changes"
"""The stage of a diagnosis."""
_LEVEL = 0.95
_MOST_WINDOWS = 500
"""Of each series, of which it is asked how well they are fitted (our choice)."""
_CLOSE = 0.02
"""Share of the loss below which a change is not worth making (our choice)."""


class ForecastRemedy(msgspec.Struct, frozen=True):
    """A change and what it does.

    Attributes:
        name: of the change. change: in words.
        gain: by how much the loss of later values falls. low, high: where that lies, with 95 % for all changes together; None where
            nothing can be said.
        train_gain: by how much the loss of windows that were learned from falls.
        seconds: what learning took.
        failure: why it could not be tried; empty if it could.
    """

    name: str
    change: str
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


class ForecastDiagnosis(msgspec.Struct, frozen=True):
    """Whether forecasts are too free or too stiff, and what would help.

    Attributes:
        verdict: in a few words. reason: why.
        measure: what the loss is. loss: of the run on the last moments, which it was learned without. train_loss: on windows that it was
            learned from. plain_loss: of the best forecast that learns nothing, on the last moments. plain: which that is.
        n_windows: that were judged. held_out: how many of the last moments.
        remedies: changes that were tried.
        notes: sentences about the rows.
    """

    verdict: str
    reason: str
    measure: str
    loss: float
    train_loss: float
    plain_loss: float
    plain: str
    n_windows: int
    held_out: int
    remedies: list[ForecastRemedy]
    notes: list[str] = []


class Change(NamedTuple):
    """A change of a plan: its name, in words, and how it is made."""

    name: str
    words: str
    make: Callable[[ForecastPlan], ForecastPlan]


class _Tried(NamedTuple):
    """What came of a plan: sizes of errors of later values, and of those that were learned from."""

    forecaster: Forecaster
    later: Sizes
    learned: Sizes
    seconds: float


def list_changes(plan: ForecastPlan, used: Sequence[str] = ()) -> Iterator[Change]:
    """The changes that make sense for a plan, of which these columns that are known up to the origin are used."""
    lags, longest = plan.regressions.lags, max(len(unit.values) for unit in plan.units)
    if lags:
        yield Change("recent", "the later half of the history alone", _take_recent)
    if len(lags) > 1:
        yield Change("fewer-lags", f"regressions on {lags[0]} lags alone", lambda plan: _with_lags(plan, lags[:1]))
    if lags and (more := 2 * lags[-1]) <= MOST_LAGS and more in _within(plan, (more,), longest):
        yield Change("more-lags", f"regressions on {more} lags as well", lambda plan: _with_lags(plan, (*lags, more)))
    if plan.with_pool:
        yield Change("each-alone", "each series by itself, without what all share", lambda plan: replace(plan, pooling=False))
    if plan.columns.groups:
        without = f"without {listed([*plan.columns.groups], 3)}"
        yield Change("without-columns", without, _without_columns)
    if used:
        yield Change("without-past", f"without {listed([printable(name) for name in used], 3)}", _without_past)
    if any(unit.scale.logged for unit in plan.units):
        yield Change("without-logs", "without logarithms", lambda plan: _with_scale(plan, logged=False))
    elif all(unit.values.min() > 0 for unit in plan.units):
        yield Change("with-logs", "of logarithms", lambda plan: _with_scale(plan, logged=True))


def diagnose_forecasts(plan: ForecastPlan, held_out: int, control: Control) -> ForecastDiagnosis:
    """What changes of a plan do to forecasts of its last moments.

    Args:
        plan: without the last moments, which are its tests.
        held_out: how many these are.
        control: reports progress, and stops.

    Raises:
        DataError: nothing can be judged. Interrupted: the work was asked to stop.
    """
    tests, scale = plan.tests, find_season_errors(plan)
    base = _try(plan, control, tests, scale)
    changes = [*list_changes(plan, base.forecaster.columns.past)]
    if not len(base.later.mase):
        raise DataError(
            "Judging changes needs a series with as many of the last moments as the horizon, but there is none. Give more rows."
        )
    plainly = answer_plainly(lay_out_later(base.forecaster, tests, plan.columns_after(base.forecaster.columns), []))
    plain = measure_sizes(walk_later(plainly, ()).errors, scale)
    control.report(Progress(TRYING, 1 / (len(changes) + 1), None))
    remedies = []
    for done, change in enumerate(changes):
        remedies.append(_judge(change, base, partial(_try, control=control, tests=tests, scale=scale), plan, len(changes)))
        control.report(Progress(TRYING, (done + 2) / (len(changes) + 1), None))
    remedies.sort(key=lambda remedy: -remedy.gain)
    loss, train_loss, plain_loss = (mean_error(sizes.mase, sizes)[0] for sizes in (base.later, base.learned, plain))
    verdict, reason = conclude(loss, plain_loss, base.forecaster.model, remedies)
    return ForecastDiagnosis(
        verdict,
        reason,
        "scaled error (MASE)",
        loss,
        train_loss,
        plain_loss,
        base.forecaster.model.plain,
        len(base.later.mase),
        held_out,
        remedies,
        plan.remarks,
    )


def _judge(change: Change, base: _Tried, attempt: Callable[[ForecastPlan], _Tried], plan: ForecastPlan, n_changes: int) -> ForecastRemedy:
    """What a change, one of so many, does to a plan, beside what came of that as it is."""
    try:
        tried = attempt(change.make(plan))
    except DataError as failed:
        return ForecastRemedy(change.name, change.words, failure=str(failed))
    gain, error = mean_error(base.later.mase - tried.later.mase, base.later)
    half = error.half_width(1 - (1 - _LEVEL) / n_changes)
    train_gain = mean_error(base.learned.mase, base.learned)[0] - mean_error(tried.learned.mase, tried.learned)[0]
    same = np.array_equal(base.later.mase, tried.later.mase)
    low, high = (0.0, 0.0) if same else (None, None) if half is None else (gain - half, gain + half)
    return ForecastRemedy(change.name, change.words, gain, low, high, train_gain, tried.seconds)


def conclude(loss: float, plain_loss: float, model: LagModel, remedies: Sequence[ForecastRemedy]) -> tuple[str, str]:
    """A verdict and its reason."""
    if any(remedy.low is None and not remedy.failure for remedy in remedies):
        return "undecided", "what was held out is too short to tell how forecasts near each other depend: hold out more (--hold-out)"
    helpful = [remedy for remedy in remedies if remedy.helps and remedy.gain > _CLOSE * loss]
    if helpful:
        best = helpful[0]
        freer = best.train_gain > 0
        said = f"{best.change} lowers the loss by {best.gain / loss:.1%}, and that where it was learned by {best.train_gain / loss:+.1%}"
        return ("underfits" if freer else "overfits"), said
    recent = next((remedy for remedy in remedies if remedy.name == "recent"), None)
    if recent is not None and recent.harms and -recent.gain > _CLOSE * loss:
        said = f"with half of the history the loss rises by {-recent.gain / loss:.1%}, so that more of it would lower it further"
        return "limited by the amount of data", said
    if not model.beaten:
        return "limited by noise", f"nothing beats the {model.plain}, and no change helps beyond doubt"
    return (
        "balanced",
        f"no change helps beyond doubt; the {model.plain} loses {plain_loss / max(loss, 1e-300):.2g} times as much",
    )


def _try(plan: ForecastPlan, control: Control, tests: Sequence[FloatArray], scale: FloatArray) -> _Tried:
    """How a plan fares on what comes later, and on what it was learned from; errors of units are scaled by the same of all plans (U,)."""
    begun = time.monotonic()
    quiet = Control(n_threads=control.n_threads, stopping=control.stopping, work="The diagnosis")
    forecaster = fit_forecaster(replace(plan, tests=(), inspect=False, network=False), quiet)
    seconds = time.monotonic() - begun
    walked = walk_later(lay_out_later(forecaster, tests, plan.columns_after(forecaster.columns), []), ())
    return _Tried(forecaster, measure_sizes(walked.errors, scale), measure_sizes(_fitted_errors(forecaster, plan), scale), seconds)


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


def _without_columns(plan: ForecastPlan) -> ForecastPlan:
    """The plan without columns of the calendar and those that are known beforehand."""
    n_known = len(plan.columns.known)
    return replace(plan, columns=NO_COLUMNS, units=[replace(unit, columns=unit.columns[:, n_known:]) for unit in plan.units])


def _without_past(plan: ForecastPlan) -> ForecastPlan:
    """The plan without columns that are known up to the origin."""
    n_known = len(plan.columns.known)
    return replace(plan, past=(), units=[replace(unit, columns=unit.columns[:, :n_known]) for unit in plan.units])


def _take_recent(plan: ForecastPlan) -> ForecastPlan:
    """The plan of the later half of each series."""
    units = [_cut_front(unit, len(unit.values) // 2) for unit in plan.units]
    return _with_lags(replace(plan, units=units), plan.regressions.lags)


def _cut_front(unit: Unit, n: int) -> Unit:
    """A unit without its first n values."""
    judged = None if unit.first_judged is None else max(unit.first_judged - n, 0) or None
    return replace(unit, begin=unit.begin + n, values=unit.values[n:], known=unit.known[n:], columns=unit.columns[n:], first_judged=judged)


def _with_lags(plan: ForecastPlan, lags: tuple[int, ...]) -> ForecastPlan:
    """The plan with regressions on other numbers of lags, as far as series suffice for them."""
    lags = _within(plan, lags, max(len(unit.values) for unit in plan.units))
    return replace(plan, regressions=plan.regressions._replace(lags=lags))


def _within(plan: ForecastPlan, lags: tuple[int, ...], longest: int) -> tuple[int, ...]:
    return plan.regressions._replace(lags=lags).within(longest).lags


def _with_scale(plan: ForecastPlan, *, logged: bool) -> ForecastPlan:
    """The plan of values on a log scale, or not."""
    return replace(
        plan, units=[replace(unit, scale=find_scale(unit.values, plan.regressions.seasons, logged=logged)) for unit in plan.units]
    )
