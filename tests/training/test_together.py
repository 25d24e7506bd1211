"""Populations side by side: one without a share is left out on the way, whoever has one is trained as alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from weights.data.inputs import Inputs, table_layout
from weights.errors import Interrupted
from weights.spec import Spec, resolve, with_settings
from weights.tasks.number import Number
from weights.training import solving, together
from weights.training.control import Control
from weights.training.job import Job
from weights.training.population import member_seeds, train
from weights.training.resampling import resample
from weights.training.together import train_together

N = 160
STEPPED = {"model": "linear", "optimization": "sgd", "schedule": "constant", "n_steps": 96, "batch_size": 16, "patience": 0, "strength": 0}


@pytest.fixture(autouse=True)
def few_steps_tell(monkeypatch):
    """What is planted here is learned within some steps."""
    monkeypatch.setattr(together, "_FEWEST_STEPS", 20)


def job_of(name, **settings) -> Job:
    """A planted rule in two inputs, with little noise."""
    random = np.random.default_rng(0)
    x = random.normal(size=(N, 2)).astype(np.float32)
    y = (x @ [1.0, -2.0] + 0.1 * random.normal(size=N)).astype(np.float32)
    spec = resolve(with_settings(Spec(), {"n_members": 4, "n_folds": 4, **settings}), N)
    rows, inputs = resample(spec.members, N), Inputs({"x": x})
    groups, used = np.arange(2, dtype=np.int32), np.ones(2, np.float32)
    return Job(name, Number("y"), table_layout(2, 1, (0, 1)), [spec] * 4, member_seeds(0, 4), rows, inputs, y, np.ones(N), groups, used)


def jobs():
    """One that learns and two that hardly move."""
    rates = {"slow": 1e-5, "good": 0.1, "slower": 1e-6}
    return {name: job_of(name, **STEPPED, learning_rate=rate) for name, rate in rates.items()}


def test_those_without_a_share_are_left_out_at_a_quarter_and_the_rest_is_trained_as_alone():
    reported = []
    trained, left_out = train_together(jobs(), Control(report=reported.append))
    assert [*trained] == ["good"]
    assert [*left_out] == ["slow", "slower"]
    for name, why in left_out.items():
        assert (why.share, why.best) == (0.25, "good")
        assert why.behind > 3
        assert f"{name} was not trained to its end: after 25% of the way" in why.describe(name)
        assert max(progress.share for progress in reported if progress.name == name) == 1.0
    alone = train(jobs()["good"], Control())
    np.testing.assert_array_equal(trained["good"].outputs, alone.outputs)


def test_populations_that_each_know_a_part_are_all_trained_though_one_is_far_behind():
    knows = {"one": [1, 0], "other": [0, 1]}
    settings = {**STEPPED, "learning_rate": 0.1, "mask": ("the other",)}
    pair = {name: dataclasses.replace(job_of(name, **settings), used=np.float32(used)) for name, used in knows.items()}
    trained, left_out = train_together(pair, Control())
    assert not np.allclose(trained["one"].outputs, trained["other"].outputs, atol=0.5)
    assert ([*trained], left_out) == (["one", "other"], {})


def test_one_that_is_solved_by_then_stays_and_one_of_many_rows_is_not_solved_in_vain(monkeypatch):
    good = job_of("good", **STEPPED, learning_rate=0.1)
    poor = dataclasses.replace(job_of("poor", model="linear", strength=1e3), name="poor")
    assert train_together({"poor": poor, "good": good}, Control())[1] == {}
    monkeypatch.setattr(solving, "_FEW_ROWS", 100)
    trained, left_out = train_together({"poor": poor, "good": good}, Control())
    assert ([*trained], [*left_out]) == (["good"], ["poor"])


def test_nobody_is_left_out_in_the_first_steps(monkeypatch):
    monkeypatch.setattr(together, "_FEWEST_STEPS", 49)  # of 96: more than half
    assert train_together(jobs(), Control())[1] == {}


def test_groups_count_instead_of_their_rows():
    # All rows of a group say the same: of two groups no error can be told, so nobody is left out.
    assert train_together(jobs(), Control(), group=np.arange(N) % 2)[1] == {}


def test_members_that_were_trained_before_are_all_kept():
    first = train(jobs()["good"], Control())
    known = [{name: {part: array[m] for part, array in layer.items()} for name, layer in first.population.params.items()} for m in range(4)]
    trained, left_out = train_together(jobs(), Control(trained={"good": known}))
    assert (len(trained), left_out) == (3, {})


@pytest.mark.parametrize("n_checks", [3, 9, 14, 20])
def test_a_run_that_is_stopped_goes_on_to_the_same_end(n_checks):
    expected, left_out = train_together(jobs(), Control())
    kept, checks = {}, []

    def keep(name, snapshot, final):
        if final:
            kept[name] = snapshot()

    def stopping():
        checks.append(None)
        return len(checks) > n_checks

    with pytest.raises(Interrupted):
        train_together(jobs(), Control(stopping=stopping, keep=keep))
    trained, left_out_again = train_together(jobs(), Control(resume=kept))
    assert left_out_again == left_out
    np.testing.assert_array_equal(trained["good"].outputs, expected["good"].outputs)
