"""How well numbers are predicted along their predictions: means, residuals and intervals, in parts of equally many rows.

All are asked of `Predictions`: answers to rows by members that never saw them.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from weights.dependence import error_of_mean
from weights.tasks.proportions import Metric, proportion
from weights.types import BoolArray, FloatArray, IntArray

_N_PARTS, _FEWEST_IN_PART = 10, 10
"""Parts of the predictions, fewer where one would have fewer rows (our choice)."""


class Values(NamedTuple):
    """Numbers that came beside what was predicted of them.

    predicted, observed, weight: in the target's unit, and of rows, each of shape (n,). group: codes of rows that belong together, or None.
    """

    predicted: FloatArray
    observed: FloatArray
    weight: FloatArray
    group: IntArray | None = None


class Part(msgspec.Struct, frozen=True):
    """Rows of similar prediction.

    Attributes:
        predicted: its mean.
        observed: the mean of what came, with its 95 % interval for other rows like these.
        residuals: quartiles of what came less what was predicted: lower, median, upper.
        n: rows.
    """

    predicted: float
    observed: Metric
    residuals: tuple[float, float, float]
    n: int


class HeldPart(msgspec.Struct, frozen=True):
    """Rows of similar prediction beside their prediction intervals.

    Attributes:
        predicted: the median prediction.
        low, high: the median bounds.
        held: the share of values within the bounds of their own row, with its 95 % interval.
        n: rows.
    """

    predicted: float
    low: float
    high: float
    held: Metric
    n: int


def part_values(values: Values) -> list[Part]:
    """Tenths of the predictions, equal predictions in one; fewer parts where there are fewer than 100 rows."""
    parts = []
    for here in _parts(values.predicted, values.weight):
        residuals = values.observed[here] - values.predicted[here]
        lower, middle, upper = np.quantile(residuals, [0.25, 0.5, 0.75]).tolist()
        predicted = float(np.average(values.predicted[here], weights=values.weight[here]))
        parts.append(Part(predicted, _mean(values, here), (lower, middle, upper), int(here.sum())))
    return parts


def part_intervals(values: Values, low: FloatArray, high: FloatArray) -> list[HeldPart]:
    """The same parts with the bounds (n,), (n,) of their rows, and how many of these hold."""
    held, parts = (low <= values.observed) & (values.observed <= high), []
    for here in _parts(values.predicted, values.weight):
        share = proportion(held[here], values.weight[here], None if values.group is None else values.group[here])
        assert share is not None  # parts are of rows that count
        middle, lower, upper = (float(np.median(numbers[here])) for numbers in (values.predicted, low, high))
        parts.append(HeldPart(middle, lower, upper, share, int(here.sum())))
    return parts


def _parts(predicted: FloatArray, weight: FloatArray) -> list[BoolArray]:
    """Which rows (n,) are in each part; those of weight zero are in none."""
    counted = weight > 0
    n_parts = int(np.clip(counted.sum() // _FEWEST_IN_PART, 1, _N_PARTS))
    edges = np.unique(np.quantile(predicted[counted], np.arange(1, n_parts) / n_parts))
    number = np.searchsorted(edges, predicted, side="left")
    return [here for k in range(len(edges) + 1) if (here := counted & (number == k)).any()]


def _mean(values: Values, here: BoolArray) -> Metric:
    """The mean of what came, with its interval."""
    observed, share = values.observed[here], values.weight[here] / values.weight[here].sum()
    mean = float(share @ observed)
    group = None if values.group is None else values.group[here]
    half = error_of_mean(share * (observed - mean), share, group=group).half_width() if len(observed) > 1 else None
    return Metric(mean) if half is None else Metric(mean, mean - half, mean + half)
