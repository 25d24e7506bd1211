"""What members are solved for: columns that all share, and features that each draws by its own rows."""

from __future__ import annotations

import numpy as np
import pytest

from weights.data.inputs import Inputs, Layout, Part
from weights.ensemble import apply_program
from weights.spec import Spec, resolve, with_settings
from weights.tasks.number import Number
from weights.training.control import Control
from weights.training.features import Features
from weights.training.job import Job
from weights.training.population import member_seeds, train
from weights.training.resampling import resample

N, EVERYWHERE = 60, np.zeros(0)


def series_job(*, masked: bool = False, more_rows: float = 0.0) -> Job:
    """A number that the first of two channels shows, beside a column; `more_rows` is added to rows that the first member never sees."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=N).astype(np.float32)
    series = rng.normal(size=(N, 12, 2)).astype(np.float32)
    series[:, :, 0] += y[:, None]
    layout = Layout((("x", (1,)), ("series", (12, 2))), 1, (0,), (("series", (Part(1), Part(1))),))
    spec = resolve(with_settings(Spec(), {"model": "kernels", "n_members": 3, "n_folds": 3, "n_kernels": 12}), N, layout)
    rows = resample(spec.members, N)
    series[rows.counts[0] == 0] += more_rows
    inputs = Inputs({"x": rng.normal(size=(N, 1)).astype(np.float32), "series": series})
    used = np.asarray([1.0, 1.0, 0.0 if masked else 1.0], np.float32)
    groups, seeds = np.arange(3, dtype=np.int32), member_seeds(0, 3)
    return Job("test", Number("y"), layout, [spec] * 3, seeds, rows, inputs, y, np.ones(N), groups, used)


def test_each_member_draws_its_own_and_draws_it_once():
    features = Features(series_job())
    first, second = features.of(0, EVERYWHERE), features.of(1, EVERYWHERE)
    assert first.shape == second.shape == (N, 1 + 12 * 5 + 2)
    assert (first != second).any()
    assert features.of(0, EVERYWHERE) is first


def test_rows_that_a_member_does_not_learn_from_have_no_say_in_what_it_draws():
    own = series_job().resampling.counts[0] > 0
    before, after = (Features(series_job(more_rows=shift)).of(0, EVERYWHERE) for shift in (0.0, 50.0))
    np.testing.assert_array_equal(before[own], after[own])
    assert (before[~own] != after[~own]).any()


def test_features_of_training_rows_are_standardised():
    job = series_job()
    x = Features(job).of(0, EVERYWHERE)[job.resampling.counts[0] > 0, 1:]
    # By a sample of 512 drawn of 40 rows, each of them 12 or 13 times; a few features are bounded.
    np.testing.assert_allclose(x.mean(0), 0, atol=0.1)
    assert np.median(x.std(0)) == pytest.approx((30 / 62) ** 0.5, abs=0.05)  # as thirty columns, together


def test_what_is_solved_is_what_the_program_of_the_member_answers():
    job = series_job()
    trained = train(job, Control(n_threads=1))
    features, run = Features(job), apply_program(job.specs[0], job.layout)
    for m, params in enumerate(trained.population.members):
        layer = params["output"]
        np.testing.assert_allclose(run(params, job.inputs), features.of(m, EVERYWHERE) @ layer["w"] + layer["b"], atol=1e-4)
    assert np.corrcoef(trained.outputs[:, 0], job.y)[0, 1] > 0.7  # twelve values of deviation one leave 0.96 at most


def test_a_masked_channel_has_no_weights():
    job = series_job(masked=True)
    features = Features(job)
    weights = np.asarray(train(job, Control(n_threads=1)).population.params["output"]["w"])
    assert (weights[:, features.groups == 2] == 0).all()
    assert (weights[:, features.groups == 1] != 0).any()
