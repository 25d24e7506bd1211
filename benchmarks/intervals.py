"""Whether intervals hold where it is hard: coverage by quarter of the prediction and by group, and their width, on real tables.

    python benchmarks/intervals.py ../shared/data
    python benchmarks/intervals.py ../shared/data --tables slid_wages,wine_quality --seeds 10,11

Each table whose target is a number is cut into halves (by seed), without the columns that its manifest calls leaky. `weights fit` runs with
its defaults on one half, without feature weights; the other half is answered. Beside the intervals stand those of one width for every row,
from the absolute residuals of the same out-of-bag answers. Groups are the levels of every category and flag with 200 rows in the half that
is answered. What falls short of the targets (overall within 3 points, quarters and groups within 6, no wider) is printed in bold.
Results are appended to --results, one JSON object a line, and what stands there is not run again.

    python benchmarks/intervals.py sets            simulated: sets of classes, one of them rare, together and by class
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

import weights as wt
from weights.conformal import Conformal, check_level, smallest_holding
from weights.tasks.number import Number

FEWEST = 200
Record = dict[str, Any]


def run(folder: Path, entry: Record, seed: int, level: float) -> Record:
    """Coverage and widths on one half of a table after a fit on the other."""
    frame, target = pd.read_parquet(folder / entry["path"]).drop(columns=entry.get("leaky_columns") or []), entry["target"]
    frame = frame[frame[target].notna()]
    order = np.random.default_rng(seed).permutation(len(frame))
    seen, new = (frame.iloc[part].reset_index(drop=True) for part in np.split(order, [len(frame) // 2]))
    calibrate, answered, seconds = Number.calibrate, {}, {}

    def calibrate_and_keep(task: Number, y: Any, predictions: Any, *rest: Any) -> Conformal:
        answered["residuals"], began = task.original(y) - predictions, time.perf_counter()
        conformal = calibrate(task, y, predictions, *rest)
        seconds["calibrate"] = time.perf_counter() - began
        return conformal

    began = time.perf_counter()
    with mock.patch.object(Number, "calibrate", calibrate_and_keep):
        model = wt.fit(seen, target, inspect=False)
    seconds["fit"] = time.perf_counter() - began
    began = time.perf_counter()
    prediction = model.predict(new)
    seconds["predict"] = time.perf_counter() - began
    bounds = model.interval(new, level=level)
    inputs, began = model._encode(new), time.perf_counter()
    model.ensemble.bounds(prediction, inputs, level)
    seconds["bounds"] = time.perf_counter() - began
    half = smallest_holding(np.abs(answered["residuals"]), level)
    y, named = new[target].to_numpy(float), [f.name for f in model.ensemble.features if f.used and f.kind in ("category", "boolean")]
    groups = [new[name] for name in named]
    record = {"table": entry["name"], "seed": seed, "n": len(seen), "level": level, "seconds": seconds}
    record["interval"] = covered(prediction, y, bounds.low, bounds.high, groups, level)
    record["constant"] = covered(prediction, y, prediction - half, prediction + half, groups, level)
    return record


def covered(prediction: Any, y: Any, low: Any, high: Any, groups: list[Any], level: float) -> Record:
    """Shares of values within bounds: of all rows, of quarters of the prediction, of the worst group; and the mean width."""
    within = (low <= y) & (y <= high)
    quarter = np.searchsorted(np.quantile(prediction, [0.25, 0.5, 0.75]), prediction)
    by_group = [pd.Series(within).groupby(cells, observed=True).agg(["mean", "size"]) for cells in groups]
    of_groups = [float(share) for shares in by_group for share, n in shares.itertuples(index=False) if n >= FEWEST]
    return {
        "all": within.mean(),
        "quarters": [within[quarter == q].mean() for q in range(4)],
        "groups": len(of_groups),
        "missed": int(sum(abs(share - level) > 0.06 for share in of_groups)),
        "worst": max(of_groups, key=lambda share: abs(share - level), default=None),
        "width": float(np.mean(high - low)),
    }


def lines(records: list[Record]) -> list[str]:
    """The table of docs/benchmarks.md."""
    shown = [
        "| table, rows | all | by quarter of the prediction | worst group (missed of all) | width | one width: all, quarters, worst group |"
    ]
    shown.append("|---|---|---|---|---|---|")
    for record in records:
        level, here, before = record["level"], record["interval"], record["constant"]
        ratio = here["width"] / before["width"]
        quarters = " ".join(percent(share, level, 0.06) for share in here["quarters"])
        worst = [f"{percent(r['worst'], level, 0.06)} ({r['missed']} of {r['groups']})" if r["worst"] else "-" for r in (here, before)]
        cells = [
            f"{record['table']}, {record['n']:,}",
            percent(here["all"], level, 0.03),
            quarters,
            worst[0],
            f"{ratio:.3f}" if ratio <= 1 else f"**{ratio:.3f}**",
            f"{percent(before['all'], level, 0.03)}, {' '.join(percent(share, level, 0.06) for share in before['quarters'])}, {worst[1]}",
        ]
        shown.append(f"| {' | '.join(cells)} |")
    return shown


def percent(share: float, level: float, within: float) -> str:
    """In percent, bold where it is farther from the level than the target allows."""
    words = f"{100 * share:.1f}"
    return words if abs(share - level) <= within else f"**{words}**"


def simulate_sets(n_repetitions: int = 200, n: int = 4_000, level: float = 0.9) -> list[str]:
    """Sets of three classes of which one has a rate of .02, from probabilities of a fitted linear model, together and by class."""
    check_level(level)
    shares: dict[str, list[Any]] = {"together": [], "by class": []}
    sizes: dict[str, list[float]] = {"together": [], "by class": []}
    for repetition in range(n_repetitions):
        random = np.random.default_rng(repetition)
        y = random.choice(3, 2 * n, p=[0.6, 0.38, 0.02])
        x = random.normal(size=(2 * n, 3)) + np.array([[0, 0, 0], [1, 0, 0], [0.5, 1.5, 0]])[y]
        table = pd.DataFrame(x, columns=["a", "b", "c"]).assign(y=np.array(["common", "other", "rare"])[y])
        model = wt.fit(table[:n], "y", model="linear", members=8, inspect=False)
        for name, by_class in (("together", False), ("by class", True)):
            sets = model.prediction_sets(table[n:], level=level, by_class=by_class)
            within = sets[np.arange(n), y[n:]]
            shares[name].append([within.mean(), *(within[y[n:] == k].mean() for k in range(3))])
            sizes[name].append(sets.sum(1).mean())
    shown = [
        f"{n_repetitions} repetitions, {n:,} rows seen and {n:,} new",
        "| sets | all | .60 | .38 | .02 | classes in a set |",
        "|---|" + "---|" * 5,
    ]
    for name, found in shares.items():
        means = np.mean(found, axis=0)
        shown.append(f"| {name} | {' | '.join(f'{100 * mean:.1f}' for mean in means)} | {np.mean(sizes[name]):.2f} |")
    return shown


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="of the collection, or sets")
    parser.add_argument("--tables", help="names, separated by commas; all if not given")
    parser.add_argument("--seeds", default="10")
    parser.add_argument("--level", type=float, default=0.9)
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--results", type=Path, default=Path("intervals.jsonl"))
    asked = parser.parse_args()
    if asked.folder == "sets":
        print(*simulate_sets(asked.repetitions, level=asked.level), sep="\n")
        return
    folder = Path(asked.folder)
    entries = [e for e in json.loads((folder / "MANIFEST.json").read_text()) if (e["kind"], e["task"]) == ("table", "regression")]
    entries = [e for e in entries if not asked.tables or e["name"] in asked.tables.split(",")]
    records = [json.loads(line) for line in asked.results.read_text().splitlines()] if asked.results.exists() else []
    for seed in map(int, asked.seeds.split(",")):
        for entry in sorted(entries, key=lambda entry: entry["rows"]):
            if not any((r["table"], r["seed"], r["level"]) == (entry["name"], seed, asked.level) for r in records):
                try:
                    records.append(run(folder, entry, seed, asked.level))
                except wt.DataError as error:  # one half may hold what the other does not prepare for: another seed is to be tried
                    print(entry["name"], seed, "was not run:", error, flush=True)
                    continue
                with asked.results.open("a") as results:
                    results.write(json.dumps(records[-1]) + "\n")
                print(records[-1]["table"], seed, {name: round(s, 3) for name, s in records[-1]["seconds"].items()}, flush=True)
    print(*lines([record for record in records if record["level"] == asked.level]), sep="\n")


if __name__ == "__main__":
    main()
