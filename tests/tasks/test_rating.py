"""The task of rating judges by all values, and needs a column of them."""

from __future__ import annotations

import numpy as np

from weights.data.interactions.events import EventColumns
from weights.tasks.ranking import Ranking
from weights.tasks.rating import Rating


def test_all_values_judge_ratings_and_those_above_zero_lists():
    value = np.array([-1.0, 0.0, 2.0])
    assert Rating(EventColumns("u", "i", "v"), "random").judges(value).tolist() == [True] * 3
    assert Ranking(EventColumns("u", "i", "v"), "random").judges(value).tolist() == [False, False, True]


def test_a_task_that_cannot_be_says_why():
    assert Rating(EventColumns("u", "i"), "random").check() == ["no column of ratings"]
    task = Rating(EventColumns("u", "i", "stars"), "random", "last")
    assert (task.check(), task.kind, task.target) == ([], "rating", "stars")
    assert [*task.metrics] == ["rmse", "mae", "r2"]
