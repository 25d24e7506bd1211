"""Leaks: copies of the target are named, honest features are not."""

import numpy as np
import pyarrow as pa
import pytest

from weights.data.dataset import prepare
from weights.data.examples import EXAMPLES, load
from weights.data.roles import Roles
from weights.inspection.leakage import find_leaks
from weights.tasks.registry import find_task

N = 600
RANDOM = np.random.default_rng(11)
NORMAL = RANDOM.normal(size=N)
CLASSES = RANDOM.choice(["a", "b", "c"], N)


def leaks_in(table, target):
    dataset = prepare(table, Roles(target))
    task = find_task(dataset.target, target)
    return find_leaks(dataset, task, task.encode(dataset.target))


def with_noise(target, **features):
    """A table of the features, one column of noise and the target y."""
    return pa.table(features | {"noise": np.random.default_rng(12).normal(size=len(target)), "y": target})


def named(leaks):
    return [leak.split("'")[1] for leak in leaks]


@pytest.mark.parametrize(
    "target",
    [NORMAL, np.exp(NORMAL), np.exp(2 * NORMAL), NORMAL[:100], CLASSES, (CLASSES == "a"), (NORMAL > 2).astype(int)],
    ids=["normal", "log-normal", "heavy tail", "100 rows", "three classes", "two classes", "rare class"],
)
def test_a_copy_of_the_target_is_reported(target):
    assert named(leaks_in(with_noise(target, copy=target), "y")) == ["copy"]


@pytest.mark.parametrize(
    "copy",
    [100 - 3 * NORMAL, np.exp(NORMAL), [f"{value:.6f}" for value in NORMAL]],
    ids=["linear", "monotone", "as text"],
)
def test_a_transformed_copy_of_the_target_is_reported(copy):
    assert named(leaks_in(with_noise(NORMAL, copy=copy), "y")) == ["copy"]


@pytest.mark.parametrize("target", [NORMAL, CLASSES], ids=["number", "classes"])
def test_a_copy_with_few_missing_cells_is_reported(target):
    gaps = pa.array(target, mask=np.arange(N) % 300 == 0)
    assert named(leaks_in(with_noise(target, copy=gaps), "y")) == ["copy"]


def test_the_report_says_what_was_found_and_what_to_do():
    [leak] = leaks_in(with_noise(CLASSES, copy=CLASSES), "y")
    assert leak == (
        "'copy' alone explains 100.0 % of 'y': a likely leak. If it is only known after the outcome, leave it out with --drop 'copy'"
    )


def test_a_feature_that_explains_nine_tenths_is_not_reported():
    feature = NORMAL + np.random.default_rng(13).normal(scale=1 / 3, size=N)
    assert leaks_in(with_noise(NORMAL, strong=feature), "y") == []


def test_half_a_copy_is_not_reported():
    half = np.where(np.arange(N) < N // 2, CLASSES, "a")
    assert leaks_in(with_noise(CLASSES, half=half), "y") == []


def test_a_label_that_differs_in_every_row_explains_nothing():
    table = with_noise(CLASSES, label=[f"L{j}" for j in range(N)])
    dataset = prepare(table, Roles("y", kinds={"label": "category"}))
    task = find_task(dataset.target, "y")
    assert find_leaks(dataset, task, task.encode(dataset.target)) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_feature_of_a_real_example_is_reported(name):
    # The strongest single feature is the worst perimeter in breast-cancer, with an AUROC of 0.975.
    assert leaks_in(load(name), EXAMPLES[name].target) == []


def test_a_leak_beside_the_features_of_a_real_example_is_reported():
    table = load("breast-cancer")
    table = table.append_column("outcome", table["diagnosis"])
    assert named(leaks_in(table, "diagnosis")) == ["outcome"]


def test_fewer_than_fifty_rows_say_nothing():
    assert leaks_in(with_noise(CLASSES[:49], copy=CLASSES[:49]), "y") == []
