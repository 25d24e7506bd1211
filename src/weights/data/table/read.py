"""Reading tables: a file, a data frame or arrays in, one `pyarrow.Table` out.

`read_table` is the usual entrance. Files are CSV/TSV (`delimited`), Parquet, JSON lines, the text formats also
compressed, workbooks (`excel`) and databases of SQLite (`sql`); of the last two `part_of` names a sheet or the rows of a query.
Data frames of any library come in through narwhals. What would not fit into memory is refused before it
is read where the file states its size, and while it is read where it does not.
"""

from __future__ import annotations

import contextlib
import itertools
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data import examples
from weights.data.memory import check_memory_for
from weights.data.table.columns import as_text, is_number, is_supported
from weights.data.table.delimited import count_missing_words, read_delimited
from weights.data.table.excel import SUFFIXES as WORKBOOKS
from weights.data.table.excel import Sheet, read_workbook
from weights.data.table.indices import mark_indices
from weights.data.table.jsonlines import read_json_lines
from weights.data.table.levels import ordered, with_levels
from weights.data.table.notation import is_plain_number
from weights.data.table.parquet import check_names_differ, is_text_in_codes, read_parquet
from weights.data.table.part import Part, path_of
from weights.data.table.plainform import extension_of, simplify_type, whole_text
from weights.data.table.sql import SUFFIXES as DATABASES
from weights.data.table.sql import Query, read_database
from weights.data.table.textfile import COMPRESSIONS
from weights.data.table.zipped import find_zipped_table
from weights.errors import DataError, NotFoundError, UsageError, suggest


def read_table(source: Any, *, missing: Sequence[str] = (), keep: Collection[str] = (), verbatim: Collection[str] = ()) -> pa.Table:
    """The table behind a path, the name of a bundled example, a data frame, or a mapping of columns.

    Args:
        source: path to .csv, .tsv, .txt, .data, .dat, .parquet, .jsonl or .ndjson (or .gz, .bz2, .xz, .zst of the text
            formats, or a .zip that holds one), to a workbook or a database that holds one table; a part of one, see
            `part_of`; a bundled example's name (see `weights data`); any eager frame narwhals knows; a mapping from column
            name to values; or a two-dimensional array, whose columns become ``x0, x1, ...``.
        missing: further words that mean "no value" in text columns.
        keep: words that mean "no value" in other text files, and are labels in this one, see `read_delimited`.
        verbatim: columns whose cells in text files stay text, as they are written: labels, and what is read as in training.

    Returns:
        A table with unique column names and at least one row and one column; what was remarked while reading a text
        file is in its metadata (see `delimited`).

    Raises:
        NotFoundError: the path or example does not exist.
        DataError: the content cannot be read as a table.
        UsageError: the source is of a kind that is not supported.

    Example:
        >>> read_table({"age": [31, 47], "ill": ["no", "yes"]}).column_names
        ['age', 'ill']
    """
    words = [missing] if isinstance(missing, str) else [*missing]
    if isinstance(source, Part):
        table = source.read(words, verbatim, keep)
    else:
        table = _read_named(str(source), words, verbatim, keep) if isinstance(source, str | os.PathLike) else _from_memory(source)
    return _checked(to_plain_form(table, words), source)


def to_plain_form(table: pa.Table, missing: Sequence[str]) -> pa.Table:
    """The table with each kind of column in one form, dictionaries spelled out, and `missing` words as nulls."""
    return _remove_missing_words(_simplify_types(table), missing)


PARTS: dict[str, type[Part]] = {"sheet": Sheet, "query": Query}
"""What of a file or a database may be named, by the option that names it."""

AnyPart = Sheet | Query


def part_of(source: Any, options: Any) -> Any:
    """The part of a source that options name; the source itself if they name none.

    Args:
        source: a file or database.
        options: a record with a field for each of `PARTS`.

    Raises:
        UsageError: several are named, or there are no such parts of the source.

    Example:
        >>> from weights.fitoptions import PartOptions
        >>> part_of("visits.xlsx", PartOptions(sheet="2024")).name
        "sheet '2024'"
    """
    given = {kind: name for kind in PARTS if (name := getattr(options, kind)) is not None}
    if not given:
        return source
    if len(given) > 1 or isinstance(source, Part):
        raise UsageError(f"Rows are named once, but {' and '.join(f'--{kind}' for kind in given)} came beside others. Leave one out.")
    [(kind, name)] = given.items()
    return PARTS[kind].of(source, name)


def lasting(source: Any) -> str | AnyPart | None:
    """What rows can be read from again once this process is gone; None where they are in memory or behind a connection."""
    path = path_of(source)
    return cast(AnyPart, source.at(path)) if isinstance(source, Part) and path is not None else path


def describe_source(source: Any) -> str:
    """A short name for the source, for messages and the model card: a file called data is named with its folder."""
    if isinstance(source, Part):
        return f"{describe_source(source.where)}, {source.name}"
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return f"{path.absolute().parent.name}/{path.name}" if path.stem == "data" else path.name
    return f"{type(source).__module__.split('.')[0]}.{type(source).__name__}".removeprefix("builtins.")


def missing_words_of(source: Any, table: pa.Table, name: str) -> dict[str, int]:
    """How many cells of a column of text hold which word that means "no value", most first; none of sources that can say it otherwise."""
    kept = (table.field(name).metadata or {}).get(b"missing_words")
    if kept:
        return msgspec.json.decode(kept, type=dict[str, int])
    path = path_of(source)
    is_text = path is not None and path not in examples.EXAMPLES and _READERS.get(_kind_of(Path(path))) is read_delimited
    return count_missing_words(Path(str(path)), name) if is_text and table[name].null_count else {}


def is_table_name(path: Path) -> bool:
    """Whether a file's name ends as those of tables do.

    Example:
        >>> is_table_name(Path("calls.csv.gz")), is_table_name(Path("call.wav"))
        (True, False)
    """
    return path.suffix.lower() in COMPRESSIONS or path.suffix.lower() in _READERS


def _kind_of(path: Path) -> str:
    """The ending that says how a file is read; of a zip that of the one table in it, or .csv, whose reader says what else it holds."""
    if path.suffix.lower() == ".zip":
        path = Path(find_zipped_table(path) or "table.csv")
    return next((suffix.lower() for suffix in reversed(path.suffixes) if suffix.lower() not in COMPRESSIONS), "")


def _read_named(name: str, missing: Sequence[str], verbatim: Collection[str], keep: Collection[str]) -> pa.Table:
    if name in examples.EXAMPLES:
        return examples.load(name)
    path = Path(name)
    if path.is_dir():
        raise DataError(f"A table file was needed, but '{name}' is a folder. Name the file inside it.")
    if not path.exists():
        hint = suggest(name, _neighbours(path)) if path.parent.is_dir() else f"The folder '{path.parent}' does not exist either."
        raise NotFoundError(f"There is no file or bundled example called '{name}'. {hint} `weights data` lists the examples.")
    if path.stat().st_size == 0:
        raise DataError(f"'{name}' is empty (0 bytes): a table with a header and at least one row was needed. Check how it was written.")
    kind = _kind_of(path)
    reader = _READERS.get(kind)
    if reader is None:
        how = _CONVERSIONS.get(kind, "Convert the file.")
        raise UsageError(f"'{name}' ends in '{kind or 'nothing'}', and the formats read are {', '.join(sorted(_READERS))}. {how}")
    with reading(path, kind[1:]):
        return reader(path, missing, verbatim, keep)


@contextlib.contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """While a file is read: what its reader raises becomes one sentence.

    Raises:
        DataError: the file could not be read.
    """
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise DataError(f"'{path}' could not be read as {kind}: {reason}. Check that the file is complete and of that format.") from error


def _neighbours(path: Path) -> list[str]:
    files = (str(path.parent / f.name) if str(path.parent) != "." else f.name for f in path.parent.iterdir())
    return [*itertools.islice(files, 500), *examples.EXAMPLES]


_READERS: dict[str, Callable[[Path, Sequence[str], Collection[str], Collection[str]], pa.Table]] = {
    ".csv": read_delimited,
    ".dat": read_delimited,
    ".data": read_delimited,
    ".tsv": read_delimited,
    ".txt": read_delimited,
    ".parquet": lambda path, *_: read_parquet(path),
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    **dict.fromkeys(WORKBOOKS, read_workbook),
    **dict.fromkeys(DATABASES, read_database),
}


_CONVERSIONS = {
    ".arff": "Its rows below @data are CSV: put a line with the names of its @attributes above them, and save these lines as .csv.",
    **dict.fromkeys(
        (".pkl", ".pickle", ".rds"), "Such a file may run code as it is read: save its table as CSV or Parquet where it was made."
    ),
}
"""What to do about formats that are not read."""


def _from_memory(source: Any) -> pa.Table:
    if isinstance(source, pa.RecordBatch | pa.RecordBatchReader):
        source = pa.table(source) if isinstance(source, pa.RecordBatch) else source.read_all()
    if isinstance(source, pa.Table):
        return mark_indices(source, source.schema.metadata)
    if isinstance(source, np.ndarray):
        if source.ndim != 2:
            raise DataError(
                f"An array of shape (n, p) was needed, but one of shape {source.shape} came. Use x.reshape(-1, 1) for a single column."
            )
        return _from_columns((f"x{j}", source[:, j]) for j in range(source.shape[1]))
    if isinstance(source, Mapping):
        return _from_columns(source.items())
    import narwhals.stable.v2 as nw

    try:
        frame = nw.from_native(source, eager_only=True)
    except TypeError as error:
        needed = f"A path, data frame, mapping of columns or 2-D array was needed, but a {type(source).__name__} came."
        raise UsageError(f"{needed} {'Call its .collect() first' if hasattr(source, 'collect') else 'Convert it'}.") from error
    except nw.exceptions.DuplicateError as error:
        check_names_differ([str(name) for name in source.columns], describe_source(source))
        raise DataError(f"Column names must differ, but the {type(source).__name__} repeats one. Rename it.") from error
    table, index = _from_columns((name, frame.get_column(name)) for name in frame.columns), nw.maybe_get_index(frame)
    named = [f"'{name}'" for name in getattr(index, "names", []) if name is not None]
    if not named:
        return table
    remark = f"the index {', '.join(named)} of the frame is not read; reset_index() makes it a column"
    return table.replace_schema_metadata({"remarks": msgspec.json.encode([remark])})


def _from_columns(columns: Iterable[tuple[Any, Any]]) -> pa.Table:
    named = [(str(name), _to_arrow(values, str(name))) for name, values in columns]
    lengths = {name: len(values) for name, values in named}
    if len(set(lengths.values())) > 1:
        first, other = named[0][0], next(name for name, length in lengths.items() if length != lengths[named[0][0]])
        raise DataError(f"Columns must be equally long, but '{first}' has {lengths[first]} values and '{other}' has {lengths[other]}.")
    return pa.Table.from_arrays([values for _, values in named], names=[name for name, _ in named])


def _to_arrow(values: Any, name: str) -> pa.Array:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    shape = (len(values),) if hasattr(values, "to_arrow") else _shape_of(values)
    if len(shape) > 2 or (len(shape) == 2 and shape[1] == 1):
        needed = "one value, or a list of them, a row"
        raise DataError(f"Column '{name}' must hold {needed}, but it has shape {shape}. Pass its columns one by one.")
    try:
        if len(shape) == 2:
            return pa.array([*values], from_pandas=True)
        column = values.to_arrow() if hasattr(values, "to_arrow") else pa.array(values, from_pandas=True)
        if pa.types.is_fixed_size_binary(column.type) and str(getattr(values, "dtype", "")) == "Object":  # of polars: addresses
            return _from_objects(values.to_list())
        return ordered(column, values)
    except (pa.ArrowException, OverflowError):
        return _from_objects(values)
    except UnicodeEncodeError:
        return _from_objects(map(whole_text, values))
    except TypeError as error:
        raise DataError(f"Column '{name}' could not be read: {error}. Pass a list or a one-dimensional array.") from error


def _shape_of(values: Any) -> tuple[int, ...]:
    try:
        return np.shape(values)
    except ValueError:  # lists of several lengths
        return (len(values),)


def _from_objects(values: Iterable[Any]) -> pa.Array:
    """Python's own values, of types that Arrow does not take as they are; as text where they are mixed, kinds are found later."""
    cells = [None if _is_absent(value) else value for value in values]
    with contextlib.suppress(pa.ArrowException, OverflowError, TypeError):
        return pa.array(cells, from_pandas=True)
    return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())


def _is_absent(value: Any) -> bool:
    """Whether a value is none: None, NaN, NaT or NA, which are not equal to themselves."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True
    except ValueError:  # an array
        return False


def _simplify_types(table: pa.Table) -> pa.Table:
    """The table with each column in its plain form; those that came as codes of levels are marked, see `came_as_codes`."""
    n_bytes = 0.0
    for index, field in enumerate(table.schema):
        column = table.column(index)
        if pa.types.is_dictionary(field.type):
            n_bytes += _spelled_out_bytes(column)
            check_memory_for(n_bytes, f"Column '{field.name}' and those before it ({len(column):,} rows of text)")
            field = with_levels(field, column)
        plain = simplify_type(column, extension_of(field))
        if plain is not column:
            coded = pa.types.is_dictionary(field.type) and not is_text_in_codes(field)
            marks = {**(field.metadata or {}), **({b"coded": b"1"} if coded else {})}
            table = table.set_column(index, pa.field(field.name, plain.type, metadata=marks), plain)
    return table


def came_as_codes(field: pa.Field) -> bool:
    """Whether a column came as codes of levels, as categories of data frames do."""
    return b"coded" in (field.metadata or {})


def _spelled_out_bytes(column: pa.ChunkedArray) -> float:
    """Memory of a dictionary's cells written out one by one."""
    n_bytes = 4.0 * len(column)
    for chunk in column.chunks:
        if pa.types.is_string(chunk.dictionary.type) or pa.types.is_large_string(chunk.dictionary.type):
            lengths = pc.take(pc.binary_length(chunk.dictionary), chunk.indices)
            n_bytes += pc.sum(pc.cast(lengths, pa.int64())).as_py() or 0
    return n_bytes


def _remove_missing_words(table: pa.Table, missing: Sequence[str]) -> pa.Table:
    """Cells that are one of the `missing` words become nulls, numbers and moments as well, whatever the source was."""
    if not missing:
        return table
    words = [word.strip() for word in missing]
    numbers = pa.array([float(word) for word in words if is_plain_number(word) and "," not in word], pa.float64())
    spelled = "|".join(re.escape(word) + (r"(?:\.0*)?" if re.fullmatch(r"[-+]?\d+", word) else "") for word in words)
    for index, field in enumerate(table.schema):
        column = table.column(index)
        if pa.types.is_string(field.type):
            hit = pc.match_substring_regex(pc.utf8_trim_whitespace(column), f"^(?:{spelled})$")
        elif is_number(field.type) and len(numbers):
            hit = pc.is_in(pc.cast(column, pa.float64(), safe=False), numbers)
        elif pa.types.is_temporal(field.type) and is_supported(field.type):
            hit = pc.is_in(as_text(column), pa.array(words, pa.string()))
        else:
            continue
        if pc.any(hit).as_py():
            table = table.set_column(index, field, pc.if_else(pc.fill_null(hit, False), pa.scalar(None, field.type), column))
    return table


def _checked(table: pa.Table, source: Any) -> pa.Table:
    """The table, if its names differ and it holds a cell."""
    name = describe_source(source)
    check_names_differ(table.column_names, name)
    if table.num_columns == 0 or table.num_rows == 0:
        raise DataError(f"At least one row of data was needed, but {name} has {table.num_rows} rows and {table.num_columns} columns.")
    return table
