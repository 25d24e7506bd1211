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


class _Batch(NamedTuple):
    """Clusters of one size n, and what makes residuals as large as their noise.

    rows: of each of c clusters, shape (c, n). of_rows: a matrix of rows (c, n, n), or of_inputs: one of inputs between rows (c, q, q).
    """

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
        self.factor, self.n_clusters = factor, len(np.unique(group))
        order = np.argsort(group, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
        sizes = np.asarray([len(part) for part in parts])
        alike = [np.stack([parts[g] for g in np.flatnonzero(sizes == size)]) for size in np.unique(sizes)]
        self.batches = [_correct(factor, rows) for rows in alike]

    def errors(self, makes: FloatArray, noise: FloatArray) -> ClusterErrors:
        """Errors of slopes makes.T @ (weighted outcome).

        Args:
            makes: what makes the slopes, shape (r, b).
            noise: weighted residuals of the fit, shape (r,).
        """
        q, b, n = self.factor.shape[1], makes.shape[1], self.n_clusters
        sums, own, lengths, crossed = [], [], [], []
        whole = n * q * b <= _MOST_CROSS_TERMS
        for batch in self.batches:
            local = self.factor[batch.rows]
            moved = _inflate(batch, local, makes[batch.rows])
            cross = local.transpose(0, 2, 1) @ moved
            sums.append(np.einsum("cnb,cn->cb", moved, noise[batch.rows]))
            own.append((moved**2).sum(1))
            lengths.append((cross**2).sum(1))
            if whole:
                crossed.append(cross)
        score, square, length = (np.concatenate(each) for each in (sums, own, lengths))
        trace, squares = (square - length).sum(0), ((square - length) ** 2).sum(0)
        if whole:
            between = np.concatenate(crossed)
            squares = (square**2 - 2 * square * length).sum(0) + np.asarray([_sum_of_squares(between[:, :, j]) for j in range(b)])
        degrees = np.divide(trace**2, squares, out=np.zeros(b), where=squares > 1e-300)
        # Under noise that is alike the errors are right on average, unless a cluster alone says all of a slope.
        known = trace >= _KNOWN * (makes**2).sum(0)
        return ClusterErrors(score.T @ score, np.where(known, degrees, 0.0).clip(0.0, max(n - 1, 0)))


def _correct(factor: FloatArray, rows: IntArray) -> _Batch:
    """The correction of clusters of one size, whose rows these are, shape (c, n)."""
    local = factor[rows]
    across = local.transpose(0, 2, 1)
    by_rows = rows.shape[1] < factor.shape[1]
    values, vectors = np.linalg.eigh(local @ across if by_rows else across @ local)
    rest = 1.0 - values
    inflated = np.divide(1.0, np.sqrt(rest.clip(1e-300)), out=np.zeros_like(rest), where=rest > _NO_REST)
    if by_rows:
        return _Batch(rows, (vectors * inflated[:, None, :]) @ vectors.transpose(0, 2, 1), None)
    more = np.divide(inflated - 1.0, values, out=np.full_like(values, 0.5), where=values > _NO_REST)
    return _Batch(rows, None, (vectors * more[:, None, :]) @ vectors.transpose(0, 2, 1))


def _inflate(batch: _Batch, local: FloatArray, values: FloatArray) -> FloatArray:
    """(1 - local @ local.T)^(-1/2) @ values, for the inputs (c, n, q) of clusters and values (c, n, b) of their rows."""
    if batch.of_rows is not None:
        return batch.of_rows @ values
    return values + local @ (batch.of_inputs @ (local.transpose(0, 2, 1) @ values))


def _sum_of_squares(rows: FloatArray) -> float:
    """Of all products between rows (n, q)."""
    return float((((rows.T @ rows) if len(rows) > rows.shape[1] else (rows @ rows.T)) ** 2).sum())
