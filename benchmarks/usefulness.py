"""How often a model is said to be of no use: where no feature knows the target, and where one does; and what small tables lose.

python benchmarks/usefulness.py verdicts      60 tables a cell, linear models; a class or a number, in rows, groups or order of time
python benchmarks/usefulness.py stacking      60 small tables, default fits: loss on 4,000 new rows of what is kept
"""

from __future__ import annotations

import argparse
import itertools
from typing import Any

import numpy as np

import weights as wt

FEW = {"model": "linear", "members": 5, "n_folds": 5, "inspect": False, "threads": 1}
SIZES, SLOPES = (60, 200), (0.0, 0.5, 1.0, 2.0)
RARE = -1.5
VERDICTS = ("better", "no better", "worse", "unclear")
NEW_ROWS = 4_000


def draw(n: int, slope: float, of_class: bool, dependence: str, seed: int) -> tuple[dict[str, Any], dict[str, str]]:
    """A table with four features, one of which says something, and options of the fit; noise is alike in groups of ten or in time."""
    random = np.random.default_rng([seed, n, int(10 * slope), of_class])
    x, noise = random.normal(size=(n, 4)), random.normal(size=n)
    if dependence == "group":
        noise = np.sqrt(0.3) * random.normal(size=n)[np.arange(n) // 10] + np.sqrt(0.7) * noise
    elif dependence == "time":
        for i in range(1, n):
            noise[i] = 0.6 * noise[i - 1] + 0.8 * noise[i]
    y = slope * x[:, 0] + noise
    if of_class:
        y = np.where(y + RARE * np.sqrt(1 + slope**2) / 1.5 > 0, "yes", "no")
    steering = {} if dependence == "rows" else {dependence: "unit"}
    columns = {f"x{j}": x[:, j] for j in range(4)} | {"y": y}
    return columns | ({"unit": np.arange(n) // (10 if dependence == "group" else 1)} if steering else {}), steering


def verdicts(n_tables: int) -> None:
    """How often each verdict is given."""
    print("target   dependence   rows  slope  " + "".join(f"{verdict:>11}" for verdict in VERDICTS) + "   a class never answered")
    for of_class, dependence, n, slope in itertools.product((True, False), ("rows", "group", "time"), SIZES, SLOPES):
        known = []
        for seed in range(n_tables):
            columns, steering = draw(n, slope, of_class, dependence, seed)
            if (of_class and min(np.unique(columns["y"], return_counts=True)[1]) >= 5 and len({*columns["y"]}) == 2) or not of_class:
                known.append(wt.fit(columns, "y", **FEW, **steering).report.usefulness)
        counts = [sum(each.verdict == verdict for each in known) / len(known) for verdict in VERDICTS]
        silent = np.mean([bool(each.unanswered) for each in known])
        print(
            f"{'class' if of_class else 'number':<9}{dependence:<12}{n:>5}{slope:>7}  "
            + "".join(f"{share:>11.1%}" for share in counts)
            + f"{silent:>12.1%}",
            flush=True,
        )


def draw_small(seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Features and classes of n rows and 4,000 new ones: nothing to learn, a weak or a clear line, a wave, or all but separable."""
    random = np.random.default_rng([77, seed])
    n, n_features = int(random.choice([40, 80, 150, 300])), int(random.choice([3, 6, 12]))
    x = random.normal(size=(n + NEW_ROWS, n_features))
    odds = [0 * x[:, 0], 0.5 * x[:, 0], x[:, 0] - 0.7 * x[:, 1], 1.8 * np.sin(2 * x[:, 0]), 6 * x[:, 0] + 4 * x[:, 1]][seed % 5]
    share = random.choice([-2.2, -1.2, 0.0])
    return x, np.where(random.random(len(x)) < 1 / (1 + np.exp(-odds - share)), "yes", "no"), n


def stacking(n_tables: int) -> None:
    """The loss on new rows of what was kept, and how far figures out of bag are from it."""
    losses, judged, constant, kept = [], [], [], []
    for seed in range(n_tables):
        x, y, n = draw_small(seed)
        if min(np.unique(y[:n], return_counts=True)[1]) < 5:
            continue
        model = wt.fit({f"x{j}": x[:n, j] for j in range(x.shape[1])} | {"y": y[:n]}, "y", inspect=False)
        probability = model.predict_proba({f"x{j}": x[n:, j] for j in range(x.shape[1])})[:, 1]
        share = (y[:n] == "yes").mean()
        losses.append(-np.log(np.where(y[n:] == "yes", probability, 1 - probability).clip(1e-15)).mean())
        constant.append(-np.log(np.where(y[n:] == "yes", share, 1 - share)).mean())
        judged.append(model.metrics["log_loss"])
        kept.append(" answers alone" in model.report.decision)
    print(f"{len(losses)} tables: log loss of new rows {np.mean(losses):.4f}, out of bag {np.mean(judged):.4f}, of a constant", end=" ")
    print(f"{np.mean(constant):.4f}; one population answers alone in {np.mean(kept):.0%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("verdicts", "stacking"))
    parser.add_argument("--tables", type=int)
    given = parser.parse_args()
    {"verdicts": verdicts, "stacking": stacking}[given.what](given.tables or {"verdicts": 60, "stacking": 60}[given.what])
