"""Regression: the target is a number, and outputs are its scaled value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import jax
import msgspec
import numpy as np
import pyarrow as pa

from weights.conformal import Conformal, Interval, score_residuals
from weights.data.encoding import Numeric, numbers_of
from weights.data.table.columns import as_text, is_missing, to_numbers
from weights.data.table.notation import TRUTH, Notation, find_numbers
from weights.data.table.plainform import simplify_type
from weights.errors import DataError, UsageError, printable
from weights.tasks.base import ConvexLoss, Gaps, Outcome, OutputFunctions, Scaled
from weights.tasks.metrics import REGRESSION_METRICS, Measure
from weights.tasks.unclassed import Unclassed
from weights.tasks.wholerows import WholeRows
from weights.types import AnyArray, BoolArray, FloatArray, IntArray

Losses = Callable[[FloatArray, AnyArray], FloatArray]
Evaluate = Callable[[FloatArray, AnyArray], tuple[FloatArray, FloatArray, FloatArray]]


def _square(outputs: jax.Array, y: jax.Array) -> jax.Array:
    return 0.5 * (outputs[0] - y) ** 2


def _halve_squares(outputs: FloatArray, y: AnyArray) -> FloatArray:
    return 0.5 * (outputs[:, 0] - y) ** 2


def _evaluate(outputs: FloatArray, y: AnyArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    return _halve_squares(outputs, y), outputs - y[:, None], np.ones_like(outputs)


def value_functions(loss: Callable[[jax.Array, jax.Array], jax.Array]) -> OutputFunctions:
    """What compiled programs need of a task whose one output is averaged as it is, with this loss of a sample."""
    return OutputFunctions(loss, lambda outputs: outputs, lambda outputs, label: outputs[:, 0])


def convex_value_loss(losses: Losses, evaluate: Evaluate, *, quadratic: bool) -> ConvexLoss:
    """The loss of one output for the exact solver; see `ConvexLoss`. Responses are the second derivatives."""
    return ConvexLoss(
        losses, evaluate, lambda responses, a, b: responses[:, 0], lambda responses, moved: moved * responses, quadratic, shift_free=False
    )


class Number(WholeRows, Unclassed, msgspec.Struct, frozen=True, tag_field="kind", tag="regression"):
    """A number, of which models learn ``(y - center) / scale``.

    Attributes:
        target: the column's name.
        center, scale: of the values of training.
        least, most: what no value of training went beyond, where that is what numbers of its kind are held by (zero; zero and one);
            bounds of intervals stop there.
        remark: how the task was found, where that deserves saying.
        notation: how numbers of the target are written in text; None where they were not. from_times: whether they are moments, in seconds.
    """

    target: str
    center: float = 0.0
    scale: float = 1.0
    remark: str = ""
    least: float | None = None
    most: float | None = None
    notation: Notation | None = None
    from_times: bool = False

    metrics: ClassVar[Mapping[str, Measure]] = REGRESSION_METRICS
    functions: ClassVar[OutputFunctions] = value_functions(_square)
    convex: ClassVar[ConvexLoss] = convex_value_loss(_halve_squares, _evaluate, quadratic=True)
    stacking: ClassVar[str] = "least squares"
    constant_name: ClassVar[str] = "the mean"
    importance_measure: ClassVar[str] = "R2"
    relative_importance: ClassVar[bool] = True
    numeric: ClassVar[bool] = True
    prediction_shape: ClassVar[tuple[int, ...]] = ()
    adds_noise: ClassVar[bool] = True
    simulated: ClassVar[bool] = True
    pipeline: ClassVar[str] = "regression"

    @property
    def loss_name(self) -> str:
        """What `prediction_losses` are."""
        return "squared error"

    @property
    def kind(self) -> str:
        """The task's name."""
        return "regression"

    @property
    def n_outputs(self) -> int:
        """One: the scaled value."""
        return 1

    @property
    def unit(self) -> float:
        """That of the target."""
        return self.scale

    @property
    def origin(self) -> float:
        """The mean of the target."""
        return self.center

    @property
    def loss_scale(self) -> float:
        """From half a square of scaled values to the square in the target's unit."""
        return 2.0 * self.scale**2

    @property
    def column(self) -> Numeric:
        """A column of numbers in the notation of training."""
        return Numeric(self.target, self.center, self.scale, missing=False, notation=self.notation, from_times=self.from_times)

    def check(self) -> list[str]:
        """What is wrong with the scale or the range, in words."""
        lawful = 0 < self.scale < math.inf and math.isfinite(self.center)
        wrong = [] if lawful else [f"the target's scale is {self.scale}"]
        if (self.least, self.most) not in RANGES:
            wrong.append(f"the target's range is {self.least} to {self.most}")
        return wrong

    def encode(self, target: pa.ChunkedArray) -> AnyArray:
        """Scaled values, float32, shape (n,).

        Raises:
            DataError: a value is not a finite number.
        """
        return self._scaled(finite_numbers(target, self.column))

    def knows(self, target: pa.ChunkedArray) -> BoolArray:
        """Which of n cells are not missing, shape (n,)."""
        return ~is_missing(target)

    def original(self, y: AnyArray) -> AnyArray:
        """Values in the target's unit, float64, shape (n,)."""
        return y.astype(np.float64) * self.scale + self.center

    def indicators(self, y: AnyArray) -> FloatArray:
        """The ranks of values, (n, 1): a few large ones cannot hide the others."""
        return ranks(y)[:, None]

    def describe(self, y: AnyArray) -> str:
        """Mean and standard deviation of the values of training."""
        return f"mean {self.center:,.4g}, standard deviation {self.scale:,.4g} (regression)"

    def normalise(self, outputs: FloatArray) -> FloatArray:
        """The scaled values as they are, float64."""
        return outputs.astype(np.float64)

    def row_losses(self, outputs: FloatArray, y: AnyArray) -> FloatArray:
        """The loss of training, shape (n,): half the squared error of scaled values."""
        return self.convex.losses(outputs, y)

    def excess_losses(self, outputs: FloatArray, moved: FloatArray) -> FloatArray:
        """The square of the move, in the target's unit, shape (n,)."""
        return self.scale**2 * moved[:, 0] ** 2

    def prediction_losses(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """Squared errors in the target's unit, shape (n,)."""
        return self.squared_errors(y, predictions)

    def squared_errors(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """Squares of what values lie beside predictions, shape (n,)."""
        return (self.original(y) - predictions.reshape(-1)) ** 2

    def constant_outputs(self, y: AnyArray, weight: FloatArray) -> FloatArray:
        """Zero, the scaled mean, shape (1,)."""
        return np.zeros(1)

    def constant_predictions(self, y: AnyArray, weight: FloatArray) -> FloatArray:
        """The weighted mean, shape (n,)."""
        return np.full(len(y), np.average(self.original(y), weights=weight))

    def decode(self, outputs: FloatArray) -> FloatArray:
        """Values in the target's unit, shape (n,)."""
        return outputs[:, 0] * self.scale + self.center

    def decide(self, predictions: FloatArray, threshold: Mapping[Any, float] | None = None) -> AnyArray:
        """The values as they are, shape (n,)."""
        if threshold:
            self.need_classes("A threshold needs classes", "Leave it out.")
        return predictions

    def to_scales(self, outputs: FloatArray) -> Scaled:
        """Values in the target's unit and on the scale of the link, each (n, 1)."""
        values = self.decode(outputs)[:, None]
        return Scaled(values, self.to_link(values))

    def to_link(self, values: FloatArray) -> FloatArray:
        """Values on the scale on which effects add up: as they are."""
        return values

    def from_link(self, values: FloatArray) -> FloatArray:
        """The other way round."""
        return values

    def need_classes(self, what: str = "Classes were needed", instead: str = "") -> None:
        """Never nothing: the target is a number."""
        raise UsageError(f"{what}, but '{self.target}' is a number. {instead}".rstrip())

    def need_numbers(self, what: str = "A number was needed", instead: str = "") -> None:
        """Nothing: the target is a number."""

    def class_number(self, label: Any) -> int:
        """No position: there are no classes."""
        raise UsageError(f"The class must be one of the model's, but is '{label}'; '{self.target}' has no classes.")

    def sought(self, label: Any) -> int:
        """No position: there are no classes."""
        if label is None:
            self.need_classes()
        return self.class_number(label)

    def label(self, code: int) -> Any:
        """None: there are no classes."""
        return None

    def prediction_columns(self, predictions: FloatArray, interval: Callable[[], Interval]) -> dict[str, AnyArray]:
        """``prediction`` and the bounds of its interval, ``low 90%`` and ``high 90%``."""
        bounds = interval()
        percent = f"{100 * bounds.level:g}%"
        return {"prediction": predictions, f"low {percent}": bounds.low, f"high {percent}": bounds.high}

    def describe_prediction(self, prediction: float, code: int) -> str:
        """The value in four digits."""
        return f"{prediction:.4g}"

    def calibrate(
        self, y: AnyArray, predictions: FloatArray, x: FloatArray, weight: FloatArray, group: IntArray | None = None
    ) -> Conformal:
        """The residuals of rows in units of their difficulty."""
        return score_residuals(self.original(y) - predictions, predictions, x, weight, group)

    def covers(self, conformal: Conformal, y: AnyArray, predictions: FloatArray, x: FloatArray, level: float) -> BoolArray:
        """Which values lie in their bounds, shape (n,)."""
        bounds, values = self.interval(conformal, predictions, x, level), self.original(y)
        return (bounds.low <= values) & (values <= bounds.high)

    def interval(self, conformal: Conformal, predictions: FloatArray, x: FloatArray, level: float) -> Interval:
        """Bounds that hold the values of new rows with probability `level`, inside what the target can be.

        A new row is beyond what none of n rows of training was beyond once in n + 1 rows, so that stopping there costs no more.

        Raises:
            UsageError: the level is not between 0 and 1.
        """
        bounds = conformal.bounds(predictions, x, level)
        least, most = -math.inf if self.least is None else self.least, math.inf if self.most is None else self.most
        return Interval(np.clip(bounds.low, least, most), np.clip(bounds.high, least, most), level)

    def explained_codes(self, predictions: FloatArray, label: int | None) -> IntArray:
        """-1 for each row, shape (n,)."""
        return np.full(len(predictions), -1)

    def pick(self, predictions: FloatArray, codes: IntArray) -> FloatArray:
        """The values as they are, shape (n,)."""
        return predictions

    def pick_slopes(self, outputs: FloatArray, codes: IntArray) -> FloatArray:
        """The scale of the target, shape (n, 1)."""
        return np.full_like(outputs, self.scale)

    def outcomes(self) -> list[Outcome]:
        """The value."""
        return [Outcome("target", None, 0, "least squares")]

    def observed(self, y: AnyArray, outcome: Outcome) -> FloatArray:
        """The values in the target's unit, shape (n,)."""
        return self.original(y)

    def mean(self, outcome: Outcome, expected: FloatArray) -> FloatArray:
        """Values, from what they are on the scale of the outcome."""
        return expected if outcome.scale == "target" else self.from_link(expected)

    def link_slope(self, outcome: Outcome, expected: FloatArray) -> FloatArray:
        """One: values are their own link."""
        return np.ones_like(expected)

    def noise_variance(self, outcome: Outcome, expected: FloatArray) -> FloatArray | None:
        """None: any value may have any noise."""
        return None

    def move_predictions(self, known: FloatArray, without: FloatArray, inflation: float) -> FloatArray:
        """Values moved along a line on the scale of the link, (n, 1)."""
        before, after = self.to_link(known), self.to_link(without)
        return self.from_link(before + inflation * (after - before))

    def gaps(self, y: AnyArray, known: FloatArray, without: FloatArray) -> Gaps:
        """Differences on the scale of the link and of values, (n, 1)."""
        gap = self.to_link(known) - self.to_link(without)
        return Gaps(gap, known - without, self.original(y)[:, None] - without, 2.0)

    def residuals(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """Values less predictions, shape (n,)."""
        return self.original(y) - predictions

    def simulate(self, predictions: FloatArray, residuals: FloatArray, units: IntArray, rng: np.random.Generator) -> AnyArray:
        """Values with their own residuals under random signs, encoded, shape (n,).

        Rows that depend on each other share a sign (the wild bootstrap: Liu 1988; of clusters: Cameron, Gelbach and Miller 2008).
        """
        return self._scaled(predictions + residuals * rng.choice([-1.0, 1.0], units.max() + 1)[units])

    def effect_of(self, scale: str) -> str:
        """The target."""
        return printable(self.target)

    def _scaled(self, values: FloatArray) -> AnyArray:
        return ((values - self.center) / self.scale).astype(np.float32)


RANGES = {(None, None): "", (0.0, None): "is never negative", (0.0, 1.0): "lies between 0 and 1"}
"""What is said of the ranges of targets that bounds are kept in, by least and most."""


def ranks(values: AnyArray) -> FloatArray:
    """The ranks of numbers (n,), from 0 to 1, ties sharing theirs."""
    _, tie, counts = np.unique(values, return_inverse=True, return_counts=True)
    return ((np.cumsum(counts) - (counts + 1) / 2) / max(len(values) - 1, 1))[tie]


def column_of_numbers(target: pa.ChunkedArray, name: str, notation: Notation | None) -> Numeric:
    """How the cells of a target are read as numbers: in the notation of their file, or else in that which reads them all."""
    target = simplify_type(target)
    if pa.types.is_string(target.type):
        to_numbers(target, name)  # which says what cannot be read
        numbers = find_numbers(as_text(target))
        notation = notation if numbers is None else numbers.notation
    if pa.types.is_boolean(target.type):
        notation = TRUTH
    return Numeric(name, 0.0, 1.0, missing=False, notation=notation, from_times=pa.types.is_temporal(target.type))


def finite_numbers(target: pa.ChunkedArray, column: Numeric) -> FloatArray:
    """The values of a target, float64, shape (n,).

    Raises:
        DataError: one is not a finite number.
    """
    name = column.name
    values = numbers_of(column, simplify_type(target))
    if not np.isfinite(values).all():
        row = int(np.argmax(~np.isfinite(values)))
        raise DataError(f"The target '{name}' must be a finite number, but row {row + 1} holds {values[row]}. Repair or leave out the row.")
    return values


def refuse_classes(name: str, what: str, class_weight: Any, positive: Any) -> None:
    """Nothing where no class was spoken of.

    Raises:
        UsageError: class weights or a class to speak of were asked for, but the target is a number or a count.
    """
    if positive is not None:
        raise UsageError(f"A class to speak of was named ('{positive}'), but '{name}' is a {what}. Leave out --positive.")
    if class_weight is not None:
        raise UsageError(f"Class weights need classes, but '{name}' is a {what}. Use a sample-weight column instead.")


def find_number(
    target: pa.ChunkedArray,
    name: str,
    *,
    class_weight: Any,
    positive: Any = None,
    remark: str,
    levels: Sequence[str] = (),
    notation: Notation | None = None,
) -> Number:
    """The task of predicting these numbers.

    Raises:
        DataError: they are not finite, do not vary, or cannot be squared.
        UsageError: class weights or a class to speak of were asked for.
    """
    refuse_classes(name, "number", class_weight, positive)
    column = column_of_numbers(target, name, notation)
    values = finite_numbers(target, column)
    with np.errstate(over="ignore", invalid="ignore"):
        center, scale = float(values.mean()), float(values.std())
    if not np.isfinite(scale):
        raise DataError(f"The target '{name}' reaches {np.abs(values).max():.3g}, too large to square. Divide it or take its logarithm.")
    if not scale > 0 and values.min() < values.max():
        raise DataError(f"The target '{name}' varies by {np.ptp(values):.3g} only, too little to square. Multiply it or name another.")
    if not scale > 0:
        raise DataError(f"The target '{name}' must vary, but it is {values[0]:g} in all {len(values)} rows. Name another target.")
    range_ = next((low, high) for low, high in ((0.0, 1.0), (0.0, None), (None, None)) if _holds(values, low, high))
    said = f"'{printable(name)}' {RANGES[range_]}, so that bounds of intervals stop there" if RANGES[range_] else ""
    return Number(name, center, scale, "; ".join(filter(None, (remark, said))), *range_, column.notation, column.from_times)


def _holds(values: FloatArray, low: float | None, high: float | None) -> bool:
    """Whether all values lie in a range."""
    return bool((low is None or values.min() >= low) and (high is None or values.max() <= high))
