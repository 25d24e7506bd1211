"""Preferences with known causes: users and items of a few tastes, more and less popular items, ratings and times."""

from __future__ import annotations

from typing import Any

import numpy as np

from weights.data.interactions.events import EventColumns, Interactions, read_interactions

COLUMNS = EventColumns("user", "item", "value", "time")
SAID: dict[str, Any] = {"task": "ranking", "user": "user", "item": "item", "value": "value", "time": "time"}


def draw_preferences(n_users: int = 120, n_items: int = 40, *, n_tastes: int = 4, seed: int = 0) -> dict[str, Any]:
    """Events of users who turn to items of their own taste above all, in the order of time; ids from 100 and from 1."""
    random = np.random.default_rng(seed)
    taste, kind = random.integers(0, n_tastes, n_users), np.arange(n_items) % n_tastes
    liking = 1.5 * (taste[:, None] == kind) - 1.8 + 0.5 * random.normal(size=n_items)
    user, item = np.nonzero(random.random((n_users, n_items)) < 1 / (1 + np.exp(-liking)))
    value = np.clip(np.round(3 + (taste[user] == kind[item]) + random.normal(size=len(user))), 1, 5)
    order = random.permutation(len(user))
    return {"user": user[order] + 100, "item": item[order] + 1, "value": value[order], "time": np.arange(len(user), dtype=float)}


def list_items(n_items: int = 40, n_tastes: int = 4) -> dict[str, Any]:
    """A table of the items: what they are called, and their taste."""
    number = np.arange(n_items)
    return {"item": number + 1, "title": [f"Item number {n}" for n in number + 1], "taste": [f"taste {n}" for n in number % n_tastes]}


def read(rows: dict[str, Any], columns: EventColumns = COLUMNS) -> Interactions:
    """The events of a mapping of columns."""
    import pyarrow as pa

    return read_interactions(pa.table(rows), columns)[0]
