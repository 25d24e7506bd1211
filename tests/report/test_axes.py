"""Axes: round ticks, values where they belong, and a sign wherever not all is shown."""

from __future__ import annotations

import numpy as np
import pytest

from drawn import inside, words
from weights.report.axes import BELOW_TITLE, Axis, Panel, lay_out, number_axis, share_axis
from weights.report.charts import Dot, Line, Raster


def signs(panel):
    """How many ends of axes carry the sign, of two strokes each."""
    return sum(isinstance(mark, Line) and mark.thickness == 1.4 for mark in panel.frame()) / 2


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-3.0, 12.0, ["0", "5", "10"]),
        (12_789.0, 755_000.0, ["200,000", "400,000", "600,000"]),
        (0.0012, 0.0031, ["0.0015", "0.0020", "0.0025", "0.0030"]),
        (1.0e9, 4.0e9, ["1e+09", "2e+09", "3e+09", "4e+09"]),
    ],
)
def test_ticks_are_round_and_as_fine_as_they_need(low, high, ticks):
    assert [words for _, words in Axis(low, high, "").ticks(5)] == ticks


def test_ratios_take_equal_room_for_equal_factors():
    axis = Axis(0.25, 4.0, "", ratio=True)
    np.testing.assert_allclose(axis.share(np.array([0.25, 0.5, 1.0, 2.0, 4.0])), [0, 0.25, 0.5, 0.75, 1])
    assert [words for _, words in axis.ticks(5)] == ["0.5", "1", "2"]


@pytest.mark.parametrize(("low", "high"), [(0.14, 5.2), (0.0002, 3.0), (0.3, 1e5), (0.97, 1.02), (0.99, 400.0)])
def test_an_axis_of_ratios_names_one_wherever_it_holds_it(low, high):
    ticks = Axis(low, high, "", ratio=True).ticks(4)
    places = Axis(low, high, "", ratio=True).share(np.array([value for value, _ in ticks]))
    assert "1" in [words for _, words in ticks]
    assert (np.diff(places) > 0.05).all()  # so that texts do not touch


def test_an_axis_of_ratios_has_ticks_on_both_sides_of_one():
    assert [words for _, words in Axis(0.14, 5.2, "", ratio=True).ticks(4)] == ["0.3", "1", "3"]


def test_values_far_out_are_left_beyond_an_axis_that_shows_it():
    values = np.append(np.random.default_rng(0).normal(size=2_000), [1e6])
    axis = number_axis(values, "x")
    assert axis.cut == (False, True)
    assert axis.high < 10
    assert number_axis(values, "x", whole=True).high > 1e6
    panel = Panel(60, 60, 200, 200, axis, share_axis("y"))
    assert signs(panel) == 1
    marks, said = panel.points(values, np.full(len(values), 0.5))
    assert said.startswith("1 of 2,001 lie beyond the axes and are drawn at their ends. Shades count rows")
    assert isinstance(marks[0], Raster)


def test_a_part_of_the_shares_is_a_cut_axis():
    assert signs(Panel(0, 0, 100, 100, share_axis("x"), share_axis("y"))) == 0
    assert signs(Panel(0, 0, 100, 100, share_axis("x", high=0.25), share_axis("y", low=0.75))) == 2


@pytest.mark.parametrize("values", [[], [3.0], [0.0, 0.0], [np.nan, np.inf], [1e300, -1e300], [5e-324, 0.0]])
def test_every_axis_has_two_ends(values):
    axis = number_axis(np.array(values), "x")
    assert axis.low < axis.high
    assert axis.ticks(4)


def test_few_points_are_dots_where_they_are():
    panel = Panel(10, 20, 100, 50, Axis(0, 10, "x"), Axis(0, 1, "y"))
    marks, said = panel.points(np.array([0.0, 5.0]), np.array([1.0, 0.5]))
    assert [(mark.x, mark.y) for mark in marks if isinstance(mark, Dot)] == [(10, 20), (60, 45)]
    assert said == ""


def test_a_page_holds_titles_and_captions_of_any_length():
    panel = Panel(60, BELOW_TITLE, 200, 200, share_axis("x"), share_axis("y"))
    long = "a very long title of a table " * 6
    drawing = lay_out(panel.frame(), title=long, caption="what must be known " * 30, width=300, bottom=BELOW_TITLE + 260)
    assert inside(drawing)
    assert "".join(words(drawing)).replace(" ", "").count("averylongtitleofatable") == 6
