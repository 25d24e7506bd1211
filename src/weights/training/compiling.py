"""How to compile seldom: where programs are kept between processes, and the few sizes that arrays are padded to."""

from __future__ import annotations

import os
from pathlib import Path

import jax

_MOST_PADDED = 1 << 16
"""Sizes above this are left as they are: training then takes so long that compiling does not count, and memory does (our choice)."""


def padded_size(n: int, *, least: int = 64) -> int:
    """The length n rows are padded to, so that tables of similar length share one compiled program: the next power of two.

    Example:
        >>> [padded_size(n) for n in (1, 64, 65, 100_000)]
        [64, 64, 128, 100000]
    """
    return n if n > _MOST_PADDED else 1 << (max(n, least) - 1).bit_length()


def cache_folder() -> Path:
    """The user's folder for compiled programs: ``$WEIGHTS_CACHE``, else ``weights`` in the system's cache folder."""
    asked = os.environ.get("WEIGHTS_CACHE")
    if asked:
        return Path(asked)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "weights"


def keep_compiled_programs() -> str:
    """Let JAX keep compiled programs in the user's cache folder; an unwritable folder only means compiling each time.

    Returns:
        What is wrong with the folder, or an empty text.
    """
    folder = cache_folder() / "programs"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        return f"{folder} cannot be made ({error.strerror})"
    if not os.access(folder, os.W_OK):
        return f"{folder} cannot be written to"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    return ""
