"""Classification: the target is one of two classes or of several, and outputs are log odds or unnormalised log probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NoReturn

import jax
import msgspec
import numpy as np
import pyarrow as pa
import scipy.special

from weights.conformal import Conformal, Interval, score_classes, smallest_holding
from weights.data.encoding import Category, codes_of
from weights.errors import DataError, UsageError, listed, printable
from weights.tasks.base import ConvexLoss, Gaps, Outcome, OutputFunctions, Scaled
from weights.tasks.class_losses import (
    evaluate_classes,
    evaluate_log_odds,
    log_losses_of,
    log_probabilities,
    logistic,
    multinomial,
    odds_against_others,
)
from weights.tasks.label_types import check_labels, label_array, label_cells, label_column
from weights.tasks.metrics import CLASS_METRICS, Measure, log_losses
from weights.tasks.wholerows import WholeRows
from weights.types import AnyArray, BoolArray, FloatArray, IntArray

_LEAST_PROBABILITY = 1e-3
"""Probabilities are held this far from zero and one where their log odds are asked for (our choice)."""
_LEAST, _MOST_LOG_ODDS = 1e-12, 25.0  # probabilities below this count as this where their logarithms are compared
_ENDLESS = "no finite log odds fit best, because it separates the classes of some rows perfectly"


class Classes(WholeRows, msgspec.Struct, frozen=True, tag_field="kind"):
    """What tasks of two and of several classes share.

    Attributes:
        target: the column's name.
        classes: the labels in the order of the class codes.
        class_weight: factor on the weight of each class's rows, or None.
        remark: how the task was found, where that deserves saying.
        time_unit: of labels that are dates or moments, and text here; see `label_types`.
    """

    target: str
    classes: list[Any]
    class_weight: list[float] | None = None
    remark: str = ""
    time_unit: str = ""

    metrics: ClassVar[Mapping[str, Measure]] = CLASS_METRICS
    stacking: ClassVar[str] = "log loss"
    constant_name: ClassVar[str] = "the base rate"
    importance_measure: ClassVar[str] = "log loss"
    relative_importance: ClassVar[bool] = False
    numeric: ClassVar[bool] = False
    adds_noise: ClassVar[bool] = False
    simulated: ClassVar[bool] = True
    pipeline: ClassVar[str] = "classification"
    unit: ClassVar[float] = 1.0
    origin: ClassVar[float] = 0.0
    loss_scale: ClassVar[float] = 1.0

    @property
    def loss_name(self) -> str:
        """Log loss, of weighted classes where they are."""
        return "log loss" if self.class_weight is None else "log loss of weighted classes"

    @property
    def prediction_shape(self) -> tuple[int, ...]:
        """A probability for each class."""
        return (len(self.classes),)

    @property
    def column(self) -> Category:
        """A column whose levels are the classes."""
        return label_column(self.target, self.classes, self.time_unit)

    def check(self) -> list[str]:
        """What is wrong with the labels or the class weights, in words."""
        wrong, n_classes = check_labels(self.classes, self.time_unit), len(self.classes)
        factors = self.class_weight
        if factors is not None and not (len(factors) == n_classes and all(0 < factor < math.inf for factor in factors)):
            wrong.append(f"the class weights are {factors}")
        return wrong

    def encode(self, target: pa.ChunkedArray) -> AnyArray:
        """Class codes, int32, shape (n,).

        Raises:
            DataError: a label is not one of the classes.
        """
        codes = self.class_codes(target)
        if (codes < 0).any():
            row = int(np.argmax(codes < 0))
            raise DataError(
                f"The target '{self.target}' must be one of {self.classes[:10]}, but row {row + 1} holds {target[row].as_py()!r}."
            )
        return codes.astype(np.int32)

    def knows(self, target: pa.ChunkedArray) -> BoolArray:
        """Which of n cells hold a known class, shape (n,)."""
        return self.class_codes(target) >= 0

    def class_codes(self, target: pa.ChunkedArray) -> IntArray:
        """The class codes of n cells, shape (n,), below zero for what is missing or no class."""
        return codes_of(self.column, label_cells(target, self.time_unit))

    def original(self, y: AnyArray) -> AnyArray:
        """The class codes as they are, shape (n,)."""
        return y

    def row_weights(self, y: AnyArray, sample_weight: FloatArray) -> FloatArray:
        """Sample weights times class weights, scaled to mean one, shape (n,).

        Raises:
            DataError: all rows of a class have weight zero.
        """
        for code, label in enumerate(self.classes):
            if not sample_weight[y == code].any():
                raise DataError(
                    f"Each class of '{self.target}' must have a row of weight above zero, but all rows of {label!r} have "
                    "weight zero. Leave the class out, or give a row of it a weight."
                )
        weight = sample_weight * self.weight_factors(y)
        return weight / weight.mean()

    def weight_factors(self, y: AnyArray) -> FloatArray:
        """What the class weights multiply each row's weight by, shape (n,)."""
        return np.ones(len(y)) if self.class_weight is None else np.asarray(self.class_weight)[y]

    def strata(self, y: AnyArray) -> IntArray | None:
        """The class codes, shape (n,)."""
        return y

    def indicators(self, y: AnyArray) -> FloatArray:
        """One for the class of each row and zero for the others, (n, classes)."""
        return np.eye(len(self.classes))[y]

    def describe(self, y: AnyArray) -> str:
        """The four largest classes, each with its number of rows."""
        counts = np.bincount(y, minlength=len(self.classes))
        largest = np.argsort(-counts, kind="stable")[:4]
        more = f", {len(counts) - 4} more classes" if len(counts) > 4 else ""
        return ", ".join(f"{self.classes[k]} {counts[k]:,}" for k in largest) + more

    def find_few(self, y: AnyArray, fewest: int) -> list[str]:
        """Classes with fewer rows than that, each with its count."""
        counts = np.bincount(y, minlength=len(self.classes))
        return [f"{self.classes[k]!r} ({counts[k]})" for k in np.flatnonzero(counts < fewest)]

    def right_probabilities(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """The probabilities of classes that came and are the most probable ones, of the rows where they are."""
        return predictions[np.arange(len(y)), y][predictions.argmax(1) == y]

    def count_answers(self, y: AnyArray, predictions: FloatArray) -> IntArray:
        """How many rows are of each class, and to how many it is the most probable one, shape (2, classes)."""
        return np.stack([np.bincount(codes, minlength=len(self.classes)) for codes in (y, predictions.argmax(1))])

    def row_losses(self, outputs: FloatArray, y: AnyArray) -> FloatArray:
        """Minus the log probability of the class that came, shape (n,)."""
        return log_losses_of(outputs, y)

    def excess_losses(self, outputs: FloatArray, moved: FloatArray) -> FloatArray:
        """Half the variance of the move over classes, shape (n,)."""
        probability = np.exp(log_probabilities(outputs))
        if moved.shape[1] == 1:
            return 0.5 * probability[:, 0] * probability[:, 1] * moved[:, 0] ** 2
        mean = (probability * moved).sum(1)
        return 0.5 * ((probability * moved**2).sum(1) - mean**2)

    def prediction_losses(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """Minus the log of the probability of the class that came, shape (n,)."""
        return log_losses(predictions, y)

    def squared_errors(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """Half the squared distance of the probabilities from the class that came, shape (n,): from 0 to 1 (Brier 1950, halved)."""
        return 0.5 * ((predictions - self.indicators(y)) ** 2).sum(1)

    def constant_predictions(self, y: AnyArray, weight: FloatArray) -> FloatArray:
        """The weighted frequencies of the classes, shape (n, classes)."""
        frequencies = np.bincount(y, weights=weight, minlength=len(self.classes)) / weight.sum()
        return np.broadcast_to(frequencies, (len(y), len(frequencies)))

    def decode(self, outputs: FloatArray) -> FloatArray:
        """Class probabilities, shape (n, classes)."""
        return np.exp(log_probabilities(outputs))

    def decide(self, predictions: FloatArray, threshold: Mapping[Any, float] | None = None) -> AnyArray:
        """The label of the most probable class, shape (n,), or of the one whose threshold is reached; see `Task.decide`."""
        limits = self._limits(threshold or {})
        reached, named = predictions / limits, np.isfinite(limits)
        others = np.where(named & ~named.all(), -1.0, predictions)
        codes = np.where(reached.max(1) >= 1, reached.argmax(1), others.argmax(1))
        return self.labels[codes]

    @property
    def labels(self) -> AnyArray:
        """The labels of the classes in the type of the target, shape (classes,)."""
        return label_array(self.classes, self.time_unit)

    def _limits(self, threshold: Mapping[Any, float]) -> FloatArray:
        """The threshold of each class, shape (classes,); infinite where there is none."""
        limits = np.full(len(self.classes), np.inf)
        for label, limit in threshold.items():
            if not (isinstance(limit, int | float) and 0 < limit < 1):
                raise UsageError(f"The threshold of '{label}' must be between 0 and 1, but is {limit}. Use 0.2 for a probability of 20 %.")
            limits[self.class_number(label)] = limit
        return limits

    def to_scales(self, outputs: FloatArray) -> Scaled:
        """Class probabilities and their log odds, each (n, classes)."""
        probability = self.decode(outputs)
        held = probability.clip(_LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
        return Scaled(probability, np.log(held / (1 - held)))

    def need_classes(self, what: str = "Classes were needed", instead: str = "") -> None:
        """Nothing: there are classes."""

    def need_numbers(self, what: str = "A number was needed", instead: str = "") -> NoReturn:
        """Never nothing: there are classes."""
        raise UsageError(f"{what}, but '{self.target}' has classes. {instead}".rstrip())

    def class_number(self, label: Any) -> int:
        """The position of a class, whose label may be given as text.

        Raises:
            UsageError: there is no such class.
        """
        labels = [str(known) for known in self.classes]
        if str(label) not in labels:
            raise UsageError(f"The class must be one of the model's, but is '{label}'; known are {listed(labels, 10)}.")
        return labels.index(str(label))

    def label(self, code: int) -> Any:
        """The label of a class code."""
        return self.classes[code]

    def prediction_columns(self, predictions: FloatArray, interval: Callable[[], Interval]) -> dict[str, AnyArray]:
        """``prediction``, the most probable label, and ``probability LABEL`` of each class."""
        probabilities = {f"probability {label}": predictions[:, k] for k, label in enumerate(self.classes)}
        return {"prediction": self.decide(predictions), **probabilities}

    def describe_prediction(self, prediction: float, code: int) -> str:
        """The class with its probability in three digits, never 1 where it is less."""
        probability = "> 0.999" if 0.9995 <= prediction < 1 else f"{prediction:.3f}"
        return f"{self.classes[code]} with probability {probability}"

    def calibrate(
        self, y: AnyArray, predictions: FloatArray, x: FloatArray, weight: FloatArray, group: IntArray | None = None
    ) -> Conformal:
        """One minus the probability of the class that came."""
        return score_classes(predictions, y, weight)

    def covers(self, conformal: Conformal, y: AnyArray, predictions: FloatArray, x: FloatArray, level: float) -> BoolArray:
        """Which classes are probable enough for their row's set, shape (n,)."""
        return 1.0 - predictions[np.arange(len(y)), y] <= smallest_holding(conformal.scores, level)

    def interval(self, conformal: Conformal, predictions: FloatArray, x: FloatArray, level: float) -> Interval:
        """Never bounds: there are classes."""
        self.need_numbers("Intervals need a number", "Use predict_proba or prediction_sets.")

    def explained_codes(self, predictions: FloatArray, label: int | None) -> IntArray:
        """The class asked for, or the most probable of each row, shape (n,)."""
        return predictions.argmax(1) if label is None else np.full(len(predictions), label)

    def pick(self, predictions: FloatArray, codes: IntArray) -> FloatArray:
        """The probability of each row's class, shape (n,)."""
        return predictions[np.arange(len(codes)), codes]

    def observed(self, y: AnyArray, outcome: Outcome) -> FloatArray:
        """One where the class came and zero elsewhere, shape (n,)."""
        return (y == outcome.place).astype(float)

    def mean(self, outcome: Outcome, expected: FloatArray) -> FloatArray:
        """Probabilities, of log odds at most 25."""
        if outcome.scale == "target":
            return expected
        return scipy.special.expit(expected.clip(-_MOST_LOG_ODDS, _MOST_LOG_ODDS))

    def link_slope(self, outcome: Outcome, expected: FloatArray) -> FloatArray:
        """Of a probability p by its log odds, p (1 - p); of itself, one."""
        return np.ones_like(expected) if outcome.scale == "target" else self.noise_variance(outcome, expected)

    def noise_variance(self, outcome: Outcome, expected: FloatArray) -> FloatArray:
        """Of a class that comes with probability p, p (1 - p)."""
        probability = self.mean(outcome, expected).clip(0.0, 1.0)
        return probability * (1 - probability)

    def move_predictions(self, known: FloatArray, without: FloatArray, inflation: float) -> FloatArray:
        """Probabilities whose logarithms are moved along a line, (n, classes)."""
        before, after = np.log(known.clip(_LEAST)), np.log(without.clip(_LEAST))
        return scipy.special.softmax(before + inflation * (after - before), axis=1)

    def gaps(self, y: AnyArray, known: FloatArray, without: FloatArray) -> Gaps:
        """Differences of log probabilities, and of probabilities, (n, classes)."""
        gap = np.log(known.clip(_LEAST)) - np.log(without.clip(_LEAST))
        return Gaps(gap, known - without, np.eye(known.shape[1])[y] - without, 1.0)

    def residuals(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """Zeros, shape (n,): classes are drawn from their probabilities alone."""
        return np.zeros(len(y))

    def simulate(self, predictions: FloatArray, residuals: FloatArray, units: IntArray, rng: np.random.Generator) -> AnyArray:
        """Class codes drawn from their probabilities, each row by itself, shape (n,)."""
        drawn = (rng.random((len(predictions), 1)) > predictions.cumsum(1)[:, :-1]).sum(1)
        return drawn.astype(np.int32)


class Binary(Classes, frozen=True, tag="binary"):
    """Two classes; the one output is the log odds of the second."""

    kind: ClassVar[str] = "binary"
    n_outputs: ClassVar[int] = 1
    functions: ClassVar[OutputFunctions] = OutputFunctions(
        logistic, lambda outputs: outputs, lambda outputs, label: outputs[:, 0] * (2 * label - 1)
    )
    convex: ClassVar[ConvexLoss] = ConvexLoss(
        losses=log_losses_of,
        evaluate=evaluate_log_odds,
        second=lambda responses, a, b: responses[:, 0] * (1.0 - responses[:, 0]),
        product=lambda responses, moved: moved * (responses * (1.0 - responses)),
        quadratic=False,
        shift_free=False,
    )

    def check(self) -> list[str]:
        """What is wrong with the labels or the class weights, in words."""
        n_classes = len(self.classes)
        return [*([] if n_classes == 2 else [f"a binary task has {n_classes} classes"]), *Classes.check(self)]

    def normalise(self, outputs: FloatArray) -> FloatArray:
        """The log odds as they are, float64."""
        return outputs.astype(np.float64)

    def constant_outputs(self, y: AnyArray, weight: FloatArray) -> FloatArray:
        """The log odds of the second class's frequency, shape (1,)."""
        logs = _log_frequencies(y, weight, 2)
        return logs[1:] - logs[0]

    def sought(self, label: Any) -> int:
        """The position of the class to be found: the one named, or the second.

        Raises:
            UsageError: there is no such class.
        """
        return 1 if label is None else self.class_number(label)

    def explained_codes(self, predictions: FloatArray, label: int | None) -> IntArray:
        """The class asked for, or the second, which is spoken of everywhere, shape (n,)."""
        return np.full(len(predictions), 1 if label is None else label)

    def pick_slopes(self, outputs: FloatArray, codes: IntArray) -> FloatArray:
        """The derivative of the probability of each row's class by the log odds of the second, shape (n, 1)."""
        own = self.pick(self.decode(outputs), codes)
        return np.where(codes == 1, 1.0, -1.0)[:, None] * (own * (1 - own))[:, None]

    def outcomes(self) -> list[Outcome]:
        """The probability and the log odds of the second class."""
        label = self.classes[1]
        return [
            Outcome("target", label, 1, "least squares", range=(0.0, 1.0)),
            Outcome("link", label, 1, "logistic", by_precision=True, endless=_ENDLESS),
        ]

    def effect_of(self, scale: str) -> str:
        """The probability or the log odds of the second class."""
        return f"{'P' if scale == 'target' else 'log odds of '}({printable(str(self.classes[1]))})"


class Multiclass(Classes, frozen=True, tag="multiclass"):
    """Three classes or more; outputs are unnormalised log probabilities, one a class."""

    kind: ClassVar[str] = "multiclass"
    functions: ClassVar[OutputFunctions] = OutputFunctions(multinomial, jax.nn.log_softmax, odds_against_others)
    convex: ClassVar[ConvexLoss] = ConvexLoss(
        losses=log_losses_of,
        evaluate=evaluate_classes,
        second=lambda responses, a, b: responses[:, a] * ((a == b) - responses[:, b]),
        product=lambda responses, moved: responses * (moved - (responses * moved).sum(1, keepdims=True)),
        quadratic=False,
        shift_free=True,
    )

    @property
    def n_outputs(self) -> int:
        """One a class."""
        return len(self.classes)

    def check(self) -> list[str]:
        """What is wrong with the labels or the class weights, in words."""
        n_classes = len(self.classes)
        return [*([] if n_classes > 2 else [f"a multiclass task has {n_classes} classes"]), *Classes.check(self)]

    def normalise(self, outputs: FloatArray) -> FloatArray:
        """Log probabilities, float64."""
        return log_probabilities(outputs)

    def constant_outputs(self, y: AnyArray, weight: FloatArray) -> FloatArray:
        """The log frequencies of the classes, shape (classes,)."""
        return log_probabilities(_log_frequencies(y, weight, len(self.classes)))

    def sought(self, label: Any) -> int:
        """The position of the class to be found, which must be named.

        Raises:
            UsageError: there is no such class, or none is named.
        """
        if label is None:
            raise UsageError(f"The class to be found must be named (--class): {listed([*map(str, self.classes)], 10)}.")
        return self.class_number(label)

    def pick_slopes(self, outputs: FloatArray, codes: IntArray) -> FloatArray:
        """The derivative of the probability of each row's class by its outputs, shape (n, classes)."""
        probability = self.decode(outputs)
        own = self.pick(probability, codes)
        return own[:, None] * (np.eye(probability.shape[1])[codes] - probability)

    def outcomes(self) -> list[Outcome]:
        """The probability and the log odds of each class."""
        return [
            outcome
            for k, label in enumerate(self.classes)
            for outcome in (
                Outcome("target", label, k, "least squares", range=(0.0, 1.0)),
                Outcome("link", label, k, None, by_precision=True, endless=_ENDLESS),
            )
        ]

    def effect_of(self, scale: str) -> str:
        """The probabilities or the log odds of the classes."""
        return "the probability of each class" if scale == "target" else "the log odds of each class"


def _log_frequencies(y: AnyArray, weight: FloatArray, n_classes: int) -> FloatArray:
    """The logarithm of the summed weight of each class, shape (classes,)."""
    return np.log(np.bincount(y, weights=weight, minlength=n_classes).clip(1e-12))


def task_of(
    target: str, classes: list[Any], class_weight: list[float] | None = None, remark: str = "", time_unit: str = ""
) -> Binary | Multiclass:
    """The task of predicting one of these classes."""
    return (Binary if len(classes) == 2 else Multiclass)(target, classes, class_weight, remark, time_unit)
