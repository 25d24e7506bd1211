"""How good predictions are, and how sure that is: each metric with its standard error.

`score` gives all metrics of a task, which are rows of `CLASS_METRICS` or `REGRESSION_METRICS`: to add one, add a row. Each is a
`Metric` built from one contribution a row (its influence function over n), so that one function gives every standard error, of rows that
are independent, come in groups or follow each other in time: `dependence.error_of_mean`. The error covers the choice of rows on which
the given predictions were scored; it does not cover what another training run would have predicted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec
import numpy as np

from weights.dependence import MeanError, error_of_mean
from weights.types import AnyArray, FloatArray, IntArray

_SMALLEST = 1e-15
"""Probabilities are kept at least this far from zero before a logarithm."""


class Metric(msgspec.Struct, frozen=True):
    """A metric's value with a 95 % interval (Student's t; see `dependence.error_of_mean`).

    `low` and `high` are None where no interval is given: of the calibration error; of the area under the ROC curve and the balanced
    accuracy where a class has but one row or group, whose error cannot be estimated; of all where there is one row or group, or too few
    moments for how they depend on each other.
    """

    value: float
    low: float | None = None
    high: float | None = None


class Measure(NamedTuple):
    """How a metric is computed and shown.

    Attributes:
        compute: its value and the contribution of each row (n,) to its error, or None where that cannot be estimated, from targets (n,),
            predictions and row weights (n,).
        low, high: bounds that an interval is cut to.
        of_each_class: whether it is a mean over the rows of each class: of one row, or one group, its error would look like none.
        title: what people are shown; the name in words if empty.
        show: the value as text.
    """

    compute: Callable[[AnyArray, FloatArray, FloatArray], tuple[float, FloatArray | None]]
    low: float = 0.0
    high: float = 1.0
    of_each_class: bool = False
    title: str = ""
    show: Callable[[float], str] = "{:.3f}".format


UNLISTED = Measure(lambda y, prediction, weight: (float("nan"), None))
"""How a metric is shown that a saved run has and no table lists."""


def score(
    metrics: Mapping[str, Measure],
    y: AnyArray,
    prediction: FloatArray,
    *,
    weight: FloatArray | None = None,
    group: IntArray | None = None,
    time: FloatArray | None = None,
) -> dict[str, Metric]:
    """The metrics of predictions by name, in the order given.

    Args:
        metrics: those of a task (`Task.metrics`).
        y: class codes or target values in their own unit, shape (n,).
        prediction: class probabilities, shape (n, k); or values, shape (n,).
        weight: row weights, at least zero, shape (n,).
        group: codes of rows that belong together, shape (n,); the errors then allow for their dependence.
        time: when rows were, shape (n,); without groups the errors then allow for rows that depend on those near in time.

    Example:
        >>> score(REGRESSION_METRICS, np.array([1.0, 3.0]), np.array([2.0, 2.0]))["mae"].value
        1.0
    """
    weight = np.ones(len(y)) if weight is None else weight
    scarce = any(measure.of_each_class for measure in metrics.values()) and _fewest_of_a_class(y, weight, group) < 2
    results = {}
    for name, measure in metrics.items():
        value, contributions = measure.compute(y, prediction, weight)
        contributions = None if scarce and measure.of_each_class else contributions
        share = _class_shares(y, weight) if measure.of_each_class else weight / weight.sum()
        error = None if contributions is None else error_of_mean(contributions, share, group=group, time=time)
        results[name] = _with_interval(value, error, measure.low, measure.high)
    return results


def log_losses(probability: FloatArray, y: IntArray) -> FloatArray:
    """Minus the log of the probability given to the class that came, shape (n,)."""
    return -np.log(np.maximum(probability[np.arange(len(y)), y], _SMALLEST))


def calibration_error(y: IntArray, probability: FloatArray, weight: FloatArray, *, n_bins: int = 15) -> float:
    """Mean gap between predicted and observed frequency over bins of equal weight.

    Two classes: the probability of the second; more: the largest probability against being right (Guo et al.
    2017, equation 3, with bins of equal weight). It is above zero even for perfect probabilities, by chance.
    """
    if probability.shape[1] == 2:
        predicted, observed = probability[:, 1], (y == 1).astype(float)
    else:
        predicted, observed = probability.max(1), (probability.argmax(1) == y).astype(float)
    _, tie = np.unique(predicted, return_inverse=True)
    weight_at = np.bincount(tie, weight)
    # Equal predictions share a bin: the one that holds the middle of their weight.
    middle = (np.cumsum(weight_at) - weight_at / 2) / weight.sum()
    bins = np.minimum((middle * n_bins).astype(int), n_bins - 1)[tie]
    return float(np.abs(np.bincount(bins, weight * (predicted - observed))).sum() / weight.sum())


def _fewest_of_a_class(y: IntArray, weight: FloatArray, group: IntArray | None) -> int:
    """How many rows, or groups, of weight above zero the rarest of the classes has that are there."""
    rows = weight > 0
    if group is None:
        counts = np.bincount(y[rows])
    else:
        _, unit = np.unique(group[rows], return_inverse=True)
        n_units = int(unit.max(initial=0)) + 1
        counts = np.bincount(np.unique(y[rows] * n_units + unit) // n_units)
    return int(counts[counts > 0].min(initial=len(y)))


def _class_shares(y: IntArray, weight: FloatArray) -> FloatArray:
    """The share of each row (n,) in the variance of a mean over classes of their means: the larger, the rarer its class."""
    of_class = np.bincount(y, weights=weight)[y]
    share = np.divide(weight, of_class**2, out=np.zeros(len(y)), where=of_class > 0)
    return share / share.sum()


def _with_interval(value: float, error: MeanError | None, lowest: float, highest: float) -> Metric:
    half = None if error is None or not np.isfinite(value) else error.half_width()
    if half is None:
        return Metric(float(value) if np.isfinite(value) else float("nan"))
    return Metric(float(value), float(max(value - half, lowest)), float(min(value + half, highest)))


_Scored = tuple[float, FloatArray | None]


def _mean(values: FloatArray, weight: FloatArray) -> tuple[float, FloatArray]:
    share = weight / weight.sum()
    mean = float(share @ values)
    return mean, share * (values - mean)


def _log_loss(y: AnyArray, probability: FloatArray, weight: FloatArray) -> _Scored:
    return _mean(log_losses(probability, y), weight)


def _brier(y: AnyArray, probability: FloatArray, weight: FloatArray) -> _Scored:
    """Mean squared distance to the class that came: for two classes of the second's probability (Brier 1950, halved)."""
    if probability.shape[1] == 2:
        return _mean((probability[:, 1] - y) ** 2, weight)
    return _mean(np.sum((probability - np.eye(probability.shape[1])[y]) ** 2, axis=1), weight)


def _auroc(y: AnyArray, probability: FloatArray, weight: FloatArray) -> _Scored:
    """Area under the ROC curve; for several classes the mean over classes of one against the rest."""
    classes = [1] if probability.shape[1] == 2 else [k for k in range(probability.shape[1]) if weight[y == k].sum() > 0]
    parts = [_auroc_of_one(y == k, probability[:, k], weight) for k in classes]
    if any(contributions is None for _, contributions in parts) or not parts:
        return float("nan"), None
    return float(np.mean([value for value, _ in parts])), np.mean([c for _, c in parts if c is not None], axis=0)


def _auroc_of_one(positive: AnyArray, predicted: FloatArray, weight: FloatArray) -> _Scored:
    """Weighted AUROC with the placements of DeLong et al. 1988 as contributions."""
    ahead, behind = weight * positive, weight * ~positive
    if ahead.sum() == 0 or behind.sum() == 0:
        return float("nan"), None
    _, tie = np.unique(predicted, return_inverse=True)
    ahead_at, behind_at = np.bincount(tie, ahead), np.bincount(tie, behind)
    placement_of_ahead = ((np.cumsum(behind_at) - behind_at / 2) / behind.sum())[tie]
    placement_of_behind = (1 - (np.cumsum(ahead_at) - ahead_at / 2) / ahead.sum())[tie]
    value = float(ahead @ placement_of_ahead / ahead.sum())
    contributions = ahead * (placement_of_ahead - value) / ahead.sum() + behind * (placement_of_behind - value) / behind.sum()
    return value, contributions


def _accuracy(y: AnyArray, probability: FloatArray, weight: FloatArray) -> _Scored:
    return _mean((probability.argmax(1) == y).astype(float), weight)


def _balanced_accuracy(y: AnyArray, probability: FloatArray, weight: FloatArray) -> _Scored:
    right = (probability.argmax(1) == y).astype(float)
    present = [k for k in range(probability.shape[1]) if weight[y == k].sum() > 0]
    contributions, total = np.zeros(len(y)), 0.0
    for k in present:
        rows = y == k
        recall, contributions_of_class = _mean(right[rows], weight[rows])
        contributions[rows] = contributions_of_class / len(present)
        total += recall / len(present)
    return total, contributions


def _calibration(y: AnyArray, probability: FloatArray, weight: FloatArray) -> _Scored:
    return calibration_error(y, probability, weight), None


def _rmse(y: AnyArray, prediction: FloatArray, weight: FloatArray) -> _Scored:
    mean, contributions = _mean((y - prediction) ** 2, weight)
    rmse = float(np.sqrt(mean))
    return rmse, contributions / (2 * rmse) if rmse > 0 else np.zeros(len(y))


def _r2(y: AnyArray, prediction: FloatArray, weight: FloatArray) -> _Scored:
    center = np.average(y, weights=weight)
    error, of_error = _mean((y - prediction) ** 2, weight)
    spread, of_spread = _mean((y - center) ** 2, weight)
    if spread == 0:
        return float("nan"), None
    return 1 - error / spread, -of_error / spread + of_spread * error / spread**2


def _mae(y: AnyArray, prediction: FloatArray, weight: FloatArray) -> _Scored:
    return _mean(np.abs(y - prediction), weight)


def _show_percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _show_quantity(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


CLASS_METRICS: dict[str, Measure] = {
    "log_loss": Measure(_log_loss, high=np.inf),
    "brier": Measure(_brier, high=2.0, title="Brier score"),
    "auroc": Measure(_auroc, of_each_class=True, title="AUROC"),
    "accuracy": Measure(_accuracy, show=_show_percent),
    "balanced_accuracy": Measure(_balanced_accuracy, of_each_class=True, show=_show_percent),
    "calibration_error": Measure(_calibration),
}
"""Of predicted probabilities, by name."""
REGRESSION_METRICS: dict[str, Measure] = {
    "rmse": Measure(_rmse, high=np.inf, title="RMSE", show=_show_quantity),
    "r2": Measure(_r2, low=-np.inf, title="R2"),
    "mae": Measure(_mae, high=np.inf, title="MAE", show=_show_quantity),
}
"""Of predicted values, by name."""
