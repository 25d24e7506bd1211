"""Column kinds: what each raw column is taken for, and how its cells are read as that kind."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from weights.data.table.columns import (
    find_flag_words,
    find_kind,
    is_missing,
    level_codes,
    to_flags,
    to_levels,
    to_numbers,
    to_seconds,
    words_among_numbers,
)
from weights.errors import DataError

DAY = 86400.0


def column(values, kind=None):
    return pa.chunked_array([pa.array(values, kind)])


def days(values):
    return (to_seconds(column(values), "when") / DAY).tolist()


# --- finding kinds ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.5, 1.5, 2.5], "numeric"),
        ([3, 1, 2], "numeric"),
        ([Decimal("1.5"), Decimal("2.5")], "numeric"),
        ([7, None, 7], "numeric"),
        ([0, 1, 2], "numeric"),
        ([True, False], "boolean"),
        ([0, 1, 1], "boolean"),
        ([0.0, 1.0, None], "boolean"),
        (["north", "south", "north"], "category"),
        (["1", "2", "3"], "category"),
        (["0.5", "1.5"], "numeric"),
        ([str(code) for code in range(11)], "numeric"),
        (["1,234", "12,345.5", "7"], "numeric"),
        ([date(2024, 1, 1), date(2024, 1, 2)], "datetime"),
        ([datetime(2024, 1, 1, 10), None, datetime(2024, 1, 2)], "datetime"),
        ([datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)], "datetime"),
        ([time(10, 30), time(11, 0)], "datetime"),
        ([timedelta(hours=1), timedelta(hours=2)], "datetime"),
        (["2024-01-01", "2024-01-02"], "datetime"),
        ([{"a": 1}, {"a": 2}], "unsupported"),
        ([[1], [2, 3]], "unsupported"),
        ([b"a", b"b"], "unsupported"),
    ],
)
def test_a_kind_follows_from_type_and_values(values, kind):
    assert find_kind(column(values), "x").kind == kind


@pytest.mark.parametrize("words", ["yes no", "No YES", "true false", "True FALSE", "y n", "t f", "on off"])
def test_two_opposite_words_are_boolean(words):
    assert find_kind(column(words.split()), "x").kind == "boolean"


@pytest.mark.parametrize("words", ["yes off", "ja nein", "yes no maybe"])
def test_other_words_are_a_category(words):
    assert find_kind(column(words.split()), "x").kind == "category"


@pytest.mark.parametrize(
    ("values", "note"),
    [([2, 2], "always 2"), (["a", "a"], "always 'a'"), ([None, None], "all missing"), (pa.array([None], pa.string()), "all missing")],
)
def test_a_column_that_never_varies_is_constant(values, note):
    assert find_kind(column(values), "x") == ("constant", note)


def test_one_value_and_missing_cells_are_not_constant():
    assert find_kind(column(["a", None]), "x").kind == "category"


def test_numbers_that_count_up_are_an_identifier():
    assert find_kind(column(list(range(100, 121))), "row") == ("identifier", "all different")


def test_too_few_different_numbers_are_no_identifier():
    assert find_kind(column(list(range(100, 120))), "row").kind == "numeric"


@pytest.mark.parametrize(("name", "kind"), [("id", "identifier"), ("patient_ID", "identifier"), ("paid", "numeric"), ("idle", "numeric")])
def test_different_whole_numbers_are_an_identifier_when_the_name_says_so(name, kind):
    assert find_kind(column(list(range(0, 300, 7))), name).kind == kind


def test_different_decimals_are_numeric_even_when_called_id():
    assert find_kind(column([j + 0.5 for j in range(50)]), "id").kind == "numeric"


def test_different_words_are_an_identifier():
    assert find_kind(column([f"P-{j}x" for j in range(21)]), "code") == ("identifier", "all different")


def test_mostly_different_words_are_an_identifier_and_counted():
    words = [f"P-{j}x" for j in range(20)] + ["P-0x"] * 5
    assert find_kind(column(words), "code") == ("identifier", "20 different values in 25 rows")


def test_sentences_that_are_repeated_are_a_category_and_the_kind_that_reads_their_words_is_named():
    sentences = [f"the parcel of depot {i % 40} never came" for i in range(200)]
    assert find_kind(column(sentences), "note") == ("category", "about 7 words a cell, which the kind text would read")


def test_different_sentences_are_text():
    sentences = [f"the patient came {j} times" for j in range(21)]
    assert find_kind(column(sentences), "note") == ("text", "about 5 words a cell")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["0.5", "1.5"], ("numeric", "numbers written as text")),
        (["1", "2"], ("category", "few whole numbers written as text")),
        (["2024-01-01", "2024-01-02"], ("datetime", "dates written as text")),
        ([b"a", b"b"], ("unsupported", "holds binary values")),
    ],
)
def test_a_choice_that_deserves_it_is_remarked(values, found):
    assert find_kind(column(values), "x") == found


@pytest.mark.parametrize("numbers", [[str(j % 12) for j in range(99)], [f"{0.5 + j}" for j in range(99)]], ids=["few", "different"])
def test_a_few_texts_among_numbers_are_read_as_missing_and_said(numbers):
    assert find_kind(column([*numbers, "unknown"]), "x") == ("numeric", "text among numbers is read as missing (first: row 100, 'unknown')")


def test_many_texts_among_numbers_make_a_category():
    assert find_kind(column([str(j % 12) for j in range(80)] + ["unknown"] * 20), "x").kind == "category"
    assert find_kind(column([f"{j}.5" for j in range(80)] + ["oak", "ash"] * 10), "x").kind == "identifier"


@pytest.mark.parametrize("word", ["-", ".", "--", "n.a.", "unknown", "#DIV/0!", "#REF!", "", "N/A"])
@pytest.mark.parametrize("write", ["{}.5", "{},5", "{} kg", "$1,{:03}.25"])
def test_words_that_only_mean_no_value_may_be_many_among_numbers_of_any_notation(word, write):
    cells = [word if j % 3 == 0 else write.format(j) for j in range(90)]
    found = find_kind(column(cells), "x")
    assert (found.kind, found.note) == ("numeric", f"text among numbers is read as missing (first: row 1, '{word}')")
    assert words_among_numbers(column(cells)) == [word]


def test_words_among_dates_are_missing():
    cells = ["never" if j % 20 == 0 else f"{j % 28 + 1:02}.03.2024" for j in range(90)]
    assert find_kind(column(cells), "x") == ("datetime", "dates written as text; other text is read as missing (first: row 1, 'never')")
    seconds = to_seconds(column(cells), "x", words=["never"])
    assert (int(np.isnan(seconds).sum()), seconds[1] / DAY) == (5, 19784.0)
    assert find_kind(column(["never" if j % 3 == 0 else cell for j, cell in enumerate(cells)]), "x").kind == "category"


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())], ids=str)
def test_every_arrow_type_of_text_has_the_same_kind(kind):
    assert find_kind(column(["a", "b", None], pa.string()).cast(kind), "x") == find_kind(column(["a", "b", None]), "x")


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        ([1, None, 3], [1, np.nan, 3]),
        ([1.5, np.inf, -np.inf, np.nan], [1.5, np.inf, -np.inf, np.nan]),
        ([True, False, None], [1, 0, np.nan]),
        ([Decimal("1.25"), None], [1.25, np.nan]),
        (["1", " 2.5 ", "-3e2", None], [1, 2.5, -300, np.nan]),
        (["1,234", "-12,345.5", "7", "1 000 000", "2'000"], [1234, -12345.5, 7, 1_000_000, 2000]),
        ([None, None], [np.nan, np.nan]),
        ([date(1970, 1, 2)], [DAY]),
    ],
)
def test_cells_are_read_as_numbers(values, numbers):
    np.testing.assert_array_equal(to_numbers(column(values), "x"), np.array(numbers, float))


def test_numbers_in_a_categorical_column_are_read():
    np.testing.assert_array_equal(to_numbers(column([1, 2, None]).dictionary_encode(), "x"), [1, 2, np.nan])


def test_a_cell_that_is_no_number_is_named_with_its_row():
    message = "Column 'age' must be numeric, but 2 of 4 rows hold something else (first: row 3, 'old'). Repair these cells"
    with pytest.raises(DataError, match=re.escape(message)):
        to_numbers(column(["1", None, "old", "old"]), "age")


# --- flags --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "flags"),
    [
        (["yes", "NO", None], [1, -1, np.nan]),
        (["True", "false", " t ", "F"], [1, -1, 1, -1]),
        (["on", "off", "y", "n", "1", "0"], [1, -1, 1, -1, 1, -1]),
        ([1, 0, None], [1, -1, np.nan]),
        ([1.0, 0.0, np.nan], [1, -1, np.nan]),
        ([True, False, None], [1, -1, np.nan]),
        ([None], [np.nan]),
    ],
)
def test_cells_are_read_as_flags(values, flags):
    np.testing.assert_array_equal(to_flags(column(values), "x"), np.array(flags, float))


def test_a_word_that_is_no_flag_is_named_as_it_was_written():
    message = "Column 'smoker' must be boolean (yes/no, true/false, 1/0), but 1 of 3 rows hold something else (first: row 3, 'Maybe')."
    with pytest.raises(DataError, match=re.escape(message)):
        to_flags(column(["Yes", "No", "Maybe"]), "smoker")


# --- dates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["Yes", "No", None, "Yes"], ("No", "Yes")),
        (["yes", "YES", "YES", "no"], ("no", "YES")),
        ([" T", "F "], ("F", "T")),
        ([0, 1, 1], ("0", "1")),
        ([0.0, 1.0, None], ("0", "1")),
        (["Y", None], ("n", "Y")),
        (["off", "off"], ("off", "on")),
        ([True, False], ("no", "yes")),
        ([None, None], ("no", "yes")),
    ],
)
def test_flags_are_called_as_they_are_mostly_written(values, words):
    assert find_flag_words(column(values)) == words


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01",
        "2024/03/01",
        "01.03.2024",
        "01/03/2024",
        "2024-03-01 00:00",
        "2024-03-01 00:00:00",
        "2024-03-01T00:00:00",
        "2024-03-01T00:00:00Z",
        "2024-03-01T02:00:00+02:00",
        "01.03.2024 00:00",
    ],
)
def test_a_date_written_as_text_is_read(text):
    assert days([text, None])[0] == (date(2024, 3, 1) - date(1970, 1, 1)).days


def test_month_first_is_read_when_day_first_is_impossible():
    assert days(["03/13/2024"]) == [(date(2024, 3, 13) - date(1970, 1, 1)).days]


def test_times_in_different_zones_are_compared_in_universal_time():
    noon_in_rome, noon_in_london = to_seconds(column(["2024-01-01T12:00:00+01:00", "2024-01-01T12:00:00Z"]), "when")
    assert noon_in_london - noon_in_rome == 3600


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Rome"])
def test_a_timestamp_means_the_same_moment_in_every_unit_and_zone(unit, zone):
    moments = column([datetime(1970, 1, 2, tzinfo=UTC), None], pa.timestamp(unit, zone))
    np.testing.assert_array_equal(to_seconds(moments, "when"), [DAY, np.nan])


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([date(1970, 1, 2), None], [DAY, np.nan]),
        ([date(1800, 1, 1)], [(date(1800, 1, 1) - date(1970, 1, 1)).days * DAY]),
        ([time(1, 0)], [3600]),
        ([timedelta(minutes=2)], [120]),
        ([5, None], [5, np.nan]),
    ],
)
def test_cells_of_other_types_are_read_as_seconds(values, seconds):
    np.testing.assert_array_equal(to_seconds(column(values), "when"), seconds)


@pytest.mark.parametrize("kind", [pa.null(), pa.string(), pa.timestamp("us")], ids=str)
def test_dates_that_are_all_missing_are_nan(kind):
    np.testing.assert_array_equal(to_seconds(column([None, None], kind), "when"), [np.nan, np.nan])


def test_a_cell_that_is_no_date_is_named_with_its_row():
    message = "Column 'when' must be dates, but 1 of 2 rows hold something else (first: row 2, 'soon')"
    with pytest.raises(DataError, match=re.escape(message)):
        to_seconds(column(["2024-01-01", "soon"]), "when")


def test_dates_in_several_formats_are_refused():
    with pytest.raises(DataError, match=r"'when' must be dates in one format, but its cells mix several \(such as '2024-01-01'\)"):
        to_seconds(column(["2024-01-01", "01.02.2024"]), "when")


# --- levels -------------------------------------------------------------------------------------


def test_levels_are_sorted_and_missing_has_no_code():
    codes, levels = to_levels(column(["b", None, "a", "b"]))
    assert (codes.tolist(), levels) == ([1, -1, 0, 1], ["a", "b"])


def test_blanks_around_a_level_do_not_count():
    assert to_levels(column(["a ", " a", "a"]))[1] == ["a"]


@pytest.mark.parametrize("values", [[1, 2, None], [1.0, 2.0, None], [1.0, 2.0, np.nan], ["1", "2", None]])
def test_the_level_1_is_the_same_from_whole_numbers_decimals_and_text(values):
    assert level_codes(column(values), ["1", "2"]).tolist() == [0, 1, -1]


def test_nan_is_no_level():
    assert to_levels(column([1.5, np.nan]))[1] == ["1.5"]


def test_very_large_numbers_stay_different_levels():
    assert len(to_levels(column([1e300, 1e299, np.inf]))[1]) == 3


def test_a_level_that_was_not_learned_has_no_code():
    assert level_codes(column(["a", "c"]), ["a", "b"]).tolist() == [0, -1]


def test_a_categorical_column_has_the_levels_of_its_values():
    codes, levels = to_levels(column(["b", None, "a"]).dictionary_encode())
    assert (codes.tolist(), levels) == ([1, -1, 0], ["a", "b"])


@pytest.mark.parametrize("values", [[1.0, np.nan, None], ["a", None, None], [None, None, None]])
def test_null_and_nan_are_missing(values):
    assert is_missing(column(values)).tolist()[1:] == [True, True]
