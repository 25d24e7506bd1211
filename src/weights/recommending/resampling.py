"""Users drawn anew: how scores would change had each learned user counted twice or not at all, as the halves of a sample do.

Models are solved in closed form, so that what a draw changes is their derivative by the weights of users (the infinitesimal jackknife of
Jaeckel 1972; Efron 1982, chapter 6), and no model is learned again: a draw is a member of the ensemble that costs a product of matrices.
"""

from __future__ import annotations

import functools

import numpy as np
import scipy.special

from weights.types import FloatArray

N_DRAWS = 32
"""Draws of users (our choice: a standard deviation is known to an eighth)."""


@functools.lru_cache(maxsize=2)
def draw_users(n_users: int, n_rows: int) -> FloatArray:
    """By how much each row counts more, always the same, shape (draws, rows): one or minus one of a user, nothing of what is none."""
    draws = np.zeros((N_DRAWS, n_rows))
    draws[:, :n_users] = np.where(np.random.default_rng(0x5EED).random((N_DRAWS, n_users)) < 0.5, 1.0, -1.0)
    return draws


HALF_A_USER = 0.5
"""Of a user more, who is added to those there are: where nobody has an item, or a pair, the error would look like none (Jeffreys)."""


@functools.lru_cache(maxsize=2)
def draw_items(n_items: int) -> FloatArray:
    """Whether half a user more had each item, as a standard normal number, always the same, shape (draws, m)."""
    return np.sqrt(HALF_A_USER) * np.random.default_rng(0xD0B7).standard_normal((N_DRAWS, n_items))


def half_width(changes: FloatArray, level: float) -> FloatArray:
    """How far an interval of a level reaches on either side, from changes of mean zero, shape (draws, k), shape (k,)."""
    return np.asarray(scipy.special.stdtrit(len(changes), (1 + level) / 2) * np.sqrt(np.mean(changes**2, axis=0)))
