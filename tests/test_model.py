"""What a fitted model does beyond answering rows; `tests/test_api.py` has the verbs."""

from __future__ import annotations

import pytest

import weights as wt
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
