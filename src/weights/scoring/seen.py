"""Whether rows to be scored are among those that a run learned from: `describe_seen`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import scipy.special

from weights.data.encoding import apply_encoding
from weights.data.inputs import Inputs
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


def describe_seen(ensemble: Ensemble, inputs: Inputs, y: AnyArray, source: Any = None) -> list[str]:
    """A sentence where rows are equal to rows of training more often than new ones would be, or why that could not be looked up.

    Equal are rows that models read alike, with the same target. By chance a new row is equal to one of training about as often as one of
    training is to another.

    Args:
        ensemble: that answers.
        inputs: the rows.
        y: their encoded targets, shape (n,).
        source: where they came from, if that is a path.
    """
    origin = ensemble.report.origin
    if origin is None or origin.source is None:
        return [_UNKNOWN.format("those of training came from memory")]
    if is_same_source(source, origin.source):
        return ["this is what the run learned from: score rows that it never saw"]
    if ensemble.encoding.blocks or ensemble.report.n_samples > _MOST_ROWS:
        plurals = dict.fromkeys(kind.plural for kind in ensemble.encoding.kinds)
        kept = " and ".join(plurals) or f"{ensemble.report.n_samples:,} rows of training"
        return [_UNKNOWN.format(f"{kept} are not read again for it")]
    try:
        table = ensemble.read(origin.source)
        table = table.filter(pa.array(ensemble.task.knows(table[origin.roles.target]) & ~find_test_rows(table, origin.roles.split)))
        learned = _codes(apply_encoding(ensemble.encoding, table), ensemble.task.encode(table[origin.roles.target]))
    except (WeightsError, KeyError):
        return [_UNKNOWN.format(f"'{_name(origin.source)}' is not there any more, or not as it was")]
    _, place, times = np.unique(learned, return_inverse=True, return_counts=True)
    chance = (np.count_nonzero(times[place] > 1) + 1) / (len(learned) + 1)
    n_rows, n_equal = len(y), int(np.isin(_codes(inputs, y), learned).sum())
    if not n_equal or scipy.special.bdtrc(n_equal - 1, n_rows, chance) >= _CLEAR:
        return []
    return [
        f"{n_equal:,} of {n_rows:,} rows are among those that the run learned from ('{_name(origin.source)}'), where about "
        f"{chance * n_rows:,.0f} would be by chance: the figures are too good; score rows that it never saw"
    ]


def _name(source: str | AnyPart) -> str:
    return printable(source if isinstance(source, str) else describe_source(source))


def _codes(inputs: Inputs, y: AnyArray) -> AnyArray:
    """Each row with its target as one value, equal where all of it is, shape (n,)."""
    # Minus zero becomes zero, which has other bytes.
    rows = np.ascontiguousarray(np.column_stack([inputs.joined, y]).astype(np.float32) + np.float32(0))
    return rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))[:, 0]
