"""What is asked of runs of prices: what is expected, how good that is, what tells of it; as records, lines and drawn."""

from __future__ import annotations

import pytest

from drawn import inside
from planted import rows_of, traded
from small import HORIZON, forecast_prices
from weights.errors import UsageError
from weights.questions import PRICE_QUESTIONS, ask

LATER = rows_of(traded(440), slice(420 * 4, None))


@pytest.mark.parametrize("quantity", ["volatility", "returns", "direction"])
def test_what_is_expected_is_a_record_lines_rows_and_a_drawing(quantity):
    answer = ask(forecast_prices(quantity), "forecast", level="90", series="S1")
    assert len(answer.record) == answer.table().num_rows == HORIZON
    assert next(iter(answer.lines)).split() == ["Forecast", "5", "steps"]
    assert inside(answer.figure)


def test_what_tells_is_a_record_and_a_table():
    answer = ask(forecast_prices("returns"), "summary")
    assert answer.record["significant"] == []
    assert "nothing: none of 6 variables is distinguishable from no effect on returns 5 steps ahead" in " ".join(answer.lines)


def test_a_score_and_a_backtest_are_records_and_tables():
    score = ask(forecast_prices("returns"), "score", source=LATER)
    assert score.record["n_origins"] == 20 - HORIZON + 1
    assert next(iter(score.lines)).strip().startswith("walk-forward")
    tested = ask(forecast_prices("returns"), "backtest", data=traded(), hold_out=20, cost=0.001)
    assert tested.record["trading"]["cost"] == 0.001
    assert any(line.startswith("Trading") for line in tested.lines)
    assert inside(tested.figure)


def test_all_that_is_known_of_a_run_is_shown():
    answer = ask(forecast_prices(), "show")
    assert "forecast: volatility of close, 5 steps ahead, trading days" in " ".join(answer.lines)
    assert (answer.record["quantity"], answer.record["n_series"]) == ("volatility", 4)


def test_other_questions_are_refused_with_those_there_are():
    with pytest.raises(UsageError, match="A run of prices is not asked for 'lags', but for show, summary, forecast, score, backtest"):
        ask(forecast_prices(), "lags")
    assert all(question.subject == "prices" for question in PRICE_QUESTIONS.values())
