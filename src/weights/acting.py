"""Which options act on what is learned: those that would do nothing are refused, so that nobody believes they did."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from weights.errors import UsageError
from weights.fitoptions import DataOptions, FitOptions, Request
from weights.options import list_options


def check_acting(request: Request, takes: Collection[str], what: str) -> None:
    """Refuse options that do nothing for what is learned.

    Args:
        request: what was said.
        takes: the options that act.
        what: what is learned, in words.

    Raises:
        UsageError: there is one.
    """
    for record, options in ((request.data, DataOptions), (request.fit, FitOptions)):
        for known in list_options(options):
            value = getattr(record, known.name)
            if known.name not in takes and not _is_default(value, known.default):
                raise UsageError(f"{known.flag} does nothing for {what}. Leave it out.")


def _is_default(value: Any, default: Any) -> bool:
    """Whether an option was not said; a frame is not compared."""
    return value is default or (
        isinstance(value, str | int | float | tuple | list | dict) and (value == default or (default == () and not value))
    )


_FOREIGN = {
    "forecast": ("forecasts of series", ("series", "horizon", "known", "quantity")),
    "ranking": ("interactions of users with items", ("user", "item", "value", "items", "users", "repeats", "protocol")),
}
"""What is said of data that are no rows, by the task that it needs: of what it is, and its options."""


def refuse_foreign_options(said: DataOptions) -> None:
    """Refuse what is said of series or interactions where rows are learned from.

    Raises:
        UsageError: something is.
    """
    for task, (what, names) in _FOREIGN.items():
        for known in list_options(DataOptions):
            if known.name in names and not _is_default(getattr(said, known.name), known.default):
                raise UsageError(f"{known.flag} is for {what}. Add --task {task}, or leave it out.")
