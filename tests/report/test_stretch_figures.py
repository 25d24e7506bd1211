"""Figures of stretches: every channel that matters most is drawn, over its stretches, in the colour of what they do."""

from __future__ import annotations

import numpy as np

from weights.inspection.stretches import Stretch, Stretches
from weights.report.charts import BLUE, ORANGE, Box, Line, Text, mixed
from weights.report.stretch_figures import stretches_figure


def make_row(n_channels: int) -> Stretches:
    """Channels of four values in two stretches, the later the stronger: the first of each for the answer, the second against it."""
    changes = [(f"c{c}", half, (c + 1.0) * (1 if half == 0 else -0.5)) for c in range(n_channels) for half in (0, 1)]
    parts = [Stretch(name, 2 * half, 2 * half + 2, change, 1.0) for name, half, change in changes]
    return Stretches(0, 0.9, np.arange(4.0 * n_channels).reshape(4, n_channels), parts)


def test_a_row_is_a_title_and_a_line_over_two_boxes():
    figure = stretches_figure([make_row(1)], ["Row 1: ill"], "log odds")
    boxes = [mark for mark in figure.marks if isinstance(mark, Box)]
    assert [box.fill for box in boxes] == [mixed(ORANGE, 0.75), mixed(BLUE, 0.375)]
    assert boxes[0].x + boxes[0].width == boxes[1].x
    assert sum(isinstance(mark, Line) and len(mark.points) == 4 for mark in figure.marks) == 1
    assert any(isinstance(mark, Text) and mark.words == "Row 1: ill" for mark in figure.marks)


def test_only_the_strongest_channels_and_the_first_rows_are_drawn_and_that_is_said():
    figure = stretches_figure([make_row(6)] * 7, [f"Row {i}" for i in range(7)], "log odds")
    words = " ".join(mark.words for mark in figure.marks if isinstance(mark, Text))
    assert all(f"c{c}, value" in words for c in (2, 3, 4, 5))
    assert "c1, value" not in words
    assert "2 more rows" in words
