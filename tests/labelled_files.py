"""Files in folders and zips that several tests read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow as pa
from PIL import Image

from weights.data.files.listing import list_files
from weights.data.files.lists import list_array
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


# Pictures whose pixels say which file they came from


def paint(path, colour=7, size=(10, 12), mode="L", **options):
    """A picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size[::-1], colour).save(path, **options)


def paint_numbers(folder: Path, n: int = 40) -> Path:
    """Pictures of 9 x 8 named by their numbers, which are their grey values too."""
    for i in range(n):
        paint(folder / f"{i}.png", i, size=(9, 8))
    return folder


def table_of_numbers(n: int = 40) -> pa.Table:
    """A table whose rows name such pictures, beside a word and a number."""
    return pa.table({"scan": [f"{i}.png" for i in range(n)], "note": [f"seen {i}" for i in range(n)], "age": [*range(n)]})


def first_bytes(table: pa.Table, column: str = "picture") -> list[int]:
    """The first byte of each picture."""
    return list_array(table[column])[:, 0].tolist()
