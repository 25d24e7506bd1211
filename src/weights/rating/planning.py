"""From the user's words to ratings that are ready to be learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from weights.acting import check_acting
from weights.errors import DataError, UsageError, suggest
from weights.fitoptions import Request
from weights.rating.gibbs import RatingSettings
from weights.recommending.plan import EventPlan
from weights.recommending.planning import TAKES as EVENT_OPTIONS
from weights.recommending.planning import plan_events
from weights.spec import convert_setting
from weights.tasks.rating import Rating

TAKES = tuple(name for name in EVENT_OPTIONS if name != "model")
"""Options that act on ratings."""
JUDGING, LEARNING = "learning to judge", "learning from all"
"""The stages of a fit."""
_SECONDS, _SECONDS_A_NUMBER = 0.5, 8e-9
"""Of a fit, and of a product of factors in one round (measured on two cores)."""


@dataclass(frozen=True, eq=False)
class RatingPlan(EventPlan):
    """Ratings that are ready to be learned."""

    task: Rating
    settings: RatingSettings

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        n_users, n_items = self.events.shape
        d = self.settings.n_factors + 1
        numbers = len(self.events) * d**2 / 2 + (n_users + n_items) * d**3 / 3
        return _SECONDS + 2 * self.settings.n_rounds * numbers * _SECONDS_A_NUMBER

    @property
    def stages(self) -> dict[str, float]:
        """The names of what is done, in this order, and about how many seconds each takes."""
        return {JUDGING: self.seconds / 2, LEARNING: self.seconds / 2}


def plan_rating(data: Any, request: Request) -> RatingPlan:
    """Read ratings and decide what would be learned of them; arguments and errors as `plan_ranking`."""
    check_acting(request, TAKES, "ratings")
    if request.data.value is None:
        raise UsageError("The column of ratings was not named. Name it with --value (in Python: value).")
    plan = plan_events(data, request, RatingPlan, Rating, read_settings(request.settings))
    if np.ptp(plan.events.value) == 0:
        raise DataError(f"Ratings are all {plan.events.value[0]:g}, so that there is nothing to predict. Name another column with --value.")
    return plan


def read_settings(said: Mapping[str, Any]) -> RatingSettings:
    """The settings that were said by name; values may be texts, as from a command line.

    Raises:
        UsageError: a name is not known, or a value does not suit.

    Example:
        >>> read_settings({"n_factors": "8"}).n_factors
        8
    """
    known = {field.name: field.type for field in msgspec.structs.fields(RatingSettings)}
    if unknown := [name for name in said if name not in known]:
        raise UsageError(f"There is no setting '{unknown[0]}' of ratings. {suggest(unknown[0], known)}")
    return RatingSettings(**{name: convert_setting(value, known[name], name) for name, value in said.items()})
