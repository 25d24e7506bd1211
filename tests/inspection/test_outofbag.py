"""Answers of members that never saw the rows, against formulas by hand and the ensemble that they belong to."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit, logit, softmax

import weights as wt
from weights.averaging import average_out_of_bag
from weights.data.encoding import apply_encoding
from weights.data.inputs import Inputs, table_layout
from weights.ensemble import Population
from weights.inspection import outofbag
from weights.inspection.outofbag import OutOfBag, OutOfBagMembers, Replacement
from weights.models.linear import Linear
from weights.spec import Spec
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.number import Number
from weights.training.resampling import resample

N, P = 40, 3
X = np.random.default_rng(0).normal(size=(N, P)).astype(np.float32)
TASKS = {
    "regression": Number("y", center=10.0, scale=2.0),
    "binary": Binary("y", classes=["no", "yes"]),
    "multiclass": Multiclass("y", classes=["a", "b", "c"]),
}
KINDS = pytest.mark.parametrize("kind", TASKS)
UNSEEN = np.arange(N) % 4 == np.arange(6)[:, None] % 4
"""Six members, of which members 0 and 4, and 1 and 5, never saw the same rows."""
CLOSE = {"rtol": 1e-5, "atol": 1e-5}
"""Outputs are float32 and of size one."""


def params_of(kind, seed=1):
    random, n_outputs = np.random.default_rng(seed), TASKS[kind].n_outputs
    w, b = random.normal(size=(6, P, n_outputs)), random.normal(size=(6, n_outputs))
    return {"output": {"w": w.astype(np.float32), "b": b.astype(np.float32)}}


def linear(params, stacking_weight) -> Population:
    """Six linear members of these params."""
    return Population("linear", Spec(model=Linear()), params, np.ones(6), stacking_weight)


def made(kind, params=None, *, stacking_weight=0.8, unseen=UNSEEN, n_threads=2) -> OutOfBag:
    """One population of linear members, with an offset of 0.1, 0.2, ..."""
    n_outputs = TASKS[kind].n_outputs
    populations = [OutOfBagMembers(linear(params or params_of(kind), stacking_weight), unseen)]
    layout, offset = table_layout(P, n_outputs, (0, 1, 2)), np.arange(1, n_outputs + 1) / 10
    return OutOfBag(TASKS[kind], layout, populations, offset, Inputs({"x": X}), n_threads)


def outputs_of(kind, x=X):
    """Of every member for every row, (m, r, k): values, log odds or log probabilities."""
    output = params_of(kind)["output"]
    found = np.einsum("rp,mpk->mrk", x, output["w"].astype(float)) + output["b"][:, None]
    return np.log(softmax(found, axis=2)) if kind == "multiclass" else found


def decoded(kind, outputs):
    if kind == "regression":
        return 10 + 2 * outputs
    return np.stack([1 - expit(outputs[..., 0]), expit(outputs[..., 0])], -1) if kind == "binary" else softmax(outputs, axis=-1)


def mean_of_unseen(kind, x=X):
    """The offset of `made`, and the weighted part of what members say on average of rows that they never saw, (r, k)."""
    outputs = outputs_of(kind, x)
    said = (outputs * UNSEEN[:, :, None]).sum(0) / UNSEEN.sum(0)[:, None]
    return np.arange(1, outputs.shape[2] + 1) / 10 + 0.8 * said


# Rows as they are


@KINDS
def test_a_row_is_answered_by_the_members_that_did_not_see_it(kind):
    np.testing.assert_allclose(made(kind).baseline.target, decoded(kind, mean_of_unseen(kind)), **CLOSE)


@KINDS
def test_rows_as_they_are_get_the_average_that_training_gives_them(kind):
    predictions = [(np.flatnonzero(unseen), own[unseen]) for unseen, own in zip(UNSEEN, outputs_of(kind), strict=True)]
    mean, _ = average_out_of_bag(TASKS[kind], N, predictions)
    expected = decoded(kind, made(kind).offset + 0.8 * mean)
    np.testing.assert_allclose(made(kind).baseline.target, expected, **CLOSE)


@KINDS
def test_another_member_changes_only_rows_that_it_never_saw(kind):
    other = jax.tree.map(lambda a: np.where(np.arange(6).reshape(-1, *[1] * (a.ndim - 1)) == 2, a + 1, a), params_of(kind))
    changed = (made(kind, other).baseline.target != made(kind).baseline.target).any(1)
    np.testing.assert_array_equal(changed, UNSEEN[2])


@KINDS
def test_each_member_alone_says_what_its_own_outputs_mean(kind):
    members = made(kind)
    for (_, m, rows), place in zip(members.members, members.places, strict=True):
        np.testing.assert_allclose(members.alone[place], decoded(kind, outputs_of(kind)[m, rows]), **CLOSE)


def test_members_that_saw_every_row_are_not_asked():
    unseen = UNSEEN & (np.arange(6) != 4)[:, None]
    assert [m for _, m, _ in made("regression", unseen=unseen).members] == [0, 1, 2, 3, 5]


def test_populations_are_added_by_their_stacking_weights():
    layout, offset, inputs = table_layout(P, 1, (0, 1, 2)), np.zeros(1), Inputs({"x": X})
    populations = [OutOfBagMembers(linear(params_of("regression", seed), weight), UNSEEN) for seed, weight in ((1, 0.3), (2, 0.6))]
    both = OutOfBag(TASKS["regression"], layout, populations, offset, inputs, 1).baseline.target
    first, second = (OutOfBag(TASKS["regression"], layout, [one], offset, inputs, 1).baseline.target for one in populations)
    np.testing.assert_allclose(both - 10, first - 10 + second - 10, **CLOSE)


def test_probabilities_beyond_a_thousandth_are_held_there_for_log_odds():
    certain = jax.tree.map(lambda a: 100 * a, params_of("binary"))
    assert np.abs(made("binary", certain).baseline.link).max() == pytest.approx(logit(0.999))


# Rows with other values

VALUES = np.random.default_rng(2).normal(size=(3, N, 1)).astype(np.float32)
CHANCE = np.random.default_rng(3).dirichlet([1, 1, 1], N).T
OTHER = Replacement(np.array([1]), VALUES, CHANCE)


def with_value(d):
    x = X.copy()
    x[:, 1] = VALUES[d, :, 0]
    return x


@KINDS
def test_answers_are_averaged_over_values_as_chances_say(kind):
    expected = sum(CHANCE[d][:, None] * decoded(kind, mean_of_unseen(kind, with_value(d))) for d in range(3))
    np.testing.assert_allclose(made(kind).answers(OTHER).together.target, expected, **CLOSE)


def test_log_odds_are_averaged_as_log_odds():
    expected = sum(CHANCE[d] * mean_of_unseen("binary", with_value(d))[:, 0].clip(logit(1e-3), logit(0.999)) for d in range(3))
    np.testing.assert_allclose(made("binary").answers(OTHER).together.link, np.stack([-expected, expected], 1), **CLOSE)


@KINDS
def test_members_alone_are_averaged_as_chances_say(kind):
    outputs = [decoded(kind, outputs_of(kind, with_value(d))) for d in range(3)]
    members = made(kind)
    alone = members.answers(OTHER).alone
    for (_, m, rows), place in zip(members.members, members.places, strict=True):
        said = alone[place]
        np.testing.assert_allclose(said, sum(CHANCE[d][rows][:, None] * outputs[d][m, rows] for d in range(3)), **CLOSE)


def test_values_that_rows_have_anyway_change_nothing():
    members = made("multiclass")
    found = members.answers(Replacement(np.array([0, 2]), np.stack([X[:, [0, 2]]] * 3), CHANCE))
    np.testing.assert_allclose(found.together.target, members.baseline.target, **CLOSE)


def test_rows_in_several_blocks_are_answered_alike(monkeypatch):
    expected = made("regression").answers(OTHER).together.target
    monkeypatch.setattr(outofbag, "_MOST_ROWS_AT_ONCE", 9)  # three rows at a time
    np.testing.assert_allclose(made("regression").answers(OTHER).together.target, expected, **CLOSE)


def test_the_number_of_threads_does_not_matter():
    one, four = (made("multiclass", n_threads=n).answers(OTHER).together.target for n in (1, 4))
    np.testing.assert_array_equal(one, four)


def test_other_blocks_stay_beside_the_columns_that_are_replaced(by_hand, monkeypatch):
    """A member that saw nothing answers as the ensemble does, whatever is put into columns, and however many rows at a time."""
    monkeypatch.setattr(outofbag, "_MOST_ROWS_AT_ONCE", 21)  # seven rows at a time
    ensemble = by_hand(np.array([[-1, 0, 1]] * 3)[None, ..., None], columns=("u", "v", "w"))
    [population] = ensemble.populations
    pixels = np.random.default_rng(6).integers(0, 256, (N, 16, 16, 1), dtype=np.uint8)
    members = OutOfBagMembers(replace(population, stacking_weight=1.0), np.ones((1, N), bool))
    answers = OutOfBag(ensemble.task, ensemble.encoding.layout(1), [members], np.zeros(1), Inputs({"x": X, "pixels": pixels}), 1)
    np.testing.assert_allclose(answers.baseline.target, ensemble.predict_proba(answers.inputs), **CLOSE)
    expected = sum(CHANCE[d][:, None] * ensemble.predict_proba(answers.inputs.replace(x=with_value(d))) for d in range(3))
    np.testing.assert_allclose(answers.answers(OTHER).together.target, expected, **CLOSE)


# A trained ensemble


@pytest.fixture(scope="module")
def trained():
    """A fitted ensemble, its target, and its members with the rows that folds left out for them."""
    columns = {"u": X[:, 0], "v": X[:, 1], "y": X[:, 0] - X[:, 1] + np.random.default_rng(4).normal(size=N)}
    ensemble = wt.fit(columns, "y", model="linear", members=8).ensemble
    [population] = ensemble.populations
    members = OutOfBagMembers(population, resample(population.spec.members, N).scored)
    layout, inputs = ensemble.encoding.layout(ensemble.task.n_outputs), apply_encoding(ensemble.encoding, pa.table(columns))
    return ensemble, columns["y"], OutOfBag(ensemble.task, layout, [members], ensemble.offset, inputs, 1)


def test_with_folds_every_row_is_answered_by_the_one_member_that_left_it_out(trained):
    ensemble, _, answers = trained
    outputs = np.stack([*ensemble.member_outputs(ensemble.populations[0], answers.inputs)])
    left_out = np.concatenate([rows for _, _, rows in answers.members])
    own = np.concatenate([outputs[m, rows] for _, m, rows in answers.members])
    assert sorted(left_out) == [*range(N)]
    np.testing.assert_allclose(answers.baseline.target[left_out, 0], ensemble.task.decode(own), **CLOSE)


def test_residuals_are_those_that_the_ensemble_found_out_of_bag(trained):
    ensemble, y, answers = trained
    np.testing.assert_allclose(np.sort(np.abs(y - answers.baseline.target[:, 0])), ensemble.conformal.scores, **CLOSE)
