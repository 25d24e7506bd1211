"""How sure a mean over rows is, where rows are independent, come in groups, or depend on those near them in time.

`error_of_mean` takes what each row contributes to the deviation of a mean (or of a metric: its influence function over n), which sums to
zero, and gives the standard error of their sum with the degrees of freedom of Student's t.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.special

from weights.types import FloatArray, IntArray

FEW_UNITS = 20
"""Groups, or moments that tell as much as independent ones, below which intervals are said to rest on few (our choice)."""
_N_COSINES = 8
_FEWEST_MOMENTS, _FEWEST_EFFECTIVE = 20, 3.0
"""Moments, and as how many independent ones they must count were their correlation two standard errors higher, below which nothing is said
(our choice)."""
_LARGEST_CORRELATION = 0.999


class MeanError(NamedTuple):
    """How sure a mean is.

    Attributes:
        std_err: its standard error.
        degrees: degrees of freedom of Student's t; zero where nothing can be said.
        n_units: as many independent rows, groups, or moments tell as much.
    """

    std_err: float
    degrees: float
    n_units: float

    def half_width(self, level: float = 0.95) -> float | None:
        """How far an interval of this level reaches on either side; None where nothing can be said."""
        return float(scipy.special.stdtrit(self.degrees, (1 + level) / 2) * self.std_err) if self.degrees > 0 else None


def error_of_mean(
    contributions: FloatArray, share: FloatArray, *, group: IntArray | None = None, time: FloatArray | None = None
) -> MeanError:
    """The standard error of a sum of contributions (n,) of mean zero.

    Args:
        contributions: of each row, such as its share of the weight times its distance from the mean.
        share: of each row in the weight, at least zero, adding up to one, shape (n,); rows of none are not there.
        group: codes of rows that depend on each other, shape (n,); without, each row is a group. The error is CR2 with Satterthwaite's
            degrees of freedom (Bell and McCaffrey 2002, sections 3 and 4), which for a mean have a closed form: the usual standard
            error and n - 1 where all groups weigh alike.
        time: when rows were, shape (n,), where those near in time depend on each other; groups come first. The error is then taken from
            the eight slowest cosines (Müller 2007; Lazarus, Lewis, Stock and Watson 2018, equation 10) of a series that was made
            nearly white (Andrews and Monahan 1992), with Student's t of eight degrees. Only the order of moments counts.

    Example:
        >>> values = np.array([1.0, 2.0, 4.0, 5.0])
        >>> error_of_mean((values - values.mean()) / 4, np.full(4, 0.25))  # of the mean, which is 3
        MeanError(std_err=0.912..., degrees=3.0..., n_units=4)
        >>> error_of_mean((values - values.mean()) / 4, np.full(4, 0.25), group=np.array([0, 0, 1, 1]))
        MeanError(std_err=1.5, degrees=1.0, n_units=2)
    """
    there = share > 0
    contributions, share = contributions[there], share[there]
    if group is not None:
        return _of_groups(*_sums(contributions, share, group[there]))
    if time is not None:
        return _of_series(_sums(contributions, share, time[there])[0])
    return _of_groups(contributions, share)


def _sums(contributions: FloatArray, share: FloatArray, unit: FloatArray | IntArray) -> tuple[FloatArray, FloatArray]:
    """Contributions and shares of each unit, in ascending order."""
    _, place = np.unique(unit, return_inverse=True)
    return np.bincount(place, contributions), np.bincount(place, share)


def _of_groups(sums: FloatArray, share: FloatArray) -> MeanError:
    """CR2 of the mean: the sum of a group lacks the part that the group itself has in the mean."""
    if len(sums) < 2:
        return MeanError(0.0, 0.0, len(sums))
    odds = share / (1 - share)
    degrees = 1 / (odds**2 @ (1 - 2 * share) + (share @ odds) ** 2)
    return MeanError(float(np.sqrt(sums**2 @ (1 / (1 - share)))), float(degrees), len(sums))


def _of_series(series: FloatArray) -> MeanError:
    """The error of a sum of contributions in their order of time."""
    n, square = len(series), float(series @ series)
    if n < _FEWEST_MOMENTS or square == 0:
        return MeanError(float(np.sqrt(square)), 0.0, n)
    raw = float(series[1:] @ series[:-1]) / square
    # Estimates of a correlation lie below it, by (1 + 3 rho) / n where the mean is estimated too (Marriott and Pope 1954).
    correlation = float(np.clip(raw + (1 + 3 * raw) / n, 0.0, _LARGEST_CORRELATION))
    highest = min(correlation + 2 * np.sqrt((1 - correlation**2) / n), _LARGEST_CORRELATION)
    known = _count_effective(n, highest) >= _FEWEST_EFFECTIVE
    white = series[1:] - correlation * series[:-1]
    variance = 2 * np.mean((slow_cosines(n - 1) @ white) ** 2) / (1 - correlation) ** 2 * n / (n - 1)
    return MeanError(float(np.sqrt(variance)), float(_N_COSINES) if known else 0.0, _count_effective(n, correlation))


def slow_cosines(n: int) -> FloatArray:
    """The cosines over n moments that long-run variances are taken from, the slowest first, shape (8, n)."""
    return np.cos(np.pi * np.outer(np.arange(1, _N_COSINES + 1), (np.arange(n) + 0.5) / n))


def _count_effective(n: int, correlation: float) -> float:
    """As many independent moments give as precise a mean as n of an autoregression of first order."""
    return n * (1 - correlation) / (1 + correlation)
