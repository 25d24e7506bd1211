"""`PriceForecaster`: what is forecast of prices, by what, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from weights.data.series.calendar import Calendar
from weights.ensemble import Report
from weights.finance.history import PriceHistory
from weights.finance.paths import Outlook, PathModel
from weights.inspection.predictors import Predictor
from weights.tasks.prices import PriceForecast
from weights.types import FloatArray, IntArray

LEARNED = "learned"
"""What the model is called beside what needs none."""


class PriceDrivers(msgspec.Struct, frozen=True):
    """What was known at a moment that might tell of what came after it.

    Attributes:
        predictors: each beside the others. unit: of their slopes, in words.
        n_dates: dates that tell. n_rows: rows of all shares at these.
        suspects: warnings of columns that know what comes better than what has been.
        reason: why there are no predictors; empty if there are.
    """

    predictors: list[Predictor] = []
    unit: str = ""
    n_dates: int = 0
    n_rows: int = 0
    suspects: list[str] = []
    reason: str = ""


@dataclass(frozen=True, eq=False)
class PriceForecaster:
    """Weights from which what prices do follows, and the prices themselves.

    Attributes:
        task: what is forecast. calendar: which moments there are. labels: what the shares are called.
        history: prices up to the last moment that is known.
        n_learned: how many of its moments were learned from.
        model: of paths.
        answering: what answers: the model (`LEARNED`), or one of the baselines of the quantity.
        a_year: moments in a year, by which volatility is annualised.
        drivers: what tells of the quantity; None where that was not asked for.
        report: how it was made and how good it is.
    """

    task: PriceForecast
    calendar: Calendar
    labels: Sequence[str]
    history: PriceHistory
    n_learned: int
    model: PathModel
    answering: str
    a_year: float
    drivers: PriceDrivers | None
    report: Report

    def __len__(self) -> int:
        """The number of shares."""
        return len(self.labels)

    @property
    def suspects(self) -> list[str]:
        """Warnings of columns that know what comes better than what has been."""
        return [] if self.drivers is None else self.drivers.suspects

    def expect(self, origins: IntArray, *, steps: IntArray, levels: Sequence[float] = ()) -> Outlook:
        """What is expected of every share after moments of the history, as it is shown, shape (o, S, k).

        Args:
            origins: places of moments, shape (o,).
            steps: after how many, shape (k,).
            levels: of the bounds, which are those of the model, whoever answers.
        """
        outlook = self.model.expect(self.task.told, self.history, origins, steps=steps, levels=levels)
        mean, low, high = (self.task.told.show(part, self.a_year) for part in outlook)
        return Outlook(self.answer(mean, origins, steps), low, high)

    def answer(self, learned: FloatArray, origins: IntArray, steps: IntArray) -> FloatArray:
        """What answers, as it is shown, in place of what was learned (o, S, k); that itself where a baseline has nothing to say."""
        if self.answering == LEARNED:
            return learned
        parts = [expect_plainly(self.task, self.history, share, steps)[1][self.answering][origins] for share in range(len(self))]
        plain = self.task.told.show(np.stack(parts, axis=1), self.a_year)
        return np.where(np.isnan(plain), learned, plain)

    @property
    def metrics(self) -> Mapping[str, float]:
        """Metrics at rolling origins by name."""
        return {name: metric.value for name, metric in self.report.metrics.items()}


def expect_plainly(task: PriceForecast, history: PriceHistory, share: int, steps: IntArray) -> tuple[FloatArray, dict[str, FloatArray]]:
    """What came of a share after each moment (t, k), and what was to be expected without any model, by the name of the baseline."""
    values = task.told.of_returns(history.returns[:, share])
    came = history.observe(task.told, share, int(steps[-1]))[:, steps - 1]
    return came, {name: baseline(values, came, steps) for name, baseline in task.told.baselines.items()}
