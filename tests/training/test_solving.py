"""Populations that are solved, as races and `train` lead them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from weights.data.inputs import Inputs, table_layout
from weights.elements.optimization import OPTIMIZERS
from weights.spec import Spec, resolve, with_settings
from weights.tasks.classes import Multiclass
from weights.tasks.number import Number
from weights.training import solving
from weights.training.control import Control
from weights.training.job import Job
from weights.training.population import METHODS, member_seeds, method_of, train
from weights.training.resampling import resample
from weights.training.solving import Solving


def solved_job(n_members: int = 4) -> Job:
    """A planted rule in three inputs, with noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3)).astype(np.float32)
    y = (x @ [1.0, -0.5, 0.0] + rng.normal(size=80)).astype(np.float32)
    settings = {"model": "linear", "n_members": n_members, "n_folds": 4, "strength": 0.01}
    spec = resolve(with_settings(Spec(), settings), 80)
    rows, seeds = resample(spec.members, 80), member_seeds(0, n_members)
    inputs, groups, used = Inputs({"x": x}), np.arange(3, dtype=np.int32), np.ones(3, np.float32)
    return Job("test", Number("y"), table_layout(3, 1), [spec] * n_members, seeds, rows, inputs, y, np.ones(80), groups, used)


def test_a_population_that_is_solved_is_complete_whatever_share_is_asked_for():
    course = Solving.begin(solved_job(), Control())
    assert course.advance(0.25) == 1.0
    assert course.finish() is course.finish()


def test_what_is_solved_in_a_race_is_what_train_solves():
    course = Solving.begin(solved_job(), Control())
    course.advance(0.25)
    raced, trained = course.finish(), train(solved_job(), Control())
    np.testing.assert_array_equal(raced.population.params["output"]["w"], trained.population.params["output"]["w"])


def test_losses_are_those_of_the_outputs_out_of_bag():
    job = solved_job()
    course = Solving.begin(job, Control())
    losses, covered = course.row_losses()
    assert covered.all()
    np.testing.assert_allclose(losses, 0.5 * (course.finish().outputs[:, 0] - job.y) ** 2, rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "auto"])
def test_every_optimizer_names_a_method_that_there_is(name):
    method = method_of(with_settings(Spec(), {"model": "linear", "optimization": name}))
    assert method is METHODS[OPTIMIZERS[name].method]
    assert method.at_optimum == OPTIMIZERS[name].solves


def test_of_many_rows_a_few_tell_what_the_population_will_be_like(monkeypatch):
    few, all_rows = Solving.begin(solved_job(), Control()), Solving.begin(solved_job(), Control())
    expected, _ = all_rows.glimpse(0.25)
    assert all_rows.is_complete
    monkeypatch.setattr(solving, "_FEW_ROWS", 60)
    outputs, covered = few.glimpse(0.25)
    assert not few.is_complete
    assert 30 <= covered.sum() <= 60  # three of four folds, of 60 of 80 rows
    # Both learned the rule from 45 rows or more, of which a member's outputs are uncertain by sqrt(3 / 45) = 0.26 at most.
    assert np.abs(outputs[covered] - expected[covered]).mean() < 0.26
    np.testing.assert_array_equal(few.finish().outputs, all_rows.finish().outputs)


def test_a_few_rows_hold_every_class():
    job = dataclasses.replace(solved_job(), task=Multiclass("y", ("a", "b", "c")), y=np.repeat([0, 1, 2], [38, 40, 2]))
    drawn = solving._draw_some(job, 40)
    assert len(drawn) == len(set(drawn)) == 40
    assert (np.diff(drawn) > 0).all()
    assert 2 in job.y[drawn]
