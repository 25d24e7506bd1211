"""How well classes are distinguished: confusion, the operating point of a class, and calibration.

All are asked of `Predictions`: answers to rows by members that never saw them. `operating_point` is what a screening test is judged by.
"""

from __future__ import annotations

import decimal
from typing import Any

import msgspec
import numpy as np
import scipy.special

from weights.ensemble import Predictions
from weights.errors import DataError, UsageError
from weights.tasks.metrics import CLASS_METRICS, score
from weights.tasks.proportions import Metric, effective_number, proportion
from weights.types import BoolArray, FloatArray

_TAIL = 0.025


class Confusion(msgspec.Struct, frozen=True):
    """Which classes are taken for which.

    Attributes:
        classes: their labels.
        counts: rows of class i that are answered with class j, counts[i][j].
        recalls: of each class, the share of its rows that is answered rightly; None for a class without rows.
    """

    classes: list[Any]
    counts: list[list[int]]
    recalls: list[Metric | None]


class ThresholdMetrics(msgspec.Struct, frozen=True):
    """How a threshold fares on some rows; intervals are of 95 %, and shares count rows by their weights.

    Attributes:
        tp, fn, fp, tn: true positives and false negatives, rows of the class that reach the threshold or do not; the others likewise.
        frequency: share of rows that are of the class.
        sensitivity: share of rows of the class that reach it; None where there is no such row, as with the others.
        specificity: share of other rows that do not.
        precision: share of rows that reach it which are of the class, as frequent as the class is here.
        npv: share of rows that do not which are of another.
    """

    tp: int
    fn: int
    fp: int
    tn: int
    frequency: float
    sensitivity: Metric | None
    specificity: Metric | None
    precision: Metric | None
    npv: Metric | None


class OperatingPoint(msgspec.Struct, frozen=True):
    """The threshold on the probability of a class that finds the share of its rows that was asked for.

    Attributes:
        label: the class to be found.
        asked: the share.
        threshold: rows are said to be of the class if its probability is at least this.
        out_of_bag: how it fares on the rows it was chosen on, which no member that answers had seen.
        test: and on those that were for the test only, if there were some.
    """

    label: Any
    asked: float
    threshold: float
    out_of_bag: ThresholdMetrics
    test: ThresholdMetrics | None = None

    @property
    def rounded_threshold(self) -> str:
        """The threshold in four digits, rounded down, so that the row it comes from reaches it."""
        return f"{decimal.Context(prec=4, rounding=decimal.ROUND_FLOOR).create_decimal_from_float(self.threshold).normalize():f}"


class Bin(msgspec.Struct, frozen=True):
    """Rows of similar probability of a class: the mean of that, the share that was of the class with its 95 % interval, and how many."""

    predicted: float
    observed: Metric
    n: int


def confusion(predictions: Predictions, classes: list[Any]) -> Confusion:
    """The confusion of answers; intervals of recalls are of 95 %, as `proportion` gives them."""
    said, n_classes = predictions.prediction.argmax(1), len(classes)
    counts = np.bincount(predictions.y * n_classes + said, minlength=n_classes**2).reshape(n_classes, n_classes)
    of_class = [predictions.y == k for k in range(n_classes)]
    recalls = [_share(predictions, said == k, rows) for k, rows in enumerate(of_class)]
    return Confusion(classes, counts.tolist(), recalls)


def operating_point(
    predictions: Predictions, classes: list[Any], k: int, sensitivity: float, *, test: Predictions | None = None
) -> OperatingPoint:
    """The highest threshold that finds the asked share of the rows of a class.

    The threshold is the probability of one of these rows, the j-th lowest of n. The share of all rows like them above it is then
    distributed as Beta(n - j + 1, j), whatever the distribution of probabilities (David and Nagaraja 2003, "Order Statistics",
    equation 2.1.5), which gives the interval of the sensitivity; where several rows of the class have this very probability, the
    wider one of a proportion stands instead. Rows of other classes had no say in the choice: the interval of
    the specificity is that of a proportion (Clopper and Pearson 1934). Weights and groups reduce the number of rows that these
    intervals count with to the effective one (Korn and Graubard 1998). Intervals speak of rows like these, answered by as many
    members; the whole ensemble answers with more, which is what rows of a test can measure.

    Args:
        predictions: what is known.
        classes: labels, in the order of probabilities.
        k: the position of the class to be found.
        sensitivity: the share asked for, between 0 and 1.
        test: rows that were for the test only.

    Raises:
        UsageError: the share is not between 0 and 1.
        DataError: there is no row of the class, or none of another.
    """
    if not 0 < sensitivity < 1:
        raise UsageError(f"The sensitivity must be between 0 and 1, but is {sensitivity}. Use 0.95 to find 19 in 20.")
    of_class = predictions.y == k
    if not predictions.weight[of_class].any() or not predictions.weight[~of_class].any():
        raise DataError(
            f"An operating point needs rows of '{classes[k]}' and of others to be judged on, but there are none of one of them."
        )
    predicted, weight = predictions.prediction[of_class, k], predictions.weight[of_class]
    order = np.argsort(-predicted, kind="stable")
    reached = np.cumsum(weight[order]) / weight.sum()
    threshold = float(predicted[order][np.searchsorted(reached, sensitivity - 1e-12)])
    out_of_bag = _metrics_at(predictions, k, threshold, chosen_here=True)
    of_test = None if test is None else _metrics_at(test, k, threshold)
    return OperatingPoint(classes[k], sensitivity, threshold, out_of_bag, of_test)


def calibration(predictions: Predictions, k: int, *, n_bins: int = 10) -> list[Bin]:
    """Predicted and observed shares of a class in bins of equal width, without those that are empty.

    Equal width, because a class that is nearly always clear would fill bins of equally many rows with near certainties, and what matters
    lies between.
    """
    predicted = predictions.prediction[:, k]
    number = np.minimum((predicted * n_bins).astype(int), n_bins - 1)
    bins = []
    for one in np.unique(number):
        here = number == one
        share = _share(predictions, predictions.y == k, here)
        if share is not None:
            bins.append(Bin(float(np.average(predicted[here], weights=predictions.weight[here])), share, int(here.sum())))
    return bins


def curve(predictions: Predictions, k: int) -> tuple[FloatArray, FloatArray]:
    """The shares of false alarms and of hits at all thresholds on the probability of a class, both ascending from zero to one."""
    order = np.argsort(-predictions.prediction[:, k], kind="stable")
    of_class, weight, predicted = predictions.y[order] == k, predictions.weight[order], predictions.prediction[order, k]
    ends = np.flatnonzero(np.append(predicted[1:] != predicted[:-1], True))
    sums = [np.append(0.0, np.cumsum(weight * rows)[ends]) for rows in (~of_class, of_class)]
    return sums[0] / max(sums[0][-1], 1e-300), sums[1] / max(sums[1][-1], 1e-300)


def area_under(predictions: Predictions, k: int) -> Metric:
    """The area under that curve, of the class against all others, with its 95 % interval (see `tasks.metrics.score`)."""
    probability = predictions.prediction[:, k]
    both = np.stack([1 - probability, probability], axis=1)
    own = {"auroc": CLASS_METRICS["auroc"]}
    return score(own, (predictions.y == k).astype(int), both, weight=predictions.weight, group=predictions.group)["auroc"]


def _share(predictions: Predictions, hits: BoolArray, among: BoolArray) -> Metric | None:
    """The share of some rows that hit."""
    group = None if predictions.group is None else predictions.group[among]
    return proportion(hits[among], predictions.weight[among], group)


def _metrics_at(predictions: Predictions, k: int, threshold: float, *, chosen_here: bool = False) -> ThresholdMetrics:
    of_class, reaches = predictions.y == k, predictions.prediction[:, k] >= threshold
    sensitivity = _share(predictions, reaches, of_class)
    if chosen_here and sensitivity is not None:
        tied = np.count_nonzero(predictions.prediction[of_class, k] == threshold) > 1
        sensitivity = sensitivity if tied else _widen_for_choice(sensitivity, predictions, reaches, of_class)
    return ThresholdMetrics(
        int((of_class & reaches).sum()),
        int((of_class & ~reaches).sum()),
        int((~of_class & reaches).sum()),
        int((~of_class & ~reaches).sum()),
        float(predictions.weight[of_class].sum() / max(predictions.weight.sum(), 1e-300)),
        sensitivity,
        _share(predictions, ~reaches, ~of_class),
        _share(predictions, of_class, reaches),
        _share(predictions, ~of_class, ~reaches),
    )


def _widen_for_choice(sensitivity: Metric, predictions: Predictions, reaches: BoolArray, of_class: BoolArray) -> Metric:
    """The sensitivity with the interval that allows for the threshold having been chosen on the same rows."""
    group = None if predictions.group is None else predictions.group[of_class]
    n = effective_number(reaches[of_class], predictions.weight[of_class], group)
    n_above = sensitivity.value * n  # n - j + 1
    low, high = (float(scipy.special.betaincinv(n_above, n - n_above + 1, tail)) for tail in (_TAIL, 1 - _TAIL))
    return Metric(sensitivity.value, low, max(high, sensitivity.value))
