"""Rows that come later are read as those of training were."""

from __future__ import annotations

import pyarrow as pa

from weights.data.encoding import fit_encoding
from weights.data.newrows import describe_new_rows, read_new_rows


def test_later_rows_are_read_in_the_notation_of_training_and_levels_that_are_new_are_said():
    table = pa.table({"ward": ["north", "south"] * 20, "dose": [f"1.{i:03},5" for i in range(40)]})
    encoding = fit_encoding(table, {"ward": "category", "dose": "numeric"})
    rows = read_new_rows(encoding, {"ward": ["west", "north"], "dose": ["1.034,5", "1.020,0"], "other": [1, 2]})
    assert rows.column_names == ["ward", "dose", "other"]
    assert describe_new_rows(encoding, rows) == ["'ward': 1 of 2 rows hold a level that training had not seen (first: row 1, 'west')"]
