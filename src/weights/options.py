"""Options are declared once: as the fields of a record, each with its default, its help, and how its text is read.

`option` goes into the annotation of a field; `list_options` reads a record. The command line makes its options from
these, Python takes the fields by name, and `check_names` says what was probably meant. Nothing heavy is imported here,
so that help answers at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

from weights.errors import UsageError, suggest

_MOST_VARIANTS = 64

Parse = Callable[[Any, str], Any]
"""Makes a value of the text of an option, or of the texts where it may be repeated, and is given what it is called."""


class Declared(NamedTuple):
    """What is declared of an option beside its name, type and default; see `option`."""

    help: str
    metavar: str | None
    flags: tuple[str, ...]
    parse: Parse | None
    choices: Callable[[], Iterable[str]] | None
    repeated: bool
    argument: bool
    hidden: bool


class Option(NamedTuple):
    """An option of a record.

    Attributes:
        name: of the field.
        type: of its values: bool, int, float, or str for what else is written as text.
        default: of the field; `msgspec.NODEFAULT` where a value is needed.
        declared: what `option` was given.
    """

    name: str
    type: type
    default: Any
    declared: Declared

    @property
    def flag(self) -> str:
        """What the option is called on the command line and in messages, such as ``--batch-size``."""
        return self.declared.flags[0].partition("/")[0] if self.declared.flags else f"--{self.name.replace('_', '-')}"

    @property
    def help(self) -> str:
        """The help, with the choices that there are."""
        text, choices = self.declared.help, [*self.declared.choices()] if self.declared.choices else []
        either = " or ".join(filter(None, [", ".join(choices[:-1]), *choices[-1:]]))
        return text.replace("{choices}", ", ".join(choices)).replace("{either}", either)


def option(
    help: str,
    metavar: str | None = None,
    *flags: str,
    parse: Parse | None = None,
    choices: Callable[[], Iterable[str]] | None = None,
    repeated: bool = False,
    argument: bool = False,
    hidden: bool = False,
) -> msgspec.Meta:
    """What is declared of an option; it stands in the annotation of a field, as in `weights.fitoptions`.

    Args:
        help: one line; ``{choices}`` stands for the choices, ``{either}`` for the same with "or" before the last.
        metavar: what stands for a value in help.
        *flags: how it is written on the command line, if otherwise than after the name of the field.
        parse: how its text is read; texts are taken as they are without.
        choices: names the choices, when help is shown and not before: the tables they stand in import heavy packages.
        repeated: whether it may be given several times.
        argument: whether it is given by its place instead of by its name.
        hidden: whether the command line leaves it out.
    """
    return msgspec.Meta(extra={"declared": Declared(help, metavar, flags, parse, choices, repeated, argument, hidden)})


def list_options(record: type[msgspec.Struct]) -> list[Option]:
    """The options that a record declares, in its order."""
    options = []
    for field in msgspec.structs.fields(record):
        hint, meta = get_args(field.type)
        default = () if field.default_factory is not msgspec.NODEFAULT else field.default
        options.append(Option(field.name, _find_type(hint), default, meta.extra["declared"]))
    return options


def check_names(given: Iterable[str], known: Iterable[str], whose: str) -> None:
    """Nothing, if all names are known.

    Raises:
        UsageError: one is not; it says what was probably meant.
    """
    known = [*known]
    for name in given:
        if name not in known:
            hint = suggest(name, known) if known else "It has none."
            raise UsageError(f"There is no option '{name}' of {whose}. {hint}")


def read_texts(options: Iterable[Option], given: Mapping[str, Any]) -> dict[str, Any]:
    """What the command line was given for some options, as values; those that were not given are left out.

    Raises:
        UsageError: a text cannot be read.
    """
    values = {}
    for known in options:
        value = given.get(known.name)
        if value is not None and value != ():
            values[known.name] = _read_text(known, value)
    return values


def _read_text(known: Option, value: Any) -> Any:
    """The value of an option, from a text or from what the command line has made of it."""
    if known.declared.parse:
        return known.declared.parse(value, known.flag)
    if known.type is str or not isinstance(value, str):
        return value
    try:
        return msgspec.convert(value, known.type, strict=False)
    except msgspec.ValidationError:
        needed = {int: "a whole number", float: "a number", bool: "true or false"}[known.type]
        raise UsageError(f"{known.flag} takes {needed}, but '{value}' came.") from None


def parse_pairs(texts: Iterable[str], flag: str) -> dict[str, str]:
    """name=value texts as a dictionary.

    Example:
        >>> parse_pairs(["batch-size=32"], "--set")
        {'batch_size': '32'}
    """
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{flag} takes name=value, but '{text}' came.")
        name = name.replace("-", "_")
        if name in pairs:
            raise UsageError(f"{flag} was given twice for '{name}'. Give it once, with what is meant.")
        pairs[name] = value
    return pairs


def parse_lists(texts: Iterable[str], flag: str) -> dict[str, list[str]]:
    """name=V1,V2 texts as a dictionary of lists; ; separates values that hold commas.

    Example:
        >>> parse_lists(["hidden=64;128,128"], "--search")
        {'hidden': ['64', '128,128']}
    """
    return {name: value.split(";" if ";" in value else ",") for name, value in parse_pairs(texts, flag).items()}


def parse_words(text: str, flag: str) -> list[str]:
    """Words that commas part.

    Example:
        >>> parse_words("one, two", "--lexicon")
        ['one', 'two']
    """
    return [word.strip() for word in text.split(",") if word.strip()]


def list_choices(vary: Mapping[str, Sequence[Any]], example: str) -> list[dict[str, Any]]:
    """All combinations of values of settings that are varied.

    Args:
        vary: setting -> values.
        example: of what may be named.

    Raises:
        UsageError: nothing is varied, or there are too many combinations.
    """
    if not vary or not all(vary.values()):
        raise UsageError(f"Name what to vary and its values, such as {example}.")
    choices = [dict(zip(vary, values, strict=True)) for values in itertools.product(*vary.values())]
    if len(choices) > _MOST_VARIANTS:
        raise UsageError(f"These are {len(choices)} variants, and at most {_MOST_VARIANTS} are compared. Vary fewer values.")
    return choices


def parse_numbers(texts: Iterable[str], flag: str) -> dict[str, float]:
    """label=number texts as a dictionary; labels may be anything, and hold = too.

    Example:
        >>> parse_numbers(["a=b=0.12"], "--threshold")
        {'a=b': 0.12}
    """
    numbers = {}
    for text in texts:
        label, _, value = text.rpartition("=")
        try:
            numbers[label] = float(value)
        except ValueError:
            label = ""
        if not label:
            raise UsageError(f"{flag} takes label=number, but '{text}' came.")
    return numbers


def _find_type(hint: Any) -> type:
    """The first of several types that an annotation names, if texts are read as it, else str."""
    first = get_args(hint)[0] if get_origin(hint) is UnionType else hint
    return first if first in (bool, int, float) else str


def check_choices(choices: Mapping[str, tuple[str, Collection[str]]], level: float) -> None:
    """Refuse choices that are none of those known, by name, and a level that is none.

    Raises:
        UsageError: there is such a one.
    """
    for name, (value, known) in choices.items():
        if value not in known:
            raise UsageError(f"{name} must be one of {', '.join(known)}, but is '{value}'. {suggest(value, known)}")
    if not 0 < level < 1:
        raise UsageError(f"The level must be between 0 and 1, but is {level}. Use 0.95 for intervals that hold 19 times in 20.")


def check_top(top: int | None, without: str) -> None:
    """Refuse to show fewer than one; `without` it that much is shown.

    Raises:
        UsageError: it is less than one.
    """
    if top is not None and top < 1:
        raise UsageError(f"top must be at least 1, but is {top}. Leave it out to see {without}.")
