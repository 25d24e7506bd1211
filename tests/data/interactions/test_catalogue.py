"""A table of items adds those without events, and says what items are called."""

from __future__ import annotations

import pyarrow as pa
import pytest

from preferences import list_items
from weights.data.interactions.catalogue import read_catalogue, read_more
from weights.data.interactions.ids import collect_ids
from weights.data.interactions.tags import name_tags
from weights.errors import DataError, NotFoundError

KNOWN = collect_ids(pa.chunked_array([[1, 2, 50]]))


def test_items_of_the_table_and_of_events_are_there():
    catalogue = read_catalogue(list_items(), "item", KNOWN, "items")
    assert len(catalogue.ids) == 41
    assert catalogue.names[0] == "Item number 1"
    assert catalogue.names[-1] == "50"
    assert catalogue.tags[-1].nnz == 0
    assert catalogue.tags.shape == (41, len(name_tags(catalogue.columns)))
    assert "38 of the items have no events, and only their tags speak for them" in catalogue.remarks
    assert "1 of the items has no row in the table" in catalogue.remarks


def test_without_a_table_what_is_known_is_all():
    assert read_catalogue(None, "item", KNOWN, "items") == (KNOWN, [], [], None, [])


def test_a_table_without_the_column_or_with_an_item_twice_is_refused():
    with pytest.raises(NotFoundError, match="needs a column 'item'"):
        read_catalogue({"id": [1]}, "item", KNOWN, "items")
    with pytest.raises(DataError, match="holds each once, but 1 of 3 rows repeat one"):
        read_catalogue({"item": [1, 1, 2]}, "item", KNOWN, "items")


def test_names_are_not_what_repeats_itself():
    rows = {"item": [1, 2, 3, 4], "kind": ["a", "a", "b", "b"], "title": ["w", "x", "y", None]}
    assert read_catalogue(rows, "item", KNOWN, "items").names == ["w", "x", "y", "4", "50"]


def test_items_that_came_later_have_the_tags_of_those_that_are_known():
    catalogue = read_catalogue(list_items(), "item", KNOWN, "items")
    later = {"item": [90, 2, 80], "title": ["Item number 90", "b", None], "taste": ["taste 1", "taste 2", "taste 9"]}
    more = read_more(later, "item", catalogue.ids, catalogue.columns, "items")
    assert more.ids.values.to_pylist() == [80, 90]
    assert more.names == ["80", "Item number 90"]
    tags = name_tags(catalogue.columns)
    assert [[tags[k] for k in row.indices if tags[k].startswith("taste")] for row in more.tags] == [[], ["taste taste 1"]]
    assert more.remarks == ["1 of the items are known, and stay as they are"]


def test_later_items_without_the_columns_of_the_fit_or_that_are_all_known_are_refused():
    columns = read_catalogue(list_items(), "item", KNOWN, "items").columns
    with pytest.raises(NotFoundError, match="but it has no taste"):
        read_more({"item": [90], "title": ["x"]}, "item", KNOWN, columns, "items")
    with pytest.raises(DataError, match="knows all of these"):
        read_more({"item": [1, 2]}, "item", KNOWN, [], "items")
