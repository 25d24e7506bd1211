"""The verbs, used as a reader of README.md would: from the user's table to answers, and back from disk."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import weights as wt
from weights import answering, api, fitting
from weights.data.inputs import Inputs
from weights.elements.regularization import Regularization
from weights.errors import DataError, Interrupted, NotFoundError, TrainingError, UsageError
from weights.models.linear import Linear
from weights.models.mlp import Mlp
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.number import Number
from weights.training import solving
from weights.training.exact import solve
from weights.training.problem import Problem

LINEAR = {"model": "linear", "members": 4}
NETWORK = {"model": "mlp", "members": 4, "hidden": (8,), "n_steps": 96, "learning_rate": 0.01}

TASK_OF = {"regression": Number, "binary": Binary, "multiclass": Multiclass}


def planted(n: int = 120, seed: int = 0) -> dict[str, np.ndarray]:
    """Two numbers that decide a number and a class, and one that decides nothing."""
    random = np.random.default_rng(seed)
    a, b, c = random.normal(size=(3, n))
    wage = 3.0 + 2.0 * a - b + 0.5 * random.normal(size=n)
    return {"a": a, "b": b, "c": c, "wage": wage, "state": np.where(a + b + 0.5 * random.normal(size=n) > 0, "well", "ill")}


def table(*columns: str, n: int = 120, **more) -> dict[str, np.ndarray]:
    data = planted(n)
    return {**{name: data[name] for name in ("a", "b", "c", *columns)}, **more}


def bits(model: api.Model, data) -> dict[str, bytes]:
    return {name: values.tobytes() for name, values in answering.predictions(model, data).items()}


# The first program


@pytest.fixture(scope="module")
def csv(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "patients.csv"
    pd.DataFrame(table("state")).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def wages(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "wages.csv"
    pd.DataFrame(table("wage")).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def state_model(csv):
    return wt.fit(csv, target="state", **LINEAR)


@pytest.fixture(scope="module")
def wage_model(wages):
    return wt.fit(wages, target="wage", **LINEAR)


def test_the_first_program_of_the_readme_runs_on_classes(csv, tmp_path):
    model = wt.fit(csv, target="state", members=8)
    before = model.predict(csv)
    model.save(tmp_path / "run")
    assert np.mean(before == np.asarray(planted()["state"])) > 0.8
    np.testing.assert_array_equal(wt.load(tmp_path / "run").predict(csv), before)


def test_the_first_program_of_the_readme_runs_on_numbers(wages, tmp_path):
    model = wt.fit(str(wages), target="wage", save=tmp_path / "run", **LINEAR)
    bounds = wt.load(tmp_path / "run").interval(wages, level=0.8)
    assert np.all(bounds.low < model.predict(wages))
    assert np.all(model.predict(wages) < bounds.high)


def test_probabilities_are_those_of_the_classes_in_order(state_model, csv):
    probability = state_model.predict_proba(csv)
    assert (state_model.classes, probability.shape) == (["ill", "well"], (120, 2))
    np.testing.assert_array_equal(np.asarray(state_model.classes)[probability.argmax(1)], state_model.predict(csv))


def test_metrics_are_those_of_the_task(state_model, wage_model):
    assert {"log_loss", "auroc", "accuracy"} <= set(state_model.metrics)
    assert {"rmse", "r2", "mae"} == set(wage_model.metrics)


def test_planted_weights_are_recovered():
    random = np.random.default_rng(0)
    x = random.normal(size=(4_000, 2))
    model = wt.fit(x, x @ [2.0, -1.0] + random.normal(size=4_000), clip=None, strength=0.0, **LINEAR)
    slope = model.predict([[1.0, 0.0], [0.0, 0.0]] @ np.eye(2)) - model.predict(np.array([[0.0, 0.0], [0.0, 1.0]]))
    # Least squares: each slope has a standard error of 1 / sqrt(4000); their sum of two, four deviations.
    np.testing.assert_allclose(slope, [2.0, 1.0], rtol=0, atol=4 * np.sqrt(2 / 4_000))


def test_prediction_sets_hold_the_most_probable_class_at_a_high_level(state_model, csv):
    sets = state_model.prediction_sets(csv, level=0.95)
    assert sets[np.arange(120), state_model.predict_proba(csv).argmax(1)].all()


def test_intervals_of_a_fitted_model_hold_their_level():
    random = np.random.default_rng(2)
    x = random.normal(size=(3_000, 3))
    y = x @ [1.0, 0.5, 0.0] + random.normal(size=3_000)
    model = wt.fit(x[:1_000], y[:1_000], **LINEAR)
    bounds = model.interval(x[1_000:], level=0.9)
    held = np.mean((bounds.low <= y[1_000:]) & (y[1_000:] <= bounds.high))
    # Binomial deviation over 2,000 new rows and 1,000 scores; four of them.
    assert held == pytest.approx(0.9, abs=4 * np.sqrt(0.09 * (1 / 2_000 + 1 / 1_000)))


# Data of every kind


@pytest.fixture(scope="module")
def from_mapping():
    return bits(wt.fit(table("wage"), "wage", **LINEAR), table())


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_a_frame_gives_the_same_model_as_its_columns(frame, from_mapping):
    model = wt.fit(frame(table("wage")), "wage", **LINEAR)
    assert bits(model, frame(table())) == from_mapping


@pytest.mark.parametrize("series", [pd.Series, pl.Series, list, np.asarray], ids=["pandas", "polars", "list", "numpy"])
def test_the_target_may_come_apart_from_the_features(series, from_mapping):
    model = wt.fit(pd.DataFrame(table()), series(planted()["wage"]), **LINEAR)
    assert bits(model, table()) == from_mapping


def test_arrays_of_features_and_target_are_enough(from_mapping):
    columns = table()
    x = np.stack([columns[name] for name in ("a", "b", "c")], axis=1)
    assert bits(wt.fit(x, planted()["wage"], **LINEAR), x) == from_mapping


@pytest.mark.parametrize("name", ["wage", 5])
def test_a_series_gives_the_target_its_name(name):
    model = wt.fit(pd.DataFrame(table()), pd.Series(planted()["wage"], name=name), **LINEAR)
    assert model.ensemble.task.target == str(name)


def test_the_index_of_a_filtered_frame_is_no_feature():
    frame = pd.DataFrame(table("wage"))
    model = wt.fit(frame[frame["c"] > -1.0], "wage", **LINEAR)
    assert model.ensemble.encoding.inputs == ["a", "b", "c"]


def test_a_target_of_two_dimensions_is_refused():
    with pytest.raises(DataError, match=r"one-dimensional|shape \(120, 1\)"):
        wt.fit(table(), (planted()["wage"] > 3).astype(int).reshape(-1, 1), **LINEAR)


def test_a_target_of_another_length_is_refused():
    with pytest.raises(DataError, match=r"'target' must have one value a row, but there are 119 values and 120 rows"):
        wt.fit(table(), planted()["wage"][:-1], **LINEAR)


def test_columns_may_come_in_any_order_and_number(from_mapping):
    model = wt.fit(table("wage"), "wage", **LINEAR)
    assert bits(model, {"z": ["?"] * 120, **dict(reversed(table().items()))}) == from_mapping


def test_a_missing_column_is_named_with_its_likeness():
    model = wt.fit({"age": planted()["a"], "wage": planted()["wage"]}, "wage", **LINEAR)
    with pytest.raises(DataError, match=r"needs 1 column, but 1 is not in the data \(first: 'age'\)\. Did you mean 'agee'\?"):
        model.predict({"agee": [1.0]})


@pytest.mark.parametrize("example", ["iris", "diabetes"])
def test_a_bundled_example_knows_its_target(example):
    assert wt.fit(example, **LINEAR).report.source == example


# Which model


def say_of(model: wt.Model, name: str, x: np.ndarray) -> float:
    """How much of what varies in the answers to encoded rows comes from populations of a model, 0 to 1."""
    inputs = Inputs({"x": x, "numbers": x[:, model.ensemble.encoding.numeric_inputs]})
    spread = {p.name: p.stacking_weight * model.ensemble.mean_outputs(p, inputs).std() for p in model.ensemble.populations}
    return sum(spread[own] for own in spread if own.split("-")[0] == name) / sum(spread.values())


ENCODED = np.random.default_rng(2).normal(size=(200, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def auto_model():
    return wt.fit(table("wage"), "wage", **{**NETWORK, "model": "auto"})


def test_auto_gives_the_linear_model_most_of_the_say_where_the_rule_is_linear(auto_model):
    assert isinstance(auto_model.specs["linear"].model, Linear)
    assert say_of(auto_model, "linear", ENCODED[:, :1].repeat(len(auto_model.ensemble.encoding.inputs), 1)) > 0.7
    assert re.match(r"linear answers alone|the stacked ensemble's out-of-bag squared error is ", auto_model.report.decision)


def test_auto_gives_the_network_most_of_the_say_where_two_features_act_together():
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 2))
    model = wt.fit(x, np.where(x[:, 0] * x[:, 1] > 0, "same", "other"), **{**NETWORK, "model": "auto", "n_steps": 480})
    assert isinstance(model.specs["mlp"].model, Mlp)
    assert say_of(model, "mlp", ENCODED) > 0.8
    assert re.match(r"the stacked ensemble's out-of-bag log loss is .* lower than linear's alone", model.report.decision)
    assert "--model linear" not in model.report.decision


@pytest.mark.parametrize(("members", "each"), [(1, 1), (4, 4), (12, 8), (24, 8), (25, 9), (60, 20)])
def test_auto_shares_members_out_among_models_enough_to_leave_each_fold_out_once(members, each):
    candidates = api.plan_fit(table("wage"), "wage", members=members).candidates
    assert {name: spec.members.n_members for name, spec in candidates.items()} == {"linear": each, "mlp": each, "mlp-loose": each}


@pytest.mark.parametrize("members", [1, 12, 40])
def test_a_model_that_was_asked_for_has_all_members(members):
    assert api.plan_fit(table("wage"), "wage", model="linear", members=members).candidates["linear"].members.n_members == members


def test_models_that_were_tried_are_compared_with_a_constant_answer(auto_model):
    compared = auto_model.report.compared
    assert [*compared] == ["linear", "mlp", "mlp-loose", "constant"]
    assert compared["constant"]["r2"].value == pytest.approx(0.0, abs=1e-12)


def test_with_auto_a_setting_of_steps_is_for_the_network_only():
    candidates = api.plan_fit(table("wage"), "wage", learning_rate=0.01).candidates
    assert candidates["linear"].solved
    assert candidates["mlp"].optimization.learning_rate == 0.01


def test_with_auto_no_model_uses_a_masked_feature():
    # All that is known about the wage is masked, so nothing can be predicted better than by the mean.
    data = table(wage=10 * planted()["a"] + planted()["c"])
    model = wt.fit(data, "wage", mask=("a",), **{**NETWORK, "model": "auto"})
    assert model.metrics["r2"] < 0.5


def test_a_model_nobody_knows_is_refused_with_its_likeness():
    with pytest.raises(UsageError, match=r"There is no model 'linaer'\. Did you mean 'linear'\?"):
        wt.fit("iris", model="linaer")


# Rows that belong together, order, weights


def test_groups_keep_members_from_being_judged_on_what_they_know():
    # The target is drawn for each patient and the code tells the patient: only seen patients can be predicted.
    patient = np.repeat(np.arange(20), 6)
    wage = np.random.default_rng(0).normal(size=20)[patient]
    data = {"code": [f"p{i:02}" for i in patient], "patient": patient, "wage": wage}
    known, unknown = (
        wt.fit(data, "wage", members=8, model="linear", **options) for options in ({"drop": ["patient"]}, {"group": "patient"})
    )
    assert known.metrics["r2"] > 0.9
    assert unknown.metrics["r2"] < 0.2


@pytest.mark.parametrize("kind", ["number", "date"])
def test_with_time_members_are_judged_on_what_came_later(kind):
    # The target only grows: what is predicted from the past alone is worse than the mean of all.
    day = np.arange(120)
    data = {
        "a": planted()["a"],
        "day": day if kind == "number" else pd.Timestamp("2024-01-01") + pd.to_timedelta(day, "D"),
        "wage": day * 1.0,
    }
    model = wt.fit(data, "wage", time="day", members=12, model="linear")
    assert model.metrics["r2"] < -0.1


def test_with_time_only_members_that_saw_the_newest_rows_vote():
    model = wt.fit(table("wage", day=np.arange(120.0)), "wage", time="day", members=12, n_folds=8, model="linear")
    np.testing.assert_array_equal(model.ensemble.populations[0].member_weights, np.repeat([0.0, 1.0], [8, 4]))


def test_with_time_one_member_cannot_both_vote_and_be_judged():
    with pytest.raises((UsageError, DataError), match="members"):
        wt.fit(table("wage", day=np.arange(120.0)), "wage", time="day", members=1, model="linear")


def test_row_weights_may_be_a_column_or_numbers():
    weight = np.random.default_rng(1).uniform(0.5, 2.0, 120)
    column = wt.fit(table("wage", importance=weight), "wage", sample_weight="importance", **LINEAR)
    numbers = wt.fit(table("wage"), "wage", sample_weight=weight, **LINEAR)
    assert bits(column, table()) == bits(numbers, table())


@pytest.mark.parametrize(("kind", "n_outputs"), [("regression", 1), ("binary", 1), ("multiclass", 3)])
def test_a_row_of_weight_two_is_the_row_twice(kind, n_outputs):
    random = np.random.default_rng(0)
    x, twice = random.normal(size=(80, 3)), random.random(80) < 0.3
    y = x[:, 0] + random.normal(size=80) if kind == "regression" else random.integers(0, n_outputs + (n_outputs == 1), 80)
    rows = np.repeat(np.arange(80), 1 + twice)
    weighted = Problem(TASK_OF[kind].convex, x, y, 1.0 + twice, n_outputs, np.arange(3))
    repeated = Problem(TASK_OF[kind].convex, x[rows], y[rows], np.ones(len(rows)), n_outputs, np.arange(3))
    first, second = (solve(problem, Regularization(), 0.1, tolerance=1e-11) for problem in (weighted, repeated))
    # A gradient within 1e-11 of zero and a curvature of at least 0.1 leave weights within 1e-10 of the optimum.
    np.testing.assert_allclose(first.w, second.w, rtol=0, atol=1e-9)


def test_row_weights_below_zero_are_refused():
    with pytest.raises(DataError, match=r"Sample weights must be at least zero, but 'sample_weight' is -1\.0 in row 3"):
        wt.fit(table("wage"), "wage", sample_weight=np.where(np.arange(120) == 2, -1.0, 1.0), **LINEAR)


def test_row_weights_of_another_length_are_refused():
    with pytest.raises(DataError, match=r"'sample_weight' must have one value a row, but there are 5 values and 120 rows"):
        wt.fit(table("wage"), "wage", sample_weight=np.ones(5), **LINEAR)


def rare() -> dict[str, np.ndarray]:
    noise = np.random.default_rng(9).normal(size=120)
    return table(state=np.where(planted()["a"] + noise > 1.2, "ill", "well"))


def test_balanced_class_weights_are_the_inverse_shares():
    n_ill = int((rare()["state"] == "ill").sum())
    factors = {"ill": 120 / (2 * n_ill), "well": 120 / (2 * (120 - n_ill))}
    balanced, spelled = (wt.fit(rare(), "state", class_weight=w, strength=0.1, **LINEAR) for w in ("balanced", factors))
    assert bits(balanced, table()) == bits(spelled, table())


def test_balanced_class_weights_make_the_rare_class_as_probable_as_the_other():
    model = wt.fit(rare(), "state", class_weight="balanced", strength=0.01, **LINEAR)
    ill = model.predict_proba(rare())[:, 0]
    is_ill = rare()["state"] == "ill"
    # The intercept is free of penalty, so weighted probabilities average to the weighted share, one half; calibration moves it a little.
    assert 0.5 * ill[is_ill].mean() + 0.5 * ill[~is_ill].mean() == pytest.approx(0.5, abs=0.03)


def test_a_class_weight_for_no_class_is_refused():
    with pytest.raises(UsageError, match=r"Class weights name 'il', which is not a class\. Did you mean 'ill'\?"):
        wt.fit(rare(), "state", class_weight={"il": 2.0}, **LINEAR)


def test_numbers_have_no_class_weights():
    with pytest.raises(UsageError, match=r"Class weights need classes, but 'wage' is a number"):
        wt.fit(table("wage"), "wage", class_weight="balanced", **LINEAR)


# Settings


def steps_of(**options) -> int:
    return api.plan_fit(table("wage", n=4_000), "wage", **{"model": "mlp", "threads": 1, **options}).candidates["mlp"].optimization.n_steps


def test_a_small_budget_shortens_the_run():
    assert steps_of(budget=3.0, members=64) < steps_of(members=64)


def test_a_budget_is_given_to_the_network_and_leaves_the_solved_model_alone():
    candidates = api.plan_fit(table("wage"), "wage", budget=1.0).candidates
    assert candidates["linear"].solved
    assert candidates["mlp"].optimization.n_steps >= 50


def test_steps_that_were_asked_for_are_not_made_more_by_a_budget():
    assert steps_of(budget=3600.0, n_steps=100) == 100


@pytest.mark.parametrize("model", ["auto", "linear", "mlp"])
def test_a_setting_nobody_knows_is_refused_with_its_likeness(model):
    with pytest.raises(UsageError, match=r"There is no setting 'lerning_rate' for this model\. Did you mean 'learning_rate'\?"):
        wt.fit("iris", model=model, lerning_rate=0.1)


def test_a_choice_nobody_knows_is_refused_with_its_likeness():
    with pytest.raises(UsageError, match=r"activation\.name has no choice 'relo'\. Did you mean 'relu'\?"):
        wt.fit("iris", model="mlp", activation="relo")


@pytest.mark.parametrize(("setting", "choice"), [("penalty", "none"), ("embedding", "none")])
def test_none_is_a_choice_where_it_is_offered(setting, choice):
    spec = api.plan_fit("iris", model="mlp", **{setting: choice}).candidates["mlp"]
    assert getattr(spec.regularization if setting == "penalty" else spec.model, setting) == "none"


def test_a_value_of_another_type_is_refused():
    with pytest.raises(UsageError, match=r"optimization\.learning_rate cannot be 'fast': expected `float \| null`, got `str`"):
        wt.fit("iris", model="mlp", learning_rate="fast")


@pytest.mark.parametrize(("name", "value"), [("members", 0), ("members", 10_001)])
def test_the_number_of_members_has_bounds(name, value):
    with pytest.raises(UsageError, match=rf"members\.n_members must be between 1 and 10000, but is {value}"):
        wt.fit("iris", **{name: value})


def test_a_setting_may_be_named_with_its_section():
    spec = api.plan_fit("iris", model="mlp", **{"members.share": 0.5, "optimization__beta1": 0.8}).candidates["mlp"]
    assert (spec.members.share, spec.optimization.beta1) == (0.5, 0.8)


def test_a_masked_feature_must_exist():
    with pytest.raises(
        UsageError, match=r"updates\.mask names 'aa', which is not a feature in use\. (Did you mean 'a'\?|Known: a, b, c\.)"
    ):
        wt.fit(table("wage"), "wage", model="mlp", mask=("aa",))


def test_a_masked_feature_has_no_say():
    model = wt.fit(table("wage"), "wage", mask=("a",), **NETWORK)
    other = {**table(), "a": -table()["a"]}
    np.testing.assert_array_equal(model.predict(table()), model.predict(other))


@pytest.mark.parametrize("threads", [0, -2])
def test_at_least_one_thread_is_needed(threads):
    with pytest.raises(UsageError, match=rf"threads must be at least 1, but is {threads}\. Leave it out to use all cores"):
        wt.fit("iris", threads=threads)


def test_the_target_must_be_named():
    with pytest.raises(UsageError, match=r"The target was not named\. Name the column to predict with --target; columns: a, b, c, wage\."):
        wt.fit(table("wage"))


def test_a_target_that_does_not_exist_is_not_found():
    with pytest.raises(NotFoundError, match=r"has no column 'wag' to use as target\. Did you mean 'wage'\?"):
        wt.fit(table("wage"), "wag")


def test_a_file_that_does_not_exist_is_not_found(csv):
    with pytest.raises(
        NotFoundError, match=r"There is no file or bundled example called '.*patiens\.csv'\. Did you mean '.*patients\.csv'\?"
    ):
        wt.fit(csv.with_name("patiens.csv"), target="state")


def test_more_memory_than_there_is_is_refused(monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "50MB")
    with pytest.raises(DataError, match=r"^Training needs about .* MB of memory, but 50\.0 MB may be used\. Use fewer rows"):
        wt.fit("iris")


def test_planning_trains_nothing(monkeypatch):
    monkeypatch.setattr(fitting, "train_together", None)
    assert [plan.model for plan in api.plan_fit("iris").plans] == ["linear", "mlp", "mlp-loose"]


def test_it_is_an_error_if_all_members_fail():
    with pytest.raises(TrainingError, match=r"All 4 members failed, the first because its .* no longer finite"):
        wt.fit(table("wage"), "wage", **{**NETWORK, "learning_rate": 1e30})


# Searches


def test_a_search_takes_the_better_setting_into_the_spec():
    model = wt.fit(table("wage"), "wage", search={"learning_rate": [1e-7, 0.01]}, **NETWORK)
    assert model.specs["mlp"].optimization.learning_rate == 0.01
    assert [candidate.label for candidate in model.report.searches["mlp"] if candidate.won] == ["learning_rate 0.01"]


def test_a_search_spans_all_combinations():
    races = api.plan_fit("iris", model="mlp", search={"learning_rate": [0.1, 0.2], "activation": ["relu", "tanh"]}).races["mlp"]
    assert [*races] == [f"learning_rate {rate}, activation {name}" for rate in (0.1, 0.2) for name in ("relu", "tanh")]


def test_too_wide_a_search_is_refused():
    with pytest.raises(UsageError, match=r"The search spans 65 candidates, and at most 64 are raced\. Search fewer values"):
        api.plan_fit("iris", model="mlp", search={"learning_rate": np.linspace(0.1, 1, 65).tolist()})


def test_searching_a_setting_nobody_knows_is_refused():
    with pytest.raises(UsageError, match=r"There is no setting 'lr'"):
        api.plan_fit("iris", search={"lr": [0.1]})


# The same again


@pytest.mark.parametrize("options", [LINEAR, NETWORK], ids=["linear", "mlp"])
def test_the_same_seed_gives_the_same_bits(options):
    first, second = (wt.fit(table("wage"), "wage", seed=7, threads=threads, **options) for threads in (1, 2))
    assert bits(first, table()) == bits(second, table())


@pytest.mark.parametrize("options", [LINEAR, NETWORK], ids=["linear", "mlp"])
def test_another_seed_gives_another_model(options):
    first, second = (wt.fit(table("wage"), "wage", seed=seed, **options) for seed in (7, 8))
    assert bits(first, table()) != bits(second, table())


def test_the_input_is_left_as_it_was():
    frame = pd.DataFrame(table("wage"))
    before = frame.copy()
    wt.fit(frame, "wage", **LINEAR).predict(frame)
    pd.testing.assert_frame_equal(frame, before)


# Answers as columns


def test_answers_of_classes_have_a_column_for_each_class(state_model, csv):
    columns = answering.predictions(state_model, csv)
    assert [*columns] == ["prediction", "probability ill", "probability well"]


def test_answers_of_numbers_have_the_bounds_of_the_interval(wage_model, wages):
    columns = answering.predictions(wage_model, wages, level=0.8)
    assert [*columns] == ["prediction", "low 80%", "high 80%"]


@pytest.mark.parametrize("level", [0.9, 0.999])
def test_the_answer_is_the_prediction_whatever_the_level(wage_model, wages, level):
    # 120 scores cannot hold a level of 0.999, so the bounds are infinite there; the prediction is not.
    columns = answering.predictions(wage_model, wages, level=level)
    np.testing.assert_allclose(columns["prediction"], wage_model.predict(wages), rtol=1e-12)


# A look at a table


def test_a_look_tells_kinds_without_a_target(csv):
    look = api.look(csv)
    assert {feature.name: feature.kind for feature in look.features} == {
        "a": "numeric",
        "b": "numeric",
        "c": "numeric",
        "state": "category",
    }
    assert (look.n_samples, look.task) == (120, None)


def test_a_look_with_a_target_tells_the_task(csv):
    look = api.look(csv, "state")
    assert (look.task.kind, look.task.classes, len(look.features)) == ("binary", ["ill", "well"], 3)


# Interruption


class Interrupter:
    """A progress callback that presses Ctrl-C when progress of that name first comes."""

    def __init__(self, name: str, presses: int = 1, pause_seconds: float = 0.0) -> None:
        self.name, self.presses, self.pause_seconds = name, presses, pause_seconds

    def __call__(self, progress) -> None:
        if progress.name != self.name or not self.presses:
            return
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        for _ in range(self.presses):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(self.pause_seconds)
        self.presses = 0


def interrupted(folder: Path, *, during: str = "mlp", data=None, **options) -> None:
    with pytest.raises(Interrupted, match=r"Training was stopped\."):
        wt.fit(data or table("wage"), "wage", save=folder, progress=Interrupter(during), **options)


@pytest.mark.parametrize(
    ("during", "options"),
    [
        ("mlp", NETWORK),
        ("mlp", {**NETWORK, "model": "auto"}),
        ("search", {**NETWORK, "search": {"learning_rate": [0.01, 0.003]}}),
    ],
    ids=["mlp", "auto", "search"],
)
def test_an_interrupted_fit_that_is_resumed_gives_the_same_bits(tmp_path, during, options):
    interrupted(tmp_path / "run", during=during, **options)
    resumed = wt.fit(table("wage"), "wage", save=tmp_path / "run", resume=True, **options)
    assert bits(resumed, table()) == bits(wt.fit(table("wage"), "wage", **options), table())


def test_an_interrupted_solve_that_is_resumed_gives_the_same_bits(tmp_path, monkeypatch):
    def slow(*args, **options):
        time.sleep(0.02)  # so that the interruption comes before all members are solved
        return solve(*args, **options)

    options = {**LINEAR, "members": 12, "threads": 1}
    monkeypatch.setattr(solving, "solve", slow)
    interrupted(tmp_path / "run", during="linear", **options)
    resumed = wt.fit(table("wage"), "wage", save=tmp_path / "run", resume=True, **options)
    assert bits(resumed, table()) == bits(wt.fit(table("wage"), "wage", **options), table())


def test_a_complete_run_leaves_no_checkpoint(tmp_path):
    interrupted(tmp_path / "run", **NETWORK)
    wt.fit(table("wage"), "wage", save=tmp_path / "run", resume=True, **NETWORK)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


OTHER = table("wage", ward=np.arange(120) % 9, house=np.arange(120) // 10)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"data": table(wage=planted()["wage"] + 1e-3 * planted()["c"])}),
        ({}, {"learning_rate": 0.02}),
        ({}, {"seed": 1}),
        ({}, {"sample_weight": np.linspace(1, 2, 120)}),
        ({"data": OTHER, "group": "ward", "drop": ["house"]}, {"data": OTHER, "group": "house", "drop": ["ward"]}),
        ({"data": OTHER, "time": "ward", "drop": ["house"]}, {"data": OTHER, "time": "house", "drop": ["ward"]}),
        ({"search": {"learning_rate": [0.01, 1e-6]}}, {"search": {"learning_rate": [0.02, 1e-6]}}),
    ],
    ids=["data", "setting", "seed", "row weights", "group", "time", "search"],
)
def test_a_checkpoint_is_not_continued_with_anything_else(tmp_path, first, second):
    interrupted(tmp_path / "run", **{**NETWORK, **first})
    data = second.pop("data", table("wage"))
    with pytest.raises(UsageError, match="was made from other data, settings or another version"):
        wt.fit(data, "wage", save=tmp_path / "run", resume=True, **{**NETWORK, **second})


def test_a_checkpoint_is_not_continued_with_other_class_weights(tmp_path):
    with pytest.raises(Interrupted):
        wt.fit(rare(), "state", save=tmp_path / "run", progress=Interrupter("mlp"), class_weight="balanced", **NETWORK)
    with pytest.raises(UsageError, match="was made from other data, settings or another version"):
        wt.fit(rare(), "state", save=tmp_path / "run", resume=True, **NETWORK)


def test_the_second_interruption_stops_at_once():
    with pytest.raises(KeyboardInterrupt):
        wt.fit(table("wage"), "wage", progress=Interrupter("mlp", presses=2, pause_seconds=0.6), **NETWORK)


def test_one_interruption_that_is_delivered_twice_counts_once():
    with pytest.raises(Interrupted, match=r"Training was stopped\."):
        wt.fit(table("wage"), "wage", progress=Interrupter("mlp", presses=2), **NETWORK)


def test_an_interrupted_run_is_not_overwritten_by_another(tmp_path):
    interrupted(tmp_path / "run", **NETWORK)
    with pytest.raises(UsageError, match=r"An interrupted run waits in '.*run\.checkpoint'\. Go on with --resume, or remove that folder"):
        wt.fit(table("wage"), "wage", save=tmp_path / "run", **NETWORK)


def test_a_fit_that_failed_leaves_no_checkpoint(tmp_path):
    with pytest.raises(TrainingError):
        wt.fit(table("wage"), "wage", save=tmp_path / "run", **{**NETWORK, "learning_rate": 1e30})
    assert [*tmp_path.iterdir()] == []


def test_signals_mean_afterwards_what_they_meant_before():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    wt.fit(table("wage"), "wage", **LINEAR)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_fit_may_run_in_a_thread():
    models = []
    thread = threading.Thread(target=lambda: models.append(wt.fit(table("wage"), "wage", **LINEAR)))
    thread.start()
    thread.join()
    assert len(models) == 1


def test_resuming_needs_a_folder():
    with pytest.raises(UsageError, match=r"Resuming needs the folder the interrupted run was to be saved to\. Name it with --save"):
        wt.fit(table("wage"), "wage", resume=True, **LINEAR)


def test_resuming_needs_a_checkpoint(tmp_path):
    with pytest.raises(NotFoundError, match=r"There is no checkpoint at '.*run\.checkpoint' to resume from"):
        wt.fit(table("wage"), "wage", save=tmp_path / "run", resume=True, **LINEAR)


def test_a_place_that_cannot_be_saved_to_is_refused_before_training(tmp_path, monkeypatch):
    (tmp_path / "letter").write_text("")
    monkeypatch.setattr(fitting, "train_together", None)
    with pytest.raises(UsageError, match=r"letter' exists and is not a Weights folder"):
        wt.fit(table("wage"), "wage", save=tmp_path / "letter", **LINEAR)


def test_the_number_of_members_may_be_given_by_its_name_in_the_spec():
    assert api.plan_fit(table("wage"), "wage", model="linear", n_members=5).candidates["linear"].members.n_members == 5


def test_a_model_shows_itself_in_one_line():
    model = wt.fit(table("wage"), "wage", model="linear", members=3)
    assert repr(model).startswith("<weights.Model: regression of 'wage', 3 members, out-of-bag rmse ")


# Copies of rows


def test_copies_can_be_merged_and_it_is_said():
    data = table("wage")
    twice = {name: np.concatenate([values, values[:7]]) for name, values in data.items()}
    weight = np.r_[np.full(7, 2.0), np.ones(113)]
    repeated, weighted = (
        wt.fit(twice, "wage", copies="merge", **LINEAR),
        wt.fit(data, "wage", sample_weight=weight, copies="merge", **LINEAR),
    )
    assert bits(repeated, data) == bits(weighted, data)
    assert "7 of 127 rows are copies or of weight zero; copies count as one row of their summed weight" in repeated.report.remarks


def test_weights_that_cannot_be_are_refused_with_merged_copies_too():
    with pytest.raises(DataError, match="must be at least zero"):
        wt.fit(table("wage"), "wage", sample_weight=-np.ones(120), copies="merge", **LINEAR)


def test_another_word_for_copies_is_refused():
    with pytest.raises(UsageError, match="copies must be keep or merge, but is 'drop'"):
        api.plan_fit(table("wage"), "wage", copies="drop")


def test_metrics_by_levels_name_one_column():
    model = wt.fit({"x": [i % 20 / 2 for i in range(40)], "s": ["a", "b"] * 20, "y": [*range(40)]}, "y", model="linear", members=2)
    rows = {"x": [1, 2, 3, 4], "s": ["a", "b"] * 2, "y": [1, 2, 3, 4]}
    with pytest.raises(UsageError, match="levels of one column, but a list came"):
        model.score(rows, by=["s"])


def test_a_table_is_described_by_the_rows_that_are_learned_from(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{i % 7},{i % 5 / 2}\n" for i in range(60)) + "300,\n")
    [_, x] = api.look(str(path), "y").columns
    assert (x.n_distinct, x.quartiles[-1]) == (7, "6")


def test_questions_are_at_hand_without_another_import():
    command = "import weights; print(weights.questions.ask.__name__)"
    assert subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout == "ask\n"
