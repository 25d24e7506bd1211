"""Averaging members: `average_members` over all of them, `average_out_of_bag` over those that never saw a row.

Outputs are averaged in the space of `Task.normalise`: values, log odds or log probabilities. An average of logs lowers
variance and leaves the bias alone (Gupta et al. 2022, "Ensembles of Classifiers: a Bias-Variance Perspective"). Those of moments are
laid over each other first (`Task.align`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np

from weights.tasks.base import Task
from weights.types import FloatArray, IntArray


def average_members(task: Task, outputs: Iterable[FloatArray], weights: FloatArray) -> FloatArray:
    """The mean (n, k) of the outputs (n, k) of each member for the same rows, by weights (m,) that add up to one."""
    total, mass = np.zeros(task.n_outputs), 0.0
    for weight, own in zip(weights, outputs, strict=True):
        normalised = task.normalise(own)
        if mass:
            normalised = task.align(normalised, functools.partial(np.divide, total, mass))
        total, mass = total + weight * normalised, mass + weight
    return total


def average_out_of_bag(
    task: Task,
    n_samples: int,
    predictions: Iterable[tuple[IntArray, FloatArray]],
) -> tuple[FloatArray, FloatArray]:
    """The mean (n, k) of members' outputs for each row, and of how many members it is, (n,); zeros where of none.

    Args:
        task: whose outputs they are.
        n_samples: number of rows, n.
        predictions: of each member the rows (r,) it never saw, and its outputs for them, shape (r, k).
    """
    total, n_predictions = np.zeros((n_samples, task.n_outputs)), np.zeros(n_samples)
    for rows, outputs in predictions:
        total[rows] += task.align(task.normalise(outputs), functools.partial(_mean_of, rows, total, n_predictions))
        n_predictions[rows] += 1
    return _mean_of(slice(None), total, n_predictions), n_predictions


def _mean_of(rows: IntArray | slice, total: FloatArray, n_predictions: FloatArray) -> FloatArray:
    """The means (r, k) of rows, from sums (n, k) of so many predictions (n,); zeros where there is none."""
    return total[rows] / np.maximum(n_predictions[rows], 1)[:, None]
