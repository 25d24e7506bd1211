"""Features that give the answer away: `find_leaks` names those that alone predict almost perfectly."""

from __future__ import annotations

import numpy as np

from weights.data.dataset import Dataset
from weights.task import Task
from weights.types import AnyArray, FloatArray, IntArray

_LEAK = 0.985
"""Share of the squared error that one feature alone must explain to be reported (our choice)."""
_N_BINS = 50
_FEWEST_ROWS = 50


def find_leaks(dataset: Dataset, task: Task, y: AnyArray) -> list[str]:
    """Sentences about features that alone explain at least 98.5 % of the target's variation.

    Each feature is cut into bins of equal count (levels for categories); the target's mean in a bin, taken from one half
    of the rows, predicts the other half. The share explained is 1 - squared error / squared deviation, over both halves
    and all classes. Fifty rows are needed to say anything.
    """
    if dataset.n_samples < _FEWEST_ROWS:
        return []
    wanted = y[:, None].astype(np.float64) if task.kind == "regression" else np.eye(len(task.classes))[y]
    half = np.random.default_rng(0).permutation(dataset.n_samples) % 2
    groups = np.asarray(dataset.encoding.groups)
    leaks = []
    for j, feature in enumerate(dataset.used_features):
        share = _share_explained(_bins(dataset.x[:, groups == j]), wanted, half)
        if share >= _LEAK:
            leaks.append(
                f"'{feature.name}' alone explains {100 * share:.1f} % of '{task.target}': a likely leak. "
                f"If it is only known after the outcome, leave it out with --drop '{feature.name}'"
            )
    return leaks


def _bins(inputs: FloatArray) -> IntArray:
    """A bin for each row, shape (n,), from the encoded columns of one feature (n, c)."""
    if inputs.shape[1] > 1:
        return np.unique(inputs.round(6), axis=0, return_inverse=True)[1].ravel() % 10_000
    edges = np.unique(np.quantile(inputs[:, 0], np.linspace(0, 1, _N_BINS + 1)[1:-1]))
    return np.searchsorted(edges, inputs[:, 0])


def _share_explained(bins: IntArray, wanted: FloatArray, half: IntArray) -> float:
    error = 0.0
    for part in (0, 1):
        learn, check = half != part, half == part
        counts = np.bincount(bins[learn], minlength=bins.max() + 1)
        overall = wanted[learn].mean(0)
        sums = np.stack([np.bincount(bins[learn], column, minlength=bins.max() + 1) for column in wanted[learn].T], axis=1)
        means = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], overall)
        error += float(np.sum((wanted[check] - means[bins[check]]) ** 2))
    spread = float(np.sum((wanted - wanted.mean(0)) ** 2))
    return 1.0 - error / spread if spread > 0 else 0.0
