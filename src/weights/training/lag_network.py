"""A network on what regressions on lags leave: one population for all series, trained on their windows.

Each member leaves out a stretch of time, on which it is judged. `fit_lag_network` gives a network where that says that it helps.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import msgspec
import numpy as np

from weights.data.inputs import COLUMNS, Inputs, table_layout
from weights.dependence import error_of_mean
from weights.elements.optimization import Optimization
from weights.elements.regularization import Regularization
from weights.ensemble import apply_program
from weights.errors import TrainingError
from weights.models.mlp import Mlp
from weights.spec import Members, Spec, resolve
from weights.tasks.base import OutputFunctions, Task
from weights.training.control import Control
from weights.training.job import Job
from weights.training.outofbag import Trained
from weights.training.population import member_seeds, train
from weights.training.resampling import Resampling
from weights.types import FloatArray, IntArray, Params

NETWORK = "network"
"""The name of the population, and of the stage of a fit that trains it."""
_N_MEMBERS, _HIDDEN, _N_STEPS, _BATCH, _LEARNING_RATE = 4, (256, 256), 3_000, 256, 0.003
"""Members take all steps: out-of-bag losses level off long before later forecasts do, and with early stopping one seed of two on m4_hourly
saved 0.1 % of the errors instead of 1.9 %. Half of the steps saved a quarter less, three times as many as much."""
_LEAST_SPREAD, _FARTHEST = 0.1, 20.0
"""Of a window, in deviations of its series, and the largest input or target, in spreads (our choice)."""
_MOST_WEIGHT = 10.0
_SHARES = np.linspace(0.0, 1.0, 11)
_BLOCK = 1 << 14


class Windows(NamedTuple):
    """What is known at n origins, as values are seen.

    Attributes:
        rest: the last values of what columns leave, the newest last, shape (n, L).
        forecasts: of this rest, by regressions, shape (n, H).
        added: what columns add at the next steps, shape (n, H), or (n, 0) where there are none.
        traits: of the series, such as how like a season is to the last, shape (n, q).
    """

    rest: FloatArray
    forecasts: FloatArray
    added: FloatArray
    traits: FloatArray


class Examples(NamedTuple):
    """What a network learns from.

    Attributes:
        windows: n of them. left: what came less what regressions forecast, shape (n, H).
        weight: of each, shape (n,). moment: numbers that are the same at the same time in all series, shape (n,).
    """

    windows: Windows
    left: FloatArray
    weight: FloatArray
    moment: IntArray


class NetworkSettings(msgspec.Struct, frozen=True):
    """What the params of a network are of.

    Attributes:
        spec: of its members. n_lags: L.
        share: of its outputs in the forecast. gain: the share of absolute errors that it saved in stretches of time that were left out.
    """

    spec: Spec
    n_lags: int
    share: float
    gain: float


class LagNetwork(NamedTuple):
    """A population that says what regressions leave.

    Attributes:
        settings: of it. params: of m members, stacked.
        center, spread: of its inputs, shape (p,).
    """

    settings: NetworkSettings
    params: Params
    center: FloatArray
    spread: FloatArray

    def correct(self, windows: Windows) -> FloatArray:
        """What is added to the forecasts of regressions, shape (n, H)."""
        n, horizon = windows.forecasts.shape
        run = apply_program(self.settings.spec, table_layout(len(self.center), horizon))
        members = [jax.tree.map(lambda leaf, m=m: leaf[m], self.params) for m in range(len(jax.tree.leaves(self.params)[0]))]
        corrections = np.empty((n, horizon))
        for begin in range(0, n, _BLOCK):
            part = Windows(*(own[begin : begin + _BLOCK] for own in windows))
            x, spread = describe_windows(part)
            inputs = Inputs({COLUMNS: _scaled(x, self.center, self.spread)})
            outputs = np.mean([run(params, inputs).astype(np.float64) for params in members], axis=0)
            corrections[begin : begin + _BLOCK] = self.settings.share * spread * outputs
        return corrections


class _Steps(NamedTuple):
    """The H steps of a window as a target: what training by steps asks of a task, for absolute errors in spreads of the window."""

    n_outputs: int

    @property
    def functions(self) -> OutputFunctions:
        """For compiled programs."""
        return _FUNCTIONS

    def normalise(self, outputs: FloatArray) -> FloatArray:
        """Outputs as they are averaged: as they are."""
        return np.asarray(outputs, np.float64)

    def align(self, outputs: FloatArray, onto: Callable[[], FloatArray]) -> FloatArray:
        """The outputs as they are: steps are at fixed moments."""
        return outputs

    def row_losses(self, outputs: FloatArray, y: FloatArray) -> FloatArray:
        """Mean absolute errors over steps, shape (n,), of outputs (n, H)."""
        return np.abs(np.asarray(outputs, np.float64) - y).mean(axis=1)


_FUNCTIONS = OutputFunctions(
    loss=lambda outputs, y: jnp.mean(jnp.abs(outputs - y)),
    normalise=lambda outputs: outputs,
    margin=lambda outputs, label: outputs[:, 0],
)


def describe_windows(windows: Windows) -> tuple[FloatArray, FloatArray]:
    """Inputs of the network (n, p), and the spread of each window (n, 1), in which its outputs are.

    A window is seen from its last value, in units of its own spread; its level and spread within the series are inputs of their own, and so
    are the traits of the series.

    Example:
        >>> x, spread = describe_windows(Windows(np.array([[1.0, 3.0]]), np.array([[4.0]]), np.zeros((1, 0)), np.array([[0.5]])))
        >>> x.tolist(), spread.tolist()
        ([[-2.0, 0.0, 0.0, -1.0, 3.0, 1.0, 0.5]], [[1.0]])
    """
    rest, last = windows.rest, windows.rest[:, -1:]
    spread = np.maximum(rest.std(axis=1, keepdims=True), _LEAST_SPREAD)
    level = rest.mean(axis=1, keepdims=True) - last
    added = windows.added - windows.added.mean(axis=1, keepdims=True) if windows.added.shape[1] else windows.added
    parts = [(rest - last) / spread, np.log(spread), level, last, (windows.forecasts - last) / spread, added / spread, windows.traits]
    return np.concatenate(parts, axis=1).clip(-_FARTHEST, _FARTHEST), spread


def fit_lag_network(examples: Examples, control: Control, *, seed: int = 0) -> LagNetwork | None:
    """A network on what regressions leave, or None where it saves no more than its standard error in time that its members left out.

    None as well where no member stayed finite.

    Args:
        examples: windows of all series.
        control: threads, and whether to stop.
        seed: of its members.

    Raises:
        Interrupted: the work was asked to stop.
    """
    x, spread = describe_windows(examples.windows)
    center, deviation = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-3)
    y = (examples.left / spread).clip(-_FARTHEST, _FARTHEST).astype(np.float32)
    # Errors count as they are in the series, not in spreads of the window.
    weight = examples.weight * spread[:, 0]
    weight = np.minimum(weight / weight.mean(), _MOST_WEIGHT)
    layout = table_layout(x.shape[1], y.shape[1])
    spec = resolve(_make_spec(seed), len(x), layout)
    job = Job(
        name=NETWORK,
        task=cast(Task, _Steps(y.shape[1])),
        layout=layout,
        specs=[spec] * _N_MEMBERS,
        seeds=member_seeds(seed, _N_MEMBERS),
        resampling=leave_out_stretches(examples.moment, _N_MEMBERS, y.shape[1]),
        inputs=Inputs({COLUMNS: _scaled(x, center, deviation)}),
        y=y,
        weight=weight / weight.mean(),
        groups=np.arange(x.shape[1]),
        used=np.ones(x.shape[1], np.float32),
    )
    try:
        trained = train(job, replace(control.aside(), report=control.report))
    except TrainingError:  # no member stayed finite: regressions answer alone
        return None
    share, gain = _choose_share(trained, job)
    settings = NetworkSettings(spec, examples.windows.rest.shape[1], share, gain)
    return LagNetwork(settings, trained.population.params, center, deviation) if share else None


def leave_out_stretches(moment: IntArray, n_members: int, horizon: int) -> Resampling:
    """Which windows (n,) each member learns from: all but those whose steps are in its own of so many stretches of time.

    Example:
        >>> rows = leave_out_stretches(np.arange(8), 2, 2)
        >>> rows.counts.tolist(), rows.scored[0].tolist()
        ([[0, 0, 0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0, 0, 0]], [True, True, True, True, False, False, False, False])
    """
    first, last = int(moment.min()), int(moment.max())
    edges = np.linspace(first, last + 1, n_members + 1).astype(np.int64)
    pairs = [*itertools.pairwise(edges)]
    scored = np.stack([(moment >= begin) & (moment < end) for begin, end in pairs])
    near = np.stack([(moment > begin - horizon) & (moment < end - 1 + horizon) for begin, end in pairs])
    return Resampling((~near).astype(np.uint8), scored, np.ones(n_members))


def _make_spec(seed: int) -> Spec:
    optimization = Optimization(n_steps=_N_STEPS, batch_size=_BATCH, learning_rate=_LEARNING_RATE)
    members, regularization = Members(n_members=_N_MEMBERS, seed=seed), Regularization(patience=0)
    return Spec(Mlp(_HIDDEN, "none"), regularization=regularization, optimization=optimization, members=members)


def _scaled(x: FloatArray, center: FloatArray, spread: FloatArray) -> FloatArray:
    return ((x - center) / spread).astype(np.float32)


def _choose_share(trained: Trained, job: Job) -> tuple[float, float]:
    """The share of out-of-bag outputs that loses least, and the share of the loss that it saves; zeros if that may be chance.

    Windows of a stretch of time depend on each other, and count as one.
    """
    covered = np.flatnonzero(trained.covered & (job.weight > 0))
    y, outputs = np.asarray(job.y[covered], np.float64), trained.outputs[covered]
    weight = job.weight[covered] / job.weight[covered].sum()
    losses = [job.task.row_losses(share * outputs, y) for share in _SHARES]
    best = int(np.argmin([weight @ own for own in losses]))
    saved = losses[0] - losses[best]
    gain = float(weight @ saved)
    stretch = job.resampling.scored[:, covered].argmax(axis=0)
    if gain <= error_of_mean(weight * (saved - gain), weight, group=stretch).std_err:
        return 0.0, 0.0
    return float(_SHARES[best]), gain / float(weight @ losses[0])


def concatenate_examples(parts: Sequence[Examples]) -> Examples:
    """Those of several series behind each other."""
    windows = Windows(*(np.concatenate(own) for own in zip(*(part.windows for part in parts), strict=True)))
    return Examples(windows, *(np.concatenate(own) for own in zip(*(part[1:] for part in parts), strict=True)))
