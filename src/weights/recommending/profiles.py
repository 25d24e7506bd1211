"""What users did as weights: of values above zero their rank among those of the user, so that nobody's scale counts."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from weights.data.interactions.events import Interactions
from weights.types import FloatArray, IntArray


def weigh_events(events: Interactions, emphasis: float) -> FloatArray:
    """The weight of each event, shape (n,): about one where something was taken, zero where it was only shown, minus one where refused.

    Args:
        events: with values: above zero is a rating or a count, zero an item that was shown and not taken, below zero a refusal.
        emphasis: how much more the highest of a user's values weighs than the lowest, between 0 and 2; their mean weighs one.

    Example:
        >>> from weights.data.interactions.ids import collect_ids
        >>> import pyarrow as pa
        >>> ids = collect_ids(pa.chunked_array([[1, 2, 3]]))
        >>> events = Interactions(ids, ids, np.zeros(3, int), np.arange(3), np.array([5.0, 1.0, 0.0]))
        >>> weigh_events(events, 1.0)
        array([1.25, 0.75, 0.  ])
    """
    sign = np.sign(events.value)
    weights = np.where(sign > 0, 1.0 + emphasis * (_rank(events.user, events.value) - 0.5), sign) if emphasis else sign
    return weights if events.fade is None else weights * events.fade


def _rank(user: IntArray, value: FloatArray) -> FloatArray:
    """Where each value stands among those above zero of its user, between 0 and 1, ties in the middle, shape (n,)."""
    taken = np.flatnonzero(value > 0)
    order = taken[np.lexsort((value[taken], user[taken]))]
    owner, sorted_values = user[order], value[order]
    begins = np.flatnonzero(np.append(True, np.diff(owner) != 0))
    lengths = np.diff(np.append(begins, len(order)))
    ties = np.flatnonzero(np.append(True, (np.diff(owner) != 0) | (np.diff(sorted_values) != 0)))
    n_ties = np.diff(np.append(ties, len(order)))
    middle = np.repeat(ties + n_ties / 2, n_ties) - np.repeat(begins, lengths)
    ranks = np.full(len(value), 0.5)
    ranks[order] = middle / np.repeat(lengths, lengths)
    return ranks


def profile(events: Interactions, emphasis: float, tag_weight: float, n_columns: int | None = None) -> scipy.sparse.csr_matrix:
    """What is known of each user, as weights of items and then of tags of users, sparse, shape (users, items + g); what is zero is kept.

    Args:
        events: of users.
        emphasis: as `weigh_events` has it.
        tag_weight: of a tag, beside one of an event.
        n_columns: items and tags, where they are known: users of whom no tags came have none.
    """
    rows = events.matrix(weigh_events(events, emphasis))
    if events.user_tags is not None and tag_weight:
        rows = scipy.sparse.hstack([rows, tag_weight * events.user_tags], format="csr")
    rows.resize(rows.shape[0], n_columns or rows.shape[1])
    return rows


def profile_all(events: Interactions, emphasis: float, tag_weight: float) -> scipy.sparse.csr_matrix:
    """The same of users who are learned from, and below them the tags of items, each as a user who has all of its items.

    Shape (users + f, items + g).
    """
    rows = profile(events, emphasis, tag_weight)
    if events.item_tags is None or not tag_weight:
        return rows
    tags = (tag_weight * events.item_tags.T).tocsr()
    tags.resize(tags.shape[0], rows.shape[1])
    return scipy.sparse.vstack([rows, tags], format="csr")


def scale_rows(rows: scipy.sparse.csr_matrix, factors: FloatArray) -> scipy.sparse.csr_matrix:
    """Sparse rows times a factor each."""
    return scipy.sparse.csr_matrix((rows.data * np.repeat(factors, np.diff(rows.indptr)), rows.indices, rows.indptr), rows.shape)
