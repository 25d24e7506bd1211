"""Trials answer for the same rows, and the intervals of their differences hold what they claim."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from weights.api import compare, fit, read_again
from weights.ensemble import apply_program
from weights.fitting import job
from weights.training.control import Control
from weights.trials import OWN_FOLDS, TrialRunner, in_folds, reseed


def planted(n, seed, *, p=12, noise=2.0):
    """A linear target of all inputs."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p))
    return {f"x{j}": x[:, j] for j in range(p)} | {"y": x @ np.linspace(0.1, 0.6, p) + noise * rng.normal(size=n)}


@pytest.fixture(scope="module")
def runner():
    data = planted(200, 0)
    model = fit(data, "y", model="linear", members=4, strength=0.1, inspect=False)
    prepared = read_again(model, data)
    return TrialRunner(model.ensemble, prepared, Control(n_threads=1), in_folds(200))


def test_every_row_is_judged_by_one_member(runner):
    assert sorted(runner.rows) == [*range(200)]
    assert sorted(np.unique(runner.fold)) == [0, 1, 2, 3]


def test_other_seeds_leave_the_rows_of_members_as_they_are(runner):
    jobs = runner.jobs(runner.prepared.candidates)
    [job], [same], [other] = jobs.values(), reseed(jobs, 0).values(), reseed(jobs, 2).values()
    assert not np.any(job.seeds == other.seeds)
    assert other.resampling is job.resampling
    np.testing.assert_array_equal(same.seeds, job.seeds)


def test_on_the_folds_of_a_run_its_own_members_are_the_first_training():
    data = planted(300, 1)
    model = fit(data, "y", model="mlp", members=8, hidden=(8,), n_steps=48, inspect=False)
    prepared = read_again(model, data)
    trial = TrialRunner(model.ensemble, prepared, Control(n_threads=1), OWN_FOLDS).train_baseline(0)
    [own], [trained] = model.ensemble.populations, trial.trained.values()
    for m, (rows, outputs) in enumerate(trained.alone):
        unseen = job("mlp", prepared.candidates["mlp"], prepared).resampling.scored[m]
        np.testing.assert_array_equal(rows, np.flatnonzero(unseen))
        alone = apply_program(own.spec, prepared.layout)(own.members[m], prepared.dataset.inputs[rows])
        np.testing.assert_allclose(outputs, alone)


def test_a_change_that_was_trained_once_and_a_baseline_too_share_what_is_known_of_chance(runner):
    rng = np.random.default_rng(1)
    once, twice = rng.exponential(size=200), [rng.exponential(size=200) for _ in range(2)]
    assert np.isfinite(runner.gain([once], twice).high)


def test_a_gain_of_rows_alone_has_the_interval_of_a_paired_t_test(runner):
    rng = np.random.default_rng(1)
    before, after = rng.exponential(size=200), rng.exponential(size=200)
    gain = runner.gain([before, before], [after, after])  # trainings that do not differ
    expected = scipy.stats.ttest_rel(before, after).confidence_interval(0.95)
    assert gain.value == pytest.approx(np.mean(before - after))
    # Variances are divided by n here and by n - 1 there.
    assert (gain.low, gain.high) == pytest.approx((expected.low, expected.high), rel=0.02, abs=0.002)


def test_trainings_that_differ_widen_the_interval(runner):
    rng = np.random.default_rng(1)
    before, after = rng.exponential(size=200), rng.exponential(size=200)
    alike = runner.gain([before, before], [after, after])
    apart = runner.gain([before + 0.2, before - 0.2], [after, after])
    assert apart.value == pytest.approx(alike.value)
    assert apart.high - apart.low > 1.5 * (alike.high - alike.low)


def test_intervals_of_gains_hold_the_mean_gain_over_tables():
    """Every table's gain estimates the same mean over tables without bias, so that the mean of all is the truth."""
    found = []
    for seed in range(60):
        data = planted(120, seed)
        model = fit(data, "y", model="linear", members=4, strength=0.01, inspect=False)
        found.append(compare(model, {"strength": [1.0]}, data, trainings=2).variants[1].gain)
    truth = np.mean([gain.value for gain in found])
    held = sum(gain.low <= truth <= gain.high for gain in found)
    # 95 % of 60 is 57; fewer than 52 would come by chance once in 100 times.
    assert held >= 52
