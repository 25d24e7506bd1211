"""Rows of series as they are read: which column is what, the series on a calendar with what is known beside them, what is for the test."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence, Set
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from weights.data.roles import Roles, column_labels, name_column, name_columns
from weights.data.series.panel import LARGEST, Panel, read_panel
from weights.data.steering import find_rows_of, find_test_rows
from weights.data.table.columns import find_kind, to_numbers
from weights.data.table.delimited import remarks_of
from weights.data.table.read import describe_source, part_of, read_table
from weights.ensemble import Origin
from weights.errors import DataError, NotFoundError, UsageError, listed, printable, suggest
from weights.fitoptions import DataOptions
from weights.forecasting.knownlevels import describe_levels, find_levels, name_columns_of, spread_levels
from weights.forecasting.statics import Statics, find_statics
from weights.forecasting.units import Parts
from weights.prepared import GivenRows

STEPS = "none"
"""What is said in place of a column of moments where rows are steps."""


class NamedColumns(NamedTuple):
    """Rows that are not read yet, and what was said of their columns.

    Attributes:
        data: a file, a frame, or columns by name.
        targets: columns to forecast. series: the column that tells series apart. split: the column that says what is for the test.
        time: the column of moments that was named, or `STEPS`.
        known: columns that were said to be known beforehand.
        drop: columns to leave out. missing: words that mean "no value".
    """

    data: Any
    targets: tuple[str, ...]
    time: str | None
    series: str | None
    split: str | None
    known: tuple[str, ...]
    drop: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def source(self) -> str:
        """What the rows are called."""
        return printable(describe_source(self.data))

    def origin(self, time: str | None) -> Origin:
        """Where rows came from and what their columns were said to be, with the column of moments that was found."""
        roles = Roles(target=", ".join(self.targets), time=time, split=self.split, drop=self.drop, missing=self.missing)
        return Origin(GivenRows(self.data).source, roles)

    def read(self) -> pa.Table:
        """The rows, without the columns to leave out.

        Raises:
            NotFoundError: there is no such column, or none to split by. DataError: as `read_table`.
        """
        table = read_table(self.data, missing=self.missing, verbatim=[name for name in (self.series, self.split) if name])
        table = _leave_columns(table, self.drop)
        if self.split is not None and self.split not in table.column_names:
            known = suggest(self.split, table.column_names)
            raise NotFoundError(f"The table has no column '{printable(self.split)}' to use as split. {known}")
        return table


class SeriesRows(NamedTuple):
    """Series on a calendar, with what is known beside them.

    Attributes:
        named: what was said of columns.
        time: the column of moments; None where rows are steps.
        panel: the series: targets, columns that are known beforehand, columns that are known up to the origin.
        known: the second of these. said_known: as they were named; one of words is a column for each of its levels.
        levels: these levels.
        past: the third of these.
        statics: columns that are the same at all moments of a series.
        unread: columns that are not looked at.
        parts: what is for the test, and for judging, if there is such.
        n_rows: how many rows there are.
        remarks: what is to be said of them.
    """

    named: NamedColumns
    time: str | None
    panel: Panel
    known: tuple[str, ...]
    said_known: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    past: list[str]
    statics: Statics
    unread: list[str]
    parts: Parts | None
    n_rows: int
    remarks: list[str]


def name_series_columns(data: Any, said: DataOptions) -> NamedColumns:
    """What was said of the columns of rows that are not read yet."""
    data = part_of(data, said)
    labels = column_labels(data)
    time, series, split = (None if asked is None else name_column(asked, labels) for asked in (said.time, said.series, said.split))
    targets, known, drop = (name_columns(asked, labels) for asked in (said.target, said.known, said.drop))
    return NamedColumns(data, targets, time, series, split, known, drop, name_columns(said.missing, ()))


def read_series(data: Any, said: DataOptions, *, held_out: int = 0) -> SeriesRows:
    """Read series with what stands beside them.

    Args:
        data: as `weights.fit`.
        said: what was said of them.
        held_out: how many of the last moments are for the test, where no split says so.

    Raises:
        UsageError: no target was named, or one is said to be known beforehand.
        NotFoundError: there is no such column. DataError: as `read_table` and `read_panel`.
    """
    named = name_series_columns(data, said)
    if not named.targets:
        raise UsageError(
            "The column to forecast was not named. Name it with --target, which may be repeated (in Python: target, a name or a list)."
        )
    table, targets, series, split = named.read(), named.targets, named.series, named.split
    said_known = _choose_known(named, table)
    levels = find_levels(table, said_known)
    table, _ = spread_levels(table, levels)
    known = (*(name for name in said_known if name not in levels), *name_columns_of(levels))
    time, said_of_time = choose_time(table, named.time, {*targets, *known, series, split})
    read = {*targets, *known, time, series, split}
    others = [name for name in table.column_names if name not in read]
    statics = find_statics(table, series, others)
    others = [name for name in others if name not in statics.names]
    past = [name for name in others if _is_measured(table[name], name)]
    try:
        panel = read_panel(table, [*targets, *known, *past], time=time, series=series)
    except DataError as error:
        raise (DataError(f"{error} Or count rows as steps with --time {STEPS}.") if said_of_time and time else error) from None
    panel, filled = _fill_known(panel, slice(len(targets), len(targets) + len(known)))
    return SeriesRows(
        named,
        time,
        panel,
        known=known,
        said_known=said_known,
        levels=levels,
        past=past,
        statics=statics,
        unread=[name for name in others if name not in past],
        parts=_find_parts(table, panel, split) if split is not None else _hold_out(panel, held_out) if held_out else None,
        n_rows=table.num_rows,
        remarks=[*remarks_of(table), *said_of_time, *describe_levels(levels), *panel.remarks, *filled],
    )


def choose_time(table: pa.Table, asked: str | None, taken: Set[str | None]) -> tuple[str | None, list[str]]:
    """The column of moments, None where rows are steps, and what is to be said of that.

    Args:
        table: with its columns.
        asked: the column that was named; where none was, the only one of dates is meant.
        taken: columns that are something else.
    """
    if asked is not None:
        return (None if asked == STEPS and asked not in table.column_names else asked), []
    dates = [name for name in table.column_names if name not in taken and find_kind(table[name], name).kind == "datetime"]
    named = printable(dates[0]) if dates else ""
    if len(dates) == 1:
        return dates[0], [f"moments are those of '{named}', the only column of dates; --time {STEPS} counts rows as steps"]
    return None, [f"rows are taken as steps, but '{named}' holds dates: --time {shlex.quote(named)} counts moments"] if dates else []


def describe_unread(names: Sequence[str]) -> list[str]:
    """What is to be said of columns that are not looked at."""
    if not names:
        return []
    several = (
        f"{len(names):,} other columns hold no numbers that differ, and are"
        if len(names) > 1
        else "a column holds no numbers that differ, and is"
    )
    return [f"{several} not looked at: {listed([printable(name) for name in names], 5)}"]


def _choose_known(named: NamedColumns, table: pa.Table) -> tuple[str, ...]:
    """The columns that are known beforehand.

    Raises:
        UsageError: one is forecast. NotFoundError: the table has no such column.
    """
    known = _split_listed(named.known, table.column_names)
    if both := {*known} & {*named.targets}:
        raise UsageError(f"Column '{min(both)}' is forecast and cannot be known beforehand. Leave it out of --known.")
    for name in known:
        if name not in table.column_names:
            raise NotFoundError(
                f"The table has no column '{printable(name)}' that is known beforehand. {suggest(name, table.column_names)}"
            )
    return known


def _split_listed(names: Sequence[str], columns: Collection[str]) -> tuple[str, ...]:
    """The names, of which those that are no columns may list several, with commas between."""
    return tuple(part for name in names for part in ([name] if name in columns else [part.strip() for part in name.split(",")]))


def _leave_columns(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The table without some columns.

    Raises:
        NotFoundError: it has no such column.
    """
    for name in names:
        if name not in table.column_names:
            raise NotFoundError(f"The table has no column '{printable(name)}' to leave out. {suggest(name, table.column_names)}")
    return table.drop_columns([*names])


def _is_measured(column: pa.ChunkedArray, name: str) -> bool:
    """Whether a column that nothing was said of holds numbers, of a size that can be squared and summed."""
    if find_kind(column, name).kind not in ("numeric", "boolean"):
        return False
    try:
        values = to_numbers(column, name)
    except DataError:
        return False
    return not bool((np.abs(values) > LARGEST).any())


def _fill_known(panel: Panel, of_known: slice) -> tuple[Panel, list[str]]:
    """The panel with columns that are known beforehand as usual, at their medians, where a moment has no row, and that in words."""
    without = panel.rows < 0
    if not without.any() or of_known.start == of_known.stop:
        return panel, []
    values = panel.values.copy()
    values[without, of_known] = np.nanmedian(values[~without, of_known], axis=0)
    return replace(panel, values=values), ["what is known beforehand is taken to be as usual at moments without a row (its median)"]


def _find_parts(table: pa.Table, panel: Panel, split: str) -> Parts:
    """Which places are for the test, and for judging; a place without a row is of the part of the one before it."""
    test, val = find_test_rows(table, split), find_rows_of(table, split, "val")
    rows = panel.rows.copy()
    there = np.maximum.accumulate(np.where(rows >= 0, np.arange(len(rows)), 0))
    rows = rows[there]
    return Parts(test[rows] & (rows >= 0), val[rows] & (rows >= 0))


def _hold_out(panel: Panel, n: int) -> Parts:
    """The last n moments for the test: the same in all series, or, of series that count steps of their own, the last of each."""
    lengths = np.diff(panel.offsets)
    from_end = np.concatenate([np.arange(length)[::-1] for length in lengths])
    if not panel.calendar.numbered:
        ends = panel.begins + lengths
        from_end += np.repeat(ends.max() - ends, lengths)
    return Parts(from_end < n, np.zeros(len(from_end), bool))
