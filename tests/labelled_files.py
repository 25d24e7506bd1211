"""Files in folders and zips that several tests read."""

from __future__ import annotations

import zipfile
from pathlib import Path

from weights.data.files.listing import list_files
from weights.data.image.medium import IMAGES


def put(folder: Path, *names: str) -> Path:
    """A folder with files of these names, each holding its own name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def pack(path: Path, *names: str) -> Path:
    """A zip of such files."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name.encode())
    return path


def listed(path: Path) -> tuple[list[tuple[str | None, str | None, str]], list[str]]:
    """Part, label and name of each picture that is found, and the remarks."""
    with list_files(path, IMAGES) as (entries, remarks):
        return [(entry.part, entry.label, entry.name) for entry in entries], remarks
