"""Factors of users and items, drawn from what ratings leave open (Bayesian matrix factorisation by Gibbs sampling).

Salakhutdinov and Mnih 2008, "Bayesian probabilistic matrix factorization using Markov chain Monte Carlo", section 3, with biases as one
factor more (of the other side it is one), and means that follow tags (Simm et al. 2015, "Macau: scalable Bayesian multi-relational
factorization with side information", equations 3 to 6). There is nothing to tune: penalties, noise and what tags tell are drawn as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
import scipy.linalg
import scipy.sparse

from weights.data.interactions.events import Interactions
from weights.data.interactions.tags import with_ones
from weights.types import FloatArray

_START = 0.1
_PRIOR_DRAWS = 2.0
"""As how many rows the prior of the mean of factors counts (Salakhutdinov and Mnih 2008 have two)."""
_BLOCK_NUMBERS = 20_000_000


class RatingSettings(msgspec.Struct, frozen=True):
    """What can be set of drawn factors.

    Attributes:
        n_factors: of each user and item, beside the bias.
        n_draws: that are kept.
        n_warmup: rounds before the first one that is kept.
        thinning: rounds for each that is kept.
    """

    n_factors: Annotated[int, msgspec.Meta(ge=1, le=200)] = 16
    n_draws: Annotated[int, msgspec.Meta(ge=2, le=1_000)] = 50
    n_warmup: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 20
    thinning: Annotated[int, msgspec.Meta(ge=1, le=100)] = 2

    @property
    def n_rounds(self) -> int:
        """How many there are."""
        return self.n_warmup + self.n_draws * self.thinning


class Population(NamedTuple):
    """From what distribution the factors of users, or of items, come: normal, around what their tags tell.

    Attributes:
        slopes: of a one and of each tag, shape (..., g + 1, k + 1); the first column is that of biases.
        precision: the inverse of the covariance, shape (..., k + 1, k + 1).
    """

    slopes: FloatArray
    precision: FloatArray


@dataclass(frozen=True, eq=False)
class Draws:
    """What ratings leave open of items and of the populations, as s draws.

    Attributes:
        middle: the mean of all ratings.
        items: biases and factors, float32, shape (s, m, k + 1).
        noise: the variance of a rating around what is predicted, shape (s,).
        of_users, of_items: the populations, arrays with s in front.
    """

    middle: float
    items: FloatArray
    noise: FloatArray
    of_users: Population
    of_items: Population


class _Side(NamedTuple):
    """One side.

    Attributes:
        ratings: less their mean, sparse, shape (a, b).
        tags: a one and the tags of each row, sparse, shape (a, g + 1).
        root: the Cholesky factor of the products of tags, with the prior, shape (g + 1, g + 1).
    """

    ratings: scipy.sparse.csr_matrix
    tags: scipy.sparse.csr_matrix
    root: FloatArray


def sample_factors(
    events: Interactions, settings: RatingSettings, *, seed: int = 0, report: Callable[[float], None] = lambda share: None
) -> Draws:
    """Draws of biases and factors, given ratings.

    Args:
        events: of users, with values.
        settings: of the draws.
        seed: of what is random.
        report: called with the share of rounds that are done; may raise.
    """
    random = np.random.default_rng(seed)
    middle, k = float(events.value.mean()), settings.n_factors
    ratings = events.matrix(events.value - middle)
    user_side = _make_side(ratings, with_ones(events.user_tags, len(events.users)))
    item_side = _make_side(ratings.T.tocsr(), with_ones(events.item_tags, len(events.items)))
    users, items = (_START * random.normal(size=(n, k + 1)) for n in ratings.shape)
    noise = float(np.var(events.value)) or 1.0
    kept: list[tuple[FloatArray, float, Population, Population]] = []
    for turn in range(settings.n_rounds):
        of_users = _draw_population(users, user_side, random)
        users = _draw_side(items, user_side, of_users, noise, random)
        of_items = _draw_population(items, item_side, random)
        items = _draw_side(users, item_side, of_items, noise, random)
        left = events.value - middle - _multiply(users, items, events)
        noise = float((left @ left + 1.0) / random.chisquare(len(left) + 1.0))
        if turn >= settings.n_warmup and (turn - settings.n_warmup) % settings.thinning == settings.thinning - 1:
            kept.append((items.astype(np.float32), noise, of_users, of_items))
        report((turn + 1) / settings.n_rounds)
    drawn, noises, populations, others = zip(*kept, strict=True)
    return Draws(middle, np.stack(drawn), np.asarray(noises), _stack(populations), _stack(others))


def _stack(populations: tuple[Population, ...]) -> Population:
    return Population(*(np.stack(own) for own in zip(*populations, strict=True)))


def _make_side(ratings: scipy.sparse.csr_matrix, tags: scipy.sparse.csr_matrix) -> _Side:
    products = (tags.T @ tags).toarray() + _PRIOR_DRAWS * np.eye(tags.shape[1])
    return _Side(ratings, tags, np.linalg.cholesky(products))


def _multiply(users: FloatArray, items: FloatArray, events: Interactions) -> FloatArray:
    """What factors predict of each event, beside the mean, shape (n,)."""
    own, other = users[events.user], items[events.item]
    return np.asarray(own[:, 0] + other[:, 0] + np.einsum("ij,ij->i", own[:, 1:], other[:, 1:]))


def _draw_population(factors: FloatArray, side: _Side, random: np.random.Generator) -> Population:
    """A draw of slopes and precision, given factors of a side."""
    n, d = factors.shape
    projected = side.tags.T @ factors
    fitted = scipy.linalg.cho_solve((side.root, True), projected)
    scatter = np.eye(d) + factors.T @ factors - fitted.T @ projected
    precision = _draw_wishart(scatter, d + n, random)
    spread = np.linalg.cholesky(np.linalg.inv(precision))
    noise = scipy.linalg.solve_triangular(side.root.T, random.normal(size=fitted.shape))
    return Population(fitted + noise @ spread.T, precision)


def _draw_wishart(scatter: FloatArray, degrees: float, random: np.random.Generator) -> FloatArray:
    """A draw from the Wishart distribution whose scale is the inverse of a matrix (Bartlett's decomposition), shape (d, d)."""
    d = len(scatter)
    lower = np.tril(random.normal(size=(d, d)), -1)
    lower[np.diag_indices(d)] = np.sqrt(random.chisquare(degrees - np.arange(d)))
    root = np.linalg.cholesky(np.linalg.inv(scatter)) @ lower
    return np.asarray(root @ root.T)


def _draw_side(other: FloatArray, side: _Side, population: Population, noise: float, random: np.random.Generator) -> FloatArray:
    """A draw of the factors of one side, given those of the other, shape (a, k + 1)."""
    n, d = side.ratings.shape[0], other.shape[1]
    prior = (side.tags @ population.slopes) @ population.precision
    drawn = np.empty((n, d))
    step = max(_BLOCK_NUMBERS // d**2, 1)
    for begin in range(0, n, step):
        own = slice(begin, min(begin + step, n))
        matrix, right = make_equations(side.ratings[own], other, noise)
        matrix += population.precision
        right += prior[own]
        lower = np.linalg.cholesky(matrix)
        moved = right + np.einsum("nij,nj->ni", lower, random.normal(size=right.shape))
        drawn[own] = np.linalg.solve(matrix, moved[:, :, None])[:, :, 0]
    return drawn


def make_equations(ratings: scipy.sparse.csr_matrix, other: FloatArray, noise: float) -> tuple[FloatArray, FloatArray]:
    """What ratings say of the factors of their rows: the precision that they add, shape (n, d, d), and the right sides, shape (n, d).

    Args:
        ratings: less their mean, sparse, shape (n, b).
        other: biases and factors of the other side, shape (b, d).
        noise: the variance of a rating.
    """
    seen, (n, d) = see(other), (ratings.shape[0], other.shape[1])
    rows, columns = np.tril_indices(d)
    rated, left = (
        scipy.sparse.csr_matrix((values, ratings.indices, ratings.indptr), ratings.shape)
        for values in (np.ones(ratings.nnz), ratings.data - other[ratings.indices, 0])
    )
    matrix = np.empty((n, d, d))
    matrix[:, rows, columns] = (rated @ (seen[:, rows] * seen[:, columns])) / noise
    matrix[:, columns, rows] = matrix[:, rows, columns]
    return matrix, (left @ seen) / noise


def see(other: FloatArray) -> FloatArray:
    """What the factors of a side are multiplied by: those of the other with a one in the place of the bias, shape (..., k + 1)."""
    seen = np.array(other, dtype=float)
    seen[..., 0] = 1.0
    return seen
