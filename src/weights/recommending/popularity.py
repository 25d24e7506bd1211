"""How many users turned to each item, of late if that finds more: what answers users of whom nothing is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
import scipy.sparse

from weights.data.interactions.events import Interactions
from weights.recommending.resampling import draw_users
from weights.types import FloatArray, IntArray


class PopularitySettings(msgspec.Struct, frozen=True):
    """What can be set of popularity.

    Attributes:
        half_life: after which share of the time that events span one counts half; None where all count alike.
    """

    half_life: Annotated[float, msgspec.Meta(gt=0, le=1e6)] | None = None


@dataclass(frozen=True, eq=False)
class Popularity:
    """How popular items are.

    Attributes:
        settings: how they were counted.
        level: the logarithm of one more than the events that count, shape (m,).
        counted: how much each event counts, sparse, shape (n, m).
    """

    settings: PopularitySettings
    level: FloatArray
    counted: scipy.sparse.csr_matrix

    def score(self, events: Interactions) -> FloatArray:
        """Scores of all items, the same for all users, shape (q, m)."""
        return np.broadcast_to(self.level, (len(events.users), len(self.level)))

    def contribute(self, events: Interactions, places: IntArray) -> FloatArray:
        """What is known of one user adds nothing to the scores of some items, shape (known, k)."""
        return np.zeros((int(events.n_known.sum()), len(places)))

    def base(self, places: IntArray) -> FloatArray:
        """What all users have of the scores of some items, shape (k,)."""
        return self.level[places]

    def doubt(self, events: Interactions, places: IntArray) -> FloatArray:
        """What a user more who took the item would add to its score, shape (k,)."""
        return 1.0 / np.exp(self.level[places])

    def vary(self, events: Interactions, places: IntArray) -> FloatArray:
        """How scores change where the learned users count more or less, to first order, shape (draws, k)."""
        more = (self.counted[:, places].T @ draw_users(self.counted.shape[0], self.counted.shape[0]).T).T
        return np.asarray(more / np.exp(self.level[places]))


def fit_popularity(events: Interactions, settings: PopularitySettings) -> Popularity:
    """How often items were turned to.

    Example:
        >>> from weights.data.interactions.events import EventColumns, read_interactions
        >>> import pyarrow as pa
        >>> table = pa.table({"user": [1, 2, 3], "item": ["a", "a", "b"], "day": [0, 0, 10]})
        >>> events, _ = read_interactions(table, EventColumns("user", "item", time="day"))
        >>> np.expm1(fit_popularity(events, PopularitySettings(0.5)).level)
        array([0.5, 1. ])
    """
    weight = (events.value > 0).astype(float)
    if settings.half_life is not None and events.time is not None and np.isfinite(events.time).any():
        last, first = np.nanmax(events.time), np.nanmin(events.time)
        age = (last - np.nan_to_num(events.time, nan=first)) / max(last - first, 1e-300)
        weight *= 0.5 ** (age / settings.half_life)
    return Popularity(settings, np.log1p(np.bincount(events.item, weight, minlength=len(events.items))), events.matrix(weight))
