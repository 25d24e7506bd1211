"""Weights from item to item, solved in closed form: each item is regressed on all others, with a ridge penalty (EASE).

Steck 2019, "Embarrassingly shallow autoencoders for sparse data", equation 8: with P the inverse of G + L, where G holds the products of
items over users and L the penalties, the weight of item i in the score of item j is ``-P[i, j] / P[j, j]``. Penalties grow with how often
an item comes (dropout of what is looked at, Steck 2020, "Autoencoders that don't overfit towards the identity", equation 10), and users
of many events weigh less. Where there are fewer users than items the same weights follow from an inverse of users by users.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
import scipy.linalg
import scipy.sparse

from weights.data.interactions.events import Interactions
from weights.data.memory import check_memory_for
from weights.recommending.profiles import profile, profile_all, scale_rows
from weights.recommending.resampling import HALF_A_USER, draw_users
from weights.types import AnyArray, FloatArray, IntArray

_BYTES = 8.0 * 2.5
"""Of a number of the inverse while it is made."""
_BLOCK, _MOST_AT_ONCE = 512, 8_192
_MOST_KEPT = 40_000_000
"""Residuals that are kept once they are made."""
_LEAST_LEFT = 0.1
"""Of a user's answer that the user does not determine, so that a few are not taken for many (our choice)."""


class ItemWeightSettings(msgspec.Struct, frozen=True):
    """What can be set of weights from item to item.

    Attributes:
        strength: of the ridge penalty, in events.
        dropout: share of what is looked at that is as if it were dropped out.
        user_power: users weigh as the number of their events to minus this.
        emphasis: how much more the highest of a user's values weighs than the lowest.
        tags: the weight of a tag of a user or an item, beside one of an event; none are looked at if it is zero.
    """

    strength: Annotated[float, msgspec.Meta(gt=0, le=1e12)] = 100.0
    dropout: Annotated[float, msgspec.Meta(ge=0, le=0.99)] = 0.33
    user_power: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.25
    emphasis: Annotated[float, msgspec.Meta(ge=0, le=1.9)] = 0.5
    tags: Annotated[float, msgspec.Meta(ge=0, le=1e3)] = 0.3


@dataclass(frozen=True, eq=False)
class ItemWeights:
    """Weights from item to item, and from tags of users to items, which stand behind the items (m + g = p).

    Attributes:
        settings: how they were learned.
        n_users: rows that are of users, n; those below are tags of items (n + f = r).
        inverse: P, float32, shape (p, p); or, where there are fewer rows than that, that of rows by rows, shape (r, r).
        diagonal: of P, shape (p,).
        penalties: of each item, shape (p,).
        rows: what users did, as it was learned from, sparse, shape (r, p).
    """

    settings: ItemWeightSettings
    n_users: int
    inverse: FloatArray
    diagonal: FloatArray
    penalties: FloatArray
    rows: scipy.sparse.csr_matrix

    @property
    def by_users(self) -> bool:
        """Whether the inverse is that of users by users."""
        return self.inverse.shape[0] != self.rows.shape[1]

    def profile(self, events: Interactions) -> scipy.sparse.csr_matrix:
        """What is looked at of users, shape (q, m)."""
        return profile(events, self.settings.emphasis, self.settings.tags, self.rows.shape[1])

    def times_inverse(self, x: scipy.sparse.csr_matrix | FloatArray) -> FloatArray:
        """X P, of q rows, sparse or not, shape (q, p)."""
        if not self.by_users:
            return np.asarray(x.astype(np.float32) @ self.inverse)  # in other precision all of the inverse would be copied first
        scaled = x @ scipy.sparse.diags(1 / self.penalties) if scipy.sparse.issparse(x) else x / self.penalties
        alike, dense = (_make_dense(own) for own in (scaled @ self.rows.T, scaled))
        return dense - ((alike.astype(np.float32) @ self.inverse) @ self.rows) / self.penalties

    def score(self, events: Interactions) -> FloatArray:
        """Scores of all items, shape (q, m)."""
        x = self.profile(events)
        scores = self.times_inverse(x)
        scores *= (-1.0 / self.diagonal).astype(scores.dtype)
        scores[np.repeat(np.arange(x.shape[0]), np.diff(x.indptr)), x.indices] += x.data
        return scores[:, : len(events.items)]

    def weights(self, places: AnyArray) -> FloatArray:
        """The weights with which all items, and tags of users, count in the scores of some items, shape (p, k)."""
        weights = -self.times_inverse_at(places) / self.diagonal[places]
        weights[places, np.arange(len(places))] = 0.0
        return weights

    def contribute(self, events: Interactions, places: IntArray) -> FloatArray:
        """What each event of one user, and then each tag, adds to the scores of some items, shape (known, k)."""
        x = self.profile(events)
        return self.weights(places)[x.indices] * x.data[:, None]

    def base(self, places: IntArray) -> FloatArray:
        """What all users have of the scores of some items, which is nothing, shape (k,)."""
        return np.zeros(len(places))

    def vary(self, events: Interactions, places: IntArray) -> FloatArray:
        """How scores of one user change where the learned users count more or less, to first order, shape (draws, k).

        With residuals R of the regressions, ``k = X P x`` and draws z, the change of the score of item j is
        ``sum_v z_v R[v, j] (k_v - (x P)_j R[v, j])``: the derivative of the closed form by the weights of users.

        Args:
            events: of the user.
            places: items.
        """
        draws = draw_users(self.n_users, self.rows.shape[0])
        near = self.times_inverse(self.profile(events))[0]
        left = self._residuals(places)
        return (draws * (self.rows @ near)) @ left - (draws @ left**2) * near[places]

    def doubt(self, events: Interactions, places: IntArray) -> FloatArray:
        """What a user more, who is as the one asked for and took the item, would add to its score, shape (k,)."""
        x = self.profile(events)
        near = self.times_inverse(x)[0]
        left = 1.0 - (x.toarray()[0] - near / self.diagonal)[places]
        return left * (float((x @ near)[0]) - near[places] ** 2 / self.diagonal[places])

    def _residuals(self, places: IntArray) -> FloatArray:
        """What the regressions of some items leave of each row, shape (r, k)."""
        if self._is_kept:
            return self._near[:, places] / self.diagonal[places]
        return self.rows[:, places].toarray() - self.rows @ self.weights(places)

    @property
    def _is_kept(self) -> bool:
        """Whether what all rows leave is kept once it is made."""
        return self.rows.shape[0] * self.rows.shape[1] <= _MOST_KEPT

    @functools.cached_property
    def _near(self) -> FloatArray:
        """X P of all rows, shape (r, p): the residuals of all items, times the diagonal."""
        return self.times_inverse(self.rows)

    def bound_weights(self, places: AnyArray) -> FloatArray:
        """The standard errors over users of the weights with which all items count in the scores of some, shape (p, k).

        The sum over users of squared derivatives of the closed form (the infinitesimal jackknife, which for a regression is the
        sandwich of Huber 1967 and White 1980), each divided by one minus what the user has in the own answer (HC3 of MacKinnon and
        White 1985), because users who alone have an item leave no residual; where nobody has both items, with half a user who has.
        """
        left = self._residuals(places)[: self.n_users]
        near = (self._near if self._is_kept else self.times_inverse(self.rows))[: self.n_users]  # (n, p)
        determined = np.asarray(self.rows[: self.n_users].multiply(near).sum(axis=1)) - left**2 * self.diagonal[places]
        left = left / np.maximum(1 - determined, _LEAST_LEFT)
        share = self.times_inverse_at(places) / self.diagonal[places]  # P[i, j] / P[j, j], minus the weight, shape (p, k)
        square = left**2
        across = near[:, places]
        variance = (near**2).T @ square - 2 * share * (near.T @ (across * square)) + share**2 * np.sum(across**2 * square, axis=0)
        alone = self.diagonal[:, None] - share**2 * self.diagonal[places]  # what one more user with both items would change
        taken = (self.rows[: self.n_users] != 0).astype(np.float32)
        nobody = (taken.T @ taken[:, places]).toarray() == 0
        variance += nobody * HALF_A_USER * (alone * (1 + share)) ** 2
        return np.sqrt(np.maximum(variance, 0.0))

    def times_inverse_at(self, places: AnyArray) -> FloatArray:
        """Columns of P, shape (p, k)."""
        unit = scipy.sparse.csr_matrix((np.ones(len(places)), (np.arange(len(places)), places)), (len(places), self.rows.shape[1]))
        return self.times_inverse(unit).T


def _make_dense(rows: Any) -> FloatArray:
    """Rows, which may be sparse, as an array."""
    return np.asarray(rows.toarray() if scipy.sparse.issparse(rows) else rows)


class _Weighed(NamedTuple):
    rows: scipy.sparse.csr_matrix
    penalties: FloatArray


def fit_item_weights(events: Interactions, settings: ItemWeightSettings) -> ItemWeights:
    """The weights from item to item that users' events give.

    Raises:
        TooLargeError: the inverse does not fit into memory.

    Example:
        >>> from weights.data.interactions.events import EventColumns, read_interactions
        >>> import pyarrow as pa
        >>> table = pa.table({"user": [1, 1, 2, 2, 3], "item": ["a", "b", "a", "b", "c"]})
        >>> fitted = fit_item_weights(read_interactions(table, EventColumns("user", "item"))[0], ItemWeightSettings(strength=1.0))
        >>> abs(fitted.weights([0])).round(2)[:, 0]  # b speaks for a, c does not
        array([0.  , 0.49, 0.  ])
    """
    weighed = _weigh(profile_all(events, settings.emphasis, settings.tags), settings)
    n, m = weighed.rows.shape
    check_memory_for(_BYTES * min(n, m) ** 2, f"Weights from item to item, of {n:,} users and {m:,} items,")
    inverse, diagonal = _solve_by_users(weighed) if n < m else _solve_by_items(weighed)
    return ItemWeights(settings, len(events.users), inverse.astype(np.float32), diagonal, weighed.penalties, weighed.rows)


def keep_item_weights(fitted: ItemWeights) -> dict[str, FloatArray]:
    """What of the weights does not follow from settings and events, by name."""
    return {"inverse": fitted.inverse, "diagonal": fitted.diagonal}


def list_shapes(settings: ItemWeightSettings, n_rows: int, n_columns: int) -> dict[str, list[int]]:
    """The shapes of what is kept, by name."""
    side = min(n_rows, n_columns)
    return {"inverse": [side, side], "diagonal": [n_columns]}


def rebuild_item_weights(events: Interactions, settings: ItemWeightSettings, arrays: Mapping[str, FloatArray]) -> ItemWeights:
    """The weights that events, settings and what was kept give."""
    weighed = _weigh(profile_all(events, settings.emphasis, settings.tags), settings)
    return ItemWeights(settings, len(events.users), arrays["inverse"], arrays["diagonal"], weighed.penalties, weighed.rows)


def _weigh(rows: scipy.sparse.csr_matrix, settings: ItemWeightSettings) -> _Weighed:
    """Rows of users as they count, and the penalty of each item."""
    lengths = np.diff(rows.indptr)
    factors = np.where(lengths > 0, np.maximum(lengths, 1.0) ** -settings.user_power, 0.0)
    rows = scale_rows(rows, factors / (factors.sum() / max((lengths > 0).sum(), 1)))
    squares = np.bincount(rows.indices, rows.data**2, minlength=rows.shape[1])
    return _Weighed(rows, settings.strength + settings.dropout / (1 - settings.dropout) * squares)


def _solve_by_items(weighed: _Weighed) -> tuple[FloatArray, FloatArray]:
    """P and its diagonal."""
    inverse = (weighed.rows.T @ weighed.rows).toarray()
    inverse[np.diag_indices(len(inverse))] += weighed.penalties
    inverse = invert(inverse)
    return inverse, np.diag(inverse).copy()


def _solve_by_users(weighed: _Weighed) -> tuple[FloatArray, FloatArray]:
    """The inverse of one plus the likeness of users, and the diagonal of P, which follow from it (Woodbury)."""
    rows, penalties = weighed
    inverse = (rows @ scipy.sparse.diags(1 / penalties) @ rows.T).toarray()
    inverse[np.diag_indices(len(inverse))] += 1.0
    inverse = invert(inverse)
    columns = rows.tocsc()
    taken = np.empty(len(penalties))
    for j in range(len(penalties)):
        own = slice(columns.indptr[j], columns.indptr[j + 1])
        users, values = columns.indices[own], columns.data[own]
        taken[j] = values @ inverse[np.ix_(users, users)] @ values
    return inverse, 1 / penalties - taken / penalties**2


def invert(matrix: FloatArray) -> FloatArray:
    """The inverse of a symmetric matrix that is positive definite, which is overwritten, shape (m, m).

    Large ones are inverted in quarters (by the Schur complement of the first), because OpenBLAS with several threads writes beyond its
    buffers where it factors them (measured: from 16,000 rows on with two threads; its issues 352 and 2562).
    """
    if len(matrix) <= _MOST_AT_ONCE:
        return _invert_at_once(matrix)
    half = len(matrix) // 2
    first = invert(np.array(matrix[:half, :half]))
    across = matrix[half:, :half] @ first
    second = invert(matrix[half:, half:] - across @ matrix[half:, :half].T)
    matrix[half:, half:] = second
    np.negative(second @ across, out=matrix[half:, :half])
    matrix[:half, half:] = matrix[half:, :half].T
    matrix[:half, :half] = first - across.T @ matrix[half:, :half]
    return matrix


def _invert_at_once(matrix: FloatArray) -> FloatArray:
    factor, failed = scipy.linalg.lapack.dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)  # transposed as LAPACK counts columns first
    assert not failed, "penalties are above zero"
    inverse, failed = scipy.linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    assert not failed, "penalties are above zero"
    for begin in range(0, len(inverse), _BLOCK):
        own = slice(begin, begin + _BLOCK)
        square = np.tril(inverse[own, own])
        inverse[own, own] = square + np.tril(square, -1).T
        inverse[own, begin + _BLOCK :] = inverse[begin + _BLOCK :, own].T
    return np.asarray(inverse.T)
