"""Prices stand on one calendar, what stands beside them is known by its name, and later ones go on behind."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from planted import traded
from weights.data.series.finance import QUANTITIES
from weights.data.series.panel import read_panel
from weights.errors import DataError
from weights.finance.history import PriceHistory, lay_out_prices


def lay_out(rows, *columns):
    return lay_out_prices(read_panel(pa.table(rows), ["close", *columns], time="day", series="share"))


def with_range(rows, *, high=1.01, low=0.99):
    close = np.asarray(rows["close"])
    return rows | {"Open": close, "HIGH": close * high, "low": close * low, "volume": np.full(len(close), 5)}


def test_columns_beside_prices_are_known_by_their_names_and_the_others_are_signals():
    rows = with_range(traded(60, 2)) | {"mood": np.arange(120.0)}
    history, remarks = lay_out(rows, "Open", "HIGH", "low", "volume", "mood")
    assert ([*history.beside], [*history.signals]) == (["open", "high", "low", "volume"], ["mood"])
    assert remarks == ["read beside prices, by their names: open, high, low, volume"]
    assert history.close.shape == (60, 2)
    np.testing.assert_allclose(history.signals["mood"][3], [6, 7])
    assert len(history.measures) == 2


def test_columns_that_cannot_be_what_their_names_say_are_signals():
    history, remarks = lay_out(with_range(traded(60, 2), high=0.5), "Open", "HIGH", "low")
    assert ([*history.beside], [*history.signals], remarks) == ([], ["Open", "HIGH", "low"], [])


def test_a_price_that_is_none_is_refused_with_the_share():
    rows = traded(60, 2)
    rows["close"] = np.where(np.arange(120) == 31, -1.0, rows["close"])
    with pytest.raises(DataError, match="'close of S1' are not"):
        lay_out(rows)


def test_shares_that_begin_later_or_end_earlier_are_missing_there():
    rows = traded(60, 2)
    kept = ~((rows["share"] == "S1") & ((np.arange(120) < 40) | (np.arange(120) >= 100)))
    history, _ = lay_out({name: np.asarray(values)[kept] for name, values in rows.items()})
    assert np.isnan(history.close[:, 1]).sum() == 30
    assert history.last_moments().tolist() == [59, 49]
    assert np.isnan(history.returns[0]).all()


def test_nothing_that_is_known_at_a_moment_moves_when_later_rows_change():
    rows = with_range(traded(200, 3, follows=0.5))
    columns = ("Open", "HIGH", "low", "volume", "signal")
    whole, _ = lay_out(rows, *columns)
    changed = whole.until(150)
    later = {name: values * 3 for name, values in whole.beside.items()}
    other = PriceHistory(0, np.vstack([whole.close[:150], 2 * whole.close[150:]]), {**whole.beside}, {**whole.signals})
    for name, values in later.items():
        other.beside[name][150:] = values[150:]
    for history in (changed, other):
        np.testing.assert_array_equal(history.predictors[1][:, :150], whole.predictors[1][:, :150])
        np.testing.assert_array_equal(history.volatility[:150], whole.volatility[:150])
        for own, known in zip(history.measures, whole.measures, strict=True):
            np.testing.assert_array_equal(own[:150], known[:150])


def test_later_moments_go_on_behind_and_new_shares_stand_beside():
    history, _ = lay_out(traded(60, 2))
    early, late = history.until(50), PriceHistory(45, np.column_stack([history.close[45:, 1], np.arange(1.0, 16.0)]))
    whole = early.behind(late, [1, 2], 3)
    np.testing.assert_array_equal(whole.close[:, 1], history.close[:, 1])
    np.testing.assert_array_equal(whole.close[:50, 0], history.close[:50, 0])
    assert np.isnan(whole.close[50:, 0]).all()
    np.testing.assert_array_equal(whole.close[45:, 2], np.arange(1.0, 16.0))
    assert np.isnan(whole.close[:45, 2]).all()


def test_moments_between_are_missing_and_columns_that_later_rows_lack():
    history = PriceHistory(0, np.ones((10, 1)), {"volume": np.ones((10, 1))})
    whole = history.behind(PriceHistory(12, np.full((3, 1), 2.0)), [0], 1)
    assert len(whole) == 15
    assert np.isnan(whole.close[10:12]).all()
    assert np.isnan(whole.beside["volume"][10:]).all()


def test_what_came_is_that_of_the_prices():
    history, _ = lay_out(traded(60, 2))
    came = history.observe(QUANTITIES["returns"], 1, 5)
    np.testing.assert_allclose(came[10, 4], history.close[15, 1] / history.close[10, 1] - 1)
