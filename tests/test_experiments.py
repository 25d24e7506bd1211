"""Variants of the settings are trained on the same rows, and their differences have intervals."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from planted import planted
from weights.api import compare, fit
from weights.errors import DataError, UsageError
from weights.training.stacking import stack

NETWORK = {"model": "mlp", "embedding": "none", "hidden": (16,), "n_steps": 150, "batch_size": 64}


def fitted(data, **options):
    return fit(data, "y", members=4, inspect=False, **options)


@pytest.fixture(scope="module")
def data():
    return planted(rule="bend")


@pytest.fixture(scope="module")
def network(data):
    return fitted(data, **NETWORK)


@pytest.fixture(scope="module")
def starts(network, data):
    return compare(network, {"initialization": ["he", "xavier", "zeros"]}, data, trainings=2)


def by_label(experiment):
    return {variant.label: variant for variant in experiment.variants}


def test_the_settings_as_they_are_come_first_under_the_label_that_names_them(starts):
    assert [variant.reference for variant in starts.variants] == [True, False, False]
    assert starts.variants[0].label == "initialization he"


def test_others_are_ranked_by_their_loss(starts):
    losses = [variant.loss for variant in starts.variants[1:]]
    assert losses == sorted(losses)


def test_a_variant_that_cannot_learn_is_worse_and_warned_of(starts):
    zeros = by_label(starts)["initialization zeros"]
    assert zeros.gain.high < 0
    assert {finding.fault for finding in zeros.findings} >= {"scale"}
    assert not by_label(starts)["initialization xavier"].findings


def test_two_good_starts_are_not_told_apart(starts):
    gain = by_label(starts)["initialization xavier"].gain
    assert gain.low < 0 < gain.high


def test_a_gain_is_the_difference_of_the_losses(starts):
    before = starts.variants[0].loss
    for variant in starts.variants[1:]:
        assert variant.gain.value == pytest.approx(before - variant.loss, abs=1e-9)
        assert variant.gain.relative == pytest.approx(variant.gain.value / before, rel=1e-6)


def test_the_same_comparison_gives_the_same_numbers(network, data, starts):
    again = compare(network, {"initialization": ["he", "xavier", "zeros"]}, data, trainings=2)
    assert msgspec.structs.replace(again, seconds=starts.seconds) == starts


def test_all_combinations_of_several_settings_are_variants(network, data):
    found = compare(network, {"activation": ["relu", "tanh"], "learning_rate": ["0.003", "0.01"]}, data, trainings=2)
    assert {*by_label(found)} == {"baseline", *(f"activation {a}, learning_rate {r}" for a in ("relu", "tanh") for r in ("0.003", "0.01"))}


def test_longer_training_converges_later_and_costs_more(data):
    found = compare(fitted(data, **NETWORK, patience=0), {"n_steps": [900]}, data, trainings=2)
    baseline, longer = found.variants
    assert longer.cost > baseline.cost == 1.0
    assert 0 < baseline.converged_at <= 150 < longer.converged_at <= 900


def test_settings_that_follow_from_an_optimizer_are_chosen_anew(data):
    """With the rate of adamw, sgd would hardly move in 300 steps."""
    model = fitted(data, **NETWORK | {"n_steps": 300})
    found = by_label(compare(model, {"optimization": ["sgd"]}, data, trainings=2))["optimization sgd"]
    given = by_label(
        compare(model, {"optimization": ["sgd"], "learning_rate": [model.specs["mlp"].optimization.learning_rate]}, data, trainings=2)
    )
    slow = next(variant for label, variant in given.items() if label.startswith("optimization sgd"))
    assert found.loss < 0.7 * slow.loss


def test_only_populations_that_use_a_setting_are_trained(data, monkeypatch):
    """In a run in which several answer, whatever their losses are."""

    def stack_all(outputs, *args, **options):
        return stack(outputs, *args, **options)._replace(weights=np.full(len(outputs), 1 / len(outputs)), kept=None)

    monkeypatch.setattr("weights.fitting.stack", stack_all)
    model = fitted(data, **NETWORK | {"model": "auto"})
    assert len(model.specs) == 3
    assert "linear" not in compare(model, {"activation": ["gelu"]}, data, trainings=2).populations
    assert "linear" in compare(model, {"strength": [0.1]}, data, trainings=2).populations


def test_a_variant_that_diverges_is_named_with_the_reason(network, data):
    found = compare(network, {"learning_rate": [1e30]}, data, trainings=2).variants[1]
    assert "no longer finite" in found.failure
    assert found.gain is None


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ({"model": ["linear"]}, "'model' cannot be varied"),
        ({"members.n_folds": [3]}, "cannot be varied: all variants have the same model, members"),
        ({"initialisation": ["he"]}, "There is no setting 'initialisation'"),
        ({"initialization": ["hee"]}, "has no choice 'hee'"),
        ({"initialization": ["he"]}, "Nothing changes with initialization"),
        ({"initialization": []}, "There must be values to try"),
        ({}, "Name what to vary"),
        (None, "must be settings by name"),
        ({3: [1]}, "must be settings by name"),
        ({"dropout": [0.1], "regularization.dropout": [0.2]}, "varied under two names"),
        ({"mask": [("nonsense",)]}, "names 'nonsense', which is not a feature"),
        ({"seed": [1, 2]}, "the same model, members and seeds"),
        ({"learning_rate": [float(rate) for rate in range(1, 66)]}, "at most 64 are compared"),
    ],
    ids=str,
)
def test_what_cannot_be_varied_is_said(network, data, vary, message):
    with pytest.raises(UsageError, match=message):
        compare(network, vary, data)


@pytest.mark.parametrize("trainings", [1, 1_000, 2.5, "3", None])
def test_one_training_cannot_tell_the_chance_of_training(network, data, trainings):
    with pytest.raises(UsageError, match=f"trainings must be a whole number from 2 to 100, but is {trainings}"):
        compare(network, {"activation": ["gelu"]}, data, trainings=trainings)


def test_what_does_not_fit_into_memory_is_refused_before_it_is_tried(network, data):
    with pytest.raises(DataError, match="memory"):
        compare(network, {"hidden": [(1_000_000_000,)]}, data)


def test_a_setting_that_is_of_no_use_is_said_to_make_no_difference(network, data):
    found = by_label(compare(network, {"momentum": [0.5]}, data, trainings=2))["momentum 0.5"]
    assert (found.unused, found.gain.value) == (True, 0.0)


def test_values_that_are_the_same_are_trained_once(network, data):
    found = compare(network, {"learning_rate": ["0.003", "0.0030", 3e-3]}, data, trainings=2)
    assert [variant.label for variant in found.variants] == ["baseline", "learning_rate 0.003"]


def test_dropout_gives_way_to_an_optimizer_that_cannot_have_it(network, data):
    assert not by_label(compare(network, {"optimization": ["lbfgs"]}, data, trainings=2))["optimization lbfgs"].failure


def test_solved_members_are_not_compared_with_such_as_take_steps(data):
    with pytest.raises(UsageError, match="solved"):
        compare(fitted(data, model="linear", strength=0.1), {"optimization": ["adamw"]}, data)


def test_rows_of_another_table_are_refused(network):
    with pytest.raises(DataError, match="must be those the run was fitted to"):
        compare(network, {"activation": ["gelu"]}, planted(200, "bend"))
