"""Populations: what one member learns does not depend on the others, on threads, or on having been interrupted."""

from __future__ import annotations

import threading
from dataclasses import replace

import jax
import msgspec
import numpy as np
import pytest

from weights.api import plan_fit
from weights.data.inputs import Inputs, table_layout
from weights.errors import Interrupted, TrainingError
from weights.fitting import job as prepared_job
from weights.spec import Members, Spec, resolve, with_settings
from weights.store.checkpoint import Checkpoints
from weights.tasks.class_losses import log_probabilities
from weights.tasks.classes import task_of
from weights.tasks.number import Number
from weights.training import stepping
from weights.training.control import Control
from weights.training.job import Job
from weights.training.population import member_seeds, train
from weights.training.resampling import Resampling, resample
from weights.training.stepping import N_ROUNDS, Run

N_ENDS = 26
"""Rounds of 48 steps: the first end after 1, 2, 3 and 4 steps, the others after every second one."""
CLASSES = {"regression": [], "binary": [0, 1], "multiclass": [0, 1, 2]}
STEPPED = {
    "model": "mlp",
    "hidden": "8",
    "activation": "relu",
    "n_steps": 48,
    "batch_size": 16,
    "learning_rate": 0.01,
    "dropout": 0.0,
    "patience": 0,
}
SOLVED = {"model": "linear", "optimization": "exact"}


def job_of(kind="regression", *, n_samples=96, n_members=4, rows=None, seed=0, name="test", strength=0.01, **settings) -> Job:
    """A planted linear rule in three inputs, with noise."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n_samples, 3)).astype(np.float32)
    signal = x @ [1.0, -0.5, 0.0] + random.normal(size=n_samples)
    cuts = {"regression": [], "binary": [0.0], "multiclass": [-0.7, 0.7]}[kind]
    y = np.digitize(signal, cuts).astype(np.int32) if cuts else signal.astype(np.float32)
    settings = {"n_members": n_members, "n_folds": 4, "strength": strength, **settings}
    spec = resolve(with_settings(Spec(), settings), n_samples)
    task = task_of("y", CLASSES[kind]) if cuts else Number("y")
    rows = rows or resample(spec.members, n_samples)
    seeds = member_seeds(spec.members.seed, n_members)
    groups, used = np.arange(3, dtype=np.int32), np.ones(3, np.float32)
    layout, inputs, weight = table_layout(3, task.n_outputs, (0, 1, 2)), Inputs({"x": x}), np.ones(n_samples)
    return Job(name, task, layout, [spec] * n_members, seeds, rows, inputs, y, weight, groups, used)


def stepped(kind="regression", **settings) -> Job:
    return job_of(kind, **{**STEPPED, **settings})


def solved(kind="regression", **settings) -> Job:
    return job_of(kind, **{**SOLVED, **settings})


def varied(job: Job, member: int, **changes) -> Job:
    """The job with another value of a varying number for one member."""
    specs = list(job.specs)
    specs[member] = with_settings(specs[member], changes)
    return replace(job, specs=specs)


def leaves(tree) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def assert_same_bits(first, second) -> None:
    assert jax.tree.structure(first) == jax.tree.structure(second)
    for a, b in zip(leaves(first), leaves(second), strict=True):
        assert a.dtype == b.dtype
        assert a.tobytes() == b.tobytes()


def results(trained):
    """Everything a trained population holds that training computed."""
    population = trained.population
    return population.params, trained.outputs, trained.covered, population.member_weights, trained.kept, population.history


def ran(job: Job, control: Control | None = None) -> Run:
    run = Run.begin(job, control or Control())
    run.advance()
    return run


class Stopper:
    """Asks a run to stop before round `after`, and keeps the last snapshot that was offered."""

    def __init__(self, after: int) -> None:
        self.left, self.kept = after, {}

    def control(self, n_threads: int = 2) -> Control:
        return Control(n_threads=n_threads, report=self._count, stopping=lambda: self.left <= 0, keep=self._keep)

    def _count(self, progress) -> None:
        self.left -= 1

    def _keep(self, name, snapshot, final) -> None:
        if final:
            self.kept[name] = snapshot()


# A member is itself


def test_a_population_equals_its_members_trained_alone():
    # Compared where the run ends: which round a member *keeps* is decided by the others' out-of-bag rows.
    job = stepped()
    together = ran(job)
    alone = [ran(job.only([m])).members[0].state for m in range(4)]
    assert_same_bits([member.state for member in together.members], alone)


def test_solved_members_equal_members_solved_alone():
    job = solved(strength=0.03)
    alone = [train(job.only([m]), Control()).population.params for m in range(4)]
    assert_same_bits(train(job, Control()).population.params, jax.tree.map(lambda *parts: np.concatenate(parts), *alone))


def test_members_that_differ_in_numbers_equal_members_of_their_own_settings():
    job = varied(stepped(), 2, learning_rate=0.003, weight_decay=0.3)
    alone = ran(stepped(learning_rate=0.003, weight_decay=0.3).only([2]))
    assert_same_bits(ran(job).members[2].state, alone.members[0].state)


@pytest.mark.parametrize("kind", CLASSES)
def test_one_thread_and_two_give_the_same_bits(kind):
    job = stepped(kind, patience=6)
    assert_same_bits(results(train(job, Control(n_threads=1))), results(train(job, Control(n_threads=2))))


@pytest.mark.parametrize("kind", CLASSES)
def test_one_thread_and_two_solve_to_the_same_bits(kind):
    job = solved(kind, strength=None)
    assert_same_bits(results(train(job, Control(n_threads=1))), results(train(job, Control(n_threads=2))))


def test_a_member_keeps_its_seed_whatever_the_size_of_the_population():
    np.testing.assert_array_equal(member_seeds(5, 4), member_seeds(5, 9)[:4])


def test_members_have_seeds_of_their_own():
    assert len({*member_seeds(0, 1000), *member_seeds(1, 1000)}) == 2000


def test_a_member_takes_exactly_its_steps_even_if_rounds_do_not_divide_them():
    run = ran(stepped(n_steps=50))
    assert [int(member.state.step) for member in run.members] == [50] * 4


def test_a_round_without_steps_is_not_recorded_as_a_loss_of_zero():
    losses = train(stepped(n_steps=50), Control()).population.history["loss"]
    assert np.all(losses[np.isfinite(losses)] > 0)


# Interruption


@pytest.mark.parametrize("after", [0, 1, 13])
def test_an_interrupted_run_goes_on_bit_for_bit(after):
    job = stepped(patience=6)
    stopper = Stopper(after)
    with pytest.raises(Interrupted):
        train(job, stopper.control())
    resumed = train(job, Control(resume=stopper.kept))
    assert_same_bits(results(resumed), results(train(job, Control())))


@pytest.mark.parametrize(
    "settings",
    [
        {**STEPPED, "optimization": "rmsprop", "schedule": "exponential", "dropout": 0.3, "noise": 0.1, "accumulate": 2},
        {"model": "linear", "optimization": "lbfgs", "n_steps": 48},
    ],
    ids=lambda settings: settings["optimization"],
)
def test_whatever_an_optimizer_carries_along_survives_an_interruption(settings):
    job = job_of(**settings)
    stopper = Stopper(2)
    with pytest.raises(Interrupted):
        train(job, stopper.control())
    resumed = train(job, Control(resume=stopper.kept))
    assert_same_bits(results(resumed), results(train(job, Control())))


def test_a_run_goes_on_bit_for_bit_from_a_checkpoint_on_disk(tmp_path):
    job = stepped(patience=6)
    checkpoints = Checkpoints(tmp_path / "run", "print")
    checkpoints.begin(resume=False)
    control = Stopper(9).control()
    control.keep = checkpoints.keep
    with pytest.raises(Interrupted):
        train(job, control)
    resumed = train(job, Control(resume=checkpoints.begin(resume=True)))
    assert_same_bits(results(resumed), results(train(job, Control())))


def test_a_failure_is_remembered_across_an_interruption():
    job = varied(stepped(), 1, learning_rate=1e30)
    stopper = Stopper(9)
    with pytest.raises(Interrupted):
        train(job, stopper.control())
    assert train(job, Control(resume=stopper.kept)).failures == train(job, Control()).failures


def test_the_work_done_is_handed_over_before_stopping():
    stopper = Stopper(5)
    with pytest.raises(Interrupted, match=r"Training was stopped\."):
        train(stepped(), stopper.control())
    assert stopper.kept["test"].values["round"] == 5


def test_what_is_stopped_within_a_round_goes_on_from_the_round_before(monkeypatch):
    stopper, advance = Stopper(99), Run._advance_member

    def advance_and_stop(run: Run, m: int):
        advanced = advance(run, m)
        stopper.left = 0 if (run.round, m) == (3, 2) else stopper.left
        return advanced

    monkeypatch.setattr(Run, "_advance_member", advance_and_stop)
    with pytest.raises(Interrupted):
        train(stepped(), stopper.control())
    assert stopper.kept["test"].values["round"] == 3
    assert_same_bits(results(train(stepped(), Control(resume=stopper.kept))), results(train(stepped(), Control())))


def test_members_that_threads_take_up_after_the_stop_do_not_reach_the_checkpoint(monkeypatch):
    stopper, advance, is_late = Stopper(99), Run._advance_member, threading.Event()

    def advance_and_stop(run: Run, m: int):
        advanced = advance(run, m)
        if (run.round, m) == (3, 0):
            stopper.left = 0
        elif run.round == 3:
            is_late.set()
        return advanced

    def keep_late(name, snapshot, final):
        if final:
            assert is_late.wait(60), "no thread went on with the next member, so there was nothing to test"
            stopper.kept[name] = snapshot()

    monkeypatch.setattr(Run, "_advance_member", advance_and_stop)
    with pytest.raises(Interrupted):
        train(stepped(), replace(stopper.control(n_threads=1), keep=keep_late))
    assert stopper.kept["test"].values["round"] == 3
    assert_same_bits(results(train(stepped(), Control(resume=stopper.kept))), results(train(stepped(), Control())))


def test_solving_stops_when_asked():
    with pytest.raises(Interrupted, match=r"Training was stopped\."):
        train(solved(), Control(stopping=lambda: True))


# One program


def test_a_population_compiles_one_program(compilations):
    # No other test uses this program, so it cannot have been compiled before.
    job = job_of(model="linear", optimization="nesterov", learning_rate=0.01, batch_size=13, n_steps=48)
    train(varied(job, 1, learning_rate=0.002, weight_decay=0.5), Control())
    assert (compilations.count("jit(start)"), compilations.count("jit(advance)")) == (1, 1)


def test_a_second_population_of_the_same_shape_compiles_nothing(compilations):
    train(stepped(seed=1), Control())
    compilations.clear()
    train(stepped(seed=2, learning_rate=0.02, strength=0.5, clip_norm=1.0), Control())
    assert [name for name in compilations if name in ("jit(start)", "jit(advance)")] == []


def test_another_way_of_drawing_rows_compiles_nothing(compilations):
    train(stepped(), Control())
    compilations.clear()
    train(stepped(resampling="subsample", n_folds=3, share=0.7), Control())
    assert [name for name in compilations if name in ("jit(start)", "jit(advance)")] == []


def test_tables_of_similar_length_share_one_program(compilations):
    train(stepped(n_samples=65), Control())
    compilations.clear()
    for n_samples in (70, 96, 127):
        train(stepped(n_samples=n_samples, n_steps=n_samples), Control())
    assert [name for name in compilations if name in ("jit(start)", "jit(advance)")] == []


@pytest.mark.parametrize("optimizer", ["adamw", "lbfgs"])
def test_what_is_learned_does_not_depend_on_the_padding(optimizer, monkeypatch):
    settings = {"optimization": optimizer, "n_samples": 100, "patience": 3}
    padded = train(stepped(**settings), Control())
    monkeypatch.setattr(stepping, "padded_size", lambda n, least=64: max(n, least) + 300)
    more = train(stepped(**settings), Control())
    # The sum over all rows of lbfgs is rounded in another order when it is longer.
    tolerance = {"adamw": 0.0, "lbfgs": 1e-4}[optimizer]
    for a, b in zip(leaves(padded.population.params), leaves(more.population.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    for name in padded.population.history:
        np.testing.assert_allclose(
            padded.population.history[name], more.population.history[name], rtol=max(tolerance, 1e-6), atol=tolerance
        )


def test_a_resumed_run_compiles_nothing(compilations):
    stopper = Stopper(3)
    with pytest.raises(Interrupted):
        train(stepped(), stopper.control())
    compilations.clear()
    train(stepped(), Control(resume=stopper.kept))
    assert [name for name in compilations if name in ("jit(start)", "jit(advance)")] == []


# Failures


@pytest.fixture(scope="module")
def one_diverged():
    return train(varied(stepped(), 1, learning_rate=1e30), Control())


def test_a_member_that_diverges_is_recorded_with_the_reason(one_diverged):
    assert [*one_diverged.failures] == [1]
    assert "no longer finite" in one_diverged.failures[1]


def test_the_other_members_go_on(one_diverged):
    np.testing.assert_array_equal(one_diverged.kept, [0, 2, 3])
    assert {len(leaf) for leaf in leaves(one_diverged.population.params)} == {3}


def test_the_other_members_learn_what_they_would_have_learned():
    sick, well = ran(varied(stepped(), 1, learning_rate=1e30)), ran(stepped())
    assert_same_bits([sick.members[m].state for m in (0, 2, 3)], [well.members[m].state for m in (0, 2, 3)])


def test_rows_that_only_a_failed_member_could_score_are_not_covered(one_diverged):
    np.testing.assert_array_equal(one_diverged.covered, ~stepped().resampling.scored[1])


def test_a_failed_member_has_no_history_after_its_failure(one_diverged):
    recorded = np.isfinite(one_diverged.population.history["learning_rate"]).sum(1)
    assert recorded[1] < N_ENDS
    np.testing.assert_array_equal(recorded[[0, 2, 3]], [N_ENDS] * 3)


def test_it_is_an_error_if_all_members_fail():
    with pytest.raises(TrainingError, match=r"All 4 members failed, the first because its .+ no longer finite .+ Lower the learning rate"):
        train(stepped(learning_rate=1e30), Control())


def test_if_every_voting_member_fails_the_others_vote():
    job = stepped(n_members=7, rows=resample(Members(n_members=7, n_folds=4, resampling="time"), 96, time=np.arange(96.0)))
    voters = np.flatnonzero(job.resampling.member_weights > 0)
    for member in voters:
        job = varied(job, member, learning_rate=1e30)
    trained = train(job, Control())
    np.testing.assert_array_equal(trained.population.member_weights, np.ones(7 - len(voters)))


# Order


@pytest.mark.parametrize("kind", CLASSES)
def test_the_order_of_rows_does_not_change_solved_members(kind):
    job, order = solved(kind), np.random.default_rng(1).permutation(96)
    rows = Resampling(job.resampling.counts[:, order], job.resampling.scored[:, order], job.resampling.member_weights)
    shuffled = replace(job, inputs=job.inputs[order], y=job.y[order], resampling=rows)
    first, second = train(job, Control()).population.params["output"], train(shuffled, Control()).population.params["output"]
    # Sums in another order, in float64, and a solver that stops at a gradient of 1e-9.
    np.testing.assert_allclose(first["w"], second["w"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(first["b"], second["b"], rtol=0, atol=1e-8)


@pytest.mark.parametrize("penalty", ["none", "l1", "l2", "elastic_net", "group"])
def test_the_order_of_columns_does_not_change_solved_members(penalty):
    job, order = solved("binary", penalty=penalty), np.array([2, 0, 1])
    first = train(job, Control()).population.params["output"]
    second = train(replace(job, inputs=Inputs({"x": job.inputs.x[:, order]})), Control()).population.params["output"]
    np.testing.assert_allclose(first["w"][:, order], second["w"], rtol=0, atol=1e-8)


# Who decides, who judges


def test_early_stopping_stops_when_rows_out_of_bag_no_longer_gain():
    # The target is noise: whatever is learned makes rows that were not seen worse.
    job = stepped(learning_rate=0.1, patience=3)
    job = replace(job, y=np.random.default_rng(5).normal(size=96).astype(np.float32))
    assert len(train(job, Control()).population.history["out_of_bag_loss"][0]) < N_ENDS


def test_without_patience_a_run_goes_to_its_end():
    job = stepped(learning_rate=0.1, patience=0)
    job = replace(job, y=np.random.default_rng(5).normal(size=96).astype(np.float32))
    assert len(train(job, Control()).population.history["out_of_bag_loss"][0]) == N_ENDS


@pytest.fixture(scope="module")
def round_by_round():
    """A run whose rounds were looked at one by one: the run, params that answered after each round, and losses of all rows then."""
    job = replace(stepped(patience=N_ROUNDS, learning_rate=0.05), y=np.random.default_rng(5).normal(size=96).astype(np.float32))
    run = Run.begin(job, Control())
    params, losses = [], []
    for end in run.ends:
        run.advance((end - 0.5) / run.run_length)
        params.append([member.state.mean for member in run.members])
        outputs = np.empty(96)
        for scored, member in zip(job.resampling.scored, run.members, strict=True):
            outputs[scored] = member.outputs[:, 0]  # with one repeat of folds each row has one judge
        losses.append(0.5 * (outputs - job.y) ** 2)
    return run, params, np.array(losses)


def test_a_member_keeps_its_params_of_the_round_it_calls_best(round_by_round):
    run, params, _ = round_by_round
    kept = [params[member.best_round][m] for m, member in enumerate(run.members)]
    assert_same_bits([member.best for member in run.members], kept)


def test_a_members_best_round_is_the_best_on_rows_it_is_not_judged_on(round_by_round):
    run, _, losses = round_by_round
    for scored, member in zip(run.job.resampling.scored, run.members, strict=True):
        means = losses[:, ~scored].mean(1)
        # A round must gain a share of 1e-5 to be kept, so at most as many such gains as rounds may be forgone.
        assert means[member.best_round] <= means.min() * (1 + N_ROUNDS * 1e-5)


JUDGED_BY_FIRST, JUDGED_BY_SECOND = slice(64, 80), slice(80, 96)


def decoupled(**settings) -> Job:
    """Two members that learn from rows 0-63; rows 64-79 are judged by member 0 only, rows 80-95 by member 1 only."""
    make = stepped if settings.get("optimization") != "exact" else solved
    counts, scored = np.ones((2, 96), np.uint8), np.zeros((2, 96), bool)
    counts[:, 64:], scored[0, 64:80], scored[1, 80:] = 0, True, True
    return make(n_members=2, rows=Resampling(counts, scored, np.ones(2)), **settings)


def with_other_targets(job: Job, rows: slice) -> Job:
    y = job.y.copy()
    y[rows] = 3.0 - 2.0 * y[rows]
    return replace(job, y=y)


def test_the_rows_that_score_a_member_have_no_say_in_what_it_keeps():
    job = decoupled(learning_rate=0.05, patience=N_ROUNDS)
    before, after = ran(job).members[0], ran(with_other_targets(job, JUDGED_BY_FIRST)).members[0]
    assert before.best_round == after.best_round
    assert before.best_score == after.best_score


def test_rows_that_score_another_member_do_decide():
    job = decoupled(learning_rate=0.05, patience=N_ROUNDS)
    before, after = ran(job).members[0], ran(with_other_targets(job, JUDGED_BY_SECOND)).members[0]
    assert before.best_score != pytest.approx(after.best_score, rel=1e-3)


def test_the_rows_that_score_a_solved_member_have_no_say_in_its_strength():
    job = decoupled(optimization="exact", strength=None)
    before, after = (train(j, Control()).population.history["strength"][0, 0] for j in (job, with_other_targets(job, JUDGED_BY_FIRST)))
    assert before == after


def test_rows_that_score_another_solved_member_do_decide_the_strength():
    job = decoupled(optimization="exact", strength=None)
    before, after = (train(j, Control()).population.history["strength"][0, 0] for j in (job, with_other_targets(job, JUDGED_BY_SECOND)))
    assert before != after


def test_the_rows_that_score_an_only_member_have_no_say_in_what_it_keeps():
    job = decoupled(learning_rate=0.05, patience=N_ROUNDS).only([0])
    before, after = ran(job).members[0], ran(with_other_targets(job, JUDGED_BY_FIRST)).members[0]
    assert before.best_round == after.best_round


def test_the_rows_that_score_an_only_solved_member_have_no_say_in_its_strength():
    job = decoupled(optimization="exact", strength=None).only([0])
    before, after = (train(j, Control()).population.history["strength"][0, 0] for j in (job, with_other_targets(job, JUDGED_BY_FIRST)))
    assert before == after


def bootstrapped() -> Resampling:
    return resample(Members(n_members=4, resampling="bootstrap"), 96)


def outputs_by_hand(params, m: int, x: np.ndarray) -> np.ndarray:
    """Outputs of member m of a relu network or linear model, in float64."""
    for name in sorted(layer for layer in params if layer.startswith("hidden")):
        x = np.maximum(x @ params[name]["w"][m].astype(np.float64) + params[name]["b"][m], 0)
    return x @ params["output"]["w"][m].astype(np.float64) + params["output"]["b"][m]


@pytest.mark.parametrize("make", [stepped, solved])
@pytest.mark.parametrize("kind", CLASSES)
def test_out_of_bag_outputs_are_means_over_the_members_that_did_not_see_the_row(kind, make):
    job = make(kind, rows=bootstrapped())
    trained = train(job, Control())
    expected, n_predictions = np.zeros_like(trained.outputs), np.zeros(96)
    for m in range(4):
        outputs = outputs_by_hand(trained.population.params, m, job.inputs.x.astype(np.float64))
        unseen = job.resampling.counts[m] == 0
        expected[unseen] += (log_probabilities(outputs) if kind == "multiclass" else outputs)[unseen]
        n_predictions += unseen
    covered = n_predictions > 0
    # Outputs are computed in float32, of size about one.
    np.testing.assert_allclose(trained.outputs[covered], expected[covered] / n_predictions[covered, None], rtol=0, atol=2e-5)


@pytest.mark.parametrize("make", [stepped, solved])
def test_a_row_is_covered_if_some_member_did_not_see_it(make):
    job = make(rows=bootstrapped())
    np.testing.assert_array_equal(train(job, Control()).covered, (job.resampling.counts == 0).any(0))


# What is told


def test_progress_rises_to_its_end():
    shares = []
    train(stepped(), Control(report=lambda progress: shares.append(progress.share)))
    assert shares == pytest.approx(np.array([1, 2, 3, *range(4, 49, 2)]) / 48)


def test_solving_reports_each_member():
    shares = []
    train(solved(), Control(report=lambda progress: shares.append(progress.share)))
    assert sorted(shares) == [0.25, 0.5, 0.75, 1.0]


def test_history_holds_a_number_a_member_and_round():
    history = train(stepped(), Control()).population.history
    assert {history[name].shape for name in ("loss", "learning_rate", "unseen_loss")} == {(4, N_ENDS)}


def test_health_is_measured_at_the_start_at_a_quarter_after_each_two_thousand_steps_and_at_the_end():
    history = train(stepped(n_steps=4_200), Control()).population.history
    run_ends = history["steps"][0]
    due = [run_ends[run_ends >= steps][0] for steps in (1_050, 2_000, 4_000)]
    assert history["measured_at"].tolist() == [[0, *due, 4_200]]
    assert {history[name].shape for name in ("hidden.0/dead", "output/grad_norm", "grad_noise")} == {(4, 5)}
    assert {history[name].shape for name in ("hidden.0/forward", "hidden.0/start_rank", "rows_looked_at")} == {(4, 1)}


def test_health_is_measured_where_training_stops_early():
    job = stepped(learning_rate=0.1, patience=3)
    history = train(replace(job, y=np.random.default_rng(5).normal(size=96).astype(np.float32)), Control()).population.history
    assert history["measured_at"][0, [0, -1]].tolist() == [0, history["steps"][0, -1]]
    assert history["steps"][0, -1] < job.specs[0].optimization.n_steps


def test_the_loss_of_a_member_alone_is_that_of_its_outputs_on_rows_it_never_saw():
    trained = train(stepped(patience=0), Control())
    for history, (rows, outputs) in zip(trained.population.history["unseen_loss"], trained.alone, strict=True):
        losses = stepped().task.row_losses(stepped().task.normalise(outputs), stepped().y[rows])
        assert history[-1] == pytest.approx(np.average(losses, weights=stepped().weight[rows]), rel=1e-6)


def test_history_says_after_how_many_steps_each_round_ended():
    assert train(stepped(), Control()).population.history["steps"].tolist() == [[1, 2, 3, *range(4, 49, 2)]]


@pytest.mark.parametrize("n_steps", [1, 7, 50, 1_000, 6_000])
def test_rounds_end_with_the_run_and_are_short_at_first(n_steps):
    ends = Run.begin(stepped(n_steps=n_steps), Control()).ends
    lengths = np.diff(ends, prepend=0)
    assert ends[-1] == n_steps
    assert lengths.min() >= 1
    assert len(ends) <= N_ROUNDS
    assert lengths[0] <= max(np.ceil(n_steps / 192), 1)


def test_a_run_advances_to_the_first_end_of_a_round_at_or_after_the_share_that_is_asked_for():
    run = Run.begin(stepped(n_steps=192), Control())
    for share, taken in ((0.25, 48), (0.26, 56), (0.26, 56), (1.0, 192)):
        run.advance(share)
        assert (run.taken, int(run.members[0].state.step)) == (taken, taken)


def test_a_snapshot_survives_its_way_through_json():
    values = ran(stepped()).snapshot().values
    assert msgspec.json.decode(msgspec.json.encode(values)) == values


def test_lbfgs_reaches_the_optimum_that_is_solved_for_every_bag_of_rows():
    prepared = [
        plan_fit("diabetes", model="linear", members=3, strength=0.1, patience=0, unbounded=False, **how)
        for how in ({}, {"optimization": "lbfgs"})
    ]
    solved, stepped = (
        train(prepared_job("linear", p.candidates["linear"], p), Control()).population.params["output"]["w"] for p in prepared
    )
    # float32 gradients of the mean loss are known to about 1e-6 and the least curvature is 0.1.
    np.testing.assert_allclose(stepped, solved, atol=1e-4)
