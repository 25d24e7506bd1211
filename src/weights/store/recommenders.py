"""What the folder of a recommender holds: config and arrays, what must hold of them, and the recommender that they are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from weights.ensemble import Report
from weights.recommending.choosing import Curve
from weights.recommending.histories import HISTORIES, HistoryGroup
from weights.recommending.methods import FALLBACK, METHODS
from weights.recommending.mixing import Part
from weights.recommending.newitems import fit_new_items
from weights.recommending.recommender import Recommender, Tags
from weights.store.card import recommender_card
from weights.store.checks import check_shapes, wrong_without_columns
from weights.store.content import Content, Listed
from weights.store.events import arrays_of_events, build_events, count_ids, count_tags, needed_by_events, read_names, wrong_in_events
from weights.store.userrecords import USERS
from weights.tasks.ranking import Ranking
from weights.types import AnyArray

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
    curves: dict[str, dict[str, Curve]]
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
        curves={name: {**own} for name, own in recommender.curves.items()},
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
    arrays = arrays_of_events(recommender.events, recommender.names)
    for name, part in recommender.parts.items():
        if (kept := METHODS[name].kept) is not None:
            arrays |= {f"{_MODEL}{name}/{array}": values for array, values in kept.arrays(part.scorer).items()}
    return arrays


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
    curves = [curve for own in config.curves.values() for curve in own.values()]
    if any(len(curve.values) != len(curve.gains) or curve.chosen not in curve.values for curve in curves):
        wrong.append("curves of settings whose values and gains are not equally many, or without the one that was chosen")
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
    needed, n_tags = needed_by_events(config.task.columns, config.tags, listed, path), count_tags(config.tags)
    n_users, n_items = (count_ids(name, listed) for name in ("users", "items"))
    for name, part in config.parts.items():
        if (kept := METHODS[name].kept) is not None:
            settings: Any = msgspec.convert(part.settings, METHODS[name].settings)
            sides = n_users + n_tags["item"] * bool(settings.tags), n_items + n_tags["user"] * bool(settings.tags)
            needed |= {f"{_MODEL}{name}/{array}": shape for array, shape in kept.shapes(settings, *sides).items()}
    check_shapes(path, listed, needed)


def wrong_in_arrays(arrays: dict[str, AnyArray], config: RecommenderConfig) -> list[str]:
    """What is wrong with the values of arrays, in words."""
    return wrong_in_events(arrays, config.tags)


def build_recommender(config: RecommenderConfig, report: Report, arrays: dict[str, AnyArray]) -> Recommender:
    """The recommender that checked records and arrays are of."""
    events = build_events(arrays, config.tags, valued=config.valued, dated=config.dated)
    parts = {}
    for name, kept in config.parts.items():
        method = METHODS[name]
        settings = msgspec.convert(kept.settings, method.settings)
        own = {array.removeprefix(f"{_MODEL}{name}/"): values for array, values in arrays.items() if array.startswith(f"{_MODEL}{name}/")}
        scorer = method.fit(events, settings) if method.kept is None else method.kept.rebuild(events, settings, own)
        parts[name] = Part(scorer, kept.scale, kept.shares)
    new_items = fit_new_items(events, config.tag_penalty)
    return Recommender(config.task, events, parts, read_names(arrays), config.tags, config.groups, report, config.curves, new_items)


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
