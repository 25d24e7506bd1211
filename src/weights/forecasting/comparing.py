"""Forecasts with other settings of a run's, named by the user, beside those that it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from weights.errors import UsageError
from weights.forecasting.planning import SeriesPlanner
from weights.forecasting.settings import ForecastSettings, change_settings, write_value
from weights.forecasting.trials import MEASURE, ForecastTrial, TrialRunner
from weights.options import list_choices
from weights.training.control import Control, Progress

COMPARING = "variants"
"""The stage of a comparison."""


class ForecastComparison(msgspec.Struct, frozen=True):
    """Settings that were compared.

    Attributes:
        measure: what the loss is. loss: of the run on the last moments, which it was learned without. train_loss: on windows that it was
            learned from. seconds: what learning took.
        n_windows: that were judged. held_out: how many of the last moments.
        variants: other settings, those that lose least first; intervals hold for all together.
        notes: sentences about the rows.
    """

    measure: str
    loss: float
    train_loss: float
    seconds: float
    n_windows: int
    held_out: int
    variants: list[ForecastTrial]
    notes: list[str] = []


def compare_forecasts(
    planner: SeriesPlanner, settings: ForecastSettings, vary: Mapping[str, Sequence[Any]], held_out: int, control: Control
) -> ForecastComparison:
    """What other settings do to forecasts of the last moments of series.

    Args:
        planner: of series whose last moments are their tests.
        settings: of the run.
        vary: setting -> values, as `change_settings` takes them; all combinations are tried.
        held_out: how many moments the tests are.
        control: reports progress, and stops.

    Raises:
        UsageError: a setting or a value is not known, there are too many combinations, or nothing changes with them.
        DataError: nothing can be judged. Interrupted: the work was asked to stop.
    """
    variants = _list_variants(settings, vary)
    runner = TrialRunner(planner, control, "The comparison", network=True)
    base = runner.learn(settings)
    trials = []
    for done, (label, changed) in enumerate(variants.items()):
        control.report(Progress(COMPARING, (done + 1) / (len(variants) + 1), None))
        trials.append(runner.judge(base, label, label, changed, among=len(variants)))
    trials.sort(key=lambda trial: (bool(trial.failure), -trial.gain))
    return ForecastComparison(MEASURE, base.loss, base.train_loss, base.seconds, len(base.later.mase), held_out, trials, base.plan.remarks)


def _list_variants(settings: ForecastSettings, vary: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, Any]]:
    """All combinations that are other settings, by label.

    Raises:
        UsageError: as `compare_forecasts`.
    """
    found, known = {}, [settings]
    for choice in list_choices(vary, "lags=24;24,168"):
        changed = change_settings(settings, choice)
        if changed not in known:
            known.append(changed)
            label = ", ".join(f"{name} {write_value(getattr(changed, name))}" for name in choice)
            found[label] = {name: getattr(changed, name) for name in choice}
    if not found:
        raise UsageError(f"Nothing changes with {', '.join(vary)}: the run has these settings. Name other values.")
    return found
