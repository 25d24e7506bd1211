"""Figures of classes: every count, bin and point stands in them, whatever the number and the names of classes."""

from __future__ import annotations

import numpy as np
import pytest

from drawn import inside, words
from weights.ensemble import Predictions
from weights.inspection.classes import area_under, calibration, confusion, operating_point
from weights.report import class_figures as figures
from weights.report.charts import Box, Dot, Line

RNG = np.random.default_rng(0)


def answers(n=200, classes=2):
    y = RNG.integers(0, classes, n)
    probability = RNG.dirichlet(np.ones(classes), n) * 0.5 + 0.5 * np.eye(classes)[y]
    return Predictions(probability, y, np.arange(n), np.ones(n))


@pytest.mark.parametrize("classes", [2, 10, 30, 100])
def test_confusion_fits_its_page_whatever_the_number_of_classes(classes):
    found = confusion(answers(2_000, classes), [f"class {k}" for k in range(classes)])
    drawing = figures.confusion_figure(found, title="confusion", footnote="f")
    cells = min(classes, 60) ** 2
    assert sum(isinstance(mark, Box) for mark in drawing.marks) == cells
    assert inside(drawing)


def test_calibration_draws_a_dot_and_an_interval_a_bin():
    bins = calibration(answers(), 1)
    drawing = figures.calibration_figure(bins, title="t", footnote="f")
    assert sum(isinstance(mark, Dot) for mark in drawing.marks) == len(bins)
    assert inside(drawing)


def test_the_operating_point_lies_on_the_curve():
    predictions = answers()
    point = operating_point(predictions, ["well", "ill"], 1, 0.9)
    drawing = figures.operating_figure(predictions, 1, point, title="t", footnote="f")
    [dot] = [mark for mark in drawing.marks if isinstance(mark, Dot)]
    curve = max((mark for mark in drawing.marks if isinstance(mark, Line)), key=lambda mark: len(mark.points))
    assert min(abs(x - dot.x) + abs(y - dot.y) for x, y in curve.points) < 3
    assert any("sensitivity 90." in text for text in words(drawing))
    assert inside(drawing)


def test_names_of_classes_wrap_and_are_not_cut():
    """CIFAR's longest name, and one that no line can hold."""
    labels = ["automobile or really any truck", "cat", "a-name-without-any-space-in-it-at-all"]
    drawing = figures.confusion_figure(confusion(answers(300, 3), labels), title="t", footnote="f")
    said = "".join(words(drawing)).replace(" ", "")
    assert all(said.count(label.replace(" ", "")) == 2 for label in labels)
    assert "…" not in said
    assert inside(drawing)


def test_a_curve_that_is_cut_to_its_corner_says_so_and_shows_it_on_its_axes():
    y = np.repeat([0, 1], 500)
    ill = np.clip(y + RNG.normal(0, 0.2, 1_000), 0, 1)
    predictions = Predictions(np.stack([1 - ill, ill], 1), y, np.arange(1_000), np.ones(1_000))
    point = operating_point(predictions, ["well", "ill"], 1, 0.95)
    drawing = figures.operating_figure(predictions, 1, point, title="t", footnote="f", areas={"out of bag": area_under(predictions, 1)})
    assert any("ONLY THE CORNER" in text for text in words(drawing))
    strokes = [mark for mark in drawing.marks if isinstance(mark, Line) and mark.thickness == 1.4]
    assert len(strokes) == 4  # two at the right end, two at the lower one
    assert any(text.startswith(("AUROC out of bag: 0.9", "AUROC out of bag: 1.0")) for text in words(drawing))
    assert inside(drawing)
