"""What a series expects of its next value from those before: an autoregression, found by `fit_filter`, and what is done with it.

`whiten` gives what came beside what was expected, `fill_gaps` what missing values were, given all others, and `clean` the series as it is
good to forecast from: without gaps and without values far from what was expected, each from the past alone.
"""

from __future__ import annotations

import numpy as np
import scipy.signal
import scipy.sparse
import scipy.sparse.linalg

from weights.types import FloatArray

_FARTHEST, _USUAL = 3.0, 0.95
"""Deviations, as the median step tells them, that a step may have in forecasts, and the share of steps left alone (our choice)."""
_NORMAL_MAD = 1.4826
_TINY = 1e-12


def fit_filter(rest: FloatArray, longest: int) -> FloatArray:
    """The autoregression of a series of mean zero, of the length with the least AIC, shape (p,); missing values count as zero.

    Coefficients are Burg's (Maximum entropy spectral analysis, 1967), so that what the filter leaves dies out; of short series that are far
    from white they lie nearer to the truth than those of Yule and Walker.

    Example:
        >>> fit_filter(np.tile([1.0, -1.0], 200), 2).round(2).tolist()
        [-1.0]
    """
    known = np.nan_to_num(rest)
    n = int((~np.isnan(rest)).sum())
    variance = float(known @ known)
    chosen = coefficients = np.zeros(0)
    if variance <= np.finfo(float).tiny:
        return chosen
    least = 0.0
    ahead, behind, loss = known[1:], known[:-1], 0.0
    for _ in range(min(longest, n // 4)):
        squares = float(ahead @ ahead + behind @ behind)
        if squares <= _TINY * variance:
            break
        partial = 2 * float(ahead @ behind) / squares
        coefficients = np.append(coefficients - partial * coefficients[::-1], partial)
        loss += n * np.log(max(1 - partial**2, _TINY)) + 2
        ahead, behind = (ahead - partial * behind)[1:], (behind - partial * ahead)[:-1]
        if loss < least - 1e-9:
            least, chosen = loss, coefficients
    return chosen


def whiten(series: FloatArray, lag_filter: FloatArray) -> FloatArray:
    """What a filter does not expect of a series or of columns, from the first moment on that has p before it, shape (t - p, ...).

    Example:
        >>> whiten(np.array([1.0, 2.0, 4.0, 9.0]), np.array([2.0])).tolist()
        [0.0, 0.0, 1.0]
    """
    taps = np.concatenate([[1.0], -lag_filter])
    return scipy.signal.lfilter(taps, [1.0], series, axis=0)[len(lag_filter) :]


def fill_gaps(rest: FloatArray, lag_filter: FloatArray) -> FloatArray:
    """The series, shape (t,), with missing values as the filter expects them given all others: they make its steps as small as can be."""
    missing = np.isnan(rest)
    known = np.where(missing, 0.0, rest)
    p = len(lag_filter)
    if not missing.any() or p == 0 or len(rest) <= p:
        return known
    taps = np.concatenate([-lag_filter[::-1], [1.0]])
    steps = scipy.sparse.diags_array(list(taps), offsets=list(range(p + 1)), shape=(len(rest) - p, len(rest)), format="csc")
    unknown = steps[:, np.flatnonzero(missing)]
    square = (unknown.T @ unknown + _TINY * scipy.sparse.eye_array(int(missing.sum()))).tocsc()
    known[missing] = scipy.sparse.linalg.spsolve(square, -(unknown.T @ (steps @ known)))
    return known


def find_farthest(rest: FloatArray, lag_filter: FloatArray) -> float:
    """How far a value may lie from what the filter expects before `clean` moves it, in its unit.

    Three deviations, as the median step tells them, but so far that 95 % of the steps stay as they are, where most are none as well.
    """
    steps = np.abs(whiten(rest, lag_filter))
    return max(_FARTHEST * _NORMAL_MAD * float(np.median(steps)), float(np.quantile(steps, _USUAL))) if len(steps) else np.inf


def clean(rest: FloatArray, lag_filter: FloatArray, farthest: float) -> FloatArray:
    """The series with missing values as the filter expects them from the past alone, and steps of `farthest` at most, shape (t,).

    A value far from what was expected is replaced by the nearest that is not (the filter of Martin and Thomson, Robust-resistant spectrum
    estimation, 1982), so that a strange day is not repeated a week later, while a series that stays where it went is followed. The first p
    values stay as they are, missing ones zero.

    Example:
        >>> clean(np.array([0.0, 0.5, np.nan, 9.0, 0.0]), np.array([0.5]), 2.0).tolist()
        [0.0, 0.5, 0.25, 2.125, 0.0]
    """
    p, n = len(lag_filter), len(rest)
    taps, newest_last = np.concatenate([[1.0], -lag_filter]), lag_filter[::-1]
    missing = np.isnan(rest)
    cleaned = np.where(missing, 0.0, rest)
    if n <= p:
        return cleaned
    strange = missing[p:] | (np.abs(whiten(cleaned, lag_filter)) > farthest)
    places = p + np.flatnonzero(strange)
    begin = p
    while (i := int(np.searchsorted(places, begin))) < len(places):  # only strange values are visited, and those whose past they are
        t = int(places[i])
        while t < n:
            expected = float(newest_last @ cleaned[t - p : t])
            cleaned[t] = expected if missing[t] else expected + min(max(cleaned[t] - expected, -farthest), farthest)
            begin = t + 1 + p
            if not (n_near := min(p, n - t - 1)):
                break
            steps = np.convolve(cleaned[t + 1 - p : t + 1 + n_near], taps, "valid")
            again = np.flatnonzero(missing[t + 1 : t + 1 + n_near] | (np.abs(steps) > farthest))
            t = t + 1 + int(again[0]) if len(again) else n
    return cleaned
