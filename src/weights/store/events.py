"""Events, ids, names and tags in the folders of runs of interactions: as arrays, what must hold of them, and back."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse

from weights.data.interactions.events import EventColumns, Interactions
from weights.data.interactions.ids import Ids
from weights.data.interactions.tags import name_tags
from weights.errors import CorruptError
from weights.recommending.recommender import Tags
from weights.types import AnyArray

_EVENTS = {"user": "int32", "item": "int32", "value": "float64", "time": "float64"}
_LARGEST = 1e150


def arrays_of_events(events: Interactions, names: list[str]) -> dict[str, AnyArray]:
    """Events, their ids, what items are called and tags, as arrays by name."""
    arrays = {f"events/{name}": getattr(events, name).astype(kind) for name, kind in _EVENTS.items() if getattr(events, name) is not None}
    arrays |= _write_ids("users", events.users) | _write_ids("items", events.items)
    if names:
        arrays |= _write_ids("names", Ids(pa.array(names, pa.string())))
    for name, tags in (("user", events.user_tags), ("item", events.item_tags)):
        if tags is not None:
            arrays |= {f"{name}_tags/place": tags.indices.astype(np.int32), f"{name}_tags/ends": tags.indptr[1:].astype(np.int64)}
    return arrays


def _write_ids(name: str, ids: Ids) -> dict[str, AnyArray]:
    """Ids as arrays: whole numbers, or the letters of all texts and where each ends."""
    if ids.numbered:
        return {f"{name}/numbers": ids.values.to_numpy()}
    texts = [text.encode() for text in ids.values.to_pylist()]
    return {f"{name}/letters": np.frombuffer(b"".join(texts), np.uint8), f"{name}/ends": np.cumsum([len(text) for text in texts])}


def _read_ids(name: str, arrays: dict[str, AnyArray]) -> Ids:
    if f"{name}/numbers" in arrays:
        return Ids(pa.array(arrays[f"{name}/numbers"], pa.int64()))
    letters, ends = arrays[f"{name}/letters"].tobytes(), arrays[f"{name}/ends"].tolist()
    return Ids(pa.array([letters[begin:end].decode() for begin, end in zip([0, *ends], ends, strict=False)], pa.string()))


def count_ids(name: str, listed: dict[str, list[int]]) -> int:
    """How many ids arrays hold; none where they are not listed as they must be."""
    numbers, ends, letters = (listed.get(f"{name}/{part}") for part in ("numbers", "ends", "letters"))
    if numbers is not None:
        return numbers[0] if len(numbers) == 1 and ends is None and letters is None else 0
    return ends[0] if ends is not None and letters is not None and len(ends) == len(letters) == 1 else 0


def count_tags(tags: Tags) -> dict[str, int]:
    """How many tags users and items may have."""
    return {"user": len(name_tags(tags.users)), "item": len(name_tags(tags.items))}


def needed_by_events(columns: EventColumns, tags: Tags, listed: dict[str, list[int]], path: Path) -> dict[str, list[int]]:
    """The shapes of the arrays of events, by name.

    Args:
        columns: which there are.
        tags: how features became tags.
        listed: the shapes of all arrays there are.
        path: of these, for the message.

    Raises:
        CorruptError: there are no events of users with items.
    """
    n_events = (listed.get("events/user") or [0])[0]
    sizes = {name: count_ids(name, listed) for name in ("users", "items", "names")}
    if not (n_events and sizes["users"] and sizes["items"]) or sizes["names"] not in (0, sizes["items"]):
        raise CorruptError(f"'{path}' must hold events of users with items, but lists none. Fit again.")
    needed = {f"events/{name}": [n_events] for name in _EVENTS if name != "time" or columns.time is not None}
    for name in ("users", "items", *(["names"] if sizes["names"] else [])):
        needed |= {kept: listed[kept] for kept in (f"{name}/numbers", f"{name}/letters", f"{name}/ends") if kept in listed}
    for (name, n_tags), ids in zip(count_tags(tags).items(), ("users", "items"), strict=True):
        if n_tags:
            n_places = (listed.get(f"{name}_tags/place") or [0])[0]
            needed |= {f"{name}_tags/place": [n_places], f"{name}_tags/ends": [sizes[ids]]}
    return needed


def wrong_in_events(arrays: dict[str, AnyArray], tags: Tags) -> list[str]:
    """What is wrong with the values of arrays: types, places that there are not, texts that are none, numbers that are not finite."""
    wrong = []
    for name, array in arrays.items():
        if str(array.dtype) not in _types_of(name):
            return [f"numbers in '{name}' have the type {array.dtype}"]
        if array.dtype.kind == "f" and name != "events/time" and not (np.abs(array.astype(np.float64)) < _LARGEST).all():
            wrong.append(f"numbers in '{name}' that are not finite")
    for name in ("users", "items", "names"):
        if f"{name}/ends" in arrays:
            wrong += _wrong_in_text(name, arrays[f"{name}/letters"], arrays[f"{name}/ends"])
    if wrong:
        return wrong
    user, item = arrays["events/user"].astype(np.int64), arrays["events/item"].astype(np.int64)
    ids = {name: _read_ids(name, arrays) for name in ("users", "items")}
    pairs = user * len(ids["items"]) + item
    if (item < 0).any() or (item >= len(ids["items"])).any() or (user < 0).any() or (user >= len(ids["users"])).any():
        wrong.append("events of users or items that there are not")
    if (np.diff(pairs) <= 0).any():
        wrong.append("events that are not in the order of users and items, each once")
    for name, count in count_tags(tags).items():
        wrong += _wrong_in_tags(name, arrays, count) if count else []
    return wrong + [f"{name} that are not in ascending order, each once" for name, own in ids.items() if _is_unsorted(own)]


def _wrong_in_tags(name: str, arrays: dict[str, AnyArray], count: int) -> list[str]:
    """What is wrong with tags: which there are, or where those of one end."""
    place, ends = arrays[f"{name}_tags/place"], arrays[f"{name}_tags/ends"]
    if (place < 0).any() or (place >= count).any():
        return [f"tags of {name}s that there are not"]
    return [f"tags of {name}s that end where they cannot"] if (np.diff(ends, prepend=0) < 0).any() or ends[-1] != len(place) else []


def _types_of(name: str) -> tuple[str, ...]:
    """The types that an array may have."""
    owner, _, part = name.partition("/")
    if owner == "events":
        return (_EVENTS[part],)
    return {"place": ("int32",), "numbers": ("int64",), "ends": ("int64",), "letters": ("uint8",)}.get(part, ("float32", "float64"))


def _wrong_in_text(name: str, letters: AnyArray, ends: AnyArray) -> list[str]:
    """What is wrong with texts: where they end, or letters that are none."""
    if (np.diff(ends, prepend=0) < 0).any() or (ends[-1] if len(ends) else 0) != len(letters):
        return [f"texts of {name} that end where they cannot"]
    try:
        _read_ids(name, {f"{name}/letters": letters, f"{name}/ends": ends})
    except UnicodeDecodeError:
        return [f"texts of {name} that are none"]
    return []


def _is_unsorted(ids: Ids) -> bool:
    values = ids.values.to_pylist()
    return any(first >= second for first, second in itertools.pairwise(values))


def build_events(arrays: dict[str, AnyArray], tags: Tags, *, valued: bool, dated: bool) -> Interactions:
    """The events that checked arrays are of."""
    n_tags = count_tags(tags)
    return Interactions(
        _read_ids("users", arrays),
        _read_ids("items", arrays),
        arrays["events/user"].astype(np.int64),
        arrays["events/item"].astype(np.int64),
        arrays["events/value"],
        arrays.get("events/time"),
        valued=valued,
        dated=dated,
        user_tags=_read_tags("user", arrays, n_tags["user"]),
        item_tags=_read_tags("item", arrays, n_tags["item"]),
    )


def read_names(arrays: dict[str, AnyArray]) -> list[str]:
    """What items are called; empty where no table said."""
    return _read_ids("names", arrays).values.to_pylist() if "names/ends" in arrays else []


def _read_tags(name: str, arrays: dict[str, AnyArray], n_tags: int) -> Any:
    """Which users or items have which tags, sparse; None where there are none."""
    if f"{name}_tags/place" not in arrays:
        return None
    place, ends = arrays[f"{name}_tags/place"], arrays[f"{name}_tags/ends"]
    shape = (len(ends), n_tags)
    return scipy.sparse.csr_matrix((np.ones(len(place)), place, np.concatenate([[0], ends])), shape)
