"""What was said becomes a plan, or is refused in words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from preferences import SAID, draw_preferences, list_items
from weights.acting import check_acting
from weights.errors import DataError, NotFoundError, UsageError
from weights.fitoptions import make_request
from weights.recommending.planning import TAKES, plan_ranking

ROWS = draw_preferences()


def plan(rows=None, **said):
    named = {**SAID, **said}
    return plan_ranking(
        ROWS if rows is None else rows, make_request(None, {name: value for name, value in named.items() if value is not None})
    )


def test_events_are_parted_by_time_where_they_have_times():
    assert plan().task.protocol == "time"
    assert plan(time=None).task.protocol == "random"
    assert plan(protocol="last").task.protocol == "last"


def test_items_of_the_table_are_ranked_too_and_have_names():
    made = plan(items=list_items(50))
    assert len(made.events.items) == 50
    assert made.items.names[49] == "Item number 50"
    assert made.events.item_tags.shape[0] == 50
    assert any("10 of the items have no events" in remark for remark in made.remarks)


def test_what_is_for_the_test_is_not_learned_from():
    split = np.where(np.arange(len(ROWS["user"])) % 5 == 0, "test", "train")
    made = plan({**ROWS, "split": split}, split="split")
    assert len(made.tested) == (split == "test").sum()
    assert len(made.events) == (split == "train").sum()
    assert made.events.shape == made.tested.shape


def test_the_plan_says_what_takes_how_long():
    made = plan()
    assert sum(made.stages.values()) == pytest.approx(made.seconds)
    assert made.agrees_with(type("Config", (), {"task": made.task}))


@pytest.mark.parametrize(
    ("rows", "said", "error", "message"),
    [
        (None, {"user": None}, UsageError, "which user an event is of was not named. Name it with --user"),
        (None, {"item": None}, UsageError, "which item an event is of was not named"),
        (None, {"protocol": "ever"}, UsageError, "--protocol must be one of time, last, random, users"),
        (None, {"time": None, "protocol": "time"}, UsageError, "needs moments that differ"),
        (None, {"horizon": 3}, UsageError, "--horizon does nothing for recommendations"),
        (None, {"activation": "relu"}, UsageError, "no setting 'activation' of recommendations"),
        ({"user": [1], "item": [1]}, {}, DataError, "1 event of 1 user and 1 item came"),
        ({"user": [1, 1, 1], "item": [1, 2, 3]}, {}, DataError, "3 events of 1 user and 3 items"),
        ({"user": [1, 2, 3], "item": [1, 1, 1]}, {}, DataError, "3 events of 3 users and 1 item"),
        ({"user": [1, 2], "item": [1, 2]}, {}, DataError, "to judge by"),
        ({"user": [1, 2] * 9, "item": [*range(18)], "value": [0.0] * 18}, {"value": "value"}, DataError, "0 users to judge by"),
    ],
)
def test_what_cannot_be_learned_is_refused(rows, said, error, message):
    short = {} if rows is None else {"value": None, "time": None}
    with pytest.raises(error, match=message):
        plan(rows, **{**short, **said})


def test_each_option_that_acts_is_one():
    check_acting(make_request(None, SAID), TAKES, "recommendations")


def test_a_table_may_be_arrow():
    assert len(plan(pa.table(ROWS)).events) == len(ROWS["user"])


@pytest.mark.parametrize("role", ["user", "item", "value", "time"])
def test_a_column_that_there_is_not_is_refused_in_words(role):
    with pytest.raises(NotFoundError, match=f"no column 'nope' to use as {role}"):
        plan(**{role: "nope"})
