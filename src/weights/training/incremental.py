"""Members that learn batch by batch: `begin` or `go_on_from` a trained ensemble, `learn` each batch, and read the `ensemble`.

Every member sees every batch once, in an order of its own. Each batch is judged before it is learned from, when all its rows are
new to all members; the most recent of these answers give the temperature and the widths of intervals.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import jax
import msgspec
import numpy as np

import weights
from weights.data.dataset import Feature
from weights.data.encoding import Encoding
from weights.ensemble import Ensemble, Report, conformal_scores, crossfitted_answers, fit_temperature, model_shape
from weights.errors import TrainingError
from weights.metrics import score
from weights.spec import Spec
from weights.task import Task
from weights.training.population import N_ROUNDS, Control, Job, Run, member_seeds
from weights.training.resampling import Resampling
from weights.training.step import State
from weights.types import AnyArray, FloatArray, Params

_MOST_JUDGED = 5_000
_ENOUGH_FOR_TEMPERATURE = 100


@dataclass(frozen=True, eq=False)
class Stream:
    """Members on their way through batches.

    Attributes:
        spec, task, encoding, features: settings (resolved, with an optimizer), and what stays as the first batch had it.
        states: of each member; params alone before the first batch of members that were trained otherwise.
        votes: share of each member in the answer, shape (m,).
        temperature, scores: as in `Ensemble`, until judged rows tell better.
        n_batches, n_samples: learned from so far.
        outputs, y, weight: of the rows judged most recently, shapes (r, k), (r,), (r,).
    """

    spec: Spec
    task: Task
    encoding: Encoding
    features: list[Feature]
    states: list[State | Params]
    votes: FloatArray
    temperature: float
    scores: FloatArray
    n_batches: int
    n_samples: int
    outputs: FloatArray
    y: AnyArray
    weight: FloatArray

    @property
    def n_steps(self) -> int:
        """Steps that every member took."""
        return max(int(state.step) if isinstance(state, State) else 0 for state in self.states)


def begin(spec: Spec, task: Task, encoding: Encoding, features: list[Feature]) -> Stream:
    """A stream of members that have not learned anything: their answers are unscored, so that intervals are unbounded."""
    nothing = np.zeros(0)
    none_judged = (np.zeros((0, task.n_outputs)), nothing, nothing)
    return Stream(spec, task, encoding, features, [], np.ones(spec.members.n_members), 1.0, nothing, 0, 0, *none_judged)


def go_on_from(ensemble: Ensemble, spec: Spec) -> Stream:
    """A stream whose members are those of an ensemble, with the settings by which they are to learn from now on."""
    stream = begin(spec, ensemble.task, ensemble.encoding, ensemble.features)
    states: list[State | Params] = [jax.tree.map(lambda a, m=m: np.float32(a[m]), ensemble.params) for m in range(ensemble.n_members)]
    temperature, scores, n_samples = ensemble.temperature, ensemble.scores, ensemble.report.n_samples
    return dataclasses.replace(stream, states=states, votes=ensemble.votes, temperature=temperature, scores=scores, n_samples=n_samples)


def learn(stream: Stream, x: FloatArray, y: AnyArray, weight: FloatArray, *, n_threads: int) -> Stream:
    """The stream after one pass of every member over a batch.

    Args:
        stream: so far.
        x: encoded rows, shape (n, p).
        y: encoded targets, shape (n,).
        weight: of each row, used as it is, shape (n,).
        n_threads: members in work at the same time.

    Raises:
        TrainingError: a member's loss was no longer finite; the stream is as it was.
    """
    if stream.states:
        stream = _judged(stream, x, y, weight)
    n_members = len(stream.votes)
    job = _job(stream, x, y, weight)
    run = Run.begin(job, Control(n_threads=n_threads))
    for member, state in zip(run.members, stream.states, strict=False):
        member.state = state if isinstance(state, State) else member.state._replace(params=state)
    run.advance(N_ROUNDS)
    failed = [member.failure for member in run.members if member.failure]
    if failed:
        raise TrainingError(f"{len(failed)} of {n_members} members failed on this batch, the first because {failed[0]}. Use smaller steps.")
    states: list[State | Params] = [jax.device_get(member.state) for member in run.members]
    return dataclasses.replace(stream, states=states, n_batches=stream.n_batches + 1, n_samples=stream.n_samples + len(x))


def ensemble(stream: Stream) -> Ensemble:
    """The members as they are now, calibrated by the rows they were judged on most recently.

    A temperature is fitted from 100 judged rows on; before that it is the one the stream began with.
    """
    task, y, weight, outputs = stream.task, stream.y, stream.weight, stream.outputs
    present = _as_begun(stream)
    if not weight.any():
        return present
    if task.kind == "regression" or len(y) < _ENOUGH_FOR_TEMPERATURE:
        temperature, answers = stream.temperature, task.decode(outputs / stream.temperature)
    else:
        temperature, answers = fit_temperature(outputs, y, weight), crossfitted_answers(outputs, y, weight, task)
    metrics = score(task.kind, task.original(y), answers, weight=weight)
    report = msgspec.structs.replace(present.report, metrics=metrics)
    return dataclasses.replace(present, temperature=temperature, scores=conformal_scores(task, y, answers, weight), report=report)


def _as_begun(stream: Stream) -> Ensemble:
    """The members as they are now, with the calibration the stream began with."""
    params = [state.params if isinstance(state, State) else state for state in stream.states]
    return Ensemble(
        spec=stream.spec,
        task=stream.task,
        encoding=stream.encoding,
        features=stream.features,
        params=jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *params),
        votes=stream.votes,
        temperature=stream.temperature,
        scores=stream.scores,
        report=Report("batches", stream.n_samples, len(stream.encoding.columns), {}, version=weights.__version__),
        history={"n_steps": np.asarray([[float(stream.n_steps)]])},
    )


def _judged(stream: Stream, x: FloatArray, y: AnyArray, weight: FloatArray) -> Stream:
    """The stream with its answers to rows that are still new to it."""
    outputs = _as_begun(stream).combined(x)
    kept = [np.concatenate(pair)[-_MOST_JUDGED:] for pair in ((stream.outputs, outputs), (stream.y, y), (stream.weight, weight))]
    return dataclasses.replace(stream, outputs=kept[0], y=kept[1].astype(y.dtype), weight=kept[2])


def _job(stream: Stream, x: FloatArray, y: AnyArray, weight: FloatArray) -> Job:
    """One pass over the batch for every member; nobody is left out, because the batch has been judged already."""
    n_members, n_samples, spec = len(stream.votes), len(x), stream.spec
    batch_size = spec.optimization.batch_size or n_samples
    one_pass = msgspec.structs.replace(spec.optimization, n_steps=-(-n_samples // batch_size))
    spec = msgspec.structs.replace(spec, optimization=one_pass)
    everyone = np.ones((n_members, n_samples), np.uint8)
    rows = Resampling(everyone, np.zeros_like(everyone, bool), stream.votes)
    groups = np.asarray(stream.encoding.groups, np.int32)
    used_features = [feature for feature in stream.features if feature.used]
    used = 1.0 - np.asarray([feature.name in spec.updates.mask for feature in used_features], np.float32)[groups]
    # The number of the batch is part of the seed, so that every batch has an order and a dropout of its own.
    seeds = np.asarray([np.random.SeedSequence([int(seed), stream.n_batches]).generate_state(1)[0] for seed in _seeds(stream)], np.uint32)
    shape = model_shape(stream.encoding, stream.task)
    return Job("batches", stream.task, shape, [spec] * n_members, seeds, rows, x, y, weight, groups, used)


def _seeds(stream: Stream) -> AnyArray:
    return member_seeds(stream.spec.members.seed, len(stream.votes))
