"""Items as points of a plane: near each other where the same users turned to them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import scipy.linalg

from weights.errors import DataError
from weights.recommending.recommender import Recommender

_FEWEST = 3


class MappedItem(msgspec.Struct, frozen=True):
    """An item as a point.

    Attributes:
        item: the id. name: what people call it.
        x, y: where it lies.
        n_users: who turned to it.
    """

    item: Any
    name: str
    x: float
    y: float
    n_users: int


class ItemMap(msgspec.Struct, frozen=True):
    """The most popular items as points of a plane.

    Attributes:
        items: the most popular first.
        share: how much of what tells these items apart the plane shows, between 0 and 1.
    """

    items: list[MappedItem]
    share: float


def map_items(recommender: Recommender, top: int) -> ItemMap:
    """The most popular items as points: the two largest principal components of their likenesses (classical scaling, Torgerson 1952).

    Args:
        recommender: what was learned.
        top: items, at most.

    Raises:
        DataError: fewer than three items have events.
    """
    popularity = recommender.popularity
    places = np.argsort(-popularity, kind="stable")[: min(top, int(np.count_nonzero(popularity)))]
    if len(places) < _FEWEST:
        raise DataError(f"A map needs at least {_FEWEST} items that users turned to, but there are {len(places)}.")
    alike = recommender.likeness(places)
    np.fill_diagonal(alike, 1.0)
    middle = alike.mean(axis=0)
    centred = alike - middle - middle[:, None] + middle.mean()
    sizes, directions = scipy.linalg.eigh(centred)
    sizes = np.maximum(sizes[::-1], 0.0)
    points = directions[:, ::-1][:, :2] * np.sqrt(sizes[:2])
    points *= np.where(points[np.argmax(np.abs(points), axis=0), [0, 1]] < 0, -1.0, 1.0)  # a sign is as good as the other
    mapped = [
        MappedItem(recommender.items.values[int(place)].as_py(), recommender.name(int(place)), float(x), float(y), int(popularity[place]))
        for place, (x, y) in zip(places, points, strict=True)
    ]
    return ItemMap(mapped, float(sizes[:2].sum() / max(sizes.sum(), 1e-300)))
