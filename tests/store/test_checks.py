"""What is believed of a saved folder: what a fit wrote, and nothing that no fit could have written.

Each way in which a saved folder can be wrong is tried in tests/hostile/test_saved_folders.py; here are laws of the checks themselves.
"""

from __future__ import annotations

import numpy as np
import pytest

from weights.data.dataset import Feature
from weights.data.encoding import Category, Datetime, Encoding, Numeric
from weights.ensemble import Report
from weights.metrics import Metric
from weights.spec import Spec, resolve, with_settings
from weights.store.checks import wrong_in_arrays, wrong_in_encoding, wrong_in_report, wrong_in_spec, wrong_in_task
from weights.task import Task


@pytest.mark.parametrize("model", ["linear", "mlp"])
@pytest.mark.parametrize("n_samples", [2, 100, 100_000])
def test_settings_as_they_are_resolved_are_believed(model, n_samples):
    assert wrong_in_spec(resolve(with_settings(Spec(), {"model": model}), n_samples)) == []


def test_settings_that_fit_would_refuse_are_not():
    assert wrong_in_spec(with_settings(Spec(), {"activation": "magic"})) == [
        "activation.name has no choice 'magic'. Known: relu, leaky_relu, elu, selu, gelu, silu, ... (5 more)"
    ]


@pytest.mark.parametrize(
    "task",
    [
        Task("binary", "y", classes=[False, True]),
        Task("multiclass", "y", classes=[1, 2, -(2**63)]),
        Task("regression", "y", [], -1e300, 1e-300),
    ],
    ids=lambda task: task.kind,
)
def test_lawful_tasks_are_believed(task):
    assert wrong_in_task(task) == []


@pytest.mark.parametrize("classes", [[], ["a"], ["a", "a"], ["a", 1], [1.5, 2.5], [True, 1], [None, None], [2**63, 1]])
def test_classes_that_no_column_has_are_not(classes):
    assert len(wrong_in_task(Task("binary", "y", classes=classes))) == 1


def test_an_encoding_is_that_of_the_features_in_use():
    encoding = Encoding([Numeric("age", 0.0, 1.0, False), Category("ward", [], True, False), Datetime("day", 0.0, 1.0, ["week"], False)])
    features = [Feature("age", "numeric"), Feature("id", "identifier"), Feature("ward", "category"), Feature("day", "datetime")]
    assert wrong_in_encoding(encoding, features) == []
    assert wrong_in_encoding(encoding, features[::-1]) == ["the columns that are encoded are not the features in use"]


def test_a_report_must_have_metrics():
    lawful = Report("x", 1, 1, {"rmse": Metric(1.0)}, compared={"constant": {"rmse": Metric(2.0), "mae": Metric(1.0)}})
    assert wrong_in_report(lawful) == []
    assert wrong_in_report(Report("x", 1, 1, {})) == ["metrics are missing"]


LAWFUL = {
    "linear/votes": np.array([1.0, 0.0]),
    "linear/history/x": np.full((2, 3), np.nan),
    "mlp/votes": np.array([0.0, 2.0]),
    "scores": np.array([0.0, 0.5, 0.5]),
    "offset": np.array([-0.5]),
}


def test_equal_scores_and_votes_of_zero_are_lawful():
    assert wrong_in_arrays(LAWFUL) == []


@pytest.mark.parametrize("votes", [np.zeros(2), np.array([2.0, -1.0])])
@pytest.mark.parametrize("name", ["linear/votes", "mlp/votes"])
def test_votes_of_every_population_must_count(name, votes):
    assert wrong_in_arrays(LAWFUL | {name: votes}) == ["votes that are below zero or all zero"]


def test_no_scores_are_lawful():
    assert wrong_in_arrays(LAWFUL | {"scores": np.zeros(0)}) == []
