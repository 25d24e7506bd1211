"""Which columns are distributed otherwise than among the rows of training, and what that does to the answers: `find_drift`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import scipy.special

from weights.data.distributions import (
    OTHER_LEVEL,
    Cells,
    Distribution,
    describe_value,
    labels_of,
    median_of,
    part_of_rows,
    write_cells,
)
from weights.data.encoding import ColumnEncoding, apply_encoding
from weights.data.inputs import Inputs
from weights.ensemble import Ensemble
from weights.multiplicity import adjusted
from weights.types import FloatArray, IntArray

_LEAST_EXPECTED = 5.0
"""Rows that each side must be expected to have in a part of a chi-squared test; smaller parts are put together (Cochran 1954)."""
_OFTEN = 20.0
"""Rows expected of a level in training, four times as many as gave it a part of its own: from then on that was hardly by chance."""
_SIGNIFICANT = 0.05
_MOST_ROWS, _MOST_MOVED = 2_000, 24
"""Rows, and columns, for which answers are computed with values like those of training (our choice)."""
_HARDLY = 0.05
"""Answers that move by less than this share of their standard deviation are said to hardly use what drifted (our choice)."""


class Drift(msgspec.Struct, frozen=True):
    """How a column of new rows differs from the same column among the rows of training.

    Attributes:
        feature: its name.
        stability_index: sum over parts of the column of (share here - share in training) log(share here / share in training).
        by_chance: what the index is expected to be where nothing drifted, for so many rows.
        p_value: that nothing did, of `compare_column`, corrected for the number of columns (Holm); None where
            rows depend on each other.
        change: what changed most, in words.
        missing: share of rows without a value here, and missing_in_training.
        outside: share of rows beyond the least and the largest value of training, or of levels that it hardly or never held.
        moved: how far the answers would move on average, either way, if the column were distributed as in training and all else as it is;
            shift: the same with its sign, of these rows less those like training. Of classes the probability that moves most. None where
            that was not computed, because nothing drifted or others did more.
        matters: whether `moved` is more than a twentieth of the standard deviation of the answers to these rows; None as there.
    """

    feature: str
    stability_index: float
    by_chance: float
    p_value: float | None
    change: str
    missing: float
    missing_in_training: float
    outside: float
    moved: float | None = None
    shift: float | None = None
    matters: bool | None = None

    @property
    def drifted(self) -> bool:
        """Whether the test says so, or, without a test, the index is above a quarter, which is usually called a large shift."""
        return self.p_value < _SIGNIFICANT if self.p_value is not None else self.stability_index > 0.25


class Compared(NamedTuple):
    """The index of shares of parts, what it is by chance, and the p-value of the test."""

    stability_index: float
    by_chance: float
    p_value: float | None


def find_drift(ensemble: Ensemble, table: pa.Table, inputs: Inputs, *, independent: bool) -> list[Drift]:
    """How each column differs from that of training, those first that move the answers most, then by how much they differ.

    Args:
        ensemble: with the distributions of the rows of training; without them nothing is said.
        table: n new rows.
        inputs: the same encoded.
        independent: whether rows are, in training and here; otherwise there are no p-values.
    """
    known = [
        (distribution, column, part_of_rows(distribution, column, table[column.name]))
        for distribution, column in zip(ensemble.report.distributions, ensemble.encoding.columns, strict=False)
    ]
    if not known or not len(inputs):
        return []
    compared = [compare_column(*of) for of in known]
    tested = [parts.p_value if independent else None for parts in compared]
    p_values = adjusted(tested, "holm")
    drifts = [_describe(*of, parts, p) for of, parts, p in zip(known, compared, p_values, strict=True)]
    order = sorted(range(len(drifts)), key=lambda j: -drifts[j].stability_index)
    moving = [j for j in order if drifts[j].drifted][:_MOST_MOVED]
    for j, (moved, shift, spread) in zip(moving, _move_answers(ensemble, inputs, known, moving), strict=True):
        drifts[j] = msgspec.structs.replace(drifts[j], moved=moved, shift=shift, matters=moved > _HARDLY * spread)
    return sorted(drifts, key=lambda drift: (-(drift.moved or 0.0), -drift.stability_index))


def compare_column(distribution: Distribution, column: ColumnEncoding, cells: Cells) -> Compared:
    """The index of a column, and the p-value that it did not drift: twice the smaller of those of `compare_counts` and `find_outside`.

    A level has a part of its own if training held it often enough, and is rarer in other samples for that. Where some were too rare, those
    are therefore joined to them that are expected less than four times as often in training, by the rows of both sides.

    Args:
        distribution: of the column in training.
        column: how it is read.
        cells: new ones.
    """
    before, now = np.asarray(distribution.counts), np.bincount(cells.parts, minlength=len(distribution.counts))
    n, m = int(before[:-1].sum()), int(now[:-1].sum())
    holds_others = labels_of(column)[-1:] == [OTHER_LEVEL]
    n_others = int(before[-2]) if holds_others else 0
    if n_others:
        rare = np.append((before + now)[:-1] * n < _OFTEN * (n + m), False)
        before, now = (
            np.where(rare, 0, counts) + np.where(np.arange(len(rare)) == len(rare) - 2, counts[rare].sum(), 0) for counts in (before, now)
        )
    parts = compare_counts(before, now)
    outside = find_outside(1 if holds_others else 2, n, m, cells.n_outside) if cells.n_outside and not n_others and n > 1 else None
    known = [p for p in (parts.p_value, outside) if p is not None]
    return parts._replace(p_value=min(1.0, len(known) * min(known)) if known else None)


def compare_counts(before: IntArray, now: IntArray) -> Compared:
    """The population stability index of two samples in the same k parts, its expectation by chance, and a chi-squared test.

    Parts that either side is expected to have too few rows in are joined to their neighbours. By chance, each term of the index is close
    to the square of a difference of shares over their size, which is 1 / n + 1 / m on average, k - 1 times in all (Yurdakul 2018,
    "Statistical properties of population stability index"). Where the parts are quantiles of the first sample, the test holds as well: how
    far its quantiles lie from those of the population is what the sampling of its counts would be.

    Args:
        before: rows of training in each part, shape (k,).
        now: new rows, shape (k,).
    """
    n, m = int(before.sum()), int(now.sum())
    joined = _join(before, now)
    first, second = (np.bincount(joined, counts).astype(float) for counts in (before, now))
    k = len(first)
    shares = [(counts + 0.5) / (counts.sum() + 0.5 * k) for counts in (first, second)]
    index = float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))
    if k < 2 or not min(n, m):
        return Compared(index, 0.0, None)
    ratio = np.sqrt(m / n)
    statistic = float(np.sum((ratio * first - second / ratio) ** 2 / (first + second)))
    return Compared(index, (k - 1) * (1 / n + 1 / m), float(scipy.special.chdtrc(k - 1, statistic)))


def find_outside(n_gaps: int, n: int, m: int, n_outside: int) -> float:
    """The probability that as many of m new values, or more, lie outside what n values of training held.

    Of exchangeable values without ties the n of training leave n + 1 gaps, of which each new one falls into any; how many fall into some of
    them is beta-binomial (Wilks 1942, "Statistical prediction with special reference to the problem of tolerance limits"). Ties make it
    smaller.

    Args:
        n_gaps: two beyond the ends of numbers, one for a level that training never held.
        n: values of training.
        m: new values.
        n_outside: of these.
    """
    k = np.arange(n_outside, m + 1)
    logs = scipy.special.betaln(k + n_gaps, m - k + n + 1 - n_gaps) - scipy.special.betaln(n_gaps, n + 1 - n_gaps)
    logs += scipy.special.gammaln(m + 1) - scipy.special.gammaln(k + 1) - scipy.special.gammaln(m - k + 1)
    return float(np.exp(logs).sum().clip(max=1.0))


def _join(before: IntArray, now: IntArray) -> IntArray:
    """For each of k parts which one it belongs to after small ones were put together, from 0, shape (k,)."""
    both = before + now
    least = _LEAST_EXPECTED * both.sum() / max(min(before.sum(), now.sum()), 1)
    joined, held, place = np.zeros(len(both), int), 0, 0
    for part, count in enumerate(both):
        joined[part] = place
        held += count
        if held >= least:
            held, place = 0, place + 1
    # What is left over at the end goes to the part before.
    return joined.clip(max=max(place - 1, 0))


def _describe(distribution: Distribution, column: ColumnEncoding, cells: Cells, parts: Compared, p_value: float | None) -> Drift:
    missing, outside = float(np.isnan(cells.values).mean()), cells.n_outside / len(cells.values)
    before = distribution.counts[-1] / max(distribution.n_rows, 1)
    change = _change(distribution, column, cells)
    return Drift(distribution.name, parts.stability_index, parts.by_chance, p_value, change, missing, before, outside)


def _change(distribution: Distribution, column: ColumnEncoding, cells: Cells) -> str:
    """The median then and now, or the level whose share changed most."""
    labels, known = labels_of(column), ~np.isnan(cells.values)
    median = median_of(distribution)
    if not known.any() or not sum(distribution.counts[:-1]):
        return "no value there" if not known.any() else "values there"
    if median is not None:
        return f"median {describe_value(column, median)} -> {describe_value(column, float(np.median(cells.values[known])))}"
    before = np.asarray(distribution.counts[:-1]) / sum(distribution.counts[:-1])
    now = np.bincount(cells.parts[known], minlength=len(before)) / known.sum()
    most = int(np.argmax(np.abs(now - before) * [label != OTHER_LEVEL for label in labels]))
    return f"{labels[most]} {100 * before[most]:.1f} % -> {100 * now[most]:.1f} %"


def _move_answers(
    ensemble: Ensemble, inputs: Inputs, known: Sequence[tuple[Distribution, ColumnEncoding, Cells]], moving: Sequence[int]
) -> list[tuple[float, float, float]]:
    """For each of some columns how far answers move if it is distributed as in training: mean size, mean, and what they vary by."""
    if not moving or not ensemble.task.outcomes():
        return [(0.0, 0.0, 0.0)] * len(moving)
    rng = np.random.default_rng(0x0DD)
    rows = np.sort(rng.choice(len(inputs), min(len(inputs), _MOST_ROWS), replace=False))
    here, groups = inputs[rows], np.asarray(ensemble.encoding.joined_groups)
    answers = _scaled_answers(ensemble, here)
    effects = []
    for j in moving:
        distribution, column, cells = known[j]
        parts = cells.parts[rows]
        like = _as_in_training(np.asarray(distribution.counts), parts, rng)
        changed = like != parts
        joined = here.joined.copy()
        joined[np.ix_(changed, groups == j)] = _encode(ensemble, column, write_cells(distribution, column, like[changed], rng))
        gaps = answers - _scaled_answers(ensemble, here.replace_joined(joined))
        k = int(np.argmax(np.abs(gaps).mean(0)))
        effects.append((float(np.abs(gaps[:, k]).mean()), float(gaps[:, k].mean()), float(answers[:, k].std())))
    return effects


def _scaled_answers(ensemble: Ensemble, inputs: Inputs) -> FloatArray:
    """The outcomes that are told, values or class probabilities, shape (n, c): of two classes the second."""
    places = [outcome.place for outcome in ensemble.task.outcomes() if outcome.scale == "target"]
    return ensemble.task.to_scales(ensemble.combined(inputs)).target[:, places]


def _encode(ensemble: Ensemble, column: ColumnEncoding, raw: pa.ChunkedArray) -> FloatArray:
    """The inputs of a column alone."""
    alone = msgspec.structs.replace(ensemble.encoding, columns=[column], blocks=[])
    return apply_encoding(alone, pa.table({column.name: raw})).joined


def _as_in_training(before: IntArray, parts: IntArray, rng: np.random.Generator) -> IntArray:
    """Parts (n,) with the shares of training (k,), of which as few as possible are others than those that are there."""
    now = np.bincount(parts, minlength=len(before))
    wanted = before / before.sum() * len(parts)
    short = np.maximum(wanted - now, 0)
    like = parts.copy()
    if not short.any():
        return like
    for part in np.flatnonzero(now > wanted):
        here = np.flatnonzero(parts == part)
        n_moved = int(rng.binomial(1, (now[part] - wanted[part]) % 1)) + int(now[part] - wanted[part])
        moved = rng.choice(here, min(n_moved, len(here)), replace=False)
        like[moved] = rng.choice(len(before), len(moved), p=short / short.sum())
    return like
