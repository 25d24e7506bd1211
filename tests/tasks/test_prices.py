"""A task of prices names what of them is forecast, and shows its losses."""

from __future__ import annotations

import pytest

from weights.data.series.finance import QUANTITIES
from weights.tasks.prices import PriceForecast


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_loss_of_every_quantity_has_a_title(quantity):
    task = PriceForecast("close", quantity, 5)
    assert task.check() == []
    assert [*task.metrics] == [*task.told.losses]
    assert all(measure.title for measure in task.metrics.values())


def test_an_unknown_quantity_is_told():
    assert PriceForecast("close", "luck", 5).check() == ["'luck' is nothing that is forecast of prices"]
