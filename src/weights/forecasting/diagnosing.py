"""Would forecasts be better otherwise? Changes are learned without the last moments, and judged on these.

What a change does where it was learned from, beside what it does to what came later, says which way the run is wrong: a freer forecast that
fits better and forecasts worse was too free.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from weights.errors import listed, printable
from weights.forecasting.forecaster import LagModel
from weights.forecasting.plan import ForecastPlan
from weights.forecasting.planning import SeriesPlanner
from weights.forecasting.settings import ForecastSettings, write_value
from weights.forecasting.trials import MEASURE, ForecastTrial, TrialRunner
from weights.training.control import Control, Progress
from weights.training.lagged import MOST_LAGS

TRYING = "trying changes"
"""The stage of a diagnosis."""
_USUAL = ForecastSettings()
_CLOSE = 0.02
"""Share of the loss below which a change is not worth making (our choice)."""


class ForecastDiagnosis(msgspec.Struct, frozen=True):
    """Whether forecasts are too free or too stiff, and what would help.

    Attributes:
        verdict: in a few words. reason: why.
        measure: what the loss is. loss: of the run on the last moments, which it was learned without. train_loss: on windows that it was
            learned from. plain_loss: of the best forecast that learns nothing, on the last moments. plain: which that is.
        n_windows: that were judged. held_out: how many of the last moments.
        remedies: changes that were tried.
        notes: sentences about the rows.
    """

    verdict: str
    reason: str
    measure: str
    loss: float
    train_loss: float
    plain_loss: float
    plain: str
    n_windows: int
    held_out: int
    remedies: list[ForecastTrial]
    notes: list[str] = []


class Change(NamedTuple):
    """A change of the settings: its name, in words, and what is set."""

    name: str
    words: str
    settings: dict[str, Any]


def list_changes(plan: ForecastPlan, used: Sequence[str] = ()) -> Iterator[Change]:
    """The changes that make sense for a plan, of which these columns that are known up to the origin are used."""
    lags, longest = plan.regressions.lags, max(len(unit.values) for unit in plan.units)
    if lags:
        yield Change("recent", "the later half of the history alone", {"history": longest - longest // 2})
    if len(lags) > 1:
        yield Change("fewer-lags", f"regressions on {lags[0]} lags alone", {"lags": lags[:1]})
    if lags and (more := 2 * lags[-1]) <= MOST_LAGS and more in plan.regressions._replace(lags=(*lags, more)).within(longest).lags:
        yield Change("more-lags", f"regressions on {more} lags as well", {"lags": (*lags, more)})
    if plan.with_pool:
        yield Change("each-alone", "each series by itself, without what all share", {"pooling": False})
    if plan.columns.groups:
        yield Change("without-columns", f"without {listed([*plan.columns.groups], 3)}", {"columns": False})
    if used:
        yield Change("without-past", f"without {listed([printable(name) for name in used], 3)}", {"past": False})
    if any(unit.scale.logged for unit in plan.units):
        yield Change("without-logs", "without logarithms", {"logs": False})
    elif all(unit.values.min() > 0 for unit in plan.units):
        yield Change("with-logs", "of logarithms", {"logs": True})
    for name, value in plan.settings.changed.items():
        yield Change(f"usual-{name}", f"without {name}={write_value(value)}, which was set", {name: getattr(_USUAL, name)})


def diagnose_forecasts(planner: SeriesPlanner, settings: ForecastSettings, held_out: int, control: Control) -> ForecastDiagnosis:
    """What changes do to forecasts of the last moments of series.

    Args:
        planner: of series whose last moments are their tests.
        settings: of the run.
        held_out: how many moments these are.
        control: reports progress, and stops.

    Raises:
        DataError: nothing can be judged. Interrupted: the work was asked to stop.
    """
    runner = TrialRunner(planner, control, "The diagnosis", network=False)
    base = runner.learn(settings)
    changes = [*list_changes(base.plan, base.forecaster.columns.past)]
    plain_loss, model = base.judge_plainly(), base.forecaster.model
    remedies = []
    for done, change in enumerate(changes):
        control.report(Progress(TRYING, (done + 1) / (len(changes) + 1), None))
        remedies.append(runner.judge(base, *change, among=len(changes)))
    remedies.sort(key=lambda remedy: -remedy.gain)
    verdict, reason = conclude(base.loss, plain_loss, model, remedies)
    n_windows, notes = len(base.later.mase), base.plan.remarks
    return ForecastDiagnosis(
        verdict, reason, MEASURE, base.loss, base.train_loss, plain_loss, model.plain, n_windows, held_out, remedies, notes
    )


def conclude(loss: float, plain_loss: float, model: LagModel, remedies: Sequence[ForecastTrial]) -> tuple[str, str]:
    """A verdict and its reason."""
    if remedies and all(remedy.low is None for remedy in remedies):
        return "undecided", "what was held out is too short to tell how forecasts near each other depend: hold out more (--hold-out)"
    helpful = [remedy for remedy in remedies if remedy.helps and remedy.gain > _CLOSE * loss]
    if helpful:
        best = helpful[0]
        freer = best.train_gain > 0
        said = f"{best.change} lowers the loss by {best.gain / loss:.1%}, and that where it was learned by {best.train_gain / loss:+.1%}"
        return ("underfits" if freer else "overfits"), said
    recent = next((remedy for remedy in remedies if remedy.name == "recent"), None)
    if recent is not None and recent.harms and -recent.gain > _CLOSE * loss:
        said = f"with half of the history the loss rises by {-recent.gain / loss:.1%}, so that more of it would lower it further"
        return "limited by the amount of data", said
    if not model.beaten:
        return "limited by noise", f"nothing beats the {model.plain}, and no change helps beyond doubt"
    return (
        "balanced",
        f"no change helps beyond doubt; the {model.plain} loses {plain_loss / max(loss, 1e-300):.2g} times as much",
    )
