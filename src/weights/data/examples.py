"""Real tables that come with scikit-learn, by name: `load("breast-cancer")`.

The list is written out here so that showing it costs no import.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa


class Example(NamedTuple):
    """One bundled table: what it holds and what is asked of it."""

    loader: str
    target: str
    task: str
    n_samples: int
    n_features: int
    about: str


EXAMPLES: dict[str, Example] = {
    "breast-cancer": Example("load_breast_cancer", "diagnosis", "binary", 569, 30, "cell nuclei measured in fine-needle aspirates"),
    "diabetes": Example("load_diabetes", "progression", "regression", 442, 10, "disease progression a year after baseline"),
    "digits": Example("load_digits", "digit", "multiclass", 1797, 64, "handwritten digits, 8 x 8 grey levels"),
    "iris": Example("load_iris", "species", "multiclass", 150, 4, "sepals and petals of three kinds of iris"),
    "wine": Example("load_wine", "cultivar", "multiclass", 178, 13, "chemical analysis of wines from three cultivars"),
}


def load(name: str) -> pa.Table:
    """The bundled table of that name, target column included."""
    from sklearn import datasets

    example = EXAMPLES[name]
    bunch = getattr(datasets, example.loader)()
    columns = {str(feature): bunch.data[:, j] for j, feature in enumerate(bunch.feature_names)}
    columns[example.target] = _target(example, bunch.target, getattr(bunch, "target_names", None))
    return pa.table(columns)


def _target(example: Example, values: np.ndarray, names: object) -> np.ndarray:
    if example.task == "regression" or example.target == "digit":
        return values
    return np.asarray(names, dtype=str)[values]
