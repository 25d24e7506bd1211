"""Files and folders that are there whole or not at all, and one process at a time."""

from __future__ import annotations

import ctypes
import os
import threading

import pytest

from weights.errors import CorruptError, StorageError, UsageError
from weights.store import disk
from weights.store.disk import claimed, exchange, read_file, write_file, write_folder

BEFORE, AFTER = {"a": b"old", "b": b"old"}, {"a": b"new", "c": b"new"}


def always(folder) -> bool:
    return True


def content_of(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(params=["one step", "three renames"])
def folder(tmp_path, request, monkeypatch):
    """A folder with old content, on a system that can exchange folders in one step or not."""
    if request.param == "three renames":
        monkeypatch.setattr(ctypes, "CDLL", lambda name, use_errno: object())
    write_folder(tmp_path / "run", BEFORE, replaces=always)
    return tmp_path / "run"


def test_a_folder_is_replaced_whole_and_nothing_else_is_left(folder):
    write_folder(folder, AFTER, replaces=always)
    assert content_of(folder) == AFTER
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


def test_a_folder_that_may_not_be_replaced_stays(folder):
    with pytest.raises(UsageError, match="has become something else meanwhile and was left alone"):
        write_folder(folder, AFTER, replaces=lambda folder: False)
    assert content_of(folder) == BEFORE
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


def test_what_a_crash_left_behind_is_removed_by_the_next_save(folder):
    for word in ("new-1", "old-1"):
        (folder.parent / f".run.{word}").mkdir()
        (folder.parent / f".run.{word}" / "a").write_bytes(b"cut o")
    write_folder(folder, AFTER, replaces=always)
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


def test_exchanged_folders_have_each_others_name(folder):
    (folder.parent / "other").mkdir()
    exchange(folder.parent / "other", folder)
    assert (content_of(folder), content_of(folder.parent / "other")) == ({}, BEFORE)


def test_a_failed_exchange_changes_nothing(folder):
    with pytest.raises(FileNotFoundError):
        exchange(folder.parent / "absent", folder)
    assert content_of(folder) == BEFORE
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


def test_saves_at_once_take_turns(folder):
    contents = [{"a": bytes([i]) * 1000, "b": bytes([i]) * 1000} for i in range(8)]
    threads = [threading.Thread(target=write_folder, args=(folder, content), kwargs={"replaces": always}) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert content_of(folder) in contents
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


def test_a_save_does_not_wait_forever_for_another(folder, monkeypatch):
    monkeypatch.setattr(disk, "_TURN_SECONDS", 0.1)
    with (
        claimed(folder.parent / ".run.saving", "busy"),
        pytest.raises(UsageError, match=r"run' is being saved by another process\. Wait"),
    ):
        write_folder(folder, AFTER, replaces=always)
    assert content_of(folder) == BEFORE


def test_a_lock_file_that_nobody_holds_is_taken(tmp_path):
    (tmp_path / "lock").write_text("")
    with claimed(tmp_path / "lock", "busy") as locked:
        assert locked
    assert [*tmp_path.iterdir()] == []


def test_a_file_system_without_locks_keeps_nobody_out(tmp_path, monkeypatch):
    def unable(*args):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(disk.fcntl, "flock", unable)
    with claimed(tmp_path / "lock", "busy") as first, claimed(tmp_path / "lock", "busy") as second:
        assert (first, second) == (False, False)


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    for content in (b"old", b"new"):
        write_file(tmp_path / "a", content)
    assert content_of(tmp_path) == {"a": b"new"}


def test_a_place_that_does_not_exist_is_said(tmp_path):
    with pytest.raises(StorageError, match=r"'.*a' could not be written: No such file or directory\. Free space or choose another place"):
        write_file(tmp_path / "absent" / "a", b"new")


def test_a_link_is_followed_when_reading(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "b").symlink_to("a")
    assert read_file(tmp_path / "b", 7) == b"content"


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("/dev/zero", path), lambda path: os.symlink(path, path)])
def test_what_is_no_plain_file_is_not_read(tmp_path, make):
    make(tmp_path / "a")
    with pytest.raises(CorruptError, match=r"a' must be a plain file, but is not\. Restore it"):
        read_file(tmp_path / "a", 100)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    with pytest.raises(CorruptError, match=r"a' has 7 bytes, and at most 6 are lawful"):
        read_file(tmp_path / "a", 6)


def test_a_file_that_may_not_be_read_is_said(tmp_path, monkeypatch):
    def refuse(path, flags):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(disk.os, "open", refuse)
    with pytest.raises(StorageError, match=r"a' could not be read: Permission denied\. Check its permissions and the disk"):
        read_file(tmp_path / "a", 6)
