"""What users did since the fit is kept step by step, and becomes events again."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from weights.data.interactions.events import EventColumns, read_interactions
from weights.data.interactions.ids import Ids
from weights.recommending.userrecords import Step, UserRecord, make_steps, read_records, wrong_in_record

ITEMS, USERS = Ids(pa.array([1, 2, 3])), Ids(pa.array(["ann", "bob"]))
TABLE = pa.table({"user": ["bob", "bob", "ann"], "item": [3, 1, 2], "time": [5.0, None, 7.0]})
EVENTS = read_interactions(TABLE, EventColumns("user", "item", time="time"), items=ITEMS)[0]


def test_steps_are_of_each_user_and_give_the_same_events_again():
    steps = make_steps(EVENTS)
    assert {*steps} == {"ann", "bob"}
    again = read_records([UserRecord(user, [step]) for user, step in steps.items()], USERS, ITEMS, timed=True)
    order = np.lexsort((again.item, again.user))
    assert again.user[order].tolist() == EVENTS.user.tolist()
    assert again.item[order].tolist() == EVENTS.item.tolist()
    assert np.array_equal(again.time[order], EVENTS.time, equal_nan=True)


def test_items_and_users_that_are_not_known_are_left_out():
    record = UserRecord("eve", [Step([1, 99], [1.0, 1.0], [None, None], "now")])
    assert len(read_records([record], USERS, ITEMS, timed=False)) == 0
    assert len(read_records([UserRecord("ann", record.steps)], USERS, ITEMS, timed=False)) == 1


def test_the_last_step_can_be_taken_back():
    first, second = Step([1], [1.0], [None], "a"), Step([2], [1.0], [None], "b")
    record = UserRecord("ann").and_then(first).and_then(second)
    assert record.undone().steps == [first]
    assert record.undone().undone().undone().steps == []


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        (Step([1, 2], [1.0], [None, None], ""), "not equally many"),
        (Step([1], [float("nan")], [None], ""), "not finite"),
        (Step([1], [1.0], [float("inf")], ""), "not finite"),
        (Step([1], [1.0], [2.0], ""), ""),
    ],
)
def test_what_is_wrong_with_a_record_is_said(step, wrong):
    assert wrong in wrong_in_record(UserRecord("ann", [step]))
    assert bool(wrong) == bool(wrong_in_record(UserRecord("ann", [step])))
