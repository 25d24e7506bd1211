"""What kind of column is this? Finding kinds, and turning a raw column into NumPy values of a kind.

`find_kind` is the usual entrance. `to_numbers`, `to_flags`, `to_seconds` and `to_levels` each read a
column as one kind and say, with row and value, what could not be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Literal, NamedTuple, NoReturn, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.table.moments import describe_time_format, find_time_format, read_moments
from weights.data.table.notation import (
    LEADING_ZERO,
    Notation,
    are_labels,
    describe_notation,
    describe_notations,
    find_numbers,
    read_numbers,
)
from weights.data.table.plainform import simplify_type
from weights.data.table.sentinels import describe_alike, describe_apart, describe_sentinel
from weights.errors import DataError, abridged
from weights.types import AnyArray, FloatArray, IntArray

TableKind = Literal["numeric", "boolean", "category", "datetime"]
SetAsideKind = Literal["constant", "identifier", "text", "unsupported"]
Kind = Literal[TableKind, SetAsideKind]
TABLE_KINDS: tuple[str, ...] = get_args(TableKind)

_TRUE, _FALSE = ("yes", "true", "y", "t", "on", "1", "1.0"), ("no", "false", "n", "f", "off", "0", "0.0")
_NUMBER = r"^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$"
_LIKE_A_DATE = r"^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([ T]|$)"
_WITHOUT_BLANKS = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_FEW = 20
"""Below this many rows, "all values differ" says nothing about being an identifier (our choice)."""
NO_VALUE = re.compile(
    r"|[?.*_\u2013\u2014-]+|#?n\.?[/.]?a\.?|nan|nil|null|none|missing|unknown|unk|not (known|available|applicable)|undefined|tbd|"
    r"#(div/0|ref|value|name|num|null)[!?]?",
    re.IGNORECASE,
)
"""Words, or none, that mean "no value" and nothing else, whatever the column."""
_WITH_DIGIT = r"^[^#]*\d"
_FEWEST_WORDS = 3
"""Words of a cell, about, from which on cells that mostly differ are texts (our choice)."""
_MOST_WORDS = 0.1
_FEW_CODES = 10
"""Text holding at most this many different whole numbers is read as codes of a category (our choice)."""
_YEARS = (1500, 2200)
"""Whole numbers within these may be years, of which each may stand in one row (our choice)."""
_LARGEST_EXACT = 2**53
"""Beyond this, decimals skip whole numbers: what counts that far is a label (a key, a hash), not a quantity."""


class Found(NamedTuple):
    """The kind of a column, and what to say about it."""

    kind: Kind
    note: str = ""


def find_kind(column: pa.ChunkedArray, name: str, *, coded: bool = False) -> Found:
    """The kind of a raw column, from its type and values.

    Args:
        column: n cells of any type.
        name: the column's name; an integer column called id or ..._id counts as an identifier if all differ.
        coded: whether it came as codes of levels, whatever these are: then it is a category, unless its values mostly differ.

    Returns:
        The kind, and a remark where the choice deserves one.

    Example:
        >>> find_kind(pa.chunked_array([["yes", "no", "no"]]), "smoker").kind
        'boolean'
    """
    found = find_bare_kind(column, name, coded=coded)
    return found._replace(note="; ".join(filter(None, [found.note, describe_cells(column, name, found.kind)])))


def find_bare_kind(column: pa.ChunkedArray, name: str, *, coded: bool = False) -> Found:
    """As `find_kind`, without what is to be said of single cells."""
    column = simplify_type(column)
    kind = column.type
    if not is_supported(kind):
        return Found("unsupported", f"holds {kind} values")
    if pa.types.is_null(kind) or column.null_count == len(column):
        return Found("constant", "all missing")
    n_distinct = pc.count_distinct(column).as_py()
    if n_distinct == 1 and column.null_count == 0:
        return Found("constant", f"always {abridged(repr(column[0].as_py()))}")
    if pa.types.is_boolean(kind):
        return Found("boolean")
    found = _find_kind_of_values(column, name, n_distinct)
    if coded and found.kind not in ("boolean", "constant") and (labels := _find_kind_of_labels(column, n_distinct)).kind == "category":
        return labels
    return found


def describe_cells(column: pa.ChunkedArray, name: str, kind: str) -> str:
    """What is to be said of cells of a column of this kind: codes for "no value", numbers far apart, levels written in several ways."""
    column = simplify_type(column)
    is_text = pa.types.is_string(column.type)
    if kind == "category" and is_text:
        return describe_alike({level["values"]: level["counts"] for level in pc.value_counts(as_text(column).drop_null()).to_pylist()})
    if kind == "datetime":
        words = words_among_moments(column) if is_text else ()
        return describe_sentinel(to_seconds(column, name, words=words), moments=True)
    if kind != "numeric" or not (is_text or is_number(column.type)):
        return ""
    values = to_numbers(column, name, words_among_numbers(column) if is_text else ())
    return describe_sentinel(values) or describe_apart(values)


def _find_kind_of_values(column: pa.ChunkedArray, name: str, n_distinct: int) -> Found:
    kind = column.type
    if pa.types.is_temporal(kind):
        return Found("datetime")
    if is_number(kind):
        return _find_kind_of_numbers(column, name, n_distinct)
    return _find_kind_of_text(as_text(column), n_distinct)


def is_number(kind: pa.DataType) -> bool:
    """Whether a type holds numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def is_supported(kind: pa.DataType) -> bool:
    """Whether cells of a type are numbers, truth values, moments or text."""
    is_moment = pa.types.is_temporal(kind) and not pa.types.is_interval(kind)
    return is_number(kind) or is_moment or pa.types.is_boolean(kind) or pa.types.is_string(kind) or pa.types.is_null(kind)


def _find_kind_of_numbers(column: pa.ChunkedArray, name: str, n_distinct: int) -> Found:
    if n_distinct - (column.null_count > 0) <= 2 and set(pc.unique(column).drop_null().to_pylist()) == {0, 1}:
        return Found("boolean")
    bounds = pc.min_max(column).as_py()
    if bounds["min"] == bounds["max"] and column.null_count == 0:
        return Found("constant", f"always {bounds['max']!r}")  # 0 and -0, which are counted as different
    if pa.types.is_integer(column.type):
        all_different = n_distinct == len(column) > _FEW
        counts_up = _counts_rows(column, bounds["min"], bounds["max"], n_distinct)
        if all_different and (counts_up or re.search(r"(^|_|\s)id$", name, flags=re.IGNORECASE)):
            return Found("identifier", "all different")
        if max(bounds["max"], -bounds["min"]) > _LARGEST_EXACT:
            return _find_kind_of_labels(column, n_distinct, "whole numbers beyond 2^53 are read as labels")
    infinite = pc.sum(pc.cast(pc.is_inf(column), pa.int64())).as_py() if pa.types.is_floating(column.type) else 0
    return Found("numeric", f"{infinite} infinite cells are moved to the bound" if infinite else "")


def _counts_rows(column: pa.ChunkedArray, least: int, largest: int, n_distinct: int) -> bool:
    """Whether different whole numbers count rows: all those between the ends, or half of them in order; years do not."""
    if _YEARS[0] <= least and largest <= _YEARS[1]:
        return False
    n_between = largest - least + 1
    return n_between == n_distinct or (n_between <= 2 * n_distinct and pc.all(pc.greater(column[1:], column[:-1])).as_py())


def _find_kind_of_text(column: pa.ChunkedArray, n_distinct: int) -> Found:
    words = {value.lower() for value in pc.unique(column).drop_null().to_pylist()} if n_distinct == 2 else set()
    if words and words in ({"yes", "no"}, {"true", "false"}, {"y", "n"}, {"t", "f"}, {"on", "off"}):
        return Found("boolean")
    if are_labels(column):
        return _find_kind_of_labels(column, n_distinct, "whole numbers with leading zeros or beyond 64 bits are read as labels")
    numbers = find_numbers(column)
    if numbers is not None:
        values = numbers.values
        if n_distinct <= _FEW_CODES and not numbers.remark and pc.all(pc.equal(pc.floor(values), values)).as_py():
            return Found("category", "few whole numbers written as text")
        return Found("numeric", "numbers written as text" + (f": {numbers.remark}" if numbers.remark else ""))
    time_format = find_time_format(column)
    if time_format is not None:
        order = describe_time_format(column, time_format)
        return Found("datetime", "dates written as text" + (f": {order}" if order else ""))
    words_among = words_among_numbers(column)
    if words_among:
        row, value = _first_where(column, lambda cell: cell in words_among)
        mixed = f"; {mixture}" if (mixture := describe_notations(column)) else ""
        return Found("numeric", f"text among numbers is read as missing (first: row {row}, '{abridged(value)}'){mixed}")
    if words_among := words_among_moments(column):
        row, value = _first_where(column, lambda cell: cell in words_among)
        return Found("datetime", f"dates written as text; other text is read as missing (first: row {row}, '{abridged(value)}')")
    like_dates = pc.all(pc.match_substring_regex(column, _LIKE_A_DATE)).as_py()
    note = "look like dates, but share no format: read as labels" if like_dates else describe_notations(column)
    return _find_kind_of_labels(column, n_distinct, note)


def _find_kind_of_labels(column: pa.ChunkedArray, n_distinct: int, note: str = "") -> Found:
    """A category, or ignored where most labels differ."""
    n_present = len(column) - column.null_count
    words_per_cell = _count_words(column) if pa.types.is_string(column.type) and n_distinct > _FEW else 1
    if n_present <= _FEW or n_distinct <= 0.5 * n_present:
        wordy = f"about {words_per_cell:.0f} words a cell, which the kind text would read" if words_per_cell >= _FEWEST_WORDS else ""
        return Found("category", "; ".join(filter(None, [note, wordy])))
    if words_per_cell >= _FEWEST_WORDS:
        return Found("text", f"about {words_per_cell:.0f} words a cell")
    differ = "all different" if n_distinct == n_present else f"{n_distinct} different values in {n_present} rows"
    return Found("identifier", f"{differ}; {note}" if note else differ)


def _count_words(text: pa.ChunkedArray) -> float:
    """About how many words a cell has on average; scripts without blanks have one for every other letter."""
    blanks, letters = pc.count_substring(text, " "), pc.count_substring_regex(text, _WITHOUT_BLANKS)
    return 1.0 + float(pc.mean(pc.add(blanks, pc.divide(letters, 2.0))).as_py())


def words_among_numbers(text: pa.ChunkedArray) -> list[str]:
    """The few texts that stand among numbers in one notation, sorted: at most 10, in at most a tenth of the present cells; else none.

    Such words nearly always mean "no value" (our choice; a column of codes has more of them and stays a category). Words that mean nothing
    else, such as ``-`` and ``unknown``, may be more than that, but not among a few codes.
    """
    text = as_text(text)
    if pc.any(pc.match_substring_regex(text, LEADING_ZERO)).as_py():
        return []
    return _words_among(text, _NUMBER, _may_have_gaps) or _words_among(text, _WITH_DIGIT, _may_have_gaps)


def words_among_moments(text: pa.ChunkedArray) -> list[str]:
    """The few words without a digit that stand among moments of one format; as `words_among_numbers`."""
    return _words_among(as_text(text), _WITH_DIGIT, lambda rest, surely: find_time_format(rest) is not None)


def _words_among(text: pa.ChunkedArray, readable: str, reads: Callable[[pa.ChunkedArray, bool], bool]) -> list[str]:
    """The cells that do not match, if they are few or surely mean "no value", and `reads` says of the others that they are of one kind."""
    fits = pc.fill_null(pc.match_substring_regex(text, readable), False)
    words = pc.unique(text.filter(pc.and_(pc.is_valid(text), pc.invert(fits))))
    n_present, n_fitting = len(text) - text.null_count, pc.sum(pc.cast(fits, pa.int64())).as_py() or 0
    if not 0 < len(words) <= 10 or not n_fitting:
        return []
    few = n_present - n_fitting <= _MOST_WORDS * n_present
    if not few and not all(NO_VALUE.fullmatch(word) for word in words.to_pylist()):
        return []
    return sorted(words.to_pylist()) if reads(text.filter(fits), not few) else []


def _may_have_gaps(text: pa.ChunkedArray, many: bool) -> bool:
    """Whether cells are numbers of one notation; of many gaps, more than a few codes."""
    numbers = find_numbers(text)
    if numbers is None or not many:
        return numbers is not None
    values = numbers.values
    return pc.count_distinct(values).as_py() > 2 * _FEW_CODES or not pc.all(pc.equal(pc.floor(values), values)).as_py()


def _first_where(column: pa.ChunkedArray, bad: Callable[[str], object]) -> tuple[int, str]:
    """Row (counted from 1) and value of the first present cell that is `bad`."""
    return next((row, value) for row, value in enumerate(column.to_pylist(), 1) if value is not None and bad(value))


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column as strings without surrounding blanks; integral floats lose their '.0', so 1 and 1.0 agree, and moments their zeros."""
    column = simplify_type(column)
    if pa.types.is_timestamp(column.type):
        moments = pc.cast(pc.cast(pc.cast(column, pa.timestamp("us", column.type.tz), safe=False), pa.timestamp("us")), pa.string())
        return pc.replace_substring_regex(moments, r"(?: 00:00:00)?\.0+$", "")
    if pa.types.is_time(column.type):
        return pc.replace_substring_regex(pc.cast(column, pa.string()), r"\.0+$", "")
    if pa.types.is_floating(column.type):
        whole = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), 2.0**53))
        as_integer = pc.cast(pc.if_else(whole, column, None), pa.int64(), safe=False)
        return pc.coalesce(pc.cast(as_integer, pa.string()), pc.cast(column, pa.string()))
    return pc.utf8_trim_whitespace(pc.cast(column, pa.string()))


def without_words(text: pa.ChunkedArray, words: Collection[str]) -> pa.ChunkedArray:
    """A column of text with no value where a cell is one of these words; itself where none is."""
    if not words:
        return text
    hit = pc.is_in(pc.utf8_trim_whitespace(text), pa.array([*words], pa.string()))
    return pc.if_else(hit, pa.scalar(None, pa.string()), text) if pc.any(hit).as_py() else text


def to_numbers(column: pa.ChunkedArray, name: str, words: Sequence[str] = (), notation: Notation | None = None) -> FloatArray:
    """The column as float64, shape (n,); missing and the `words` are NaN, infinities stay.

    Args:
        column: n cells of any type.
        name: the column's name.
        words: texts that mean "no value".
        notation: how numbers are written as text, None to find it.

    Raises:
        DataError: a cell holds something that is not a number.
    """
    numbers = column
    if pa.types.is_temporal(column.type):
        return to_seconds(column, name)
    if pa.types.is_boolean(column.type):
        numbers = pc.cast(column, pa.int8())
    elif not is_number(column.type):
        text = without_words(as_text(column), words)
        numbers = _parse_numbers(text, notation)
        if numbers is None:
            needed = "numeric" if notation is None else f"numbers {describe_notation(notation)}"
            _refuse(text, name, needed, lambda cell: _parse_numbers(cell, notation))
    values = pc.cast(numbers, pa.float64(), safe=False).to_numpy()
    return np.where(np.isnan(values), np.nan, values)


def _parse_numbers(text: pa.ChunkedArray, notation: Notation | None) -> pa.ChunkedArray | None:
    if notation is not None:
        return read_numbers(text, notation)
    numbers = find_numbers(text)
    return None if numbers is None else numbers.values


def to_flags(column: pa.ChunkedArray, name: str) -> FloatArray:
    """The column as 1 (true), -1 (false) and NaN (missing), shape (n,); yes/no, true/false, 1/0 and the like.

    Raises:
        DataError: a cell holds another word.
    """
    original = as_text(column)
    text = _as_flag(original)
    is_true, is_false = pc.is_in(text, pa.array(_TRUE)), pc.is_in(text, pa.array(_FALSE))
    unreadable = pc.and_(pc.invert(pc.or_(is_true, is_false)), pc.is_valid(text))
    if pc.any(unreadable).as_py():
        known = {*_TRUE, *_FALSE}
        hint = f"; where more than two values are possible, with --kind {abridged(name)}=category"
        _refuse(
            original, name, "boolean (yes/no, true/false, 1/0)", lambda cell: True if _as_flag(cell)[0].as_py() in known else None, hint
        )
    values = is_true.to_numpy().astype(np.float64) - is_false.to_numpy().astype(np.float64)
    return np.where(values == 0, np.nan, values)


def _as_flag(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Words in small letters, and 1.00 and +1 as 1."""
    return pc.replace_substring_regex(pc.utf8_lower(text), r"^(?:\+|-0*$)?0*([01])(?:\.0*)?$", r"\1")


def find_flag_words(column: pa.ChunkedArray) -> tuple[str, str]:
    """How no and yes are written in cells that `to_flags` reads, most often; "no" and "yes" of truth values, which are not written.

    Example:
        >>> find_flag_words(pa.chunked_array([["N", "Y", "N"]]))
        ('N', 'Y')
    """
    if pa.types.is_boolean(column.type):
        return "no", "yes"
    counted = pc.value_counts(as_text(column).combine_chunks().drop_null()).to_pylist()
    often = [cell["values"] for cell in sorted(counted, key=lambda cell: -cell["counts"])]
    no, yes = (next((word for word in often if word.lower() in known), None) for known in (_FALSE, _TRUE))
    if no is None and yes is None:
        return "no", "yes"
    return no or _FALSE[_TRUE.index((yes or "").lower())], yes or _TRUE[_FALSE.index((no or "").lower())]


def to_seconds(column: pa.ChunkedArray, name: str, formats: Sequence[str] = (), words: Sequence[str] = ()) -> FloatArray:
    """The column's dates as seconds since 1970-01-01 UTC, float64, shape (n,); missing is NaN.

    Args:
        column: n dates, times, texts or numbers; a number is taken as it is.
        name: the column's name.
        formats: how dates may be written as text, see `find_time_format`; none to find it.
        words: texts that mean "no value".

    Raises:
        DataError: a cell cannot be read as a date or time.
    """
    times = column
    if not pa.types.is_temporal(column.type):
        if is_number(column.type):
            return to_numbers(column, name)
        text = without_words(as_text(column), words)
        formats = formats or tuple(filter(None, [find_time_format(text)]))
        times = read_moments(text, formats)
        if times is None:
            _refuse(text, name, "dates", lambda cell: read_moments(cell, formats) if formats else find_time_format(cell))
    if pa.types.is_time(times.type):
        microseconds = pc.cast(pc.cast(times, pa.time64("us")), pa.int64())
    elif pa.types.is_duration(times.type):
        microseconds = pc.cast(pc.cast(times, pa.duration("us"), safe=False), pa.int64())
    else:
        zone = times.type.tz if pa.types.is_timestamp(times.type) else None
        microseconds = pc.cast(pc.cast(times, pa.timestamp("us", zone), safe=False), pa.int64())
    return pc.cast(microseconds, pa.float64(), safe=False).to_numpy() / 1e6


def moments_of(seconds: FloatArray) -> pa.Array:
    """Seconds since 1970-01-01, shape (n,), as moments; NaN is missing. What `to_seconds` reads back."""
    absent = np.isnan(seconds)
    return pa.array(np.round(np.where(absent, 0, seconds) * 1e6).astype(np.int64), pa.timestamp("us"), mask=absent)


def to_levels(column: pa.ChunkedArray) -> tuple[IntArray, list[str]]:
    """Codes into the column's distinct values, shape (n,), -1 where missing; and those values as text, sorted."""
    text = as_text(column)
    levels = sorted(pc.unique(text).drop_null().to_pylist())
    return level_codes(column, levels), levels


def level_codes(column: pa.ChunkedArray, levels: list[str]) -> IntArray:
    """Position of each cell in `levels`, shape (n,); -1 where missing or not among them."""
    if not levels:
        return np.full(len(column), -1)
    codes = pc.index_in(as_text(column), pa.array(levels, pa.string()))
    return pc.fill_null(codes, -1).to_numpy()


def is_missing(column: pa.ChunkedArray) -> AnyArray:
    """True where a cell holds no value (null or NaN), shape (n,)."""
    return pc.is_null(column, nan_is_null=True).to_numpy()


def _refuse(text: pa.ChunkedArray, name: str, needed: str, parse: Callable[[pa.ChunkedArray], object], hint: str = "") -> NoReturn:
    def unreadable(value: str) -> bool:
        return parse(pa.chunked_array([[value]])) is None

    bad = [value for value in pc.unique(text).drop_null().to_pylist()[:10000] if unreadable(value)]
    if not bad:
        raise DataError(
            f"Column '{name}' must be {needed} in one format, but its cells mix several (such as '{text.drop_null()[0]}'). Use one format."
        )
    row, value = _first_where(text, lambda cell: cell in bad)
    count = pc.sum(pc.cast(pc.is_in(text, pa.array(bad, pa.string())), pa.int64())).as_py()
    raise DataError(
        f"Column '{name}' must be {needed}, but {count} of {len(text)} rows hold something else (first: row {row}, '{abridged(value)}'). "
        "Repair these cells or leave them empty; where a word means missing, fit with --missing" + hint + "."
    )
