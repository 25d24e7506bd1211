"""Reading tables: every way in gives the same table, and every way a source can be wrong has its own message."""

import gzip
import os
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from weights.data.table.read import describe_source, read_table
from weights.errors import DataError, NotFoundError, UsageError

PEOPLE = {"age": [31, 47], "city": ["Zürich", "Łódź"]}
LATE_ROWS = 300_000
"""More rows of four bytes than fit the first block (1 MB) from which Arrow guesses types."""


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def compressed(text):
    return gzip.compress(text.encode())


# --- text files ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("comma.csv", "age,city\n31,Zürich\n47,Łódź\n"),
        ("semicolon.csv", "age;city\n31;Zürich\n47;Łódź\n"),
        ("pipe.txt", "age|city\n31|Zürich\n47|Łódź\n"),
        ("tab.tsv", "age\tcity\n31\tZürich\n47\tŁódź\n"),
        ("upper.CSV", "age,city\n31,Zürich\n47,Łódź\n"),
        ("windows_line_ends.csv", "age,city\r\n31,Zürich\r\n47,Łódź\r\n"),
        ("no_last_line_end.csv", "age,city\n31,Zürich\n47,Łódź"),
        ("byte_order_mark.csv", "\ufeffage,city\n31,Zürich\n47,Łódź\n"),
        ("utf16_little_end.csv", "age,city\n31,Zürich\n47,Łódź\n".encode("utf-16")),
        ("utf16_big_end.csv", b"\xfe\xff" + "age,city\n31,Zürich\n47,Łódź\n".encode("utf-16-be")),
        ("gzip.csv.gz", compressed("age,city\n31,Zürich\n47,Łódź\n")),
        ("gzip.tsv.gz", compressed("age\tcity\n31\tZürich\n47\tŁódź\n")),
        ("upper.CSV.GZ", compressed("age,city\n31,Zürich\n47,Łódź\n")),
        ("lines.jsonl", '{"age": 31, "city": "Zürich"}\n{"age": 47, "city": "Łódź"}\n'),
        ("lines.ndjson", '{"age": 31, "city": "Zürich"}\n{"age": 47, "city": "Łódź"}\n'),
        ("lines.jsonl.gz", compressed('{"age": 31, "city": "Zürich"}\n{"age": 47, "city": "Łódź"}\n')),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value[:30] else "",
)
def test_the_same_table_comes_from_every_text_format(tmp_path, name, content):
    assert read_table(write(tmp_path, name, content)).to_pydict() == PEOPLE


def test_a_parquet_file_gives_back_what_was_written(tmp_path):
    parquet.write_table(pa.table(PEOPLE), tmp_path / "people.parquet")
    assert read_table(tmp_path / "people.parquet").to_pydict() == PEOPLE


def test_a_path_may_be_text(tmp_path):
    assert read_table(str(write(tmp_path, "a.csv", "a\n1\n"))).to_pydict() == {"a": [1]}


def test_windows_1252_text_is_read_when_it_is_not_utf8(tmp_path):
    path = write(tmp_path, "a.csv", "city,price\nZürich,€\nBern,-\n".encode("cp1252"))
    assert read_table(path).to_pydict() == {"city": ["Zürich", "Bern"], "price": ["€", "-"]}


def test_windows_1252_text_is_read_when_the_first_accent_comes_late(tmp_path):
    path = write(tmp_path, "a.csv", ("n,city\n" + "1,Bern\n" * 20_000 + "2,Zürich\n").encode("cp1252"))
    assert read_table(path)["city"][-1].as_py() == "Zürich"


def test_a_header_wider_than_the_sample_is_read_as_utf8(tmp_path):
    path = write(tmp_path, "a.csv", ",".join(f"größe_{j}" for j in range(8000)) + "\n" + ",".join("1" * 8000) + "\n")
    assert read_table(path).column_names[-1] == "größe_7999"


def test_a_decimal_comma_is_found(tmp_path):
    path = write(tmp_path, "a.csv", "x;y\n1,5;a\n-0,25;b\n3;c\n")
    assert read_table(path).to_pydict() == {"x": [1.5, -0.25, 3.0], "y": ["a", "b", "c"]}


def test_a_decimal_comma_is_found_in_tab_separated_text(tmp_path):
    assert read_table(write(tmp_path, "a.tsv", "x\ty\n1,5\t1\n2,5\t2\n")).to_pydict() == {"x": [1.5, 2.5], "y": [1, 2]}


def test_a_decimal_comma_in_every_column_does_not_hide_the_semicolon(tmp_path):
    path = write(tmp_path, "a.csv", "x;y\n" + "1,5;2,5\n" * 40)
    assert read_table(path).to_pydict() == {"x": [1.5] * 40, "y": [2.5] * 40}


def test_a_comma_in_every_text_does_not_hide_the_semicolon(tmp_path):
    path = write(tmp_path, "a.csv", "name;n\n" + "Curie, Marie;2\n" * 40)
    assert read_table(path).to_pydict() == {"name": ["Curie, Marie"] * 40, "n": [2] * 40}


def test_a_decimal_point_stays_one_in_semicolon_separated_text(tmp_path):
    assert read_table(write(tmp_path, "a.csv", "x;y\n1.5;a\n2.5;b\n"))["x"].to_pylist() == [1.5, 2.5]


def test_quoted_cells_may_hold_delimiters_and_line_ends(tmp_path):
    path = write(tmp_path, "a.csv", 'note,n\n"cold,\nwet",1\n"dry",2\n')
    assert read_table(path).to_pydict() == {"note": ["cold,\nwet", "dry"], "n": [1, 2]}


def test_a_single_column_needs_no_delimiter(tmp_path):
    assert read_table(write(tmp_path, "a.csv", "n\n1\n2\n")).to_pydict() == {"n": [1, 2]}


def test_a_late_text_cell_turns_its_column_into_text_and_leaves_the_others(tmp_path):
    table = read_table(write(tmp_path, "a.csv", "a,b\n" + "1,2\n" * LATE_ROWS + "x,3\n"))
    assert (table["a"][0].as_py(), table["a"][-1].as_py()) == ("1", "x")
    assert table["b"].type == pa.int64()


def test_a_late_decimal_turns_its_column_into_decimals(tmp_path):
    table = read_table(write(tmp_path, "a.csv", "a,b\n" + "1,2\n" * LATE_ROWS + "0.5,3\n"))
    assert (table["a"][0].as_py(), table["a"][-1].as_py()) == (1.0, 0.5)


def test_a_late_decimal_comma_is_a_decimal_too(tmp_path):
    table = read_table(write(tmp_path, "a.csv", "a;b\n0,5;2\n" + "1;2\n" * LATE_ROWS + "1,5;3\n"))
    assert table["a"][-1].as_py() == 1.5


# --- missing words ------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "?"])
def test_usual_words_for_missing_become_nulls_in_text_files(tmp_path, word):
    path = write(tmp_path, "a.csv", f"n,city\n1,Bern\n{word},{word}\n")
    assert read_table(path).to_pydict() == {"n": [1, None], "city": ["Bern", None]}


def test_further_words_for_missing_become_nulls_in_text_files(tmp_path):
    path = write(tmp_path, "a.csv", "n,city\n1,Bern\n-99,unknown\n3,?\n")
    assert read_table(path, missing=["-99", "unknown"]).to_pydict() == {"n": [1, None, 3], "city": ["Bern", None, None]}


@pytest.mark.parametrize(
    "source",
    [
        {"city": ["Bern", "unknown"]},
        pd.DataFrame({"city": ["Bern", "unknown"]}),
        pl.DataFrame({"city": ["Bern", "unknown"]}),
        pd.DataFrame({"city": pd.Categorical(["Bern", "unknown"])}),
    ],
    ids=["mapping", "pandas", "polars", "pandas categorical"],
)
def test_further_words_for_missing_become_nulls_in_memory(source):
    assert read_table(source, missing=["unknown"])["city"].to_pylist() == ["Bern", None]


def test_further_words_for_missing_become_nulls_in_parquet(tmp_path):
    parquet.write_table(pa.table({"city": ["Bern", "unknown"]}), tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet", missing=["unknown"])["city"].to_pylist() == ["Bern", None]


# --- tables in memory ---------------------------------------------------------------------------


def test_pandas_and_polars_frames_give_equal_tables():
    days = np.array(["2024-01-01", "2024-02-29"], "datetime64[us]")
    columns = {"real": [1.5, None], "whole": [1, 2], "text": ["a", None], "flag": [True, False], "day": days}
    assert read_table(pd.DataFrame(columns)).equals(read_table(pl.DataFrame(columns)))


def test_a_frame_and_a_mapping_give_equal_values():
    columns = {"real": [1.5, None], "whole": [1, 2], "text": ["a", None]}
    assert read_table(pl.DataFrame(columns)).to_pydict() == read_table(columns).to_pydict() == columns


def test_an_arrow_table_passes_unchanged():
    table = pa.table({"a": [1, 2]})
    assert read_table(table) is table


def test_nan_in_a_mapping_is_missing():
    assert read_table({"a": np.array([1.0, np.nan]), "b": [2.0, float("nan")]}).to_pydict() == {"a": [1.0, None], "b": [2.0, None]}


@pytest.mark.parametrize("frame", [pd.DataFrame, dict], ids=["pandas", "mapping"])
def test_numbers_mixed_with_text_become_text(frame):
    assert read_table(frame({"a": [1, "x", None, 2.5]}))["a"].to_pylist() == ["1", "x", None, "2.5"]


def test_the_columns_of_an_array_are_numbered():
    assert read_table(np.array([[1.0, 2.0], [3.0, np.nan]])).to_pydict() == {"x0": [1.0, 3.0], "x1": [2.0, None]}


def test_column_names_become_text():
    assert read_table(pd.DataFrame([[1, 2]])).column_names == ["0", "1"]


def test_the_index_of_a_pandas_frame_is_no_column():
    assert read_table(pd.DataFrame({"a": [1, 2]}, index=["x", "y"])).column_names == ["a"]


def test_a_bundled_example_is_read_by_name():
    assert read_table("iris").num_rows == 150


# --- what cannot be read ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", r"'.*a\.csv' is empty \(0 bytes\): a table with a header and at least one row was needed\. Check"),
        ("a.parquet", b"", r"'.*a\.parquet' is empty \(0 bytes\)"),
        (
            "a.csv.gz",
            gzip.compress(b""),
            r"'.*a\.csv\.gz' holds no text but blank lines: a header and at least one row were",
        ),
        ("a.csv", b"\n", r"holds no text but blank lines"),
        ("a.csv", b"a,b\n", r"At least one row of data was needed, but a\.csv has 0 rows and 2 columns\."),
        ("a.csv", b"a,b\n1,2\n3\n", r"must have 2 cells, as its header has, but row 2 has 1: '3'\. Quote cells"),
        ("a.csv", b"a,b\n1,2\n3,\x004\n", r"holds a NUL byte in line 3: text was needed\. Remove it"),
        ("a.csv.gz", b"a,b\n1,2\n", r"could not be read as csv: Not a gzipped file"),
        ("a.parquet", b"a,b\n1,2\n", r"could not be read as parquet: .*Parquet magic bytes not found"),
        ("a.jsonl", b'{"a": 1}\n{"a":', r"could not be read as jsonl: JSON parse error"),
        (
            "a.jsonl",
            b'{"a": 1}\n{"a": "x"}\n',
            r"Column 'a' of '.*' must hold one type, but changes from number to string in row 2\.",
        ),
        ("a.csv", b"a,b,a\n1,2,3\n", r"Column names must differ, but 'a' stands 2 times in a\.csv\. Rename one\."),
    ],
    ids=[
        "empty",
        "empty Parquet",
        "empty gzip",
        "empty line",
        "header only",
        "short row",
        "NUL byte",
        "not gzip",
        "not Parquet",
        "cut JSON",
        "two types in JSON",
        "repeated name",
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message):
        read_table(write(tmp_path, name, content))


def test_a_truncated_parquet_file_is_refused(tmp_path):
    parquet.write_table(pa.table({"a": list(range(1000))}), tmp_path / "whole.parquet")
    path = write(tmp_path, "cut.parquet", (tmp_path / "whole.parquet").read_bytes()[:900])
    with pytest.raises(DataError, match=r"could not be read as parquet: .*Check that the file is complete and of that format\.$"):
        read_table(path)


@pytest.mark.parametrize("n_rows", [10, 200_000], ids=["within the sample", "beyond the sample"])
def test_a_truncated_gzip_file_is_refused(tmp_path, n_rows):
    whole = compressed("a,b\n" + "".join(f"{i},{i * 7919 % 10007}\n" for i in range(n_rows)))
    with pytest.raises(DataError, match=r"could not be read as csv: .*Check that the file is complete"):
        read_table(write(tmp_path, "a.csv.gz", whole[: len(whole) // 2]))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=rf"'{re.escape(str(tmp_path))}' is a folder\. Name the file inside it"):
        read_table(tmp_path)


@pytest.mark.parametrize(("name", "ending"), [("a.xls", ".xls"), ("a", "nothing"), ("a.gz", "nothing")])
def test_an_unknown_ending_is_refused_with_the_known_ones(tmp_path, name, ending):
    path = write(tmp_path, name, "a\n1\n")
    known = r"\.csv, \.dat, \.data, \.db, .*\.xlsx"
    with pytest.raises(UsageError, match=rf"ends in '{ending}', and the formats read are {known}\. Convert the file"):
        read_table(path)


def test_a_missing_file_comes_with_a_suggestion(tmp_path):
    near = write(tmp_path, "patients.csv", "a\n1\n")
    with pytest.raises(NotFoundError, match=rf"There is no file .*'.*patient\.csv'\. Did you mean '{re.escape(str(near))}'\?"):
        read_table(tmp_path / "patient.csv")


def test_a_misspelled_example_comes_with_a_suggestion(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFoundError, match=r"bundled example called 'irsi'\. Did you mean 'iris'\? `weights data` lists the examples\."):
        read_table("irsi")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(NotFoundError, match=rf"The folder '{re.escape(str(tmp_path))}/nowhere' does not exist either"):
        read_table(tmp_path / "nowhere" / "a.csv")


@pytest.mark.parametrize("frame", [pd.DataFrame([[1, 2]], columns=["a", "a"]), pa.table([[1], [2]], ["a", "a"])], ids=["pandas", "arrow"])
def test_repeated_column_names_in_memory_are_refused(frame):
    with pytest.raises(DataError, match="Column names must differ"):
        read_table(frame)


def test_names_that_become_equal_as_text_are_refused():
    with pytest.raises(DataError, match="Column names must differ, but '1' stands 2 times"):
        read_table({1: [1, 2], "1": [3, 4]})


@pytest.mark.parametrize("source", [{}, {"a": []}, pd.DataFrame({"a": []}), np.ones((3, 0))], ids=["no column", "no row", "frame", "array"])
def test_a_table_without_cells_is_refused(source):
    with pytest.raises(DataError, match=r"At least one row of data was needed, but .* has 0 rows"):
        read_table(source)


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2)])
def test_an_array_that_is_not_two_dimensional_is_refused(shape):
    with pytest.raises(DataError, match=rf"shape \(n, p\) was needed, but one of shape {re.escape(str(shape))} came\. Use x\.reshape"):
        read_table(np.ones(shape))


@pytest.mark.parametrize("values", [5, np.ones((3, 1)), np.ones((3, 2, 2))], ids=["a number", "one column", "matrices"])
def test_a_column_that_is_no_list_is_refused(values):
    with pytest.raises(DataError, match=r"Column 'a' (could not be read|must hold one value, or a list of them, a row)"):
        read_table({"a": values})


@pytest.mark.parametrize(
    "values", [np.ones((3, 2)), [[1.0, 1.0]] * 3, [[1.0], [], [2.0, 3.0]]], ids=["a matrix", "lists", "lengths differ"]
)
def test_a_list_a_row_is_a_column_of_lists(values):
    column = read_table({"a": values})["a"]
    assert column.type == pa.list_(pa.float64())
    assert column.to_pylist() == [[*row] for row in values]


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(DataError, match="'b'"):
        read_table({"a": [1, 2], "b": [1]})


@pytest.mark.parametrize("source", [5, [[1, 2]], pd.Series([1])], ids=["number", "list", "series"])
def test_a_source_of_another_type_is_refused(source):
    with pytest.raises(UsageError, match=rf"2-D array was needed, but an? {type(source).__name__} came\. Convert it\."):
        read_table(source)


# --- names of sources ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (os.path.join("clinic", "patients.csv"), "patients.csv"),
        (os.path.join("clinic", "data.parquet"), "clinic/data.parquet"),
        ("iris", "iris"),
        ({"a": [1]}, "dict"),
        (np.ones((1, 1)), "numpy.ndarray"),
        (pl.DataFrame({"a": [1]}), "polars.DataFrame"),
    ],
)
def test_a_source_is_described_by_a_short_name(source, name):
    assert describe_source(source) == name


def test_a_lazy_frame_and_formats_that_are_not_read_are_refused_with_what_to_do(tmp_path):
    with pytest.raises(UsageError, match=r"a LazyFrame came\. Call its \.collect\(\) first\."):
        read_table(pl.LazyFrame({"a": [1, 2]}))
    (tmp_path / "t.arff").write_text("@relation x\n@attribute a numeric\n@data\n1\n")
    with pytest.raises(UsageError, match=r"Its rows below @data are CSV: put a line with the names of its @attributes above them"):
        read_table(tmp_path / "t.arff")
