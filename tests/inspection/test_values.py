"""Predicted numbers along their predictions: parts by hand, and intervals of their means that hold in simulations."""

from __future__ import annotations

import numpy as np
import pytest

from weights.inspection.values import Values, part_intervals, part_values


def test_parts_hold_equally_many_rows_and_say_what_came():
    predicted = np.arange(200.0)
    values = Values(predicted, predicted + 1 + np.tile([-1.0, 1.0], 100), np.ones(200))
    parts = part_values(values)
    assert [part.n for part in parts] == pytest.approx([20] * 10, abs=1)
    assert sum(part.n for part in parts) == 200
    assert parts[0].observed.value == pytest.approx(parts[0].predicted + 1, abs=0.2)
    assert parts[4].residuals[0] == 0.0
    assert parts[4].residuals[2] == 2.0


def test_equal_predictions_are_one_part_and_rows_without_weight_in_none():
    values = Values(np.append(np.ones(50), 9.0), np.arange(51.0), np.append(np.ones(50), 0.0))
    [part] = part_values(values)
    assert (part.n, part.predicted, part.observed.value) == (50, 1.0, pytest.approx(24.5, rel=1e-15 * 50))  # rounding of the sum


def test_one_row_has_no_interval():
    [part] = part_values(Values(np.ones(1), np.ones(1), np.ones(1)))
    assert part.observed.low is None


def test_intervals_are_counted_by_row():
    predicted = np.arange(100.0)
    low, high = predicted - 1, predicted + np.where(predicted < 50, 1, -0.5)
    parts = part_intervals(Values(predicted, predicted, np.ones(100)), low, high)
    assert [part.held.value for part in parts] == [1.0] * 5 + [0.0] * 5
    assert sum(part.n for part in parts) == 100


@pytest.mark.parametrize("grouped", [False, True])
def test_intervals_of_means_hold_what_they_claim(grouped):
    """95 % of 300 x 10 intervals: three binomial errors are 1.2 points; those of a table's groups go together, twice that."""
    rng, held = np.random.default_rng(3), []
    for _ in range(300):
        predicted, group = np.sort(rng.normal(size=400)), rng.integers(0, 60, 400)
        noise = rng.exponential(size=60)[group] - 1 if grouped else np.zeros(400)
        observed = predicted + noise + rng.normal(size=400)
        parts = part_values(Values(predicted, observed, np.ones(400), group if grouped else None))
        held += [part.observed.low <= part.predicted <= part.observed.high for part in parts]
    assert 0.95 - 0.03 < np.mean(held) < 0.95 + 0.03
