"""A table of items adds those without events, and says what items are called."""

from __future__ import annotations

import pyarrow as pa
import pytest

from preferences import list_items
from weights.data.interactions.catalogue import read_catalogue
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
