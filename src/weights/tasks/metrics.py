"""How good predictions are, and how sure that is: each metric with its standard error.

`score` gives all metrics of a task, which are rows of `CLASS_METRICS`, `REGRESSION_METRICS` or `COUNT_METRICS`: to add one, add a row.
Each is a `Metric` built from one contribution a row (its influence function over n), so that one function gives every standard error, of
rows that are independent, come in groups or follow each other in time: `dependence.error_of_mean`. Shares of rows have the intervals of
proportions.py, because near zero and one the rows at hand show too little of the error, or none. The error covers the choice of rows on
which the given predictions were scored; it does not cover what another training run would have predicted.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import scipy.special

from weights.dependence import MeanError, error_of_mean
from weights.tasks.alignment import count_wrong
from weights.tasks.ctc import find_texts, text_losses
from weights.tasks.proportions import Metric as Metric
from weights.tasks.proportions import least_share, mean_share
from weights.types import AnyArray, BoolArray, FloatArray, IntArray

_SMALLEST = 1e-15
"""Probabilities are kept at least this far from zero before a logarithm."""


_MORE_DIGITS = 3
"""In which values near nothing or all are told from these."""
_ROUNDING = 1e-12
"""What sums of shares may be beside one, or zero, where all rows agree."""


def show_share(value: float, *, per: int = 1, digits: int = 3) -> str:
    """A value in so many digits, or more where it would look like nothing or all, and is neither.

    Example:
        >>> show_share(0.5), show_share(1.0), show_share(0.99996), show_share(1 - 1e-9), show_share(0.9996, per=100, digits=1)
        ('0.500', '1.000', '0.99996', '>0.999999', '99.96')
    """
    shown = per * value
    end = next((end for end in (0.0, float(per)) if round(shown, digits) == end), None)
    if end is None or shown > per or abs(shown - end) < per * _ROUNDING:
        return f"{shown:.{digits}f}"
    for more in range(digits, digits + _MORE_DIGITS + 1):
        if round(shown, more) != end:
            return f"{shown:.{more}f}"
    step = 10.0**-more if shown > end else -(10.0**-more)
    return f"{'<' if shown > end else '>'}{end + step:.{more}f}"


class Measure(NamedTuple):
    """How a metric is computed and shown.

    Attributes:
        compute: its value and the contribution of each row (n,) to its error, or None where that cannot be estimated, from targets (n,),
            predictions and row weights (n,).
        low, high: bounds that an interval is cut to.
        of_each_class: whether it is a mean over the rows of each class: of one row, or one group, its error would look like none.
        shares: of a share of rows, or a mean of shares, which rows (n,) hit and codes (n,) of the parts whose shares are averaged, from
            targets and predictions: their intervals hold near zero and one too.
        counts_errors: whether it is a rate of errors, which intervals of rows without any would put at nothing: its upper end
            is then that of the share of rows, or groups, with one, which is about as large.
        title: what people are shown; the name in words if empty.
        show: the value as text.
    """

    compute: Callable[[AnyArray, FloatArray, FloatArray], tuple[float, FloatArray | None]]
    low: float = 0.0
    high: float = 1.0
    of_each_class: bool = False
    shares: Callable[[AnyArray, FloatArray], tuple[BoolArray, AnyArray]] | None = None
    counts_errors: bool = False
    title: str = ""
    show: Callable[[float], str] = show_share


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
    fewest = _fewest_of_a_class(y, weight, group) if any(measure.of_each_class for measure in metrics.values()) else len(y)
    results = {}
    for name, measure in metrics.items():
        value, contributions = measure.compute(y, prediction, weight)
        contributions = None if fewest < 2 and measure.of_each_class else contributions
        share = _class_shares(y, weight) if measure.of_each_class else weight / weight.sum()
        error = None if contributions is None else error_of_mean(contributions, share, group=group, time=time)
        result = _with_interval(value, error, measure.low, measure.high)
        independent = group is not None or time is None  # those near in time have intervals of dependent rows only
        if contributions is not None and measure.shares is not None and independent:
            shares = mean_share(*measure.shares(y, prediction), weight, group)
            result = _wider(shares, result) if measure.of_each_class or group is not None else shares
        elif error is not None and error.degrees > 0 and measure.counts_errors and value == measure.low:
            result = Metric(value, value, 1.0 - least_share(error.n_units))
        elif contributions is not None and measure.of_each_class and value in (measure.low, measure.high) and independent:
            result = _at_bound(value, fewest)
        results[name] = result
    return results


_ERROR = UNLISTED._replace(high=float("inf"), show=lambda value: f"{value:.4g}")
FORECAST_METRICS: dict[str, Measure] = {
    "mase": _ERROR._replace(title="scaled error (MASE)"),
    "mae": _ERROR._replace(title="mean absolute error"),
    "mse": _ERROR._replace(title="mean squared error"),
}
PRICE_METRICS: dict[str, Measure] = {
    "qlike": _ERROR._replace(title="loss of variances (QLIKE)"),
    "mse": _ERROR._replace(title="mean squared error"),
    "mae": _ERROR._replace(title="mean absolute error"),
    "brier": _ERROR._replace(title="Brier score"),
    "log_loss": _ERROR._replace(title="log loss"),
}
"""Losses of forecasts of prices (`weights.data.series.finance.QUANTITIES`)."""


def find_measure(name: str) -> Measure:
    """How a metric of any task is computed and shown; `UNLISTED` where no table has it."""
    return {**WORD_METRICS, **CLASS_METRICS, **REGRESSION_METRICS, **COUNT_METRICS, **FORECAST_METRICS}.get(name, UNLISTED)


def log_losses(probability: FloatArray, y: IntArray) -> FloatArray:
    """Minus the log of the probability given to the class that came, shape (n,)."""
    return -np.log(np.maximum(probability[np.arange(len(y)), y], _SMALLEST))


def poisson_deviances(y: FloatArray, prediction: FloatArray) -> FloatArray:
    """The Poisson deviance of counts from predicted means, shape (n,): ``2 (y log(y / mean) - y + mean)``."""
    mean = np.maximum(prediction, _SMALLEST)
    return 2 * (scipy.special.xlogy(y, y / mean) - y + mean)


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


def _wider(share: Metric, usual: Metric) -> Metric:
    """A mean of shares with an interval no narrower than the usual one, as groups, with rows of several classes, make them depend."""
    assert share.low is not None
    assert share.high is not None
    if usual.low is None or usual.high is None:
        return usual
    return Metric(share.value, min(share.low, usual.low), max(share.high, usual.high))


def _at_bound(value: float, n: int) -> Metric:
    """Zero or one where no row shows an error: the area under a ROC curve is no farther than the share of n rows that all hit.

    A mean of placements in [0, 1] that is A gives n placements of one with probability A^n at most, as a share of A does.
    """
    away = 1.0 - least_share(n)
    return Metric(value, max(value - away, 0.0), min(value + away, 1.0))


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
    return _mean(_are_right(y, probability).astype(float), weight)


def _are_right(y: AnyArray, probability: FloatArray) -> BoolArray:
    return probability.argmax(1) == y


def _balanced_accuracy(y: AnyArray, probability: FloatArray, weight: FloatArray) -> _Scored:
    right = _are_right(y, probability).astype(float)
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


def _deviance(y: AnyArray, prediction: FloatArray, weight: FloatArray) -> _Scored:
    return _mean(poisson_deviances(y, prediction), weight)


def _d2(y: AnyArray, prediction: FloatArray, weight: FloatArray) -> _Scored:
    """The share of the deviance of a constant that is explained, whose own error does not count: it is where deviance is least."""
    error, of_error = _mean(poisson_deviances(y, prediction), weight)
    spread, of_spread = _mean(poisson_deviances(y, np.full(len(y), np.average(y, weights=weight))), weight)
    if spread == 0:
        return float("nan"), None
    return 1 - error / spread, -of_error / spread + of_spread * error / spread**2


def _mae(y: AnyArray, prediction: FloatArray, weight: FloatArray) -> _Scored:
    return _mean(np.abs(y - prediction), weight)


def _rate_errors(words: FloatArray, wrong: FloatArray, weight: FloatArray) -> _Scored:
    """Errors over words, both counted by row (n,); a ratio of sums."""
    total = float(weight @ words)
    if total == 0:
        return float("nan"), None
    rate = float(weight @ wrong) / total
    return rate, weight * (wrong - rate * words) / total


_Codes = Sequence[Sequence[int]]


def _split_at_spaces(codes: _Codes) -> list[list[tuple[int, ...]]]:
    """Words, each the codes of its characters, of texts in which the first code is the space."""
    return [[tuple(word) for is_space, word in itertools.groupby(own, lambda code: code == 0) if not is_space] for own in codes]


def count_wrong_words(y: AnyArray, moments: FloatArray, *, are_spelled: bool) -> tuple[FloatArray, FloatArray]:
    """How many words of the most probable text of each row are wrong, and how many were said, each (n,).

    Args:
        y: codes of what was said, shape (n, w), below zero behind the last.
        moments: probabilities, shape (n, t, k + 1).
        are_spelled: whether codes are characters, the first the space, in place of words.
    """
    texts: tuple[_Codes, _Codes] = find_texts(moments), [[code for code in own if code >= 0] for own in y.tolist()]
    return count_wrong(*(map(_split_at_spaces, texts) if are_spelled else texts))


def _transcript_metrics(*, are_spelled: bool) -> dict[str, Measure]:
    """Those of texts, from arguments as `count_wrong_words`."""
    count = functools.partial(count_wrong_words, are_spelled=are_spelled)

    def rate(y: AnyArray, moments: FloatArray, weight: FloatArray) -> _Scored:
        wrong, words = count(y, moments)
        return _rate_errors(words, wrong, weight)

    def are_right(y: AnyArray, moments: FloatArray) -> BoolArray:
        return count(y, moments)[0] == 0

    return {
        "log_loss": Measure(lambda y, moments, weight: _mean(text_losses(y, moments), weight), high=np.inf, title="log loss of a text"),
        "word_error_rate": ERROR_RATE._replace(compute=rate),
        "texts_right": Measure(
            lambda y, moments, weight: _mean(are_right(y, moments).astype(float), weight),
            shares=lambda y, moments: (are_right(y, moments), np.zeros(len(y))),
            show=_show_percent,
        ),
    }


def _show_percent(value: float) -> str:
    return f"{show_share(value, per=100, digits=1)} %"


def _show_quantity(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


MEAN_GAP = Measure(lambda y, prediction, weight: _mean(y - prediction, weight), low=-np.inf, high=np.inf)
"""What was observed less what was predicted, on average: no metric of a task, because errors of opposite sign cancel."""
ERROR_RATE = Measure(_rate_errors, high=np.inf, counts_errors=True, title="word error rate", show=_show_percent)
"""Errors over words, from both by row: a ratio of sums with Student's t, or, without errors, the share of rows, or groups, with one."""
CLASS_METRICS: dict[str, Measure] = {
    "log_loss": Measure(_log_loss, high=np.inf),
    "brier": Measure(_brier, high=2.0, title="Brier score"),
    "auroc": Measure(_auroc, of_each_class=True, title="AUROC"),
    "accuracy": Measure(_accuracy, shares=lambda y, p: (_are_right(y, p), np.zeros(len(y))), show=_show_percent),
    "balanced_accuracy": Measure(_balanced_accuracy, of_each_class=True, shares=lambda y, p: (_are_right(y, p), y), show=_show_percent),
    "calibration_error": Measure(_calibration),
}
"""Of predicted probabilities, by name."""
REGRESSION_METRICS: dict[str, Measure] = {
    "rmse": Measure(_rmse, high=np.inf, title="RMSE", show=_show_quantity),
    "r2": Measure(_r2, low=-np.inf, title="R2"),
    "mae": Measure(_mae, high=np.inf, title="MAE", show=_show_quantity),
}
"""Of predicted values, by name."""
WORD_METRICS, SPELLED_METRICS = _transcript_metrics(are_spelled=False), _transcript_metrics(are_spelled=True)
"""Of transcripts whose symbols are words, or characters."""
COUNT_METRICS: dict[str, Measure] = {
    "deviance": Measure(_deviance, high=np.inf, title="mean Poisson deviance", show=_show_quantity),
    "d2": Measure(_d2, low=-np.inf, title="D2"),
    "rmse": REGRESSION_METRICS["rmse"],
    "mae": REGRESSION_METRICS["mae"],
}
"""Of predicted mean counts, by name."""
