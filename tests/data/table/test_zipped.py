"""Tables of text in a zip are read like those beside it; what else a zip holds is refused in words, and none exhausts memory."""

from __future__ import annotations

import re
import zipfile

import pytest

from weights.data.files.medium import names_source
from weights.data.image.medium import IMAGES
from weights.data.table.read import missing_words_of, read_table
from weights.data.table.zipped import find_zipped_table
from weights.errors import DataError

CSV = "age,ill\n31,no\nNA,yes\n"


def zipped(path, files, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["t.zip", "t.csv.zip", "t.csv"])
@pytest.mark.parametrize("beside", [{}, {"folder/": "", "__MACOSX/._t.csv": "x", ".DS_Store": "x"}])
def test_the_one_table_of_a_zip_is_read(tmp_path, name, beside):
    path = zipped(tmp_path / name, {**beside, "folder/t.csv": CSV})
    table = read_table(path)
    assert table.to_pydict() == {"age": [31, None], "ill": ["no", "yes"]}
    assert missing_words_of(path, table, "age") == {"NA": 1}
    assert not names_source(tmp_path / "t.zip", IMAGES) or name != "t.zip"


def test_json_lines_in_a_zip_are_read(tmp_path):
    assert read_table(zipped(tmp_path / "t.zip", {"t.jsonl": '{"a": 1}\n{"a": 2}\n'}))["a"].to_pylist() == [1, 2]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a.csv": CSV, "b.csv": CSV}, "it holds 'a.csv', 'b.csv'. Unpack it, and name the file inside"),
        ({"a.parquet": "PAR1"}, "it holds 'a.parquet'"),
        ({"a.csv": CSV, "b.png": "", "c.png": "", "d.png": ""}, "'b.png', 'c.png', ..."),
    ],
)
def test_another_zip_is_refused_with_what_it_holds(tmp_path, files, said):
    for name in ("t.csv", "t.zip"):
        with pytest.raises(DataError, match=re.escape(said)):
            read_table(zipped(tmp_path / name, files))
    assert names_source(zipped(tmp_path / "t.zip", files), IMAGES)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_cannot_be_unpacked_in_bounded_pieces_is_refused(tmp_path, method):
    with pytest.raises(DataError, match=r"'t.csv' in the zip .* is packed in another way than by deflation"):
        read_table(zipped(tmp_path / "t.zip", {"t.csv": CSV}, method))


def test_an_encrypted_file_is_refused(tmp_path):
    path = zipped(tmp_path / "t.zip", {"t.csv": CSV})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="is encrypted"):
        read_table(path)


def test_a_zip_that_grows_without_bound_is_refused(tmp_path):
    path = zipped(tmp_path / "t.zip", {"t.csv": b"a,b\n" + b"1,1\n" * (20 << 20)})
    with pytest.raises(DataError, match="grows more than 200 times when decompressed"):
        read_table(path)


@pytest.mark.parametrize("cut", [10, 60, -30])
def test_a_damaged_zip_is_refused_in_words(tmp_path, cut):
    path = zipped(tmp_path / "t.csv", {"t.csv": CSV * 50})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match="is damaged"):
        read_table(path)
    assert find_zipped_table(path) is None
    assert find_zipped_table(tmp_path / "none") is None
