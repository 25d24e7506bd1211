"""How good forecasts of later rows are, over every window of them: metrics with their errors, by step, beside those at rolling origins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from weights.errors import DataError, counted, listed, printable
from weights.forecasting.course import Course, record_course
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.later import Later, check_expected
from weights.forecasting.rolling import Errors, Sizes, find_errors, join_errors, measure_sizes, metrics_of
from weights.forecasting.walking import bound_steps, walk
from weights.tables import show_text
from weights.tasks.forecast import Forecast
from weights.tasks.proportions import Metric
from weights.types import FloatArray, IntArray

LEVELS = (0.8, 0.95)
"""Of the intervals that are given where nothing else is said."""


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


class UnitScore(msgspec.Struct, frozen=True):
    """How good forecasts of a target of a series are.

    Attributes:
        series: its name; empty where there is one. target: which column.
        n_windows: forecasts that were looked at.
        mase, mae, mse: mean scaled, absolute and squared error. plain: the scaled error of the plain forecast.
        coverage: by level the share of values that lay within the bounds.
    """

    series: str
    target: str
    n_windows: int
    mase: float
    mae: float
    mse: float
    plain: float
    coverage: dict[str, float]


class TargetScore(msgspec.Struct, frozen=True):
    """How good forecasts of a target are, over all series: metrics, and those of the plain forecast."""

    target: str
    metrics: dict[str, Metric]
    plain_metrics: dict[str, Metric]


class ForecastScore(msgspec.Struct, frozen=True):
    """How good forecasts of later rows are.

    Attributes:
        n_windows: forecasts that were looked at, of all targets of all series.
        n_series: series that had some.
        metrics: over these rows; of several targets means over all, which compare them only where their units are the same, or scaled.
        rolling: the same at rolling origins, when it learned.
        plain: the best of the plain forecasts then, such as the last value. plain_metrics: of it over these rows.
        steps: by step ahead.
        coverage: by level, such as "80%", the share of values that lay within the bounds.
        targets: by target, each in its own units.
        units: by series and target, those with the largest scaled error first.
        course: scaled errors as time went on.
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
    targets: list[TargetScore]
    units: list[UnitScore]
    course: Course
    notes: list[str] = []

    def lines(self) -> list[str]:
        """Aligned text."""
        from weights.forecasting.scorelines import score_lines

        return score_lines(self)

    def __str__(self) -> str:
        return "\n".join([*self.lines(), *(f"  {note}" for note in self.notes)])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """For notebooks."""
        return show_text(str(self).splitlines())


def name_level(level: float) -> str:
    """A level as columns are called by it.

    Example:
        >>> name_level(0.8), name_level(0.995)
        ('80%', '99.5%')
    """
    return f"{100 * level:.10g}%"


def list_levels(level: float | Sequence[float]) -> list[float]:
    """One level or several as a list."""
    return [level] if isinstance(level, float | int) else [*level]


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
            f"Judging forecasts of {counted(forecaster.task.horizon, 'step')} needs as many later values of a series, but there are "
            f"{longest:,}. Give more rows, or fit with a shorter horizon."
        )
    season_error = forecaster.units.season_error
    sizes, plain = (measure_sizes(errors, season_error) for errors in (walked.errors, walk_later(answer_plainly(later), ()).errors))
    judged = [u for u, own in enumerate(walked.errors) if len(own.origins)]
    return ForecastScore(
        n_windows,
        len({*forecaster.units.series[judged].tolist()}),
        metrics_of(sizes, Forecast.metrics),
        forecaster.report.metrics,
        forecaster.model.plain,
        metrics_of(plain, Forecast.metrics),
        _score_steps(walked, season_error),
        walked.coverage,
        _score_targets(forecaster, sizes, plain),
        _score_units(forecaster, sizes, plain, walked),
        record_course(forecaster.calendar, _name_losses(forecaster, sizes, plain), Forecast.metrics["mase"].title),
        [*later.notes, *_describe_unjudged(forecaster, judged)],
    )


def _name_losses(forecaster: Forecaster, sizes: Sizes, plain: Sizes) -> dict[str, tuple[IntArray, FloatArray]]:
    """Moments and scaled errors by who forecasts."""
    answering = {"this run": (sizes.origin, sizes.mase)}
    return answering | ({forecaster.model.plain: (plain.origin, plain.mase)} if forecaster.model.beaten else {})


def _describe_unjudged(forecaster: Forecaster, judged: Sequence[int]) -> list[str]:
    """A sentence about units that have too few later values."""
    left = [printable(forecaster.name(u)) for u in sorted({*range(len(forecaster))} - {*judged})]
    has = "has" if len(left) == 1 else "have"
    return [f"{len(left):,} of {len(forecaster):,} series {has} too few later values to be judged ({listed(left, 5)})"] if left else []


def _score_targets(forecaster: Forecaster, sizes: Sizes, plain: Sizes) -> list[TargetScore]:
    """The metrics of each target that has some, over all series."""
    scores = []
    for c, target in enumerate(forecaster.task.targets):
        own, beside = (part.of(np.flatnonzero(forecaster.units.target[part.unit] == c)) for part in (sizes, plain))
        if len(own.unit):
            scores.append(TargetScore(target, metrics_of(own, Forecast.metrics), metrics_of(beside, Forecast.metrics)))
    return scores


def _score_units(forecaster: Forecaster, sizes: Sizes, plain: Sizes, walked: Walked) -> list[UnitScore]:
    """The metrics of each unit that has some, the largest scaled error first."""
    counts = np.bincount(sizes.unit, minlength=len(forecaster))
    sums = [np.bincount(sizes.unit, values, minlength=len(forecaster)) for values in (sizes.mase, sizes.mae, sizes.mse)]
    sums.append(np.bincount(plain.unit, plain.mase, minlength=len(forecaster)))
    units, scores = forecaster.units, []
    for u in np.flatnonzero(counts).tolist():
        series, target = forecaster.labels[units.series[u]], forecaster.task.targets[units.target[u]]
        mase, mae, mse, beside = (float(own[u] / counts[u]) for own in sums)
        coverage = {name: float(own[u]) for name, own in walked.by_unit.items()}
        scores.append(UnitScore(series, target, int(counts[u]), mase, mae, mse, beside, coverage))
    return sorted(scores, key=lambda score: -score.mase)


def answer_plainly(later: Later) -> Later:
    """Later values as the best of the plain forecasts answers them."""
    forecaster = later.forecaster
    weights = np.broadcast_to(forecaster.plain, forecaster.units.weights.shape)
    as_they_are = {name: np.zeros_like(getattr(forecaster.units, name)) for name in ("tail_effects", "farthest")}
    units = forecaster.units._replace(weights=weights, **as_they_are)
    nothing = [np.zeros_like(own) for own in later.expected]
    return replace(later, forecaster=replace(forecaster, units=units, past_weights=None, past_shares=0.0, network=None), expected=nothing)


class Walked(NamedTuple):
    """What came of forecasts from every origin.

    Attributes:
        errors: of each unit.
        coverage: by level, such as "80%", the share of values that lay within, over all steps.
        by_step: the same of each step, shape (H,). by_unit: of each unit, shape (U,).
    """

    errors: list[Errors]
    coverage: dict[str, float]
    by_step: dict[str, FloatArray]
    by_unit: dict[str, FloatArray]


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
    unit_hits, unit_counts = np.zeros((len(levels), n_units)), np.zeros(n_units)
    for moment in walk(forecaster, values, later.expected, later.past, follow=bool(levels)) if lengths.max(initial=0) >= horizon else ():
        whole = np.flatnonzero(lengths >= moment.known + horizon)
        if not len(whole):
            break
        came = np.stack([values[int(u)][moment.known : moment.known + horizon] for u in whole])
        there = ~np.isnan(came)
        counts += there.sum(axis=0)
        unit_counts[whole] += there.sum(axis=1)
        for i, level in enumerate(levels):
            bounds = bound_steps(moment, level)
            within = (bounds.low[whole] <= came) & (came <= bounds.high[whole])
            hits[i] += within.sum(axis=0)
            unit_hits[i, whole] += within.sum(axis=1)
        for u, own in zip(whole.tolist(), came, strict=True):
            origin = np.asarray([moment.known + int(forecaster.units.ends[u])])
            parts[u].append(find_errors(origin, own[None], moment.forecasts[u][None], moment.scales[u]))
    names, total = [name_level(level) for level in levels], max(float(counts.sum()), 1.0)
    return Walked(
        [join_errors(own) for own in parts],
        {name: float(own.sum() / total) for name, own in zip(names, hits, strict=True)},
        {name: own / np.maximum(counts, 1) for name, own in zip(names, hits, strict=True)},
        {name: own / np.maximum(unit_counts, 1) for name, own in zip(names, unit_hits, strict=True)},
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
