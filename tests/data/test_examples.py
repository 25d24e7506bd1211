"""The bundled examples: each is what its entry announces."""

import subprocess
import sys

import numpy as np
import pytest

from weights.data.examples import EXAMPLES, load
from weights.data.table.columns import is_missing
from weights.tasks.registry import find_task


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_the_announced_rows_and_features(name):
    table, example = load(name), EXAMPLES[name]
    assert (table.num_rows, table.num_columns - 1) == (example.n_samples, example.n_features)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_target_of_an_example_asks_for_the_announced_task(name):
    example = EXAMPLES[name]
    assert find_task(load(name)[example.target], example.target).kind == example.task


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_complete(name):
    table = load(name)
    assert not np.any([is_missing(column) for column in table.columns])


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("iris", {"setosa": 50, "versicolor": 50, "virginica": 50}),
        ("breast-cancer", {"malignant": 212, "benign": 357}),
        ("wine", {"class_0": 59, "class_1": 71, "class_2": 48}),
    ],
)
def test_classes_have_their_names_and_published_counts(name, counts):
    labels = load(name)[EXAMPLES[name].target].to_pylist()
    assert {label: labels.count(label) for label in set(labels)} == counts


def test_the_list_of_examples_costs_no_import_of_scikit_learn():
    program = "import sys, weights.data.examples; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
