"""Paths have the spread and the steps of the past, bounds hold their level, and which way prices go is what the drift says."""

from __future__ import annotations

import numpy as np
import pytest

from weights.data.series.finance import QUANTITIES
from weights.finance.history import PriceHistory
from weights.finance.paths import PathModel, fit_paths, follow_paths, spread_steps
from weights.training.drift import Drift
from weights.training.volatility import Volatility

H = 10


def draw_history(n_moments, n_shares, *, seed, persistence=0.97, together=0.0):
    """Prices whose volatility changes slowly, that of all shares in part."""
    rng = np.random.default_rng(seed)
    logs, common = np.zeros((n_moments, n_shares)), np.zeros(n_moments)
    for t in range(1, n_moments):
        logs[t] = persistence * logs[t - 1] + 0.15 * rng.normal(size=n_shares)
        common[t] = persistence * common[t - 1] + 0.15 * rng.normal()
    spread = np.exp((1 - together) * logs + together * common[:, None])
    shocks = (1 - together) * rng.normal(size=logs.shape) + together * rng.normal(size=(n_moments, 1))
    return PriceHistory(0, 100 * np.exp(np.cumsum(0.01 * spread * shocks, axis=0)))


def model_of(shapes, drift=0.0):
    """A model whose paths have these shapes, each as likely, and which says nothing of volatility."""
    horizon = shapes.shape[1]
    nothing = np.zeros(0)
    volatility = Volatility(np.zeros((0, horizon)), nothing, np.zeros(horizon), 1.0, {})
    ranks = np.repeat(np.linspace(0, 1, 101)[:, None], horizon, axis=1)
    return PathModel(volatility, Drift(nothing, nothing, nothing, drift, "zero"), shapes, ranks, np.full(horizon, 1e9))


def test_errors_that_cancel_within_a_path_leave_no_return_at_its_end():
    shapes = np.array([[0.1, -0.1], [-0.1, 0.1]])
    one, steps = (np.zeros(1), np.ones((1, 2))), np.array([1, 2])
    cumulative = model_of(shapes).follow(QUANTITIES["log-returns"], *one, steps, [0.8])
    np.testing.assert_allclose([cumulative.mean[0, 1], cumulative.low[0, 0, 1], cumulative.high[0, 0, 1]], 0.0, atol=1e-12)
    falls = follow_paths(QUANTITIES["drawdown"], *one, shapes)
    np.testing.assert_allclose(falls.mean(axis=1)[0], (1 - np.exp(-0.1)) * np.array([0.5, 1.0]))


def test_probabilities_of_direction_and_bounds_of_returns_hold_on_a_random_walk():
    """With shapes of other paths of the same walk: even odds without a drift, and bounds of level 80 % hold 80 %."""
    rng = np.random.default_rng(4)
    shapes, steps = (0.01 * rng.standard_t(5, size=(2_000, H)) for _ in range(2))
    model, at = model_of(shapes), np.arange(1, H + 1)
    one = np.zeros(1), np.ones((1, H))
    np.testing.assert_allclose(model.follow(QUANTITIES["direction"], *one, at).mean, 0.5)
    bounds = model.follow(QUANTITIES["returns"], *one, at, [0.8])
    came = QUANTITIES["returns"].outcome(np.expm1(steps))
    held = ((came >= bounds.low[0]) & (came <= bounds.high[0])).mean(axis=0)
    np.testing.assert_allclose(held, 0.8, atol=4 * np.sqrt(2 * 0.8 * 0.2 / 2_000))  # of both samples, four standard errors


def test_a_drift_moves_what_is_expected_and_paths_that_are_skewed_do_not():
    skewed = np.random.default_rng(5).exponential(size=(500, 3)) - 1
    at, spread = np.arange(1, 4), np.full((1, 3), 0.02)
    for name, neutral in (("returns", 0.0), ("log-returns", 0.0), ("direction", 0.5)):
        still = model_of(skewed).follow(QUANTITIES[name], np.zeros(1), spread, at).mean
        np.testing.assert_allclose(still, neutral, atol=1e-12)
        assert (model_of(skewed).follow(QUANTITIES[name], np.full(1, 0.01), spread, at).mean > neutral).all()
    moved = model_of(skewed).follow(QUANTITIES["log-returns"], np.full(1, 0.01), spread, at).mean
    np.testing.assert_allclose(moved, [[0.01, 0.02, 0.03]], atol=1e-12)


def test_deviations_of_steps_add_up_to_the_mean_square():
    squares = np.array([[4.0, 3.0, 2.9]])
    np.testing.assert_allclose((spread_steps(squares) ** 2).sum(), 3 * 2.9, rtol=0.01)
    assert (spread_steps(np.array([[4.0, 1.0]])) > 0).all()


@pytest.mark.parametrize(("name", "none_at_all"), [("volatility", 0.0), ("returns", 0.0), ("drawdown", 0.25)])
def test_bounds_hold_their_level_on_later_moments(name, none_at_all):
    """Four standard errors of 20 shares times 29 windows that do not overlap at the last step, of which half tell the same.

    Of two steps a quarter is without any fall, which lies within all bounds, so that they hold more.
    """
    history, cut = draw_history(900, 20, seed=3), 600
    model, _ = fit_paths(QUANTITIES[name], history.until(cut), H)
    steps, origins = np.array([2, H]), np.arange(cut, 890, 3)
    outlook = model.expect(QUANTITIES[name], history, origins, steps=steps, levels=(0.8, 0.95))
    came = np.stack([history.observe(QUANTITIES[name], s, H)[origins][:, steps - 1] for s in range(20)], axis=1)
    for i, level in enumerate((0.8, 0.95)):
        held = ((outlook.low[i] <= came) & (came <= outlook.high[i])).mean(axis=(0, 1))
        tail = (1 - level) / 2
        np.testing.assert_allclose(
            held, [level + tail * (none_at_all > tail), level], atol=4 * np.sqrt(level * (1 - level) / (20 * 29 / 2))
        )


def test_volatility_that_is_expected_is_that_of_the_regression():
    history = draw_history(500, 5, seed=6)
    model, _ = fit_paths(QUANTITIES["volatility"], history, H)
    origins, steps = np.array([450, 480]), np.arange(1, H + 1)
    paths = model.expect(QUANTITIES["volatility"], history, origins, steps=steps).mean
    regression = model.volatility.forecast(history.squares, history.measures, origins)
    np.testing.assert_allclose(paths, regression, rtol=0.02)  # but for the least share that a step adds


def test_nothing_that_is_said_moves_when_all_later_prices_change():
    history = draw_history(500, 4, seed=7)
    model, _ = fit_paths(QUANTITIES["returns"], history.until(400), H)
    other = PriceHistory(0, np.vstack([history.close[:451], 3 * draw_history(49, 4, seed=8).close]))
    asked = {"steps": np.array([1, H]), "levels": (0.8,)}
    for own, changed in zip(
        model.expect(QUANTITIES["returns"], history, np.array([420, 450]), **asked),
        model.expect(QUANTITIES["returns"], other, np.array([420, 450]), **asked),
        strict=True,
    ):
        np.testing.assert_array_equal(own, changed)
    again, _ = fit_paths(QUANTITIES["returns"], other.until(400), H)
    np.testing.assert_array_equal(again.shapes, model.shapes)
