"""Sources of pictures: a folder, a zip, an .npz file, an array or a single picture in, one `pyarrow.Table` out.

`read_pictures` is the usual entrance. Tables that name picture files are read elsewhere (`picturecolumns`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from weights.data.image.arrays import PictureArrays, from_array, read_arrays
from weights.data.image.column import FILE_NAMES
from weights.data.image.decoding import FORMAT_OF_SUFFIX
from weights.data.picturefiles import Entry, pictures_in
from weights.data.pixels import Pixels, Wanted, read_pixels

WHATEVER = Wanted()


def holds_pictures(source: Any) -> bool:
    """Whether a source is one of pictures: a folder, a .zip, a .npz or a picture file by name; an array of three or four axes.

    Example:
        >>> holds_pictures("photo.JPG"), holds_pictures("table.csv"), holds_pictures({"x": [1]})
        (True, False, False)
    """
    if isinstance(source, np.ndarray):
        return source.ndim in (3, 4)
    if not isinstance(source, str | os.PathLike):
        return False
    path = Path(source)
    return path.suffix.lower() in (".zip", ".npz", *FORMAT_OF_SUFFIX) or path.is_dir()


def read_pictures(source: str | os.PathLike[str] | np.ndarray, wanted: Wanted = WHATEVER) -> pa.Table:
    """The pictures of a source as a table.

    Args:
        source: a folder or .zip of pictures, usually in one folder for each class, maybe below folders called train, val
            and test; a folder of such zips; an .npz with arrays called images and labels, or the like; a picture; or an array of
            shape (n, h, w) or (n, h, w, c).
        wanted: how they are to be read.

    Returns:
        Columns "picture"; "class", unless the source has none; `FILE_NAMES`, within the source, unless it is of arrays;
        and "split", if the source has an official part to train and one to test ("train" rows come first). Remarks
        are in its metadata (see `delimited.remarks_of`).

    Raises:
        NotFoundError: there is nothing at the path.
        DataError: the source is no such thing; others, UsageError and StorageError as `pixels.read_pixels`.
    """
    if isinstance(source, np.ndarray):
        return _of_arrays(from_array(source), "the array", wanted)
    path = Path(source)
    if path.suffix.lower() == ".npz" and not path.is_dir():
        return _of_arrays(read_arrays(path), str(path), wanted)
    with pictures_in(path) as (entries, remarks):
        read = read_pixels(entries, str(path), wanted)
    labels = pa.array([entry.label for entry in _kept(entries, read)], pa.string())
    return _table(read, entries, labels if labels.null_count < len(labels) else None, remarks, names=True)


def _of_arrays(arrays: PictureArrays, source: str, wanted: Wanted) -> pa.Table:
    pairs = enumerate(zip(arrays.pictures, arrays.parts, strict=True))
    entries = [Entry(f"row {i + 1}", pixels, None, part) for i, (pixels, part) in pairs]
    read = read_pixels(entries, source, wanted)
    labels = None if arrays.labels is None else pa.array(arrays.labels[read.keep])
    return _table(read, entries, labels, arrays.remarks, names=False)


def _table(read: Pixels, entries: Sequence[Entry], labels: pa.Array | None, remarks: list[str], *, names: bool) -> pa.Table:
    kept = _kept(entries, read)
    columns: list[tuple[pa.Field, pa.Array]] = [(read.field, read.pictures)]
    if labels is not None:
        columns.append((pa.field("class", labels.type), labels))
    if names:
        columns.append((pa.field(FILE_NAMES, pa.string()), pa.array([entry.name for entry in kept], pa.string())))
    n_by_part = {part: sum(entry.part == part for entry in kept) for part in ("train", "val", "test")}
    if n_by_part["test"] and n_by_part["train"] + n_by_part["val"]:
        splits = ["test" if entry.part == "test" else "train" for entry in kept]
        columns.append((pa.field("split", pa.string()), pa.array(splits)))
    remarks = remarks + read.remarks
    if n_by_part["val"] and n_by_part["val"] < len(kept):
        number = "1 picture" if n_by_part["val"] == 1 else f"{n_by_part['val']:,} pictures"
        remarks.append(f"the official validation part ({number}) is learned from as well: members are judged on rows they did not see")
    schema = pa.schema([field for field, _ in columns], metadata={"remarks": msgspec.json.encode(remarks)})
    return pa.Table.from_arrays([column for _, column in columns], schema=schema)


def _kept(entries: Sequence[Entry], read: Pixels) -> list[Entry]:
    return [entry for entry, is_kept in zip(entries, read.keep, strict=True) if is_kept]
