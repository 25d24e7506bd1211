"""Targets of no classes weigh alike, are dealt whatever they are, and have no answers to count."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from weights.tasks.number import Number
from weights.tasks.transcripts import WordTranscript


@pytest.mark.parametrize("task", [Number("price"), WordTranscript("text", ["on"], 4, 2)], ids=["number", "text"])
def test_there_are_no_classes(task):
    y, nothing = np.zeros((3, 2)), np.zeros((3, 4, 2))
    assert task.classes == task.find_few(y, 8) == []
    assert task.class_codes(pa.chunked_array([["on"]])) is None
    assert task.strata(y) is None
    assert task.count_answers(y, nothing).shape == (2, 0)
    assert len(task.labels) == len(task.right_probabilities(y, nothing)) == 0
    assert task.weight_factors(y).tolist() == [1.0, 1.0, 1.0]
    assert task.row_weights(y, np.array([1.0, 2.0, 3.0])).tolist() == [0.5, 1.0, 1.5]
