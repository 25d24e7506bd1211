"""Hostile tables: each oddity has a stated treatment (docs/hostile-input.md) or one clear sentence with the right exit code.

Stated: no table, however odd, makes the command line print a traceback, hang, take memory beyond its budget or give a wrong answer
without a word. Everything is generated here; sizes are small, and large claims are made by headers and compression, not by bytes.
"""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from weights import api, cli
from weights.data.table.columns import find_kind, to_seconds
from weights.data.table.delimited import remarks_of
from weights.data.table.read import read_table
from weights.errors import DataError, NotFoundError, UsageError

N = 60
RANDOM = np.random.default_rng(5)
X, Z = RANDOM.normal(size=(2, N))
Y = X + 0.3 * RANDOM.normal(size=N)
CLASSES = ["ill" if v > 0 else "well" for v in Y]
QUICK = ("--no-save", "--members", "8", "--model", "linear", "--quiet")


def csv_text(columns, delimiter=","):
    cells = [["" if v is None else str(v) for v in values] for values in columns.values()]
    return "".join(delimiter.join(row) + "\n" for row in [columns.keys(), *zip(*cells, strict=True)])


def table(**columns):
    """A table of two numbers and a target y, with further or other columns, as CSV."""
    return csv_text({"x": X, "z": Z, "y": Y} | columns)


def write(folder, content, name="a.csv"):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def run(*words):
    return CliRunner().invoke(cli.cli, [str(word) for word in words], prog_name="weights")


def seen(folder, content, name="a.csv", target="y", **options):
    """What `weights data FILE --target y` finds: kinds and notes by column, and the remarks."""
    look = api.look(write(folder, content, name), target, **options)
    return {f.name: (f.kind, f.note) for f in look.features}, look


# Shapes and targets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("x,y\n", "has 0 rows and 2 columns"),
        ("x,y\n1,2\n", "none is left of 1: x (constant: always 1)"),
        ("y\n1\n2\n3\n", "there is no other column"),
        (table(y=["a"] * N), "must have two classes or more, but all 60 rows hold 'a'"),
        (table(y=[""] * N), "is missing in all 60 rows"),
        (table(y=["inf", *Y[1:]]), "must be a finite number, but row 1 holds inf"),
        (table(y=[1e308 * (-1) ** i for i in range(N)]).replace("1e+308", "1e308"), ""),
        (table(y=[1e-200 * v for v in Y]), "too little to square. Multiply it"),
        (table(y=[5e-324 * (i % 9) for i in range(N)]), "too little to square"),
        (table(y=[f"2024-01-{i % 28 + 1:02d}" for i in range(N)]), "holds dates. Turn it into a number"),
        ("x,x,y\n1,2,3\n", "Column names must differ, but 'x' stands 2 times in a.csv"),
        (table().replace("\n", ",9\n", 3).replace("y,9", "y", 1), "must have 3 cells, as its header has, but row 1 has 4"),
        ("x,y\n1,2\n3\n", "but row 2 has 1: '3'"),
        ('x,y\n1,2\n"3,4\n5,6\n', "opens a quote in row 2 that is never closed"),
        ('x,y\n1,2\n3,"4\n', "opens a quote in row 2 that is never closed"),
        ('"x,y\n1,2\n3,4\n', "quote"),
        (b"x,y\n1,2\n3,\x004\n", "holds a NUL byte in line 3"),
        ("x,y\nZürich,1\nÅrhus på Ø,2\n".encode() + b"\xff\xfe,3\n", "is UTF-8 text, but line 4 holds bytes that are not (ff)"),
        (b"x,y\n\x81,1\n", "is CP1252 text, but line 2 holds bytes"),
        ("\n\n", "holds no text but blank lines"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(tmp_path, content, said):
    result = run("fit", write(tmp_path, content), "--target", "y", *QUICK)
    if said:
        assert (result.exit_code, result.stderr.count("\n")) == (3, 1)
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_target_missing_in_some_rows_leaves_them_out_and_says_so(tmp_path):
    _, look = seen(tmp_path, table(y=[None, *Y[1:]]))
    assert look.n_samples == N - 1
    assert "1 of 60 rows have no 'y' and were left out" in look.remarks


def test_classes_of_one_row_are_said_to_be_too_few(tmp_path):
    _, look = seen(tmp_path, table(y=["rare", *CLASSES[1:]]))
    assert any("classes with too few rows to learn or to judge: 'rare' (1)" in remark for remark in look.remarks)


def test_two_rows_are_said_to_be_too_few(tmp_path):
    result = run("fit", write(tmp_path, "x,y\n1,2\n2,3\n"), "--target", "y", "--no-save", "--members", "8", "--model", "linear")
    assert result.exit_code == 0
    assert "2 rows are too few to judge a model by" in result.stderr


def test_columns_that_teach_nothing_are_set_aside(tmp_path):
    kinds, _ = seen(tmp_path, table(same=[1] * N, zero=["0.0", "-0.0"] * 30, empty=[""] * N, name=[f"p{i}" for i in range(N)]))
    assert {name: kind for name, (kind, _) in kinds.items()} == {
        "x": "numeric",
        "z": "numeric",
        "same": "constant",
        "zero": "constant",
        "empty": "constant",
        "name": "identifier",
    }


def test_repeated_rows_are_counted(tmp_path):
    content = table()
    _, look = seen(tmp_path, content + "".join(content.splitlines(keepends=True)[1:10]))
    assert any(remark.startswith("9 of 69 rows repeat an earlier row in every column") for remark in look.remarks)


def test_rows_that_differ_in_one_cell_only_are_no_repeats(tmp_path):
    columns = {f"x{j}": [1.5, 2.5] * 20 for j in range(30)}
    _, look = seen(tmp_path, csv_text(columns | {"id": [f"p{i}" for i in range(40)], "y": [0, 1] * 20}))
    assert not any("repeat" in remark for remark in look.remarks)


@pytest.mark.parametrize("n", [N, 15])
def test_a_copy_of_the_target_is_named(tmp_path, n):
    _, look = seen(tmp_path, csv_text({"x": X[:n], "copy": 2 * Y[:n] + 1, "y": Y[:n]}))
    assert any(remark.startswith("'copy'") and "a likely leak" in remark for remark in look.remarks)


def test_more_levels_than_rows_can_tell_apart_are_rare_and_that_is_said(tmp_path):
    words = {f"c{j}": [f"w{(i + j) % 12}" for i in range(N)] for j in range(100)}
    _, look = seen(tmp_path, table(**words))
    assert [remark for remark in look.remarks if "levels together" in remark] == [
        "100 columns of words have 1,200 levels together, more than 60 rows can tell apart: those with fewer than 6 rows count as rare"
    ]


# Encodings and dialects ------------------------------------------------------------------------------------------

TEXT = "name;n\nZürich;1\nÅbo;2\n"
ROWS = {"name": ["Zürich", "Åbo"], "n": [1, 2]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_encodings_and_line_ends_are_found(tmp_path, encoding, line_end):
    assert read_table(write(tmp_path, TEXT.replace("\n", line_end).encode(encoding))).to_pydict() == ROWS


@pytest.mark.parametrize(("encoding", "said"), [("cp1252", "read as Windows-1252"), ("utf-16-le", "read as UTF-16-LE, though without")])
def test_an_encoding_that_was_guessed_is_said(tmp_path, encoding, said):
    assert said in remarks_of(read_table(write(tmp_path, TEXT.encode(encoding))))[0]


def test_a_blank_line_in_a_table_of_one_column_is_a_row(tmp_path):
    assert read_table(write(tmp_path, "\nx\n1\n\n3\n"))["x"].to_pylist() == [1, None, 3]


cells = st.one_of(
    st.none(),
    st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=8).map(
        "t".__add__
    ),
)
numbers = st.one_of(st.none(), st.floats(-1e9, 1e9).map(lambda v: round(v, 3)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(cells, numbers, st.integers(-(2**62), 2**62)), min_size=3, max_size=12),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    comma=st.booleans(),
    compressed=st.booleans(),
)
def test_a_table_written_in_any_dialect_reads_back_the_same(tmp_path, rows, delimiter, line_end, encoding, comma, compressed):
    names, values, counts = map(list, zip(*rows, strict=True))
    values[0] = 0.5  # a cell that shows the decimal mark
    names[0] = "tx"

    def written(cell, decimals=False):
        text = "" if cell is None else f"{cell:.4f}" if decimals else str(cell)
        text = text.replace(".", ",") if comma and decimals else text
        return '"' + text.replace('"', '""') + '"' if set(text) & set(delimiter + '",;|') else text

    lines = [["name", "value", "count"]]
    lines += [[written(a), written(b, True), written(c)] for a, b, c in zip(names, values, counts, strict=True)]
    content = "".join(delimiter.join(line) + line_end for line in lines).encode(encoding)
    path = write(tmp_path, gzip.compress(content) if compressed else content, "a.csv.gz" if compressed else "a.csv")
    read = read_table(path)
    assert read.to_pydict() == {"name": names, "value": values, "count": counts}


# Numbers as people write them ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "values", "remark"),
    [
        (["3,14", "2,5", "7"], [3.14, 2.5, 7], "'3,14' is read as 3.14"),
        (["8.506,49", "1.000,00"], [8506.49, 1000], "'8.506,49' is read as 8506.49"),
        (["1,234,567", "-12,345.5"], [1234567, -12345.5], "'1,234,567' is read as 1234567"),
        (["1,234", "5,678"], [1234, 5678], "could also be 1.234: no cell of the column decides"),
        (["1,234", "0,567"], [1.234, 0.567], "'1,234' is read as 1.234"),
        (["$1,234.50", "-$3", "$-4"], [1234.5, -3, -4], "'$1,234.50' is read as 1234.5"),
        (["12 %", "7.5 %"], [12, 7.5], "'12 %' is read as 12"),
        (["1.234,50 €", "3 €"], [1234.5, 3], "'1.234,50 €' is read as 1234.5"),
        (["\u22123,5", "2,0"], [-3.5, 2], "is read as -3.5"),
        (["1 234 567", "1'000"], [1234567, 1000], "'1 234 567' is read as 1234567"),
    ],
)
def test_numbers_are_read_as_the_whole_column_writes_them_and_that_is_said(tmp_path, cells, values, remark):
    path = write(tmp_path, csv_text({"x": [f'"{cell}"' for cell in cells]}))
    assert read_table(path)["x"].to_pylist() == values
    assert remark in api.look(path).features[0].note


@pytest.mark.parametrize("cells", [["12%", "3"], ["$1", "€2"], ["1,23,4", "2"], ["-$-5", "$1"], ["1.2.3", "4.5.6"]])
def test_what_the_whole_column_does_not_share_stays_text(tmp_path, cells):
    assert read_table(write(tmp_path, csv_text({"x": [f'"{cell}"' for cell in cells]})))["x"].to_pylist() == cells


def test_a_point_sets_thousands_apart_where_the_rest_of_the_file_has_decimal_commas(tmp_path):
    read = read_table(write(tmp_path, "a;b\n1.234;0,5\n5.678;1,5\n"))
    assert read.to_pydict() == {"a": [1234, 5678], "b": [0.5, 1.5]}


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([f"{i % 9:05d}" for i in range(N)], "category"),
        ([f"{i:05d}" for i in range(N)], "identifier"),
        (["9" * 24 + str(i % 5) for i in range(N)], "category"),
        ([2**60 + i % 5 for i in range(N)], "category"),
        ([2**53 + 1 + 7 * i * i for i in range(N)], "identifier"),
        ([2**24 + 3 * i * i for i in range(N)], "numeric"),
        (["yes", "no"] * 30, "boolean"),
        (["TRUE", "false"] * 30, "boolean"),
    ],
    ids=["zip codes", "padded numbers", "25 digits", "repeated keys", "keys beyond 2^53", "numbers beyond 2^24", "yes and no", "truth"],
)
def test_labels_that_look_like_numbers_stay_apart(tmp_path, cells, kind):
    content = table(k=cells)
    kinds, _ = seen(tmp_path, content)
    assert kinds["k"][0] == kind
    assert len(set(map(str, read_table(tmp_path / "a.csv")["k"].to_pylist()))) == len(set(cells))


def test_ids_beyond_two_to_the_24_stay_different_for_models(tmp_path):
    path = write(tmp_path, table(k=[2**24 + i % 7 for i in range(N)]))
    dataset = api.plan_fit(path, "y", model="linear").dataset
    assert len(np.unique(dataset.inputs.x[:, 2])) == 7


@pytest.mark.parametrize("odd", ["inf", "-inf", "1e308", "-1e308", "5e-324", "nan", "1e400"])
def test_extreme_numbers_leave_the_answers_finite(tmp_path, odd):
    path = write(tmp_path, table(k=[odd, *Z[1:]]))
    model = api.fit(path, "y", members=8, model="linear")
    assert np.isfinite(model.predict(path)).all()
    assert np.isfinite(list(model.metrics.values())).all()


def test_infinite_cells_are_counted(tmp_path):
    kinds, _ = seen(tmp_path, table(k=["inf", "-inf", *Z[2:]]))
    assert kinds["k"][1] == "2 infinite cells are moved to the bound"


# Dates -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "order", "second"),
    [
        (["01/02/2024", "13/02/2024"], "day before month", "2024-02-13"),
        (["01/02/2024", "02/13/2024 3:04 PM"], "month before day", "2024-02-13T15:04"),
        (["01/02/2024", "03/04/2024"], "day before month, though every cell could be month before day too", "2024-04-03"),
        (["1.2.2024", "3.4.2024 10:00:05"], "day before month", "2024-04-03T10:00:05"),
    ],
)
def test_the_order_of_day_and_month_is_decided_by_the_rows_and_said(cells, order, second):
    column = pa.chunked_array([cells])
    assert find_kind(column, "when") == ("datetime", f"dates written as text: {order}")
    assert to_seconds(column, "when")[1] == datetime.fromisoformat(second).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize("cells", [["31/02/2024", "01/02/2024"], ["2024-02-30"], ["1/2/3"], ["12/1/2024 13:00 PM"]])
def test_days_that_do_not_exist_are_no_dates(cells):
    assert find_kind(pa.chunked_array([cells * 2]), "when").kind != "datetime"


@pytest.mark.parametrize("cells", [["31/02/2024", "01/02/2024"], ["2024-01-05T10:00:00Z", "2024-01-05T10:00:00"], ["1/2/24", "3/4/24"]])
def test_dates_that_share_no_format_are_labels_and_that_is_said(cells):
    assert find_kind(pa.chunked_array([cells * 2]), "when") == ("category", "look like dates, but share no format: read as labels")


def test_a_moment_is_the_same_on_both_sides_of_a_change_of_clocks(tmp_path):
    path = write(tmp_path, "when,y\n2024-10-27T02:30:00+02:00,1\n2024-10-27T02:30:00+01:00,2\n")
    first, second = to_seconds(read_table(path)["when"], "when")
    assert second - first == 3600


# Types that other programs write ---------------------------------------------------------------------------------


def test_every_type_that_parquet_holds_is_used_or_set_aside(tmp_path):
    columns = {
        "half": pa.array(Z.astype(np.float16)),
        "decimal": pa.array([10**30 + i * i for i in range(N)], pa.decimal256(60, 2)),
        "unsigned": pa.array([2**64 - 1 - i % 9 for i in range(N)], pa.uint64()),
        "duration": pa.array([i * i for i in range(N)], pa.duration("s")),
        "clock": pa.array(range(N), pa.time32("s")),
        "zoned": pa.array(range(N), pa.timestamp("ns", "Europe/Rome")),
        "bytes": pa.array([b"ab"] * N, pa.binary(2)),
        "codes": pa.array([b"a", b"b"] * 30).dictionary_encode(),
        "list": pa.array([[1, 2]] * N),
        "map": pa.array([[("a", 1)]] * N, pa.map_(pa.string(), pa.int64())),
        "empty": pa.nulls(N),
    }
    parquet.write_table(pa.table({"x": X, "y": Y} | columns), tmp_path / "a.parquet")
    look = api.look(tmp_path / "a.parquet", "y")
    kinds = {feature.name: feature.kind for feature in look.features}
    assert {name for name, kind in kinds.items() if kind == "unsupported"} == {"bytes", "codes", "map"}
    assert kinds["list"] == "series"
    assert (kinds["half"], kinds["unsigned"], kinds["duration"], kinds["empty"]) == ("numeric", "category", "datetime", "constant")


def test_a_type_without_a_reader_is_set_aside():
    column = pa.chunked_array([pa.array([pa.MonthDayNano([1, 2, 3])] * 3)])
    assert find_kind(column, "x") == ("unsupported", "holds month_day_nano_interval values")


# At predict time -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A saved run on numbers with thousands separators, a category, a flag and dates."""
    folder = tmp_path_factory.mktemp("shop")
    random = np.random.default_rng(6)
    price = random.integers(1000, 9000, 90)
    city = random.choice(["Bern", "Rom", "Oslo"], 90)
    day = np.datetime64("2024-01-01") + random.integers(0, 90, 90)
    columns = {"price": [f'"{p:,}.50"' for p in price], "city": city, "day": day, "n": random.normal(size=90), "y": price / 100}
    path = write(folder, csv_text(columns), "shop.csv")
    api.fit(path, "y", members=8, model="linear", save=folder / "run")
    return folder


def test_columns_may_be_reordered_and_more(shop, tmp_path):
    model = api.load(shop / "run")
    read = read_table(shop / "shop.csv")
    moved = read.select(["n", "day", "y", "city", "price"]).append_column("more", pa.array(["?"] * 90))
    np.testing.assert_array_equal(model.predict(moved), model.predict(read))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: {k: v for k, v in row.items() if k != "city"}, "but 1 is not in the data (first: 'city')"),
        (
            lambda row: row | {"n": "many"},
            "Column 'n' must be numbers with decimal point, but 1 of 1 rows hold something else (first: row 1, 'many')",
        ),
        (
            lambda row: row | {"n": "2024-01-05"},
            "Column 'n' must be numbers with decimal point, but 1 of 1 rows hold something else (first: row 1, '2024",
        ),
        (lambda row: row | {"day": "7"}, "Column 'day' must be dates, but 1 of 1 rows hold something else (first: row 1, '7')"),
        (lambda row: row | {"price": '"8.506,49"'}, "Column 'price' must be numbers with decimal point"),
    ],
    ids=["missing", "text", "dates for numbers", "numbers for dates", "another notation"],
)
def test_rows_of_another_kind_are_refused_with_column_and_row(shop, tmp_path, change, said):
    row = {"price": '"1,234.50"', "city": "Rom", "day": "2024-01-05", "n": "0.5"}
    result = run("predict", shop / "run", write(tmp_path, csv_text({name: [value] for name, value in change(row).items()})))
    assert (result.exit_code, result.stderr.count("\n")) == (3, 1)
    assert said in result.stderr


def test_numbers_are_read_as_they_were_written_in_training(shop, tmp_path):
    """On its own, 1,234 could be 1.234; the training rows have decided."""
    rows = "price,city,day,n\n{},Rom,2024-01-05,0.5\n"
    model = api.load(shop / "run")
    written = model.predict(write(tmp_path, rows.format('"1,234"')))
    plain = model.predict(write(tmp_path, rows.format("1234")))
    np.testing.assert_array_equal(written, plain)


def test_words_for_missing_mean_the_same_at_predict_time(tmp_path):
    path = write(tmp_path, table(k=[-99, *Z[1:]]))
    api.fit(path, "y", members=8, model="linear", missing=["-99"], save=tmp_path / "run")
    model = api.load(tmp_path / "run")
    marked = model.predict(write(tmp_path, "x,z,k\n1,1,-99\n2,1,1\n"))
    empty = model.predict(write(tmp_path, "x,z,k\n1,1,\n2,1,1\n"))
    np.testing.assert_array_equal(marked, empty)


def test_predict_counts_the_rows_that_training_had_not_seen_the_like_of(shop, tmp_path):
    path = write(tmp_path, "price,city,day,n\n1000.5,Rom,2024-01-05,1\n2000.5,Wien,2024-01-06,\n3000.5,Ulm,2024-01-06,2\n")
    result = run("predict", shop / "run", path)
    assert result.exit_code == 0
    assert "'city': 2 of 3 rows hold a level that training had not seen (first: row 2, 'Wien')" in result.stderr
    assert "'n': 1 of 3 rows have no value, which no training row lacked" in result.stderr


def test_predict_says_nothing_of_familiar_rows(shop):
    assert api.load(shop / "run").notes(shop / "shop.csv") == []


# Weights, classes and collinear features -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        ([0] * N, "must not all be zero"),
        ([-1] + [1] * (N - 1), "must be at least zero, but 'w' is -1.0 in row 1"),
        ([1, ""] + [1] * (N - 2), "is nan in row 2"),
        (["inf"] + [1] * (N - 1), "is inf in row 1"),
        ([float(c == "ill") for c in CLASSES], "all rows of 'well' have weight zero"),
    ],
)
def test_weights_that_are_none_are_refused(tmp_path, weight, said):
    result = run("fit", write(tmp_path, table(y=CLASSES, w=weight)), "--target", "y", "--sample-weight", "w", *QUICK)
    assert (result.exit_code, result.stderr.count("\n")) == (3, 1)
    assert said in result.stderr


def test_rows_without_weight_are_counted(tmp_path):
    _, look = seen(tmp_path, table(w=[0] * 5 + [1] * (N - 5)), sample_weight="w")
    assert "5 of 60 rows have weight zero: nothing is learned from them" in look.remarks


def test_equal_features_share_their_weight(tmp_path):
    model = api.fit(write(tmp_path, table(copy=X, sum=X + Z)), "y", members=8, model="linear")
    w = np.asarray(model.ensemble.populations[0].params["output"]["w"])
    names = model.ensemble.encoding.inputs
    np.testing.assert_allclose(w[:, names.index("x")], w[:, names.index("copy")], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("penalty", ["none", "l2", "l1"])
def test_separable_classes_have_finite_weights(tmp_path, penalty):
    path = write(tmp_path, table(y=["a" if v > 0 else "b" for v in X]))
    model = api.fit(path, "y", members=8, model="linear", penalty=penalty, strength=0.0 if penalty == "none" else 1e-6)
    assert np.abs(np.asarray(model.ensemble.populations[0].params["output"]["w"])).max() < 1e6
    assert np.isfinite(model.predict_proba(path)).all()


def test_one_in_ten_thousand_is_learned_from_and_said(tmp_path):
    random = np.random.default_rng(8)
    rows = {"x": random.normal(size=10_000), "y": np.where(np.arange(10_000) == 77, "rare", "usual")}
    model = api.fit(rows, "y", members=8, model="linear", strength=0.01)
    assert any("'rare' (1)" in remark for remark in model.report.remarks)
    assert np.isfinite(model.metrics["log_loss"])


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_fewer_rows_than_features_have_a_solution(task):
    random = np.random.default_rng(9)
    x = random.normal(size=(20, 300))
    y = {"regression": x[:, 0], "binary": np.arange(20) % 2, "multiclass": np.arange(20) % 3}[task]
    model = api.fit(x, y, members=8, model="linear")
    assert np.isfinite(np.asarray(model.ensemble.populations[0].params["output"]["w"])).all()
    assert len(model.predict(x)) == 20


# Size ------------------------------------------------------------------------------------------------------------


def test_twenty_rows_of_ten_thousand_columns_are_planned_within_a_budget(tmp_path, monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "2GB")
    random = np.random.default_rng(10)
    names = [f"x{j}" for j in range(2000)]
    rows = random.normal(size=(20, 2000)).round(3)
    path = write(tmp_path, ",".join([*names, "y"]) + "\n" + "".join(",".join(map(str, [*row, row[0]])) + "\n" for row in rows))
    assert api.fit(path, "y", members=8, model="linear").report.n_features == 2000


def test_text_larger_than_the_budget_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "1MB")
    path = write(tmp_path, "x,y\n" + "0.5,1\n" * 200_000)
    with pytest.raises(DataError, match=r"about 200,\d+ rows x 2 columns\) needs about .* MB of memory, but 1\.0 MB may be used"):
        read_table(path)


def test_compressed_text_larger_than_the_budget_is_refused_while_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "1MB")
    path = write(tmp_path, gzip.compress(b"x,y\n" + b"0.5,1\n" * 200_000), "a.csv.gz")
    with pytest.raises(DataError, match=r"needs about .* MB of memory, but 1\.0 MB may be used"):
        read_table(path)


def test_a_parquet_footer_that_claims_more_than_the_budget_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "8MB")
    parquet.write_table(pa.table({"x": np.zeros(1_000_000), "y": np.zeros(1_000_000)}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 20_000
    with pytest.raises(DataError, match=r"\(1,000,000 rows x 2 columns\) needs about 24\.0 MB"):
        read_table(tmp_path / "a.parquet")


def test_long_text_that_parquet_stores_once_is_refused_before_it_is_spelled_out(tmp_path, monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "50MB")
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), pa.array(["a" * 100_000]))
    parquet.write_table(pa.table({"s": long, "y": np.arange(1000)}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"Column 's' .*needs about 100\.0 MB"):
        read_table(tmp_path / "a.parquet")


def test_a_matrix_larger_than_the_budget_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "1MB")
    rows = {"c": [f"c{i % 60}" for i in range(6000)], "y": np.arange(6000)}
    with pytest.raises(DataError, match=r"A matrix of 6,000 rows x 60 inputs needs about 1\.4 MB"):
        api.plan_fit(rows, "y")


@pytest.mark.parametrize("size", ["lots", "0GB", "-1GB"])
def test_a_budget_that_is_no_size_is_refused(tmp_path, monkeypatch, size):
    monkeypatch.setenv("WEIGHTS_MEMORY", size)
    result = run("data", write(tmp_path, "x\n1\n"))
    assert result.exit_code == 2
    assert "WEIGHTS_MEMORY must be a size such as 500MB or 4GB" in result.stderr


@pytest.mark.parametrize(("name", "line"), [("a.csv.gz", b"1,2\n"), ("a.jsonl.gz", b'{"x": 1, "y": 2}\n')])
def test_a_gzip_bomb_is_refused(tmp_path, name, line):
    content = gzip.compress((b"x,y\n" if "csv" in name else b"") + line * (80_000_000 // len(line)))
    with pytest.raises(DataError, match=r"grows more than 200 times when decompressed \(6\d\.\d MB so far\)"):
        read_table(write(tmp_path, content, name))


@pytest.mark.parametrize("header", [",".join(f"x{j}" for j in range(200_000)), "x," * 1_000_000], ids=["200,000", "1,000,000"])
def test_a_header_of_very_many_columns_is_refused(tmp_path, header):
    with pytest.raises(DataError, match=r"columns in its first row, and at most 100,000 are read\. Are rows and columns swapped\?"):
        read_table(write(tmp_path, f"{header}\n1\n"))


def test_a_long_cell_is_read_and_one_beyond_16_mb_is_refused(tmp_path):
    assert len(read_table(write(tmp_path, 'x,y\n1,2\n"' + "a" * 3_000_000 + '",3\n'))["x"][1].as_py()) == 3_000_000
    with pytest.raises(DataError, match=r"has a row of more than 16 MB behind row 1: is a quote opened there and never closed\?"):
        read_table(write(tmp_path, 'x,y\n1,2\n"' + "a" * 36_000_000 + '",3\n'))


def test_a_million_categories_keep_their_most_frequent(monkeypatch):
    labels = pa.array(np.arange(200_000) % 100_000).cast(pa.string())
    rows = pa.table({"c": labels, "y": np.arange(200_000) % 2})
    dataset = api.plan_fit(rows, "y", kinds={"c": "category"}, model="linear").dataset
    assert dataset.inputs.x.shape == (200_000, 65)


# JSON lines ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"x": 1}\n{"x": ' + "[" * 10_000 + "]" * 10_000 + "}\n", "is nested more than 100 deep in line 2"),
        ('{"x": ' + '{"x": ' * 10_000 + "1" + "}" * 10_000 + "}\n", "is nested more than 100 deep in line 1"),
        ('{"]": ' * 10_000 + "1" + "}" * 10_000, "is nested more than 100 deep in line 1"),
        ('{"\\"]": ' * 10_000 + "1" + "}" * 10_000, "is nested more than 100 deep in line 1"),
        ('{"x": 1}\n{"x": "a"}\n', "Column 'x' of '.*' must hold one type, but changes from number to string in row 2"),
        ('{"x": 1, "x": 2}\n', "specified twice"),
        ("[1, 2]\n", "could not be read as jsonl"),
        ('{"x": 1e999}\n', "too big"),
    ],
)
def test_json_lines_that_are_no_table_are_refused(tmp_path, content, said):
    with pytest.raises(DataError, match=said):
        read_table(write(tmp_path, content, "a.jsonl"))


def test_brackets_in_text_are_no_nesting(tmp_path):
    rows = [{"x": "[" * 500, "y": 1}, {"x": '\\"{' * 300, "y": 2}]
    path = write(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "a.jsonl")
    assert read_table(path).to_pylist() == rows


def test_a_key_for_every_row_is_refused_before_it_fills_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "100MB")
    with pytest.raises(DataError, match=r"rows x .* keys\) needs about"):
        read_table(write(tmp_path, "".join(f'{{"k{i}": 1}}\n' for i in range(5000)), "a.jsonl"))


def test_json_lines_may_be_latin(tmp_path):
    assert read_table(write(tmp_path, '{"x": "Zürich"}\n'.encode("cp1252"), "a.jsonl"))["x"].to_pylist() == ["Zürich"]


# Targets and names


SCORES = np.digitize(Y, np.linspace(-1.5, 1.5, 6)).astype(float)


@pytest.mark.parametrize(
    ("target", "task", "said"),
    [
        (SCORES, "regression", "written with decimals are read as quantities; --task multiclass if they are classes"),
        (SCORES.astype(int), "regression", "because rows show them in an order; --task multiclass if they are classes"),
        (np.arange(N) % 5, "multiclass", "5 whole numbers counted up are read as classes; --task regression if they are quantities"),
        (np.where(Y > 0, 1.5, 0.5), "binary", "two numbers are read as classes; --task regression if they are quantities"),
    ],
    ids=["decimals", "whole", "codes", "two"],
)
def test_a_target_of_numbers_is_read_by_what_rows_show_and_said(target, task, said):
    look = api.look({"x": X, "z": Z, "y": target}, "y")
    assert look.task.kind == task
    assert any(said in remark for remark in look.remarks)


@pytest.mark.parametrize("word", ["None", "NA", "nan"])
def test_a_class_that_means_no_value_is_left_out_and_named(tmp_path, word):
    labels = np.array(["mild", "bad", word])[np.arange(N) % 3]
    _, look = seen(tmp_path, table(y=labels))
    assert f"'y': 20 cells hold '{word}', which means no value: if it is a class, say --keep {word}" in " ".join(look.remarks)
    kept = api.look(tmp_path / "a.csv", "y", keep=word)
    assert [level.n_rows for level in kept.columns[0].levels] == [20, 20, 20]
    assert not kept.columns[0].suspicious
    assert word in kept.task.classes


def test_a_word_that_is_kept_is_no_class_among_numbers_which_is_said(tmp_path):
    path = write(tmp_path, table(y=np.array(["1", "2", "None"])[np.arange(N) % 3]))
    look = api.look(path, "y", keep="None")
    assert look.task.classes == [1, 2]
    assert "20 cells hold 'None', which means no value: if it is a class, say --kind y=category" in " ".join(look.remarks)
    assert api.look(path, "y", keep="None", kinds={"y": "category"}).task.classes == ["1", "2", "None"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": "none"}, "can be kept, NA, .* or all, but 'none' came, which is kept as it is"),
        ({"keep": ["NA"], "missing": ["NA"]}, "'NA' was said to be kept and to mean no value"),
    ],
)
def test_words_that_cannot_be_kept_are_refused(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        api.look(write(tmp_path, table()), "y", **options)


def test_a_score_written_with_decimals_is_a_quantity_wherever_it_comes_from(tmp_path):
    """0.0 to 10.0, all numbers between: whole to a text file, and decimals in a frame."""
    frame = pd.DataFrame({"x": X, "z": Z, "y": np.clip(np.round(5 + 3 * Y), 0, 10)})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    models = [
        api.fit(source, "y", model="linear", members=8, inspect=False) for source in (tmp_path / "a.csv", tmp_path / "a.parquet", frame)
    ]
    assert {model.ensemble.task.kind for model in models} == {"regression"}
    assert len({model.metrics["rmse"] for model in models}) == 1


@pytest.mark.parametrize(
    "labels", [[0, 1, 2], [("a", 1), ("a", 2), ("b", 1)], [0.5, datetime(2026, 1, 5), "y"]], ids=["whole", "tuples", "mixed"]
)
def test_labels_of_columns_need_not_be_text(labels):
    look = api.look(dict(zip(labels, (X, Z, Y), strict=True)), labels[2], drop=[labels[1]])
    assert [feature.name for feature in look.features] == [str(labels[0])]
    with pytest.raises(NotFoundError, match="has no column '99' to use as target"):
        api.look(dict(zip(labels, (X, Z, Y), strict=True)), 99)


@pytest.mark.parametrize("role", ["sample_weight", "group", "time"])
def test_values_in_place_of_a_column_are_used_if_there_is_one_a_row(role):
    columns = {"x": X, "z": Z, "y": Y}
    assert api.look(columns, "y", **{role: np.arange(N) // 2 + 1}).n_samples == N
    with pytest.raises(DataError, match=f"'{role}' must have one value a row, but there are 3 values and {N} rows"):
        api.look(columns, "y", **{role: [1, 2, 3]})
