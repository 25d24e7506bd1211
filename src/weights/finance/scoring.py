"""How good forecasts of later prices are, over every window of them: losses beside what needs no model, by step, and coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np

from weights.conformal import check_level
from weights.errors import DataError
from weights.finance.forecaster import LEARNED, PriceForecaster, expect_plainly
from weights.finance.history import PriceHistory
from weights.finance.judging import Judged, measure_losses
from weights.finance.paths import Outlook
from weights.finance.trading import Trading, earn, measure_trading
from weights.forecasting.course import Course, record_course
from weights.forecasting.scorelines import describe_intervals, per_cent
from weights.forecasting.scoring import LEVELS, name_level
from weights.tables import aligned
from weights.tasks.prices import PriceForecast
from weights.tasks.proportions import Metric
from weights.types import FloatArray, IntArray

_MOST_STEPS_JUDGED = 6
_BLOCK = 64


class PriceStep(msgspec.Struct, frozen=True):
    """How good forecasts after a step are.

    Attributes:
        step: its number. losses: by name the mean of what answers.
        coverage: by level the share of outcomes that lay within the bounds.
    """

    step: int
    losses: dict[str, float]
    coverage: dict[str, float]


class PriceScore(msgspec.Struct, frozen=True):
    """How good forecasts of later prices are.

    Attributes:
        task: what was forecast.
        n_windows: forecasts that were looked at, of all shares. n_origins: moments at which they were made. n_series: shares that had some.
        n_fits: how often it was learned again on the way.
        answering: what answers; of several fits each in its turn, if they differ.
        metrics: losses after the last step of what answers, of what was learned, and of each forecast that needs no model.
        rolling: those of what answers at rolling origins, when it learned.
        steps: by step. coverage: by level over all of these; none of what has no interval.
        course: the first loss after the last step, as time went on, and what was earned.
        trading: what it would have earned to go by the forecasts; None of what says nothing of whether prices rise.
        notes: sentences about the rows.
    """

    task: PriceForecast
    n_windows: int
    n_origins: int
    n_series: int
    n_fits: int
    answering: str
    metrics: dict[str, dict[str, Metric]]
    rolling: dict[str, Metric]
    steps: list[PriceStep]
    coverage: dict[str, float]
    course: Course
    trading: Trading | None = None
    notes: list[str] = []

    def lines(self) -> list[str]:
        """Aligned text."""
        names = [self.answering, *(name for name in self.metrics if name != self.answering)]
        measures = self.task.metrics
        rows = [["walk-forward", names[0], "", *names[1:], "at rolling origins"]]
        for loss, measure in measures.items():
            values, before = [self.metrics[name][loss] for name in names], self.rolling.get(loss)
            bounds = "" if values[0].low is None else f"[{measure.show(values[0].low)} {measure.show(values[0].high or 0.0)}]"
            shown = [measure.show(metric.value) for metric in values]
            rows.append([measure.title, shown[0], bounds, *shown[1:], "" if before is None else measure.show(before.value)])
        by_step = [["steps ahead", *(measure.title for measure in measures.values()), *(f"within {level}" for level in self.coverage)]]
        for row in self.steps:
            losses = [measure.show(row.losses[loss]) for loss, measure in measures.items()]
            by_step.append([str(row.step), *losses, *map(per_cent, row.coverage.values())])
        if self.coverage:
            by_step.append(["all of these", *[""] * len(measures), *map(per_cent, self.coverage.values())])
        counted = (
            f"{self.n_windows:,} forecasts of {self.n_series:,} series from {self.n_origins:,} moments, after {self.task.horizon:,} steps"
        )
        fits = f", learned {self.n_fits:,} times on the way" if self.n_fits > 1 else ""
        brackets = describe_intervals(self.metrics[names[0]].values())
        return [
            *aligned(rows, to_right=[1, *range(3, len(rows[0]))]),
            f"  {counted}{fits}{brackets}",
            *aligned(by_step, to_right=range(1, len(by_step[0]))),
            *(self.trading.lines(self.task.horizon) if self.trading else []),
        ]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def choose_steps(horizon: int) -> IntArray:
    """Steps at which forecasts are judged, from the first to the last, some of many."""
    return np.unique(np.round(np.geomspace(1, horizon, _MOST_STEPS_JUDGED)).astype(np.int64))


def score_prices(
    stretches: Sequence[tuple[PriceForecaster, IntArray]],
    history: PriceHistory,
    *,
    levels: Sequence[float] = LEVELS,
    cost: float = 0.0,
    notes: Sequence[str] = (),
) -> PriceScore:
    """How good forecasts are, from origins each of which is answered by its own forecaster.

    Args:
        stretches: forecasters, each with the places of moments after which it forecasts.
        history: prices of all these moments and of those after them.
        levels: of the intervals whose coverage is counted.
        cost: of trading, as a share of what is traded.
        notes: sentences about the rows.

    Raises:
        DataError: no origin has as many prices after it as the horizon.
    """
    for level in levels:
        check_level(level)
    last = stretches[-1][0]
    task, steps = last.task, choose_steps(last.task.horizon)
    levels = levels if task.told.bounded else ()
    known = [(forecaster, origins[origins + task.horizon < len(history)]) for forecaster, origins in stretches]
    known = [(forecaster, origins) for forecaster, origins in known if len(origins)]
    if not known:
        raise DataError(
            f"Judging forecasts of {task.horizon:,} steps needs as many later prices, but there are fewer. "
            "Give more rows, or fit with a shorter --horizon."
        )
    origins = np.concatenate([own for _, own in known])
    came, plain = _observe_all(task, history, steps, last.a_year, origins)
    outlooks = [
        part for forecaster, own in known for part in _walk(replace(forecaster, history=history, a_year=last.a_year), own, steps, levels)
    ]
    learned = np.concatenate([part.mean for part in outlooks])
    low, high = (np.concatenate([getattr(part, side) for part in outlooks], axis=1) for side in ("low", "high"))
    held = (low <= came[origins]) & (came[origins] <= high)
    answering_at = np.repeat([forecaster.answering for forecaster, _ in known], [len(own) for _, own in known])
    expected = learned.copy()
    for name, own in plain.items():
        said_here = (answering_at == name)[:, None, None] & np.isfinite(own)
        expected = np.where(said_here, own, expected)
    at, share = np.nonzero(np.isfinite(came[origins]).any(axis=-1))
    answering = ", ".join(dict.fromkeys(forecaster.answering for forecaster, _ in known))
    said = {name: own[at, share] for name, own in {answering: expected, LEARNED: learned, **plain}.items()}
    judged = Judged(origins[at], share, came[origins][at, share], said)
    there = np.isfinite(came[origins])
    names = [name_level(level) for level in levels]
    trading, gained = None, None
    if task.told.neutral is not None:
        earned = earn(np.sign(expected[..., -1] - task.told.neutral), origins, history, task.horizon)
        trading, gained = measure_trading(earned, last.a_year, cost), {"after costs": earned.after(cost), "holding all": earned.held}
    by_step = [
        PriceStep(
            int(step),
            {loss: float(np.nanmean(values)) for loss, values in judged.losses(task, answering, k).items()},
            {name: float(own[..., k][there[..., k]].mean()) for name, own in zip(names, held, strict=True)},
        )
        for k, step in enumerate(steps)
    ]
    return PriceScore(
        task,
        len(at),
        len(np.unique(at)),
        len(np.unique(share)),
        len(known),
        answering,
        measure_losses(judged, task),
        last.report.metrics,
        by_step,
        {name: float(own[there].mean()) for name, own in zip(names, held, strict=True)},
        record_course(last.calendar, _name_losses(judged, task, history.begin), next(iter(task.metrics.values())).title, gained),
        trading,
        [*notes],
    )


def _name_losses(judged: Judged, task: PriceForecast, begin: int) -> dict[str, tuple[IntArray, FloatArray]]:
    """Numbers of moments and losses by who forecasts."""
    first = next(iter(task.told.losses))
    return {name: (begin + judged.origin, judged.losses(task, name)[first]) for name in judged.expected}


def judge_later(forecaster: PriceForecaster, history: PriceHistory) -> PriceForecaster:
    """The forecaster with its losses on prices that come after those it learned from, where they are enough."""
    origins = np.arange(forecaster.n_learned - 1, len(history) - forecaster.task.horizon)
    if not len(origins):
        return forecaster
    score = score_prices([(forecaster, origins)], history)
    report = msgspec.structs.replace(forecaster.report, test=score.metrics[forecaster.answering], n_test=score.n_windows)
    return replace(forecaster, report=report)


def _observe_all(
    task: PriceForecast, history: PriceHistory, steps: IntArray, a_year: float, origins: IntArray
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """What came after every moment (t, S, k), and what needs no model after origins (o, S, k) by its name, as they are shown."""
    parts = [expect_plainly(task, history, share, steps) for share in range(history.close.shape[1])]
    show = task.told.show
    came = show(np.stack([outcomes for outcomes, _ in parts], axis=1), a_year)
    plain = {name: show(np.stack([own[name][origins] for _, own in parts], axis=1), a_year) for name in task.told.baselines}
    return came, plain


def _walk(forecaster: PriceForecaster, origins: IntArray, steps: IntArray, levels: Sequence[float]) -> list[Outlook]:
    """What is learned says after origins, in parts so that memory suffices."""
    learned = replace(forecaster, answering=LEARNED)
    parts = [origins[begin : begin + _BLOCK] for begin in range(0, len(origins), _BLOCK)]
    return [learned.expect(own, steps=steps, levels=levels) for own in parts]
