"""Cells that are labels, read as those of training were: as they are written where these were text, by what they mean where they were not.

1.1 and 1.10, TRUE and True, 123 and 00123 are different labels as text and equal as numbers or truth values. `find_form` says
what the cells of training were, and `read_labels` reads later ones of any type so that each becomes what it would have been there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.table.columns import as_text, is_number
from weights.data.table.moments import TIME_OF_DAY, UNMISTAKABLE, pattern_of, read_moments, read_times
from weights.data.table.notation import PLAIN, read_numbers
from weights.errors import DataError
from weights.types import IntArray

Form = Literal["", "text", "numbers", "truth values", "moments"]
"""What labels were in training: text, or numbers and the like, whose spelling says nothing; empty where a run does not say."""

_NUMBER = r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$"
_TRUTH = r"^(?i:true|false)$"


def find_form(kind: pa.DataType) -> Form:
    """What labels of this type are.

    Example:
        >>> find_form(pa.int64())
        'numbers'
    """
    if is_number(kind):
        return "numbers"
    if pa.types.is_boolean(kind):
        return "truth values"
    return "moments" if pa.types.is_temporal(kind) else "text"


def read_labels(raw: pa.ChunkedArray, name: str, levels: Sequence[str], form: Form) -> IntArray:
    """Position of each cell in `levels`, shape (n,); -1 where missing or not among them.

    Args:
        raw: n cells of any type.
        name: of the column.
        levels: of training.
        form: of these.

    Raises:
        DataError: numbers came where text was, and they do not say which level is meant: 1.1 may be '1.1' or '1.10'.

    Example:
        >>> read_labels(pa.chunked_array([["1.10", "1.1"]]), "code", ["1.10"], "text").tolist()
        [0, -1]
        >>> read_labels(pa.chunked_array([["1.10", "1.1"]]), "code", ["1.1"], "numbers").tolist()
        [0, 0]
    """
    came, text = find_form(raw.type), as_text(raw)
    if came != "text" and form in ("", "text"):
        return _only_spelling(text, name, levels, came)
    codes = _positions(text, levels)
    if came != "text":
        return codes
    return np.where(codes < 0, _positions(_other_whole(text) if form == "text" else _canonical(text), levels), codes)


def _positions(text: pa.ChunkedArray, levels: Sequence[str]) -> IntArray:
    return pc.fill_null(pc.index_in(text, pa.array(levels, pa.string())), -1).to_numpy()


def _canonical(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers, truth values and moments written as text as they would be if they had come as such; other text as it is."""
    numeric = pc.fill_null(pc.match_substring_regex(text, _NUMBER), False)
    numbers = read_numbers(pc.if_else(numeric, text, pa.scalar(None, pa.string())), PLAIN)
    assert numbers is not None
    truths = pc.if_else(pc.match_substring_regex(text, _TRUTH), pc.utf8_lower(text), text)
    dated = pc.or_(*(pc.fill_null(pc.match_substring_regex(text, pattern_of(style)), False) for style in UNMISTAKABLE))
    moments = read_moments(pc.if_else(dated, text, pa.scalar(None, pa.string())), UNMISTAKABLE)
    clock = pc.fill_null(pc.match_substring_regex(text, pattern_of(TIME_OF_DAY)), False)
    times = read_times(pc.if_else(clock, text, pa.scalar(None, pa.string())), TIME_OF_DAY)
    as_times = [] if times is None else [as_text(pc.cast(times, pa.time64("us")))]
    return pc.coalesce(as_text(numbers), *([] if moments is None else [as_text(moments)]), *as_times, truths)


def _other_whole(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """1.0 for 1 and 1 for 1.0: whole numbers are written so in one file and otherwise in the next, where no cell is missing."""
    whole = pc.match_substring_regex(text, r"^-?\d+$")
    return pc.if_else(whole, pc.binary_join_element_wise(text, ".0", ""), pc.replace_substring_regex(text, r"^(-?\d+)\.0$", r"\1"))


def _only_spelling(text: pa.ChunkedArray, name: str, levels: Sequence[str], came: Form) -> IntArray:
    """Positions of the levels that mean these cells in another spelling, where each is only one; -1 where there is none.

    Raises:
        DataError: there are several, or the cells are numbers, of which another spelling may be another label.
    """
    spellings = defaultdict(list)
    for place, meant in enumerate(_canonical(pa.chunked_array([pa.array(levels, pa.string())])).to_pylist()):
        spellings[meant].append(place)
    doubtful = {
        meant: [levels[i] for i in places]
        for meant, places in spellings.items()
        if len(places) > 1 or (came == "numbers" and levels[places[0]] not in (meant, f"{meant}.0"))
    }
    met = pc.is_in(text, pa.array([*doubtful], pa.string()))
    if pc.any(met).as_py():
        row = pc.index(met, True).as_py()
        value = text[row].as_py()
        raise DataError(
            f"Column '{name}' held labels in training that were text, such as '{doubtful[value][-1]}', but holds {came} now, which do not "
            f"say how they were written (first: row {row + 1}, {value}). Give text (pandas: read_csv(..., dtype={{'{name}': str}}))."
        )
    if not spellings:
        return np.full(len(text), -1)
    at = _positions(text, [*spellings])
    return np.where(at < 0, -1, np.asarray([places[0] for places in spellings.values()])[at])
