"""How often tests of effects find some where there are none, and how often they find those that there are.

    python benchmarks/sizes.py linear --output sizes.jsonl    least squares and log odds, 1,000 tables a cell (400 of 50,000 rows)
    python benchmarks/sizes.py fits --output fits.jsonl       networks and stacked ensembles, 100 tables a cell
    python benchmarks/sizes.py show sizes.jsonl               the table of docs/benchmarks.md
    python benchmarks/sizes.py publish sizes.jsonl            what the product's footnotes quote

A table has a category of even levels or uneven ones (the k-th as frequent as 1 / k), a flag that one row in 50 has (or twelve rows), two
numbers, one of them under heavy tails (Student's t, 3 degrees), and an outcome that the numbers alone decide: a number with noise of as
heavy tails, or a class of the rate that is named. For power, levels have normal effects such that an F test of as many rows finds them
in about two tables of three.
"""

from __future__ import annotations

import argparse
import itertools
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
import scipy.special

from weights.inspection.joint import find_p_values
from weights.inspection.logistic import logistic
from weights.inspection.slopes import Rows, Slopes, least_squares

NETWORK = {"members": 5, "n_folds": 5, "hidden": (32,), "n_bins": 8, "n_steps": 300, "batch_size": 64, "threads": 1}
FEWEST = 5
"""Rows of an identifiable level."""
ALPHA = 0.05
MEASURED = Path(__file__).parents[1] / "src" / "weights" / "inspection" / "measured_sizes.json"


class Cell(NamedTuple):
    """A kind of table: rows, levels, whether these are even, outcome ("t3" or the rate of the rarer class), whether rows have weights."""

    n: int
    levels: int
    even: bool
    outcome: str
    weighted: bool


class Table(NamedTuple):
    """Level codes (n,), other inputs (n, 3), of which the last is the flag, the outcome (n,) and weights of mean one (n,)."""

    level: np.ndarray
    others: np.ndarray
    y: np.ndarray
    weight: np.ndarray


def draw(cell: Cell, seed: int, *, effects: bool) -> Table:
    """A table, with effects of levels or without."""
    rng = np.random.default_rng([seed, cell.n, cell.levels, cell.even, cell.weighted, len(cell.outcome), effects])
    chance = np.ones(cell.levels) if cell.even else 1 / (1 + np.arange(cell.levels))
    level = rng.choice(cell.levels, cell.n, p=chance / chance.sum())
    flag = rng.uniform(size=cell.n) < max(0.02, 12 / cell.n)
    numbers = np.column_stack([rng.normal(size=cell.n), rng.standard_t(3, cell.n)])
    size = np.sqrt(10 * np.sqrt(cell.levels) / cell.n) if effects else 0.0
    of_levels = size * rng.normal(size=cell.levels)[level]
    if cell.outcome == "t3":
        y = numbers @ [1.0, 0.5] + np.sqrt(3) * of_levels + rng.standard_t(3, cell.n)
    else:
        rate = float(cell.outcome)
        link = 0.5 * numbers[:, 0] + of_levels / np.sqrt(rate * (1 - rate))
        origin = scipy.optimize.brentq(lambda b: scipy.special.expit(link + b).mean() - rate, -20, 20)
        y = (rng.uniform(size=cell.n) < scipy.special.expit(link + origin)).astype(float)
    weight = rng.uniform(0.2, 3.0, cell.n) if cell.weighted else np.ones(cell.n)
    return Table(level, np.column_stack([numbers, flag]), y, weight / weight.mean())


def inputs(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Other inputs, then levels that fewer rows have than can be identified, then the rest of the levels (n, q); positions of these."""
    counts = np.bincount(table.level)
    rest = np.setdiff1d(np.flatnonzero(counts), counts.argmax())
    few, enough = rest[counts[rest] < FEWEST], rest[counts[rest] >= FEWEST]
    z = np.column_stack([table.others, table.level[:, None] == np.concatenate([few, enough])]).astype(float)
    return z, np.arange(z.shape[1] - len(enough), z.shape[1])


def bernoulli(expected: np.ndarray) -> np.ndarray:
    """The variance of a class that comes with these probabilities."""
    return expected.clip(0, 1) * (1 - expected.clip(0, 1))


def single(slopes: Slopes, which: np.ndarray) -> np.ndarray:
    """P-values of slopes by themselves."""
    z = slopes.slopes[which] / slopes.null_errors["robust"][which]
    return 2 * scipy.special.stdtr(slopes.degrees["robust"][which], -np.abs(z))


def linear_table(cell: Cell, seed: int, *, effects: bool = False) -> dict[str, Any]:
    """P-values of the category and lists of those of levels and the flag, on both scales, of ours and of the tests that are usual."""
    table = draw(cell, seed, effects=effects)
    z, own = inputs(table)
    rows, numeric = Rows(table.weight, None, None), cell.outcome == "t3"
    if not len(own) or (not numeric and min(table.y.sum(), (1 - table.y).sum()) < 2):
        return {}
    noise = (lambda expected: None) if numeric else bernoulli
    flag = np.array([2])
    known = least_squares(z, table.y, rows, noise)
    answer = {"levels": [*single(known, own)], "flag": [*single(known, flag)], **usual(z, table, own, numeric=numeric)}
    if len(own) > 1:
        answer["joint"] = find_p_values(known.only(own), table.level, rows, noise).get("robust")
    if not numeric:
        odds = logistic(z, table.y, rows)
        finite = own[np.isfinite(odds.slopes[own])]
        answer |= {"odds levels": [*single(odds, finite)], "odds flag": [*single(odds, flag[np.isfinite(odds.slopes[flag])])]}
        if len(own) > 1:
            answer["odds joint"] = find_p_values(odds.only(own), table.level, rows, bernoulli).get("robust")
    return answer


def usual(z: np.ndarray, table: Table, own: np.ndarray, *, numeric: bool) -> dict[str, Any]:
    """P-values of Wald tests with HC3 errors, which stood here before, and of the F test or the likelihood ratio (without weights)."""
    n, root = len(z), np.sqrt(table.weight)
    x, y = np.column_stack([np.ones(n), z]) * root[:, None], table.y * root
    factor, upper = np.linalg.qr(x)
    each = factor @ np.linalg.inv(upper).T
    slopes, noise = each.T @ y, y - factor @ (factor.T @ y)
    scores = each * (noise / (1 - (factor**2).sum(1)).clip(1e-10))[:, None]
    places, free = own + 1, n - x.shape[1]
    matrix = scores[:, places].T @ scores[:, places]
    errors = np.sqrt(np.diag(scores.T @ scores).clip(1e-300))
    wald = slopes[places] @ np.linalg.pinv(matrix, hermitian=True) @ slopes[places] / len(own)
    singles = 2 * scipy.special.stdtr(free, -np.abs(slopes / errors))
    answer = {"HC3 joint": float(scipy.special.fdtrc(len(own), free, wald))}
    answer |= {"HC3 levels": [*singles[places]], "HC3 flag": [singles[3]]}
    if (table.weight == 1).all():
        others = np.setdiff1d(np.arange(x.shape[1]), places)
        if numeric:
            less = y - x[:, others] @ np.linalg.lstsq(x[:, others], y, rcond=None)[0]
            explained = (less @ less - noise @ noise) / len(own) / (noise @ noise / free)
            answer["usual joint"] = float(scipy.special.fdtrc(len(own), free, explained))
        else:
            ratio = deviance(x[:, others], y) - deviance(x, y)
            answer["usual joint"] = float(scipy.special.gammaincc(len(own) / 2, max(ratio, 0.0) / 2))
    return answer


def deviance(x: np.ndarray, y: np.ndarray) -> float:
    """Of logistic regression, with as little ridge as keeps log odds finite."""
    coefficients = np.zeros(x.shape[1])
    for _ in range(40):
        probability = scipy.special.expit(x @ coefficients)
        curvature = (x * (probability * (1 - probability))[:, None]).T @ x + 1e-6 * np.eye(x.shape[1])
        step = np.linalg.solve(curvature, x.T @ (y - probability) - 1e-6 * coefficients)
        coefficients += step * min(1.0, 5.0 / np.abs(x @ step).max().clip(1e-300))
        if np.abs(step).max() < 1e-7:
            break
    return float(2 * np.logaddexp(0, -(2 * y - 1) * (x @ coefficients)).sum())


def fitted_table(cell: Cell, seed: int, model: str) -> dict[str, Any]:
    """The same by the ordinary entrance."""
    import weights as wt

    table = draw(cell, seed, effects=False)
    y = table.y if cell.outcome == "t3" else np.where(table.y == 1, "yes", "no")
    if cell.outcome != "t3" and min(table.y.sum(), (1 - table.y).sum()) < FEWEST:
        return {}
    columns = {"level": np.array([f"l{k}" for k in table.level]), "x": table.others[:, 0], "heavy": table.others[:, 1]}
    columns |= {"flag": np.where(table.others[:, 2] > 0, "a", "b"), "y": y}
    settings = {} if model == "linear" else NETWORK
    fitted = wt.fit(columns, "y", model=model, seed=seed, **(settings | ({"members": 5, "threads": 1} if model == "linear" else {})))
    answer: dict[str, Any] = {}
    for scale, prefix in (("target", ""), ("link", "odds ")) if cell.outcome != "t3" else (("target", ""),):
        records = fitted.feature_weights(scale=scale, levels=True)
        main = {row["feature"]: row["p_value"] for row in records if not row["level"]}
        answer |= {f"{prefix}joint": main["level"], f"{prefix}flag": [p for p in [main["flag"]] if p is not None]}
        answer[f"{prefix}levels"] = [r["p_value"] for r in records if r["feature"] == "level" and r["level"] and r["p_value"] is not None]
    return answer


def rates(answers: list[dict[str, Any]]) -> dict[str, float | None]:
    """The share of p-values below 0.05 by test, in percent."""
    shares: dict[str, float | None] = {}
    for name in sorted({name for answer in answers for name in answer}):
        values = [answer[name] for answer in answers if answer.get(name) is not None]
        flat = np.concatenate([np.atleast_1d(np.asarray(value, float)) for value in values]) if values else np.zeros(0)
        shares[name] = round(100 * float((flat < ALPHA).mean()), 2) if len(flat) else None
    return shares


def cells(sizes: tuple[int, ...], levels: tuple[int, ...]) -> list[Cell]:
    """All of these, and with weights where there are ten levels."""
    every = itertools.product(sizes, levels, (True, False), ("t3", "0.5", "0.1", "0.02"), (False, True))
    return [cell for cell in map(Cell._make, every) if cell.levels == 10 or not cell.weighted]


def run(asked: argparse.Namespace) -> None:
    """Each cell in turn; those that the output has already are left out."""
    output = Path(asked.output)
    lines = output.read_text().splitlines() if output.exists() else []
    done = {json.dumps([line["what"], line["cell"]]) for line in map(json.loads, lines)}
    linear = asked.what == "linear"
    models = ("linear",) if linear else ("mlp", "auto")
    every = cells((200, 1_000, 5_000, 50_000), (2, 5, 10, 50)) if linear else cells((300, 2_000), (5, 30))
    with ProcessPoolExecutor(asked.processes) as pool:
        for model, cell in itertools.product(models, every):
            if json.dumps([model, list(cell)]) in done:
                continue
            n = asked.repetitions or (100 if not linear else 400 if cell.n > 10_000 else 1_000)
            seeds, times = range(n), [cell] * n
            if linear:
                record = {"size": rates([*pool.map(linear_table, times, seeds, chunksize=10)])}
                record["power"] = rates([*pool.map(with_effects, times, range(n // 2), chunksize=10)])
            else:
                record = {"size": rates([*pool.map(fitted_table, times, seeds, [model] * n, chunksize=5)])}
            line = {"what": model, "cell": list(cell), "n": n, **record}
            print(line, flush=True)
            with output.open("a") as file:
                file.write(json.dumps(line) + "\n")


def with_effects(cell: Cell, seed: int) -> dict[str, Any]:
    """P-values of a table whose levels have effects."""
    return linear_table(cell, seed, effects=True)


def main() -> None:
    """Run cells, or show what they gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("linear", "fits", "show", "publish"))
    parser.add_argument("files", nargs="*")
    parser.add_argument("--output", default="sizes.jsonl")
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--processes", type=int)
    asked = parser.parse_args()
    if asked.what in ("show", "publish"):
        lines = [json.loads(line) for file in asked.files for line in Path(file).read_text().splitlines()]
        (show if asked.what == "show" else publish)(lines)
    else:
        run(asked)


def publish(lines: list[dict[str, Any]]) -> None:
    """Write the sizes that footnotes quote (src/weights/inspection/measured.py)."""
    records = []
    cells = sorted({("linear" if r["what"] == "linear" else "neural", *r["cell"][:2], r["cell"][3]) for r in lines})
    for (kind, n, levels, outcome), scale in itertools.product(cells, ("target", "link")):
        chosen = [
            r
            for r in lines
            if (("linear" if r["what"] == "linear" else "neural"), *r["cell"][:2], r["cell"][3]) == (kind, n, levels, outcome)
        ]
        names = [f"{'odds ' if scale == 'link' else ''}{test}" for test in ("joint", "levels", "flag")]
        shares = [r["size"][name] / 100 for r in chosen for name in names if r["size"].get(name) is not None]
        if shares:
            rarest = None if outcome == "t3" else float(outcome)
            record = {"kind": kind, "scale": scale, "n": n, "levels": levels, "rarest": rarest}
            record |= {"repetitions": min(r["n"] for r in chosen), "least": round(min(shares), 3), "most": round(max(shares), 3)}
            records.append(record)
    MEASURED.write_text("[\n" + ",\n".join(json.dumps(record) for record in records) + "\n]\n")


def show(lines: list[dict[str, Any]]) -> None:
    """For each outcome and number of levels the range over sizes and evenness of each test's size, and of power beside the usual."""
    names = sorted({name for line in lines for name in line["size"]})
    for model, outcome in itertools.product(dict.fromkeys(line["what"] for line in lines), ("t3", "0.5", "0.1", "0.02")):
        for levels in sorted({line["cell"][1] for line in lines}):
            chosen = [line for line in lines if (line["what"], line["cell"][3], line["cell"][1]) == (model, outcome, levels)]
            shown = []
            for name in names:
                values = [line["size"].get(name) for line in chosen if line["size"].get(name) is not None]
                if values:
                    shown.append(f"{name} {min(values):.1f}-{max(values):.1f}")
            powers = [
                line["power"]["joint"] / line["power"]["usual joint"]
                for line in chosen
                if line.get("power", {}).get("joint") and line["power"].get("usual joint") and line["size"]["usual joint"] < 7
            ]
            if powers:
                shown.append(f"power beside the usual, where that holds: {min(powers):.2f}-{max(powers):.2f}")
            print(f"{model:<7} {outcome:<5} {levels:>3} levels | " + " | ".join(shown))


if __name__ == "__main__":
    main()
