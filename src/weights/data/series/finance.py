"""What of prices is forecast: returns, log returns, volatility, direction, drawdown. Each is a `Quantity`, a row of `QUANTITIES`.

A quantity has values at every moment, made from prices up to that moment, and an outcome of a path of values: what has come to be
after each of its steps, such as the return since its begin. `observe` gives the outcomes that came after every moment; what is expected,
and bounds, follow from sample paths of log returns, as what is told of prices is seldom linear in the values of single steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from weights.errors import DataError
from weights.types import FloatArray, IntArray

_HAR = (1, 5, 22)
"""Moments over which means are taken: a day, a week and a month (Corsi 2009, equation 12)."""
_LEAST_PROBABILITY, _ROUNDING = 1e-6, 1e-13

Baseline = Callable[..., FloatArray]
"""Values (t,), their outcomes after steps (t, k), and these steps (k,) where they are not 1 to k -> what is expected without any model."""


class Quantity(NamedTuple):
    """What of prices is forecast.

    Attributes:
        name: as it is chosen. help: what is told, in a sentence.
        of_returns: log returns (...) -> values of the same shape, such as their squares.
        outcome: values of the steps of a path (..., H) -> what has come to be after each step (..., H).
        show: outcomes, moments a year -> what the user is told, of the same shape.
        losses: by name, what came and what was expected, both as they are shown -> loss of each; the first one judges.
        baselines: by name, what is expected after each moment without any model, shape (t, k).
        compare: outcomes (..., k), volatility (..., 1) and steps (k,) -> in units in which series can be compared.
        neutral: what is expected where nothing tells which way prices go; None of what says nothing of whether they rise.
        by_year: whether it is shown for a year.
        bounded: whether an interval says something of it; of a yes or no it does not.
    """

    name: str
    help: str
    of_returns: Callable[[FloatArray], FloatArray]
    outcome: Callable[[FloatArray], FloatArray]
    show: Callable[[FloatArray, float], FloatArray]
    losses: Mapping[str, Callable[[FloatArray, FloatArray], FloatArray]]
    baselines: Mapping[str, Baseline]
    compare: Callable[[FloatArray, FloatArray, IntArray], FloatArray]
    neutral: float | None = None
    by_year: bool = False
    bounded: bool = True

    def values(self, prices: FloatArray) -> FloatArray:
        """The value at each moment (t,), from its price and those before; NaN where there is no price."""
        return self.of_returns(take_log_returns(prices))


def check_prices(prices: FloatArray, name: str) -> None:
    """Refuse prices that have no logarithm.

    Raises:
        DataError: a price is not positive, or infinite.
    """
    bad = (prices <= 0) | np.isinf(prices)
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(
            f"Prices must be positive, but {int(bad.sum()):,} of {len(prices):,} values of '{name}' are not "
            f"(first: {prices[row]:g}, value {row + 1}). "
            "Leave these cells empty if there was no price, or forecast the values as they are, without --as."
        )


def observe(quantity: Quantity, values: FloatArray, horizon: int) -> FloatArray:
    """What came to be over the next h steps after each moment, shape (t, H); NaN where a value is missing or not yet known.

    Args:
        quantity: a row of `QUANTITIES`.
        values: of a series of prices, as `quantity.values` gives them, shape (t,).
        horizon: H.

    Example:
        >>> returns = QUANTITIES["returns"]
        >>> observe(returns, returns.values(np.array([100.0, 110.0, 99.0])), 2)
        array([[ 0.1 , -0.01],
               [-0.1 ,   nan],
               [  nan,   nan]])
    """
    ahead = np.concatenate([values[1:], np.full(horizon, np.nan)])
    return quantity.outcome(np.lib.stride_tricks.sliding_window_view(ahead, horizon))


def take_returns(prices: FloatArray) -> FloatArray:
    """The return at each moment since the price before, shape (t,); NaN at the first and where there is no price.

    Example:
        >>> take_returns(np.array([100.0, np.nan, 110.0]))
        array([nan, nan, 0.1])
    """
    known = np.flatnonzero(~np.isnan(prices))
    returns = np.full(len(prices), np.nan)
    returns[known[1:]] = prices[known[1:]] / prices[known[:-1]] - 1
    return returns


def take_log_returns(prices: FloatArray) -> FloatArray:
    """The logarithm of each price over the one before, shape (t,)."""
    return np.log1p(take_returns(prices))


def qlike(came: FloatArray, expected: FloatArray) -> FloatArray:
    """``came / expected - log(came / expected) - 1`` of variances: zero where they are equal (Patton 2011, equation 24).

    Too low a forecast costs more than one too high by as much. NaN where nothing moved at all, which has no logarithm.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(came > 0, came / expected, np.nan)
        return np.asarray(ratio - np.log(ratio) - 1)


def log_loss(came: FloatArray, expected: FloatArray) -> FloatArray:
    """The negative logarithm of the probability that was given to what came, at most that of one in a million."""
    probability = np.clip(expected, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return -(came * np.log(probability) + (1 - came) * np.log1p(-probability))


def expect_history(values: FloatArray, outcomes: FloatArray, steps: IntArray | None = None) -> FloatArray:
    """The mean of the outcomes that had come by each moment, shape (t, k); NaN before the first."""
    ended = shift_to_end(outcomes, steps)
    known = np.cumsum(~np.isnan(ended), axis=0)
    return np.where(known > 0, np.cumsum(np.nan_to_num(ended), axis=0) / np.maximum(known, 1), np.nan)


def expect_last(values: FloatArray, outcomes: FloatArray, steps: IntArray | None = None) -> FloatArray:
    """The outcome over as many steps up to each moment, shape (t, k)."""
    return shift_to_end(outcomes, steps)


def expect_constant(value: float) -> Baseline:
    """A baseline that always expects one value."""
    return lambda values, outcomes, steps=None: np.full_like(outcomes, value)


def expect_har(values: FloatArray, outcomes: FloatArray, steps: IntArray | None = None) -> FloatArray:
    """Least squares on the means of the last day, week and month, over the windows that had ended by each moment, shape (t, k).

    The regression is that of Corsi (2009, equation 12). Not below the least outcome so far, as variances are positive
    (Bollerslev, Patton and Quaedvlieg 2016, section 2.4).
    """
    known, sums = (np.cumsum(np.concatenate([[0], part])) for part in (~np.isnan(values), np.nan_to_num(values)))
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(ends[:, None] - _HAR, 0)
    counts = known[ends][:, None] - known[begins]
    inputs = np.column_stack([np.ones(len(values)), (sums[ends][:, None] - sums[begins]) / np.maximum(counts, 1)])
    full = ends > _HAR[-1]
    expected = np.full_like(outcomes, np.nan)
    for place, h in enumerate(_list_steps(outcomes, steps)):
        used = full & ~np.isnan(outcomes[:, place])
        seen, came = np.where(used[:, None], inputs, 0.0), np.where(used, outcomes[:, place], 0.0)
        products = _delay(np.cumsum(seen[:, :, None] * seen[:, None, :], axis=0), h)
        cross = _delay(np.cumsum(seen * came[:, None], axis=0), h)
        enough = full & (_delay(np.cumsum(used.astype(float)), h) >= 3 * inputs.shape[1])
        least = _delay(np.minimum.accumulate(np.where(used, outcomes[:, place], np.inf)), h)
        scale = np.sqrt(np.maximum(np.diagonal(products[enough], axis1=1, axis2=2), np.finfo(float).tiny))
        alike = products[enough] / (scale[:, :, None] * scale[:, None, :]) + _ROUNDING * np.eye(inputs.shape[1])
        slopes = np.linalg.solve(alike, (cross[enough] / scale)[..., None])[..., 0] / scale
        fitted = (inputs[enough] * slopes).sum(axis=1)
        expected[enough, place] = np.maximum(fitted, least[enough])
    return expected


def _list_steps(outcomes: FloatArray, steps: IntArray | None) -> list[int]:
    """After how many steps each outcome came."""
    return [*range(1, outcomes.shape[1] + 1)] if steps is None else steps.tolist()


def shift_to_end(outcomes: FloatArray, steps: IntArray | None = None) -> FloatArray:
    """Outcomes at the moments when they were known, which is so many steps after their origin as they reach over, shape (t, k)."""
    return np.stack([_delay(outcomes[:, place], h, np.nan) for place, h in enumerate(_list_steps(outcomes, steps))], axis=1)


def _delay(values: FloatArray, steps: int, blank: float = 0.0) -> FloatArray:
    """Values so many moments later, along the first axis."""
    return np.concatenate([np.full((min(steps, len(values)), *values.shape[1:]), blank), values[:-steps]])


def _compound(steps: FloatArray) -> FloatArray:
    return np.cumprod(1 + steps, axis=-1) - 1


def _accumulate(steps: FloatArray) -> FloatArray:
    return np.cumsum(steps, axis=-1)


def _average(steps: FloatArray) -> FloatArray:
    return np.cumsum(steps, axis=-1) / np.arange(1, steps.shape[-1] + 1)


def _went_up(steps: FloatArray) -> FloatArray:
    total = np.cumsum(steps, axis=-1)
    return np.where(np.isnan(total), np.nan, total > 0)


def _fall(steps: FloatArray) -> FloatArray:
    """The largest fall from a price to a later one so far, as a share of the higher one."""
    total = np.cumsum(steps, axis=-1)
    highest = np.maximum(np.maximum.accumulate(total, axis=-1), 0.0)
    return 1 - np.exp(np.minimum.accumulate(total - highest, axis=-1))


def _as_it_is(outcomes: FloatArray, moments_a_year: float) -> FloatArray:
    return outcomes


def _annualise(outcomes: FloatArray, moments_a_year: float) -> FloatArray:
    return np.sqrt(np.maximum(outcomes, 0.0) * moments_a_year)


def _compare_sums(outcomes: FloatArray, volatility: FloatArray, steps: IntArray) -> FloatArray:
    """Sums of returns in units of their deviation, were they independent."""
    return np.asarray(outcomes / (volatility * np.sqrt(steps)))


def _compare_squares(outcomes: FloatArray, volatility: FloatArray, steps: IntArray) -> FloatArray:
    """Logarithms of mean squares over the mean square so far; of no movement, over a hundredth of it more."""
    return np.log(outcomes / volatility**2 + 0.01)


def _compare_as_they_are(outcomes: FloatArray, volatility: FloatArray, steps: IntArray) -> FloatArray:
    return np.where(np.isnan(volatility), np.nan, outcomes)


def _squared_error(came: FloatArray, expected: FloatArray) -> FloatArray:
    return (came - expected) ** 2


def _absolute_error(came: FloatArray, expected: FloatArray) -> FloatArray:
    return np.abs(came - expected)


def _qlike_of_roots(came: FloatArray, expected: FloatArray) -> FloatArray:
    return qlike(came**2, expected**2)


_OF_RETURNS = {"zero": expect_constant(0.0), "historical mean": expect_history, "last": expect_last}
_ERRORS_OF_RETURNS = {"mse": _squared_error, "mae": _absolute_error}

QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        Quantity(
            "returns",
            "The return since the last known price.",
            np.expm1,
            _compound,
            _as_it_is,
            _ERRORS_OF_RETURNS,
            _OF_RETURNS,
            _compare_sums,
            neutral=0.0,
        ),
        Quantity(
            "log-returns",
            "The logarithm of the price over the last known one.",
            np.positive,
            _accumulate,
            _as_it_is,
            _ERRORS_OF_RETURNS,
            _OF_RETURNS,
            _compare_sums,
            neutral=0.0,
        ),
        Quantity(
            "volatility",
            "The root of the mean squared log return over the next steps, for a year.",
            np.square,
            _average,
            _annualise,
            {"qlike": _qlike_of_roots, "mae": _absolute_error},
            {"historical mean": expect_history, "last": expect_last, "HAR": expect_har},
            _compare_squares,
            by_year=True,
        ),
        Quantity(
            "direction",
            "The probability that the price is higher than the last known one.",
            np.positive,
            _went_up,
            _as_it_is,
            {"brier": _squared_error, "log_loss": log_loss},
            {"even odds": expect_constant(0.5), "historical mean": expect_history},
            _compare_as_they_are,
            neutral=0.5,
            bounded=False,
        ),
        Quantity(
            "drawdown",
            "The largest fall within the next steps, from a price to a later one, as a share of the higher.",
            np.positive,
            _fall,
            _as_it_is,
            {"mse": _squared_error, "mae": _absolute_error},
            {"historical mean": expect_history, "last": expect_last},
            _compare_sums,
        ),
    )
}
