"""Items that the same users turned to: scores are sums of likenesses, the cosines between items over users (Sarwar et al. 2001)."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
import scipy.sparse

from weights.data.interactions.events import Interactions
from weights.recommending.profiles import profile, profile_all
from weights.recommending.resampling import draw_users
from weights.types import AnyArray, FloatArray, IntArray

_MOST_KEPT, _MANY_USERS = 40_000_000, 500
"""Likenesses that are kept once they are made, or else users for whom it pays to make more."""
_BLOCK = 1_024
_TINY = 1e-30


class NeighbourSettings(msgspec.Struct, frozen=True):
    """What can be set of likenesses.

    Attributes:
        emphasis: how much more the highest of a user's values weighs than the lowest.
        tags: the weight of a tag of a user or an item, beside one of an event; none are looked at if it is zero.
    """

    emphasis: Annotated[float, msgspec.Meta(ge=0, le=1.9)] = 0.0
    tags: Annotated[float, msgspec.Meta(ge=0, le=1e3)] = 0.3


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Likenesses of items, which follow from what users did.

    Attributes:
        settings: how they are made.
        n_users: rows that are of users.
        rows: what users did, scaled to a length of one for each item, sparse, shape (n, m).
    """

    settings: NeighbourSettings
    n_users: int
    rows: scipy.sparse.csr_matrix

    def profile(self, events: Interactions) -> scipy.sparse.csr_matrix:
        """What is looked at of users, shape (q, m)."""
        return profile(events, self.settings.emphasis, self.settings.tags, self.rows.shape[1])

    def score(self, events: Interactions) -> FloatArray:
        """Scores of all items, shape (q, m): of what each user looked at the mean likeness, by its weight."""
        x, n_columns = self.profile(events), self.rows.shape[1]
        lengths = np.maximum(np.asarray(abs(x).sum(axis=1)).ravel(), _TINY)
        if n_columns**2 <= _MOST_KEPT or x.shape[0] >= _MANY_USERS:
            sums = x.astype(np.float32) @ self._likenesses
        else:
            sums = ((x @ self.rows.T) @ self.rows).toarray() - x.multiply(self._own).toarray()
        return np.asarray(sums / lengths[:, None])[:, : len(events.items)]

    @functools.cached_property
    def _likenesses(self) -> FloatArray:
        """Those of all items to all, none to themselves, float32, shape (m, m)."""
        likenesses = np.empty((self.rows.shape[1],) * 2, np.float32)
        rows, columns = self.rows.T.tocsr(), self.rows.tocsc()
        for begin in range(0, len(likenesses), _BLOCK):
            likenesses[begin : begin + _BLOCK] = (rows[begin : begin + _BLOCK] @ columns).toarray()
        np.fill_diagonal(likenesses, 0.0)
        return likenesses

    @functools.cached_property
    def _own(self) -> FloatArray:
        """The likeness of each item to itself: one, or none of one without events, shape (m,)."""
        return np.asarray(self.rows.multiply(self.rows).sum(axis=0)).ravel()

    def weights(self, places: AnyArray) -> FloatArray:
        """The likenesses of all items to some, none to themselves, shape (m, k)."""
        weights = (self.rows.T @ self.rows[:, places]).toarray()
        weights[places, np.arange(len(places))] = 0.0
        return weights

    def contribute(self, events: Interactions, places: IntArray) -> FloatArray:
        """What each event of one user, and then each tag, adds to the scores of some items, shape (known, k)."""
        x = self.profile(events)
        return self.weights(places)[x.indices] * x.data[:, None] / max(np.abs(x.data).sum(), _TINY)

    def base(self, places: IntArray) -> FloatArray:
        """What all users have of the scores of some items, which is nothing, shape (k,)."""
        return np.zeros(len(places))

    def doubt(self, events: Interactions, places: IntArray) -> FloatArray:
        """What a user more, who is as the one asked for and took the item, would add to its score, shape (k,).

        Each of the user's items would have one more in common with it.
        """
        x = self.profile(events)
        counts = np.asarray((self.rows != 0).sum(axis=0)).ravel() + 1.0
        return (np.abs(x.data) / np.sqrt(counts[x.indices])).sum() / np.sqrt(counts[places]) / max(np.abs(x.data).sum(), _TINY)

    def vary(self, events: Interactions, places: IntArray) -> FloatArray:
        """How scores of one user change where the learned users count more or less, to first order, shape (draws, k).

        A cosine is a product over two lengths, and each of the three is a sum over users.
        """
        x, draws = self.profile(events), draw_users(self.n_users, self.rows.shape[0])
        lengths = self.rows.multiply(self.rows).T @ draws.T  # by how much squared lengths grow, shape (m, draws)
        weights = self.weights(places)[x.indices] * x.data[:, None]
        products = (draws * (self.rows @ x.T).toarray()[:, 0]) @ self.rows[:, places].toarray()
        products -= x.toarray()[0, places] * lengths[places].T  # an item is no neighbour of itself
        changes = products - 0.5 * (lengths[x.indices].T @ weights + lengths[places].T * weights.sum(axis=0))
        return changes / max(np.abs(x.data).sum(), _TINY)


def fit_neighbours(events: Interactions, settings: NeighbourSettings) -> Neighbours:
    """The likenesses that users' events give."""
    rows = profile_all(events, settings.emphasis, settings.tags)
    lengths = np.sqrt(np.bincount(rows.indices, rows.data**2, minlength=rows.shape[1]))
    rows = scipy.sparse.csr_matrix((rows.data / np.maximum(lengths[rows.indices], 1e-300), rows.indices, rows.indptr), rows.shape)
    return Neighbours(settings, len(events.users), rows)
