"""Members that learn batch by batch: `begin` or `go_on_from` a trained ensemble, `learn` each batch, and read the `ensemble`.

Every member sees every batch once, in an order of its own. Each batch is judged before it is learned from, when all its rows are
new to all members; the most recent of these answers give the stacking weights of populations and the widths of intervals.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import jax
import msgspec
import numpy as np

import weights
from weights.conformal import Conformal
from weights.data.dataset import Feature
from weights.data.encoding import Encoding
from weights.data.inputs import Inputs
from weights.ensemble import Ensemble, Population, Report
from weights.errors import TrainingError
from weights.spec import Spec
from weights.tasks.base import Task
from weights.tasks.metrics import score
from weights.training.control import Control
from weights.training.job import Job
from weights.training.population import member_seeds
from weights.training.resampling import Resampling
from weights.training.stacking import stack
from weights.training.step import State
from weights.training.stepping import Run
from weights.types import AnyArray, FloatArray, Params

_MOST_JUDGED = 5_000
_ENOUGH_FOR_SHARES = 100


@dataclass(frozen=True, eq=False)
class Learner:
    """A population on its way through batches.

    Attributes:
        name, member_weights, stacking_weight: as in `Population`.
        spec: settings, resolved, with an optimizer.
        states: of each member; params alone before the first batch of members that were trained otherwise.
    """

    name: str
    spec: Spec
    states: list[State | Params]
    member_weights: FloatArray
    stacking_weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Stream:
    """Populations on their way through batches.

    Attributes:
        learners: the populations.
        task, encoding, features: what stays as the first batch had it.
        offset, conformal: as in `Ensemble`, until judged rows give better ones.
        n_batches, n_samples: learned from so far.
        outputs, y, weight: of the rows judged most recently, shapes (q, r, k), (r,), (r,).
    """

    learners: list[Learner]
    task: Task
    encoding: Encoding
    features: list[Feature]
    offset: FloatArray
    conformal: Conformal
    n_batches: int
    n_samples: int
    outputs: FloatArray
    y: AnyArray
    weight: FloatArray

    @property
    def n_steps(self) -> int:
        """Steps that every member took."""
        states = [state for learner in self.learners for state in learner.states]
        return max(int(state.step) if isinstance(state, State) else 0 for state in states)


def begin(name: str, spec: Spec, task: Task, encoding: Encoding, features: list[Feature]) -> Stream:
    """A stream of members that have not learned anything: their answers are unscored, so that intervals are unbounded."""
    return _fresh([Learner(name, spec, [], np.ones(spec.members.n_members))], task, encoding, features)


def go_on_from(ensemble: Ensemble, specs: Mapping[str, Spec]) -> Stream:
    """A stream whose members are those of an ensemble, with the settings, by population, by which they are to learn from now on."""
    learners = []
    for population in ensemble.populations:
        n_members = len(population.member_weights)
        states: list[State | Params] = [
            jax.tree.map(lambda a, m=m, p=population: np.float32(a[m]), population.params) for m in range(n_members)
        ]
        learners.append(Learner(population.name, specs[population.name], states, population.member_weights, population.stacking_weight))
    stream = _fresh(learners, ensemble.task, ensemble.encoding, ensemble.features)
    return dataclasses.replace(stream, offset=ensemble.offset, conformal=ensemble.conformal, n_samples=ensemble.report.n_samples)


def _fresh(learners: list[Learner], task: Task, encoding: Encoding, features: list[Feature]) -> Stream:
    nothing = np.zeros(0)
    outputs = np.zeros((len(learners), 0, task.n_outputs))
    return Stream(learners, task, encoding, features, np.zeros(task.n_outputs), Conformal(nothing), 0, 0, outputs, nothing, nothing)


def learn(stream: Stream, inputs: Inputs, y: AnyArray, weight: FloatArray, *, n_threads: int) -> Stream:
    """The stream after one pass of every member over a batch.

    Args:
        stream: so far.
        inputs: encoded rows.
        y: encoded targets, shape (n,).
        weight: of each row, used as it is, shape (n,).
        n_threads: members in work at the same time.

    Raises:
        TrainingError: a member's loss was no longer finite; the stream is as it was.
    """
    if all(learner.states for learner in stream.learners):
        stream = _judged(stream, inputs, y, weight)
    learners = [_learned(learner, _job(stream, learner, inputs, y, weight), n_threads) for learner in stream.learners]
    return dataclasses.replace(stream, learners=learners, n_batches=stream.n_batches + 1, n_samples=stream.n_samples + len(inputs))


def _learned(learner: Learner, job: Job, n_threads: int) -> Learner:
    run = Run.begin(job, Control(n_threads=n_threads, measuring=False))
    for member, state in zip(run.members, learner.states, strict=False):
        member.state = state if isinstance(state, State) else member.state._replace(params=state, mean=state)
    run.advance()
    failed = [member.failure for member in run.members if member.failure]
    if failed:
        raise TrainingError(
            f"{len(failed)} of {job.n_members} members failed on this batch, the first because {failed[0]}. Use smaller steps."
        )
    return dataclasses.replace(learner, states=[jax.device_get(member.state) for member in run.members])


def ensemble(stream: Stream) -> Ensemble:
    """The members as they are now, stacked and calibrated by the rows they were judged on most recently.

    Stacking weights are fitted from 100 judged rows on; before that they are those the stream began with.
    """
    task, y, weight = stream.task, stream.y, stream.weight
    present = _as_begun(stream)
    if not weight.any():
        return present
    if len(y) < _ENOUGH_FOR_SHARES:
        weights = np.asarray([learner.stacking_weight for learner in stream.learners])
        answers = task.decode(np.tensordot(weights, stream.outputs, 1) + stream.offset)
    else:
        weights, offset, answers = stack(stream.outputs, y, weight, task)[:3]
        populations = [dataclasses.replace(p, stacking_weight=float(one)) for p, one in zip(present.populations, weights, strict=True)]
        present = dataclasses.replace(present, populations=populations, offset=offset)
    metrics = score(task.metrics, task.original(y), answers, weight=weight)
    report = msgspec.structs.replace(present.report, metrics=metrics)
    return dataclasses.replace(present, conformal=task.calibrate(y, answers, np.zeros((len(y), 0)), weight), report=report)


def _as_begun(stream: Stream) -> Ensemble:
    """The members as they are now, with the calibration the stream began with."""
    populations = []
    for learner in stream.learners:
        params = [state.mean if isinstance(state, State) else state for state in learner.states]
        stacked = jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *params)
        history = {"n_steps": np.asarray([[float(stream.n_steps)]])}
        populations.append(Population(learner.name, learner.spec, stacked, learner.member_weights, learner.stacking_weight, history))
    report = Report("batches", stream.n_samples, len(stream.encoding.columns), {}, version=weights.__version__)
    return Ensemble(stream.task, stream.encoding, stream.features, populations, stream.offset, stream.conformal, report)


def _judged(stream: Stream, inputs: Inputs, y: AnyArray, weight: FloatArray) -> Stream:
    """The stream with its answers to rows that are still new to it."""
    present = _as_begun(stream)
    outputs = np.concatenate([stream.outputs, np.stack([present.mean_outputs(p, inputs) for p in present.populations])], axis=1)
    y, weight = np.concatenate([stream.y, y]).astype(y.dtype), np.concatenate([stream.weight, weight])
    return dataclasses.replace(stream, outputs=outputs[:, -_MOST_JUDGED:], y=y[-_MOST_JUDGED:], weight=weight[-_MOST_JUDGED:])


def _job(stream: Stream, learner: Learner, inputs: Inputs, y: AnyArray, weight: FloatArray) -> Job:
    """One pass over the batch for every member; nobody is left out, because the batch has been judged already."""
    n_members, n_samples, spec = len(learner.member_weights), len(inputs), learner.spec
    batch_size = spec.optimization.batch_size or n_samples
    one_pass = msgspec.structs.replace(spec.optimization, n_steps=-(-n_samples // batch_size))
    spec = msgspec.structs.replace(spec, optimization=one_pass)
    everyone = np.ones((n_members, n_samples), np.uint8)
    rows = Resampling(everyone, np.zeros_like(everyone, bool), learner.member_weights)
    groups = np.asarray(stream.encoding.groups, np.int32)
    used_features = stream.encoding.names
    used = 1.0 - np.asarray([name in spec.updates.mask for name in used_features], np.float32)[groups]
    # The number of the batch is part of the seed, so that every batch has an order and a dropout of its own.
    first = member_seeds(spec.members.seed, n_members)
    seeds = np.asarray([np.random.SeedSequence([int(seed), stream.n_batches]).generate_state(1)[0] for seed in first], np.uint32)
    layout = stream.encoding.layout(stream.task.n_outputs)
    return Job(learner.name, stream.task, layout, [spec] * n_members, seeds, rows, inputs, y, weight, groups, used)
