"""Which variables forecast anything, of many series at once, and how sure that is.

Series move together and through storms and calm, so that a thousand shares over a year are no quarter of a million independent rows.
`weigh_predictors` regresses what came on what was known before; what counts as one observation is a date with all its series, and dates
near each other depend on each other. As many variables are tried, it also says how surprising the largest of as many would be.

`find_look_ahead` asks of each variable whether it knows what comes better than what has been, which what is measured seldom does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import scipy.special

from weights.dependence import error_of_mean
from weights.errors import DataError, UsageError, printable
from weights.types import BoolArray, FloatArray, IntArray

_N_COSINES = 8
_N_RESAMPLES = 999
_FEWEST_DATES = 60
_LEAST_OWN = 1e-9
"""Eigenvalue of the correlations of variables, below which one follows from others."""
_N_STEPS = 7
"""Moments before and after at which the news of a variable is compared with what came (our choice)."""
_LEAST_AHEAD = 0.1
"""Share of the variance of a later value that a suspect variable tells beyond all that came up to its own moment (our choice)."""
_SURE_AHEAD = 0.001
_LEAST_NEWS = 1e-6
"""Deviations of a variable, below which nothing of it is new but what rounding left."""


class Predictor(msgspec.Struct, frozen=True):
    """What a variable says of what comes.

    Attributes:
        name: of the variable.
        slope: change of the outcome for one standard deviation more of the variable, the others as they are.
        low: where its 95 % interval begins, and high: where it ends.
        p_value: of no slope, by itself.
        p_adjusted: the same, with the probability of any false alarm among all variables held.
        explained: share of the variance of the outcome that goes when the variable does.
    """

    name: str
    slope: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    explained: float


class LookAhead(NamedTuple):
    """How a variable lies in time.

    Attributes:
        name: of the variable.
        ahead: the largest share of the variance of a later value that it tells beyond what came up to its own moment, and `step`, how
            much later that is.
        behind: the largest share of the values of its own moment and of earlier ones that its news tells.
        suspect: whether it tells so much of what comes that it may not have been known then.
    """

    name: str
    ahead: float
    step: int
    behind: float
    suspect: bool

    @property
    def warning(self) -> str:
        """What is said of a suspect variable."""
        later = f"{self.step} {'step' if self.step == 1 else 'steps'} later"
        return (
            f"'{printable(self.name)}' tells {self.ahead:.0%} of the value {later} and {self.behind:.0%} of those up to its own moment, "
            "as a column does that was filled in afterwards, or that leads. Make sure that it was known at its time, or leave it out."
        )


def weigh_predictors(
    outcome: FloatArray, predictors: FloatArray, names: Sequence[str], *, steps: int = 1, n_resamples: int = _N_RESAMPLES, seed: int = 0
) -> list[Predictor]:
    """What each variable says of what comes, the others as they are.

    Errors are those of Driscoll and Kraay (1998): what all series contribute at a date is one observation, and dates are a series.
    Intervals and p-values are the less sure of two: the long-run variance from its eight slowest cosines with Student's t of eight
    degrees (`dependence.error_of_mean`, fixed-b), and the regression repeated on moving blocks of dates (Künsch 1989), all variables
    and series together, each slope over the same kind of error. From the largest of these statistics p-values are adjusted in steps
    (Romano and Wolf 2005, section 4).

    Args:
        outcome: what came over the next steps after each moment, as `data.series.finance.observe` gives it; NaN where unknown, (t, S).
        predictors: what was known at each moment, shape (p, t, S); a row counts where all are known.
        names: of the predictors, length p.
        steps: over how many moments an outcome reaches; blocks of dates are four times as long at least.
        n_resamples: draws.
        seed: of the draws.

    Raises:
        UsageError: shapes do not fit.
        DataError: fewer than 60 dates are there, or a variable is constant or follows from others.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(2, 300, 5))
        >>> [(row.name, row.p_adjusted < 0.05) for row in weigh_predictors(0.2 * x[0] + rng.normal(size=(300, 5)), x, ["a", "b"])]
        [('a', True), ('b', False)]
    """
    if predictors.shape != (len(names), *outcome.shape):
        raise UsageError(
            f"Predictors of the shape {(len(names), *outcome.shape)} were needed, but theirs is {predictors.shape}. Align them first."
        )
    there = np.isfinite(outcome) & np.isfinite(predictors).all(axis=0)
    date, _ = np.nonzero(there)
    dates, place = np.unique(date, return_inverse=True)
    if len(dates) < _FEWEST_DATES:
        raise DataError(
            f"Predictors need {_FEWEST_DATES} dates or more, but {len(dates)} have all values. Leave out variables that are rarely known."
        )
    x, y = predictors[:, there].T, outcome[there]
    scale = x.std(axis=0)
    x, y = (x - x.mean(axis=0)) / np.where(scale > 0, scale, 1), y - y.mean()
    inverse = _invert(x, names)
    slopes = inverse @ (x.T @ y)
    residuals = y - x @ slopes
    slopes += _undo_means(x @ inverse, residuals, place)
    begins = np.searchsorted(place, np.arange(len(dates)))
    products = np.stack([np.add.reduceat(x * column[:, None], begins) for column in x.T], axis=-1)
    scores = np.add.reduceat(x * residuals[:, None], begins)
    half, p_values = _fixed_b(slopes, scores @ inverse, dates)
    error = _long_run_error(scores @ inverse)
    drawn = np.abs(_draw_statistics(products, scores, _choose_block(len(dates), steps), n_resamples, np.random.default_rng(seed)))
    observed = np.abs(slopes) / error
    alone = (1 + (drawn >= observed).sum(axis=0)) / (1 + n_resamples)
    p_values, half = np.maximum(p_values, alone), np.maximum(half, np.quantile(drawn, 0.95, axis=0) * error)
    adjusted = np.maximum(_step_down(observed, drawn), p_values)
    explained = slopes**2 / np.diag(inverse) / max(float(y @ y), np.finfo(float).tiny)
    columns = zip(names, slopes, slopes - half, slopes + half, p_values, adjusted, explained, strict=True)
    return [Predictor(name, *map(float, row)) for name, *row in columns]


def find_look_ahead(values: FloatArray, covariates: FloatArray, names: Sequence[str]) -> list[LookAhead]:
    """How each variable lies in time: what is new in it at a moment beside the values of that moment, of earlier ones and of later ones.

    New beside earlier values is what its own past does not tell; beside later ones what neither its own past tells nor the values up to its
    moment, as in Granger (1969, definition 1). Variables that are measured tell most of the moment when they were, or of earlier ones, and
    little of later ones beyond that; one that tells much was filled in afterwards, or leads.

    Args:
        values: of the series that are to be forecast, stationary such as returns, NaN where there are none, shape (t, S).
        covariates: as they stand beside them, shape (p, t, S).
        names: of the variables, length p.
    """
    new_values = _take_news(values)
    news = [(_take_news(own), _take_news(own, values)) for own in covariates]
    return [_place_in_time(name, new_values, *own) for name, own in zip(names, news, strict=True)]


def _invert(x: FloatArray, names: Sequence[str]) -> FloatArray:
    """The inverse of the products of standardised variables (p, p).

    Raises:
        DataError: a variable has nothing of its own.
    """
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    if values[0] < _LEAST_OWN:
        constant = np.ptp(x, axis=0) == 0
        name = names[int(np.argmax(constant if constant.any() else np.abs(vectors[:, 0])))]
        raise DataError(
            f"Each variable must say something that the others do not, but '{name}' is constant or follows from them. Leave it out."
        )
    return np.asarray(vectors / values @ vectors.T / len(x))


def _fixed_b(slopes: FloatArray, contributions: FloatArray, dates: IntArray) -> tuple[FloatArray, FloatArray]:
    """How far 95 % intervals reach, and p-values, each of shape (p,), from what dates contribute to slopes (D, p)."""
    share = np.full(len(dates), 1 / len(dates))
    errors = [error_of_mean(column, share, time=dates.astype(float)) for column in contributions.T]
    half = [width if (width := error.half_width()) is not None else np.inf for error in errors]
    p_values = [
        2 * scipy.special.stdtr(error.degrees, -abs(slope) / error.std_err) if error.degrees > 0 else 1.0
        for slope, error in zip(slopes, errors, strict=True)
    ]
    return np.asarray(half), np.asarray(p_values)


def _undo_means(influence: FloatArray, residuals: FloatArray, place: IntArray) -> FloatArray:
    """What slopes lack because variables and outcomes both lost the mean of all dates, shape (p,).

    A variable that follows earlier outcomes, such as last month's return, has a mean that moves with theirs, so that taking off both makes
    slopes too low by the long-run covariance of the two (Stambaugh 1999; Marriott and Pope 1954 of an autoregression).
    """
    sums = np.stack([np.bincount(place, column) for column in (*influence.T, residuals)], axis=1)
    seen = _cosines(len(sums)) @ sums
    return np.asarray(2 * np.mean(seen[:, :-1] * seen[:, -1:], axis=0) / len(place))


def _choose_block(n_dates: int, steps: int) -> int:
    """How many dates are drawn together: the root of their number, and four times the steps at least (our choice)."""
    return int(min(max(4 * steps, round(np.sqrt(n_dates))), n_dates // 4))


def _draw_statistics(products: FloatArray, scores: FloatArray, block: int, n_resamples: int, rng: np.random.Generator) -> FloatArray:
    """Slopes over their errors of regressions on moving blocks of dates, about what blocks have in the mean, shape (r, p).

    Args:
        products: of the variables at each date, shape (D, p, p).
        scores: variables times residuals at each date, shape (D, p).
        block: how many dates are drawn together.
        n_resamples: r.
        rng: what blocks are drawn with.
    """
    n = len(scores)
    waves = np.vstack([np.ones((1, n)), _cosines(n)])
    sums = np.cumsum(np.vstack([np.zeros((1, scores.shape[1])), scores]), axis=0)
    centred = scores - (sums[block:] - sums[:-block]).mean(axis=0) / block
    flat = np.column_stack([centred, products.reshape(n, -1)])
    seen = np.empty((n_resamples, len(waves), flat.shape[1]))
    for r in range(n_resamples):
        begins = rng.integers(0, n - block + 1, size=-(-n // block))
        seen[r] = waves @ flat[(begins[:, None] + np.arange(block)).ravel()[:n]]
    score, product = seen[..., : scores.shape[1], None], seen[..., scores.shape[1] :].reshape(*seen.shape[:2], *products.shape[1:])
    inverse = np.linalg.pinv(product[:, 0], hermitian=True)
    slopes = inverse @ score[:, 0]
    left = inverse[:, None] @ (score[:, 1:] - product[:, 1:] @ slopes[:, None])  # cosines of what dates contribute, (r, 8, p, 1)
    return np.asarray((slopes / np.maximum(np.sqrt(2 * np.mean(left**2, axis=1)), np.finfo(float).tiny))[..., 0])


def _step_down(observed: FloatArray, drawn: FloatArray) -> FloatArray:
    """P-values of Romano and Wolf from statistics (p,) and drawn ones (r, p), shape (p,)."""
    order = np.argsort(-observed)
    p_values, so_far = np.empty(len(observed)), 0.0
    for rank, j in enumerate(order):
        larger = int((drawn[:, order[rank:]].max(axis=1) >= observed[j]).sum())
        so_far = max(so_far, (1 + larger) / (1 + len(drawn)))
        p_values[j] = so_far
    return p_values


def _long_run_error(series: FloatArray) -> FloatArray:
    """The error of the sum of each series (n, p), from the slowest cosines, shape (p,)."""
    return np.maximum(np.sqrt(2 * np.mean((_cosines(len(series)) @ series) ** 2, axis=0)), np.finfo(float).tiny)


def _cosines(n: int) -> FloatArray:
    return np.cos(np.pi * np.outer(np.arange(1, _N_COSINES + 1), (np.arange(n) + 0.5) / n))


def _take_news(values: FloatArray, beside: FloatArray | None = None) -> FloatArray:
    """What the last values of a series, and those of another up to the same moment, do not tell of it, shape (t, S); NaN where unknown.

    It is one regression for all series.
    """
    lags = [_shift(values, k) for k in range(_N_STEPS + 1)] + ([] if beside is None else [_shift(beside, k) for k in range(_N_STEPS + 1)])
    rows = np.stack(lags)
    there = np.isfinite(rows).all(axis=0)
    rows = rows[:, there]
    news = np.full_like(values, np.nan)
    if rows.size:
        rows = rows - rows.mean(axis=1, keepdims=True)
        left = rows[0] - np.linalg.lstsq(rows[1:].T, rows[0], rcond=None)[0] @ rows[1:]
        news[there] = left if left.std() > _LEAST_NEWS * rows[0].std() else 0.0
    return news


def _place_in_time(name: str, values: FloatArray, news: FloatArray, beyond: FloatArray) -> LookAhead:
    """What the news of a variable tells of earlier values, and what it says beyond these of later ones."""
    told = {k: _tell(_shift(values, -k), beyond) for k in range(1, _N_STEPS + 1)}
    step = max(told, key=lambda k: told[k][0])
    behind = max(_tell(_shift(values, k), news)[0] for k in range(_N_STEPS + 1))
    ahead, p_value = told[step]
    return LookAhead(name, ahead, step, behind, ahead > _LEAST_AHEAD and p_value < _SURE_AHEAD)


def _tell(values: FloatArray, news: FloatArray) -> tuple[float, float]:
    """The share of the variance of values that news tells, and the p-value of none."""
    there: BoolArray = np.isfinite(values) & np.isfinite(news)
    date: IntArray = np.nonzero(there)[0]
    x, y = news[there], values[there]
    if len(np.unique(date)) < _FEWEST_DATES or x.std() == 0 or y.std() == 0:
        return 0.0, 1.0
    x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    correlation = float(np.mean(x * y))
    contributions = x * (y - correlation * x) / len(x)
    error = error_of_mean(contributions, np.full(len(x), 1 / len(x)), time=date.astype(float))
    if error.std_err < np.finfo(float).eps:
        return correlation**2, 0.0
    return correlation**2, float(2 * scipy.special.stdtr(max(error.degrees, 1), -abs(correlation) / error.std_err))


def _shift(values: FloatArray, steps: int) -> FloatArray:
    """Values so many moments later, or earlier if negative, shape (t, S); NaN where there are none."""
    shifted = np.full_like(values, np.nan)
    if steps >= 0:
        shifted[steps:] = values[: len(values) - steps]
    else:
        shifted[:steps] = values[-steps:]
    return shifted
