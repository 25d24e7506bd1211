"""A linear model of sparse inputs that answers each row by members that did not learn from it."""

import numpy as np
import pytest
import scipy.sparse

from weights.spec import Members
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.number import Number
from weights.training.crossfitting import cross_fit
from weights.training.resampling import resample

RNG = np.random.default_rng(0)
N, P = 400, 60
FLAGS = RNG.random((N, P)) < 0.2
X = scipy.sparse.csr_array(np.column_stack([FLAGS, RNG.normal(size=N)]).astype(np.float32))
SIGNAL = X @ np.append(RNG.normal(size=P) * (np.arange(P) < 10), 1.0)
TASKS = {
    "regression": (Number("y"), SIGNAL + 0.5 * RNG.normal(size=N)),
    "binary": (Binary("y", ["a", "b"]), (SIGNAL + RNG.logistic(size=N) > 0).astype(int)),
    "multiclass": (Multiclass("y", ["a", "b", "c"]), np.digitize(SIGNAL + RNG.normal(size=N), [-1, 1])),
}


def fit(task, y, **members):
    rows = resample(Members(**{"n_members": 5, "n_folds": 5, **members}), N, strata=task.strata(y))
    return cross_fit(X, P, y, np.ones(N), task, rows, 2), rows


@pytest.mark.parametrize("name", TASKS)
def test_rows_are_answered_by_members_that_did_not_learn_from_them(name):
    task, y = TASKS[name]
    found, rows = fit(task, y)
    assert found.rows.tolist() == [*range(N)]
    assert rows.scored[found.member, found.rows].all()
    outputs = np.stack([X[[i]].toarray()[0] @ found.weights[m] for i, m in zip(found.rows[:20], found.member[:20], strict=True)])
    # But for the constant of each member.
    differences = outputs - found.outputs[:20]
    for m in np.unique(found.member[:20]):
        assert np.ptp(differences[found.member[:20] == m], axis=0) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("name", TASKS)
def test_what_shows_the_target_is_learned(name):
    task, y = TASKS[name]
    found, _ = fit(task, y)
    losses = task.convex.losses(found.outputs, y)
    constant = task.convex.losses(np.broadcast_to(task.constant_outputs(y, np.ones(N)), found.outputs.shape), y)
    assert losses.mean() < 0.8 * constant.mean()


def test_the_target_of_a_row_has_no_say_in_its_answer():
    task, y = TASKS["regression"]
    before, rows = fit(task, y)
    own = rows.scored[0]
    after, _ = fit(task, np.where(own, y + 50.0, y))
    # Only the choice of the strength sees it; whatever that is, members of the fold stay those of other rows.
    assert np.abs(after.outputs[own]).max() < 10 < np.abs(after.outputs[~own]).max()
    assert before.outputs.shape == after.outputs.shape


def test_rows_of_no_weight_are_left_out():
    task, y = TASKS["binary"]
    weight = np.ones(N)
    weight[:7] = 0
    rows = resample(Members(n_members=4, n_folds=4), N, strata=y)
    assert cross_fit(X, P, y, weight, task, rows, 1).rows[0] == 7
