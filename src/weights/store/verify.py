"""Reading a saved run that may be damaged: sizes before bytes, then checksums, names, types, shapes and values.

Every complaint is a `CorruptError` that names the file; docs/store-format.md gives the order of the checks.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors

from weights.data.kind import BlockEncoding
from weights.data.memory import format_bytes, memory_budget
from weights.data.registry import KINDS
from weights.ensemble import Report
from weights.errors import CorruptError, NotFoundError, WeightsError, listed
from weights.models.architecture import ModelSettings
from weights.models.registry import ARCHITECTURES
from weights.store.checks import wrong_in_report
from weights.store.content import Content
from weights.store.contents import CONTENTS
from weights.store.disk import read_file
from weights.store.ensembles import ENSEMBLE
from weights.store.migrations import FORMAT_VERSION, MIGRATIONS, rename_arrays, upgrade
from weights.types import AnyArray

FILES = ("model.safetensors", "config.json", "metrics.json", "README.md")
SUMS = "SHA256SUMS"
_LARGEST_SUMS = 1 << 16
_LARGEST_HEADER = 1 << 20
LARGEST_JSON = 64 << 20
_MOST_TENSORS = 10_000
_ITEM_BYTES = {"float32": 4, "float64": 8, "int32": 4, "int64": 8, "uint8": 1}

T = TypeVar("T")


def is_saved(folder: Path) -> bool:
    """Whether the path is a folder that `save` wrote: nothing but its files, and a config that says so."""
    if not folder.is_dir() or not all(_is_of_run(folder, name) for name in os.listdir(folder)):
        return False
    try:
        begin = read_file(folder / "config.json", LARGEST_JSON)[:200]
    except CorruptError:
        return False
    return any(f'"format": "{name}"'.encode() in begin for name in CONTENTS)


def _is_of_run(folder: Path, name: str) -> bool:
    """Whether a name is that of a file of a run, or of a folder that one may keep."""
    kept = any(name == content.keeps for content in CONTENTS.values()) and (folder / name).is_dir()
    return name in (*FILES, SUMS) or _is_attachment(name) or kept


def _is_attachment(name: str) -> bool:
    """Whether a file of a run may have this name because a kind of column keeps one."""
    stems = [Path(kind.attachment.name) for kind in KINDS.values() if kind.attachment is not None]
    return any(re.fullmatch(rf"{re.escape(path.stem)}(-\d+)?{re.escape(path.suffix)}", name) for path in stems)


def hash_line(name: str, content: bytes) -> bytes:
    """The line of a file in SHA256SUMS."""
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()


def find_state(folder: Path) -> tuple[int, ...]:
    """Numbers that change when the folder is replaced; none if there is no folder."""
    try:
        state = os.stat(folder)
    except OSError:
        return ()
    return state.st_dev, state.st_ino, state.st_mtime_ns, state.st_ctime_ns


class Verified(NamedTuple):
    """A folder whose files are as they were saved.

    Attributes:
        content: what it is of. config, report: as the present version has them. tensors: the bytes of the arrays.
        version: that these were written by.
    """

    content: Content
    config: Any
    report: Report
    tensors: bytes
    version: int


def read_verified(folder: Path) -> Verified:
    """What a folder holds, each file with the checksum that SHA256SUMS promises."""
    _check_is_run(folder)
    sums = read_file(folder / SUMS, _LARGEST_SUMS).splitlines(keepends=True)
    names = [*FILES]

    def verified(name: str, largest: int) -> bytes:
        content = read_file(folder / name, largest)
        if sums[names.index(name) : names.index(name) + 1] != [hash_line(name, content)]:
            raise CorruptError(
                f"'{folder / name}' is not as it was saved: its SHA-256 differs from SHA256SUMS. Restore it from a copy or fit again."
            )
        return content

    written = verified("config.json", LARGEST_JSON)
    version, kind = _version_of(written, folder / "config.json")
    config = _decoded(written, kind.config, "config", version, folder / "config.json")
    report = _decoded(verified("metrics.json", LARGEST_JSON), Report, "report", version, folder / "metrics.json")
    verified("README.md", LARGEST_JSON)
    names += kind.names_attached(config)
    if len(sums) != len(names):
        raise CorruptError(f"'{folder / SUMS}' must have {len(names)} lines, but has {len(sums)}. Restore it from a copy or fit again.")
    config = _attach(kind, config, folder, {name: verified(name, LARGEST_JSON) for name in names[len(FILES) :]})
    tensors = verified("model.safetensors", _largest_tensors(kind, config, folder / "model.safetensors"))
    _refuse(kind.wrong_beside_config(report, config), folder / "metrics.json")
    return Verified(kind, config, report, tensors, version)


def _attach(content: Content, config: Any, folder: Path, files: Mapping[str, bytes]) -> Any:
    """The config with what is kept in further files."""
    try:
        return content.attach(config, {name: file.decode() for name, file in files.items()})
    except ValueError as error:
        where = ", ".join(f"'{folder / name}'" for name in files)
        raise CorruptError(f"{where} does not hold what it should: {error}. Restore the folder from a copy or fit again.") from error


def read_heading(folder: Path) -> tuple[Any, Report]:
    """Config and report of a run as the present version has them, without the arrays, and without checking sums.

    Raises:
        NotFoundError: there is no such folder, or it holds no run. CorruptError: it is damaged.
    """
    _check_is_run(folder)
    content = read_file(folder / "config.json", LARGEST_JSON)
    version, kind = _version_of(content, folder / "config.json")
    report = _decoded(read_file(folder / "metrics.json", LARGEST_JSON), Report, "report", version, folder / "metrics.json")
    return _decoded(content, kind.config, "config", version, folder / "config.json"), report


def _check_is_run(folder: Path) -> None:
    """Refuse what is no run at all, with the runs that were perhaps meant."""
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise NotFoundError(f"There is no saved run at '{folder}'. Name the folder that `weights fit --save` wrote.") from None
    except OSError as error:
        raise NotFoundError(
            f"There is no saved run at '{folder}': {error.strerror}. Name the folder that `weights fit --save` wrote."
        ) from error
    if {*FILES, SUMS} & set(names) - {"README.md"}:
        return
    runs = [folder / name for name in names if is_saved(folder / name)]
    if runs:
        raise NotFoundError(f"'{folder}' is not a saved run, but holds some: {listed([*map(str, runs)], 10)}. Name one of them.")
    raise NotFoundError(f"'{folder}' is not a saved run and holds none. Name the folder that `weights fit --save` wrote.")


class _Version(msgspec.Struct):
    format: Any = ENSEMBLE.name
    format_version: Any = FORMAT_VERSION


def _version_of(content: bytes, path: Path) -> tuple[int, Content]:
    """The format version that config.json states, one that can be read, and what the folder is of."""
    try:
        stated = msgspec.json.decode(content, type=_Version)
        version = stated.format_version
    except (ValueError, RecursionError, MemoryError) as error:
        raise CorruptError(f"'{path}' does not hold what it should: {error}. Restore the folder from a copy or fit again.") from error
    if type(version) is not int or version not in (*MIGRATIONS, FORMAT_VERSION):
        raise CorruptError(f"'{path}' has format version {version}, and this Weights reads {FORMAT_VERSION}. Upgrade Weights to read it.")
    if not isinstance(stated.format, str) or stated.format not in CONTENTS:
        _refuse([f"the format is '{stated.format}'"], path)
    return version, CONTENTS[stated.format]


def _decoded(content: bytes, kind: type[T], part: str, version: int, path: Path) -> T:
    """A record from JSON of some version that has the fields of the record, each once, and no other."""
    try:
        json.loads(content, object_pairs_hook=_each_once)
        content = upgrade(content, part, version)
        record = msgspec.json.decode(content, type=kind, dec_hook=decode_registered)
        unknown = _unknown_key(json.loads(content), msgspec.to_builtins(record))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, MemoryError) as error:
        raise CorruptError(f"'{path}' does not hold what it should: {error}. Restore the folder from a copy or fit again.") from error
    wrong = [f"'{unknown}' is not known"] if unknown else wrong_in_report(record) if isinstance(record, Report) else []
    _refuse(wrong, path)
    return record


def decode_registered(kind: type, record: Any) -> Any:
    """A record of a kind of column or of a model, whose type the registries know by its tag."""
    if kind is BlockEncoding:
        return msgspec.convert(record, type=_find_registered(record, "kind", {name: known.encoding for name, known in KINDS.items()}))
    assert kind is ModelSettings
    return msgspec.convert(record, type=_find_registered(record, "type", {name: known.settings for name, known in ARCHITECTURES.items()}))


def _find_registered(record: Any, tag: str, known: Mapping[str, type]) -> type:
    name = record.get(tag) if isinstance(record, dict) else None
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"'{name}' is not one of {', '.join(known)}")
    return known[name]


def _refuse(wrong: Iterable[str], path: Path) -> None:
    for complaint in wrong:
        raise CorruptError(f"'{path}' does not hold what it should: {complaint}. Restore the folder from a copy or fit again.")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a key comes twice")
    return record


def _unknown_key(record: Any, known: Any) -> str:
    """A key in JSON that was read over, or nothing."""
    if isinstance(record, dict):
        unknown = next((key for key in record if key not in known), "")
        return unknown or next((key for name in record if (key := _unknown_key(record[name], known[name]))), "")
    if isinstance(record, list):
        return next((key for pair in zip(record, known, strict=True) if (key := _unknown_key(*pair))), "")
    return ""


def _largest_tensors(content: Content, config: Any, path: Path) -> int:
    """Bytes that model.safetensors may have at most, if the arrays that config.json lists are such as the model needs."""
    wrong = content.wrong_in_config(config)
    if len(config.tensors) > _MOST_TENSORS:
        wrong.append(f"it lists more than {_MOST_TENSORS:,} arrays")
    config_path = path.with_name("config.json")
    _refuse(wrong, config_path)
    for name, (kind, shape) in config.tensors.items():
        if kind not in _ITEM_BYTES or not all(0 <= size < 1 << 48 for size in shape):
            _refuse([f"the array '{name}' is listed as {kind} {shape}"], config_path)
    content.check_names(config, path)
    needed = sum(_ITEM_BYTES[kind] * math.prod(shape) for kind, shape in config.tensors.values())
    if needed > memory_budget():
        if needed > os.path.getsize(path):
            _refuse([f"arrays of {needed:,} bytes are listed, more than model.safetensors has"], config_path)
        raise WeightsError(
            f"The arrays of '{path}' need {format_bytes(needed)} of memory, but {format_bytes(memory_budget())} may be used. "
            "End other programs, or use a larger machine."
        )
    return 8 + _LARGEST_HEADER + needed


def read_tensors(content: bytes, path: Path, *, largest_header: int = _LARGEST_HEADER, most: int = _MOST_TENSORS) -> dict[str, AnyArray]:
    """Arrays of a safetensors file whose header has been checked for its size first.

    Raises:
        CorruptError: the file is truncated, its header is too large or it is no safetensors file.
    """
    header = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else -1
    if not 0 <= header <= min(largest_header, len(content) - 8):
        raise CorruptError(
            f"'{path}' claims a header of {header:,} bytes in a file of {len(content):,}. It is truncated or was not written by Weights."
        )
    if content.count(b'"data_offsets"', 8, 8 + header) > most:
        raise CorruptError(f"'{path}' claims more than {most:,} arrays. It was not written by Weights.")
    try:
        return load_tensors(content)
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptError(f"'{path}' is not a whole safetensors file: {error}. Restore the folder from a copy or fit again.") from error


def check_tensors(verified: Verified, path: Path) -> dict[str, AnyArray]:
    """The arrays under their present names, which are those that config.json lists, and whose numbers are such as they can be."""
    try:
        tensors = rename_arrays(read_tensors(verified.tensors, path), verified.version)
    except ValueError as error:
        raise CorruptError(f"'{path}' does not hold what it should: {error}. Restore the folder from a copy or fit again.") from error
    config = verified.config
    held = {name: (str(array.dtype), list(array.shape)) for name, array in tensors.items()}
    if held != config.tensors:
        odd = next(name for name in {**held, **config.tensors} if held.get(name) != config.tensors.get(name))
        raise CorruptError(
            f"'{path}' holds '{odd}' as {held.get(odd)}, but config.json says {config.tensors.get(odd)}. The files do not belong together."
        )
    for complaint in verified.content.wrong_in_arrays(tensors, config):
        raise CorruptError(f"'{path}' holds {complaint}. Restore the folder from a copy or fit again.")
    return tensors
