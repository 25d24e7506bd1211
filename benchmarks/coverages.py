"""How often the intervals of feature weights hold what they claim to hold, on simulated tables whose truth is known.

    python benchmarks/coverages.py linear --output coverage.jsonl          216 cells, 500 repetitions each
    python benchmarks/coverages.py neural --output coverage.jsonl          96 cells, 200 repetitions each
    python benchmarks/coverages.py contributions --output coverage.jsonl   15 cells of explained predictions, 100 or 200 repetitions each
    python benchmarks/coverages.py show coverage.jsonl                     the tables of docs/benchmarks.md
    python benchmarks/coverages.py publish coverage.jsonl                  what the product's footnotes quote

A cell is a size, a distribution of inputs and a truth. Cells that are in the output already are left out, so that a run can be
stopped and continued. `linear` draws effects by the functions that linear members use; `neural` fits networks (five members, one a
fold) through the ordinary entrance, and measures importance as well. `contributions` explains ten rows by members of several kinds.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.special
import scipy.stats

from weights.inspection.logistic import logistic
from weights.inspection.slopes import Rows, least_squares

INPUTS = ("independent", "correlated", "heavy", "uniform")
TRUTHS = ("sparse", "logistic", "friedman", "interaction", "hetero", "noise")
NAMES = {
    "independent": "independent inputs",
    "correlated": "correlated inputs",
    "heavy": "heavy-tailed inputs",
    "uniform": "uniform inputs",
    "sparse": "a sparse linear truth",
    "logistic": "two classes",
    "friedman": "a curved truth",
    "interaction": "an interaction",
    "hetero": "noise that varies",
    "noise": "nothing but noise",
}
SIZES = (200, 1000, 5000)
WIDTHS = (5, 20, 100)
MEASURED = Path(__file__).parents[1] / "src" / "weights" / "inspection" / "measured_coverage.json"
_SPARSE = np.array([1.0, 0.5, 0.25, -0.5])
_T_DEGREES = 5


class Cell(NamedTuple):
    """A simulated table."""

    n: int
    p: int
    inputs: str
    truth: str


def draw_inputs(cell: Cell, rng: np.random.Generator, n: int | None = None) -> np.ndarray:
    """Inputs of variance one, shape (n, p); expectations of one given the others are linear in all four kinds."""
    n = n or cell.n
    match cell.inputs:
        case "heavy":
            return rng.standard_t(_T_DEGREES, (n, cell.p)) / np.sqrt(_T_DEGREES / (_T_DEGREES - 2))
        case "uniform":
            return rng.uniform(-1, 1, (n, cell.p)) * np.sqrt(3)
    x = rng.normal(size=(n, cell.p))
    if cell.inputs == "correlated":
        for j in range(1, cell.p):
            x[:, j] = 0.7 * x[:, j - 1] + np.sqrt(1 - 0.49) * x[:, j]
    return x


def expected(cell: Cell, x: np.ndarray) -> np.ndarray:
    """What the outcome is on average, shape (n,)."""
    match cell.truth:
        case "friedman":
            u = _as_uniform(cell, x[:, :5])
            return 10 * np.sin(np.pi * u[:, 0] * u[:, 1]) + 20 * (u[:, 2] - 0.5) ** 2 + 10 * u[:, 3] + 5 * u[:, 4]
        case "interaction":
            return 1.5 * x[:, 0] * x[:, 1] + x[:, 2]
        case "noise":
            return np.zeros(len(x))
        case "logistic":
            return scipy.special.expit(x[:, :4] @ _SPARSE)
    return x[:, :4] @ _SPARSE


def draw_outcomes(cell: Cell, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Outcomes of inputs, shape (n,)."""
    mean = expected(cell, x)
    if cell.truth == "logistic":
        return (rng.uniform(size=len(x)) < mean).astype(float)
    return mean + rng.normal(size=len(x)) * (0.3 + np.abs(x[:, 0]) if cell.truth == "hetero" else 1.0)


def _as_uniform(cell: Cell, x: np.ndarray) -> np.ndarray:
    """The five inputs of Friedman's first function, from those of a cell."""
    match cell.inputs:
        case "uniform":
            return (x / np.sqrt(3) + 1) / 2
        case "heavy":
            return scipy.stats.t.cdf(x * np.sqrt(_T_DEGREES / (_T_DEGREES - 2)), _T_DEGREES)
    return scipy.special.ndtr(x)


def true_effects(cell: Cell, *, n_blocks: int = 40, n: int = 50_000) -> np.ndarray:
    """Slopes of the outcome's mean over two million rows, shape (p,); inputs without a say have exactly none."""
    p = min(cell.p, 8)
    small, rng = cell._replace(p=p), np.random.default_rng(0x7247)
    products, towards = np.zeros((p + 1, p + 1)), np.zeros(p + 1)
    for _ in range(n_blocks):
        x = draw_inputs(small, rng, n)
        z = np.column_stack([np.ones(n), x])
        products += z.T @ z
        towards += z.T @ expected(small, x)
    slopes = np.zeros(cell.p)
    slopes[:p] = np.linalg.solve(products, towards)[1:]
    slopes[5:] = 0.0
    if cell.truth in ("sparse", "hetero", "noise", "interaction"):
        slopes = np.zeros(cell.p)
        slopes[:4] = {"noise": [0, 0, 0, 0], "interaction": [0, 0, 1, 0]}.get(cell.truth, _SPARSE)
    elif cell.truth == "logistic":
        slopes[4:] = 0.0
    return slopes


def kinds_of_features(effects: np.ndarray) -> dict[str, np.ndarray]:
    """Places of strong features (at least half the strongest), weak ones, and those without any effect."""
    size = np.abs(effects)
    null, strong = size == 0, size > 0.5 * size.max()
    return {"strong": strong, "weak": ~strong & ~null, "null": null}


# Linear cells


def linear_cell(cell: Cell, repetitions: int, seed: int) -> dict[str, Any]:
    """Coverage and width of the effects of linear members, and of the alternatives that statsmodels and the double lasso give."""
    effects = true_effects(cell)
    hits: dict[str, list[np.ndarray]] = {}
    widths: dict[str, list[np.ndarray]] = {}
    rng = np.random.default_rng([seed, *map(abs, map(hash_of, cell))])
    alarms, of_odds, separated = [], [], []
    for repetition in range(repetitions):
        x = draw_inputs(cell, rng)
        y = draw_outcomes(cell, x, rng)
        found = least_squares(x, y, Rows(np.ones(cell.n), None, None))
        ours = found.errors["robust"] * scipy.special.stdtrit(found.degrees["robust"], 0.975)
        intervals = {"weights": (found.slopes, ours), **peers(x, y, found.slopes, lasso=cell.n == 200 and repetition < 100)}
        for name, (slopes, half) in intervals.items():
            hits.setdefault(name, []).append(np.abs(slopes - effects) <= half)
            widths.setdefault(name, []).append(2 * half)
        alarms.append(np.abs(found.slopes) > ours)
        if cell.truth == "logistic":
            odds = logistic(x, y, Rows(np.ones(cell.n), None, None))
            separated.append(not np.isfinite(odds.slopes).all())
            if not separated[-1]:
                half = odds.errors["robust"] * scipy.special.stdtrit(odds.degrees["robust"], 0.975)
                of_odds.append(np.abs(odds.slopes - np.pad(_SPARSE, (0, cell.p - 4))) <= half)
    groups = kinds_of_features(effects)
    cover = {name: shares(np.asarray(h), groups) for name, h in hits.items()}
    valid = {name: np.mean(w) for name, w in widths.items() if name != "weights" and min(cover[name].values()) >= 0.93}
    return {
        "coverage": cover["weights"],
        "peers": {name: [round(float(np.mean(hits[name])), 4), round(float(np.mean(widths[name])), 4)] for name in hits},
        "width_ratio": round(float(np.mean(widths["weights"]) / min(valid.values())), 3) if valid else None,
        "best_valid": min(valid, key=lambda name: valid[name]) if valid else None,
        "false_alarms": round(float(np.mean(np.asarray(alarms)[:, groups["null"]])), 4) if groups["null"].any() else None,
        "log_odds": round(float(np.mean(of_odds)), 4) if of_odds else None,
        "separated": round(float(np.mean(separated)), 4) if separated else None,
    }


def shares(hits: np.ndarray, groups: dict[str, np.ndarray]) -> dict[str, float]:
    """Coverage of strong, weak and null features, and of all."""
    each = {name: round(float(hits[:, places].mean()), 4) for name, places in groups.items() if places.any()}
    return {**each, "all": round(float(hits.mean()), 4)}


def peers(x: np.ndarray, y: np.ndarray, slopes: np.ndarray, *, lasso: bool) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Slopes and half widths of others: ordinary least squares with classical and HC3 errors, the double lasso."""
    n, p = x.shape
    z = np.column_stack([np.ones(n), x])
    q, r = np.linalg.qr(z)
    each = (q @ np.linalg.inv(r).T)[:, 1:]
    noise, leverage = y - q @ (q.T @ y), (q**2).sum(1)
    t = scipy.special.stdtrit(n - p - 1, 0.975)
    classical = np.sqrt(noise @ noise / (n - p - 1) * (each**2).sum(0))
    hc3 = np.sqrt((each**2 * ((noise / (1 - leverage)) ** 2)[:, None]).sum(0))
    found = {"classical": (slopes, t * classical), "hc3": (slopes, t * hc3)}
    if lasso:
        found["double lasso"] = double_lasso(x, y)
    return found


def double_lasso(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Post-double-selection with the plug-in penalty (Belloni, Chernozhukov and Hansen 2014), robust errors."""
    from sklearn.linear_model import Lasso

    n, p = x.shape
    strength = 1.1 * scipy.special.ndtri(1 - 0.1 / np.log(n) / (2 * p)) / np.sqrt(n)
    standard = (x - x.mean(0)) / x.std(0)

    def chosen(inputs: np.ndarray, outcome: np.ndarray) -> np.ndarray:
        outcome = outcome - outcome.mean()
        sigma = outcome.std()
        for _ in range(2):
            lasso = Lasso(alpha=strength * sigma).fit(inputs, outcome)
            sigma = (outcome - lasso.predict(inputs)).std()
        return np.flatnonzero(lasso.coef_)

    slopes, half = np.empty(p), np.empty(p)
    for j in range(p):
        others = np.delete(np.arange(p), j)
        kept = others[np.union1d(chosen(standard[:, others], y), chosen(standard[:, others], standard[:, j])).astype(int)]
        z = np.column_stack([np.ones(n), x[:, j], x[:, kept]])
        q, r = np.linalg.qr(z)
        each = q @ np.linalg.inv(r).T
        noise = y - q @ (q.T @ y)
        slopes[j] = each[:, 1] @ y
        half[j] = 1.96 * np.sqrt((each[:, 1] ** 2 * noise**2).sum() * n / (n - z.shape[1]))
    return slopes, half


# Neural cells

NETWORKS = {"hidden": (64,), "n_bins": 16, "n_steps": 1000, "batch_size": 64}
"""Settings of the networks, small so that there can be many; everything else is as a user gets it."""
_MEMBERS = 5
_FRESH = 400
"""New rows for each member; the mean over repetitions is what is wanted, so few are enough."""
_MIDDLES = scipy.special.ndtri((np.arange(8) + 0.5) / 8)
_MIDDLES /= _MIDDLES.std()


def neural_cell(cell: Cell, repetitions: int, seed: int) -> dict[str, Any]:
    """Coverage and width of effects and importances of networks."""
    import weights as wt

    effects, importances = true_effects(cell), true_importances(cell)
    asked = sorted({0, 1, 3, cell.p - 1})
    known = changes(cell, lambda x: expected(cell, x), draw_inputs(cell, np.random.default_rng(0xC0), 100_000), asked).mean(1)
    rng = np.random.default_rng([seed, *map(abs, map(hash_of, cell))])
    hits, widths, alarms, of_hc3, bounds, own, of_odds = [], [], [], [], [], [], []
    for repetition in range(repetitions):
        x = draw_inputs(cell, rng)
        y = draw_outcomes(cell, x, rng)
        target = y if cell.truth != "logistic" else y.astype(int)
        model = wt.fit(x, target, model="mlp", members=_MEMBERS, n_folds=_MEMBERS, seed=repetition, threads=1, **NETWORKS)
        rows = model.feature_weights()
        low, high = (np.array([row[name] for row in rows]) for name in ("low", "high"))
        hits.append((low <= effects) & (effects <= high))
        alarms.append((low > 0) | (high < 0))
        widths.append(high - low)
        slopes = least_squares(x, y, Rows(np.ones(cell.n), None, None)).slopes
        of_hc3.append(2 * peers(x, y, slopes, lasso=False)["hc3"][1])
        bounds.append([[row["importance_low"], row["importance_high"]] for row in rows])
        own.append(own_importances(cell, model.ensemble, asked, known, rng))
        if cell.truth == "logistic":
            odds = model.feature_weights(scale="link")
            of_odds.append([row["low"] <= true <= row["high"] for row, true in zip(odds, np.pad(_SPARSE, (0, cell.p - 4)), strict=True)])
    groups = kinds_of_features(effects)
    low, high = np.moveaxis(np.asarray(bounds), 2, 0)
    of_networks = np.mean(own, axis=0)
    within = (low[:, asked] <= of_networks) & (of_networks <= high[:, asked])
    best, zero = (low <= importances) & (importances <= high), ((low <= 0) & (high >= 0))[:, kinds_of_features(importances)["null"]]
    tells = np.flatnonzero(importances[: min(cell.p, 5)] > 0)
    return {
        "coverage": shares(np.asarray(hits), groups),
        "width_ratio": round(float(np.mean(widths) / np.mean(of_hc3)), 3),
        "best_valid": "hc3",
        "false_alarms": round(float(np.mean(np.asarray(alarms)[:, groups["null"]])), 4) if groups["null"].any() else None,
        "log_odds": round(float(np.mean(of_odds)), 4) if of_odds else None,
        "importance": round(float(within.mean()), 4),
        "importance_each": {
            int(j): [round(float(v), 5), round(float(c), 4)] for j, v, c in zip(asked, of_networks, within.mean(0), strict=True)
        },
        "importance_best": round(float(best[:, tells].mean()), 4) if len(tells) else None,
        "importance_null": round(float(zero.mean()), 4) if zero.size else None,
    }


def own_importances(cell: Cell, ensemble: Any, asked: list[int], known: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How much larger the loss of these members is without each of some features, on new rows, over the target's spread, shape (asked,).

    The same is asked of the truth on the same rows, where the answer is known: the difference takes most of the chance out.
    """
    from weights.data.encoding import apply_encoding
    from weights.data.table.read import read_table
    from weights.ensemble import apply_program

    task, (population,) = ensemble.task, ensemble.populations
    program = apply_program(population.spec, ensemble.encoding.layout(task.n_outputs))
    found = []
    for m in range(len(population.member_weights)):
        params = {layer: {name: array[m] for name, array in parts.items()} for layer, parts in population.params.items()}

        def answer(x: np.ndarray, params: Any = params) -> np.ndarray:
            outputs = program(params, apply_encoding(ensemble.encoding, read_table(x)))
            answers = task.decode(ensemble.offset + population.stacking_weight * task.normalise(outputs))
            return answers if answers.ndim == 1 else answers[:, 1]

        x = draw_inputs(cell, rng, _FRESH)
        found.append(changes(cell, answer, x, asked) - changes(cell, lambda x: expected(cell, x), x, asked))
    return (known + np.mean(found, axis=(0, 2))) / spread_of(cell)


def changes(cell: Cell, answer: Any, x: np.ndarray, asked: list[int]) -> np.ndarray:
    """The loss, expected over outcomes, of answers that do not know a feature, minus that of answers that do, shape (asked, n)."""
    mean = expected(cell, x)

    def loss(answers: np.ndarray) -> np.ndarray:
        if cell.truth == "logistic":
            held = answers.clip(1e-12, 1 - 1e-12)
            return -(mean * np.log(held) + (1 - mean) * np.log(1 - held))
        return (mean - answers) ** 2

    knows = loss(answer(x))
    others = np.concatenate([given_others(cell, x, j, z) for j in asked for z in _MIDDLES])
    without = answer(others).reshape(len(asked), len(_MIDDLES), len(x)).mean(1)
    return np.stack([loss(one) for one in without]) - knows


@functools.cache
def spread_of(cell: Cell) -> float:
    """The variance of outcomes; one for classes."""
    if cell.truth == "logistic":
        return 1.0
    x = draw_inputs(cell, np.random.default_rng(0x5E), 400_000)
    return float(expected(cell, x).var() + (np.mean((0.3 + np.abs(x[:, 0])) ** 2) if cell.truth == "hetero" else 1.0))


def given_others(cell: Cell, x: np.ndarray, j: int, normals: np.ndarray | float) -> np.ndarray:
    """Inputs with column j drawn anew given the others, from standard normals (n,), or from one for all rows."""
    x = x.copy()
    match cell.inputs:
        case "independent":
            x[:, j] = normals
        case "heavy":
            x[:, j] = scipy.stats.t.ppf(scipy.special.ndtr(normals), _T_DEGREES) / np.sqrt(_T_DEGREES / (_T_DEGREES - 2))
        case "uniform":
            x[:, j] = (2 * scipy.special.ndtr(normals) - 1) * np.sqrt(3)
        case "correlated":
            near = [k for k in (j - 1, j + 1) if 0 <= k < cell.p]
            among = 0.7 ** np.abs(np.subtract.outer(near, near))
            slopes = np.linalg.solve(among, np.full(len(near), 0.7))
            x[:, j] = x[:, near] @ slopes + np.sqrt(1 - 0.7 * slopes.sum()) * normals
    return x


def true_importances(cell: Cell, *, n: int = 100_000, n_draws: int = 32) -> np.ndarray:
    """How much worse the best possible prediction gets without each feature, shape (p,): share of variance, or log loss."""
    rng = np.random.default_rng(0x1398)
    x = draw_inputs(cell, rng, n)
    spread = spread_of(cell)
    found = np.zeros(cell.p)
    for j in range(5 if cell.truth != "noise" else 0):
        draws = np.stack([expected(cell, given_others(cell, x, j, rng.normal(size=n))) for _ in range(n_draws)])
        if cell.truth == "logistic":
            mean = draws.mean(0)
            loss = [-(scipy.special.xlogy(q, q) + scipy.special.xlogy(1 - q, 1 - q)) for q in (mean, draws)]
            found[j] = loss[0].mean() - loss[1].mean()
        else:
            found[j] = draws.var(0, ddof=1).mean() / spread
    return np.where(found < 1e-9, 0.0, found)


# Cells of explained predictions


class Explained(NamedTuple):
    """Members whose contributions are asked about: options of their fits, sizes and truths of tables, repetitions, what is wanted.

    known: whether it is the truth itself, because they have no penalty and the truth is as linear as they are; else it is what they say
        on average over repetitions.
    """

    options: dict[str, Any]
    sizes: tuple[int, ...]
    truths: tuple[str, ...]
    repetitions: int
    known: bool = False


_FREE = {"model": "linear", "penalty": "none", "clip": None}
EXPLAINED = {
    "linear members without penalty": Explained(_FREE, (300, 1000), ("sparse", "logistic"), 200, known=True),
    "linear members without penalty, bootstrap": Explained(_FREE | {"resampling": "bootstrap"}, (300,), ("sparse",), 200, known=True),
    "linear members without penalty, subsample": Explained(_FREE | {"resampling": "subsample"}, (300,), ("sparse",), 200, known=True),
    "linear members": Explained({"model": "linear"}, (300, 1000), ("sparse",), 200),
    "linear members with lasso": Explained({"model": "linear", "penalty": "l1"}, (300,), ("sparse",), 200),
    "networks": Explained({"model": "mlp", "members": 8, **NETWORKS}, (1000,), ("friedman", "logistic"), 100),
    "networks, bootstrap": Explained(
        {"model": "mlp", "members": 16, "resampling": "bootstrap", **NETWORKS}, (1000,), ("friedman", "logistic"), 100
    ),
    "mixtures": Explained({"model": "auto", **NETWORKS}, (1000,), ("friedman", "logistic"), 100),
}


def contributions_cell(kind: str, cell: Cell, repetitions: int, seed: int) -> dict[str, Any]:
    """Coverage and width of contributions to the predictions of ten rows, counted from the average inputs of all tables.

    Width is the mean half width over 1.96 deviations between repetitions. `least` is the coverage of the worst feature, and `moving`
    that of all if contributions are counted from the average of each table instead, of which intervals do not speak.
    """
    import weights as wt
    from weights.data.encoding import apply_encoding
    from weights.data.table.read import read_table
    from weights.inspection.explanation import explain

    explained, classes = EXPLAINED[kind], cell.truth == "logistic"
    rows = draw_inputs(cell, np.random.default_rng(0xC047), 10)
    rng = np.random.default_rng([seed, *map(abs, map(hash_of, cell))])
    said, moving, half = [], [], []
    for repetition in range(repetitions):
        x = draw_inputs(cell, rng)
        y = draw_outcomes(cell, x, rng)
        target = y.astype(int) if classes else y
        ensemble = wt.fit(x, target, seed=repetition, threads=1, inspect=False, **explained.options).ensemble
        seen, asked, average = (apply_encoding(ensemble.encoding, read_table(a)) for a in (x, rows, np.zeros((1, cell.p))))
        found = explain(ensemble, asked, average[0], label=1 if classes else None)
        said.append(found.contributions)
        half.append(found.half_width())
        moving.append(explain(ensemble, asked, seen.mean(0), label=1 if classes else None).contributions)
    wanted = np.mean(said, axis=0)
    if explained.known:
        wanted = rows * np.pad(_SPARSE, (0, cell.p - 4))
        if classes:
            wanted *= ((scipy.special.expit(wanted.sum(1)) - 0.5) / wanted.sum(1))[:, None]
    within = (np.abs(np.asarray(said) - wanted) <= half).mean(1)
    moved = np.abs(np.asarray(moving) - np.mean(moving, axis=0)) <= half
    return {
        "coverage": shares(within, kinds_of_features(true_effects(cell))),
        "least": round(float(within.mean(0).min()), 4),
        "moving": round(float(moved.mean()), 4),
        "width_ratio": round(float(np.mean(half) / (1.96 * np.std(said, axis=0, ddof=1)).mean()), 3),
        "known": explained.known,
    }


# Running and showing


def hash_of(value: Any) -> int:
    """A number for a part of a cell, the same in every process."""
    return value if isinstance(value, int) else sum(ord(c) * 31**i for i, c in enumerate(value)) % (1 << 31)


def cells(kind: str) -> Iterator[Cell]:
    """The grid, small tables first; of explained predictions those that are named with their members."""
    if kind in EXPLAINED:
        yield from (Cell(n, 5, "independent", truth) for n in EXPLAINED[kind].sizes for truth in EXPLAINED[kind].truths)
        return
    sizes, widths = (SIZES, WIDTHS) if kind == "linear" else ((1000, 5000), (5, 20))
    for n, p, truth, inputs in itertools.product(sizes, widths, TRUTHS, INPUTS):
        yield Cell(n, p, inputs, truth)


def run(kind: str, output: Path, repetitions: int, seed: int, only: str, part: str) -> None:
    """Measure the cells that are not in the output yet."""
    done = {(r["kind"], *r["cell"]) for r in read(output)} if output.exists() else set()
    number, of = map(int, part.split("/"))
    chosen = [cell for cell in cells(kind) if (kind, *cell) not in done and only in f"{cell.n} {cell.p} {cell.inputs} {cell.truth}"]
    for cell in chosen[number - 1 :: of]:
        began = time.monotonic()
        measure = {"linear": linear_cell, "neural": neural_cell}.get(kind, functools.partial(contributions_cell, kind))
        result = measure(cell, repetitions, seed)
        seconds = round(time.monotonic() - began, 1)
        with output.open("a") as file:
            file.write(json.dumps({"kind": kind, "cell": cell, "repetitions": repetitions, "seconds": seconds, **result}) + "\n")
        print(kind, *cell, result["coverage"], "width", result["width_ratio"], f"{seconds} s", flush=True)


def read(path: Path) -> list[dict[str, Any]]:
    """Measured cells."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def show(results: list[dict[str, Any]]) -> None:
    """Tables in Markdown."""
    for kind in ("linear", "neural"):
        own = [r for r in results if r["kind"] == kind]
        if not own:
            continue
        print(f"\n{kind}: {len(own)} cells, {own[0]['repetitions']} repetitions each\n")
        extra = " importance | null holds 0 |" if kind == "neural" else ""
        print(f"| n | p | cells | coverage, least to most | strong | weak | null | false alarms | width, most |{extra}")
        print("|---" * (9 + (2 if extra else 0)) + "|")
        for n, p in sorted({(r["cell"][0], r["cell"][1]) for r in own}):
            block = [r for r in own if r["cell"][:2] == [n, p]]

            def mean(name: str, block: list[dict[str, Any]] = block) -> str:
                values = [r["coverage"][name] for r in block if name in r["coverage"]]
                return f"{100 * np.mean(values):.1f}" if values else ""

            overall = [r["coverage"]["all"] for r in block]
            ratios = [r["width_ratio"] for r in block if r["width_ratio"]]
            alarms = [r["false_alarms"] for r in block if r["false_alarms"] is not None]
            line = (
                f"| {n:,} | {p} | {len(block)} | {100 * min(overall):.1f} to {100 * max(overall):.1f} | {mean('strong')} | {mean('weak')} |"
            )
            line += f" {mean('null')} | {f'{100 * np.mean(alarms):.1f} %' if alarms else ''} | {max(ratios, default=float('nan')):.2f} |"
            for name in ("importance", "importance_best", "importance_null") if extra else ():
                values = [r[name] for r in block if r[name] is not None]
                line += f" {100 * min(values):.1f} to {100 * max(values):.1f} |" if values else " |"
            print(line)
    own = [r for r in results if r["kind"] in EXPLAINED]
    if own:
        print("\n| contributions of | n | truth | wanted | repetitions | coverage | of the worst feature | width | from moving averages |")
        print("|---" * 9 + "|")
    for r in own:
        wanted = "truth" if r["known"] else "mean"
        print(f"| {r['kind']} | {r['cell'][0]:,} | {NAMES[r['cell'][3]]} | {wanted} | {r['repetitions']} |", end="")
        print(f" {100 * r['coverage']['all']:.1f} | {100 * r['least']:.1f} | {r['width_ratio']:.2f} | {100 * r['moving']:.1f} |")


def publish(results: list[dict[str, Any]]) -> None:
    """Write the coverage by kind and size that footnotes quote (src/weights/inspection/measured.py)."""
    found = []
    results = [r for r in results if r["kind"] in ("linear", "neural")]
    for kind, n, p in sorted({(r["kind"], r["cell"][0], r["cell"][1]) for r in results}):
        block = [r for r in results if r["kind"] == kind and r["cell"][:2] == [n, p]]
        overall = [r["coverage"]["all"] for r in block]
        worst = block[int(np.argmin(overall))]["cell"]
        line = {"kind": kind, "n": n, "p": p, "n_cells": len(block), "repetitions": min(r["repetitions"] for r in block)}
        line |= {
            "mean": round(float(np.mean(overall)), 3),
            "least": round(min(overall), 3),
            "worst": f"{NAMES[worst[3]]}, {NAMES[worst[2]]}",
        }
        if odds := [r["log_odds"] for r in block if r.get("log_odds")]:
            line["odds"] = [round(min(odds), 3), round(max(odds), 3)]
        found.append(line)
    MEASURED.write_text("[\n" + ",\n".join(json.dumps(line) for line in found) + "\n]\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["linear", "neural", "contributions", "show", "publish"])
    parser.add_argument("results", nargs="?", type=Path)
    parser.add_argument("--output", type=Path, default=Path("coverage.jsonl"))
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="cells whose name, such as '200 5 independent sparse', holds this")
    parser.add_argument("--part", default="1/1", help="2/3: the second of three parts of the cells")
    given = parser.parse_args()
    if given.what in ("show", "publish"):
        (show if given.what == "show" else publish)(read(given.results or given.output))
    else:
        usual = {"linear": 500, "neural": 200, **{kind: explained.repetitions for kind, explained in EXPLAINED.items()}}
        for kind in EXPLAINED if given.what == "contributions" else [given.what]:
            run(kind, given.output, given.repetitions or usual[kind], given.seed, given.only, given.part)


if __name__ == "__main__":
    main()
