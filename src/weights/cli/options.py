"""Options of the command line, made of those that are declared, and what is read of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click
import msgspec

from weights.errors import UsageError, printable
from weights.options import Option, list_options, parse_pairs, read_texts

Records = Iterable[type[msgspec.Struct]]


def add_options(options: Iterable[Callable[..., Any]]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that gives a function several click options and arguments, in this order."""
    given = [*options]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for add in reversed(given):
            function = add(function)
        return function

    return decorate


def make_options(options: Iterable[Option]) -> list[Callable[..., Any]]:
    """The click options and arguments of declared options, in this order."""
    return [_make_option(known) for known in options if not known.declared.hidden]


def _make_option(known: Option) -> Callable[..., Any]:
    declared, default = known.declared, known.default
    if declared.argument:
        return click.argument(known.name, required=default is msgspec.NODEFAULT)
    flags, how = declared.flags or (known.flag,), {}
    if known.type is bool:
        how = {"default": default, "is_flag": True}
    elif declared.repeated:
        how = {"multiple": True, "required": default is msgspec.NODEFAULT}
    elif declared.parse:
        text = f"{default:g}" if isinstance(default, float) else default
        how = {"default": text, "show_default": text is not None}
    else:
        how = {"default": default, "show_default": default is not None, "type": known.type}
    return click.option(*flags, known.name, cls=_Option, declared=known, metavar=declared.metavar, **how)


class _Option(click.Option):
    """A click option whose help is made when it is shown, because heavy packages come with the choices it names."""

    def __init__(self, *args: Any, declared: Option, **options: Any) -> None:
        self._declared = declared
        super().__init__(*args, **options)

    @property
    def help(self) -> str | None:
        return self._declared.help

    @help.setter
    def help(self, text: str | None) -> None:
        pass  # what click would keep


def read_given(records: Records, given: Mapping[str, Any], settings: Iterable[str] = ()) -> dict[str, Any]:
    """What the command line gave, as keywords of `weights.api.plan_fit`.

    Args:
        records: the options there are.
        given: values and texts by name.
        settings: NAME=VALUE texts of --set, which may name options, too.

    Raises:
        UsageError: a text cannot be read, or names an argument of `plan_fit` that is no setting.
    """
    options = {known.name: known for record in records for known in list_options(record)}
    more = parse_pairs(settings, "--set")
    if no_setting := [name for name in more if name in ("data", "progress")]:
        raise UsageError(f"There is no setting '{no_setting[0]}'. Name the data as SOURCE, and settings as `weights show RUN` lists them.")
    for name in more.keys() & options.keys():
        text = more.pop(name)
        given = {**given, name: (text,) if options[name].declared.repeated else text}
    return {**read_texts(options.values(), given), **more}


def check_wave(path: str | None) -> None:
    """Refuse to write sound under another ending."""
    if path is not None and not path.lower().endswith(".wav"):
        raise UsageError(f"Sound is written as .wav, but '{printable(path)}' is named otherwise. Rename it.")


def check_output(source: str, output: str | None) -> None:
    """Refuse to write answers over the rows they answer."""
    if output and os.path.exists(source) and os.path.exists(output) and os.path.samefile(source, output):
        lost = f"The output '{printable(output)}' is the file of the rows, which would be lost."
        raise UsageError(f"{lost} Name another output.")
