"""Training a population: the only place where members are spread over cores, and the only training loop.

`train` takes a `Job` (rows, targets, who learns from which rows, with which settings) and gives `Trained`: params,
out-of-bag outputs and history. Members advance in rounds, each on a core of its own; after every round the
out-of-bag loss of the *ensemble* decides which params of each member to keep and when to stop. What decides for a
member are only rows that it learned from itself: its out-of-bag rows stay unseen until they score it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import threadpoolctl

from weights.elements.regularization import PENALTIES
from weights.ensemble import apply_program, available_threads
from weights.errors import Interrupted, TrainingError
from weights.models.embedding import find_knots
from weights.models.registry import architecture_of
from weights.spec import Spec, common_program, varying_values
from weights.training.compiling import padded_size
from weights.training.exact import NewtonStep, Problem, Solution, linear_outputs, solve, solve_path, strength_path
from weights.training.feeding import MOST_WATCHED, feed, watched_rows
from weights.training.health import N_LOOKED_AT, named
from weights.training.job import Job
from weights.training.step import Member, Program, State, member_program
from weights.types import AnyArray, BoolArray, FloatArray, IntArray, Params

ROUND_ENDS = (*(share / 192 for share in (1, 2, 3, 4, 6, 8, 12, 16)), *(share / 24 for share in range(3, 25)))
"""Shares of the run at which rounds end. The first are short, because on noisy tables the best is soon over; all are long enough to cost
nothing beside their steps (our choice)."""
N_ROUNDS = len(ROUND_ENDS)
"""Rounds of a run; fewer for one of few steps."""
_MEASURED_EVERY = 2_000
"""Steps from one measurement of health to the next, about, beside the start, a quarter and the end; one costs as much as some six steps."""
_BY_ROUND = ("loss", "learning_rate", "unseen_loss")
"""What is told of each member and round: the first two as in `Info`, and the loss of its outputs for the rows it is judged on."""
_JUDGED_BLOCK = 1024
_LEAST_JUDGED = 128
"""As many rows as units are looked at on (training/step.py), so that what is seen of them does not depend on padding."""
_START_SAMPLE = 512
_LEAST_GAIN, _WORTH_WAITING = 1e-5, 1e-3
"""Shares of the score by which a round must be better to be kept, and to put off the end (our choice: on 24 real tables waiting for less
took a seventh longer and gained nothing)."""
_ENOUGH_JUDGED = 10_000
_MOST_BYTES_OF_DERIVATIVES = 1 << 27
_SCOUTING_TOLERANCE = 1e-5
"""Of solutions that only choose a strength."""


class Progress(NamedTuple):
    """How far a job is: its name, the share done (0 to 1), and the ensemble's out-of-bag loss so far (or None)."""

    name: str
    share: float
    loss: float | None


@dataclass
class Control:
    """How training meets the world outside: threads, progress, interruption, checkpoints.

    Attributes:
        n_threads: members in work at the same time.
        report: called after each round.
        stopping: asked between rounds; True ends training with `Interrupted`.
        measuring: whether the health of members is taken down on the way; a trial of settings goes without.
        keep: called between rounds with the job's name and a function that gives its `Snapshot`.
        resume: job name -> snapshot to continue from.
        trained: job name -> params of its first members, trained before on the same rows with the same settings (None for one that
            failed): those that took steps are kept as they are, solved ones are solved again to the same bits.
    """

    n_threads: int = field(default_factory=available_threads)
    report: Callable[[Progress], None] = lambda progress: None
    stopping: Callable[[], bool] = lambda: False
    measuring: bool = True
    keep: Callable[[str, Callable[[], Snapshot], bool], None] = lambda name, snapshot, final: None
    resume: dict[str, Snapshot] = field(default_factory=dict)
    trained: dict[str, list[Params | None]] = field(default_factory=dict)


class Snapshot(NamedTuple):
    """A run as arrays and plain values, to be written down: arrays by name, and what is not an array."""

    arrays: dict[str, AnyArray]
    values: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained population.

    Attributes:
        specs: settings of each member, as used.
        params: of the members that did not fail, leading axis m'.
        kept: their positions among all members, shape (m',).
        votes: their votes, shape (m',).
        failures: member -> why it failed.
        outputs: combined out-of-bag outputs, shape (n, k), of the rows that are `covered` (n,).
        alone: for each of `kept` the rows (r,) it never saw, and its own outputs for them, shape (r, k).
        history: recorded numbers by name, shape (m, times), see `Run.history`; NaN where a member did not run.
        step_seconds: mean time of a step of a member; NaN where none was taken.
    """

    specs: list[Spec]
    params: Params
    kept: IntArray
    votes: FloatArray
    failures: dict[int, str]
    outputs: FloatArray
    covered: BoolArray
    alone: list[tuple[IntArray, FloatArray]]
    history: dict[str, FloatArray]
    step_seconds: float = float("nan")


def train(job: Job, control: Control) -> Trained:
    """Train all members of a job.

    Raises:
        Interrupted: asked to stop; the work done so far has been handed to `control.keep`.
        TrainingError: every member failed.
    """
    if job.specs[0].solved:
        return _solve_members(job, control)
    run = Run.begin(job, control)
    run.advance()
    return run.finish()


# Members that take steps


@dataclass
class _MemberRun:
    """One member on its way; its best round, and the last round whose gain was worth waiting for."""

    state: State
    best: Params
    best_round: int = -1
    best_score: float = float("inf")
    gain_round: int = -1
    gain_score: float = float("inf")
    outputs: FloatArray | None = None
    failure: str = ""
    done: bool = False
    rounds: list[tuple[float, ...]] = field(default_factory=list)
    start: dict[str, Any] = field(default_factory=dict)
    health: dict[int, dict[str, float]] = field(default_factory=dict)
    seconds: float = 0.0
    n_timed: int = 0


class Run:
    """A population on its way: `begin`, `advance` by rounds (as often as wanted), `finish`."""

    def __init__(self, job: Job, control: Control, program: Program, members: list[_MemberRun]) -> None:
        self.job, self.control, self.program, self.members = job, control, program, members
        self.round = 0
        self.curve: list[float] = []
        self.run_length = job.specs[0].optimization.n_steps or 1
        self.ends = sorted({math.ceil(share * self.run_length) for share in ROUND_ENDS})
        # At a quarter steps are long, whatever the schedule.
        due = [math.ceil(self.run_length / 4), *range(_MEASURED_EVERY, self.run_length, _MEASURED_EVERY)]
        self.measured_at = {next(end for end in self.ends if end >= steps) for steps in due}
        self.feed = feed(job, self.ends)
        watched = watched_rows(job)
        self.judged = [np.flatnonzero(scored & watched) for scored in job.resampling.scored]
        most = max(len(rows) for rows in self.judged)
        n_at_once = job.shape.rows_at_once(_JUDGED_BLOCK)
        self.judged_blocks = [jnp.asarray(_in_blocks(self.feed.places(rows), most, n_at_once)) for rows in self.judged]
        self.looked_at = [np.resize(_shuffled(rows)[:N_LOOKED_AT], N_LOOKED_AT) for rows in self.judged]
        self.arguments = [_member_arguments(job, m) for m in range(job.n_members)]

    @classmethod
    def begin(cls, job: Job, control: Control) -> Run:
        """A run at its first round, or where the snapshot in `control.resume` left it."""
        program = member_program(common_program(job.specs), job.task.functions, job.shape)
        members = []
        knots = jnp.asarray(_knots(job))
        for m in range(job.n_members):
            sample = np.resize(_shuffled(np.flatnonzero(job.resampling.counts[m]))[:_START_SAMPLE], _START_SAMPLE)
            inputs = jnp.asarray(job.groups), jnp.asarray(job.used)
            state = program.start(jnp.asarray(job.x[sample]), knots, *inputs, _member_arguments(job, m))
            members.append(_MemberRun(state, state.mean))
        run = cls(job, control, program, members)
        for m, member in enumerate(members) if control.measuring else ():
            rows = run.looked_at[m]
            member.start = program.send(member.state.params, jnp.asarray(job.x[rows]), jnp.asarray(rows, jnp.int32), run.arguments[m])
        if job.name in control.resume:
            run._restore(control.resume[job.name])
        for m, params in enumerate(control.trained.get(job.name, ())):
            run._take_over(m, params)
        return run

    def advance(self, until: float = 1.0) -> None:
        """Train until this share of the run is complete, or until no member has improved for `patience` rounds."""
        patience = self.job.specs[0].regularization.patience
        with ThreadPoolExecutor(self.control.n_threads) as threads:
            while self.taken < until * self.run_length and not self._finished(patience):
                if self.control.stopping():
                    self.control.keep(self.job.name, self.snapshot, True)
                    raise Interrupted("Training was stopped.")
                living = [m for m, member in enumerate(self.members) if not member.failure and not member.done]
                self.feed.turn(self.taken, self.ends[self.round] - self.taken)
                for _ in threads.map(self._advance_member, living):
                    pass
                self._judge()
                self.round += 1
                if self.taken in self.measured_at or self.taken == self.run_length or self._finished(patience):
                    for _ in threads.map(self._measure, living):
                        pass
                self.control.report(Progress(self.job.name, self.taken / self.run_length, self.curve[-1]))
                self.control.keep(self.job.name, self.snapshot, False)

    @property
    def taken(self) -> int:
        """Steps that every member has taken."""
        return self.ends[self.round - 1] if self.round else 0

    def row_losses(self) -> tuple[FloatArray, BoolArray]:
        """Out-of-bag losses of the ensemble's present outputs for the watched rows (n,), and which rows have one (n,)."""
        job = self.job
        total, voices = np.zeros((len(job.x), job.task.n_outputs)), np.zeros(len(job.x))
        for rows, member in zip(self.judged, self.members, strict=True):
            if member.failure or member.outputs is None:
                continue
            total[rows] += job.task.normalise(member.outputs)
            voices[rows] += 1
        covered = voices > 0
        losses = np.zeros(len(job.x))
        losses[covered] = job.task.row_losses(total[covered] / voices[covered, None], job.y[covered])
        return losses, covered

    def finish(self) -> Trained:
        """The members' best params and their outputs on all their out-of-bag rows."""
        self.control.keep(self.job.name, self.snapshot, False)
        trained = collect(self.job, self.control, [m.best for m in self.members], [m.failure for m in self.members], self.history())
        taken = sum(member.n_timed for member in self.members)
        return replace(trained, step_seconds=sum(member.seconds for member in self.members) / taken if taken else float("nan"))

    def snapshot(self) -> Snapshot:
        """Everything needed to continue this run bit for bit; members are stacked, so the number of arrays stays small."""
        arrays: dict[str, AnyArray] = {}
        for name, trees in (("state", [m.state for m in self.members]), ("best", [m.best for m in self.members])):
            for i, leaves in enumerate(zip(*(jax.tree.leaves(tree) for tree in trees), strict=True)):
                arrays[f"{name}/{i}"] = np.stack([np.asarray(leaf) for leaf in leaves])
        for m, member in enumerate(self.members):
            arrays[f"rounds/{m}"] = np.asarray(member.rounds, np.float64).reshape(-1, len(_BY_ROUND))
            found = [[*member.health[end].values()] for end in sorted(member.health)]
            arrays[f"health/{m}"] = np.asarray(found, np.float64).reshape(len(found), len(self._measured()))
            if member.outputs is not None:
                arrays[f"outputs/{m}"] = member.outputs
        values = [[m.best_round, float.hex(m.best_score), m.gain_round, float.hex(m.gain_score), m.failure] for m in self.members]
        return Snapshot(
            arrays,
            {
                "round": self.round,
                "curve": [float.hex(loss) for loss in self.curve],
                "members": values,
                "measured": self._measured(),
                "measured_at": self._when_measured(),
            },
        )

    def _restore(self, snapshot: Snapshot) -> None:
        self.round, self.curve = snapshot.values["round"], [float.fromhex(loss) for loss in snapshot.values["curve"]]
        for m, (member, values) in enumerate(zip(self.members, snapshot.values["members"], strict=True)):
            member.best_round, best_score, member.gain_round, gain_score, member.failure = values
            member.best_score, member.gain_score = float.fromhex(best_score), float.fromhex(gain_score)
            member.state = _with_leaves(member.state, snapshot.arrays, "state", m)
            member.best = _with_leaves(member.best, snapshot.arrays, "best", m)
            member.rounds = [tuple(row) for row in snapshot.arrays[f"rounds/{m}"]]
            for end, found in zip(snapshot.values["measured_at"], snapshot.arrays[f"health/{m}"], strict=False):
                member.health[end] = dict(zip(snapshot.values["measured"], map(float, found), strict=True))
            member.outputs = snapshot.arrays.get(f"outputs/{m}")

    def _take_over(self, m: int, params: Params | None) -> None:
        """Let member m be one that was trained before: it has a voice, and takes no more steps."""
        member, job = self.members[m], self.job
        if params is None:
            member.failure = "it failed when it was trained"
            return
        member.best, member.done = params, True
        member.outputs = apply_program(job.specs[m], job.shape)(params, job.x[self.judged[m]])

    def _advance_member(self, m: int) -> None:
        member, job, began = self.members[m], self.job, time.perf_counter()
        taken, n_steps = self.taken, self.ends[self.round] - self.taken
        if taken == 0:
            self._measure(m)
        state, info, outputs = self.program.advance(
            member.state,
            self.feed.shared,
            self.arguments[m],
            jnp.asarray(self.feed.batches(m, taken, n_steps)),
            np.int32(n_steps),
            np.float32(self.run_length),
            self.judged_blocks[m],
        )
        member.state = state
        info, outputs = jax.device_get((info, outputs))
        member.outputs = outputs.reshape(-1, job.task.n_outputs)[: len(self.judged[m])]
        member.rounds.append((float(info.loss), float(info.learning_rate), self._unseen_loss(m, member.outputs)))
        if self.round > 0:  # the first round may hold the time of compiling
            member.seconds, member.n_timed = member.seconds + time.perf_counter() - began, member.n_timed + n_steps
        if info.diverged_at >= 0:
            member.failure = f"its loss was no longer finite at step {int(info.diverged_at)}"
        elif not np.isfinite(member.outputs).all():
            member.failure = f"its outputs were no longer finite after step {taken + n_steps}"

    def _measure(self, m: int) -> None:
        """Take down the health of a member; what one more step would do is tried with a batch of the round that has just ended."""
        if not self.control.measuring:
            return
        member, begin = self.members[m], self.ends[self.round - 2] if self.round > 1 else 0
        batch = jnp.asarray(self.feed.batches(m, begin, 1)[0])
        known = self.arguments[m], batch, np.float32(self.run_length), jnp.asarray(self.feed.places(self.looked_at[m]), jnp.int32)
        kept = member.state._replace(mean=member.best)
        member.health[self.taken] = named(self.program.measure(kept, self.feed.shared, *known))

    def _unseen_loss(self, m: int, outputs: FloatArray) -> float:
        """The weighted mean loss of a member's own outputs for the rows it is judged on."""
        rows, job = self.judged[m], self.job
        weight = job.weight[rows]
        if not weight.any() or not np.isfinite(outputs).all():
            return float("nan")
        return float(np.average(job.task.row_losses(job.task.normalise(outputs), job.y[rows]), weights=weight))

    def _judge(self) -> None:
        """Score the ensemble out of bag, and let each member keep its params if the rows it learned from say so."""
        losses, covered = self.row_losses()
        weight = self.job.weight * covered
        total, mass = float(weight @ losses), float(weight.sum())
        self.curve.append(total / mass if mass > 0 else float("nan"))
        stops_early = self.job.specs[0].regularization.patience > 0
        for m, member in enumerate(self.members):
            if member.failure or member.done:
                continue
            others = weight.copy()
            others[self.judged[m]] = 0.0
            # Without early stopping, or where nobody else is judged, nothing may decide, and the last params are kept.
            score = others @ losses / others.sum() if stops_early and others.any() else -float(self.round)
            if member.best_round < 0 or score < member.best_score - _LEAST_GAIN * abs(member.best_score):
                member.best, member.best_round, member.best_score = member.state.mean, self.round, float(score)
            if member.gain_round < 0 or score < member.gain_score - _WORTH_WAITING * abs(member.gain_score):
                member.gain_round, member.gain_score = self.round, float(score)

    def _finished(self, patience: int) -> bool:
        living = [member for member in self.members if not member.failure and not member.done]
        return not living or (patience > 0 and all(self.round - 1 - member.gain_round >= patience for member in living) and self.round > 0)

    def history(self) -> dict[str, FloatArray]:
        """What was recorded, by name; each row is a member (or the only row is the ensemble).

        A column is a round for `loss`, `learning_rate`, `unseen_loss` (see `_BY_ROUND`), `out_of_bag_loss` of the ensemble, and `steps`,
        after how many the round ended; it is one of `measured_at` steps for what health.py measures on the way; and there is one column
        for what it measures at the start, for the `rows_looked_at` by it, and for `best_round`, whose params were kept.
        """
        ends, n_rounds = self.ends[: max(self.round, 1)], max(self.round, 1)
        measured = self._when_measured()
        history = {name: self._stacked([[row[i] for row in m.rounds] for m in self.members], n_rounds) for i, name in enumerate(_BY_ROUND)}
        for name in self._measured():
            found = [[member.health[end][name] for end in measured if end in member.health] for member in self.members]
            history[name] = self._stacked(found, len(measured))
        for name in self.members[0].start:
            history[name] = self._stacked([[float(member.start[name])] for member in self.members], 1)
        history["rows_looked_at"] = np.asarray([[min(len(rows), N_LOOKED_AT)] for rows in self.judged], float)
        history["out_of_bag_loss"] = np.asarray([self.curve])
        history["steps"] = np.asarray([ends], float)
        if measured:
            history["measured_at"] = np.asarray([measured], float)
        history["best_round"] = np.asarray([[member.best_round] for member in self.members], float)
        return history

    def _measured(self) -> list[str]:
        """Names of what was measured on the way."""
        return next(([*found] for member in self.members for found in member.health.values()), [])

    def _when_measured(self) -> list[int]:
        """After how many steps."""
        return sorted({end for member in self.members for end in member.health})

    @staticmethod
    def _stacked(rows: list[list[float]], most: int) -> FloatArray:
        """Rows of numbers, filled up with NaN."""
        stacked = np.full((len(rows), most), np.nan)
        for row, values in zip(stacked, rows, strict=True):
            row[: len(values)] = values
        return stacked


def _with_leaves(tree: Any, arrays: dict[str, AnyArray], name: str, m: int) -> Any:
    """A tree of the same structure with member m's stored leaves."""
    leaves, structure = jax.tree.flatten(tree)
    return jax.tree.unflatten(structure, [arrays[f"{name}/{i}"][m] for i in range(len(leaves))])


def _knots(job: Job) -> FloatArray:
    """Edges of the bins that the model asks for, from all rows (they know nothing of the target)."""
    model = job.specs[0].model
    rows = job.x[:: -(-len(job.x) // MOST_WATCHED)]
    return find_knots(rows[:, list(job.shape.numeric_inputs)], architecture_of(model).n_bins(model))


def _member_arguments(job: Job, m: int) -> Member:
    values = {name: jnp.float32(value) for name, value in varying_values(job.specs[m]).items()}
    return Member(jnp.uint32(job.seeds[m]), values)


def _shuffled(rows: IntArray) -> IntArray:
    """Rows in an order of chance that is always the same: tables may be sorted."""
    return np.random.default_rng(0x5EED).permutation(rows)


def _in_blocks(rows: IntArray, most: int, n_at_once: int) -> IntArray:
    """Rows repeated to fill the same number of blocks for every member, shape (blocks, rows a block)."""
    size = min(n_at_once, padded_size(most, least=_LEAST_JUDGED))
    n_blocks = padded_size(-(-most // size), least=1)
    return np.resize(rows.astype(np.int32), (n_blocks, size))


# Members that are solved


def _solve_members(job: Job, control: Control) -> Trained:
    """Solve every member; where no strength is set, out-of-bag rows choose it along a path."""
    specs = job.specs
    solutions: list[Solution] = []
    with threadpoolctl.threadpool_limits(1), ThreadPoolExecutor(control.n_threads) as threads:
        if specs[0].regularization.strength is None and PENALTIES[specs[0].regularization.penalty].has_strength:
            specs = _choose_strengths(job, control, threads)

        def one(m: int) -> Solution:
            if control.stopping():
                raise Interrupted("Training was stopped.")
            problem = _problem(job, m)
            settings = specs[m].regularization
            return solve(problem, settings, settings.strength or 0.0, tolerance=specs[m].optimization.tolerance)

        for solution in threads.map(one, range(job.n_members)):
            solutions.append(solution)
            if not solves_in_passing(job):
                control.report(Progress(job.name, len(solutions) / job.n_members, None))
        if solves_in_passing(job):
            solutions = _refined(job, specs, solutions, control, threads)
    params = [{"output": {"w": s.w, "b": s.b}} for s in solutions]
    failures = ["" if np.isfinite(s.w).all() and np.isfinite(s.b).all() else "its solution is not finite" for s in solutions]
    history = {
        "residual": np.asarray([[s.residual] for s in solutions]),
        "n_steps": np.asarray([[float(s.n_steps)] for s in solutions]),
        "strength": np.asarray([[spec.regularization.strength or 0.0] for spec in specs]),
        "zeros": np.asarray([[float(np.mean(s.w == 0))] for s in solutions]),
    }
    return collect(job, control, params, failures, history, specs)


def solves_in_passing(job: Job) -> bool:
    """Whether members that are solved learn from all rows of a table that passes, or from its sample only: second derivatives must fit."""
    unknowns = (job.x.shape[1] + 1) * job.task.n_outputs
    return job.passing is not None and 8 * job.n_members * unknowns**2 <= _MOST_BYTES_OF_DERIVATIVES


def _refined(job: Job, specs: list[Spec], solutions: list[Solution], control: Control, threads: ThreadPoolExecutor) -> list[Solution]:
    """Solutions for the sample moved to those for all rows, by two Newton steps, each of which squares the distance.

    One whose first step led away stays as it is.
    """
    first = _after_a_pass(job, specs, solutions, control, threads, 0.0)
    second = _after_a_pass(job, specs, first, control, threads, 0.5)
    return [c if c.residual <= b.residual else a for a, b, c in zip(solutions, first, second, strict=True)]


def _after_a_pass(
    job: Job, specs: list[Spec], solutions: list[Solution], control: Control, threads: ThreadPoolExecutor, done: float
) -> list[Solution]:
    assert job.passing is not None
    steps, n_rows = [NewtonStep(job.task.convex, solution) for solution in solutions], 0
    for rows in job.passing.in_order():
        if control.stopping():
            raise Interrupted("Training was stopped.")
        x = (rows.x * job.used).astype(np.float64)
        for _ in threads.map(lambda m, x=x, rows=rows: steps[m].add(x, rows.y, rows.weight * rows.counts[:, m]), range(len(steps))):
            pass
        n_rows += len(rows.y)
        control.report(Progress(job.name, min(done + 0.5 * n_rows / job.passing.stream.n_rows, 1.0), None))
    regularizations = [spec.regularization for spec in specs]
    return [step.take(r, r.strength or 0.0, job.groups) for step, r in zip(steps, regularizations, strict=True)]


def _problem(job: Job, m: int) -> Problem:
    return _everyone(job)._replace(weight=job.weight * job.resampling.counts[m])


def _everyone(job: Job) -> Problem:
    """All rows; masked inputs are zero, so that their weights are too."""
    x = job.x if job.used.all() else job.x * job.used
    return Problem(job.task.convex, x, job.y, job.weight, job.task.n_outputs, job.groups)


def _choose_strengths(job: Job, control: Control, threads: ThreadPoolExecutor) -> list[Spec]:
    """Settings with each member's strength: the best on rows that the member learned from, judged by members that did not.

    Strengths fall until each member has seen two more that are worse than its best: the weakest take longest to solve.
    """
    spec = job.specs[0]
    strengths = strength_path(_everyone(job), spec.regularization)
    scouts = range(_n_scouts(job, spec.members.n_folds))

    def outputs_along_path(m: int) -> Iterator[FloatArray]:
        rows = np.flatnonzero(job.resampling.scored[m])
        for solution in solve_path(_problem(job, m), spec.regularization, strengths, tolerance=_SCOUTING_TOLERANCE):
            yield job.task.normalise(linear_outputs(job.x, rows, solution))

    paths = [outputs_along_path(m) for m in scouts]
    voices = job.resampling.scored[: len(scouts)].sum(0)
    covered = voices > 0
    scores = np.empty((job.n_members, 0))
    while scores.shape[1] < len(strengths) and (scores.shape[1] < 3 or scores.argmin(1).max() >= scores.shape[1] - 2):
        if control.stopping():
            raise Interrupted("Training was stopped.")
        total, losses = np.zeros((len(job.x), job.task.n_outputs)), np.zeros(len(job.x))
        for m, outputs in zip(scouts, threads.map(next, paths), strict=True):
            total[job.resampling.scored[m]] += outputs
        losses[covered] = job.task.row_losses(total[covered] / voices[covered, None], job.y[covered])
        scores = np.column_stack([scores, [job.weight * (covered & ~scored) @ losses for scored in job.resampling.scored]])
    # Where nobody else is judged, nothing may decide, and the middle of the path is taken.
    judged = [bool((job.weight * (covered & ~scored)).any()) for scored in job.resampling.scored]
    chosen = np.where(judged, scores.argmin(1), len(strengths) // 2)
    with_strength = [msgspec.structs.replace(spec.regularization, strength=float(strength)) for strength in strengths[chosen]]
    return [msgspec.structs.replace(spec, regularization=regularization) for regularization in with_strength]


def _n_scouts(job: Job, most: int) -> int:
    """How many members walk the path: each fold's, or the first ones, three at least, if those alone are judged on 10,000 rows."""
    judged = np.cumsum(job.resampling.scored[:most].sum(1))
    return min(max(3, int(np.searchsorted(judged, _ENOUGH_JUDGED)) + 1), len(judged))


# What all members end with


def collect(
    job: Job, control: Control, params: list[Params], failures: list[str], history: dict[str, FloatArray], specs: list[Spec] | None = None
) -> Trained:
    """Drop failed members, and combine the others' outputs on the rows they never saw.

    Raises:
        TrainingError: every member failed.
    """
    kept = np.asarray([m for m, failure in enumerate(failures) if not failure], int)
    if len(kept) == 0:
        raise TrainingError(f"All {job.n_members} members failed, the first because {failures[0]}. Lower the learning rate or clip_norm.")
    run = apply_program(job.specs[0], job.shape)

    def judge(m: int) -> tuple[IntArray, FloatArray]:
        rows = np.flatnonzero(job.resampling.scored[m])
        return rows, run(params[m], job.x[rows])

    total, voices = np.zeros((len(job.x), job.task.n_outputs)), np.zeros(len(job.x))
    with ThreadPoolExecutor(control.n_threads) as threads:
        alone = [*threads.map(judge, kept)]
    for rows, outputs in alone:
        total[rows] += job.task.normalise(outputs)
        voices[rows] += 1
    covered = voices > 0
    total[covered] /= voices[covered, None]
    votes = job.resampling.votes[kept]
    return Trained(
        specs=specs or job.specs,
        params=jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *(params[m] for m in kept)),
        kept=kept,
        votes=votes if votes.sum() > 0 else np.ones(len(kept)),
        failures={m: failure for m, failure in enumerate(failures) if failure},
        outputs=total,
        covered=covered,
        alone=alone,
        history=history,
    )


def member_seeds(seed: int, n_members: int) -> IntArray:
    """The seed of each member's randomness, uint32, shape (m,): a member keeps its seed whatever the size of the population."""
    return np.asarray([np.random.SeedSequence([seed, m]).generate_state(1)[0] for m in range(n_members)], np.uint32)
