"""Recommendations that are ready to be learned."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import weights
from weights.data.interactions.catalogue import Catalogue
from weights.data.interactions.events import Interactions
from weights.data.interactions.splits import Parts
from weights.ensemble import Origin, Report
from weights.recommending.settings import RankingSettings
from weights.tasks.ranking import EventTask, Ranking

CHOOSING, MIXING, LEARNING = "choosing settings", "mixing models", "learning from all"
"""The stages of a fit."""
_SHARES_OF_TIME = {CHOOSING: 0.7, MIXING: 0.2, LEARNING: 0.1}
_SECONDS, _SECONDS_TO_CHOOSE, _SECONDS_TO_LEARN, _SECONDS_A_SCORE = 0.5, 2e-4, 3e-5, 4e-7
"""Of a fit; for each event by which settings are chosen, for each of all, and for each score of a user (measured on two cores)."""
MOST_LEARNED = 1_000_000
"""Events by which settings are chosen, at most (our choice)."""
MOST_ASKED = 1_000
"""Users by whom settings and shares are chosen (our choice: more change lists by less than these doubt)."""


@dataclass(frozen=True, eq=False)
class EventPlan:
    """What is ready to be learned of events.

    Attributes:
        task: which columns are what, and how what is learned is judged.
        events: what there is to learn from, and to judge by.
        parts: which of these are kept apart to judge by.
        tested: what is for the test only, of the same users and items; None where there is nothing.
        users, items: what is known of them beside events.
        settings: what was said of what is learned.
        source: where events came from, in a few words. origin: where they can be read again. n_samples: rows.
        remarks: notes on the data. n_threads: not more are used. seed: of what is random.
    """

    task: EventTask
    events: Interactions
    parts: Parts
    tested: Interactions | None
    users: Catalogue
    items: Catalogue
    settings: Any
    source: str
    origin: Origin
    n_samples: int
    remarks: list[str]
    n_threads: int
    seed: int

    def begin_report(self) -> Report:
        """What is known of a fit before anything is learned."""
        return Report(
            source=self.source,
            n_samples=self.n_samples,
            n_features=len(self.events.items),
            metrics={},
            remarks=self.remarks,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            version=weights.__version__,
            origin=self.origin,
        )

    def agrees_with(self, config: Any) -> bool:
        """Whether a saved run is of events with columns of the same names."""
        return self.task.columns == getattr(config.task, "columns", None)


@dataclass(frozen=True, eq=False)
class RankingPlan(EventPlan):
    """Recommendations that are ready to be learned."""

    task: Ranking
    settings: RankingSettings

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        n_users, n_items = self.events.shape
        of_events = _SECONDS_TO_CHOOSE * min(len(self.events), MOST_LEARNED) + _SECONDS_TO_LEARN * len(self.events)
        return _SECONDS + of_events + _SECONDS_A_SCORE * min(n_users, MOST_ASKED) * n_items

    @property
    def stages(self) -> dict[str, float]:
        """The names of what is done, in this order, and about how many seconds each takes."""
        return {name: share * self.seconds for name, share in _SHARES_OF_TIME.items()}
