"""Reading JSON lines: one object a row, its keys the columns.

Arrow reads them; this file keeps from Arrow what would crash it (deep nesting) or exhaust memory (a key for every row).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from weights.data.memory import check_memory_for
from weights.data.table.header import MOST_COLUMNS
from weights.data.table.textfile import TextFile
from weights.errors import DataError

_DEEPEST = 100
"""Objects nested deeper than this are refused (our choice): Arrow goes down by recursion and crashes at some thousands."""
_BLOCK = 1 << 24
_KEY = re.compile(rb'"([^"\\]*)"\s*:')
_CHANGED = re.compile(r"Column\(/(.*)\) changed from (\w+) to (\w+) in row (\d+)")


def read_json_lines(path: Path, *_: Any) -> pa.Table:
    """The table in a file of JSON lines, gzip-compressed if it ends in .gz.

    Raises:
        DataError: a line is no object, a column changes its type, it is nested too deeply or does not fit into memory.
    """
    from pyarrow import json

    with TextFile(path, inspect=_inspector(path)) as text:
        try:
            return _moments_as_text(json.read_json(text, json.ReadOptions(block_size=_BLOCK)), path)
        except pa.ArrowInvalid as error:
            if changed := _CHANGED.search(str(error)):
                column, before, after, row = changed.groups()
                raise DataError(
                    f"Column '{column}' of '{path}' must hold one type, but changes from {before} to {after} in row {int(row) + 1}. "
                    "Quote its numbers or repair the row."
                ) from error
            if "straddling" in str(error):
                raise DataError(f"'{path}' has a line of more than {_BLOCK >> 20} MB: one object a line was needed. Cut it up.") from error
            raise


def _moments_as_text(table: pa.Table, path: Path) -> pa.Table:
    """The table with strings that Arrow took for moments as they are written: what they mean is decided as for other text."""
    from pyarrow import json

    moments = [field.name for field in table.schema if pa.types.is_temporal(field.type)]
    if not moments:
        return table
    only = json.ParseOptions(explicit_schema=pa.schema([(name, pa.string()) for name in moments]), unexpected_field_behavior="ignore")
    with TextFile(path) as text:
        as_text = json.read_json(text, json.ReadOptions(block_size=_BLOCK), only)
    for name in moments:
        table = table.set_column(table.schema.get_field_index(name), name, as_text[name])
    return table


def _inspector(path: Path) -> Callable[[bytes], None]:
    """A check of one piece of the file after the other: depth of nesting, number of keys, memory needed."""
    depth, in_string, escaped, n_rows, n_bytes = 0, 0, False, 0, 0
    keys: set[bytes] = set()

    def inspect(text: bytes) -> None:
        """Count rows, depth and keys of the next bytes."""
        nonlocal depth, in_string, escaped, n_rows, n_bytes
        n_bytes += len(text)
        n_rows += text.count(b"\n")
        keys.update(_KEY.findall(text))
        if len(keys) > MOST_COLUMNS:
            raise DataError(f"'{path}' has more than {MOST_COLUMNS:,} different keys, which are columns. Use the same keys in every row.")
        check_memory_for(2.0 * n_bytes + 8.0 * n_rows * len(keys), f"Reading '{path}' (more than {n_rows:,} rows x {len(keys):,} keys)")
        if escaped:
            text = text[1:]
        plain = re.sub(rb"\\.", b"", text, flags=re.DOTALL) if b"\\" in text else text
        escaped = plain.endswith(b"\\")
        codes = np.frombuffer(plain, np.uint8)
        # "[" and "{" differ in one bit only, and so do "]" and "}".
        is_quote, opens, closes = codes == ord('"'), (codes | 32) == ord("{"), (codes | 32) == ord("}")
        places = np.flatnonzero(is_quote | opens | closes)
        if not len(places):
            return
        quotes = in_string + np.cumsum(is_quote[places])
        change = np.where(quotes % 2 == 0, opens[places].astype(np.int64) - closes[places], 0)
        depths = depth + np.cumsum(change)
        if depths.max() > _DEEPEST:
            line = n_rows - text.count(b"\n") + plain.count(b"\n", 0, int(places[np.argmax(depths > _DEEPEST)])) + 1
            raise DataError(f"'{path}' is nested more than {_DEEPEST} deep in line {line}. A table has one value a cell: flatten it.")
        depth, in_string = int(depths[-1]), int(quotes[-1] % 2)

    return inspect
