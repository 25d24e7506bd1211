"""What is said of prices is read, or refused in words."""

from __future__ import annotations

import numpy as np
import pytest

from planted import traded
from weights.api import plan_fit
from weights.errors import DataError, NotFoundError, UsageError
from weights.finance.planning import TAKES
from weights.fitoptions import DataOptions, FitOptions
from weights.options import list_options

SAID = {"task": "forecast", "time": "day", "series": "share", "horizon": 5, "quantity": "returns"}


def plan(rows, target="close", **said):
    return plan_fit(rows, target, **{**SAID, **said})


def test_a_table_of_prices_is_laid_out():
    planned = plan(traded(follows=0.2, note=["x"] * 420 * 4))
    assert (planned.task.quantity, planned.task.horizon, planned.n_samples) == ("returns", 5, 1680)
    assert [*planned.labels] == ["S0", "S1", "S2", "S3"]
    assert [*planned.history.signals] == ["signal"]
    assert "not looked at, as they are no numbers: note" in planned.remarks


def test_every_option_acts_or_is_refused():
    known = {option.name for record in (DataOptions, FitOptions) for option in list_options(record)}
    assert {*TAKES} <= known
    for name in sorted(known - {*TAKES}):
        with pytest.raises(UsageError, match=r"does nothing for forecasts of prices \(--as\)"):
            plan(traded(60), **{name: "60s" if name == "budget" else "something"})


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            {"quantity": "luck"},
            r"--as \(in Python: quantity\) must be one of returns, .*, drawdown, but is 'luck'",
        ),
        ({"time": "none"}, "Name the column of dates with --time"),
        ({"horizon": None}, "was not said"),
        ({"activation": "gelu"}, "'activation' does nothing"),
    ],
)
def test_what_cannot_be_is_refused(said, words):
    with pytest.raises(UsageError, match=words):
        plan(traded(60), **said)
    with pytest.raises(UsageError, match="One column of prices is needed"):
        plan(traded(60), ["close", "share"])


def test_the_test_part_must_come_last():
    rows = traded(420)
    part = np.where(rows["day"] >= rows["day"][1400], "test", "train")
    assert plan({**rows, "part": part}, split="part").n_learned == 350
    mixed = np.where(np.arange(1680) % 8 < 4, "test", "train")
    with pytest.raises(DataError, match=r"'part' mixes them\. Split by time"):
        plan({**rows, "part": mixed}, split="part")
    with pytest.raises(NotFoundError, match="no column 'parts'"):
        plan({**rows, "part": part}, split="parts")


def test_the_only_dates_are_those_of_rows_and_one_series_may_have_none():
    rows = traded(420, 1)
    planned = plan({"close": rows["close"]}, time=None, series=None)
    assert (len(planned.history), planned.calendar.numbered) == (420, True)
    dated = plan({"close": rows["close"], "when": rows["day"]}, time=None, series=None)
    assert (dated.task.time, dated.calendar.name) == ("when", "trading days")
    assert any("'when', the only column of dates" in remark for remark in dated.remarks)
