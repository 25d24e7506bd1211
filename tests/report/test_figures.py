"""Figures: what inspection found stands in them, and nothing of it is lost or overlaps."""

from __future__ import annotations

import numpy as np

from drawn import inside, words
from weights.inspection.excitation import Patch, Unit
from weights.inspection.gratings import Filter, Filters
from weights.inspection.saliency import Randomised, RankCorrelation, Saliency
from weights.models.scene import SceneWords
from weights.report import figures
from weights.report.charts import Line, Raster
from weights.report.json import saliency_object

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (10, 12, 8, 3), dtype=np.uint8)


def found_saliency(*, members=4, effect=1.0):
    occlusion = np.full((members, 12, 8), -0.1)
    occlusion[:, 2:5, 1:4] = effect
    gradients = RNG.random((members, 12, 8))
    return Saliency(
        PICTURES[0],
        SceneWords(),
        "rows 3 to 5 and columns 2 to 4",
        1,
        0.93,
        0.21 if effect > 0 else None,
        gradients,
        occlusion,
        np.full(members, 1 / members),
        [Randomised("hidden.0", RankCorrelation(0.02, 0.04))],
        RankCorrelation(0.01, 0.05),
    )


def test_saliency_outlines_the_critical_places_and_says_how_far_to_trust_them():
    drawing = figures.saliency_figure([found_saliency(), found_saliency()], ["a.png", "b.png"], ["ill with probability 0.93"] * 2)
    said = " ".join(words(drawing))
    assert "ill with probability 0.93: a.png" in said
    assert "within rows 3 to 5 and columns 2 to 4. With it hidden, the answer goes from 0.93 to 0.21." in said
    assert "With all weights randomised: occlusion 0.04, gradients 0.02" in said
    assert words(drawing)[-1] == "For research only: not for clinical use."
    outline = [mark for mark in drawing.marks if isinstance(mark, Line)]
    assert len(outline) == 2 * 3 * (3 + 3 + 3 + 3)  # of 3 x 3 places, on three panels, for two pictures
    assert inside(drawing)


def test_a_picture_without_critical_places_says_so():
    assert figures.saliency_words(found_saliency(effect=-1.0))[0] == "No place speaks for this answer with most members agreeing."
    assert "one member alone" in figures.saliency_words(found_saliency(members=1))[1]


def test_saliency_as_json_holds_maps_of_the_size_of_the_picture():
    record = saliency_object(found_saliency())
    assert np.shape(record["occlusion"]) == np.shape(record["gradients"]) == np.shape(record["agreement"]) == (12, 8)
    assert record["critical_box"] == [2, 1, 5, 4]
    assert saliency_object(found_saliency(members=1))["member_correlation"] is None


def test_filters_are_sorted_and_marked_by_kind():
    kinds = ["blob", "edge", "texture", "edge"]
    found = [Filter(kind, 90.0 if kind == "edge" else None, 4.0, None, 0.6, 1.0) for kind in kinds]
    filters = Filters(
        RNG.normal(size=(2, 4, 3, 3, 1)),
        [found, found],
        dict.fromkeys(("edge", "texture", "blob", "colour opponent", "silent"), 0.2),
        SceneWords(),
    )
    drawing = figures.filters_figure(filters)
    assert sum(isinstance(mark, Raster) for mark in drawing.marks) == 8
    assert any(text.startswith("edge: 50 ± 0 % of the filters of a member; 20 % before training") for text in words(drawing))
    assert inside(drawing)
    grey = [mark.pixels for mark in drawing.marks if isinstance(mark, Raster)]
    assert all(pixels.min() == 0 or pixels.max() == 255 for pixels in grey)  # each is drawn at its own strength


def test_units_show_picture_patch_and_class():
    units = [Unit(3, [Patch(0, 2.0, (0, 0, 12, 8)), Patch(4, 1.5, (2, 3, 5, 6))], 0.4), Unit(1, [Patch(2, 1.0, (0, 0, 3, 3))], 0.1)]
    drawing = figures.units_figure(units, lambda row: PICTURES[row], ["cat"] * 5 + ["dog"] * 5, layer="hidden.2", member=1)
    assert {"unit 3", "unit 1", "cat", "40 % of its variance"} <= set(words(drawing))
    assert sum(isinstance(mark, Raster) for mark in drawing.marks) == 6
    assert inside(drawing)


def test_a_gallery_shows_every_sort_even_an_empty_one():
    shown = {"Right": [figures.Named(picture, "cat", "row 1") for picture in PICTURES], "Wrong": []}
    drawing = figures.gallery_figure(shown, title="t", footnote="f")
    assert sum(isinstance(mark, Raster) for mark in drawing.marks) == 10
    assert "none" in words(drawing)
    assert inside(drawing)
