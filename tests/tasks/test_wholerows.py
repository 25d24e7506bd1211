"""Tasks whose rows have one answer each: every class is a word, and nothing goes on."""

from __future__ import annotations

from weights.tasks.classes import task_of
from weights.tasks.number import Number


def test_each_class_is_a_word():
    task = task_of("word", ["no", "yes"])
    assert task.heard == ["no", "yes"]
    assert task.words_in([1, 1, 0]) == [([0], "yes"), ([1], "yes"), ([2], "no")]
    assert (task.n_moments, task.spells, task.prediction_shape, task.target_shape) == (0, False, (2,), ())


def test_numbers_are_no_words():
    assert Number("price").heard == []
    assert (Number("price").prediction_shape, Number("price").decomposes) == ((), True)
