"""Learning batch by batch; tests/test_estimators.py shows what users see of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from weights.data.dataset import prepare
from weights.data.inputs import Inputs
from weights.data.roles import Roles
from weights.ensemble import Ensemble, Population
from weights.errors import TrainingError
from weights.spec import Spec, resolve, with_settings
from weights.tasks.number import Number
from weights.training.incremental import Stream, begin, ensemble, go_on_from, learn
from weights.training.stacking import stack

SETTINGS = {"n_members": 3, "n_steps": 1, "schedule": "constant", "warmup": 0.0, "patience": 0, "batch_size": 16}
PLANTED = np.asarray([1.0, -0.5, 0.0])


def stream_of(**settings) -> Stream:
    spec = resolve(with_settings(Spec(), {"model": "linear", "optimization": "adam", "learning_rate": 0.05, **SETTINGS, **settings}), 64)
    x = np.random.default_rng(0).normal(size=(64, 3))
    dataset = prepare(pa.table({**{f"x{j}": x[:, j] for j in range(3)}, "y": x[:, 0]}), Roles("y", clip=None))
    return begin("linear", spec, Number("y"), dataset.encoding, dataset.features)


def batch(seed: int, n: int = 64, noise: float = 1.0) -> tuple[Inputs, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 3)).astype(np.float32)
    return Inputs({"x": x}), (x @ PLANTED + noise * random.normal(size=n)).astype(np.float32), np.ones(n)


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
    inputs, y, weight = batch(5)
    present = ensemble(stream)
    before = present.mean_outputs(present.populations[0], inputs)
    np.testing.assert_array_equal(learn(stream, inputs, y, weight, n_threads=1).outputs[0, -64:], before)


def test_answers_of_members_that_learned_nothing_do_not_count():
    assert len(learned(1).y) == 0
    assert len(learned(2).y) == 64


def test_intervals_of_a_stream_hold_what_they_promise():
    # The last rows judged are as new as those to come; 40 batches of 64 rows leave about 0.01 of error in the weight.
    stream = learned(60)
    inputs, y, _ = batch(1000, n=5000)
    bounds = ensemble(stream).interval(inputs, level=0.9)
    assert ((bounds.low <= y) & (y <= bounds.high)).mean() == pytest.approx(0.9, abs=0.03)


def test_a_batch_on_which_members_fail_leaves_the_stream_as_it_was():
    stream = learned(2)
    before = weights_of(stream)
    inputs, y, weight = batch(3)
    with pytest.raises(TrainingError, match="3 of 3 members failed on this batch"):
        learn(stream, inputs, np.full_like(y, np.inf), weight, n_threads=1)
    np.testing.assert_array_equal(weights_of(stream), before)


# Populations


def mixture(weights=(0.25, 0.75), **settings) -> Ensemble:
    """Two populations that learned from the same batches by steps of other lengths."""
    slow, fast = (ensemble(learned(3, learning_rate=rate, **settings)) for rate in (0.01, 0.1))
    populations = [
        Population(name, one.populations[0].spec, one.populations[0].params, one.populations[0].member_weights, weight)
        for name, one, weight in zip(("slow", "fast"), (slow, fast), weights, strict=True)
    ]
    return dataclasses.replace(fast, populations=populations, offset=np.array([0.125]))


def going_on(**settings) -> Stream:
    present = mixture(**settings)
    return go_on_from(present, {population.name: population.spec for population in present.populations})


def test_before_a_batch_all_is_as_it_was_trained():
    found, expected = ensemble(going_on()), mixture()
    inputs = batch(5)[0]
    np.testing.assert_array_equal(found.combined(inputs), expected.combined(inputs))
    np.testing.assert_array_equal(found.conformal.scores, expected.conformal.scores)


def test_every_population_learns_by_its_own_settings():
    stream = going_on()
    after = learn(stream, *batch(3), n_threads=1)
    moved = {}
    for old, new in zip(ensemble(stream).populations, ensemble(after).populations, strict=True):
        moved[old.name] = np.abs(new.params["output"]["w"] - old.params["output"]["w"]).max()
    assert 0 < moved["slow"] < moved["fast"]


def test_outputs_of_each_population_are_judged_before_they_learn():
    stream = going_on()
    present, (inputs, y, weight) = ensemble(stream), batch(5)
    after = learn(stream, inputs, y, weight, n_threads=1)
    expected = [present.mean_outputs(population, inputs) for population in present.populations]
    np.testing.assert_array_equal(after.outputs, expected)


def test_stacking_weights_stay_as_they_were_until_a_hundred_rows_are_judged():
    stream = learn(going_on(), *batch(3, n=99), n_threads=1)
    few = ensemble(stream)
    assert [population.stacking_weight for population in few.populations] == [0.25, 0.75]
    assert few.offset.tolist() == [0.125]
    stream = learn(stream, *batch(4, n=1), n_threads=1)
    many, mixed = ensemble(stream), stack(stream.outputs, stream.y, stream.weight, stream.task)
    np.testing.assert_array_equal([population.stacking_weight for population in many.populations], mixed.weights)
    np.testing.assert_array_equal(many.offset, mixed.offset)
    assert many.populations[0].stacking_weight != 0.25


def test_intervals_of_a_mixture_rest_on_the_rows_that_were_judged():
    stream = learn(going_on(), *batch(3, n=50), n_threads=1)
    present, (inputs, y, _) = mixture(), batch(3, n=50)
    np.testing.assert_allclose(ensemble(stream).conformal.scores, np.sort(np.abs(y - present.answer(inputs))), atol=1e-6)  # float32 targets
