from __future__ import annotations

import csv
import datetime as dt
import re
import sys
import zipfile

import numpy as np
import openpyxl
import pyarrow as pa
import pytest

import weights as wt
from weights.data.table.delimited import remark_of, remarks_of
from weights.data.table.excel import Sheet, read_workbook
from weights.data.table.read import missing_words_of, read_table
from weights.data.table.rownumbers import kept_numbers
from weights.errors import DataError, NotFoundError, TooLargeError, UsageError

HEAD = ["age", "dose", "sex", "smoker", "seen", "code", "ill"]
SHEET = "xl/worksheets/sheet1.xml"


def patients(n=60):
    random = np.random.default_rng(0)
    for i in range(n):
        age, dose = int(random.integers(20, 80)), round(float(random.normal(5, 2)), 2)
        seen = dt.datetime(2024, 1, 1) + dt.timedelta(days=int(random.integers(300)))
        yield [age, dose, "fm"[i % 2], bool(i % 3), seen, ["1.1", "1.10", "2.0"][i % 3], "yes" if age + random.normal() > 50 else "no"]


def make(path, **sheets):
    """A workbook of sheets, each given as rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def edit(path, change, part=SHEET):
    """The workbook with the XML of a part changed."""
    with zipfile.ZipFile(path) as archive:
        contents = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, change(content.decode()) if name == part else content)
    return path


@pytest.fixture
def both(tmp_path):
    """The same table as .xlsx and as CSV, as Excel would export it."""
    rows = [*patients()]
    make(tmp_path / "t.xlsx", visits=[HEAD, *rows])
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        for row in rows:
            writer.writerow([str(c).upper() if isinstance(c, bool) else c.date() if isinstance(c, dt.datetime) else c for c in row])
    return tmp_path / "t.xlsx", tmp_path / "t.csv"


def test_cells_are_what_they_are_in_the_same_table_as_text(both):
    sheet, text = map(read_table, both)
    assert sheet.to_pydict() == text.to_pydict()
    assert sheet.schema.types == text.schema.types


@pytest.mark.parametrize("kinds", [{}, {"code": "category"}])
def test_the_same_table_gives_the_same_fit(both, kinds):
    options = {"target": "ill", "model": "linear", "members": 4, "kinds": kinds, "inspect": False}
    sheet, text = (wt.fit(path, **options) for path in both)
    assert (sheet.predict_proba(both[1]) == text.predict_proba(both[0])).all()
    assert sheet.metrics == text.metrics


def test_labels_in_text_cells_stay_as_they_are_written(both):
    assert set(read_table(both[0], verbatim=["code"])["code"].to_pylist()) == {"1.1", "1.10", "2.0"}


def test_numbers_are_whole_where_all_are(tmp_path):
    table = read_table(make(tmp_path / "t.xlsx", s=[["a", "b", "c"], [1.0, 1, 2**60], [2.0, 1.5, 1e300]]))
    assert table.schema.types == [pa.int64(), pa.float64(), pa.float64()]


def test_empty_rows_and_columns_around_and_within_are_no_part_of_the_table(tmp_path):
    book = openpyxl.Workbook()
    for row, cells in {3: ["age", None, "ill"], 5: [31, None, "no"], 8: [47, None, "yes"]}.items():
        for column, cell in enumerate(cells, 3):
            book.active.cell(row, column, cell)
    book.active.cell(20, 12).number_format = "0.00"
    book.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx")
    assert table.to_pydict() == {"age": [31, 47], "ill": ["no", "yes"]}
    assert [*kept_numbers(table) + 1] == [5, 8]


def test_messages_name_the_row_of_the_sheet(tmp_path):
    rows = [["Visits of May"], [], ["age", "ill"], *([i, "no" if i % 2 else "yes"] for i in range(30)), [None]]
    rows += [[50, "perhaps"], ["old", "no"]]
    path = make(tmp_path / "t.xlsx", s=rows)
    with pytest.raises(DataError, match=r"'ill' must be boolean.*row 35, 'perhaps'"):
        wt.fit(path, "age", kinds={"ill": "boolean"}, missing=["old"])
    model = wt.fit({"age": [float(i) for i in range(40)], "ill": ["no", "yes"] * 20}, "ill", model="linear", members=2, inspect=False)
    with pytest.raises(DataError, match="row 36, 'old'"):
        model.predict(path)
    with pytest.raises(DataError, match="row 36, 'old'"):
        model.score(path)


def test_errors_are_missing_and_said_with_their_row(tmp_path):
    table = read_table(make(tmp_path / "t.xlsx", s=[["x", "y"], [1, 2], ["#N/A", 3], ["#DIV/0!", 4], [5, 6]]))
    assert table["x"].to_pylist() == [1, None, None, 5]
    assert remark_of(table.field("x")) == "2 cells of errors (#DIV/0!, #N/A; first: row 3), read as missing"


def test_formulas_have_their_saved_value_and_are_said_where_there_is_none(tmp_path):
    path = make(tmp_path / "t.xlsx", s=[["x", "y"], [1, "=A2*2"], [2, "=A3*2"], [3, "=A4*2"]])
    edit(path, lambda xml: xml.replace("<f>A2*2</f><v />", "<f>A2*2</f><v>2</v>").replace("<f>A2*2</f><v/>", "<f>A2*2</f><v>2</v>"))
    table = read_table(path)
    assert table["y"].to_pylist() == [2, None, None]
    assert "2 cells of formulas that were never calculated, read as missing" in remark_of(table.field("y"))


def test_a_target_of_formulas_that_were_never_calculated_is_refused_with_the_reason(tmp_path):
    path = make(tmp_path / "t.xlsx", s=[["x", "y"], *([i / 3, f"=A{i}"] for i in range(2, 30))])
    with pytest.raises(DataError, match=r"missing in all 28 rows \(28 cells of formulas that were never calculated"):
        wt.fit(path, "y")


def test_dates_of_both_calendars_are_the_same_day(tmp_path):
    for epoch in (openpyxl.utils.datetime.CALENDAR_WINDOWS_1900, openpyxl.utils.datetime.CALENDAR_MAC_1904):
        book = openpyxl.Workbook()
        book.epoch = epoch
        book.active.append(["seen", "at"])
        book.active.append([dt.datetime(2024, 2, 29, 10, 30), dt.time(8, 15)])
        book.save(tmp_path / "t.xlsx")
        assert read_table(tmp_path / "t.xlsx").to_pylist() == [{"seen": dt.datetime(2024, 2, 29, 10, 30), "at": dt.time(8, 15)}]


def test_columns_that_mix_numbers_and_words_are_text_and_said(tmp_path):
    table = read_table(make(tmp_path / "t.xlsx", s=[["x"], [1], ["n.d."], [2.5]]))
    assert table["x"].to_pylist() == ["1", "n.d.", "2.5"]
    assert remark_of(table.field("x")) == "holds numbers (2 cells) and text (1; first: row 3, 'n.d.')"


def test_numbers_are_numbers_whatever_notation_the_rows_of_training_had(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(5, 2, 60).round(3)
    y = ["yes" if v > 5 else "no" for v in x]
    (tmp_path / "t.csv").write_text("x;y\n" + "".join(f"{v:.3f};{w}\n".replace(".", ",") for v, w in zip(x, y, strict=True)))
    model = wt.fit(tmp_path / "t.csv", "y", model="linear", members=2, inspect=False)
    sheet = make(tmp_path / "t.xlsx", s=[["x"], *([float(v)] for v in x)])
    assert (model.predict_proba(sheet) == model.predict_proba(tmp_path / "t.csv")).all()
    with pytest.raises(DataError, match="must be numbers"):
        model.predict(make(tmp_path / "t.xlsx", s=[["x"], [1.234], ["n.d."]]))


def test_a_number_among_text_with_decimal_commas_is_no_thousand(tmp_path):
    table = read_table(make(tmp_path / "t.xlsx", s=[["x"], [1.234], ["5,6"], ["7,8"]]))
    assert table["x"].to_pylist() == ["1.2340", "5,6", "7,8"]
    assert "holds text (2 cells) and numbers (1; first: row 2, '1.2340')" in remark_of(table.field("x"))


def test_numbers_given_for_labels_that_were_text_and_do_not_say_which_are_refused(both, tmp_path):
    model = wt.fit(both[0], "ill", kinds={"code": "category"}, model="linear", members=2, inspect=False)
    rows = [[*row[:5], float(row[5]), row[6]] for row in patients(9)]
    with pytest.raises(DataError, match="'code'"):
        model.predict(make(tmp_path / "new.xlsx", s=[HEAD, *rows]))


def test_words_for_missing_leave_numbers(tmp_path):
    path = make(tmp_path / "t.xlsx", s=[["x"], [1], ["n.d."], ["NA"], [2.5]])
    assert read_table(path, missing=["n.d."])["x"].to_pylist() == [1, None, None, 2.5]


def test_a_class_called_none_is_said(tmp_path):
    path = make(tmp_path / "t.xlsx", s=[["x", "kind"], *([i / 7, ["None", "some"][i % 2]] for i in range(60))])
    with pytest.raises(DataError, match="30 cells hold 'None', which means no value"):
        wt.fit(path, "kind")


def test_cells_of_blanks_are_empty(tmp_path):
    assert read_table(make(tmp_path / "t.xlsx", s=[["x", "y"], [1, "a"], [" ", "b"]]))["x"].to_pylist() == [1, None]


def test_a_zip_of_something_else_is_refused_in_words(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    with pytest.raises(DataError, match="is a zip, but no workbook of Excel"):
        read_table(tmp_path / "t.xlsx")


def test_a_sheet_is_named_by_its_name():
    with pytest.raises(UsageError, match=r"A sheet is named by its name, .* but 0 came"):
        Sheet("t.xlsx", 0)


def test_of_several_sheets_one_is_named(tmp_path):
    path = make(tmp_path / "t.xlsx", May=[["x"], [1]], June=[["x"], [2]], empty=[])
    with pytest.raises(UsageError, match=r"2 sheets with cells: 'May', 'June'\. Name one with --sheet"):
        read_table(path)
    assert read_table(Sheet(str(path), "June"))["x"].to_pylist() == [2]
    assert read_table(Sheet(str(path), " june "))["x"].to_pylist() == [2]
    with pytest.raises(NotFoundError, match=r"no sheet 'Juni'. Did you mean 'June'\?"):
        read_table(Sheet(str(path), "Juni"))


def test_hidden_and_empty_sheets_do_not_make_a_choice_necessary(tmp_path):
    path = make(tmp_path / "t.xlsx", May=[["x"], [1]], lists=[["y"], [2]], empty=[])
    book = openpyxl.load_workbook(path)
    book["lists"].sheet_state = "hidden"
    book.save(path)
    assert read_table(path).column_names == ["x"]
    assert read_table(Sheet(str(path), "lists")).column_names == ["y"]


def test_a_sheet_of_something_else_is_refused():
    with pytest.raises(UsageError, match="A sheet is named of a workbook"):
        wt.fit("t.csv", "x", sheet="May")


def test_titles_are_remarked(tmp_path):
    table = read_table(make(tmp_path / "t.xlsx", s=[["Visits"], ["age", "ill", "x"], [1, "no", 2]]))
    assert remarks_of(table) == ["'t.xlsx': 1 row before the table was skipped, the first 'Visits'"]


def test_without_openpyxl_the_command_that_installs_it_is_said(tmp_path, monkeypatch):
    path = make(tmp_path / "t.xlsx", s=[["x"], [1]])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(UsageError, match=r"needs openpyxl, which is not installed. Install it: pip install 'weights\[excel\]'"):
        read_table(path)


# Workbooks that are none


def test_a_workbook_that_unpacks_to_far_more_is_refused_before_it_is_read(tmp_path):
    path = make(tmp_path / "t.xlsx", s=[["x"], [1]])
    edit(path, lambda xml: xml.replace("</sheetData>", '<row r="9"><c r="A9"><v>1</v></c></row>' * 2_000_000 + "</sheetData>"))
    with pytest.raises(DataError, match="grows more than 200 times when it is unpacked"):
        read_table(path)


def test_cells_that_do_not_fit_into_memory_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = make(tmp_path / "t.xlsx", s=[["x"], *([i] for i in range(2000))])
    monkeypatch.setenv("WEIGHTS_MEMORY", "100KB")
    with pytest.raises(TooLargeError, match=r"Reading '.*t.xlsx' \(2,001 rows x 1 columns\)"):
        read_table(path)


def test_a_cell_at_the_far_end_takes_no_memory(tmp_path):
    path = edit(
        make(tmp_path / "t.xlsx", s=[["x", "y"], [1, 2], [3, 4]]),
        lambda xml: xml.replace("</sheetData>", '<row r="1048576"><c r="A1048576"><v>5</v></c></row></sheetData>'),
    )
    assert read_table(path)["x"].to_pylist() == [1, 3, 5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda xml: xml.replace('r="2"', 'r="4000000000"').replace('r="A2"', 'r="A4000000000"'), "names row 4,000,000,000"),
        (lambda xml: '<!DOCTYPE w [<!ENTITY a "b">]>' + xml[xml.index("<worksheet") :], "declares entities"),
        (lambda xml: xml.replace('r="A2"', 'r="2A"'), "could not be read as a workbook"),
        (lambda xml: re.sub("<v>1</v>", "<v>one</v>", xml), "could not be read as a workbook"),
        (lambda xml: xml[: len(xml) // 2], "could not be read as a workbook"),
        (lambda xml: re.sub("<sheetData>.*</sheetData>", "<sheetData/>", xml, flags=re.DOTALL), "holds no cells"),
        (lambda xml: re.sub('<row r="2".*</row>', "", xml, flags=re.DOTALL), "holds no row behind its header"),
    ],
    ids=["row", "entities", "reference", "number", "cut off", "no cells", "header only"],
)
def test_damaged_sheets_are_refused_in_words(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        read_table(edit(make(tmp_path / "t.xlsx", s=[["x", "y"], [1, 2]]), change))


def test_extents_that_are_only_claimed_are_not_believed(tmp_path):
    path = make(tmp_path / "t.xlsx", s=[["x"], [1]])
    edit(path, lambda xml: re.sub('<dimension ref="[^"]*"', '<dimension ref="A1:XFD1048576"', xml))
    assert read_table(path).to_pydict() == {"x": [1]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "locked with a password, or a workbook of the old format"),
        (b"a,b\n1,2\n", "is no .xlsx workbook"),
        (b"", "is empty"),
    ],
)
def test_other_files_are_refused_in_words(tmp_path, content, message):
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / "t.xlsx")


def test_the_strict_variant_is_named(tmp_path):
    path = make(tmp_path / "t.xlsx", s=[["x"], [1]])
    edit(
        path,
        lambda xml: xml.replace("schemas.openxmlformats.org/spreadsheetml/2006/main", "purl.oclc.org/ooxml/spreadsheetml/main"),
        "xl/workbook.xml",
    )
    with pytest.raises(DataError, match="Strict Open XML"):
        read_workbook(path)


def test_text_that_cells_share_as_excel_writes_it_is_read(tmp_path):
    schemas = "http://schemas.openxmlformats.org"
    main, office, package = (
        f"{schemas}/{name}" for name in ("spreadsheetml/2006/main", "officeDocument/2006/relationships", "package/2006")
    )
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {"workbook": "sheet.main", "worksheets/sheet1": "worksheet", "sharedStrings": "sharedStrings"}
    overrides = "".join(f'<Override PartName="/xl/{part}.xml" ContentType="{kinds}.{kind}+xml"/>' for part, kind in parts.items())
    types = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    relation = f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/{{}}" Target="{{}}"/>'
    cells = "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>{row - 1}</v></c></row>' for row in (1, 2, 3))
    strings = "<si><t>name</t></si><si><t>a &amp; b</t></si><si><r><t>c</t></r><r><rPr><b/></rPr><t>d</t></r></si>"
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types">{types}{overrides}</Types>')
        archive.writestr("_rels/.rels", relation.format("officeDocument", "xl/workbook.xml") + "</Relationships>")
        sheet = f'<sheets><sheet name="s" sheetId="1" xmlns:r="{office}" r:id="r1"/></sheets>'
        archive.writestr("xl/workbook.xml", f'<workbook xmlns="{main}">{sheet}</workbook>')
        archive.writestr("xl/_rels/workbook.xml.rels", relation.format("worksheet", "worksheets/sheet1.xml") + "</Relationships>")
        archive.writestr("xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>')
        archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{main}">{strings}</sst>')
    assert read_table(tmp_path / "t.xlsx").to_pydict() == {"name": ["a & b", "cd"]}


def test_words_that_are_kept_are_labels_and_no_value_among_numbers_as_in_text_files(tmp_path):
    rows = [[["red", "None", "NA"][i % 3], "None" if i == 4 else i / 8, "NA" if i == 5 else f"{i}"] for i in range(30)]
    book = make(tmp_path / "t.xlsx", s=[["word", "number", "written"], *rows])
    (tmp_path / "t.csv").write_text("word,number,written\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    for keep in ([], ["None"], ["None", "NA"]):
        sheet, text = (read_table(path, keep=keep) for path in (book, tmp_path / "t.csv"))
        assert sheet.to_pydict() == text.to_pydict()
        assert sheet["word"].null_count == 10 * (2 - len(keep))
        assert missing_words_of(book, sheet, "number") == {"None": 1}
    assert read_table(book, keep=["None"], verbatim=["number"])["number"].to_pylist()[3:6] == ["0.375", "None", "0.625"]


def test_notes_name_the_row_of_the_sheet(tmp_path):
    model = wt.fit({"x": [float(i) for i in range(40)], "ill": ["no", "yes"] * 20}, "ill", model="linear", members=2, inspect=False)
    path = make(tmp_path / "t.xlsx", s=[["Visits"], ["x", "y"], [1, 2], [None], [99, 2]])
    assert any("1 of 2 rows lie outside" in note and "(first: row 5, 99)" in note for note in model.notes(path))


def test_a_run_of_a_sheet_answers_the_sheet_of_that_name_in_other_workbooks(tmp_path):
    rows = [["x", "y"], *([i % 10, 2 * (i % 10) + 1] for i in range(40))]
    model = wt.fit(Sheet(str(make(tmp_path / "t.xlsx", May=rows, notes=[["a"], [1]])), "May"), "y", model="linear", members=4)
    several = make(tmp_path / "new.xlsx", notes=[["a"], [1]], May=[["x"], [3], [4]])
    single = make(tmp_path / "single.xlsx", June=[["x"], [3], [4]])
    for path in (several, single):
        np.testing.assert_allclose(model.predict(str(path)), [7, 9], rtol=1e-3)
    others = make(tmp_path / "others.xlsx", notes=[["a"], [1]], June=[["x"], [3]])
    with pytest.raises(UsageError, match=r"2 sheets with cells: 'notes', 'June'"):
        model.predict(str(others))
