"""What drives forecasts is shown as tables, in which p and interval are told apart."""

from __future__ import annotations

import numpy as np
import pytest

import weights
from planted import weekly
from small import HORIZON, forecast_one, forecast_targets, forecast_two
from weights.errors import UsageError
from weights.questions import ask


def test_a_summary_prints_as_text_and_as_html():
    table = forecast_one().summary(top=2)
    assert str(table).splitlines()[0].split()[:2] == ["Lags", "weight"]
    assert [line for line in str(table).splitlines() if line.startswith("Columns")]
    assert table._repr_html_().count("<table") == 2
    assert [*ask(forecast_one(), "summary", top=2).lines] == str(table).splitlines()


def test_a_note_says_that_p_is_adjusted_and_intervals_are_not():
    said = " ".join(str(forecast_one().summary()).split())
    assert "[95 % interval] of each by itself, p adjusted for all that were tried (Holm)" in said


def test_at_most_so_many_lags_and_columns_are_shown_and_the_others_counted():
    _, columns = forecast_one().summary(top=2).tables()
    assert len(columns.rows) == 3
    assert columns.rows[-1][0] == f"and {len(forecast_one().drivers.columns) - 2} more (--top)"
    values = np.convolve(np.random.default_rng(0).normal(size=300), 0.8 ** np.arange(9))[:300]
    (lags,) = weights.fit({"sold": values}, "sold", task="forecast", horizon=2).summary(top=1).tables()
    assert [row[0] for row in lags.rows] == ["1 step ahead", "  the last value", "2 steps ahead", "  the last value"]


def test_of_several_series_columns_are_measured_in_the_mean_and_that_is_said():
    said = str(forecast_two().summary())
    assert "of 2 series together, each in units of its own deviation" in said
    assert ("for one of its units, the mean of 2 series" in said) == bool(forecast_two().forecaster.columns.names)


def test_without_inspection_there_is_none_and_both_faces_say_what_to_do():
    with pytest.raises(UsageError, match=r"Fit again without --no-inspect \(in Python: inspect=False\)"):
        forecast_targets().summary()
    with pytest.raises(UsageError, match="was not measured in this fit"):
        ask(forecast_targets(), "summary")


def test_too_few_values_are_given_as_the_reason():
    model = weights.fit(weekly(18), "sold", task="forecast", time="day", horizon=HORIZON)
    assert model.drivers.reason in " ".join(str(model.summary()).split())
