"""Checkpoints: what an interrupted `fit` needs to go on bit for bit.

They live in a folder beside the one a run is saved to, one file a population, each replaced in one rename. A
fingerprint of the data, settings and version keeps a checkpoint from being continued with anything else.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import msgspec
import numpy as np
from safetensors.numpy import save as save_tensors

from weights.errors import CorruptError, NotFoundError, UsageError
from weights.store.format import read_tensors, write_durably
from weights.training.population import Snapshot


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

    def keep(self, name: str, snapshot: Callable[[], Snapshot], final: bool) -> None:
        """Write a population's snapshot, if the last one is old enough or this one is the last before stopping."""
        if not final and time.monotonic() - self._last < self.every_seconds:
            return
        arrays, values = snapshot()
        content = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
        metadata = {"fingerprint": self.fingerprint, "values": msgspec.json.encode(values).decode()}
        try:
            self.folder.mkdir(exist_ok=True)
            fresh = self.folder / f".{name}.new"
            write_durably(fresh, save_tensors(content, metadata))
            os.replace(fresh, self.folder / f"{name}.safetensors")
        except OSError as error:
            raise UsageError(
                f"The checkpoint '{self.folder}' could not be written: {error.strerror}. Free space or choose another place for --save."
            ) from error
        self._last = time.monotonic()

    def read(self) -> dict[str, Snapshot]:
        """The snapshots to continue from, by population.

        Raises:
            NotFoundError: there is no checkpoint.
            UsageError: it belongs to other data, settings or another version.
            CorruptError: a file is damaged.
        """
        files = sorted(self.folder.glob("*.safetensors")) if self.folder.is_dir() else []
        if not files:
            raise NotFoundError(f"There is no checkpoint at '{self.folder}' to resume from. Run the same command without --resume.")
        snapshots = {}
        for file in files:
            content = file.read_bytes()
            arrays = read_tensors(content, file)
            metadata = _metadata(content, file)
            if metadata.get("fingerprint") != self.fingerprint:
                raise UsageError(
                    f"The checkpoint '{self.folder}' was made from other data, settings or another version. Use the very command that was "
                    "interrupted, or run without --resume to start anew."
                )
            snapshots[file.stem] = Snapshot(arrays, msgspec.json.decode(metadata["values"]))
        return snapshots

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


def _metadata(content: bytes, path: Path) -> dict[str, str]:
    header = msgspec.json.decode(content[8 : 8 + int.from_bytes(content[:8], "little")])
    metadata = header.get("__metadata__", {})
    if not {"fingerprint", "values"} <= set(metadata):
        raise CorruptError(f"'{path}' is not a checkpoint. Remove it and run without --resume.")
    return dict(metadata)
