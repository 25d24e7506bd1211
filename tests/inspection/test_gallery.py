"""Which rows a gallery shows."""

from __future__ import annotations

import numpy as np

from weights.ensemble import Predictions
from weights.inspection.gallery import gallery


def test_the_surest_mistakes_and_the_closest_calls_come_first():
    probability = np.array([[0.9, 0.1], [0.2, 0.8], [0.55, 0.45], [0.05, 0.95], [0.7, 0.3]])
    y = np.array([0, 1, 0, 0, 1])
    found = gallery(Predictions(probability, y, np.arange(5), np.ones(5)), n_each=3)
    assert found.wrong.tolist() == [3, 4]
    assert found.uncertain.tolist() == [2, 4, 1]
    assert found.right.tolist() == [0, 1, 2]


def test_classes_take_turns_among_what_is_right():
    probability = np.array([[0.99, 0.01]] * 4 + [[0.4, 0.6]])
    found = gallery(Predictions(probability, np.array([0, 0, 0, 0, 1]), np.arange(5), np.ones(5)), n_each=2)
    assert sorted(found.right.tolist()) == [0, 4]
