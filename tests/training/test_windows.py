"""Sums over windows are those of windows written out, and ridge on them is ridge on rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.linear_model import Ridge

from weights.training.windows import (
    RidgePath,
    refer_to_last,
    refer_to_mean,
    refer_to_nothing,
    refer_to_season,
    sum_windows,
)

L, H, T = 12, 5, 90
VALUES = np.random.default_rng(0).normal(size=T).cumsum()


def write_out(values, edges, n_lags=L, horizon=H):
    """Lags, newest first, and steps of the origins between two edges."""
    windows = sliding_window_view(values, n_lags + horizon)[edges[0] - n_lags + 1 : edges[1] - n_lags + 1]
    return windows[:, n_lags - 1 :: -1] if n_lags == windows.shape[1] else windows[:, :n_lags][:, ::-1], windows[:, n_lags:]


@pytest.mark.parametrize("edges", [[L - 1, T - H], [L - 1, 30, 31, 60, T - H]])
@pytest.mark.parametrize(("n_lags", "horizon"), [(L, H), (3, 11), (1, 1)])
def test_sums_are_those_of_windows_written_out(edges, n_lags, horizon):
    edges = np.clip(edges, n_lags - 1, T - horizon)
    sums = sum_windows(VALUES, n_lags, horizon, edges)
    for k, pair in enumerate(itertools.pairwise(edges)):
        lags, steps = write_out(VALUES, pair, n_lags, horizon)
        assert sums.n[k] == len(lags)
        # Differences of sums of 90 products of up to some hundreds in float64.
        np.testing.assert_allclose(sums.past[k], lags.T @ lags, atol=1e-9)
        np.testing.assert_allclose(sums.cross[k], lags.T @ steps, atol=1e-9)
        np.testing.assert_allclose(sums.future[k], (steps**2).sum(0), atol=1e-9)


def test_parts_add_up_and_errors_follow_from_sums():
    sums = sum_windows(VALUES, L, H, np.asarray([L - 1, 40, T - H]))
    whole = sum_windows(VALUES, L, H, np.asarray([L - 1, T - H]))
    both = sums.weighted(np.asarray([[1.0, 1.0]]))
    for a, b in zip(both, whole, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)
    for a, b in zip(whole.less(both).plus(both), whole, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)
    weights = np.random.default_rng(1).normal(size=(L, H)) / L
    lags, steps = write_out(VALUES, (L - 1, T - H))
    expected = ((steps - lags @ weights) ** 2).sum(0)
    np.testing.assert_allclose(whole.squared_errors(weights)[0], expected, rtol=1e-10)
    few, _ = write_out(VALUES, (L - 1, T - H))
    np.testing.assert_allclose(whole.of_lags(4).past[0], few[:, :4].T @ few[:, :4], atol=1e-9)


REFERENCES = {
    "last": (refer_to_last(L, H), lambda lags: lags[:, :1], lambda lags: lags[:, :1]),
    "mean": (refer_to_mean(L, H), lambda lags: lags.mean(1, keepdims=True), lambda lags: lags.mean(1, keepdims=True)),
    "season": (refer_to_season(L, H, 4), lambda lags: lags[:, [3, 2, 1, 0, 3]], lambda lags: lags[:, :4].mean(1, keepdims=True)),
    "nothing": (refer_to_nothing(L, H), lambda lags: 0.0, lambda lags: 0.0),
}


@pytest.mark.parametrize("strength", [1e-3, 1.0])
@pytest.mark.parametrize("name", [*REFERENCES])
def test_ridge_on_sums_is_ridge_on_rows(name, strength):
    reference, start, level = REFERENCES[name]
    edges = np.asarray([L - 1, T - H])
    sums = sum_windows(VALUES, L, H, edges)
    lags, steps = write_out(VALUES, edges)
    seen = lags - level(lags)
    penalty = strength * np.trace(seen.T @ seen) / L
    ridge = Ridge(alpha=penalty, fit_intercept=False).fit(seen, steps - start(lags))
    weights = RidgePath(sums.at(0), reference).weights(strength)
    # Two solvers of one convex problem in float64.
    np.testing.assert_allclose(lags @ weights, start(lags) + seen @ ridge.coef_.T, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ["last", "mean", "season"])
def test_a_higher_series_is_forecast_higher_by_as_much(name):
    sums = sum_windows(VALUES, L, H, np.asarray([L - 1, T - H]))
    weights = RidgePath(sums.at(0), REFERENCES[name][0]).weights(0.1)
    np.testing.assert_allclose(weights.sum(0), 1.0, atol=1e-9)


def test_a_constant_series_is_forecast_as_it_is():
    sums = sum_windows(np.full(T, 3.0), L, H, np.asarray([L - 1, T - H]))
    weights = RidgePath(sums.at(0), refer_to_last(L, H)).weights(0.1)
    np.testing.assert_allclose(np.full(L, 3.0) @ weights, 3.0)
