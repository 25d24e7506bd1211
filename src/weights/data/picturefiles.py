"""Which pictures a folder or a zip holds, and what their places say: the class, and the part they officially belong to.

`pictures_in` is the entrance. Both kinds of source are walked to the same list of files, so that they are arranged by the
same rules. A zip is never unpacked to the disk; its entries are read one by one, and not beyond a limit.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import stat
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from weights.data.image.decoding import FORMAT_OF_SUFFIX
from weights.data.memory import in_words
from weights.errors import DataError, NotFoundError, listed, printable, suggest

MOST_FILES = 1_000_000
MOST_BYTES = 200_000_000
"""Files, and entries of a zip, that are larger are not read (our choice): photographs take a tenth of it."""

PARTS = {
    **{"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val"},
    **{"test": "test", "testing": "test"},
}
"""Folders that say which part of an official split their pictures belong to."""

ORDER_OF_PARTS = ("train", "val", "test", "")

_SUFFIXES = (*FORMAT_OF_SUFFIX, "")
_NO_CONTENT = frozenset({"__macosx", "thumbs.db", "desktop.ini"})


class Member(NamedTuple):
    """An entry of an open zip."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo


Place = Path | Member | np.ndarray | None
"""Where a picture's content is: in a file, in a zip, here already, or nowhere."""


class Entry(NamedTuple):
    """A file that is a picture by its name.

    Attributes:
        name: relative to the source, with slashes.
        place: where its content is.
        label: its class; None where it is in no class folder.
        part: "train", "val" or "test"; empty where the source is not split.
    """

    name: str
    place: Place
    label: str | None = None
    part: str = ""


class Listing(NamedTuple):
    """The pictures of a source, in the order in which they become rows, and what was remarked while listing them."""

    entries: list[Entry]
    remarks: list[str]


class _Found(NamedTuple):
    """A file by its full name, and by the folders that count for its class: those within a zip are seen in its place."""

    name: str
    parts: tuple[str, ...]
    place: Path | Member


@contextlib.contextmanager
def pictures_in(path: Path) -> Iterator[Listing]:
    """The pictures of a folder, a zip or a single file; their content can be read until the context ends.

    Raises:
        NotFoundError: there is no such file or folder.
        DataError: it cannot be read, or holds no picture.
    """
    check_exists(path)
    with contextlib.ExitStack() as stack:
        if path.is_dir():
            files, folders = _walk(path)
            files, folders = _with_zips_opened(files, folders, stack)
        elif path.suffix.lower() == ".zip":
            files, folders = _members(stack.enter_context(_archive(path)))
        else:
            yield Listing([Entry(path.name, path)], [])
            return
        yield _arranged(files, folders, path)


def content_of(place: Place) -> bytes | np.ndarray | str:
    """What is at a place, or the reason why it cannot be read, such as "is not there"."""
    if place is None:
        return "has no name"
    if isinstance(place, np.ndarray):
        return place
    try:
        return _content_of_member(place) if isinstance(place, Member) else _content_of_file(place)
    except FileNotFoundError:
        return "is not there"
    except PermissionError:
        return "may not be read"
    except (OSError, ValueError) as error:
        return f"could not be read ({printable(getattr(error, 'strerror', None) or str(error))})"
    except Exception as error:  # Entries of zips that are damaged raise zlib.error, EOFError, LZMAError and more.
        return f"is damaged within its zip ({printable(str(error))[:80] or type(error).__name__})"


def n_bytes_of(place: Place) -> int | None:
    """Size of what is at a place; None where it is not known or nothing is there."""
    if isinstance(place, Member):
        return place.info.file_size
    if isinstance(place, np.ndarray):
        return place.nbytes
    try:
        return None if place is None else place.stat().st_size
    except (OSError, ValueError):
        return None


def check_exists(path: Path) -> None:
    """Refuse a source that is not there.

    Raises:
        NotFoundError: it is not, with the name that may have been meant.
    """
    if path.exists():
        return
    if not path.parent.is_dir():
        raise NotFoundError(f"There is no file or folder '{path}': the folder '{path.parent}' does not exist either. Check the path.")
    neighbours = [file.name for file in itertools.islice(path.parent.iterdir(), 500)]
    hint = suggest(path.name, neighbours) if neighbours else "Its folder is empty."
    raise NotFoundError(f"There is no file or folder '{path}' to read pictures from. {hint}")


# Content


def _content_of_file(path: Path) -> bytes | str:
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        return "is a folder"
    if not stat.S_ISREG(found.st_mode):
        return "is no file but a device or a pipe"
    return path.read_bytes() if found.st_size <= MOST_BYTES else _too_large(found.st_size)


def _content_of_member(member: Member) -> bytes | str:
    if member.info.flag_bits & 0x1:
        return "is encrypted"
    if member.info.file_size > MOST_BYTES:
        return _too_large(member.info.file_size)
    return member.archive.read(member.info)  # No more than the checked size, whatever the compressed bytes hold.


def _too_large(n_bytes: int) -> str:
    return f"takes {in_words(n_bytes)}, more than the {in_words(MOST_BYTES)} that are read"


# Walking


def _walk(top: Path) -> tuple[list[_Found], set[tuple[str, ...]]]:
    """All files below a folder, and its folders; links are followed, but no folder is entered twice."""
    files: list[_Found] = []
    folders: set[tuple[str, ...]] = set()
    entered: set[tuple[int, int]] = set()
    waiting: list[tuple[Path, tuple[str, ...]]] = [(top, ())]
    while waiting:
        folder, parts = waiting.pop()
        try:
            found = folder.stat()
            inside = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise DataError(
                f"The folder '{folder}' could not be read: {error.strerror}. Check its permissions, or move it away."
            ) from error
        if (found.st_dev, found.st_ino) in entered:
            continue
        entered.add((found.st_dev, found.st_ino))
        for entry in inside:
            below = (*parts, _as_text(entry.name))
            if _is_content(entry.name) and entry.is_dir():
                folders.add(below)
                waiting.append((Path(entry.path), below))
            elif _is_content(entry.name):
                files.append(_Found("/".join(below), below, Path(entry.path)))
        _check_number(len(files), str(top))
    return files, folders


def _members(archive: zipfile.ZipFile) -> tuple[list[_Found], set[tuple[str, ...]]]:
    """All files within a zip, and its folders; of two entries with one name the later one counts, as when unpacking."""
    files: dict[str, _Found] = {}
    folders: set[tuple[str, ...]] = set()
    _check_number(len(archive.filelist), str(archive.filename))
    for info in archive.infolist():
        name = _as_text(info.filename.replace("\\", "/"))
        parts = tuple(part for part in name.split("/") if part)
        if not parts or not all(map(_is_content, parts)):
            continue
        folders |= {parts[:depth] for depth in range(1, len(parts))}
        if name.endswith("/"):
            folders.add(parts)
        else:
            files["/".join(parts)] = _Found("/".join(parts), parts, Member(archive, info))
    return list(files.values()), folders


def _with_zips_opened(
    files: list[_Found], folders: set[tuple[str, ...]], stack: contextlib.ExitStack
) -> tuple[list[_Found], set[tuple[str, ...]]]:
    """The files of a folder with those within its zips beside them, as if each zip had been unpacked where it lies."""
    outside = []
    for file in files:
        if len(file.parts) > 1 or not file.name.lower().endswith(".zip") or not isinstance(file.place, Path):
            outside.append(file)
            continue
        inside, within = _members(stack.enter_context(_archive(file.place)))
        inside, within = _without_root(inside, within)
        above = _folder_for_zip(file.name[:-4], inside)
        outside += [_Found(f"{file.name}/{found.name}", above + found.parts, found.place) for found in inside]
        folders |= {above + parts for parts in within}
        _check_number(len(outside), file.name)
    return outside, folders


def _folder_for_zip(stem: str, inside: Sequence[_Found]) -> tuple[str, ...]:
    """The folder that a zip's name stands for: train for cifar_train.zip of class folders, cats for cats.zip of pictures."""
    tops = {found.parts[0] for found in inside if _is_candidate(found) and len(found.parts) > 1}
    if any(top.lower() in PARTS for top in tops):
        return ()
    words = [word for word in re.split(r"[^a-z0-9]+", stem.lower()) if word in PARTS]
    if words:
        return (words[-1],)
    return () if tops else (stem,)


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except PermissionError as error:
        raise DataError(f"'{path}' may not be read. Check its permissions.") from error
    except Exception as error:  # Besides BadZipFile: whatever a damaged table of contents makes its parser stumble upon.
        raise DataError(f"'{path}' could not be read as a zip: {printable(str(error))}. Check that it is complete.") from error


def _check_number(n_files: int, where: str) -> None:
    if n_files > MOST_FILES:
        raise DataError(f"'{where}' holds {n_files:,} files or more, and at most {MOST_FILES:,} are read. Name a part of it.")


def _is_content(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _NO_CONTENT


def _as_text(name: str) -> str:
    """A file's name without the stand-ins for bytes that are no text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


# Arranging


def _arranged(files: list[_Found], folders: set[tuple[str, ...]], source: Path) -> Listing:
    """What the files' places say, in order: training, validation and test pictures, each by name."""
    if not any(map(_is_candidate, files)):
        raise _no_picture(files, folders, source)
    inside, folders = _without_root(files, folders)
    candidates = [file for file in inside if _is_candidate(file)]
    is_split = _is_split({file.parts[0] for file in candidates if len(file.parts) > 1})
    # In a split source the class is the folder below the part's.
    depth = 1 if is_split else 0
    entries, beside = [], []
    for file in candidates:
        part = PARTS.get(file.parts[0].lower(), "") if is_split else ""
        if is_split and (not part or len(file.parts) == 1):
            beside.append(file.name)
        else:
            entries.append(Entry(file.name, file.place, file.parts[depth] if len(file.parts) > depth + 1 else None, part))
    entries.sort(key=lambda entry: (ORDER_OF_PARTS.index(entry.part), entry.name))
    remarks = [f"{_pictures(len(beside))} beside the folders of the split were left out: {_shown(sorted(beside))}"] if beside else []
    remarks += _remarks_on_classes(entries, {parts[depth] for parts in folders if len(parts) == depth + 1})
    return Listing(entries, remarks + _remarks_on_others(files))


def _without_root(files: list[_Found], folders: set[tuple[str, ...]]) -> tuple[list[_Found], set[tuple[str, ...]]]:
    """Files and folders as seen from within the one folder that holds all pictures, unless it is a part of a split.

    An empty folder beside it is a class without pictures, and it another class; one of other files is none.
    """
    while True:
        candidates = [file for file in files if _is_candidate(file)]
        empty = {parts[0] for parts in folders} - {file.parts[0] for file in files if len(file.parts) > 1}
        roots = {file.parts[0] if len(file.parts) > 1 else "" for file in candidates} | empty
        if len(roots) != 1 or "" in roots or min(roots).lower() in PARTS:
            return files, folders
        files = [file._replace(parts=file.parts[1:]) for file in files if len(file.parts) > 1 and file.parts[0] in roots]
        folders = {parts[1:] for parts in folders if len(parts) > 1 and parts[0] in roots}


def _is_split(tops: set[str]) -> bool:
    """Whether the uppermost folders are parts of a split: all of them, or one to train and one to judge by."""
    parts = {PARTS.get(top.lower(), "") for top in tops}
    return bool(tops) and ("" not in parts or ("train" in parts and bool(parts & {"val", "test"})))


def _is_candidate(file: _Found) -> bool:
    return os.path.splitext(file.parts[-1])[1].lower() in _SUFFIXES


def _remarks_on_classes(entries: list[Entry], class_folders: set[str]) -> list[str]:
    labels = {entry.label for entry in entries}
    without = [entry.name for entry in entries if entry.label is None]
    remarks: list[str] = []
    if labels == {None}:
        return remarks
    if without:
        remarks.append(f"{_pictures(len(without))} in no class folder and so without a class: {_shown(sorted(without))}")
    empty = sorted(class_folders - labels)
    if empty:
        remarks.append(f"no picture in {'the class folder' if len(empty) == 1 else f'{len(empty)} class folders'} {_shown(empty)}")
    return remarks


def _remarks_on_others(files: list[_Found]) -> list[str]:
    others = sorted(file.name for file in files if not _is_candidate(file))
    zips = [name for name in others if name.lower().endswith(".zip")]
    n_others = len(others) - len(zips)
    remarks = [f"zips within were not opened: {_shown(zips)}"] if zips else []
    return remarks + ([f"{n_others:,} {'file that is' if n_others == 1 else 'files that are'} no picture ignored"] if n_others else [])


def _no_picture(files: list[_Found], folders: set[tuple[str, ...]], source: Path) -> DataError:
    kind = "folder" if source.is_dir() else "zip"
    needed = f"Pictures (PNG, JPEG, WEBP, TIFF, BMP or GIF) were needed, but the {kind} '{source}'"
    if not files and folders:
        within = ["/".join(parts) for parts in sorted(folders)]
        return DataError(f"{needed} holds only empty folders: {_shown(within)}. Put the pictures into them, or name another {kind}.")
    if not files:
        return DataError(f"{needed} is empty. Name the {kind} that holds them.")
    arrays = [file.name for file in files if file.name.lower().endswith(".npz")]
    hint = f"Name the file within: '{source / arrays[0]}'." if arrays and kind == "folder" else f"Name the {kind} that holds them."
    return DataError(f"{needed} holds none: it holds {_shown(sorted(file.name for file in files))}. {hint}")


def _pictures(number: int) -> str:
    return "1 picture" if number == 1 else f"{number:,} pictures"


def _shown(names: list[str]) -> str:
    return listed([f"'{printable(name)}'" for name in names[:3]] + names[3:], 3)
