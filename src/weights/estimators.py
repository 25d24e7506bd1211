"""Ensembles as scikit-learn estimators: `WeightsClassifier`, `WeightsRegressor` and their linear siblings.

Each is a thin wiring over `api.plan_fit` and `api.run_fit`. They can be cloned, searched, put into pipelines, calibrated, inspected and
pickled like any estimator of scikit-learn.

What they do beyond `weights.fit`: columns of numbers are always used as numbers; rows that stand in a table several times are
merged (data/copies.py), so that a row of weight two is two rows and a row of weight zero is none; `warm_start` adds members;
`partial_fit` learns batch by batch (training/incremental.py).
"""

from __future__ import annotations

import dataclasses
import multiprocessing
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, Self

import jax
import msgspec
import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_array, check_random_state, column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_consistent_length, check_is_fitted, validate_data

from weights.api import plan_fit, run_fit
from weights.data.dataset import Roles, parse_kinds, prepare
from weights.data.encoding import apply_encoding
from weights.data.table import read_table
from weights.ensemble import Ensemble, available_threads
from weights.errors import DataError, Interrupted, UsageError
from weights.fitoptions import DataOptions, FitOptions
from weights.fitting import Prepared
from weights.inspection.coefficients import Coefficients, coefficients
from weights.model import Model
from weights.models.registry import architecture_of
from weights.spec import Spec, resolve, with_settings
from weights.store.checkpoint import fingerprint
from weights.tasks.base import Task
from weights.tasks.classes import task_of
from weights.tasks.number import Number
from weights.training.compiling import keep_compiled_programs
from weights.training.incremental import Stream, begin, go_on_from, learn
from weights.training.incremental import ensemble as ensemble_of
from weights.types import AnyArray, BoolArray, FloatArray, Params

_OPTIONS_OF_FIT = {*DataOptions.__struct_fields__, *FitOptions.__struct_fields__} - {"inspect"}
"""What `plan_fit` takes by name; every other option is a setting of the spec."""
_OF_BATCHES = {"n_steps": 1, "schedule": "constant", "warmup": 0.0, "patience": 0}
"""Settings for learning from batches: one pass after another at a constant rate, because no end is known."""
_DECIDED_BY_FIT = ("model", "seed", "task", "class_weight", "sample_weight", "copies")
_FREE_TO_CHANGE = ("members", "warm_start", "threads", "random_state")
"""Parameters that may differ when `warm_start` adds members."""


class _Estimator(BaseEstimator):
    """What all estimators share: reading rows, training, adding members, learning from batches.

    A kind of target adds `_encode_targets` and `_task`.
    """

    _MODEL = "auto"
    _PASSED_ON: tuple[str, ...] = ()
    """Constructor parameters that are options of `weights.fit` of the same name; None leaves the choice to Weights."""

    members: int
    warm_start: bool
    random_state: Any
    threads: int | None
    settings: Mapping[str, Any] | None
    model_: Model
    n_iter_: int
    _seed: int
    _kinds: dict[str, str]
    _mixed: bool

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train the ensemble; with `warm_start` and more `members` than before, train the additional members only.

        Args:
            X: data frame (pandas, polars, pyarrow, ...) with columns of any kind, or array of numbers, shape (n, features). NaN is
                a missing value.
            y: labels, or finite numbers, shape (n,).
            sample_weight: weight of each row, at least zero, shape (n,); all the same if not given.

        Raises:
            ValueError: the data or a parameter cannot be used.
            TrainingError: every member failed.
        """
        table, y, weight = self._read_training(X, y, sample_weight, reset=True, least=2)
        codes = self._encode_targets(y, weight)
        more = self.warm_start and hasattr(self, "_rows")
        self._seed = self._seed if more else _seed(self.random_state)
        options = self._options()
        options |= {
            "kinds": {**self._kinds, **parse_kinds(options.get("kinds", ()))},
            "seed": self._seed,
            "task": self._task(codes).kind,
            "copies": "merge",
        }
        if more:
            options |= {"search": None, "budget": None}  # they were spent on the members there are
        prepared = plan_fit(table, codes, sample_weight=weight, class_weight=self._class_factors(codes, weight), inspect=False, **options)
        rows = fingerprint(prepared.dataset.x, prepared.y, prepared.weight)
        prepared, trained = self._with_members_so_far(prepared, rows) if more else (prepared, {})
        try:
            self.model_ = run_fit(prepared, trained=trained)
        except Interrupted as error:
            # The searches of scikit-learn go on after an error, which is not what Ctrl-C asks for.
            raise KeyboardInterrupt from error
        self._rows, self._params = rows, self._lasting_params()
        self.__dict__.pop("_stream", None)
        self.n_iter_ = _steps_taken(self.model_.ensemble)
        return self

    def _learn_batch(self, X: Any, y: Any, sample_weight: Any) -> Self:  # noqa: N803
        """One pass of every member over a batch; the first decides encoding and, for numbers, the scale of the target."""
        first = not hasattr(self, "model_")
        table, y, weight = self._read_training(X, y, sample_weight, reset=first, least=1)
        codes = self._encode_targets(y, weight, anew=False)
        weight = np.ones(len(codes)) if weight is None else weight
        factors = self._class_factors(codes, weight)
        if factors is not None:
            weight = weight * np.asarray([*factors.values()])[codes]
        stream: Stream | None = getattr(self, "_stream", None)
        if stream is None:
            stream = self._first_stream(table, codes) if first else self._stream_from_fit()
        keep_compiled_programs()
        x, target = apply_encoding(stream.encoding, table), stream.task.encode(pa.chunked_array([codes]))
        self._stream = learn(stream, x, target, weight, n_threads=self._options()["threads"] or available_threads())
        self.model_ = Model(ensemble_of(self._stream))
        self.__dict__.pop("_rows", None)  # members that went on learning are not those of a fit that could be added to
        self.n_iter_ = self._stream.n_steps
        return self

    def _first_stream(self, table: pa.Table, codes: AnyArray) -> Stream:
        task, options = self._task(codes), self._options()
        roles = Roles(task.target, kinds=self._kinds, **{"clip": options["clip"]} if "clip" in options else {})
        dataset = prepare(table.append_column(task.target, pa.array(codes)), roles)
        self._seed = _seed(self.random_state)
        model = options["model"] if options["model"] != "auto" else "mlp"
        asked = {name.replace("__", "."): value for name, value in options.items() if name not in _OPTIONS_OF_FIT}
        spec = with_settings(Spec(), {"model": model, "n_members": self.members, "seed": self._seed, **asked, **_OF_BATCHES})
        sizes = len(codes), len(dataset.encoding.numeric_inputs)
        return begin(model, resolve(spec, *sizes), task, dataset.encoding, dataset.features)

    def _stream_from_fit(self) -> Stream:
        ensemble = self.model_.ensemble
        sizes, specs = (ensemble.report.n_samples, len(ensemble.encoding.numeric_inputs)), {}
        for population in ensemble.populations:
            by_steps = {"optimization": architecture_of(population.spec.model).defaults.optimizer, "strength": 0.0}
            own = by_steps if population.spec.solved else {}
            specs[population.name] = resolve(with_settings(population.spec, {**own, **_OF_BATCHES}), *sizes)
        return go_on_from(ensemble, specs)

    def _with_members_so_far(self, prepared: Prepared, rows: str) -> tuple[Prepared, dict[str, list[Params | None]]]:
        """What is to be trained, with the settings used before, and the members to keep.

        Raises:
            UsageError: rows or parameters differ from those before, or there are fewer members.
        """
        before = self.model_.ensemble
        before_of = {population.name: population.spec.members.n_members for population in before.populations}
        now_of = {name: spec.members.n_members for name, spec in prepared.candidates.items()}
        changed = [
            what for what, same in (("rows", rows == self._rows), ("parameters", self._params == self._lasting_params())) if not same
        ]
        if changed or any(now_of[name] < n_before for name, n_before in before_of.items()):
            n_before, n_now = sum(before_of.values()), sum(now_of[name] for name in before_of)
            reason = f"the {changed[0]} differ" if changed else f"members fell from {n_before} to {n_now}"
            raise UsageError(
                f"warm_start adds members that learn from the same rows with the same parameters, but {reason}. "
                "Set it to False to train anew."
            )
        specs, trained = {}, {}
        for population in before.populations:
            name, spec = population.name, population.spec
            specs[name] = msgspec.structs.replace(spec, members=msgspec.structs.replace(spec.members, n_members=now_of[name]))
            so_far: list[Params | None] = [None] * before_of[name]
            living = (m for m in range(before_of[name]) if f"{name} {m}" not in before.report.failures)
            for i, m in enumerate(living):
                so_far[m] = jax.tree.map(lambda a, i=i: a[i], population.params)
            trained[name] = so_far
        return dataclasses.replace(prepared, candidates=specs), trained

    def _lasting_params(self) -> str:
        """The parameters that must stay as they are while members are added."""
        return repr({name: value for name, value in self.get_params().items() if name not in _FREE_TO_CHANGE})

    def _options(self) -> dict[str, Any]:
        """What the parameters say to `plan_fit`.

        Raises:
            UsageError: `settings` names something that has its own place.
        """
        elsewhere = {*self.get_params(deep=False), *_DECIDED_BY_FIT}.intersection(self.settings or {})
        if elsewhere:
            raise UsageError(f"settings holds '{min(elsewhere)}', which has a parameter or argument of its own. Pass it there.")
        passed_on = {name: value for name in self._PASSED_ON if (value := getattr(self, name)) is not None}
        # In a process of a parallel search the other cores are taken by its siblings.
        threads = self.threads or (None if multiprocessing.parent_process() is None else 1)
        return {"model": self._MODEL, "members": self.members, "threads": threads, **passed_on, **(self.settings or {})}

    # Rows

    def _read_training(self, X: Any, y: Any, sample_weight: Any, *, reset: bool, least: int) -> tuple[pa.Table, AnyArray, Any]:  # noqa: N803
        """Rows of positive weight: the table, the targets (n,), and the weights (n,), None where none were given."""
        if y is None:
            validate_data(self, X=X, y=y, skip_check_array=True)  # raises what scikit-learn raises
        table = self._read(X, reset=reset, least=least)
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_consistent_length(np.empty(table.num_rows), y)
        if sample_weight is None:
            return table, y, None
        weight = np.asarray(sample_weight, np.float64)
        if weight.shape != y.shape or not np.isfinite(weight).all() or weight.min() < 0 or not weight.any():
            raise DataError(
                f"sample_weight must hold a finite number for each of {len(y)} rows, none below zero and not all zero, but it holds "
                f"{np.array2string(weight, threshold=6, edgeitems=2)}. Leave it out to weigh all rows alike."
            )
        used = weight > 0
        return table.filter(pa.array(used)), y[used], weight[used]

    def _read(self, X: Any, *, reset: bool = False, least: int = 1) -> pa.Table:  # noqa: N803
        """X as a table; after `reset`, its columns are what `fit` saw."""
        frame = nw.from_native(X, pass_through=True, eager_only=True)
        is_frame = isinstance(frame, nw.DataFrame)
        kinds = [_kind(dtype) for dtype in frame.schema.values()] if is_frame else ["numeric"]
        mixed = any(kind != "numeric" for kind in kinds) if reset else self._mixed
        if mixed:
            validate_data(self, X=X, reset=reset, skip_check_array=True)
            cells = [frame[:, j] for j in range(len(frame.columns))] if is_frame else np.asarray(X, object).T
            columns = dict(zip(self._names(), cells, strict=True))
        else:
            x = validate_data(self, X=X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=least)
            columns = dict(zip(self._names(), x.T, strict=True))
            kinds = ["numeric"] * len(columns)
        table = read_table(columns)
        if reset:
            self._mixed, self._kinds = mixed, {name: kind for name, kind in zip(table.column_names, kinds, strict=True) if kind}
        return table

    def _names(self) -> list[str]:
        return [str(name) for name in getattr(self, "feature_names_in_", [f"x{j}" for j in range(self.n_features_in_)])]

    def _encode(self, X: Any) -> FloatArray:  # noqa: N803
        check_is_fitted(self)
        return apply_encoding(self.model_.ensemble.encoding, self._read(X))

    # What kinds of target add

    def _encode_targets(self, y: AnyArray, weight: Any, *, anew: bool = True) -> AnyArray:
        raise NotImplementedError

    def _task(self, codes: AnyArray) -> Task:
        raise NotImplementedError

    def _class_factors(self, codes: AnyArray, weight: Any) -> dict[int, float] | None:
        return None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class _Classifier(ClassifierMixin, _Estimator):
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

    def prediction_sets(self, X: Any, *, level: float = 0.9) -> BoolArray:  # noqa: N803
        """Which classes belong to a set that holds the true one with probability `level`, shape (n, classes).

        The promise is for all rows together (conformal, from out-of-bag rows); a set may be empty where no class is probable enough.
        """
        x = self._encode(X)
        return self.model_.ensemble.prediction_sets(x, level=level)

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
        return task_of("target", [*range(len(self.classes_))])

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


class _Regressor(RegressorMixin, _Estimator):
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

        The promise is for all rows together (conformal, from out-of-bag rows), not for each kind of row.
        """
        x = self._encode(X)
        bounds = self.model_.ensemble.interval(x, level=level)
        return np.column_stack([bounds.low, bounds.high])

    def _encode_targets(self, y: AnyArray, weight: Any, *, anew: bool = True) -> AnyArray:
        return check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")

    def _task(self, codes: AnyArray) -> Task:
        return Number("target", float(codes.mean()), float(codes.std()) or 1.0)


class _Linear(_Estimator):
    """What a linear model says of each feature."""

    _MODEL = "linear"

    def _options(self) -> dict[str, Any]:
        return {"clip": None, **super()._options()}

    def _coefficients(self) -> Coefficients:
        check_is_fitted(self)
        try:
            return coefficients(self.model_.ensemble)
        except UsageError as error:
            raise AttributeError(str(error)) from error


_NETWORK_OPTIONS = ("model", "hidden", "activation", "learning_rate", "n_steps", "batch_size", "dropout", "budget")


class WeightsClassifier(_Classifier):
    """An ensemble that answers with classes, calibrated probabilities and prediction sets.

    Args:
        model: linear, mlp, or auto: train both and mix their answers, each with the share that out-of-bag rows give it.
        members: size of the ensemble.
        hidden: units of each hidden layer, such as (128, 128); None: the default of Weights, here and below.
        activation: of hidden units, such as "relu" or "gelu".
        learning_rate: length of the first full step.
        n_steps: steps of each member.
        batch_size: rows in a step.
        dropout: share of hidden units silenced at each step.
        budget: about the longest that a fit should take, seconds or a text such as "5m".
        class_weight: "balanced", or class -> factor.
        warm_start: a second `fit` with more `members` keeps those already trained and adds the rest; rows and other parameters
            must be the same. After `partial_fit`, `fit` trains anew.
        random_state: of everything random: the seed of `weights.fit`, a RandomState to draw one from, or None for another each time.
        threads: members in work at the same time; None: all cores, or one in a process of a
            parallel search. The answers do not depend on it.
        settings: every other option and setting of `weights.fit` by name, such as {"patience": 0, "members.share": 0.5}.

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

    _PASSED_ON = _NETWORK_OPTIONS

    def __init__(
        self,
        model: str = "auto",
        *,
        members: int = 32,
        hidden: Sequence[int] | None = None,
        activation: str | None = None,
        learning_rate: float | None = None,
        n_steps: int | None = None,
        batch_size: int | None = None,
        dropout: float | None = None,
        budget: float | str | None = None,
        class_weight: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        threads: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.members = members
        self.hidden = hidden
        self.activation = activation
        self.learning_rate = learning_rate
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.dropout = dropout
        self.budget = budget
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.random_state = random_state
        self.threads = threads
        self.settings = settings


class WeightsRegressor(_Regressor):
    """An ensemble that answers with numbers and intervals.

    Args:
        model, members, hidden, activation, learning_rate, n_steps, batch_size, dropout, budget: as `WeightsClassifier`.
        warm_start, random_state, threads, settings: as `WeightsClassifier`.

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

    _PASSED_ON = _NETWORK_OPTIONS

    def __init__(
        self,
        model: str = "auto",
        *,
        members: int = 32,
        hidden: Sequence[int] | None = None,
        activation: str | None = None,
        learning_rate: float | None = None,
        n_steps: int | None = None,
        batch_size: int | None = None,
        dropout: float | None = None,
        budget: float | str | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        threads: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.members = members
        self.hidden = hidden
        self.activation = activation
        self.learning_rate = learning_rate
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.dropout = dropout
        self.budget = budget
        self.warm_start = warm_start
        self.random_state = random_state
        self.threads = threads
        self.settings = settings


class WeightsLinearClassifier(_Linear, _Classifier):
    """Logistic or multinomial regression by an ensemble of solved linear models.

    Args:
        penalty: none, l1, l2, elastic_net or group.
        strength: of the penalty, on inputs scaled to one; None lets out-of-bag rows choose it.
        members, class_weight, warm_start, random_state, threads, settings: as `WeightsClassifier`.

    Attributes:
        coef_, intercept_: change of the log odds with one unit of each raw feature, shape (1, features), and where they start, (1,);
            for more classes shape (classes, features) and (classes,), such that `predict_proba` is the softmax of
            ``X @ coef_.T + intercept_``. Only there if every feature is a number, none was missing and none is clipped (the default).
        model_, classes_, n_features_in_, feature_names_in_, n_iter_: as `WeightsClassifier`.
    """

    _PASSED_ON = ("penalty", "strength")

    def __init__(
        self,
        *,
        members: int = 32,
        penalty: str | None = None,
        strength: float | None = None,
        class_weight: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        threads: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.members = members
        self.penalty = penalty
        self.strength = strength
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.random_state = random_state
        self.threads = threads
        self.settings = settings

    @property
    def coef_(self) -> FloatArray:
        """Change of the log odds with one unit of each feature, members averaged as they vote; see the class."""
        return self._coefficients().slopes.T

    @property
    def intercept_(self) -> FloatArray:
        """Log odds where all features are zero; see the class."""
        return self._coefficients().intercepts


class WeightsLinearRegressor(_Linear, _Regressor):
    """Penalised least squares by an ensemble of solved linear models.

    Args:
        penalty: none, l1, l2, elastic_net or group.
        strength: of the penalty, on inputs and target scaled to one; None lets out-of-bag rows choose it.
        members, warm_start, random_state, threads, settings: as `WeightsClassifier`.

    Attributes:
        coef_, intercept_: change of the prediction with one unit of each raw feature, shape (features,), and where it starts:
            `predict` is ``X @ coef_ + intercept_``. Only there if every feature is a number, none was missing and none is clipped
            (the default).
        model_, n_features_in_, feature_names_in_, n_iter_: as `WeightsClassifier`.

    Example:
        >>> x = np.arange(40.0).reshape(20, 2) ** 2
        >>> regressor = WeightsLinearRegressor(members=4, penalty="none").fit(x, 3 * x[:, 0] - x[:, 1] + 5)
        >>> regressor.coef_.round(3).tolist(), round(regressor.intercept_, 2)
        ([3.0, -1.0], 5.0)
    """

    _PASSED_ON = ("penalty", "strength")

    def __init__(
        self,
        *,
        members: int = 32,
        penalty: str | None = None,
        strength: float | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        threads: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.members = members
        self.penalty = penalty
        self.strength = strength
        self.warm_start = warm_start
        self.random_state = random_state
        self.threads = threads
        self.settings = settings

    @property
    def coef_(self) -> FloatArray:
        """Change of the prediction with one unit of each feature, shape (features,), members averaged as they vote."""
        return self._coefficients().slopes[:, 0]

    @property
    def intercept_(self) -> float:
        """The prediction where all features are zero."""
        return float(self._coefficients().intercepts[0])


def _kind(dtype: nw.dtypes.DType) -> str | None:
    """The kind of a column that its type decides; None where its values are to be looked at."""
    if dtype.is_numeric() or dtype == nw.Boolean:
        return "numeric"
    return "category" if dtype in (nw.Categorical, nw.Enum) else None


def _seed(random_state: Any) -> int:
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _steps_taken(ensemble: Ensemble) -> int:
    """Most steps that a member took, at least one."""
    most = 1
    for population in ensemble.populations:
        steps = [population.history[name] for name in ("steps", "n_steps") if name in population.history]
        most = max(most, int(steps[0].max()))
    return most
