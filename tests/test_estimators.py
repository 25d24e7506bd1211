"""The estimators: scikit-learn's own checks, its tools around them, and what they add."""

from __future__ import annotations

import inspect
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingRegressor, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import weights as wt
from weights import fitting
from weights.api import plan_fit, run_fit
from weights.data.files.threads import available_threads
from weights.errors import DataError, UsageError
from weights.estimators.parameters import SETTINGS
from weights.fitoptions import ElementOptions
from weights.spec import Spec, find_setting

NETWORK = {"model": "mlp", "members": 4, "hidden": (8,), "n_steps": 200, "learning_rate": 0.02}
LINEAR = [
    wt.WeightsClassifier(model="linear", members=4),
    wt.WeightsRegressor(model="linear", members=4),
    wt.WeightsLinearClassifier(members=4),
    wt.WeightsLinearRegressor(members=4),
]
OF_NETWORKS = {
    "check_class_weight_classifiers",
    "check_classifiers_train",
    "check_decision_proba_consistency",
    "check_estimators_partial_fit_n_features",
    "check_estimators_pickle",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit_idempotent",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_non_transformer_estimators_n_iter",
    "check_regressors_int",
    "check_regressors_train",
    "check_sample_weight_equivalence_on_dense_data",
}
"""Checks of what is learned and answered. The others ask about parameters and about what comes in, which meets the same code
whatever the model is."""


@parametrize_with_checks(LINEAR)
def test_the_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=f"{type(estimator).__name__}-{check.func.__name__}-{len(check.keywords)}")
        for network in (wt.WeightsClassifier(**NETWORK), wt.WeightsRegressor(**NETWORK))
        for estimator, check in estimator_checks_generator(network)
        if check.func.__name__ in OF_NETWORKS
    ],
)
def test_the_checks_of_scikit_learn_of_what_is_learned_pass_for_networks(estimator, check):
    check(estimator)


def rows(n: int = 120, n_classes: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three numbers, a line in two of them with noise, and classes cut from it."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 3)) * [1.0, 10.0, 0.1] + [0.0, 100.0, 5.0]
    line = 3.0 * x[:, 0] - 0.2 * (x[:, 1] - 100.0) + 0.5 * random.normal(size=n)
    return x, line, np.digitize(line, [[0.0], [-1.5, 1.5]][n_classes - 2])


def rows_of_a_bent_line() -> tuple[np.ndarray, np.ndarray]:
    """Three numbers, and a line in two of them with a bend, so that the solved model and the network both have a share."""
    x, line, _ = rows()
    return x, line + 1.5 * np.abs(x[:, 0])


def frame(n: int = 120, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Columns of many kinds, and numbers that most of them decide."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "dose": random.normal(size=n),
            "visits": random.integers(0, 5, n),
            "ward": pd.Categorical(random.choice(["north", "south", "west"], n)),
            "sex": random.choice(["f", "m"], n),
            "seen": pd.date_range("2020-01-01", periods=n, freq="D"),
            "smoker": random.random(n) < 0.5,
        }
    )
    y = table["dose"] + 2.0 * (table["ward"] == "north") - (table["sex"] == "f") + 0.5 * table["visits"] + 0.1 * random.normal(size=n)
    table.loc[3, "dose"] = np.nan
    return table, y.to_numpy()


def linear(**params) -> wt.WeightsLinearRegressor:
    return wt.WeightsLinearRegressor(**{"members": 4, "random_state": 0, **params})


def network(**params) -> wt.WeightsRegressor:
    return wt.WeightsRegressor(**{**NETWORK, "random_state": 0, **params})


def classifier(**params) -> wt.WeightsLinearClassifier:
    return wt.WeightsLinearClassifier(**{"members": 4, "random_state": 0, **params})


# The same as weights.fit


@pytest.mark.parametrize("model", ["linear", "mlp", "auto"])
def test_a_regressor_answers_as_the_functional_interface_does(model):
    x, y, _ = rows()
    columns = {f"x{j}": x[:, j] for j in range(3)}
    asked = {"members": 4, "model": model} if model == "linear" else {**NETWORK, "model": model}
    answers = wt.fit(columns, y, copies="merge", seed=7, **asked).predict(columns)
    np.testing.assert_array_equal(wt.WeightsRegressor(**asked, random_state=7).fit(x, y).predict(x), answers)


def test_a_classifier_answers_as_the_functional_interface_does():
    x, _, y = rows(n_classes=3)
    labels = np.asarray(["low", "mid", "top"])[y]
    columns = {f"x{j}": x[:, j] for j in range(3)}
    expected = wt.fit(columns, labels, copies="merge", seed=7, **NETWORK)
    found = wt.WeightsClassifier(**NETWORK, random_state=7).fit(x, labels)
    np.testing.assert_array_equal(found.predict_proba(x), expected.predict_proba(columns))
    np.testing.assert_array_equal(found.predict(x), expected.predict(columns))
    np.testing.assert_array_equal(found.prediction_sets(x, level=0.8), expected.prediction_sets(columns, level=0.8))


def test_intervals_are_those_of_the_model():
    x, y, _ = rows()
    bounds = linear().fit(x, y)
    low, high = bounds.predict_interval(x, level=0.8).T
    expected = bounds.model_.interval({f"x{j}": x[:, j] for j in range(3)}, level=0.8)
    np.testing.assert_array_equal([low, high], [expected.low, expected.high])


def test_any_setting_can_be_given_by_name():
    x, y, _ = rows()
    spec = (
        network(activation="gelu", settings={"patience": 0, "members.share": 0.5, "resampling": "subsample"}).fit(x, y).model_.specs["mlp"]
    )
    assert (spec.activation.name, spec.regularization.patience, spec.members.share) == ("gelu", 0, 0.5)


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"settings": {"patienc": 3}}, "no setting 'patienc'"),
        ({"settings": {"seed": 3}}, "settings holds 'seed', which has a parameter"),
        ({"model": "tree"}, "no model 'tree'"),
        ({"members": 0}, "n_members must be"),
        ({"settings": {"seed": 3}}, "settings holds 'seed'"),
    ],
)
def test_a_parameter_that_cannot_be_is_a_value_error(params, complaint):
    x, y, _ = rows()
    with pytest.raises(ValueError, match=complaint):
        network(**params).fit(x, y)


# What comes in


def test_frames_of_any_library_give_the_same_answers():
    table, y = frame()
    fitted = linear().fit(table, y)
    assert fitted.score(table, y) > 0.95
    for other in (pl.from_pandas(table), pa.Table.from_pandas(table, preserve_index=False)):
        np.testing.assert_array_equal(fitted.predict(other), fitted.predict(table))
        np.testing.assert_array_equal(linear().fit(other, y).predict(other), fitted.predict(table))
    assert [*fitted.feature_names_in_] == [*table.columns]


def test_numbers_are_numbers_whatever_their_values():
    # An identifier, a constant, two values, nothing at all: columns that `weights fit` would read as other kinds.
    x, y, _ = rows()
    x = np.column_stack([x, np.arange(120), np.ones(120), x[:, 0] > 0, np.full(120, np.nan)])
    kinds = {feature.kind for feature in linear().fit(x, y).model_.ensemble.features}
    assert kinds == {"numeric"}


def test_a_table_of_constants_is_answered_with_the_mean():
    _, y, _ = rows()
    np.testing.assert_allclose(linear().fit(np.ones((120, 2)), y).predict(np.ones((3, 2))), y.mean(), atol=0.1)


def test_a_kind_that_was_asked_for_is_used():
    x, y, _ = rows()
    ward = np.column_stack([x[:, 0], np.arange(120) % 3])
    features = linear(settings={"kinds": {"x1": "category"}}).fit(ward, y).model_.ensemble.features
    assert [feature.kind for feature in features] == ["numeric", "category"]


def test_categories_of_numbers_are_categories():
    codes = pd.DataFrame({"code": pd.Categorical(np.arange(90) % 3)})
    y = np.asarray([0.0, 5.0, 1.0])[np.arange(90) % 3] + np.random.default_rng(0).normal(size=90)
    assert linear().fit(codes, y).model_.ensemble.features[0].kind == "category"


def test_an_array_may_follow_a_frame_of_unnamed_columns():
    table, y = frame()
    table.columns = range(6)
    fitted = linear().fit(table, y)
    np.testing.assert_array_equal(fitted.predict(table.to_numpy()), fitted.predict(table))


def test_missing_numbers_are_allowed():
    x, y, _ = rows()
    x[::7, 0] = np.nan
    assert np.isfinite(linear().fit(x, y).predict(x)).all()


def test_sparse_rows_are_refused_as_scikit_learn_does():
    _, y, _ = rows()
    with pytest.raises(TypeError, match="Sparse data was passed"):
        linear().fit(scipy.sparse.random_array((120, 3), rng=0), y)


def test_an_estimator_that_was_not_fitted_says_so():
    with pytest.raises(NotFittedError):
        network().predict(rows()[0])


def test_a_table_without_a_usable_column_is_a_value_error():
    names = pd.DataFrame({"name": [f"patient-{i}" for i in range(60)]})
    with pytest.raises(ValueError, match="At least one usable feature was needed"):
        linear().fit(names, np.arange(60.0))


def test_one_class_is_refused_by_its_label():
    with pytest.raises(DataError, match="two classes at least, but all 5 rows hold 'ill'"):
        classifier().fit(np.arange(5.0)[:, None], np.full(5, "ill"))


# Weights of rows and classes


@pytest.mark.parametrize("make", [linear, network])
def test_rows_of_weight_zero_are_as_if_absent(make):
    x, y, _ = rows()
    weight = np.arange(120) % 3.0
    weight[weight == 2] = 1.0
    y_wrong = np.where(weight > 0, y, 1e6)
    np.testing.assert_array_equal(
        make().fit(x, y_wrong, sample_weight=weight).predict(x), make().fit(x[weight > 0], y[weight > 0]).predict(x)
    )


@pytest.mark.parametrize("make", [linear, network])
def test_a_row_of_weight_three_is_three_rows_in_any_order(make):
    x, y, _ = rows()
    count = np.random.default_rng(0).integers(0, 4, 120)
    repeated = np.random.default_rng(1).permutation(np.repeat(np.arange(120), count))
    np.testing.assert_array_equal(make().fit(x, y, sample_weight=count).predict(x), make().fit(x[repeated], y[repeated]).predict(x))


@pytest.mark.parametrize("weight", [np.ones(3), -np.ones(120), np.zeros(120), np.full(120, np.nan), np.ones((120, 1))])
def test_weights_that_cannot_be_are_refused(weight):
    x, y, _ = rows()
    with pytest.raises(DataError, match="sample_weight must hold a finite number for each of 120 rows"):
        linear().fit(x, y, sample_weight=weight)


def test_balanced_classes_count_weights_as_rows():
    x, _, y = rows()
    count = np.where(y == 1, 3, 1)
    repeated = np.repeat(np.arange(120), count)
    weighted = classifier(class_weight="balanced").fit(x, y, sample_weight=count)
    alone = classifier(class_weight="balanced").fit(x[repeated], y[repeated])
    np.testing.assert_array_equal(weighted.predict_proba(x), alone.predict_proba(x))
    factors = {label: 120 / (2 * (y == label).sum()) for label in (0, 1)}
    np.testing.assert_allclose(
        classifier(class_weight=factors).fit(x, y).predict_proba(x), classifier(class_weight="balanced").fit(x, y).predict_proba(x)
    )


def test_a_score_counts_weights():
    x, y, _ = rows()
    weight = np.random.default_rng(0).random(120)
    fitted = linear().fit(x, y)
    error, spread = (np.average((y - mean) ** 2, weights=weight) for mean in (fitted.predict(x), np.average(y, weights=weight)))
    assert fitted.score(x, y, sample_weight=weight) == pytest.approx(1 - error / spread)


# Randomness


def test_the_same_seed_gives_the_same_bits_and_none_another_ensemble():
    x, y, _ = rows()
    first, second, other = (network(random_state=seed).fit(x, y).predict(x) for seed in (5, 5, None))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_a_random_state_is_drawn_from_again_in_every_fit():
    x, y, _ = rows()
    drawn = network(random_state=np.random.RandomState(0))
    seeds = [drawn.fit(x, y).model_.specs["mlp"].members.seed for _ in range(2)]
    again = network(random_state=np.random.RandomState(0)).fit(x, y).model_.specs["mlp"].members.seed
    assert seeds[0] == again != seeds[1]


# Coefficients


def members_alone(prepared, fit_one) -> list[np.ndarray]:
    """What another library learns from the rows of each member, on the inputs as encoded."""
    job = fitting.job("linear", prepared.candidates["linear"], prepared)
    return [fit_one(job.inputs.x[seen].astype(float), job.y[seen]) for seen in job.resampling.counts > 0]


def test_the_regressor_is_one_line_in_the_raw_features():
    x, y, _ = rows()
    fitted = linear(penalty="none").fit(x, y)
    np.testing.assert_allclose(fitted.predict(x), x @ fitted.coef_ + fitted.intercept_, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(fitted.coef_, [3.0, -0.2, 0.0], atol=0.6)


def test_coefficients_are_those_of_ridge_averaged_over_members():
    x, y, _ = rows()
    fitted = linear(strength=0.1).fit(x, y)
    prepared = plan_fit({f"x{j}": x[:, j] for j in range(3)}, y, model="linear", members=4, clip=None, strength=0.1, copies="merge")

    def ridge(inputs, target):
        return Ridge(alpha=0.1 * len(target), tol=1e-12).fit(inputs, target).coef_

    scale = [column.scale for column in prepared.dataset.encoding.columns]
    expected = np.mean(members_alone(prepared, ridge), 0) / scale * prepared.task.scale
    np.testing.assert_allclose(fitted.coef_, expected, rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_coefficients_are_those_of_logistic_regression_averaged_over_members(n_classes):
    x, _, y = rows(n_classes=n_classes)
    fitted = classifier(strength=0.05).fit(x, y)
    columns = {f"x{j}": x[:, j] for j in range(3)}
    prepared = plan_fit(columns, y, model="linear", members=4, clip=None, strength=0.05, copies="merge")

    def logistic(inputs, target):
        return LogisticRegression(C=1 / (0.05 * len(target)), tol=1e-10, max_iter=1000).fit(inputs, target).coef_

    scale = [column.scale for column in prepared.dataset.encoding.columns]
    expected = np.mean(members_alone(prepared, logistic), 0) / scale * fitted.model_.ensemble.populations[0].stacking_weight
    np.testing.assert_allclose(fitted.coef_, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_follow_from_the_coefficients(n_classes):
    x, _, y = rows(n_classes=n_classes)
    fitted = classifier().fit(x, y)
    logs = x @ fitted.coef_.T + fitted.intercept_
    assert fitted.coef_.shape == ((1, 3) if n_classes == 2 else (3, 3))
    if n_classes == 2:
        np.testing.assert_allclose(fitted.decision_function(x), logs[:, 0], rtol=1e-4, atol=1e-4)
    else:
        share = np.exp(logs - logs.max(1, keepdims=True))
        np.testing.assert_allclose(fitted.predict_proba(x), share / share.sum(1, keepdims=True), atol=1e-5)


def test_there_are_no_coefficients_where_inputs_are_not_the_raw_features():
    table, y = frame()
    assert not hasattr(linear().fit(table, y), "coef_")
    with pytest.raises(AttributeError, match="clipped at 4"):
        linear(settings={"unbounded": False}).fit(table[["visits"]], y).coef_  # noqa: B018


# More members


def params_of(fitted) -> list[np.ndarray]:
    [population] = fitted.model_.ensemble.populations
    return [array for layer in population.params.values() for array in layer.values()]


def test_a_warm_start_keeps_the_members_and_adds_the_rest():
    x, y, _ = rows()
    growing = network(warm_start=True).fit(x, y)
    before = params_of(growing)
    growing.set_params(members=9).fit(x, y)
    assert growing.model_.ensemble.n_members == 9
    for few, many in zip(before, params_of(growing), strict=True):
        np.testing.assert_array_equal(many[:4], few)
    assert len({array.tobytes() for array in params_of(growing)[0]}) == 9


def test_solved_members_that_are_added_are_those_of_a_larger_ensemble():
    x, _, y = rows()
    grown = classifier(warm_start=True).fit(x, y).set_params(members=12).fit(x, y)
    np.testing.assert_array_equal(grown.predict_proba(x), classifier(members=12).fit(x, y).predict_proba(x))


def test_a_warm_start_goes_on_with_the_settings_of_every_model_that_has_a_share():
    x, y, _ = rows()
    grown = network(model="auto", warm_start=True, random_state=None).fit(x, y)
    before = {name: spec.model for name, spec in grown.model_.specs.items()}
    after = grown.set_params(members=6).fit(x, y).model_.specs
    assert {name: spec.model for name, spec in after.items()}.items() <= before.items()


def test_a_warm_start_of_a_mixture_keeps_the_members_of_each_model():
    x, y = rows_of_a_bent_line()
    # One for each fold, because strengths of solved members are chosen by all folds that a member leaves out.
    growing = network(model="auto", warm_start=True, members=8).fit(x, y)
    before = {population.name: population.params for population in growing.model_.ensemble.populations}
    assert next(iter(before)) == "linear"
    assert len(before) > 1
    growing.set_params(members=30).fit(x, y)
    for population in growing.model_.ensemble.populations:
        assert len(population.member_weights) == 10
        for layer, parts in before[population.name].items():
            for part, few in parts.items():
                np.testing.assert_array_equal(population.params[layer][part][:8], few)


def test_a_warm_start_of_as_many_members_changes_nothing():
    x, y, _ = rows()
    fitted = network(warm_start=True, random_state=None).fit(x, y)
    before = fitted.predict(x)
    np.testing.assert_array_equal(fitted.fit(x, y).predict(x), before)


@pytest.mark.parametrize(
    ("params", "n", "reason"),
    [({}, 100, "the rows differ"), ({"hidden": (4,)}, 120, "the parameters differ"), ({"members": 2}, 120, "members fell from 4 to 2")],
)
def test_a_warm_start_of_something_else_is_refused(params, n, reason):
    x, y, _ = rows()
    fitted = network(warm_start=True).fit(x, y).set_params(**params)
    with pytest.raises(UsageError, match=reason):
        fitted.fit(x[:n], y[:n])


# Batch by batch


def batches(n_batches: int, n_classes: int = 2):
    return (rows(64, n_classes, seed=seed) for seed in range(n_batches))


@pytest.mark.parametrize("fitted", [linear(settings={"learning_rate": 0.02}), network()], ids=["linear", "network"])
def test_a_regressor_learns_from_batches(fitted):
    for x, y, _ in batches(60):
        fitted.partial_fit(x, y)
    x, y, _ = rows(1000, seed=1000)
    assert fitted.score(x, y) > 0.9
    assert fitted.n_iter_ == 120
    low, high = fitted.predict_interval(x).T
    assert 0.85 < ((low <= y) & (y <= high)).mean() <= 1.0


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_a_classifier_learns_from_batches(model, n_classes):
    fitted = wt.WeightsClassifier(**{**NETWORK, "model": model, "hidden": None if model == "linear" else (8,)}, random_state=0)
    for x, _, y in batches(60, n_classes):
        fitted.partial_fit(x, y, classes=range(n_classes))
    x, _, y = rows(1000, n_classes, seed=1000)
    assert fitted.score(x, y) > {2: 0.9, 3: 0.8}[n_classes]
    assert fitted.model_.metrics["log_loss"] < 0.65  # over all batches, the first ones too; knowing nothing gives 1.1 for three classes


def test_a_linear_model_that_learned_from_batches_has_coefficients():
    fitted = linear(settings={"learning_rate": 0.02})
    for x, y, _ in batches(60):
        fitted.partial_fit(x, y)
    np.testing.assert_allclose(fitted.predict(x), x @ fitted.coef_ + fitted.intercept_, rtol=1e-4, atol=1e-4)


def test_a_mixture_goes_on_learning_from_batches():
    x, y = rows_of_a_bent_line()
    fitted = network(model="auto").fit(x, y)
    shares = [population.stacking_weight for population in fitted.model_.ensemble.populations]
    fitted.partial_fit(x[:64], y[:64])
    assert [population.stacking_weight for population in fitted.model_.ensemble.populations] == shares  # 64 judged rows are too few to say
    fitted.partial_fit(x[:64], y[:64])
    after = [population.stacking_weight for population in fitted.model_.ensemble.populations]
    assert len(after) == len(shares) > 1
    assert after != shares


def test_nothing_is_promised_before_a_second_batch():
    x, y, classes = rows()
    assert np.isinf(network().partial_fit(x, y).predict_interval(x)).all()
    assert classifier().partial_fit(x, classes, classes=[0, 1]).prediction_sets(x).all()


def test_batches_go_on_from_what_was_fitted():
    x, y, _ = rows()
    fitted = linear().fit(x, y)
    before = fitted.predict(x)
    low, high = fitted.predict_interval(x).T
    fitted.partial_fit(x[:8], y[:8])
    assert 0 < np.abs(fitted.predict(x) - before).max() < 0.2
    assert fitted.model_.ensemble.n_members == 4
    fitted.fit(x, y)
    np.testing.assert_array_equal(fitted.predict(x), before)
    np.testing.assert_array_equal(fitted.predict_interval(x).T, [low, high])


def test_batches_may_be_single_rows_of_a_single_class():
    x, y, classes = rows(10)
    fitted, numbers = classifier(), linear()
    for i in range(10):
        fitted.partial_fit(x[[i]], classes[[i]], classes=[0, 1])
        numbers.partial_fit(x[[i]], y[[i]], sample_weight=[2.0])
    assert fitted.predict_proba(x).shape == (10, 2)
    assert np.isfinite(numbers.predict(x)).all()


def test_batches_of_frames_keep_the_encoding_of_the_first():
    table, y = frame()
    fitted = linear().partial_fit(table[:60], y[:60])
    inputs = fitted.model_.ensemble.encoding.inputs
    assert fitted.partial_fit(table[60:], y[60:]).model_.ensemble.encoding.inputs == inputs


def test_batches_after_pickling_are_the_same_bits():
    x, y, _ = rows()
    fitted = network().partial_fit(x, y)
    copied = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copied.partial_fit(x, y).predict(x), fitted.partial_fit(x, y).predict(x))


@pytest.mark.parametrize(
    ("first", "later", "complaint"),
    [(None, None, "first call to partial_fit needs classes"), ([0, 1], [0, 1, 2], "must stay those"), ([0, 2], None, "one of the classes")],
)
def test_classes_of_batches_are_given_first_and_stay(first, later, complaint):
    x, _, y = rows()
    fitted = classifier()
    with pytest.raises(ValueError, match=complaint):
        fitted.partial_fit(x, np.where(y, first[1], 0) if first == [0, 1] else y, classes=first).partial_fit(x, y, classes=later)


# Among scikit-learn's tools


def test_a_search_in_several_processes_finds_the_better_setting():
    x, y, _ = rows()
    search = GridSearchCV(network(), {"n_steps": [1, 200], "settings": [None, {"patience": 0}]}, cv=2, n_jobs=2).fit(x, y)
    assert search.best_params_["n_steps"] == 200
    np.testing.assert_array_equal(search.predict(x), network(**search.best_params_).fit(x, y).predict(x))


def threads_of(estimator) -> int | None:
    return plan_fit({"a": [1.0, 2.0, 3.0], "y": [0.5, 2.5, 1.0]}, "y", model="linear", threads=estimator._options()["threads"]).n_threads


def test_in_a_process_of_a_parallel_search_a_fit_takes_one_core():
    assert threads_of(linear()) == available_threads()
    assert Parallel(2)(delayed(threads_of)(estimator) for estimator in (linear(), linear(threads=2))) == [1, 2]


def test_it_works_in_a_pipeline_behind_a_column_transformer():
    table, y = frame()
    columns = ColumnTransformer([("scaled", StandardScaler(), ["visits"])], remainder="passthrough").set_output(transform="pandas")
    piped = make_pipeline(columns, linear()).fit(table, y)
    assert piped.score(table, y) > 0.95
    assert "remainder__ward" in piped[-1].feature_names_in_
    assert cross_val_score(piped, table, y, cv=2).min() > 0.9


def test_it_can_be_calibrated_voted_on_bagged_and_inspected():
    x, y, classes = rows()
    calibrated = CalibratedClassifierCV(classifier(), cv=2).fit(x, classes)
    voted = VotingClassifier([("a", classifier()), ("b", wt.WeightsClassifier(**NETWORK))], voting="soft").fit(x, classes)
    assert min(calibrated.score(x, classes), voted.score(x, classes)) > 0.85
    assert BaggingRegressor(linear(), n_estimators=2, random_state=0).fit(x, y).score(x, y) > 0.9
    importance = permutation_importance(linear().fit(x, y), x, y, n_repeats=2, random_state=0).importances_mean
    assert importance.argmin() == 2


def test_clones_hold_the_parameters_untouched():
    settings, hidden = {"patience": 0}, [8]
    original = wt.WeightsClassifier(settings=settings, hidden=hidden, class_weight={0: 2.0})
    assert original.settings is settings
    assert original.hidden is hidden
    assert clone(original).get_params() == original.get_params()


def test_a_notebook_shows_the_parameters():
    assert "hidden" in network(hidden=(7, 5))._repr_html_()


def test_a_fitted_estimator_can_be_pickled():
    x, _, y = rows()
    fitted = wt.WeightsClassifier(**NETWORK).fit(x, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(x), fitted.predict_proba(x))


def test_a_model_that_was_fitted_can_be_saved_without_pickle(tmp_path):
    x, y, _ = rows()
    fitted = network().fit(x, y)
    fitted.model_.save(tmp_path / "run")
    np.testing.assert_array_equal(wt.load(tmp_path / "run").predict({f"x{j}": x[:, j] for j in range(3)}), fitted.predict(x))


def test_ctrl_c_ends_a_search_and_not_one_fit_of_it(monkeypatch):
    def interrupted(*args, **options):
        raise wt.Interrupted("Training was stopped.")

    monkeypatch.setattr("weights.estimators.base.run_rows", interrupted)
    x, y, _ = rows()
    with pytest.raises(KeyboardInterrupt):
        network().fit(x, y)


def test_the_examples_of_the_guide_run(tmp_path, monkeypatch):
    guide = Path(__file__).parents[1] / "docs" / "guide.md"
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"^```python\n(.*?)^```", guide.read_text(), flags=re.M | re.S):
        exec(block, {})
    assert (tmp_path / "runs" / "diabetes" / "config.json").exists()


# Costs


def test_tables_of_similar_length_are_fitted_by_the_same_programs(compilations):
    x, y, _ = rows()
    for n in (65, 100):
        network(n_steps=150).fit(x[:n], y[:n]).predict(x[:n])
    compilations.clear()
    for n in (66, 80, 120):
        fitted = network(n_steps=n, learning_rate=n / 1000).fit(x[:n], y[:n])
        fitted.predict(x[:n])
    assert [name for name in compilations if name in ("jit(start)", "jit(advance)", "jit(<lambda>)")] == []


def test_batches_of_similar_length_are_learned_from_by_the_same_programs(compilations):
    x, y, _ = rows()
    fitted = network().partial_fit(x[:100], y[:100]).partial_fit(x[:99], y[:99])
    compilations.clear()
    for n in (65, 80, 120):
        fitted.partial_fit(x[:n], y[:n])
    assert compilations == []


def test_weights_is_imported_without_scikit_learn():
    code = "import sys, weights; sys.exit(any(name in sys.modules for name in ('sklearn', 'jax', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_members_of_an_ensemble_that_failed_stay_failed():
    x, y, _ = rows()
    prepared = plan_fit({"a": x[:, 0]}, y, **{**NETWORK, "members": 3})
    first = run_fit(prepared).ensemble.populations[0].params
    trained = {"mlp": [{layer: {k: v[0] for k, v in arrays.items()} for layer, arrays in first.items()}, None]}
    report = run_fit(prepared, trained=trained).report
    assert report.failures == {"mlp 1": "it failed when it was trained"}


# Settings as parameters, labels that are not text, and what the model itself answers


@pytest.mark.parametrize("estimator", [wt.WeightsClassifier, wt.WeightsRegressor, wt.WeightsLinearClassifier, wt.WeightsLinearRegressor])
def test_every_setting_of_the_elements_is_a_parameter_and_declared_once(estimator):
    of_command = {*ElementOptions.__struct_fields__}
    assert of_command <= {*SETTINGS} <= {*estimator().get_params()}
    assert all(find_setting(Spec(), name) for name in SETTINGS if name != "unbounded")
    assert clone(estimator(beta1=0.8)).beta1 == 0.8
    assert inspect.signature(estimator).parameters["beta1"].annotation == float | None


def test_a_search_goes_over_any_setting():
    x, y, _ = rows()
    search = GridSearchCV(wt.WeightsRegressor("linear", members=2), {"penalty": ["l2"], "strength": [1e-3, 1e3]}, cv=2).fit(x, y)
    assert search.best_params_ == {"penalty": "l2", "strength": 1e-3}
    assert search.best_estimator_.model_.specs["linear"].regularization.strength == 1e-3


def test_a_setting_given_twice_is_refused():
    x, y, _ = rows()
    with pytest.raises(ValueError, match="settings holds 'patience', which has a parameter"):
        network(patience=3, settings={"patience": 0}).fit(x, y)


LABELS = {
    "words": ["sick", "healthy"],
    "truth values": [True, False],
    "numbers": [10, 9],
    "dates": [np.datetime64("2026-02-01"), np.datetime64("2026-01-01")],
    "blanks": [" a", "a"],
}


@pytest.mark.parametrize("name", LABELS)
def test_the_model_of_a_classifier_answers_its_labels_also_after_learning_from_batches(name):
    x = rows()[0]
    y = np.array(LABELS[name])[(x[:, 0] > 0).astype(int)]
    fitted = wt.WeightsClassifier("linear", members=2, random_state=0, class_weight="balanced").fit(x, y)
    table = {f"x{j}": x[:, j] for j in range(x.shape[1])}
    assert (fitted.predict(x) == y).mean() > 0.9
    for learned in (fitted, fitted.partial_fit(x, y), wt.WeightsClassifier("linear", members=2).partial_fit(x, y, classes=np.unique(y))):
        assert {*learned.predict(x)} <= {*y}
        if name != "blanks":  # which a table cannot tell apart
            assert learned.model_.classes == np.unique(y).tolist()
            np.testing.assert_array_equal(learned.model_.predict(table), learned.predict(x))


def test_columns_have_the_labels_of_the_frame_and_their_places():
    x, y, _ = rows()
    frame = pd.DataFrame(x, columns=[2, 0, 1])
    fitted = linear(settings={"drop": [0]}).fit(frame, y)
    assert [feature.name for feature in fitted.model_.ensemble.features] == ["2", "1"]
    np.testing.assert_array_equal(fitted.predict(frame), fitted.predict(x))
    with pytest.raises(ValueError, match="Columns must be in the order of fit, 2, 0, 1, but came as 0, 1, 2"):
        fitted.predict(frame[[0, 1, 2]])


@pytest.mark.parametrize("name", ["data", "target", "progress"])
def test_settings_hold_no_argument_of_fit(name):
    x, y, _ = rows()
    with pytest.raises(wt.UsageError, match=f"settings holds '{name}'"):
        network(settings={name: None}).fit(x, y)


def test_feature_weights_are_estimated_where_settings_ask_for_it():
    x, y, _ = rows()
    fitted = wt.WeightsLinearRegressor(members=4, settings={"inspect": True}).fit(x[:60], y[:60])
    assert len(fitted.model_.feature_weights()) > 0
