"""How the answer changes along one column: `find_curves` sets the column of some rows to value after value, and averages what is answered.

That is the partial dependence of Friedman (2001, "Greedy function approximation", section 8.2): all other columns stay as they are in each
row. It says what the ensemble answers, not what would happen; where columns go together, some of these rows are like none there is.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import scipy.special

from weights.data.distributions import OTHER_LEVEL, labels_of, read_values
from weights.data.encoding import ColumnEncoding, apply_encoding
from weights.ensemble import Ensemble
from weights.errors import DataError
from weights.inspection.explanation import count_replicates, spread_of_replicates
from weights.types import FloatArray, IntArray

_MOST_ROWS, _MOST_OF_BLOCKS = 500, 64
"""Rows that are averaged over, and where they hold pictures, which take long (our choice)."""
_MOST_READ = 100_000
"""Rows from which the distribution of the column is taken (our choice)."""
_N_QUANTILES, _N_EVEN = 15, 15
"""Values of a number that are tried: at quantiles, and at even steps between the ends (our choice)."""
_TAIL = 0.01
"""A curve of a number ends at these quantiles (our choice): beyond them lie too few rows to see what is said of them."""
_N_BARS = 30


class Curve(msgspec.Struct, frozen=True):
    """The mean answer of some rows along one column.

    Attributes:
        feature: its name.
        label: the class whose probability is answered; None for values.
        values: where the column was set, ascending: numbers, seconds since 1970, or the numbers of levels.
        names: of the levels, by place; empty for numbers and moments. A missing cell is a level that is called missing.
        answer: the mean answer at each.
        low, high: the 95 % interval of what `answer` differs from `mean`, added to it; NaN where members cannot show it.
        mean: the mean answer of the rows as they are.
        shares: of rows: at each level, or in `edges` of even width.
        edges: of the bars of numbers and moments, one more than these.
        n_rows: rows that were averaged over.
        n_read: rows that the distribution is of. n_missing, n_below, n_above: of these, without a value; and beyond the ends of the curve.
    """

    feature: str
    label: Any
    values: list[float]
    names: list[str]
    answer: list[float]
    low: list[float]
    high: list[float]
    mean: float
    shares: list[float]
    edges: list[float]
    n_rows: int
    n_read: int
    n_missing: int
    n_below: int
    n_above: int


def find_curves(ensemble: Ensemble, table: pa.Table, feature: int) -> list[Curve]:
    """The curve of a column for each outcome that is told: the value, or the probability of each class (of two the second).

    The interval is that of contributions (`explanation.explain`): how far the curve, counted from the mean answer, would lie elsewhere had
    other rows been drawn for training, by the jackknife over the rows that members left out. It covers neither the rows that are
    averaged over nor what all such models miss.

    Args:
        ensemble: that answers.
        table: rows with the columns that it reads, as in training.
        feature: position of the column among those of the encoding.

    Raises:
        DataError: there are no rows, or the column has no value in them.
    """
    if not table.num_rows:
        raise DataError("A curve is averaged over rows, but there are none. Name others with --data.")
    rng, column = np.random.default_rng(0xCE), ensemble.encoding.columns[feature]
    table = table.take(np.sort(rng.choice(table.num_rows, min(table.num_rows, _MOST_READ), replace=False)))
    values = read_values(column, table[column.name])
    places, donors = _places(column, values)
    most = _MOST_OF_BLOCKS if ensemble.encoding.blocks else _MOST_ROWS
    rows = np.sort(rng.choice(table.num_rows, min(table.num_rows, most), replace=False))
    inputs, given = apply_encoding(ensemble.encoding, table.take(rows)), apply_encoding(ensemble.encoding, table.take(donors))
    own = np.asarray(ensemble.encoding.joined_groups) == feature
    means = []
    for donor in range(len(donors)):
        joined = inputs.joined.copy()
        joined[:, own] = given.joined[donor, own]
        means.append(_mean_answers(ensemble, inputs.replace_joined(joined)))
    as_they_are = _mean_answers(ensemble, inputs)
    curve = np.stack(means, axis=1) - as_they_are[:, None]  # counted from the mean: replicate, place, outcome
    std_err, degrees = spread_of_replicates(ensemble, curve[1:])
    half = float(scipy.special.stdtrit(degrees, 0.975)) * std_err
    names = [_name(label) for label in labels_of(column)]
    shares, edges = _distribution(values, places, names)
    outcomes = [outcome for outcome in ensemble.task.outcomes() if outcome.scale == "target"]
    return [
        Curve(
            feature=column.name,
            label=outcome.label,
            values=places.tolist(),
            names=[names[int(place)] if place < len(names) else "missing" for place in places] if names else [],
            answer=(as_they_are[0, o] + curve[0, :, o]).tolist(),
            low=np.clip(as_they_are[0, o] + curve[0, :, o] - half[:, o], *outcome.range).tolist(),
            high=np.clip(as_they_are[0, o] + curve[0, :, o] + half[:, o], *outcome.range).tolist(),
            mean=float(as_they_are[0, o]),
            shares=shares,
            edges=edges,
            n_rows=len(rows),
            n_read=table.num_rows,
            n_missing=int(np.isnan(values).sum()),
            n_below=0 if names else int((values < places[0]).sum()),
            n_above=0 if names else int((values > places[-1]).sum()),
        )
        for o, outcome in enumerate(outcomes)
    ]


def _mean_answers(ensemble: Ensemble, inputs: Any) -> FloatArray:
    """The mean answer to rows: of the ensemble first, then of each replicate, one member of each population; (1 + replicates, outcomes)."""
    task, n_replicates = ensemble.task, count_replicates(ensemble)
    outputs = np.zeros((1 + n_replicates, len(inputs), task.n_outputs)) + ensemble.offset
    for population in ensemble.populations:
        weights = population.stacking_weight * population.normalised_member_weights
        for m, member in enumerate(ensemble.member_outputs(population, inputs)):
            normalised = task.normalise(member)
            outputs[0] += weights[m] * normalised
            if m < n_replicates:
                outputs[1 + m] += population.stacking_weight * normalised
    places = [outcome.place for outcome in task.outcomes() if outcome.scale == "target"]
    return np.stack([task.to_scales(own).target[:, places].mean(0) for own in outputs])


def _places(column: ColumnEncoding, values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Values that are tried, ascending, and for each a row that has it; of levels all there are, and behind them a missing cell."""
    known = np.flatnonzero(np.abs(values) < np.finfo(float).max)  # infinite cells are read as the largest number there is
    if labels := labels_of(column):
        numbers = np.where(np.isnan(values), len(labels), values)
        places, donors = np.unique(numbers, return_index=True)
        return places, donors
    if not len(known):
        raise DataError(f"A curve needs rows with a value, but column '{column.name}' has none. Name other rows, or another column.")
    ordered = known[np.argsort(values[known], kind="stable")]
    low, high = np.quantile(values[ordered], [_TAIL, 1 - _TAIL])
    tried = np.concatenate([np.quantile(values[ordered], np.linspace(_TAIL, 1 - _TAIL, _N_QUANTILES)), np.linspace(low, high, _N_EVEN)])
    nearest = np.searchsorted(values[ordered], tried).clip(max=len(ordered) - 1)
    places, first = np.unique(values[ordered][nearest], return_index=True)
    return places, ordered[nearest][first]


def _distribution(values: FloatArray, places: FloatArray, names: list[str]) -> tuple[list[float], list[float]]:
    """The share of rows at each level or in each bar, and the edges of bars."""
    if names:
        codes = np.where(np.isnan(values), len(names), values).astype(int)
        counts = np.bincount(codes, minlength=len(names) + 1)
        return (counts[places.astype(int)] / len(values)).tolist(), []
    if places[0] == places[-1]:
        return [1.0], [places[0], places[0]]
    counts, edges = np.histogram(values, _N_BARS, (places[0], places[-1]))
    return (counts / len(values)).tolist(), edges.tolist()


def _name(label: str) -> str:
    return "rare or new" if label == OTHER_LEVEL else label
