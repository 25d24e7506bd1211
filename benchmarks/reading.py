"""How fast a table is read from each format, what blank lines and noticing changed rows cost, and a score as a quantity and as classes.

    python benchmarks/reading.py                 # all
    python benchmarks/reading.py formats         # or text, changes, scores

formats: 15 columns of numbers, words, moments and a target as CSV, Parquet, JSON lines, .xlsx and a table of SQLite, each read three
times, in turns, through `read_table`; the fewest seconds count, and all must give the same cells. text: a file with and without blank
lines. changes: preparing rows, and their fingerprint. scores: a score of few whole numbers. Seconds are those of the processor, of all
threads together; the tables are made here.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

import weights as wt
from weights.data.dataset import prepare
from weights.data.fingerprint import fingerprint_rows
from weights.data.roles import Roles
from weights.data.table.columns import as_text
from weights.data.table.read import read_table

T = TypeVar("T")
N_IN_FORMATS, N_READ, N_PREPARED, N_SCORED = 20_000, 600_000, 1_000_000, 400
_REPEATS = 3


def compare_formats() -> None:
    """Write, read in turns, and print the least time of each format."""
    with tempfile.TemporaryDirectory() as folder:
        rows = make_table(N_IN_FORMATS)
        paths = write_formats(rows, Path(folder))
        seconds: dict[str, list[float]] = {path.suffix: [] for path in paths}
        for _ in range(_REPEATS):
            for path in paths:
                read, taken = timed(lambda path=path: read_table(path))
                seconds[path.suffix].append(taken)
                assert all(as_text(read[name]).equals(as_text(rows[name])) for name in rows.column_names if name != "seen"), path
        for path in paths:
            fastest = min(seconds[path.suffix])
            rate = N_IN_FORMATS * rows.num_columns / fastest
            print(f"{path.suffix:<9}{path.stat().st_size / 1e6:>7.1f} MB {fastest:>8.3f} s {rate:>14,.0f} cells a processor second")


def make_table(n_rows: int) -> pa.Table:
    """Normal numbers, three words, moments, and a number that depends on the first."""
    random = np.random.default_rng(0)
    numbers = {f"x{j}": random.normal(size=n_rows).round(6) for j in range(15)}
    words = random.choice(["north", "south", "c & d"], n_rows)
    moments = np.datetime64("2024-01-01T00:00:00", "s") + random.integers(0, 10**6, n_rows) * np.timedelta64(60, "s")
    return pa.table({**numbers, "ward": words, "seen": moments, "y": (numbers["x0"] + random.normal(size=n_rows)).round(6)})


def write_formats(rows: pa.Table, folder: Path) -> list[Path]:
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


def read_text() -> None:
    """Read a file of text with blank lines and without."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        frame = pd.DataFrame(rng.normal(size=(N_READ, 6)), columns=[*"abcdef"])
        frame["word"], frame["count"] = rng.choice(["red", "blue", "green"], N_READ), rng.integers(0, 1000, N_READ)
        frame.to_csv(path, index=False)
        text = path.read_text()
        head, rest = text[: len(text) // 2].rsplit("\n", 1)[0], text[len(text[: len(text) // 2].rsplit("\n", 1)[0]) :]
        for name, content in {"no blank line": text, "one at the end": text + "\n", "one in the middle": f"{head}\n{rest}"}.items():
            path.write_text(content)
            table, seconds = timed(lambda: read_table(path))
            print(f"read, {name:<18} {table.num_rows:,} rows x {table.num_columns} columns, {len(content) / 1e6:.0f} MB: {seconds:.2f} s")


def notice_changes() -> None:
    """Prepare rows, and take the fingerprint by which changed ones are noticed."""
    rng = np.random.default_rng(0)
    columns = {f"x{j}": rng.normal(size=N_PREPARED) for j in range(16)}
    columns |= {f"word{j}": rng.choice(["red", "blue", "green"], N_PREPARED) for j in range(4)}
    table = read_table({**columns, "y": rng.normal(size=N_PREPARED)})
    dataset, prepared = timed(lambda: prepare(table, Roles("y")))
    _, fingerprinted = timed(lambda: fingerprint_rows(dataset.encoding, table, ["y"]))
    print(f"prepare {N_PREPARED:,} rows x 20 columns: {prepared:.2f} s, of which the fingerprint {fingerprinted:.2f} s")


def fit_scores() -> None:
    """Fit a score of few whole numbers as a quantity and as classes."""
    rng = np.random.default_rng(0)
    a, b, noise = rng.normal(size=(3, N_SCORED))
    score = np.clip(np.round(5 + 1.5 * a + b + 1.8 * noise), 0, 10)
    frame = pd.DataFrame({"a": a, "b": b, "score": score})
    quantity, classes = (wt.fit(frame, "score", task=task, members=8, inspect=False) for task in (None, "multiclass"))
    kept = classes.predictions()
    labels = np.asarray(classes.classes, float)
    as_classes = np.sqrt(np.mean((labels[kept.prediction.argmax(1)] - labels[kept.y]) ** 2))
    print(f"a score of 0.0 to 10.0, out of bag: RMSE {quantity.metrics['rmse']:.2f} as a quantity, {as_classes:.2f} as classes")


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What work gives, and the processor seconds it took."""
    began = time.process_time()
    return work(), time.process_time() - began


PARTS = {"formats": compare_formats, "text": read_text, "changes": notice_changes, "scores": fit_scores}


def main() -> None:
    """Print the figures of the parts that are named, of all if none is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=", ".join(PARTS))
    for name in parser.parse_args().parts or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
