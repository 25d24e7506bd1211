"""Answers kept with a run: those that are there, and words where they are not."""

from __future__ import annotations

import pytest

import weights as wt
from weights.errors import UsageError


def test_answers_are_those_out_of_bag_and_of_a_test_that_was_not_there_in_words():
    model = wt.fit("iris", model="linear", members=8)
    assert model.classes == ["setosa", "versicolor", "virginica"]
    assert len(model.predictions().y) == 150
    assert sum(map(sum, model.confusion().counts)) == 150
    with pytest.raises(UsageError, match="No rows were for the test"):
        model.predictions(test=True)
    with pytest.raises(UsageError):
        wt.fit("diabetes", model="linear", members=4).confusion()
