"""Which stretches of a series an answer rests on: by how much it changes where a stretch is hidden.

A stretch is hidden as a gap is read: under a line between the values on either side of it. What an answer loses then is what the stretch
says that the rest does not say as well (occlusion: Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks",
section 4.2), so that what is said twice in a series has two stretches of which neither seems to matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from weights.data.inputs import Inputs
from weights.data.series.kind import SERIES
from weights.ensemble import Ensemble
from weights.errors import UsageError
from weights.models.registry import architecture_of
from weights.types import FloatArray, IntArray

_STRETCHES = 12
"""Of a series; of a shorter one as many as it has values (our choice)."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """A part of a series, and what an answer loses without it.

    Attributes:
        feature: the column. begin, end: its first value, counted from 0, and the one behind its last.
        change: by how much the log odds of the class that is explained (the value, in the target's unit, for numbers) fall when it is
            hidden; below zero where they rise.
        agreement: the share of members, by weight, for which this has the same sign; about a half by chance.
    """

    feature: str
    begin: int
    end: int
    change: float
    agreement: float


@dataclass(frozen=True, eq=False)
class Stretches:
    """What the answer to a row rests on.

    Attributes:
        label: code of the class that is explained; -1 for numbers. prediction: its probability, or the value.
        series: scaled values of each channel, shape (t, channels); NaN behind their ends.
        stretches: of each channel in turn, in order of time.
    """

    label: int
    prediction: float
    series: FloatArray
    stretches: list[Stretch]


def find_stretches(ensemble: Ensemble, row: Inputs, *, label: int | None = None) -> Stretches:
    """The stretches of the series of one encoded row, and what its answer loses without each.

    Args:
        ensemble: that answers.
        row: one encoded row.
        label: code of the class to explain, or None; see `Task.explained_codes`.

    Raises:
        UsageError: no member reads series.
    """
    check_series(ensemble)
    series, names = row[SERIES][0], _name_channels(ensemble)
    places = [(c, begin, end) for c in range(series.shape[1]) for begin, end in _cut(int(np.isfinite(series[:, c]).sum()))]
    altered = np.stack([series, *(_hide(series, *place) for place in places)])
    rows = row[np.zeros(len(altered), int)].replace(**{SERIES: altered})
    code = ensemble.task.explained_codes(ensemble.answer(row), label)
    outputs, alone, weights = _answer(ensemble, rows)

    def measure(outputs: FloatArray) -> FloatArray:
        """By how much the margin falls in each altered row, shape (s,)."""
        margins = np.asarray(ensemble.task.functions.margin(jnp.asarray(outputs), max(int(code[0]), 0)), float)
        return margins[0] - margins[1:]

    changes = measure(outputs)
    same = np.stack([np.sign(measure(own)) == np.sign(changes) for own in alone])
    agreement = weights @ same / weights.sum()
    found = [
        Stretch(names[c], begin, end, float(change), float(agrees))
        for (c, begin, end), change, agrees in zip(places, changes, agreement, strict=True)
    ]
    prediction = ensemble.task.pick(ensemble.task.decode(outputs[:1]), code)
    return Stretches(int(code[0]), float(prediction[0]), series, found)


def check_series(ensemble: Ensemble) -> None:
    """Refuse an ensemble that reads no series.

    Raises:
        UsageError: it reads none.
    """
    if not any(SERIES in architecture_of(population.spec.model).reads for population in ensemble.populations):
        raise UsageError("Stretches are of whole series, a list of numbers a row, but this run reads none. See `weights explain`.")


def _name_channels(ensemble: Ensemble) -> list[str]:
    encoding = ensemble.encoding
    return [block.name for block, kind in zip(encoding.blocks, encoding.kinds, strict=True) if kind.block == SERIES]


def _cut(length: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, length, min(_STRETCHES, length) + 1).round().astype(int)
    return [*zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)]


def _hide(series: FloatArray, channel: int, begin: int, end: int) -> FloatArray:
    """The series with a line over a stretch of a channel; at its ends as the value beside it is, and the median where there is none."""
    hidden, values = series.copy(), series[:, channel]
    known: IntArray = np.flatnonzero(np.isfinite(values))
    beside = known[(known < begin) | (known >= end)]
    hidden[begin:end, channel] = np.interp(np.arange(begin, end), beside, values[beside]) if len(beside) else 0.0
    return hidden


def _answer(ensemble: Ensemble, rows: Inputs) -> tuple[FloatArray, list[FloatArray], FloatArray]:
    """The ensemble's outputs for rows (n, k), those of each member that reads series, and the weights of these, shape (m,)."""
    alone: list[FloatArray] = []
    weights: list[float] = []
    for population in ensemble.populations:
        if SERIES in architecture_of(population.spec.model).reads:
            alone += ensemble.member_outputs(population, rows)
            weights += population.normalised_member_weights.tolist()
    return ensemble.combined(rows), alone, np.asarray(weights)
