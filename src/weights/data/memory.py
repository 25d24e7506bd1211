"""How much memory a run may take, and the check that is made before anything large is built.

`check_memory_for` is what readers call with the bytes they are about to hold.
"""

from __future__ import annotations

import os
import re

from weights.errors import DataError, UsageError

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
        DataError: it does.
    """
    budget = memory_budget()
    if n_bytes > budget:
        raise DataError(
            f"{what} needs about {in_words(n_bytes)} of memory, but {in_words(budget)} may be used. "
            "Use fewer rows or columns, or set WEIGHTS_MEMORY if there is more."
        )


def in_words(n_bytes: float) -> str:
    """A size as people write it.

    Example:
        >>> in_words(3_210_000_000)
        '3.2 GB'
    """
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:,.1f} MB"


def _available_bytes() -> float:
    """Memory of this machine that is free or can be freed, where the system tells; otherwise all of it."""
    try:
        with open("/proc/meminfo") as file:
            fields = dict(line.split(":", 1) for line in file)
        return int(fields["MemAvailable"].split()[0]) * 1024.0
    except (OSError, KeyError, ValueError):
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
