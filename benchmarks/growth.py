"""What more rows cost: time and memory of `weights fit`, in memory and streamed.

    python benchmarks/growth.py [--folder FOLDER]

Generates tables of 50 columns in FOLDER (2.5 GB of disk; a temporary one if none is named), fits each in a process of its own with
default settings, and prints the time and the peak of resident memory. Then fits a table in memory and again with a WEIGHTS_MEMORY that
has its rows streamed, and one of ten million rows under a limit of address space that it does not fit into. Run nothing else
meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import parquet

N_COLUMNS = 50
ROWS = (10_000, 100_000, 1_000_000)
MANY_ROWS = 10_000_000
_ROW_GROUP = 65_536
_LIBRARIES = 3 << 30
"""Address space that libraries take before any data come (weights/data/memory.py)."""


class Run(NamedTuple):
    """A fit: wall seconds of the process, seconds of training, and peak of resident memory in MB."""

    seconds: float
    training: float
    peak: float
    log_loss: float


def write_table(path: Path, n_rows: int) -> None:
    """Normal, skewed and rounded columns in float32, and two classes that depend on five of them, a part at a time."""
    schema = pa.schema([*((f"x{j}", pa.float32()) for j in range(N_COLUMNS)), ("y", pa.string())])
    with parquet.ParquetWriter(path, schema) as file:
        for part, begin in enumerate(range(0, n_rows, _ROW_GROUP)):
            rng = np.random.default_rng([n_rows, part])
            n = min(_ROW_GROUP, n_rows - begin)
            x = rng.standard_normal((n, N_COLUMNS), dtype=np.float32)
            x[:, 10:20] = np.exp(x[:, 10:20])
            x[:, 20:25] = np.round(2 * x[:, 20:25])
            signal = x[:, 0] + np.sin(2 * x[:, 1]) + x[:, 2] * x[:, 3] + 0.5 * np.log(x[:, 10]) - (x[:, 4] > 0.5)
            y = np.where(signal + rng.logistic(size=n) > 0, "yes", "no")
            file.write_table(pa.table([*x.T, y], schema=schema), row_group_size=_ROW_GROUP)


def fit(path: Path, *options: str, memory: str = "", addresses: int = 0) -> Run:
    """Fit in a process of its own, perhaps with a budget of memory or a limit of address space in bytes."""
    command = [sys.executable, "-m", "weights", "fit", str(path), "--target", "y", "--no-save", "--json", *options]
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "WEIGHTS_MEMORY": memory},
        preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))) if addresses else None,
    )
    assert process.stdout is not None
    answer = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with status {status}")
    run = json.loads(answer)
    return Run(time.monotonic() - began, run["seconds"], usage.ru_maxrss / 1e3, run["metrics"]["log_loss"])


def main() -> None:
    """Generate, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, help="where the tables are, or are generated")
    parser.add_argument("--rows", type=int, nargs="*", default=[*ROWS, MANY_ROWS])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(exist_ok=True, parents=True)
        paths = {n_rows: folder / f"{n_rows}.parquet" for n_rows in arguments.rows}
        for n_rows, path in paths.items():
            if not path.exists():
                write_table(path, n_rows)
        in_memory(paths)
        streamed(paths)


def in_memory(paths: dict[int, Path]) -> None:
    """Default fits; programs are compiled beforehand, so that memory of compiling is that of the smallest table."""
    print(f"default settings, {N_COLUMNS} columns; memory above that of the smallest table, in tables of float32")
    print(f"{'rows':>12} {'table MB':>9} {'seconds':>8} {'training':>9} {'peak MB':>8} {'above':>6} {'tables':>7} {'log loss':>9}")
    base = None
    for n_rows, path in paths.items():
        if n_rows > max(ROWS):
            continue
        run, table = fit(path), 4e-6 * n_rows * N_COLUMNS
        base = run.peak if base is None else base
        above = run.peak - base
        print(
            f"{n_rows:12,} {table:9.0f} {run.seconds:8.1f} {run.training:9.1f} {run.peak:8.0f} {above:6.0f} {above / table:7.2f} "
            f"{run.log_loss:9.4f}",
            flush=True,
        )


def streamed(paths: dict[int, Path]) -> None:
    """The same steps in memory and streamed, and a table beyond the limit."""
    print("\nnetworks, 8 members, steps of 256 rows; streamed: rows are read while others are learned from")
    print(f"{'rows':>12} {'table MB':>9} {'limit':>22} {'steps':>6} {'training':>9} {'rows/s':>9} {'peak MB':>8} {'log loss':>9}")
    cases: list[tuple[int, str, dict[str, object], int]] = [
        (1_000_000, "none", {}, 3000),
        (1_000_000, "WEIGHTS_MEMORY 300MB", {"memory": "300MB"}, 3000),
        (MANY_ROWS, "addresses 4.2 GiB", {"addresses": _LIBRARIES + (5 << 28)}, 3000),
    ]
    for n_rows, limit, how, steps in cases:
        if n_rows in paths:
            run = fit(paths[n_rows], "--model", "mlp", "--members", "8", "--steps", str(steps), **how)  # type: ignore[arg-type]
            speed, table = 8 * steps * 256 / run.training, 4e-6 * n_rows * N_COLUMNS
            print(
                f"{n_rows:12,} {table:9.0f} {limit:>22} {steps:6} {run.training:9.1f} {speed:9,.0f} {run.peak:8.0f} {run.log_loss:9.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
