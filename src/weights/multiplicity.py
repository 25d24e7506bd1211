"""P-values of many tests, corrected for their number: `adjusted`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weights.errors import UsageError, suggest
from weights.types import FloatArray

ADJUSTMENTS = ("none", "holm", "bh")


def adjusted(p_values: Sequence[float | None], how: str) -> list[float | None]:
    """P-values corrected for their number; those that are None stay so and do not count.

    Args:
        p_values: of one family of tests.
        how: "holm" (Holm 1979) bounds the probability of any false alarm, "bh" (Benjamini and Hochberg 1995) the expected share of
            false ones among alarms, "none" neither.

    Example:
        >>> adjusted([0.01, None, 0.04], "holm")
        [0.02, None, 0.04]
    """
    if how not in ADJUSTMENTS:
        raise UsageError(f"adjust must be one of {', '.join(ADJUSTMENTS)}, but is '{how}'. {suggest(how, ADJUSTMENTS)}")
    known = np.asarray([p for p in p_values if p is not None], float)
    if how == "none" or not len(known):
        return [*p_values]
    corrected = iter((_holm if how == "holm" else _benjamini_hochberg)(known))
    return [None if p is None else float(next(corrected)) for p in p_values]


def adjust_by_family(p_values: FloatArray) -> FloatArray:
    """P-values (families, tests), corrected such that few of the families with one below a level are false, and few tests in these.

    Holm's correction within families, whose least p-values are then those of the families for Benjamini and Hochberg's between them: the
    selective inference of Benjamini and Bogomolov 2014, "Selective inference on multiple families of hypotheses", section 3. Of families
    in which nothing is true and that are below a level the expected share is at most that level; tests that are NaN do not count.

    Example:
        >>> adjust_by_family(np.array([[0.001, 0.2], [0.04, 0.9]])).round(3).tolist()
        [[0.004, 0.2], [0.08, 0.9]]
    """
    within = np.full(p_values.shape, np.nan)
    for family, own in enumerate(p_values):
        there = np.isfinite(own)
        if there.any():
            within[family, there] = _holm(own[there])
    told = np.isfinite(within).any(1)
    least = np.sort(np.nanmin(within[told], axis=1)) if told.any() else np.zeros(0)
    # What each level would have to be for so many families to be below it, and for more.
    levels = np.append(len(least) * least / np.arange(1, len(least) + 1), 1.0)
    later = np.minimum.accumulate(levels[::-1])[::-1]
    below = np.searchsorted(least, within, side="right")  # NaN comes last
    return np.where(np.isnan(within), np.nan, np.minimum(np.minimum(len(least) * within / np.maximum(below, 1), later[below]), 1.0))


def _holm(p: FloatArray) -> FloatArray:
    order, result = np.argsort(p), np.empty(len(p))
    result[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1.0)
    return result


def _benjamini_hochberg(p: FloatArray) -> FloatArray:
    order, result = np.argsort(p)[::-1], np.empty(len(p))
    result[order] = np.minimum.accumulate(p[order] * len(p) / np.arange(len(p), 0, -1)).clip(max=1.0)
    return result
