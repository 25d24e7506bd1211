"""A model of ratings is fitted, saved and asked through the same doors as others."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from ratings import FEW, RATED, draw_ratings
from weights.errors import DataError, NotFoundError, UsageError

ROWS = draw_ratings()
MODEL = wt.fit(ROWS, **RATED, **FEW)
PAIRS = {"user": [100, 101, 100], "item": [3, 3, 9]}


def test_a_model_says_what_it_is():
    assert repr(MODEL).startswith("<weights.RatingModel: 50 items, 80 users, rmse 0.")


def test_pairs_are_answered_in_their_order_and_after_saving(tmp_path):
    table = MODEL.predict(PAIRS)
    assert [*table] == ["user", "item", "rating", "low", "high"]
    assert table["user"].tolist() == PAIRS["user"]
    assert (table["low"] < table["rating"]).all()
    assert (table["high"] > table["rating"]).all()
    alone = MODEL.predict({"user": [100], "item": [9]})
    assert alone["rating"][0] == pytest.approx(table["rating"][2], abs=1e-10)
    MODEL.save(tmp_path / "run")
    again = wt.load(tmp_path / "run").predict(PAIRS)
    assert all(np.array_equal(table[name], again[name]) for name in table)


def test_predictions_lie_in_the_range_of_ratings():
    table = MODEL.predict({"user": np.repeat(np.arange(100, 180), 50), "item": np.tile(np.arange(1, 51), 80)}, level=0.99)
    assert table["low"].min() >= ROWS["stars"].min()
    assert table["high"].max() <= ROWS["stars"].max()
    assert "3,960 more rows" in str(table)


def test_ratings_that_came_since_count_at_once():
    own = ROWS["user"] == 104
    new = {name: values[own] for name, values in ROWS.items()} | {"user": np.full(own.sum(), "x")}
    later = MODEL.predict({"user": ["x"], "item": [7]}, events=new)
    assert later["rating"] == pytest.approx(MODEL.predict({"user": [104], "item": [7]})["rating"], abs=1e-8)
    more = MODEL.predict({"user": [104, 105], "item": [7, 7]}, events={"user": [104], "item": [7], "stars": [-2.0]})
    before = MODEL.predict({"user": [104, 105], "item": [7, 7]})
    assert more["rating"][0] < before["rating"][0]
    assert more["rating"][1] == pytest.approx(before["rating"][1], abs=1e-10)


def test_what_is_not_known_is_said():
    table = MODEL.predict({"user": ["x", 100], "item": [3, "y"]})
    assert table.notes == ["1 user is not known, and taken as any: x", "1 item is not known, and taken as any: y"]
    assert np.isfinite(table["rating"]).all()


def test_pairs_that_cannot_be_are_refused():
    with pytest.raises(NotFoundError, match="Pairs need a column 'item'"):
        MODEL.predict({"user": [100]})
    with pytest.raises(DataError, match="row 2 lacks one"):
        MODEL.predict({"user": [100, None], "item": [3, 4]})
    with pytest.raises(DataError, match="At least one row"):
        MODEL.predict({"user": [], "item": []})
    with pytest.raises(UsageError, match="between 0 and 1"):
        MODEL.predict(PAIRS, level=90)


def test_a_rating_is_explained_of_who_is_known():
    assert MODEL.explain(100, 3).user == 100
    with pytest.raises(NotFoundError, match="no user 7"):
        MODEL.explain(7, 3)
    with pytest.raises(NotFoundError, match="no item 777"):
        MODEL.explain(100, 777)


def test_later_ratings_are_scored():
    assert MODEL.score(draw_ratings(seed=3)).n_ratings == 1_600
    with pytest.raises(NotFoundError, match="need the column 'stars'"):
        MODEL.score(PAIRS)
    with pytest.raises(NotFoundError, match="need the column 'stars'"):
        MODEL.predict(PAIRS, events=PAIRS)


def test_items_are_named_where_a_table_says_how():
    items = {"item": np.arange(50) + 1, "title": [f"Item number {n}" for n in range(50)]}
    table = wt.fit(ROWS, **RATED, **FEW, items=items).predict({"user": [100, 100], "item": [3, 99]})
    assert table["name"].tolist() == ["Item number 2", ""]
    assert len(table.records()) == table.table().num_rows == 2
    assert "<table" in table._repr_html_()
