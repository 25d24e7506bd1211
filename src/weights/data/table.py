"""Reading tables: a file, a data frame or arrays in, one `pyarrow.Table` out.

`read_table` is the usual entrance. Files are CSV/TSV (delimiter, encoding, byte-order mark and
decimal comma are found, not asked for), Parquet and JSON lines, each also gzip-compressed where the
format allows it. Data frames of any library come in through narwhals.
"""

from __future__ import annotations

import gzip
import itertools
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data import examples
from weights.data.columns import in_plain_type
from weights.errors import DataError, NotFoundError, UsageError, suggest

MISSING_WORDS = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "?")
"""Cells of a text file that mean "no value"; `missing=[...]` adds to them."""

_SAMPLE_BYTES = 1 << 16
_DELIMITERS = (",", ";", "\t", "|")


def read_table(source: Any, *, missing: Sequence[str] = ()) -> pa.Table:
    """The table behind a path, the name of a bundled example, a data frame, or a mapping of columns.

    Args:
        source: path to .csv, .tsv, .txt, .parquet, .jsonl or .ndjson (or .gz of the text formats); a bundled
            example's name (see `weights data`); any eager frame narwhals knows; a mapping from column name to
            values; or a two-dimensional array, whose columns become ``x0, x1, ...``.
        missing: further words that mean "no value" in text columns.

    Returns:
        A table with unique column names and at least one row and one column.

    Raises:
        NotFoundError: the path or example does not exist.
        DataError: the content cannot be read as a table.
        UsageError: the source is of a kind that is not supported.

    Example:
        >>> read_table({"age": [31, 47], "ill": ["no", "yes"]}).column_names
        ['age', 'ill']
    """
    table = _read_named(str(source), missing) if isinstance(source, str | os.PathLike) else _from_memory(source)
    words = [missing] if isinstance(missing, str) else [*missing]
    return _checked(_without_missing_words(_in_plain_types(table), words), source)


def describe_source(source: Any) -> str:
    """A short name for the source, for messages and the model card: a file called data is told apart by its folder."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return f"{path.absolute().parent.name}/{path.name}" if path.stem == "data" else path.name
    return f"{type(source).__module__.split('.')[0]}.{type(source).__name__}".removeprefix("builtins.")


def _read_named(name: str, missing: Sequence[str]) -> pa.Table:
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
    suffixes = [s.lower() for s in path.suffixes]
    kind = next((s for s in reversed(suffixes) if s != ".gz"), "")
    reader = _READERS.get(kind)
    if reader is None:
        raise UsageError(
            f"'{name}' ends in '{kind or 'nothing'}', and the formats read are {', '.join(sorted(_READERS))}. Rename or convert the file."
        )
    try:
        return reader(path, missing)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError, OSError, UnicodeError, EOFError, zlib.error) as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise DataError(
            f"'{name}' could not be read as {kind[1:]}: {reason}. Check that the file is complete and of that format."
        ) from error


def _neighbours(path: Path) -> list[str]:
    files = (str(path.parent / f.name) if str(path.parent) != "." else f.name for f in path.parent.iterdir())
    return [*itertools.islice(files, 500), *examples.EXAMPLES]


def _read_csv(path: Path, missing: Sequence[str]) -> pa.Table:
    from pyarrow import csv

    sample, encoding = _sample(path)
    delimiter = _find_delimiter(sample, default="\t" if ".tsv" in path.suffixes else ",")
    decimal = "," if delimiter != "," and _has_decimal_comma(sample, delimiter) else "."
    convert = csv.ConvertOptions(null_values=[*MISSING_WORDS, *missing], strings_can_be_null=True, decimal_point=decimal)

    def read(encoding: str) -> pa.Table:
        layout = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
        with pa.input_stream(path, compression="gzip" if path.suffix.lower() == ".gz" else None) as stream:
            return csv.read_csv(stream, csv.ReadOptions(encoding=encoding), layout, convert)

    table = read(encoding)
    if encoding == "utf-8" and any(pa.types.is_binary(kind) for kind in table.schema.types):
        # Arrow gives text that is not UTF-8 as binary: a byte behind the sample was of the older encoding.
        table = read("cp1252")
    return table


def _sample(path: Path) -> tuple[str, str]:
    """The first 64 kB as text, and the encoding that reads them."""
    opener: Callable[..., Any] = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rb") as file:
        raw = file.read(_SAMPLE_BYTES)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace"), "utf-16"
    if b"\x00" in raw:
        raise DataError(f"'{path}' holds NUL bytes at position {raw.index(0)}: text was needed. If it is UTF-16, save it as UTF-8.")
    cut = raw[: raw.rfind(b"\n") + 1] or raw
    try:
        return cut.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return cut.decode("cp1252", errors="replace"), "cp1252"


def _find_delimiter(sample: str, *, default: str) -> str:
    """The delimiter that cuts the first lines into the same number (above one) of cells, most cells first."""
    lines = [re.sub(r'"[^"]*"', "", line) for line in sample.splitlines()[:50] if line.strip()]
    agreement: dict[str, tuple[float, int]] = {}
    for delimiter in _DELIMITERS:
        [(cuts, lines_alike)] = Counter(line.count(delimiter) for line in lines).most_common(1) or [(0, 0)]
        if cuts and lines[0].count(delimiter) == cuts:
            agreement[delimiter] = (round(lines_alike / len(lines), 1), cuts)
    return max(agreement, key=lambda delimiter: agreement[delimiter], default=default)


def _has_decimal_comma(sample: str, delimiter: str) -> bool:
    cells = [cell.strip().strip('"') for line in sample.splitlines()[1:200] for cell in line.split(delimiter)]
    comma = sum(bool(re.fullmatch(r"[-+]?\d+,\d+", cell)) for cell in cells)
    point = sum(bool(re.fullmatch(r"[-+]?\d+\.\d+", cell)) for cell in cells)
    return comma > point


def _read_parquet(path: Path, missing: Sequence[str]) -> pa.Table:
    from pyarrow import parquet

    return parquet.read_table(path)


def _read_json_lines(path: Path, missing: Sequence[str]) -> pa.Table:
    from pyarrow import json

    return json.read_json(path)


_READERS: dict[str, Callable[[Path, Sequence[str]], pa.Table]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".txt": _read_csv,
    ".parquet": _read_parquet,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
}


def _from_memory(source: Any) -> pa.Table:
    if isinstance(source, pa.Table):
        return source
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
        raise UsageError(
            f"A path, data frame, mapping of columns or 2-D array was needed, but a {type(source).__name__} came. Convert it."
        ) from error
    except nw.exceptions.DuplicateError as error:
        raise DataError(f"Column names must differ, but the {type(source).__name__} repeats one: {error}. Rename it.") from error
    return _from_columns((name, frame.get_column(name)) for name in frame.columns)


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
    if np.ndim(values) > 1:
        raise DataError(f"Column '{name}' must hold one value a row, but it has shape {np.shape(values)}. Pass its columns one by one.")
    try:
        return values.to_arrow() if hasattr(values, "to_arrow") else pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        # Mixed Python values: keep them as text, kinds are found later.
        return pa.array([None if v is None or v != v else str(v) for v in values])
    except TypeError as error:
        raise DataError(f"Column '{name}' could not be read: {error}. Pass a list or a one-dimensional array.") from error


def _in_plain_types(table: pa.Table) -> pa.Table:
    """The table with dictionaries and odd string types spelled out, and NaN as null: each kind of column in one form."""
    for index, field in enumerate(table.schema):
        column = table.column(index)
        plain = in_plain_type(column)
        if plain is not column:
            table = table.set_column(index, field.name, plain)
    return table


def _without_missing_words(table: pa.Table, missing: Sequence[str]) -> pa.Table:
    """Text cells that are one of the `missing` words become nulls, whatever the source was."""
    if not missing:
        return table
    words = pa.array([word.strip() for word in missing], pa.string())
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            column = table.column(index)
            hit = pc.is_in(pc.utf8_trim_whitespace(column), words)
            table = table.set_column(index, field.name, pc.if_else(hit, pa.scalar(None, pa.string()), column))
    return table


def _checked(table: pa.Table, source: Any) -> pa.Table:
    name = describe_source(source)
    repeated = [column for column, count in Counter(table.column_names).items() if count > 1]
    if repeated:
        raise DataError(
            f"Column names must differ, but '{repeated[0]}' stands {table.column_names.count(repeated[0])} times in {name}. Rename one."
        )
    if table.num_columns == 0 or table.num_rows == 0:
        raise DataError(f"At least one row of data was needed, but {name} has {table.num_rows} rows and {table.num_columns} columns.")
    return table
