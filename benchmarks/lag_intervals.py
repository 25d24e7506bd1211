"""How often intervals of the weights of lags hold those of the best linear forecast, and how often tests find what is not there.

    python benchmarks/lag_intervals.py                    all processes and errors, 300 values, 1,000 series a cell
    python benchmarks/lag_intervals.py --values 3000 --repetitions 500
    python benchmarks/lag_intervals.py --process ar1,var2 --errors arch

Series are drawn from autoregressions whose weights at each step follow from their coefficients, with normal errors, Student's t of 5
degrees, or errors whose variance follows from the last one (ARCH: 0.5 + 0.5 e^2), and are measured at steps 1 to 12 with as many lags as
the process has, or more ("ar4 of 8 lags"); in the last two with fewer, for which intervals are not meant. Columns:

    all         intervals of weights that hold the truth; the least and the most of any lag and step; how many of these are below 93 %
    sums        of the weights of all lags of a channel
    usual       least squares with the errors of Newey and West (over as many steps as the forecast looks ahead, or 0.75 n^(1/4) if that is
                more) and 1.96 of them, all and the least of any lag and step
    false       tests at 5 % of lags that the process does not have, together, that find something
    left        series of whose residuals it is said, at 5 %, that they depend on each other
"""

from __future__ import annotations

import argparse
import itertools
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.signal

from weights.inspection.lags import LagGroup, measure_lags

STEPS = tuple(range(1, 13))
ERRORS = ("normal", "t5", "arch")
BURN_IN = 500


class Process(NamedTuple):
    """y[t] = sum of coefficients[l] y[t - 1 - l] + error, of C channels, shape (lags, C, C)."""

    coefficients: np.ndarray
    extra: int = 0
    """Lags that are measured beyond those there are; fewer if negative."""

    @property
    def shocks(self) -> np.ndarray:
        """The covariance of errors of channels: they go along at 0.3."""
        n_channels = self.coefficients.shape[1]
        return 0.3 + 0.7 * np.eye(n_channels)

    @property
    def n_lags(self) -> int:
        """As many as are measured."""
        return len(self.coefficients) + self.extra

    def weights(self) -> np.ndarray:
        """The true projection of the first channel on the lags that are measured, shape (lags, C, steps)."""
        own, n_channels, _ = self.coefficients.shape
        n_lags = max(own, self.n_lags)
        size, asked = n_lags * n_channels, self.n_lags * n_channels
        companion = np.eye(size, k=-n_channels)
        companion[:n_channels, : own * n_channels] = np.concatenate(self.coefficients, axis=1)
        shocks = np.zeros((size, size))
        shocks[:n_channels, :n_channels] = self.shocks
        covariance = scipy.linalg.solve_discrete_lyapunov(companion, shocks)
        rows = np.stack([np.linalg.matrix_power(companion, step)[0] for step in STEPS], axis=1)
        projected = np.linalg.solve(covariance[:asked, :asked], covariance[:asked] @ rows)
        return projected.reshape(self.n_lags, n_channels, len(STEPS))


def of_roots(*roots: complex) -> np.ndarray:
    """Coefficients of an autoregression of one channel with these roots."""
    return -np.poly(roots).real[1:, None, None]


def seasonal(length: int) -> np.ndarray:
    """(1 - 0.5 B) (1 - 0.6 B^length) y = error."""
    season = np.zeros(length + 1)
    season[[0, length]] = 1, -0.6
    return -np.convolve([1, -0.5], season)[1:, None, None]


TURNING = 0.95 * np.exp(0.5j), 0.95 * np.exp(-0.5j)
PROCESSES = {
    "ar1": Process(of_roots(0.95)),
    "ar1 of 3 lags": Process(of_roots(0.95), 2),
    "ar1 of 0.5": Process(of_roots(0.5)),
    "ar2 that turns": Process(of_roots(*TURNING)),
    "ar3": Process(of_roots(0.95, 0.5, -0.5)),
    "ar4": Process(of_roots(0.95, -0.7, 0.6 * np.exp(1j), 0.6 * np.exp(-1j))),
    "ar4 of 8 lags": Process(of_roots(0.95, -0.7, 0.6 * np.exp(1j), 0.6 * np.exp(-1j)), 4),
    "season of 12": Process(seasonal(12)),
    "season of 24": Process(seasonal(24)),
    "var2": Process(np.array([[[0.7, 0.2], [0.1, 0.6]], [[0.1, -0.2], [0.0, 0.2]]])),
    "var3": Process(np.array([[[0.6, 0.3, 0.0], [0.0, 0.5, 0.2], [0.2, 0.0, 0.7]]])),
    "var3 of 3 lags": Process(np.array([[[0.6, 0.3, 0.0], [0.0, 0.5, 0.2], [0.2, 0.0, 0.7]]]), 2),
    "ar4 of 2 lags": Process(of_roots(0.95, -0.7, 0.6 * np.exp(1j), 0.6 * np.exp(-1j)), -2),
    "season of 6 lags": Process(seasonal(12), -7),
}


def draw(process: Process, n_values: int, errors: str, repetitions: int) -> np.ndarray:
    """Series of the process, shape (repetitions, values, C)."""
    n_channels = process.coefficients.shape[1]
    rng = np.random.default_rng([n_values, ERRORS.index(errors), len(process.coefficients), n_channels, process.extra + 9])
    shape = n_values + BURN_IN, repetitions, n_channels
    shocks = rng.standard_t(5, size=shape) * np.sqrt(3 / 5) if errors == "t5" else rng.normal(size=shape)
    if errors == "arch":
        for t in range(1, len(shocks)):
            shocks[t] *= np.sqrt(0.5 + 0.5 * shocks[t - 1] ** 2)
    values = shocks @ np.linalg.cholesky(process.shocks).T
    used = np.flatnonzero(np.abs(process.coefficients).max(axis=(1, 2)))
    for t in range(len(values)):
        for lag in used[used < t]:
            values[t] += values[t - 1 - lag] @ process.coefficients[lag].T
    return values[BURN_IN:].transpose(1, 0, 2)


def usual_bounds(values: np.ndarray, n_lags: int) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of least squares with the errors of Newey and West, shape (lags, C, steps)."""
    n_channels = values.shape[1]
    lows, highs = [], []
    for step in STEPS:
        n = len(values) - n_lags - step + 1
        lags = np.concatenate([np.ones((n, 1)), *(values[n_lags - 1 - lag :][:n] for lag in range(n_lags))], axis=1)
        inverse, target = np.linalg.inv(lags.T @ lags), values[n_lags - 1 + step :, 0]
        weights = inverse @ lags.T @ target
        scores = lags * (target - lags @ weights)[:, None]
        farthest = max(step, int(0.75 * n**0.25))
        total = scores.T @ scores
        for distance in range(1, farthest + 1):
            both = scores[distance:].T @ scores[:-distance]
            total += (1 - distance / (farthest + 1)) * (both + both.T)
        half = 1.96 * np.sqrt(np.diag(inverse @ total @ inverse))
        lows.append((weights - half)[1:])
        highs.append((weights + half)[1:])
    shape = n_lags, n_channels, len(STEPS)
    return np.stack(lows, axis=1).reshape(shape), np.stack(highs, axis=1).reshape(shape)


def groups_of(process: Process) -> list[LagGroup]:
    """All lags of each channel, and those that the process does not have."""
    n_lags, own, n_channels = process.n_lags, len(process.coefficients), process.coefficients.shape[1]
    groups = [LagGroup(f"all of {channel}", tuple(range(n_lags)), channel) for channel in range(n_channels)]
    return groups + [LagGroup("none", tuple(range(own, n_lags)))] * (n_lags > own)


class Shares(NamedTuple):
    """What held of each of r series.

    Attributes:
        held: intervals of weights, shape (r, lags, C, steps).
        usual: the usual ones, the same shape.
        sums: intervals of sums of all lags of a channel, shape (r, C, steps).
        false: tests of lags without weight that found some, shape (r, steps) or none.
        left: whether residuals were said to depend on each other, shape (r,).
    """

    held: np.ndarray
    usual: np.ndarray
    sums: np.ndarray
    false: np.ndarray
    left: np.ndarray


def measure(process: Process, n_values: int, errors: str, repetitions: int) -> Shares:
    """What held."""
    truth, groups = process.weights(), groups_of(process)
    n_channels = truth.shape[1]
    rows = []
    for values in draw(process, n_values, errors, repetitions):
        lag_map = measure_lags(values, process.n_lags, STEPS, groups)
        low, high = lag_map.weights.interval()
        usual_low, usual_high = usual_bounds(values, process.n_lags)
        sum_low, sum_high = (bound[:n_channels] for bound in lag_map.sums.interval())
        sums = truth.sum(axis=0)
        rows.append(
            (
                (low <= truth) & (truth <= high),
                (usual_low <= truth) & (truth <= usual_high),
                (sum_low <= sums) & (sums <= sum_high),
                lag_map.joint[n_channels:] < 0.05,
                lag_map.left_over.p_value < 0.05,
            )
        )
    return Shares(*map(np.stack, zip(*rows, strict=True)))


def main() -> None:
    """Print the share of intervals that held, in percent, for each process and kind of errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--process", default=",".join(PROCESSES))
    parser.add_argument("--errors", default=",".join(ERRORS))
    parser.add_argument("--values", type=int, default=300)
    parser.add_argument("--repetitions", type=int, default=1_000)
    asked = parser.parse_args()
    names, errors = [[each.strip() for each in text.split(",")] for text in (asked.process, asked.errors)]
    print(f"{asked.values:,} values, {asked.repetitions:,} series a cell, steps {STEPS[0]} to {STEPS[-1]}; percent")
    heads = {"least, most": 14, "below 93": 10, "step 1": 8, "step 12": 8, "sums": 7, "usual": 7, "least": 7, "false": 7, "left": 6}
    print(f"{'process':<18}{'errors':<8}{'all':>6}" + "".join(f"{head:>{width}}" for head, width in heads.items()))
    for name, kind in itertools.product(names, errors):
        shares = measure(PROCESSES[name], asked.values, kind, asked.repetitions)
        cells, usual = 100 * shares.held.mean(axis=0), 100 * shares.usual.mean(axis=0)
        false = f"{100 * shares.false.mean():.1f}" if shares.false.size else ""
        print(
            f"{name:<18}{kind:<8}{cells.mean():>6.1f}{f'{cells.min():.1f}, {cells.max():.1f}':>14}"
            f"{f'{(cells < 93).sum()} of {cells.size}':>10}{cells[..., 0].mean():>8.1f}{cells[..., -1].mean():>8.1f}"
            f"{100 * shares.sums.mean():>7.1f}{usual.mean():>7.1f}{usual.min():>7.1f}{false:>7}{100 * shares.left.mean():>6.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
