"""`PriceModel`: a fitted forecaster of prices that reads the user's own rows, and all that can be done with one.

`weights.fit` with ``task="forecast"`` and ``quantity=`` (``--as``) and `weights.load` give such models. What is computed has its home
in `weights.finance`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np

from weights.ensemble import Report
from weights.errors import UsageError
from weights.finance.backtesting import backtest_prices
from weights.finance.drivertable import tabulate_predictors
from weights.finance.fitting import PricePlan, fit_prices
from weights.finance.forecaster import PriceDrivers, PriceForecaster
from weights.finance.later import LaterPrices, read_later_prices
from weights.finance.planning import plan_prices
from weights.finance.scoring import PriceScore, score_prices
from weights.finance.steps import tabulate_prices
from weights.fitoptions import make_request
from weights.forecasting.planning import choose_held_out, choose_horizon, read_again
from weights.forecasting.scoring import LEVELS, list_levels
from weights.forecasting.steps import ForecastTable
from weights.interruption import stop_request, stoppable
from weights.running import OnProgress, run_at_once
from weights.store.format import save as save_forecaster
from weights.tables import Table
from weights.training.control import Control


class PriceModel:
    """A fitted forecaster of prices.

    Attributes:
        forecaster: the weights from which paths follow, and the prices so far.
    """

    subject: ClassVar[str] = "prices"

    def __init__(self, forecaster: PriceForecaster) -> None:
        self.forecaster = forecaster

    def __repr__(self) -> str:
        task = self.forecaster.task
        quality = "".join(f", {name} {value:.4g} at rolling origins" for name, value in [*self.metrics.items()][:1])
        return (
            f"<weights.PriceModel: {task.quantity} of '{task.target}', {task.horizon} steps ahead, {len(self.forecaster)} series{quality}>"
        )

    @property
    def report(self) -> Report:
        """How it was made and how good it is."""
        return self.forecaster.report

    @property
    def metrics(self) -> dict[str, float]:
        """Losses of what answers at rolling origins by name."""
        return dict(self.forecaster.metrics)

    @stoppable
    def forecast(
        self, horizon: int | None = None, *, after: Any = None, level: float | Sequence[float] = LEVELS, series: str | None = None
    ) -> ForecastTable:
        """What is expected after the next steps, from the last price that is known.

        Args:
            horizon: steps, at most those that were asked for when it learned; all of them if not given.
            after: rows that came since, which are looked at but not learned from; those of a series that it never saw too.
            level: of the intervals, one or several, between 0 and 1.
            series: of this series only; of all if not given.

        Raises:
            NotFoundError: there is no such series.
            UsageError: more steps are asked for, or a level is not between 0 and 1.
            DataError: rows do not go on with those it learned from.

        Example:
            >>> import numpy as np, weights as wt
            >>> steps = 0.01 * np.random.default_rng(0).standard_t(5, size=400)
            >>> rows = {"day": np.arange(400), "close": 100 * np.exp(np.cumsum(steps))}
            >>> model = wt.fit(rows, task="forecast", time="day", target="close", horizon=5, quantity="volatility")
            >>> [*model.forecast(level=0.8)]
            ['target', 'time', 'step', 'prediction', 'low 80%', 'high 80%']
        """
        horizon = choose_horizon(horizon, self.forecaster.task.horizon)
        forecaster, notes = self.read(after)
        return tabulate_prices(forecaster, horizon, list_levels(level), series, notes)

    @property
    def drivers(self) -> PriceDrivers:
        """What tells of the quantity, with intervals (what `weights summary` shows).

        Raises:
            UsageError: the fit was without inspection.
        """
        if self.forecaster.drivers is None:
            raise UsageError("What tells of prices was not measured in this fit. Fit again with inspection (without inspect=False).")
        return self.forecaster.drivers

    def summary(self, *, top: int | None = None) -> Table:
        """What tells of the quantity as a table, which prints itself; errors as `drivers`.

        Args:
            top: at most so many variables.
        """
        return tabulate_predictors(self.forecaster, self.drivers, top=top)

    @stoppable
    def score(self, data: Any, *, level: float | Sequence[float] = LEVELS, cost: float = 0.0) -> PriceScore:
        """How good forecasts of later rows are: from every moment whose steps all are among them, without learning again.

        Args:
            data: rows that go on with those it learned from.
            level: of the intervals whose coverage is counted.
            cost: of trading, as a share of what is traded.

        Raises:
            DataError: they do not, or are less than the horizon.
        """
        forecaster, notes = self.read(data)
        origins = np.arange(len(self.forecaster.history) - 1, len(forecaster.history))
        return score_prices(
            [(forecaster, origins)],
            forecaster.history,
            levels=list_levels(level),
            cost=check_cost(cost),
            notes=[*notes, *forecaster.suspects],
        )

    @stoppable
    def backtest(
        self,
        data: Any = None,
        *,
        hold_out: int | None = None,
        refit: int | None = None,
        cost: float = 0.0,
        level: float | Sequence[float] = LEVELS,
        progress: OnProgress = None,
    ) -> PriceScore:
        """How forecasts would have fared: learned again and again from what was known, and judged on what came next (walk-forward).

        Args:
            data: the rows it learned from; read from where they came from if None.
            hold_out: how many of the last moments are judged; a fifth of them if not given.
            refit: after how many moments it is learned again; the horizon, or more so that it is two dozen times at most, if not given.
            cost: of trading, as a share of what is traded, such as 0.001.
            level: of the intervals whose coverage is counted.
            progress: called while it learns.

        Raises:
            UsageError: rows came from memory and are not given, or the hold-out is shorter than the horizon.
            NotFoundError, DataError: rows are gone, or leave nothing to learn from.
        """
        task, n_learned = self.forecaster.task, self.forecaster.n_learned
        source, said = read_again(self.report, task, data)
        hold_out = choose_held_out(hold_out, n_learned, task.horizon, least=n_learned // 5)
        plan = plan_prices(source, make_request(task.target, {**said, "quantity": task.quantity}), held_out=hold_out)
        control = Control(report=progress or (lambda progress: None), stopping=stop_request())
        score = backtest_prices(plan, refit=refit, levels=list_levels(level), cost=check_cost(cost), control=control)
        return msgspec.structs.replace(score, notes=[*score.notes, *self.forecaster.suspects])

    def read(self, data: Any) -> LaterPrices:
        """The forecaster with later rows behind its prices, or as it is."""
        return LaterPrices(self.forecaster, []) if data is None else read_later_prices(self.forecaster, data)

    def save(self, folder: Any) -> None:
        """Write the model to a folder (docs/store-format.md); a Weights folder of that name is replaced.

        Raises:
            UsageError: the path holds something else or cannot be written to.
            StorageError: the disk is full, read-only or failing; what was there is as it was.
        """
        save_forecaster(self.forecaster, Path(folder))


def check_cost(cost: float) -> float:
    """The cost, if it is a share.

    Raises:
        UsageError: it is not.
    """
    if not 0 <= cost < 1:
        raise UsageError(f"--cost is a share of what is traded, such as 0.001 for a tenth of a per cent, but is {cost!r}.")
    return float(cost)


@stoppable
def run_prices(plan: PricePlan, **options: Any) -> PriceModel:
    """The model of a forecast of prices that is ready to be learned; options and errors as `weights.running.run_at_once`."""
    return PriceModel(run_at_once(plan, fit_prices, **options))
