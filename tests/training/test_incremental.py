"""Learning batch by batch; tests/test_estimators.py shows what users see of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from weights.data.dataset import Roles, prepare
from weights.errors import TrainingError
from weights.spec import Spec, resolve, with_settings
from weights.task import Task
from weights.training.incremental import Stream, begin, ensemble, learn

SETTINGS = {"n_members": 3, "n_steps": 1, "schedule": "constant", "warmup": 0.0, "patience": 0, "batch_size": 16}
PLANTED = np.asarray([1.0, -0.5, 0.0])


def stream_of(**settings) -> Stream:
    spec = resolve(with_settings(Spec(), {"model": "linear", "optimization": "adam", "learning_rate": 0.05, **SETTINGS, **settings}), 64)
    x = np.random.default_rng(0).normal(size=(64, 3))
    dataset = prepare(pa.table({**{f"x{j}": x[:, j] for j in range(3)}, "y": x[:, 0]}), Roles("y", clip=None))
    return begin("linear", spec, Task("regression", "y"), dataset.encoding, dataset.features)


def batch(seed: int, n: int = 64, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 3)).astype(np.float32)
    return x, (x @ PLANTED + noise * random.normal(size=n)).astype(np.float32), np.ones(n)


def learned(n_batches: int, *, n_threads: int = 2, noise: float = 1.0, **settings) -> Stream:
    stream = stream_of(**settings)
    for seed in range(n_batches):
        stream = learn(stream, *batch(seed, noise=noise), n_threads=n_threads)
    return stream


def weights_of(stream: Stream) -> np.ndarray:
    [population] = ensemble(stream).populations
    return population.params["output"]["w"][..., 0]


def test_every_member_finds_the_planted_line():
    np.testing.assert_allclose(weights_of(learned(40, noise=0.1)), np.broadcast_to(PLANTED, (3, 3)), atol=0.1)


def test_every_batch_is_passed_once():
    stream = learn(learned(3), *batch(9, n=40), n_threads=1)
    assert (stream.n_batches, stream.n_samples, stream.n_steps) == (4, 3 * 64 + 40, 3 * 4 + 3)


def test_threads_do_not_change_the_bits():
    np.testing.assert_array_equal(weights_of(learned(3, n_threads=1)), weights_of(learned(3, n_threads=3)))


def test_members_differ():
    assert len({row.tobytes() for row in weights_of(learned(2))}) == 3


def test_a_batch_that_comes_again_is_passed_in_another_order():
    once = learn(stream_of(learning_rate=0.3), *batch(0), n_threads=1)
    other = learn(dataclasses.replace(once, n_batches=7), *batch(0), n_threads=1)
    again = learn(once, *batch(0), n_threads=1)
    assert (weights_of(again) != weights_of(other)).any()


def test_rows_are_judged_before_they_are_learned_from():
    stream = learned(2)
    x, y, weight = batch(5)
    present = ensemble(stream)
    before = present.mean_outputs(present.populations[0], x)
    np.testing.assert_array_equal(learn(stream, x, y, weight, n_threads=1).outputs[0, -64:], before)


def test_answers_of_members_that_learned_nothing_do_not_count():
    assert len(learned(1).y) == 0
    assert len(learned(2).y) == 64


def test_intervals_of_a_stream_hold_what_they_promise():
    # The last rows judged are as new as those to come; 40 batches of 64 rows leave about 0.01 of error in the share.
    stream = learned(60)
    x, y, _ = batch(1000, n=5000)
    bounds = ensemble(stream).interval(x, level=0.9)
    assert ((bounds.low <= y) & (y <= bounds.high)).mean() == pytest.approx(0.9, abs=0.03)


def test_a_batch_on_which_members_fail_leaves_the_stream_as_it_was():
    stream = learned(2)
    before = weights_of(stream)
    x, y, weight = batch(3)
    with pytest.raises(TrainingError, match="3 of 3 members failed on this batch"):
        learn(stream, x, np.full_like(y, np.inf), weight, n_threads=1)
    np.testing.assert_array_equal(weights_of(stream), before)
