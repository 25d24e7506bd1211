"""Averages of members against formulas by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from weights.averaging import average_members, average_out_of_bag
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.number import Number
from weights.tasks.transcripts import WordTranscript

TASKS = [Number("y", center=10.0, scale=2.0), Binary("y", ["no", "yes"]), Multiclass("y", ["a", "b", "c"])]
EACH_TASK = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
WEIGHTS = np.asarray([0.5, 0.25, 0.0, 0.25])


def outputs_of(task, n=6):
    """Of four members for n rows, as models give them, float32, shape (4, n, k)."""
    return np.random.default_rng(0).normal(size=(4, n, task.n_outputs)).astype(np.float32)


@pytest.mark.parametrize("task", TASKS[:2], ids=lambda task: task.kind)
def test_values_and_log_odds_are_averaged_as_they_are(task):
    expected = np.average(outputs_of(task), axis=0, weights=WEIGHTS)
    np.testing.assert_allclose(average_members(task, outputs_of(task), WEIGHTS), expected, rtol=1e-12)


def test_probabilities_of_classes_are_averaged_as_logs():
    task = TASKS[2]
    expected = np.average(np.log(softmax(outputs_of(task).astype(float), axis=2)), axis=0, weights=WEIGHTS)
    np.testing.assert_allclose(average_members(task, outputs_of(task), WEIGHTS), expected, rtol=1e-12)


@EACH_TASK
def test_members_may_come_one_at_a_time(task):
    streamed = average_members(task, iter(outputs_of(task)), WEIGHTS)
    np.testing.assert_array_equal(streamed, average_members(task, outputs_of(task), WEIGHTS))


def test_each_member_has_a_weight():
    with pytest.raises(ValueError, match="longer"):
        average_members(TASKS[0], outputs_of(TASKS[0]), WEIGHTS[:3])


@EACH_TASK
def test_both_averages_agree_where_every_member_answers_every_row(task):
    everything = [(np.arange(6), outputs) for outputs in outputs_of(task)]
    mean, n_predictions = average_out_of_bag(task, 6, everything)
    np.testing.assert_allclose(mean, average_members(task, outputs_of(task), np.full(4, 0.25)), rtol=1e-12)
    np.testing.assert_array_equal(n_predictions, np.full(6, 4))


@EACH_TASK
def test_a_row_is_averaged_over_the_members_that_never_saw_it(task):
    outputs = outputs_of(task)
    rows = [np.asarray([0, 2]), np.asarray([2, 4]), np.asarray([], int), np.asarray([1])]
    mean, n_predictions = average_out_of_bag(task, 6, [(own, outputs[m, own]) for m, own in enumerate(rows)])
    normalised = task.normalise(outputs)
    np.testing.assert_allclose(mean[:3], [normalised[0, 0], normalised[3, 1], normalised[:2, 2].mean(0)], rtol=1e-12)
    np.testing.assert_array_equal(n_predictions, [1, 1, 2, 0, 1, 0])


def test_a_row_that_nobody_answers_is_zero():
    mean, n_predictions = average_out_of_bag(TASKS[2], 2, [(np.asarray([1]), np.ones((1, 3), np.float32))])
    np.testing.assert_array_equal(mean[0], np.zeros(3))
    np.testing.assert_array_equal(n_predictions, [0, 1])


def heard_at(*moments: int) -> np.ndarray:
    """Probabilities (1, 20 * 3) of the first of two words at these moments, and of none elsewhere."""
    told = np.tile([0.01, 0.01, 0.98], (20, 1))
    told[list(moments)] = [0.98, 0.01, 0.01]
    return told.reshape(1, -1)


TEXTS = WordTranscript("text", ["on", "off"], n_moments=20, n_codes=3)


def test_a_word_that_members_hear_at_moments_that_differ_is_one_word():
    members = [heard_at(moment) for moment in (8, 9, 11, 13)]
    np.testing.assert_allclose(average_members(TEXTS, members, np.full(4, 0.25)), heard_at(8), atol=1e-9)
    out_of_bag, _ = average_out_of_bag(TEXTS, 1, [(np.arange(1), own) for own in members])
    np.testing.assert_allclose(out_of_bag, heard_at(8), atol=1e-9)


def test_members_of_a_text_of_which_each_saw_other_rows_are_laid_over_what_answered_them_before():
    early, late = heard_at(8)[0], heard_at(12)[0]
    mean, _ = average_out_of_bag(TEXTS, 3, [(np.array([0, 1]), np.stack([early, early])), (np.array([1, 2]), np.stack([late, late]))])
    np.testing.assert_allclose(mean, [early, early, late], atol=1e-9)
