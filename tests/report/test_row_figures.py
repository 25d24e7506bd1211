"""Figures of a line each: estimates where they are, arrows where they go on, and words for what cannot be drawn."""

from __future__ import annotations

import numpy as np
import pytest

from drawn import inside, words
from weights.inspection.curves import Curve
from weights.report.charts import Area, Box, Dot
from weights.report.row_figures import Row, curve_figure, rows_figure

BLANK = ("", "", "")
HEADS = ("effect", "[0.025 0.975]", "p")


def drawn(rows, *, reference=0.0, ratio=False):
    return rows_figure(rows, heads=HEADS, axis="change", reference=reference, ratio=ratio, title="t", caption="c")


def test_estimates_stand_in_their_order_and_notes_where_there_is_none():
    rows = [
        Row("a", 1.0, 0.5, 1.5, ("1", "[0.5 1.5]", "0.01")),
        Row("b", -1.0, -2.0, 0.0, ("-1", "[-2 0]", "0.05")),
        Row("c", beside=("why",)),
    ]
    drawing = drawn(rows)
    first, second = [mark for mark in drawing.marks if isinstance(mark, Dot)]
    assert first.x > second.x
    assert first.y < second.y
    assert {"a", "b", "c", "why", "[-2 0]"} <= set(words(drawing))
    assert inside(drawing)


def test_an_interval_that_is_far_too_wide_ends_in_an_arrow_and_does_not_flatten_the_others():
    rows = [Row("a", 1.0, 0.5, 1.5, BLANK), Row("b", 1.2, -900.0, 900.0, BLANK)]
    drawing = drawn(rows)
    assert sum(isinstance(mark, Area) for mark in drawing.marks) == 2
    assert any("Arrows: it goes on beyond the axis." in text for text in words(drawing))


def test_one_estimate_far_out_is_an_arrow_beside_many():
    rows = [Row(str(i), 1.0 + 0.1 * i, 0.5, 2.5, BLANK) for i in range(20)]
    drawing = drawn([*rows, Row("far", 1e6, 0.9e6, 1.1e6, BLANK)])
    dots = [mark for mark in drawing.marks if isinstance(mark, Dot)]
    assert len(dots) == 20
    assert max(dot.x for dot in dots) - min(dot.x for dot in dots) > 30


def test_ratios_lie_evenly_around_one():
    twice, half = [
        mark.x
        for mark in drawn([Row("a", 2.0, 1.5, 3.0, BLANK), Row("b", 0.5, 1 / 3, 1 / 1.5, BLANK)], reference=1.0, ratio=True).marks
        if isinstance(mark, Dot)
    ]
    [one] = [mark.x for mark in drawn([Row("a", 1.0, 1 / 3, 3.0, BLANK)], reference=1.0, ratio=True).marks if isinstance(mark, Dot)]
    assert (twice + half) / 2 == pytest.approx(one, abs=0.5)


@pytest.mark.parametrize("rows", [[], [Row("a", beside=("nothing",))], [Row("n" * 300, 0.0, None, None, BLANK)]])
def test_a_figure_of_nothing_is_still_a_page(rows):
    assert inside(drawn(rows))


def test_a_curve_of_levels_is_a_line_each_and_one_of_numbers_has_bars():
    common = {
        "feature": "f",
        "label": None,
        "mean": 2.0,
        "n_rows": 9,
        "n_read": 9,
        "shares": [0.5, 0.5],
        "n_missing": 0,
        "n_below": 0,
        "n_above": 0,
    }
    levels = Curve(values=[0, 1], names=["x", "y"], answer=[1.0, 3.0], low=[0.5, 2.5], high=[1.5, 3.5], edges=[], **common)
    numbers = Curve(values=[0, 4], names=[], answer=[1.0, 3.0], low=[np.nan] * 2, high=[np.nan] * 2, edges=[0, 2, 4], **common)
    for curve, kind, n in ((levels, Dot, 2), (numbers, Box, 2)):
        drawing = curve_figure(curve, axis="mean", column="f", show=None, title="t", caption="c")
        assert sum(isinstance(mark, kind) for mark in drawing.marks) == n
        assert inside(drawing)
