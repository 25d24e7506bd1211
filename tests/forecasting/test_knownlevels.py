"""Words that are known beforehand become zeros and ones, alike in later rows; what was never there counts as the commonest."""

from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa
import pytest

import weights
from planted import rows_of, weekly
from small import HORIZON
from weights.errors import DataError, NotFoundError
from weights.forecasting.knownlevels import describe_levels, find_levels, name_columns_of, spread_levels

N = 160


def table_of(**columns: object) -> pa.Table:
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def eventful(n: int = N + 20) -> dict[str, object]:
    """Days, some with losses, on which a fair adds 12 and a strike takes 9, and a promotion (yes, no) adds 5."""
    random = np.random.default_rng(3)
    event = random.choice(np.asarray([None, "fair", "strike"], object), n, p=[0.85, 0.09, 0.06])
    promoted = random.choice(["no", "yes"], n, p=[0.7, 0.3])
    table = weekly(n, event=event, promoted=promoted)
    return table | {"sold": table["sold"] - 30 + 12 * (event == "fair") - 9 * (event == "strike") + 5 * (promoted == "yes")}


@functools.cache
def forecast_eventful() -> weights.ForecastModel:
    early = rows_of(eventful(), slice(N))
    return weights.fit(early, "sold", task="forecast", time="day", known=["event", "promoted"], horizon=HORIZON)


def test_levels_are_ordered_by_how_often_they_come_and_an_empty_cell_is_one():
    table = table_of(a=["x", "y", "y", None, None, None], b=[1.0, 2, 3, 4, 5, 6], c=[True, False] * 3, d=["1", "2", "3", "4", "5", "6"])
    levels = find_levels(table, ["a", "b", "c", "d"])
    assert levels == {"a": ("none", "y", "x")}
    assert name_columns_of(levels) == ["a: y", "a: x"]
    assert describe_levels(levels) == ["'a' holds words: y, x beside 'none'"]
    spread, notes = spread_levels(table, levels)
    assert spread["a: y"].to_pylist() == [0, 1, 1, 0, 0, 0]
    assert "a" not in spread.column_names
    assert notes == []


def test_numbers_with_a_few_cells_that_are_none_are_no_words():
    table = table_of(price=[*map(str, range(30)), "dear"])
    assert find_levels(table, ["price"]) == {}
    with pytest.raises(DataError, match="'price'"):
        weights.fit(weekly(31) | {"price": table["price"].to_pylist()}, "sold", task="forecast", time="day", known="price", horizon=2)


def test_too_many_levels_are_refused():
    with pytest.raises(DataError, match="may have 50 levels, but 'note' has 60, such as word 0, word 1, word 10 and 57 more"):
        find_levels(table_of(note=[f"word {i}" for i in range(60)]), ["note"])


def test_what_words_add_is_found_and_forecast():
    table, model = eventful(), forecast_eventful()
    effects = {effect.name: effect for effect in model.drivers.columns}
    for name, added in {"event: fair": 12, "event: strike": -9, "promoted: yes": 5}.items():
        assert effects[name].low < added < effects[name].high
    assert "'promoted' holds words: yes beside 'no'" in model.report.remarks
    later = rows_of(table, slice(N, N + HORIZON)) | {"sold": np.full(HORIZON, np.nan)}
    came = table["sold"][N : N + HORIZON]
    assert np.abs(model.forecast(after=later)["prediction"] - came).max() < 4  # noise of one; effects are 5 to 12


def test_later_words_are_read_alike_after_saving(tmp_path):
    model = forecast_eventful()
    model.save(tmp_path / "run")
    later = rows_of(eventful(), slice(N, None)) | {"sold": np.full(20, np.nan)}
    loaded = weights.load(tmp_path / "run")
    assert loaded.forecaster.columns.sources == ("event", "promoted")
    np.testing.assert_array_equal(loaded.forecast(after=later)["low 80%"], model.forecast(after=later)["low 80%"])


def test_a_level_that_was_never_there_counts_as_the_commonest_and_is_noted():
    later = rows_of(eventful(), slice(N, N + HORIZON)) | {"sold": np.full(HORIZON, np.nan)}
    usual = later | {"event": np.full(HORIZON, None)}
    strange = later | {"event": np.asarray(["parade", *[None] * (HORIZON - 1)], object)}
    table = forecast_eventful().forecast(after=strange)
    np.testing.assert_array_equal(table["prediction"], forecast_eventful().forecast(after=usual)["prediction"])
    assert "1 cell of 'event' not seen when it learned ('parade'), counted as 'none'" in table.notes


def test_a_column_of_words_that_is_not_there_later_is_refused():
    with pytest.raises(NotFoundError, match="no column 'event', which is known beforehand"):
        forecast_eventful().forecast(after={"day": eventful()["day"][N:], "promoted": ["no"] * 20})


def test_a_backtest_reads_words_again():
    assert forecast_eventful().backtest(rows_of(eventful(), slice(N)), hold_out=20).n_windows == 20 - HORIZON + 1
