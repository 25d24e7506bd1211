"""The task of forecasting what prices do: which column of which shares, what of it, how many steps ahead."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from weights.data.series.finance import QUANTITIES, Quantity
from weights.tasks.forecast import MOST_STEPS
from weights.tasks.metrics import PRICE_METRICS, Measure


class PriceForecast(msgspec.Struct, frozen=True, tag="forecast", tag_field="kind"):
    """What is forecast of prices.

    Attributes:
        target: the column of prices.
        quantity: what of them, one of `QUANTITIES`.
        horizon: steps ahead, H.
        time: the column of moments; None where rows are steps.
        series: the column that says which share a row is of; None where there is one.
    """

    target: str
    quantity: str
    horizon: Annotated[int, msgspec.Meta(ge=1, le=MOST_STEPS)]
    time: str | None = None
    series: str | None = None

    kind: ClassVar[str] = "forecast"

    @property
    def told(self) -> Quantity:
        """What is forecast, as a record of functions."""
        return QUANTITIES[self.quantity]

    @property
    def metrics(self) -> dict[str, Measure]:
        """How losses are shown, the one that judges first."""
        return {name: PRICE_METRICS[name] for name in self.told.losses}

    def check(self) -> list[str]:
        """What is wrong with it, in words; nothing if all is well."""
        return [] if self.quantity in QUANTITIES else [f"'{self.quantity}' is nothing that is forecast of prices"]
