"""What may be said to a fit: of its data, of the fit, and of its settings. Options are declared here, and nowhere else.

The command line and the keywords of `weights.fit` are made of these records; `make_request` sorts keywords into them.
Settings of the five elements, the model and the members stand in records of their own (`weights.spec.Spec`); those with
an option of their own on the command line are named in `ElementOptions`.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_type_hints

import msgspec

from weights.errors import UsageError, suggest
from weights.options import list_options, option, parse_lists

T = TypeVar("T")


class Request(NamedTuple):
    """What was said to a fit: `DataOptions`, `FitOptions`, and settings as `weights.spec.with_settings` knows them."""

    data: DataOptions
    fit: FitOptions
    settings: dict[str, Any]

    @property
    def chosen(self) -> dict[str, Any]:
        """All settings that were chosen, the number of members and the seed among them."""
        members = {} if self.fit.members is None else {"n_members": self.fit.members}
        return {**members, "seed": self.fit.seed, **self.settings}


def make_request(target: Any, given: Mapping[str, Any]) -> Request:
    """What was said to a fit by keywords.

    Args:
        target: the target, or its column.
        given: options and settings by name; ``__`` may stand for the dot in the name of a setting.

    Raises:
        UsageError: a name is not known, and like that of an option; or a text cannot be read.

    Example:
        >>> make_request("wage", {"members": 8, "activation": "gelu", "budget": "5m"}).chosen
        {'n_members': 8, 'seed': 0, 'activation': 'gelu'}
    """
    data, fit = ({known.name for known in list_options(record)} for record in (DataOptions, FitOptions))
    settings = {name.replace("__", "."): value for name, value in given.items() if name not in data | fit}
    _check_spelling(settings, data | fit)
    chosen = {name: value for name, value in given.items() if name in fit}
    if chosen.get("budget") is not None:
        chosen["budget"] = parse_seconds(chosen["budget"])
    roles = {name: value for name, value in given.items() if name in data}
    return Request(DataOptions(target=target, **roles), FitOptions(**chosen), settings)


def parse_seconds(text: str | float, flag: str = "budget") -> float:
    """Seconds from texts like "90", "60s", "5m", "1h".

    Raises:
        UsageError: the text is not a length of time above zero.

    Example:
        >>> parse_seconds("5m")
        300.0
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|h|)\s*", str(text))
    if not match or float(match[1]) <= 0:
        needed = "A length of time such as 90, 60s, 5m or 1h was needed"
        raise UsageError(f"{needed}, but '{text}' came. Give a number above zero.")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def take_text(text: str, flag: str) -> str:
    """The text itself, which is read where settings are."""
    return text


def asks_to_merge(copies: str) -> bool:
    """Whether copies of rows are to be merged; an error if that is not what the word says."""
    if copies not in ("keep", "merge"):
        raise UsageError(f"copies must be keep or merge, but is '{copies}'. {suggest(copies, ('keep', 'merge'))}")
    return copies == "merge"


def parse_number(text: str, flag: str) -> float | None:
    """A number, or None for none."""
    if text.lower() == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{flag} takes a number or none, but '{text}' came.") from None


def parse_class_weights(texts: Sequence[str], flag: str) -> str | dict[str, float]:
    """The word balanced, or label -> factor."""
    if [*texts] == ["balanced"]:
        return "balanced"
    factors = {}
    for text in texts:
        label, equals, factor = text.rpartition("=")
        number = parse_number(factor, flag) if equals else None
        if number is None:
            raise UsageError(f"{flag} takes balanced alone or LABEL=FACTOR, but '{text}' came.")
        factors[label] = number
    return factors


def parse_targets(texts: Sequence[str], flag: str) -> str | list[str]:
    """One column, or several."""
    return texts[0] if len(texts) == 1 else [*texts]


def list_names(module: str, table: str) -> Callable[[], list[str]]:
    """A function that names what stands in a table, which it imports when it is called."""
    return lambda: [*getattr(importlib.import_module(module), table)]


def list_values(module: str, record: str, field: str) -> Callable[[], list[str]]:
    """A function that names the texts that the type of a field allows."""

    def name_values() -> list[str]:
        hint = get_type_hints(getattr(importlib.import_module(module), record))[field]
        parts = [value for part in get_args(hint) for value in (get_args(part) or (part,))]
        return [value for value in parts if isinstance(value, str)]

    return name_values


def _list_tasks() -> list[str]:
    from weights.tasks.registry import list_tasks

    return list_tasks()


def _list_kinds() -> list[str]:
    from weights.data.registry import used_kinds

    return [*used_kinds()]


_MODELS = list_names("weights.models.registry", "ARCHITECTURES")
_SCHEMES = list_names("weights.elements.initialization", "SCHEMES")
_ACTIVATIONS = list_names("weights.elements.activation", "ACTIVATIONS")
_PENALTIES = list_names("weights.elements.regularization", "PENALTIES")
_OPTIMIZERS = list_names("weights.elements.optimization", "OPTIMIZERS")
_SCHEDULES = list_names("weights.elements.optimization", "SCHEDULES")
_EMBEDDINGS = list_values("weights.models.mlp", "Mlp", "embedding")
_QUANTITIES = list_names("weights.data.series.finance", "QUANTITIES")
_REPEATS = list_names("weights.data.interactions.events", "REPEATS")
_PROTOCOLS = list_names("weights.data.interactions.splits", "PROTOCOLS")
_RESAMPLINGS = list_values("weights.spec", "Members", "resampling")


class PartOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Which table of a file or database that may hold several; see `weights.data.table.read.part_of`."""

    sheet: Annotated[
        str | None,
        option("The sheet of a workbook (.xlsx), if several hold cells.", "NAME"),
    ] = None
    query: Annotated[
        str | None,
        option("The rows of a database (a file of SQLite), as one select.", "SELECT"),
    ] = None


class DataOptions(PartOptions, frozen=True):
    """What is said of the data: which column plays which role, and how cells are read."""

    target: Annotated[
        Any,
        option(
            "Column to predict (bundled examples know theirs); of a forecast it may be repeated.",
            "COLUMN",
            "--target",
            "-t",
            parse=parse_targets,
            repeated=True,
        ),
    ] = None
    task: Annotated[
        str | None,
        option("{either}; found from the target if not given.", "KIND", choices=_list_tasks),
    ] = None
    drop: Annotated[
        Sequence[str],
        option("Leave a column out; may be repeated.", "COLUMN", repeated=True),
    ] = ()
    kinds: Annotated[
        Mapping[str, str] | Sequence[str],
        option("{either} instead of what is found.", "COLUMN=KIND", "--kind", choices=_list_kinds, repeated=True),
    ] = ()
    missing: Annotated[
        str | Sequence[str],
        option("A word that means 'no value'; may be repeated.", "WORD", repeated=True),
    ] = ()
    keep: Annotated[
        str | Sequence[str],
        option("A word such as None or NA that is a label, not 'no value'; all for all such; may be repeated.", "WORD", repeated=True),
    ] = ()
    group: Annotated[
        str | None,
        option("Rows with the same value stay together (all rows of one patient).", "COLUMN"),
    ] = None
    time: Annotated[
        str | None,
        option(
            "Score members on rows later than those they learned from; of a forecast, the moments (the only column of dates if not given; "
            "none: rows are steps).",
            "COLUMN",
        ),
    ] = None
    series: Annotated[
        str | None,
        option("Column that says which series a row is of, where a forecast is of several.", "COLUMN"),
    ] = None
    known: Annotated[
        str | Sequence[str],
        option("Column whose later values are known when a forecast is made, such as holiday; may be repeated.", "COLUMN", repeated=True),
    ] = ()
    horizon: Annotated[
        int | None,
        option("Steps ahead that are forecast.", "STEPS"),
    ] = None
    quantity: Annotated[
        str | None,
        option("What of prices is forecast: {choices}; the values themselves if not given.", "NAME", "--as", choices=_QUANTITIES),
    ] = None
    user: Annotated[
        str | None,
        option("Of recommendations, the column that says who did something.", "COLUMN"),
    ] = None
    item: Annotated[
        str | None,
        option("Of recommendations, the column that says with which item.", "COLUMN"),
    ] = None
    value: Annotated[
        str | None,
        option("Of recommendations, the column of ratings or counts; zero is shown and not taken, below zero refused.", "COLUMN"),
    ] = None
    items: Annotated[
        Any,
        option("Of recommendations, a table of all items: their names, and what else is known of them.", "FILE"),
    ] = None
    users: Annotated[
        Any,
        option("Of recommendations, a table of users: what is known of them.", "FILE"),
    ] = None
    repeats: Annotated[
        str | None,
        option("Several events of a user and an item: {either}; found from the values if not given.", "NAME", choices=_REPEATS),
    ] = None
    protocol: Annotated[
        str | None,
        option("What lists are judged by: {either}; by time if events have times.", "NAME", choices=_PROTOCOLS),
    ] = None
    split: Annotated[
        str | None,
        option("Column that says train, val or test; nothing is learned from the test.", "COLUMN"),
    ] = None
    picture_size: Annotated[
        int | None,
        option("Height and width that pictures get.", "PIXELS"),
    ] = None
    sample_rate: Annotated[
        int | None,
        option("Samples a second that recordings get.", "NUMBER"),
    ] = None
    recording_seconds: Annotated[
        float | None,
        option("Time that recordings get; of longer ones the loudest stretch is read.", "SECONDS"),
    ] = None
    sample_weight: Annotated[
        Any,
        option("Column with the weight of each row.", "COLUMN"),
    ] = None
    class_weight: Annotated[
        Any,
        option("Weight of the classes.", "balanced | LABEL=FACTOR", parse=parse_class_weights, repeated=True),
    ] = None
    positive: Annotated[
        Any,
        option("Of two classes the one whose probability and odds are spoken of; the later of them in order if not given.", "LABEL"),
    ] = None
    classes: Annotated[
        Any,
        option("Names of a target's whole numbers, in order: normal,ill (or 0=normal,2=ill; ; separates names with commas).", "NAMES"),
    ] = None
    clip: Annotated[
        float | None,
        option("Bound of the smooth clip of scaled numbers (linear models need none); none for none.", "NUMBER", parse=parse_number),
    ] = 4.0
    copies: Annotated[
        str,
        option("keep or merge rows that stand in the table several times.", "NAME", hidden=True),
    ] = "keep"


class FitOptions(msgspec.Struct, frozen=True):
    """What is said of the fit: which models, how many members, how long, and what of it is searched."""

    model: Annotated[
        str,
        option(
            "auto (linear and mlp, with pictures convolution, with recordings spectrogram, stacked by out-of-bag loss), {choices}; of "
            "recommendations items, factors, neighbours, popularity, or several with commas between.",
            "NAME",
            choices=_MODELS,
        ),
    ] = "auto"
    members: Annotated[
        int | None,
        option(
            "Members, in equal parts for the models, at least one a fold each, or all of fewer.  [default: 32, of pictures, sound 8]",
            "NUMBER",
            "--members",
            "-m",
            parse=take_text,
        ),
    ] = None
    budget: Annotated[
        float | str | None,
        option("About the longest that training may take: 60s, 5m, 1h.", "TIME", parse=parse_seconds),
    ] = None
    seed: Annotated[
        int,
        option("Seed of everything random.", "NUMBER"),
    ] = 0
    threads: Annotated[
        int | None,
        option("Members in work at a time (does not change the result).", "NUMBER"),
    ] = None
    inspect: Annotated[
        bool | None,
        option("Estimate the effect and importance of each feature.  [default: of up to 2,000]", None, "--inspect/--no-inspect"),
    ] = None
    search: Annotated[
        Mapping[str, Any] | None,
        option(
            "Settings to race; ; separates values that hold commas.",
            "NAME=V1,V2,...",
            parse=parse_lists,
            repeated=True,
        ),
    ] = None


class ElementOptions(msgspec.Struct, frozen=True):
    """Settings with an option of their own on the command line; their texts are read where all settings are."""

    initialization: Annotated[Any, option("{choices}.", "NAME", choices=_SCHEMES)] = None
    activation: Annotated[Any, option("{choices}.", "NAME", choices=_ACTIVATIONS)] = None
    penalty: Annotated[Any, option("{choices}.", "NAME", choices=_PENALTIES)] = None
    strength: Annotated[
        Any,
        option("Strength of the penalty; if not given, chosen for solved models and 0 for networks.", "NUMBER"),
    ] = None
    dropout: Annotated[Any, option("Share of hidden units silenced at each step.", "SHARE")] = None
    optimization: Annotated[Any, option("{choices}.", "NAME", choices=_OPTIMIZERS)] = None
    learning_rate: Annotated[Any, option("Length of the steps.", "NUMBER")] = None
    schedule: Annotated[Any, option("{choices}.", "NAME", choices=_SCHEDULES)] = None
    weight_decay: Annotated[Any, option("Decoupled pull of the weights towards zero.", "NUMBER")] = None
    batch_size: Annotated[Any, option("Rows in a step.", "ROWS")] = None
    n_steps: Annotated[Any, option("Steps of each member.", "NUMBER", "--steps")] = None
    clip_norm: Annotated[Any, option("Longest gradient; none for no limit.", "NUMBER")] = None
    hidden: Annotated[Any, option("Units of each hidden layer, such as 128,128.", "UNITS,...")] = None
    embedding: Annotated[
        Any,
        option("{either}: learned features of numeric columns.", "NAME", choices=_EMBEDDINGS),
    ] = None
    resampling: Annotated[Any, option("{choices}.", "NAME", choices=_RESAMPLINGS)] = None


def takes_options(settings: Mapping[str, tuple[Any, Any]]) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """A decorator that spells out what a function takes as ``**options``: every option with type and default, and every setting.

    Args:
        settings: the type of each and what it is if not given, by name.
    """
    fields = {field.name: field for record in (DataOptions, FitOptions) for field in msgspec.structs.fields(record)}
    known = [one for record in (DataOptions, FitOptions) for one in list_options(record) if one.name != "target"]

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        own = inspect.signature(function)
        kept = [parameter for parameter in own.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
        named = [(one.name, one.default, get_args(fields[one.name].type)[0]) for one in known]
        named += [(name, usual, kind) for name, (kind, usual) in settings.items() if name not in (*fields, "n_members")]
        added = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=usual, annotation=kind) for name, usual, kind in named]
        rest = inspect.Parameter("more", inspect.Parameter.VAR_KEYWORD, annotation=Any)
        function.__signature__ = own.replace(parameters=[*kept, *added, rest])  # type: ignore[attr-defined]
        lines = "".join(f"        {one.name}: {one.help}\n" for one in known)
        function.__doc__ = (function.__doc__ or "").replace("        {options}\n", lines)
        return function

    return decorate


def _check_spelling(settings: Iterable[str], options: set[str]) -> None:
    """Refuse the name of a setting that is like that of an option; others are refused where settings are read."""
    from weights.models.registry import ARCHITECTURES
    from weights.spec import Spec

    sections = {name: [type(part)] for name in Spec.__struct_fields__ if (part := getattr(Spec(), name)) is not None}
    sections["model"] = [architecture.settings for architecture in ARCHITECTURES.values()]
    sections["augmentation"] = [known.augmentation for known in ARCHITECTURES.values() if known.augmentation is not None]
    known = {*sections}
    for section, records in sections.items():
        fields = {field for record in records for field in record.__struct_fields__}
        known |= fields | {f"{section}.{field}" for field in fields}
    for name in settings:
        near = difflib.get_close_matches(name.lower(), [*options, *known], n=1)
        if "." not in name and name not in known and near and near[0] in options:
            raise UsageError(f"There is no setting '{name}'. Did you mean '{near[0]}'?")
