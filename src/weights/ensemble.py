"""The ensemble: trained members that answer together.

`Ensemble` predicts, gives class probabilities and intervals. It holds one or several populations, each of members of one
architecture and the same settings. Members are averaged (averaging.py); populations are added with stacking weights that
calibrate them too. These and the widths of intervals come from out-of-bag rows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import msgspec
import numpy as np
import pyarrow as pa

from weights.averaging import average_members
from weights.conformal import Conformal, Interval, check_level, smallest_holding
from weights.data.classnames import put_names
from weights.data.dataset import Feature
from weights.data.distributions import Distribution
from weights.data.encoding import Datetime, Encoding, Numeric
from weights.data.files.threads import available_threads
from weights.data.inputs import FARTHEST, Inputs, Layout
from weights.data.newrows import read_new_rows
from weights.data.roles import Roles
from weights.data.table.part import part_like
from weights.data.table.read import AnyPart
from weights.effects import FeatureWeights
from weights.errors import UsageError
from weights.models.base import keep_all
from weights.models.registry import architecture_of, build
from weights.spec import Spec, program_spec
from weights.tasks.base import Task
from weights.tasks.metrics import Metric
from weights.types import AnyArray, BoolArray, FloatArray, IntArray, Params
from weights.verdicts import Decomposition, Usefulness
from weights.wordweights import WordWeights

_BLOCK = 4096
MOST_PREDICTIONS = 20_000
"""Rows whose out-of-bag answers are kept with an ensemble (our choice)."""
_MOST_KEPT = 20_000_000
"""Numbers of these, where an answer has many (our choice)."""


class Candidate(msgspec.Struct, frozen=True):
    """How a candidate of the race ended: its settings in words, the share of the run it was given, its out-of-bag loss."""

    label: str
    share: float
    loss: float | None
    won: bool = False


class Origin(msgspec.Struct, frozen=True, rename={"source": "path"}):
    """How to read the rows of training again.

    Attributes:
        source: the file or example as it was named, or the part of a file; None where they, or what is said of them, came from memory.
        roles: what columns are for.
        merged: whether copies were merged.
    """

    source: str | AnyPart | None
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
        feature_weights: effects and importances of columns; None if that was not asked for, or there are none.
        word_weights: the same of the words of texts.
        usefulness: whether the ensemble loses less than a constant, and which classes it never answers; None of an older version.
        origin: how to read the rows again; None where an older version was given target or weights apart from the table.
        fingerprint: of the rows, see `fingerprint_rows`; empty of streamed rows, and in runs of older versions.
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
    word_weights: WordWeights | None = None
    origin: Origin | None = None
    usefulness: Usefulness | None = None
    distributions: list[Distribution] = []
    fingerprint: str = ""

    @property
    def is_weighed(self) -> bool:
        """Whether it says what columns, or words, are worth."""
        return self.feature_weights is not None or self.word_weights is not None


def most_kept(prediction: FloatArray) -> int:
    """How many answers like these, with all their numbers, are kept at most."""
    return min(MOST_PREDICTIONS, max(_MOST_KEPT // max(prediction[:1].size, 1), 1))


@dataclass(frozen=True, eq=False)
class Predictions:
    """Answers to rows whose target is known, by members that never saw them.

    Attributes:
        prediction: as `Task.decode` gives them: probability of each class, shape (n, classes), values, shape (n,), or probabilities of
            symbols at moments, shape (n, t, k + 1).
        y: encoded targets, as `Task.encode` gives them, shape (n,), or (n, w) of texts.
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

    @functools.cached_property
    def mean_params(self) -> Params:
        """The params averaged by member weights, which answer as members do on average where outputs are linear in them."""
        return jax.tree.map(lambda a: np.tensordot(self.normalised_member_weights.astype(a.dtype), a, 1), self.params)

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
        conformal: scores of out-of-bag rows, of which intervals and sets are quantiles.
        report: how it was made and how good it is.
        oob_predictions: out-of-bag predictions for rows of training. test_predictions: those for rows that were for the test only. At
            most `MOST_PREDICTIONS` each; None in runs of older versions (and, of the test, where there were no such rows).
    """

    task: Task
    encoding: Encoding
    features: list[Feature]
    populations: list[Population]
    offset: FloatArray
    conformal: Conformal
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

    def read(self, data: Any) -> pa.Table:
        """The table behind a path, frame, mapping or array, read as in training, with the names that classes were given there."""
        origin = None if self.report.origin is None else self.report.origin.source
        table = read_new_rows(self.encoding, part_like(origin, data), target=self.task.column)
        names = () if self.report.origin is None else self.report.origin.roles.classes
        return put_names(table, self.task.target, names) if isinstance(names, dict) else table

    @property
    def metrics(self) -> dict[str, float]:
        """Out-of-bag metrics by name."""
        return {name: metric.value for name, metric in self.report.metrics.items()}

    @property
    def limits(self) -> dict[str, tuple[float, float]]:
        """By the name of a column the numbers below and above which linear members count it as its median; most columns have none."""
        return name_limits(self.encoding, limits_of(self.populations, self.encoding))

    def predict(self, inputs: Inputs, *, threshold: Mapping[Any, float] | None = None) -> AnyArray:
        """The most probable class or the expected value of encoded rows, shape (n,); with thresholds as `Task.decide`."""
        return self.task.decide(self.answer(inputs), threshold)

    def predict_proba(self, inputs: Inputs) -> FloatArray:
        """Calibrated probability of each class for encoded rows, shape (n, number of classes).

        Raises:
            UsageError: the task is regression.
        """
        self.task.need_classes("Probabilities need classes", "Use predict, or interval for its uncertainty.")
        return self.answer(inputs)

    def interval(self, inputs: Inputs, *, level: float = 0.9) -> Interval:
        """Bounds that hold the value of a new row with probability `level`, in the long run over rows like those of training.

        Conformal, from out-of-bag residuals (see `Conformal.bounds`): wider where errors are expected to be larger, as far below and
        above as they are skewed, and inside what the target can be. The promise is for all rows together and for those of each quarter
        of the prediction (with 800 rows or more); where rows differ otherwise it holds as well as their difficulty is known.

        Args:
            inputs: encoded rows.
            level: between 0 and 1.

        Raises:
            UsageError: the task has classes (see `prediction_sets`) or the level is not between 0 and 1.
        """
        return self.bounds(self.answer(inputs), inputs, level)

    def bounds(self, predictions: FloatArray, inputs: Inputs, level: float) -> Interval:
        """The `interval` of encoded rows whose predictions (n,) are known."""
        return self.task.interval(self.conformal, predictions, inputs.x, level)

    def covers(self, y: AnyArray, predictions: FloatArray, inputs: Inputs, *, level: float) -> BoolArray | None:
        """Which encoded targets (n,) lie in the `interval`, or in the set of `prediction_sets`, of their predictions, shape (n,).

        None where answers have neither.
        """
        check_level(level)
        return self.task.covers(self.conformal, y, predictions, inputs.x, level)

    def prediction_sets(self, inputs: Inputs, *, level: float = 0.9, by_class: bool = False) -> BoolArray:
        """Which classes belong to a set that holds the true class with probability `level`, shape (n, number of classes).

        Conformal, from out-of-bag probabilities of the class that came (Sadinle et al. 2019). The promise is for all rows together, or
        for the rows of each class; a set may hold no class where none is probable enough.

        Args:
            inputs: encoded rows.
            level: between 0 and 1.
            by_class: whether the level is to hold among the rows of each class, too (Mondrian: Vovk et al. 2005, section 4.5). A class with
                too few rows for the level, fewer than level / (1 - level), is in every set.

        Raises:
            UsageError: the target is a number, the level is not between 0 and 1, or by class and no answers were kept.
        """
        return self.sets(self.predict_proba(inputs), level, by_class=by_class)

    def sets(self, probability: FloatArray, level: float, *, by_class: bool = False) -> BoolArray:
        """The `prediction_sets` of rows whose probabilities (n, classes) are known."""
        check_level(level)
        self.task.need_classes("Prediction sets need classes", "Its answers come with an interval instead.")
        limits = self._scores_by_class(level) if by_class else smallest_holding(self.conformal.scores, level)
        return 1.0 - probability <= limits

    def answer(self, inputs: Inputs) -> FloatArray:
        """Predictions for encoded rows: probabilities (n, classes), or values (n,)."""
        return self.task.decode(self.combined(inputs))

    def combined(self, inputs: Inputs) -> FloatArray:
        """The members' outputs for encoded rows, averaged by member weights and added by stacking weights, shape (n, k)."""
        return sum((p.stacking_weight * self.mean_outputs(p, inputs) for p in self.populations), self.offset)

    def combine_members(self, member_outputs: Callable[[Population], Iterable[FloatArray]]) -> FloatArray:
        """Outputs (n, k) that a function gives of each population's members, combined in the same way, shape (n, k)."""
        parts = (
            population.stacking_weight * average_members(self.task, member_outputs(population), population.normalised_member_weights)
            for population in self.populations
        )
        return sum(parts, self.offset)

    def mean_outputs(self, population: Population, inputs: Inputs) -> FloatArray:
        """The outputs of a population's members for encoded rows, averaged by member weights, shape (n, k).

        Those that are linear in sparse inputs are asked once; logs then differ by a number for each row, which answers do not show.
        """
        if architecture_of(population.spec.model).sparse:
            run = apply_program(population.spec, self.encoding.layout(self.task.n_outputs))
            return self.task.normalise(run(population.mean_params, inputs))
        return average_members(self.task, self.member_outputs(population, inputs), population.normalised_member_weights)

    def member_outputs(self, population: Population, inputs: Inputs) -> Iterator[FloatArray]:
        """The outputs of each member of a population for encoded rows, one array (n, k) at a time, in the order of members."""
        run = apply_program(population.spec, self.encoding.layout(self.task.n_outputs))
        members = population.members
        with ThreadPoolExecutor(available_threads()) as threads:
            yield from threads.map(lambda params: run(params, inputs), members)

    def _scores_by_class(self, level: float) -> FloatArray:
        """The score that holds the level among the rows of each class, shape (classes,)."""
        kept = self.oob_predictions
        if kept is None:
            raise UsageError("Sets by class need answers to rows of known class, of which this run kept none. Fit it again.")
        own = (kept.prediction[(kept.y == k) & (kept.weight > 0), k] for k in range(len(self.classes)))
        return np.array([smallest_holding(1.0 - probability, level) for probability in own])


def limits_of(populations: Iterable[Population], encoding: Encoding) -> FloatArray:
    """The least limits within which members read numbers as they are, in units of the encoding, shape (numeric,).

    `FARTHEST` where there is none, and where members read the number with its bound.
    """
    least = np.full(len(encoding.numeric_inputs), FARTHEST)
    for population in populations:
        for limit in np.atleast_2d(population.params["output"].get("limit", least)):
            least = np.where(limit > 0, np.minimum(limit, least), least)
    return least


def name_limits(encoding: Encoding, limits: FloatArray) -> dict[str, tuple[float, float]]:
    """Limits (numeric,) on either side in the columns' own units, by name, of those that have one."""
    numeric = [column for column in encoding.columns if isinstance(column, Numeric | Datetime)]
    return {
        column.name: (column.center - limit * column.scale, column.center + limit * column.scale)
        for column, limit in zip(numeric, limits.tolist(), strict=True)
        if limit < FARTHEST
    }


def check_threads(asked: int | None) -> int:
    """How many threads were asked for; all cores where nothing was said.

    Raises:
        UsageError: less than one.
    """
    if asked is not None and asked < 1:
        raise UsageError(f"threads must be at least 1, but is {asked}. Leave it out to use all cores.")
    return available_threads() if asked is None else asked


def apply_program(spec: Spec, layout: Layout) -> Callable[[Params, Inputs], FloatArray]:
    """Outputs (n, k) of one member for encoded rows, computed in padded blocks so that few shapes are compiled."""
    embed, compiled = _compiled_apply(program_spec(spec), layout)
    most = layout.rows_at_once(_BLOCK) if embed is None else _BLOCK

    def run(params: Params, inputs: Inputs) -> FloatArray:
        outputs = np.empty((len(inputs), layout.n_outputs), np.float32)
        for begin in range(0, len(inputs), most):
            rows = inputs[begin : begin + most]
            rows = rows if embed is None else embed(params, rows)
            padded = rows.padded(min(most, 1 << (max(len(rows), 16) - 1).bit_length()))
            outputs[begin : begin + len(rows)] = np.asarray(compiled(params, padded))[: len(rows)]
        return outputs

    return run


@functools.lru_cache(maxsize=32)
def _compiled_apply(spec: Spec, layout: Layout) -> tuple[Callable[[Params, Inputs], Inputs] | None, Callable[[Params, Inputs], jax.Array]]:
    """What is done to rows before the program, or None, and the program: sums of bags are products of a sparse matrix, formed before it."""
    model = build(spec.model, layout, spec.initialization, spec.activation)
    if layout.holds_bags:
        return model.embed, jax.jit(lambda params, embedded: model.forward(params, embedded, keep_all)[0])
    return None, jax.jit(lambda params, inputs: model.apply(params, inputs, keep_all)[0])
