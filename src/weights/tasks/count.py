"""Counts: the target is a whole number of events, and the output is the log of its mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
import scipy.special

from weights.data.encoding import Numeric
from weights.data.table.notation import Notation
from weights.errors import DataError, printable
from weights.tasks.base import ConvexLoss, Outcome, OutputFunctions
from weights.tasks.metrics import COUNT_METRICS, Measure, poisson_deviances
from weights.tasks.number import Number, column_of_numbers, convex_value_loss, finite_numbers, refuse_classes, value_functions
from weights.types import AnyArray, FloatArray, IntArray

_MOST = 20.0
"""Log rates, relative to that of all rows, are held this far from zero; the loss goes on along a line above (our choice)."""
_LEAST = 1e-12
"""Means below this count as this where their logarithms are compared."""
_FEWEST_ROWS, _FEWEST_ZEROS, _MOST_DISTINCT = 30, 2, 1 / 3
_LARGEST_MEAN, _LEAST_DISPERSION, _LEAST_SKEWNESS = 50.0, 0.8, 0.3
"""What numbers that look like counts have (our choices): rows, zeros, different values per row; mean, variance over it, skewness."""


def _half_deviance(outputs: jax.Array, y: jax.Array) -> jax.Array:
    held = jnp.minimum(outputs[0], _MOST)
    return jnp.exp(held) * (1.0 + outputs[0] - held) - y * outputs[0] + jax.scipy.special.xlogy(y, y) - y


def _half_deviances(outputs: FloatArray, y: AnyArray) -> FloatArray:
    rate, y = outputs[:, 0].astype(np.float64), y.astype(np.float64)
    held = np.minimum(rate, _MOST)
    return np.exp(held) * (1.0 + rate - held) - y * rate + scipy.special.xlogy(y, y) - y


def _evaluate(outputs: FloatArray, y: AnyArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    means = np.exp(np.minimum(outputs, _MOST))
    return _half_deviances(outputs, y), means - y[:, None], means


class Count(Number, frozen=True, tag="count"):
    """A number of events, of which models learn the log of the mean: ``scale * exp(output)``.

    Encoded targets are counts over their mean. Nothing is believed of their variance: with a log link means are estimated rightly whatever
    it is (Gourieroux, Monfort and Trognon 1984), and errors are those of the noise that rows show.

    Attributes:
        target: the column's name.
        center: zero.
        scale: the mean of the counts of training.
        least, most: zero, and none.
        remark: how the task was found, where that deserves saying.
    """

    metrics: ClassVar[Mapping[str, Measure]] = COUNT_METRICS
    functions: ClassVar[OutputFunctions] = value_functions(_half_deviance)
    convex: ClassVar[ConvexLoss] = convex_value_loss(_half_deviances, _evaluate, quadratic=False)
    stacking: ClassVar[str] = "deviance"
    importance_measure: ClassVar[str] = "D2"
    adds_noise: ClassVar[bool] = False
    simulated: ClassVar[bool] = False

    @property
    def loss_name(self) -> str:
        """What `prediction_losses` are."""
        return "deviance"

    @property
    def kind(self) -> str:
        """The task's name."""
        return "count"

    @property
    def unit(self) -> float:
        """One: log rates have no unit."""
        return 1.0

    @property
    def origin(self) -> float:
        """The log of the mean count."""
        return float(np.log(self.scale))

    @property
    def loss_scale(self) -> float:
        """From half the deviance of counts over their mean to the deviance of counts."""
        return 2.0 * self.scale

    def check(self) -> list[str]:
        """What is wrong with the mean, in words."""
        lawful = (self.center, self.least, self.most) == (0.0, 0.0, None)
        return [*Number.check(self), *([] if lawful else [f"counts start at {self.center} and lie in {self.least} to {self.most}"])]

    def encode(self, target: pa.ChunkedArray) -> AnyArray:
        """Counts over their mean, float32, shape (n,).

        Raises:
            DataError: a value is not a whole number from zero on.
        """
        return self._scaled(_whole_numbers(target, self.column))

    def original(self, y: AnyArray) -> AnyArray:
        """Counts, float64, shape (n,)."""
        return np.round(Number.original(self, y))

    def describe(self, y: AnyArray) -> str:
        """Mean and variance of counts, and how many are zero."""
        counts = self.original(y)
        return f"mean {counts.mean():,.4g}, variance {counts.var():,.4g}, {100 * (counts == 0).mean():.0f} % zeros (count)"

    def excess_losses(self, outputs: FloatArray, moved: FloatArray) -> FloatArray:
        """The mean count times the square of the move, shape (n,)."""
        return self.decode(outputs) * moved[:, 0] ** 2

    def prediction_losses(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """The Poisson deviance of each row, shape (n,)."""
        return poisson_deviances(self.original(y), predictions.reshape(-1))

    def constant_outputs(self, y: AnyArray, weight: FloatArray) -> FloatArray:
        """The log of the weighted mean, relative to that of training, shape (1,)."""
        return np.log(np.average(y.astype(np.float64), weights=weight).clip(np.exp(-_MOST)))[None]

    def decode(self, outputs: FloatArray) -> FloatArray:
        """Mean counts, float64, shape (n,)."""
        return self.scale * np.exp(outputs[:, 0].astype(np.float64).clip(-_MOST, _MOST))

    def to_link(self, values: FloatArray) -> FloatArray:
        """Log rates of mean counts."""
        return np.log(values.clip(_LEAST))

    def from_link(self, values: FloatArray) -> FloatArray:
        """Mean counts of log rates."""
        return np.exp(values.clip(self.origin - _MOST, self.origin + _MOST))

    def pick_slopes(self, outputs: FloatArray, codes: IntArray) -> FloatArray:
        """Mean counts, which are their own derivatives by the log rate, shape (n, 1)."""
        return self.decode(outputs)[:, None]

    def outcomes(self) -> list[Outcome]:
        """The mean count and the log rate."""
        endless = "no finite log rate fits best, because all its counts are zero"
        return [
            Outcome("target", None, 0, "least squares", range=(0.0, math.inf)),
            Outcome("link", None, 0, "poisson", by_precision=True, with_level=True, endless=endless),
        ]

    def link_slope(self, outcome: Outcome, expected: FloatArray) -> FloatArray:
        """Of a mean count by its logarithm, itself; by itself, one."""
        return np.ones_like(expected) if outcome.scale == "target" else self.mean(outcome, expected)

    def simulate(self, predictions: FloatArray, residuals: FloatArray, units: IntArray, rng: np.random.Generator) -> AnyArray:
        """Negative binomial counts with the overdispersion of the residuals, encoded, shape (n,).

        Rows that depend on each other share the gamma variable, of mean one, that multiplies their means. Its variance is that of least
        squares of squared residuals, less the mean, on the squared mean, but not below zero (Cameron and Trivedi 1986, section 4).
        """
        means = predictions.clip(_LEAST)
        variance = max(float(((residuals**2 - means) * means**2).sum() / (means**4).sum()), 0.0)
        frailty = rng.gamma(1 / variance, variance, units.max() + 1) if variance > _LEAST else np.ones(units.max() + 1)
        return self._scaled(rng.poisson(means * frailty[units]))

    def effect_of(self, scale: str) -> str:
        """The mean count or the log rate."""
        return f"{'' if scale == 'target' else 'log rate of '}{printable(self.target)}"


def _whole_numbers(target: pa.ChunkedArray, column: Numeric) -> FloatArray:
    """The counts of a target, float64, shape (n,).

    Raises:
        DataError: one is not a whole number from zero on.
    """
    values = finite_numbers(target, column)
    wrong = (values < 0) | (values != np.floor(values))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"Counts must be whole numbers from zero on, but row {row + 1} of '{column.name}' holds {values[row]:g}. "
            "Repair or leave out the row, or use --task regression."
        )
    return values


def find_count(
    target: pa.ChunkedArray,
    name: str,
    *,
    class_weight: Any,
    positive: Any = None,
    remark: str,
    levels: Sequence[str] = (),
    notation: Notation | None = None,
) -> Count:
    """The task of predicting these counts.

    Raises:
        DataError: they are not whole numbers from zero on, or do not vary.
        UsageError: class weights or a class to speak of were asked for.
    """
    refuse_classes(name, "count", class_weight, positive)
    column = column_of_numbers(target, name, notation)
    values = _whole_numbers(target, column)
    if values.min() == values.max():
        raise DataError(f"The counts of '{name}' must vary, but they are {values[0]:g} in all {len(values)} rows. Name another target.")
    scale = float(values.mean())
    return Count(name, 0.0, scale, remark, least=0.0, notation=column.notation, from_times=column.from_times)


def looks_counted(values: FloatArray) -> bool:
    """Whether numbers (n,) look like counts of events: whole, some zero, many alike, skewed to the right, as variable as Poisson's or more.

    Example:
        >>> looks_counted(np.random.default_rng(0).poisson(0.5, 100).astype(float))
        True
    """
    whole = bool((np.isfinite(values) & (values >= 0)).all()) and bool((values == np.floor(values)).all())
    if not whole or len(values) < _FEWEST_ROWS or np.count_nonzero(values == 0) < _FEWEST_ZEROS:
        return False
    mean = values.mean()
    if mean > _LARGEST_MEAN or len(np.unique(values)) > _MOST_DISTINCT * len(values):
        return False
    variance, third = values.var(), ((values - mean) ** 3).mean()
    return bool(variance >= _LEAST_DISPERSION * mean and third > _LEAST_SKEWNESS * variance**1.5)
