"""A score of forecasts as lines: over all, by target, the worst and the best series, by step ahead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from weights.errors import abridged, counted, listed, printable
from weights.forecasting.scoring import ForecastScore, StepScore, UnitScore
from weights.tables import aligned
from weights.tasks.forecast import Forecast, comparable_metrics
from weights.tasks.proportions import Metric

_MOST_STEPS, _MOST_WORST, _MOST_BEST, _WIDEST_NAME = 10, 7, 3, 32


def score_lines(score: ForecastScore) -> list[str]:
    """All of a score as aligned text; of many series the worst and the best."""
    several = len(score.targets) > 1
    shown = [name for name in comparable_metrics(len(score.targets)) if name in score.metrics]
    rolling = [metric for name in shown if (metric := score.rolling.get(name)) is not None]
    intervals = describe_intervals([*score.metrics.values(), *rolling])
    rows = [["walk-forward", "these rows", "", score.plain, "at rolling origins", ""]]
    for name in shown:
        metric, measure = score.metrics[name], Forecast.metrics[name]
        plain = measure.show(score.plain_metrics[name].value)
        rows.append([measure.title, measure.show(metric.value), _bounds(metric), plain, *_beside(score.rolling.get(name))])
    return [
        *aligned(rows, to_right=[1, 3, 4]),
        f"  over {counted(score.n_windows, 'forecast')} of {score.n_series:,} series{intervals}",
        *(_target_lines(score) if several else []),
        *(_unit_lines(score, named=several) if score.n_series > 1 else []),
        *_step_lines(score, shown),
    ]


def describe_intervals(metrics: Iterable[Metric]) -> str:
    """What the brackets beside metrics are, behind a semicolon; nothing where none has any."""
    return "; [95 % interval over the choice of moments]" if any(_bounds(metric) for metric in metrics) else ""


def _target_lines(score: ForecastScore) -> list[str]:
    """The errors of each target in its own units."""
    names = [*score.metrics]
    rows = [["by target", *(cell for name in names for cell in (Forecast.metrics[name].title, "", score.plain))]]
    for own in score.targets:
        cells = []
        for name in names:
            show = Forecast.metrics[name].show
            cells += [show(own.metrics[name].value), _bounds(own.metrics[name]), show(own.plain_metrics[name].value)]
        rows.append([abridged(printable(own.target), _WIDEST_NAME), *cells])
    numbers = [1 + 3 * i + place for i in range(len(names)) for place in (0, 2)]
    return [
        *aligned(rows, to_right=numbers),
        "  absolute and squared errors are in the units of each target; only the scaled error is a mean over targets",
    ]


def _unit_lines(score: ForecastScore, *, named: bool) -> list[str]:
    """The errors of each series, or of many those of the worst and the best."""
    worse = [own for own in score.units if own.mase > own.plain]
    few = len(score.units) <= _MOST_WORST + _MOST_BEST + 1
    parts = [score.units] if few else [score.units[:_MOST_WORST], score.units[-_MOST_BEST:]]
    rows = [["worst first", "MASE", score.plain, "mean absolute", *(f"within {level}" for level in score.coverage)]]
    for i, part in enumerate(parts):
        rows += [[f"and {len(score.units) - _MOST_WORST - _MOST_BEST:,} between", *[""] * (len(rows[0]) - 1)]] if i else []
        rows += [_unit_cells(own, named=named) for own in part]
    lines = aligned(rows, to_right=range(1, 4 + len(score.coverage)))
    if not worse:
        return lines
    names = listed([abridged(printable(_name(own, named=named)), _WIDEST_NAME) for own in worse], 5)
    return [*lines, f"  the {score.plain} is better (MASE) in {len(worse):,} of {len(score.units):,}: {names}"]


def _name(own: UnitScore, *, named: bool) -> str:
    return f"{own.series}, {own.target}" if named else own.series


def _unit_cells(own: UnitScore, *, named: bool) -> list[str]:
    errors = [f"{value:.4g}" for value in (own.mase, own.plain, own.mae)]
    return [abridged(printable(_name(own, named=named)), _WIDEST_NAME), *errors, *map(per_cent, own.coverage.values())]


def _step_lines(score: ForecastScore, shown: Iterable[str]) -> list[str]:
    """The errors of steps ahead, of many a few, and the share of values within bounds."""
    titles = {"mase": "MASE", "mae": "mean absolute", "mse": "mean squared"}
    kept = {name: titles[name] for name in shown}
    places = np.unique(np.linspace(0, len(score.steps) - 1, _MOST_STEPS).astype(int))
    rows = [["steps ahead", *kept.values(), *(f"within {level}" for level in score.coverage)]]
    rows += [_step_cells(score.steps[place], kept) for place in places]
    rows.append(["all", *[""] * len(kept), *map(per_cent, score.coverage.values())])
    return aligned(rows, to_right=range(1 + len(kept) + len(score.coverage)))


def _step_cells(step: StepScore, kept: Mapping[str, str]) -> list[str]:
    return [str(step.step), *(f"{getattr(step, name):.4g}" for name in kept), *map(per_cent, step.coverage.values())]


def per_cent(share: float) -> str:
    """A share in per cent."""
    return f"{100 * share:.1f} %"


def _bounds(metric: Metric) -> str:
    return "" if metric.low is None or metric.high is None else f"[{metric.low:.4g} {metric.high:.4g}]"


def _beside(metric: Metric | None) -> list[str]:
    return ["", ""] if metric is None else [f"{metric.value:.4g}", _bounds(metric)]
