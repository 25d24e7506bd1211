"""One series or several, on one calendar: `read_panel` takes a long table and gives a `Panel`.

A table holds a row for each moment of a series; a column says which series, if there are several, and any number of columns is what is to
be forecast. On the calendar every moment between the first and the last of a series has its place, and what did not come is missing there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.roles import check_claims
from weights.data.series.calendar import Calendar, Even, continue_calendar, find_calendar, show_moment, undo_clock_changes
from weights.data.table.columns import find_kind, is_number, to_levels, to_numbers, to_seconds
from weights.errors import DataError, UsageError, counted
from weights.types import BoolArray, FloatArray, IntArray

_MOST_PLACES_A_ROW, _PLACES_FREE = 20, 100_000
"""Places on the calendar that there may be for each row, beside so many in all: a moment far from all others is an error (our choice)."""
_MOST_REPEATED = 0.1
"""Share of rows that may repeat a moment of their series; of more, the series were not told apart (our choice)."""
LARGEST = 1e100
"""Of values, so that they can be squared and summed."""
_NEVER_SET: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Panel:
    """S series of C columns on one calendar, one behind the other.

    Attributes:
        calendar: which moments there are.
        labels: what the series are called, length S; one empty text where no column says.
        columns: what is measured, length C.
        begins: the number of the first moment of each series, shape (S,).
        offsets: where each series begins in `values`, and where the last one ends, shape (S + 1,).
        values: of all series, float64, shape (T, C); NaN where there is none.
        rows: the row of the table that each place came from, shape (T,); -1 where there was none.
        remarks: sentences about what was left out or repaired.
    """

    calendar: Calendar
    labels: Sequence[str]
    columns: Sequence[str]
    begins: IntArray
    offsets: IntArray
    values: FloatArray
    rows: IntArray
    remarks: Sequence[str] = ()

    def __len__(self) -> int:
        """The number of series."""
        return len(self.labels)

    def series(self, s: int) -> FloatArray:
        """The values of a series, shape (t, C)."""
        return self.values[self.offsets[s] : self.offsets[s + 1]]

    def moments(self, s: int) -> FloatArray:
        """The moments of a series, shape (t,): seconds since 1970-01-01, or numbers."""
        return self.calendar.moments(self.begins[s] + np.arange(self.offsets[s + 1] - self.offsets[s]))


def read_panel(
    table: pa.Table, targets: Sequence[str], *, time: str | None = None, series: str | None = None, calendar: Calendar | None = None
) -> Panel:
    """The series of a table.

    Args:
        table: rows in any order.
        targets: the columns to forecast, numbers.
        time: the column of moments: dates, times or numbers; without, rows are steps.
        series: the column that says which series a row is of; without, all are of one.
        calendar: that of earlier rows, which these go on with; found in the rows if not given.

    Raises:
        NotFoundError: a column does not exist.
        UsageError: no column is to be forecast, or one has two roles.
        DataError: cells cannot be read, a series has less than two moments, or moments follow no calendar.

    Example:
        >>> table = pa.table({"day": ["2024-01-01", "2024-01-02", "2024-01-04"], "sold": [3, 4, 6]})
        >>> panel = read_panel(table, ["sold"], time="day")
        >>> panel.calendar.name, panel.series(0)[:, 0]
        ('daily', array([ 3.,  4., nan,  6.]))
    """
    _check_columns(table, targets, time, series)
    values = np.stack([_finite(to_numbers(table[name], name), name) for name in targets], axis=1)
    codes, labels = (np.zeros(table.num_rows, np.int64), [""]) if series is None else to_levels(table[series])
    table, remarks = _take_local_time(table, time)
    moments, numbered = _read_moments(table, time, codes)
    kept = np.flatnonzero((codes >= 0) & ~np.isnan(moments))
    if n_lost := table.num_rows - len(kept):
        remarks.append(counted(n_lost, "row has no moment or no series, and is", "rows have no moment or no series, and are") + " left out")
    if not len(kept):
        raise DataError("Rows with a moment and a series were needed, but there are none. Name other columns with --time and --series.")
    moments, codes = moments[kept], codes[kept]
    name = time or "the rows"
    shown, clock = moments, _NEVER_SET
    if not numbered:
        moments, clock = _undo_clock_changes(moments, codes)
    if calendar is None:
        calendar = find_calendar(moments, codes, name=name, numbered=numbered)
    else:
        moments, clock = moments - calendar.ahead, _NEVER_SET
        calendar = continue_calendar(calendar, moments, codes, name=name, numbered=numbered)
    numbers = calendar.number(moments)
    if clock and isinstance(calendar, Even):
        calendar = _with_clock(calendar, clock)
        times = "once" if len(clock) == 1 else f"{len(clock)} times"
        remarks.append(f"clocks were set {times}, so that hours are counted as they passed, not as clocks show them")
    by_series = np.argsort(codes, kind="stable")
    if ((np.diff(numbers[by_series]) < 0) & (np.diff(codes[by_series]) == 0)).any():
        remarks.append("rows were put in the order of time")
    order = np.lexsort((kept, numbers, codes))  # of equal moments the last row of the table stands last
    numbers, codes, kept, shown = numbers[order], codes[order], kept[order], shown[order]
    last = np.append((np.diff(numbers) != 0) | (np.diff(codes) != 0), True)
    remarks += _judge_repeats(values, kept, last, shown, series, numbered)
    begins, offsets = _spans(codes[last], numbers[last], len(labels), name)
    came = Panel(calendar, labels, targets, begins, offsets, values, kept[last], remarks)
    return _place(came, numbers[last], codes[last])


def _check_columns(table: pa.Table, targets: Sequence[str], time: str | None, series: str | None) -> None:
    """Refuse columns that are not there, or have two roles.

    Raises:
        NotFoundError, UsageError: as `read_panel`.
    """
    if not targets:
        raise UsageError("The column to forecast was not named. Name it with --target; several may be named.")
    if len({*targets}) < len(targets):
        raise UsageError(f"Columns must be named once, but {', '.join(targets)} were. Name each with --target or --known once.")
    steering = {role: [name] for role, name in (("time", time), ("series", series)) if name is not None}
    check_claims(table.column_names, {"target": targets, **steering}, "The table", article="the ")
    for name in targets:
        if find_kind(table[name], name).kind == "datetime":
            raise DataError(f"A column to forecast, or known beforehand, must hold numbers, but '{name}' holds dates. Name another column.")


def _finite(values: FloatArray, name: str) -> FloatArray:
    """The values, if they are of a size that can be squared and summed.

    Raises:
        DataError: one is not.
    """
    large = np.abs(values) > LARGEST
    if large.any():
        row = int(np.argmax(large))
        raise DataError(f"Values between -1e100 and 1e100 were needed, but '{name}' is {values[row]:g} in row {row + 1}. Repair this cell.")
    return values


def _take_local_time(table: pa.Table, time: str | None) -> tuple[pa.Table, list[str]]:
    """The table with moments of a zone as clocks there show them, as days begin and end by these, and that in words."""
    if time is None:
        return table, []
    cells = table[time]
    if pa.types.is_timestamp(cells.type) and cells.type.tz is not None:
        place = table.schema.get_field_index(time)
        return table.set_column(place, time, pc.local_timestamp(cells)), [f"moments are those of clocks in {cells.type.tz}"]
    if pa.types.is_string(cells.type) and pc.any(pc.match_substring_regex(cells, r":\d\d(\.\d+)?\s?[+-]\d\d:?\d\d$")).as_py():
        return table, ["moments with a zone are counted in UTC, where days begin at other hours: write them as clocks show them"]
    return table, []


def _read_moments(table: pa.Table, time: str | None, codes: IntArray) -> tuple[FloatArray, bool]:
    """The moment of each row, shape (n,), and whether they are numbers; the place of a row in its series where no column says."""
    if time is None:
        order = np.argsort(codes, kind="stable")
        firsts = np.searchsorted(codes[order], codes[order])
        places = np.empty(len(codes))
        places[order] = np.arange(len(codes)) - firsts
        return places, True
    return to_seconds(table[time], time), is_number(table[time].type)


def _undo_clock_changes(moments: FloatArray, codes: IntArray) -> tuple[FloatArray, tuple[tuple[float, float], ...]]:
    """Moments as if clocks had never been set, (n,), and from which of them on clocks of the longest series showed so many seconds more."""
    even, longest, clock = moments.copy(), 0, _NEVER_SET
    order = np.argsort(codes, kind="stable")
    for own in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        undone, changes = undo_clock_changes(moments[own])
        if changes:
            even[own] = undone
            if len(own) > longest:
                longest, clock = len(own), tuple((float(undone[row]), seconds) for row, seconds in changes)
    return even, clock


def _with_clock(calendar: Even, clock: tuple[tuple[float, float], ...]) -> Even:
    begins = calendar.number(np.asarray([moment for moment, _ in clock]))
    return Even(calendar.origin, calendar.step, clock=tuple((int(n), seconds) for n, (_, seconds) in zip(begins, clock, strict=True)))


def _judge_repeats(values: FloatArray, kept: IntArray, last: BoolArray, shown: FloatArray, series: str | None, numbered: bool) -> list[str]:
    """What is said of rows that repeat a moment of their series, of which the last counts.

    Raises:
        DataError: they are so many that series were not told apart.
    """
    earlier = np.flatnonzero(~last)
    if not len(earlier):
        return []
    moment = show_moment(float(shown[earlier[0]]), numbered=numbered)
    if len(earlier) > _MOST_REPEATED * len(kept):
        often = int((shown == shown[earlier[0]]).sum())
        named = "" if series else " Name the column that says which series a row is of with --series."
        raise DataError(
            f"A moment must come once in a series, but {len(earlier):,} of {len(kept):,} rows repeat one ({moment} is there {often} times)."
            f"{named or ' Sum or average them first.'}"
        )
    other = earlier[~_alike(values[kept[earlier]], values[kept[earlier + 1]])]
    rows = "row repeats" if len(earlier) == 1 else "rows repeat"
    first = f"{len(earlier):,} {rows} a moment of their series (first: row {kept[earlier[0]] + 1}, {moment})"
    return [f"{first}, {len(other):,} with other values; the last one counts" if len(other) else f"{first} with the same values"]


def _alike(a: FloatArray, b: FloatArray) -> BoolArray:
    """Which rows are equal, missing values too, shape (n,)."""
    return ((a == b) | (np.isnan(a) & np.isnan(b))).all(axis=1)


def _spans(codes: IntArray, numbers: IntArray, n_series: int, name: str) -> tuple[IntArray, IntArray]:
    """The first number of each series, (S,), and where it begins among the places of all, (S + 1,).

    Raises:
        DataError: a series has one moment only, or its moments lie too far apart.
    """
    firsts = np.searchsorted(codes, np.arange(n_series))
    ends = np.searchsorted(codes, np.arange(n_series), side="right")
    begins, lengths = numbers[firsts], numbers[ends - 1] - numbers[firsts] + 1
    places = int(lengths.sum())
    if places > _PLACES_FREE + _MOST_PLACES_A_ROW * len(numbers):
        raise DataError(
            f"Moments must follow one another with few gaps, but between the first and the last of '{name}' lie {places:,} steps with "
            f"{len(numbers):,} rows. Leave out moments that are errors, such as days far in the future."
        )
    return begins, np.concatenate([[0], np.cumsum(lengths)])


def _place(panel: Panel, numbers: IntArray, codes: IntArray) -> Panel:
    """The panel with values and rows where they belong on the calendar, from those that came, in order."""
    places = panel.offsets[codes] + numbers - panel.begins[codes]
    n_places = int(panel.offsets[-1])
    values, rows = np.full((n_places, len(panel.columns)), np.nan), np.full(n_places, -1)
    values[places], rows[places] = panel.values[panel.rows], panel.rows
    remarks = [*panel.remarks]
    n_gaps = int((rows < 0).sum())
    if n_gaps:
        first = int(np.argmax(rows < 0))
        s = int(np.searchsorted(panel.offsets, first, side="right")) - 1
        moment = float(panel.calendar.moments(np.asarray([panel.begins[s] + first - panel.offsets[s]]))[0])
        shown = show_moment(moment, numbered=panel.calendar.numbered)
        of = f" of '{panel.labels[s]}'" if panel.labels[s] else ""
        remarks.append(f"{n_gaps:,} of {n_places:,} moments {'has' if n_gaps == 1 else 'have'} no row (first: {shown}{of})")
    return Panel(panel.calendar, panel.labels, panel.columns, panel.begins, panel.offsets, values, rows, remarks)
