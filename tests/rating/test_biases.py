"""Biases are the solution of their ridge regression."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ratings import STARS, draw_ratings
from weights.data.interactions.events import read_interactions
from weights.rating.biases import fit_biases

EVENTS = read_interactions(pa.table(draw_ratings()), STARS)[0]


def test_biases_are_those_of_dense_algebra():
    n, m = EVENTS.shape
    design = np.zeros((len(EVENTS), n + m))
    design[np.arange(len(EVENTS)), EVENTS.user] = 1.0
    design[np.arange(len(EVENTS)), n + EVENTS.item] = 1.0
    expected = np.linalg.solve(design.T @ design + 5.0 * np.eye(n + m), design.T @ (EVENTS.value - EVENTS.value.mean()))
    found = fit_biases(EVENTS)
    assert np.append(found.users, found.items) == pytest.approx(expected, abs=1e-6)
    assert found.predict(EVENTS) == pytest.approx(EVENTS.value.mean() + design @ expected, abs=1e-6)
