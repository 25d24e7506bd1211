"""Whether numbers that could be codes of classes are quantities, by what rows show: `order_p_value`."""

from __future__ import annotations

import itertools
import math

import numpy as np

from weights.types import AnyArray, FloatArray

_MOST_ORDERS = 2_000
"""Orders of the numbers that are tried; all of them where there are no more (our choice)."""
_TIE = 1e-9


def order_p_value(codes: AnyArray, x: FloatArray) -> float:
    """How often names given to classes at random would be in order as much as these numbers are: small for quantities.

    Two things are in order where numbers are quantities, and in none where they are names of classes: how many rows hold each number rises
    to one hump and falls behind it, and the other columns change steadily with the number. Each is compared with what it is when numbers
    change places (a permutation test); the two p-values are joined as Fisher did (1932, section 21.1). Of four numbers or fewer too few
    orders are possible to tell.

    Args:
        codes: positions 0..K-1 of each row's number among all numbers, ascending, shape (n,); each comes.
        x: the other columns as models read them, shape (n, p), finite; p may be 0.

    Example:
        >>> points = np.repeat(np.arange(8), [1, 3, 9, 20, 24, 12, 4, 2])
        >>> order_p_value(points, points[:, None] + 0.5) < 0.01
        True
    """
    n_numbers = int(codes.max()) + 1
    counts = np.bincount(codes)
    centers = np.stack([x[codes == k].mean(0, dtype=np.float64) for k in range(n_numbers)]) if x.shape[1] else np.zeros((n_numbers, 0))
    orders = _orders(n_numbers)
    by_hump = _share_as_small(_dents(np.sqrt(counts)[orders]))
    by_columns = _share_as_small(-_steadiness(orders, centers - counts @ centers / counts.sum(), counts))
    both = by_hump * by_columns
    return both * (1 - math.log(both))


def _orders(n_numbers: int) -> AnyArray:
    """Orders of the numbers, shape (r, K), the first of them ascending."""
    if math.factorial(n_numbers) <= _MOST_ORDERS:
        return np.array([*itertools.permutations(range(n_numbers))])
    rng = np.random.default_rng(0x0DE)
    return np.stack([np.arange(n_numbers), *(rng.permutation(n_numbers) for _ in range(_MOST_ORDERS - 1))])


def _dents(heights: FloatArray) -> FloatArray:
    """By how much heights (r, K) fall before their hump and rise behind it, where the hump is placed best, shape (r,)."""
    steps = np.diff(heights, axis=1)
    edge = np.zeros((len(steps), 1))
    falls_before = np.hstack([edge, np.cumsum(np.maximum(-steps, 0.0), axis=1)])
    rises_behind = np.hstack([np.cumsum(np.maximum(steps, 0.0)[:, ::-1], axis=1)[:, ::-1], edge])
    return (falls_before + rises_behind).min(1)


def _steadiness(orders: AnyArray, centers: FloatArray, counts: AnyArray) -> FloatArray:
    """What a line through the numbers explains of the columns' means (K, p), which are zero on average, in each order, shape (r,)."""
    numbers = np.argsort(orders, axis=1).astype(np.float64)
    numbers -= (numbers @ counts / counts.sum())[:, None]
    return (((numbers * counts) @ centers) ** 2).sum(1) / (numbers**2 @ counts)


def _share_as_small(values: FloatArray) -> float:
    """The share of values that are no larger than the first."""
    return float(np.mean(values <= values[0] + _TIE * np.abs(values).max()))
