"""How to compile seldom: where programs are kept between processes, and the few sizes that arrays are padded to."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import threading
from pathlib import Path

import jax
from jax._src import compilation_cache
from jax._src.lru_cache import LRUCache


class WholePrograms(LRUCache):
    """JAX's cache of programs, each with its SHA-256 and replaced in one step.

    JAX itself (0.10 to 0.12) writes an entry in place and never looks at it again: one that was cut off by a crash or a full disk
    stays, and every later run stumbles over it. This can go when JAX writes whole entries.
    """

    def get(self, key: str) -> bytes | None:
        """The program, or None if there is none that is whole; a damaged one is removed."""
        with contextlib.suppress(OSError):
            whole = self._entry(key).read_bytes()
            if hashlib.sha256(whole[32:]).digest() == whole[:32]:
                return whole[32:]
            self._entry(key).unlink()
        return None

    def put(self, key: str, value: bytes) -> None:
        """Keep a program, if the disk takes it."""
        fresh = self._entry(f".{key}.{os.getpid()}-{threading.get_ident()}")
        with contextlib.suppress(OSError):
            try:
                fresh.write_bytes(hashlib.sha256(value).digest() + value)
                os.replace(fresh, self._entry(key))
            finally:
                fresh.unlink(missing_ok=True)

    def _entry(self, key: str) -> Path:
        return Path(str(self.path)) / f"{key}-program"


_MOST_PADDED = 1 << 16
"""Sizes above this are left as they are: training then takes so long that compiling does not count, and memory does (our choice)."""
_WITHOUT_EMITTERS = {"xla_cpu_use_fusion_emitters": False}


def padded_size(n: int, *, least: int = 64) -> int:
    """The length n rows are padded to, so that tables of similar length share one compiled program: the next power of two.

    Example:
        >>> [padded_size(n) for n in (1, 64, 65, 100_000)]
        [64, 64, 128, 100000]
    """
    return n if n > _MOST_PADDED else 1 << (max(n, least) - 1).bit_length()


@functools.cache
def quick_options() -> dict[str, bool | int]:
    """Options of the compiler for what runs a few times only, so that compiling it takes longer than running it.

    Without fusion emitters a third of the time to compile is left, and measuring a network of images takes as long as with them. A
    compiler that does not know them (they are no promise of JAX) is only asked not to optimize.
    """
    fewer: dict[str, bool | int] = {"xla_backend_optimization_level": 0}
    try:
        jax.jit(lambda x: x + 1, compiler_options=fewer | _WITHOUT_EMITTERS)(0)
    except jax.errors.JaxRuntimeError:
        return fewer
    return fewer | _WITHOUT_EMITTERS


def cache_folder() -> Path:
    """The user's folder for compiled programs: ``$WEIGHTS_CACHE``, else ``weights`` in the system's cache folder.

    Without a home folder it is a relative path, in which nothing is kept.
    """
    asked = os.environ.get("WEIGHTS_CACHE")
    if asked:
        return Path(asked).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "weights"


def keep_compiled_programs() -> str:
    """Let JAX keep compiled programs in the user's cache folder; an unwritable folder only means compiling each time.

    Returns:
        What is wrong with the folder, or an empty text.
    """
    folder = cache_folder() / "programs"
    if not folder.is_absolute():
        return "there is no home folder; name one with WEIGHTS_CACHE"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        return f"{folder} cannot be made ({error.strerror})"
    if not os.access(folder, os.W_OK):
        return f"{folder} cannot be written to"
    compilation_cache.LRUCache = WholePrograms  # type: ignore[attr-defined]
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    return ""
