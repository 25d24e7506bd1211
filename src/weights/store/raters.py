"""What the folder of a rater holds: config and arrays, what must hold of them, and the rater that they are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np

from weights.ensemble import Report
from weights.rating.gibbs import Draws, Population, RatingSettings
from weights.rating.rater import Rater
from weights.recommending.recommender import Tags
from weights.store.card import rater_card
from weights.store.checks import check_shapes, wrong_without_columns
from weights.store.content import Content, Listed
from weights.store.events import arrays_of_events, build_events, count_ids, count_tags, needed_by_events, read_names, wrong_in_events
from weights.tasks.rating import Rating
from weights.types import AnyArray

_DRAWS = "draws/"


class RaterConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of config.json. `tensors` lists type and shape of every array in model.safetensors."""

    format: str
    format_version: int
    weights_version: str
    task: Rating
    settings: RatingSettings
    tags: Tags
    middle: float
    low: float
    high: float
    dated: bool
    tensors: dict[str, tuple[str, list[int]]]

    judged: ClassVar[str] = "on ratings kept apart"

    @property
    def models(self) -> list[str]:
        """The names of the models that count."""
        return ["factors"]


def describe_rater(rater: Rater, format_version: int, listed: Listed) -> RaterConfig:
    """The content of config.json."""
    return RaterConfig(
        format="weights-rater",
        format_version=format_version,
        weights_version=rater.report.version,
        task=rater.task,
        settings=rater.settings,
        tags=rater.tags,
        middle=rater.draws.middle,
        low=rater.low,
        high=rater.high,
        dated=rater.events.dated,
        tensors=listed,
    )


def arrays_of(rater: Rater) -> dict[str, AnyArray]:
    """The arrays of a rater by name."""
    draws = rater.draws
    arrays = arrays_of_events(rater.events, rater.names) | {"scores": rater.scores}
    arrays |= {f"{_DRAWS}items": draws.items, f"{_DRAWS}noise": draws.noise}
    for side, population in (("users", draws.of_users), ("items", draws.of_items)):
        arrays |= {f"{_DRAWS}{side}/{name}": values for name, values in population._asdict().items()}
    return arrays


def wrong_in_config(config: RaterConfig) -> list[str]:
    """What is wrong with the task or the numbers, in words."""
    numbers = (config.middle, config.low, config.high)
    sound = all(math.isfinite(number) for number in numbers) and config.low < config.high
    return config.task.check() + ([] if sound else ["ratings without a mean, or a range that they lie in"])


def check_names(config: RaterConfig, path: Path) -> None:
    """Refuse arrays that are not those of the rater that config.json describes.

    Raises:
        CorruptError: there are such.
    """
    listed = {name: shape for name, (_, shape) in config.tensors.items()}
    needed, n_tags = needed_by_events(config.task.columns, config.tags, listed, path), count_tags(config.tags)
    s, d = config.settings.n_draws, config.settings.n_factors + 1
    needed |= {f"{_DRAWS}items": [s, count_ids("items", listed), d], f"{_DRAWS}noise": [s], "scores": (listed.get("scores") or [0])[:1]}
    for side, tags in (("users", n_tags["user"]), ("items", n_tags["item"])):
        needed |= {f"{_DRAWS}{side}/slopes": [s, tags + 1, d], f"{_DRAWS}{side}/precision": [s, d, d]}
    check_shapes(path, listed, needed)


def wrong_in_arrays(arrays: dict[str, AnyArray], config: RaterConfig) -> list[str]:
    """What is wrong with the values of arrays, in words."""
    if wrong := wrong_in_events(arrays, config.tags):
        return wrong
    wrong = ["variances of ratings that are not above zero"] if not (arrays[f"{_DRAWS}noise"] > 0).all() else []
    if (np.diff(arrays["scores"]) < 0).any() or (arrays["scores"] < 0).any():
        wrong.append("scores that are below zero, or not in ascending order")
    for side in ("users", "items"):
        precision = arrays[f"{_DRAWS}{side}/precision"].astype(float)
        if not np.allclose(precision, precision.swapaxes(1, 2)) or not (np.linalg.eigvalsh(precision) > 0).all():
            wrong.append(f"precisions of {side} that are those of no distribution")
    return wrong


def build_rater(config: RaterConfig, report: Report, arrays: dict[str, AnyArray]) -> Rater:
    """The rater that checked records and arrays are of."""

    def population(side: str) -> Population:
        fields: Any = {name: arrays[f"{_DRAWS}{side}/{name}"] for name in Population._fields}
        return Population(**fields)

    draws = Draws(config.middle, arrays[f"{_DRAWS}items"], arrays[f"{_DRAWS}noise"], population("users"), population("items"))
    return Rater(
        task=config.task,
        settings=config.settings,
        events=build_events(arrays, config.tags, valued=True, dated=config.dated),
        draws=draws,
        scores=arrays["scores"],
        low=config.low,
        high=config.high,
        names=read_names(arrays),
        tags=config.tags,
        report=report,
    )


RATER = Content(
    name="weights-rater",
    saves=Rater,
    config=RaterConfig,
    describe=describe_rater,
    arrays=arrays_of,
    card=rater_card,
    wrong_in_config=wrong_in_config,
    wrong_beside_config=wrong_without_columns,
    check_names=check_names,
    wrong_in_arrays=wrong_in_arrays,
    build=build_rater,
)
