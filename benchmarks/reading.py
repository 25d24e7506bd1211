"""How fast a table is read from each format, and whether all give the same cells.

    python benchmarks/reading.py

The table has 15 columns of numbers, words, moments and a target, written as CSV, Parquet, JSON lines, .xlsx and a table of SQLite.
Each is read three times, in turns, through `read_table`; the fewest processor seconds count, of all threads together.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
from pyarrow import csv, parquet

from weights.data.table.columns import as_text
from weights.data.table.read import read_table

_REPEATS = 3


def table(n_rows: int) -> pa.Table:
    """Normal numbers, three words, moments, and a number that depends on the first."""
    random = np.random.default_rng(0)
    numbers = {f"x{j}": random.normal(size=n_rows).round(6) for j in range(15)}
    words = random.choice(["north", "south", "c & d"], n_rows)
    moments = np.datetime64("2024-01-01T00:00:00", "s") + random.integers(0, 10**6, n_rows) * np.timedelta64(60, "s")
    return pa.table({**numbers, "ward": words, "seen": moments, "y": (numbers["x0"] + random.normal(size=n_rows)).round(6)})


def write(rows: pa.Table, folder: Path) -> list[Path]:
    """The rows in a file of each format."""
    paths = [folder / f"rows.{ending}" for ending in ("csv", "parquet", "jsonl", "xlsx", "sqlite")]
    csv.write_csv(rows, paths[0])
    parquet.write_table(rows, paths[1])
    paths[2].write_text("".join(json.dumps(row, default=str) + "\n" for row in rows.to_pylist()))
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("rows")
    for cells in [rows.column_names, *(row.values() for row in rows.to_pylist())]:
        sheet.append([*cells])
    book.save(paths[3])
    with sqlite3.connect(paths[4]) as connection:
        connection.execute(f"create table rows ({', '.join(rows.column_names)})")
        marks = ", ".join("?" * rows.num_columns)
        cells = ([str(cell) if hasattr(cell, "year") else cell for cell in row.values()] for row in rows.to_pylist())
        connection.executemany(f"insert into rows values ({marks})", cells)
    return paths


def main() -> None:
    """Write, read in turns, and print the least time of each format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    n_rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        rows = table(n_rows)
        paths = write(rows, Path(folder))
        seconds: dict[str, list[float]] = {path.suffix: [] for path in paths}
        for _ in range(_REPEATS):
            for path in paths:
                began = time.process_time()
                read = read_table(path)
                seconds[path.suffix].append(time.process_time() - began)
                assert all(as_text(read[name]).equals(as_text(rows[name])) for name in rows.column_names if name != "seen"), path
        for path in paths:
            fastest = min(seconds[path.suffix])
            rate = n_rows * rows.num_columns / fastest
            print(f"{path.suffix:<9}{path.stat().st_size / 1e6:>7.1f} MB {fastest:>8.3f} s {rate:>14,.0f} cells a processor second")


if __name__ == "__main__":
    main()
