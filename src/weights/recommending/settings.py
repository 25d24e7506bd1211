"""What can be set of recommendations: which models there are, and of each what it has. What is not set is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from weights.errors import UsageError, suggest
from weights.recommending.methods import FALLBACK, METHODS
from weights.spec import convert_setting

AUTO = "auto"
"""What is said where all models are tried."""


class RankingSettings(msgspec.Struct, frozen=True):
    """What was said of models.

    Attributes:
        models: those that are tried; popularity always is.
        given: what was said of each: model -> setting -> value.
    """

    models: tuple[str, ...] = tuple(METHODS)
    given: dict[str, dict[str, Any]] = {}


def read_settings(said: Mapping[str, Any], model: str = AUTO) -> RankingSettings:
    """The settings that were said by name.

    Args:
        model: those that are tried, with commas between; all there are if it is `AUTO`.
        said: name -> value; a name may be that of a model, a dot and a setting, or the setting alone where one model has it. Values may be
            texts, as from a command line.

    Raises:
        UsageError: a name is not known, or a value does not suit.

    Example:
        >>> read_settings({"items.strength": "300"}, "items")
        RankingSettings(models=('items', 'popularity'), given={'items': {'strength': 300.0}})
    """
    models, given = _read_models(model), dict[str, dict[str, Any]]()
    known = {f"{owner}.{field.name}": field.type for owner in models for field in msgspec.structs.fields(METHODS[owner].settings)}
    for name, value in said.items():
        full = _find_name(name, [*known])
        owner, _, setting = full.partition(".")
        given.setdefault(owner, {})[setting] = convert_setting(value, known[full], name)
    return RankingSettings(models, given)


def _find_name(name: str, known: list[str]) -> str:
    """The full name of a setting.

    Raises:
        UsageError: there is none, or there are several.
    """
    found = [full for full in known if name in (full, full.partition(".")[2])]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"Several models have a setting '{name}'. Name one: {', '.join(found)}.")
    raise UsageError(f"There is no setting '{name}' of recommendations. {suggest(name, known)}")


def _read_models(model: str) -> tuple[str, ...]:
    """The models that were named, in the order of the table, and popularity.

    Raises:
        UsageError: one is not known.
    """
    named = [*METHODS] if model == AUTO else [part.strip() for part in model.split(",")]
    for name in named:
        if name not in METHODS:
            raise UsageError(f"There is no model '{name}' of recommendations. {suggest(name, METHODS)}")
    return tuple(name for name in METHODS if name in named or name == FALLBACK)
