"""What is asked of the data: two classes, several classes, or a number.

`find_task` reads it off the target; a `Task` turns raw targets into arrays, outputs into predictions, and
knows the loss of one sample, which is all that training needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.columns import as_text, find_kind, in_plain_type, is_missing, is_number, level_codes, to_numbers
from weights.errors import DataError, UsageError, suggest
from weights.types import AnyArray, BoolArray, FloatArray, IntArray

TaskKind = Literal["binary", "multiclass", "regression"]
TASK_KINDS: tuple[str, ...] = get_args(TaskKind)

_MOST_CLASS_CODES = 20
"""Whole numbers 0..K-1 or 1..K count as class codes up to this K (our choice; `task=` overrides it)."""


class Task(msgspec.Struct, frozen=True):
    """A target's meaning.

    Attributes:
        kind: binary, multiclass or regression.
        target: the column's name.
        classes: the labels in the order of the class codes; empty for regression.
        center, scale: regression models learn ``(y - center) / scale``.
        class_weight: factor on the weight of each class's rows, or None.
        remark: how the kind was found, where that deserves saying.
    """

    kind: TaskKind
    target: str
    classes: list[Any] = []
    center: float = 0.0
    scale: float = 1.0
    class_weight: list[float] | None = None
    remark: str = ""

    @property
    def n_outputs(self) -> int:
        """Outputs of a model, k: one for regression and for two classes (their log odds), else one a class."""
        return len(self.classes) if self.kind == "multiclass" else 1

    def encode(self, target: pa.ChunkedArray) -> AnyArray:
        """The target as models learn it, shape (n,): float32 scaled values, or int32 class codes.

        Raises:
            DataError: a label is not one of the classes, or a value is not a finite number.
        """
        if self.kind == "regression":
            return ((_finite_numbers(target, self.target) - self.center) / self.scale).astype(np.float32)
        codes = self.codes(target)
        if (codes < 0).any():
            wrong = target[int(np.argmax(codes < 0))].as_py()
            raise DataError(
                f"The target '{self.target}' must be one of {self.classes[:10]}, but row {int(np.argmax(codes < 0)) + 1} holds {wrong!r}."
            )
        return codes.astype(np.int32)

    def knows(self, target: pa.ChunkedArray) -> BoolArray:
        """Which of n cells of a target hold a value that can be encoded: none is missing, and classes are known ones, shape (n,)."""
        if self.kind == "regression":
            return ~is_missing(target)
        return self.codes(target) >= 0

    def codes(self, target: pa.ChunkedArray) -> IntArray:
        """The class codes of n cells, shape (n,), below zero for what is missing or no class."""
        return level_codes(target, as_text(pa.chunked_array([self.classes])).to_pylist())

    def row_weights(self, y: AnyArray, sample_weight: FloatArray) -> FloatArray:
        """Sample weights times class weights, scaled to mean one, shape (n,).

        Raises:
            DataError: all rows of a class weigh nothing.
        """
        for code, label in enumerate(self.classes):
            if not sample_weight[y == code].any():
                raise DataError(
                    f"Each class of '{self.target}' must have a row that weighs something, but all rows of {label!r} weigh zero. "
                    "Leave the class out, or weigh a row of it."
                )
        weight = sample_weight * self.class_factors(y)
        return weight / weight.mean()

    def class_factors(self, y: AnyArray) -> FloatArray:
        """What the class weights multiply each row's weight by, shape (n,)."""
        return np.ones(len(y)) if self.class_weight is None else np.asarray(self.class_weight)[y]

    def decode(self, outputs: FloatArray) -> FloatArray:
        """Predictions from outputs (n, k): class probabilities (n, number of classes), or values (n,) in the target's unit."""
        if self.kind == "regression":
            return outputs[:, 0] * self.scale + self.center
        return np.exp(log_probabilities(outputs))

    def original(self, y: AnyArray) -> AnyArray:
        """The target in its own unit from what `encode` gave: values for regression, class codes otherwise."""
        return y.astype(np.float64) * self.scale + self.center if self.kind == "regression" else y


def find_task(target: pa.ChunkedArray, name: str, *, kind: str | None = None, class_weight: Any = None) -> Task:
    """The task a target column asks for.

    Args:
        target: n cells, none missing.
        name: its name.
        kind: binary, multiclass or regression, where the user decides.
        class_weight: "balanced", or a mapping from label to factor, or None.

    Raises:
        DataError: the target has one value only, or cannot be of the asked kind.
        UsageError: the kind is not known, or class weights do not fit the classes.

    Example:
        >>> find_task(pa.chunked_array([["ill", "well", "ill"]]), "state").kind
        'binary'
    """
    if kind is not None and kind not in TASK_KINDS:
        raise UsageError(f"The task must be one of {', '.join(TASK_KINDS)}, but '{kind}' came. {suggest(kind, TASK_KINDS)}")
    if pa.types.is_nested(target.type):
        raise DataError(f"The target '{name}' must hold one number or label a row, but it holds {target.type}. Name another target.")
    natural, remark = (kind, "") if kind else _natural_kind(target, name)
    if natural == "regression":
        return _regression(target, name, class_weight, remark=remark)
    return _classification(target, name, kind, class_weight, remark=remark)


def log_probabilities(outputs: FloatArray) -> FloatArray:
    """Log class probabilities, float64, shape (..., classes), from log odds (..., 1) or unnormalised logs (..., k)."""
    outputs = outputs.astype(np.float64)
    if outputs.shape[-1] == 1:
        outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=-1)
    highest = outputs.max(-1, keepdims=True)
    return outputs - highest - np.log(np.sum(np.exp(outputs - highest), axis=-1, keepdims=True))


def _squared(outputs: jax.Array, y: jax.Array) -> jax.Array:
    return 0.5 * (outputs[0] - y) ** 2


def _logistic(outputs: jax.Array, y: jax.Array) -> jax.Array:
    return jax.nn.softplus(outputs[0]) - y * outputs[0]


def _multinomial(outputs: jax.Array, y: jax.Array) -> jax.Array:
    return jax.nn.logsumexp(outputs) - jnp.take(outputs, y)


LOSSES: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "regression": _squared,
    "binary": _logistic,
    "multiclass": _multinomial,
}
"""Loss of one sample from its outputs (k,) and its encoded target ()."""


def _labels(target: pa.ChunkedArray) -> pa.ChunkedArray:
    """Class labels as text, whole numbers or booleans: what JSON can hold and users can compare."""
    target = in_plain_type(target)
    if pa.types.is_floating(target.type):
        try:
            return pc.cast(target, pa.int64())
        except pa.ArrowInvalid:
            return pc.cast(target, pa.string())
    if pa.types.is_integer(target.type) or pa.types.is_boolean(target.type):
        return pc.cast(target, pa.int64()) if pa.types.is_integer(target.type) else target
    return pc.cast(target, pa.string())


def _natural_kind(target: pa.ChunkedArray, name: str) -> tuple[str, str]:
    """Regression or classes, and a remark where it could be either."""
    target = in_plain_type(target)
    if not is_number(target.type) and find_kind(target, name).kind != "numeric":
        if find_kind(target, name).kind == "datetime":
            raise DataError(
                f"The target '{name}' must be a number or a label, but it holds dates. Turn it into a number, such as days from a "
                "fixed date, or use --task multiclass if its dates are labels."
            )
        return "classes", ""
    values = np.unique(to_numbers(target, name))
    n_distinct, whole = len(values), bool(np.all(values == np.floor(values)))
    if n_distinct <= 2:
        return "classes", ""
    counted_up = whole and values[0] in (0, 1) and values[-1] - values[0] == n_distinct - 1
    if counted_up and n_distinct <= _MOST_CLASS_CODES:
        return "classes", f"{n_distinct} whole numbers counted up are read as classes; --task regression if they are quantities"
    few = whole and n_distinct <= _MOST_CLASS_CODES
    return "regression", f"{n_distinct} whole numbers are read as quantities; --task multiclass if they are classes" if few else ""


def _finite_numbers(target: pa.ChunkedArray, name: str) -> FloatArray:
    values = to_numbers(target, name)
    if not np.isfinite(values).all():
        row = int(np.argmax(~np.isfinite(values)))
        raise DataError(f"The target '{name}' must be a finite number, but row {row + 1} holds {values[row]}. Repair or leave out the row.")
    return values


def _regression(target: pa.ChunkedArray, name: str, class_weight: Any, *, remark: str) -> Task:
    if class_weight is not None:
        raise UsageError(f"Class weights need classes, but '{name}' is a number. Use a sample-weight column instead.")
    values = _finite_numbers(target, name)
    with np.errstate(over="ignore", invalid="ignore"):
        center, scale = float(values.mean()), float(values.std())
    if not np.isfinite(scale):
        raise DataError(f"The target '{name}' reaches {np.abs(values).max():.3g}, too large to square. Divide it or take its logarithm.")
    if not scale > 0 and values.min() < values.max():
        raise DataError(f"The target '{name}' varies by {np.ptp(values):.3g} only, too little to square. Multiply it or name another.")
    if not scale > 0:
        raise DataError(f"The target '{name}' must vary, but it is {values[0]:g} in all {len(values)} rows. Name another target.")
    return Task("regression", name, [], center, scale, None, remark)


def _classification(target: pa.ChunkedArray, name: str, kind: str | None, class_weight: Any, *, remark: str) -> Task:
    labels = _labels(target)
    counted = pc.value_counts(labels)
    counts = {item["values"].as_py(): item["counts"].as_py() for item in counted}
    classes = sorted(counts)
    if len(classes) < 2:
        raise DataError(
            f"The target '{name}' must have two classes or more, but all {len(target)} rows hold {classes[0]!r}. Name another target."
        )
    if kind == "binary" and len(classes) != 2:
        raise DataError(
            f"A binary task needs two classes, but '{name}' has {len(classes)} ({classes[:5]}...). Use --task multiclass or regression."
        )
    if len(classes) > max(_MOST_CLASS_CODES, len(target) // 2):
        raise DataError(
            f"The target '{name}' has {len(classes)} different labels in {len(target)} rows, too few each to learn. Name another target."
        )
    chosen: TaskKind = "binary" if len(classes) == 2 else "multiclass"
    return Task(chosen, name, classes, class_weight=_class_weights(class_weight, counts, classes), remark=remark)


def _class_weights(asked: Any, counts: dict[Any, int], classes: list[Any]) -> list[float] | None:
    if asked is None:
        return None
    if asked == "balanced":
        total = sum(counts.values())
        return [total / (len(classes) * counts[label]) for label in classes]
    if not isinstance(asked, dict):
        raise UsageError(f"Class weights must be 'balanced' or label=factor pairs, but {asked!r} came.")
    by_text = {str(label): label for label in classes}
    unknown = [label for label in asked if str(label) not in by_text]
    if unknown:
        raise UsageError(f"Class weights name '{unknown[0]}', which is not a class. {suggest(str(unknown[0]), by_text)}")
    try:
        factors = {str(label): float(factor) for label, factor in asked.items()}
    except (TypeError, ValueError):
        factors = {"": float("nan")}
    if not all(0 < factor < float("inf") for factor in factors.values()):
        raise UsageError(f"Class weights must be numbers above zero, but {asked} came. Give each class a factor such as 2.")
    return [factors.get(str(label), 1.0) for label in classes]
