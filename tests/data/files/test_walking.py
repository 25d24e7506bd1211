"""Which files are found below a folder and within a zip, and by which names."""

import pytest

from labelled_files import listed, pack, put
from weights.data.files import walking
from weights.data.files.places import read_content
from weights.errors import DataError

MOST_BYTES = 200_000_000


def test_names_cannot_lead_out_of_a_zip(tmp_path):
    path = pack(tmp_path / "a.zip", "../up.png", "/cat/a.png", "dog\\b.png")
    assert [name for _, _, name in listed(path)[0]] == ["cat/a.png", "dog/b.png"]
    assert not (tmp_path.parent / "up.png").exists()


def test_links_are_followed_and_circles_are_not(tmp_path):
    put(tmp_path / "s", "cat/a.png", "dog/b.png")
    put(tmp_path / "elsewhere", "c.png")
    (tmp_path / "s" / "cat" / "round").symlink_to(tmp_path / "s")
    (tmp_path / "s" / "cat" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "s" / "dog" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert [name for _, _, name in listed(tmp_path / "s")[0]] == ["cat/a.png", "cat/link/c.png", "dog/b.png", "dog/gone.png"]
    assert read_content(tmp_path / "s" / "dog" / "gone.png", MOST_BYTES) == "is not there"


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    put(tmp_path, "cat/a.png")
    monkeypatch.setattr(walking.os, "scandir", refuse)
    with pytest.raises(DataError, match=r"could not be read: Permission denied. Check its permissions"):
        listed(tmp_path)


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(walking, "MOST_FILES", 2)
    for path in (put(tmp_path / "s", "a.png", "b.png", "c.png"), pack(tmp_path / "s.zip", "a.png", "b.png", "c.png")):
        with pytest.raises(DataError, match=r"holds 3 files or more, and at most 2 are read"):
            listed(path)
