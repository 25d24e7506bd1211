"""Features that give the answer away: `find_leaks` names those that alone predict almost perfectly."""

from __future__ import annotations

import numpy as np

from weights.data.dataset import Dataset
from weights.data.encoding import Datetime, Numeric
from weights.tasks.base import Task
from weights.tasks.number import ranks
from weights.types import AnyArray, BoolArray, FloatArray, IntArray

_LEAK = 0.985
"""Share of the squared error that one feature alone must explain to be reported (our choice)."""
_N_BINS = 50
_FEWEST_ROWS = 50
_FEWEST_FOR_COPIES = 10


def find_leaks(dataset: Dataset, task: Task, y: AnyArray) -> list[str]:
    """Sentences about features that alone explain at least 98.5 % of the target's variation.

    A feature predicts the rows of one half of the table from those of the other, in two ways, of which the better counts:
    by the mean of its bin (quantiles for numbers, levels for categories, missing apart), and, for numbers, by interpolation
    between neighbouring values. The share explained is 1 - squared error / squared deviation, over both halves and all classes;
    numbers as targets are replaced by their ranks, so that a few large ones cannot hide a copy. That takes fifty rows;
    among fewer, but at least ten, numbers that order all rows exactly as the target does are reported.
    """
    if len(dataset.inputs) < _FEWEST_ROWS:
        return _copies(dataset, task, y)
    wanted = task.indicators(y)
    half = np.random.default_rng(0).permutation(len(dataset.inputs)) % 2
    groups = np.asarray(dataset.encoding.column_groups)
    leaks = []
    for j, (feature, column) in enumerate(zip(dataset.used_features, dataset.encoding.columns, strict=False)):
        inputs = dataset.inputs.x[:, groups == j]
        share = _share_explained(inputs, wanted, half, is_number=isinstance(column, Numeric | Datetime), has_flag=column.missing)
        if share >= _LEAK:
            leaks.append(
                f"'{feature.name}' alone explains {100 * share:.1f} % of '{task.target}': a likely leak. "
                f"If it is only known after the outcome, leave it out with --drop '{feature.name}'"
            )
    return leaks


def _copies(dataset: Dataset, task: Task, y: AnyArray) -> list[str]:
    """Sentences about numbers in the very order of the target (or the reverse), which in ten rows comes by chance once in a million."""
    if not task.numeric or len(np.unique(y)) < _FEWEST_FOR_COPIES:
        return []
    groups, wanted = np.asarray(dataset.encoding.column_groups), ranks(y)
    return [
        f"'{feature.name}' orders all {len(y)} rows as '{task.target}' does: a likely leak. "
        f"If it is only known after the outcome, leave it out with --drop '{feature.name}'"
        for j, (feature, column) in enumerate(zip(dataset.used_features, dataset.encoding.columns, strict=False))
        if isinstance(column, Numeric | Datetime)
        and any(np.array_equal(ranks(sign * dataset.inputs.x[:, np.argmax(groups == j)]), wanted) for sign in (1, -1))
    ]


def _share_explained(inputs: FloatArray, wanted: FloatArray, half: IntArray, *, is_number: bool, has_flag: bool) -> float:
    absent = inputs[:, -1] > 0 if has_flag else np.zeros(len(inputs), bool)
    bins = _quantile_bins(inputs[:, 0], absent) if is_number else _level_bins(inputs)
    spread = np.sum((wanted - wanted.mean(0)) ** 2)
    by_bin = sum(_error(_bin_means(bins, wanted, half != part)[bins], wanted, half == part) for part in (0, 1))
    errors = [by_bin]
    if is_number and (~absent).sum() > 2 and wanted.shape[1] == 1:
        errors.append(sum(_error(_interpolated(inputs[:, 0], absent, wanted, half != part), wanted, half == part) for part in (0, 1)))
    return float(1.0 - min(errors) / spread) if spread > 0 else 0.0


def _level_bins(inputs: FloatArray) -> IntArray:
    """A bin for each different row of encoded levels, shape (n,): rows are distinguished by a random projection."""
    projections = inputs @ np.random.default_rng(0).normal(size=inputs.shape[1])
    return np.unique(projections.round(6), return_inverse=True)[1]


def _quantile_bins(values: FloatArray, absent: BoolArray) -> IntArray:
    """A bin of equal count for each value, shape (n,), and one more for the missing."""
    edges = np.unique(np.quantile(values[~absent], np.linspace(0, 1, _N_BINS + 1)[1:-1])) if (~absent).any() else np.zeros(0)
    return np.where(absent, len(edges) + 1, np.searchsorted(edges, values))


def _bin_means(bins: IntArray, wanted: FloatArray, learn: BoolArray) -> FloatArray:
    """Mean of the wanted columns in each bin, over the rows to learn from, shape (bins, columns)."""
    counts = np.bincount(bins[learn], minlength=bins.max() + 1)
    sums = np.stack([np.bincount(bins[learn], column, minlength=bins.max() + 1) for column in wanted[learn].T], axis=1)
    return np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], wanted[learn].mean(0))


def _interpolated(values: FloatArray, absent: BoolArray, wanted: FloatArray, learn: BoolArray) -> FloatArray:
    """The wanted number of every row between those of its neighbours among the rows to learn from, shape (n, 1)."""
    known = learn & ~absent
    if not known.any():
        return np.full_like(wanted, wanted[learn].mean())
    places, tie = np.unique(values[known], return_inverse=True)
    means = np.bincount(tie, wanted[known, 0]) / np.bincount(tie)
    missing_mean = wanted[learn & absent].mean() if (learn & absent).any() else wanted[learn].mean()
    return np.where(absent, missing_mean, np.interp(values, places, means))[:, None]


def _error(predicted: FloatArray, wanted: FloatArray, check: BoolArray) -> float:
    return float(np.sum((wanted[check] - predicted[check]) ** 2))
