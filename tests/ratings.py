"""Ratings with known causes: biases, a few tastes, tags that tell of them, and noise of a known size."""

from __future__ import annotations

from typing import Any

import numpy as np

from weights.data.interactions.events import EventColumns

STARS = EventColumns("user", "item", "stars")
RATED: dict[str, Any] = {"task": "rating", "user": "user", "item": "item", "value": "stars", "protocol": "random"}
FEW = {"n_factors": 3, "n_draws": 20, "n_warmup": 10, "thinning": 1}
NOISE = 0.5


def draw_ratings(n_users: int = 80, n_items: int = 50, n: int = 1_600, *, seed: int = 0) -> dict[str, Any]:
    """Ratings of pairs drawn at random, each once; users from 100, items from 1; numbers around 3, not rounded."""
    random = np.random.default_rng(seed)
    users, items = (np.column_stack([random.normal(0, 0.5, size), random.normal(0, 0.8, (size, 2))]) for size in (n_users, n_items))
    pair = random.choice(n_users * n_items, n, replace=False)
    user, item = pair // n_items, pair % n_items
    stars = 3 + users[user, 0] + items[item, 0] + np.sum(users[user, 1:] * items[item, 1:], axis=1) + NOISE * random.normal(size=n)
    return {"user": user + 100, "item": item + 1, "stars": stars}
