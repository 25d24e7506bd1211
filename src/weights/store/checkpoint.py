"""Checkpoints: what an interrupted `fit` needs to go on bit for bit.

They live in a folder beside the one a run is saved to, one file a population (its SHA-256, then safetensors),
each replaced in one rename. A
fingerprint of the data, settings and version keeps a checkpoint from being continued with anything else.
"""

from __future__ import annotations

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
from weights.store.format import read_tensors, write_durably
from weights.training.population import Snapshot

_MARK = "fingerprint"
_ENDING = ".checkpoint"


class Checkpoints:
    """The checkpoint folder of one run.

    Args:
        run: the folder the run will be saved to; checkpoints go to ``<run>.checkpoint``.
        fingerprint: of everything that decides the result.
        every_seconds: least time between two checkpoints of one population.
    """

    def __init__(self, run: Path, fingerprint: str, *, every_seconds: float = 20.0) -> None:
        self.folder = run.absolute().with_name(run.name + ".checkpoint")
        self.fingerprint, self.every_seconds = fingerprint, every_seconds
        self._last = time.monotonic()

    def begin(self, *, resume: bool) -> dict[str, Snapshot]:
        """Claim the folder for this run; the snapshots to continue from, by population, if it is resumed.

        What has no snapshot yet when a run ends early is simply done again, with the same bits.

        Raises:
            NotFoundError: there is no checkpoint to resume.
            UsageError: a checkpoint waits that was not asked for, or it belongs to other data, settings or another version.
            CorruptError: a file is damaged.
        """
        if resume:
            return self._read()
        if self.folder.exists():
            raise UsageError(f"An interrupted run waits in '{self.folder}'. Go on with --resume, or remove that folder to start anew.")
        with self._writing():
            self.folder.mkdir(parents=True)
            write_durably(self.folder / _MARK, self.fingerprint.encode())
        return {}

    def keep(self, name: str, snapshot: Callable[[], Snapshot], final: bool) -> None:
        """Write a population's snapshot, if the last one is old enough or this one is the last before stopping."""
        if not final and time.monotonic() - self._last < self.every_seconds:
            return
        arrays, values = snapshot()
        metadata = {"fingerprint": self.fingerprint, "values": msgspec.json.encode(values).decode()}
        content = save_tensors({key: np.ascontiguousarray(array) for key, array in arrays.items()}, metadata)
        with self._writing():
            fresh = self.folder / f".{name}.new"
            write_durably(fresh, hashlib.sha256(content).digest() + content)
            os.replace(fresh, self.folder / f"{name}{_ENDING}")
        self._last = time.monotonic()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(
                f"The checkpoint '{self.folder}' could not be written: {error.strerror}. Free space or choose another place for --save."
            ) from error

    def _read(self) -> dict[str, Snapshot]:
        mark = self.folder / _MARK
        if not mark.is_file():
            raise NotFoundError(f"There is no checkpoint at '{self.folder}' to resume from. Run the same command without --resume.")
        if mark.read_text(errors="replace") != self.fingerprint:
            raise UsageError(
                f"The checkpoint '{self.folder}' was made from other data, settings or another version. Use the very command that was "
                "interrupted, or remove the folder to start anew."
            )
        return {file.stem: self._snapshot(file) for file in sorted(self.folder.glob(f"*{_ENDING}"))}

    def _snapshot(self, file: Path) -> Snapshot:
        digest, content = (whole := file.read_bytes())[:32], whole[32:]
        if hashlib.sha256(content).digest() != digest:
            raise CorruptError(f"'{file}' is not as it was written. Remove '{self.folder}' and run without --resume.")
        header = msgspec.json.decode(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return Snapshot(read_tensors(content, file), msgspec.json.decode(header["__metadata__"]["values"]))

    def remove(self) -> None:
        """Delete the checkpoint: the run is complete."""
        shutil.rmtree(self.folder, ignore_errors=True)


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
