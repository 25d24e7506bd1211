"""`Rater`: how users will rate items, as the mean over draws of what ratings leave open, with intervals."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse

from weights.conformal import smallest_holding
from weights.data.interactions.events import Interactions
from weights.data.interactions.tags import with_ones
from weights.ensemble import Report
from weights.rating.gibbs import Draws, Population, RatingSettings, make_equations, see
from weights.recommending.recommender import Tags
from weights.tasks.rating import Rating
from weights.types import BoolArray, FloatArray, IntArray

_BLOCK_NUMBERS = 20_000_000


class Predicted(NamedTuple):
    """How users will rate items.

    Attributes:
        mean: shape (n,). deviation: the standard deviation of a rating around it, shape (n,).
    """

    mean: FloatArray
    deviation: FloatArray


class Normal(NamedTuple):
    """What draws say of factors: means, shape (s, ..., d), and covariances, shape (s, ..., d, d)."""

    mean: FloatArray
    covariance: FloatArray


@dataclass(frozen=True, eq=False)
class Rater:
    """How users rate items.

    Attributes:
        task: which columns are what.
        settings: of the draws.
        events: what was learned from.
        draws: of items and populations; users follow from these and their own events.
        scores: how far ratings that were kept apart lay from what was predicted, in standard deviations, ascending, shape (c,).
        low, high: the lowest and the highest rating there was, between which predictions are.
        names: what items are called by people, length m; empty where no table says.
        tags: how features of users and items became tags.
        report: how it was made and how good it is.
    """

    task: Rating
    settings: RatingSettings
    events: Interactions
    draws: Draws
    scores: FloatArray
    low: float
    high: float
    names: list[str]
    tags: Tags
    report: Report

    def name(self, place: int) -> str:
        """What an item is called."""
        return self.names[place] if self.names else self.events.items.show(place)

    def reach(self, level: float) -> float:
        """How many standard deviations an interval of a level reaches; infinite where too few ratings were kept apart to say."""
        return float(smallest_holding(self.scores, level))

    def predict(self, known: Interactions, user: IntArray, item: IntArray) -> Predicted:
        """How users will rate items.

        Args:
            known: what is known of users: whatever they rated counts at once, as the exact solution of their own equations in each draw.
            user: places among those users, shape (n,).
            item: places of items, shape (n,); -1 of one that is not known, which is rated as one of which nothing is.
        """
        order = np.argsort(user, kind="stable")
        mean, deviation = np.empty(len(user)), np.empty(len(user))
        users, begins = np.unique(user[order], return_index=True)
        ends = np.append(begins[1:], len(order))
        for block in self._blocks(len(users)):
            rows = order[begins[block.start] : ends[block.stop - 1]]
            own = users[block]
            mean[rows], deviation[rows] = self._predict_of(known.of_users(own), np.searchsorted(own, user[rows]), item[rows])
        return Predicted(np.clip(mean, self.low, self.high), deviation)

    def _blocks(self, n_users: int) -> Iterator[slice]:
        """Users in parts whose covariances fit into memory."""
        s, _, d = self.draws.items.shape
        step = max(_BLOCK_NUMBERS // (s * d**2), 1)
        for begin in range(0, n_users, step):
            yield slice(begin, min(begin + step, n_users))

    def _predict_of(self, known: Interactions, user: IntArray, item: IntArray) -> Predicted:
        factors = self.fold_in(known)
        items = self._items_at(item)
        seen = see(items)
        mean = self.draws.middle + items[..., 0] + np.einsum("sni,sni->sn", factors.mean[:, user], seen)
        within = np.einsum("sni,snij,snj->sn", seen, factors.covariance[:, user], seen) + self.draws.noise[:, None]
        within += np.where(item < 0, self._variance_of_new(factors, user), 0.0)
        return Predicted(mean.mean(axis=0), np.sqrt(within.mean(axis=0) + mean.var(axis=0)))

    def _items_at(self, item: IntArray) -> FloatArray:
        """Biases and factors of items in each draw, those of one that is not known the mean of all, shape (s, n, d)."""
        found = self.draws.items[:, item].astype(float)
        found[:, item < 0] = self.any_item.mean[:, None]
        return found

    @functools.cached_property
    def any_item(self) -> Normal:
        """What draws say of an item of which nothing is known, not even tags."""
        return _describe_any(self.draws.of_items, with_ones(self.events.item_tags, len(self.events.items)))

    @functools.cached_property
    def any_user(self) -> Normal:
        """The same of a user."""
        return _describe_any(self.draws.of_users, with_ones(self.events.user_tags, len(self.events.users)))

    def _variance_of_new(self, factors: Normal, user: IntArray) -> FloatArray:
        """How much an item of which nothing is known may be rated differently from the mean of all, shape (s, n)."""
        mean, covariance, spread = np.array(factors.mean[:, user]), np.array(factors.covariance[:, user]), self.any_item.covariance
        mean[..., 0] = 1.0  # whatever the user, the bias of the item counts once
        covariance[..., 0, :] = covariance[..., 0] = 0.0
        return np.asarray(np.einsum("sni,sij,snj->sn", mean, spread, mean) + np.einsum("snij,sij->sn", covariance, spread))

    def fold_in(self, known: Interactions) -> Normal:
        """What draws say of users, given what they rated: means, shape (s, q, d), and covariances, shape (s, q, d, d)."""
        draws, n, d = self.draws, len(known.users), self.draws.items.shape[2]
        matrix, right = np.empty((len(draws.noise), n, d, d)), self._prior(known)
        items, places = np.unique(known.item, return_inverse=True)
        ratings = scipy.sparse.csr_matrix((known.value - draws.middle, (known.user, places)), (n, len(items)))
        for s, noise in enumerate(draws.noise):
            matrix[s], said = make_equations(ratings, draws.items[s, items].astype(float), noise)
            right[s] += said
        matrix += self._precision(known)
        covariance = np.linalg.inv(matrix)
        return Normal(np.einsum("snij,snj->sni", covariance, right), covariance)

    def _untold(self, known: Interactions) -> BoolArray:
        """Which users have no tags where others do, shape (q,)."""
        tags = known.user_tags
        return np.zeros(len(known.users), bool) if tags is None else np.diff(tags.indptr) == 0

    def _precision(self, known: Interactions) -> FloatArray:
        """How sure draws are of users before these rated anything, shape (s, q, d, d)."""
        precision, untold = self.draws.of_users.precision, self._untold(known)
        if not untold.any():
            return precision[:, None]
        return np.where(untold[:, None, None], np.linalg.inv(self.any_user.covariance)[:, None], precision[:, None])

    def _prior(self, known: Interactions) -> FloatArray:
        """What is said of the factors of users before these rated anything, times how sure that is, shape (s, q, d)."""
        population, untold = self.draws.of_users, self._untold(known)
        design = with_ones(known.user_tags, len(known.users))
        said = np.stack([(design @ slopes) @ precision for slopes, precision in zip(*population, strict=True)])
        if untold.any():
            said[:, untold] = np.linalg.solve(self.any_user.covariance, self.any_user.mean[..., None])[:, None, :, 0]
        return said

    def contribute(self, known: Interactions, item: int) -> tuple[FloatArray, float, float]:
        """What each event of one user adds to the rating of an item, shape (known,), what the item does, and what tags of the user do.

        With the mean of all ratings these add up to the prediction before it is cut to the range of ratings.
        """
        covariance = self.fold_in(known).covariance[:, 0]
        own = self._items_at(known.item)
        weight = np.einsum("si,sij->sj", see(self._items_at(np.asarray([item]))[:, 0]), covariance)
        left = known.value - self.draws.middle - own[..., 0]
        by_event = np.einsum("sni,si->sn", see(own), weight) * left / self.draws.noise[:, None]
        by_tags = np.einsum("si,si->s", self._prior(known)[:, 0], weight)
        return by_event.mean(axis=0), float(self._items_at(np.asarray([item]))[:, 0, 0].mean()), float(by_tags.mean())


def _describe_any(population: Population, tags: scipy.sparse.csr_matrix) -> Normal:
    """What draws say of somebody of a population of whom no tags are known, given those of all: the mean and the spread of these."""
    n = tags.shape[0]
    middle = np.asarray(tags.mean(axis=0)).ravel()
    spread = (tags.T @ tags).toarray() / n - np.outer(middle, middle)
    covariance = np.linalg.inv(population.precision) + np.einsum(
        "sgi,gh,shj->sij", population.slopes, spread, population.slopes, optimize=True
    )
    return Normal(middle @ population.slopes, covariance)
