"""A made-up medium, files of a few numbers written as text, read by nothing but `weights.data.files`."""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from weights.data import files
from weights.data.files.labelled import FILE_NAMES, read_files
from weights.data.files.medium import DecodedFile, Form, Medium, names_source
from weights.data.files.naming import decode_column, decode_column_like, find_column
from weights.data.table.delimited import remarks_of
from weights.errors import DataError, UsageError

NEGATIVE = "of points below zero, which count as zero"


class Options(NamedTuple):
    """How files of points are to be read: how many numbers all get, by default as many as the longest looked at."""

    length: int = 0
    strict: bool = False
    report_progress: Callable[[float], None] = lambda share: None


def parse(content):
    return np.array(content.decode().removeprefix("points").split(), np.float32)


def count(content):
    with contextlib.suppress(ValueError):
        return len(parse(content))


def choose_form(sample, options):
    length = options.length or max(filter(None, sample.probe(count)), default=1)

    def decode(content):
        try:
            values = parse(content)
        except ValueError:
            return "is not a list of numbers"
        padded = np.zeros(length, np.float32)
        padded[: len(values)] = np.maximum(values, 0)[:length]
        oddities = (NEGATIVE,) if (values < 0).any() else ()
        return DecodedFile(padded, "POINTS" if content.startswith(b"points") else "DOTS", oddities)

    remarks = [] if options.length else [f"series of points became {length} long"]
    return Form(pa.field("points", pa.list_(pa.float32(), length)), decode, remarks)


POINTS = Medium(
    name="series",
    plural="series",
    formats={".points": "POINTS", ".dots": "DOTS"},
    needed="points or dots",
    bundles=(".many",),
    most_bytes=1_000,
    small_bytes=100,
    choose_form=choose_form,
    oddities=(NEGATIVE,),
)


def write(root, name, text="points 1 2 3"):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_many(root, n=40):
    for i in range(n):
        write(root, f"{'even' if i % 2 == 0 else 'odd'}/{i:02}.points", f"points {i} {i + 0.5}")
    return root


def numbers(table):
    return np.array(table["points"].to_pylist()).tolist()


def test_a_folder_of_classes_becomes_a_table(tmp_path):
    write(tmp_path, "b/x.points", "points 1 2.5")
    write(tmp_path, "a/y.dots", "3")
    table = read_files(tmp_path, POINTS, Options())
    assert table.schema.field("points").type == pa.list_(pa.float32(), 2)
    assert table.drop(["points"]).to_pydict() == {"class": ["a", "b"], FILE_NAMES: ["a/y.dots", "b/x.points"]}
    assert numbers(table) == [[3, 0], [1, 2.5]]
    assert remarks_of(table) == ["series of points became 2 long"]


def test_what_was_asked_for_decides_the_form(tmp_path):
    write(tmp_path, "a.points", "points 1 2.5 -4")
    assert numbers(read_files(tmp_path / "a.points", POINTS, Options(length=4))) == [[1, 2.5, 0, 0]]


def test_the_parts_of_a_split_are_those_of_its_folders(tmp_path):
    for part in ("test", "val", "train"):
        write(tmp_path, f"{part}/a/{part}.points")
    table = read_files(tmp_path, POINTS, Options(length=1))
    assert table[FILE_NAMES].to_pylist() == ["train/a/train.points", "val/a/val.points", "test/a/test.points"]
    assert table["split"].to_pylist() == ["train", "train", "test"]
    assert remarks_of(table) == [
        "the official validation part (1 series) is learned from as well: members are judged on rows they did not see"
    ]


def test_an_unreadable_file_is_left_out_and_told_and_so_is_what_is_odd(tmp_path):
    write_many(tmp_path)
    write(tmp_path, "odd/07.points", "points seven")
    write(tmp_path, "odd/09.points", "1 2")
    write(tmp_path, "odd/11.points", "points -1 2")
    write(tmp_path, "odd/13.points", "points " + "1 " * 500)
    table = read_files(tmp_path, POINTS, Options())
    assert (table.num_rows, numbers(table)[-3:]) == (38, [[35, 35.5], [37, 37.5], [39, 39.5]])
    assert remarks_of(table) == [
        "2 of 40 series could not be read and were left out: odd/07.points (is not a list of numbers), "
        "odd/13.points (takes 0.0 MB, more than the 0.0 MB that are read)",
        "1 series is of another format than the name says, and read as that: odd/09.points is DOTS",
        "1 series is of points below zero, which count as zero: odd/11.points",
        "series of points became 2 long",
    ]
    with pytest.raises(DataError, match=r"Every series must be readable here, but 2 of 40 are not: odd/07.points"):
        read_files(tmp_path, POINTS, Options(strict=True))


def test_too_many_unreadable_files_are_refused(tmp_path):
    write(tmp_path, "a.points", "one")
    with pytest.raises(DataError, match=r"Series that can be read were needed, but of 1 in '.*' there is none: a"):
        read_files(tmp_path, POINTS, Options())
    write(tmp_path, "b.points")
    with pytest.raises(DataError, match=r"At most 5% of series may be unreadable, but 1 of 2 in '.*' is: a.points"):
        read_files(tmp_path, POINTS, Options())


def test_hostile_names_in_a_zip_lead_nowhere_and_are_shown_safely(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    with zipfile.ZipFile(inside / "s.zip", "w") as archive:
        for i in range(40):
            archive.writestr(f"a/{i:02}.points", f"points {i}")
        archive.writestr("../../up.points", "points 1")
        archive.writestr("/b/root.points", "points 2")
        archive.writestr("b\\back.points", "points 3")
        archive.writestr("b/a\x1b[2J.points", "not points")
        archive.writestr("b/folder.points/", "")
    table = read_files(inside / "s.zip", POINTS, Options(length=1))
    assert table[FILE_NAMES].to_pylist()[40:] == ["b/back.points", "b/root.points"]
    assert numbers(table)[38:] == [[38], [39], [3], [2]]
    left_out = r"b/a\x1b[2J.points (is not a list of numbers)"
    assert remarks_of(table) == [f"1 of 43 series could not be read and was left out: {left_out}"]
    assert [path.name for path in tmp_path.rglob("*")] == ["inside", "s.zip"]


def test_a_table_names_files_in_a_column(tmp_path):
    write_many(tmp_path)
    names = [f"{'even' if i % 2 == 0 else 'odd'}/{i:02}.points" for i in range(40)]
    table = pa.table({"file": [*names[:39], None], "age": list(range(40))})
    assert find_column(table, tmp_path, POINTS) == "file"
    decoded = decode_column(table, "file", tmp_path, POINTS, Options(length=1))
    assert decoded.column_names == ["file", "age", FILE_NAMES]
    assert decoded["file"].to_pylist() == [[i] for i in range(39)]
    assert decoded["age"].to_pylist() == list(range(39))
    assert remarks_of(decoded) == ["1 of 40 series could not be read and was left out: row 40 (has no name)"]
    renamed = decode_column_like(table, "points", tmp_path, POINTS, Options(length=1))
    assert renamed.column_names == ["points", "age", FILE_NAMES]
    assert remarks_of(renamed) == remarks_of(decoded)


def test_a_table_that_names_no_such_files_is_refused_in_the_words_of_the_medium(tmp_path):
    table = pa.table({"file": ["a.points"], "url": ["https://a.b/c.points"], "image": ["a.png"]})
    with pytest.raises(DataError, match=r"'file' names series files, but .* not there: first '.*/a.points'"):
        find_column(table, tmp_path, POINTS)
    assert find_column(table, tmp_path, POINTS, excluded={"file"}) is None
    with pytest.raises(DataError, match=r"Names of series files were needed, but row 1 holds an address"):
        decode_column(table, "url", tmp_path, POINTS, Options())
    with pytest.raises(DataError, match=r"One column must name series files, but none does \(image\)"):
        decode_column_like(table.select(["image"]), "points", tmp_path, POINTS, Options())


def test_sources_without_such_files_are_refused_in_the_words_of_the_medium(tmp_path):
    write(tmp_path, "a.many")
    with pytest.raises(DataError, match=r"Series \(points or dots\) were needed, .* holds none.* within: '.*/a.many'"):
        read_files(tmp_path, POINTS, Options())


def test_progress_is_reported(tmp_path):
    reported = []
    read_files(write_many(tmp_path, 60), POINTS, Options(report_progress=reported.append))
    assert reported == [50 / 60, 1.0]


def test_what_decodes_files_is_opened_while_they_are_read(tmp_path):
    @contextlib.contextmanager
    def refuse():
        raise UsageError("the decoder is not installed")
        yield

    write(tmp_path, "a.points")
    with pytest.raises(UsageError, match="is not installed"):
        read_files(tmp_path, POINTS._replace(open_decoder=refuse), Options())


def test_sources_are_known_by_their_names(tmp_path):
    assert all(names_source(source, POINTS) for source in (tmp_path, "a.zip", "a.many", "a.POINTS", Path("a.dots")))
    assert not any(names_source(source, POINTS) for source in ("a.csv", "a.png", None, np.zeros((2, 2)), {"x": [1]}))


def test_files_are_recognised_counted_and_compared_with_their_names():
    assert [POINTS.recognises(name) for name in ("a/b.DOTS", "a", "a.txt")] == [True, True, False]
    assert (POINTS.say_count(1), POINTS.say_count(1_000)) == ("1 series", "1,000 series")
    assert (POINTS.is_mislabelled("a.points", "DOTS"), POINTS.is_mislabelled("a", "DOTS")) == (True, False)


def test_no_medium_is_known_by_name():
    known = re.compile(r"height|(?<!bit_)width|channel|pixel|picture|image|audio|sound|npz", flags=re.IGNORECASE)
    sources = {path.name: path.read_text() for path in Path(files.__file__).parent.glob("*.py")}
    assert len(sources) > 8
    assert {name: known.findall(text) for name, text in sources.items() if known.search(text)} == {}
