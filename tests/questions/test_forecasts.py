"""What is asked of forecasts: the next steps, later rows, all that is known; as records, lines and drawn."""

from __future__ import annotations

import pytest

from drawn import inside, words
from planted import rows_of, weekly
from small import HORIZON, fitted_example, forecast_one, forecast_targets, forecast_two
from weights.errors import NotFoundError, UsageError
from weights.questions import ask
from weights.questions.forecasts import parse_levels

LATER = rows_of(weekly(130), slice(105, None))


@pytest.mark.parametrize(
    ("text", "levels"), [("80,95", [0.8, 0.95]), ("0.8", [0.8]), (80, [0.8]), ([0.5, 90], [0.5, 0.9]), ("99.9", [0.999])]
)
def test_levels_are_read_in_per_cent_or_as_shares(text, levels):
    assert parse_levels(text, "--level") == pytest.approx(levels)


@pytest.mark.parametrize("text", ["", "much", "80;95", "80,", "101", "100"])
def test_levels_that_are_no_numbers_are_refused(text):
    with pytest.raises(UsageError, match=r"--level takes levels (below 100 %, )?such as 80,95"):
        parse_levels(text, "--level")


def test_the_next_steps_are_a_record_lines_rows_and_a_drawing():
    answer = ask(forecast_two(), "forecast", level="90")
    assert len(answer.record) == 2 * HORIZON
    assert [*answer.record[0]] == ["series", "target", "time", "step", "prediction", "low 90%", "high 90%"]
    assert answer.table().num_rows == answer.counts["n_steps"] == 2 * HORIZON
    assert next(iter(answer.lines)).split() == ["Forecast", "10", "steps"]
    assert inside(answer.figure)


def test_what_is_said_of_later_rows_is_said_beside_the_answer_not_in_it():
    answer = ask(forecast_one(), "forecast", after=rows_of(weekly(130), slice(100, None)))
    assert len(answer.notes) == 1
    assert "passed over" not in " ".join(answer.lines)


def test_a_score_is_a_record_and_tables():
    answer = ask(forecast_one(), "score", source=LATER)
    assert answer.record["n_windows"] == 25 - HORIZON + 1
    assert next(iter(answer.lines)).strip().startswith("walk-forward")


def test_a_backtest_is_drawn_as_time_went_on():
    answer = ask(forecast_one(), "backtest", data=weekly(105), hold_out=30)
    assert inside(answer.figure)
    assert len(answer.record["course"]["times"]) == 30 - HORIZON + 1


def test_a_diagnosis_is_a_record_and_tables():
    answer = ask(forecast_one(), "diagnose", data=weekly(105), hold_out=30)
    assert {"recent", "fewer-lags"} <= {remedy["name"] for remedy in answer.record["remedies"]}
    lines = [*answer.lines]
    assert lines[0].startswith("Verdict")
    assert "forecasts of these" in " ".join(lines)


def test_all_that_is_known_of_a_run_is_shown():
    answer = ask(forecast_one(), "show")
    lines = " ".join(answer.lines)
    assert "forecast: sold, 5 steps ahead, daily" in lines
    assert "105 rows, one series" in lines
    assert answer.record["horizon"] == HORIZON


def test_the_forecast_of_one_series_is_drawn():
    drawn = words(ask(forecast_two(), "forecast", series="b").figure)
    assert "b: the next 5 steps" in drawn


def test_runs_of_rows_are_not_asked_for_the_next_steps():
    with pytest.raises(UsageError, match="forecast"):
        ask(fitted_example("wine"), "forecast")
    with pytest.raises(UsageError, match="A run of series is not asked for 'check-intervals'"):
        ask(forecast_one(), "check-intervals")


def test_weights_of_lags_are_numbers_and_a_drawing_of_the_series_that_is_named():
    model = forecast_two()
    answer = ask(model, "lags", series="b")
    assert answer.record["weights"] == model.forecaster.units.weights[1].tolist()
    assert inside(answer.figure)
    with pytest.raises(NotFoundError, match=r"There is no series 'c'"):
        ask(model, "lags", series="c")


def test_one_of_several_targets_is_forecast_drawn_and_explained():
    model = forecast_targets()
    answer = ask(model, "forecast", target="weight")
    assert {row["target"] for row in answer.record} == {"weight"}
    assert "weight: the next 5 steps" in words(answer.figure)
    assert ask(model, "lags", target="weight").record["weights"] == model.forecaster.units.weights[1].tolist()
    assert {step["series"] for step in ask(model, "explain", target="weight").record} == {"weight"}
    assert model.forecast(target="weight", total=True)["target"].tolist() == ["weight"]
    for question in ("forecast", "lags", "explain"):
        with pytest.raises(NotFoundError, match=r"No target is called 'wieght'\. Did you mean 'weight'"):
            ask(model, question, target="wieght")


def test_what_forecasts_are_made_of_is_written_a_row_a_part():
    answer = ask(forecast_one(), "explain", step=2)
    table = answer.table()
    assert table.column_names == ["series", "step", "prediction", "base", "part", "value"]
    assert table.num_rows == len(answer.record[0]["contributions"])


def test_totals_are_drawn_by_series_and_target():
    assert inside(ask(forecast_one(), "forecast", total=True).figure)
    drawn = " ".join(words(ask(forecast_two(), "forecast", total=True, level="90").figure))
    assert "sum of the next 5 steps" in drawn
    assert "with intervals of 90% from sample paths" in drawn
