"""How numbers and dates are written in text: found once for a whole column, kept, and used on every later table.

`find_notation` and `read_numbers` are for numbers, `find_time_format` and `read_times` for dates. A column has one
notation or none: where a cell could be read in two ways, the other cells of its column decide.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

LEADING_ZERO = r"^[-+]?0\d+$"
"""Whole numbers such as 00123 are labels (zip codes, article numbers): read as numbers they would equal 123."""

_LONGEST_WHOLE = 18
"""Whole numbers of more digits may not fit 64 bits; as decimals, different ones would become equal."""

_UNIT = r"(?:\p{Sc}|%|‰|USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|BRL|ZAR)"
_BLANKS = " \u00a0\u202f"
_MINUS = "\u2212"
_APOSTROPHES = "'\u2019"
_BLANK = f"[{_BLANKS}]"
_PARTS = (
    rf"^(?P<sign>[-+{_MINUS}]?){_BLANK}?(?P<before>{_UNIT}?){_BLANK}?(?P<minus>[-{_MINUS}]?)"
    rf"(?P<digits>[\d.].*?){_BLANK}?(?P<after>{_UNIT}?)$"
)
_THOUSANDS = {".": "," + _APOSTROPHES + _BLANKS, ",": "." + _APOSTROPHES + _BLANKS}
_LOOKS_SO = re.compile(rf"[^-\d]{{0,5}}[-{_MINUS}]?[^-\d]{{0,5}}[\d.,{_APOSTROPHES}{_BLANKS}]+(?:[eE][-+]?\d+)?[^-\d]{{0,5}}")
"""What a first cell must look like for the others to be worth taking apart."""


class Notation(msgspec.Struct, frozen=True):
    """How the numbers of a column are written.

    Attributes:
        decimal: the decimal mark, "." or ","; thousands are then set apart by the other one, a blank or an apostrophe.
        unit: a currency or percent sign that every cell carries, or nothing.
    """

    decimal: str = "."
    unit: str = ""


PLAIN = Notation()


class Numbers(NamedTuple):
    """A column read as numbers: the values, how they were written, and what to say about it."""

    values: pa.ChunkedArray
    notation: Notation
    remark: str = ""


def find_numbers(text: pa.ChunkedArray, *, decimal_comma: bool = False) -> Numbers | None:
    """The numbers of a column of text and how they are written, or None if some cell is no number.

    Args:
        text: cells without surrounding blanks.
        decimal_comma: what the rest of the file suggests for cells such as 1,234 or 1.234, which could be either.
    """
    plain = _cast(text)
    if plain is not None and not (decimal_comma and _only_groups(text)):
        return Numbers(plain, PLAIN)
    parts = _parts(text)
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
    notation = Notation("," if decimal_comma and either else fits[0], units[0])
    values = read_numbers(text, notation)
    assert values is not None
    return Numbers(values, notation, _remark(text, values, ambiguous=either))


def read_numbers(text: pa.ChunkedArray, notation: Notation) -> pa.ChunkedArray | None:
    """The numbers written in a notation, float64, or None if some cell is not written so."""
    plain = _cast(text) if notation == PLAIN else None
    parts = _parts(text) if plain is None else None
    if parts is None:
        return plain
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
    return f"with decimal {'comma' if notation.decimal == ',' else 'point'}" + (f" and '{notation.unit}'" if notation.unit else "")


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


def _parts(text: pa.ChunkedArray) -> pa.StructArray | None:
    """Sign, unit and digits of every cell, null where missing; None if some cell is built otherwise."""
    first = text.drop_null()[:1].to_pylist()
    if not first or not _LOOKS_SO.fullmatch(first[0]):
        return None
    matched = pc.extract_regex(text, _PARTS)
    parts = pa.concat_arrays(matched.chunks) if matched.num_chunks else pa.array([], matched.type)
    if parts.null_count != text.null_count:
        return None
    # A struct's fields do not inherit its nulls, which the checks below rely on.
    fields = {name: pc.struct_field(parts, name) for name in ("sign", "before", "minus", "digits", "after")}
    return pa.StructArray.from_arrays([*fields.values()], [*fields])


def _digits_pattern(decimal: str) -> str:
    """Digits with an optional fraction, either all together or in groups of three of which the first has no leading zero."""
    mark = re.escape(decimal)
    groups = "|".join(rf"[1-9]\d{{0,2}}(?:{re.escape(blank)}\d{{3}})+" for blank in _THOUSANDS[decimal])
    return rf"^(?:(?:\d+|{groups})(?:{mark}\d*)?|{mark}\d+)(?:[eE][-+]?\d+)?$"


def _only_groups(text: pa.ChunkedArray) -> bool:
    """Whether points stand only where they could set thousands apart, and do so somewhere."""
    return _any_match(text, r"\.") and _all_match(text, r"^[-+]?(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+)$")


def _all_match(text: pa.ChunkedArray, pattern: str) -> bool:
    return pc.all(pc.match_substring_regex(text, pattern)).as_py() is not False


def _any_match(text: pa.ChunkedArray, pattern: str) -> bool:
    return pc.any(pc.match_substring_regex(text, pattern)).as_py() is True


def _remark(text: pa.ChunkedArray, values: pa.ChunkedArray, *, ambiguous: bool) -> str:
    """What a cell that shows the notation was read as."""
    shown = pc.index(pc.match_substring_regex(text, r"[^-+\d]"), True).as_py()
    example = f"'{text[shown].as_py()}' is read as {values[shown].as_py():.15g}"
    return f"{example}, which could also be otherwise: no cell of the column decides" if ambiguous else example


# Dates

_ISO = {"iso": None, "iso with zone": "UTC"}
_PARTS_OF_DATE = {"%Y": r"(?P<year>\d{4})", "%m": r"(?P<month>\d{1,2})", "%d": r"(?P<day>\d{1,2})"}
_TIME = r"(?:[ T](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d{1,6})?))?(?: ?(?P<half>[AaPp][Mm]))?)?"
_DATE_FORMATS = ("%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
"""Orders tried after ISO 8601, days before months; each may be followed by a time of day."""
_OTHER_ORDER = {"%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y"}
_ORDER_IN_WORDS = {"%d": "day before month", "%m": "month before day"}


def find_time_format(text: pa.ChunkedArray) -> str | None:
    """How the dates of a text column are written: "iso", "iso with zone" or an order such as "%d/%m/%Y"; None if it holds no dates.

    Where day and month could be either, the first order that reads every cell is taken; days before months.
    """
    first = next((cell.as_py() for cell in text if cell.is_valid), None)
    if first is None:
        return "iso"
    if not re.match(r"\d{1,4}[-/.]\d{1,2}[-/.]\d", first):
        return None
    return next((style for style in (*_ISO, *_DATE_FORMATS) if read_times(text, style) is not None), None)


def describe_time_format(text: pa.ChunkedArray, time_format: str) -> str:
    """The order in which dates were read, in words, and whether the cells prove it."""
    other = _OTHER_ORDER.get(time_format)
    order = _ORDER_IN_WORDS.get(time_format[:2], "")
    if other and read_times(text, other) is not None:
        return f"{order}, though every cell could be {_ORDER_IN_WORDS[other[:2]]} too"
    return order


def read_times(text: pa.ChunkedArray, time_format: str) -> pa.ChunkedArray | None:
    """The moments written in a text column, or None if some cell is not of that format."""
    if time_format not in _ISO:
        text = _as_iso(text, time_format)
    if text is None:
        return None
    try:
        return pc.cast(text, pa.timestamp("us", _ISO.get(time_format)))
    except pa.ArrowInvalid:
        return None


def _as_iso(text: pa.ChunkedArray, time_format: str) -> pa.ChunkedArray | None:
    """Dates of another order rewritten as ISO 8601, whose reader refuses the 31st of February; None if a cell is written otherwise."""
    pattern = re.escape(time_format)
    for part, expression in _PARTS_OF_DATE.items():
        pattern = pattern.replace(part, expression)
    matched = pc.extract_regex(text, f"^{pattern}{_TIME}$")
    if matched.null_count != text.null_count:
        return None
    parts = {name: pc.struct_field(matched, name) for name in ("year", "month", "day", "hour", "minute", "second", "half")}
    for name in ("month", "day", "hour", "minute"):
        parts[name] = pc.utf8_lpad(parts[name], 2, "0")
    hour = _to_24_hours(parts["hour"], pc.utf8_lower(parts["half"]))
    second = pc.if_else(pc.equal(parts["second"], ""), "00", parts["second"])
    date = pc.binary_join_element_wise(parts["year"], parts["month"], parts["day"], "-")
    return pc.binary_join_element_wise(date, pc.binary_join_element_wise(hour, parts["minute"], second, ":"), " ")


def _to_24_hours(hour: pa.ChunkedArray, half: pa.ChunkedArray) -> pa.ChunkedArray:
    """Hours of two digits, from those of the morning and the afternoon; an impossible hour becomes one that cannot be read."""
    if not pc.any(pc.not_equal(half, "")).as_py():
        return hour
    number = pc.cast(hour, pa.int64())
    possible = pc.or_(pc.equal(half, ""), pc.and_(pc.greater(number, 0), pc.less(number, 13)))
    twelve = pc.and_(pc.not_equal(half, ""), pc.equal(number, 12))
    number = pc.subtract(number, pc.if_else(twelve, 12, 0))
    number = pc.add(number, pc.if_else(pc.equal(half, "pm"), 12, 0))
    return pc.utf8_lpad(pc.cast(pc.if_else(possible, number, 99), pa.string()), 2, "0")
