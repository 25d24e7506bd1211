"""What a fitted model does beyond answering rows; `tests/test_api.py` has the verbs."""

from __future__ import annotations

import pickle

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


COLUMNS = {"a": [*range(20)] * 2, "b": [*range(40)]}


def test_a_model_goes_on_asking_the_rows_it_was_given_and_keeps_no_copy():
    model = wt.fit(COLUMNS, "b", model="linear", members=2)
    assert model.check_intervals(simulations=2).n_simulations == 2
    assert model.given.data is COLUMNS


def test_so_it_does_where_the_target_came_apart():
    model = wt.fit({"a": COLUMNS["a"]}, COLUMNS["b"], model="linear", members=2, penalty="l2", strength=5.0)
    better, _ = model.improve("weaker-penalty")
    assert better.report.n_samples == 40
    assert better.given is not None


@pytest.mark.parametrize("copied", ["saved", "pickled"])
def test_rows_are_not_written_with_the_model_which_says_what_to_give(copied, tmp_path):
    model = wt.fit({"a": COLUMNS["a"]}, COLUMNS["b"], model="linear", members=2)
    model.save(tmp_path / "run")
    other = wt.load(tmp_path / "run") if copied == "saved" else pickle.loads(pickle.dumps(model))
    with pytest.raises(UsageError, match=r"came from memory .* the target 'target', as data=frame in Python, or as a file with --data"):
        other.check_intervals()
    assert other.check_intervals({"a": COLUMNS["a"], "target": COLUMNS["b"]}, simulations=2).n_simulations == 2


SHOES = {"shoe": ["boot", "clog"] * 20, "size": [*range(40)], "y": [i % 3 for i in range(40)]}


@pytest.fixture(scope="module")
def shoes():
    return wt.fit(SHOES, "y", model="linear", members=2, kinds={"y": "category"}, inspect=False)


@pytest.mark.parametrize("ask", ["predict", "predict_proba", "prediction_sets"])
def test_levels_that_training_had_not_seen_are_warned_of(shoes, ask):
    with pytest.warns(wt.RowsWarning, match=r"'shoe': 1 of 2 rows hold a level that training had not seen \(first: row 2, 'sandal'\)"):
        getattr(shoes, ask)({"shoe": ["boot", "sandal"], "size": [3, 4]})


def test_a_number_of_trainings_is_refused_before_rows_are_read(shoes):
    """Rows that are gone cannot be read, which would be complained of first."""
    with pytest.raises(UsageError, match="trainings must be a whole number from 2 to 100, but is 1"):
        wt.Model(shoes.ensemble).compare({"strength": [1.0]}, trainings=1)


def test_a_class_is_answered_from_its_threshold_on():
    iris = fitted_example("iris")
    reached = iris.predict_proba("iris")[:, 2] >= 0.01
    assert (iris.predict("iris") == "virginica").sum() < reached.sum() < 150
    np.testing.assert_array_equal(iris.predict("iris", threshold={"virginica": 0.01}) == "virginica", reached)
