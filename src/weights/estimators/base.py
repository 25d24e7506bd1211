"""What all estimators share: reading what scikit-learn hands over, fitting, and learning batch by batch."""

from __future__ import annotations

import dataclasses
import multiprocessing
from collections.abc import Mapping
from numbers import Integral
from typing import Any, Self

import jax
import msgspec
import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import assert_all_finite, check_consistent_length, check_is_fitted, validate_data

from weights.api import plan_rows, run_rows
from weights.data.dataset import prepare
from weights.data.encoding import apply_encoding
from weights.data.files.threads import available_threads
from weights.data.inputs import Inputs
from weights.data.roles import Roles, parse_kinds
from weights.data.table.read import read_table
from weights.ensemble import Ensemble
from weights.errors import DataError, Interrupted, UsageError, listed
from weights.estimators.parameters import SETTINGS
from weights.fitoptions import DataOptions, FitOptions
from weights.inspection.coefficients import Coefficients, coefficients
from weights.model import Model
from weights.models.registry import architecture_of
from weights.prepared import Prepared
from weights.spec import Spec, resolve, with_settings
from weights.store.checkpoint import fingerprint
from weights.tasks.base import Task
from weights.training.compiling import keep_compiled_programs
from weights.training.incremental import Stream, begin, go_on_from, learn
from weights.training.incremental import ensemble as ensemble_of
from weights.types import AnyArray, Params

_OPTIONS_OF_FIT = {*DataOptions.__struct_fields__, *FitOptions.__struct_fields__} - {"inspect"}
"""What `plan_fit` takes by name; every other option is a setting of the spec."""
_OF_BATCHES = {"n_steps": 1, "schedule": "constant", "warmup": 0.0, "patience": 0}
"""Settings for learning from batches: one pass after another at a constant rate, because no end is known."""
_DECIDED_BY_FIT = ("model", "seed", "task", "class_weight", "sample_weight", "copies")
_ARGUMENTS_OF_FIT = ("data", "target", "progress")
_LEFT_OPEN = ("budget", *SETTINGS)
"""Parameters that are options of `weights.fit` of the same name; None leaves the choice to Weights."""
_FREE_TO_CHANGE = ("members", "warm_start", "threads", "random_state")
"""Parameters that may differ when `warm_start` adds members."""


class Estimator(BaseEstimator):
    """What all estimators share: reading rows, training, adding members, learning from batches.

    A kind of target adds `_encode_targets` and `_task`.
    """

    _MODEL = "auto"
    _CLIP_OF_BATCHES: float | None = Roles("").clip
    """Bound of numbers where members learn from batches, which cannot be compared with and without one."""
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
    _columns: list[Any]

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
        self._seed = self._seed if more else find_seed(self.random_state)
        options = self._options()
        options |= {
            "kinds": {**self._kinds, **parse_kinds(options.get("kinds", ()))},
            "seed": self._seed,
            "task": self._task(codes).kind,
            "copies": "merge",
        }
        if more:
            options |= {"search": None, "budget": None}  # they were spent on the members there are
        class_weight = self._factors_by_label(self._class_factors(codes, weight))
        targets = self._targets(codes)
        prepared = plan_rows(table, targets, {"sample_weight": weight, "class_weight": class_weight, "inspect": False, **options})
        rows = fingerprint(prepared.dataset.inputs.x, prepared.y, prepared.weight)
        prepared, trained = self._with_members_so_far(prepared, rows) if more else (prepared, {})
        try:
            self.model_ = run_rows(prepared, trained=trained)
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
        x, target = apply_encoding(stream.encoding, table), stream.task.encode(pa.chunked_array([self._targets(codes)]))
        self._stream = learn(stream, x, target, weight, n_threads=self._options()["threads"] or available_threads())
        self.model_ = Model(ensemble_of(self._stream))
        self.__dict__.pop("_rows", None)  # members that went on learning are not those of a fit that could be added to
        self.n_iter_ = self._stream.n_steps
        return self

    def _first_stream(self, table: pa.Table, codes: AnyArray) -> Stream:
        task, options = self._task(codes), self._options()
        roles = Roles(task.target, kinds=self._kinds, clip=options.get("clip", self._CLIP_OF_BATCHES))
        dataset = prepare(table.append_column(task.target, pa.array(codes)), roles)
        self._seed = find_seed(self.random_state)
        model = options["model"] if options["model"] != "auto" else "mlp"
        asked = {name.replace("__", "."): value for name, value in options.items() if name not in _OPTIONS_OF_FIT}
        spec = with_settings(Spec(), {"model": model, "n_members": self.members, "seed": self._seed, **asked, **_OF_BATCHES})
        sizes = len(codes), dataset.encoding.layout(task.n_outputs)
        return begin(model, resolve(spec, *sizes), task, dataset.encoding, dataset.features)

    def _stream_from_fit(self) -> Stream:
        ensemble = self.model_.ensemble
        sizes, specs = (ensemble.report.n_samples, ensemble.encoding.layout(ensemble.task.n_outputs)), {}
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
        parameters = self.get_params(deep=False)
        said = {name for name, value in parameters.items() if name not in _LEFT_OPEN or value is not None}
        elsewhere = {*said, *_DECIDED_BY_FIT, *_ARGUMENTS_OF_FIT}.intersection(self.settings or {})
        if elsewhere:
            raise UsageError(f"settings holds '{min(elsewhere)}', which has a parameter or argument of its own. Pass it there.")
        chosen = {name: value for name, value in parameters.items() if name in _LEFT_OPEN and value is not None}
        # In a process of a parallel search the other cores are taken by its siblings.
        threads = self.threads or (None if multiprocessing.parent_process() is None else 1)
        model = parameters.get("model", self._MODEL)
        return {"model": model, "members": self.members, "threads": threads, **chosen, **(self.settings or {})}

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
                f"{np.array2string(weight, threshold=6, edgeitems=2)}. Leave it out to give all rows the same weight."
            )
        used = weight > 0
        return table.filter(pa.array(used)), y[used], weight[used]

    def _read(self, X: Any, *, reset: bool = False, least: int = 1) -> pa.Table:  # noqa: N803
        """X as a table; after `reset`, its columns are what `fit` saw."""
        frame = nw.from_native(X, pass_through=True, eager_only=True)
        is_frame = isinstance(frame, nw.DataFrame)
        kinds = [_kind(dtype) for dtype in frame.schema.values()] if is_frame else ["numeric"]
        if is_frame:
            self._check_labels([*frame.columns], reset=reset)
        elif reset:
            self._columns = []
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

    def _check_labels(self, labels: list[Any], *, reset: bool) -> None:
        """Columns whose labels are not text, which scikit-learn does not look at, stand where they stood in `fit`.

        Raises:
            DataError: they are in another order.
        """
        if reset:
            self._columns = labels
            return
        now, before = [*map(str, labels)], [*map(str, self._columns)]
        if now != before and sorted(now) == sorted(before) and not all(isinstance(label, str) for label in labels):
            raise DataError(f"Columns must be in the order of fit, {listed(before, 5)}, but came as {listed(now, 5)}. Reorder them.")

    def _names(self) -> list[str]:
        """The columns by their labels, or by their places where there were none, or two are spelled alike."""
        names = [str(label) for label in self._columns]
        return names if len({*names}) == self.n_features_in_ else [f"x{j}" for j in range(self.n_features_in_)]

    def _encode(self, X: Any) -> Inputs:  # noqa: N803
        check_is_fitted(self)
        return apply_encoding(self.model_.ensemble.encoding, self._read(X))

    # What kinds of target add

    def _encode_targets(self, y: AnyArray, weight: Any, *, anew: bool = True) -> AnyArray:
        raise NotImplementedError

    def _task(self, codes: AnyArray) -> Task:
        raise NotImplementedError

    def _targets(self, codes: AnyArray) -> Any:
        """The targets of rows as the task reads them, from what `_encode_targets` gave."""
        return codes

    def _factors_by_label(self, factors: dict[int, float] | None) -> dict[Any, float] | None:
        return None

    def _class_factors(self, codes: AnyArray, weight: Any) -> dict[int, float] | None:
        return None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class LinearEstimator(Estimator):
    """What a linear model says of each feature."""

    _MODEL = "linear"
    _CLIP_OF_BATCHES = None

    def _coefficients(self) -> Coefficients:
        check_is_fitted(self)
        try:
            return coefficients(self.model_.ensemble)
        except UsageError as error:
            raise AttributeError(str(error)) from error


def _kind(dtype: nw.dtypes.DType) -> str | None:
    """The kind of a column that its type decides; None where its values are to be looked at."""
    if (dtype.is_numeric() and dtype != nw.Decimal) or dtype == nw.Boolean:  # NumPy makes objects of decimals
        return "numeric"
    return "category" if dtype in (nw.Categorical, nw.Enum) else None


def find_seed(random_state: Any) -> int:
    """The seed that a ``random_state`` of scikit-learn stands for."""
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
