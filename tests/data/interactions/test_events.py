"""Events are read whole: one for each pair of a user and an item, what is left out is said, and what came later is added."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from preferences import COLUMNS, draw_preferences, read
from weights.data.interactions.events import EventColumns, continue_events, fade_events, read_interactions
from weights.errors import DataError, NotFoundError, UsageError

PLAIN = EventColumns("user", "item")


def test_events_are_in_the_order_of_users_and_items_whatever_that_of_rows():
    rows = draw_preferences()
    events = read(rows)
    mixed = read({name: values[::-1] for name, values in rows.items()})
    assert np.array_equal(events.item, mixed.item)
    assert np.array_equal(events.value, mixed.value)
    assert np.all(np.diff(events.user * 1000 + events.item) > 0)
    assert events.matrix().nnz == len(rows["user"])


@pytest.mark.parametrize(
    ("values", "repeats", "kept", "said"),
    [
        ([5.0, 3.0], None, 3.0, "count by their last"),
        ([5.0, 3.0], "sum", 8.0, "are summed"),
        ([*np.arange(1.0, 31.0)], None, 465.0, "are summed"),
    ],
)
def test_ratings_count_by_their_last_and_counts_add_up(values, repeats, kept, said):
    n = len(values)
    table = pa.table({"user": [1] * n, "item": [1] * n, "value": values, "time": np.arange(n)})
    events, remarks = read_interactions(table, COLUMNS, repeats=repeats)
    assert events.value.tolist() == [kept]
    assert said in remarks[0]


def test_without_values_repeated_events_are_counted():
    events, _ = read_interactions(pa.table({"user": [1, 1, 2], "item": [7, 7, 7]}), PLAIN)
    assert events.value.tolist() == [2.0, 1.0]


def test_what_is_missing_is_left_out_or_said():
    table = pa.table(
        {
            "user": [1, None, 2, 2, 3],
            "item": [7, 7, None, 8, 9],
            "value": [1.0, 1.0, 1.0, None, 2.0],
            "time": pa.array([None, 1, 2, 3, 4_102_444_800], pa.timestamp("s")),
        }
    )
    events, remarks = read_interactions(table, COLUMNS)
    assert len(events) == 2
    assert remarks == [
        "3 events without a user, an item or a value left out",
        "1 of 2 events have no time, and count as earlier than all others",
        "1 event lies in the future, by the clock of this machine",
    ]


@pytest.mark.parametrize(
    ("rows", "columns", "error", "message"),
    [
        ({"user": [1], "item": [1]}, EventColumns("who", "item"), NotFoundError, "no column 'who' to use as user"),
        ({"user": [1], "item": [1]}, EventColumns("user", "user"), UsageError, "is the user and cannot also be the item"),
        ({"user": [None], "item": [1]}, PLAIN, DataError, "there are none"),
        ({"user": [1], "item": [1], "value": [np.inf]}, EventColumns("user", "item", "value"), DataError, "must be finite"),
        ({"user": [1], "item": [1], "value": ["x"]}, EventColumns("user", "item", "value"), DataError, "must be numeric"),
    ],
)
def test_events_that_cannot_be_read_are_refused(rows, columns, error, message):
    with pytest.raises(error, match=message):
        read_interactions(pa.table(rows), columns)


def test_how_repeats_count_must_be_known():
    with pytest.raises(UsageError, match="sum or last, but is 'first'"):
        read_interactions(pa.table({"user": [1], "item": [1]}), PLAIN, repeats="first")


def test_some_users_have_their_own_events_in_the_order_asked_for():
    events = read(draw_preferences())
    some = events.of_users(np.array([7, 3, -1]), ids=events.of_users(np.array([0, 1, 2])).users)
    assert some.item[some.user == 0].tolist() == events.item[events.user == 7].tolist()
    assert some.item[some.user == 1].tolist() == events.item[events.user == 3].tolist()
    assert (some.user < 2).all()


def test_half_of_an_event_is_left_after_a_half_life():
    events = read({"user": [1, 1, 1, 1], "item": [1, 2, 3, 4], "value": [1.0] * 4, "time": [0.0, 10.0, 20.0, np.nan]})
    assert fade_events(events, 10.0, 20.0).fade.tolist() == [0.25, 0.5, 1.0, 0.001]
    assert fade_events(replace(events, dated=True, time=86_400 * events.time), 10.0, 86_400 * 20.0).fade.tolist() == [0.25, 0.5, 1.0, 0.001]


def test_later_events_join_those_of_the_same_user():
    events = read(draw_preferences())
    own = events.item[events.user == 5]
    other = np.setdiff1d(np.arange(len(events.items)), own)[:1]
    table = pa.table({"user": [105, 9999], "item": events.items.take(np.append(other, 0)), "value": [4.0, 2.0]})
    later, _ = read_interactions(table, EventColumns("user", "item", "value"), items=events.items)
    joined = continue_events(events, later)
    assert joined.users.values.to_pylist() == [105, 9999]
    assert joined.item[joined.user == 0].tolist() == sorted([*own, *other])
    assert joined.item[joined.user == 1].tolist() == [0]


def test_events_of_items_that_are_not_known_are_left_out_and_said():
    events = read(draw_preferences())
    later, remarks = read_interactions(pa.table({"user": [1], "item": [10**6]}), PLAIN, items=events.items)
    assert len(later) == 0
    assert remarks == ["1 event is of an item that the run does not know, and left out"]
