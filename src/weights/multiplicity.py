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


def _holm(p: FloatArray) -> FloatArray:
    order, result = np.argsort(p), np.empty(len(p))
    result[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1.0)
    return result


def _benjamini_hochberg(p: FloatArray) -> FloatArray:
    order, result = np.argsort(p)[::-1], np.empty(len(p))
    result[order] = np.minimum.accumulate(p[order] * len(p) / np.arange(len(p), 0, -1)).clip(max=1.0)
    return result
