"""Estimators that answer with numbers: `WeightsRegressor` and `WeightsLinearRegressor`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_array

from weights.estimators.base import Estimator, LinearEstimator
from weights.estimators.parameters import takes_settings
from weights.tasks.base import Task
from weights.tasks.number import Number
from weights.types import AnyArray, FloatArray


class RegressorBase(RegressorMixin, Estimator):
    """What is said of numbers."""

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Let every member learn from one more batch, each row once.

        The first call decides the encoding of the columns and the unit in which the target is learned (and with model="auto" trains
        networks); after a `fit` its members go on learning. Steps are those of an optimizer at a constant rate, of linear models too,
        whose strength of the penalty is zero unless it was set. Each batch is answered before it is learned
        from: on these answers rest intervals, which are unbounded before a second batch.

        Args:
            X: rows as in `fit`, with the columns of the first call.
            y: finite numbers, shape (n,).
            sample_weight: weight of each row, shape (n,).

        Raises:
            ValueError: the data cannot be used.
            TrainingError: a member's loss was no longer finite.
        """
        return self._learn_batch(X, y, sample_weight)

    def predict(self, X: Any) -> FloatArray:  # noqa: N803
        """The expected value of each row, in the unit of y, shape (n,)."""
        x = self._encode(X)
        return self.model_.ensemble.predict(x)

    def predict_interval(self, X: Any, *, level: float = 0.9) -> FloatArray:  # noqa: N803
        """Bounds that hold the value of a new row with probability `level`, in the unit of y, shape (n, 2): low, high.

        Conformal, from out-of-bag rows: wider where errors are expected to be larger; see `weights.ensemble.Ensemble.interval` for what is
        promised. After `partial_fit` that depends on the prediction alone.
        """
        x = self._encode(X)
        bounds = self.model_.ensemble.interval(x, level=level)
        return np.column_stack([bounds.low, bounds.high])

    def _encode_targets(self, y: AnyArray, weight: Any, *, anew: bool = True) -> AnyArray:
        return check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")

    def _task(self, codes: AnyArray) -> Task:
        return Number("target", float(codes.mean()), float(codes.std()) or 1.0)


class WeightsRegressor(RegressorBase):
    """An ensemble that answers with numbers and intervals.

    Args:
        model, members, budget, warm_start, random_state, threads, settings: as `WeightsClassifier`.
        hidden, activation, penalty, strength, dropout, learning_rate, n_steps, ...: every setting, as there.

    Attributes:
        model_, n_features_in_, feature_names_in_, n_iter_: as `WeightsClassifier`.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> x, y = load_diabetes(return_X_y=True)
        >>> regressor = WeightsRegressor(model="linear", members=8, random_state=0).fit(x, y)
        >>> low, high = regressor.predict_interval(x, level=0.8).T
        >>> float(((low < y) & (y < high)).mean().round(1))
        0.8
    """

    @takes_settings
    def __init__(
        self,
        model: str = "auto",
        *,
        members: int = 32,
        budget: float | str | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        threads: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.members = members
        self.budget = budget
        self.warm_start = warm_start
        self.random_state = random_state
        self.threads = threads
        self.settings = settings


class WeightsLinearRegressor(LinearEstimator, RegressorBase):
    """Penalised least squares by an ensemble of solved linear models.

    Args:
        members, warm_start, random_state, threads, settings: as `WeightsClassifier`.
        penalty, strength, ...: every setting, as there; penalty is none, l1, l2, elastic_net or group, and strength, on inputs and target
            scaled to one, is chosen by out-of-bag rows if None.

    Attributes:
        coef_, intercept_: change of the prediction with one unit of each raw feature, shape (features,), and where it starts:
            `predict` is ``X @ coef_ + intercept_``. Only there if every feature is a number, none was missing and none had to be
            bounded for the sake of rows that lie far out.
        model_, n_features_in_, feature_names_in_, n_iter_: as `WeightsClassifier`.

    Example:
        >>> x = np.arange(40.0).reshape(20, 2) ** 2
        >>> regressor = WeightsLinearRegressor(members=4, penalty="none").fit(x, 3 * x[:, 0] - x[:, 1] + 5)
        >>> regressor.coef_.round(3).tolist(), round(regressor.intercept_, 2)
        ([3.0, -1.0], 5.0)
    """

    @takes_settings
    def __init__(
        self,
        *,
        members: int = 32,
        warm_start: bool = False,
        random_state: Any = None,
        threads: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.members = members
        self.warm_start = warm_start
        self.random_state = random_state
        self.threads = threads
        self.settings = settings

    @property
    def coef_(self) -> FloatArray:
        """Change of the prediction with one unit of each feature, shape (features,), members averaged by their weights."""
        return self._coefficients().slopes[:, 0]

    @property
    def intercept_(self) -> float:
        """The prediction where all features are zero."""
        return float(self._coefficients().intercepts[0])
