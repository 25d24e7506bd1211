"""Names of classes for a target of whole numbers, as arrays of pictures have it: 0 is "normal", 1 is "pneumonia".

`parse_class_names` reads what was said, `name_classes` puts names in place of numbers; which number is called what is kept with
a run, so that the numbers of later rows get the same names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.table.columns import as_text
from weights.errors import DataError, UsageError, abridged, listed

_WHOLE = r"^[-+]?\d+$"

ClassNames = tuple[str, ...] | dict[str, str]
"""Names in the order of the numbers they stand for, or by these numbers as text; none where nothing was said."""


class Named(NamedTuple):
    """A table whose target has names of classes, the name of each number, and what to say of it; nothing where nothing was said."""

    table: pa.Table
    names: dict[str, str]
    remark: str = ""


def parse_class_names(given: Any, flag: str = "classes") -> ClassNames:
    """Names of classes from a text such as "normal,ill" or "0=normal,2=ill" (with ; where names hold commas), a sequence, or a mapping.

    Raises:
        UsageError: a name is empty or comes twice, or it is none of these.

    Example:
        >>> parse_class_names("normal,ill"), parse_class_names("0=normal; 2=ill, or not")
        (('normal', 'ill'), {'0': 'normal', '2': 'ill, or not'})
    """
    if isinstance(given, str):
        parts = [part.strip() for part in given.split(";" if ";" in given else ",")]
        by_number = [re.fullmatch(r"([-+]?\d+)\s*=\s*(.*)", part) for part in parts]
        given = {pair[1]: pair[2] for pair in by_number if pair} if all(by_number) else parts
    if isinstance(given, Mapping):
        names: ClassNames = {str(number): str(name) for number, name in given.items()}
        if wrong := [number for number in names if not re.fullmatch(_WHOLE, number)]:
            raise UsageError(f"{flag} names whole numbers, such as 0=normal,1=ill, but '{wrong[0]}' is none. Leave it out.")
    elif isinstance(given, Sequence) or hasattr(given, "tolist"):
        names = tuple(str(name) for name in given)
    else:
        raise UsageError(f"{flag} takes the names of classes in order, such as normal,ill, but {given!r} came.")
    said = [*names.values()] if isinstance(names, dict) else [*names]
    if not all(said):
        raise UsageError(f"{flag} needs a name for each class, but one is empty. Name it.")
    [(most, count)] = Counter(said).most_common(1) or [("", 0)]
    if count > 1:
        raise UsageError(f"Names of classes must differ, but '{abridged(most)}' comes {count} times in {flag}. Rename one.")
    return names


def name_classes(table: pa.Table, target: str, names: ClassNames) -> Named:
    """The table with names in place of the whole numbers of its target, whose classes are then in the order of the names.

    Args:
        table: rows.
        target: the column of numbers.
        names: of all numbers that occur, in their order or by number; the table is as it was if there are none.

    Raises:
        DataError: the target does not hold whole numbers.
        UsageError: there are more or fewer names than numbers, or one has none.
    """
    if not names:
        return Named(table, {})
    numbers = as_text(table[target])
    other = pc.index(pc.match_substring_regex(numbers, _WHOLE), False).as_py()
    if other >= 0:
        first = f"row {other + 1:,}, '{abridged(numbers[other].as_py())}'"
        raise DataError(f"Names of classes stand for whole numbers, but '{target}' holds others (first: {first}). Leave --classes out.")
    known = sorted(pc.unique(numbers).drop_null().to_pylist(), key=int)
    if not isinstance(names, dict) and len(names) != len(known):
        raise UsageError(
            f"There must be one name for each class, but '{target}' holds {len(known)} different numbers ({listed(known, 8)}) and "
            f"{len(names)} were named. Name all in order, or by number: --classes 0=normal,1=ill (in Python a mapping)."
        )
    by_number = names if isinstance(names, dict) else dict(zip(known, names, strict=True))
    unnamed = [number for number in known if number not in by_number]
    if unnamed:
        raise UsageError(f"'{target}' holds {listed(unnamed, 8)}, for which --classes has no name. Name each class.")
    if swapped := [name for number, name in by_number.items() if name in by_number and name != number]:
        raise UsageError(f"Names of classes must be told from their numbers, but '{swapped[0]}' is one of these. Give words.")
    said = listed([f"{number} is '{name}'" for number, name in by_number.items()], 8)
    absent = [f"'{name}'" for number, name in by_number.items() if number not in known]
    remark = f"'{target}': {said}" + (f"; no row is of {listed(absent, 5)}" if absent else "")
    return Named(put_names(table, target, by_number), by_number, remark)


def put_names(table: pa.Table, target: str, by_number: Mapping[str, str]) -> pa.Table:
    """Later rows with the names of their classes; what has none, and what are names already, stays as it is.

    Example:
        >>> put_names(pa.table({"class": [1, 0, 7]}), "class", {"0": "normal", "1": "ill"})["class"].to_pylist()
        ['ill', 'normal', '7']
    """
    if not by_number or target not in table.column_names:
        return table
    cells = as_text(table[target])
    place, values = pc.index_in(cells, pa.array([*by_number], pa.string())), pa.array([*by_number.values()], pa.string())
    field = pa.field(target, pa.string(), metadata={"levels": msgspec.json.encode([*by_number.values()])})
    return table.set_column(table.schema.get_field_index(target), field, pc.coalesce(values.take(pc.cast(place, pa.int64())), cells))
