"""Remedies are tried on the same rows, and the verdict follows from what they do."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv as arrow_csv

from planted import planted, save_stripes
from weights import experiments, remedies
from weights.api import diagnose, fit, improve, load, read_again
from weights.errors import DataError, Interrupted, UsageError
from weights.fitting import job
from weights.model import Model
from weights.remedies import _take_part, _verdict
from weights.report.diagnosis import diagnosis_lines
from weights.training.resampling import Resampling
from weights.verdicts import Decomposition, Gain, Part

NETWORK = {"model": "mlp", "embedding": "none", "hidden": (16,), "n_steps": 96, "batch_size": 64}


def fitted(data, **options):
    return fit(data, "y", members=4, inspect=False, **options)


def test_who_stops_a_diagnosis_or_a_comparison_reads_that_this_was_stopped():
    data = planted(60)
    model = fitted(data, model="linear")
    prepared = read_again(model, data)
    with pytest.raises(Interrupted, match=r"^The diagnosis was stopped\.$"):
        remedies.diagnose(model.ensemble, prepared, stopping=lambda: True)
    with pytest.raises(Interrupted, match=r"^The comparison was stopped\.$"):
        experiments.compare(model.ensemble, prepared, {"penalty": ["l1"]}, stopping=lambda: True)


# The parts of the rows


@pytest.mark.parametrize("grouped", [False, True])
def test_parts_of_the_rows_have_no_row_and_no_group_in_common(grouped):
    data = planted(120) | {"who": [f"p{i % 30}" for i in range(120)]}
    model = fitted(data, model="linear", **({"group": "who"} if grouped else {"drop": ["who"]}))
    prepared = read_again(model, data)
    whole = job("linear", prepared.candidates["linear"], prepared)
    parts = [_take_part(whole, prepared, share=2, part=part).resampling for part in range(2)]
    assert all(isinstance(part, Resampling) for part in parts)
    np.testing.assert_array_equal(parts[0].counts + parts[1].counts, whole.resampling.counts)
    assert not (parts[0].counts & parts[1].counts).any()
    if grouped:
        for m in range(whole.n_members):
            sides = [{data["who"][i] for i in np.flatnonzero(part.counts[m])} for part in parts]
            assert not sides[0] & sides[1]


# Verdicts


@pytest.fixture(scope="module")
def held_down():
    """A linear model with far too strong a penalty, and its rows."""
    data = planted(400)
    return data, fitted(data, model="linear", penalty="l2", strength=5.0)


@pytest.fixture(scope="module")
def diagnosed(held_down):
    data, model = held_down
    return diagnose(model, data)


def test_too_strong_a_penalty_underfits(diagnosed):
    weaker = next(remedy for remedy in diagnosed.remedies if remedy.name == "weaker-penalty")
    assert diagnosed.verdict == "underfits"
    assert weaker.helps
    assert weaker.train_gain > 0
    assert diagnosed.remedies == sorted(diagnosed.remedies, key=lambda one: (not one.helps, -one.gain))


def test_the_parts_still_add_up_when_the_rows_had_their_say(diagnosed):
    found = diagnosed.decomposition
    assert found.rows is not None
    assert found.bias.value + found.variance.value - found.diversity.value == pytest.approx(found.loss.value, abs=1e-9)


def test_the_learning_curve_falls_to_the_loss_of_all_rows(diagnosed):
    assert [step.share for step in diagnosed.curve] == [0.25, 0.5, 1.0]
    assert [step.n_rows for step in diagnosed.curve] == [75, 150, 300]


def test_losses_along_a_penalty_that_is_too_strong_fall_as_it_weakens(held_down, diagnosed):
    data, model = held_down
    [curve] = diagnosed.complexity
    assert (curve.along, [point.name for point in curve.points]) == ("penalty", ["stronger-penalty", "baseline", "weaker-penalty"])
    [longer] = diagnose(model, data, curves=True).complexity
    names = ["much-stronger-penalty", "stronger-penalty", "baseline", "weaker-penalty", "much-weaker-penalty"]
    assert [point.name for point in longer.points] == names
    losses, train_losses = ([getattr(point, what) for point in longer.points] for what in ("loss", "train_loss"))
    assert losses == sorted(losses, reverse=True)
    assert train_losses == sorted(train_losses, reverse=True)


def test_the_curve_holds_the_losses_of_the_remedies(diagnosed):
    points = {point.name: point for point in diagnosed.complexity[0].points}
    for remedy in (remedy for remedy in diagnosed.remedies if remedy.name in points):
        assert points["baseline"].loss - points[remedy.name].loss == pytest.approx(remedy.gain, abs=1e-9)


def test_ends_of_curves_are_not_tried_unless_they_are_asked_for(diagnosed):
    assert not {remedy.name for remedy in diagnosed.remedies} & {"much-weaker-penalty", "much-stronger-penalty"}


def test_trials_that_would_take_longer_than_the_fit_are_left_out_and_said(monkeypatch):
    monkeypatch.setattr("weights.remedies._LEAST_ALLOWED_SECONDS", 0.0)
    data = planted(400)
    model = fitted(data, **NETWORK)
    found, whole = diagnose(model, data), diagnose(model, data, thorough=True)
    tried = {remedy.name for remedy in found.remedies}
    assert {"freer", "held-back"} <= tried
    assert found.untried
    assert tried.isdisjoint(found.untried)
    assert not whole.untried
    assert {remedy.name for remedy in whole.remedies} == tried | {*found.untried}
    assert any("--thorough" in line and found.untried[0] in line for line in diagnosis_lines(found, "run"))
    assert not any("--thorough" in line for line in diagnosis_lines(whole, "run"))


def test_two_folds_of_a_run_tell_too_few_steps(monkeypatch):
    monkeypatch.setattr("weights.remedies._LEAST_ALLOWED_SECONDS", 0.0)
    monkeypatch.setattr("weights.trials._FEWEST_JUDGED", 100)
    data = planted(600, "product", noise=0.3)
    found = diagnose(fit(data, "y", members=8, inspect=False, **NETWORK | {"n_steps": 24}), data)
    assert (found.n_rows, found.n_members) == (150, 2)
    assert found.verdict == "underfits"
    assert found.decomposition.rows is None  # which a single half does not tell


def test_the_same_run_is_diagnosed_alike(held_down, diagnosed):
    data, model = held_down
    again = diagnose(model, data)
    assert [(one.name, one.gain, one.low) for one in again.remedies] == [(one.name, one.gain, one.low) for one in diagnosed.remedies]


@pytest.mark.parametrize(("noise", "verdict"), [(0.7, "balanced"), (6.0, "limited by noise")])
def test_a_model_that_fits_its_rows_is_told_by_how_much_is_left(noise, verdict):
    data = planted(1500, noise=noise)
    assert diagnose(fitted(data, model="linear"), data, quick=True).verdict == verdict


@pytest.mark.parametrize(
    ("high", "said"),
    [(0.01, "no change that was tried helps, nor would twice the rows;"), (0.4, "helps, whether twice the rows would is unclear")],
)
def test_twice_the_rows_are_said_not_to_help_only_where_they_are_known_not_to(high, said):
    zero = Part(0.0, 0.1)
    of_loss = Decomposition("log loss", Part(1.0, 0.1), Part(1.0, 0.1), zero, zero, constant=4.0)
    assert said in _verdict(of_loss, [], Gain(0.005, -0.1, high, 0.005))[1]


def test_far_too_few_steps_underfit():
    data = planted(600, "product", noise=0.3)
    found = diagnose(fitted(data, **NETWORK | {"n_steps": 24}), data, quick=True)
    assert found.verdict == "underfits"


def test_pictures_learned_for_too_few_steps_are_underfit(tmp_path):
    """With so much noise it is so for each of five seeds; clear stripes are learned at once, sooner or later."""
    settings = {"members": 2, "n_folds": 2, "batch_size": 16, "widths": (32, 64), "blocks": (0, 0)}
    found = fit(save_stripes(tmp_path, 240, noise=150), n_steps=32, learning_rate=0.002, **settings).diagnose(quick=True)
    assert found.verdict == "underfits"
    assert found.remedies[0].name == "freer"


def test_networks_that_learn_noise_by_heart_overfit():
    data = planted(200, noise=2.0)
    settings = {"hidden": (128,), "dropout": 0.0, "weight_decay": 0.0, "patience": 0, "n_steps": 600}
    found = diagnose(fitted(data, **NETWORK | settings), data, quick=True)
    assert found.verdict == "overfits"
    assert found.train_loss < found.decomposition.loss.value / 2


def test_variance_due_to_rows_is_that_of_least_squares():
    """sigma^2 p / n of 5 coefficients and 262 rows, from which the members of the run learn, is 0.019 for noise of one.

    An estimate from one table is a mean of about seven squares (half as uncertain as it is large), the mean of ten is known to 0.18.
    """
    found = []
    for seed in range(10):
        data = planted(300, noise=1.0, seed=seed)
        found.append(diagnose(fitted(data, model="linear", penalty="none", clip=None), data, quick=True).decomposition.rows.value)
    assert np.mean(found) == pytest.approx(5 / 262, rel=3 * 0.18)


# Bad input, and applying a remedy


def test_other_rows_are_refused(held_down):
    with pytest.raises(DataError, match="must be those the run was fitted to"):
        diagnose(held_down[1], planted(300))


def test_rows_that_cannot_be_read_again_are_asked_for(held_down):
    with pytest.raises(UsageError, match="came from memory"):
        diagnose(Model(held_down[1].ensemble))


def test_too_few_rows_to_learn_from_a_half_are_said_to_be_so():
    data = planted(2)
    with pytest.raises(DataError, match="too few"):
        diagnose(fitted(data, model="linear"), data)


@pytest.mark.parametrize("n", [3, 8, 20])
def test_a_handful_of_rows_brings_a_verdict_with_finite_numbers(n):
    rng = np.random.default_rng(0)
    data = {"a": rng.normal(size=n), "b": rng.normal(size=n), "y": ["no", "yes"] * (n // 2) + ["no"] * (n % 2)}
    found = diagnose(fitted(data, model="linear", penalty="l2", strength=0.1), data)
    assert all(np.isfinite([one.gain, one.low, one.high]).all() for one in found.remedies if not one.failure)
    assert np.isfinite([found.doubling.value, found.decomposition.bias.value, *(step.loss for step in found.curve)]).all()


def test_the_remedy_that_helps_most_makes_a_new_run_that_is_better(held_down, tmp_path):
    data, model = held_down
    better, words = improve(model, "weaker-penalty", data, save=tmp_path / "better")
    assert words == "strength 0.5 instead of 5"
    assert better.metrics["rmse"] < model.metrics["rmse"]
    assert f"fitted again with {words}" in load(tmp_path / "better").report.remarks


def test_a_new_run_knows_where_its_rows_are(tmp_path):
    data = planted(100)
    path = tmp_path / "rows.csv"
    arrow_csv.write_csv(pa.table(data), path)
    model = fitted(data, model="linear", penalty="l2", strength=5.0)
    better, _ = improve(model, "weaker-penalty", path)
    assert better.report.origin.source == str(path)
    assert diagnose(better, quick=True).n_rows == 100


def test_classes_that_weigh_alike_are_judged_as_they_weigh():
    """Seven in a hundred are ill; a constant loses log 2 once both classes have the same weight."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=1500)
    data = {"x": x, "y": np.where(x + rng.normal(size=1500) > 2.1, "ill", "well")}
    found = diagnose(fitted(data, model="linear", class_weight="balanced"), data, quick=True)
    assert found.decomposition.measure == "log loss of weighted classes"
    assert found.decomposition.constant == pytest.approx(np.log(2), abs=1e-3)
    assert found.decomposition.loss.value < np.log(2)


def test_a_change_that_a_run_does_not_have_is_named_with_those_it_has(held_down):
    with pytest.raises(UsageError, match="no change 'widr'"):
        improve(held_down[1], "widr", held_down[0])


def test_where_nothing_helps_nothing_is_applied():
    data = planted(1500, noise=0.7)
    model = fitted(data, model="linear")
    same, words = improve(model, data=data, quick=True)
    assert same is model
    assert words.startswith("nothing: ")
