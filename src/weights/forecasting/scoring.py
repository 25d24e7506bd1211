"""How good forecasts of later rows are, over every window of them: metrics with their errors, by step, beside those at rolling origins."""

from __future__ import annotations

import msgspec
import numpy as np

from weights.errors import DataError
from weights.forecasting.later import Later, continue_units
from weights.forecasting.rolling import Errors, measure_sizes, metrics_of
from weights.tables import aligned
from weights.tasks.forecast import Forecast
from weights.tasks.proportions import Metric
from weights.types import FloatArray

_MOST_STEPS_SHOWN = 10


class StepScore(msgspec.Struct, frozen=True):
    """How good forecasts of a step ahead are: its number, mean absolute and mean squared error, and the absolute error scaled (MASE)."""

    step: int
    mase: float
    mae: float
    mse: float


class ForecastScore(msgspec.Struct, frozen=True):
    """How good forecasts of later rows are.

    Attributes:
        n_windows: forecasts that were looked at, of all series.
        n_series: series that had some.
        metrics: over these rows. rolling: the same at rolling origins, when it learned.
        steps: by step ahead.
        notes: sentences about the rows.
    """

    n_windows: int
    n_series: int
    metrics: dict[str, Metric]
    rolling: dict[str, Metric]
    steps: list[StepScore]
    notes: list[str] = []

    def lines(self) -> list[str]:
        """Aligned text."""
        rows = [["walk-forward", "later rows", "", "at rolling origins", ""]]
        for name, metric in self.metrics.items():
            measure, before = Forecast.metrics[name], self.rolling.get(name)
            rows.append([measure.title, measure.show(metric.value), _bounds(metric), *_beside(before)])
        places = np.unique(np.linspace(0, len(self.steps) - 1, _MOST_STEPS_SHOWN).astype(int))
        by_step = [["steps ahead", "MASE", "mean absolute", "mean squared"]]
        by_step += [[str(s.step), *(f"{value:.4g}" for value in (s.mase, s.mae, s.mse))] for s in (self.steps[place] for place in places)]
        return [
            *aligned(rows, to_right=[1, 3]),
            f"  over {self.n_windows:,} forecasts of {self.n_series:,} series; [95 % interval over the choice of moments]",
            *aligned(by_step, to_right=range(4)),
        ]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def _bounds(metric: Metric) -> str:
    return "" if metric.low is None or metric.high is None else f"[{metric.low:.4g} {metric.high:.4g}]"


def _beside(metric: Metric | None) -> list[str]:
    return ["", ""] if metric is None else [f"{metric.value:.4g}", _bounds(metric)]


def score_later(later: Later) -> ForecastScore:
    """How good forecasts of later values are, from every origin whose steps all are among them.

    Raises:
        DataError: of no series there are as many as the horizon.
    """
    forecaster = later.forecaster
    errors = continue_units(forecaster, later.values)
    n_windows = sum(len(own.origins) for own in errors)
    if not n_windows:
        longest = max(map(len, later.values))
        raise DataError(
            f"To be judged, forecasts of {forecaster.task.horizon:,} steps need as many later rows of a series, but there are {longest:,}. "
            "Give more rows, or fit with a shorter --horizon."
        )
    season_error = forecaster.units.season_error
    sizes = measure_sizes(errors, season_error)
    return ForecastScore(
        n_windows,
        sum(len(own.origins) > 0 for own in errors),
        metrics_of(sizes, Forecast.metrics),
        forecaster.report.metrics,
        _score_steps(errors, season_error, forecaster.task.horizon),
        later.notes,
    )


def _score_steps(errors: list[Errors], season_error: FloatArray, horizon: int) -> list[StepScore]:
    """The metrics of each step, means in which each unit weighs as much."""
    sums, n_units = np.zeros((3, horizon)), np.zeros(horizon)
    for own, scale in zip(errors, season_error, strict=True):
        there = ~np.isnan(own.values)
        counts = there.sum(axis=0)
        known = counts > 0
        size = np.where(there, np.abs(own.values), 0.0)
        mae, mse = (part.sum(axis=0) / np.maximum(counts, 1) for part in (size, size**2))
        sums += np.stack([mae / scale, mae, mse]) * known
        n_units += known
    means = sums / np.maximum(n_units, 1)
    return [StepScore(h + 1, *(float(value) for value in means[:, h])) for h in range(horizon) if n_units[h]]
