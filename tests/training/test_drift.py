"""Which way prices go is said where something tells it, and nowhere else."""

from __future__ import annotations

import numpy as np

from weights.training.drift import fit_drift


def test_a_planted_signal_is_learned_with_its_size_and_nothing_of_the_others():
    rng = np.random.default_rng(0)
    known = rng.normal(size=(3, 6_000))
    drift = fit_drift(0.5 * known[1] + rng.normal(size=6_000), known, np.arange(6_000) // 10, 1)
    assert drift.rule == "a regression on what is known"
    # Penalty one halves the weight of an input of variance one.
    np.testing.assert_allclose(drift.weights * 2, [0, 0.5, 0], atol=4 / np.sqrt(6_000))
    np.testing.assert_allclose(drift.expect(np.array([[0.0], [2.0], [0.0]])), [0.5], atol=0.15)


def test_zero_answers_where_nothing_tells():
    """By twice the standard error of a difference that is not above zero in truth, at most one of forty tables has another rule."""
    rules = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        rules.append(fit_drift(rng.standard_t(4, size=1_200), rng.normal(size=(5, 1_200)), np.arange(1_200) // 4, 5).rule)
    assert rules.count("zero") >= 39


def test_the_mean_so_far_answers_where_all_prices_rise_alike():
    rng = np.random.default_rng(1)
    drift = fit_drift(1.0 + 0.1 * rng.normal(size=2_000), rng.normal(size=(2, 2_000)), np.arange(2_000), 1)
    np.testing.assert_allclose(drift.expect(np.zeros((2, 1))), [1.0], atol=0.02)


def test_what_is_not_known_is_as_usual_and_windows_that_are_too_few_say_zero():
    rng = np.random.default_rng(2)
    known = rng.normal(size=(1, 3_000))
    drift = fit_drift(known[0] + rng.normal(size=3_000), known, np.arange(3_000), 1)
    np.testing.assert_allclose(drift.expect(np.array([[np.nan]])), [drift.constant])
    assert fit_drift(rng.normal(size=20), rng.normal(size=(1, 20)), np.arange(20), 1).rule == "zero"
    assert fit_drift(np.zeros(0), np.zeros((2, 0)), np.zeros(0, np.int64), 1).expect(np.zeros((2, 3))).tolist() == [0, 0, 0]
    constant = fit_drift(rng.normal(size=500), np.ones((1, 500)), np.arange(500), 1)
    assert np.isfinite(constant.expect(np.array([[2.0]]))).all()
