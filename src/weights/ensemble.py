"""The ensemble: trained members that answer together.

`Ensemble` predicts, gives class probabilities and intervals. It holds one or several populations, each of members of one
architecture and the same settings. Members are averaged (averaging.py); populations are added with stacking weights that
calibrate them too. These and the widths of intervals come from out-of-bag rows.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import msgspec
import numpy as np

from weights.averaging import average_members
from weights.data.dataset import Feature
from weights.data.distributions import Distribution
from weights.data.encoding import Encoding
from weights.data.inputs import Inputs, Layout
from weights.data.roles import Roles
from weights.effects import FeatureWeights
from weights.errors import UsageError
from weights.models.base import keep_all
from weights.models.registry import build
from weights.spec import Spec, program_spec
from weights.tasks.base import Task
from weights.tasks.metrics import Metric
from weights.types import AnyArray, BoolArray, FloatArray, IntArray, Params
from weights.verdicts import Decomposition

_BLOCK = 4096
MOST_PREDICTIONS = 20_000
"""Rows whose out-of-bag answers are kept with an ensemble (our choice)."""


class Interval(msgspec.Struct, frozen=True):
    """Bounds of the target for each row, in its unit, each a list of n numbers; and the level they were asked to hold."""

    low: Any
    high: Any
    level: float


class Candidate(msgspec.Struct, frozen=True):
    """How a candidate of the race ended: its settings in words, the share of the run it was given, its out-of-bag loss."""

    label: str
    share: float
    loss: float | None
    won: bool = False


class Origin(msgspec.Struct, frozen=True):
    """How to read the rows of training again.

    Attributes:
        path: the file or example as it was named; None where they came from memory.
        roles: what columns are for.
        merged: whether copies were merged.
    """

    path: str | None
    roles: Roles
    merged: bool = False


class Report(msgspec.Struct, frozen=True):
    """What is known about how an ensemble was made; everything `weights show` prints besides the spec.

    Attributes:
        metrics: out-of-bag metrics.
        test: metrics on the rows that were for the test only, if there were some. n_test: how many.
        compared: metrics of the models that were tried, by name ("constant" is the target's mean or class shares).
        decision: why this model.
        searches: how candidates fared, by model.
        failures: member -> reason.
        remarks: notes on the data.
        step_seconds: what a step of a member took, by the name of its population.
        decomposition: what the out-of-bag loss is made of.
        feature_weights: effects and importances of features; None if that was not asked for.
        origin: how to read the rows again; None where target or weights came apart from the table.
        distributions: how the values of each column were distributed; none in runs of older versions.
    """

    source: str
    n_samples: int
    n_features: int
    metrics: dict[str, Metric]
    test: dict[str, Metric] = {}
    n_test: int = 0
    compared: dict[str, dict[str, Metric]] = {}
    decision: str = ""
    searches: dict[str, list[Candidate]] = {}
    failures: dict[str, str] = {}
    remarks: list[str] = []
    seconds: float = 0.0
    step_seconds: dict[str, float] = {}
    created: str = ""
    version: str = ""
    decomposition: Decomposition | None = None
    feature_weights: FeatureWeights | None = None
    origin: Origin | None = None
    distributions: list[Distribution] = []


@dataclass(frozen=True, eq=False)
class Predictions:
    """Answers to rows whose target is known, by members that never saw them.

    Attributes:
        prediction: probability of each class, shape (n, classes), or values, shape (n,).
        y: encoded targets, as `Task.encode` gives them, shape (n,).
        rows: which rows these are, counted from 0 among those of training, or among those of the test, shape (n,).
        weight: sample weights, shape (n,).
        group: codes of rows that belong together, shape (n,), or None.
    """

    prediction: FloatArray
    y: AnyArray
    rows: IntArray
    weight: FloatArray
    group: IntArray | None = None

    def __getitem__(self, chosen: AnyArray) -> Predictions:
        """Those of some rows."""
        group = None if self.group is None else self.group[chosen]
        return Predictions(self.prediction[chosen], self.y[chosen], self.rows[chosen], self.weight[chosen], group)

    def thinned(self, most: int, strata: IntArray | None) -> Predictions:
        """At most so many rows, drawn at random, always the same: equally many of each stratum, with the weight of all of it.

        Strata with fewer rows than their part are kept whole, because what is said of rare classes rests on these rows.

        Args:
            most: rows.
            strata: codes, shape (n,); None where rows are drawn whatever they are.
        """
        if len(self.y) <= most:
            return self
        strata = np.zeros(len(self.y), int) if strata is None else strata
        random, chosen, weight = np.random.default_rng(0xA5), [], self.weight.copy()
        counts = np.bincount(strata)
        left, there = most, [k for k in np.argsort(counts, kind="stable") if counts[k]]
        for turn, k in enumerate(there):
            n = min(int(counts[k]), left // (len(there) - turn))
            rows = np.flatnonzero(strata == k)
            kept = random.choice(rows, n, replace=False)
            weight[kept] *= self.weight[rows].sum() / max(self.weight[kept].sum(), 1e-300)
            chosen.append(kept)
            left -= n
        return replace(self, weight=weight)[np.sort(np.concatenate(chosen))]


@dataclass(frozen=True, eq=False)
class Population:
    """Members of one architecture and the same settings, and their part in the ensemble's answers.

    Attributes:
        name: short, such as "linear".
        spec: what was trained.
        params: learned arrays of all members, member axis first.
        member_weights: weight of each member within the population, shape (m,).
        stacking_weight: factor of the population's outputs in those of the ensemble.
        history: what was recorded while training: name -> array, shape (m, rounds).
    """

    name: str
    spec: Spec
    params: Params
    member_weights: FloatArray
    stacking_weight: float = 1.0
    history: dict[str, FloatArray] = field(default_factory=dict)

    @property
    def normalised_member_weights(self) -> FloatArray:
        """The member weights as parts of one, shape (m,)."""
        return self.member_weights / self.member_weights.sum()

    @property
    def members(self) -> list[Params]:
        """The params of each member."""
        return [jax.tree.map(lambda a, m=m: a[m], self.params) for m in range(len(self.member_weights))]


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Trained members and what is needed to use them. Its methods take encoded rows; api.Model takes the user's own.

    Attributes:
        task, encoding, features: what is answered, from which columns.
        populations: the members.
        offset: added to the outputs of the populations, shape (k,): the weighted outputs of a model that knows no features, or the
            shift of classes.
        scores: out-of-bag conformal scores in ascending order (absolute residuals in the target's unit; one minus the
            probability of the class that came).
        report: how it was made and how good it is.
        oob_predictions: out-of-bag predictions for rows of training. test_predictions: those for rows that were for the test only. At
            most `MOST_PREDICTIONS` each; None in runs of older versions (and, of the test, where there were no such rows).
    """

    task: Task
    encoding: Encoding
    features: list[Feature]
    populations: list[Population]
    offset: FloatArray
    scores: FloatArray
    report: Report
    oob_predictions: Predictions | None = None
    test_predictions: Predictions | None = None

    @property
    def n_members(self) -> int:
        """Members that did not fail, of all populations."""
        return sum(len(population.member_weights) for population in self.populations)

    @property
    def classes(self) -> list[Any]:
        """Class labels in the order of `predict_proba`'s columns; empty for regression."""
        return self.task.classes

    @property
    def metrics(self) -> dict[str, float]:
        """Out-of-bag metrics by name."""
        return {name: metric.value for name, metric in self.report.metrics.items()}

    def predict(self, inputs: Inputs) -> AnyArray:
        """The most probable class or the expected value of encoded rows, shape (n,)."""
        return self.task.decide(self.answer(inputs))

    def predict_proba(self, inputs: Inputs) -> FloatArray:
        """Calibrated probability of each class for encoded rows, shape (n, number of classes).

        Raises:
            UsageError: the task is regression.
        """
        self.task.need_classes("Probabilities need classes", "Use predict, or interval for its uncertainty.")
        return self.answer(inputs)

    def interval(self, inputs: Inputs, *, level: float = 0.9) -> Interval:
        """Bounds that hold the value of a new row with probability `level`, in the long run over rows like those of training.

        Conformal: the out-of-bag residual that a share `level` of rows stays below, on either side of the prediction (Johansson
        et al. 2014; quantile (n + 1) * level as in Vovk et al. 2005). The promise is for all rows together, not for each kind of row.

        Args:
            inputs: encoded rows.
            level: between 0 and 1.

        Raises:
            UsageError: the task has classes (see `prediction_sets`) or the level is not between 0 and 1.
        """
        half = self.half_width(level)
        prediction = self.answer(inputs)
        return Interval(prediction - half, prediction + half, level)

    def covers(self, y: AnyArray, answers: FloatArray, *, level: float) -> BoolArray:
        """Which encoded targets (n,) lie in the bounds of `interval`, or the set of `prediction_sets`, of their answers, shape (n,)."""
        return self.task.nonconformity(y, answers) <= self._score_quantile(level)

    def half_width(self, level: float) -> float:
        """How far the bounds of `interval` lie on either side of the prediction, in the unit of the target; errors as there."""
        self.task.need_number("Intervals need a number", "Use predict_proba or prediction_sets.")
        return self._score_quantile(level)

    def prediction_sets(self, inputs: Inputs, *, level: float = 0.9) -> BoolArray:
        """Which classes belong to a set that holds the true class with probability `level`, shape (n, number of classes).

        Conformal, from out-of-bag probabilities of the class that came (Sadinle et al. 2019). The promise is for all rows together;
        a set may hold no class where none is probable enough.
        """
        return 1.0 - self.predict_proba(inputs) <= self._score_quantile(level)

    def answer(self, inputs: Inputs) -> FloatArray:
        """Predictions for encoded rows: probabilities (n, classes), or values (n,)."""
        return self.task.decode(self.combined(inputs))

    def combined(self, inputs: Inputs) -> FloatArray:
        """The members' outputs for encoded rows, averaged by member weights and added by stacking weights, shape (n, k)."""
        return self.combine_members(lambda population: self.member_outputs(population, inputs))

    def combine_members(self, member_outputs: Callable[[Population], Iterable[FloatArray]]) -> FloatArray:
        """Outputs (n, k) that a function gives of each population's members, combined in the same way, shape (n, k)."""
        parts = (
            population.stacking_weight * average_members(self.task, member_outputs(population), population.normalised_member_weights)
            for population in self.populations
        )
        return sum(parts, self.offset)

    def mean_outputs(self, population: Population, inputs: Inputs) -> FloatArray:
        """The outputs of a population's members for encoded rows, averaged by member weights, shape (n, k)."""
        return average_members(self.task, self.member_outputs(population, inputs), population.normalised_member_weights)

    def member_outputs(self, population: Population, inputs: Inputs) -> Iterator[FloatArray]:
        """The outputs of each member of a population for encoded rows, one array (n, k) at a time, in the order of members."""
        run = apply_program(population.spec, self.encoding.layout(self.task.n_outputs))
        members = population.members
        with ThreadPoolExecutor(available_threads()) as threads:
            yield from threads.map(lambda params: run(params, inputs), members)

    def _score_quantile(self, level: float) -> float:
        if not 0 < level < 1:
            raise UsageError(f"The level must be between 0 and 1, but is {level}. Use 0.9 for bounds that hold nine times in ten.")
        rank = int(np.ceil(level * (len(self.scores) + 1) - 1e-9))  # 0.55 * 100 is a little more than 55 in floating point
        return float(self.scores[rank - 1]) if rank <= len(self.scores) else float("inf")


def available_threads() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def apply_program(spec: Spec, layout: Layout) -> Callable[[Params, Inputs], FloatArray]:
    """Outputs (n, k) of one member for encoded rows, computed in padded blocks so that few shapes are compiled."""
    compiled, most = _compiled_apply(program_spec(spec), layout), layout.rows_at_once(_BLOCK)

    def run(params: Params, inputs: Inputs) -> FloatArray:
        outputs = np.empty((len(inputs), layout.n_outputs), np.float32)
        for begin in range(0, len(inputs), most):
            rows = inputs[begin : begin + most]
            padded = pad(rows, min(most, 1 << (max(len(rows), 16) - 1).bit_length()))
            outputs[begin : begin + len(rows)] = np.asarray(compiled(params, padded))[: len(rows)]
        return outputs

    return run


def pad(rows: Inputs, n: int) -> Inputs:
    """The rows with zeros behind them, so that there are n."""

    def extend(block: AnyArray) -> AnyArray:
        padded = np.zeros((n, *block.shape[1:]), block.dtype)
        padded[: len(block)] = block
        return padded

    return Inputs({name: extend(block) for name, block in rows.blocks.items()})


@functools.lru_cache(maxsize=32)
def _compiled_apply(spec: Spec, layout: Layout) -> Callable[[Params, Inputs], jax.Array]:
    model = build(spec.model, layout, spec.initialization, spec.activation)
    return jax.jit(lambda params, inputs: model.apply(params, inputs, keep_all)[0])
