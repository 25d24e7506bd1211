"""Writing answers: whole files that read back as the same table."""

import io
import re
from datetime import datetime

import pyarrow as pa
import pytest

from weights.data.output import FORMATS, pour_tables, predictions_table, write_tables
from weights.data.table.read import read_table
from weights.errors import StorageError, UsageError

ANSWERS = {"label": ["ill", None, 'he said "no", twice'], "probability": [0.1 + 0.2, 1e-300, -2.5], "row": [1, 2, 3]}


def table_bytes(table: pa.Table, ending: str) -> bytes:
    file = io.BytesIO()
    pour_tables([table], file, ending)
    return file.getvalue()


@pytest.mark.parametrize("ending", FORMATS)
def test_a_written_table_reads_back_the_same(tmp_path, ending):
    write_tables([predictions_table(ANSWERS)], tmp_path / f"answers{ending}")
    assert read_table(tmp_path / f"answers{ending}").to_pydict() == ANSWERS


@pytest.mark.parametrize("ending", FORMATS)
def test_the_same_table_gives_the_same_bytes(ending):
    assert table_bytes(predictions_table(ANSWERS), ending) == table_bytes(predictions_table(ANSWERS), ending)


def test_moments_are_as_short_in_csv_as_all_of_a_column_allow():
    day, hour, part = datetime(2024, 1, 1), datetime(2024, 1, 1, 13), datetime(2024, 1, 1, 13, 0, 0, 250_000)
    table = predictions_table({"day": [day, None], "hour": [day, hour], "part": [hour, part]})
    lines = table_bytes(table, ".csv").decode().splitlines()
    assert lines[1:] == ["2024-01-01,2024-01-01 00:00:00,2024-01-01 13:00:00.000000", ",2024-01-01 13:00:00,2024-01-01 13:00:00.250000"]


def test_json_lines_hold_one_row_each_and_null_for_nan():
    table = predictions_table({"a": [1, 2], "b": [float("nan"), 0.5], "at": [datetime(2024, 1, 1), None]})
    assert table_bytes(table, ".jsonl") == b'{"a":1,"b":null,"at":"2024-01-01T00:00:00"}\n{"a":2,"b":0.5,"at":null}\n'


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe_in_csv(text):
    assert table_bytes(predictions_table({"a": [text]}), ".csv").decode() == f'"a"\n"\'{text}"\n'


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_the_apostrophe_is_set_in_every_type_of_text(kind):
    assert table_bytes(pa.table({"a": pa.array(["=1+1"]).cast(kind)}), ".csv") == b'"a"\n"\'=1+1"\n'


def test_negative_numbers_get_no_apostrophe():
    assert table_bytes(predictions_table({"a": [-1.5]}), ".csv") == b'"a"\n-1.5\n'


@pytest.mark.parametrize("ending", [".parquet", ".jsonl"])
def test_formulas_stay_as_they_are_in_formats_that_no_spreadsheet_runs(tmp_path, ending):
    write_tables([predictions_table({"a": ["=1+1"]})], tmp_path / f"a{ending}")
    assert read_table(tmp_path / f"a{ending}").to_pydict() == {"a": ["=1+1"]}


def test_missing_folders_are_made(tmp_path):
    write_tables([predictions_table({"a": [1]})], tmp_path / "new" / "er" / "a.csv")
    assert (tmp_path / "new" / "er" / "a.csv").read_bytes() == b'"a"\n1\n'


def test_an_older_file_is_replaced_and_nothing_else_is_left(tmp_path):
    (tmp_path / "a.csv").write_text("older and much longer\n" * 10)
    write_tables([predictions_table({"a": [1]})], tmp_path / "a.csv")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a.csv", b'"a"\n1\n')]


def test_an_ending_may_be_in_capitals(tmp_path):
    write_tables([predictions_table({"a": [1]})], tmp_path / "a.CSV")
    assert read_table(tmp_path / "a.CSV").to_pydict() == {"a": [1]}


@pytest.mark.parametrize(("name", "ending"), [("a.xlsx", ".xlsx"), ("a", "nothing")])
def test_an_unknown_ending_is_refused_before_anything_is_written(tmp_path, name, ending):
    with pytest.raises(UsageError, match=rf"written as \.csv, \.parquet, \.jsonl, but '.*' ends in '{re.escape(ending)}'\. Rename"):
        write_tables([predictions_table({"a": [1]})], tmp_path / "new" / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_the_file_is_refused_and_nothing_is_left(tmp_path):
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(StorageError, match=r"'.*a\.csv' could not be written: Is a directory\. Free space or choose another place\."):
        write_tables([predictions_table({"a": [1]})], tmp_path / "a.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"'.*a\.csv' could not be written: "):
        write_tables([predictions_table({"a": [1]})], tmp_path / "file" / "a.csv")


@pytest.mark.parametrize("ending", FORMATS)
def test_parts_make_the_same_table_as_the_whole(tmp_path, ending):
    whole = predictions_table(ANSWERS)
    assert write_tables(iter([whole.slice(0, 1), whole.slice(1)]), tmp_path / f"a{ending}") == 3
    assert read_table(tmp_path / f"a{ending}").to_pydict() == ANSWERS


def test_an_error_between_parts_leaves_an_older_file_as_it_was(tmp_path):
    (tmp_path / "a.csv").write_text("older")

    def parts():
        yield predictions_table({"a": [1]})
        raise UsageError("no more")

    with pytest.raises(UsageError, match="no more"):
        write_tables(parts(), tmp_path / "a.csv")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.csv", "older")]
