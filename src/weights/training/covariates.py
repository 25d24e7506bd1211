"""What columns do to a series, with errors that respect dependence: regression with errors that depend on those before.

Effects are generalised least squares: least squares of the series and the columns after a filter that leaves little dependence (Cochrane
and Orcutt 1949, with an autoregression of many lags). What columns leave gives the filter, in turns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg

from weights.data.series.cycles import Columns
from weights.dependence import MeanError, error_of_mean, slow_cosines
from weights.errors import DataError
from weights.training.autoregression import fill_gaps, fit_filter, whiten
from weights.types import FloatArray

_ROUNDS = 4
"""Turns of filter and effects, after which they hardly move (our choice)."""
_STRENGTH = 1e-6
"""Of the ridge, as a share of each column's square, so that columns that say the same share an effect."""
_FEWEST_DEGREES = 8
"""Of a slope that rests on fewer moments errors are those of independent ones: so few show no dependence, which the filter took out."""
_LARGEST_SHARE = 0.9
"""Of one moment in a slope, above which nothing can be said: it would be judged by an error that it made zero itself (our choice)."""
_HIGHEST_LEVERAGE = 1 - 1e-6
_TINY = 1e-12


class Influence(NamedTuple):
    """What moments do to a slope.

    Attributes:
        near: what each adds to its error, shape (t,). alone: the same without what the fit takes of it, of moments that are independent.
        share: of each moment in the slope, but for their sum, shape (t,).
        kept: how much the fit leaves of the long-run variance of `near`. degrees: of freedom of that.
    """

    near: FloatArray
    alone: FloatArray
    share: FloatArray
    kept: float
    degrees: float


def judge_influence(own: Influence) -> MeanError:
    """How sure a slope is; degrees of zero where nothing can be said."""
    total = float(own.share.sum())
    if not total:
        return MeanError(0.0, 0.0, 0)
    share = own.share / total
    if share.max() > _LARGEST_SHARE:
        return MeanError(0.0, 0.0, 1)
    alone = error_of_mean(own.alone, share)
    if alone.degrees < _FEWEST_DEGREES:
        return alone
    near = error_of_mean(own.near, np.ones(len(share)), time=np.arange(len(share), dtype=float))
    return MeanError(near.std_err / np.sqrt(own.kept), min(near.degrees, own.degrees), min(near.n_units, 1 / float(share @ share)))


class Effects(NamedTuple):
    """What columns do to a series.

    Attributes:
        names: of the columns, length k.
        intercept: the value where all columns are zero.
        slopes: what a column adds for each of its units, shape (k,); zero of columns that never differed.
        lag_filter: the weight of the last, second last, ... rest in what is expected of the next, shape (p,).
        rest: what columns leave, shape (t,); missing values are what the others lead to expect.
        steps: what the filter did not expect of the rest, shape (t - p,).
        seen: a constant and the columns after the filter, shape (t - p, 1 + k).
        designs: the weight of each moment's step in the constant and the slopes, shape (t - p, 1 + k); zero where it is missing.
    """

    names: tuple[str, ...]
    intercept: float
    slopes: FloatArray
    lag_filter: FloatArray
    rest: FloatArray
    steps: FloatArray
    seen: FloatArray
    designs: FloatArray

    def expect(self, columns: FloatArray) -> FloatArray:
        """What columns (t, k) lead to expect, shape (t,)."""
        return self.intercept + columns @ self.slopes

    def error_of(self, contrast: FloatArray) -> MeanError:
        """How sure a sum of slopes is, each times its entry in the contrast (k,); degrees of zero where nothing can be said."""
        return judge_influence(self.influence_of(contrast))

    def influence_of(self, contrast: FloatArray) -> Influence:
        """What each moment does to a sum of slopes, each times its entry in the contrast (k,)."""
        design, n = self.designs[:, 1:] @ contrast, len(self.designs)
        leverage = np.minimum(np.einsum("tk,tk->t", self.designs, self.seen), _HIGHEST_LEVERAGE)
        waves = (slow_cosines(n) * design).T
        left = waves - self.seen @ (self.designs.T @ waves)
        gram = left.T @ left
        kept = max(float(np.trace(gram) / max(float(np.sum(waves**2)), np.finfo(float).tiny)), _TINY)
        degrees = float(np.trace(gram) ** 2 / max(np.sum(gram**2), np.finfo(float).tiny))
        return Influence(design * self.steps, design * self.steps / np.sqrt(1 - leverage), design**2, kept, degrees)

    def intervals(self, level: float = 0.95) -> FloatArray:
        """Low and high ends for each slope, shape (k, 2); NaN where nothing can be said."""
        widths = [self.error_of(unit).half_width(level) for unit in np.eye(len(self.slopes))]
        half = np.array([np.nan if width is None else width for width in widths])
        return self.slopes[:, None] + half[:, None] * np.array([-1.0, 1.0])


def fit_effects(values: FloatArray, columns: Columns, *, longest: int = 28, half_life: float | None = None) -> Effects:
    """What columns do to a series, with errors that respect dependence in time.

    The error of a slope is that of a sum of what each moment contributes to it. Its long-run variance comes from the eight slowest cosines
    (`weights.dependence`), so that neither dependence that the filter missed nor noise that changes makes it too small. It is divided by
    what the fit leaves of it where steps are white, and Student's t has the degrees of freedom that these cosines then have, eight at most
    (Bell and McCaffrey 2002, sections 3 and 4). Of columns that differ at few moments it is the sum over these (HC2 of MacKinnon and White
    1985).

    Args:
        values: of the series, NaN where missing, shape (t,).
        columns: none missing, shape (t, k).
        longest: lags of the filter at most; how many is chosen by AIC.
        half_life: moments after which a value counts half as much as the last, where effects change with time; none: all count alike.

    Raises:
        DataError: a column is missing at a moment, or less than two values are there.

    Example:
        >>> holiday = (np.arange(70) % 10 == 3).astype(float)
        >>> effects = fit_effects(5 + 2 * holiday, Columns(("holiday",), holiday[:, None]))
        >>> round(effects.intercept, 4), effects.slopes.round(4).tolist()
        (5.0, [2.0])
    """
    _check(values, columns)
    there = ~np.isnan(values)
    known = columns.values[there]
    differs = np.ptp(known, axis=0) > _TINY * np.abs(known).max(axis=0)
    center, scale = known[:, differs].mean(axis=0), known[:, differs].std(axis=0)
    design = np.column_stack([np.ones(len(values)), (columns.values[:, differs] - center) / scale])
    weight = np.ones(len(values)) if half_life is None else 0.5 ** (np.arange(len(values))[::-1] / half_life)
    slopes, _ = _solve(design[there], values[there], weight[there])
    rest = _subtract(values, design @ slopes)
    for _ in range(_ROUNDS):
        lag_filter = fit_filter(rest, longest)
        p = len(lag_filter)
        kept = there[p:]
        seen = whiten(design, lag_filter)
        target = whiten(design @ slopes + fill_gaps(rest, lag_filter), lag_filter)
        slopes, inverse = _solve(seen[kept], target[kept], weight[p:][kept])
        slopes[0] = np.average(values[there] - design[there, 1:] @ slopes[1:], weights=weight[there])
        rest = _subtract(values, design @ slopes)
    filled = fill_gaps(rest, lag_filter)
    designs = np.where(kept, weight[p:], 0.0)[:, None] * (seen @ inverse)
    units = np.append(1.0, scale)
    used = np.append(True, differs)
    intercept, slopes = float(slopes[0]), _spread(slopes / units, used)[1:]
    intercept -= float(center @ slopes[differs])
    steps = whiten(filled, lag_filter)
    return Effects(columns.names, intercept, slopes, lag_filter, filled, steps, _spread(seen * units, used), _spread(designs / units, used))


def _subtract(values: FloatArray, expected: FloatArray) -> FloatArray:
    """What is left of values (t,), of which no more than rounding is nothing: a filter of that would be one of chance."""
    rest = values - expected
    return np.where(np.abs(rest) > _TINY * np.nanmax(np.abs(values)), rest, 0.0 * rest)


def _check(values: FloatArray, columns: Columns) -> None:
    """Refuse what cannot be estimated from.

    Raises:
        DataError: as `fit_effects`.
    """
    missing = np.isnan(columns.values)
    if missing.any():
        place, column = np.argwhere(missing)[0]
        raise DataError(
            f"Columns that are known beforehand must be there at every moment, but '{columns.names[column]}' is missing at moment "
            f"{place + 1} of {len(values):,}. Fill it in, or do not name it as known."
        )
    if (n := int((~np.isnan(values)).sum())) < 2:
        raise DataError(f"At least two values of a series were needed, but there {'is one' if n == 1 else 'are none'}. Leave it out.")


def _solve(design: FloatArray, target: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted least squares with the least ridge on all but the first column, and the inverse that it used, shapes (k,) and (k, k)."""
    weighted = (design * weight[:, None]).T
    square = weighted @ design
    penalty = _STRENGTH * np.diag(square)
    inverse = scipy.linalg.pinvh(square + np.diag(np.append(0.0, penalty[1:])))
    return inverse @ (weighted @ target), inverse


def _spread(parts: FloatArray, differs: np.ndarray) -> FloatArray:
    """The last axis where it belongs among all columns, zeros elsewhere."""
    all_columns = np.zeros((*parts.shape[:-1], len(differs)))
    all_columns[..., differs] = parts
    return all_columns
