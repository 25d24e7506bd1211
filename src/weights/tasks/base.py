"""The contract of a task: everything in which one kind of target differs from another.

`Task` is what the rest of the package asks; `classes.py`, `number.py` and `count.py` hold the tasks there are, `registry.py` lists them.
Nobody outside this folder asks which task is at hand: where something depends on it, the task has a method or a value that says so.

Three kinds of arrays stand for a row: its *encoded target* y, the *outputs* (k,) of a model, and its *prediction*, which is a value in
the target's unit or a probability for each class (of texts, for each symbol at each moment).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import jax
import numpy as np
import pyarrow as pa

from weights.conformal import Conformal, Interval
from weights.data.encoding import ColumnEncoding
from weights.tasks.metrics import Measure
from weights.types import AnyArray, BoolArray, FloatArray, IntArray


class OutputFunctions(NamedTuple):
    """Pure JAX functions of the outputs of a member, for compiled programs.

    loss(outputs, y): the loss of a sample, (), from its outputs (k,) and its encoded target ().
    normalise(outputs): outputs (..., k) as they are averaged over members; see `Task.normalise`.
    margin(outputs, label): of outputs (n, k) the value, or the log odds of a class against all others, shape (n,).
    """

    loss: Callable[[jax.Array, jax.Array], jax.Array]
    normalise: Callable[[jax.Array], jax.Array]
    margin: Callable[[jax.Array, Any], jax.Array]


class ConvexLoss(NamedTuple):
    """A loss that is convex in the outputs, as the exact solver needs it, in NumPy and float64.

    losses(outputs, y): of each row, shape (n,), from outputs (n, k).
    evaluate(outputs, y): losses, first derivative by the outputs, (n, k), and the responses (n, k) that the second one is made of.
    second(responses, a, b): second derivative by outputs a and b, shape (n,).
    product(responses, moved): second derivative times a change of the outputs (n, k), shape (n, k).
    quadratic: whether one Newton step finds the optimum.
    shift_free: whether a shift common to all outputs changes nothing, so that the solver must pin it.
    """

    losses: Callable[[FloatArray, AnyArray], FloatArray]
    evaluate: Callable[[FloatArray, AnyArray], tuple[FloatArray, FloatArray, FloatArray]]
    second: Callable[[FloatArray, int, int], FloatArray]
    product: Callable[[FloatArray, FloatArray], FloatArray]
    quadratic: bool
    shift_free: bool


class Outcome(NamedTuple):
    """What effects are of.

    Attributes:
        scale: "target" (values, probabilities) or "link" (values, log odds, log rates).
        label: the class; None for values.
        place: its position among the predictions.
        estimator: how its slopes are estimated where all members are linear and rows suffice; None where they are not.
        by_precision: whether rows count by `link_slope`, as in a regression with a canonical link; otherwise alike.
        with_level: whether a level is fitted beside slopes on residuals: those that are zero on average in rows that count by precision
            are not so in all rows, which moves the mean where the link is steep.
        endless: why no finite slope may fit best, where that can be.
        range: what it is at least and at most.
    """

    scale: str
    label: Any
    place: int
    estimator: Literal["least squares", "logistic", "poisson"] | None
    by_precision: bool = False
    with_level: bool = False
    endless: str = ""
    range: tuple[float, float] = (-math.inf, math.inf)


class Scaled(NamedTuple):
    """Predictions on both scales: `target`, values or class probabilities (n, c); `link`, values, log rates or log odds (n, c)."""

    target: FloatArray
    link: FloatArray


class Gaps(NamedTuple):
    """What a feature changes in predictions, and what they leave unexplained without it; each (n, c).

    Attributes:
        gap: predictions that know the feature less those that do not, on the scale on which it is additive.
        explained: the same on the scale of the target.
        unexplained: the target less the predictions without the feature.
        factor: by which the loss falls for a gap times a change, to first order.
    """

    gap: FloatArray
    explained: FloatArray
    unexplained: FloatArray
    factor: float


class Task(Protocol):
    """A target's meaning.

    Attributes:
        target: the column's name.
        remark: how the task was found, where that deserves saying.
        metrics: how good predictions are, by name, the one that training minimises first.
        stacking: how the weights of several models are fitted, see training/stacking.py.
        loss_scale: what a loss of `row_losses` is multiplied by to be in the target's unit.
        loss_name: what `prediction_losses` are called. constant_name: what `constant_predictions` are called.
        importance_measure: what the importance of a feature is a change of.
        relative_importance: whether that is a share of what a constant prediction loses.
        numeric: whether targets are quantities: they have an order and noise, and any value may still come.
        adds_noise: whether the variance of the noise is a part of the loss.
        decomposes: whether `excess_losses` are known, so that bias and variance are.
        spells: whether words are made of several codes, so that any may come.
        simulated: whether intervals of such targets were tried on the tables of inspection/measured.py.
        pipeline: the kind of task as model cards name it.
    """

    @property
    def target(self) -> str:
        """The column's name."""

    @property
    def remark(self) -> str:
        """How the task was found, where that deserves saying."""

    metrics: ClassVar[Mapping[str, Measure]]
    stacking: ClassVar[str]
    importance_measure: ClassVar[str]
    constant_name: ClassVar[str]
    relative_importance: ClassVar[bool]
    numeric: ClassVar[bool]
    adds_noise: ClassVar[bool]
    simulated: ClassVar[bool]
    decomposes: ClassVar[bool]
    spells: ClassVar[bool]
    pipeline: ClassVar[str]

    @property
    def functions(self) -> OutputFunctions:
        """Of outputs, for compiled programs."""

    @property
    def convex(self) -> ConvexLoss:
        """The loss as the exact solver reads it.

        Raises:
            UsageError: it is not convex in the outputs.
        """

    @property
    def loss_name(self) -> str:
        """What `prediction_losses` are called."""

    @property
    def kind(self) -> str:
        """The task's name: binary, multiclass, regression, count."""

    @property
    def classes(self) -> list[Any]:
        """Labels in the order of the class codes, as they are saved; empty for numbers."""

    @property
    def labels(self) -> AnyArray:
        """The classes in the type of the target, as `decide` answers them, shape (classes,)."""

    @property
    def heard(self) -> list[Any]:
        """What can be told apart at moments of rows that go on, in the order of its codes; empty for numbers."""

    def split(self, text: str) -> list[str]:
        """What is heard where a text is said, as it stands in `heard`: a class by its name, or the symbols of its words."""

    def words_in(self, codes: Sequence[int]) -> list[tuple[list[int], Any]]:
        """The words that such codes say one behind the other: the places of the codes of each, and what it is called."""

    @property
    def n_moments(self) -> int:
        """Moments of rows that go on at which outputs tell this apart; zero where they are of rows as a whole."""

    @property
    def n_outputs(self) -> int:
        """Outputs of a model, k."""

    @property
    def prediction_shape(self) -> tuple[int, ...]:
        """Of what `decode` gives for a row."""

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Of what `encode` gives for a row."""

    @property
    def unit(self) -> float:
        """The factor by which outputs are multiplied before they are shown."""

    @property
    def origin(self) -> float:
        """What outputs of zero stand for, in that unit."""

    @property
    def loss_scale(self) -> float:
        """What a loss of `row_losses` is multiplied by to be in the target's unit."""

    @property
    def column(self) -> ColumnEncoding:
        """How the cells of the target were read in training, and are wherever they come again."""

    def check(self) -> list[str]:
        """What is wrong with values that were read from a file, in words."""

    # Targets

    def encode(self, target: pa.ChunkedArray) -> AnyArray:
        """The target as models learn it, shape (n,).

        Raises:
            DataError: a cell holds what cannot be learned.
        """

    def knows(self, target: pa.ChunkedArray) -> BoolArray:
        """Which of n cells of a target hold a value that can be encoded, shape (n,)."""

    def class_codes(self, target: pa.ChunkedArray) -> IntArray | None:
        """The class codes of n cells, shape (n,), below zero for what is missing or no class; None for numbers."""

    def original(self, y: AnyArray) -> AnyArray:
        """The target in its own unit from what `encode` gave: values, or class codes."""

    def row_weights(self, y: AnyArray, sample_weight: FloatArray) -> FloatArray:
        """Sample weights times those of the classes, scaled to mean one, shape (n,).

        Raises:
            DataError: all rows of a class have weight zero.
        """

    def weight_factors(self, y: AnyArray) -> FloatArray:
        """What the class weights multiply each row's weight by, shape (n,)."""

    def strata(self, y: AnyArray) -> IntArray | None:
        """Codes of which each fold gets its share, shape (n,), or None."""

    def indicators(self, y: AnyArray) -> FloatArray:
        """The target as numbers whose variation features may explain: ranks (n, 1), or one column a class (n, classes)."""

    def describe(self, y: AnyArray) -> str:
        """The distribution of encoded targets in a few words."""

    def find_few(self, y: AnyArray, fewest: int) -> list[str]:
        """Classes with fewer rows than that, each with its count, in words."""

    def right_probabilities(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """The probabilities of answers that are right, of the rows where they are; none of what has no classes."""

    def count_answers(self, y: AnyArray, predictions: FloatArray) -> IntArray:
        """How many rows are of each class, and to how many it is the most probable one, shape (2, classes); (2, 0) for numbers."""

    # Losses

    def normalise(self, outputs: FloatArray) -> FloatArray:
        """Outputs (..., k) in the space in which members are averaged, float64: values, log rates, log odds, or log probabilities.

        What is there already stays as it is: means of members are treated as members again.
        """

    def align(self, outputs: FloatArray, onto: Callable[[], FloatArray]) -> FloatArray:
        """Normalised outputs (n, k) of a member, what is of other moments than in a mean of members (n, k) moved to those there.

        Rows of the mean are zero where it is of no members. It is made when it is asked for: most tasks need none.
        """

    def row_losses(self, outputs: FloatArray, y: AnyArray) -> FloatArray:
        """The training loss of each row, shape (n,), from outputs (n, k): `functions.loss` in NumPy and float64."""

    def excess_losses(self, outputs: FloatArray, moved: FloatArray) -> FloatArray:
        """What rows lose on average, to second order, if their outputs (n, k) are moved (n, k) from what is best, shape (n,)."""

    def prediction_losses(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """How wrong predictions are, shape (n,): squared error in the target's unit, deviance, or minus log probability."""

    def squared_errors(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """How far predictions are from what came, squared, shape (n,): bounded for probabilities, so that no row outweighs all others."""

    def constant_outputs(self, y: AnyArray, weight: FloatArray) -> FloatArray:
        """What a model that knows no features would put out, shape (k,)."""

    def constant_predictions(self, y: AnyArray, weight: FloatArray) -> FloatArray:
        """The predictions of such a model for each row."""

    # Predictions

    def decode(self, outputs: FloatArray) -> FloatArray:
        """Predictions from outputs (n, k): class probabilities (n, classes), or values (n,)."""

    def decide(self, predictions: FloatArray, threshold: Mapping[Any, float] | None = None) -> AnyArray:
        """The value, or the label of the most probable class, of each row, shape (n,).

        Args:
            predictions: as `decode` gives them.
            threshold: class -> the probability from which on a row is said to be of it, whatever the others are: of several reached,
                the one that is exceeded by the largest factor. Rows that reach none are of the most probable of the other classes, if
                there are others.

        Raises:
            UsageError: there are no classes, no such class, or a threshold is not between 0 and 1.
        """

    def to_scales(self, outputs: FloatArray) -> Scaled:
        """Predictions from outputs (n, k) on both scales."""

    def need_classes(self, what: str = "Classes were needed", instead: str = "") -> None:
        """Nothing where there are classes.

        Raises:
            UsageError: the target is a number; with what was asked and what to do instead.
        """

    def need_numbers(self, what: str = "A number was needed", instead: str = "") -> None:
        """Nothing where targets are quantities.

        Raises:
            UsageError: the target has classes; with what was asked and what to do instead.
        """

    def class_number(self, label: Any) -> int:
        """The position of a class, whose label may be given as text.

        Raises:
            UsageError: there is no such class.
        """

    def sought(self, label: Any) -> int:
        """The position of the class to be found: the one named, or the second of two.

        Raises:
            UsageError: there is no such class, or there are several and none is named.
        """

    def label(self, code: int) -> Any:
        """The label of a class code; None for numbers."""

    def prediction_columns(self, predictions: FloatArray, interval: Callable[[], Interval]) -> dict[str, AnyArray]:
        """Predictions as named columns: ``prediction``, and the bounds of an interval or the probability of each class.

        Args:
            predictions: as `decode` gives them.
            interval: gives their bounds.
        """

    def describe_prediction(self, prediction: float, code: int) -> str:
        """A value, or a class with its probability, in words."""

    # Intervals and sets

    def calibrate(
        self, y: AnyArray, predictions: FloatArray, x: FloatArray, weight: FloatArray, group: IntArray | None = None
    ) -> Conformal:
        """The conformal scores of rows whose targets are known, from which intervals and sets follow.

        Args:
            y: encoded targets, shape (n,).
            predictions: of members that never saw the row, as `decode` gives them.
            x: columns as models read them, shape (n, p).
            weight: of rows, shape (n,).
            group: codes of rows that belong together, shape (n,), or None.
        """

    def covers(self, conformal: Conformal, y: AnyArray, predictions: FloatArray, x: FloatArray, level: float) -> BoolArray | None:
        """Which encoded targets (n,) lie in the bounds, or the set of classes, of their predictions, shape (n,); None without either."""

    def interval(self, conformal: Conformal, predictions: FloatArray, x: FloatArray, level: float) -> Interval:
        """Bounds that hold the values of new rows with probability `level`, from predictions (n,) and columns (n, p).

        Raises:
            UsageError: the target has classes, or the level is not between 0 and 1.
        """

    # What inspection asks

    def explained_codes(self, predictions: FloatArray, label: int | None) -> IntArray:
        """The class that is explained for each row, shape (n,): -1 for numbers.

        It is the one asked for, or the second of two, or of several the most probable.
        """

    def pick(self, predictions: FloatArray, codes: IntArray) -> FloatArray:
        """The value, or the probability of each row's class, shape (n,)."""

    def pick_slopes(self, outputs: FloatArray, codes: IntArray) -> FloatArray:
        """The derivative of what `pick` gives by the outputs, shape (n, k)."""

    def outcomes(self) -> list[Outcome]:
        """The outcomes of which effects are estimated."""

    def observed(self, y: AnyArray, outcome: Outcome) -> FloatArray:
        """The target of each row, shape (n,): the value, or whether the class came."""

    def mean(self, outcome: Outcome, expected: FloatArray) -> FloatArray:
        """The mean of targets where the outcome is expected to be this, of the same shape: the inverse of the link."""

    def link_slope(self, outcome: Outcome, expected: FloatArray) -> FloatArray:
        """The derivative of `mean` by what is expected, of the same shape: the precision of rows in a regression with a canonical link."""

    def noise_variance(self, outcome: Outcome, expected: FloatArray) -> FloatArray | None:
        """The variance of targets, or of whether a class came, of which outcomes are expected, of their shape; None where it may be any."""

    def move_predictions(self, known: FloatArray, without: FloatArray, inflation: float) -> FloatArray:
        """Predictions (n, c) that lie farther from those that know a feature, by this factor."""

    def gaps(self, y: AnyArray, known: FloatArray, without: FloatArray) -> Gaps:
        """What a feature changes in predictions (n, c) that know it, beside those without it."""

    def residuals(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """How far values lie from predictions, shape (n,); zeros for classes."""

    def simulate(self, predictions: FloatArray, residuals: FloatArray, units: IntArray, rng: np.random.Generator) -> AnyArray:
        """Encoded outcomes, shape (n,): values with their residuals under random signs, the same in a unit, or classes drawn.

        Args:
            predictions: their expectations.
            residuals: of values, shape (n,).
            units: codes of rows that depend on each other, shape (n,).
            rng: of the signs and draws.
        """

    def effect_of(self, scale: str) -> str:
        """What effects are a change of, in words."""
