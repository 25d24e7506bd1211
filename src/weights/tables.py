"""Tables for people: aligned text where they are printed, HTML in notebooks.

A `Table` shows itself in both; what has `tables` shows these, if it is `Shown`; `Records` are a list that prints as one. HTML takes its
colours from the page, so that it can be read on dark ones and light ones, and every word in it is escaped.
"""

from __future__ import annotations

import html
import itertools
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from weights.errors import abridged, printable

_WIDEST_NOTE, _WIDEST_CELL, _MOST_ROWS = 118, 60, 200
_WIDEST_UNBROKEN = 36
_WIDEST_NAME = 32
_NUMBERS = re.compile(r"[\[<>x ]*[+-]?\d")
_EDGE = "1px solid rgba(128,128,128,0.35)"


class Table(msgspec.Struct, frozen=True):
    """A table with a title and notes.

    Attributes:
        title: what the numbers are.
        heads: of the columns.
        rows: cells as text, in the order of the heads.
        notes: what must be known to read them.
    """

    title: str
    heads: list[str]
    rows: list[list[str]]
    notes: list[str] = []

    def lines(self) -> list[str]:
        """Aligned text."""
        to_right = [i for i, head in enumerate(self.heads) if i and head not in ("", "class")]
        lines = [self.title, *(aligned([self.heads, *self.rows], to_right=to_right) if self.heads else [])]
        wrapped = (textwrap.wrap(note, _WIDEST_NOTE, initial_indent="  ", subsequent_indent="    ") for note in self.notes)
        return [*lines, *itertools.chain.from_iterable(wrapped)]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """For notebooks: wide tables can be scrolled, and numbers end at the same place."""
        numbers = [bool(i) and all(map(_NUMBERS.match, filter(None, cells))) for i, cells in enumerate(zip(*self.rows, strict=True))]
        numbers = numbers or [False] * len(self.heads)

        def row(cells: Sequence[str], tag: str) -> str:
            written = []
            for cell, is_number in zip(cells, numbers, strict=True):
                space = "nowrap" if len(cell) <= _WIDEST_UNBROKEN else "normal;min-width:24em"
                style = f"border-bottom:{_EDGE};padding:0.15em 0.6em;color:inherit;background:none;white-space:{space}"
                written.append(f"<{tag} style='{style};text-align:{'right' if is_number else 'left'}'>{_escape(cell)}</{tag}>")
            return f"<tr style='background:none'>{''.join(written)}</tr>"

        body = "".join(row(cells, "td") for cells in self.rows)
        table = f"<table style='border-collapse:collapse;color:inherit'>{row(self.heads, 'th')}{body}</table>" if self.heads else ""
        table = table and f"<div style='overflow-x:auto'>{table}</div>"
        notes = "".join(f"<div>{_escape(note)}</div>" for note in self.notes)
        title = f"<b style='white-space:pre-wrap'>{_escape(self.title)}</b>"
        return f"<div style='color:inherit;margin-bottom:0.8em'>{title}{table}<small>{notes}</small></div>"


class Shown:
    """What shows itself as tables: as text where it is printed, as HTML in a notebook."""

    __slots__ = ()

    def tables(self) -> list[Table]:
        """What is shown, one below the other."""
        raise NotImplementedError

    def lines(self) -> list[str]:
        """Aligned text."""
        return [line for table in self.tables() for line in table.lines()]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """For notebooks."""
        return "".join(table._repr_html_() for table in self.tables())


class Tables(tuple[Table, ...], Shown):
    """Several tables, one below the other."""

    __slots__ = ()

    def tables(self) -> list[Table]:
        """All of them."""
        return [*self]

    __str__ = Shown.__str__
    __repr__ = Shown.__repr__


class Records(list[Any]):
    """A list of records, mappings or structs of the same fields, that prints as a table."""

    def table(self) -> Table:
        """The records as rows of a table, without columns that are empty in all; of more than 200 the first."""
        rows = [record if isinstance(record, Mapping) else msgspec.structs.asdict(record) for record in self]
        heads = [name for name in dict.fromkeys(itertools.chain(*rows)) if any(row.get(name) not in (None, "") for row in rows)]
        title = f"{len(rows):,} {'record' if len(rows) == 1 else 'records'}"
        more = [f"the first {_MOST_ROWS} of them"] if len(rows) > _MOST_ROWS else []
        cells = [[abridged(show_cell(row.get(name)), _WIDEST_CELL) for name in heads] for row in rows[:_MOST_ROWS]]
        return Table(title, [name.replace("_", " ") for name in heads], cells, more)

    def __str__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        """For notebooks."""
        return self.table()._repr_html_()


def show_text(lines: Sequence[str]) -> str:
    """Aligned lines as HTML for notebooks."""
    return f"<pre style='color:inherit;background:none;line-height:1.3'>{html.escape(chr(10).join(lines))}</pre>"


def show_cell(value: Any) -> str:
    """A value of a record in a few letters; nothing for none.

    Example:
        >>> show_cell(0.123456), show_cell(None), show_cell(["a", "b"])
        ('0.123', '', 'a, b')
    """
    if isinstance(value, float):
        return compact(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(show_cell, value))
    return "" if value is None else printable(str(value))


def aligned(cells: Sequence[Sequence[str]], *, to_right: Sequence[int]) -> list[str]:
    """Rows of a table as lines, in columns of equal width; those that are named end, the others begin, at the same place."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))] if cells else []
    return [
        (
            "  "
            + "  ".join(f"{cell:>{w}}" if i in to_right else f"{cell:<{w}}" for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
        ).rstrip()
        for row in cells
    ]


def compact(value: float | None) -> str:
    """Three significant digits, without an exponent where it is readable."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1e5 or size < 1e-4:
        return f"{value:.2e}"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(size)))}f}"


def signed(value: float | None) -> str:
    """Three significant digits with the sign; nothing for none."""
    return "" if value is None else ("+" if value > 0 else "") + compact(value)


def fixed(value: float | None, digits: int) -> str:
    """So many digits behind the point; nothing for none."""
    return "" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"  # no minus before zero


def interval_heads(level: float) -> dict[str, str]:
    """The heads of the columns with the ends of an interval of this level, "low" and "high"."""
    tail = (1 - level) / 2
    return {"low": f"[{tail:.3g}", "high": f"{1 - tail:.3g}]"}


def short_name(name: str) -> str:
    """A name as short as its column is wide: its beginning and its end, because long names often differ in the end only."""
    name, half = printable(name), _WIDEST_NAME // 2
    return name if len(name) <= _WIDEST_NAME else f"{name[: _WIDEST_NAME - half - 1]}…{name[-half:]}"


def show_p(p_value: float | None) -> str:
    """A p-value in three digits; nothing where there is none.

    Example:
        >>> show_p(0.0312), show_p(0.00001), show_p(None)
        ('0.031', '<0.001', '')
    """
    return "" if p_value is None else "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def between(low: float | None, high: float | None) -> str:
    """An interval in brackets; nothing where there is none."""
    return "" if low is None or high is None else f"[{compact(low)} {compact(high)}]"


def _escape(words: str) -> str:
    return html.escape(printable(words))
