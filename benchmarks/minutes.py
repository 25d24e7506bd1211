"""How long a fit takes, table by table, as the plan said and beside another version.

    python benchmarks/minutes.py ../shared/data
    python benchmarks/minutes.py ../shared/data --beside ../other/bin/python --tables titanic,letter_recognition
    python benchmarks/minutes.py ../shared/data --budget 60

Each table is fitted as `weights fit` does, in a process of its own that reads the whole file; seconds are those of the wall from the
start of the process. Versions, each with its own interpreter, take turns table by table, every one with a folder of compiled programs
that is empty at the start (--warm fits each table twice and counts the second time). Every fit adds a JSON object to --results, and
what stands there is not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

Record = dict[str, Any]
_FIT = """
import json, resource, sys
path, target, budget = sys.argv[1:]
options, planned = {"budget": float(budget)} if budget else {}, None
try:
    from weights.api import plan_fit
    from weights.running import run
except ImportError:  # an older version, whose plan is not asked for
    import weights
    report = weights.fit(path, target, **options).report
else:
    prepared = plan_fit(path, target, **options)
    planned, report = sum(prepared.stages.values()), run(prepared).report
used, loss = resource.getrusage(resource.RUSAGE_SELF), next(iter(report.metrics.values())).value
print(json.dumps({"planned": planned, "trained": report.seconds, "loss": loss, "cpu": used.ru_utime + used.ru_stime}))
"""


def fit(python: str, path: Path, target: str, budget: str, cache: str) -> Record:
    """Seconds of the wall, and what the fit said of itself."""
    began = time.monotonic()
    out = subprocess.run([python, "-c", _FIT, str(path), target, budget], env={**os.environ, "WEIGHTS_CACHE": cache}, capture_output=True)
    if out.returncode:
        raise SystemExit(out.stderr.decode())
    return {**json.loads(out.stdout.splitlines()[-1]), "wall": round(time.monotonic() - began, 2)}


def describe(records: list[Record], names: list[str]) -> list[str]:
    """Seconds in all of each version on the tables that all of them fitted, and how true plans were."""
    by_table: dict[str, dict[str, Record]] = {}
    for record in records:
        by_table.setdefault(record["table"], {})[record["version"]] = record
    shared = [found for found in by_table.values() if {*names} <= {*found}]
    lines = []
    for name in names:
        own = [found[name] for found in shared]
        apart = np.array([record["trained"] / (record["planned"] or np.inf) for record in own])
        true = int(((apart > 1 / 1.5) & (apart < 1.5)).sum())
        seconds, cpu = sum(record["wall"] for record in own), sum(record["cpu"] for record in own)
        lines.append(f"{name}: {len(own)} tables in {seconds:.0f} s of the wall, {cpu:.0f} s of processors; plan within 1.5 on {true}")
    if len(names) == 2:
        ratios = [found[names[0]]["wall"] / found[names[1]]["wall"] for found in shared]
        losses = [found[names[0]]["loss"] / found[names[1]]["loss"] for found in shared]
        lines.append(f"of the other's time in the median {np.median(ratios):.2f}, of its loss {np.exp(np.mean(np.log(losses))):.4f}")
    return lines


def main() -> None:
    """Fit the tables that are asked for, and print what came."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--beside", help="the interpreter of another version")
    parser.add_argument("--tables", default="", help="names, separated by commas; all by default, the smaller first")
    parser.add_argument("--budget", default="", help="seconds, as `weights fit --budget`")
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--results", type=Path, default=Path("minutes.jsonl"))
    chosen = parser.parse_args()
    entries = [entry for entry in json.loads((chosen.folder / "MANIFEST.json").read_text()) if entry["kind"] == "table"]
    wanted = chosen.tables.split(",") if chosen.tables else [e["name"] for e in sorted(entries, key=lambda e: e["rows"] * e["columns"])]
    by_name = {entry["name"]: entry for entry in entries}
    versions = {"this": sys.executable} | ({"other": chosen.beside} if chosen.beside else {})
    records = [json.loads(line) for line in chosen.results.read_text().splitlines()] if chosen.results.exists() else []
    done = {(record["table"], record["version"]) for record in records}
    with tempfile.TemporaryDirectory() as folder:
        for table in wanted:
            for version, python in versions.items():
                if (table, version) in done:
                    continue
                args = python, chosen.folder / by_name[table]["path"], by_name[table]["target"], chosen.budget, f"{folder}/{version}"
                if chosen.warm:
                    fit(*args)
                record = {"table": table, "version": version, **fit(*args)}
                records.append(record)
                with chosen.results.open("a") as file:
                    file.write(json.dumps(record) + "\n")
                figures = (f"{name} {record[name] or np.nan:7.1f}" for name in ("wall", "planned", "trained"))
                print(f"{table:26} {version:6}", *figures, flush=True)
    print(*describe(records, [*versions]), sep="\n")


if __name__ == "__main__":
    main()
