"""Series are read with what stands beside them: what is known beforehand, what is known up to the origin, what is not looked at."""

from __future__ import annotations

import numpy as np
import pytest

from planted import weekly
from weights.errors import NotFoundError, UsageError
from weights.fitoptions import DataOptions
from weights.forecasting.reading import describe_unread, name_series_columns, read_series

TABLE = weekly(84) | {"rain": np.arange(84) % 5, "colour": ["red", "blue"] * 42, "note": ["as it was"] * 84}


def read(table=TABLE, *, held_out=0, **said):
    return read_series(table, DataOptions(**{"target": "sold", "time": "day"} | said), held_out=held_out)


def test_columns_are_targets_known_beforehand_known_up_to_the_origin_or_unread():
    rows = read(known=("colour",))
    assert rows.panel.columns == ["sold", *rows.known, "rain"]
    assert (rows.said_known, [*rows.levels], rows.past, rows.unread) == (("colour",), ["colour"], ["rain"], ["note"])
    assert rows.panel.values.shape == (84, 2 + len(rows.known))
    assert (rows.n_rows, rows.time, rows.parts) == (84, "day", None)


def test_the_last_moments_are_held_out_unless_a_column_says_what_is_for_the_test():
    assert np.flatnonzero(read(held_out=10).parts.test).tolist() == [*range(74, 84)]
    split = {"split": ["train"] * 60 + ["val"] * 14 + ["test"] * 10}
    parts = read(TABLE | split, split="split", held_out=3).parts
    assert np.flatnonzero(parts.test).tolist() == [*range(74, 84)]
    with pytest.raises(NotFoundError, match="no column 'part' to use as split"):
        read(split="part")


def test_what_was_said_of_columns_is_kept_with_where_rows_came_from():
    named = name_series_columns(TABLE, DataOptions(target="sold", time="day", drop="rain", missing="none"))
    assert "rain" not in named.read().column_names
    roles = named.origin("day").roles
    assert (roles.target, roles.time, roles.drop, roles.missing) == ("sold", "day", ("rain",), ("none",))
    assert named.origin("day").source is None  # rows from memory come from nowhere that can be read again


def test_a_target_is_named_and_is_not_known_beforehand():
    with pytest.raises(UsageError, match="The column to forecast was not named"):
        read(target=None)
    with pytest.raises(UsageError, match="'sold' is forecast and cannot be known beforehand"):
        read(known=("sold",))


def test_columns_that_are_not_looked_at_are_named():
    assert describe_unread([]) == []
    assert describe_unread(["day"]) == ["a column holds no numbers that differ, and is not looked at: day"]
    assert describe_unread(["a", "b"]) == ["2 other columns hold no numbers that differ, and are not looked at: a, b"]
