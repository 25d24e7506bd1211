"""What is expected is a table, with what came before it."""

from __future__ import annotations

import numpy as np

from small import HORIZON, forecast_prices


def test_the_table_has_a_row_for_each_step_of_each_share():
    table = forecast_prices().forecast(level=0.8)
    assert [*table] == ["series", "target", "time", "step", "prediction", "low 80%", "high 80%"]
    assert table["step"].tolist() == [1, 2, 3, 4, 5] * 4
    assert (table["low 80%"] < table["prediction"]).all()
    assert len(forecast_prices().forecast(2, series="S1")["step"]) == 2


def test_what_came_before_is_the_quantity_over_as_many_steps():
    before = forecast_prices().forecast(series="S1").before
    history = forecast_prices().forecaster.history
    last = np.sqrt(np.mean(history.squares[-HORIZON:, 1]) * forecast_prices().forecaster.a_year)
    np.testing.assert_allclose(before.values[-1], last)
    assert (before.name, len(before.values)) == ("S1, volatility", len(before.times))
