"""Tables of text in a zip: `find_zipped_table` names the one there is, `open_zipped` gives its bytes."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from weights.errors import DataError, printable

TEXT_SUFFIXES = (".csv", ".dat", ".data", ".tsv", ".txt", ".jsonl", ".ndjson")
"""How names of tables of text end."""
_BESIDE = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What is unpacked piece by piece, so that it can be bounded."""


def find_zipped_table(path: Path) -> str | None:
    """The name of the only file in a zip, if it is that of a table of text; None of anything else.

    Args:
        path: of a file of any kind, or of none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _find_table(_files(archive))
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
        return None


def open_zipped(file: IO[bytes], path: Path) -> IO[bytes]:
    """The bytes of the one table of text in a zip that is open; its size is for the caller to bound as it is read.

    Raises:
        DataError: it holds something else, or is encrypted or packed in another way than by deflation.
    """
    try:
        archive = zipfile.ZipFile(file)
        names = _files(archive)
        name = _find_table(names)
        if name is None:
            first = ", ".join(f"'{printable(held)}'" for held in names[:3]) + (", ..." if len(names) > 3 else "")
            raise DataError(
                f"'{path}' is a zip archive: one table of text ({', '.join(TEXT_SUFFIXES)}) was needed in it, but it holds "
                f"{first or 'nothing'}. Unpack it, and name the file inside."
            )
        held = archive.getinfo(name)
        if held.flag_bits & 1 or held.compress_type not in _METHODS:
            how = "encrypted" if held.flag_bits & 1 else "packed in another way than by deflation"
            raise DataError(f"'{printable(name)}' in the zip '{path}' is {how}. Unpack it, and name the file inside.")
        return archive.open(held)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(f"'{path}' begins as a zip archive does, but is damaged ({error}). Check that it is complete.") from error


def _find_table(names: list[str]) -> str | None:
    """The only name, if it is that of a table of text."""
    return names[0] if len(names) == 1 and PurePosixPath(names[0]).suffix.lower() in TEXT_SUFFIXES else None


def _files(archive: zipfile.ZipFile) -> list[str]:
    return [held.filename for held in archive.infolist() if not held.is_dir() and not {*PurePosixPath(held.filename).parts} & {*_BESIDE}]
