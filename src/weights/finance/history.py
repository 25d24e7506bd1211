"""Prices of several shares on the same moments, and what is made of them: `PriceHistory`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from weights.data.series.finance import Quantity, check_prices, observe, take_log_returns
from weights.data.series.panel import Panel
from weights.data.series.pricehistory import scale_returns, tell_history
from weights.errors import DataError, listed, printable
from weights.training.volatility import measure_movement
from weights.types import FloatArray, IntArray

OF_A_DAY = ("open", "high", "low")
"""Columns of these names, in any case, are the first, highest and lowest price of a moment, where their values can be."""
TRADED = "volume"
_MOSTLY = 0.95
"""Share of the rows in which the price lies between the lowest and the highest (our choice)."""


@dataclass(frozen=True, eq=False)
class PriceHistory:
    """Prices of S shares at t moments, one after another, and other columns of the same rows.

    Attributes:
        begin: the number of the first moment.
        close: positive, NaN where there is none, shape (t, S).
        beside: open, high, low and volume, those that are known, each (t, S); open, high and low together or not at all.
        signals: other columns by name, each (t, S).
    """

    begin: int
    close: FloatArray
    beside: Mapping[str, FloatArray] = field(default_factory=dict)
    signals: Mapping[str, FloatArray] = field(default_factory=dict)

    def __len__(self) -> int:
        """The number of moments."""
        return len(self.close)

    @property
    def end(self) -> int:
        """The number of the last moment."""
        return self.begin + len(self) - 1

    @cached_property
    def returns(self) -> FloatArray:
        """Log returns since the price before, shape (t, S); NaN where there is none."""
        return np.stack([take_log_returns(column) for column in self.close.T], axis=1)

    @cached_property
    def squares(self) -> FloatArray:
        """Squared log returns, shape (t, S)."""
        return np.square(self.returns)

    @cached_property
    def measures(self) -> list[FloatArray]:
        """How much prices moved at each moment (`measure_movement`), each (t, S)."""
        return measure_movement(self.close, **{name: self.beside.get(name) for name in OF_A_DAY})

    @cached_property
    def volatility(self) -> FloatArray:
        """The deviation of returns over the last quarter up to each moment, shape (t, S)."""
        return scale_returns(self.close)[1]

    @cached_property
    def predictors(self) -> tuple[list[str], FloatArray]:
        """Names of what was known of each share at each moment and might tell of the next ones, and it, shape (p, t, S)."""
        kept = {name: self.beside.get(name) for name in (TRADED, "high", "low")}
        names, known = tell_history(self.close, **kept)
        return [*names, *self.signals], np.concatenate([known, *(values[None] for values in self.signals.values())])

    def observe(self, quantity: Quantity, share: int, horizon: int) -> FloatArray:
        """What came of a share over the next h steps after each moment, h = 1 to H, shape (t, H); NaN where it is not yet known."""
        return observe(quantity, quantity.of_returns(self.returns[:, share]), horizon)

    def last_moments(self) -> IntArray:
        """The place of the last price of each share, shape (S,); the last one of a share without any."""
        return len(self) - 1 - np.argmax(~np.isnan(self.close[::-1]), axis=0)

    def until(self, n: int) -> PriceHistory:
        """The first n moments."""
        beside, signals = ({name: values[:n] for name, values in known.items()} for known in (self.beside, self.signals))
        return PriceHistory(self.begin, self.close[:n], beside, signals)

    def behind(self, later: PriceHistory, places: Sequence[int], n_shares: int) -> PriceHistory:
        """These moments and those of a later history, whose shares stand at these places among n; columns that it lacks are missing."""
        after = max(later.end - self.end, 0)
        skipped = self.end + 1 - later.begin  # moments of the later one that these have too; below zero where some lie between

        def join(values: FloatArray, added: FloatArray | None) -> FloatArray:
            whole = np.full((len(self) + after, n_shares), np.nan)
            whole[: len(values), : values.shape[1]] = values
            if added is not None:
                own = added[max(skipped, 0) :]
                whole[len(whole) - len(own) :, [*places]] = own
                new = [column for column, place in enumerate(places) if place >= values.shape[1]]
                if skipped > 0 and new:  # what a new share did before
                    begin = max(later.begin - self.begin, 0)
                    early = added[max(self.begin - later.begin, 0) : skipped, new]
                    whole[begin : begin + len(early), [places[column] for column in new]] = early
            return whole

        return PriceHistory(
            self.begin,
            join(self.close, later.close),
            {name: join(values, later.beside.get(name)) for name, values in self.beside.items()},
            {name: join(values, later.signals.get(name)) for name, values in self.signals.items()},
        )


def lay_out_prices(panel: Panel) -> tuple[PriceHistory, list[str]]:
    """The prices in the first column of a panel with what stands beside them, and sentences about how columns are read.

    Raises:
        DataError: a price is not positive.
    """
    for s in range(len(panel)):
        check_prices(panel.series(s)[:, 0], f"{panel.columns[0]} of {panel.labels[s]}" if panel.labels[s] else panel.columns[0])
    begin = int(panel.begins.min())
    lengths = np.diff(panel.offsets)
    n_moments = int((panel.begins + lengths).max()) - begin
    whole = np.full((len(panel.columns), n_moments, len(panel)), np.nan)
    for s, (first, length) in enumerate(zip(panel.begins - begin, lengths, strict=True)):
        whole[:, first : first + length, s] = panel.series(s).T
    close, others = whole[0], dict(zip(panel.columns[1:], whole[1:], strict=True))
    by_role = {name.strip().lower(): name for name in others}
    beside: dict[str, FloatArray] = {}
    remarks = []
    if all(role in by_role for role in OF_A_DAY) and _can_be(close, *(others[by_role[role]] for role in OF_A_DAY)):
        beside |= {role: _positive(others.pop(by_role[role])) for role in OF_A_DAY}
    if TRADED in by_role and np.nanmin(others[by_role[TRADED]], initial=0.0) >= 0:
        beside[TRADED] = others.pop(by_role[TRADED])
    if beside:
        remarks.append(f"read beside prices, by their names: {', '.join(beside)}")
    return PriceHistory(begin, close, beside, others), remarks


def describe_ends(history: PriceHistory, labels: Sequence[str]) -> list[str]:
    """Sentences about shares whose price never moves, or of which the last moments have none.

    Raises:
        DataError: no price moves.
    """
    names = [printable(label) or "the price" for label in labels]
    moved = np.nansum(history.squares, axis=0) > 0
    still = [name for name, moves in zip(names, moved.tolist(), strict=True) if not moves]
    if len(still) == len(names):
        raise DataError("Prices that move were needed, but each is the same at all its moments. Name another column with --target.")
    behind = len(history) - 1 - history.last_moments()
    ended = [f"{name} by {n:,}" for name, n in zip(names, behind.tolist(), strict=True) if n]
    remarks = [f"the price never moves, so that there is nothing to learn: {listed(still, 5)}"] if still else []
    return [*remarks, *([f"forecasts begin after the last price, which lies before the last moment: {listed(ended, 5)}"] if ended else [])]


def _can_be(close: FloatArray, opened: FloatArray, high: FloatArray, low: FloatArray) -> bool:
    """Whether columns are what their names say: prices, of which nearly all lie between the lowest and the highest."""
    there = ~np.isnan(close + opened + high + low)
    inside = (low <= close) & (close <= high) & (low <= opened) & (opened <= high) & (low > 0)
    return bool(there.any() and inside[there].mean() >= _MOSTLY)


def _positive(values: FloatArray) -> FloatArray:
    """The values, those that are no price as missing ones."""
    return np.where(values > 0, values, np.nan)
