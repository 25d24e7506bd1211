"""What of prices is forecast: returns, log returns, volatility, direction, drawdown. Each is a `Quantity`, a row of `QUANTITIES`.

A quantity has values at every moment, made from prices up to that moment, and an outcome of a path of values: what has come to be
after each of its steps, such as the return since its begin. `observe` gives the outcomes that came after every moment; `expect` gives
what is expected, and bounds, from sample paths of values, as what is told of prices is seldom linear in the values of single steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from weights.errors import DataError
from weights.types import FloatArray

DAYS_A_YEAR = 252.0
"""Of trading, by which volatility is annualised."""
_HAR = (1, 5, 22)
"""Moments over which means are taken: a day, a week and a month (Corsi 2009, equation 12)."""
_LEAST_PROBABILITY = 1e-6


class Quantity(NamedTuple):
    """What of prices is forecast.

    Attributes:
        name: as it is chosen. help: what is told, in a sentence.
        values: prices (t,) -> values (t,); each from its price and those before.
        outcome: values of the steps of a path (..., H) -> what has come to be after each step (..., H).
        show: outcomes, moments a year -> what the user is told, of the same shape.
        losses: by name, what came and what was expected -> loss of each; the first one judges.
        baselines: by name, values (t,) and their outcomes over the next steps (t, H) -> outcomes expected after each moment (t, H).
    """

    name: str
    help: str
    values: Callable[[FloatArray], FloatArray]
    outcome: Callable[[FloatArray], FloatArray]
    show: Callable[[FloatArray, float], FloatArray]
    losses: Mapping[str, Callable[[FloatArray, FloatArray], FloatArray]]
    baselines: Mapping[str, Callable[[FloatArray, FloatArray], FloatArray]]


class Expected(NamedTuple):
    """What is expected after each step, shape (H,), and what lies between `low` and `high` with the probability that was asked for."""

    mean: FloatArray
    low: FloatArray
    high: FloatArray


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


def expect(quantity: Quantity, paths: FloatArray, level: float = 0.8) -> Expected:
    """The mean and the quantiles of the outcomes of paths of values, which came about as those may that will come.

    Args:
        quantity: a row of `QUANTITIES`.
        paths: of the values of the next H steps, such as a forecast plus the errors that forecasts of the same steps had at n origins, in
            which rows stay whole, so that steps depend on each other as they do; shape (n, H).
        level: of the bounds.

    Example:
        >>> paths = np.array([[0.01, 0.01], [-0.02, 0.03], [0.01, 0.02], [-0.01, -0.01]])
        >>> expect(QUANTITIES["direction"], paths).mean
        array([0.5 , 0.75])
    """
    outcomes = quantity.outcome(paths)
    low, high = np.quantile(outcomes, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Expected(outcomes.mean(axis=0), low, high)


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


def expect_history(values: FloatArray, outcomes: FloatArray) -> FloatArray:
    """The mean of the outcomes that had come by each moment, shape (t, H); NaN before the first."""
    ended = _shift_to_end(outcomes)
    known = np.cumsum(~np.isnan(ended), axis=0)
    return np.where(known > 0, np.cumsum(np.nan_to_num(ended), axis=0) / np.maximum(known, 1), np.nan)


def expect_last(values: FloatArray, outcomes: FloatArray) -> FloatArray:
    """The outcome over as many steps up to each moment, shape (t, H)."""
    return _shift_to_end(outcomes)


def expect_constant(value: float) -> Callable[[FloatArray, FloatArray], FloatArray]:
    """A baseline that always expects one value."""
    return lambda values, outcomes: np.full_like(outcomes, value)


def expect_har(values: FloatArray, outcomes: FloatArray) -> FloatArray:
    """Least squares on the means of the last day, week and month, over the windows that had ended by each moment, shape (t, H).

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
    for h in range(1, outcomes.shape[1] + 1):
        used = full & ~np.isnan(outcomes[:, h - 1])
        seen, came = np.where(used[:, None], inputs, 0.0), np.where(used, outcomes[:, h - 1], 0.0)
        products = _delay(np.cumsum(seen[:, :, None] * seen[:, None, :], axis=0), h)
        cross = _delay(np.cumsum(seen * came[:, None], axis=0), h)
        enough = full & (_delay(np.cumsum(used.astype(float)), h) >= 3 * inputs.shape[1])
        least = _delay(np.minimum.accumulate(np.where(used, outcomes[:, h - 1], np.inf)), h)
        slopes = np.linalg.pinv(products[enough], hermitian=True) @ cross[enough, :, None]
        fitted = (inputs[enough, None, :] @ slopes)[:, 0, 0]
        expected[enough, h - 1] = np.maximum(fitted, least[enough])
    return expected


def _shift_to_end(outcomes: FloatArray) -> FloatArray:
    """Outcomes at the moments when they were known, h steps after their origin, shape (t, H)."""
    return np.stack([_delay(column, h, np.nan) for h, column in enumerate(outcomes.T, start=1)], axis=1)


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


def _squared_error(came: FloatArray, expected: FloatArray) -> FloatArray:
    return (came - expected) ** 2


_OF_RETURNS = {"zero": expect_constant(0.0), "historical mean": expect_history, "last": expect_last}

QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        Quantity(
            "returns",
            "The return since the last known price.",
            take_returns,
            _compound,
            _as_it_is,
            {"mse": _squared_error},
            _OF_RETURNS,
        ),
        Quantity(
            "log-returns",
            "The logarithm of the price over the last known one.",
            take_log_returns,
            _accumulate,
            _as_it_is,
            {"mse": _squared_error},
            _OF_RETURNS,
        ),
        Quantity(
            "volatility",
            "The root of the mean squared log return over the next steps, for a year of 252 days of trading.",
            lambda prices: take_log_returns(prices) ** 2,
            _average,
            _annualise,
            {"qlike": qlike, "mse": _squared_error},
            {"historical mean": expect_history, "last": expect_last, "HAR": expect_har},
        ),
        Quantity(
            "direction",
            "The probability that the price is higher than the last known one.",
            take_log_returns,
            _went_up,
            _as_it_is,
            {"brier": _squared_error, "log loss": log_loss},
            {"even": expect_constant(0.5), "historical mean": expect_history},
        ),
        Quantity(
            "drawdown",
            "The largest fall within the next steps, from a price to a later one, as a share of the higher.",
            take_log_returns,
            _fall,
            _as_it_is,
            {"mse": _squared_error},
            {"historical mean": expect_history, "last": expect_last},
        ),
    )
}
