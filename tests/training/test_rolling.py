"""Settings of regressions on lags are judged on what came after what they were fitted to, and find what is there."""

from __future__ import annotations

import numpy as np
import pytest

from weights.training.rolling import STRENGTHS, Setting, judge, place_cuts, sum_around_cuts, try_strengths
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
    trial = try_strengths(sums, 4, "last", refer_to_last)
    losses = {}
    for strength in STRENGTHS:
        errors = []
        for k, cut in enumerate(cuts):
            path = RidgePath(sums.learned.of_lags(4).at(k), refer_to_last(4, H))
            weights, scale = path.weights(strength), np.std(values[: cut + 1])
            end = [*cuts[1:], len(values) - H][k]
            for origin in range(cut, end):
                forecast = values[origin - np.arange(4)] @ weights
                errors.append(((values[origin + 1 : origin + H + 1] - forecast) / scale) ** 2)
        losses[strength] = np.mean(errors, axis=0)
    assert trial.setting == Setting(4, "last", min(losses, key=lambda strength: losses[strength].mean()))
    # Differences of cumulative sums beside sums of differences.
    np.testing.assert_allclose(trial.losses, losses[trial.setting.strength], rtol=1e-6)


@pytest.mark.parametrize("name", ["nothing", "last", "season"])
def test_what_a_series_was_made_of_is_found(name):
    rng, n = np.random.default_rng(2), 400
    noise = rng.normal(size=n)
    season = np.tile([3.0, -1.0, 0.0, -2.0], n // 4)
    values = {"nothing": noise, "last": noise.cumsum(), "season": season + 0.1 * noise.cumsum()}[name]
    _, sums = sums_of(values)
    trials = {reference: try_strengths(sums, L, reference, refer) for reference, refer in REFERENCES.items()}
    # With all its strength a ridge forecasts its reference, which is the truth here.
    alone = {reference: judge(sums, [refer(L, H).start] * len(sums.judged.n)).mean() for reference, refer in REFERENCES.items()}
    assert min(alone, key=alone.__getitem__) == name
    assert trials[name].losses.mean() <= alone[name]
