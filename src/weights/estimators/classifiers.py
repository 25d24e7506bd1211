"""Estimators that answer with classes: `WeightsClassifier` and `WeightsLinearClassifier`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pyarrow as pa
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from weights.data.table.columns import as_text
from weights.errors import DataError, UsageError
from weights.estimators.base import Estimator, LinearEstimator
from weights.estimators.parameters import takes_settings
from weights.tasks.base import Task
from weights.tasks.classes import task_of
from weights.tasks.label_types import find_time_unit, label_cells
from weights.types import AnyArray, BoolArray, FloatArray


class ClassifierBase(ClassifierMixin, Estimator):
    """What is said of classes."""

    class_weight: Any
    classes_: AnyArray

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:  # noqa: N803
        """Let every member learn from one more batch, each row once.

        The first call decides the encoding of the columns and the classes (and with model="auto" trains networks); after a `fit` its
        members go on learning. Steps are those of an optimizer at a constant rate, of linear models too, whose strength of the
        penalty is zero unless it was set. Each batch is answered before it is learned from: on these answers
        rest probabilities' temperature and prediction sets, which hold no promise before a second batch, and then include all classes.

        Args:
            X: rows as in `fit`, with the columns of the first call.
            y: labels, shape (n,).
            classes: all labels that will ever come, needed in the first call.
            sample_weight: weight of each row, shape (n,).

        Raises:
            ValueError: the data cannot be used, or classes are missing, unknown or changed.
            TrainingError: a member's loss was no longer finite.
        """
        if classes is None and not hasattr(self, "model_"):
            raise UsageError("The first call to partial_fit needs classes, all labels that will ever come, but none were passed.")
        if classes is not None:
            known = np.unique(np.asarray(classes))
            if hasattr(self, "model_") and not np.array_equal(known, self.classes_):
                raise UsageError(f"classes must stay those of the first call, {self.classes_}, but {known} were passed.")
            if len(known) < 2:
                raise UsageError(f"A classifier needs two classes at least, but {known} were passed.")
            self.classes_ = known
        return self._learn_batch(X, y, sample_weight)

    def predict(self, X: Any) -> AnyArray:  # noqa: N803
        """The most probable class of each row, shape (n,)."""
        decision = self.decision_function(X)
        return self.classes_[decision.argmax(1) if decision.ndim == 2 else (decision > 0).astype(int)]

    def predict_proba(self, X: Any) -> FloatArray:  # noqa: N803
        """Calibrated probability of each class, in the order of `classes_`, shape (n, classes)."""
        x = self._encode(X)
        return self.model_.ensemble.predict_proba(x)

    def predict_log_proba(self, X: Any) -> FloatArray:  # noqa: N803
        """Logarithms of `predict_proba`, shape (n, classes)."""
        return np.log(np.maximum(self.predict_proba(X), np.finfo(np.float64).tiny))

    def decision_function(self, X: Any) -> FloatArray:  # noqa: N803
        """Log odds of the second of two classes, shape (n,); log probabilities of more, shape (n, classes)."""
        logs = self.predict_log_proba(X)
        return logs[:, 1] - logs[:, 0] if logs.shape[1] == 2 else logs

    def prediction_sets(self, X: Any, *, level: float = 0.9, by_class: bool = False) -> BoolArray:  # noqa: N803
        """Which classes belong to a set that holds the true one with probability `level`, shape (n, classes).

        The promise is for all rows together (conformal, from out-of-bag rows), or with `by_class` for those of each class; a set may be
        empty where no class is probable enough.
        """
        x = self._encode(X)
        return self.model_.ensemble.prediction_sets(x, level=level, by_class=by_class)

    def _encode_targets(self, y: AnyArray, weight: Any, *, anew: bool = True) -> AnyArray:
        check_classification_targets(y)
        if anew:
            self.classes_, codes = np.unique(y, return_inverse=True)
            if len(self.classes_) < 2:
                raise DataError(f"A classifier needs two classes at least, but all {len(y)} rows hold '{self.classes_[0]}'.")
            return codes
        unknown = ~np.isin(y, self.classes_)
        if unknown.any():
            raise DataError(f"Every label must be one of the classes {self.classes_}, but '{y[unknown][0]}' came.")
        return np.searchsorted(self.classes_, y)

    def _task(self, codes: AnyArray) -> Task:
        labels, time_unit = self._labels()
        return task_of("target", labels, time_unit=time_unit)

    def _label_column(self) -> pa.Array:
        """The labels as a column of a table would hold them; codes where it could not hold them or tell them apart."""
        with contextlib.suppress(pa.ArrowException):
            labels = pa.array(self.classes_)
            cells = pa.chunked_array([labels])
            if len({*as_text(label_cells(cells, find_time_unit(cells))).to_pylist()}) == len(labels):
                return labels
        return pa.array(range(len(self.classes_)))

    def _labels(self) -> tuple[list[Any], str]:
        """The labels as a task holds them, with the unit of those that are dates."""
        cells = pa.chunked_array([self._label_column()])
        time_unit = find_time_unit(cells)
        return label_cells(cells, time_unit).to_pylist(), time_unit

    def _targets(self, codes: AnyArray) -> Any:
        """The labels of rows, in the order of `classes_`."""
        dictionary = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), self._label_column())
        return dictionary.cast(pa.dictionary(pa.int32(), dictionary.type.value_type, ordered=True))

    def _factors_by_label(self, factors: dict[int, float] | None) -> dict[Any, float] | None:
        """The factor of each class's rows, by its label."""
        labels, _ = self._labels()
        return None if factors is None else {labels[code]: factor for code, factor in factors.items()}

    def _class_factors(self, codes: AnyArray, weight: Any) -> dict[int, float] | None:
        """Factor of each class's rows, by code."""
        if self.class_weight is None:
            return None
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            mass = np.bincount(codes, weight, len(self.classes_))
            if not mass.all():
                raise DataError("Balanced class weights need rows of every class, but a class has none. Give a factor for each class.")
            factors = mass.sum() / (len(mass) * mass)
        elif isinstance(self.class_weight, Mapping):
            factors = compute_class_weight(dict(self.class_weight), classes=self.classes_, y=self.classes_[codes])
        else:
            raise UsageError(f"class_weight must be None, 'balanced' or a mapping from class to factor, but is {self.class_weight!r}.")
        return dict(enumerate(factors.tolist()))


class WeightsClassifier(ClassifierBase):
    """An ensemble that answers with classes, calibrated probabilities and prediction sets.

    Args:
        model: linear, mlp, or auto: train both and stack their answers, each with the weight that out-of-bag rows give it.
        members: how many are trained; with auto in equal parts, rounded up, and at least one for each fold (or all, if fewer) of each
            model, of which those that get no weight in the answers are not kept.
        budget: about the longest that a fit should take, seconds or a text such as "5m".
        class_weight: "balanced", or class -> factor.
        warm_start: a second `fit` with more `members` keeps those already trained and adds the rest; rows and other parameters
            must be the same. After `partial_fit`, `fit` trains anew.
        random_state: of everything random: the seed of `weights.fit`, a RandomState to draw one from, or None for another each time.
        threads: members in work at the same time; None: all cores, or one in a process of a
            parallel search. The answers do not depend on it.
        settings: every other option of `weights.fit` by name, such as {"search": {"dropout": [0.0, 0.2]}}.
        hidden, activation, penalty, strength, dropout, learning_rate, n_steps, ...: every setting of the model, the five elements and the
            members is a parameter of its own (`get_params` lists them, docs/guide.md says what they do); None: the default of Weights.

    Attributes:
        model_: the trained `weights.Model`, with `report` and `save`.
        classes_: labels, shape (classes,).
        n_features_in_, feature_names_in_: columns of X; names only if X was a data frame with names.
        n_iter_: steps that members took.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> x, y = load_iris(return_X_y=True)
        >>> classifier = WeightsClassifier(model="linear", members=8, random_state=0).fit(x, y)
        >>> round(classifier.score(x, y), 1)
        1.0
    """

    @takes_settings
    def __init__(
        self,
        model: str = "auto",
        *,
        members: int = 32,
        budget: float | str | None = None,
        class_weight: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        threads: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.members = members
        self.budget = budget
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.random_state = random_state
        self.threads = threads
        self.settings = settings


class WeightsLinearClassifier(LinearEstimator, ClassifierBase):
    """Logistic or multinomial regression by an ensemble of solved linear models.

    Args:
        members, class_weight, warm_start, random_state, threads, settings: as `WeightsClassifier`.
        penalty, strength, ...: every setting, as there; penalty is none, l1, l2, elastic_net or group, and strength, on inputs scaled to
            one, is chosen by out-of-bag rows if None.

    Attributes:
        coef_, intercept_: change of the log odds with one unit of each raw feature, shape (1, features), and where they start, (1,);
            for more classes shape (classes, features) and (classes,), such that `predict_proba` is the softmax of
            ``X @ coef_.T + intercept_``. Only there if every feature is a number, none was missing and none had to be
            bounded for the sake of rows that lie far out.
        model_, classes_, n_features_in_, feature_names_in_, n_iter_: as `WeightsClassifier`.
    """

    @takes_settings
    def __init__(
        self,
        *,
        members: int = 32,
        class_weight: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        threads: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.members = members
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.random_state = random_state
        self.threads = threads
        self.settings = settings

    @property
    def coef_(self) -> FloatArray:
        """Change of the log odds with one unit of each feature, members averaged by their weights; see the class."""
        return self._coefficients().slopes.T

    @property
    def intercept_(self) -> FloatArray:
        """Log odds where all features are zero; see the class."""
        return self._coefficients().intercepts
