"""Reading rows from databases: `Query` is a select and where it is asked, a file of SQLite or a connection.

A file of SQLite is opened to be read only, and asked through an authorizer that allows nothing but reading. Connections are
those of DB-API (PEP 249), of ADBC or of SQLAlchemy; what they may do is theirs, but only one select is sent. Rows are fetched
some at a time, and become columns of Arrow as they come.
"""

from __future__ import annotations

import contextlib
import functools
import re
import shlex
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from weights.data.memory import check_memory_for
from weights.data.table.cells import count_sorts, describe_mixture, spell
from weights.data.table.part import Part, path_of
from weights.errors import DataError, NotFoundError, UsageError, WeightsError, abridged, listed, suggest
from weights.interruption import do_for_caller

SUFFIXES = (".sqlite", ".sqlite3", ".db", ".db3")
_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES, _LOG_FORMAT = 100, 18
"""Of a file of SQLite: its header, and the byte of it that is 2 where writes go to a log first."""
_FIRST_FETCH, _MOST_FETCHED, _FETCHED_BYTES = 64, 10_000, 1 << 24
"""Rows that are fetched at first and at most at a time, and about how many bytes."""
_SECONDS_TO_WAIT = 5.0
"""For somebody who is writing to the file."""
_STEPS_BETWEEN_SIGNALS = 20_000
"""Steps of SQLite's machine between looks at whether Ctrl-C was pressed: some milliseconds."""
_NO_CODE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/", re.DOTALL)
_READS = re.compile(r"\s*\(*\s*(select|with|values|table|from)\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(insert\s+into|update\s+\S+\s+set|delete\s+from|merge\s+into|into)\b", re.IGNORECASE)
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


class Query(Part, frozen=True, tag="query"):
    """The rows that a select gives, of a file of SQLite or through a connection.

    Attributes:
        query: one select.
        database: path of the file, or a connection of DB-API, ADBC or SQLAlchemy.

    Example:
        >>> import sqlite3
        >>> connection = sqlite3.connect(":memory:")
        >>> Query("select 1 as age union select 2", connection).read((), (), ()).column("age").to_pylist()
        [1, 2]
    """

    query: str
    database: Any

    def __post_init__(self) -> None:
        if not isinstance(self.query, str):
            raise UsageError(
                f"A query is text, as in Query('select ...', database), but a {type(self.query).__name__} came. Give a select."
            )
        _check_select(self.query)

    @classmethod
    def of(cls, where: Any, name: str) -> Query:
        """The rows of a query in a file or behind a connection."""
        return cls(name, where)

    @property
    def where(self) -> Any:
        """The path of the database, or the connection."""
        return self.database

    @property
    def name(self) -> str:
        """The query, in words."""
        return abridged(" ".join(self.query.split()), 80)

    def at(self, where: Any) -> Query:
        """The same query of another database."""
        return Query(self.query, where)

    def is_in(self, path: Path) -> bool:
        """Whether another database has several tables; whether it answers is seen when it is asked."""
        with _open(path) as connection, _heeding(connection, path):
            return len(_list_tables(connection)) > 1

    def read(self, missing: Sequence[str], verbatim: Collection[str], keep: Collection[str]) -> pa.Table:
        """The rows of the result, in its order.

        Numbers, text and NULL are taken as they are; where a column mixes numbers and text, all of it is text, and that is said. Blobs are
        left out of memory, and their columns are set aside.

        Raises:
            NotFoundError: there is no such file. UsageError: what came is no connection.
            DataError: the database cannot answer the query. TooLargeError: the rows do not fit into memory.
        """
        path = path_of(self.database)
        if path is not None and re.match(r"[\w+]+://", path):
            hint = "In Python connect to it, and give the connection: Query(query, connection)"
            raise UsageError(f"A file of SQLite was needed, but the address '{path}' came. {hint}.")
        if path is None:
            return do_for_caller(functools.partial(self._ask_connection, missing))
        with _open(Path(path)) as connection, _heeding(connection, Path(path)):
            return _read_rows(connection.execute(self.query), missing)

    def _ask_connection(self, missing: Sequence[str]) -> pa.Table:
        with _answering(), contextlib.closing(_ask(self.database, self.query)) as cursor:
            return _read_rows(cursor, missing)


def read_database(path: Path, missing: Sequence[str] = (), verbatim: Collection[str] = (), keep: Collection[str] = ()) -> pa.Table:
    """The only table of a database; its rows come in the order in which it has them.

    Raises:
        UsageError: it has several. DataError: it has none, or cannot be read.
    """
    with _open(path) as connection, _heeding(connection, path):
        tables = _list_tables(connection)
    if not tables:
        raise DataError(f"'{path}' holds no table: one with rows was needed. Check which database it is.")
    if len(tables) > 1:
        named, hint = listed([f"'{name}'" for name in tables], 8), f"--query {shlex.quote(_select_all(tables[0]))} (in Python query=...)"
        raise UsageError(f"'{path}' holds {len(tables)} tables: {named}. Say which rows, such as {hint}.")
    return Query(_select_all(tables[0]), path).read(missing, verbatim, keep)


def _select_all(table: str) -> str:
    quoted = table.replace('"', '""')
    return f'select * from "{quoted}"'  # noqa: S608 (a name of a table that the database gave)


def _check_select(query: str) -> None:
    """Refuse anything but one statement that reads.

    Raises:
        UsageError: it is something else.
    """
    code = _NO_CODE.sub(lambda quoted: " " if quoted[0][:2] in ("--", "/*") else " x ", query).strip()
    first, semicolon, rest = code.partition(";")
    if semicolon and rest.strip(" \t\r\n;"):
        raise UsageError(f"One select was needed, but {len([part for part in code.split(';') if part.strip()])} statements came. Give one.")
    if not first.strip():
        raise UsageError("A select was needed, but the query is empty. Give one, such as 'select * from visits'.")
    if not _READS.match(first) or _WRITES.search(first):
        raise UsageError(f"A query only reads: a select was needed, but '{abridged(' '.join(query.split()))}' came. Give one select.")


# Files of SQLite


@contextlib.contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection through which a file can be read and nothing else."""
    if not path.exists():
        near = [str(other) for other in path.parent.glob("*") if other.suffix in SUFFIXES]
        raise NotFoundError(f"There is no database '{path}'. {suggest(str(path), near) if near else 'Check the path.'}")
    if path.is_dir():
        raise DataError(f"A database was needed, but '{path}' is a folder. Name the file inside it.")
    with path.open("rb") as file:
        begin = file.read(_HEADER_BYTES)
    if not begin.startswith(_MAGIC):
        what = "is empty" if not begin else "is none, or encrypted"
        raise DataError(f"A database of SQLite was needed, but '{path}' {what}. In Python a query takes a connection to any database.")
    # With a write-ahead log SQLite would leave files beside a file that it only reads; without one at hand nobody is writing.
    is_idle = begin[_LOG_FORMAT : _LOG_FORMAT + 1] == b"\2" and not Path(f"{path}-wal").exists()
    before = path.stat()
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{'immutable=1' if is_idle else 'mode=ro'}", uri=True, timeout=_SECONDS_TO_WAIT
    )
    try:
        yield connection
    finally:
        connection.close()
    if is_idle and (path.stat().st_mtime_ns, path.stat().st_size) != (before.st_mtime_ns, before.st_size):
        raise DataError(f"'{path}' was written to while it was read. Try again when that is over.")


@contextlib.contextmanager
def _heeding(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """While a file is asked: nothing but reading is allowed, Ctrl-C is heeded, and errors become one sentence."""
    tables: list[str] = []
    try:
        tables = _list_tables(connection)
        connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY)
        connection.set_progress_handler(lambda: 0, _STEPS_BETWEEN_SIGNALS)  # a signal is raised in it, and ends the query
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from None
        raise _explain(error, path, tables) from error


def _list_tables(connection: sqlite3.Connection) -> list[str]:
    named = "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite\\_%' escape '\\' order by rowid"
    return [name for (name,) in connection.execute(named)]


def _explain(error: sqlite3.Error, path: Path, tables: list[str]) -> WeightsError:
    reason = str(error)
    if missing := re.match(r"no such table: (.*)", reason):
        hint = suggest(missing[1], tables) if tables else "It has none."
        return NotFoundError(f"'{path}' has no table '{missing[1]}'. {hint}")
    if missing := re.match(r"no such column: (.*)", reason):
        return NotFoundError(f"The query names a column '{missing[1]}', which its tables do not have ('{path}'). Check the names.")
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_AUTH or "not authorized" in reason or "prohibited" in reason:
        return UsageError(f"A query only reads: '{path}' was asked for more than that ({reason}). Give one select.")
    if "locked" in reason:
        return DataError(f"'{path}' could not answer the query: somebody is writing to it ({reason}). Try again when that is over.")
    return DataError(f"'{path}' could not answer the query: {reason.rstrip('.')}. Check the query, and that the file is a whole database.")


# Connections


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """While a connection is asked: errors, of which each driver has its own, become one sentence."""
    try:
        yield
    except (WeightsError, MemoryError):
        raise
    except Exception as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from None
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise DataError(f"The database could not answer the query: {reason}. Check the query and the connection.") from error


def _ask(connection: Any, query: str) -> Any:
    """A cursor that has the rows of a query.

    Raises:
        UsageError: it is no connection.
    """
    if hasattr(connection, "raw_connection"):  # an engine of SQLAlchemy
        connection = connection.raw_connection()
    elif not hasattr(connection, "cursor") and hasattr(connection, "connection"):  # a connection of SQLAlchemy
        connection = connection.connection
    if not callable(getattr(connection, "cursor", None)):
        came = f"a {type(connection).__name__} came"
        raise UsageError(
            f"The path of a SQLite database, or a connection with a cursor (DB-API, ADBC), was needed, but {came}. Connect first."
        )
    cursor = connection.cursor()
    cursor.execute(query)
    return cursor


# Rows


def _read_rows(cursor: Any, missing: Sequence[str]) -> pa.Table:
    """All rows that a cursor has."""
    if hasattr(cursor, "fetch_arrow_table"):
        return cursor.fetch_arrow_table()
    names = [str(column[0]) for column in cursor.description or ()]
    if not names:
        raise DataError("The query gives no columns: a select was needed. Give one, such as 'select * from visits'.")
    columns: list[list[pa.Array | list[Any]]] = [[] for _ in names]
    n_rows, n_bytes, n_next = 0, 0.0, _FIRST_FETCH
    while rows := cursor.fetchmany(n_next):
        for chunks, cells in zip(columns, zip(*rows, strict=True), strict=True):
            chunks.append(_compact(cells, missing))
            n_bytes += chunks[-1].nbytes if isinstance(chunks[-1], pa.Array) else 64.0 * len(cells)
        n_rows += len(rows)
        n_next = int(min(max(_FETCHED_BYTES * n_rows / max(n_bytes, 1), 1), _MOST_FETCHED))
        check_memory_for(2.0 * n_bytes, f"Reading the rows of the query (more than {n_rows:,} rows x {len(names)} columns)")
    fields, arrays = [], []
    for name in names:
        array, remark = _join(columns.pop(0), n_rows)
        fields.append(pa.field(name, array.type, metadata={"remark": remark} if remark else None))
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _compact(cells: Sequence[Any], missing: Sequence[str]) -> pa.Array | list[Any]:
    """Some cells as an array, where they are of one type; blobs without their bytes, which nobody reads."""
    if any(isinstance(cell, bytes | bytearray | memoryview) for cell in cells):
        return pa.array([None if cell is None else b"" for cell in cells], pa.binary())
    known = [None if isinstance(cell, str) and cell.strip() in missing else cell for cell in cells] if missing else [*cells]
    try:
        return pa.array(known, from_pandas=True)
    except (pa.ArrowException, OverflowError, TypeError):
        return known


def _join(chunks: list[pa.Array | list[Any]], n_rows: int) -> tuple[pa.ChunkedArray, str]:
    """One column, and what is to be said of it."""
    blobs = [isinstance(chunk, pa.Array) and pa.types.is_binary(chunk.type) for chunk in chunks]
    if any(blobs):
        kept = [chunk if is_blob else pa.nulls(len(chunk), pa.binary()) for chunk, is_blob in zip(chunks, blobs, strict=True)]
        return pa.chunked_array(kept, pa.binary()), ""
    if all(isinstance(chunk, pa.Array) for chunk in chunks):
        with contextlib.suppress(pa.ArrowException):
            tables = [pa.table({"column": chunk}) for chunk in chunks]
            return pa.concat_tables(tables, promote_options="permissive").column(0) if tables else pa.chunked_array([pa.nulls(0)]), ""
    cells = [cell for chunk in chunks for cell in (chunk.to_pylist() if isinstance(chunk, pa.Array) else chunk)]
    text = pa.chunked_array([pa.array([spell(cell) for cell in cells], pa.string())])
    remark = describe_mixture(cells, range(1, n_rows + 1)) if len(count_sorts(cells)) > 1 else ""
    return text, remark
