"""Weights from item to item are listed with intervals, the strongest first."""

from __future__ import annotations

import numpy as np
import pytest

from small import rank_items
from weights.errors import UsageError
from weights.recommending.pairs import find_item_weights, list_pairs, tabulate_pairs

RECOMMENDER = rank_items().recommender


def test_the_strongest_weights_of_an_item_come_first_with_who_turned_to_both():
    pairs = list_pairs(RECOMMENDER, 4, top=6, level=0.95)
    sizes = [abs(pair.weight) for pair in pairs]
    assert sizes == sorted(sizes, reverse=True)
    fitted = find_item_weights(RECOMMENDER)
    assert sizes[0] == pytest.approx(np.abs(fitted.weights(np.array([4]))[:40]).max())
    taken = RECOMMENDER.events.matrix().toarray() > 0
    first = pairs[0]
    assert first.n_both == (taken[:, first.item - 1] & taken[:, first.because - 1]).sum()
    assert all(pair.low < pair.weight < pair.high for pair in pairs)


def test_without_an_item_the_strongest_of_all_are_listed():
    pairs = list_pairs(RECOMMENDER, None, top=3, level=0.9)
    assert len({pair.item for pair in pairs}) >= 1
    assert str(tabulate_pairs(pairs, 0.9, of_one=False)).splitlines()[1].split()[0] == "item"
    assert "What speaks for" in str(tabulate_pairs(list_pairs(RECOMMENDER, 4, top=2, level=0.9), 0.9, of_one=True))


def test_intervals_of_simulated_preferences_hold_their_level():
    """Thirty draws of 300 users of two tastes: 95 % intervals hold the weight that very many users give (benchmarks: 95.2 %).

    Of 30 draws of 1,560 weights, which depend on each other, shares vary by about one in a hundred.
    """
    import pyarrow as pa

    from weights.data.interactions.events import EventColumns, read_interactions
    from weights.recommending.itemweights import ItemWeightSettings, fit_item_weights

    settings = ItemWeightSettings(strength=20.0, dropout=0.0, user_power=0.0, emphasis=0.0)
    loading = np.random.default_rng(5).normal(size=(2, 12))

    def draw(n, seed):
        random = np.random.default_rng(seed)
        return random.random((n, 12)) < 1 / (1 + np.exp(1.2 - random.normal(size=(n, 2)) @ loading))

    many = draw(200_000, 99).astype(float)
    inverse = np.linalg.inv(many.T @ many * 300 / 200_000 + 20.0 * np.eye(12))
    truth = -inverse / np.diag(inverse)
    off, held = ~np.eye(12, dtype=bool), []
    for seed in range(30):
        user, item = np.nonzero(draw(300, seed))
        events = read_interactions(pa.table({"user": user, "item": item}), EventColumns("user", "item"))[0]
        fitted = fit_item_weights(events, settings)
        inside = np.abs(fitted.weights(np.arange(12)) - truth) <= 1.96 * fitted.bound_weights(np.arange(12))
        held.append(inside[off].mean())
    assert 0.92 <= np.mean(held) <= 0.98


def test_a_level_that_cannot_be_is_refused():
    with pytest.raises(UsageError, match="between 0 and 1"):
        list_pairs(RECOMMENDER, 4, top=2, level=95)
