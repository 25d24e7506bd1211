"""Which events are kept apart to judge by: `PROTOCOLS`, by the name a user asks for one.

Each parts events into those that members learn from, those that are known of a user when they are asked, and those that came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from weights.data.interactions.events import Interactions, order_of_time
from weights.types import BoolArray, FloatArray

HELD_OUT = 0.2
"""Share of the latest events, or of users, that are kept apart (our choice)."""
_AT_RANDOM = 0.1
"""Share of events that are, drawn at random: with a fifth, models are chosen that are too small for all of them (measured)."""


class Parts(NamedTuple):
    """How events are parted; each shape (n,).

    Attributes:
        learned: learned from. given: known of a user who is asked for. came: what is to be found.
    """

    learned: BoolArray
    given: BoolArray
    came: BoolArray


class Protocol(NamedTuple):
    """A way to part events.

    Attributes:
        part: (events, seed) -> their parts.
        help: what is kept apart, in words.
        timed: whether it needs times.
    """

    part: Callable[[Interactions, int], Parts]
    help: str
    timed: bool = False


def _part_by_time(events: Interactions, seed: int) -> Parts:
    """The last fifth of all events against those before."""
    time = order_of_time(events)
    cut = np.quantile(time[np.isfinite(time)], 1 - HELD_OUT) if np.isfinite(time).any() else 0.0
    return _parts(time > cut)


def _part_last(events: Interactions, seed: int) -> Parts:
    """The last event of each user who has several."""
    time = order_of_time(events)
    order = np.lexsort((np.random.default_rng(seed).random(len(events)), time, events.user))
    ends = np.append(np.diff(events.user[order]) != 0, True)
    came = np.zeros(len(events), bool)
    came[order[ends]] = True
    came &= events.n_events[events.user] > 1
    return _parts(came)


def _part_at_random(events: Interactions, seed: int) -> Parts:
    """A tenth of the events, whosoever they are."""
    return _parts(np.random.default_rng(seed).random(len(events)) < _AT_RANDOM)


def _part_users(events: Interactions, seed: int) -> Parts:
    """A fifth of the users, of whom four fifths of the events are known when they are asked (Liang et al. 2018, section 4.2)."""
    random = np.random.default_rng(seed)
    apart = (random.random(len(events.users)) < HELD_OUT)[events.user]
    came = apart & (random.random(len(events)) < HELD_OUT)
    return Parts(~apart, ~came, came)


def _parts(came: BoolArray) -> Parts:
    return Parts(~came, ~came, came)


PROTOCOLS: dict[str, Protocol] = {
    "time": Protocol(_part_by_time, "the last fifth of all events, found from those before", timed=True),
    "last": Protocol(_part_last, "the last event of each user, found from the others"),
    "random": Protocol(_part_at_random, "a tenth of the events, drawn at random"),
    "users": Protocol(_part_users, "a fifth of the users, never learned from: a fifth of their events, found from the others"),
}


def usual_protocol(events: Interactions) -> str:
    """How events are parted where nothing is said: by time where they have times."""
    time: FloatArray | None = events.time
    return "time" if time is not None and len(np.unique(time[np.isfinite(time)])) > 1 else "random"
