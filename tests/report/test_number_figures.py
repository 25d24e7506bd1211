"""Figures of predicted numbers: a mean a part, the share held, and no row lost from sight."""

from __future__ import annotations

import numpy as np
import pytest

from drawn import inside, words
from weights.inspection.values import Values, part_intervals, part_values
from weights.report import number_figures as figures
from weights.report.charts import ORANGE, Area, Dot, Raster

RNG = np.random.default_rng(0)


def values(n):
    predicted = RNG.normal(50, 10, n)
    return Values(predicted, predicted + RNG.normal(size=n), np.ones(n))


@pytest.mark.parametrize("n", [3, 200, 5_000])
def test_every_row_is_a_dot_or_is_counted(n):
    found = values(n)
    parts = part_values(found)
    for figure in (figures.predicted_figure, figures.residual_figure):
        drawing = figure(found, parts, title="t", caption="c")
        dots = [mark for mark in drawing.marks if isinstance(mark, Dot) and mark.color != ORANGE]
        assert len(dots) == n if n < 1_000 else any(isinstance(mark, Raster) for mark in drawing.marks)
        assert sum(isinstance(mark, Dot) and mark.color == ORANGE for mark in drawing.marks) == len(parts)
        assert inside(drawing)


def test_intervals_show_their_band_what_lies_outside_and_the_share_held():
    found = values(400)
    bounds = found.predicted - 1.0, found.predicted + 1.0
    parts = part_intervals(found, *bounds)
    drawing = figures.interval_figure(found, bounds, parts, level=0.9, title="t", caption="c")
    assert sum(isinstance(mark, Area) for mark in drawing.marks) == 1
    assert "share that the intervals hold" in words(drawing)
    assert inside(drawing)


@pytest.mark.parametrize("observed", [np.zeros(50), np.full(50, 1e300), np.append(np.zeros(49), 1e12)])
def test_targets_without_spread_and_of_any_size_are_drawn(observed):
    found = Values(np.zeros(50), observed, np.ones(50))
    assert inside(figures.predicted_figure(found, part_values(found), title="t", caption="c"))
    assert inside(figures.residual_figure(found, part_values(found), title="t", caption="c"))
    held = part_intervals(found, np.full(50, -np.inf), np.full(50, np.inf))
    bounds = np.full(50, -np.inf), np.full(50, np.inf)
    assert inside(figures.interval_figure(found, bounds, held, level=0.9, title="t", caption="c"))
