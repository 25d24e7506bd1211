"""Factors of users and items, by alternating least squares of implicit feedback (iALS).

Hu, Koren and Volinsky 2008, "Collaborative filtering for implicit feedback datasets", in the form of Rendle et al. 2022, "Revisiting the
performance of iALS on item recommendation benchmarks", equation 1: what was taken should have the product one, everything else zero with a
small weight, and the penalty of a factor grows with how often it is asked for. Sides are solved by a few steps of conjugate gradients from
where they are (Takács, Pilászy and Tikk 2011), from a truncated singular value decomposition, so that few rounds do. Users are answered by
solving their own equations exactly.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
import scipy.linalg
import scipy.sparse

from weights.data.interactions.events import Interactions
from weights.recommending.profiles import profile, profile_all
from weights.recommending.resampling import draw_users
from weights.types import FloatArray, IntArray

_N_ROUNDS, _N_STEPS = 4, 3
"""Rounds, each of a few steps of conjugate gradients a side (our choice: more change lists by less than seeds do)."""
_N_BEYOND, _N_POWERS = 8, 2
"""Directions beyond those wanted, and multiplications, of the randomised decomposition (Halko, Martinsson and Tropp 2011)."""
_BLOCK_NUMBERS = 300_000
"""Factors that are multiplied at a time, so that they stay near the processor."""
_START = 0.1
_TINY = 1e-30
_MANY = 30
"""Users of an item to whom one more is next to nothing (our choice)."""


class FactorSettings(msgspec.Struct, frozen=True):
    """What can be set of factors.

    Attributes:
        n_factors: how many each user and item has.
        unobserved: the weight of what did not happen, beside one of what did.
        penalty: of factors, for each event, and each that did not happen, by its weight.
        emphasis: how much more the highest of a user's values weighs than the lowest.
        tags: the weight of a tag of a user or an item, beside one of an event; none are looked at if it is zero.
    """

    n_factors: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 32
    unobserved: Annotated[float, msgspec.Meta(gt=0, le=1e3)] = 0.3
    penalty: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 0.01
    emphasis: Annotated[float, msgspec.Meta(ge=0, le=1.9)] = 0.5
    tags: Annotated[float, msgspec.Meta(ge=0, le=1e3)] = 0.3


@dataclass(frozen=True, eq=False)
class Factors:
    """Factors of items, from which those of users follow.

    Attributes:
        settings: how they were learned.
        items: and of tags of users behind them, shape (p, k), float32.
        learned: the events that they were learned from.
    """

    settings: FactorSettings
    items: FloatArray
    learned: Interactions

    def profile(self, events: Interactions) -> scipy.sparse.csr_matrix:
        """What is looked at of users, shape (q, m)."""
        return profile(events, self.settings.emphasis, self.settings.tags, len(self.items))

    @functools.cached_property
    def background(self) -> FloatArray:
        """What all items ask of the factors of a user, whatever was taken, shape (k, k)."""
        items = self.items.astype(np.float64)
        return np.asfortranarray(self.settings.unobserved * items.T @ items)

    def _equations(self, x: scipy.sparse.csr_matrix, user: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Of one user the factors of items that were looked at, what is wanted of each by its weight, and the matrix to solve with."""
        own = slice(x.indptr[user], x.indptr[user + 1])
        weight, wanted = find_weights(x.data[own])
        factors = self.items[x.indices[own]].astype(np.float64)
        penalty = self.settings.penalty * (weight.sum() + self.settings.unobserved * len(self.items))
        return factors, weight * wanted, _make_matrix(self.background, factors, weight, penalty)

    def fold_in(self, events: Interactions) -> FloatArray:
        """The factors of users, each the exact solution of their own equations, shape (q, k)."""
        return self.solve(self.profile(events))

    def solve(self, x: scipy.sparse.csr_matrix) -> FloatArray:
        """The factors of rows, shape (q, k)."""
        found = np.zeros((x.shape[0], self.items.shape[1]))
        for user in np.flatnonzero(np.diff(x.indptr)):
            factors, wanted, matrix = self._equations(x, int(user))
            found[user] = _solve(matrix, scipy.linalg.blas.dgemv(1.0, factors.T, wanted))
        return found

    def score(self, events: Interactions) -> FloatArray:
        """Scores of all items, shape (q, m)."""
        return np.asarray((self.items[: len(events.items)] @ self.fold_in(events).astype(np.float32).T).T)

    def contribute(self, events: Interactions, places: IntArray) -> FloatArray:
        """What each event of one user, and then each tag, adds to the scores of some items, shape (known, k)."""
        factors, wanted, matrix = self._equations(self.profile(events), 0)
        return wanted[:, None] * (factors @ _solve(matrix, self.items[places].astype(np.float64).T))

    def base(self, places: IntArray) -> FloatArray:
        """What all users have of the scores of some items, which is nothing, shape (k,)."""
        return np.zeros(len(places))

    def vary(self, events: Interactions, places: IntArray) -> FloatArray:
        """How scores of one user change where the learned users count more or less, to first order, shape (draws, k).

        Factors of items follow the users that count, whose own are held; those of the user who is asked for follow the items.

        Args:
            events: of the user.
            places: items.
        """
        x, items, moved = self.profile(events), self.items.astype(np.float64), self.moved_items
        factors, wanted, matrix = self._equations(x, 0)
        own = _solve(matrix, wanted @ factors)
        weight, _ = find_weights(x.data)
        here = moved[:, x.indices]  # (draws, events, k)
        asked = np.einsum("dik,i->dk", here, wanted - weight * (factors @ own)) - ((here @ own) * weight) @ factors
        asked -= (self.moved_background + self.moved_background.swapaxes(1, 2)) @ own
        return moved[:, places] @ own + _solve(matrix, asked.T).T @ items[places].T

    def doubt(self, events: Interactions, places: IntArray) -> FloatArray:
        """What a user more, who is as the one asked for and took the item, would add to its score, shape (k,).

        Items that many have are passed over, as one more is next to nothing to them.
        """
        own, n_users = self.fold_in(events)[0], np.diff(self._columns.indptr)
        found = np.zeros(len(places))
        for k, item in enumerate(places):
            if n_users[item] < _MANY:
                left = 1.0 - float(own @ self.items[item])
                found[k] = left * (own @ _solve(self._item_matrix(item), own))
        return found

    def _item_matrix(self, item: int) -> FloatArray:
        """The matrix that the factors of an item, or of a tag of users, are solved with, shape (k, k)."""
        own = slice(self._columns.indptr[item], self._columns.indptr[item + 1])
        factors, (weight, _) = self.learned_users[self._columns.indices[own]], find_weights(self._columns.data[own])
        penalty = self.settings.penalty * (weight.sum() + self.settings.unobserved * len(self.learned_users))
        return _make_matrix(self._user_background, factors, weight, penalty)

    @functools.cached_property
    def _rows(self) -> scipy.sparse.csr_matrix:
        """What was learned from, with tags, shape (r, p)."""
        return profile_all(self.learned, self.settings.emphasis, self.settings.tags)

    @functools.cached_property
    def _columns(self) -> scipy.sparse.csc_matrix:
        return self._rows.tocsc()

    @functools.cached_property
    def learned_users(self) -> FloatArray:
        """The factors of the users that were learned from, and of tags of items, shape (r, k)."""
        return self.solve(self._rows)

    @functools.cached_property
    def _user_background(self) -> FloatArray:
        return np.asfortranarray(self.settings.unobserved * self.learned_users.T @ self.learned_users)

    @functools.cached_property
    def moved_background(self) -> FloatArray:
        """Half of how `background` changes by draws of users, shape (draws, k, k)."""
        moved: FloatArray = self.settings.unobserved * np.matmul(self.moved_items.swapaxes(1, 2), self.items.astype(np.float64))
        return moved

    @functools.cached_property
    def moved_items(self) -> FloatArray:
        """How the factors of items change by draws of users, shape (draws, p, k)."""
        x, items = self._rows, self.items.astype(np.float64)
        draws = draw_users(len(self.learned.users), x.shape[0])
        users, rows = self.learned_users, np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
        weight, wanted = find_weights(x.data)
        left = weight * (wanted - np.einsum("ij,ij->i", users[rows], items[x.indices]))
        asked = np.empty((len(draws), *items.shape))
        for draw, change in zip(draws, asked, strict=True):
            counted = scipy.sparse.csr_matrix((draw[rows] * left, x.indices, x.indptr), x.shape).T @ users
            n_more = np.bincount(x.indices, draw[rows] * weight, minlength=len(items)) + self.settings.unobserved * draw.sum()
            change[:] = counted - self.settings.unobserved * items @ ((users.T * draw) @ users)
            change -= self.settings.penalty * n_more[:, None] * items
        for item in range(len(items)):
            asked[:, item] = _solve(self._item_matrix(item), asked[:, item].T).T
        return asked


# All that is solved for one user goes through the linear algebra of SciPy: that of NumPy has threads of its own, and where calls to
# both alternate, each waits for the other's (measured: 15 ms in place of 0.3 for 128 factors on two cores).


def _make_matrix(background: FloatArray, factors: FloatArray, weight: FloatArray, penalty: float) -> FloatArray:
    """The matrix that factors are solved with, of which the lower half is filled, shape (k, k)."""
    weighed = factors * np.sqrt(weight)[:, None]
    matrix = scipy.linalg.blas.dsyrk(1.0, weighed.T, beta=1.0, c=background, lower=1)
    matrix[np.diag_indices(len(matrix))] += penalty
    return np.asarray(matrix)


def _solve(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """The solution of equations of which `_make_matrix` made the matrix, shape as that of the right side."""
    _, solution, failed = scipy.linalg.lapack.dposv(matrix, right, lower=1)
    assert not failed, "penalties are above zero"
    return np.asarray(solution)


def find_weights(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The weight of each event, and the product that is wanted of it: one of what was taken, minus one of what was refused, zero of others.

    Example:
        >>> find_weights(np.array([1.2, 0.0, -1.0]))
        (array([1.2, 1. , 1. ]), array([ 1.,  0., -1.]))
    """
    return np.where(values == 0, 1.0, np.abs(values)), np.sign(values)


class _Side(NamedTuple):
    """One side of the equations: sparse weights (a, b), what is wanted by its weight (a, b), and penalties (a,)."""

    weight: scipy.sparse.csr_matrix
    wanted: scipy.sparse.csr_matrix
    penalty: FloatArray


def fit_factors(events: Interactions, settings: FactorSettings, *, seed: int = 0) -> Factors:
    """The factors of items that users' events give.

    Args:
        events: of users.
        settings: of factors.
        seed: of the start.
    """
    x = profile_all(events, settings.emphasis, settings.tags).astype(np.float32)
    users, items = _make_sides(x, settings)
    factors = _start(x, settings.n_factors, seed)
    own = np.zeros((x.shape[0], factors.shape[1]), np.float32)
    for _ in range(_N_ROUNDS):
        own = _improve(own, factors, users, settings.unobserved)
        factors = _improve(factors, own, items, settings.unobserved)
    return Factors(settings, factors, events)


def keep_factors(fitted: Factors) -> dict[str, FloatArray]:
    """What of the factors does not follow from settings and events, by name."""
    return {"items": fitted.items}


def list_shapes(settings: FactorSettings, n_rows: int, n_columns: int) -> dict[str, list[int]]:
    """The shapes of what is kept, by name."""
    return {"items": [n_columns, settings.n_factors]}


def rebuild_factors(events: Interactions, settings: FactorSettings, arrays: Mapping[str, FloatArray]) -> Factors:
    """The factors that events, settings and what was kept give."""
    return Factors(settings, arrays["items"], events)


def _make_sides(x: scipy.sparse.csr_matrix, settings: FactorSettings) -> tuple[_Side, _Side]:
    """The equations of users and of items."""
    weight, wanted = find_weights(x.data)
    weights, products = (
        scipy.sparse.csr_matrix((values.astype(np.float32), x.indices, x.indptr), x.shape) for values in (weight, weight * wanted)
    )

    def side(weights: scipy.sparse.csr_matrix, products: scipy.sparse.csr_matrix) -> _Side:
        asked = np.asarray(weights.sum(axis=1)).ravel() + settings.unobserved * weights.shape[1]
        return _Side(weights, products, (settings.penalty * asked).astype(np.float32))

    return side(weights, products), side(weights.T.tocsr(), products.T.tocsr())


def _improve(own: FloatArray, other: FloatArray, side: _Side, unobserved: float) -> FloatArray:
    """Factors of a side after a few steps of conjugate gradients, scaled by the diagonal, shape (a, k)."""
    background = unobserved * (other.T @ other)
    weight, _, penalty = side
    blocks = _find_blocks(weight.indptr, _BLOCK_NUMBERS // other.shape[1])

    def apply(factors: FloatArray) -> FloatArray:
        found = factors @ background + penalty[:, None] * factors
        for begin, end in blocks:
            first, last = weight.indptr[begin], weight.indptr[end]
            ends, columns = weight.indptr[begin : end + 1] - first, weight.indices[first:last]
            rows = np.repeat(np.arange(begin, end), np.diff(ends))
            products = np.einsum("ij,ij->i", factors[rows], other[columns]) * weight.data[first:last]
            found[begin:end] += scipy.sparse.csr_matrix((products, columns, ends), (end - begin, weight.shape[1])) @ other
        return np.asarray(found)

    scale = penalty[:, None] + np.diag(background) + weight @ other**2
    left = side.wanted @ other - apply(own)
    step = scaled = left / scale
    size = np.einsum("ij,ij->i", left, scaled)
    for _ in range(_N_STEPS):
        ahead = apply(step)
        length = size / np.maximum(np.einsum("ij,ij->i", step, ahead), _TINY)
        own = own + length[:, None] * step
        left = left - length[:, None] * ahead
        scaled = left / scale
        size, before = np.einsum("ij,ij->i", left, scaled), size
        step = scaled + (size / np.maximum(before, _TINY))[:, None] * step
    return own


def _find_blocks(ends: IntArray, most: int) -> list[tuple[int, int]]:
    """Rows in parts of about so many events at most, each from where to where.

    Args:
        ends: where the events of each row end, after a zero, shape (a + 1,).
        most: events of a part, unless one row has more.
    """
    cuts = np.unique(np.searchsorted(ends, np.arange(0, ends[-1] + most, max(most, 1)), side="left"))
    cuts = np.unique(np.clip(np.append(cuts, [0, len(ends) - 1]), 0, len(ends) - 1))
    return [*zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)]


def _start(x: scipy.sparse.csr_matrix, n_factors: int, seed: int) -> FloatArray:
    """Factors of items from a truncated decomposition of what users did, by how often users and items come, shape (m, k)."""
    n, m = x.shape
    random = np.random.default_rng(seed)
    of_users, of_items = (np.maximum(counts, 1) ** -0.25 for counts in (np.diff(x.indptr), np.bincount(x.indices, minlength=m)))
    scaled = scipy.sparse.diags(of_users) @ x @ scipy.sparse.diags(of_items)
    n_wanted = min(n_factors + _N_BEYOND, n, m)
    basis = scaled @ random.normal(size=(m, n_wanted))
    for _ in range(_N_POWERS):
        basis = scaled @ (scaled.T @ np.linalg.qr(basis)[0])
    _, sizes, right = np.linalg.svd((scaled.T @ np.linalg.qr(basis)[0]).T, full_matrices=False)
    found = right[:n_factors].T * np.sqrt(sizes[:n_factors]) / of_items[:, None]
    found *= _START / np.sqrt(max(np.mean(np.sum(found**2, axis=1)), _TINY))
    beyond = n_factors - found.shape[1]
    return np.concatenate([found, _START / n_factors * random.normal(size=(m, beyond))], axis=1).astype(np.float32)
