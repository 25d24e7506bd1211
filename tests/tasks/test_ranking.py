"""Metrics of lists have the values that their definitions give."""

from __future__ import annotations

import numpy as np
import pytest

from weights.data.interactions.events import EventColumns
from weights.tasks.ranking import RANKING_METRICS, Ranking, Ranks, average_precision, measure_ranks, ndcg, recall, reciprocal_rank

TWO = Ranks(np.array([0, 2, 5]), np.array([0, 0, 1]), 2)
"""The first user finds two items at places 0 and 2, the second one at 5."""


def test_gain_is_discounted_and_normalised():
    ideal = 1 + 1 / np.log2(3)
    assert ndcg(TWO, 10) == pytest.approx([(1 + 1 / np.log2(4)) / ideal, 1 / np.log2(7)])
    assert ndcg(TWO, 1) == pytest.approx([1.0, 0.0])


def test_recall_is_of_what_could_be_found_in_so_many_places():
    assert recall(TWO, 3) == pytest.approx([1.0, 0.0])
    assert recall(TWO, 1) == pytest.approx([1.0, 0.0])
    assert recall(TWO, 20) == pytest.approx([1.0, 1.0])


def test_average_precision_and_reciprocal_rank():
    assert average_precision(TWO, 100) == pytest.approx([(1 + 2 / 3) / 2, 1 / 6])
    assert reciprocal_rank(TWO) == pytest.approx([1.0, 1 / 6])


def test_the_order_in_which_items_are_named_plays_no_part():
    other = Ranks(np.array([2, 0, 5]), np.array([0, 0, 1]), 2)
    for own, same in zip(measure_ranks(TWO).values(), measure_ranks(other).values(), strict=True):
        assert own == pytest.approx(same)


def test_each_metric_of_users_is_listed():
    assert {*measure_ranks(TWO)} <= {*RANKING_METRICS}


def test_what_is_wrong_with_a_task_is_said():
    columns = EventColumns("u", "i")
    assert Ranking(columns, "time").check() == []
    wrong = Ranking(EventColumns("u", "u"), "never", "twice").check()
    assert wrong == ["two roles are the same column", "'never' is no way to part events", "'twice' is no way to join events"]
