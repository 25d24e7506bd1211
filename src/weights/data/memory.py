"""How much memory a run may take, and the check that is made before anything large is built.

`check_memory_for` is what readers call with the bytes they are about to hold.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import resource
from pathlib import Path

from weights.errors import TooLargeError, UsageError

_CONTROL_GROUP = Path("/sys/fs/cgroup")
_ADDRESSES_OF_LIBRARIES = 3 << 30
"""Address space that Python, its libraries and their threads take before any data come (measured)."""
_M_MMAP_THRESHOLD, _LARGE_BLOCK = -3, 1 << 22
_UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}


def memory_budget() -> float:
    """Bytes that may be used: what ``WEIGHTS_MEMORY`` says (such as 500MB or 4GB), otherwise what the machine has free.

    Raises:
        UsageError: WEIGHTS_MEMORY is not a size.
    """
    asked = os.environ.get("WEIGHTS_MEMORY", "").strip()
    if not asked:
        return _available_bytes()
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", asked.lower())
    if not found or float(found[1]) == 0:
        raise UsageError(f"WEIGHTS_MEMORY must be a size such as 500MB or 4GB, but it is '{asked}'. Change or unset it.")
    return float(found[1]) * _UNITS[found[2]]


def check_memory_for(n_bytes: float, what: str) -> None:
    """Refuse what would need more than the budget.

    Args:
        n_bytes: an estimate of the memory that is about to be held.
        what: who needs it, the subject of the message's sentence.

    Raises:
        TooLargeError: it does.
    """
    budget = memory_budget()
    if n_bytes > budget:
        raise TooLargeError(
            f"{what} needs about {format_bytes(n_bytes)} of memory, but {format_bytes(budget)} may be used. "
            "Use fewer rows or columns, or set WEIGHTS_MEMORY if there is more."
        )


def give_back_large_blocks() -> None:
    """Let memory go back to the system as soon as a block of 4 MB or more is freed, for the rest of this process (glibc only).

    By default ever larger blocks are kept for later: a fit of a million rows then holds half as much again.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)


def format_bytes(n_bytes: float) -> str:
    """A size as people write it.

    Example:
        >>> format_bytes(3_210_000_000)
        '3.2 GB'
    """
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.1f} MB"


def _available_bytes() -> float:
    """Memory that is free or can be freed: of this machine, and within the limits on this container and this process."""
    bounds = [_free_of_machine(), _free_of_container()]
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        bounds.append(max(limit - _ADDRESSES_OF_LIBRARIES, 0))
    return min(bounds)


def _free_of_machine() -> float:
    try:
        with open("/proc/meminfo") as file:
            fields = dict(line.split(":", 1) for line in file)
        return int(fields["MemAvailable"].split()[0]) * 1024.0
    except (OSError, KeyError, ValueError):
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def _free_of_container() -> float:
    """What a control group (version 2) leaves; infinite where there is none or it has no limit."""
    try:
        limit, used = (int((_CONTROL_GROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        fields = dict(line.split() for line in (_CONTROL_GROUP / "memory.stat").read_text().splitlines())
        return float(max(limit - used + int(fields["inactive_file"]), 0))
    except (OSError, KeyError, ValueError):
        return float("inf")
