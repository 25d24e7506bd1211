"""Real tables (and pictures) that come with scikit-learn, by name: `load("breast-cancer")`.

The list is written out here so that showing it costs no import.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from weights.data.image.column import picture_field


class Example(NamedTuple):
    """One bundled table: what it holds and what is asked of it; pictures are one feature."""

    loader: str
    target: str
    task: str
    n_samples: int
    n_features: int
    about: str


EXAMPLES: dict[str, Example] = {
    "breast-cancer": Example("load_breast_cancer", "diagnosis", "binary", 569, 30, "cell nuclei measured in fine-needle aspirates"),
    "diabetes": Example("load_diabetes", "progression", "regression", 442, 10, "disease progression a year after baseline"),
    "digits": Example("load_digits", "digit", "multiclass", 1797, 1, "handwritten digits, pictures of 8 x 8 in grey"),
    "iris": Example("load_iris", "species", "multiclass", 150, 4, "sepals and petals of three kinds of iris"),
    "wine": Example("load_wine", "cultivar", "multiclass", 178, 13, "chemical analysis of wines from three cultivars"),
}


def load(name: str) -> pa.Table:
    """The bundled table of that name, target column included."""
    from sklearn import datasets

    example = EXAMPLES[name]
    bunch = getattr(datasets, example.loader)()
    target = _target(example, bunch.target, getattr(bunch, "target_names", None))
    if hasattr(bunch, "images"):
        return _pictures(bunch.images / bunch.images.max()).append_column(example.target, pa.array(target))
    columns = {str(feature): bunch.data[:, j] for j, feature in enumerate(bunch.feature_names)}
    return pa.table({**columns, example.target: target})


def _pictures(shares: np.ndarray) -> pa.Table:
    """A column of pictures in grey from shares of full brightness, shape (n, height, width)."""
    field = picture_field(shares.shape[1], shares.shape[2], 1)
    pixels = pa.array((255 * shares).round().astype(np.uint8).ravel())
    return pa.Table.from_arrays([pa.FixedSizeListArray.from_arrays(pixels, type=field.type)], schema=pa.schema([field]))


def _target(example: Example, values: np.ndarray, names: object) -> np.ndarray:
    if example.task == "regression" or example.target == "digit":
        return values
    return np.asarray(names, dtype=str)[values]
