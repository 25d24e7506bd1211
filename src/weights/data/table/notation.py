"""How numbers are written in text: found once for a whole column by `find_numbers`, kept, and used by `read_numbers` on every later table.

A column has one notation or none: where a cell could be read in two ways, the other cells of its column decide. Once a notation is
known, what a cell is read as depends on that cell alone.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from weights.errors import abridged

LEADING_ZERO = r"^[-+]?0\d+$"
"""Whole numbers such as 00123 are labels (zip codes, article numbers): read as numbers they would equal 123."""

_LONGEST_WHOLE = 18
"""Whole numbers of more digits may not fit 64 bits; as decimals, different ones would become equal."""

_CURRENCY = r"(?:(?:US|A|C|R)?\p{Sc}|%|‰|USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|BRL|ZAR|Rs\.?|kr\.?|zł)"
_MEASURE = (
    r"(?:[kmµcd]?[glm]|[kmc]?m[²³]|lbs?|oz|ft|in|mi|yd|mph|km/h|m/s|kmpl|[kMG]?W|[kMG]?Wh|hp|bhp|PS|cc|CC|rpm|[kmM]?V|m?A|m?Ah|[kMG]?Hz|"
    r"[kKMGT]i?B|[kMG]bps|°|°C|°F|°K|K|[hms]|ms|hrs?|min|mins|sec|yrs?|[kMB]|[kM]?Pa|bar|psi|bpm|px|dpi|pts?|pp|bps|kcal|[kM]?J|Nm|ppm)"
)
"""Units of measure that may stand right behind a number; behind a blank any word may."""
_BLANKS = " \u00a0\u202f"
_MINUS = "\u2212"
_APOSTROPHES = "'\u2019"
_BLANK = f"[{_BLANKS}]"
_NUMBER = (
    rf"^(?P<limit>(?:[<>]=?|[≤≥])?){_BLANK}?(?P<sign>[-+{_MINUS}]?){_BLANK}?(?P<before>{_CURRENCY}?){_BLANK}?(?P<minus>[-{_MINUS}]?)"
    r"(?P<digits>[\d.].*?)"
)
_PARTS = rf"{_NUMBER}{_BLANK}?(?P<after>{_CURRENCY}?)$"
_MEASURED = rf"{_NUMBER}(?P<after>{_MEASURE}|{_BLANK}[A-Za-zµ°²³/%]{{1,12}})$"
"""What a number of a measure looks like, which takes longer to tell and is tried where a first cell ends so."""
_ENDS_SO = re.compile(r".*[A-Za-zµ°²³]")
_THOUSANDS = {".": "," + _APOSTROPHES + _BLANKS, ",": "." + _APOSTROPHES + _BLANKS}
_MOST_LIMITS = 0.5
"""Where more of the cells are limits, such as <30 and >30, they are levels rather than numbers (our choice)."""
_MOST_NOTATIONS = 3
"""Notations in one column up to which these are said to be what keeps it from being numbers (our choice)."""
_INFINITE = r"^[-+]?(?i:inf|infinity)$"
_LOOKS_SO = re.compile(rf"[^-\d]{{0,5}}[-{_MINUS}]?[^-\d]{{0,5}}[\d.,{_APOSTROPHES}{_BLANKS}]+(?:[eE][-+]?\d+)?[^-\d]{{0,13}}")
"""What a first cell must look like for the others to be worth taking apart."""


class Notation(msgspec.Struct, frozen=True):
    """How the numbers of a column are written.

    Attributes:
        decimal: the decimal mark, "." or ","; thousands are then set apart by the other one, a blank or an apostrophe.
        unit: a currency or percent sign that every cell carries, or nothing.
        limits: whether cells may be limits, such as "<0.35" of what could not be measured, which are read as the limit.
        truth: whether cells are truth values, of which true counts as 1.
    """

    decimal: str = "."
    unit: str = ""
    limits: bool = False
    truth: bool = False


PLAIN, TRUTH = Notation(), Notation(truth=True)


class Numbers(NamedTuple):
    """A column read as numbers: the values, how they were written, and what to say about it."""

    values: pa.ChunkedArray
    notation: Notation
    remark: str = ""


def find_numbers(text: pa.ChunkedArray, *, decimal_comma: bool = False, doubtful_point: bool = False) -> Numbers | None:
    """The numbers of a column of text and how they are written, or None if some cell is no number.

    Args:
        text: cells without surrounding blanks.
        decimal_comma: what the rest of the file suggests for cells such as 1,234 or 1.234, which could be either.
        doubtful_point: whether 1.234 in all cells deserves a remark, as in files of semicolons: often it is a thousand there.
    """
    plain = _cast(text)
    if plain is not None and not (decimal_comma and _all_match(text, rf"^[-+]?{_digits_pattern(',')[1:]}")):
        doubtful = doubtful_point and _all_match(text, r"^[-+]?[1-9]\d{0,2}(\.\d{3})?$") and _any_match(text, r"\.")
        return Numbers(plain, PLAIN, _remark(text, plain, ambiguous=True) if doubtful else "")
    parts = _parts(_signed(text))
    if parts is None:
        return None
    units = pc.unique(pc.binary_join_element_wise(parts.field("before"), parts.field("after"), "")).drop_null().to_pylist()
    if len(units) != 1:
        return None
    digits = pa.chunked_array([parts.field("digits")])
    fits = [mark for mark in ".," if _all_match(digits, _digits_pattern(mark))]
    if not fits:
        return None
    either = len(fits) == 2 and _any_match(digits, r"[.,]")
    n_limits = pc.sum(pc.cast(pc.not_equal(parts.field("limit"), ""), pa.int64())).as_py() or 0
    if n_limits > _MOST_LIMITS * (len(text) - text.null_count):
        return None
    notation = Notation("," if decimal_comma and "," in fits else fits[0], units[0], n_limits > 0)
    values = read_numbers(text, notation)
    return None if values is None else Numbers(values, notation, _remark(text, values, ambiguous=either))


def read_numbers(text: pa.ChunkedArray, notation: Notation) -> pa.ChunkedArray | None:
    """The numbers written in a notation, float64, or None if some cell is not written so."""
    if notation.truth:
        try:
            return pc.cast(pc.cast(text, pa.bool_()), pa.float64())
        except pa.ArrowInvalid:
            return None
    if notation == PLAIN and (plain := _cast(text)) is not None:
        return plain
    infinite = pc.match_substring_regex(text, _INFINITE) if notation.unit == "" else None
    if infinite is not None and pc.any(infinite).as_py():  # as alone, so among others
        written_out = read_numbers(pc.if_else(infinite, pa.scalar(None, pa.string()), text), notation)
        infinities = _cast(pc.if_else(infinite, text, pa.scalar(None, pa.string())))
        return None if written_out is None or infinities is None else pc.coalesce(infinities, written_out)
    if text.null_count == len(text):
        return pa.chunked_array([pa.nulls(len(text), pa.float64())])
    text = _signed(text)
    parts = _parts(text)
    if parts is None or (not notation.limits and pc.any(pc.not_equal(parts.field("limit"), "")).as_py()):
        return None
    units = pc.binary_join_element_wise(parts.field("before"), parts.field("after"), "")
    digits = pa.chunked_array([parts.field("digits")])
    same_unit = pc.all(pc.equal(units, notation.unit)).as_py() is not False
    signs = pc.binary_join_element_wise(parts.field("sign"), parts.field("minus"), "")
    one_sign = (pc.max(pc.utf8_length(signs)).as_py() or 0) <= 1
    if not same_unit or not one_sign or not _all_match(digits, _digits_pattern(notation.decimal)):
        return None
    bare = pc.replace_substring_regex(digits, f"[{_THOUSANDS[notation.decimal]}]", "")
    minus = pc.if_else(pc.is_in(signs, pa.array(["-", _MINUS])), "-", "")
    return _cast(pc.binary_join_element_wise(minus, pc.replace_substring(bare, notation.decimal, "."), ""))


def is_plain_number(cell: str) -> bool:
    """Whether a cell is a number with a decimal point or comma.

    Example:
        >>> is_plain_number("-1.5e3"), is_plain_number("x1")
        (True, False)
    """
    return re.fullmatch(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?", cell) is not None


def _cast(text: pa.ChunkedArray) -> pa.ChunkedArray | None:
    try:
        return pc.cast(text, pa.float64())
    except pa.ArrowInvalid:
        return None


def describe_notation(notation: Notation) -> str:
    """A notation in words, for messages.

    Example:
        >>> describe_notation(Notation(",", "€"))
        "with decimal comma and '€'"
    """
    if notation.truth:
        return "written as true or false"
    return f"with decimal {'comma' if notation.decimal == ',' else 'point'}" + (f" and '{notation.unit}'" if notation.unit else "")


def describe_notations(text: pa.ChunkedArray) -> str:
    """A remark about cells that are all numbers, but in several notations, each with its first cell; empty of other cells.

    Example:
        >>> describe_notations(pa.chunked_array([["83", "$41", "77"]]))
        "numbers, but not in one notation: 2 without a unit (first: row 1, '83'), 1 with '$' (first: row 2, '$41'); write all alike"
    """
    if not _all_match(text[:100], _PARTS) or text.null_count == len(text):  # most columns of words end here
        return ""
    parts = pc.extract_regex(_signed(text), _PARTS)
    if parts.null_count != text.null_count:
        return ""
    digits = pc.struct_field(parts, "digits")
    marks = [pc.fill_null(pc.match_substring_regex(digits, _digits_pattern(mark)), False) for mark in ".,"]
    if not pc.all(pc.or_(pc.or_(*marks), pc.is_null(text))).as_py():
        return ""
    cells = text.to_pylist()
    units = pc.binary_join_element_wise(pc.struct_field(parts, "before"), pc.struct_field(parts, "after"), "").to_pylist()
    sorts = [f"with '{unit}'" if unit else "without a unit" for unit in units]
    if len({sort for sort, cell in zip(sorts, cells, strict=True) if cell is not None}) == 1:
        point, comma = (mark.to_pylist() for mark in marks)
        sorts = ["with decimal point" * a + "with decimal comma" * b if a != b else "" for a, b in zip(point, comma, strict=True)]
    present = [(row, sort, cell) for row, (sort, cell) in enumerate(zip(sorts, cells, strict=True), 1) if cell is not None and sort]
    counts = Counter(sort for _, sort, _ in present)
    first = {sort: (row, cell) for row, sort, cell in reversed(present)}
    if not 1 < len(counts) <= _MOST_NOTATIONS:
        return ""
    named = [f"{n:,} {sort} (first: row {first[sort][0]}, '{abridged(first[sort][1], 40)}')" for sort, n in counts.most_common()]
    return f"numbers, but not in one notation: {', '.join(named)}; write all alike"


def are_labels(text: pa.ChunkedArray) -> bool:
    """Whether a column of whole numbers holds labels: with leading zeros, or longer than 64 bits hold."""
    zero_first = pc.starts_with(text, "0")
    if pc.any(zero_first).as_py() and _any_match(text, LEADING_ZERO):
        return True
    longest = pc.max(pc.utf8_length(text)).as_py() or 0
    if longest <= _LONGEST_WHOLE or not _all_match(text, r"^[-+]?\d+$"):
        return False
    try:
        pc.cast(text, pa.int64())
    except pa.ArrowInvalid:
        return True
    return False


def _signed(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells with a minus in front where accountants write parentheses around a number, or a minus behind it."""
    if not pc.any(pc.match_substring_regex(text, r"^\(|\d-$")).as_py():
        return text
    return pc.replace_substring_regex(pc.replace_substring_regex(text, r"^\(([^-()]*\d[^()]*)\)$", r"-\1"), r"^(\d[^-]*)-$", r"-\1")


def _parts(text: pa.ChunkedArray) -> pa.StructArray | None:
    """Sign, unit and digits of every cell, null where missing; None if some cell is built otherwise."""
    first = text.drop_null()[:1].to_pylist()
    if not first or not _LOOKS_SO.fullmatch(first[0]):
        return None
    for pattern in (*([_MEASURED] if _ENDS_SO.fullmatch(first[0]) else []), _PARTS):
        matched = pc.extract_regex(text, pattern)
        if matched.null_count == text.null_count:
            break
    else:
        return None
    parts = pa.concat_arrays(matched.chunks) if matched.num_chunks else pa.array([], matched.type)
    # A struct's fields do not inherit its nulls, which the checks below rely on.
    fields = {name: pc.struct_field(parts, name) for name in ("limit", "sign", "before", "minus", "digits", "after")}
    fields["after"] = pc.utf8_trim_whitespace(fields["after"])
    return pa.StructArray.from_arrays([*fields.values()], [*fields])


def _digits_pattern(decimal: str) -> str:
    """Digits with an optional fraction, either all together or in groups of three of which the first has no leading zero."""
    mark = re.escape(decimal)
    groups = "|".join(rf"[1-9]\d{{0,2}}(?:{re.escape(blank)}\d{{3}})+" for blank in _THOUSANDS[decimal])
    groups += r"|[1-9]\d?(?:,\d{2})+,\d{3}" if decimal == "." else ""  # lakh and crore
    return rf"^(?:(?:\d+|{groups})(?:{mark}\d*)?|{mark}\d+)(?:[eE][-+]?\d+)?$"


def _all_match(text: pa.ChunkedArray, pattern: str) -> bool:
    return pc.all(pc.match_substring_regex(text, pattern)).as_py() is not False


def _any_match(text: pa.ChunkedArray, pattern: str) -> bool:
    return pc.any(pc.match_substring_regex(text, pattern)).as_py() is True


def _remark(text: pa.ChunkedArray, values: pa.ChunkedArray, *, ambiguous: bool) -> str:
    """What a cell that shows the notation was read as."""
    shown = pc.index(pc.match_substring_regex(text, r"\d[.,]\d" if ambiguous else r"[^-+\d]"), True).as_py()
    if shown < 0:
        return ""
    example = f"'{text[shown].as_py()}' is read as {values[shown].as_py():.15g}"
    limits = pc.match_substring_regex(text, "^[<>≤≥]")
    if n_limits := pc.sum(pc.cast(limits, pa.int64())).as_py():
        place = pc.index(limits, True).as_py()
        cells = "1 cell is a limit" if n_limits == 1 else f"{n_limits:,} cells are limits"
        return f"{cells}, read as that number: '{text[place].as_py()}' as {values[place].as_py():.15g}"
    if not ambiguous:
        return example
    value = values[shown].as_py()
    other = value / 1000 if value == int(value) and abs(value) >= 1000 else value * 1000
    return f"{example}, which could also be {other:.15g}: no cell of the column decides; if it is, write {other:.15g} in the file"
