"""Settings of regressions on lags are judged on what came after what they were fitted to, and find what is there."""

from __future__ import annotations

import numpy as np
import pytest

from weights.training import rolling
from weights.training.rolling import STRENGTHS, Setting, place_cuts, roll_errors, sum_around_cuts, try_settings
from weights.training.windows import RidgePath, refer_to_last, refer_to_nothing, refer_to_season

L, H = 8, 3
REFERENCES = {"nothing": refer_to_nothing, "last": refer_to_last, "season": lambda lags, steps: refer_to_season(lags, steps, 4)}


def sums_of(values, n_lags=L, horizon=H, n_cuts=4):
    cuts = place_cuts(len(values), n_lags, horizon, n_cuts=n_cuts)
    return cuts, sum_around_cuts(values, n_lags, horizon, cuts, scale=np.std)


@pytest.mark.parametrize("n_values", [14, 15, 20, 60])
def test_windows_learn_from_nothing_that_a_cut_judges(n_values):
    values = np.random.default_rng(0).normal(size=n_values)
    cuts, sums = sums_of(values)
    assert len(cuts)
    np.testing.assert_array_equal(sums.learned.n, np.maximum(cuts - H + 1, L - 1) - (L - 1))
    assert (sums.learned.n > 0).all()
    assert sums.judged.n.sum() == n_values - H - cuts[0]
    for k, cut in enumerate(cuts):
        later = values.copy()
        later[cut + 1 :] = 1e3
        np.testing.assert_allclose(sum_around_cuts(later, L, H, cuts, scale=np.std).learned.past[k], sums.learned.past[k], atol=1e-6)


def test_a_series_too_short_has_no_cut():
    assert len(place_cuts(L + 2 * H - 1, L, H)) == 0
    assert len(place_cuts(L + 2 * H, L, H)) == 1


def test_losses_are_those_of_fits_and_forecasts_written_out():
    values = np.random.default_rng(1).normal(size=80).cumsum()
    cuts, sums = sums_of(values)
    losses = try_settings(sums, [4, L], REFERENCES)
    assert len(losses) == 2 * 3 * len(STRENGTHS)
    errors = []
    for k, cut in enumerate(cuts):
        path = RidgePath(sums.learned.of_lags(4).at(k), refer_to_last(4, H))
        weights, scale = path.weights(0.1), np.std(values[: cut + 1])
        end = [*cuts[1:], len(values) - H][k]
        for origin in range(cut, end):
            forecast = values[origin - np.arange(4)] @ weights
            errors.append(((values[origin + 1 : origin + H + 1] - forecast) / scale) ** 2)
    # Differences of cumulative sums beside sums of differences.
    np.testing.assert_allclose(losses[Setting(4, "last", 0.1)], np.mean(errors, axis=0), rtol=1e-6)


@pytest.mark.parametrize("name", ["nothing", "last", "season"])
def test_what_a_series_was_made_of_is_found(name):
    rng, n = np.random.default_rng(2), 400
    noise = rng.normal(size=n)
    season = np.tile([3.0, -1.0, 0.0, -2.0], n // 4)
    values = {"nothing": noise, "last": noise.cumsum(), "season": season + 0.1 * noise.cumsum()}[name]
    _, sums = sums_of(values)
    losses = {setting: float(loss.mean()) for setting, loss in try_settings(sums, [L], REFERENCES).items()}
    best = min(losses, key=losses.__getitem__)
    # With all its strength a ridge forecasts its reference, which is the truth here; weak ones are as good wherever lags suffice.
    strong = {reference: losses[Setting(L, reference, STRENGTHS[-1])] for reference in REFERENCES}
    assert min(strong, key=strong.__getitem__) == name
    assert losses[best] <= strong[name]


def test_errors_at_rolling_origins_are_those_of_forecasts_written_out(monkeypatch):
    monkeypatch.setattr(rolling, "_WINDOW_VALUES_AT_ONCE", 3 * L)  # so that origins of a cut are dealt with in several parts
    random = np.random.default_rng(3)
    values, cuts = random.normal(size=60), np.array([20, 31])
    weights = [random.normal(size=(L, H)), random.normal(size=(L - 3, H))]  # of fewer lags after the second cut
    values[45] = np.nan
    errors = roll_errors(values, weights, cuts)
    assert errors.shape == (60 - 1 - 20, H)
    for origin in range(20, 59):
        used = weights[int(origin >= 31)]
        forecast = values[origin - np.arange(len(used))] @ used
        for h in range(1, H + 1):
            expected = values[origin + h] - forecast[h - 1] if origin + h < 60 else np.nan
            np.testing.assert_allclose(errors[origin - 20, h - 1], expected)


def test_errors_at_an_origin_change_with_no_later_value_but_the_one_that_was_forecast():
    random = np.random.default_rng(4)
    values, weights = random.normal(size=40), [random.normal(size=(L, H))]
    before = roll_errors(values, weights, np.array([10]))
    values[30:] += 100.0
    after = roll_errors(values, weights, np.array([10]))
    origins = 10 + np.arange(len(before))
    known = origins[:, None] + np.arange(1, H + 1) < 30
    np.testing.assert_array_equal(before[known], after[known])
    first = (origins < 30)[:, None] & ~known
    np.testing.assert_allclose(after[first] - before[first], 100.0)
