"""Which rows each member learns from, and so on which rows it can be judged.

`resample` gives an (m, n) table of counts: how often a member sees a row. Rows with count zero are the member's
out-of-bag rows. Rows of one group always go together. `Draw` does the same for rows that pass (data/table/streaming.py), by their keys.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from weights.data.table.keys import hash_keys, uniform
from weights.errors import DataError, UsageError
from weights.spec import Members
from weights.types import AnyArray, BoolArray, FloatArray, IntArray

_STREAMED = 0xD3A
_POISSON = np.cumsum([math.exp(-1.0) / math.factorial(count) for count in range(20)])


class Resampling(NamedTuple):
    """Rows by member.

    counts: times member m sees row n in one pass, uint8, shape (m, n).
    scored: whether member m never saw row n and is judged on it (its out-of-bag rows), shape (m, n).
    member_weights: weight of each member in the ensemble's prediction, shape (m,). Zero for members that are trained only
        to be scored (those that saw only the past, when rows are split by time).
    """

    counts: IntArray
    scored: BoolArray
    member_weights: FloatArray


def resample(
    members: Members, n_samples: int, *, strata: AnyArray | None = None, group: IntArray | None = None, time: FloatArray | None = None
) -> Resampling:
    """Draw the rows of every member.

    Args:
        members: how many and of which kind.
        n_samples: n.
        strata: class of each row, shape (n,); folds then hold the same share of each class, as far as groups allow. None for numbers.
        group: code of each row's group, shape (n,), or None. Folds hold equally many groups, and about equally many rows.
        time: moment of each row, shape (n,), needed for "time".

    Raises:
        DataError: there are fewer groups, rows or moments than parts.
        UsageError: "time" without a time column.
    """
    unit, n_units = (
        (np.arange(n_samples), n_samples) if group is None else (np.unique(group, return_inverse=True)[1], len(np.unique(group)))
    )
    if n_units < 2:
        raise DataError(
            f"Members must be judged on rows they did not see, which needs two rows or groups at least, but there is {n_units}. Add data."
        )
    if members.resampling == "time":
        if time is None:
            raise UsageError("Resampling by time needs a time column. Name it with --time, or choose folds.")
        if members.n_members < 2:
            raise UsageError("Resampling by time needs two members at least, one to be judged and one to answer, but there is 1.")
        return _time_blocks(members, time, unit)
    if members.resampling == "folds":
        strata = np.zeros(n_samples, int) if strata is None else strata
        counts = _folds(members, np.bincount(unit), strata if group is None else _rank_groups(unit, strata))
    else:
        counts = {"bootstrap": _bootstrap, "subsample": _subsample}[members.resampling](members, n_units)
    counts = counts[:, unit]
    return Resampling(counts, counts == 0, np.ones(members.n_members))


@dataclass(frozen=True)
class Draw:
    """How often each member sees rows that pass, decided by nothing but their keys: a row is always treated alike.

    Folds and shares hold on average, and a bootstrap draws each row as often as a Poisson variable of mean one says, to which the
    number of times in n draws tends (Oza and Russell 2001).

    Attributes:
        members: how many and of which kind.
        chosen: positions of those that are meant.
    """

    members: Members
    chosen: tuple[int, ...]

    def only(self, members: Sequence[int]) -> Draw:
        """The same for some of the members, by their position among these."""
        return replace(self, chosen=tuple(self.chosen[m] for m in members))

    def __call__(self, keys: IntArray) -> Resampling:
        """The rows with these keys (n,) by member.

        Raises:
            UsageError: members are split by time.
        """
        counts = np.stack([self._counts(m, keys) for m in self.chosen]).astype(np.uint8)
        return Resampling(counts, counts == 0, np.ones(len(self.chosen)))

    def _counts(self, m: int, keys: IntArray) -> AnyArray:
        members = self.members
        match members.resampling:
            case "folds":
                repeat, fold = divmod(m, members.n_folds)
                return hash_keys(keys, members.seed, _STREAMED, repeat) % np.uint64(members.n_folds) != fold
            case "bootstrap":
                return np.searchsorted(_POISSON, uniform(keys, members.seed, _STREAMED, m), side="right")
            case "subsample":
                return uniform(keys, members.seed, _STREAMED, m) < members.share
        raise UsageError("Rows that do not fit into memory cannot be split by time. Leave out --time, or use rows or columns that fit.")


def _random(members: Members, *path: int) -> np.random.Generator:
    return np.random.default_rng([members.seed, 0x5EED, *path])


def _rank_groups(unit: IntArray, strata: AnyArray) -> IntArray:
    """A rank for each group (u,), near for groups that can stand for each other in folds.

    A group counts for the class of which it holds the largest share of all rows. Those with most rows of it come first, and groups
    of the commonest class last, as these are many and small ones among them even out what the others left uneven.
    """
    classes, stratum = np.unique(strata, return_inverse=True)
    pairs, held = np.unique(unit * len(classes) + stratum, return_counts=True)  # of a group and a class, as far as there are any
    group, own = np.divmod(pairs, len(classes))
    total = np.bincount(stratum)[own]
    by_share = np.lexsort((-held / total, group))
    first = by_share[np.unique(group[by_share], return_index=True)[1]]
    keys = np.stack([total[first], own[first], -held[first], -np.bincount(unit)])
    return np.unique(keys, axis=1, return_inverse=True)[1].ravel()


def _folds(members: Members, size: IntArray, strata: IntArray) -> IntArray:
    """Units of these sizes (u,) dealt to folds, anew in every repeat."""
    n_folds = min(members.n_folds, len(size))
    counts = np.ones((members.n_members, len(size)), np.uint8)
    for repeat in range(-(-members.n_members // n_folds)):
        shuffled = _random(members, repeat).permutation(len(size))
        order = shuffled[np.argsort(strata[shuffled], kind="stable")]
        fold = np.empty(len(size), int)
        fold[order] = _assign_folds(size[order], n_folds)
        for m, own in zip(range(repeat * n_folds, members.n_members), range(n_folds), strict=False):
            counts[m, fold == own] = 0
    return counts


def _assign_folds(size: IntArray, n_folds: int) -> IntArray:
    """The fold of each unit (u,): of every n_folds that follow each other each fold gets one, the fold with fewest rows the first."""
    fold = np.arange(len(size)) % n_folds
    n_rows = np.zeros(n_folds, int)
    for begin in range(0, len(size), n_folds) if np.ptp(size) else ():
        turn = np.argsort(n_rows, kind="stable")[: len(size) - begin]
        fold[begin : begin + n_folds] = turn
        n_rows[turn] += size[begin : begin + n_folds]
    return fold


def _bootstrap(members: Members, n_units: int) -> IntArray:
    counts = np.empty((members.n_members, n_units), np.uint8)
    for m in range(members.n_members):
        drawn = np.bincount(_random(members, m).integers(0, n_units, n_units), minlength=n_units)
        counts[m] = np.minimum(drawn, 255)
    return _leave_some_out(counts)


def _subsample(members: Members, n_units: int) -> IntArray:
    counts = np.zeros((members.n_members, n_units), np.uint8)
    n_seen = min(max(1, round(members.share * n_units)), n_units - 1)
    for m in range(members.n_members):
        counts[m, _random(members, m).permutation(n_units)[:n_seen]] = 1
    return counts


def _leave_some_out(counts: IntArray) -> IntArray:
    """Every member keeps an out-of-bag unit: with very few units a draw may by chance hold them all."""
    full = (counts > 0).all(axis=1)
    counts[full, np.flatnonzero(full) % counts.shape[1]] = 0
    return counts


def _time_blocks(members: Members, time: FloatArray, unit: IntArray) -> Resampling:
    """Member b of the first n_folds learns from blocks before b and is scored on block b; the others learn from all rows.

    Rows whose group (unit) also stands in block b are not learned from.

    Only the others answer new rows: what is served has seen the newest rows, what is reported never saw the future.
    """
    moments = np.unique(time)
    n_blocks = min(members.n_folds + 1, len(moments))
    if n_blocks < 3:
        raise DataError(
            f"Splitting by time needs three different moments at least, but there are {len(moments)}. Choose another time column or folds."
        )
    block = _blocks(time, time, n_blocks)
    if block.max() < 2:
        # Most rows share a moment: blocks of equally many moments instead of rows.
        block = _blocks(time, moments, n_blocks)
    n_blocks = int(block.max()) + 1
    n_scored = min(n_blocks - 1, members.n_members - 1)
    counts = np.ones((members.n_members, len(time)), np.uint8)
    scored = np.zeros_like(counts, dtype=bool)
    member_weights = np.ones(members.n_members)
    for m, judged in enumerate(range(n_blocks - n_scored, n_blocks)):
        both_sides = np.isin(unit, unit[block == judged])
        counts[m], scored[m], member_weights[m] = (block < judged) & ~both_sides, block == judged, 0.0
    return Resampling(counts, scored, member_weights)


def _blocks(time: FloatArray, reference_times: FloatArray, n_blocks: int) -> IntArray:
    """The block of each row, shape (n,), when time is cut at quantiles of reference times."""
    edges = np.quantile(reference_times, np.linspace(0, 1, n_blocks + 1)[1:-1], method="closest_observation")
    return np.unique(np.searchsorted(np.unique(edges), time, side="left"), return_inverse=True)[1]
