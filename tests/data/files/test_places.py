"""The content of files and of entries of zips, within limits, and why there is none."""

import os
import stat
import zipfile

import numpy as np

from labelled_files import pack, put
from weights.data.files.places import ArchivedFile, measure_bytes, read_content

MOST_BYTES = 200_000_000


def test_places_without_content_have_a_reason(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert stat.S_ISFIFO((tmp_path / "pipe.png").stat().st_mode)
    assert read_content(tmp_path / "pipe.png", MOST_BYTES) == "is no file but a device or a pipe"
    assert read_content(tmp_path, MOST_BYTES) == "is a folder"
    assert read_content(None, MOST_BYTES) == "has no name"
    assert read_content(tmp_path / "a\0b", MOST_BYTES).startswith("could not be read (")
    assert read_content(tmp_path / ("a" * 300), MOST_BYTES) == "could not be read (File name too long)"
    assert read_content(put(tmp_path, "a.png") / "a.png", 3) == "takes 0.0 MB, more than the 0.0 MB that are read"


def test_the_size_of_what_is_at_a_place_is_known(tmp_path):
    put(tmp_path, "a.png")
    with zipfile.ZipFile(pack(tmp_path / "a.zip", "four")) as archive:
        places = [tmp_path / "a.png", ArchivedFile(archive, archive.infolist()[0]), np.zeros((2, 3), np.uint8), tmp_path / "gone", None]
        assert [measure_bytes(place) for place in places] == [5, 4, 6, None, None]


def test_entries_of_zips_are_read_within_limits(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(10_000_000))
        archive.writestr("good.png", b"good")
        archive.writestr("secret.png", b"secret")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        bomb, good, secret = archive.infolist()
        assert read_content(ArchivedFile(archive, good), MOST_BYTES) == b"good"
        secret.flag_bits |= 1
        assert read_content(ArchivedFile(archive, secret), MOST_BYTES) == "is encrypted"
        assert read_content(ArchivedFile(archive, bomb), 1_000_000) == "takes 10.0 MB, more than the 1.0 MB that are read"
        # An entry that claims to be small does not give more than it claims.
        bomb.file_size = 100
        assert read_content(ArchivedFile(archive, bomb), MOST_BYTES).startswith("is damaged within its zip (Bad CRC-32")
        content[good.header_offset + 31 + len(good.filename)] ^= 0xFF
    (tmp_path / "b.zip").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert read_content(ArchivedFile(archive, archive.infolist()[1]), MOST_BYTES).startswith("is damaged within its zip (")
