"""Weights from item to item and maps of items are drawn."""

from __future__ import annotations

from small import rank_items
from weights.report.charts import Dot, Text
from weights.report.recommendation_figures import map_figure, pairs_figure


def words_of(drawing):
    return [mark.words for mark in drawing.marks if isinstance(mark, Text)]


def test_each_weight_has_a_line():
    pairs = rank_items().item_weights(5, top=6)
    drawing = pairs_figure(pairs, 0.95, of_one=True)
    assert "What speaks for Item number 5" in words_of(drawing)
    assert sum(isinstance(mark, Dot) for mark in drawing.marks) == 6
    strongest = pairs_figure(rank_items().item_weights(top=4), 0.9, of_one=False)
    assert any(" for Item number" in words for words in words_of(strongest))


def test_each_item_is_a_dot_and_names_do_not_touch():
    drawing = map_figure(rank_items().map_items(top=30))
    assert sum(isinstance(mark, Dot) for mark in drawing.marks) == 30
    named = [mark for mark in drawing.marks if isinstance(mark, Text) and mark.words.startswith("Item number")]
    assert 5 < len(named) <= 30
    assert len({(round(mark.x), round(mark.y)) for mark in named}) == len(named)
