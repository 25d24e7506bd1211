"""How forecasts of prices would have fared: learned from what was known, again and again, and judged on what came next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from weights.errors import UsageError
from weights.finance.fitting import PricePlan, fit_prices
from weights.finance.scoring import PriceScore, score_prices
from weights.training.control import Control, Progress

WALKING = "walking forward"
"""The stage of a backtest."""
_MOST_FITS = 24


def backtest_prices(plan: PricePlan, *, refit: int | None, levels: Sequence[float], cost: float, control: Control) -> PriceScore:
    """How good forecasts are after each of the last moments of a plan, learned from prices up to these.

    Args:
        plan: whose last moments are not learned from.
        refit: after how many moments it is learned again; after the horizon, or so that it is two dozen times, if None.
        levels: of the intervals whose coverage is counted.
        cost: of trading, as a share of what is traded.
        control: reports progress, and stops.

    Raises:
        UsageError: it is to be learned again after less than a moment.
        DataError: what is left is too little to learn from, or to judge by. Interrupted: the work was asked to stop.
    """
    first, last = plan.n_learned - 1, len(plan.history) - plan.task.horizon
    apart = refit or max(plan.task.horizon, -(-(last - first) // _MOST_FITS))
    if apart < 1:
        raise UsageError(f"It is learned again after at least one moment, but --refit is {apart}.")
    begins = [*range(first, last, apart)]
    stretches = []
    quiet = Control(n_threads=control.n_threads, stopping=control.stopping, work="The backtest")
    for done, begin in enumerate(begins):
        forecaster = fit_prices(replace(plan, history=plan.history.until(begin + 1), n_learned=begin + 1, inspect=False), quiet)
        stretches.append((forecaster, np.arange(begin, min(begin + apart, last))))
        control.report(Progress(WALKING, (done + 1) / len(begins), None))
    return score_prices(stretches, plan.history, levels=levels, cost=cost, notes=plan.remarks)
