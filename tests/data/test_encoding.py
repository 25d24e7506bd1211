"""Encoding: numbers on a common scale, levels and moments as columns, the same at training and at use."""

import re
from datetime import datetime, timedelta

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from weights.data.encoding import Boolean, Encoding, apply_encoding, fit_encoding
from weights.errors import DataError


def encode(values, kind, *, at=None, **options):
    """One column learned from `values` and applied to `at` (by default the same cells)."""
    encoding = fit_encoding(pa.table({"c": values}), {"c": kind}, **options)
    return apply_encoding(encoding, pa.table({"c": values if at is None else at})).x


def inputs(values, kind, **options):
    return fit_encoding(pa.table({"c": values}), {"c": kind}, **options).inputs


# --- numbers ------------------------------------------------------------------------------------


def test_the_median_becomes_zero_and_the_quartiles_those_of_a_normal():
    x = encode([0.0, 25.0, 50.0, 75.0, 100.0], "numeric", clip=None)
    np.testing.assert_allclose(x[:, 0], np.array([-100, -50, 0, 50, 100]) / 50 * 0.6744897501960817, rtol=1e-6)


def test_normal_data_get_variance_one():
    # The standard deviation of a sample's quartile distance is 1.17/sqrt(n) of the scale: 0.0037 for n = 100 000;
    # the tolerance for the variance is four times twice that.
    values = np.random.default_rng(1).normal(loc=70.0, scale=12.0, size=100_000)
    assert encode(values, "numeric", clip=None).var() == pytest.approx(1.0, abs=0.03)


def test_where_the_quartiles_agree_the_standard_deviation_is_the_scale():
    x = encode([0.0] * 9 + [10.0], "numeric", clip=None)
    np.testing.assert_allclose(x[-1, 0], 10 / 3, rtol=1e-6)


def test_a_missing_number_becomes_the_median_plus_a_flag():
    x = encode([1.0, 2.0, None, 3.0], "numeric")
    np.testing.assert_array_equal(x[1:3], [[0, 0], [0, 1]])


def test_a_number_missing_only_at_use_becomes_the_median():
    np.testing.assert_array_equal(encode([1.0, 2.0, 3.0], "numeric", at=pa.array([None], pa.float64())), [[0]])


def test_a_column_without_any_number_is_encoded_as_zero_and_missing():
    np.testing.assert_array_equal(encode(pa.array([None, None], pa.float64()), "numeric"), [[0, 1], [0, 1]])


def test_the_smooth_clip_follows_its_formula():
    z = np.linspace(-20, 20, 81)
    center, scale = 50.0, 50 / 1.3489795003921634
    x = encode([0.0, 25.0, 50.0, 75.0, 100.0], "numeric", at=center + scale * z, clip=3.0)
    np.testing.assert_allclose(x[:, 0], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6, atol=1e-7)


def test_the_smooth_clip_keeps_the_order_and_stays_within_its_bound():
    values = np.concatenate([-np.logspace(6, -3, 200), np.logspace(-3, 6, 200)])
    x = encode(np.linspace(-1, 1, 101), "numeric", at=values, clip=4.0)[:, 0]
    assert np.all(np.diff(x) >= 0)
    assert np.abs(x).max() <= 4.0


def test_infinities_land_on_the_bound():
    np.testing.assert_array_equal(encode([1.0, 2.0, 3.0], "numeric", at=[np.inf, -np.inf], clip=4.0)[:, 0], [4, -4])


def test_infinities_do_not_move_the_scale():
    x = encode([1.0, 2.0, 3.0, np.inf, -np.inf], "numeric")
    np.testing.assert_array_equal(x[:3], encode([1.0, 2.0, 3.0], "numeric"))


@pytest.mark.parametrize("value", [np.inf, 1e308, 1e60], ids=str)
def test_numbers_too_large_for_float32_are_refused_without_the_clip(value):
    with pytest.raises(
        DataError, match=r"Column 'c' is too large in row 4, which needs the smooth clip\. Leave clip on or repair the row\."
    ):
        encode([1.0, 2.0, 3.0], "numeric", at=[1.0, 2.0, 3.0, value], clip=None)


@pytest.mark.parametrize(
    "values",
    [[1.0, 2.0, 3.0, 1e308], [-1e308, 0.0, 1.0, 1.7e308], [-1.7e308, 1.7e308] * 10, [1e308] * 9 + [-1e308], [5e-324, 0.0, 0.0, 0.0]],
    ids=["one", "two", "half", "quartiles agree", "subnormal"],
)
def test_extreme_numbers_stay_finite(values):
    x = encode(values, "numeric")
    assert np.isfinite(x).all()


def test_extreme_numbers_keep_their_order():
    x = encode([-1.7e308, -1e308, 0.0, 1e308, 1.7e308], "numeric")[:, 0]
    assert np.all(np.diff(x) > 0)


def test_whole_numbers_above_two_to_the_24_keep_their_differences():
    # float32 cannot tell 2^40 from 2^40 + 1; centring must come first, in float64.
    x = encode([2**40 + j for j in range(5)], "numeric", clip=None)[:, 0]
    np.testing.assert_allclose(np.diff(x), 1.3489795003921634 / 2, rtol=1e-6)


# --- flags --------------------------------------------------------------------------------------


def test_yes_is_one_no_is_minus_one_and_missing_is_zero_plus_a_flag():
    np.testing.assert_array_equal(encode(["yes", "no", None], "boolean"), [[1, 0], [-1, 0], [0, 1]])


def test_a_flag_missing_only_at_use_is_zero():
    np.testing.assert_array_equal(encode(["yes", "no"], "boolean", at=[None]), [[0]])


# --- categories ---------------------------------------------------------------------------------


def test_every_frequent_level_has_a_column_rare_ones_share_one_and_missing_has_its_own():
    values = ["x"] * 6 + ["y"] * 5 + ["z"] * 2 + ["w", None]
    assert inputs(values, "category") == ["c = x", "c = y", "c = (rare)", "c is missing"]
    x = encode(values, "category")
    np.testing.assert_array_equal(x.sum(0), [6, 5, 3, 1])
    np.testing.assert_array_equal(x.sum(1), np.ones(len(values)))


def test_an_unseen_level_goes_with_the_rare_ones():
    values = ["x"] * 6 + ["y"] * 5 + ["z"]
    np.testing.assert_array_equal(encode(values, "category", at=["new"]), [[0, 0, 1]])


def test_an_unseen_level_is_all_zero_when_none_was_rare():
    np.testing.assert_array_equal(encode(["x"] * 6 + ["y"] * 5, "category", at=["new", "y"]), [[0, 0], [0, 1]])


def test_a_level_missing_only_at_use_is_all_zero():
    np.testing.assert_array_equal(encode(["x"] * 6 + ["y"] * 5 + ["z"], "category", at=pa.array([None], pa.string())), [[0, 0, 0]])


def test_only_the_most_frequent_levels_are_kept():
    values = [level for count, level in enumerate("abcdef", 5) for _ in range(count)]
    assert inputs(values, "category", max_levels=2) == ["c = e", "c = f", "c = (rare)"]


def test_a_category_whose_levels_are_all_rare_keeps_the_most_frequent():
    assert inputs(["x", "x", "y"], "category") == ["c = x", "c = (rare)"]


def test_the_levels_1_and_1_point_0_are_the_same_at_training_and_at_use():
    codes = [1, 2] * 5
    np.testing.assert_array_equal(encode(codes, "category", at=[1.0, None, 2.0]), [[1, 0], [0, 0], [0, 1]])


def test_nan_in_a_category_is_missing_and_no_level():
    assert inputs([1.0] * 5 + [1.5] * 5 + [np.nan], "category") == ["c = 1", "c = 1.5", "c is missing"]


# --- moments ------------------------------------------------------------------------------------


def hourly(n_hours, *, start=datetime(2024, 1, 1)):
    return [start + timedelta(hours=hour) for hour in range(n_hours)]


@pytest.mark.parametrize(
    ("moments", "cycles"),
    [
        ([datetime(2024, 1, 1) + timedelta(hours=3 * j) for j in range(4)], []),
        (hourly(48), ["day"]),
        (hourly(24 * 8), ["day", "week"]),
        ([datetime(2020, 1, 1) + timedelta(days=j) for j in range(800)], ["week", "year"]),
        (hourly(24 * 400), ["day", "week", "year"]),
        ([datetime(2024, 1, 1) + timedelta(days=7 * j) for j in range(20)], []),
    ],
    ids=["half a day", "two days", "eight days", "days of two years", "hours of a year", "Mondays"],
)
def test_a_moment_has_only_the_cycles_in_which_the_data_vary(moments, cycles):
    expected = ["c"] + [f"c {half} of {cycle}" for cycle in cycles for half in ("sine", "cosine")]
    assert inputs(moments, "datetime") == expected


def test_midnight_and_six_oclock_lie_a_quarter_cycle_apart():
    names = inputs(hourly(48), "datetime")
    x = encode(hourly(48), "datetime", at=[datetime(2024, 5, 5, 0), datetime(2024, 5, 5, 6), datetime(2024, 5, 5, 12)])
    np.testing.assert_allclose(x[:, names.index("c sine of day")], [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(x[:, names.index("c cosine of day")], [1, 0, -1], atol=1e-6)


def test_the_same_weekday_has_the_same_place_in_the_cycle_of_the_week():
    days = [datetime(2024, 1, 1) + timedelta(days=j) for j in range(28)]
    x = encode(days, "datetime")[:, 1:]
    np.testing.assert_allclose(x[:7], x[21:], atol=1e-6)
    assert len(np.unique(x.round(3), axis=0)) == 7


def test_moments_keep_differences_of_a_second():
    x = encode([datetime(2024, 1, 1) + timedelta(seconds=j) for j in range(5)], "datetime", clip=None)[:, 0]
    np.testing.assert_allclose(np.diff(x), 1.3489795003921634 / 2, rtol=1e-6)


def test_a_missing_moment_is_zero_everywhere_but_in_its_flag():
    x = encode([*hourly(48), None], "datetime")
    np.testing.assert_array_equal(x[-1], [0, 0, 0, 1])


@pytest.mark.parametrize("absent", [pa.nulls(2), pa.nulls(2, pa.string()), pa.nulls(2, pa.timestamp("us"))], ids=["null", "text", "time"])
def test_moments_that_are_all_missing_at_use_are_zero(absent):
    np.testing.assert_array_equal(encode(["2024-01-01", "2024-03-01"], "datetime", at=absent).sum(1), [0, 0])


def test_an_ambiguous_date_is_read_in_the_format_learned_from_the_training_rows():
    # "03/04/2024" alone could be the third of April; among dates such as "03/13/2024" it is the fourth of March.
    dates = ["03/04/2024", "03/13/2024", "03/31/2024"]
    np.testing.assert_array_equal(encode(dates, "datetime", at=dates[:1]), encode(dates, "datetime")[:1])


# --- laws for all kinds -------------------------------------------------------------------------


def mixed_table(n_rows=200):
    random = np.random.default_rng(3)
    absent = random.random(n_rows) < 0.1
    return pa.table(
        {
            "number": pa.array(random.normal(size=n_rows), mask=absent),
            "whole": random.integers(0, 1000, n_rows),
            "mostly zero": random.poisson(0.1, n_rows),
            "flag": pa.array(random.random(n_rows) < 0.3, mask=absent),
            "level": pa.array(random.choice(list("aaaabbbcd"), n_rows), mask=absent),
            "moment": [datetime(2024, 1, 1) + timedelta(hours=float(h)) for h in random.uniform(0, 900, n_rows)],
            "day": [f"2024-{month:02}-17" for month in random.integers(1, 13, n_rows)],
        }
    )


KINDS = {
    "number": "numeric",
    "whole": "numeric",
    "mostly zero": "numeric",
    "flag": "boolean",
    "level": "category",
    "moment": "datetime",
    "day": "datetime",
}


def test_encoded_rows_are_float32_without_missing_values():
    x = apply_encoding(fit_encoding(mixed_table(), KINDS), mixed_table()).x
    assert x.dtype == np.float32
    assert np.isfinite(x).all()


def test_what_is_learned_does_not_depend_on_the_order_of_the_rows():
    table = mixed_table()
    shuffled = table.take(np.random.default_rng(4).permutation(table.num_rows))
    straight, other = fit_encoding(table, KINDS), fit_encoding(shuffled, KINDS)
    np.testing.assert_allclose(apply_encoding(straight, table).x, apply_encoding(other, table).x, rtol=1e-6)
    assert straight.inputs == other.inputs


def test_a_row_is_encoded_the_same_alone_and_among_others():
    table = mixed_table()
    encoding = fit_encoding(table, KINDS)
    alone = np.concatenate([apply_encoding(encoding, table.slice(row, 1)).x for row in range(table.num_rows)])
    np.testing.assert_array_equal(alone, apply_encoding(encoding, table).x)


def test_the_order_of_columns_and_further_columns_do_not_matter_at_use():
    table = mixed_table()
    encoding = fit_encoding(table, KINDS)
    other = table.select(table.column_names[::-1]).append_column("new", table["whole"])
    np.testing.assert_array_equal(apply_encoding(encoding, other).x, apply_encoding(encoding, table).x)


def test_an_absent_column_is_named_with_a_suggestion():
    encoding = fit_encoding(pa.table({"age": [1, 2], "income": [1, 2]}), {"age": "numeric", "income": "numeric"})
    message = "The model needs 2 columns, but 1 is not in the data (first: 'income'). Did you mean 'incom'?"
    with pytest.raises(DataError, match=re.escape(message)):
        apply_encoding(encoding, pa.table({"age": [1], "incom": [1]}))


def test_a_cell_of_another_kind_at_use_is_named():
    with pytest.raises(
        DataError, match=r"Column 'c' must be numbers with decimal point, but 1 of 2 rows hold something else \(first: row 2, 'old'\)"
    ):
        encode([1.0, 2.0], "numeric", at=["1", "old"])


def test_an_encoding_survives_saving():
    encoding = fit_encoding(mixed_table(), KINDS)
    assert msgspec.json.decode(msgspec.json.encode(encoding), type=Encoding) == encoding


def test_names_groups_and_columns_of_the_encoding_agree():
    encoding = fit_encoding(mixed_table(), KINDS)
    assert len(encoding.inputs) == len(encoding.groups) == apply_encoding(encoding, mixed_table()).x.shape[1]
    assert all(name.startswith(encoding.columns[group].name) for name, group in zip(encoding.inputs, encoding.groups, strict=True))


def test_the_scaled_numbers_are_found_among_the_inputs():
    encoding = fit_encoding(mixed_table(), KINDS)
    assert [encoding.inputs[j] for j in encoding.numeric_inputs] == ["number", "whole", "mostly zero", "moment", "day"]


def test_a_flag_keeps_its_spelling_and_agrees_with_that_of_an_older_run_that_did_not():
    table = pa.table({"smokes": ["Yes", "No", "Yes"]})
    encoding = fit_encoding(table, {"smokes": "boolean"})
    assert encoding.columns == [Boolean("smokes", False, "No", "Yes")]
    assert encoding.agrees_with(msgspec.structs.replace(encoding, columns=[Boolean("smokes", False)]))
