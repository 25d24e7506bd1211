"""How answers with classes are told."""

import numpy as np

from weights.inspection.classes import Confusion
from weights.questions.classes import _list_most_confused
from weights.tasks.metrics import Metric


def test_of_many_classes_those_with_most_errors_are_listed_with_what_they_are_taken_for():
    n = 30
    counts = np.eye(n, dtype=int) * 50
    counts[7, [3, 4, 9, 12]] = [9, 1, 5, 3]
    counts[2, 20] = 4
    confusion = Confusion([f"c{k}" for k in range(n)], counts.tolist(), [Metric(0.9, 0.8, 0.95)] * n)
    lines = _list_most_confused(confusion)
    assert "of 30 classes the 15 with most errors" in lines[0]
    told = [line.split() for line in lines[2:]]
    assert [line[0] if len(line) > 4 else "" for line in told] == ["c7", "", "", "c2"]
    assert [line[-4] for line in told] == ["c3", "c9", "c12", "c20"]
    assert [line[-3] for line in told] == ["9", "5", "3", "4"]
