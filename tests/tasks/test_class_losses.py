"""Derivatives of the losses of classes against differences, and log probabilities against their definition."""

from __future__ import annotations

import numpy as np
import pytest

from weights.tasks.class_losses import evaluate_classes, evaluate_log_odds, log_probabilities

RNG = np.random.default_rng(0)


def test_log_probabilities_are_those_of_the_logistic_function_and_of_softmax():
    odds, logs = RNG.normal(size=(5, 1)), RNG.normal(size=(5, 3))
    np.testing.assert_allclose(np.exp(log_probabilities(odds))[:, 1], 1 / (1 + np.exp(-odds[:, 0])))
    np.testing.assert_allclose(np.exp(log_probabilities(logs)), np.exp(logs) / np.exp(logs).sum(1, keepdims=True))


@pytest.mark.parametrize(("evaluate", "n_outputs"), [(evaluate_log_odds, 1), (evaluate_classes, 3)], ids=["two classes", "three"])
def test_first_derivatives_are_those_of_differences(evaluate, n_outputs):
    outputs, y = RNG.normal(size=(6, n_outputs)), np.arange(6) % max(n_outputs, 2)
    first = evaluate(outputs, y)[1]
    for k in range(n_outputs):
        step = 1e-6 * (np.arange(n_outputs) == k)
        slope = (evaluate(outputs + step, y)[0] - evaluate(outputs - step, y)[0]) / 2e-6
        np.testing.assert_allclose(first[:, k], slope, atol=1e-8)
