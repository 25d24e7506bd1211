"""Why a prediction is what it is: the contribution of each feature, with an interval. `explain` is the entrance.

Contributions are those of Aumann and Shapley (1974; "integrated gradients", Sundararajan, Taly and Yan 2017): what the members make of
each feature moves along a straight line from a row of average inputs to the row that is explained, and every step of the prediction
is shared out by the slopes on the way. They add up to the prediction, are the same in every run, and for linear models are
weight times distance from the average. The line is drawn behind the embedding of numbers, where members are smooth.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special

from weights.data.bags import Bags
from weights.data.files.threads import available_threads
from weights.data.inputs import COLUMNS, Inputs, Layout
from weights.data.text.locating import Located
from weights.ensemble import Ensemble, Population
from weights.errors import DataError
from weights.models.base import keep_all
from weights.models.registry import build
from weights.spec import Spec, program_spec
from weights.tables import Shown, Table, between, compact
from weights.tasks.base import OutputFunctions
from weights.types import FloatArray, IntArray, Params

_N_STEPS = 8
"""Steps along the line (our choice, see tests/inspection/test_explanation.py for what more would change)."""
_PLACES = (np.arange(16) + 0.5) / 16
"""Where, between the outputs before and after a step, slopes of probabilities are taken: they change faster than outputs do."""
_BLOCK = 512
_MOST_ROWS, _MOST_FEATURES = 5, 10
"""Rows, and contributions to each, that an explanation shows of itself."""
NOTHING = 1e-7
"""Contributions that are no more than this are what rounding left."""
_LEAST_MEMBERS, _MOST_MEMBERS = 5, 32
"""Members of a population from which spread is read (our choice: fewer say little, more say hardly more)."""


class EntryParts(NamedTuple):
    """Contributions of the entries of rows that are bags.

    Attributes:
        bags: the rows, their entries one row behind the other.
        contributions: of each entry, shape (entries,).
        moves: the same of each replicate, before they are made to add up, shape (replicates, entries).
    """

    bags: Bags
    contributions: FloatArray
    moves: FloatArray


class ExplainedText(NamedTuple):
    """What the words of a text, w of them, add to the answer.

    Attributes:
        feature: the column of the text.
        located: its words.
        contributions: of each word, shape (w,).
        std_err: of these, as of `Explanation`, shape (w,).
        removed: places of words that speak for the answer most, the strongest first; fewer than three where fewer do.
        without: the answer to the row without them; NaN where there are none.
    """

    feature: str
    located: Located
    contributions: FloatArray
    std_err: FloatArray
    removed: list[int]
    without: float = float("nan")

    def table(self, degrees: float) -> Table:
        """The words that contribute most."""
        low, high = self.bounds(degrees, 0.95)
        sizes = np.abs(self.contributions)
        cells = [
            [self.located.words[i], compact(self.contributions[i]), between(low[i], high[i]) if np.isfinite(low[i]) else ""]
            for i in np.argsort(-sizes, kind="stable")[:_MOST_FEATURES]
            if sizes[i] > NOTHING
        ]
        return Table(f"its words in '{self.feature}'", ["word", "contribution", "[0.025 0.975]"], cells)

    def bounds(self, degrees: float, level: float) -> tuple[FloatArray, FloatArray]:
        """The ends of intervals at this level, both (w,)."""
        half = float(scipy.special.stdtrit(degrees, (1 + level) / 2)) * self.std_err
        return self.contributions - half, self.contributions + half


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Shown):
    """Contributions to the predictions of some rows.

    Attributes:
        features: names, length f.
        base: the prediction for the row that explanations begin with; of each row's class, shape (r,). beginning: what that is, in words.
        prediction: of each row: the value, or the probability of its class, shape (r,).
        label: code of the class that is explained, shape (r,); -1 for values.
        contributions: shape (r, f); with base they add up to the prediction.
        std_err: how far contributions, counted from the same average inputs, would move had other rows been drawn for training, shape
            (r, f); at least that for networks. NaN where members cannot show it.
        degrees: of freedom of its Student's t.
        entries: of each block of bags what entries contribute; those of a row and a feature add up to the feature's contribution.
        texts: of each row its texts with what their words contribute, as `inspection.texts.explain_texts` finds them; empty without texts.
    """

    features: list[str]
    base: FloatArray
    prediction: FloatArray
    label: IntArray
    contributions: FloatArray
    std_err: FloatArray
    degrees: float
    entries: Mapping[str, EntryParts] = field(default_factory=dict)
    texts: Sequence[Sequence[ExplainedText]] = ()
    beginning: str = "average inputs"

    def half_width(self, level: float = 0.95) -> FloatArray:
        """How far intervals at this level reach to either side, shape (r, f)."""
        return float(scipy.special.stdtrit(self.degrees, (1 + level) / 2)) * self.std_err

    def bounds(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """The ends of intervals at this level, shape (r, f) each; NaN where there are none.

        No feature alone moves a probability by more than one, so that intervals of these end there.
        """
        half = self.half_width(level)
        most = np.where(self.label[:, None] >= 0, np.maximum(np.abs(self.contributions), 1.0), np.inf)
        return np.maximum(self.contributions - half, -most), np.minimum(self.contributions + half, most)

    def tables(self) -> list[Table]:
        """The largest contributions to the first rows."""
        shown, (low, high) = [], self.bounds()
        for r, own in enumerate(self.contributions[:_MOST_ROWS]):
            largest = np.argsort(-np.abs(own), kind="stable")
            first, rest = largest[:_MOST_FEATURES], largest[_MOST_FEATURES:]
            whole = max(float(np.abs(own).max(initial=0.0)), 1e-300)
            cells = [
                [
                    self.features[j],
                    compact(float(own[j])),
                    between(float(low[r, j]), float(high[r, j])) if np.isfinite(low[r, j]) else "",
                    ("+" if own[j] > 0 else "-") * round(20 * abs(own[j]) / whole),
                ]
                for j in first
            ]
            cells += [[f"({len(rest)} more)", compact(float(own[rest].sum())), "", ""]] if len(rest) else []
            title = f"Row {r + 1}: {compact(float(self.prediction[r]))} = {compact(float(self.base[r]))} for {self.beginning}, and"
            shown.append(Table(title, ["feature", "contribution", "[0.025 0.975]", ""], cells))
            shown += [text.table(self.degrees) for text in (self.texts[r] if self.texts else ())]
        n_more = len(self.contributions) - _MOST_ROWS
        return [*shown, *([Table(f"and {n_more:,} more rows", [], [])] if n_more > 0 else [])]


def explain(ensemble: Ensemble, inputs: Inputs, reference: FloatArray, *, label: int | None = None) -> Explanation:
    """Share out the predictions of encoded rows among features.

    The intervals come from the members, each of which missed some rows: with folds by the jackknife that leaves groups out (Tukey 1958;
    Shao and Tu 1995, section 2.3), pooled over repeated folds; with bootstraps by their variance (Efron 1979), with subsamples by theirs,
    rescaled (Politis and Romano 1994). They are meant to hold what such members say of these rows on average over tables like that of
    training, beside the same average inputs and weighted as populations are. Penalties and early ends pull that towards zero,
    so it is not what is true of the world; nor what would be said beside the average of another table, nor by another kind of model.

    With one member a fold the effect of its rows cannot be separated from that of its random start. Intervals of
    networks take both for the former: in simulations (benchmarks/coverages.py contributions) they are 1.8 to 2.5 times
    as wide as need be, with bootstraps 1.2 to 1.7 times, and hold 97 to 100 %. Those
    of linear members are 1.0 to 1.2 times as wide and hold 94 to 98 %.

    Args:
        ensemble: that predicts.
        inputs: r encoded rows. Features in blocks of other kinds than columns stand beside what their model takes for nothing: zero.
        reference: average columns and numbers without a bound, see `Inputs.joined`, shape (p,).
        label: code of the class to explain, or None; see `Task.explained_codes`.

    Raises:
        DataError: weights are so large that contributions overflow.
    """
    task, lines = ensemble.task, _Lines(ensemble, inputs, reference.astype(np.float32))
    end = ensemble.answer(inputs)
    labels = task.explained_codes(end, label)
    contributions, moves = np.zeros(lines.shape), np.zeros((lines.n_replicates, *lines.shape), np.float32)
    entries = {name: np.zeros(len(bags.entries.ids)) for name, bags in lines.bags.items()}
    own_entries = {name: np.zeros((lines.n_replicates, len(each)), np.float32) for name, each in entries.items()}
    before = lines.outputs(0.0)
    base = value = task.pick(task.decode(before), labels)
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(_N_STEPS):
            last = step + 1 == _N_STEPS
            after = ensemble.combined(inputs) if last else lines.outputs((step + 1) / _N_STEPS)
            towards = np.mean([task.pick_slopes(before + place * (after - before), labels) for place in _PLACES], axis=0)
            parts, own = lines.parts((step + 0.5) / _N_STEPS, towards)
            following = task.pick(task.decode(after), labels)
            whole = _completed(parts.places / _N_STEPS, following - value)
            contributions += whole
            moves += own.places / np.float32(_N_STEPS)
            for name, each in entries.items():
                each += lines.complete_entries(name, parts.entries[name] / _N_STEPS, whole)
                own_entries[name] += own.entries[name] / np.float32(_N_STEPS)
            before, value = after, following
    if not np.isfinite(contributions).all():
        raise DataError("Contributions must be finite, but weights of this run are so large that they overflow. Fit again.")
    names = ensemble.encoding.names
    gathered = np.eye(len(names))[np.asarray(ensemble.encoding.groups)]
    std_err, degrees = spread_of_replicates(ensemble, moves @ gathered.astype(np.float32))
    by_entry = {name: EntryParts(bags, entries[name], own_entries[name]) for name, bags in lines.bags.items()}
    beginning = ensemble.encoding.beginning
    return Explanation(names, base, value, labels, contributions @ gathered, std_err, degrees, by_entry, beginning=beginning)


def _completed(parts: FloatArray, whole: FloatArray) -> FloatArray:
    """Parts of a step, with what nonlinearity leaves over shared out by their sizes, so that they add up to it."""
    size = np.abs(parts)
    total = size.sum(1, keepdims=True)
    shares = np.divide(size, total, out=np.full_like(size, 1 / size.shape[1]), where=total > 0)
    return parts + shares * (whole - parts.sum(1))[:, None]


class _Parts(NamedTuple):
    """What each place of rows moves, (..., r, p), and each entry of blocks of bags, by block, (..., entries)."""

    places: FloatArray
    entries: dict[str, FloatArray]


class _Lines:
    """The way of every member from average inputs to those of some rows.

    Attributes:
        bags: the blocks of these rows that hold bags, their entries one row behind the other.
        n_replicates: how many small ensembles, of one member of each population, show how much the choice of rows matters.
    """

    def __init__(self, ensemble: Ensemble, inputs: Inputs, reference: FloatArray) -> None:
        self.bags = {name: block.compact() for name, block in inputs.blocks.items() if isinstance(block, Bags)}
        self.ensemble, self.inputs, self.reference = ensemble, inputs.replace(**self.bags), reference
        self.layout = ensemble.encoding.layout(ensemble.task.n_outputs)
        self.shape = len(inputs), len(ensemble.encoding.groups)
        self.n_replicates = count_replicates(ensemble)

    def outputs(self, place: float) -> FloatArray:
        """The ensemble's outputs at this part of the way, shape (r, k)."""
        nothing = np.zeros((len(self.inputs), 0))
        return self.ensemble.combine_members(lambda population: (parts.places for parts in self._members(population, 0, place, nothing)))

    def parts(self, place: float, towards: FloatArray) -> tuple[_Parts, _Parts]:
        """What each input moves towards (r, k), as if slopes were everywhere as here: of the ensemble, and of each replicate."""
        sizes = {name: len(bags.entries.ids) for name, bags in self.bags.items()}
        total = _Parts(np.zeros(self.shape), {name: np.zeros(size) for name, size in sizes.items()})
        n = self.n_replicates
        own = _Parts(np.zeros((n, *self.shape), np.float32), {name: np.zeros((n, size), np.float32) for name, size in sizes.items()})
        for population in self.ensemble.populations:
            weights = (population.stacking_weight * population.normalised_member_weights).tolist()
            for m, moved in enumerate(self._members(population, 1, place, towards)):
                for sums, each, added in _pair(total, own, moved):
                    sums += weights[m] * added
                    if m < n:
                        each[m] += np.float32(population.stacking_weight) * added
        return total, own

    def complete_entries(self, name: str, parts: FloatArray, whole: FloatArray) -> FloatArray:
        """Parts of the entries of a block (entries,), made to add up to what the places of their columns move in whole (r, p)."""
        bags, places = self.bags[name], self.layout.places_in(name)
        n_places = whole.shape[1]
        of = np.repeat(np.arange(len(bags)), bags.sizes) * n_places + places[bags.entries.ids]
        size = np.abs(parts)
        sums, sizes = (np.bincount(of, each, whole.size) for each in (parts, size))
        counts = np.bincount(of, minlength=whole.size)
        shares = np.where(sizes[of] > 0, size / np.where(sizes[of] > 0, sizes[of], 1.0), 1 / counts[of])
        return parts + shares * (whole.ravel() - sums)[of]

    def _members(self, population: Population, which: int, place: float, towards: FloatArray) -> Iterator[_Parts]:
        """What the program gives of each member of a population, in the order of members."""
        program = _programs(program_spec(population.spec), self.layout, self.ensemble.task.functions)[which]
        with ThreadPoolExecutor(available_threads()) as threads:
            yield from threads.map(functools.partial(self._run_in_blocks, program, place, towards), population.members)

    def _run_in_blocks(self, program: Callable[..., Any], place: float, towards: FloatArray, params: Params) -> _Parts:
        values: list[FloatArray] = []
        entries: dict[str, list[FloatArray]] = {}
        for begin in range(0, len(self.inputs), _BLOCK):
            rows = self.inputs[begin : begin + _BLOCK]
            size = 1 << (max(len(rows), 16) - 1).bit_length()
            block = np.zeros((size, towards.shape[1]), np.float32)
            block[: len(rows)] = towards[begin : begin + _BLOCK]
            of_places, of_entries = program(params, self.reference, np.float32(place), rows.padded(size), block)
            values.append(np.asarray(of_places)[: len(rows)])
            for name, each in of_entries.items():
                entries.setdefault(name, []).append(np.asarray(each)[: rows[name].sizes.sum()])
        return _Parts(np.concatenate(values), {name: np.concatenate(each) for name, each in entries.items()})


def _pair(total: _Parts, own: _Parts, moved: _Parts) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
    """The arrays of three that belong together; models that read no bags move none of their entries."""
    yield total.places, own.places, moved.places
    for name, added in moved.entries.items():
        yield total.entries[name], own.entries[name], added


@functools.lru_cache(maxsize=32)
def _programs(spec: Spec, layout: Layout, functions: OutputFunctions) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Outputs (n, k) of a member on the way to rows, and what each place of their inputs moves there, (n, places).

    Beside the first there is nothing, beside the second what each entry of blocks of bags moves, by block, (entries,).
    """
    model = build(spec.model, layout, spec.initialization, spec.activation)
    n_places = layout.n_places

    def find_places(name: str) -> Any:
        """The place of the inputs that each of the last axis of an embedded block belongs to, or the one of all."""
        if name == COLUMNS:
            return jnp.asarray(model.embedded_places, jnp.int32)
        return jnp.asarray(model.block_places[name] if name in model.block_places else (layout.place(name),), jnp.int32)

    def line(params: Params, reference: jax.Array, inputs: Inputs) -> tuple[Inputs, Inputs]:
        """Where the way begins, embedded, and how it goes on from there."""
        end = model.embed(params, inputs)
        start = jax.tree.map(lambda block: jnp.zeros_like(block[:1]), end)
        if layout.n_columns and COLUMNS in end.blocks:
            start = start.replace(**{COLUMNS: model.embed(params, inputs[:1].replace_joined(reference[None]))[COLUMNS]})
        return start, jax.tree.map(jnp.subtract, end, start)

    def outputs(
        params: Params, reference: jax.Array, place: jax.Array, inputs: Inputs, _: jax.Array
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        start, way = line(params, reference, inputs)
        return model.forward(params, jax.tree.map(lambda first, on: first + place * on, start, way), keep_all)[0], {}

    def parts(
        params: Params, reference: jax.Array, place: jax.Array, inputs: Inputs, towards: jax.Array
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """What each place of the inputs moves, there on the way, and what each entry does."""
        start, way = line(params, reference, inputs)

        def moved(embedded: Inputs) -> jax.Array:
            found = model.forward(params, embedded, keep_all)[0]
            return jnp.sum(functions.normalise(found) * towards)

        slopes = jax.grad(moved)(jax.tree.map(lambda first, on: first + place * on, start, way))
        each = jax.tree.map(jnp.multiply, slopes, way)
        total = jnp.zeros((len(towards), n_places))
        for name, block in each.blocks.items():
            own, places = block.reshape(len(block), -1, block.shape[-1]).sum(1), find_places(name)
            total = total.at[:, places].add(own if len(places) > 1 else own.sum(1, keepdims=True))
        return total, model.by_entry(params, inputs, slopes) if model.by_entry else {}

    return jax.jit(outputs), jax.jit(parts)


def count_replicates(ensemble: Ensemble) -> int:
    """How many members of each population together show how much the choice of rows matters; none where they cannot show it."""
    if explain_no_spread(ensemble):
        return 0
    return min(_MOST_MEMBERS, *(len(population.member_weights) for population in ensemble.populations))


def explain_no_spread(ensemble: Ensemble) -> str:
    """Why members cannot show how much the choice of rows matters: rows split by time, too few, or some failed; empty where they can."""
    for population in ensemble.populations:
        members, n_members = population.spec.members, len(population.member_weights)
        if members.resampling == "time":
            return "rows were split by time, and members that answer learned from all of them: none shows what others would say"
        if n_members < members.n_members:
            return f"{members.n_members - n_members} of {members.n_members} members failed, and the others do not share out all rows"
        if n_members < _LEAST_MEMBERS:
            return f"{n_members} members are too few to show it: fit with --members {_LEAST_MEMBERS} or more"
    return ""


def spread_of_replicates(ensemble: Ensemble, moves: FloatArray) -> tuple[FloatArray, float]:
    """Standard errors (r, f) from the contributions of replicates (replicates, r, f), and their degrees of freedom.

    Members of one round of folds share out all rows, and are compared with each other. Drawn ones make a single round.
    """
    n = len(moves)
    if n == 0:
        return np.full(moves.shape[1:], np.nan), 1.0
    members, n_units = ensemble.populations[0].spec.members, _n_units(ensemble)
    folds = members.resampling == "folds"
    n_together = min(members.n_folds, n_units) if folds else n
    rounds = [moves[begin : begin + n_together] for begin in range(0, n, n_together)]
    own_degrees = n - len(rounds)
    variance = sum(len(own) * own.var(0, dtype=np.float64) for own in rounds) / own_degrees
    factors = {"folds": (n_together - 1) ** 2 / n_together, "bootstrap": 1.0, "subsample": members.share / (1 - members.share)}
    # All rounds are of the same rows, of which there are only so many: for a mean, the variance of a round's variance is
    # 2 / (n_together - 1) of its square, and that of infinitely many rounds 2 / (n_units - 1).
    common = max(1 - (n_together - 1) / own_degrees, 0.0) if folds else 1.0
    return np.sqrt(factors[members.resampling] * variance), 1 / (1 / own_degrees + common / (n_units - 1))


def _n_units(ensemble: Ensemble) -> int:
    """How many rows, or groups where rows come in groups, members are dealt."""
    weights = ensemble.report.feature_weights or ensemble.report.word_weights
    return weights.n_clusters if weights and weights.n_clusters is not None else ensemble.report.n_samples
