"""The content of files and of entries of zips, read within limits, or the reason why it cannot be read.

`read_content` is the usual entrance. A zip is never unpacked to the disk; its entries are read one by one.
"""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from weights.data.memory import format_bytes
from weights.errors import printable


class ArchivedFile(NamedTuple):
    """An entry of an open zip."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo


Place = Path | ArchivedFile | np.ndarray | None
"""Where a file's content is: on the disk, in a zip, in memory already as an array, or nowhere."""

Content = bytes | np.ndarray
"""What a file holds, or the array that came instead of one."""


def read_content(place: Place, most_bytes: int) -> Content | str:
    """What is at a place, or the reason why it cannot be read, such as "is not there".

    Args:
        place: of the file.
        most_bytes: files, and entries of a zip, that are larger are not read.
    """
    if place is None:
        return "has no name"
    if isinstance(place, np.ndarray):
        return place
    try:
        if isinstance(place, ArchivedFile):
            return _read_member(place, most_bytes)
        return _read_file(place, most_bytes)
    except FileNotFoundError:
        return "is not there"
    except PermissionError:
        return "may not be read"
    except (OSError, ValueError) as error:
        return f"could not be read ({printable(getattr(error, 'strerror', None) or str(error))})"
    except Exception as error:  # Entries of zips that are damaged raise zlib.error, EOFError, LZMAError and more.
        return f"is damaged within its zip ({printable(str(error))[:80] or type(error).__name__})"


def measure_bytes(place: Place) -> int | None:
    """Size of what is at a place; None where it is not known or nothing is there."""
    if isinstance(place, ArchivedFile):
        return place.info.file_size
    if isinstance(place, np.ndarray):
        return place.nbytes
    try:
        return None if place is None else place.stat().st_size
    except (OSError, ValueError):
        return None


def _read_file(path: Path, most_bytes: int) -> bytes | str:
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        return "is a folder"
    if not stat.S_ISREG(status.st_mode):
        return "is no file but a device or a pipe"
    return path.read_bytes() if status.st_size <= most_bytes else _say_too_large(status.st_size, most_bytes)


def _read_member(member: ArchivedFile, most_bytes: int) -> bytes | str:
    if member.info.flag_bits & 0x1:
        return "is encrypted"
    if member.info.file_size > most_bytes:
        return _say_too_large(member.info.file_size, most_bytes)
    return member.archive.read(member.info)  # No more than the checked size, whatever the compressed bytes hold.


def _say_too_large(n_bytes: int, most_bytes: int) -> str:
    return f"takes {format_bytes(n_bytes)}, more than the {format_bytes(most_bytes)} that are read"
