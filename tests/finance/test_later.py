"""Prices that came later are put behind those that were learned from, and what cannot follow them is refused."""

from __future__ import annotations

import numpy as np
import pytest

from planted import rows_of, stacked, traded
from small import forecast_prices
from weights.errors import DataError, NotFoundError

N = 420 * 4
WHOLE = traded(450)
"""The same prices as those that were learned from, and 30 more days."""


def test_later_rows_move_what_is_said_and_nothing_is_learned_from_them():
    model, later = forecast_prices(), rows_of(WHOLE, slice(N, None))
    forecaster, notes = model.read(later)
    assert (len(forecaster.history), notes) == (450, [])
    assert forecaster.model is model.forecaster.model
    table = model.forecast(after=later)
    assert table["time"][0] == np.busday_offset(WHOLE["day"][-1], 1).astype("datetime64[ms]")
    assert not np.array_equal(table["prediction"], model.forecast()["prediction"])
    whole = model.forecast(after=WHOLE)
    np.testing.assert_array_equal(whole["prediction"], table["prediction"])
    assert "420 moments are not later than the last that is known, and passed over" in whole.notes


def test_a_share_that_it_never_saw_is_forecast_by_the_same_weights():
    new = {**rows_of(traded(450, 1, seed=9), slice(0, None)), "share": np.full(450, "new")}
    table = forecast_prices().forecast(after=stacked(WHOLE, new), series="new")
    assert np.isfinite(table["prediction"]).all()
    assert "a series was not there when it learned: new" in table.notes


def test_a_share_without_later_prices_is_forecast_after_its_last():
    later = rows_of(WHOLE, slice(N, None))
    table = forecast_prices().forecast(after=rows_of(later, np.asarray(later["share"]) != "S2"))
    assert any("a series has no price at the last moment" in note and note.endswith("S2") for note in table.notes)
    assert table["time"][table["series"] == "S2"][0] < table["time"][table["series"] == "S1"][0]


def test_rows_that_are_not_later_and_series_that_are_not_there_are_refused():
    with pytest.raises(DataError, match="but there are none"):
        forecast_prices().forecast(after=rows_of(WHOLE, slice(0, N)))
    with pytest.raises(NotFoundError, match="There is no series 'S9'"):
        forecast_prices().forecast(series="S9")
    with pytest.raises(NotFoundError, match="close"):
        forecast_prices().forecast(after={"day": WHOLE["day"], "share": WHOLE["share"]})
    bad = rows_of(WHOLE, slice(N, None))
    with pytest.raises(DataError, match="Prices must be positive"):
        forecast_prices().forecast(after={**bad, "close": -bad["close"]})
