"""How good forecasts of later rows are, over every window of them: metrics with their errors, by step, beside those at rolling origins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from weights.errors import DataError
from weights.forecasting.later import Later, check_expected
from weights.forecasting.rolling import Errors, find_errors, join_errors, measure_sizes, metrics_of
from weights.forecasting.walking import bound_steps, walk
from weights.tables import aligned
from weights.tasks.forecast import Forecast
from weights.tasks.proportions import Metric
from weights.types import FloatArray

LEVELS = (0.8, 0.95)
"""Of the intervals that are given where nothing else is said."""
_MOST_STEPS_SHOWN = 10


class StepScore(msgspec.Struct, frozen=True):
    """How good forecasts of a step ahead are.

    Attributes:
        step: its number. mase, mae, mse: mean scaled, absolute and squared error.
        coverage: by level the share of values that lay within the bounds.
    """

    step: int
    mase: float
    mae: float
    mse: float
    coverage: dict[str, float]

    def cells(self) -> list[str]:
        """The same as text."""
        return [str(self.step), *(f"{value:.4g}" for value in (self.mase, self.mae, self.mse)), *map(_per_cent, self.coverage.values())]


class ForecastScore(msgspec.Struct, frozen=True):
    """How good forecasts of later rows are.

    Attributes:
        n_windows: forecasts that were looked at, of all series.
        n_series: series that had some.
        metrics: over these rows. rolling: the same at rolling origins, when it learned.
        plain: the best of the plain forecasts then, such as the last value. plain_metrics: of it over these rows.
        steps: by step ahead.
        coverage: by level, such as "80%", the share of values that lay within the bounds.
        notes: sentences about the rows.
    """

    n_windows: int
    n_series: int
    metrics: dict[str, Metric]
    rolling: dict[str, Metric]
    plain: str
    plain_metrics: dict[str, Metric]
    steps: list[StepScore]
    coverage: dict[str, float]
    notes: list[str] = []

    def lines(self) -> list[str]:
        """Aligned text."""
        rows = [["walk-forward", "these rows", "", self.plain, "at rolling origins", ""]]
        for name, metric in self.metrics.items():
            measure, before = Forecast.metrics[name], self.rolling.get(name)
            plain = measure.show(self.plain_metrics[name].value)
            rows.append([measure.title, measure.show(metric.value), _bounds(metric), plain, *_beside(before)])
        places = np.unique(np.linspace(0, len(self.steps) - 1, _MOST_STEPS_SHOWN).astype(int))
        by_step = [["steps ahead", "MASE", "mean absolute", "mean squared", *(f"within {level}" for level in self.coverage)]]
        by_step += [self.steps[place].cells() for place in places]
        by_step.append(["all", "", "", "", *map(_per_cent, self.coverage.values())])
        return [
            *aligned(rows, to_right=[1, 3, 4]),
            f"  over {self.n_windows:,} forecasts of {self.n_series:,} series; [95 % interval over the choice of moments]",
            *aligned(by_step, to_right=range(4 + len(self.coverage))),
        ]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def name_level(level: float) -> str:
    """A level as columns are called by it.

    Example:
        >>> name_level(0.8), name_level(0.995)
        ('80%', '99.5%')
    """
    return f"{100 * level:.10g}%"


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _bounds(metric: Metric) -> str:
    return "" if metric.low is None or metric.high is None else f"[{metric.low:.4g} {metric.high:.4g}]"


def _beside(metric: Metric | None) -> list[str]:
    return ["", ""] if metric is None else [f"{metric.value:.4g}", _bounds(metric)]


def score_later(later: Later, levels: Sequence[float] = LEVELS) -> ForecastScore:
    """How good forecasts of later values are, from every origin whose steps all are among them.

    Args:
        later: what came.
        levels: of the intervals whose coverage is counted.

    Raises:
        DataError: of no series there are as many as the horizon. UsageError: a level is not between 0 and 1.
    """
    forecaster = later.forecaster
    walked = walk_later(later, levels)
    n_windows = sum(len(own.origins) for own in walked.errors)
    if not n_windows:
        longest = max(map(len, later.values))
        raise DataError(
            f"Judging forecasts of {forecaster.task.horizon:,} steps needs as many later values of a series, but there are {longest:,}. "
            "Give more rows, or fit with a shorter --horizon."
        )
    season_error = forecaster.units.season_error
    sizes = measure_sizes(walked.errors, season_error)
    return ForecastScore(
        n_windows,
        sum(len(own.origins) > 0 for own in walked.errors),
        metrics_of(sizes, Forecast.metrics),
        forecaster.report.metrics,
        forecaster.model.plain,
        metrics_of(measure_sizes(walk_later(_plainly(later), ()).errors, season_error), Forecast.metrics),
        _score_steps(walked, season_error),
        walked.coverage,
        later.notes,
    )


def _plainly(later: Later) -> Later:
    """Later values as the best of the plain forecasts answers them."""
    forecaster = later.forecaster
    weights = np.broadcast_to(forecaster.plain, forecaster.units.weights.shape)
    as_they_are = {name: np.zeros_like(getattr(forecaster.units, name)) for name in ("tail_effects", "farthest")}
    units = forecaster.units._replace(weights=weights, **as_they_are)
    nothing = [np.zeros_like(own) for own in later.expected]
    return replace(later, forecaster=replace(forecaster, units=units, past_weights=None), expected=nothing)


class Walked(NamedTuple):
    """What came of forecasts from every origin.

    Attributes:
        errors: of each unit.
        coverage: by level, such as "80%", the share of values that lay within, over all steps.
        by_step: the same of each step, shape (H,).
    """

    errors: list[Errors]
    coverage: dict[str, float]
    by_step: dict[str, FloatArray]


def walk_later(later: Later, levels: Sequence[float]) -> Walked:
    """Forecasts and bounds from every origin whose steps all lie among later values, beside what came.

    Args:
        later: what came.
        levels: of bounds.

    Raises:
        DataError: a column that is to be known beforehand is missing.
    """
    forecaster, values = later.forecaster, later.values
    for u, own in enumerate(values):
        check_expected(forecaster, u, len(own), later.expected[u][: len(own)])
    horizon, n_units = forecaster.task.horizon, len(forecaster)
    lengths = np.asarray([len(own) for own in values])
    parts: list[list[Errors]] = [[] for _ in range(n_units)]
    hits, counts = np.zeros((len(levels), horizon)), np.zeros(horizon)
    for moment in walk(forecaster, values, later.expected, later.past, follow=bool(levels)) if lengths.max(initial=0) >= horizon else ():
        whole = np.flatnonzero(lengths >= moment.known + horizon)
        if not len(whole):
            break
        came = np.stack([values[int(u)][moment.known : moment.known + horizon] for u in whole])
        counts += (~np.isnan(came)).sum(axis=0)
        for i, level in enumerate(levels):
            bounds = bound_steps(forecaster, moment, level)
            hits[i] += ((bounds.low[whole] <= came) & (came <= bounds.high[whole])).sum(axis=0)
        for u, own in zip(whole.tolist(), came, strict=True):
            origin = np.asarray([moment.known + int(forecaster.units.ends[u])])
            parts[u].append(find_errors(origin, own[None], moment.forecasts[u][None], forecaster.units.scale(u)))
    names = [name_level(level) for level in levels]
    total = max(float(counts.sum()), 1.0)
    coverage = {name: float(own.sum() / total) for name, own in zip(names, hits, strict=True)}
    return Walked(
        [join_errors(own) for own in parts], coverage, {name: own / np.maximum(counts, 1) for name, own in zip(names, hits, strict=True)}
    )


def _score_steps(walked: Walked, season_error: FloatArray) -> list[StepScore]:
    """The metrics of each step, means in which each unit weighs as much, and the share of values within bounds."""
    horizon = max(own.values.shape[1] for own in walked.errors)
    sums, n_units = np.zeros((3, horizon)), np.zeros(horizon)
    for own, scale in zip(walked.errors, season_error, strict=True):
        there = ~np.isnan(own.values)
        counts = there.sum(axis=0)
        size = np.where(there, np.abs(own.values), 0.0)
        mae, mse = (part.sum(axis=0) / np.maximum(counts, 1) for part in (size, size**2))
        sums += np.stack([mae / scale, mae, mse]) * (counts > 0)
        n_units += counts > 0
    means = sums / np.maximum(n_units, 1)
    shares = [{name: float(own[h]) for name, own in walked.by_step.items()} for h in range(horizon)]
    mase, mae, mse = means.tolist()
    return [StepScore(h + 1, mase[h], mae[h], mse[h], shares[h]) for h in range(horizon) if n_units[h]]
