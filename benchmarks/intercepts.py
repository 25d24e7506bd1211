"""How often intervals of intercepts hold what is expected of the reference row, on simulated tables whose truth is known.

    python benchmarks/intercepts.py --output intercepts.jsonl     1,000 tables a cell
    python benchmarks/intercepts.py --show intercepts.jsonl       the table of docs/benchmarks.md

A table has a number about 50, one under heavy tails (Student's t, 5 degrees), a category of five levels (the k-th as frequent as 1 / k),
a flag that one row in ten has, and an outcome that all of them decide: a number, with noise of heavy tails (3 degrees) or noise that grows
with the first number; a class of about the rate that is named; a count, overdispersed, of about the mean that is named. With sites, of
about 20 rows, these share a part of the noise, and errors are those of clusters. The reference row is that of the table at hand: its
means, its most frequent level.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.special

from weights.inspection.logistic import logistic
from weights.inspection.poisson import poisson
from weights.inspection.slopes import Rows, Slopes, least_squares

SIZES = (100, 300, 1_000, 5_000)
OUTCOMES = ("t3", "hetero", "class 0.5", "class 0.1", "class 0.03", "count 3", "count 0.3")
EFFECTS = np.array([0.05, 0.3])
OF_LEVELS, OF_FLAG = np.array([0.0, 0.5, -0.5, 0.3, 1.0]), 0.7
_SHAPE = 2.0
"""Of the gamma variables, of mean one, that multiply the means of counts."""


class Cell(NamedTuple):
    """A kind of table: rows, outcome, whether rows come in sites."""

    n: int
    outcome: str
    sites: bool


class Drawn(NamedTuple):
    """The regression of a table at its reference row, what is true of that, and whether its level has an end, as the product has it."""

    slopes: Slopes
    truth: float
    finite: bool


def draw(cell: Cell, seed: int) -> Drawn:
    """A table, analysed."""
    rng = np.random.default_rng([seed, cell.n, OUTCOMES.index(cell.outcome), cell.sites])
    chance = 1 / np.arange(1.0, 6.0)
    level, flag = rng.choice(5, cell.n, p=chance / chance.sum()), rng.uniform(size=cell.n) < 0.1
    numbers = np.column_stack([rng.normal(50, 10, cell.n), rng.standard_t(5, cell.n)])
    group = rng.integers(0, max(cell.n // 20, 5), cell.n) if cell.sites else None
    shared = 0.5 * rng.normal(size=cell.n)[group] if group is not None else np.zeros(cell.n)
    reference, rows = int(np.bincount(level).argmax()), Rows(np.ones(cell.n), group, None)
    others = [k for k in np.unique(level) if k != reference]
    z = np.column_stack([numbers - numbers.mean(0), level[:, None] == others, flag]).astype(float)
    known = (numbers - [50, 0]) @ EFFECTS + OF_LEVELS[level] + OF_FLAG * flag
    truth = float((numbers.mean(0) - [50, 0]) @ EFFECTS + OF_LEVELS[reference])
    kind, _, size = cell.outcome.partition(" ")
    if kind == "class":
        origin = scipy.special.logit(float(size)) - 0.3
        # A shared part that moves the mean of classes as the log odds do not: averaged over sites it would be another truth.
        uniform = scipy.special.ndtr(rng.normal(size=cell.n) if group is None else correlated(rng, group))
        return analyse(logistic, z, (uniform < scipy.special.expit(origin + known)).astype(float), rows, truth + origin)
    if kind == "count":
        origin = np.log(float(size)) - 0.3
        frailty = rng.gamma(_SHAPE, 1 / _SHAPE, cell.n)
        frailty = frailty if group is None else frailty[group]
        return analyse(poisson, z, rng.poisson(np.exp(origin + known) * frailty).astype(float), rows, truth + origin)
    noise = rng.standard_t(3, cell.n) if kind == "t3" else rng.normal(size=cell.n) * np.exp((numbers[:, 0] - 50) / 10)
    return analyse(least_squares, z, known + shared + noise, rows, truth)


def analyse(regress: Callable[..., Slopes], z: np.ndarray, y: np.ndarray, rows: Rows, truth: float) -> Drawn:
    """What a regression says; rows that are as the reference row in all that has no finite slope must differ in their outcome."""
    slopes = regress(z, y, rows)
    return Drawn(slopes, truth, len(np.unique(y[(z[:, ~np.isfinite(slopes.slopes)] == 0).all(1)])) > 1)


def correlated(rng: np.random.Generator, group: np.ndarray) -> np.ndarray:
    """Normal variables of which those of a group have a correlation of 0.2, shape (n,)."""
    return np.sqrt(0.2) * rng.normal(size=group.max() + 1)[group] + np.sqrt(0.8) * rng.normal(size=len(group))


def hits(cell: Cell, seed: int) -> tuple[float, float] | None:
    """How far the truth lies above the lower bound and below the upper one; None where there is no interval."""
    slopes, truth, finite = draw(cell, seed)
    kind, level = "cluster" if cell.sites else "robust", slopes.level
    assert level is not None
    if level.degrees[kind][0] < 1 or not finite or slopes.without(np.zeros(0, int)) is None:
        return None
    half = float(level.errors[kind][0] * scipy.special.stdtrit(level.degrees[kind][0], 0.975))
    return truth - (level.slopes[0] - half), level.slopes[0] + half - truth


def measure(cell: Cell, n_tables: int) -> dict[str, Any]:
    """Percent of intervals of 95 % that hold the truth, and in which it lies below or above; and of tables without one."""
    gaps = [hits(cell, seed) for seed in range(n_tables)]
    known = np.asarray([gap for gap in gaps if gap is not None]).reshape(-1, 2)
    shares = {"below": known[:, 0] < 0, "above": known[:, 1] < 0, "held": (known >= 0).all(1)}
    percents = {name: round(100 * float(share.mean()), 1) if len(share) else None for name, share in shares.items()}
    return {**percents, "none": round(100 * (1 - len(known) / n_tables), 1)}


def show(lines: list[dict[str, Any]]) -> None:
    """A row for each outcome, a column for each size."""
    for sites, outcome in itertools.product((False, True), OUTCOMES):
        chosen = [line for line in lines if line["cell"][1:] == [outcome, sites]]
        cells = [f"{line['held']} ({line['below']}, {line['above']}; {line['none']})" for line in chosen]
        print(f"| {outcome}{', sites' if sites else ''} | " + " | ".join(cells) + " |")


def main() -> None:
    """Run cells, or show what they gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default="intercepts.jsonl")
    parser.add_argument("--tables", type=int, default=1_000)
    parser.add_argument("--show")
    asked = parser.parse_args()
    if asked.show:
        return show([json.loads(line) for line in Path(asked.show).read_text().splitlines()])
    for cell in itertools.starmap(Cell, itertools.product(SIZES, OUTCOMES, (False, True))):
        line = {"cell": list(cell), "n": asked.tables, **measure(cell, asked.tables)}
        print(line, flush=True)
        with Path(asked.output).open("a") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
