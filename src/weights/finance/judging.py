"""How good forecasts of prices are, beside what needs no model: losses of windows, and differences with errors that know of time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from weights.dependence import MeanError, error_of_mean
from weights.tasks.prices import PriceForecast
from weights.tasks.proportions import Metric
from weights.types import FloatArray, IntArray

_SURE = 2.0
"""Standard errors by which the best of those that need no model is to be better than a simpler one (our choice)."""


class Judged(NamedTuple):
    """Forecasts of n windows after k steps and what came, both as they are shown.

    Attributes:
        origin: the last moment that each knew, shape (n,). share: of which share, shape (n,).
        came: shape (n, k).
        expected: by the name of who forecasts, shape (n, k) each.
    """

    origin: IntArray
    share: IntArray
    came: FloatArray
    expected: dict[str, FloatArray]

    def losses(self, task: PriceForecast, name: str, step: int = -1) -> dict[str, FloatArray]:
        """The losses of one forecaster by the name of the loss, shape (n,).

        NaN where nothing came, or one of all forecasters had nothing to say.
        """
        known = np.isfinite(self.came[:, step]) & np.all([np.isfinite(own[:, step]) for own in self.expected.values()], axis=0)
        found = {loss: of(self.came[:, step], self.expected[name][:, step]) for loss, of in task.told.losses.items()}
        return {loss: np.where(known, values, np.nan) for loss, values in found.items()}


def measure_losses(judged: Judged, task: PriceForecast) -> dict[str, dict[str, Metric]]:
    """The mean losses of each forecaster after the last step, with 95 % intervals over the choice of moments."""
    return {name: {loss: _measure(values, judged.origin) for loss, values in judged.losses(task, name).items()} for name in judged.expected}


class Comparison(NamedTuple):
    """How a forecaster fares beside those that need no model, by the first loss after the last step.

    Attributes:
        best: the one of the least loss. simplest: the first of those that lose no more than the best beyond doubt.
        loss: of the forecaster. other: of the best.
        error: of their difference; None where nothing can be said.
    """

    best: str
    simplest: str
    loss: float
    other: float
    error: float | None

    @property
    def beaten(self) -> bool:
        """Whether the forecaster loses less than the best by more than the standard error of the difference."""
        return self.error is not None and self.other - self.loss > self.error


def compare(judged: Judged, task: PriceForecast, name: str) -> Comparison:
    """A forecaster beside the others, which stand in the order of their simplicity."""
    first = next(iter(task.told.losses))
    losses = {other: judged.losses(task, other)[first] for other in judged.expected}
    means = {other: float(np.nanmean(values)) for other, values in losses.items()}
    others = [other for other in means if other != name]
    best = min(others, key=means.__getitem__)
    errors = {other: _error(losses[other] - losses[best], judged.origin) for other in others}
    simplest = next(other for other in others if means[other] - means[best] <= _SURE * errors[other].std_err)
    error = _error(losses[best] - losses[name], judged.origin)
    return Comparison(best, simplest, means[name], means[best], error.std_err if error.degrees > 0 else None)


def _measure(values: FloatArray, origin: IntArray) -> Metric:
    if not np.isfinite(values).any():
        return Metric(float("nan"))
    mean, half = float(np.nanmean(values)), _error(values, origin).half_width()
    return Metric(mean) if half is None else Metric(mean, max(mean - half, 0.0), mean + half)


def _error(values: FloatArray, origin: IntArray) -> MeanError:
    """How sure the mean of values is, those that are there, where moments near each other depend on each other."""
    there = np.isfinite(values)
    share = np.full(int(there.sum()), 1 / max(int(there.sum()), 1))
    return error_of_mean(share * (values[there] - values[there].mean()), share, time=origin[there].astype(float))


def say_comparison(comparison: Comparison, title: str) -> str:
    """Why the learned forecast answers, or another; `title` is what the loss is called."""
    if np.isclose(comparison.loss, comparison.other, rtol=1e-9):
        return f"nothing beats {comparison.simplest}, which answers: what was known tells nothing more ({title} {comparison.loss:.4g})"
    doubt = "" if comparison.error is None else f", standard error of the difference {comparison.error:.2g}"
    beside = f"{title} {comparison.loss:.4g} as learned, {comparison.other:.4g} of {comparison.best}{doubt}"
    if comparison.beaten:
        return f"what was learned loses less than all that needs no model: {beside}"
    return f"nothing beats {comparison.simplest} by more than its error, so that it answers: {beside}"
