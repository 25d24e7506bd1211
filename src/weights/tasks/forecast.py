"""The task of forecasting: which columns of which series, how many steps ahead, and how good forecasts are.

A forecast answers moments that were never there, so that it has no row, and is no `Task` of rows: what series have in place of it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from weights.tasks.metrics import FORECAST_METRICS, Measure

MOST_STEPS = 10_000
"""Steps that may be forecast (our choice)."""
_WITHOUT_UNIT = ("mase",)


class Forecast(msgspec.Struct, frozen=True, tag="forecast", tag_field="kind"):
    """What is forecast.

    Attributes:
        targets: the columns.
        horizon: steps ahead, H.
        time: the column of moments; None where rows are steps.
        series: the column that says which series a row is of; None where there is one.
    """

    targets: tuple[str, ...]
    horizon: Annotated[int, msgspec.Meta(ge=1, le=MOST_STEPS)]
    time: str | None = None
    series: str | None = None

    metrics: ClassVar[dict[str, Measure]] = FORECAST_METRICS

    @property
    def kind(self) -> str:
        """The task's name."""
        return "forecast"

    @property
    def target(self) -> str:
        """The columns in a few words."""
        return ", ".join(self.targets)

    def check(self) -> list[str]:
        """What is wrong with it, in words; nothing if all is well."""
        wrong = [] if self.targets else ["nothing is forecast"]
        return wrong + (["two targets are the same column"] if len({*self.targets}) < len(self.targets) else [])


def comparable_metrics(n_targets: int) -> dict[str, Measure]:
    """The metrics whose means over so many targets can be read: all of one, and of several those that have no unit.

    Example:
        >>> [*comparable_metrics(1)], [*comparable_metrics(2)]
        (['mase', 'mae', 'mse'], ['mase'])
    """
    return {name: measure for name, measure in FORECAST_METRICS.items() if n_targets == 1 or name in _WITHOUT_UNIT}
