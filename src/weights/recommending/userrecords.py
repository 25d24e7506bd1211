"""What users did since a run was learned, step by step, so that it counts at once and can be undone: `UserRecord`."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import msgspec
import numpy as np

from weights.data.interactions.events import Interactions
from weights.data.interactions.ids import Ids
from weights.types import FloatArray


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events of a user that came together.

    Attributes:
        items: ids. values: what came of each. times: when, in seconds or numbers; null where nothing says.
        added: when they were added, in UTC.
    """

    items: list[int | str]
    values: list[float]
    times: list[float | None]
    added: str


class UserRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a user did since the run was learned.

    Attributes:
        user: the id.
        steps: in the order in which they came.
    """

    user: int | str
    steps: list[Step] = []

    def and_then(self, step: Step) -> UserRecord:
        """The same with a step more."""
        return msgspec.structs.replace(self, steps=[*self.steps, step])

    def undone(self) -> UserRecord:
        """The same without the last step."""
        return msgspec.structs.replace(self, steps=self.steps[:-1])


def make_steps(events: Interactions) -> dict[int | str, Step]:
    """The step that events are for each of their users, by id."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    steps = {}
    for place, user in enumerate(events.users.values.to_pylist()):
        own = np.flatnonzero(events.user == place)
        if len(own):
            moments = np.full(len(own), np.nan) if events.time is None else events.time[own]
            times = [None if np.isnan(moment) else float(moment) for moment in moments]
            steps[user] = Step(events.items.take(events.item[own]).to_pylist(), events.value[own].tolist(), times, now)
    return steps


def wrong_in_record(record: UserRecord) -> str:
    """What is wrong with a record, in words; nothing if all is well."""
    if any(not len(step.items) == len(step.values) == len(step.times) for step in record.steps):
        return "steps whose items, values and times are not equally many"
    numbers = [number for step in record.steps for number in (*step.values, *step.times) if number is not None]
    return "" if np.isfinite(np.asarray(numbers, float)).all() else "numbers that are not finite"


def read_records(records: Iterable[UserRecord], users: Ids, items: Ids, *, timed: bool) -> Interactions:
    """The events of records as those of some users; items that are not among those that are known are left out.

    Args:
        records: of some of the users.
        users: all who are asked for.
        items: those that are known.
        timed: whether events have times.
    """
    place, item, value, time = [], [], [], []
    for record in records:
        for step in record.steps:
            place += [record.user] * len(step.items)
            item += step.items
            value += step.values
            time += [np.nan if moment is None else moment for moment in step.times]
    user, known = users.find(place), items.find(item)
    kept = np.flatnonzero((user >= 0) & (known >= 0))
    times: FloatArray | None = np.asarray(time, float)[kept] if timed else None
    return Interactions(users, items, user[kept], known[kept], np.asarray(value, float)[kept], times)
