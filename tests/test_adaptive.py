"""Bounds of steps ahead against noise that is known, steady or changing; `benchmarks/bands.py` measures them on real series."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from weights.adaptive import AdaptiveBounds, fit_bounds
from weights.errors import DataError, UsageError
from weights.errorsizes import known_at


def walk(errors: np.ndarray, n_fitted: int, level: float, **options) -> tuple[np.ndarray, AdaptiveBounds]:
    """Which errors (S, O, H), one origin a moment, lay within bounds issued at each origin from `n_fitted` on, and the last bounds."""
    origins, within = np.arange(errors.shape[1]), []
    bounds = fit_bounds(errors, origins, moment=n_fitted, **options)
    for moment in range(n_fitted, errors.shape[1]):
        issued = bounds.bounds(np.zeros(errors[:, 0].shape), level)
        within.append((issued.low <= errors[:, moment]) & (errors[:, moment] <= issued.high))
        bounds = bounds.update(known_at(errors, origins, moment + 1))
    return np.stack(within, axis=1), bounds


def autoregressive_errors(noise: np.ndarray, horizon: int, share: float = 0.7) -> np.ndarray:
    """Errors of the best forecasts of a series that keeps a share of its value and adds noise (S, t), shape (S, t - horizon, horizon)."""
    errors, n = np.zeros((*noise.shape, horizon)), noise.shape[1]
    for h in range(horizon):
        errors[:, : n - h - 1, h] = (share * errors[:, : n - h - 1, h - 1] if h else 0.0) + noise[:, h + 1 :]
    return errors[:, : n - horizon]


@pytest.mark.parametrize("noise", [scipy.stats.norm(), scipy.stats.expon()], ids=["normal", "skewed"])
def test_bounds_of_an_exchangeable_series_hold_exactly_their_level(noise):
    """One error each of 39 series, and a 40th of which none is known: ranks 1 and 39 are its bounds of 95 % whatever the noise."""
    shares = []
    for seed in range(300):
        errors = np.append(noise.rvs(39, random_state=seed), np.nan).reshape(40, 1, 1)
        issued = fit_bounds(errors, np.zeros(1), moment=1, units=np.ones(40)).bounds(np.zeros((40, 1)), 0.95)
        shares.append(noise.cdf(issued.high[-1, 0]) - noise.cdf(issued.low[-1, 0]))
    # What lies between these ranks is distributed as Beta(38, 2), of deviation 0.034; four standard errors of the mean.
    assert np.mean(shares) == pytest.approx(0.95, abs=4 * scipy.stats.beta(38, 2).std() / np.sqrt(300))


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_bounds_hold_at_each_step_of_an_autoregression(level):
    errors = autoregressive_errors(np.random.default_rng(1).normal(size=(1, 2_500)), 8)
    within, _ = walk(errors, 800, level)
    by_step = within.mean(axis=(0, 1))
    # 1,692 origins, 800 scores: four binomial deviations of both, of errors of which up to (1 + 0.7) / (1 - 0.7) in a row tell the same.
    alike = np.minimum(np.arange(1, 9), 1.7 / 0.3)
    assert (np.abs(by_step - level) < 4 * np.sqrt(level * (1 - level) * alike * (1 / 1_692 + 1 / 800))).all()
    assert within.mean() == pytest.approx(level, abs=0.03)


def test_bounds_follow_a_change_of_scale_and_of_level_where_fixed_ones_fail():
    random = np.random.default_rng(2)
    noise = random.normal(size=(1, 3_000))
    noise[:, 1_000:] *= 3.0
    errors = autoregressive_errors(noise, 6)
    errors[:, 2_000:] += 2.0  # a level that the model does not know
    within, _ = walk(errors, 800, 0.8)
    fixed = np.quantile(np.abs(errors[:, :794]), 0.8, axis=1)[:, None]
    later = slice(1_300 - 800, None)
    assert (np.abs(errors[:, 1_300:]) <= fixed).mean() < 0.5
    # Of 1,700 origins, of which six in a row tell the same, the share has a deviation of 2.4 points; besides it has to follow the level.
    assert within[:, later].mean() == pytest.approx(0.8, abs=0.05)
    assert within[:, later].mean(axis=(0, 1)) == pytest.approx(0.8, abs=0.1)


def test_bounds_of_a_short_series_hold_their_level():
    """60 values to learn from, 12 steps ahead, 120 series, each alone."""
    noise = np.random.default_rng(3).normal(size=(120, 72))
    errors = autoregressive_errors(noise, 12, share=0.5)
    shares = np.empty((120, 2))
    for one in range(120):
        bounds = fit_bounds(errors[[one]], np.arange(60), moment=59)
        for i, level in enumerate((0.8, 0.95)):
            issued = bounds.bounds(np.zeros(12), level)
            shares[one, i] = np.mean((issued.low <= errors[one, 59]) & (errors[one, 59] <= issued.high))
    chance = 4 * shares.std(axis=0) / np.sqrt(120)
    assert (np.abs(shares.mean(axis=0) - [0.8, 0.95]) < np.maximum(chance, 0.03)).all()


def test_what_is_not_known_yet_has_no_say():
    random = np.random.default_rng(4)
    errors, origins = random.normal(size=(2, 60, 5)), np.arange(60)
    changed = np.where(origins[:, None] + np.arange(1, 6) > 50, 1e6, errors)
    forecast = random.normal(size=(2, 5))
    both = [fit_bounds(of, origins, moment=50, seasons=(7,)).bounds(forecast, 0.9) for of in (errors, changed)]
    np.testing.assert_array_equal(both[0].low, both[1].low)
    assert np.isnan(known_at(errors, origins, 63)[:, :3]).all()
    np.testing.assert_array_equal(known_at(errors, origins, 63)[:, 3:], [row[[59, 58], [3, 4]] for row in errors])


def test_each_series_has_bounds_of_its_own_size_and_one_without_errors_those_of_its_unit():
    random = np.random.default_rng(5)
    units = np.array([1.0, 10.0, 100.0, 7.0])
    errors = random.normal(size=(4, 200, 3)) * units[:, None, None]
    errors[3] = np.nan
    issued = fit_bounds(errors, np.arange(200), moment=202, units=units).bounds(np.zeros((4, 3)), 0.8)
    # Sizes are means of 200 and of the last moments: 8 % off, of four deviations.
    assert issued.high / units[:, None] == pytest.approx(np.full((4, 3), scipy.stats.norm.ppf(0.9)), rel=0.35)
    assert issued.high[3] / 7 == pytest.approx(np.mean(issued.high[:3] / units[:3, None], axis=0), rel=0.2)


def test_a_season_in_the_size_of_errors_is_taken_where_there_is_one():
    random = np.random.default_rng(6)
    scale = np.where(np.arange(1_200) % 7 < 5, 1.0, 4.0)
    seasonal = autoregressive_errors((scale * random.normal(size=1_200))[None], 4, share=0.0)
    bounds = fit_bounds(seasonal, np.arange(1_196), moment=1_199, seasons=(24, 7))
    issued = bounds.bounds(np.zeros(4), 0.9)  # moments 1,200 to 1,203, of phases 3, 4, 5, 6
    assert bounds.season == 7
    half = scipy.stats.norm.ppf(0.95) * np.array([1.0, 1.0, 4.0, 4.0])
    assert (issued.high - issued.low) / 2 == pytest.approx(half, rel=0.3)
    steady = autoregressive_errors(random.normal(size=(1, 1_200)), 4)
    assert fit_bounds(steady, np.arange(1_196), moment=1_199, seasons=(24, 7)).season == 1


def test_paths_are_distributed_as_the_bounds_at_each_step_and_depend_on_one_another_as_errors_did():
    """Errors of a random walk: those of a path add up, so that the sum over steps has a variance of 1 + 4 + ... + H^2."""
    errors = autoregressive_errors(np.random.default_rng(7).normal(size=(1, 3_000)), 6, share=1.0)
    bounds, forecast = fit_bounds(errors, np.arange(2_994), moment=2_994), np.arange(6.0)
    paths = bounds.sample_paths(forecast, 20_000, seed=0)
    assert paths.shape == (20_000, 6)
    for p in (0.05, 0.5, 0.9):
        share = (paths <= bounds.quantile(forecast, p)).mean(axis=0)
        assert share == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 20_000))
    truth = np.sqrt(np.sum(np.arange(1, 7) ** 2))
    # The deviation of 400 rows in ranks is 4 % off, expected sizes are about 8 % off.
    assert (paths - forecast).sum(axis=1).std() == pytest.approx(truth, rel=0.25)
    apart = np.sqrt(np.sum((paths - forecast).std(axis=0) ** 2))
    assert (paths - forecast).sum(axis=1).std() > 1.8 * apart
    np.testing.assert_array_equal(paths[:5], bounds.sample_paths(forecast, 20_000, seed=0)[:5])


def test_quantiles_stay_in_order_and_values_that_did_not_come_change_no_bound():
    random = np.random.default_rng(8)
    bounds = fit_bounds(random.normal(size=(3, 100, 5)), np.arange(100), moment=100)
    missing = bounds.update(np.full((3, 5), np.nan))
    assert missing.moment == 101
    np.testing.assert_array_equal(missing.quantiles, bounds.quantiles)
    for _ in range(300):
        bounds = bounds.update(random.choice([-30.0, 0.0, 0.1], size=(3, 5)))
        assert (np.diff(bounds.quantiles, axis=1) >= 0).all()
        assert np.isfinite(bounds.expected_sizes()).all()


def test_a_forecast_that_is_never_wrong_has_bounds_without_width():
    bounds = fit_bounds(np.zeros((2, 30, 3)), np.arange(30), moment=32, seasons=(7,))
    issued = bounds.bounds(np.ones((2, 3)), 0.95)
    assert (issued.low == 1.0).all()
    assert (issued.high == 1.0).all()
    assert np.isfinite(bounds.update(np.ones((2, 3))).bounds(np.ones((2, 3)), 0.95).high).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 5), (3, 2, 7), (1, 3, 720)])
def test_few_errors_give_finite_bounds_that_are_wider_than_they_are(shape):
    errors = np.random.default_rng(9).normal(size=shape)
    bounds = fit_bounds(errors, np.arange(shape[1]), moment=shape[1], seasons=(2,))
    issued = bounds.bounds(np.zeros((shape[0], shape[2])), 0.9)
    assert np.isfinite(issued.low).all()
    assert (issued.high - issued.low > np.abs(errors[:, -1, :1])).all()
    assert bounds.sample_paths(np.zeros((shape[0], shape[2])), 3, seed=0).shape == (shape[0], 3, shape[2])


def test_origins_may_lie_apart():
    errors = np.random.default_rng(10).normal(size=(5, 400, 6))
    every, some = (fit_bounds(errors[:, ::step], np.arange(0, 400, step), moment=404) for step in (1, 5))
    halves = [of.bounds(np.zeros((5, 6)), 0.8).high.mean() for of in (every, some)]
    assert halves == pytest.approx([scipy.stats.norm.ppf(0.9)] * 2, rel=0.15)


def test_errors_that_give_no_bounds_are_refused():
    origins = np.arange(3)
    with pytest.raises(DataError, match="but there is none"):
        fit_bounds(np.full((1, 3, 2), np.nan), origins, moment=5)
    with pytest.raises(DataError, match="but there is none"):
        fit_bounds(np.ones((1, 3, 2)), origins, moment=0)
    with pytest.raises(DataError, match="must be finite"):
        fit_bounds(np.full((1, 3, 2), np.inf), origins, moment=5)
    bounds = fit_bounds(np.ones((1, 3, 2)), origins, moment=5)
    with pytest.raises(DataError, match="must be finite"):
        bounds.update(np.array([np.inf, 0.0]))
    with pytest.raises(UsageError, match="between 0 and 1"):
        bounds.bounds(np.zeros(2), 95)


def test_a_further_series_has_bounds_of_the_size_of_its_own_errors_as_if_it_had_been_there():
    random = np.random.default_rng(0)
    errors, further = random.normal(size=(3, 200, 2)), 4 * random.normal(size=(1, 200, 2))
    bounds = fit_bounds(errors, np.arange(200), moment=200)
    with_it = bounds.with_series(further, np.arange(200), bounds.expect_of_another()[None])
    assert (with_it.prior.shape, with_it.issued.shape) == ((4, 2), (2, 4, 2))
    np.testing.assert_array_equal(with_it.expected_sizes()[:3], bounds.expected_sizes())
    fitted = fit_bounds(np.concatenate([errors, further]), np.arange(200), moment=200)
    np.testing.assert_allclose(with_it.expected_sizes()[3], fitted.expected_sizes()[3], rtol=0.03)  # priors differ, by two moments of 200


def test_what_is_expected_of_another_series_holds_an_error_of_any_as_often_as_of_one():
    """Sizes of 0.2 to 3: within bounds of the mean size fewer than 80 % lie, since most that lie beyond are of large ones."""
    random = np.random.default_rng(1)
    sizes = np.geomspace(0.1, 10, 40)
    bounds = fit_bounds(sizes[:, None, None] * random.normal(size=(40, 300, 1)), np.arange(300), moment=300)
    nothing = np.full((1, 0, 1), np.nan)
    another = bounds.with_series(nothing, np.arange(0), bounds.expect_of_another()[None]).bounds(np.zeros((41, 1)), 0.9)
    inside = np.abs(random.choice(sizes, 20_000) * random.normal(size=20_000)) <= another.high[-1, 0]
    assert inside.mean() == pytest.approx(0.9, abs=0.02)  # 1 % is the error of a quantile of 40 series
    alike = bounds.expect_of_another(random.normal(size=(500, 1)))
    assert alike == pytest.approx(np.sqrt(2 / np.pi), rel=0.15)
