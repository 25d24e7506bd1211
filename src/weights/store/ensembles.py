"""What the folder of an ensemble holds: config and arrays, what must hold of them, and the ensemble that they are."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, cast

import jax
import msgspec
import numpy as np

from weights.conformal import Conformal, Difficulty
from weights.data.dataset import Feature
from weights.data.encoding import Encoding
from weights.data.inputs import Layout
from weights.data.kind import Attachment, BlockEncoding
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.ensemble import Ensemble, Population, Predictions, Report
from weights.errors import CorruptError
from weights.models.architecture import ModelSettings
from weights.models.registry import architecture_of, build, layers_of
from weights.spec import Spec
from weights.store.card import model_card
from weights.store.checks import (
    CONFORMAL_PARTS,
    PREDICTION_PARTS,
    check_shapes,
    wrong_in_arrays,
    wrong_in_difficulty,
    wrong_in_distributions,
    wrong_in_encoding,
    wrong_in_feature_weights,
    wrong_in_model,
    wrong_in_names,
    wrong_in_spec,
    wrong_in_word_weights,
)
from weights.store.content import Content, Listed
from weights.tasks.registry import AnyTask
from weights.types import AnyArray, Params

PREDICTIONS = ("oob_predictions", "test_predictions")
_LAWFUL_NAME = "[a-z][a-z0-9-]{0,40}"


class SavedPopulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What config.json says of a population; its arrays are those whose names begin with its own."""

    name: str
    spec: Spec
    stacking_weight: float


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of config.json. `tensors` lists type and shape of every array in model.safetensors."""

    format: str
    format_version: int
    weights_version: str
    populations: list[SavedPopulation]
    task: AnyTask
    encoding: Encoding
    features: list[Feature]
    tensors: dict[str, tuple[str, list[int]]]

    judged: ClassVar[str] = "out of bag"

    @property
    def models(self) -> list[str]:
        """The names of the populations."""
        return [population.name for population in self.populations]


def describe_ensemble(ensemble: Ensemble, format_version: int, listed: Listed) -> Config:
    """The content of config.json."""
    return Config(
        format="weights-ensemble",
        format_version=format_version,
        weights_version=ensemble.report.version,
        populations=[SavedPopulation(p.name, p.spec, p.stacking_weight) for p in ensemble.populations],
        task=cast(AnyTask, ensemble.task),
        encoding=ensemble.encoding,
        features=ensemble.features,
        tensors=listed,
    )


def _list_attachments(encoding: Encoding) -> list[tuple[int, str, Attachment]]:
    """Of which columns of other kinds a file is kept: their places, the files' names, and how these are written and read."""
    attachments = [(place, kind.attachment) for place, kind in enumerate(encoding.kinds) if kind.attachment is not None]
    return [
        (place, attachment.name if i == 0 else f"{Path(attachment.name).stem}-{i + 1}{Path(attachment.name).suffix}", attachment)
        for i, (place, attachment) in enumerate(attachments)
    ]


def _attached(config: Config) -> dict[str, str]:
    """What is kept in further files, by their names."""
    blocks = config.encoding.blocks
    return {name: attachment.write(blocks[place]) for place, name, attachment in _list_attachments(config.encoding)}


def _with_blocks(config: Config, change: Callable[[int, str, Attachment], BlockEncoding]) -> Config:
    blocks = [*config.encoding.blocks]
    for place, name, attachment in _list_attachments(config.encoding):
        blocks[place] = change(place, name, attachment)
    return msgspec.structs.replace(config, encoding=msgspec.structs.replace(config.encoding, blocks=blocks))


def _without_attached(config: Config) -> Config:
    return _with_blocks(config, lambda place, name, attachment: attachment.without(config.encoding.blocks[place]))


def _attach(config: Config, contents: dict[str, str]) -> Config:
    return _with_blocks(config, lambda place, name, attachment: attachment.read(config.encoding.blocks[place], contents[name]))


def wrong_in_config(config: Config) -> list[str]:
    """What is wrong with the task, the encoding or the populations, in words."""
    wrong = [*config.task.check(), *wrong_in_encoding(config.encoding, config.features)]
    for population in config.populations:
        wrong += [*wrong_in_spec(population.spec), *wrong_in_model(population.spec.model, config.encoding)]
        if not re.fullmatch(_LAWFUL_NAME, population.name):
            wrong.append(f"a population has the name '{population.name}'")
        if not 0 <= population.stacking_weight < math.inf:
            wrong.append(f"the stacking weight of '{population.name}' is {population.stacking_weight}")
    return [*wrong, *wrong_in_names("populations", [population.name for population in config.populations])]


def wrong_beside_config(report: Report, config: Config) -> list[str]:
    """What of a report does not belong to the columns of a config."""
    weights = report.feature_weights
    beside = wrong_in_feature_weights(weights, config.encoding) if weights else []
    beside += wrong_in_word_weights(report.word_weights, config.encoding) if report.word_weights else []
    return [*wrong_in_distributions(report.distributions, config.encoding), *beside]


def wrong_in_tensors(tensors: dict[str, AnyArray], config: Config) -> list[str]:
    """What is wrong with the values of arrays."""
    return wrong_in_arrays(tensors) or wrong_in_difficulty(tensors, config.encoding.layout(config.task.n_outputs).n_columns)


def check_names(config: Config, path: Path) -> None:
    """Refuse arrays that are not those of the models that config.json describes."""
    listed = {name: shape for name, (_, shape) in config.tensors.items()}
    if len(listed.get("scores", ())) != 1:
        raise CorruptError(f"'{path}' must hold 'scores', but holds {', '.join(sorted(listed)[:10])}. Fit again.")
    needed: dict[str, list[int]] = {"offset": [config.task.n_outputs], "scores": listed["scores"]}
    if any(name in listed for name in CONFORMAL_PARTS):
        pieces = listed.get(CONFORMAL_PARTS[1], [])
        if len(pieces) != 1 or not config.task.numeric:
            raise CorruptError(f"'{path}' must hold a difficulty of numbers, but holds pieces of it as {pieces}. Fit again.")
        needed |= dict.fromkeys(CONFORMAL_PARTS, pieces) | {CONFORMAL_PARTS[0]: listed["scores"]}
    for name in PREDICTIONS:
        parts = [part for part in PREDICTION_PARTS if part != "group" or f"{name}/group" in listed]
        n = listed.get(f"{name}/y", [])
        if any(f"{name}/{part}" in listed for part in parts):
            shapes = {"prediction": config.task.prediction_shape, "y": config.task.target_shape}
            if len(n) != 1 + len(shapes["y"]):
                raise CorruptError(f"'{path}' must hold one target for each answer in '{name}', but holds {n}. Fit again.")
            needed |= {f"{name}/{part}": [n[0], *shapes.get(part, ())] for part in parts}
    for population in config.populations:
        layers = [part for part in msgspec.to_builtins(population.spec.model).values() if isinstance(part, list | tuple)]
        if max(map(len, layers), default=0) > len(listed):
            raise CorruptError(f"'{path}' holds {len(listed)} arrays, too few for the layers of '{population.name}'. Fit again.")
        member_weights = listed.get(f"{population.name}/member_weights", [])
        if len(member_weights) != 1:
            raise CorruptError(
                f"'{path}' must hold '{population.name}/member_weights', but holds {', '.join(sorted(listed)[:10])}. Fit again."
            )
        needed |= {f"{population.name}/{name}": shape for name, shape in _needed_shapes(config, population.spec, member_weights[0]).items()}
    histories = "|".join(re.escape(population.name) for population in config.populations)
    check_shapes(path, listed, needed, also=f"({histories})/history/([a-z_0-9.]+/)?[a-z_0-9]+")


def _needed_shapes(config: Config, spec: Spec, n_members: int) -> dict[str, list[int]]:
    """Names and shapes of the arrays that a population of so many members of this model must have."""
    shapes = member_shapes(spec, config.encoding.layout(config.task.n_outputs))
    return {"member_weights": [n_members], **{name: [n_members, *shape] for name, shape in shapes.items()}}


def member_shapes(spec: Spec, layout: Layout) -> dict[str, tuple[int, ...]]:
    """Names and shapes of one member's weights.

    Raises:
        CorruptError: there can be no such model.
    """
    try:
        return _find_shapes(spec.model, layout, spec.initialization, spec.activation)
    except (TypeError, ValueError, OverflowError) as error:  # layers of more units than an array can have
        raise CorruptError(f"The saved model cannot be built: {error}. Restore the folder from a copy or fit again.") from error


@functools.lru_cache(maxsize=32)
def _find_shapes(
    model: ModelSettings, layout: Layout, initialization: Initialization, activation: Activation
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of one member's weights."""
    inputs = layout.zeros(2)
    knots = jax.ShapeDtypeStruct((len(layout.numeric), architecture_of(model).n_bins(model) + 1), np.float32)
    init = build(model, layout, initialization, activation).init
    params = jax.eval_shape(lambda inputs, knots: init(inputs, knots, key=jax.random.key(0)), inputs, knots)
    return {f"params/{layer}/{part}": a.shape for layer, parts in params.items() for part, a in parts.items()}


def build_ensemble(config: Config, report: Report, tensors: dict[str, AnyArray]) -> Ensemble:
    """The ensemble that checked records and arrays are of."""
    populations = [_population(saved, tensors) for saved in config.populations]
    oob, test = (_read_predictions(name, tensors) for name in PREDICTIONS)
    conformal = _read_conformal(tensors)
    return Ensemble(config.task, config.encoding, config.features, populations, tensors["offset"], conformal, report, oob, test)


def arrays_of(ensemble: Ensemble) -> dict[str, AnyArray]:
    """The arrays of an ensemble by name."""
    conformal = ensemble.conformal
    tensors = {"offset": ensemble.offset, "scores": conformal.scores}
    if conformal.predictions is not None:
        tensors |= dict(zip(CONFORMAL_PARTS, (conformal.predictions, *conformal.difficulty), strict=True))
    for name in PREDICTIONS:
        predictions = getattr(ensemble, name)
        parts = {} if predictions is None else {part: getattr(predictions, part) for part in PREDICTION_PARTS}
        tensors |= {f"{name}/{part}": array.astype(np.float64) for part, array in parts.items() if array is not None}
    for population in ensemble.populations:
        own = {f"params/{layer}/{part}": array for layer, parts in population.params.items() for part, array in parts.items()}
        own |= {f"history/{name}": array for name, array in population.history.items()}
        tensors |= {f"{population.name}/{name}": array for name, array in {"member_weights": population.member_weights, **own}.items()}
    return {name: np.ascontiguousarray(array) for name, array in tensors.items()}


def _read_conformal(tensors: dict[str, AnyArray]) -> Conformal:
    """The saved scores; those of classes, of few rows and of version 2 have nothing else."""
    if CONFORMAL_PARTS[0] not in tensors:
        return Conformal(tensors["scores"])
    predictions, *difficulty = (tensors[name] for name in CONFORMAL_PARTS)
    return Conformal(tensors["scores"], predictions, Difficulty(*difficulty))


def _read_predictions(name: str, tensors: dict[str, AnyArray]) -> Predictions | None:
    """The answers saved under a name; runs of older versions have none."""
    if f"{name}/y" not in tensors:
        return None
    prediction, y, rows, weight = (tensors[f"{name}/{part}"] for part in ("prediction", "y", "rows", "weight"))
    group = tensors.get(f"{name}/group")
    target = y.astype(np.int64) if prediction.ndim > 1 else y  # codes of classes or symbols, or values
    return Predictions(prediction, target, rows.astype(np.int64), weight, None if group is None else group.astype(np.int64))


def _population(saved: SavedPopulation, tensors: dict[str, AnyArray]) -> Population:
    own = {name.removeprefix(f"{saved.name}/"): array for name, array in tensors.items() if name.startswith(f"{saved.name}/")}
    params: Params = {layer: {} for layer in layers_of(saved.spec.model)}  # as signals pass, which safetensors do not keep
    for name in (name for name in own if name.startswith("params/")):
        _, layer, part = name.split("/")
        params[layer][part] = own[name]
    history = {name.removeprefix("history/"): array for name, array in own.items() if name.startswith("history/")}
    return Population(saved.name, saved.spec, params, own["member_weights"], saved.stacking_weight, history)


ENSEMBLE = Content(
    name="weights-ensemble",
    saves=Ensemble,
    config=Config,
    describe=describe_ensemble,
    arrays=arrays_of,
    card=model_card,
    wrong_in_config=wrong_in_config,
    wrong_beside_config=wrong_beside_config,
    check_names=check_names,
    wrong_in_arrays=wrong_in_tensors,
    build=build_ensemble,
    attached=_attached,
    names_attached=lambda config: [name for _, name, _ in _list_attachments(config.encoding)],
    without_attached=_without_attached,
    attach=_attach,
)
