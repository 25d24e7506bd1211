"""Whether verdicts are right, on tables whose state is known, and whether a loss is cut into its true parts.

    python benchmarks/diagnosis.py verdicts --output verdicts.jsonl    200 cases, each diagnosed in full
    python benchmarks/diagnosis.py show verdicts.jsonl                 the table of docs/benchmarks.md
    python benchmarks/diagnosis.py promises ../shared/data             what remedies gain on rows never used, beside what was promised

A case is a kind, a task and a seed, from which sizes and noise are drawn. Cases that are in the output already are left out, so that
a run can be stopped and continued.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Kind(NamedTuple):
    """Cases of a known state: what is right to say of them, and how models are fitted to them."""

    right: str
    truth: str
    options: dict[str, Any]
    rows: tuple[int, int]
    explained: tuple[float, float]


_SMALL_NETWORK = {"model": "mlp", "hidden": (32,), "embedding": "none"}
KINDS = {
    "too small a model": Kind("underfits", "bent", _SMALL_NETWORK | {"hidden": (1,)}, (800, 1500), (0.7, 0.95)),
    "too strong a penalty": Kind("underfits", "linear", {"model": "linear", "penalty": "l2", "strength": 3.0}, (400, 1500), (0.5, 0.9)),
    "too few steps": Kind("underfits", "friedman", _SMALL_NETWORK | {"n_steps": 24}, (800, 1500), (0.7, 0.95)),
    "too large, few noisy rows": Kind(
        "overfits",
        "linear",
        _SMALL_NETWORK | {"hidden": (256, 256), "dropout": 0.0, "weight_decay": 0.0, "patience": 0, "n_steps": 1000},
        (150, 350),
        (0.3, 0.6),
    ),
    "well matched": Kind("balanced", "linear", {"model": "linear"}, (1000, 3000), (0.7, 0.95)),
    "well matched, networks beside": Kind("balanced", "linear", {"hidden": (32,), "n_steps": 500}, (1500, 3000), (0.7, 0.95)),
    "limited by noise": Kind("limited by noise", "linear", {"model": "linear"}, (1500, 3000), (0.05, 0.25)),
    "limited by noise, networks beside": Kind("limited by noise", "linear", {"hidden": (32,), "n_steps": 500}, (2000, 3000), (0.05, 0.25)),
}
_N_FEATURES = 6


def draw_case(kind: Kind, task: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (n, 6) and targets (n,) of a case: numbers, or two classes whose log odds are the truth."""
    rng = np.random.default_rng([seed, 0xD1A])
    n, explained = int(rng.integers(*kind.rows)), rng.uniform(*kind.explained)
    x = rng.normal(size=(n, _N_FEATURES))
    match kind.truth:
        case "friedman":
            u = 0.5 * (1 + np.tanh(x))
            mean = 10 * np.sin(np.pi * u[:, 0] * u[:, 1]) + 20 * (u[:, 2] - 0.5) ** 2 + 10 * u[:, 3] + 5 * u[:, 4]
        case "bent":
            mean = x[:, 0] * x[:, 1] + x[:, 2] ** 2 + np.abs(x[:, 3]) + x[:, 4]
        case _:
            mean = x @ rng.normal(size=_N_FEATURES)
    mean = (mean - mean.mean()) / mean.std()
    if task == "classes":
        steepness = 8 * explained**2  # log odds so steep that classes are about as well told as numbers are explained
        return x, np.where(rng.random(n) < 1 / (1 + np.exp(-steepness * mean)), "yes", "no")
    return x, mean + rng.normal(size=n) * np.sqrt(1 / explained - 1)


def verdicts(output: Path, n_cases: int, only: str, part: str) -> None:
    """Diagnose the cases that are not in the output yet."""
    from weights.api import diagnose, fit

    done = {(r["kind"], r["task"], r["seed"]) for r in read(output)} if output.exists() else set()
    names, (number, of) = [*KINDS], map(int, part.split("/"))
    cases = [(names[i % len(names)], ("numbers", "classes")[i // len(names) % 2], i) for i in range(n_cases)]
    for name, task, seed in [case for case in cases if case not in done and only in case[0]][number - 1 :: of]:
        began, kind = time.monotonic(), KINDS[name]
        x, y = draw_case(kind, task, seed)
        columns = {f"x{j}": x[:, j] for j in range(x.shape[1])} | {"y": y}
        model = fit(columns, "y", members=8, seed=seed, inspect=False, **kind.options)
        found = diagnose(model, columns)
        line = {
            "kind": name,
            "task": task,
            "seed": seed,
            "n": len(x),
            "right": kind.right,
            "verdict": found.verdict,
            "reason": found.reason,
        }
        best = found.remedies[0]
        line |= {"best": best.name, "relative": round(best.relative, 4), "seconds": round(time.monotonic() - began, 1)}
        with output.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(f"{'ok   ' if found.verdict == kind.right else 'WRONG'} {name}, {task} {seed}: {found.verdict}: {found.reason}", flush=True)


PROMISED = {
    "a linear model": {"model": "linear"},
    "a small network": {"model": "mlp", "hidden": (8,), "n_steps": 300},
    "a network that learns all by heart": {
        "model": "mlp",
        "hidden": (256, 256),
        "dropout": 0.0,
        "weight_decay": 0.0,
        "patience": 0,
        "n_steps": 2000,
    },
}
TABLES = ("concrete_strength", "abalone_rings", "bike_share_hourly", "phoneme", "heart_disease", "wine_quality")


def promises(folder: Path, only: str) -> None:
    """Diagnose three quarters of shared tables, apply the best remedy, and measure its gain on the last quarter."""
    from tables import Table
    from weights.api import diagnose, fit, improve

    entries = [e for e in json.loads((folder / "MANIFEST.json").read_text()) if e["name"] in TABLES and only in e["name"]]
    print("| table | fitted as | verdict | remedy | promised | on new rows |\n|---|---|---|---|---|---|")
    for entry in entries:
        table = Table(folder, entry)
        for said, options in PROMISED.items():
            model = fit(table.train, table.target, inspect=False, **options)
            found = diagnose(model, table.train)
            best = found.remedies[0]
            loss = found.decomposition.loss.value / 100
            promised = f"{best.gain / loss:.1f} % [{best.low / loss:.1f} {best.high / loss:.1f}]"
            if not best.helps:
                print(f"| {table.name} | {said} | {found.verdict} | none helps | {promised} | |", flush=True)
                continue
            better, _ = improve(model, best.name, table.train)
            before, after = (_test_losses(one, table) for one in (model, better))
            gain, error = (before - after).mean(), (before - after).std() / len(before) ** 0.5
            whole = before.mean() / 100
            measured = f"{gain / whole:.1f} % [{(gain - 1.96 * error) / whole:.1f} {(gain + 1.96 * error) / whole:.1f}]"
            print(f"| {table.name} | {said} | {found.verdict} | {best.name} | {promised} | {measured} |", flush=True)


def _test_losses(model: Any, table: Any) -> np.ndarray:
    """Squared errors, or log losses, on the test rows."""
    if not table.classes:
        return (model.predict(table.test) - table.y_test) ** 2
    order = np.argsort([str(label) for label in model.classes]) if isinstance(model.classes[0], str) else np.arange(len(model.classes))
    return -np.log(model.predict_proba(table.test)[:, order][np.arange(len(table.y_test)), table.y_test].clip(1e-12))


def read(path: Path) -> list[dict[str, Any]]:
    """Diagnosed cases."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def show(results: list[dict[str, Any]]) -> None:
    """A table in Markdown."""
    print("| case | task | right | of | otherwise |\n|---|---|---|---|---|")
    for name in KINDS:
        for task in ("numbers", "classes"):
            own = [r for r in results if (r["kind"], r["task"]) == (name, task)]
            wrong = Counter(r["verdict"] for r in own if r["verdict"] != r["right"])
            said = ", ".join(f"{verdict} {count}" for verdict, count in wrong.items())
            print(f"| {name} | {task} | {len(own) - wrong.total()} | {len(own)} | {said} |")
    right = sum(r["verdict"] == r["right"] for r in results)
    matched = [r for r in results if r["right"] in ("balanced", "limited by noise")]
    alarms = sum(r["verdict"] in ("underfits", "overfits") for r in matched)
    print(f"\n{right} of {len(results)} right ({right / len(results):.1%}); false alarms {alarms} of {len(matched)}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["verdicts", "show", "promises"])
    parser.add_argument("results", nargs="?", type=Path, help="measured cases, or the folder of shared tables")
    parser.add_argument("--output", type=Path, default=Path("verdicts.jsonl"))
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--only", default="", help="kinds or tables whose name holds this")
    parser.add_argument("--part", default="1/1", help="2/3: the second of three parts of the cases")
    given = parser.parse_args()
    if given.what == "promises":
        promises(given.results, given.only)
    elif given.what == "show":
        show(read(given.results or given.output))
    else:
        verdicts(given.output, given.cases, given.only, given.part)


if __name__ == "__main__":
    main()
