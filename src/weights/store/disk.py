"""Files that are there whole or not at all, whatever stops the process, and one process at a time where that matters.

`write_file` and `write_folder` replace in one step; `claimed` holds a path against other processes; `read_file` reads
no more than is lawful. They say `StorageError` when the disk does not do what it should.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from weights.errors import CorruptError, StorageError, UsageError
from weights.interruption import undone

_TURN_SECONDS = 60.0
"""How long a save waits for another save to the same place before it gives up (our choice)."""


def write_file(path: Path, content: bytes) -> None:
    """Replace a file in one step: readers, and whoever comes after a crash, find the old content or the new.

    Raises:
        StorageError: the disk is full, read-only or failing; the old file is as it was.
    """
    fresh = path.with_name(f".{path.name}.new")
    with faults_said(path), undone(lambda: fresh.unlink(missing_ok=True)):
        _write_durably(fresh, content)
        os.replace(fresh, path)
        _sync(path.parent)


def write_folder(folder: Path, contents: Mapping[str, bytes], *, replaces: Callable[[Path], bool], keeps: str = "") -> None:
    """Replace a folder of files in one step; two processes that do so at once take turns.

    Args:
        folder: to write; if it exists, the new one takes its place and the old one is deleted.
        contents: file name -> content.
        replaces: asked last of all, whether what lies there now may be replaced.
        keeps: the name of a folder in the old one that the new one takes over, if it is there.

    Raises:
        StorageError: the disk is full, read-only or failing; the old folder is as it was.
        UsageError: what lies there may not be replaced, or another process has been saving there for a minute.
    """
    fresh = _hidden(folder, f"new-{os.getpid()}")
    with faults_said(folder), claimed(_hidden(folder, "saving"), f"'{folder}' is being saved", wait_seconds=_TURN_SECONDS) as alone:
        if alone:
            _remove_hidden(folder, "new-")
        with undone(lambda: shutil.rmtree(fresh, ignore_errors=True)):
            os.mkdir(fresh)
            for name, content in contents.items():
                _write_durably(fresh / name, content)
            if keeps and (folder / keeps).is_dir():
                shutil.copytree(folder / keeps, fresh / keeps, copy_function=os.link)
            _sync(fresh)
            if not replaces(folder):
                raise UsageError(f"'{folder}' has become something else meanwhile and was left alone. Choose another name for --save.")
            _put(fresh, folder)
        if alone:
            _remove_hidden(folder, "old-")


def write_within(folder: Path, inner: str, name: str, content: bytes | None) -> None:
    """Write a file into a folder within a saved one, or remove it if there is no content; saves of the outer folder wait for it.

    Raises:
        StorageError: the disk does not take it; what was there is as it was.
        UsageError: another process has been saving there for a minute.
    """
    with faults_said(folder), claimed(_hidden(folder, "saving"), f"'{folder}' is being saved", wait_seconds=_TURN_SECONDS):
        if content is None:
            (folder / inner / name).unlink(missing_ok=True)
            return
        (folder / inner).mkdir(exist_ok=True)
        write_file(folder / inner / name, content)


def remove_folder(folder: Path, *, removes: Callable[[Path], bool]) -> None:
    """Remove a folder of files: whoever looks finds all of it or nothing.

    Args:
        folder: to remove.
        removes: asked last of all, whether what lies there now may be removed.

    Raises:
        StorageError: the disk does not let it be removed.
        UsageError: what lies there may not be removed, or another process is saving there.
    """
    gone = _hidden(folder, f"old-{os.getpid()}")
    with faults_said(folder), claimed(_hidden(folder, "saving"), f"'{folder}' is being saved"):
        if not removes(folder):
            raise UsageError(f"'{folder}' is not a saved run, so it is not removed. `weights runs` lists those there are.")
        os.rename(folder, gone)
        _sync(folder.parent)
        shutil.rmtree(gone)


@contextmanager
def claimed(path: Path, busy: str, *, wait_seconds: float = 0.0) -> Iterator[bool]:
    """Hold a lock file while the block runs; the system lets go of it if the process dies.

    Args:
        path: of the lock file, which is removed at the end.
        busy: what to say if another process holds it and does not let go.
        wait_seconds: how long to wait for it.

    Yields:
        Whether the file system has locks; if not, nobody is kept out.

    Raises:
        UsageError: another process holds it.
        OSError: it cannot be made.
    """
    ends = time.monotonic() + wait_seconds
    while (held := _try_lock(path)) is None:
        if time.monotonic() >= ends:
            raise UsageError(f"{busy} by another process. Wait until it has ended, or choose another place.")
        time.sleep(0.02)
    handle, locked = held

    def let_go() -> None:
        with contextlib.suppress(OSError):
            os.unlink(path)
        os.close(handle)

    with undone(let_go):
        yield locked


def read_file(path: Path, largest: int) -> bytes:
    """The content of a plain file of at most so many bytes; a symbolic link is followed.

    Raises:
        CorruptError: there is no such file, it is no plain file, or it is larger.
        StorageError: the disk or its permissions do not let it be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe in its place must not make us wait
        try:
            return _plain_content(handle, path, largest)
        finally:
            os.close(handle)
    except (FileNotFoundError, NotADirectoryError):
        raise CorruptError(f"'{path}' is missing from the saved folder. Restore it from a copy or fit again.") from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise CorruptError(f"'{path}' must be a plain file, but is not. Restore it from a copy or fit again.") from error
        raise StorageError(f"'{path}' could not be read: {error.strerror}. Check its permissions and the disk.") from error


def _plain_content(handle: int, path: Path, largest: int) -> bytes:
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        raise CorruptError(f"'{path}' must be a plain file, but is not. Restore it from a copy or fit again.")
    if found.st_size > largest:
        raise CorruptError(f"'{path}' has {found.st_size:,} bytes, and at most {largest:,} are lawful. It was not written by Weights.")
    chunks, rest = [], found.st_size  # no more than that, even if the file grows meanwhile
    while rest and (chunk := os.read(handle, rest)):
        chunks.append(chunk)
        rest -= len(chunk)
    return b"".join(chunks)


@contextmanager
def faults_said(path: Path) -> Iterator[None]:
    """Say what the disk did not do as a `StorageError` that names the path."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(
            f"'{path}' could not be written: {error.strerror}. Free space or choose another place; nothing is half-written."
        ) from error


def _hidden(path: Path, word: str) -> Path:
    """The name of a helper that lies beside a path while it is written."""
    return path.with_name(f".{path.name}.{word}")


def _remove_hidden(folder: Path, word: str) -> None:
    """Delete what saves of this folder that were cut off have left behind."""
    start = _hidden(folder, word).name
    with contextlib.suppress(OSError):
        for name in os.listdir(folder.parent):
            if name.startswith(start):
                shutil.rmtree(folder.parent / name, ignore_errors=True)


def _write_durably(path: Path, content: bytes) -> None:
    """Write a file and wait until the disk has it."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync(folder: Path) -> None:
    """Wait until the disk has the names in a folder, where the file system knows how to."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def _put(fresh: Path, folder: Path) -> None:
    """Give the new folder its name, and the old one the new one's; if the disk does not confirm it, change back, if it lets us."""
    swap = exchange if os.path.lexists(folder) else os.rename
    swap(fresh, folder)
    try:
        _sync(folder.parent)
    except OSError:
        with contextlib.suppress(OSError):
            exchange(fresh, folder) if swap is exchange else os.rename(folder, fresh)
        raise


_AT_WORKING_FOLDER = -100
_RENAME_EXCHANGE = 2


def exchange(first: Path, second: Path) -> None:
    """Let two folders change names: in one step on Linux, else in three renames that a crash may cut."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        names = os.fsencode(first.absolute()), os.fsencode(second.absolute())
        if libc.renameat2(_AT_WORKING_FOLDER, names[0], _AT_WORKING_FOLDER, names[1], _RENAME_EXCHANGE) == 0:
            return
        if (number := ctypes.get_errno()) not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
            raise OSError(number, os.strerror(number), str(second))
    aside = _hidden(second, f"old-{os.getpid()}")
    try:
        os.rename(second, aside)
        os.rename(first, second)
    except BaseException:
        if aside.exists() and not second.exists():
            os.rename(aside, second)
        raise
    os.rename(aside, first)


def _try_lock(path: Path) -> tuple[int, bool] | None:
    """An open lock file and whether it is locked; None if another holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(handle, path):
            return handle, True
    except BlockingIOError:
        pass
    except OSError:
        return handle, False
    os.close(handle)
    return None


def _is_at(handle: int, path: Path) -> bool:
    """Whether the open file is still the one of that name, and was not removed by who held it before."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False
