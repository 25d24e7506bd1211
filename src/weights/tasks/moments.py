"""What members say at moments, laid over each other: `align_moments` moves what one says to where the others say the same.

Members hear a symbol at slightly different moments, as connectionist temporal classification does not care when it is told within a
word. A mean over members at the same moments would hold it several times and each time hardly. Sequences are aligned by dynamic time
warping (Sakoe and Chiba 1978, "Dynamic Programming Algorithm Optimization for Spoken Word Recognition"), in which each moment takes one
of those around it, and a moment may be taken twice or left out.
"""

from __future__ import annotations

import numpy as np

from weights.types import FloatArray

_FURTHEST = 8
"""Moments by which what is said is moved at most (our choice)."""
_MOVED = 1e-3
"""What it costs to leave out a moment or to take it twice where nothing else counts (our choice)."""
_ROWS_AT_ONCE = 256
_NEVER = 1e30


def align_moments(moments: FloatArray, onto: FloatArray) -> FloatArray:
    """Probabilities (n, t, k) whose moments are moved to where `onto` (n, t, k) is most alike, in their order, by eight at most.

    What is found nowhere in `onto` stays about where it was: to leave out a moment costs as much as it differs from those beside it.
    Rows that are to be laid over nothing, zeros, stay as they are.

    Example:
        >>> early, late = np.eye(7)[[1]], np.eye(7)[[3]]  # of one symbol, at the second moment and at the fourth
        >>> align_moments(np.stack([early, 1 - early], 2), np.stack([late, 1 - late], 2))[0, :, 0].tolist()
        [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    """
    aligned, known = moments.copy(), np.flatnonzero(onto.any((1, 2)))
    for begin in range(0, len(known), _ROWS_AT_ONCE):
        rows = known[begin : begin + _ROWS_AT_ONCE]
        aligned[rows] = _align(moments[rows], onto[rows])
    return aligned


def _align(moments: FloatArray, onto: FloatArray) -> FloatArray:
    n, n_moments = moments.shape[:2]
    roots = np.sqrt(moments)
    costs, changes = _compare(roots, np.sqrt(onto)), 1.0 - np.einsum("ntk,ntk->nt", roots[:, 1:], roots[:, :-1])
    beyond = np.full((n, 1), _NEVER)
    # What it costs to leave out the moment before each, with as many beyond both ends as moments are moved.
    left_out = np.pad(np.minimum(np.hstack([beyond, changes]), np.hstack([changes, beyond]))[:, :-1], ((0, 0), (_FURTHEST + 1, _FURTHEST)))
    steps, best = np.zeros((n_moments, n, costs.shape[2]), np.int8), np.full(costs.shape[::2], _NEVER)
    best[:, _FURTHEST] = costs[:, 0, _FURTHEST]
    for t in range(1, n_moments):
        again = np.hstack([best[:, 1:], beyond]) + _MOVED
        skipped = np.hstack([beyond, best[:, :-1]]) + left_out[:, t : t + costs.shape[2]] + _MOVED
        ways = np.stack([best, again, skipped])
        steps[t] = ways.argmin(0)
        best = np.minimum(ways.min(0) + costs[:, t], _NEVER)
    taken, shift, rows = np.zeros((n, n_moments), int), np.full(n, _FURTHEST), np.arange(n)
    for t in range(n_moments - 1, -1, -1):
        taken[:, t] = t + shift - _FURTHEST
        step = steps[t, rows, shift]
        shift = shift + (step == 1) - (step == 2)
    return np.asarray(np.take_along_axis(moments, taken[..., None], 1))


def _compare(roots: FloatArray, onto: FloatArray) -> FloatArray:
    """One minus the Bhattacharyya coefficient of each moment and those around it, (n, t, 2 * furthest + 1), from roots (n, t, k)."""
    n, n_moments = roots.shape[:2]
    costs = np.full((n, n_moments, 2 * _FURTHEST + 1), _NEVER)
    for place in range(costs.shape[2]):
        shift = place - _FURTHEST
        first, end = max(-shift, 0), min(n_moments - shift, n_moments)
        if first < end:
            alike = np.einsum("ntk,ntk->nt", roots[:, first + shift : end + shift], onto[:, first:end])
            costs[:, first:end, place] = 1.0 - alike
    return costs
