"""Reading sheets of Excel workbooks (.xlsx, .xlsm): `Sheet` names one, `read_workbook` reads the only one there is.

openpyxl reads the cells, one row after the other; `grid` finds the table among them. This file looks at a workbook before it is
read (what it will take, which cells are merged, which formulas were never calculated), and decides over whole columns what cells
mean, as is done for text files, so that a table is the same as CSV and as .xlsx.
"""

from __future__ import annotations

import datetime
import itertools
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

import msgspec
import numpy as np
import pyarrow as pa

from weights.data.memory import check_memory_for, format_bytes
from weights.data.table.cells import count_sorts, describe_mixture, spell
from weights.data.table.delimited import MISSING_WORDS, typed
from weights.data.table.grid import Grid, Merged, find_head, is_blank, make_grid
from weights.data.table.header import MOST_COLUMNS
from weights.data.table.part import Part, path_of
from weights.data.table.rownumbers import keep_numbers
from weights.errors import DataError, NotFoundError, UsageError, WeightsError, abridged, listed, suggest

_MOST_ROWS, _MOST_COLUMNS = 1 << 20, 1 << 14
"""What a sheet of Excel can hold."""
_MOST_EXPANSION, _EXPANSION_AFTER = 200, 64 << 20
"""A workbook may grow this many times when it is unpacked, judged after so many bytes, as compressed text may (our choice)."""
_CELL_BYTES, _STRING_FACTOR = 64.0, 5.0
"""What a cell takes while it is read, and shared text for each byte of its XML (measured)."""
_OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"
_RENEW = "open the workbook in Excel or LibreOffice and save it again"


class Fault(str):
    """What a cell shows instead of a value, such as #N/A."""

    __slots__ = ()


class Sheet(Part, frozen=True, tag="sheet"):
    """A sheet of a workbook, by its name.

    Example:
        >>> Sheet("visits.xlsx", "2024").name
        "sheet '2024'"
    """

    path: str
    sheet: str

    def __post_init__(self) -> None:
        if not isinstance(self.sheet, str):
            raise UsageError(f"A sheet is named by its name, as it stands below the cells, but {self.sheet!r} came. Name it.")

    @classmethod
    def of(cls, where: Any, name: str) -> Sheet:
        """The sheet of this name in a file.

        Raises:
            UsageError: it is no workbook.
        """
        path = path_of(where)
        if path is None or Path(path).suffix.lower() not in SUFFIXES:
            raise UsageError(
                f"A sheet is named of a workbook ({' or '.join(SUFFIXES)}), but '{path or type(where).__name__}' came. Leave it out."
            )
        return cls(path, name)

    @property
    def where(self) -> str:
        """The path of the workbook."""
        return self.path

    @property
    def name(self) -> str:
        """The sheet, in words."""
        return f"sheet '{self.sheet}'"

    def at(self, where: Any) -> Sheet:
        """The sheet of this name in another workbook."""
        return Sheet(str(where), self.sheet)

    def is_in(self, path: Path) -> bool:
        """Whether another workbook has several sheets, one of this name among them."""
        with _open(path) as book:
            return len(book.worksheets) > 1 and _find_sheet(book, self.sheet) is not None

    def read(self, missing: Sequence[str], verbatim: Collection[str], keep: Collection[str]) -> pa.Table:
        """Its table, see `read_workbook`."""
        return read_workbook(Path(self.path), missing, verbatim, keep, sheet=self.sheet)


def read_workbook(
    path: Path, missing: Sequence[str] = (), verbatim: Collection[str] = (), keep: Collection[str] = (), *, sheet: str | None = None
) -> pa.Table:
    """The table in a sheet of a workbook.

    Args:
        path: the file.
        missing: further words that mean "no value".
        verbatim: columns whose text stays as it is written; numbers and dates are what they are in any case.
        keep: words that are labels, as `delimited.read_delimited`.
        sheet: its name; that of the only one with cells if None, hidden ones not counted.

    Returns:
        Columns as `delimited.read_delimited` gives them. Numbers are taken as they are stored, whatever they look like; dates are moments;
        formulas have the values that were saved with them. Rows have their numbers in the sheet (see `rownumbers.keep_numbers`).

    Raises:
        UsageError: several sheets hold cells and none is named, or openpyxl is not installed.
        NotFoundError: there is no such sheet.
        DataError: it is no workbook, is damaged, holds no table, or would not fit into memory.
    """
    with _open(path) as book:
        name = _choose_sheet(book, path, sheet)
        survey = _survey(book[name], path)
        grid = _read_grid(book[name], survey, path)
    head = find_head(grid)
    if len(head.names) > MOST_COLUMNS:
        raise DataError(f"Sheet '{name}' of '{path}' has {len(head.names):,} columns, and at most {MOST_COLUMNS:,} are read.")
    rows = grid.rows[head.n_above :]
    if not rows:
        raise DataError(f"Sheet '{name}' of '{path}' holds no row behind its header (row {grid.numbers[-1]}): at least one was needed.")
    numbers = grid.numbers[head.n_above :]
    words = [*(word for word in MISSING_WORDS if word not in keep), *missing]
    columns, fields = [], []
    for place, title in zip(head.places, head.names, strict=True):
        cells = [row[place] if place < len(row) else None for row in rows]
        unsaved = survey.unsaved.get(place + 1, set()).intersection(numbers)
        column, about = _read_column(cells, numbers, words, keep, is_text=title in verbatim)
        if merged := head.merged.get(place):
            about = _with_remark(about, merged)
        if unsaved:
            about = _with_remark(about, f"{_count_cells(len(unsaved))} of formulas that were never calculated, read as missing: {_RENEW}")
        columns.append(column)
        fields.append(pa.field(title, column.type, metadata=about))
    remarks = [f"'{path.name}': {remark}" for remark in head.remarks]
    schema = pa.schema(fields, metadata={"remarks": msgspec.json.encode(remarks)})
    return keep_numbers(pa.Table.from_arrays(columns, schema=schema), np.asarray(numbers) - 1)


# The file


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """The workbook, whose sheets are read row by row."""
    try:
        import openpyxl
    except ImportError as error:
        raise UsageError(f"Reading '{path}' needs openpyxl, which is not installed. Install it: pip install 'weights[excel]'.") from error
    _check_archive(path)
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and validations that it does not know
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            try:
                yield book
            finally:
                book.close()
    except (WeightsError, MemoryError):
        raise
    except Exception as error:  # Of damaged workbooks: KeyError, ValueError, ParseError, BadZipFile, zlib.error and more.
        is_told = str(error) and isinstance(error, ValueError | OSError | zipfile.BadZipFile | zlib.error | expat.ExpatError)
        reason = abridged(str(error).splitlines()[0], 100).rstrip(".") if is_told else "a part of it is damaged"
        raise DataError(f"'{path}' could not be read as a workbook: {reason}. Check that the file is complete.") from error


def _check_archive(path: Path) -> None:
    """Refuse what is no workbook, and what would take too much memory, before anything is unpacked."""
    with path.open("rb") as file:
        begin = file.read(4)
    if begin == _OLD_OR_LOCKED:
        raise DataError(f"'{path}' is locked with a password, or a workbook of the old format .xls. Save it as .xlsx without a password.")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            is_workbook = any(entry.filename == "[Content_Types].xml" for entry in entries)
            is_strict = any(_is_strict(archive, entry) for entry in entries if entry.filename == "xl/workbook.xml")
    except Exception as error:  # Besides BadZipFile: whatever a damaged table of contents makes it stumble upon.
        raise DataError(f"'{path}' is no .xlsx workbook, or damaged: it is not a zip that can be read. Save it again as .xlsx.") from error
    if not is_workbook:
        raise DataError(f"'{path}' is a zip, but no workbook of Excel (of OpenDocument, or packed once more?). Save or unpack it as .xlsx.")
    if is_strict:
        raise DataError(f"'{path}' is saved as Strict Open XML, which is not read. Save it as an ordinary Excel workbook.")
    n_bytes = sum(entry.file_size for entry in entries)
    if n_bytes > _EXPANSION_AFTER and n_bytes > _MOST_EXPANSION * path.stat().st_size:
        raise DataError(
            f"'{path}' grows more than {_MOST_EXPANSION} times when it is unpacked (to {format_bytes(n_bytes)}), as files made to exhaust "
            "memory do. If it is what it should be, save the sheet as CSV."
        )
    text = sum(entry.file_size for entry in entries if entry.filename.lower().endswith("sharedstrings.xml"))
    check_memory_for(_STRING_FACTOR * text, f"Reading the text of '{path}'")


def _is_strict(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    """Whether a workbook uses the names of the strict variant of its format, in which openpyxl sees no cells."""
    with archive.open(entry) as file:
        return b"purl.oclc.org/ooxml" in file.read(1 << 12)


def _choose_sheet(book: Any, path: Path, asked: str | None) -> str:
    """The name of the sheet to read."""
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if asked is not None:
        if (found := _find_sheet(book, asked)) is not None:
            return found
        raise NotFoundError(f"'{path}' has no sheet '{asked}'. {suggest(asked, sheets)}")
    shown = [title for title, sheet in sheets.items() if sheet.sheet_state == "visible" and _holds_cells(sheet)]
    if len(shown) == 1:
        return shown[0]
    if shown:
        named = [f"'{title}'" for title in shown]
        raise UsageError(f"'{path}' holds {len(shown)} sheets with cells: {listed(named, 8)}. Name one with --sheet (in Python sheet=...).")
    hidden = [f"'{title}'" for title, sheet in sheets.items() if _holds_cells(sheet)]
    more = f"but those of {listed(hidden, 5)}, which are hidden (--sheet names one)" if hidden else "at all"
    raise DataError(f"'{path}' holds no cells {more}: a header and at least one row were needed.")


def _find_sheet(book: Any, asked: str) -> str | None:
    """The name of the sheet that is called so, whatever the case and blanks around; None if there is none."""
    titles = [sheet.title for sheet in book.worksheets]
    alike = [title for title in titles if title.casefold() == asked.strip().casefold()]
    return asked if asked in titles else next(iter(alike), None)


def _holds_cells(sheet: Any) -> bool:
    """Whether a value stands anywhere."""
    sheet.reset_dimensions()
    rows = itertools.islice(sheet.iter_rows(values_only=True), _MOST_ROWS)
    return any(not is_blank(value) for row in rows for value in row)


# A look at the XML of a sheet before it is read


@dataclass
class _Survey:
    """What is known of a sheet before its cells are: extent, ranges of merged cells, formulas without a value.

    Columns and rows are counted from 1. ranges: of merged cells. unsaved: by column the rows of such formulas.
    """

    n_cells: int = 0
    n_rows: int = 0
    last_row: int = 0
    last_column: int = 0
    ranges: list[Merged] = field(default_factory=list)
    unsaved: dict[int, set[int]] = field(default_factory=dict)


def _survey(sheet: Any, path: Path) -> _Survey:
    """What a sheet holds, from one pass over its XML.

    Raises:
        DataError: it declares entities, or cells where a sheet has none. TooLargeError: its cells would not fit into memory.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    reader = _Surveyor(parser)

    def refuse(*_: Any) -> None:
        raise DataError(f"'{path}' declares entities in its XML, which workbooks do not, and files made to exhaust memory do.")

    parser.StartElementHandler, parser.EntityDeclHandler = reader.start, refuse
    with sheet._get_source() as source:
        parser.ParseFile(source)
    reader.end_row()
    survey = reader.survey
    if survey.last_row > _MOST_ROWS or survey.last_column > _MOST_COLUMNS:
        raise DataError(f"'{path}' names row {survey.last_row:,} and column {survey.last_column:,}, where a sheet has none. Save it again.")
    n_bytes = _CELL_BYTES * survey.n_cells + 8.0 * survey.n_rows * survey.last_column
    check_memory_for(n_bytes, f"Reading '{path}' ({survey.n_rows:,} rows x {survey.last_column:,} columns)")
    return survey


class _Surveyor:
    """What follows the elements of a sheet one after the other; of cells it reads the places of the last in a row and of formulas only."""

    def __init__(self, parser: Any) -> None:
        self.survey = _Survey()
        self._parser = parser
        self._names: dict[str, str] = {}
        self._row = self._column = 0
        self._cell: dict[str, str] = {}
        self._is_unsaved = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        name = self._names.get(tag) or self._names.setdefault(tag, tag.rpartition(" ")[2])
        if name == "c":
            if self._is_unsaved:
                self._note_unsaved()
            self._cell = attributes
            self._column += 1
            self.survey.n_cells += 1
        elif name == "row":
            self.end_row()
            self._row = int(attributes.get("r", self._row + 1))
            self.survey.n_rows += 1
            self.survey.last_row = max(self.survey.last_row, self._row)
        elif name == "f":
            self._is_unsaved = self._cell.get("t") != "str"  # such a result may be a text without letters
        elif name == "v" and self._is_unsaved:
            self._parser.CharacterDataHandler = self._read_value
        elif name == "mergeCell":
            from openpyxl.utils.cell import range_boundaries

            left, top, right, bottom = range_boundaries(attributes["ref"])
            self.survey.ranges.append(Merged(top, left, bottom, right))

    def end_row(self) -> None:
        """A row is over."""
        if self._is_unsaved:
            self._note_unsaved()
        self.survey.last_column = max(self.survey.last_column, self._find_column())
        self._cell, self._column = {}, 0

    def _read_value(self, text: str) -> None:
        if not text.isspace():
            self._is_unsaved = False
            self._parser.CharacterDataHandler = None

    def _note_unsaved(self) -> None:
        self._parser.CharacterDataHandler = None
        self._is_unsaved = False
        self.survey.unsaved.setdefault(self._find_column(), set()).add(self._row)

    def _find_column(self) -> int:
        """Of the cell at hand: as it says itself, or by its place in the row."""
        from openpyxl.utils.cell import coordinate_to_tuple

        return int(coordinate_to_tuple(self._cell["r"])[1]) if "r" in self._cell else self._column


# Cells


def _read_grid(sheet: Any, survey: _Survey, path: Path) -> Grid:
    """All values; those of merged cells in each cell that they cover."""
    sheet.reset_dimensions()
    rows, numbers = [], []
    for number, cells in enumerate(sheet.iter_rows(), 1):
        values = [Fault(cell.value) if cell.data_type == "e" else cell.value for cell in cells]
        while values and is_blank(values[-1]):
            values.pop()
        if values:
            rows.append(values)
            numbers.append(number)
    if not rows:
        raise DataError(f"Sheet '{sheet.title}' of '{path}' holds no cells: a header and at least one row were needed.")
    return make_grid(rows, numbers, survey.ranges)


# Columns


def _read_column(
    cells: list[Any], rows: Sequence[int], missing: Collection[str], keep: Collection[str], *, is_text: bool
) -> tuple[pa.ChunkedArray, dict[str, str]]:
    """A column of one type, and the metadata of its field; words to keep mean no value where all other cells are numbers or moments."""
    faults = [i for i, cell in enumerate(cells) if isinstance(cell, Fault)]
    known = [None if is_blank(cell) or isinstance(cell, Fault) or (isinstance(cell, str) and cell in missing) else cell for cell in cells]
    others = [None if isinstance(cell, str) and cell in keep else cell for cell in known] if keep and not is_text else known
    sorts, sorts_but = count_sorts(known), count_sorts(others)
    as_is = _AS_IS.get(next(iter(sorts_but))) if len(sorts_but) == 1 else None
    if as_is is not None:
        column, about = pa.chunked_array([as_is(others)]), dict[str, str]()
    else:
        text = pa.chunked_array([pa.array([spell(cell) for cell in known], pa.string())])
        column, about = (text, {}) if is_text else typed(text, keep)
        if len(sorts) > 1 and not is_text and pa.types.is_string(column.type):
            about = _with_remark(about, describe_mixture(known, rows))
    absent = {*missing} if pa.types.is_string(column.type) else {*missing, *keep}
    if words := Counter(cell for cell in cells if isinstance(cell, str) and cell in absent and cell and not isinstance(cell, Fault)):
        about = {**about, "missing_words": msgspec.json.encode(dict(words.most_common())).decode()}
    if faults:
        kinds = listed(sorted({str(cells[i]) for i in faults}), 3)
        about = _with_remark(about, f"{_count_cells(len(faults))} of errors ({kinds}; first: row {rows[faults[0]]:,}), read as missing")
    return column, about


def _with_remark(about: dict[str, str], remark: str) -> dict[str, str]:
    return {**about, "remark": "; ".join(filter(None, [about.get("remark", ""), remark]))}


def _count_cells(n: int) -> str:
    return "1 cell" if n == 1 else f"{n:,} cells"


def _as_numbers(cells: list[Any]) -> pa.Array:
    """Whole numbers where all are, as a text file would have them."""
    try:
        if all(cell is None or float(cell).is_integer() for cell in cells):
            return pa.array([None if cell is None else int(cell) for cell in cells], pa.int64())
    except (pa.ArrowException, OverflowError):
        pass
    return pa.array([None if cell is None else float(cell) for cell in cells], pa.float64())


def _as_moments(cells: list[Any]) -> pa.Array:
    whole = [
        datetime.datetime.combine(cell, datetime.time()) if cell is not None and not isinstance(cell, datetime.datetime) else cell
        for cell in cells
    ]
    return pa.array(whole, pa.timestamp("us"))


def _as_times(cells: list[Any]) -> pa.Array | None:
    if all(cell is None or isinstance(cell, datetime.time) for cell in cells):
        return pa.array(cells, pa.time64("us"))
    midnight = datetime.datetime.min
    lengths = [datetime.datetime.combine(midnight, c) - midnight if isinstance(c, datetime.time) else c for c in cells]
    return pa.array(lengths, pa.duration("us"))


_AS_IS: dict[str, Callable[[list[Any]], pa.Array]] = {"numbers": _as_numbers, "dates": _as_moments, "times": _as_times}
"""How columns are read that hold nothing else; all others are read as the text that they are."""

SUFFIXES = (".xlsx", ".xlsm")
