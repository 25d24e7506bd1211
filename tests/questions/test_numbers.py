"""Predicted numbers, asked in words and drawn: against what came, what is left over, and their intervals."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import weights
from drawn import inside, words
from small import fitted_example
from weights.errors import DataError, UsageError
from weights.questions import ask


@pytest.mark.parametrize("name", ["predicted", "residuals", "intervals"])
def test_numbers_are_drawn_and_told(name):
    answered = ask(fitted_example("diabetes"), name)
    assert sum(part["n"] for part in answered.record) == 442
    assert next(iter(answered.lines)).split()[0] == "predicted"
    assert inside(answered.figure)
    assert "Answers of members that never saw the row." in " ".join(words(answered.figure))


@pytest.mark.parametrize("name", ["predicted", "residuals", "intervals"])
def test_classes_have_no_predicted_numbers(name):
    with pytest.raises(UsageError, match="Numbers were needed, but 'species' has classes"):
        ask(fitted_example("iris"), name)


def test_intervals_hold_about_their_level_on_the_rows_of_training():
    parts = ask(fitted_example("diabetes"), "intervals", level=0.8).record
    held = sum(part["held"]["value"] * part["n"] for part in parts) / 442
    assert held == pytest.approx(0.8, abs=0.02)


def test_heavy_tails_do_not_flatten_the_picture_and_are_counted():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    y = x[:, 0] + np.where(np.arange(300) == 7, 1e6, rng.normal(size=300))
    model = weights.fit(x, y, model="linear", members=8)
    said = " ".join(words(ask(model, "residuals").figure))
    assert "lie beyond the axes and are drawn at their ends" in said


def test_rows_of_the_test_are_those_that_were_set_apart():
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    table = pa.table({"x": x, "split": ["test" if i % 4 == 0 else "train" for i in range(200)], "y": x + rng.normal(size=200)})
    model = weights.fit(table, "y", split="split", model="linear", members=8)
    assert sum(part["n"] for part in ask(model, "predicted", test=True).record) == 50
    answered = ask(model, "intervals", test=True, data=table)
    assert sum(part["n"] for part in answered.record) == 50
    assert "for the test only" in " ".join(words(answered.figure))
    with pytest.raises(DataError, match="not those the run was fitted to"):
        ask(model, "intervals", data=table[:80])
