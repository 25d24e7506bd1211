"""What tasks share whose targets are of no classes, such as numbers and texts: `Unclassed`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from weights.types import AnyArray, FloatArray, IntArray


class Unclassed:
    """A task without classes; see `Task` for what these are."""

    @property
    def classes(self) -> list[Any]:
        """There are none."""
        return []

    @property
    def labels(self) -> AnyArray:
        """There are none, shape (0,)."""
        return np.zeros(0)

    def class_codes(self, target: pa.ChunkedArray) -> IntArray | None:
        """None: there are no classes."""
        return None

    def row_weights(self, y: AnyArray, sample_weight: FloatArray) -> FloatArray:
        """Sample weights scaled to mean one, shape (n,)."""
        return sample_weight / sample_weight.mean()

    def weight_factors(self, y: AnyArray) -> FloatArray:
        """Ones, shape (n,)."""
        return np.ones(len(y))

    def strata(self, y: AnyArray) -> IntArray | None:
        """None: rows are dealt whatever their target."""
        return None

    def find_few(self, y: AnyArray, fewest: int) -> list[str]:
        """None: there are no classes."""
        return []

    def right_probabilities(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """None: no answer is a class with a probability."""
        return np.zeros(0)

    def count_answers(self, y: AnyArray, predictions: FloatArray) -> IntArray:
        """None, (2, 0): there are no classes."""
        return np.zeros((2, 0), int)
