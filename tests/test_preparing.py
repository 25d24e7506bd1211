"""From the user's words to a fit: what is not said in the tests of the verbs (test_api.py)."""

from __future__ import annotations

import pytest

from weights.errors import UsageError
from weights.preparing import parse_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("60s", 60.0), ("5m", 300.0), ("1h", 3600.0), ("1.5h", 5400.0), (" 2 m ", 120.0), (7, 7.0), (0.5, 0.5)],
)
def test_lengths_of_time_are_read(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5", "5d", "1h30m", "soon", "nan", "inf", "1e3"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(UsageError, match=rf"A length of time such as 90, 60s, 5m or 1h was needed, but '{text}' came"):
        parse_seconds(text)
