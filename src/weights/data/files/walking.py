"""All files below a folder and within a zip, whatever they are; `walk_folder` and `walk_zip` give the same record.

Names are only compared and shown, never written to, and bytes in them that are no text are replaced.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import NamedTuple

from weights.data.files.places import ArchivedFile
from weights.errors import DataError, printable

MOST_FILES = 1_000_000

_NO_CONTENT = frozenset({"__macosx", "thumbs.db", "desktop.ini"})

Steps = tuple[str, ...]
"""The folders that lead to a file or folder, and its own name last."""


class Located(NamedTuple):
    """A file, and where it is.

    Attributes:
        name: relative to the source, with slashes.
        steps: the folders that count for its class, and its name last: those within a zip are seen in the zip's place.
        place: where its content is.
    """

    name: str
    steps: Steps
    place: Path | ArchivedFile


class Tree(NamedTuple):
    """Files, and all folders, also empty ones."""

    files: list[Located]
    folders: set[Steps]


def walk_folder(top: Path) -> Tree:
    """All files below a folder, and its folders; links are followed, but no folder is entered twice.

    Raises:
        DataError: a folder cannot be read, or there are more than `MOST_FILES`.
    """
    files: list[Located] = []
    folders: set[Steps] = set()
    entered: set[tuple[int, int]] = set()
    waiting: list[tuple[Path, Steps]] = [(top, ())]
    while waiting:
        folder, above = waiting.pop()
        try:
            status = folder.stat()
            inside = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            hint = "Check its permissions, or move it away."
            raise DataError(f"The folder '{folder}' could not be read: {error.strerror}. {hint}") from error
        if (status.st_dev, status.st_ino) in entered:
            continue
        entered.add((status.st_dev, status.st_ino))
        for entry in inside:
            steps = (*above, _replace_undecodable(entry.name))
            if _is_content(entry.name) and entry.is_dir():
                folders.add(steps)
                waiting.append((Path(entry.path), steps))
            elif _is_content(entry.name):
                files.append(Located("/".join(steps), steps, Path(entry.path)))
        check_number(len(files), str(top))
    return Tree(files, folders)


def walk_zip(archive: zipfile.ZipFile) -> Tree:
    """All files within a zip, and its folders; of two entries with one name the later one counts, as when unpacking.

    Raises:
        DataError: there are more than `MOST_FILES`.
    """
    files: dict[str, Located] = {}
    folders: set[Steps] = set()
    check_number(len(archive.filelist), str(archive.filename))
    for info in archive.infolist():
        name = _replace_undecodable(info.filename.replace("\\", "/"))
        steps = tuple(step for step in name.split("/") if step)
        if not steps or not all(map(_is_content, steps)):
            continue
        folders |= {steps[:depth] for depth in range(1, len(steps))}
        if name.endswith("/"):
            folders.add(steps)
        else:
            files["/".join(steps)] = Located("/".join(steps), steps, ArchivedFile(archive, info))
    return Tree(list(files.values()), folders)


def open_zip(path: Path) -> zipfile.ZipFile:
    """A zip whose table of contents has been read.

    Raises:
        DataError: it may not be read, or is damaged.
    """
    try:
        return zipfile.ZipFile(path)
    except PermissionError as error:
        raise DataError(f"'{path}' may not be read. Check its permissions.") from error
    except Exception as error:  # Besides BadZipFile: whatever a damaged table of contents makes it stumble upon.
        reason = printable(str(error))
        raise DataError(f"'{path}' could not be read as a zip: {reason}. Check that it is complete.") from error


def check_number(n_files: int, where: str) -> None:
    """Refuse a source of more than `MOST_FILES` files.

    Raises:
        DataError: it has more.
    """
    if n_files > MOST_FILES:
        limit = f"at most {MOST_FILES:,} are read. Name a part of it."
        raise DataError(f"'{where}' holds {n_files:,} files or more, and {limit}")


def _is_content(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _NO_CONTENT


def _replace_undecodable(name: str) -> str:
    """A file's name without the stand-ins for bytes that are no text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
