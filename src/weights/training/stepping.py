"""Members that take steps: `Run` is the only training loop.

Members advance in rounds, each on a core of its own; after every round the out-of-bag loss of the *ensemble* decides which params of
each member to keep and when to stop. What decides for a member are only rows that it learned from itself: its out-of-bag rows stay
unseen until they score it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from weights.averaging import average_out_of_bag
from weights.ensemble import apply_program
from weights.errors import Interrupted
from weights.models.embedding import find_knots
from weights.models.registry import architecture_of
from weights.spec import Spec, common_program, varying_values
from weights.training.compiling import padded_size
from weights.training.control import Control, Progress, Snapshot
from weights.training.feeding import MOST_EVALUATED, evaluated_rows, feed
from weights.training.health import N_LOOKED_AT, name_measurements
from weights.training.job import Job
from weights.training.outofbag import Trained, collect, row_losses
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
"""What is recorded of each member and round: the first two as in `Info`, and the loss of its outputs for the rows it is judged on."""
_JUDGED_BLOCK = 1024
_LEAST_JUDGED = 128
"""As many rows as units are looked at on (training/step.py), so that what is seen of them does not depend on padding."""
_START_SAMPLE = 512
_LEAST_GAIN, _WORTH_WAITING = 1e-5, 1e-3
"""Shares of the score by which a round must be better to be kept, and to put off the end (our choice: on 24 real tables waiting for less
took a seventh longer and gained nothing)."""


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

    def copy(self) -> _MemberRun:
        """Another that may go on without this one."""
        return replace(self, rounds=[*self.rounds], health={**self.health})


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
        evaluated = evaluated_rows(job, control.most_judged)
        self.judged = [np.flatnonzero(scored & evaluated) for scored in job.resampling.scored]
        most = max(len(rows) for rows in self.judged)
        n_at_once = job.layout.rows_at_once(_JUDGED_BLOCK)
        self.judged_blocks = [
            jnp.asarray(_arrange_in_blocks(self.feed.places(rows), most, n_at_once, shared=job.layout.is_table)) for rows in self.judged
        ]
        self.looked_at = [np.resize(_shuffle(rows)[:N_LOOKED_AT], N_LOOKED_AT) for rows in self.judged]
        self.arguments = [_make_arguments(job, m) for m in range(job.n_members)]

    @classmethod
    def begin(cls, job: Job, control: Control, *, alike: Sequence[Spec] = ()) -> Run:
        """A run at its first round, or where the snapshot in `control.resume` left it.

        Args:
            job: what to train.
            control: how.
            alike: settings that differ in numbers only, and run through the same program; by default those of the job.
        """
        program = member_program(common_program(alike or job.specs), job.task.functions, job.layout)
        members = []
        knots = jnp.asarray(_find_knots(job))
        for m in range(job.n_members):
            sample = np.resize(_shuffle(np.flatnonzero(job.resampling.counts[m]))[:_START_SAMPLE], _START_SAMPLE)
            inputs = jnp.asarray(job.groups), jnp.asarray(job.used)
            state = program.start(jax.device_put(job.inputs[sample]), knots, *inputs, _make_arguments(job, m))
            members.append(_MemberRun(state, state.mean))
        run = cls(job, control, program, members)
        for m, member in enumerate(members) if control.measuring else ():
            rows = run.looked_at[m]
            member.start = program.send(
                member.state.params, jax.device_put(job.inputs[rows]), jnp.asarray(rows, jnp.int32), run.arguments[m]
            )
        if job.name in control.resume:
            run._restore(control.resume[job.name])
        for m, params in enumerate(control.trained.get(job.name, ())):
            run._take_over(m, params)
        return run

    def advance(self, until: float = 1.0) -> float:
        """The share of the run that is asked for, once it is complete or no member has improved for `patience` rounds."""
        with self.control.threads() as threads:
            while self.taken < until * self.run_length and not self._finished:
                living = [m for m, member in enumerate(self.members) if not member.failure and not member.done]
                try:
                    self.control.check()
                    self.feed.refill(self.taken, self.ends[self.round] - self.taken)
                    advanced = [*self.control.each(threads, self._advance_member, living)]
                except Interrupted:
                    self.control.keep(self.job.name, self.snapshot, True)  # as the last round left it, whoever is still at work
                    raise
                for m, member in zip(living, advanced, strict=True):
                    self.members[m] = member
                self._judge()
                self.round += 1
                if self.taken in self.measured_at or self.taken == self.run_length or self._finished:
                    for _ in threads.map(self._measure, living, advanced):
                        pass
                self.control.report(Progress(self.job.name, self.taken / self.run_length, self.curve[-1]))
                self.control.keep(self.job.name, self.snapshot, False)
        return until

    @property
    def taken(self) -> int:
        """Steps that every member has taken."""
        return self.ends[self.round - 1] if self.round else 0

    @property
    def is_complete(self) -> bool:
        """Whether all steps are taken, or nothing has improved for `patience` rounds."""
        return self.taken >= self.run_length or self._finished

    def glimpse(self, share: float) -> tuple[FloatArray, BoolArray]:
        """Out-of-bag outputs (n, k) for the rows of the evaluation subset after this share of the run, and which these are (n,)."""
        self.advance(share)
        self.control.keep(self.job.name, self.snapshot, True)  # others follow, and may be stopped
        return self._outputs()

    def row_losses(self) -> tuple[FloatArray, BoolArray]:
        """Out-of-bag losses of the ensemble's present outputs for the rows of the evaluation subset (n,), and which rows have one (n,)."""
        outputs, covered = self._outputs()
        return row_losses(self.job, outputs, covered), covered

    def _outputs(self) -> tuple[FloatArray, BoolArray]:
        pairs = zip(self.judged, self.members, strict=True)
        predictions = [(rows, m.outputs) for rows, m in pairs if not m.failure and m.outputs is not None]
        outputs, n_predictions = average_out_of_bag(self.job.task, len(self.job.inputs), predictions)
        return outputs, n_predictions > 0

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
            measured = [[*member.health[end].values()] for end in sorted(member.health)]
            arrays[f"health/{m}"] = np.asarray(measured, np.float64).reshape(len(measured), len(self._measured()))
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
            member.state = _replace_leaves(member.state, snapshot.arrays, "state", m)
            member.best = _replace_leaves(member.best, snapshot.arrays, "best", m)
            member.rounds = [tuple(row) for row in snapshot.arrays[f"rounds/{m}"]]
            for end, values in zip(snapshot.values["measured_at"], snapshot.arrays[f"health/{m}"], strict=False):
                member.health[end] = dict(zip(snapshot.values["measured"], map(float, values), strict=True))
            member.outputs = snapshot.arrays.get(f"outputs/{m}")

    def _take_over(self, m: int, params: Params | None) -> None:
        """Let member m be one that was trained before: it has a voice, and takes no more steps."""
        member, job = self.members[m], self.job
        if params is None:
            member.failure = "it failed when it was trained"
            return
        member.best, member.done = params, True
        member.outputs = apply_program(job.specs[m], job.layout)(params, job.inputs[self.judged[m]])

    def _advance_member(self, m: int) -> _MemberRun:
        """Member m after the round at hand; the run keeps the one before until the round has ended for all."""
        member, job, began = self.members[m].copy(), self.job, time.perf_counter()
        taken, n_steps = self.taken, self.ends[self.round] - self.taken
        if taken == 0:
            self._measure(m, member)
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
        return member

    def _measure(self, m: int, member: _MemberRun) -> None:
        """Take down the health of member m; what one more step would do is tried with a batch of the round that has just ended."""
        if not self.control.measuring:
            return
        begin = self.ends[self.round - 2] if self.round > 1 else 0
        batch = jnp.asarray(self.feed.batches(m, begin, 1)[0])
        known = self.arguments[m], batch, np.float32(self.run_length), jnp.asarray(self.feed.places(self.looked_at[m]), jnp.int32)
        kept = member.state._replace(mean=member.best)
        member.health[self.taken] = name_measurements(self.program.measure(kept, self.feed.shared, *known))

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
        stops_early = self._patience > 0
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

    @property
    def _patience(self) -> int:
        return self.job.specs[0].regularization.patience or 0

    @property
    def _finished(self) -> bool:
        patience, living = self._patience, [member for member in self.members if not member.failure and not member.done]
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
            recorded = [[member.health[end][name] for end in measured if end in member.health] for member in self.members]
            history[name] = self._stacked(recorded, len(measured))
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
        return next(([*values] for member in self.members for values in member.health.values()), [])

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


def _replace_leaves(tree: Any, arrays: dict[str, AnyArray], name: str, m: int) -> Any:
    """A tree of the same structure with member m's stored leaves."""
    leaves, structure = jax.tree.flatten(tree)
    return jax.tree.unflatten(structure, [arrays[f"{name}/{i}"][m] for i in range(len(leaves))])


def _find_knots(job: Job) -> FloatArray:
    """Edges of the bins that the model asks for, from all rows (they know nothing of the target)."""
    model = job.specs[0].model
    rows = job.inputs.x[:: -(-len(job.inputs) // MOST_EVALUATED)]
    return find_knots(rows[:, list(job.layout.numeric)], architecture_of(model).n_bins(model))


def _make_arguments(job: Job, m: int) -> Member:
    values = {name: jnp.float32(value) for name, value in varying_values(job.specs[m]).items()}
    return Member(jnp.uint32(job.seeds[m]), values)


def _shuffle(rows: IntArray) -> IntArray:
    """Rows in an order of chance that is always the same: tables may be sorted."""
    return np.random.default_rng(0x5EED).permutation(rows)


def _arrange_in_blocks(rows: IntArray, most: int, n_at_once: int, *, shared: bool) -> IntArray:
    """Rows repeated to fill the same number of blocks for every member, shape (blocks, rows a block).

    Blocks are as many as tables of similar length have, if a program is `shared` with these; else no more than it takes.
    """
    size = min(n_at_once, padded_size(most, least=_LEAST_JUDGED))
    n_blocks = -(-max(most, _LEAST_JUDGED) // size)
    n_blocks = padded_size(n_blocks, least=1) if shared else n_blocks
    return np.resize(rows.astype(np.int32), (n_blocks, size))
