"""Errors of slopes where rows come in clusters: CR2 with Satterthwaite's degrees of freedom, which hold with few of them.

`Clusters` takes the weighted inputs of a least squares fit once; `Clusters.errors` gives the errors of any slopes of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from weights.types import FloatArray, IntArray

_MOST_CROSS_TERMS = 50_000_000
"""Numbers kept for degrees of freedom; with more (many clusters) they leave out how clusters depend on each other."""
_KNOWN = 0.99
"""Share of the variance of a slope that residuals must tell of, or it has no degrees of freedom."""
_NO_REST = 1e-8
"""A direction of which a cluster alone says all but this share leaves no residuals, which would tell of its noise."""


class ClusterErrors(NamedTuple):
    """The covariance of slopes (b, b), and the degrees of freedom of Student's t for each (b,).

    They are zero where residuals tell nothing of a part of a slope, because one cluster alone says it.
    """

    covariance: FloatArray
    degrees: FloatArray


class _Part(NamedTuple):
    """The rows of a cluster, and what makes residuals as large as their noise: a matrix of rows, or one of inputs between these rows."""

    rows: IntArray
    of_rows: FloatArray | None
    of_inputs: FloatArray | None


class Clusters:
    """The clusters of a least squares fit.

    Residuals of a cluster are too small by what its own rows had a say in. CR2 undoes that for noise that is independent and alike, and
    is nearly unbiased whatever the noise is (Bell and McCaffrey 2002, equation 9; Pustejovsky and Tipton 2018, equation 6). The
    degrees of freedom are those of the chi squared with the same first two moments (Bell and McCaffrey 2002, section 4): few where a
    feature differs between few clusters, or where one cluster outweighs the others.
    """

    def __init__(self, factor: FloatArray, group: IntArray) -> None:
        """From weighted inputs with orthonormal columns (r, q), and the code of each row's cluster (r,)."""
        self.factor = factor
        order = np.argsort(group, kind="stable")
        self.parts = [_correct(factor, rows) for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1)]

    def errors(self, makes: FloatArray, noise: FloatArray) -> ClusterErrors:
        """Errors of slopes makes.T @ (weighted outcome).

        Args:
            makes: what makes the slopes, shape (r, b).
            noise: weighted residuals of the fit, shape (r,).
        """
        q, b, n = self.factor.shape[1], makes.shape[1], len(self.parts)
        sums, own, lengths = np.empty((n, b)), np.empty((n, b)), np.empty((n, b))
        crossed = np.empty((n, q, b)) if n * q * b <= _MOST_CROSS_TERMS else None
        for g, part in enumerate(self.parts):
            rows, local = part.rows, self.factor[part.rows]
            moved = _inflate(part, local, makes[rows])
            sums[g], own[g] = moved.T @ noise[rows], (moved**2).sum(0)
            cross = local.T @ moved
            lengths[g] = (cross**2).sum(0)
            if crossed is not None:
                crossed[g] = cross
        trace, squares = (own - lengths).sum(0), ((own - lengths) ** 2).sum(0)
        if crossed is not None:
            squares = (own**2 - 2 * own * lengths).sum(0) + np.asarray([_sum_of_squares(crossed[:, :, j]) for j in range(b)])
        degrees = np.divide(trace**2, squares, out=np.zeros(b), where=squares > 1e-300)
        # Under noise that is alike the errors are right on average, unless a cluster alone says all of a slope.
        known = trace >= _KNOWN * (makes**2).sum(0)
        return ClusterErrors(sums.T @ sums, np.where(known, degrees, 0.0).clip(0.0, max(n - 1, 0)))


def _correct(factor: FloatArray, rows: IntArray) -> _Part:
    local = factor[rows]
    by_rows = len(rows) < factor.shape[1]
    values, vectors = np.linalg.eigh(local @ local.T if by_rows else local.T @ local)
    rest = 1.0 - values
    inflated = np.divide(1.0, np.sqrt(rest.clip(1e-300)), out=np.zeros(len(rest)), where=rest > _NO_REST)
    if by_rows:
        return _Part(rows, vectors @ (inflated[:, None] * vectors.T), None)
    more = np.divide(inflated - 1.0, values, out=np.full(len(values), 0.5), where=values > _NO_REST)
    return _Part(rows, None, vectors @ (more[:, None] * vectors.T))


def _inflate(part: _Part, local: FloatArray, values: FloatArray) -> FloatArray:
    """(1 - local @ local.T)^(-1/2) @ values, for the inputs (n, q) of a cluster and values (n, b) of its rows."""
    if part.of_rows is not None:
        return part.of_rows @ values
    return values + local @ (part.of_inputs @ (local.T @ values))


def _sum_of_squares(rows: FloatArray) -> float:
    """Of all products between rows (n, q)."""
    return float((((rows.T @ rows) if len(rows) > rows.shape[1] else (rows @ rows.T)) ** 2).sum())
