"""Which items may stand on lists, and what is too old to count, is said by users of lists."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from preferences import draw_preferences, read
from weights.errors import NotFoundError, UsageError
from weights.recommending.wishes import fade_asked, find_allowed

EVENTS = read(draw_preferences())


@pytest.mark.parametrize("named", [[3, 5, 999], pa.table({"item": [3, 5, 999]}), {"item": ["3", "5"]}])
def test_items_are_named_by_ids_or_by_tables(named):
    assert np.flatnonzero(find_allowed(EVENTS.items, "item", named, None)).tolist() == [2, 4]
    assert np.flatnonzero(~find_allowed(EVENTS.items, "item", None, named)).tolist() == [2, 4]


def test_nothing_is_allowed_where_nothing_is_said_and_nothing_where_all_are_excluded():
    assert find_allowed(EVENTS.items, "item", None, None) is None
    with pytest.raises(UsageError, match="nothing to recommend"):
        find_allowed(EVENTS.items, "item", [3], [3])
    with pytest.raises(NotFoundError, match="needs a column 'item'"):
        find_allowed(EVENTS.items, "item", pa.table({"x": [1]}), None)


def test_what_is_old_fades_as_seen_from_the_last_event_of_all():
    faded = fade_asked(EVENTS.of_users(np.array([3])), EVENTS, 100.0)
    assert faded.fade == pytest.approx(np.maximum(0.5 ** ((EVENTS.time.max() - faded.time) / 100.0), 1e-3))


@pytest.mark.parametrize(
    ("events", "half_life", "message"), [(replace(EVENTS, time=None), 1.0, "has a time"), (EVENTS, -1.0, "above zero")]
)
def test_what_cannot_fade_is_refused(events, half_life, message):
    with pytest.raises(UsageError, match=message):
        fade_asked(events, events, half_life)
