"""Checkpoints: what an interrupted `fit` needs to go on bit for bit.

They live in a folder beside the one a run is saved to, one file a population, each replaced in one rename. A
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
        arrays = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
        text = msgspec.json.encode(values).decode()
        metadata = {"fingerprint": self.fingerprint, "values": text, "digest": fingerprint(*(arrays[key] for key in sorted(arrays)), text)}
        with self._writing():
            fresh = self.folder / f".{name}.new"
            write_durably(fresh, save_tensors(arrays, metadata))
            os.replace(fresh, self.folder / f"{name}.safetensors")
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
        return {file.stem: self._snapshot(file) for file in sorted(self.folder.glob("*.safetensors"))}

    def _snapshot(self, file: Path) -> Snapshot:
        content = file.read_bytes()
        arrays, metadata = read_tensors(content, file), _metadata(content)
        text = metadata.get("values", "")
        in_order = [arrays[name] for name in sorted(arrays)]
        if metadata.get("fingerprint") != self.fingerprint or metadata.get("digest") != fingerprint(*in_order, text):
            raise CorruptError(f"'{file}' is not as it was written. Remove '{self.folder}' and run without --resume.")
        return Snapshot(arrays, msgspec.json.decode(text))

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


def _metadata(content: bytes) -> dict[str, str]:
    header = msgspec.json.decode(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return dict(header.get("__metadata__", {}))
