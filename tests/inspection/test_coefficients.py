"""Coefficients in the unit of the features; tests/test_estimators.py compares them with other libraries."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from weights.errors import UsageError
from weights.inspection.coefficients import coefficients

N = 60
SIZE = np.random.default_rng(0).normal(5.0, 2.0, N)
WARD = np.asarray(["north", "south"])[np.arange(N) % 2]


def test_an_exact_line_is_found_in_the_units_of_the_table():
    model = wt.fit({"size": SIZE, "wage": 100.0 - 3.0 * SIZE}, "wage", model="linear", members=4, penalty="none", clip=None)
    found = coefficients(model.ensemble)
    np.testing.assert_allclose(found.slopes, [[-3.0]], rtol=1e-6)
    np.testing.assert_allclose(found.intercepts, [100.0], rtol=1e-6)


def test_numbers_without_long_tails_have_coefficients_without_being_asked():
    model = wt.fit({"size": SIZE, "wage": 100.0 - 3.0 * SIZE}, "wage", model="linear", members=4, penalty="none")
    np.testing.assert_allclose(coefficients(model.ensemble).slopes, [[-3.0]], rtol=1e-6)


def test_members_count_as_they_vote():
    data = {"size": SIZE, "day": np.arange(N), "wage": SIZE * np.linspace(1.0, 2.0, N)}
    model = wt.fit(data, "wage", model="linear", members=6, time="day", clip=None, penalty="none")
    found = coefficients(model.ensemble)
    assert (model.ensemble.populations[0].member_weights == 0).any()
    np.testing.assert_allclose(SIZE * found.slopes[0, 0] + found.intercepts[0], model.predict(data), rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"optimization": "adam", "n_steps": 20}, "numbers are clipped at 4"),
        (
            {"columns": {"height": np.where(np.arange(N) == 3, 1e7, SIZE)}, "drop": ["size"]},
            "'height' counts as its median below -.* and above .*Repair",
        ),
        (
            {"columns": {"height": np.sinh(SIZE)}, "drop": ["size"]},
            "'height' is clipped at 4 in 100% of the members",
        ),
        ({"clip": None, "columns": {"ward": WARD}}, "'ward' is no number"),
        ({"clip": None, "columns": {"age": np.where(np.arange(N) == 3, np.nan, SIZE)}}, "'age' has missing values"),
        ({"model": "mlp", "hidden": (4,), "n_steps": 20}, "need a linear model"),
    ],
)
def test_it_says_why_there_are_none(options, reason):
    columns = {"size": SIZE, **options.pop("columns", {}), "wage": SIZE + np.random.default_rng(1).normal(size=N)}
    model = wt.fit(columns, "wage", **{"model": "linear", "members": 3, **options})
    with pytest.raises(UsageError, match=reason):
        coefficients(model.ensemble)
