"""What the folder of a recommender holds: config and arrays, what must hold of them, and the recommender that they are."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
import pyarrow as pa
import scipy.sparse

from weights.data.interactions.events import Interactions
from weights.data.interactions.ids import Ids
from weights.data.interactions.tags import name_tags
from weights.ensemble import Report
from weights.errors import CorruptError
from weights.recommending.histories import HISTORIES, HistoryGroup
from weights.recommending.methods import FALLBACK, METHODS
from weights.recommending.mixing import Part
from weights.recommending.newitems import fit_new_items
from weights.recommending.recommender import Recommender, Tags
from weights.store.card import recommender_card
from weights.store.checks import check_shapes, wrong_without_columns
from weights.store.content import Content, Listed
from weights.store.userrecords import USERS
from weights.tasks.ranking import Ranking
from weights.types import AnyArray

_EVENTS = {"user": "int32", "item": "int32", "value": "float64", "time": "float64"}
_LARGEST = 1e150
_MODEL = "model/"


class KeptPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model in a mixture, as config.json holds it: its settings, what its scores are divided by, how much they count."""

    settings: dict[str, Any]
    scale: float
    shares: tuple[float, ...]


class RecommenderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of config.json. `tensors` lists type and shape of every array in model.safetensors."""

    format: str
    format_version: int
    weights_version: str
    task: Ranking
    parts: dict[str, KeptPart]
    tags: Tags
    groups: list[HistoryGroup]
    tag_penalty: float | None
    valued: bool
    dated: bool
    tensors: dict[str, tuple[str, list[int]]]

    judged: ClassVar[str] = "on events kept apart"

    @property
    def models(self) -> list[str]:
        """The names of the models that count."""
        return [name for name, part in self.parts.items() if any(part.shares)]


def describe_recommender(recommender: Recommender, format_version: int, listed: Listed) -> RecommenderConfig:
    """The content of config.json."""
    return RecommenderConfig(
        format="weights-recommender",
        format_version=format_version,
        weights_version=recommender.report.version,
        task=recommender.task,
        parts={name: _keep_part(part) for name, part in recommender.parts.items()},
        tags=recommender.tags,
        groups=recommender.groups,
        tag_penalty=None if recommender.new_items is None else recommender.new_items.penalty,
        valued=recommender.events.valued,
        dated=recommender.events.dated,
        tensors=listed,
    )


def _keep_part(part: Part) -> KeptPart:
    """A model in a mixture, as it is kept."""
    return KeptPart(msgspec.to_builtins(part.scorer.settings), part.scale, part.shares)


def arrays_of(recommender: Recommender) -> dict[str, AnyArray]:
    """The arrays of a recommender by name."""
    events = recommender.events
    arrays = {f"events/{name}": getattr(events, name).astype(kind) for name, kind in _EVENTS.items() if getattr(events, name) is not None}
    arrays |= _write_ids("users", events.users) | _write_ids("items", events.items)
    if recommender.names:
        arrays |= _write_ids("names", Ids(pa.array(recommender.names, pa.string())))
    for name, tags in (("user", events.user_tags), ("item", events.item_tags)):
        if tags is not None:
            arrays |= {f"{name}_tags/place": tags.indices.astype(np.int32), f"{name}_tags/ends": tags.indptr[1:].astype(np.int64)}
    for name, part in recommender.parts.items():
        if (kept := METHODS[name].kept) is not None:
            arrays |= {f"{_MODEL}{name}/{array}": values for array, values in kept.arrays(part.scorer).items()}
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


def wrong_in_config(config: RecommenderConfig) -> list[str]:
    """What is wrong with the task or the models, in words."""
    wrong = config.task.check()
    if unknown := [name for name in config.parts if name not in METHODS]:
        return [*wrong, f"models that are not known: {', '.join(unknown[:10])}"]
    if FALLBACK not in config.parts or not any(any(part.shares) for part in config.parts.values()):
        wrong.append(f"models of which none counts, or without '{FALLBACK}'")
    numbers = [number for part in config.parts.values() for number in (part.scale, *part.shares)]
    if not all(math.isfinite(number) and number >= 0 for number in numbers) or not all(part.scale for part in config.parts.values()):
        wrong.append("shares or scales of models that are below zero, or not finite")
    if any(len(part.shares) != len(HISTORIES) for part in config.parts.values()):
        wrong.append(f"shares of models that are not {len(HISTORIES)}, one for each group of users")
    if config.tag_penalty is not None and not 0 < config.tag_penalty < math.inf:
        wrong.append(f"a penalty of tags that is {config.tag_penalty}")
    for name, part in config.parts.items():
        try:
            msgspec.convert(part.settings, METHODS[name].settings)
        except msgspec.ValidationError as error:
            wrong.append(f"settings of '{name}' that cannot be: {error}")
    return wrong


def check_names(config: RecommenderConfig, path: Path) -> None:
    """Refuse arrays that are not those of the recommender that config.json describes.

    Raises:
        CorruptError: there are such.
    """
    listed = {name: shape for name, (_, shape) in config.tensors.items()}
    n_events = (listed.get("events/user") or [0])[0]
    sizes = {name: _count_ids(name, listed) for name in ("users", "items", "names")}
    if not (n_events and sizes["users"] and sizes["items"]) or sizes["names"] not in (0, sizes["items"]):
        raise CorruptError(f"'{path}' must hold events of users with items, but lists none. Fit again.")
    needed = {f"events/{name}": [n_events] for name in _EVENTS if name != "time" or config.task.columns.time is not None}
    for name in ("users", "items", *(["names"] if sizes["names"] else [])):
        needed |= {kept: listed[kept] for kept in (f"{name}/numbers", f"{name}/letters", f"{name}/ends") if kept in listed}
    n_tags = _count_tags(config)
    for name, ids in (("user", "users"), ("item", "items")):
        if n_tags[name]:
            n_places = (listed.get(f"{name}_tags/place") or [0])[0]
            needed |= {f"{name}_tags/place": [n_places], f"{name}_tags/ends": [sizes[ids]]}
    for name, part in config.parts.items():
        if (kept := METHODS[name].kept) is not None:
            settings: Any = msgspec.convert(part.settings, METHODS[name].settings)
            sides = sizes["users"] + n_tags["item"] * bool(settings.tags), sizes["items"] + n_tags["user"] * bool(settings.tags)
            needed |= {f"{_MODEL}{name}/{array}": shape for array, shape in kept.shapes(settings, *sides).items()}
    check_shapes(path, listed, needed)


def _count_tags(config: RecommenderConfig) -> dict[str, int]:
    """How many tags users and items may have."""
    return {"user": len(name_tags(config.tags.users)), "item": len(name_tags(config.tags.items))}


def _count_ids(name: str, listed: dict[str, list[int]]) -> int:
    """How many ids arrays hold; none where they are not listed as they must be."""
    numbers, ends, letters = (listed.get(f"{name}/{part}") for part in ("numbers", "ends", "letters"))
    if numbers is not None:
        return numbers[0] if len(numbers) == 1 and ends is None and letters is None else 0
    return ends[0] if ends is not None and letters is not None and len(ends) == len(letters) == 1 else 0


def wrong_in_arrays(arrays: dict[str, AnyArray], config: RecommenderConfig) -> list[str]:
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
    for name, count in _count_tags(config).items():
        wrong += _wrong_in_tags(name, arrays, count) if count else []
    wrong += [f"{name} that are not in ascending order, each once" for name, own in ids.items() if _is_unsorted(own)]
    return wrong


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


def build_recommender(config: RecommenderConfig, report: Report, arrays: dict[str, AnyArray]) -> Recommender:
    """The recommender that checked records and arrays are of."""
    events = Interactions(
        _read_ids("users", arrays),
        _read_ids("items", arrays),
        arrays["events/user"].astype(np.int64),
        arrays["events/item"].astype(np.int64),
        arrays["events/value"],
        arrays.get("events/time"),
        valued=config.valued,
        dated=config.dated,
        user_tags=_read_tags("user", arrays, config),
        item_tags=_read_tags("item", arrays, config),
    )
    parts = {}
    for name, kept in config.parts.items():
        method = METHODS[name]
        settings = msgspec.convert(kept.settings, method.settings)
        own = {array.removeprefix(f"{_MODEL}{name}/"): values for array, values in arrays.items() if array.startswith(f"{_MODEL}{name}/")}
        scorer = method.fit(events, settings) if method.kept is None else method.kept.rebuild(events, settings, own)
        parts[name] = Part(scorer, kept.scale, kept.shares)
    names = _read_ids("names", arrays).values.to_pylist() if "names/ends" in arrays else []
    new_items = fit_new_items(events, config.tag_penalty)
    return Recommender(config.task, events, parts, names, config.tags, config.groups, report, new_items)


def _read_tags(name: str, arrays: dict[str, AnyArray], config: RecommenderConfig) -> Any:
    """Which users or items have which tags, sparse; None where there are none."""
    if f"{name}_tags/place" not in arrays:
        return None
    place, ends = arrays[f"{name}_tags/place"], arrays[f"{name}_tags/ends"]
    shape = (len(ends), _count_tags(config)[name])
    return scipy.sparse.csr_matrix((np.ones(len(place)), place, np.concatenate([[0], ends])), shape)


RECOMMENDER = Content(
    name="weights-recommender",
    saves=Recommender,
    config=RecommenderConfig,
    describe=describe_recommender,
    arrays=arrays_of,
    card=recommender_card,
    wrong_in_config=wrong_in_config,
    wrong_beside_config=wrong_without_columns,
    check_names=check_names,
    wrong_in_arrays=wrong_in_arrays,
    build=build_recommender,
    keeps=USERS,
)
