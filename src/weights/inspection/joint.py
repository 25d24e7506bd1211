"""Whether the levels of a category differ at all: `find_p_values`, a permutation test of several slopes together.

Wald's test of many slopes takes the noise of each level from that level's own rows, and finds differences everywhere where these are few.
Here noise is that of the fit without the category, and the reference is what its permutation among rows would give.
"""

from __future__ import annotations

import numpy as np
import scipy.special

from weights.inspection.slopes import NoiseVariance, Rows, Slopes, WithoutInputs, variances_in_time
from weights.types import FloatArray, IntArray

_PRIOR_ROWS = 20.0
"""Rows of noise like that of all others which the variance of each level's noise begins with (our choice)."""
_FEWEST_DEGREES = 1.0
"""Of freedom; with fewer a test says nothing."""


def find_p_values(slopes: Slopes, levels: IntArray, rows: Rows, noise_variance: NoiseVariance) -> dict[str, float]:
    """The p-value of all these slopes being zero, by kind of error; kinds that have none are left out.

    Args:
        slopes: of the category's levels.
        levels: of each row, shape (r,).
        rows: what else is known of them.
        noise_variance: of targets, from their means.
    """
    q = len(slopes.slopes)
    p_values = {kind: _test_by_covariance(slopes, kind) for kind in slopes.covariances}
    without = slopes.without(np.arange(q))
    if without is not None:
        p_values |= _permute(without, _variance_by_level(without, levels, rows.weight, noise_variance), rows)
    return {kind: p for kind, p in p_values.items() if p is not None}


def _test_by_covariance(slopes: Slopes, kind: str) -> float | None:
    """Wald's test, which needs all slopes; with errors of clusters Hotelling's T squared with the fewest degrees of freedom of any slope.

    With d of these, that is Wald's statistic over the number q of slopes times (d - q + 1) / d, with d - q + 1 degrees (Pustejovsky and
    Tipton 2018, section 3.2).
    """
    q, matrix = len(slopes.slopes), slopes.covariances[kind]
    fewest = float(slopes.degrees[kind].min())
    rest = fewest - q + 1 if kind == "cluster" else fewest
    if rest < _FEWEST_DEGREES or not np.isfinite(slopes.slopes).all():
        return None
    wald = max(float(slopes.slopes @ np.linalg.pinv(matrix, hermitian=True) @ slopes.slopes), 0.0)
    return float(scipy.special.fdtrc(q, rest, wald / q * (rest / fewest)))


def _variance_by_level(without: WithoutInputs, levels: IntArray, weight: FloatArray, noise_variance: NoiseVariance) -> FloatArray:
    """The variance of each row's noise, alike in the rows of a level, shape (r,).

    Where the task knows it from what is expected, that; otherwise from the noise around the level's mean. Both begin with what all rows
    show, as variances of few numbers should (Smyth 2004).
    """
    used, known = weight > 0, noise_variance(without.expected)
    counts = np.bincount(levels, used).clip(1.0)
    if known is not None:
        squares, degrees = np.bincount(levels, used * known), counts
    else:
        apart = without.noise - (np.bincount(levels, used * without.noise) / counts)[levels]
        squares, degrees = np.bincount(levels, used * apart**2), counts - 1
    pooled = squares.sum() / max(degrees.sum(), 1.0)
    return ((squares + _PRIOR_ROWS * pooled) / (degrees + _PRIOR_ROWS))[levels]


def _permute(without: WithoutInputs, variance: FloatArray, rows: Rows) -> dict[str, float]:
    """The p-values of robust errors and of those of rows near in time.

    The statistic is the share R2 of standardised noise that the inputs explain. Its mean and variance under all permutations of that noise
    (Freedman and Lane 1983) are those of an F test whose degrees of freedom both shrink or grow (Box and Andersen 1955): the variance is
    that of normal noise and a product of how uneven the noise is and how uneven leverage is (Pitman 1938).
    """
    used = (rows.weight > 0) & (variance > 0) & ((without.noise != 0) | without.residuals.any(1))
    noise, root = without.noise[used], np.sqrt(variance[used])
    inputs = without.residuals[used] * (rows.weight[used] * root)[:, None]
    values, vectors = np.linalg.eigh(inputs.T @ inputs)
    kept = values > 1e-10 * max(values[-1], 1e-300)
    basis = inputs @ (vectors[:, kept] / np.sqrt(values[kept]))
    standard = noise / root
    n, q, total = len(noise), int(kept.sum()), float(standard @ standard)
    free = n - without.n_controls
    if free - q < _FEWEST_DEGREES or n < 4 or total == 0:
        return {}
    explained = basis.T @ standard
    share = min(float(explained @ explained) / total, 1 - 1e-15)
    unevenness = n * (n + 1) * ((basis**2).sum(1) ** 2).sum() - (n - 1) * q * (q + 2)
    noisiness = n * (n + 1) * (standard**4).sum() / total**2 - 3 * (n - 1)
    spread = 2 * q * (free - q) / (free**2 * (free + 2)) + unevenness * noisiness / ((n + 1.0) * n * (n - 1) * (n - 2) * (n - 3))
    shrunk = (q / free * (1 - q / free) / spread - 1) / (free / 2)
    statistic = share / q / ((1 - share) / (free - q))

    def p_value(growth: float) -> float:
        return float(scipy.special.fdtrc(max(shrunk * q, 1e-3), max(shrunk * (free - q), 1e-3), statistic / growth))

    p_values = {"robust": p_value(1.0)}
    if rows.time is not None:
        # Divided by how much larger the variances are for dependence in time, on average (Rao and Scott 1981).
        scores = basis * standard[:, None]
        dependent = variances_in_time(scores, rows.time[used]).sum()
        p_values["hac"] = p_value(max(dependent / max(float((scores**2).sum()), 1e-300), 1.0))
    return p_values
