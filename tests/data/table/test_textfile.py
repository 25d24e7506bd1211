"""Text files as UTF-8: encodings, pieces, and what is no text."""

import bz2
import gzip
import lzma

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weights.data.table import textfile
from weights.data.table.textfile import TextFile, squeeze_blanks
from weights.errors import DataError


def read(folder, content, name="a.csv", size=-1):
    path = folder / name
    path.write_bytes(content)
    with TextFile(path) as text:
        pieces = iter(lambda: text.read(size), b"") if size > 0 else [text.read()]
        return b"".join(pieces).decode(), text.remark


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), min_size=1, max_size=40),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    chunk=st.integers(1, 9),
    size=st.integers(1, 9),
)
def test_text_is_the_same_in_pieces_of_any_length(tmp_path, monkeypatch, text, encoding, chunk, size):
    monkeypatch.setattr(textfile, "_CHUNK", max(chunk, 4))
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    with TextFile(path) as file:
        try:
            assert b"".join(iter(lambda: file.read(size), b"")).decode() == text
        except DataError:
            # A few bytes without a mark may look like another encoding; whole chunks of a megabyte do not.
            assert encoding == "utf-8"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_known_by_its_zeros(tmp_path, encoding):
    text, remark = read(tmp_path, "name,n\nZürich,1\n".encode(encoding))
    assert text == "name,n\nZürich,1\n"
    assert remark == f"read as {encoding.upper()}, though without byte-order mark"


def test_windows_1252_is_read_and_said(tmp_path):
    assert read(tmp_path, "Zürich €\n".encode("cp1252")) == ("Zürich €\n", "read as Windows-1252, being no UTF-8")


def test_a_broken_byte_in_utf_8_is_no_reason_to_read_another_encoding(tmp_path):
    content = ("Zürich\n" * 50).encode().replace(b"\xc3\xbc", b"\xc3(", 1)
    with pytest.raises(DataError, match=r"is UTF-8 text, but line 1 holds bytes that are not \(c3\)\. Save the table again as UTF-8"):
        read(tmp_path, content)


def test_a_character_cut_off_at_the_end_is_refused(tmp_path):
    with pytest.raises(DataError, match="is UTF-8 text, but line 2 holds bytes that are not"):
        read(tmp_path, ("Zürich Łódź\n" + "Å").encode()[:-1])


def test_nul_bytes_are_refused_with_their_line(tmp_path):
    with pytest.raises(DataError, match="holds a NUL byte in line 2: text was needed"):
        read(tmp_path, b"a\r1\x00\r" * 3)


def test_peeking_takes_nothing(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"abcdef")
    with TextFile(path) as text:
        assert (text.peek(3)[:3], text.read(2), text.read()) == (b"abc", b"ab", b"cdef")


@pytest.mark.parametrize("content", [b"a\n1", b"a\n1\n"])
def test_a_last_line_stands_on_its_own(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with TextFile(path) as text:
        text.end_with(b"end\n")
        assert text.read() == b"a\n1\nend\n"


def test_compressed_text_that_grows_beyond_measure_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(textfile, "_EXPANSION_AFTER", 1000)
    with pytest.raises(DataError, match=r"grows more than 200 times when decompressed \(1\.0 MB so far\)"):
        read(tmp_path, gzip.compress(b"1\n" * 1_000_000), "a.csv.gz")


def test_compressed_text_that_grows_little_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(textfile, "_EXPANSION_AFTER", 10)
    assert read(tmp_path, gzip.compress(b"1,2\n" * 20), "a.csv.gz")[0] == "1,2\n" * 20


def zstd(text):
    return pa.Codec("zstd").compress(text, asbytes=True)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstd])
def test_compressed_text_is_read_whatever_it_is_called(tmp_path, compress, name):
    text = "a,b\n" + "1,2\n" * 1000
    if name == "a.csv" or compress is gzip.compress:
        assert read(tmp_path, compress(text.encode()), name)[0] == text


def test_what_only_begins_as_a_zip_archive_is_refused_in_words(tmp_path):
    with pytest.raises(DataError, match=r"begins as a zip archive does, but is damaged"):
        read(tmp_path, b"PK\x03\x04" + b"0" * 50)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 100])
def test_blanks_are_squeezed_in_pieces_of_any_length(tmp_path, monkeypatch, end, chunk):
    monkeypatch.setattr(textfile, "_CHUNK", chunk)
    path = tmp_path / "a.txt"
    path.write_bytes((end.join(['  1   2\t"a  b" ', " 3\t 4  c  ", "", " 5 6 d"])).encode())
    with TextFile(path) as file:
        file.peek(5)
        file.rewrite_lines(squeeze_blanks)
        assert file.read().decode() == end.join(['1 2 "a  b"', "3 4 c", "", "5 6 d"])
