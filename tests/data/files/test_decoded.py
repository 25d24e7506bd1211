"""Many pictures decoded: sizes, order, threads, and where the bytes lie."""

import collections
import tempfile

import numpy as np
import pyarrow as pa
import pytest

from labelled_files import first_bytes, paint
from weights.data.files import decoded, sample
from weights.data.files.labelled import FILE_NAMES
from weights.data.files.lists import list_array
from weights.data.image.medium import DecodeOptions, read_pictures
from weights.data.table.delimited import remarks_of
from weights.errors import DataError, StorageError


def test_pictures_are_not_copied_and_cannot_be_changed(tmp_path):
    for i in range(3):
        paint(tmp_path / f"{i}.png", i)
    table = read_pictures(tmp_path)
    once, again = list_array(table["picture"]), list_array(table["picture"].slice(1))
    assert np.shares_memory(once, again)
    assert np.shares_memory(once, np.frombuffer(table["picture"].chunk(0).values.buffers()[1], np.uint8))
    np.testing.assert_array_equal(once[1:], again)
    assert not once.flags.writeable
    chunked = pa.chunked_array([table["picture"].chunk(0), table["picture"].chunk(0).slice(2)])
    assert list_array(chunked)[:, 0].tolist() == [0, 1, 2, 2]
    assert list_array(table["picture"].slice(0, 0)).shape == (0, 120)
    assert list_array(table["picture"].take([2, 0]))[:, 0].tolist() == [2, 0]


def test_no_file_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    paint(tmp_path / "s" / "a.png")
    table = read_pictures(tmp_path / "s")
    assert list((tmp_path / "tmp").iterdir()) == []
    assert first_bytes(table) == [7]


@pytest.fixture
def flawed(tmp_path):
    """A folder of 60 pictures, two of which cannot be read."""
    for i in range(60):
        paint(tmp_path / "flawed" / f"{i:02}.png", i)
    (tmp_path / "flawed" / "07.png").write_bytes(b"")
    (tmp_path / "flawed" / "30.png").write_bytes((tmp_path / "flawed" / "30.png").read_bytes()[:45])
    return tmp_path / "flawed"


def test_unreadable_pictures_leave_no_holes_and_are_told(flawed):
    table = read_pictures(flawed)
    assert first_bytes(table) == [i for i in range(60) if i not in (7, 30)]
    assert table[FILE_NAMES].to_pylist()[6:8] == ["06.png", "08.png"]
    assert remarks_of(table) == [
        "2 of 60 pictures could not be read and were left out: 07.png (is empty (0 bytes)), 30.png (is cut off)",
    ]


def test_unreadable_pictures_are_refused_when_strict(flawed):
    with pytest.raises(DataError, match=r"Every picture must be readable here, but 2 of 60 are not: 07.png \(is empty"):
        read_pictures(flawed, DecodeOptions(strict=True))


def test_too_many_unreadable_pictures_are_refused(flawed):
    (flawed / "50.png").write_text("hello")
    assert len(read_pictures(flawed)) == 57
    (flawed / "51\n.png").write_text("hello")
    with pytest.raises(DataError, match=r"At most 5% of pictures .* 4 of 61 in '.*' are: 07.png .*50.png \(is text, .*\) and 1 more"):
        read_pictures(flawed)


def test_no_readable_picture_is_refused(tmp_path):
    (tmp_path / "a\x1b.png").write_text("hello")
    with pytest.raises(DataError, match=r"of 1 in '.*' there is none: a\\x1b.png \(is text, not a picture\)"):
        read_pictures(tmp_path)
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(DataError, match=r"there is none: row 1 \(is 2 x 2 pixels, too small"):
        read_pictures(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", images=np.zeros((0, 8, 8), np.uint8))
    with pytest.raises(DataError, match=r"At least one picture was needed"):
        read_pictures(tmp_path / "b.npz")


def test_the_order_is_that_of_the_names_whatever_the_threads_do(tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "count_threads", lambda sizes, small_bytes: 4)
    for i in range(150):
        paint(tmp_path / f"{i:03}.png", i, size=(400, 400) if i % 3 == 0 else (10, 10))
    table = read_pictures(tmp_path, DecodeOptions(size=(8, 8)))
    assert first_bytes(table) == list(range(150))
    assert table[FILE_NAMES].to_pylist() == [f"{i:03}.png" for i in range(150)]


def test_progress_is_reported_now_and_then(tmp_path):
    for i in range(120):
        paint(tmp_path / f"{i}.png")
    reported = []
    read_pictures(tmp_path, DecodeOptions(report_progress=reported.append))
    assert reported == [50 / 120, 100 / 120, 1.0]


def test_an_interrupt_stops_the_threads(tmp_path, monkeypatch):
    for i in range(600):
        paint(tmp_path / f"{i}.png")
    begun = collections.Counter()
    real = decoded.read_content

    def counted(place, most_bytes):
        begun["files"] += 1
        return real(place, most_bytes)

    def interrupt(share):
        raise KeyboardInterrupt

    monkeypatch.setattr(decoded, "read_content", counted)
    monkeypatch.setattr(sample, "count_threads", lambda sizes, small_bytes: 2)
    with pytest.raises(KeyboardInterrupt):
        read_pictures(tmp_path, DecodeOptions(size=(8, 8), channels=1, report_progress=interrupt))
    assert begun["files"] < 300


def test_a_disk_without_room_is_told_before_decoding(tmp_path, monkeypatch):
    usage = collections.namedtuple("usage", "free")
    monkeypatch.setattr(decoded.shutil, "disk_usage", lambda folder: usage(10))
    paint(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"The decoded pictures \(1\) need 0.0 MB in .* Make room, set TMPDIR"):
        read_pictures(tmp_path)


def test_a_disk_that_fills_up_is_an_error(tmp_path):
    paint(tmp_path / "a.png")
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(StorageError, match=r"No space left on device. Make room"):
        decoded._write(full, np.zeros((8, 8, 1), np.uint8), "pictures")
