"""Reading CSV and its relatives: delimiter, encoding and decimal comma are found, not asked for.

Arrow cuts the file into cells of text; what the cells of a column mean is decided here, over the whole column, so that
00123 stays a label and 3,14 becomes a number. How a column was written is kept in the metadata of its field.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.memory import check_memory_for
from weights.data.table.columns import find_flag_words, is_number, without_words
from weights.data.table.dialect import LINE_END, Dialect, find_dialect
from weights.data.table.header import Header, read_header
from weights.data.table.moments import TIME_OF_DAY, UNMISTAKABLE, read_times
from weights.data.table.notation import Notation, Numbers, are_labels, find_numbers
from weights.data.table.rownumbers import keep_numbers
from weights.data.table.textfile import COMPRESSIONS, TextFile, squeeze_blanks
from weights.errors import DataError
from weights.types import BoolArray, IntArray

MISSING_WORDS = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "?")
"""Cells of a text file that mean "no value"; `missing=[...]` adds to them."""

_SAMPLE_BYTES = 1 << 16
_LONGEST_ROW = 1 << 24
_END = "weights_end_of_file"
"""First cell of a row put behind the file: where it does not come back as a row, a quote swallowed it."""


def read_delimited(path: Path, missing: Sequence[str] = (), verbatim: Collection[str] = (), keep: Collection[str] = ()) -> pa.Table:
    """The table in a CSV, TSV or similar file.

    Args:
        path: the file, which may be compressed.
        missing: further words that mean "no value".
        verbatim: columns that stay text, as written: labels, and what is read as in training.
        keep: which of `MISSING_WORDS` are labels; where all other cells are numbers or moments, they still mean "no value".

    Returns:
        Columns of numbers, truth values, moments or text. How numbers, truth values and moments were written is in the
        metadata of their field (see `notation_of`, `flag_words_of`, `time_format_of`); what else deserves saying is in the
        schema's (see `remarks_of`), and whether the file writes decimal commas (see `decimal_mark_of`).

    Raises:
        DataError: it is no table of text, a row has too few or too many cells, or it does not fit into memory.
    """
    with _opened(path, verbatim) as file:
        names, sample = file.header.names, file.text.peek(_SAMPLE_BYTES).decode("utf-8", "ignore")
        decimal_comma = file.delimiter != "," and _has_decimal_comma(sample, file.delimiter)
        _check_size(path, sample, len(names))
        words = [word for word in MISSING_WORDS if word not in keep]
        cells, blank, repeated = _cut(file, [*words, *missing])
        said = [file.dialect.remark, file.header.remark, repeated]
        remarks = [f"'{path.name}' was {file.text.remark}"] if file.text.remark else []
        remarks += [f"'{path.name}': {remark}" for remark in said if remark]
    columns, fields = [], []
    for name in names:
        # Taken off the list, so that a column's text is let go as soon as it is read.
        raw = cells.pop(0)
        raw = _without_blank_cells(raw)
        column, metadata = (
            (raw, {}) if name in verbatim else typed(raw, keep, decimal_comma=decimal_comma, doubtful_point=file.delimiter == ";")
        )
        columns.append(column)
        fields.append(pa.field(name, column.type, metadata=metadata))
    about: dict[str, bytes] = {"remarks": msgspec.json.encode(remarks), "decimal": b"," if decimal_comma else b"."}
    table = pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=about))
    return keep_numbers(table, np.delete(np.arange(table.num_rows + len(blank)), blank)) if len(blank) else table


def notation_of(field: pa.Field) -> Notation | None:
    """How the numbers of a column were written in the file it was read from, where that was not plainly."""
    metadata = field.metadata or {}
    return msgspec.json.decode(metadata[b"notation"], type=Notation) if b"notation" in metadata else None


def time_format_of(field: pa.Field) -> str | None:
    """How the moments of a column were written in the file it was read from; None where they were not text."""
    return (field.metadata or {}).get(b"time_format", b"").decode() or None


def decimal_mark_of(table: pa.Table) -> str:
    """The decimal mark that the file of a table suggests for numbers of which nothing else is known."""
    return (table.schema.metadata or {}).get(b"decimal", b".").decode()


def flag_words_of(field: pa.Field) -> tuple[str, str] | None:
    """How no and yes were written in the file that a column of truth values was read from; None where they were not."""
    metadata = field.metadata or {}
    return msgspec.json.decode(metadata[b"flags"], type=tuple[str, str]) if b"flags" in metadata else None


def remark_of(field: pa.Field) -> str:
    """What was remarked about a column when it was read, or nothing."""
    return (field.metadata or {}).get(b"remark", b"").decode()


def with_remark(table: pa.Table, name: str, remark: str) -> pa.Table:
    """The table with a remark about a column, behind the one there is."""
    place = table.schema.get_field_index(name)
    field = table.schema.field(place)
    remarks = "; ".join(filter(None, [remark_of(field), remark]))
    return table.set_column(place, field.with_metadata({**(field.metadata or {}), b"remark": remarks.encode()}), table[name])


def remarks_of(table: pa.Table) -> list[str]:
    """What was remarked about the file that a table was read from."""
    return msgspec.json.decode((table.schema.metadata or {}).get(b"remarks", b"[]"), type=list[str])


def count_missing_words(path: Path, name: str) -> dict[str, int]:
    """How many cells of a column hold which word that means "no value", most first; blank cells are not counted."""
    with _opened(path, [name]) as file:
        rows, _ = _read_rows(file, [], only=file.header.names.index(name))
        cells = rows.columns[-1]
    counted = Counter({cell["values"]: cell["counts"] for cell in pc.value_counts(cells.drop_null()).to_pylist()})
    return {word: n for word, n in counted.most_common() if word and word in MISSING_WORDS}


# Lines


class _Opened(NamedTuple):
    """A file whose rows are to be read: its text, at the first of them, how it is cut, and names of columns."""

    text: TextFile
    path: Path
    dialect: Dialect
    header: Header

    @property
    def delimiter(self) -> str:
        """What sets cells apart."""
        return self.dialect.delimiter


@contextlib.contextmanager
def _opened(path: Path, needed: Collection[str] = ()) -> Iterator[_Opened]:
    """A file up to its table; `needed` as `read_header`."""
    with TextFile(path) as text:
        sample = text.peek(_SAMPLE_BYTES).decode("utf-8", "ignore")
        dialect = find_dialect(sample, default="\t" if ".tsv" in path.suffixes else ",", name=path.name)
        text.read(len(dialect.before.encode()))
        if dialect.delimiter == " ":
            text.rewrite_lines(squeeze_blanks)
        elif re.search(rf"{re.escape(dialect.delimiter)} +\"", sample):
            text.rewrite_lines(partial(_without_blanks_before_quotes, dialect.delimiter.encode()))
        head = text.peek(_SAMPLE_BYTES)
        if not re.search(rb"[\r\n]", head.lstrip(b"\r\n")):
            head = text.peek(_LONGEST_ROW)
        shown = head.decode("utf-8", "ignore")
        header = read_header(shown, dialect.delimiter, path=str(path), no_value=MISSING_WORDS, needed=needed)
        yield _Opened(text, path, dialect, header)


def _without_blanks_before_quotes(delimiter: bytes, lines: bytes) -> bytes:
    """Lines in which a quote that opens a cell stands right behind the delimiter, where it is read as such."""
    return re.sub(rb'("[^"]*")|' + re.escape(delimiter) + rb' +(?=")', lambda found: found[1] or delimiter, lines)


def _has_decimal_comma(sample: str, delimiter: str) -> bool:
    cells = [cell.strip().strip('"') for line in LINE_END.split(sample)[1:200] for cell in line.split(delimiter)]
    comma = sum(bool(re.fullmatch(r"[-+]?\d+,\d+", cell)) for cell in cells)
    # 1.234 is no sign of a decimal point: it could be a thousand.
    point = sum(bool(re.fullmatch(r"[-+]?\d+\.\d+", cell) and not re.fullmatch(r"[-+]?[1-9]\d{0,2}\.\d{3}", cell)) for cell in cells)
    return comma > point


def _check_size(path: Path, sample: str, n_columns: int) -> None:
    """Refuse a file whose cells, first as text and then as numbers, would not fit into memory; one that is compressed is checked later."""
    if path.suffix.lower() in COMPRESSIONS:
        return
    lines = max(len(LINE_END.findall(sample)), 1)
    n_rows = path.stat().st_size / max(len(sample.encode()) / lines, 1)
    check_memory_for(path.stat().st_size + 4.0 * n_rows * n_columns, f"Reading '{path}' (about {n_rows:,.0f} rows x {n_columns:,} columns)")


class _Rows(NamedTuple):
    """The rows behind a header: columns of text, the places of lines that are none, ascending, and what to say about these."""

    columns: list[pa.ChunkedArray]
    blank: IntArray
    remark: str = ""


def _cut(file: _Opened, missing: list[str]) -> _Rows:
    """All rows but blank lines, which are rows without a value in a table of one column."""
    table, skipped = _read_rows(file, missing)
    is_blank, repeats = np.zeros(table.num_rows, bool), np.zeros(table.num_rows, bool)
    if table.num_columns > 1:
        repeats = _repeat(table, file.header.names)
        is_blank |= repeats
        empty = _without_values(table)
        is_blank[table.num_rows - file.text.n_blank_at_end :] = True
        if file.text.has_blank_lines and (empty & ~is_blank).any():
            with _opened(file.path) as again:
                rows, _ = _read_rows(again._replace(header=file.header), missing, blank_lines=False)
                is_blank |= _not_among(empty, _without_values(rows))
    lines = np.delete(np.arange(len(is_blank) + len(skipped)), skipped)
    kept = table.filter(pa.array(~is_blank)) if is_blank.any() else table
    said = f"rows that repeat the header were left out: {repeats.sum():,}" if repeats.any() else ""
    return _Rows(kept.columns, np.sort(np.concatenate([skipped, lines[is_blank]])), said)


def _repeat(table: pa.Table, names: list[str]) -> BoolArray:
    """Which rows of a table of text repeat its header, as where files were put one behind the other, shape (n,)."""
    repeats = np.ones(table.num_rows, bool)
    for column, name in zip(table.columns, names, strict=True):
        repeats &= pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), name), False).to_numpy()
        if not repeats.any():
            break
    return repeats


def _without_values(rows: Any) -> BoolArray:
    """Which rows of a table of text hold no value at all, shape (n,)."""
    absent = np.ones(rows.num_rows, bool)
    for column in rows.columns:
        absent &= np.asarray(column.is_null())
        if not absent.any():
            break
    return absent


def _not_among(empty: BoolArray, empty_without: BoolArray) -> BoolArray:
    """Which of all lines (n,) are blank, from which rows are empty with blank lines (n,) and without (m,): of a run the last."""
    run, run_without = np.cumsum(~empty), np.cumsum(~empty_without)
    n_rows = np.bincount(run_without[empty_without], minlength=run[-1] + 1)
    first = np.searchsorted(run[empty], run[empty])
    blank = np.zeros(len(empty), bool)
    blank[empty] = np.arange(len(first)) - first >= n_rows[run[empty]]
    return blank


def _read_rows(file: _Opened, missing: list[str], *, blank_lines: bool = True, only: int | None = None) -> tuple[pa.Table, IntArray]:
    """The rows, and the places of lines that hold nothing but blanks, which are left out.

    Args:
        file: whose rows are to be read.
        missing: words that mean "no value".
        blank_lines: whether they count as rows without a value.
        only: place of the one column that is needed, which is the last of those read; all are if None.
    """
    from pyarrow import csv

    text, path, n_columns, n_head = file.text, file.path, len(file.header.names), int(file.header.is_there)
    numbered = [str(j) for j in range(n_columns)]
    head = text.peek(_SAMPLE_BYTES)
    n_before = n_head + len(LINE_END.findall(head[: len(head) - len(head.lstrip(b"\r\n"))].decode()))
    text.end_with((_END + file.delimiter * (n_columns - 1) + "\n").encode())
    wrong: list[Any] = []
    skipped: list[int] = []

    def refuse(row: Any) -> str:
        if file.header.is_short and row.number == n_before:
            return "skip"
        if row.text.strip(" \t\x1a"):
            wrong.append(row)
            return "error"
        skipped.append(row.number - n_before - 1)
        return "skip"

    options = (
        csv.ReadOptions(use_threads=False, block_size=_LONGEST_ROW, column_names=numbered, skip_rows=n_before - n_head),
        csv.ParseOptions(delimiter=file.delimiter, newlines_in_values=True, invalid_row_handler=refuse, ignore_empty_lines=not blank_lines),
        csv.ConvertOptions(
            null_values=missing,
            strings_can_be_null=True,
            column_types=dict.fromkeys(numbered, pa.string()),
            include_columns=[] if only is None else [*dict.fromkeys(("0", str(only)))],
        ),
    )
    batches: list[pa.RecordBatch] = []
    n_bytes = 0
    try:
        with csv.open_csv(text, *options) as reader:
            for batch in reader:
                batches.append(batch)
                n_bytes += batch.nbytes
                check_memory_for(2.0 * n_bytes, f"Reading '{path}' (more than {sum(map(len, batches)):,} rows)")
    except pa.ArrowInvalid as error:
        n_rows = sum(map(len, batches)) + len(skipped)
        if wrong:
            raise _wrong_row(wrong[0], path, wrong[0].number - n_before) from error
        if "straddling" in str(error):
            raise DataError(
                f"'{path}' has a row of more than {_LONGEST_ROW >> 20} MB behind row {max(n_rows - n_head, 0):,}: "
                "is a quote opened there and never closed? Close it, or shorten the cell."
            ) from error
        raise
    table = pa.Table.from_batches(batches)
    if table.num_rows and table.column(0)[-1].as_py() != _END:
        raise _open_quote(path, table.num_rows + len(skipped) - n_head)
    n_head = 0 if file.header.is_short else n_head
    return table.slice(n_head, table.num_rows - n_head - 1), np.unique(np.asarray(skipped, np.int64))  # of which some are parsed twice


def _wrong_row(row: Any, path: Path, number: int) -> DataError:
    """What is wrong with a row of this number that has too few or too many cells."""
    if _END in row.text:
        return _open_quote(path, number)
    shown = row.text if len(row.text) <= 60 else row.text[:60] + "..."
    return DataError(
        f"Each row of '{path}' must have {row.expected_columns} cells, as its header has, but row {number} has "
        f"{row.actual_columns}: {shown!r}. Quote cells that hold the delimiter, and complete the row."
    )


def _open_quote(path: Path, row: int) -> DataError:
    where = f"in row {row}" if row else "in the header"
    return DataError(f"'{path}' opens a quote {where} that is never closed, so that the rest of the file would be one cell. Close it.")


# Cells


def _without_blank_cells(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of text with no value where a cell holds blanks only."""
    blank = pc.utf8_is_space(raw)
    return pc.if_else(blank, pa.scalar(None, pa.string()), raw) if pc.any(blank).as_py() else raw


def typed(
    raw: pa.ChunkedArray, keep: Collection[str] = (), *, decimal_comma: bool = False, doubtful_point: bool = False
) -> tuple[pa.ChunkedArray, dict[str, str]]:
    """A column of text as what all its cells are, and the metadata of its field; text where they are nothing else.

    Where all cells but those of the words to keep are numbers or moments, these words are no value; the rest as `find_numbers`.
    """
    others = without_words(raw, keep)
    if others is not raw:
        column, metadata = _typed(others, decimal_comma, doubtful_point)
        return (column, metadata) if is_number(column.type) or pa.types.is_temporal(column.type) else (raw, {})
    return _typed(raw, decimal_comma, doubtful_point)


def _typed(raw: pa.ChunkedArray, decimal_comma: bool, doubtful_point: bool) -> tuple[pa.ChunkedArray, dict[str, str]]:
    """A column of text as what all its cells are, and the metadata of its field; text where they are nothing else."""
    if raw.null_count == len(raw):
        return pa.chunked_array([pa.nulls(len(raw))]), {}
    text = pc.utf8_trim_whitespace(raw)
    if are_labels(text):
        return raw, {}
    numbers = find_numbers(text, decimal_comma=decimal_comma, doubtful_point=doubtful_point)
    if numbers is not None:
        return _whole_if_possible(text, numbers), _metadata(numbers)
    if (flags := _flags(text)) is not None:
        return flags, {"flags": msgspec.json.encode(find_flag_words(text)).decode()}
    for form in (*UNMISTAKABLE, TIME_OF_DAY):
        if (times := read_times(text, form)) is not None:
            return (pc.cast(times, pa.time64("us")) if form == TIME_OF_DAY else times), {"time_format": form}
    return raw, {}


def _metadata(numbers: Numbers) -> dict[str, str]:
    return {"notation": msgspec.json.encode(numbers.notation).decode(), "remark": numbers.remark}


def _whole_if_possible(text: pa.ChunkedArray, numbers: Numbers) -> pa.ChunkedArray:
    """Integers where every cell is one, but not where all have decimals or a unit; those of more than 15 digits only fit so."""
    if numbers.notation.unit or numbers.notation.limits or pc.all(pc.match_substring(text, numbers.notation.decimal)).as_py():
        return numbers.values
    for cells in (text, numbers.values):
        with contextlib.suppress(pa.ArrowInvalid):
            return pc.cast(cells, pa.int64())
    return numbers.values


def _flags(text: pa.ChunkedArray) -> pa.ChunkedArray | None:
    try:
        return pc.cast(text, pa.bool_())
    except pa.ArrowInvalid:
        return None
