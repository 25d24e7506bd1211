"""Events in folders come back as they were; what could not have been written is said in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from preferences import draw_preferences, read
from small import rank_items
from weights.data.interactions.events import EventColumns
from weights.errors import CorruptError
from weights.recommending.recommender import Tags
from weights.store.events import arrays_of_events, build_events, needed_by_events, read_names, wrong_in_events


def test_events_ids_names_and_tags_come_back():
    known = rank_items().recommender
    arrays = arrays_of_events(known.events, known.names)
    again = build_events(arrays, known.tags, valued=True, dated=False)
    assert np.array_equal(again.item, known.events.item)
    assert np.array_equal(again.value, known.events.value)
    assert again.items.values.equals(known.events.items.values)
    assert (again.item_tags != known.events.item_tags).nnz == 0
    assert read_names(arrays) == known.names
    assert wrong_in_events(arrays, known.tags) == []


def test_texts_keep_their_letters():
    rows = {**draw_preferences(), "user": [f" Ü{n} " for n in draw_preferences()["user"]]}
    events = read(rows)
    again = build_events(arrays_of_events(events, []), Tags(), valued=True, dated=False)
    assert pa.array(again.users.values).equals(events.users.values)
    assert read_names(arrays_of_events(events, [])) == []


def test_what_is_needed_follows_from_what_is_listed():
    events = read(draw_preferences())
    listed = {name: [*array.shape] for name, array in arrays_of_events(events, []).items()}
    assert needed_by_events(EventColumns("user", "item", "value", "time"), Tags(), listed, Path("run")) == listed
    with pytest.raises(CorruptError, match="lists none"):
        needed_by_events(EventColumns("user", "item"), Tags(), {}, Path("run"))
