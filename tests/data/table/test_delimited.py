"""What the cells of a text file become, and what is remembered of how they were written."""

from datetime import datetime, time

import pyarrow as pa
import pytest

from weights.data.table.delimited import count_missing_words, flag_words_of, notation_of, read_delimited, remark_of, remarks_of, with_remark
from weights.data.table.notation import PLAIN, Notation
from weights.data.table.rownumbers import kept_numbers
from weights.errors import DataError


def read(folder, content, **options):
    path = folder / "a.csv"
    path.write_text(content, newline="")
    return read_delimited(path, **options)


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", " 2 ", ""], [1, 2, None]),
        (["1", "2.5"], [1.0, 2.5]),
        (["+1", "-2"], [1.0, -2.0]),
        (["5.0", "", "7.0"], [5.0, None, 7.0]),
        (["5", "7.0"], [5, 7]),
        (["1 234", "5 678"], [1234, 5678]),
        (["1", "  ", "3"], [1, None, 3]),
        (["true", "FALSE"], [True, False]),
        (["2024-01-05", "2024-01-05T06:07:08"], [datetime(2024, 1, 5), datetime(2024, 1, 5, 6, 7, 8)]),
        (["06:07", "06:07:08"], [time(6, 7), time(6, 7, 8)]),
        (["06:07", "26:07"], ["06:07", "26:07"]),
        (["00123", "45678"], ["00123", "45678"]),
        (["0x10", "7"], ["0x10", "7"]),
        (["a", " b"], ["a", " b"]),
        (["", "NA"], [None, None]),
    ],
)
def test_a_column_is_what_all_its_cells_are(tmp_path, cells, values):
    assert read(tmp_path, "x,y\n" + "".join(f"{cell},1\n" for cell in cells))["x"].to_pylist() == values


def test_the_spelling_of_truth_values_is_remembered(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("x,y\nTRUE,1\nFALSE,2\n")
    table = read_delimited(path)
    assert flag_words_of(table.schema.field("x")) == ("FALSE", "TRUE")
    assert flag_words_of(table.schema.field("y")) is None


def test_the_notation_of_a_column_is_remembered(tmp_path):
    table = read(tmp_path, 'x,y\n"$1,234.5",1\n$2,2\n')
    assert notation_of(table.schema.field("x")) == Notation(".", "$")
    assert remark_of(table.schema.field("x")) == "'$1,234.5' is read as 1234.5"
    assert notation_of(table.schema.field("y")) == PLAIN
    assert (remark_of(table.schema.field("y")), remarks_of(table)) == ("", [])


def test_columns_that_are_labels_stay_as_written(tmp_path):
    content = 'x,y\n"1,234",1\n'
    assert read(tmp_path, content)["x"].to_pylist() == [1234]
    assert read(tmp_path, content, verbatim=["x"])["x"].to_pylist() == ["1,234"]


def test_columns_without_a_name_get_their_number(tmp_path):
    assert read(tmp_path, ",a,\n1,2,3\n").column_names == ["column 1", "a", "column 3"]


def test_a_header_may_hold_delimiters_and_line_ends(tmp_path):
    assert read(tmp_path, '"a,\nb","c ""d"""\n1,2\n').to_pydict() == {"a,\nb": [1], 'c "d"': [2]}


def test_a_quote_within_a_cell_is_a_quote(tmp_path):
    assert read(tmp_path, 'x,y\n5" pipe,1\n').to_pydict() == {"x": ['5" pipe'], "y": [1]}


def test_a_row_that_is_shown_is_cut_when_long(tmp_path):
    with pytest.raises(DataError, match=r"row 1 has 1: 'aaaa+\.\.\.'\. Quote cells"):
        read(tmp_path, f"x,y\n{'a' * 500}\n")


def test_a_remark_stands_behind_the_one_there_is_and_nothing_else_is_lost():
    field = pa.field("a", pa.string(), metadata={"remark": "two formats", "notation": "x"})
    table = pa.table([["1"], [2.0]], schema=pa.schema([field, pa.field("b", pa.float64())], metadata={"remarks": "[]"}))
    marked = with_remark(with_remark(table, "a", "not read"), "b", "new")
    assert [remark_of(marked.schema.field(name)) for name in "ab"] == ["two formats; not read", "new"]
    assert marked.schema.field("a").metadata[b"notation"] == b"x"
    assert marked.schema.metadata == table.schema.metadata


def test_floats_that_are_whole_stay_floats_and_whole_numbers_whole(tmp_path):
    table = read(tmp_path, "a,b,c\n5.0,5,1e3\n7.0,7,2e3\n")
    assert [str(kind) for kind in table.schema.types] == ["double", "int64", "int64"]


KEPT = "label,number,day,flag\nNone,NA,NA,yes\nred,1.5,2024-01-05,no\nNA,2.5,None,NA\n"


def test_words_that_are_kept_are_labels_and_no_value_among_numbers_and_moments(tmp_path):
    assert read(tmp_path, KEPT)["label"].to_pylist() == [None, "red", None]
    table = read(tmp_path, KEPT, keep=["None", "NA"])
    assert table["label"].to_pylist() == ["None", "red", "NA"]
    assert table["number"].to_pylist() == [None, 1.5, 2.5]
    assert table["day"].to_pylist() == [None, datetime(2024, 1, 5), None]
    assert table["flag"].to_pylist() == ["yes", "no", "NA"]
    assert read(tmp_path, KEPT, keep=["NA"])["label"].to_pylist() == [None, "red", "NA"]
    assert read(tmp_path, KEPT, keep=["NA"], verbatim=["number"])["number"].to_pylist() == ["NA", "1.5", "2.5"]


BLANK = "a,b\n1,2\n\n\n3,4\n,\n5,6\n , \n   \n\n7,8\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("before", ["", "\n\n"])
@pytest.mark.parametrize(
    ("behind", "values", "numbers"),
    [
        ("", [1, 3, None, 5, None, 7], [0, 3, 4, 5, 6, 9]),
        (",\n\n\n", [1, 3, None, 5, None, 7, None], [0, 3, 4, 5, 6, 9, 10]),
        ("\n \n9,9", [1, 3, None, 5, None, 7, 9], [0, 3, 4, 5, 6, 9, 12]),
    ],
)
def test_rows_have_the_numbers_of_lines_where_some_are_blank(tmp_path, end, before, behind, values, numbers):
    table = read(tmp_path, (before + BLANK + behind).replace("\n", end))
    assert table["a"].to_pylist() == values
    assert kept_numbers(table).tolist() == numbers


@pytest.mark.parametrize("text", ["a,b\n1,2\n,\n3,4\n", 'a,b\n1,"x\n\ny"\n,\n3,4\n', "a,b\n\n"[:4] + "1,2\n\n\n"])
def test_rows_are_all_lines_where_none_is_blank_between_them(tmp_path, text):
    table = read(tmp_path, text)
    numbers = kept_numbers(table)
    assert numbers is None or numbers.tolist() == [*range(table.num_rows)]


def test_a_row_of_the_wrong_length_has_the_number_of_its_line(tmp_path):
    with pytest.raises(DataError, match="but row 5 has 3: '5,6,7'"):
        read(tmp_path, "a,b\n1,2\n\n3,4\n  \n5,6,7\n")
    with pytest.raises(DataError, match="opens a quote in row 3 that is never closed"):
        read(tmp_path, 'a,b\n1,2\n\n"3,4\n')


def test_words_for_no_value_are_counted_in_one_column(tmp_path):
    read(tmp_path, KEPT)
    assert count_missing_words(tmp_path / "a.csv", "day") == {"NA": 1, "None": 1}
    assert count_missing_words(tmp_path / "a.csv", "label") == {"None": 1, "NA": 1}
    assert count_missing_words(tmp_path / "a.csv", "flag") == {"NA": 1}
