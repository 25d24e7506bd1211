"""Which pictures (or other rows) are worth a look: answered rightly and surely, wrongly, or hardly at all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from weights.ensemble import Predictions
from weights.types import FloatArray, IntArray


class Gallery(NamedTuple):
    """Positions among answered rows, the clearest first in each.

    Attributes:
        right: rows answered rightly, those of the largest probability, classes taking turns.
        wrong: rows answered wrongly, those whose wrong class has the largest probability.
        uncertain: rows whose two most probable classes are closest.
    """

    right: IntArray
    wrong: IntArray
    uncertain: IntArray


def gallery(predictions: Predictions, *, n_each: int) -> Gallery:
    """So many rows of each sort, fewer where there are not as many."""
    said = predictions.prediction.argmax(1)
    ranked = np.sort(predictions.prediction, axis=1)
    right = np.flatnonzero(said == predictions.y)
    wrong = np.flatnonzero(said != predictions.y)
    turns = _turn_in_class(predictions.y[right], -ranked[right, -1])
    return Gallery(
        right[np.lexsort((-ranked[right, -1], turns))][:n_each],
        wrong[np.argsort(-ranked[wrong, -1], kind="stable")][:n_each],
        np.argsort(ranked[:, -1] - ranked[:, -2], kind="stable")[:n_each],
    )


def _turn_in_class(y: IntArray, key: FloatArray) -> IntArray:
    """The place of each row in the order of its class by a key, shape (n,)."""
    turn = np.empty(len(y), int)
    for k in np.unique(y):
        rows = np.flatnonzero(y == k)
        turn[rows[np.argsort(key[rows], kind="stable")]] = np.arange(len(rows))
    return turn
