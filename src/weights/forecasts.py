"""`ForecastModel`: a fitted forecaster that reads the user's own rows, and all that can be done with one.

`weights.fit` with ``task="forecast"`` and `weights.load` give such models. What is computed has its home in `weights.forecasting`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from weights.ensemble import Report, check_threads
from weights.errors import DataError, UsageError, counted
from weights.fitoptions import make_request
from weights.forecasting.comparing import ForecastComparison, compare_forecasts
from weights.forecasting.diagnosing import ForecastDiagnosis, diagnose_forecasts
from weights.forecasting.drivers import Drivers
from weights.forecasting.drivertables import DriverTables, tabulate_drivers
from weights.forecasting.explaining import ExplainedStep, explain_steps
from weights.forecasting.fitting import fit_forecaster
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.later import Later, lay_out_later, nothing_later, read_later
from weights.forecasting.plan import ForecastPlan
from weights.forecasting.planning import SeriesPlanner, choose_held_out, choose_horizon, read_again, read_planner
from weights.forecasting.scoring import LEVELS, ForecastScore, list_levels, score_later
from weights.forecasting.steps import ForecastTable, tabulate_steps, total_steps
from weights.interruption import stop_request, stoppable
from weights.preparing import values_to_vary
from weights.running import OnProgress, run_at_once
from weights.store.format import save as save_forecaster
from weights.tables import Records
from weights.training.control import Control

_MOST_DIAGNOSED = 3_000
"""Moments on which changes are judged where nothing else is said: less seldom tell how those near each other depend (our choice)."""


class ForecastModel:
    """A fitted forecaster.

    Attributes:
        forecaster: the weights of lags, and what is known of series.
    """

    subject: ClassVar[str] = "series"

    def __init__(self, forecaster: Forecaster) -> None:
        self.forecaster = forecaster

    def __repr__(self) -> str:
        task = self.forecaster.task
        quality = "".join(f", {name} {value:.4g} at rolling origins" for name, value in [*self.metrics.items()][:1])
        n_series = len({*self.forecaster.units.series.tolist()})
        return f"<weights.ForecastModel: '{task.target}', {counted(task.horizon, 'step')} ahead, {n_series:,} series{quality}>"

    @property
    def report(self) -> Report:
        """How it was made and how good it is."""
        return self.forecaster.report

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics at rolling origins by name."""
        return dict(self.forecaster.metrics)

    @stoppable
    def forecast(
        self,
        horizon: int | None = None,
        *,
        after: Any = None,
        level: float | Sequence[float] = LEVELS,
        series: str | None = None,
        target: str | None = None,
        total: bool = False,
    ) -> ForecastTable:
        """The next steps after the rows it learned from, or after later rows.

        Args:
            horizon: steps, at most those that were asked for when it learned; all of them if not given.
            after: rows that came since, which are looked at but not learned from; those of a series that it never saw too.
            level: of the intervals, one or several, between 0 and 1.
            series: of this series only; of all if not given.
            target: this target only; all if not given.
            total: the sum of these steps in place of each, with intervals from sample paths.

        Raises:
            NotFoundError: there is no such series or target.
            UsageError: more steps are asked for, or a level is not between 0 and 1.
            DataError: rows do not go on with those it learned from.

        Example:
            >>> import numpy as np, weights as wt
            >>> rows = {"day": np.arange(60), "sold": np.tile([5.0, 6.0, 9.0, 4.0], 15)}
            >>> model = wt.fit(rows, task="forecast", time="day", target="sold", horizon=4)
            >>> model.forecast()["prediction"].round(2).tolist()
            [5.0, 6.0, 9.0, 4.0]
        """
        horizon = choose_horizon(horizon, self.forecaster.task.horizon)
        return (total_steps if total else tabulate_steps)(self.read(after), horizon, list_levels(level), series, target)

    @property
    def drivers(self) -> Drivers:
        """Which lag counts at which step ahead, and what columns add, with intervals (what `weights summary` shows).

        Raises:
            UsageError: the fit was without inspection.
        """
        if self.forecaster.drivers is None:
            raise UsageError(
                "What drives forecasts was not measured in this fit. Fit again without --no-inspect (in Python: inspect=False)."
            )
        return self.forecaster.drivers

    def summary(self, *, top: int | None = None) -> DriverTables:
        """The same as tables: text when printed, HTML in a notebook.

        Args:
            top: at most so many lags of each step, and columns.

        Raises:
            UsageError: as `drivers`.

        Example:
            >>> import numpy as np, weights as wt
            >>> noise = np.random.default_rng(0).normal(size=300)
            >>> rows = {"sold": np.convolve(noise, 0.8 ** np.arange(9))[:300]}
            >>> print(wt.fit(rows, task="forecast", target="sold", horizon=2).summary(top=1))  # doctest: +ELLIPSIS
            Lags          weight in the best linear forecast, 296 windows
                                weight                 p (Holm)   used
              1 step ahead
                the last value   0.831  [0.725 0.937]    <0.001  ...
        """
        return tabulate_drivers(self.forecaster, self.drivers, top=top)

    def explain(
        self, after: Any = None, *, series: str | None = None, target: str | None = None, steps: Sequence[int] | None = None
    ) -> list[ExplainedStep]:
        """The next steps of a series shared out among lags and columns.

        Args:
            after: rows that came since it learned; none if None.
            series: whose; the first if None.
            target: which; all if None.
            steps: which, from 1 on; the first and the last if None.

        Raises:
            NotFoundError: there is no such series or target. UsageError: there is no such step. DataError: as `forecast`.
        """
        horizon = self.forecaster.task.horizon
        chosen = sorted({1, horizon}) if steps is None else [*steps]
        if not all(1 <= step <= horizon for step in chosen):
            raise UsageError(
                f"Steps are counted from 1 to {horizon:,}, but {chosen} were asked for. Name others with --step (in Python: steps)."
            )
        return Records(explain_steps(self.read(after), chosen, series, target))

    @stoppable
    def score(self, data: Any, *, level: float | Sequence[float] = LEVELS) -> ForecastScore:
        """How good forecasts of later rows are: from every origin whose steps all are among them.

        Args:
            data: rows that go on with those it learned from.
            level: of the intervals whose coverage is counted.

        Raises:
            DataError: they do not, or are less than the horizon.
        """
        return score_later(self.read(data), list_levels(level))

    @stoppable
    def backtest(
        self, data: Any = None, *, hold_out: int | None = None, level: float | Sequence[float] = LEVELS, progress: OnProgress = None
    ) -> ForecastScore:
        """How forecasts would have fared: learned again without the last moments, and judged on these (walk-forward).

        Args:
            data: the rows it learned from; read from where they came from if None.
            hold_out: how many of the last moments; a fifth of them, or five horizons if these are less, if not given.
            level: of the intervals whose coverage is counted.
            progress: called while it learns.

        Raises:
            UsageError: rows came from memory and are not given, or the hold-out is shorter than the horizon.
            NotFoundError, DataError: rows are gone, or leave nothing to learn from.
        """
        plan = self._read_without(data, self._held_out(hold_out)).plan(self.forecaster.model.settings)
        forecaster = fit_forecaster(replace(plan, tests=()), self._control(progress))
        later = lay_out_later(forecaster, plan.tests, plan.columns_after(forecaster.columns), forecaster.report.remarks)
        return score_later(later, list_levels(level))

    @stoppable
    def diagnose(self, data: Any = None, *, hold_out: int | None = None, progress: OnProgress = None) -> ForecastDiagnosis:
        """Whether forecasts are too free or too stiff: changes are learned without the last moments, and judged on these.

        Args:
            data: the rows it learned from; read from where they came from if None.
            hold_out: how many of the last moments; a quarter of them, 3,000 at most, if not given.
            progress: called after each change.

        Raises:
            UsageError: rows came from memory and are not given, or the hold-out is shorter than the horizon.
            NotFoundError, DataError: rows are gone, or leave nothing to learn from.
        """
        n_held, settings = self._held_for_trials(hold_out), self.forecaster.model.settings
        return diagnose_forecasts(self._read_without(data, n_held), settings, n_held, self._control(progress))

    @stoppable
    def compare(
        self, vary: Mapping[str, Any], data: Any = None, *, hold_out: int | None = None, progress: OnProgress = None
    ) -> ForecastComparison:
        """Forecasts with other settings, learned without the last moments and judged on these, beside those of the run.

        Args:
            vary: setting -> values, such as ``{"lags": [[24], [24, 168]], "network": [True, False]}``; all combinations are tried.
            data: the rows it learned from; read from where they came from if None.
            hold_out: as `diagnose`.
            progress: called after each variant.

        Raises:
            UsageError: a setting or a value is not known, or nothing changes; others as `diagnose`.
            NotFoundError, DataError: rows are gone, or leave nothing to learn from.
        """
        n_held, settings, several = self._held_for_trials(hold_out), self.forecaster.model.settings, values_to_vary(vary)
        return compare_forecasts(self._read_without(data, n_held), settings, several, n_held, self._control(progress))

    @property
    def _n_moments(self) -> int:
        """About how many there are of a series."""
        return self.report.n_samples // len(self.forecaster.labels)

    def _held_out(self, asked: int | None, *, least: int = 0) -> int:
        return choose_held_out(asked, self._n_moments, self.forecaster.task.horizon, least=least)

    def _held_for_trials(self, asked: int | None) -> int:
        return self._held_out(asked, least=min(self._n_moments // 4, _MOST_DIAGNOSED))

    def _read_without(self, data: Any, n_held: int) -> SeriesPlanner:
        """The series it learned from, of which the last moments are tests; errors as `backtest`."""
        source, said = read_again(self.report, self.forecaster.task, data)
        said |= {"known": self.forecaster.model.said_known, "inspect": False}
        planner = read_planner(source, make_request([*self.forecaster.task.targets], said), held_out=n_held)
        if [*planner.rows.panel.labels] != [*self.forecaster.labels]:
            raise DataError("The rows must be those that the run learned from, but they are of other series. Give those, or fit again.")
        return planner

    @staticmethod
    def _control(progress: OnProgress) -> Control:
        return Control(n_threads=check_threads(None), report=progress or (lambda progress: None), stopping=stop_request())

    def read(self, data: Any) -> Later:
        """Later rows, or none, as the model reads them."""
        return nothing_later(self.forecaster) if data is None else read_later(self.forecaster, data)

    def save(self, folder: Any) -> None:
        """Write the model to a folder (docs/store-format.md); a Weights folder of that name is replaced.

        Raises:
            UsageError: the path holds something else or cannot be written to.
            StorageError: the disk is full, read-only or failing; what was there is as it was.
        """
        save_forecaster(self.forecaster, Path(folder))


@stoppable
def run_forecast(plan: ForecastPlan, **options: Any) -> ForecastModel:
    """The model of a forecast that is ready to be learned; options and errors as `weights.running.run_at_once`."""
    return ForecastModel(run_at_once(plan, fit_forecaster, **options))
