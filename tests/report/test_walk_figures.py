"""A walk forward is drawn: losses by moment, shares within bounds by step, what was earned; each named, none beyond the page."""

from __future__ import annotations

from typing import NamedTuple

from drawn import inside, words
from weights.forecasting.course import Course
from weights.report.walk_figures import walk_figure


class Step(NamedTuple):
    step: int
    coverage: dict[str, float]


COURSE = Course(["2024-01-01", "2024-02-01", "2024-03-01"], "error", {"this run": [1.0, 0.8, 1.2], "last value": [2.0, 2.1, float("nan")]})
STEPS = [Step(1, {"80%": 0.78, "95%": 0.94}), Step(2, {"80%": 0.83, "95%": 0.97})]


def test_losses_and_shares_are_drawn_with_their_names():
    figure = walk_figure("sold: a walk forward", COURSE, STEPS)
    said = words(figure)
    assert inside(figure)
    assert all(word in said for word in ("this run", "last value", "within 80%", "within 95%", "error", "steps ahead", "2024-02-01"))
    assert "earned so far" not in said


def test_what_was_earned_is_drawn_where_something_was_and_nothing_of_intervals_where_there_are_none():
    traded = Course(COURSE.times, "error", COURSE.losses, {"after costs": [0.01, 0.0, -0.02]})
    figure = walk_figure("returns", traded, [Step(1, {}), Step(2, {})])
    said = words(figure)
    assert inside(figure)
    assert "earned so far" in said
    assert "within" not in said


def test_lines_that_cover_one_another_are_one_with_both_names():
    course = Course(COURSE.times, "error", {"zero": [1.0, 2.0, 3.0], "learned": [1.0, 2.0, 3.0], "last": [2.0, 2.0, 2.0]})
    said = words(walk_figure("returns", course, [Step(1, {})]))
    assert "zero = learned" in said
    assert "last" in said
