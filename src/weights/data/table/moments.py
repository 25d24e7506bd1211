"""How dates and times are written in text: found once for a whole column by `find_time_format`, kept, and used on every later table.

A column has one format or none. `read_times` reads cells that are all of one format, `read_moments` those of several that cannot be
mistaken for each other, so that what a cell is read as depends on that cell alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

UNMISTAKABLE = ("iso", "iso with zone")
"""Formats of which no other can be meant: year, month and day (ISO 8601), with a time or without."""
TIME_OF_DAY, DURATION = "time of day", "duration"

_TIME_OF_DAY = r"^\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?$"
_DURATION = r"^(?:(?P<days>-?\d+) days?,? ?\+?)?(?P<sign>-?)(?P<hours>\d{1,5}):(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d(?:\.\d+)?))?$"
_ISO = r"^\d{4}-\d{2}-\d{2}(?:[ T]\d{2}(?::?\d{2}(?::?\d{2}(?:\.\d+)?)?)?)?"
_PATTERNS = {"iso": f"{_ISO}$", "iso with zone": rf"{_ISO}(?:Z|[-+]\d{{2}}(?::?\d{{2}})?)$", TIME_OF_DAY: _TIME_OF_DAY, DURATION: _DURATION}

_ZONES = {
    **dict.fromkeys(("Z", "UT", "UTC", "GMT", "WET"), 0),
    **{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7},
    **{"BST": 1, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3},
}
"""Hours that the names of zones are ahead of UTC: those of RFC 2822, section 4.3, and of Europe."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|(?:Nov|Dec)(?:ember)?"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d+)?))?(?: ?(?P<half>[AaPp]\.?[Mm]\.?))?"
_ZONE = rf" ?(?:(?P<zone>{'|'.join(_ZONES)})?(?P<ahead>[-+]\d{{1,2}}(?::?\d{{2}})?)?(?: ?[(\[][^)\]]*[)\]])?)"
_TIME = rf"(?:(?:,? (?:at )?|T){_CLOCK}{_ZONE})?"
_PARTS = {
    "%Y": r"(?P<year>\d{4})",
    "%m": r"(?P<month>\d{1,2})",
    "%d": r"(?P<day>\d{1,2})",
    "%b": rf"(?P<month>(?i:{_MONTH}))\.?",
    "%a": r"(?i:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?)",
    "%q": r"Q(?P<quarter>[1-4])",
    "%T": rf"{_CLOCK}{_ZONE}",
}
_ORDERS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
_MONTHLY = ("%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%b-%Y", "%Y-%b", "%Y%q", "%Y-%q", "%Y %q", "%q %Y")
"""Months and quarters, which are read as the day they begin."""
_NAMED = ("%d-%b-%Y", "%d %b %Y", "%d/%b/%Y", "%b %d, %Y", "%b %d %Y", "%Y-%b-%d", "%a, %d %b %Y", "%a %b %d %Y", "%a, %b %d, %Y")
_TIME_WITHIN = ("%a %b %d %T %Y", "%d/%b/%Y:%T")
"""Orders tried after ISO 8601, days before months; each but the last may be followed by a time of day, and that by a zone."""
_OTHER_ORDER = {"%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y"}
_ORDER_IN_WORDS = {"%d": "day before month", "%m": "month before day"}
_LIKE_A_MOMENT = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d|\d{1,4}[-/ ][A-Za-z]{3}|-?\d{1,5}:\d\d|-?\d+ days?|[A-Za-z]{3,9}\.?,?[- ](?:[A-Za-z]{3,9}\.? )?\d|"
    r"\d{4}[-/]\d{1,2}$|\d{1,2}/\d{4}$|\d{4}[- ]?Q|Q\d"
)


def find_time_format(text: pa.ChunkedArray) -> str | None:
    """How the dates of a text column are written: "iso", "iso with zone", "time of day" or an order such as "%d/%m/%Y".

    None if it holds none. Where day and month could be either, the first order that reads every cell is taken; days before months.
    """
    first = next((cell.as_py() for cell in text if cell.is_valid), None)
    if first is None:
        return "iso"
    if not _LIKE_A_MOMENT.match(first):
        return None
    styles = (*_PATTERNS, *_ORDERS, *_NAMED, *_TIME_WITHIN, *_MONTHLY)
    return next((style for style in styles if read_times(text, style) is not None), None)


def format_of_type(kind: pa.DataType) -> str | None:
    """What moments of a type are called, where they are no dates; None where they are."""
    return TIME_OF_DAY if pa.types.is_time(kind) else DURATION if pa.types.is_duration(kind) else None


def find_unmistakable(text: pa.ChunkedArray, time_format: str | None) -> tuple[str, ...]:
    """The formats in which cells may be written where those of training were of this one: those that cannot be taken for it.

    Where nothing is known of training, the cells decide; but not between two orders of day and month.
    """
    if time_format in (TIME_OF_DAY, DURATION):
        return (time_format,)
    found = find_time_format(text) if time_format is None else time_format
    sure = found is not None and (time_format is not None or other_order(text, found) is None)
    return tuple(dict.fromkeys([*([found] if found and sure else []), *UNMISTAKABLE, *([TIME_OF_DAY] if time_format is None else [])]))


def other_order(text: pa.ChunkedArray, time_format: str) -> str | None:
    """The order of day and month in which every cell could be read as well; None if there is none."""
    other = _OTHER_ORDER.get(time_format)
    return other if other and read_times(text, other) is not None else None


def describe_time_format(text: pa.ChunkedArray, time_format: str) -> str:
    """The order in which dates were read, in words, and whether the cells prove it."""
    if "%m" not in time_format:
        return ""  # months have names
    order, other = _ORDER_IN_WORDS.get(time_format[:2], ""), other_order(text, time_format)
    return f"{order}, though every cell could be {_ORDER_IN_WORDS[other[:2]]} too" if other else order


def read_times(text: pa.ChunkedArray, time_format: str) -> pa.ChunkedArray | None:
    """The moments written in a text column, or None if some cell is not of that format.

    A time of day is one of 1970-01-01, and a duration begins there.

    They are in UTC where cells say a zone; with and without one are two formats.
    """
    pattern = _PATTERNS.get(time_format)
    zoned = time_format == "iso with zone"
    if pattern is None:
        rewritten = _as_iso(text, time_format)
        if rewritten is None:
            return None
        text, zoned = rewritten
    elif pc.all(pc.match_substring_regex(text, pattern)).as_py() is False:
        return None
    if time_format == DURATION:
        return _durations(text)
    if time_format == TIME_OF_DAY:
        text = pc.binary_join_element_wise("1970-01-01", _clock(pc.extract_regex(text, f"^{_CLOCK}$")), " ")
    try:
        # Of fractions of a second microseconds are kept.
        return pc.cast(pc.replace_substring_regex(text, r"(\.\d{6})\d+", r"\1"), pa.timestamp("us", "UTC" if zoned else None))
    except pa.ArrowInvalid:
        return None


def read_moments(text: pa.ChunkedArray, formats: Sequence[str]) -> pa.ChunkedArray | None:
    """The moments of a text column, without zone, each read in the first of these formats that its cell is of; None if one is of none."""
    values = pa.chunked_array([pa.nulls(len(text), pa.timestamp("us"))])
    for style in formats:
        waiting = pc.and_(pc.is_null(values), pc.is_valid(text))
        if not pc.any(waiting).as_py():
            break
        here = pc.and_(waiting, pc.fill_null(pc.match_substring_regex(text, pattern_of(style)), False))
        times = read_times(pc.if_else(here, text, pa.scalar(None, pa.string())), style)
        if times is None:
            return None
        values = pc.coalesce(values, pc.cast(times, pa.timestamp("us")))
    return values if values.null_count == text.null_count else None


def pattern_of(time_format: str) -> str:
    """A regular expression for the cells of a format."""
    if time_format in _PATTERNS:
        return _PATTERNS[time_format]
    pattern = re.escape(time_format).replace(r"\ ", " ")
    for part, expression in _PARTS.items():
        pattern = pattern.replace(part, expression)
    return f"^{pattern}{'' if '%T' in time_format else _TIME}$"


def _as_iso(text: pa.ChunkedArray, time_format: str) -> tuple[pa.ChunkedArray, bool] | None:
    """Dates of another order rewritten as ISO 8601, whose reader refuses the 31st of February, and whether they say a zone.

    None if a cell is written otherwise, or some but not all say one.
    """
    matched = pc.extract_regex(text, pattern_of(time_format))
    if matched.null_count != text.null_count:
        return None
    parts = {field.name: pc.struct_field(matched, field.name) for field in matched.type}
    if "quarter" in parts:
        parts["month"] = pc.take(pa.array(["1", "4", "7", "10"]), pc.subtract(pc.cast(parts["quarter"], pa.int8()), 1))
    parts.setdefault("day", pc.if_else(pc.is_valid(parts["year"]), "01", None))
    parts["month"] = pc.utf8_lower(pc.utf8_slice_codeunits(parts["month"], 0, 3))
    for number, name in enumerate(_MONTHS, 1):
        parts["month"] = pc.replace_substring(parts["month"], name, str(number)) if "%b" in time_format else parts["month"]
    for name in ("month", "day"):
        parts[name] = pc.utf8_lpad(parts[name], 2, "0")
    date = pc.binary_join_element_wise(parts["year"], parts["month"], parts["day"], "-")
    moments = pc.binary_join_element_wise(date, _clock(matched), " ")
    says_zone = pc.not_equal(pc.binary_join_element_wise(parts["zone"], parts["ahead"], ""), "")
    if not pc.any(says_zone).as_py():
        return moments, False
    if not pc.all(says_zone).as_py():
        return None
    return pc.binary_join_element_wise(moments, _offset(parts["zone"], parts["ahead"]), ""), True


def _clock(matched: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times of day as ``hh:mm:ss``, from what was matched of `_CLOCK`."""
    hour, minute, second, half = (pc.struct_field(matched, name) for name in ("hour", "minute", "second", "half"))
    hour = _to_24_hours(pc.utf8_lpad(hour, 2, "0"), pc.utf8_lower(pc.replace_substring(half, ".", "")))
    return pc.binary_join_element_wise(hour, pc.utf8_lpad(minute, 2, "0"), pc.if_else(pc.equal(second, ""), "00", second), ":")


def _durations(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Days, hours, minutes and seconds behind 1970-01-01."""
    matched = pc.extract_regex(text, _DURATION)

    def number(name: str) -> pa.ChunkedArray:
        digits = pc.struct_field(matched, name)
        return pc.cast(pc.if_else(pc.equal(digits, ""), "0", digits), pa.float64())

    clock = pc.add(pc.add(pc.multiply(number("hours"), 3600.0), pc.multiply(number("minutes"), 60.0)), number("seconds"))
    clock = pc.if_else(pc.equal(pc.struct_field(matched, "sign"), "-"), pc.negate(clock), clock)
    microseconds = pc.round(pc.multiply(pc.add(pc.multiply(number("days"), 86400.0), clock), 1e6))
    return pc.cast(pc.cast(microseconds, pa.int64()), pa.timestamp("us"))


def describe_time(seconds: float, time_format: str | None) -> str:
    """A time of day or a duration of so many seconds as it is written; empty for other moments.

    Example:
        >>> describe_time(5400.0, TIME_OF_DAY), describe_time(100000.0, DURATION)
        ('01:30', '27:46:40')
    """
    if time_format not in (TIME_OF_DAY, DURATION):
        return ""
    whole = abs(round(seconds))
    clock = f"{'-' if seconds < 0 else ''}{whole // 3600:02}:{whole // 60 % 60:02}"
    return clock + (f":{whole % 60:02}" if whole % 60 else "")


def _offset(zone: pa.ChunkedArray, ahead: pa.ChunkedArray) -> pa.ChunkedArray:
    """How far each cell's zone is ahead of UTC, as ``+hh:mm``, from its name or from what follows it."""
    named = pa.array([f"{hours:+03d}:00" for hours in _ZONES.values()])
    from_name = pc.take(named, pc.index_in(zone, pa.array([*_ZONES])))
    padded = pc.replace_substring_regex(ahead, r"^([-+])(\d)(:|$)", r"\10\2\3")
    digits = pc.replace_substring(padded, ":", "")
    minutes = pc.utf8_rpad(pc.utf8_slice_codeunits(digits, 3, 5), 2, "0")
    ahead_of_utc = pc.binary_join_element_wise(pc.utf8_slice_codeunits(digits, 0, 3), minutes, ":")
    return pc.if_else(pc.equal(ahead, ""), from_name, ahead_of_utc)


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
