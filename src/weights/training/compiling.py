"""Where compiled programs are kept between processes, so that only the first run ever compiles."""

from __future__ import annotations

import os
from pathlib import Path

import jax


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
