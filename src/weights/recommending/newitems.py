"""Scores of items without events: what their tags predict from the scores of all others, by a ridge regression for each user.

Gantner et al. 2010, "Learning attribute-to-feature mappings for cold-start recommendations", map tags to the factors of items by a ridge
regression; scores are linear in factors, so that mapping tags to scores does the same for every model, and for mixtures of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse

from weights.data.interactions.events import Interactions
from weights.data.interactions.tags import with_ones
from weights.recommending.judging import Asked, find_ranks
from weights.tasks.ranking import LISTED, ndcg
from weights.types import BoolArray, FloatArray, IntArray

_PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Penalties that are tried, in items (our choice)."""
_FREE = 1e-6
"""Penalty of what all items have in common, which is next to none."""
_BLOCK = 1_000


@dataclass(frozen=True, eq=False)
class NewItems:
    """How tags predict scores.

    Attributes:
        penalty: of the ridge regression, in items.
        has_events: of each item, shape (m + l,); of the l that came since the fit none has.
        design: a one and the tags of each item, sparse, shape (m + l, g + 1).
    """

    penalty: float
    has_events: BoolArray
    design: scipy.sparse.csr_matrix

    @functools.cached_property
    def places(self) -> IntArray:
        """Those of items without events, shape (k,)."""
        return np.flatnonzero(~self.has_events)

    @functools.cached_property
    def known(self) -> IntArray:
        """Those of items with events, shape (w,)."""
        return np.flatnonzero(self.has_events)

    @functools.cached_property
    def _own(self) -> scipy.sparse.csr_matrix:
        """The design of items with events, shape (w, g + 1)."""
        return self.design[self.known]

    @functools.cached_property
    def _leverage(self) -> FloatArray:
        """How much the score of each item with events says of itself, shape (w,)."""
        return np.asarray(self._own.multiply(self._own @ self._inverse).sum(axis=1)).ravel()

    @functools.cached_property
    def _inverse(self) -> FloatArray:
        """Of the products of tags over items with events, with penalties, shape (g + 1, g + 1)."""
        own = self._own
        matrix = (own.T @ own).toarray() + self.penalty * np.eye(self.design.shape[1])
        matrix[0, 0] += _FREE - self.penalty
        return np.linalg.inv(matrix)

    def _predict(self, scores: FloatArray, rows: scipy.sparse.csr_matrix) -> FloatArray:
        """What the scores of items with events, shape (q, w), say of rows of the design, shape (q, rows)."""
        return np.asarray(rows @ (self._inverse @ (self._own.T @ scores.T))).T

    def weights(self, places: IntArray) -> FloatArray:
        """How much the score of each item with events counts in those of some items without, shape (w, k)."""
        return np.asarray(self._own @ (self._inverse @ self.design[places].T.toarray()))

    def fill(self, scores: FloatArray) -> FloatArray:
        """Scores of all items, those without events by their tags, shape (q, m + l), from those of models, shape (q, m)."""
        if not len(self.places):
            return scores
        filled = np.zeros((len(scores), len(self.has_events)), scores.dtype)
        filled[:, : scores.shape[1]] = scores
        filled[:, self.places] = self._predict(scores[:, self.known], self.design[self.places])
        return filled

    def leave_one_out(self, scores: FloatArray) -> FloatArray:
        """Scores of all items by their tags and the scores of all other items with events, shape (q, m + l), from those of models."""
        found = self.fill(np.array(scores, dtype=float))
        found[:, self.known] = self._without_own(scores[:, self.known])
        return found

    def _without_own(self, scores: FloatArray) -> FloatArray:
        """Scores of items with events by their tags and the scores of all others, shape (q, w), from their own."""
        return (self._predict(scores, self._own) - self._leverage * scores) / (1.0 - self._leverage)

    def error(self, scores: FloatArray) -> FloatArray:
        """How far scores of items with events lie from what their tags predict without them: root mean squares, shape (q,)."""
        own = scores[:, self.known]
        return np.asarray(np.sqrt(np.mean((self._without_own(own) - own) ** 2, axis=1)))

    def likeness(self, places: IntArray) -> FloatArray:
        """The cosines of the tags of some items, one and all they share, shape (k, k)."""
        own = self.design[places]
        lengths = np.sqrt(np.asarray(own.multiply(own).sum(axis=1)).ravel())
        return np.asarray((own @ own.T).toarray() / np.outer(lengths, lengths))

    def combine(self, of_known: Callable[[IntArray], FloatArray], places: IntArray) -> FloatArray:
        """What is linear in scores, of any items, from what it is of those with events, shape (..., k).

        Args:
            of_known: places of items with events -> values, shape (..., places).
            places: of items.
        """
        new = ~self.has_events[places]
        if not new.any():
            return of_known(places)
        weights = self.weights(places[new])
        blocks = (slice(begin, begin + _BLOCK) for begin in range(0, len(self.known), _BLOCK))
        predicted: Any = sum(of_known(self.known[own]) @ weights[own] for own in blocks)
        found = np.empty((*predicted.shape[:-1], len(places)))
        found[..., new], found[..., ~new] = predicted, of_known(places[~new])
        return found

    def extend(self, tags: scipy.sparse.csr_matrix) -> NewItems:
        """The same with further items behind, of which nothing but tags is known, sparse, shape (l, g)."""
        design = scipy.sparse.vstack([self.design, with_ones(tags, tags.shape[0])], format="csr")
        return replace(self, design=design, has_events=np.append(self.has_events, np.zeros(tags.shape[0], bool)))


def fit_new_items(events: Interactions, penalty: float | None) -> NewItems | None:
    """How tags predict the scores that models learn from events; None where items have no tags, or no penalty says how."""
    if events.item_tags is None or penalty is None:
        return None
    return NewItems(penalty, np.bincount(events.item, minlength=len(events.items)) > 0, with_ones(events.item_tags, len(events.items)))


def choose_penalty(score: Callable[[Interactions], FloatArray], learned: Interactions, asked: Asked) -> float | None:
    """The penalty with which tags find most of what users turned to, were each item without events; None where items have no tags.

    Args:
        score: of a model, the scores of all items for users.
        learned: events that it learned from.
        asked: users whose lists are judged.
    """
    news = [fit_new_items(learned, penalty) for penalty in _PENALTIES] if learned.item_tags is not None else []
    gains: list[list[FloatArray]] = [[] for _ in news]
    for block in asked.blocks() if news else ():
        scores = score(block.given)
        for new, gain in zip(news, gains, strict=True):
            assert new is not None, "items have tags"
            gain.append(ndcg(find_ranks(new.leave_one_out(scores), block), LISTED))
    found = [float(np.concatenate(gain).mean()) for gain in gains]
    return _PENALTIES[int(np.argmax(found))] if found else None
