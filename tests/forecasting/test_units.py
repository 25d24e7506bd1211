"""Series are seen on their own scale, gaps are filled from what stands beside them, and seasons that were planted are found."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weights
from planted import weekly
from weights.data.series.panel import read_panel
from weights.errors import DataError, NotFoundError
from weights.forecasting.units import (
    Parts,
    Scale,
    carry_forward,
    count_series,
    fill_gaps,
    find_scale,
    find_seasons,
    grows_with_level,
    make_units,
    name_unit,
    place_series,
)

RNG = np.random.default_rng(0)
PLACES = np.arange(240)
RHYTHM = np.sin(2 * np.pi * PLACES / 12)


def panel_of(values, **columns):
    table = pa.table({"t": np.arange(len(values)), "y": pa.array(values, from_pandas=True), **columns})
    return read_panel(table, ["y"], time="t", series="shop" if "shop" in columns else None)


@settings(max_examples=30, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.booleans(), st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=5))
def test_values_come_back_from_how_they_were_seen(center, spread, logged, values):
    scale = Scale(center if not logged else np.log(abs(center) + 1), spread, logged)
    np.testing.assert_allclose(scale.undo(scale.see(np.asarray(values))), values, rtol=1e-6, atol=1e-6)


def test_values_that_were_never_below_zero_do_not_come_back_below():
    never, once = find_scale(np.array([0.0, 3.0, 1.0, 2.0]), []), find_scale(np.array([-1.0, 3.0, 1.0, 2.0]), [])
    assert (never.floored, once.floored) == (True, False)
    assert never.undo(np.array([-9.0, 0.0])).tolist() == [0.0, never.center]
    assert once.undo(np.array([-9.0]))[0] < 0


def test_values_to_judge_by_count_where_something_is_below_zero():
    table = pa.table({"v": [1.0, 2.0, 1.0, 3.0, 2.0, 1.0, -4.0, 1.0], "split": ["train"] * 5 + ["val"] * 3})
    panel = read_panel(table, ["v"])
    judged = np.asarray([False] * 5 + [True] * 3)
    ((unit,), _) = make_units(panel, 1, Parts(np.zeros(8, bool), judged), [])
    assert not unit.scale.floored


def test_what_has_no_logarithm_is_seen_as_the_smallest_that_does():
    seen = Scale(0.0, 1.0, True).see(np.array([-3.0, 0.0, 1.0]))
    assert seen.tolist() == [np.log(np.finfo(float).tiny)] * 2 + [0.0]


def test_a_scale_is_that_of_the_values_it_was_given():
    values = RNG.normal(50, 3, 201)
    scale = find_scale(values, [])
    assert scale == Scale(values[:101].mean(), values.std(), False, True)
    assert find_scale(np.full(9, 4.0), []).spread == 1.0


def test_a_series_whose_rhythm_grows_with_its_level_is_seen_as_logs():
    level = np.exp(PLACES / 80)
    assert grows_with_level(level * (10 + 3 * RHYTHM + RNG.normal(size=240)), 12) is True
    assert find_scale(level * (10 + 3 * RHYTHM), [12]).logged
    assert not grows_with_level(10 * level + 3 * RHYTHM + RNG.normal(size=240), 12)
    assert not grows_with_level(level * (10 + 3 * RHYTHM) - 8, 12)  # some are below zero
    assert not grows_with_level((level * (10 + 3 * RHYTHM))[:60], 12)  # too few parts to tell


def test_a_gap_of_one_is_on_a_line_and_a_longer_one_as_the_seasons_beside_it():
    values = np.tile([1.0, 5.0, 2.0, 8.0], 5) + np.arange(20)
    holed = values.copy()
    holed[[3, 9, 10]] = np.nan
    filled = fill_gaps(holed, [4])
    assert filled[3] == (values[2] + values[4]) / 2
    assert filled[[9, 10]].tolist() == values[[9, 10]].tolist()
    assert fill_gaps(np.array([1.0, np.nan, np.nan, 4.0]), []).tolist() == [1.0, 2.0, 3.0, 4.0]


def test_what_did_not_come_later_is_known_from_before_only():
    before = np.array([1.0, 2.0, 3.0])
    assert carry_forward(np.array([np.nan, 9.0, np.nan, np.nan]), before, [3]).tolist() == [1.0, 9.0, 3.0, 1.0]
    assert carry_forward(np.array([np.nan, 9.0, np.nan]), before, []).tolist() == [3.0, 9.0, 9.0]
    assert carry_forward(np.array([np.nan]), before, [7]).tolist() == [3.0]


@pytest.mark.parametrize("length", [7, 12, 24])
def test_a_planted_season_is_found(length):
    series = [np.sin(2 * np.pi * np.arange(240) / length + phase) + 0.1 * RNG.normal(size=240) for phase in (0, 1, 2)]
    assert find_seasons(series)[0] == length


def test_noise_in_a_smooth_series_is_no_season_of_two():
    # Of such a series neighbouring differences are unlike, and those two apart alike.
    long = [np.sin(2 * np.pi * np.arange(300) / 24) + 0.1 * RNG.normal(size=300) for _ in range(3)]
    assert find_seasons(long)[0] == 24


def test_a_season_of_seasons_is_found():
    hours = np.arange(24 * 7 * 5)
    working = 1 + (hours // 24 % 7 < 5)
    series = [working * np.sin(2 * np.pi * hours / 24) + 0.1 * RNG.normal(size=len(hours)) for _ in range(3)]
    assert find_seasons(series) == (24, 168)


def test_noise_walks_and_constants_have_no_season():
    assert find_seasons([RNG.normal(size=300)]) == ()
    assert find_seasons([RNG.normal(size=300).cumsum()]) == ()
    assert find_seasons([np.ones(300)]) == ()
    assert find_seasons([np.arange(5.0)]) == ()


def test_a_unit_reaches_from_its_first_value_to_its_last_and_knows_which_came():
    units, remarks = make_units(panel_of([None, 1.0, 2.0, None, 4.0, None]), 1, None, [])
    assert [(unit.begin, unit.end, unit.values.tolist()) for unit in units] == [(1, 4, [1.0, 2.0, 3.0, 4.0])]
    assert units[0].known.tolist() == [True, True, False, True]
    assert remarks == [
        "1 missing value was filled from the same place of the seasons beside, or on a line between neighbours",
        "forecasts begin after the last value, which lies before the last moment: y by 1",
    ]


def test_what_is_for_the_test_is_not_learned_from_and_the_scale_is_of_what_lies_before_the_judged():
    values = [*RNG.normal(size=30), *RNG.normal(100, 1, 10), *RNG.normal(1e6, 1, 10)]
    test, val = np.arange(50) >= 40, (np.arange(50) >= 30) & (np.arange(50) < 40)
    (unit,), _ = make_units(panel_of(values), 1, Parts(test, val), [])
    assert (len(unit.values), unit.first_judged) == (40, 30)
    assert unit.scale == find_scale(np.asarray(values[:30]), [])


def test_a_part_in_the_middle_is_refused_with_its_series():
    shop = ["a"] * 20 + ["b"] * 20
    test = np.arange(40) % 20 < 5
    with pytest.raises(DataError, match="for the test must come after what is learned from, but rows of 'a' that are not lie behind"):
        make_units(panel_of(RNG.normal(size=40), shop=shop), 1, Parts(test, np.zeros(40, bool)), [])


def test_a_target_of_a_series_is_called_by_what_tells_it_apart():
    assert [name_unit("", "y", 1), name_unit("a", "y", 1), name_unit("a", "y", 2)] == ["y", "a", "a, y"]


def test_series_are_counted_where_a_column_tells_them_apart():
    assert count_series(["north", "south"], "region") == "2 series"
    assert count_series([""], None) == "one series"


def test_a_series_is_placed_by_its_name_and_one_without_names_has_none_to_ask_for():
    assert place_series(["north", "south"], "region", "south") == 1
    with pytest.raises(NotFoundError, match=r"There is no series 'sout'. Did you mean 'south'"):
        place_series(["north", "south"], "region", "sout")
    with pytest.raises(NotFoundError, match=r"one series, which has no name, but 'south' was asked for\. Leave it out"):
        place_series([""], None, "south")


def test_a_long_gap_is_told_with_its_ends():
    days = np.datetime64("2024-01-01") + np.arange(300)
    days[-1] = np.datetime64("2025-02-01")  # typed a year too late
    remarks = weights.fit({"day": days, "sold": weekly(300)["sold"]}, "sold", task="forecast", time="day", horizon=5).report.remarks
    assert any("nothing came in 98 moments between 2024-10-25 and 2025-02-01: repair these" in remark for remark in remarks)
    days[-1] = np.datetime64("2034-10-26")
    with pytest.raises(DataError, match=r"Nothing came in 3,652 moments between 2024-10-25 and 2034-10-26"):
        weights.fit({"day": days, "sold": weekly(300)["sold"]}, "sold", task="forecast", time="day", horizon=5)
