"""Shares of rows, with intervals that hold near zero and one too: `proportion` of one share, `mean_share` of the mean of several."""

from __future__ import annotations

import msgspec
import numpy as np
import scipy.special

from weights.types import AnyArray, BoolArray, FloatArray, IntArray

_TAIL = 0.025


class Metric(msgspec.Struct, frozen=True):
    """A metric's value with a 95 % interval (Student's t, see `dependence.error_of_mean`; of shares see `proportion`).

    `low` and `high` are None where no interval is given: of the calibration error; of the area under the ROC curve and the balanced
    accuracy where a class has but one row or group, whose error cannot be estimated; of all where there is one row or group, or too few
    moments for how they depend on each other.
    """

    value: float
    low: float | None = None
    high: float | None = None


def proportion(hits: BoolArray, weight: FloatArray, group: IntArray | None = None) -> Metric | None:
    """The weighted share of rows that hit, with the interval of Clopper and Pearson 1934 for the effective number of rows.

    The effective number is that of independent rows of equal weight which would give as precise an estimate: weights
    make it smaller (Kish 1965), and so do groups whose rows are alike, the more so where groups are few (Korn and
    Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts estimated from
    survey data", with its factor for degrees of freedom).

    Args:
        hits: shape (n,).
        weight: of rows, at least zero, shape (n,).
        group: codes of rows that belong together, shape (n,).

    Returns:
        The share, or None where all rows have weight zero.

    Example:
        >>> proportion(np.array([True] * 8 + [False] * 2), np.ones(10))
        Metric(value=0.8, low=0.4439..., high=0.9747...)
    """
    counted = hits[weight > 0]
    if not len(counted):
        return None
    n = effective_number(hits, weight, group)
    # By the rows, not by their sums, which rounding leaves beside one.
    if counted.all():
        return Metric(1.0, least_share(n), 1.0)
    if not counted.any():
        return Metric(0.0, 0.0, 1.0 - least_share(n))
    share = float(weight @ hits / weight.sum())
    low = scipy.special.betaincinv(share * n, (1 - share) * n + 1, _TAIL)
    high = scipy.special.betaincinv(share * n + 1, (1 - share) * n, 1 - _TAIL)
    return Metric(share, float(low), float(high))


def least_share(n: float) -> float:
    """The lower bound of a share where all of n rows hit."""
    return float(scipy.special.betaincinv(n, 1.0, _TAIL))


def mean_share(hits: BoolArray, parts: AnyArray, weight: FloatArray, group: IntArray | None = None) -> Metric:
    """The mean over parts of the share of their rows that hit, such as a balanced accuracy; of one part its share.

    The interval is recovered from those of the shares, taken as independent (Zou and Donner 2008, "Construction of confidence limits
    about effect measures", equations 7 and 8: the method of variance estimates recovery).

    Args:
        hits: shape (n,).
        parts: codes of the parts, shape (n,); those whose rows all have weight zero do not count.
        weight: of rows, at least zero, not all zero, shape (n,).
        group: codes of rows that belong together, shape (n,).

    Example:
        >>> mean_share(np.array([True] * 8 + [False] * 2), np.arange(10) % 2, np.ones(10))
        Metric(value=0.8, low=0.4348..., high=0.9378...)
    """
    members = [parts == part for part in np.unique(parts[weight > 0])]
    shares = [proportion(hits[rows], weight[rows], None if group is None else group[rows]) for rows in members]
    values, lows, highs = np.array([(share.value, share.low, share.high) for share in shares if share is not None], float).T
    value = float(values.mean())
    below, above = (float(np.sqrt(np.sum((bounds - values) ** 2)) / len(values)) for bounds in (lows, highs))
    return Metric(value, value - below, value + above)


def effective_number(hits: BoolArray, weight: FloatArray, group: IntArray | None) -> float:
    """How many independent rows of equal weight would estimate the share of hits as precisely; see `proportion`."""
    counts = weight > 0
    hits, weight = hits[counts], weight[counts]
    by_weights = float(weight.sum() ** 2 / (weight @ weight))
    if group is None:
        return by_weights
    code = np.unique(group[counts], return_inverse=True)[1]
    of_group = np.bincount(code, weight)
    n_groups = len(of_group)
    # All hits or none: rows of a group are not seen to differ, so that each group counts as one.
    if n_groups < 2 or hits.all() or not hits.any():
        return float(of_group.sum() ** 2 / (of_group @ of_group))
    share = float(weight @ hits / weight.sum())
    apart = np.bincount(code, weight * (hits - share)) / weight.sum()
    variance = float(apart @ apart) * n_groups / (n_groups - 1)
    fewer = (scipy.special.stdtrit(len(hits) - 1, 1 - _TAIL) / scipy.special.stdtrit(n_groups - 1, 1 - _TAIL)) ** 2
    return min(share * (1 - share) / variance * float(fewer), by_weights) if variance > 0 else by_weights
