"""What the user says of columns: `Roles`, and whether they can be had."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any

import msgspec
import narwhals.stable.v2 as nw
import pyarrow as pa

from weights.data.classnames import ClassNames
from weights.data.registry import used_kinds
from weights.data.table.columns import as_text, is_supported
from weights.data.table.delimited import MISSING_WORDS
from weights.errors import DataError, NotFoundError, UsageError, suggest


class Roles(msgspec.Struct, frozen=True):
    """What the user says about columns: the target, those to leave out, and those that steer training.

    Attributes:
        target: the column to predict.
        drop: columns to leave out.
        kinds: kinds to use instead of those found.
        group: column whose equal values stay on one side of every split (all rows of one patient).
        time: column that orders rows; members are scored on rows later than those they learned from.
        sample_weight: column with the weight of each row, at least zero.
        clip: bound of the smooth clip of scaled numbers, or None for no clip.
        missing: further words that mean "no value"; the table was read with them, and later ones will be.
        keep: words that mean "no value" in other text files, such as None, and are labels in this one.
        split: column that says which rows are for the test only ("test"); nothing is learned from them, and they are judged last.
        picture_size: height and width of pictures; None leaves it to what is found.
        sample_rate: samples a second of recordings; None leaves it to what is found.
        recording_seconds: how long the longest may last; the same.
        whole: whether recordings are read to their ends, as far as that is found.
        classes: names of the whole numbers in the target, in their order or by number; see `classnames`.
    """

    target: str
    drop: tuple[str, ...] = ()
    kinds: dict[str, str] = {}
    group: str | None = None
    time: str | None = None
    sample_weight: str | None = None
    clip: float | None = 4.0
    missing: tuple[str, ...] = ()
    split: str | None = None
    picture_size: int | None = None
    sample_rate: int | None = None
    recording_seconds: float | None = None
    classes: ClassNames = ()
    keep: tuple[str, ...] = ()
    whole: bool = False

    @property
    def wording(self) -> dict[str, Any]:
        """How cells of text are read, as `read_table` takes it."""
        return {"missing": self.missing, "keep": self.keep, "verbatim": self.labels}

    @property
    def labels(self) -> list[str]:
        """The columns whose cells are labels, which stay as they are written: 1.1 and 1.10, TRUE and True differ."""
        named = (self.group, self.split, *(name for name, kind in self.kinds.items() if kind == "category"))
        return [name for name in named if name is not None]

    def refuse_words_in_cells(self, plural: str) -> None:
        """Refuse what is said of cells where these came without a table.

        Raises:
            UsageError: something is said of them.
        """
        if self.missing or self.keep:
            flag = "--missing" if self.missing else "--keep"
            raise UsageError(f"{flag} names words in the cells of a table, but {plural} came without one. Leave it out.")


STEERING = ("target", "sample_weight", "group", "time", "split")
"""Roles that one column plays, which may also be given as values apart from the table."""


def column_labels(data: Any) -> list[Any]:
    """What the columns of a frame or mapping are called, which need not be text; empty for files and arrays.

    Example:
        >>> column_labels({0: [1.0, 2.0], ("dose", "mg"): [3.0, 4.0]})
        [0, ('dose', 'mg')]
    """
    if isinstance(data, Mapping):
        return [*data]
    try:
        frame = nw.from_native(data, pass_through=True, eager_only=True)
    except nw.exceptions.DuplicateError:
        return []  # reading the table refuses it
    return [*frame.columns] if isinstance(frame, nw.DataFrame) else []


def name_column(asked: Any, labels: Sequence[Any]) -> str | None:
    """The name in the table of the column that is asked for by its label; None if `asked` holds values instead.

    Args:
        asked: text, a number, a date or a tuple that is the label of a column, or values.
        labels: of all columns, as `column_labels` gives them.

    Example:
        >>> name_column(1, [0, 1]), name_column("age", []), name_column(["yes", "no"], [0, 1])
        ('1', 'age', None)
    """
    if isinstance(asked, Hashable) and asked in labels:
        return str(labels[labels.index(asked)])
    return str(asked) if isinstance(asked, str) or not hasattr(asked, "__iter__") else None


def name_columns(asked: Any, labels: Sequence[Any]) -> tuple[str, ...]:
    """The names in the table of one column or several.

    Example:
        >>> name_columns(["age", 7], ["age", 7]), name_columns("age", [])
        (('age', '7'), ('age',))
    """
    if asked is None:
        return ()
    single = name_column(asked, labels)
    return (single,) if single is not None else tuple(name_column(label, labels) or str(label) for label in asked)


def parse_kinds(pairs: Any) -> dict[str, str]:
    """``column=kind`` texts (or an equivalent mapping) as a dictionary.

    Raises:
        UsageError: a text has no equals sign, or the kind is not known.

    Example:
        >>> parse_kinds(["ward=category"])
        {'ward': 'category'}
    """
    items = {str(column): kind for column, kind in pairs.items()} if hasattr(pairs, "items") else {}
    for pair in () if items else (pairs,) if isinstance(pairs, str) else pairs or ():
        column, equals, kind = str(pair).rpartition("=")
        if not equals:
            raise UsageError(f"A kind is given as column=kind, but '{pair}' came. Kinds: {', '.join(used_kinds())}.")
        items[column] = kind
    for column, kind in items.items():
        if kind not in used_kinds():
            raise UsageError(
                f"The kind of '{column}' must be one of {', '.join(used_kinds())}, but '{kind}' came. {suggest(kind, used_kinds())}"
            )
    return items


def parse_kept(asked: Any, missing: Collection[str]) -> tuple[str, ...]:
    """The words that are labels where other text files mean "no value" by them, from one or several, also with commas between; all of them.

    Raises:
        UsageError: a word means "no value" nowhere, or was said to mean it here.

    Example:
        >>> parse_kept("None,NA", ())
        ('None', 'NA')
    """
    words = [word.strip() for text in ([asked] if isinstance(asked, str) else asked or ()) for word in str(text).split(",")]
    known = [word for word in MISSING_WORDS if word]
    if words == ["all"]:
        return tuple(word for word in known if word not in missing)
    for word in words:
        if word not in known:
            said = f"Words that text files mean no value by can be kept, {', '.join(known)} or all, but '{word}' came"
            raise UsageError(f"{said}, which is kept as it is. Leave it out.")
        if word in missing:
            raise UsageError(f"'{word}' was said to be kept and to mean no value. Leave out --keep or --missing of it.")
    return tuple(dict.fromkeys(words))


def check_cells(table: pa.Table, roles: Roles) -> None:
    """Refuse a target, or a column that steers training, whose cells are neither numbers, moments nor words, such as lists.

    Raises:
        DataError: there is one.
    """
    for role in ("target", "group", "time", "sample_weight", "split"):
        name = getattr(roles, role)
        if name is None or is_supported(table.field(name).type):
            continue
        try:
            as_text(table[name])
        except pa.ArrowException as error:
            role = role.replace("_", " ")
            raise DataError(
                f"The {role} '{name}' must hold one number or label a row, but it holds {table.field(name).type}. Name another {role}."
            ) from error


def check_roles(names: Sequence[str], roles: Roles, source: str) -> None:
    """Refuse roles of columns that are not there, or several of one column.

    Raises:
        NotFoundError: a named column does not exist.
        UsageError: a kind is not known, or a column has two roles.
    """
    parse_kinds(roles.kinds)
    steering = {role: (name,) for role in STEERING if (name := getattr(roles, role)) is not None}
    check_claims(names, {**steering, "drop": roles.drop}, source)
    for name in roles.kinds:
        _find_column(names, name, "kind", source)


def check_claims(names: Sequence[str], claims: Mapping[str, Sequence[str]], source: str, *, article: str = "") -> None:
    """Refuse columns that are not there, or that several roles claim.

    Args:
        names: of the columns there are.
        claims: the columns of each role, by the name of the role.
        source: what has the columns, for messages.
        article: before the name of a role.

    Raises:
        NotFoundError: a column does not exist. UsageError: one has two roles.
    """
    taken: dict[str, str] = {}
    for role, named in claims.items():
        for name in named:
            _find_column(names, name, role, source)
            if taken.setdefault(name, role) != role:
                raise UsageError(f"Column '{name}' is the {taken[name]} and cannot also be {article}{role}. Name another column.")


def _find_column(names: Sequence[str], name: str, role: str, source: str) -> None:
    if name not in names:
        raise NotFoundError(f"{source} has no column '{name}' to use as {role}. {suggest(name, names)}")
