"""Conformal prediction: how far the values of new rows may lie from their predictions, and which classes a row may have.

`score_residuals` and `score_classes` read scores off out-of-bag answers; `Conformal.bounds` and `smallest_holding` turn them into bounds
and sets that hold a level. Where errors differ between rows, scores are in units of what is expected of the row (`Difficulty`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import numpy as np
import scipy.linalg
import threadpoolctl

from weights.errors import UsageError
from weights.types import AnyArray, FloatArray, IntArray

_MOST_SCORES = 20_000
_FEWEST_ROWS = 100
"""With fewer scored rows all have the same difficulty, and bounds lie as far below as above (our choice)."""
_N_BINS, _FEWEST_IN_BIN = 4, 200
"""Predictions are cut into so many bins with quantiles of their own, fewer where a bin would have fewer rows (our choice)."""
_N_PARTS = 5
_SIDES = np.array([[0.4, 1.6], [0.6, 1.4], [0.8, 1.2], [1.0, 1.0], [1.2, 0.8], [1.4, 0.6], [1.6, 0.4]])
"""How much of an interval may lie below and above the prediction, beside equal parts, [1, 1] (our choice)."""
_STRENGTHS = 10.0 ** np.arange(1, -4, -1)
_KNOTS_OF_PREDICTION, _KNOTS_OF_INPUT = 9, 3
"""Quantiles between which the difficulty is linear (our choice, tried on the tables of benchmarks/intervals.py)."""
_MOST_PIECES = 600
_MOST_STEPS, _TOLERANCE = 50, 1e-8
_ROWS_AT_ONCE = 4096


class Interval(msgspec.Struct, frozen=True):
    """Bounds of the target for each row, in its unit, each a list of n numbers; and the level they were asked to hold."""

    low: Any
    high: Any
    level: float


class Difficulty(NamedTuple):
    """How large an error is expected of a row, as a factor: the exponential of a sum of linear pieces.

    inputs: what each of c pieces reads, shape (c,): 0 is the prediction, j + 1 column j of ``x``.
    low, high: between which its value rises, shape (c,). slopes: from 0 to what, shape (c,).
    """

    inputs: FloatArray
    low: FloatArray
    high: FloatArray
    slopes: FloatArray

    def factors(self, predictions: FloatArray, x: FloatArray) -> FloatArray:
        """The factor of each row, shape (n,), from predictions (n,) and columns (n, p); that of a row does not depend on others."""
        logs = np.zeros(len(predictions))
        for begin in range(0, len(logs), _ROWS_AT_ONCE):
            rows = slice(begin, begin + _ROWS_AT_ONCE)
            for i, piece in enumerate(self.inputs.astype(int)):
                logs[rows] += self.slopes[i] * self._rise(i, predictions[rows] if piece == 0 else x[rows, piece - 1])
        return np.exp(logs)

    def _rise(self, i: int, values: FloatArray) -> FloatArray:
        """What piece i is of values (n,): 0 below it, 1 above it."""
        return np.clip((values - self.low[i]) / (self.high[i] - self.low[i]), 0.0, 1.0)

    def rises(self, predictions: FloatArray, x: FloatArray) -> FloatArray:
        """All pieces of each row, shape (n, c)."""
        rises = [self._rise(i, predictions if piece == 0 else x[:, piece - 1]) for i, piece in enumerate(self.inputs.astype(int))]
        return np.stack(rises, axis=1) if rises else np.zeros((len(predictions), 0))


EQUAL = Difficulty(*(np.zeros(0) for _ in Difficulty._fields))
"""That of rows which are all the same."""


@dataclass(frozen=True, eq=False)
class Conformal:
    """Scores of out-of-bag rows, of which bounds and sets are quantiles.

    Attributes:
        scores: of s rows, shape (s,): one minus the probability of the class that came; or how far the value lay above (below: negative)
            its prediction, in units of the row's difficulty; or, without `predictions`, how far on either side.
        predictions: of these rows, shape (s,), where bounds depend on them.
        difficulty: of new rows; of these, that of a model in which they had no say.
    """

    scores: FloatArray
    predictions: FloatArray | None = None
    difficulty: Difficulty = EQUAL

    def bounds(self, predictions: FloatArray, x: FloatArray, level: float) -> Interval:
        """Bounds that hold the values of new rows with probability `level`.

        Scores in units of the difficulty are the normalised ones of Johansson et al. 2014, "Regression conformal prediction with random
        forests", section 3.2. Their quantile of rank (n + 1) * level (Vovk et al. 2005) is taken within bins of the prediction
        (Mondrian; Boström and Johansson 2020). In each bin as much of the interval lies below and above as makes it shortest, where that
        is shorter than equal parts although a fifth of its scores at a time had no say in it: so that the level holds.

        Args:
            predictions: of new rows, shape (n,).
            x: their columns as models read them, shape (n, p).
            level: between 0 and 1.

        Raises:
            UsageError: the level is not between 0 and 1.
        """
        check_level(level)
        if self.predictions is None:
            below, above = -(half := smallest_holding(self.scores, level)), half
        else:
            edges = _edges(self.predictions)
            bins = np.searchsorted(edges, self.predictions)
            reach = np.stack([_shortest(self.scores[bins == b], level) for b in range(len(edges) + 1)])
            below, above = (reach[np.searchsorted(edges, predictions)] * [-1.0, 1.0]).T
        factors = self.difficulty.factors(predictions, x)
        return Interval(predictions + below * factors, predictions + above * factors, level)


def smallest_holding(scores: FloatArray, level: float) -> FloatArray:
    """The score that a new one does not exceed with probability `level`, of scores (..., s); infinite where there are too few."""
    rank = _rank(scores.shape[-1], level)
    return np.partition(scores, rank - 1, axis=-1)[..., rank - 1] if rank <= scores.shape[-1] else np.full(scores.shape[:-1], np.inf)


def check_level(level: float) -> None:
    """Nothing where a level can be held.

    Raises:
        UsageError: it is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise UsageError(f"The level must be between 0 and 1, but is {level}. Use 0.9 for bounds that hold nine times in ten.")


def score_classes(probability: FloatArray, y: IntArray, weight: FloatArray) -> Conformal:
    """Scores of rows whose classes are known: one minus the probability of the class that came (Sadinle et al. 2019), ascending.

    Args:
        probability: of each class, by members that never saw the row, shape (n, classes).
        y: class codes, shape (n,).
        weight: of rows, shape (n,); those of weight zero have no score.
    """
    scores = np.sort((1.0 - probability[np.arange(len(y)), y])[weight > 0])
    return Conformal(scores[_thinned(len(scores))])


def score_residuals(
    residuals: FloatArray, predictions: FloatArray, x: FloatArray, weight: FloatArray, group: IntArray | None = None
) -> Conformal:
    """Scores of rows whose values are known, with the model of their difficulty; of more than 20,000 rows so many at even steps.

    Args:
        residuals: values less predictions by members that never saw the row, shape (n,).
        predictions: these, shape (n,).
        x: columns as models read them, shape (n, p); p may be zero.
        weight: of rows, shape (n,); those of weight zero have no score.
        group: codes of rows that belong together, shape (n,): none has a say in the difficulty of another.
    """
    rows = np.flatnonzero(weight > 0)
    rows = rows[_thinned(len(rows))]
    residuals, predictions, weight = residuals[rows], predictions[rows], weight[rows]
    sizes = np.abs(residuals)
    if len(rows) < _FEWEST_ROWS or not sizes.any():
        return Conformal(np.sort(sizes))
    _, units = np.unique(np.arange(len(rows)) if group is None else group[rows], return_inverse=True)
    parts = np.random.default_rng(0xD1).permutation(units.max() + 1)[units] % _N_PARTS
    with threadpoolctl.threadpool_limits(1):
        difficulty, factors = _fit_difficulty(sizes, predictions, x[rows], weight, parts)
    return Conformal(residuals / factors, predictions, difficulty)


def _thinned(n: int) -> IntArray:
    """Which of n rows are kept."""
    return np.arange(n) if n <= _MOST_SCORES else np.linspace(0, n - 1, _MOST_SCORES).round().astype(int)


def _rank(n: int, level: float) -> int:
    return int(np.ceil(level * (n + 1) - 1e-9))  # 0.55 * 100 is a little more than 55 in floating point


def _edges(predictions: FloatArray) -> FloatArray:
    """Between bins of predictions, so that each has rows enough."""
    n_bins = next(n for n in (_N_BINS, _N_BINS // 2, 1) if n == 1 or len(predictions) >= n * _FEWEST_IN_BIN)
    ordered, edges, begin = np.sort(predictions), [], 0
    for edge in np.quantile(predictions, np.arange(1, n_bins) / n_bins):
        end = np.searchsorted(ordered, edge, side="right")
        if min(end - begin, len(ordered) - end) >= _FEWEST_IN_BIN:
            edges.append(edge)
            begin = end
    return np.asarray(edges)


def _shortest(scores: FloatArray, level: float) -> FloatArray:
    """How far the shortest interval that holds the level reaches below and above, shape (2,)."""
    reached = np.maximum(-scores / _SIDES[:, :1], scores / _SIDES[:, 1:])
    parts, pooled = np.arange(len(scores)) % _N_PARTS, np.empty(len(scores))
    for part in range(_N_PARTS):
        pooled[parts == part] = reached[_best(reached[:, parts != part], level), parts == part]
    chosen, equal = smallest_holding(pooled, level), smallest_holding(np.abs(scores), level)
    return chosen * _SIDES[_best(reached, level)] if chosen < equal else np.full(2, equal)


def _best(reached: FloatArray, level: float) -> int:
    """Which sides make the interval shortest."""
    return int(np.argmin(smallest_holding(reached, level)))


# Difficulty


def _fit_difficulty(
    sizes: FloatArray, predictions: FloatArray, x: FloatArray, weight: FloatArray, parts: IntArray
) -> tuple[Difficulty, FloatArray]:
    """The difficulty of new rows, and the factors (n,) of these rows by models that a part of them had no say in.

    The expected size of an error is the exponential of the pieces, fitted by the deviance of the exponential distribution, log m +
    size / m, which is convex in log m and asks nothing else of errors (quasi-likelihood: McCullagh and Nelder 1989, section 9.2),
    with a penalty on squared slopes of standardised pieces, whose strength is that of the least deviance of rows left out.
    """
    pieces = _pieces(predictions, x)
    rises = pieces.rises(predictions, x)
    means, spreads = rises.mean(0), rises.std(0)
    standardised = np.concatenate([np.ones((len(sizes), 1)), (rises - means) / spreads], axis=1)
    weight, sizes = weight / weight.mean(), sizes / np.average(sizes, weights=weight)
    fitting = {part: parts != part for part in np.unique(parts)}
    grams = {part: _gram(standardised[~here], weight[~here]) for part, here in fitting.items()}
    whole = np.sum([*grams.values()], axis=0)
    logs = np.zeros((len(_STRENGTHS), len(sizes)))
    for part, here in fitting.items():
        slopes, rows = np.zeros(standardised.shape[1]), standardised[here]
        for i, strength in enumerate(_STRENGTHS):
            slopes = _minimise_deviance(rows, sizes[here], weight[here], whole - grams[part], strength, slopes)
            logs[i, ~here] = standardised[~here] @ slopes
    best = int(np.argmin((weight * (logs + sizes * np.exp(-logs))).mean(1)))
    slopes = np.zeros(standardised.shape[1])
    slopes = _minimise_deviance(standardised, sizes, weight, whole, _STRENGTHS[best], slopes)
    own = slopes[1:] / spreads
    middle = slopes[0] - means @ own  # left out of the factors: scores are divided by it instead
    return pieces._replace(slopes=own), np.exp(logs[best] - middle)


def _gram(rows: FloatArray, weight: FloatArray) -> FloatArray:
    return (rows * weight[:, None]).T @ rows


def _pieces(predictions: FloatArray, x: FloatArray) -> Difficulty:
    """Pieces between quantiles of the prediction and of each column, with slopes of zero; of very many columns none."""
    of_prediction = _pieces_of(0, predictions[:, None], _KNOTS_OF_PREDICTION)
    for n_knots in (_KNOTS_OF_INPUT, 2):
        pieces = of_prediction + _pieces_of(1, x, n_knots)
        if len(pieces) <= _MOST_PIECES:
            break
    else:
        pieces = of_prediction
    inputs, low, high = np.array(pieces, float).reshape(-1, 3).T
    return Difficulty(inputs, low, high, np.zeros(len(inputs)))


def _pieces_of(first: int, values: AnyArray, n_knots: int) -> list[tuple[float, float, float]]:
    """Input, low and high of each piece of columns (n, p), counted from `first`."""
    quantiles = np.quantile(values.astype(float), np.linspace(0, 1, n_knots), axis=0)
    knots = [np.unique(column) for column in quantiles.T]
    return [(first + j, low, high) for j, column in enumerate(knots) for low, high in pairwise(column)]


def _minimise_deviance(
    rows: FloatArray, sizes: FloatArray, weight: FloatArray, gram: FloatArray, strength: float, slopes: FloatArray
) -> FloatArray:
    """The slopes, first of them the constant, shape (c,), of least mean deviance plus penalty, by Fisher scoring from these."""
    n, penalty = weight.sum(), np.full(rows.shape[1], strength)
    penalty[0] = 0.0
    factor = scipy.linalg.cho_factor(gram / n + np.diag(penalty + 1e-10))

    def loss(at: FloatArray) -> tuple[float, FloatArray]:
        logs = rows @ at
        with np.errstate(over="ignore"):
            ratios = sizes * np.exp(-logs)
        return float(weight @ (logs + ratios) / n + 0.5 * penalty @ at**2), ratios

    value, ratios = loss(slopes)
    for _ in range(_MOST_STEPS):
        step = scipy.linalg.cho_solve(factor, rows.T @ (weight * (1.0 - ratios)) / n + penalty * slopes)
        length, before = 1.0, value
        while (tried := loss(slopes - length * step))[0] > before and length > 1e-6:
            length /= 2
        if not tried[0] < before:
            break
        slopes, (value, ratios) = slopes - length * step, tried
        if before - value < _TOLERANCE:
            break
    return slopes
