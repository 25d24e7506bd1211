"""Checkpoints: what an interrupted `fit` needs to go on bit for bit.

They live in a folder beside the one a run is saved to, one file a population (its SHA-256, then safetensors),
each replaced in one step. A fingerprint of the data, settings and version keeps a checkpoint from being continued with
anything else, and a lock file keeps a second fit from the same folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import msgspec
import numpy as np
from safetensors.numpy import save as save_tensors

from weights.errors import CorruptError, NotFoundError, UsageError
from weights.interruption import undone_if_left
from weights.store.disk import claimed, faults_said, read_file, write_file
from weights.store.verify import read_tensors
from weights.training.control import Snapshot

_FINGERPRINT_FILE = "fingerprint"
_ENDING = ".checkpoint"
_LARGEST_FILE = 1 << 46
_LARGEST_HEADER = 64 << 20
_MOST_TENSORS = 100_000
"""A checkpoint has some arrays a member, and an ensemble up to 10,000 members."""


class Checkpoints:
    """The checkpoint folder of one run.

    Args:
        run: the folder the run will be saved to; checkpoints go to ``<run>.checkpoint``.
        fingerprint: of everything that decides the result.
        every_seconds: least time between two checkpoints of one population.
    """

    def __init__(self, run: Path, fingerprint: str, *, every_seconds: float = 20.0) -> None:
        self.run = run.resolve()
        self.folder = self.run.with_name(self.run.name + _ENDING)
        self.fingerprint, self.every_seconds = fingerprint, every_seconds
        self._last = time.monotonic()

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Keep other fits from this run while the block runs.

        Raises:
            UsageError: another fit is at work on it.
            StorageError: the lock file beside the run cannot be made.
        """
        with contextlib.ExitStack() as stack:
            with faults_said(self.folder):
                stack.enter_context(claimed(self.run.with_name(f".{self.run.name}.lock"), f"'{self.run}' is being fitted"))
            stack.enter_context(undone_if_left(self._remove_if_empty))
            yield

    def begin(self, *, resume: bool) -> dict[str, Snapshot]:
        """The snapshots to continue from, by population, if the run is resumed; otherwise none, and a folder for those to come.

        What has no snapshot yet when a run ends early is simply done again, with the same bits, resumed or not.

        Raises:
            NotFoundError: there is no checkpoint to resume.
            UsageError: a checkpoint waits that was not asked for, or it belongs to other data, settings or another version.
            CorruptError: a file is damaged.
            StorageError: the disk cannot be read or written.
        """
        if resume:
            return self._read()
        with faults_said(self.folder):
            if self.folder.exists() and not self._holds_nothing():
                raise UsageError(f"An interrupted run waits in '{self.folder}'. Go on with --resume, or remove that folder to start anew.")
            self.folder.mkdir(parents=True, exist_ok=True)
        write_file(self.folder / _FINGERPRINT_FILE, self.fingerprint.encode())
        return {}

    def keep(self, name: str, snapshot: Callable[[], Snapshot], final: bool) -> None:
        """Write a population's snapshot, if the last one is old enough or this one is the last before stopping."""
        if not final and time.monotonic() - self._last < self.every_seconds:
            return
        arrays, values = snapshot()
        metadata = {"fingerprint": self.fingerprint, "name": name, "values": msgspec.json.encode(values).decode()}
        content = save_tensors({key: np.ascontiguousarray(array) for key, array in arrays.items()}, metadata)
        write_file(self.folder / f"{name}{_ENDING}", hashlib.sha256(content).digest() + content)
        self._last = time.monotonic()

    def remove(self) -> None:
        """Delete the checkpoint: the run is complete. Snapshots go first, so that what a crash leaves holds nothing to go on with."""
        for file in self.folder.glob(f"*{_ENDING}"):
            with contextlib.suppress(OSError):
                file.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _remove_if_empty(self) -> None:
        """Delete the folder of a run that ended before it had anything to keep."""
        with contextlib.suppress(OSError):
            if self._holds_nothing():
                shutil.rmtree(self.folder)

    def _holds_nothing(self) -> bool:
        """Whether this is the folder of a run that was stopped before it had anything to keep."""
        unfinished = (name for name in os.listdir(self.folder) if name != _FINGERPRINT_FILE)
        return all(name.startswith(".") and name.endswith(".new") for name in unfinished)

    def _read(self) -> dict[str, Snapshot]:
        fingerprint_file, files = self.folder / _FINGERPRINT_FILE, sorted(self.folder.glob(f"*{_ENDING}"))
        if not fingerprint_file.exists() and not files:
            raise NotFoundError(f"There is no checkpoint at '{self.folder}' to resume from. Run the same command without --resume.")
        if self._content(fingerprint_file) != self.fingerprint.encode():
            raise UsageError(
                f"The checkpoint '{self.folder}' was made from other data, settings or another version. Use the very command that was "
                "interrupted, or remove the folder to start anew."
            )
        return {file.name.removesuffix(_ENDING): self._snapshot(file) for file in files}

    def _snapshot(self, file: Path) -> Snapshot:
        whole = self._content(file)
        digest, content = whole[:32], whole[32:]
        if hashlib.sha256(content).digest() != digest:
            raise self._damaged(file)
        try:
            arrays = read_tensors(content, file, largest_header=_LARGEST_HEADER, most=_MOST_TENSORS)
            metadata = msgspec.json.decode(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
            if (metadata["fingerprint"], metadata["name"] + _ENDING) != (self.fingerprint, file.name):
                raise self._damaged(file)
            return Snapshot(arrays, msgspec.json.decode(metadata["values"]))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._damaged(file) from error

    def _content(self, file: Path) -> bytes:
        try:
            return read_file(file, _LARGEST_FILE)
        except CorruptError as error:
            raise self._damaged(file) from error

    def _damaged(self, file: Path) -> CorruptError:
        return CorruptError(f"'{file}' is not as it was written. Remove '{self.folder}' and run without --resume.")


def has_checkpoint(run: Path) -> bool:
    """Whether an interrupted fit that was to be saved there has left something to go on with."""
    return any(Checkpoints(run, "").folder.glob(f"*{_ENDING}"))


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder is what an interrupted fit has left to go on with, and nothing else."""
    if folder.is_symlink() or not folder.is_dir() or not folder.name.endswith(_ENDING):
        return False
    names = os.listdir(folder)
    return _FINGERPRINT_FILE in names and all(name == _FINGERPRINT_FILE or name.endswith((_ENDING, ".new")) for name in names)


def remove_checkpoint(folder: Path) -> None:
    """Remove what an interrupted fit has left.

    Raises:
        UsageError: it is something else, or a fit is at work on it. StorageError: the disk does not let it.
    """
    unfinished = Checkpoints(folder.with_name(folder.name.removesuffix(_ENDING)), "")
    with unfinished.claim(), faults_said(folder):
        if not is_checkpoint(folder):
            raise UsageError(f"'{folder}' is no checkpoint any more, so it is not removed.")
        unfinished.remove()


def fingerprint(*parts: Any) -> str:
    """A digest of arrays and records, the same for the same content."""
    digest = hashlib.sha256(jax.__version__.encode())
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(str((part.dtype, part.shape)).encode())
            digest.update(np.ascontiguousarray(part).view(np.uint8).data)
        else:
            digest.update(msgspec.json.encode(part))
    return digest.hexdigest()
