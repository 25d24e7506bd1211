"""Do metrics differ between two sets of rows? `compare` gives intervals and p-values."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from weights.ensemble import Predictions
from weights.tasks.base import Task
from weights.tasks.metrics import Metric
from weights.types import BoolArray, FloatArray, IntArray

FEWEST_ROWS = 10
"""Fewer rows, or groups, on one of the sides have neither interval nor test (our choice)."""
FEWEST_OF_CLASS = 25
"""Rows of each class that metrics over classes need out of bag to be compared with others (our choice): with fewer, answers of members that
missed some of these rank classes worse than those of all members do."""
_LEAST_EXPECTED = 5.0
"""Rows beside those of the commonest class that both sides must be expected to have for a test (our choice, as for chi-squared)."""
_N_PERMUTATIONS = 1_999
_ROUNDING = 1e-9


class Difference(msgspec.Struct, frozen=True):
    """A metric on some rows less that on others, with its 95 % interval, and the p-value of there being none, or None."""

    value: float
    low: float
    high: float
    p_value: float | None


def compare(
    task: Task, these: Predictions, others: Predictions, here: Mapping[str, Metric], there: Mapping[str, Metric]
) -> dict[str, Difference | None]:
    """For each metric how it differs between two sets of rows; see `find_p_values`.

    A metric that is a mean over classes is not compared where other classes are there.

    Args:
        task: whose metrics.
        these: answers to some rows.
        others: answers to others, independent of them.
        here: metrics of the ones.
        there: those of the others.
    """
    p_values = find_p_values(task, these, others)
    present = [np.unique(side.y[side.weight > 0]) for side in (these, others)]
    alike = np.array_equal(present[0], present[1])
    return {
        name: difference(metric, there[name], p_values[name]) if name in there and (alike or not task.metrics[name].of_each_class) else None
        for name, metric in here.items()
    }


def difference(metric: Metric, other: Metric, p_value: float | None) -> Difference | None:
    """A metric less another on independent rows; None where one of them has no interval.

    The interval is recovered from those of the two (Zou and Donner 2008, equations 3 and 4), which need not be symmetrical.
    """
    if metric.low is None or metric.high is None or other.low is None or other.high is None:
        return None
    value = metric.value - other.value
    below = np.hypot(metric.value - metric.low, other.high - other.value)
    above = np.hypot(metric.high - metric.value, other.value - other.low)
    return Difference(value, float(value - below), float(value + above), p_value)


def find_p_values(task: Task, these: Predictions, others: Predictions) -> dict[str, float | None]:
    """For each metric the p-value of it being the same on two sets of rows; None where rows are too few, or nearly all of one class.

    A metric is close to a mean over rows of what each contributes to it, as the rows of both sides together say. The difference of
    these means over its standard error is compared with those of 1,999 random divisions of the same rows, whole groups together: whatever
    the distribution of contributions, the level is exact where rows are exchangeable between the sides, and by the division by the
    standard error it holds for large samples where only the metric is the same (Janssen 1997, "Studentized permutation tests for
    non-i.i.d. hypotheses and the generalized Behrens-Fisher problem"; Chung and Romano 2013, section 2). What is not tested is
    whether members that saw all rows answer like those that answered out of bag, which saw fewer.

    Args:
        task: whose metrics.
        these: answers to some rows.
        others: answers to others, independent of them.

    Returns:
        p-values by name of the metric.
    """
    y, weight = task.original(np.concatenate([these.y, others.y])), np.concatenate([these.weight, others.weight])
    prediction = np.concatenate([these.prediction, others.prediction])
    unit = _units(these, others)
    n_units, n_these = int(unit.max()) + 1, len(np.unique(unit[: len(these.y)][these.weight > 0]))
    computed = {name: measure.compute(y, prediction, weight) for name, measure in task.metrics.items()}
    known = {name: _without_rounding(value, parts) for name, (value, parts) in computed.items() if parts is not None}
    unknown: dict[str, float | None] = dict.fromkeys(task.metrics)
    present = np.bincount(unit, weight, minlength=n_units) > 0
    n_smaller = min(n_these, int(present.sum()) - n_these)
    if n_smaller < FEWEST_ROWS or not known or _are_rare(task.strata(np.concatenate([these.y, others.y])), n_smaller / int(present.sum())):
        return unknown
    # Of each unit its weight and what its rows contribute, times the weight of all; contributions of all rows add up to zero.
    weights = np.bincount(unit, weight, minlength=n_units)[present]
    sums = np.stack([np.bincount(unit, parts, minlength=n_units)[present] for parts in known.values()], axis=1) * weight.sum()
    first = np.zeros(n_units, bool)
    first[unit[: len(these.y)]] = True
    p_values = _permute(weights, sums, first[present])
    return unknown | dict(zip(known, p_values, strict=True))


def _without_rounding(value: float, contributions: FloatArray) -> FloatArray:
    """What rows contribute (n,) to a metric; zeros where that is what rounding left, as where a class is never answered."""
    return contributions if len(contributions) * np.abs(contributions).max() > _ROUNDING * abs(value) else np.zeros(len(contributions))


def _are_rare(strata: IntArray | None, share: float) -> bool:
    """Whether so few rows are of another class than the commonest that a share of all rows may have none by chance."""
    n_others = 0 if strata is None else len(strata) - int(np.bincount(strata.astype(int)).max())
    return 0 < n_others * share < _LEAST_EXPECTED


def _units(these: Predictions, others: Predictions) -> IntArray:
    """Codes of what is exchanged as a whole, from 0: groups, or rows where there are none; those of the two sides differ."""
    sides = [np.arange(len(side.y)) if side.group is None else np.unique(side.group, return_inverse=True)[1] for side in (these, others)]
    return np.concatenate([sides[0], sides[1] + sides[0].max(initial=-1) + 1])


def _permute(weights: FloatArray, sums: FloatArray, first: BoolArray) -> list[float]:
    """P-values of the differences of weighted means of f quantities between two sides.

    Args:
        weights: of units, shape (u,).
        sums: of units, weight times quantity, shape (u, f).
        first: which units are on the first side, shape (u,).
    """
    smaller = first if first.sum() * 2 <= len(first) else ~first
    table = np.concatenate([weights[:, None], weights[:, None] ** 2, sums, weights[:, None] * sums, sums**2], axis=1)
    whole, random, n = table.sum(0), np.random.default_rng(0xD1F), int(smaller.sum())
    divided = [table[random.choice(len(table), n, replace=False, shuffle=False)].sum(0) for _ in range(_N_PERMUTATIONS)]
    observed = np.abs(_statistics(table[smaller].sum(0), whole, sums.shape[1]))
    reached = (np.abs(_statistics(np.stack(divided), whole, sums.shape[1])) >= observed * (1 - _ROUNDING)).sum(0)
    return [float(p) for p in (1 + reached) / (1 + _N_PERMUTATIONS)]


def _statistics(part: FloatArray, whole: FloatArray, f: int) -> FloatArray:
    """The difference of the means of one side and of the rest over its standard error, shape (..., f), from sums over units."""
    gap, variance = np.zeros(f), np.zeros(f)
    for sign, side in ((1, part), (-1, whole - part)):
        weight, squares, sums, products, of_squares = np.split(side, [1, 2, 2 + f, 2 + 2 * f], axis=-1)
        mean = sums / weight
        gap = gap + sign * mean
        variance = variance + np.maximum(of_squares - 2 * mean * products + mean**2 * squares, 0.0) / weight**2
    # Sides on which nothing varies differ for certain, or not at all.
    return np.where(variance > _ROUNDING * gap**2, gap / np.sqrt(np.maximum(variance, 1e-300)), np.sign(gap) / np.sqrt(_ROUNDING))
