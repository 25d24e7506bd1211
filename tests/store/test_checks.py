"""What is believed of a saved folder: what a fit wrote, and nothing that no fit could have written.

Each way in which a saved folder can be wrong is tried in test_verify.py; here are laws of the checks themselves.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from damages import FEATURE_WEIGHTS, set_at
from weights import api
from weights.data.dataset import Feature
from weights.data.encoding import Category, Datetime, Encoding, Numeric
from weights.data.image.column import Picture
from weights.effects import FeatureWeights, Importance
from weights.ensemble import Report
from weights.errors import CorruptError
from weights.models.convolution import Convolution
from weights.models.mlp import Mlp
from weights.models.patches import Patches
from weights.spec import Spec, resolve, with_settings
from weights.store.checks import (
    check_shapes,
    wrong_in_arrays,
    wrong_in_encoding,
    wrong_in_feature_weights,
    wrong_in_model,
    wrong_in_names,
    wrong_in_report,
    wrong_in_spec,
    wrong_without_columns,
)
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.count import Count
from weights.tasks.metrics import Metric
from weights.tasks.number import Number
from weights.verdicts import Unanswered, Usefulness


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
        Binary("y", classes=[False, True]),
        Multiclass("y", classes=[1, 2, -(2**63)]),
        Number("y", -1e300, 1e-300),
        Count("y", 0.0, 1e-300, least=0.0),
        Binary("y", [0.5, 1.5]),
        Binary("y", ["2026-01-05", "2026-01-12"], time_unit="D"),
    ],
    ids=lambda task: task.kind,
)
def test_lawful_tasks_are_believed(task):
    assert task.check() == []


@pytest.mark.parametrize("classes", [[], ["a"], ["a", "a"], ["a", 1], [1.5, float("nan")], [True, 1], [None, None], [2**63, 1]])
def test_classes_that_no_column_has_are_not(classes):
    assert len(Binary("y", classes=classes).check()) == 1


def test_an_encoding_is_that_of_the_features_in_use():
    encoding = Encoding([Numeric("age", 0.0, 1.0, False), Category("ward", [], True, False), Datetime("day", 0.0, 1.0, ["week"], False)])
    features = [Feature("age", "numeric"), Feature("id", "identifier"), Feature("ward", "category"), Feature("day", "datetime")]
    assert wrong_in_encoding(encoding, features) == []
    assert wrong_in_encoding(encoding, features[::-1]) == ["the columns that are encoded are not the features in use"]


def test_cycles_of_a_moment_are_those_that_are_known():
    encoding = Encoding([Datetime("day", 0.0, 1.0, ["moon"], False)])
    assert wrong_in_encoding(encoding, [Feature("day", "datetime")]) == ["the cycles of column 'day' are ['moon']"]


def test_columns_that_are_a_block_of_their_own_are_behind_the_others_wherever_they_stand_in_the_table():
    encoding = Encoding([Numeric("age", 0.0, 1.0, False)], blocks=[Picture("scan", 16, 16, 1)])
    features = [Feature("scan", "picture"), Feature("side", "unsupported"), Feature("age", "numeric")]
    assert wrong_in_encoding(encoding, features) == []
    assert wrong_in_encoding(encoding, features[1:]) == ["the columns that are encoded are not the features in use"]


def test_a_block_is_one_column():
    encoding = Encoding([], blocks=[Picture("front", 16, 16, 1), Picture("side", 16, 16, 1)])
    assert wrong_in_encoding(encoding, [Feature("front", "picture"), Feature("side", "picture")]) == [
        "two columns are the same block of inputs"
    ]


def test_a_block_has_a_name_of_its_own():
    encoding = Encoding([Numeric("scan", 0.0, 1.0, False)], blocks=[Picture("scan", 16, 16, 1)])
    assert wrong_in_encoding(encoding, [Feature("scan", "numeric"), Feature("scan", "picture")]) == ["two columns have the same name"]


def test_a_report_must_have_metrics():
    lawful = Report("x", 1, 1, {"rmse": Metric(1.0)}, compared={"constant": {"rmse": Metric(2.0), "mae": Metric(1.0)}})
    assert wrong_in_report(lawful) == []
    assert wrong_in_report(Report("x", 1, 1, {})) == ["metrics are missing"]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"n_rows": -1}, "a count of rows is below zero, or a threshold is no probability"),
        ({"unanswered": [Unanswered("a", 3, 0, 1.5, None, None)]}, "a count of rows is below zero, or a threshold is no probability"),
        ({"unanswered": [Unanswered(["a"], 3, 0, 0.5, None, None)]}, "a class that is never answered is no label"),
    ],
)
def test_what_is_said_of_use_is_such_as_a_fit_could_have_said(change, wrong):
    known = Usefulness("log loss", "the base rate", 1.0, 1.0, 0.0, None, None, "rows", 3.0, 3)
    lawful = Report("x", 1, 1, {"rmse": Metric(1.0)}, usefulness=known)
    assert wrong_in_report(lawful) == []
    assert wrong_in_report(msgspec.structs.replace(lawful, usefulness=msgspec.structs.replace(known, **change))) == [wrong]


LAWFUL = {
    "linear/member_weights": np.array([1.0, 0.0]),
    "linear/history/x": np.full((2, 3), np.nan),
    "mlp/member_weights": np.array([0.0, 2.0]),
    "scores": np.array([0.0, 0.5, 0.5]),
    "offset": np.array([-0.5]),
}


def test_equal_scores_and_votes_of_zero_are_lawful():
    assert wrong_in_arrays(LAWFUL) == []


@pytest.mark.parametrize("member_weights", [np.zeros(2), np.array([2.0, -1.0])])
@pytest.mark.parametrize("name", ["linear/member_weights", "mlp/member_weights"])
def test_member_weights_of_every_population_must_count(name, member_weights):
    assert wrong_in_arrays(LAWFUL | {name: member_weights}) == ["member weights that are below zero or all zero"]


def test_no_scores_are_lawful():
    assert wrong_in_arrays(LAWFUL | {"scores": np.zeros(0)}) == []


# Feature weights


def test_lawful_feature_weights_are_believed(ensemble):
    assert wrong_in_feature_weights(ensemble.report.feature_weights, ensemble.encoding) == []


@pytest.mark.parametrize(("path", "value", "said"), FEATURE_WEIGHTS)
def test_feature_weights_that_no_fit_gives_are_not(ensemble, path, value, said):
    report = msgspec.to_builtins(ensemble.report)
    set_at(report, ("feature_weights", *path), value)
    assert wrong_in_feature_weights(msgspec.convert(report["feature_weights"], FeatureWeights), ensemble.encoding) == [said]


def test_an_importance_of_a_feature_that_is_not_in_use_is_not_believed(ensemble):
    lawful = ensemble.report.feature_weights
    further = msgspec.structs.replace(lawful, importances=[*lawful.importances, Importance(["height"], 0.1, 0.01, 0.08, 0.12)])
    assert wrong_in_feature_weights(further, ensemble.encoding) == [
        "feature weights are of features that are not in use",
        "features lack an importance",
    ]


@pytest.fixture(scope="module", params=["regression", "binary", "multiclass"])
def fitted(request) -> api.Model:
    """A fit with every kind of column, a copy, a group of correlated features, groups of rows, and cells that are missing."""
    rng, n = np.random.default_rng(0), 80
    size = rng.normal(size=n)
    table = {
        "size": size,
        "copy": size,
        "near": size + 0.3 * rng.normal(size=n),
        "blood": rng.choice(["A", "B", "0"], n),
        "smokes": rng.choice(["yes", "no"], n),
        "seen": np.datetime64("2024-01-01") + np.arange(n) * np.timedelta64(9, "D"),
        "weight": np.where(np.arange(n) % 9 == 4, np.nan, rng.normal(size=n)),
        "ward": rng.choice([*"abcdefghij"], n),
    }
    table["y"] = size + rng.normal(size=n) if request.param == "regression" else rng.choice([*"xyz"[: 2 + (request.param != "binary")]], n)
    return api.fit(table, "y", model="linear", members=3, group="ward")


def test_feature_weights_of_a_fit_are_believed(fitted):
    found = fitted.report.feature_weights
    assert (bool(found.joints), bool(found.groups), sorted(found.unknown), [*found.units]) == (True, True, ["copy", "size"], ["seen"])
    assert wrong_in_feature_weights(found, fitted.ensemble.encoding) == []


def test_a_saved_run_has_the_same_feature_weights(fitted, tmp_path):
    fitted.save(tmp_path / "run")
    loaded = api.load(tmp_path / "run")
    assert loaded.report.feature_weights == fitted.report.feature_weights
    for options in ({}, {"scale": "link", "levels": True, "errors": "robust"}):
        assert loaded.feature_weights(**options) == fitted.feature_weights(**options)


PICTURES = Encoding([], blocks=[Picture("scan", 16, 16, 1)])
COLUMNS = Encoding([Numeric("age", 0.0, 1.0, False)])
BOTH = Encoding(COLUMNS.columns, blocks=PICTURES.blocks)


@pytest.mark.parametrize(
    ("model", "encoding", "wrong"),
    [
        (Convolution((8, 16), (0, 1)), PICTURES, []),
        (Convolution((8, 16)), PICTURES, ["the stages of a convolution are missing"]),
        (Patches(4, (8, 16), 0), PICTURES, []),
        (Patches(4, (8, 16)), PICTURES, ["the sizes of a patch network are missing"]),
        (Patches(4, (8, 16), 0), COLUMNS, ["a model of pictures is to read columns of a table"]),
        (Mlp(), PICTURES, ["a model of columns of a table is to read pictures"]),
        (Convolution((8, 16), (0, 1)), COLUMNS, ["a model of pictures is to read columns of a table"]),
        (Convolution((8, 16), (0, 1)), BOTH, []),
        (Mlp(), BOTH, []),
    ],
)
def test_a_model_must_read_what_is_encoded(model, encoding, wrong):
    assert wrong_in_model(model, encoding) == wrong


@pytest.mark.parametrize(
    ("picture", "lawful"),
    [(Picture("scan", 16, 16, 1), True), (Picture("scan", 16, 16, 2), False), (Picture("scan", 1 << 20, 16, 3), False)],
)
def test_pictures_have_sizes_that_can_be(picture, lawful):
    assert (wrong_in_encoding(Encoding([], blocks=[picture]), [Feature("scan", "picture")]) == []) is lawful


def test_names_must_be_there_and_differ():
    assert wrong_in_names("series", ["north", "south"]) == []
    for names in ([], ["north", "north"]):
        assert wrong_in_names("series", names) == ["series must be there, each with a name of its own"]


def test_what_has_no_columns_has_no_feature_weights_of_them(ensemble):
    assert wrong_without_columns(ensemble.report, None) == ["it has feature weights of columns"]
    without = msgspec.structs.replace(ensemble.report, feature_weights=None, distributions=[])
    assert wrong_without_columns(without, None) == []


@pytest.mark.parametrize("listed", [{"a": [2]}, {"a": [2, 1], "b": [3]}, {"a": [2], "b": [3], "c": [1]}])
def test_arrays_that_are_missing_have_another_shape_or_are_not_known_are_refused(listed):
    check_shapes(Path("arrays"), {"a": [2], "b": [3], "h/1": [9]}, {"a": [2], "b": [3]}, also=r"h/\d")
    with pytest.raises(CorruptError, match=r"but the model needs .*\. Fit again\."):
        check_shapes(Path("arrays"), listed, {"a": [2], "b": [3]})
