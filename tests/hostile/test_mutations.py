"""Damaged files: whatever happens to a valid table's bytes, what comes out is a table or a `WeightsError`.

Stated: over seeded mutations (flipped bits, inserted, deleted, swapped, repeated and overwritten bytes, and truncation) of CSV,
gzip-compressed CSV, JSON lines, Parquet, .xlsx and SQLite files that are generated here, reading and planning a fit never crashes, hangs,
warns, raises anything but `WeightsError`, or exceeds the memory it was given.

`MUTATIONS` sets how many files are tried (CONTRIBUTING.md). This file is also the worker that tries them, in a process of its
own with a limit on memory, so that a crash is seen and counted.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import selectors
import sqlite3
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
from pyarrow import parquet

MUTATIONS = int(os.environ.get("MUTATIONS", "240"))
ADDRESS_SPACE = 6 << 30
"""Far above what such small files need; compiled libraries alone reserve two."""
MOST_RESIDENT_MB = 1000
MOST_SECONDS_A_FILE = 20
"""No measure of speed: what takes longer than this on files of a few kB hangs."""
MAGIC = (
    b"\x00",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b'"',
    b"\r",
    b"\n\n",
    b",,",
    b";",
    b"nan",
    b"-inf",
    b"1e999",
)
MAGIC += (b"99999999999999999999", b"[[[[", b"{}", b"PAR1", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b", "é".encode("latin-1"), b"0" * 300)


def valid_file(random: np.random.Generator) -> tuple[str, bytes]:
    """A name with its ending, and the bytes of a small table with a target y."""
    n = int(random.integers(5, 60))
    day = np.datetime64("2024-01-01") + random.integers(0, 300, n)
    columns = {
        "x": random.normal(size=n).round(4).tolist(),
        "count": random.integers(0, 2**40, n).tolist(),
        "city": random.choice(["Zürich", "Łódź", "a,b", 'say "hi"', "01234"], n).tolist(),
        "when": [str(d) for d in day],
        "ill": random.choice(["yes", "no"], n).tolist(),
        "price": [f"${v:,.2f}" for v in random.gamma(1, 2000, n)],
        "gaps": [None if v < 0 else v for v in random.normal(size=n).round(2).tolist()],
        "y": random.choice([0, 1], n).tolist() if random.random() < 0.5 else random.normal(size=n).tolist(),
    }
    kind = random.choice(["csv", "csv.gz", "jsonl", "parquet", "xlsx", "sqlite"], p=[0.3, 0.05, 0.15, 0.3, 0.15, 0.05])
    if kind == "xlsx":
        return "a.xlsx", workbook(columns)
    if kind == "sqlite":
        return "a.sqlite", database(columns)
    if kind == "jsonl":
        rows = zip(*columns.values(), strict=True)
        return "a.jsonl", "".join(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n" for row in rows).encode()
    if kind == "parquet":
        sink = io.BytesIO()
        compression = random.choice(["none", "snappy", "zstd", "gzip"])
        parquet.write_table(pa.table(columns), sink, compression=str(compression), row_group_size=int(random.integers(4, 80)))
        return "a.parquet", sink.getvalue()
    delimiter, line_end = random.choice([",", ";", "\t"]), random.choice(["\n", "\r\n", "\r"])
    encoding = random.choice(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
    lines = [columns.keys(), *zip(*columns.values(), strict=True)]
    text = "".join(delimiter.join(quoted("" if cell is None else str(cell)) for cell in line) + line_end for line in lines).encode(encoding)
    return f"a.{kind}", gzip.compress(text) if kind == "csv.gz" else text


def workbook(columns: dict[str, list]) -> bytes:
    """A workbook, always of the same bytes: without the time at which it was made."""
    book, sink = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["A table"])
    book.active.merge_cells("A1:H1")
    for row in [[*columns], *zip(*columns.values(), strict=True)]:
        book.active.append([*row])
    book.save(sink)
    with zipfile.ZipFile(sink) as archive:
        return zipped({entry.filename: archive.read(entry) for entry in archive.infolist() if "core" not in entry.filename})


def zipped(parts: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return sink.getvalue()


def database(columns: dict[str, list]) -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute(f"create table t ({', '.join(f'[{name}]' for name in columns)})")
    rows = zip(*columns.values(), strict=True)
    connection.executemany(f"insert into t values ({', '.join('?' * len(columns))})", [[str(cell) for cell in row] for row in rows])
    connection.commit()
    return connection.serialize()


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',;\t"') else cell


def mutate(content: bytes, random: np.random.Generator) -> bytes:
    """Mostly one and at most three random changes, half of the time in the first half only, which spares the footer of Parquet."""
    data = bytearray(content)
    reach = 0.5 if random.random() < 0.5 else 1.0
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        if not data:
            break
        at, other = sorted(random.integers(0, max(int(reach * len(data)), 1), 2).tolist())
        length = int(random.integers(1, 40))
        match str(random.choice(["flip", "overwrite", "digits", "insert", "delete", "cut", "swap", "repeat", "magic", "insert magic"])):
            case "flip":
                for place in [at] if random.random() < 0.5 else random.integers(0, at + 1, 5).tolist():
                    data[place] ^= 1 << int(random.integers(0, 8))
            case "overwrite":
                data[at] = int(random.integers(0, 256))
            case "digits":
                data[at : at + 1] = str(random.integers(0, 10**9)).encode()
            case "insert":
                data[at:at] = random.bytes(length)
            case "delete":
                del data[at : at + length]
            case "cut":
                del data[other:]
            case "swap":
                data[at : at + length], data[other : other + length] = data[other : other + length], data[at : at + length]
            case "repeat":
                data[at:at] = data[at:other] * int(random.integers(1, 4))
            case kind:
                magic = MAGIC[random.integers(0, len(MAGIC))]
                data[at : at + (len(magic) if kind == "magic" else 0)] = magic
    return bytes(data)


def mutant(number: int) -> tuple[str, bytes]:
    random = np.random.default_rng([7, number])
    name, content = valid_file(random)
    if name.endswith(".xlsx") and random.random() < 0.8:  # a change of the zip itself is nearly always seen by its checksums
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = {entry.filename: archive.read(entry) for entry in archive.infolist()}
        changed = "xl/worksheets/sheet1.xml" if random.random() < 0.7 else str(random.choice([*parts]))
        return name, zipped({**parts, changed: mutate(parts[changed], random)})
    return name, mutate(content, random)


def work(first: int, last: int) -> None:
    """Try each mutant; print its number before, and what came of it after."""
    import resource

    from weights.api import look
    from weights.data.table.read import read_table
    from weights.errors import WeightsError

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, last):
            print("begin", number, flush=True)
            name, content = mutant(number)
            path = Path(folder) / name
            path.write_bytes(content)
            outcome = "read"
            for question in (read_table, look, lambda path: look(path, "y")):
                try:
                    question(path)
                except WeightsError as error:
                    outcome = "refused" if question is read_table else outcome
                    outcome = outcome if str(error) else "refused without a word"
                except BaseException as error:
                    outcome = f"{type(error).__name__}: {error}".replace("\n", " ")[:200]
                if outcome not in ("read", "refused"):
                    break
            print("end", number, resident_mb(), outcome, flush=True)


def resident_mb() -> int:
    """The most memory this process has held; getrusage would count what its parent held before it began."""
    try:
        return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1000
    except OSError:
        return 0


def try_all(n_mutations: int) -> tuple[dict[str, int], dict[int, str], int]:
    """How many mutants were read and refused, what else came of which, and the largest resident memory in MB."""
    counts, wrong, most_mb, first = {"read": 0, "refused": 0}, {}, 0, 0
    while first < n_mutations:
        command = [sys.executable, __file__, str(first), str(n_mutations)]
        # Without a buffer, so that what is waiting to be read is what the worker has said.
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0) as worker:
            assert worker.stdout is not None
            waiting = selectors.DefaultSelector()
            waiting.register(worker.stdout, selectors.EVENT_READ)
            hung = False
            while first < n_mutations:
                if not waiting.select(MOST_SECONDS_A_FILE if first else 3 * MOST_SECONDS_A_FILE):
                    hung = True
                    break
                line = worker.stdout.readline().decode()
                if not line:
                    break
                if line.startswith("end"):
                    _, _, resident, outcome = line.rstrip("\n").split(" ", 3)
                    most_mb = max(most_mb, int(resident))
                    if outcome in counts:
                        counts[outcome] += 1
                    else:
                        wrong[first] = outcome
                    first += 1
            worker.kill()
        if first < n_mutations:
            wrong[first] = "hung" if hung else f"crashed with {worker.returncode}"
            first += 1
    return counts, wrong, most_mb


def test_a_damaged_file_is_read_or_refused():
    counts, wrong, most_mb = try_all(MUTATIONS)
    print(f"{MUTATIONS} mutations: {counts}, {len(wrong)} otherwise, at most {most_mb} MB resident")
    assert wrong == {}
    assert sum(counts.values()) == MUTATIONS
    assert most_mb < MOST_RESIDENT_MB


def test_mutations_are_the_same_every_time():
    assert mutant(3) == mutant(3)
    assert mutant(3) != mutant(4)


if __name__ == "__main__":
    work(int(sys.argv[1]), int(sys.argv[2]))
