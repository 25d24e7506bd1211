"""The task of rating: which value a user will give an item, and how good predictions of that are.

What is predicted is a pair of a user and an item, not a row with columns, so that it is no `Task` of rows, as `Ranking` is none.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from weights.tasks.metrics import REGRESSION_METRICS, Measure
from weights.tasks.ranking import EventTask
from weights.types import BoolArray, FloatArray


class Rating(EventTask, frozen=True, tag="rating", tag_field="kind"):
    """What is rated, by whom."""

    metrics: ClassVar[dict[str, Measure]] = {name: REGRESSION_METRICS[name] for name in ("rmse", "mae", "r2")}

    usual_repeats: ClassVar[str | None] = "last"

    @property
    def target(self) -> str:
        """What is predicted, in a word."""
        return str(self.columns.value)

    def judges(self, value: FloatArray) -> BoolArray:
        """Which events can be judged by, of their values, shape (n,): all."""
        return np.ones(len(value), bool)

    def check(self) -> list[str]:
        """What is wrong with it, in words; nothing if all is well."""
        return super().check() + (["no column of ratings"] if self.columns.value is None else [])
