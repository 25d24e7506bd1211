"""Later events are read as those of the fit were."""

from __future__ import annotations

import pytest

from preferences import COLUMNS, draw_preferences, read
from weights.data.interactions.later import NEW_USER, read_later
from weights.errors import NotFoundError

KNOWN = read(draw_preferences())


def test_without_users_all_are_of_one_and_what_is_missing_is_said():
    later, notes = read_later({"item": [1, 2, 777]}, COLUMNS, KNOWN)
    assert later.users.values.to_pylist() == [NEW_USER]
    assert later.item.tolist() == [0, 1]
    assert "missing in these events, and taken as not known: value, time" in notes
    assert any("that the run does not know" in note for note in notes)


def test_without_items_nothing_can_be_read():
    with pytest.raises(NotFoundError, match="item"):
        read_later({"user": [1]}, COLUMNS, KNOWN)
