"""What a fitted model does beyond answering rows; `tests/test_api.py` has the verbs."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from small import fitted_example
from weights import api
from weights.errors import UsageError


@pytest.fixture(scope="module")
def model():
    return wt.fit("diabetes", model="linear", members=4, strength=5.0)


def test_verbs_of_the_module_are_those_of_the_model(model):
    assert api.diagnose is wt.Model.diagnose
    assert api.read_again(model).dataset.n_samples == model.report.n_samples


def test_improving_makes_the_change_that_is_named_and_leaves_the_model_as_it_is(model):
    better, words = model.improve("weaker-penalty")
    assert words == "strength 0.5 instead of 5"
    assert better.specs["linear"].regularization.strength == 0.5
    assert model.specs["linear"].regularization.strength == 5.0
    assert f"fitted again with {words}" in better.report.remarks


def test_a_change_the_run_does_not_have_is_refused_with_its_likeness(model):
    with pytest.raises(UsageError, match=r"This run has no change 'weaker-penality'\. Did you mean 'weaker-penalty'\?"):
        model.improve("weaker-penality")


def test_rows_that_came_from_memory_cannot_be_read_again():
    model = wt.fit({"a": [*range(20)] * 2, "b": [*range(40)]}, "b", model="linear", members=2)
    with pytest.raises(UsageError, match="came from memory, so they cannot be read again"):
        model.check_intervals()


SHOES = {"shoe": ["boot", "clog"] * 20, "size": [*range(40)], "y": [i % 3 for i in range(40)]}


@pytest.fixture(scope="module")
def shoes():
    return wt.fit(SHOES, "y", model="linear", members=2, kinds={"y": "category"}, inspect=False)


@pytest.mark.parametrize("ask", ["predict", "predict_proba", "prediction_sets"])
def test_levels_that_training_had_not_seen_are_warned_of(shoes, ask):
    with pytest.warns(wt.RowsWarning, match=r"'shoe': 1 of 2 rows hold a level that training had not seen \(first: row 2, 'sandal'\)"):
        getattr(shoes, ask)({"shoe": ["boot", "sandal"], "size": [3, 4]})


def test_a_number_of_trainings_is_refused_before_rows_are_read(shoes):
    """Rows that came from memory cannot be read, which would be complained of first."""
    with pytest.raises(UsageError, match="trainings must be a whole number from 2 to 100, but is 1"):
        shoes.compare({"strength": [1.0]}, trainings=1)


def test_a_class_is_answered_from_its_threshold_on():
    iris = fitted_example("iris")
    reached = iris.predict_proba("iris")[:, 2] >= 0.01
    assert (iris.predict("iris") == "virginica").sum() < reached.sum() < 150
    np.testing.assert_array_equal(iris.predict("iris", threshold={"virginica": 0.01}) == "virginica", reached)
