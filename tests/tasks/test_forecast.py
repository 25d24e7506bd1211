"""What is forecast: columns that differ, and a number of steps that can be."""

from __future__ import annotations

import msgspec
import pytest

from weights.tasks.forecast import MOST_STEPS, Forecast


def test_a_forecast_is_of_columns_that_differ():
    assert Forecast(("u", "v"), 3).check() == []
    assert Forecast((), 3).check() == ["nothing is forecast"]
    assert Forecast(("u", "u"), 3).check() == ["two targets are the same column"]


def test_columns_are_named_in_a_few_words():
    task = Forecast(("u", "v"), 3)
    assert (task.kind, task.target) == ("forecast", "u, v")


@pytest.mark.parametrize("horizon", [0, -1, MOST_STEPS + 1, 1.5, None])
def test_saved_steps_are_a_whole_number_in_bounds(horizon):
    saved = msgspec.to_builtins(Forecast(("u",), 3)) | {"horizon": horizon}
    with pytest.raises(msgspec.ValidationError, match="horizon"):
        msgspec.convert(saved, Forecast)
