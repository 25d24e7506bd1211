"""What going by forecasts would have earned, after costs: a plain rule that says what forecasts are worth, not a strategy."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from weights.dependence import error_of_mean
from weights.finance.history import PriceHistory
from weights.tables import aligned
from weights.tasks.proportions import Metric
from weights.types import FloatArray, IntArray

_HEADING = f"{'Trading':<14}"


class Trading(msgspec.Struct, frozen=True):
    """What it would have earned to hold shares that are expected to rise and to sell short those that are expected to fall.

    A position is opened at every moment for as many steps as are forecast, so that at a time parts of it are as old as 1, 2, ..., H steps;
    all shares weigh the same. Means a year, as shares of what is invested, with 95 % intervals over the choice of moments.

    Attributes:
        cost: of trading, as a share of what is traded.
        gross: before costs. net: after them. held: of holding all shares all the time.
        traded: how often what is invested is traded in a year.
        n_moments: over which it was counted.
    """

    cost: float
    gross: Metric
    net: Metric
    held: Metric
    traded: float
    n_moments: int

    def lines(self, horizon: int) -> list[str]:
        """Aligned text, of positions that are kept for so many steps."""
        if not self.traded:
            held = f"holding all: {_percent(self.held.value)} a year {_percents(self.held)}".rstrip()
            return [f"{_HEADING}no position was taken, as no forecast speaks for or against holding; {held}"]
        rows = [["a year", "", ""]]
        for name, metric in (("before costs", self.gross), ("after costs", self.net), ("holding all", self.held)):
            rows.append([name, _percent(metric.value), _percents(metric)])
        kept = f"each position for {horizon:,} steps" if horizon > 1 else "each position for a step"
        said = f"held where a rise is expected, sold short where a fall is, {kept}, all series alike; traded {self.traded:.1f} times a year"
        named = (
            f"cost {100 * self.cost:.3g} % of what is traded" if self.cost else "no cost was named (--cost 0.001 is a tenth of a per cent)"
        )
        return [f"{_HEADING}{said}", *aligned(rows, to_right=[1]), f"  {named}; [95 % interval over the choice of moments]"]


class Earned(NamedTuple):
    """What positions earned at each of m moments, as shares of what is invested.

    Attributes:
        gross: before costs, shape (m,). traded: what was traded, as a share of what is invested, (m,).
        held: of holding all shares, (m,).
    """

    gross: FloatArray
    traded: FloatArray
    held: FloatArray

    def after(self, cost: float) -> FloatArray:
        """What is left after costs, a share of what is traded, shape (m,)."""
        return self.gross - cost * self.traded


def earn(leans: FloatArray, origins: IntArray, history: PriceHistory, horizon: int) -> Earned:
    """What positions would have earned from the step after the first origin to that after the last.

    Args:
        leans: 1 for holding a share, -1 for selling it short, 0 for neither, shape (o, S).
        origins: places of the moments at which that was said, ascending, shape (o,).
        history: prices of these moments and the ones after them.
        horizon: for how many steps it was said.
    """
    said = np.zeros((int(origins[-1] - origins[0]) + 1, leans.shape[1]))
    said[origins - origins[0]] = np.nan_to_num(leans)
    sums = np.cumsum(np.vstack([np.zeros((horizon, leans.shape[1])), said]), axis=0)
    positions = (sums[horizon:] - sums[:-horizon]) / horizon
    steps = np.expm1(history.returns[origins[0] + 1 : origins[0] + 1 + len(said)])
    n_shares = np.maximum(np.isfinite(steps).sum(axis=1), 1)
    changed = np.abs(np.diff(positions, axis=0, prepend=0.0))
    sums_of = [(part.sum(axis=1) / n_shares) for part in (positions * np.nan_to_num(steps), changed, np.nan_to_num(steps))]
    return Earned(*sums_of)


def measure_trading(earned: Earned, a_year: float, cost: float) -> Trading:
    """What was earned a year.

    Args:
        earned: at each moment.
        a_year: moments in a year.
        cost: of trading, as a share of what is traded.
    """
    gross, net, held = (_mean(values, a_year) for values in (earned.gross, earned.after(cost), earned.held))
    return Trading(cost, gross, net, held, float(earned.traded.mean() * a_year), len(earned.gross))


def _mean(values: FloatArray, a_year: float) -> Metric:
    """The mean of values of each step over a year."""
    share = np.full(len(values), 1 / len(values))
    half = error_of_mean(share * (values - values.mean()), share, time=np.arange(len(values), dtype=float)).half_width()
    mean = float(values.mean()) * a_year
    return Metric(mean) if half is None else Metric(mean, mean - half * a_year, mean + half * a_year)


def _percent(value: float) -> str:
    return f"{100 * value:+.1f} %"


def _percents(metric: Metric) -> str:
    return "" if metric.low is None or metric.high is None else f"[{100 * metric.low:+.1f} {100 * metric.high:+.1f}]"
