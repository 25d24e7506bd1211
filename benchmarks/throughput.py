"""How fast members are trained: against scikit-learn, against the machine's own peak, and with members, rows and threads.

    python benchmarks/throughput.py

Everything is measured in one run on one machine, through the ordinary training loop (rounds, out-of-bag judging and
recording included, compiling excluded): compare the ratios, not the times. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import time
import warnings

import numpy as np

from weights.api import plan_fit
from weights.fitting import job
from weights.training.compiling import keep_compiled_programs
from weights.training.control import Control
from weights.training.stepping import Run

Record = dict[str, object]
_REPEATS = 5
_PLAIN = {"embedding": "none", "averaging": 0.0}
"""The network alone, as its peers have it."""


def table(n_samples: int, n_features: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Standard normal inputs and classes that depend on them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_samples, n_features))
    scores = x[:, :n_classes] + 0.5 * x[:, 1 : n_classes + 1] ** 2 + rng.gumbel(size=(n_samples, n_classes))
    return x, scores.argmax(1)


def seconds_a_step(
    x: np.ndarray, y: np.ndarray, *, hidden: tuple[int, ...], batch_size: int, members: int, threads: int, n_steps: int, **settings: object
) -> float:
    """Wall time of one step of one member: time of the run / (members * steps), after the program is compiled."""
    options = {"batch_size": batch_size, "n_steps": n_steps, "patience": 0, "clip": None, **_PLAIN, **settings}
    prepared = plan_fit(x, y, model="mlp", members=members, threads=threads, hidden=hidden, **options)
    run = Run.begin(job("mlp", prepared.candidates["mlp"], prepared), Control(n_threads=threads))
    run.advance(1 / 24)
    taken, began = run.taken, time.perf_counter()
    run.advance()
    return (time.perf_counter() - began) / (members * (run.taken - taken))


def seconds_a_step_of_scikit_learn(x: np.ndarray, y: np.ndarray, *, hidden: tuple[int, ...], batch_size: int, epochs: int) -> float:
    """The same for `MLPClassifier` (adam, no early stopping), which uses as many threads as its BLAS likes."""
    from sklearn.neural_network import MLPClassifier

    def fit(n_epochs: int) -> float:
        model = MLPClassifier(hidden, batch_size=batch_size, max_iter=n_epochs, tol=0.0, n_iter_no_change=10**6, random_state=0)
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x, y)
        return time.perf_counter() - began

    fit(1)
    return fit(epochs) / (epochs * -(-len(x) // batch_size))


def peak_flops(size: int = 2048, repeats: int = 8) -> float:
    """The machine's float32 matrix-product speed on all cores, the best of some tries."""
    a = np.random.default_rng(0).normal(size=(size, size)).astype(np.float32)
    a @ a
    best = np.inf
    for _ in range(repeats):
        began = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best


def step_flops(widths: tuple[int, ...], batch_size: int) -> int:
    """Multiplications and additions of a training step's matrix products: forward, by weights, by inputs (not for the first layer)."""
    products = [2 * batch_size * a * b for a, b in itertools.pairwise(widths)]
    return 3 * sum(products) - products[0]


def against_scikit_learn(threads: int) -> Record:
    """30-128-128-2, batch 64, 32 members; each measured in turn, five times, and the best of each compared."""
    x, y = table(4096, 30, 2)
    variants: dict[str, dict[str, object]] = {
        "like for like": {"dropout": 0.0, "clip_norm": None},
        "as shipped (dropout, clipping, bins, averaging)": {"embedding": "piecewise", "averaging": 8.0},
    }
    theirs, ours = np.inf, dict.fromkeys(variants, np.inf)
    for _ in range(_REPEATS):
        theirs = min(theirs, seconds_a_step_of_scikit_learn(x, y, hidden=(128, 128), batch_size=64, epochs=20))
        for name, settings in variants.items():
            seconds = seconds_a_step(x, y, hidden=(128, 128), batch_size=64, members=32, threads=threads, n_steps=2400, **settings)
            ours[name] = min(ours[name], seconds)
    print(f"\n30-128-128-2, batch 64, AdamW, 32 members, {threads} threads: one step of one member, best of {_REPEATS} in turn")
    print(f"  {'scikit-learn MLPClassifier':<50}{1e6 * theirs:8.0f} us")
    for name, seconds in ours.items():
        print(f"  {'Weights, ' + name:<50}{1e6 * seconds:8.0f} us   {theirs / seconds:5.1f} times faster")
    return {"scikit_learn_us": 1e6 * theirs, **{name: 1e6 * seconds for name, seconds in ours.items()}}


def against_peak(threads: int) -> Record:
    """64-256-256-10, batch 256."""
    x, y = table(8192, 64, 10)
    peak, seconds = 0.0, np.inf
    for _ in range(_REPEATS):
        peak = max(peak, peak_flops())
        run = seconds_a_step(x, y, hidden=(256, 256), batch_size=256, members=8, threads=threads, n_steps=480, dropout=0.0)
        seconds = min(seconds, run)
    speed = step_flops((64, 256, 256, 10), 256) / seconds
    print(f"\n64-256-256-10, batch 256, AdamW, 8 members, {threads} threads")
    print(f"  peak of this machine's float32 matrix product {peak / 1e9:6.0f} GFLOP/s (numpy; best of all)")
    used = f"{speed / 1e9:6.0f} GFLOP/s = {speed / peak:.0%} of it, {1e6 * seconds:.0f} us a step"
    print(f"  training                                      {used}")
    return {"peak_gflops": peak / 1e9, "training_gflops": speed / 1e9, "share": speed / peak}


def growth(threads: int) -> list[Record]:
    """Time against members, rows and threads: 30-128-128-2, batch 64."""
    records: list[Record] = []
    print("\nGrowth: 30-128-128-2, batch 64, 1,200 steps")
    print(f"  {'members':>8}{'rows':>9}{'threads':>9}{'us a member-step':>18}{'seconds in all':>16}")
    cases = [(m, 4096, threads) for m in (1, 2, 8, 32, 128)] + [(32, n, threads) for n in (512, 32768)] + [(32, 4096, 1)]
    for members, rows, used in cases:
        x, y = table(rows, 30, 2)
        seconds = seconds_a_step(x, y, hidden=(128, 128), batch_size=64, members=members, threads=used, n_steps=1200, dropout=0.0)
        print(f"  {members:>8}{rows:>9,}{used:>9}{1e6 * seconds:>18.0f}{seconds * members * 1200:>16.2f}", flush=True)
        records.append({"members": members, "rows": rows, "threads": used, "us": 1e6 * seconds})
    return records


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", metavar="FILE", help="also write the figures to a file")
    asked = parser.parse_args()
    keep_compiled_programs()
    threads = Control().n_threads
    print(f"{platform.machine()}, {threads} cores, Python {platform.python_version()}")
    figures = {"scikit_learn": against_scikit_learn(threads), "peak": against_peak(threads), "growth": growth(threads)}
    if asked.json:
        with open(asked.json, "w") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
