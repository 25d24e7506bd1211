"""Ticks stand at whole hours, days, weeks, months and years, however the moments begin."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from weights.report.time_axis import time_axis


def ticks(begin: str, n: int, frequency: str, most: int = 8) -> list[tuple[float, str]]:
    times = pd.date_range(begin, periods=n, freq=frequency).to_numpy().astype("datetime64[ms]")
    return time_axis(times, 0.0).ticks(most)


@pytest.mark.parametrize(
    ("begin", "n", "frequency", "words"),
    [
        ("2024-01-01 09:00", 30, "h", ["2024-01-01 12:00", "18:00", "2024-01-02", "06:00", "12:00"]),
        (
            "2024-01-01 09:00",
            90,
            "h",
            ["2024-01-01 12:00", "2024-01-02", "12:00", "2024-01-03", "12:00", "2024-01-04", "12:00", "2024-01-05"],
        ),
        ("2024-01-01 09:07", 60, "min", ["2024-01-01 09:15", "09:30", "09:45", "10:00"]),
        ("2024-01-03", 40, "D", ["2024-01-08", "2024-01-15", "2024-01-22", "2024-01-29", "2024-02-05"]),
        ("2024-01-03", 100, "D", ["2024-02", "2024-03", "2024-04"]),
        ("2024-01-03", 80, "B", ["2024-02", "2024-03", "2024-04"]),
        ("2020-02-01", 40, "MS", ["2020-07", "2021-01", "2021-07", "2022-01", "2022-07", "2023-01"]),
        ("1950-12-31", 40, "YE", ["1950", "1955", "1960", "1965", "1970", "1975", "1980", "1985"]),
    ],
)
def test_ticks_are_whole_units(begin, n, frequency, words):
    found = ticks(begin, n, frequency)
    assert [text for _, text in found] == words


def test_a_tick_stands_at_the_step_of_its_moment():
    (first, _), *_ = ticks("2024-01-01 09:00", 30, "h")
    assert first == 3.0


@pytest.mark.parametrize("most", [1, 2, 3, 5, 9])
@pytest.mark.parametrize(("n", "frequency"), [(1, "h"), (2, "h"), (50, "15min"), (400, "h"), (3000, "D"), (500, "W-WED"), (900, "QE")])
def test_there_are_some_and_no_more_than_fit(n, frequency, most):
    found = ticks("1999-03-05 07:45", n, frequency, most)
    assert 1 <= len(found) <= most
    assert all(0 <= place <= n - 1 for place, _ in found)


def test_numbers_are_round_at_their_places():
    found = time_axis(np.arange(1987, 2027), -30.0).ticks(5)
    assert found == [(-27.0, "1990"), (-17.0, "2000"), (-7.0, "2010"), (3.0, "2020")]
