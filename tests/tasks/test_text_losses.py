"""Compiled losses of texts: gradients are finite, also of texts that do not fit, and margins are those of the surest moment."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from weights.tasks.text_losses import text_functions

FUNCTIONS = text_functions(4, 2)


def test_gradients_are_finite_whatever_is_said():
    outputs = np.random.default_rng(0).normal(size=12).astype(np.float32)
    for y in ([0, 1, -1, -1], [-1, -1, -1, -1], [0, 0, 0, 0]):  # the last would need blanks between, seven moments
        loss, gradient = jax.value_and_grad(FUNCTIONS.loss)(outputs, np.array(y, np.int32))
        assert np.isfinite(loss)
        assert np.isfinite(gradient).all()


def test_what_is_averaged_are_probabilities():
    outputs = np.random.default_rng(1).normal(size=(3, 12)).astype(np.float32)
    sums = np.asarray(FUNCTIONS.normalise(outputs)).reshape(3, 4, 3).sum(2)
    np.testing.assert_allclose(sums, 1, rtol=1e-6)


def test_the_margin_is_that_of_the_surest_moment():
    moments = np.log(np.full((4, 3), 1 / 3, np.float32))
    moments[2] = np.log([0.8, 0.1, 0.1])
    assert float(FUNCTIONS.margin(moments.reshape(1, -1), 0)[0]) == pytest.approx(np.log(4), rel=1e-4)


def test_programs_are_shared_by_tasks_of_as_many_symbols_and_moments():
    assert text_functions(4, 2) is FUNCTIONS
