"""What an autoregression implies, beside closed forms, other ways to compute it, and a simulation of what least squares misses."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.signal

from weights.inspection.autoregression import Autoregression, debias

TWO = np.array([[0.7, 0.2, 0.1, -0.2], [0.1, 0.6, 0.05, 0.2]])
"""Two channels of two lags."""
SHOCKS = np.array([[1.0, 0.3], [0.3, 2.0]])


def companion_of(coefficients):
    companion = np.eye(coefficients.shape[1], k=-len(coefficients))
    companion[: len(coefficients)] = coefficients
    return companion


def test_the_response_to_a_shock_is_that_of_repeated_steps():
    companion = companion_of(TWO)
    expected = [np.linalg.matrix_power(companion, step)[1, :2] for step in range(6)]
    np.testing.assert_allclose(Autoregression(TWO, SHOCKS).respond(6, channel=1), expected, atol=1e-12)


def test_the_covariance_of_windows_solves_lyapunovs_equation():
    shocks = scipy.linalg.block_diag(SHOCKS, np.zeros((2, 2)))
    expected = scipy.linalg.solve_discrete_lyapunov(companion_of(TWO), shocks)
    np.testing.assert_allclose(Autoregression(TWO, SHOCKS).covariance, expected, atol=1e-10)


def test_scaled_roots_are_those_of_scaled_coefficients():
    scaled, expected = Autoregression(TWO, SHOCKS).scaled(0.9), Autoregression(TWO * 0.9 ** np.array([1, 1, 2, 2]), SHOCKS)
    np.testing.assert_allclose(scaled.respond(8), expected.respond(8), atol=1e-12)
    np.testing.assert_allclose(scaled.bias(3), expected.bias(3), rtol=1e-8)


@pytest.mark.parametrize("weight", [-0.5, 0.2, 0.9])
def test_the_bias_of_one_lag_is_the_one_of_marriott_and_pope(weight):
    process = Autoregression(np.array([[weight]]), np.eye(1))
    assert process.bias(1)[0, 0] == pytest.approx(-(1 + 3 * weight))
    assert process.bias(2)[0, 1] == pytest.approx(-((1 + weight) ** 2 + 4 * weight**2))


def test_the_bias_of_several_channels_is_the_one_of_pope():
    """Matrices as they stand in Pope 1990, for all equations at once."""
    a, process = companion_of(TWO).T, Autoregression(TWO, SHOCKS)
    eye, shocks = np.eye(4), scipy.linalg.block_diag(SHOCKS, np.zeros((2, 2)))
    roots = sum(root * np.linalg.inv(eye - root * a) for root in np.linalg.eigvals(a)).real
    pope = -shocks @ (np.linalg.inv(eye - a) + a @ np.linalg.inv(eye - a @ a) + roots) @ np.linalg.inv(process.covariance)
    for channel in range(2):
        np.testing.assert_allclose(process.bias(1, channel)[:, 0], pope[channel], rtol=1e-8)


def test_the_bias_several_steps_ahead_is_what_least_squares_misses_on_average():
    """20,000 series of 100 values, roots 0.8 and -0.4: within 4 standard errors of the mean, and a tenth for terms of second order."""
    coefficients, n_windows, step = -np.poly([0.8, -0.4])[None, 1:], 95, 4
    shocks = np.random.default_rng(1).normal(size=(20_000, 200))
    values = scipy.signal.lfilter([1.0], [1.0, *-coefficients[0]], shocks)[:, -100:]
    lags = np.stack([values[:, 1:-step], values[:, : -step - 1]], axis=1)
    lags = lags - lags.mean(axis=2, keepdims=True)
    weights = np.linalg.solve(lags @ lags.transpose(0, 2, 1), np.einsum("rkn,rn->rk", lags, values[:, 1 + step :])[:, :, None])[:, :, 0]
    truth = np.linalg.matrix_power(companion_of(coefficients), step)[0]
    bias = Autoregression(coefficients, np.eye(1)).bias(step)[:, -1] / n_windows
    error = weights.std(axis=0) / np.sqrt(len(weights))
    assert np.abs(weights.mean(axis=0) - truth - bias).max() <= (4 * error + 0.1 * np.abs(bias)).max()


def test_the_largest_root_moves_as_it_does_when_coefficients_are_moved():
    process, moved = Autoregression(TWO, SHOCKS), 1e-6 * np.array([[1.0, -2.0, 3.0, 0.5], [0.3, 1.0, -1.0, 2.0]])
    by, along = process.move_of_persistence()
    change = np.log(Autoregression(TWO + moved, SHOCKS).persistence / process.persistence)
    assert (by @ moved @ along).real == pytest.approx(change, rel=1e-4)


def test_the_bias_moves_with_the_largest_root():
    process = Autoregression(np.array([[0.8]]), np.eye(1))
    assert process.bias_of_persistence(1)[0, 0] == pytest.approx(-3 * 0.8, rel=0.01)  # 1 + 3 r, by the log of r


def test_errors_are_widened_by_how_slowly_a_series_moves_about_its_mean():
    one = Autoregression(np.array([[0.9]]), np.eye(1)).stretch(100)[0, 0]
    assert one == pytest.approx(np.sqrt(1 + 2 / (100 * 0.1)))
    np.testing.assert_allclose(Autoregression(TWO, SHOCKS).stretch(10**9), np.eye(4), atol=1e-6)


def test_roots_of_what_is_debiased_stay_below_one():
    assert debias(np.array([[0.999]]), np.eye(1), 100).persistence == pytest.approx(0.99)
    assert debias(np.array([[1.05]]), np.eye(1), 100).persistence == pytest.approx(0.99)


def test_lags_that_do_not_count_at_all_leave_the_process_as_it_is():
    one, many = Autoregression(np.array([[0.5]]), np.eye(1)), Autoregression(np.array([[0.5, 0.0, 0.0]]), np.eye(1))
    np.testing.assert_allclose(many.respond(8), one.respond(8), atol=1e-5)
    np.testing.assert_allclose(many.covariance[0, 0], one.covariance[0, 0], rtol=1e-5)
    assert np.isfinite(many.bias(4)).all()
