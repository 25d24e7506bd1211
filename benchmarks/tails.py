"""Whether the defaults keep up with least squares where numbers have heavy tails: generated tables of a straight line.

    python benchmarks/tails.py                       # --model linear and the default
    python benchmarks/tails.py --models linear --seeds 5

y = 3 x + 5 + noise of deviation one, 400 rows, x of each of `TABLES`. In some of them what is recorded as x is for some rows not what y
came from: a typing error of 1e6, units that slipped, a code for "not known"; in one a row of x = 1e6 is right. Weights' out-of-bag R2, of
all rows and of those without an error, stands beside that of scikit-learn's LinearRegression over ten folds of the rows without an error.
Then what is answered at the median of x and at 100 and 200, beside the truth, the effect that is printed, and how often its interval
holds the truth. Results go to --results as well, one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_predict

import weights as wt

N_ROWS, SLOPE, INTERCEPT, OUTLIER = 400, 3.0, 5.0, 1e6
ASKED = (100.0, 200.0)


def _draw_with(random: np.random.Generator, value: float) -> np.ndarray:
    x = random.lognormal(0, 1, N_ROWS)
    x[N_ROWS // 2] = value
    return x


DRAWS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "normal": lambda random: random.normal(size=N_ROWS),
    "lognormal(0, 1)": lambda random: random.lognormal(0, 1, N_ROWS),
    "lognormal(0, 2)": lambda random: random.lognormal(0, 2, N_ROWS),
    "t(2)": lambda random: random.standard_t(2, N_ROWS),
    "Pareto(1.2)": lambda random: 1 + random.pareto(1.2, N_ROWS),
    "outlier on the line": lambda random: _draw_with(random, OUTLIER),
    "outlier off the line": lambda random: _draw_with(random, 1.0),
}
"""How x is drawn."""

ERRORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "outlier off the line": lambda x: np.where(np.arange(N_ROWS) == N_ROWS // 2, OUTLIER, x),
    "units that slipped": lambda x: x * np.select([np.arange(N_ROWS) % 200 == k for k in (50, 100, 150)], [1e3, 1e5, 1e6], 1.0),
    "a code in 5 % of rows": lambda x: np.where(np.arange(N_ROWS) % 20 == 7, 99_999.0, x),
}
"""What is recorded in place of x, which is from lognormal(0, 1) where it is not said."""

TABLES = [*dict.fromkeys([*DRAWS, *ERRORS])]


def draw(name: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The numbers x and y of a table, and which rows hold x as it was, each (n,)."""
    random = np.random.default_rng(seed)
    true = DRAWS.get(name, DRAWS["lognormal(0, 1)"])(random)
    x = ERRORS[name](true) if name in ERRORS else true
    return x, SLOPE * true + INTERCEPT + random.normal(size=N_ROWS), x == true


def judge(name: str, seed: int, model: str) -> dict[str, object]:
    """One fit beside least squares."""
    x, y, right = draw(name, seed)
    fitted = wt.fit({"x": x, "y": y}, target="y", model=model, seed=seed)
    median = float(np.median(x))
    answers = fitted.predict({"x": [median, *ASKED]})
    out_of_bag = fitted.ensemble.oob_predictions
    assert out_of_bag is not None
    here = right[out_of_bag.rows]
    reference = cross_val_predict(LinearRegression(), x[right, None], y[right], cv=10)
    [effect] = fitted.feature_weights()
    return {
        "table": name,
        "seed": seed,
        "model": model,
        "r2": fitted.metrics["r2"],
        "r2_right": float(r2_score(y[out_of_bag.rows[here]], out_of_bag.prediction[here])),
        "least_squares": float(r2_score(y[right], reference)),
        "off_at_median": float(answers[0] - (SLOPE * median + INTERCEPT)),
        "at_100": float(answers[1]),
        "at_200": float(answers[2]),
        "effect": float(effect["effect"]),
        "covered": None if effect["low"] is None else bool(effect["low"] <= SLOPE <= effect["high"]),
        "seconds": fitted.report.seconds,
    }


def main() -> None:
    """Print a row for each table, model and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="linear,auto")
    parser.add_argument("--tables", default=",".join(TABLES), help="names, split by commas between tables")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    titles = ("all rows", "R2", "l.s. R2"), ("off at median", "at 100", "at 200", "effect")
    print(f"{'table':<21} {'model':<7} seed" + "".join(f"{title:>10}" for title in titles[0]) + "".join(f"{t:>14}" for t in titles[1]))
    for name in (name for name in TABLES if name in options.tables):
        for model in options.models.split(","):
            covered = []
            for seed in range(options.seeds):
                row = judge(name, seed, model)
                covered += [] if row["covered"] is None else [row["covered"]]
                quality = f"{row['r2']:>10.4f}{row['r2_right']:>10.4f}{row['least_squares']:>10.4f}"
                answers = f"{row['off_at_median']:>14.3f}{row['at_100']:>14.1f}{row['at_200']:>14.1f}{row['effect']:>14.4f}"
                print(f"{name:<21} {model:<7} {seed:>4}{quality}{answers}", flush=True)
                if options.results:
                    with options.results.open("a") as file:
                        file.write(json.dumps(row) + "\n")
            print(
                f"{'':<34}95 % intervals of the effect hold {SLOPE:g} in {sum(covered)} of {len(covered)} tables that have one", flush=True
            )


if __name__ == "__main__":
    main()
