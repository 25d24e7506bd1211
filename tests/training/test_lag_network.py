"""A network learns what is left that bends, is judged in time that its members left out, and is not there where nothing is left."""

from __future__ import annotations

import numpy as np
import pytest

from weights.training import lag_network
from weights.training.control import Control
from weights.training.lag_network import Examples, Windows, concatenate_examples, describe_windows, fit_lag_network, leave_out_stretches

N, N_LAGS, HORIZON = 3_000, 6, 2
CONTROL = Control(n_threads=1)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(lag_network, "_N_STEPS", 400)


def examples(left, seed: int = 0) -> Examples:
    """Windows of noise, whose last value tells what is left."""
    rng = np.random.default_rng(seed)
    rest = rng.normal(size=(N, N_LAGS))
    noise = 0.3 * rng.normal(size=(N, HORIZON))
    windows = Windows(rest, np.zeros((N, HORIZON)), np.zeros((N, 0)), np.zeros((N, 1)))
    return Examples(windows, left(rest[:, -1:]) + noise, np.ones(N), np.arange(N) // 3)


def test_what_bends_is_learned_and_added_to_windows_that_were_never_seen():
    network = fit_lag_network(examples(lambda last: np.abs(last) - 0.8), CONTROL)
    assert network is not None
    new = examples(lambda last: np.abs(last) - 0.8, seed=1)
    errors = np.abs(new.left - network.correct(new.windows)).mean()
    # Noise of deviation 0.3 has a mean absolute error of 0.24, and without the network 0.55.
    assert errors < 0.3
    assert 0.3 < network.settings.gain < 0.6


def test_where_noise_is_left_there_is_no_network():
    assert fit_lag_network(examples(lambda last: 0.0 * last), CONTROL) is None


def test_where_no_member_stays_finite_there_is_no_network(monkeypatch):
    monkeypatch.setattr(lag_network, "_LEARNING_RATE", 1e30)
    assert fit_lag_network(examples(np.abs), CONTROL) is None


def test_the_same_seed_gives_the_same_network():
    first, again = (fit_lag_network(examples(np.abs), CONTROL, seed=3) for _ in range(2))
    windows = examples(np.abs, seed=1).windows
    np.testing.assert_array_equal(first.correct(windows), again.correct(windows))


def test_corrections_are_in_units_of_the_window():
    network = fit_lag_network(examples(lambda last: np.abs(last) - 0.8), CONTROL)
    windows = examples(np.abs, seed=1).windows
    one = network.correct(windows)
    assert one.shape == (N, HORIZON)
    rows = Windows(*(own[:7] for own in windows))
    # Programs of other numbers of rows add in another order, in float32.
    np.testing.assert_allclose(network.correct(rows), one[:7], atol=1e-5)


def test_no_member_learns_from_steps_of_the_stretch_it_is_judged_on():
    moment, horizon = np.repeat(np.arange(40), 2), 5
    rows = leave_out_stretches(moment, 4, horizon)
    assert (rows.scored.sum(axis=0) == 1).all()
    for counts, scored in zip(rows.counts, rows.scored, strict=True):
        judged = {m + step for m in moment[scored] for step in range(1, horizon + 1)}
        learned = {m + step for m in moment[counts > 0] for step in range(1, horizon + 1)}
        assert not judged & learned
        assert learned


def test_a_window_looks_the_same_at_every_level_but_for_the_level():
    known = examples(np.abs).windows
    shifted = known._replace(rest=known.rest + 5, forecasts=known.forecasts + 5)
    (x, spread), (other, same) = describe_windows(known), describe_windows(shifted)
    np.testing.assert_allclose(spread, same)
    moved = np.flatnonzero(~np.isclose(x, other, atol=1e-9).all(axis=0))
    assert moved.tolist() == [N_LAGS + 2]


def test_examples_of_series_stand_behind_each_other():
    a, b = examples(np.abs), examples(np.abs, seed=1)
    both = concatenate_examples([a, b])
    np.testing.assert_array_equal(both.windows.rest[N:], b.windows.rest)
    np.testing.assert_array_equal(both.left[:N], a.left)
