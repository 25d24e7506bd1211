"""Every window of later prices counts, losses are those of the forecasts, and shares within bounds are counted."""

from __future__ import annotations

import numpy as np
import pytest

from planted import rows_of, traded
from small import HORIZON, forecast_prices
from weights.data.series.finance import qlike
from weights.errors import DataError, UsageError

N = 420 * 4
LATER = rows_of(traded(460), slice(N, None))


def test_every_origin_whose_steps_are_there_counts():
    score = forecast_prices().score(LATER)
    assert (score.n_origins, score.n_series, score.n_windows) == (40 - HORIZON + 1, 4, 4 * (40 - HORIZON + 1))
    assert [row.step for row in score.steps] == [1, 2, 3, 4, 5]
    assert {*score.metrics} >= {"learned", "historical mean", "last", "HAR"}


def test_losses_are_those_of_forecasts_one_by_one():
    model, close = forecast_prices(), np.asarray(traded(460)["close"]).reshape(460, 4)
    losses = []
    for known in range(420, 460 - HORIZON + 1):
        table = model.forecast() if known == 420 else model.forecast(after=rows_of(LATER, slice(0, (known - 420) * 4)))
        predicted = table["prediction"].reshape(4, HORIZON)[:, -1]
        came = np.mean(np.diff(np.log(close[known - 1 : known + HORIZON]), axis=0) ** 2, axis=0) * model.forecaster.a_year
        losses.append(qlike(came, predicted**2))
    score = model.score(LATER)
    np.testing.assert_allclose(score.metrics[score.answering]["qlike"].value, np.mean(losses))
    np.testing.assert_allclose(score.steps[-1].losses["qlike"], np.mean(losses))


def test_wider_bounds_hold_more_and_a_probability_has_none():
    score = forecast_prices().score(LATER, level=(0.5, 0.99))
    assert score.coverage["50%"] < score.coverage["99%"]
    direction = forecast_prices("direction").score(LATER)
    assert direction.coverage == {}
    assert not any("within" in line for line in direction.lines())
    assert [*forecast_prices("direction").forecast()] == ["series", "target", "time", "step", "prediction"]


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(DataError, match="Judging forecasts of 5 steps needs as many later prices"):
        forecast_prices().score(rows_of(LATER, slice(0, 4 * (HORIZON - 1))))
    with pytest.raises(UsageError, match="between 0 and 1"):
        forecast_prices().score(LATER, level=1.5)
    with pytest.raises(UsageError, match="--cost is a share"):
        forecast_prices().score(LATER, cost=7)
