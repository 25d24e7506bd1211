"""Rows that come after training are read as those of training were, each cell for itself."""

from __future__ import annotations

import csv
import json

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import weights as wt
from weights.data.dataset import prepare
from weights.data.encoding import Category, apply_encoding, fit_encoding
from weights.data.newrows import describe_new_rows, read_new_rows
from weights.data.roles import Roles
from weights.data.table.read import read_table
from weights.errors import DataError
from weights.tasks.registry import AnyTask


def test_later_rows_are_read_in_the_notation_of_training_and_levels_that_are_new_are_said():
    table = pa.table({"ward": ["north", "south"] * 20, "dose": [f"1.{i:03},5" for i in range(40)]})
    encoding = fit_encoding(table, {"ward": "category", "dose": "numeric"})
    rows = read_new_rows(encoding, {"ward": ["west", "north"], "dose": ["1.034,5", "1.020,0"], "other": [1, 2]})
    assert rows.column_names == ["ward", "dose", "other"]
    assert describe_new_rows(encoding, rows) == ["'ward': 1 of 2 rows hold a level that training had not seen (first: row 1, 'west')"]


SPELLINGS = {
    "plain": ["1", "2.50", "-3", "+4", "12E3", "1e-3", ".5", "7.", "inf"],
    "points and thousands": ["1,234", "1,234.5", "-12", "+3", "1,234,567"],
    "commas": ["3,14", "1.234", "1.234,5", "-2", "2'000", "0,5"],
    "money": ["$1,234", "$5", "-$3.50", "$1,000,000"],
    "percent": ["10%", "12.5 %", "-3%"],
    "limits": ["<0.35", "1.5", "2", "3.25"],
    "whole": ["1", "2", "30", "4000"],
    "flags": ["TRUE", "FALSE"],
    "yes and no": ["yes", "No"],
    "zeros and ones": ["0", "1"],
    "times of day": ["10:30", "23:59", "00:00", "08:15:30"],
    "days": ["2024-01-05", "2023-12-31", "2021-06-07"],
    "moments": ["2024-01-05 10:30", "2023-12-31T23:59:59", "2021-06-07 00:00:00.5"],
    "zones": ["2024-01-05T10:30:00+02:00", "2023-12-31T23:59:59Z"],
    "day first": ["05/01/2024", "31/12/2023", "07.06.2021".replace(".", "/")],
    "month first": ["01/05/2024", "12/31/2023", "06/07/2021"],
    "named months": ["01-May-2024", "31-Dec-2023", "07-Jun-2021"],
    "american": ["May 1, 2024", "December 31, 2023", "Jun 7, 2021"],
    "named zones": ["2024-01-05 10:30:00 UTC", "2023-12-31 23:59:59 EST"],
    "labels": ["1.1", "1.10", "12E3", "True", "TRUE", "a"],
    "padded": ["00123", "123", "45678"],
    "missing": ["", "NA", "1.5", "?", "2.5", "4"],
    "words among numbers": ["unknown", *map(str, range(12))],
    "words among dates": ["never", *(f"{day:02}.03.2024" for day in range(1, 20))],
    "gaps": ["-", "n.a.", "1.5", "2.5", "4.25"],
    "gaps among commas": ["-", "1,5", "2,5", "1.250,5"],
    "measures": ["74 kg", "5 kg", "1,250.5 kg"],
    "accountants": ["(1,234.50)", "12.00", "7.5-"],
    "lakhs": ["1,00,000", "12,345", "999.5"],
    "clock": ["9:30", "1:05 PM", "12:00 AM"],
    "durations": ["27:30:00", "1 days 02:00:00", "0:45"],
    "months": ["2024-02", "1999-12", "2020-07"],
    "quarters": ["2024Q1", "1999Q4"],
}
"""Cells that one column may hold."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A CSV file with a column of each spelling, its encoding, and its rows encoded; delimiters let commas stand in cells."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("spellings") / "all.csv"
    columns = {name: rng.permutation([cells[i % len(cells)] for i in range(120)]) for name, cells in SPELLINGS.items()}
    columns = {f"{form} {name}": cells for form in ("found", "category") for name, cells in columns.items()}
    write(path, columns)
    kinds = {name: "category" for name in columns if name.startswith("category")}
    roles = Roles("y", kinds=kinds)
    encoding = prepare(read_table(path, verbatim=roles.labels), roles).encoding
    assert set(encoding.names) == set(columns)
    return columns, encoding, apply_encoding(encoding, read_new_rows(encoding, path)).x


def write(path, columns, delimiter=","):
    n_rows = len(next(iter(columns.values())))
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([["y", *columns], *zip(np.arange(n_rows) % 7 / 3, *columns.values(), strict=True)])


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.integers(0, 119), min_size=1, max_size=4), how=st.sampled_from(["csv", "semicolon", "frame", "jsonl"]))
def test_a_row_is_the_same_alone_and_among_others_whatever_it_comes_in(trained, tmp_path, rows, how):
    columns, encoding, whole = trained
    new = {name: [cells[i] for i in rows] for name, cells in columns.items()}
    if how == "frame":
        source = pd.DataFrame({name: [None if cell in ("", "NA", "?") else cell for cell in cells] for name, cells in new.items()})
    elif how == "jsonl":
        source = tmp_path / "new.jsonl"
        source.write_text(
            "".join(json.dumps({n: c[i] if c[i] not in ("", "NA", "?") else None for n, c in new.items()}) + "\n" for i in range(len(rows)))
        )
    else:
        source = tmp_path / "new.csv"
        write(source, new, "," if how == "csv" else ";")
    np.testing.assert_array_equal(apply_encoding(encoding, read_new_rows(encoding, source)).x, whole[rows])


def test_a_column_of_one_spelling_is_read_as_among_others(trained, tmp_path):
    columns, encoding, whole = trained
    for k in range(max(map(len, SPELLINGS.values()))):
        rows = {name: np.flatnonzero(cells == sorted({*cells})[k % len({*cells})])[0] for name, cells in columns.items()}
        write(tmp_path / "new.csv", {name: cells[[rows[name]] * 2] for name, cells in columns.items()})
        x = apply_encoding(encoding, read_new_rows(encoding, tmp_path / "new.csv")).x
        expected = [whole[rows[encoding.names[group]], place] for place, group in enumerate(encoding.column_groups)]
        np.testing.assert_array_equal(x, [expected, expected])


def test_labels_keep_their_spelling(trained):
    _, encoding, _ = trained
    levels = {column.name: column.levels for column in encoding.columns if isinstance(column, Category)}
    assert levels["category labels"] == ["1.1", "1.10", "12E3", "TRUE", "True", "a"]
    assert levels["category flags"] == ["FALSE", "TRUE"]
    assert levels["category padded"] == ["00123", "123", "45678"]
    assert levels["category times of day"] == sorted(SPELLINGS["times of day"])


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("plain", "10%"),
        ("plain", "1,5"),
        ("percent", "10"),
        ("commas", "2.5"),
        ("whole", "TRUE"),
        ("whole", "2024-01-05"),
        ("plain", "<0.35"),
        ("times of day", "2024-01-05"),
        ("days", "10:30"),
        ("days", "05/01/2024"),
        ("day first", "12/31/2023"),
        ("zeros and ones", "2"),
    ],
)
def test_another_notation_than_that_of_training_is_refused(trained, tmp_path, name, cell):
    columns, encoding, _ = trained
    write(tmp_path / "new.csv", {n: [cell] if n == f"found {name}" else c[:1] for n, c in columns.items()})
    with pytest.raises(DataError, match=f"Column 'found {name}' must be .*first: row 1, '{cell}'"):
        apply_encoding(encoding, read_new_rows(encoding, tmp_path / "new.csv"))


def test_numbers_that_do_not_say_which_label_they_are_are_refused():
    encoding = fit_encoding(pa.table({"zip": ["00123", "45678"] * 5}), {"zip": "category"})
    np.testing.assert_array_equal(apply_encoding(encoding, read_table({"zip": [45678, 7]})).x, [[0, 1], [0, 0]])
    with pytest.raises(DataError, match=r"held labels in training that were text, such as '00123'.*first: row 2, 123\)"):
        apply_encoding(encoding, read_table({"zip": [45678, 123]}))


@pytest.mark.parametrize("cells", [[1.5, 2.0, 30.0], [True, False, True], pd.to_datetime(["2024-01-05", "2023-12-31", "2021-06-07"])])
def test_labels_that_were_no_text_are_read_by_what_they_mean(tmp_path, cells):
    table = pd.DataFrame({"c": [*cells] * 10})
    encoding = fit_encoding(read_table(table), {"c": "category"})
    expected = apply_encoding(encoding, read_table(table)).x
    parquet.write_table(pa.Table.from_pandas(table), tmp_path / "new.parquet")
    table.to_csv(tmp_path / "new.csv", index=False)
    for new in ("new.parquet", "new.csv"):
        np.testing.assert_array_equal(apply_encoding(encoding, read_new_rows(encoding, tmp_path / new)).x, expected)


def test_an_order_of_day_and_month_that_nothing_decides_is_refused(tmp_path):
    encoding = fit_encoding(read_table({"day": pd.to_datetime(["2024-01-05", "2023-12-31"])}), {"day": "datetime"})
    (tmp_path / "new.csv").write_text("day,b\n31/12/2023,1\n05/01/2024,1\n")
    assert len(apply_encoding(encoding, read_new_rows(encoding, tmp_path / "new.csv")).x) == 2
    (tmp_path / "new.csv").write_text("day,b\n05/01/2024,1\n")
    with pytest.raises(DataError, match="must be dates"):
        apply_encoding(encoding, read_new_rows(encoding, tmp_path / "new.csv"))


TARGETS = {
    "thousands": (lambda v: f"{1000 * v + 1000:,.0f}", ["1,234"], [1234.0]),
    "percent": (lambda v: f"{v:.1f} %", ["12 %"], [12.0]),
    "decimal commas": (lambda v: f"{v:.2f}".replace(".", ","), ["3,5"], [3.5]),
    "points for thousands": (lambda v: f"{1000 * v + 1000:,.1f}".translate(str.maketrans(",.", ".,")), ["1.234"], [1234.0]),
    "money": (lambda v: f"${1000 * v:,.2f}", ["$1,234"], [1234.0]),
    "moments": (lambda v: f"{int(v) % 24:02}:30", ["10:30"], [37800.0]),
    "flags": (lambda v: str(v > 5).lower(), ["true"], [1.0]),
}


@pytest.mark.parametrize("form", TARGETS)
@pytest.mark.parametrize("way", ["csv", "frame", "streamed"])
def test_a_target_of_numbers_is_read_as_in_training_whatever_its_file_holds(tmp_path, form, way):
    """Each cell alone in its file, where it could also mean something else."""
    write, later, values = TARGETS[form]
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=60), "y": [write(v) for v in rng.uniform(0, 10, 60)]})
    frame.to_csv(tmp_path / "a.csv", index=False, sep=";")
    frame.to_parquet(tmp_path / "a.parquet")
    source = {"csv": tmp_path / "a.csv", "frame": frame, "streamed": tmp_path / "a.parquet"}[way]
    if way != "csv" and form in ("moments", "flags"):
        pytest.skip("text in frames is no moment and no flag, but a label")
    model = wt.fit(source, "y", task="regression", model="linear", members=2, inspect=False)
    loaded = msgspec.json.decode(msgspec.json.encode(model.ensemble.task), type=AnyTask)
    for name, text in {"new.csv": "x;y\n1;" + later[0] + "\n", "new.jsonl": json.dumps({"x": 1, "y": later[0]})}.items():
        (tmp_path / name).write_text(text)
        rows = read_new_rows(model.ensemble.encoding, tmp_path / name, target=loaded.column)
        np.testing.assert_allclose(loaded.original(loaded.encode(rows["y"])), values, rtol=1e-5)


def test_a_target_that_cannot_be_read_as_in_training_is_refused_with_its_row(tmp_path):
    frame = pd.DataFrame({"x": np.arange(60.0), "y": [f"{v},5" for v in range(60)]})
    frame.to_csv(tmp_path / "a.csv", index=False, sep=";")
    model = wt.fit(tmp_path / "a.csv", "y", model="linear", members=2, inspect=False)
    (tmp_path / "new.csv").write_text("x;y\n1;2,5\n\n2;3.5\n")
    with pytest.raises(
        DataError, match=r"'y' must be numbers with decimal comma, but 1 of 2 rows hold something else \(first: row 3, '3.5'\)"
    ):
        model.score(tmp_path / "new.csv")


def test_words_that_were_kept_are_labels_of_new_rows_and_no_value_among_numbers(tmp_path):
    rng = np.random.default_rng(1)
    place = np.arange(90) % 3
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=90),
            "w": np.array(["None", "red", "blue"])[place],
            "n": ["NA" if i % 9 == 0 else f"{i}.5" for i in range(90)],
        }
    )
    frame["y"] = np.array(["None", "NA", "yes"])[place]
    frame.to_csv(tmp_path / "a.csv", index=False)
    model = wt.fit(tmp_path / "a.csv", "y", keep="None,NA", model="linear", members=8, inspect=False)
    assert model.classes == ["NA", "None", "yes"]
    assert model.metrics["accuracy"] > 0.9
    model.save(tmp_path / "run")
    model = wt.load(tmp_path / "run")
    (tmp_path / "new.csv").write_text("x,w,n,y\n0,None,NA,None\n0,red,NA,NA\n0,blue,5.5,yes\n")
    assert model.predict(tmp_path / "new.csv").tolist() == ["None", "NA", "yes"]
    assert model.score(tmp_path / "new.csv").n_scored == 3
    assert model.read_again().task.classes == model.classes
    frame["n"] = pd.to_numeric(frame["n"], errors="coerce")
    assert (model.predict(frame) == model.predict(tmp_path / "a.csv")).all()
