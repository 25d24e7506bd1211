"""What a person reads of the five elements: settings, records, the health of layers, and what is wrong."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from small import fitted_example
from weights import api
from weights.report.elements import element_lines, finding_lines
from weights.report.json import health_object

ELEMENTS = ("initialization", "activation", "regularization", "optimization", "updates")


@pytest.fixture(scope="module")
def network():
    """Three networks that took 150 steps, which rounds do not divide."""
    settings = {"hidden": (16, 8), "activation": "tanh", "learning_rate": 0.0125, "n_steps": 150, "patience": 0}
    return api.fit("iris", model="mlp", members=3, inspect=False, **settings)


@pytest.fixture(scope="module")
def solved():
    return api.fit("iris", model="linear", members=3, strength=0.5, inspect=False)


@pytest.fixture(scope="module")
def silent():
    """Networks whose weights start at zero, so that nothing passes."""
    return api.fit("iris", model="mlp", members=2, hidden=(16, 8), initialization="zeros", n_steps=20, inspect=False)


def words(lines: list[str]) -> str:
    """The lines with every run of blanks as one, so that only what is said counts."""
    return "\n".join(" ".join(line.split()) for line in lines)


def lines_of(model, **options) -> list[str]:
    [population] = model.ensemble.populations
    return element_lines(population, **options)


def changed(model, **history):
    """The population of a model with another history."""
    [population] = model.ensemble.populations
    return replace(population, history={**population.history, **history})


@pytest.mark.parametrize("which", ["network", "solved"])
def test_a_run_tells_of_each_element(which, request):
    found = [line.split()[0] for line in lines_of(request.getfixturevalue(which)) if line.split()[0] in ELEMENTS]
    assert found == list(ELEMENTS)


def test_settings_that_were_used_are_told(network):
    said = words(lines_of(network))
    assert "activation tanh" in said
    assert "learning_rate 0.0125" in said


def test_a_solved_model_does_not_use_elements_of_steps(solved):
    assert words(lines_of(solved)).count("not used: the optimum is solved, whatever the start") == 3


def test_a_strength_that_was_set_is_not_said_to_be_chosen(solved):
    assert "chosen" not in words(lines_of(solved))


def test_a_strength_that_was_chosen_is_told_with_how_many_members_chose_it():
    model = fitted_example("iris")
    assert "0.01 (2), 0.1 (6)" in words(element_lines(changed(model, strength=np.array([[0.1]] * 6 + [[0.01]] * 2))))


def test_curves_are_told_of_the_ensemble_its_members_and_their_batches(network):
    said = words(lines_of(network))
    history = network.ensemble.populations[0].history
    assert f"to {np.median(history['loss'][:, -1]):.3f}" in said
    assert [said.count(name) for name in ("out of bag ", "one alone ", "on batches ")] == [1, 1, 1]


def test_a_failed_member_does_not_hide_the_others_records(network):
    loss = network.ensemble.populations[0].history["loss"].copy()
    loss[1] = np.nan
    assert f"to {np.median(loss[[0, 2], -1]):.3f}" in words(element_lines(changed(network, loss=loss)))


def test_the_time_of_a_step_is_told(network):
    assert "150 steps of 250 us" in words(lines_of(network, step_seconds={"mlp": 250e-6}))


def test_each_layer_stands_in_a_row_as_signals_pass(network):
    rows = [line.split() for line in lines_of(network) if line.split()[0] in ("embedding", "hidden.0", "hidden.1", "output")]
    assert [row[:2] for row in rows[1:3]] == [["hidden.0", "16"], ["hidden.1", "8"]]
    assert [row[0] for row in rows] == ["embedding", "hidden.0", "hidden.1", "output"]


def test_columns_of_layers_line_up(network):
    lines = lines_of(network)
    start = next(i for i, line in enumerate(lines) if line.split()[0] == "layer")
    assert len({len(line) for line in lines[start : start + 5]}) == 1


def test_of_too_few_units_it_is_said_that_they_cannot_be_judged():
    model = api.fit("iris", model="mlp", members=2, hidden=(4,), n_steps=20, inspect=False)
    assert "hidden.0 4 " in words(lines_of(model))
    assert "too few too few" in words(lines_of(model))


def test_a_run_that_recorded_nothing_tells_its_settings_alone(network):
    [population] = network.ensemble.populations
    lines = element_lines(replace(population, history={}))
    assert len(lines) == 1 + len(ELEMENTS)


def test_nothing_is_said_where_nothing_is_wrong(network):
    assert finding_lines(network.findings()) == []


def test_a_finding_says_what_was_seen_and_what_to_change(silent):
    said = words(finding_lines(silent.findings()))
    assert said.startswith("Warnings mlp: at the start the signal fades")
    assert "Start with he, which keeps signals at their size, instead of zeros." in said


def test_more_findings_than_a_screen_needs_are_where_a_command_shows_them(silent):
    many = silent.findings() * 3
    assert words(finding_lines(many, "runs/a")).endswith(f"and {len(many) - 4} more: weights show runs/a")
    assert len(finding_lines(many)) == len(many)


def test_health_as_an_object_holds_bands_over_members_in_order(network):
    printed = msgspec.json.decode(msgspec.json.encode(health_object(network.ensemble)))
    assert (printed["findings"], [layer["layer"] for layer in printed["layers"]]) == ([], ["embedding", "hidden.0", "hidden.1", "output"])
    bands = printed["bands"]["mlp"]
    history = network.ensemble.populations[0].history
    assert bands["loss"]["steps"] == history["steps"][0].tolist()
    assert bands["hidden.0/rank"]["steps"] == history["measured_at"][0].tolist() == [0, 38, 150]
    assert bands["loss"]["q50"] == np.median(history["loss"], axis=0).tolist()
    for band in bands.values():
        assert np.all(np.diff([band["q05"], band["q50"], band["q95"]], axis=0) >= 0)


def test_health_of_solved_members_is_empty(solved):
    assert health_object(solved.ensemble) == {"findings": [], "layers": [], "bands": {}}
