"""Whether rows to be scored are among those that a run learned from: `describe_seen`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.special

from weights.data.encoding import apply_encoding
from weights.data.inputs import COLUMNS, Inputs
from weights.data.kind import BlockEncoding
from weights.data.registry import kind_of
from weights.data.steering import find_test_rows
from weights.data.table.part import is_same_source
from weights.data.table.read import AnyPart, describe_source
from weights.ensemble import Ensemble
from weights.errors import WeightsError, printable
from weights.types import AnyArray

_CLEAR = 0.001
"""Probability of as many equal rows by chance below which it is said (our choice)."""
_MOST_ROWS = 1_000_000
"""Rows of training above which they are not read again (our choice)."""
_UNKNOWN = "whether the run learned from some of these rows could not be looked up: {}"


def describe_seen(ensemble: Ensemble, rows: pa.Table, inputs: Inputs, y: AnyArray, source: Any = None) -> list[str]:
    """A sentence where rows are equal to rows of training more often than new ones would be, or why that could not be looked up.

    Equal are rows that models read alike, with the same target. By chance a new row is equal to one of training about as often as one of
    training is to another.

    Args:
        ensemble: that answers.
        rows: of a table.
        inputs: the same, encoded.
        y: their encoded targets, shape (n,).
        source: where they came from, if that is a path.
    """
    origin = ensemble.report.origin
    if origin is None or origin.source is None:
        return [_UNKNOWN.format("those of training came from memory")]
    if is_same_source(source, origin.source):
        return ["this is what the run learned from: score rows that it never saw"]
    elsewhere = [kind for kind in ensemble.encoding.kinds if kind.source is not None and kind.finds is None]
    if elsewhere or ensemble.report.n_samples > _MOST_ROWS:
        plurals = dict.fromkeys(kind.plural for kind in elsewhere)
        kept = " and ".join(plurals) or f"{ensemble.report.n_samples:,} rows of training"
        return [_UNKNOWN.format(f"{kept} are not read again for it")]
    try:
        table = ensemble.read(origin.source)
        table = table.filter(pa.array(ensemble.task.knows(table[origin.roles.target]) & ~find_test_rows(table, origin.roles.split)))
        known = ensemble.task.encode(table[origin.roles.target])
        hashes = [_hash_both(block, table, rows) for block in ensemble.encoding.blocks]
        learned = _codes(apply_encoding(ensemble.encoding, table), known, [own[: len(known)] for own in hashes])
        came = _codes(inputs, y, [own[len(known) :] for own in hashes])
    except (WeightsError, KeyError):
        return [_UNKNOWN.format(f"'{_name(origin.source)}' is not there any more, or not as it was")]
    _, place, times = np.unique(learned, return_inverse=True, return_counts=True)
    chance = (np.count_nonzero(times[place] > 1) + 1) / (len(learned) + 1)
    n_rows, n_equal = len(y), int(np.isin(came, learned).sum())
    if not n_equal or scipy.special.bdtrc(n_equal - 1, n_rows, chance) >= _CLEAR:
        return []
    return [
        f"{n_equal:,} of {n_rows:,} rows are among those that the run learned from ('{_name(origin.source)}'), where about "
        f"{chance * n_rows:,.0f} would be by chance: the figures are too good; score rows that it never saw"
    ]


def _name(source: str | AnyPart) -> str:
    return printable(source if isinstance(source, str) else describe_source(source))


def _hash_both(block: BlockEncoding, learned: pa.Table, came: pa.Table) -> AnyArray:
    """A number for each value of a column of another kind than numbers and words, of rows of training and then of others."""
    columns = [table[block.name] for table in (learned, came)]
    both = pa.chunked_array([chunk for column in columns for chunk in column.cast(columns[0].type).chunks], columns[0].type)
    return kind_of(block).hash_values(both)


def _codes(inputs: Inputs, y: AnyArray, hashes: Sequence[AnyArray]) -> AnyArray:
    """Each row with its target as one value, equal where all of it is, shape (n,)."""
    columns = [inputs.joined] if COLUMNS in inputs.blocks else []
    # Minus zero becomes zero, which has other bytes.
    rows = np.column_stack([*columns, y]).astype(np.float32) + np.float32(0)
    parts = [np.ascontiguousarray(part).view(np.uint8).reshape(len(y), -1) for part in (rows, *hashes)]
    joined = np.ascontiguousarray(np.concatenate(parts, axis=1))
    return joined.view(np.dtype((np.void, joined.shape[1])))[:, 0]
