"""What can be set of a forecast: `ForecastSettings`. What is not set is found at rolling origins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from weights.errors import UsageError, suggest
from weights.spec import convert_setting
from weights.training.lagged import MOST_LAGS


class ForecastSettings(msgspec.Struct, frozen=True):
    """What is tried of series, and what is not.

    Attributes:
        lags: numbers of lags that regressions look at, of which each is tried; found if None.
        seasons: their lengths in steps; those of the calendar, or found, if None.
        strengths: penalties of regressions (ridge, per window and unit of variance) that are tried; ten from none to infinite if None.
        history: how many of the last moments are learned from; all if None.
        logs: whether values are learned on a log scale; where their spread grows with their level if None.
        columns: whether the calendar, and what is known beforehand, may stand beside lags.
        past: whether columns known up to the origin are asked.
        pooling: whether series may share regressions.
        smoothing: whether exponential smoothing and theta are mixed in.
        network: whether a network may add to what the regressions of many series forecast.
    """

    lags: tuple[int, ...] | None = None
    seasons: tuple[int, ...] | None = None
    strengths: tuple[float, ...] | None = None
    history: int | None = None
    logs: bool | None = None
    columns: bool = True
    past: bool = True
    pooling: bool = True
    smoothing: bool = True
    network: bool = True

    @property
    def changed(self) -> dict[str, Any]:
        """What was set, by name."""
        usual = ForecastSettings()
        names = (field.name for field in msgspec.structs.fields(ForecastSettings))
        return {name: getattr(self, name) for name in names if getattr(self, name) != getattr(usual, name)}


def change_settings(settings: ForecastSettings, given: Mapping[str, Any]) -> ForecastSettings:
    """The settings with some changed by name.

    Args:
        settings: to start from.
        given: name -> value. Values may be texts, as from a command line: "24,168", "no", "none".

    Raises:
        UsageError: a name is not known, or a value is not of its type or does not make sense.

    Example:
        >>> change_settings(ForecastSettings(), {"lags": "24,168", "network": "no"}).changed
        {'lags': (24, 168), 'network': False}
    """
    fields = {field.name: field.type for field in msgspec.structs.fields(ForecastSettings)}
    changes = {}
    for name, value in given.items():
        if name not in fields:
            raise UsageError(f"The setting '{name}' does nothing for forecasts, which are learned in closed form. {suggest(name, fields)}")
        kind = fields[name]
        value = (value,) if "tuple" in str(kind) and isinstance(value, int | float) else value
        value = _WORDS.get(value.strip().lower(), value) if isinstance(value, str) and "bool" in str(kind) else value
        try:
            changes[name] = convert_setting(value, kind, name)
        except UsageError:
            needed = next(words for part, words in _NEEDED.items() if part in str(kind))
            raise UsageError(f"{name} must be {needed}, but {value!r} came.") from None
    changed = msgspec.structs.replace(settings, **changes)
    if wrong := wrong_in_settings(changed):
        raise UsageError(wrong)
    return changed


def write_settings(changed: Mapping[str, Any]) -> list[str]:
    """Settings as they are given on the command line.

    Example:
        >>> write_settings({"lags": (24, 168), "network": False})
        ['lags=24,168', 'network=no']
    """
    return [f"{name}={write_value(value)}" for name, value in changed.items()]


def write_value(value: Any) -> str:
    """A value of a setting as it is given on the command line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(f"{part:g}" for part in value) if isinstance(value, list | tuple) else str(value)


_NEEDED = {"tuple": "numbers, such as 24,168", "bool": "yes or no", "int": "a whole number"}
"""What values of settings must be, by a part of their type."""
_WORDS = {"yes": True, "no": False, "on": True, "off": False}


def wrong_in_settings(settings: ForecastSettings) -> str:
    """What does not make sense of settings, in words; nothing if all does."""
    if settings.lags is not None and not (settings.lags and all(1 <= n <= MOST_LAGS for n in settings.lags)):
        return f"lags must be numbers from 1 to {MOST_LAGS:,}, but are {settings.lags}. Give some, such as lags=24,168."
    if settings.seasons is not None and not all(2 <= n <= MOST_LAGS for n in settings.seasons):
        return f"seasons must be lengths from 2 to {MOST_LAGS:,} steps, but are {settings.seasons}. Give some, such as seasons=24,168."
    if settings.strengths is not None and not (settings.strengths and all(0 < strength < math.inf for strength in settings.strengths)):
        return f"strengths must be above zero and finite, but are {settings.strengths}. Give some, such as strengths=0.01,0.1,1."
    if settings.history is not None and settings.history < 1:
        return f"history must be a number of moments, but is {settings.history}. Give more, or leave it out."
    return ""
