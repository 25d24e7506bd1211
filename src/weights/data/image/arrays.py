"""Pictures that come as arrays, most in an .npz file: which arrays they are, and their values as bytes.

`read_arrays` reads the files of MedMNIST, of Keras and the like; `from_array` takes an array that is at hand. The heads of all
arrays of a file are read and checked before any array is: a file of a few kilobytes can claim terabytes.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from weights.data.files.listing import check_exists
from weights.data.image.decoding import MOST_PIXELS
from weights.data.memory import check_memory_for
from weights.errors import DataError, WeightsError, listed, printable

_NAMES = {
    "train": (("train_images", "train_labels"), ("x_train", "y_train")),
    "val": (("val_images", "val_labels"), ("x_val", "y_val")),
    "test": (("test_images", "test_labels"), ("x_test", "y_test")),
    "": (("images", "labels"), ("x", "y")),
}
"""By part of the split: how its pictures and their labels may be called."""

_NEEDED = "train_images, train_labels, test_images, test_labels (or x_train, y_train, x_test, y_test; or images, labels; or x, y)"


class PictureArrays(NamedTuple):
    """The pictures of a file, one behind the other.

    Attributes:
        pictures: for each one uint8 pixels of shape (h, w), (h, w, 3) or (h, w, 4).
        labels: for each one its label, as int64, float64 or text; None where the file has none.
        parts: for each one "train", "val" or "test"; empty where the file is not split.
        remarks: what deserves saying about how they were read.
    """

    pictures: list[np.ndarray]
    labels: np.ndarray | None
    parts: list[str]
    remarks: list[str]


class _Head(NamedTuple):
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read_arrays(path: Path) -> PictureArrays:
    """The pictures in an .npz file, training, validation and test part in this order.

    Raises:
        NotFoundError: there is no such file.
        DataError: it is no such file, or its arrays are no pictures.
    """
    check_exists(path, "pictures")
    try:
        heads = _heads(path)
        named = _found(heads, path)
        for images, labels in named.values():
            _check_pictures(heads[images], f"The pictures '{printable(images)}' of '{path}'")
            if labels:
                _check_labels(labels, heads[images].shape[0], heads[labels], path)
        wanted = [name for pair in named.values() for name in pair if name]
        # Values that are no bytes are held once more as bytes.
        check_memory_for(2.0 * sum(heads[name].n_bytes for name in wanted), f"Reading '{path}'")
        with np.load(path) as file:
            arrays = {name: np.asarray(file[name]) for name in wanted}
    except WeightsError:
        raise
    except Exception as error:  # Damaged zips and heads raise BadZipFile, zlib.error, ValueError, SyntaxError and more.
        reason = printable(str(error).splitlines()[0] if str(error) else type(error).__name__)
        raise DataError(f"'{path}' could not be read as .npz: {reason}. Check that it is complete.") from error
    what = f"The pictures of '{path}'"
    _check_ranges({images: arrays[images] for images, _ in named.values()}, what)
    scale, remarks = _scale([arrays[images] for images, _ in named.values()], what)
    pictures = [picture for images, _ in named.values() for picture in _as_bytes(arrays.pop(images), scale)]
    counts = {part: heads[images].shape[0] for part, (images, _) in named.items()}
    unused = sorted(set(heads) - set(wanted))
    if unused:
        remarks.append(f"of '{path.name}' not read: {listed([printable(name) for name in unused], 5)}")
    values = _all_labels([arrays[name] if name else None for _, name in named.values()], [*counts.values()], path)
    return PictureArrays(pictures, values, [part for part, count in counts.items() for _ in range(count)], remarks)


def from_array(images: np.ndarray) -> PictureArrays:
    """The pictures in an array of shape (n, h, w) or (n, h, w, c).

    Raises:
        DataError: it is no such array, or its values are no bytes.
    """
    what = "The pictures of the array"
    if images.ndim == 2 or (images.ndim == 3 and images.shape[2] in (3, 4)):
        kind = "one grey picture" if images.ndim == 2 else "one picture in colour"
        raise DataError(
            f"{what} must have a shape (n, h, w) or (n, h, w, c), but it is {images.shape}. If it is {kind}, give picture[None]."
        )
    _check_pictures(_Head(images.shape, images.dtype), what)
    scale, remarks = _scale([images], what)
    return PictureArrays([*_as_bytes(images, scale)], None, [""] * len(images), remarks)


def _heads(path: Path) -> dict[str, _Head]:
    """Shape and type of every array of the file, from its first bytes."""
    heads = {}
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                continue
            with archive.open(info) as file:
                version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call, unused-ignore]
                reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = reader(file)  # type: ignore[no-untyped-call, unused-ignore]
            head = heads[info.filename[:-4]] = _Head(shape, dtype)
            if not dtype.hasobject and head.n_bytes > info.file_size:
                raise DataError(
                    f"The array '{printable(info.filename[:-4])}' of '{path}' should take {head.n_bytes:,} bytes, but "
                    f"{info.file_size:,} are there. Check that the file is complete."
                )
    return heads


def _found(heads: Mapping[str, _Head], path: Path) -> dict[str, tuple[str, str]]:
    """By part of the split: the names of its pictures and its labels, the latter empty where there are none."""
    by_lower = {name.lower(): name for name in heads}
    chosen = {}
    for part, pairs in _NAMES.items():
        for images, labels in pairs:
            if images in by_lower and part not in chosen:
                chosen[part] = (by_lower[images], by_lower.get(labels, ""))
    if len(chosen) > 1:
        chosen.pop("", None)
    if not chosen:
        there = listed([printable(name) for name in sorted(heads)], 8) or "no array"
        raise DataError(f"Arrays called {_NEEDED} were needed, but '{path}' holds {there}. Rename them.")
    return chosen


def _check_pictures(head: _Head, what: str) -> None:
    shape, dtype = head
    if dtype.kind not in "buif":
        raise DataError(f"{what} must be numbers, but they are of type {dtype}. Give them as uint8.")
    if len(shape) == 4 and shape[1] in (1, 3, 4) and shape[3] not in (1, 3, 4):
        raise DataError(f"{what} must have their channels last, but their shape is {shape}. Give numpy.moveaxis(images, 1, -1).")
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3, 4)):
        raise DataError(f"{what} must have a shape (n, h, w) or (n, h, w, c) with c 1, 3 or 4, but it is {shape}. Reshape them.")
    if shape[1] * shape[2] > MOST_PIXELS:
        raise DataError(f"{what} are {shape[1]:,} x {shape[2]:,} pixels, more than the {MOST_PIXELS:,} that are read. Give them smaller.")


def _check_labels(labels: str, n_pictures: int, head: _Head, path: Path) -> None:
    if head.shape not in ((n_pictures,), (n_pictures, 1)):
        raise DataError(
            f"The labels '{printable(labels)}' of '{path}' must be one for each of {n_pictures:,} pictures, but their shape "
            f"is {head.shape}. Save one label a picture."
        )
    if head.dtype.kind not in "buifUS":
        raise DataError(
            f"The labels '{printable(labels)}' of '{path}' must be numbers or text, but they are of type {head.dtype}. "
            "Save labels.astype(str)."
        )


def _check_ranges(images: Mapping[str, np.ndarray], what: str) -> None:
    """Refuse parts of which some hold shares of one, or masks of 0 and 1, and others more; decimals beside bytes are told from these."""
    for kinds in ("f", "ui"):
        highest = {name: float(array.max()) for name, array in images.items() if array.size and array.dtype.kind in kinds and array.any()}
        if len({reached <= 1 for reached in highest.values()}) > 1:
            ranges = listed([f"{printable(name)} up to {reached:g}" for name, reached in highest.items()], 4)
            raise DataError(f"{what} must have one range in all parts, but they differ: {ranges}. Save all as uint8 from 0 to 255.")


def _scale(images: Sequence[np.ndarray], what: str) -> tuple[float, list[str]]:
    """What the values of all parts are multiplied with to be bytes, and what is said of it."""
    others = [array for array in images if array.dtype != np.uint8 and array.size]
    if not others:
        return 1.0, []
    lowest, highest = (float(pick([pick(array) for array in others])) for pick in (np.min, np.max))
    kinds = listed(sorted({str(array.dtype) for array in others}), 3)
    if not 0 <= lowest <= highest <= 255:  # Also where a value is NaN.
        raise DataError(
            f"{what} must be bytes, or numbers from 0 to 1 or from 0 to 255, but they are {kinds} from "
            f"{lowest:,g} to {highest:,g}. Bring them into that range as uint8."
        )
    scale = 255.0 if highest <= 1 and all(array.dtype.kind in "fb" for array in others) else 1.0
    return scale, [
        f"the pictures' values ({kinds}, {lowest:g} to {highest:g}) were {'multiplied by 255' if scale > 1 else 'rounded to bytes'}"
    ]


def _as_bytes(images: np.ndarray, scale: float) -> np.ndarray:
    """The pictures as uint8, shape (n, h, w) or (n, h, w, c)."""
    if images.dtype != np.uint8:
        # One by one, as the values in between take more memory than what comes and what goes.
        converted = np.empty(images.shape, np.uint8)
        for i, picture in enumerate(images):
            converted[i] = np.rint(picture * scale)
        images = converted
    return images[..., 0] if images.ndim == 4 and images.shape[3] == 1 else images


def _all_labels(labels: list[np.ndarray | None], counts: list[int], path: Path) -> np.ndarray | None:
    """The labels of all parts in one array."""
    known = [label for label in labels if label is not None]
    if not known:
        return None
    if len(known) < len(labels):
        raise DataError(
            f"Either all parts of '{path}' must have labels, or none, but {len(labels) - len(known)} of {len(labels)} have none."
        )
    flat = [_plain(label).reshape(count) for label, count in zip(known, counts, strict=True)]
    if len({label.dtype.kind == "U" for label in flat}) > 1:
        flat = [label.astype(np.str_) for label in flat]
    return np.concatenate(flat)


def _plain(labels: np.ndarray) -> np.ndarray:
    if labels.dtype.kind in "bui":
        return labels.astype(np.int64)
    if labels.dtype.kind == "f":
        return labels.astype(np.float64)
    return np.char.decode(labels, "utf-8") if labels.dtype.kind == "S" else labels
