"""What users and items have of a rating by themselves: the plain model beside which others are judged."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from weights.data.interactions.events import Interactions
from weights.types import FloatArray

_PENALTY = 5.0
"""Of a squared bias, in ratings (our choice)."""
_TOLERANCE = 1e-8


class Biases(NamedTuple):
    """The mean of all ratings, and what users, shape (n,), and items, shape (m,), have above it."""

    middle: float
    users: FloatArray
    items: FloatArray

    def predict(self, events: Interactions) -> FloatArray:
        """Ratings of the pairs of events, shape (e,)."""
        return self.middle + self.users[events.user] + self.items[events.item]


def fit_biases(events: Interactions) -> Biases:
    """The biases with the least squared error and penalty of squared biases.

    Example:
        >>> import pyarrow as pa
        >>> from weights.data.interactions.events import EventColumns, read_interactions
        >>> table = pa.table({"user": [1, 1, 2, 2], "item": ["a", "b", "a", "b"], "stars": [5, 4, 3, 2]})
        >>> fit_biases(read_interactions(table, EventColumns("user", "item", "stars"))[0]).users.round(2)
        array([ 0.29, -0.29])
    """
    n, m = events.shape
    middle, rows = float(events.value.mean()), np.arange(len(events))
    places = np.concatenate([events.user, n + events.item])
    design = scipy.sparse.csr_matrix((np.ones(2 * len(events)), (np.concatenate([rows, rows]), places)), (len(events), n + m))
    matrix = design.T @ design + _PENALTY * scipy.sparse.identity(n + m)
    found, _ = scipy.sparse.linalg.cg(matrix, design.T @ (events.value - middle), rtol=_TOLERANCE)
    return Biases(middle, found[:n], found[n:])
