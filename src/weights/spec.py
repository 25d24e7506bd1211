"""The specification of an ensemble: model, five elements, and how members differ. Frozen, checked, saved as JSON.

`Spec()` holds the defaults; `with_settings` changes some by name; `check` says what does not fit together;
`resolve` fills in what depends on the data, so that a saved spec shows every value that was used.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import msgspec
import numpy as np

from weights.data.inputs import NUMBERS, Layout, table_layout
from weights.data.registry import KINDS, describe_blocks
from weights.elements.activation import ACTIVATIONS, Activation
from weights.elements.augmentation import AnyAugmentation
from weights.elements.initialization import SCHEMES, Initialization
from weights.elements.optimization import OPTIMIZERS, SCHEDULES, Optimization
from weights.elements.regularization import PENALTIES, Regularization
from weights.elements.updates import Updates
from weights.errors import UsageError, suggest
from weights.models.architecture import LEAST_BATCH, Architecture, ModelSettings
from weights.models.linear import Linear
from weights.models.mlp import Mlp
from weights.models.registry import ARCHITECTURES, architecture_of, layers_of, name_of


class Members(msgspec.Struct, frozen=True):
    """How many members, and how they differ.

    Attributes:
        n_members: size of the ensemble.
        resampling: rows a member learns from. "folds": all but one of n_folds parts, each part left out in turn and
            parts drawn anew when all have been; "bootstrap": n rows drawn with replacement; "subsample": a share of the
            rows; "time": rows before a moment, scored on the block after it (needs a time column).
        n_folds: parts of "folds" and blocks of "time".
        share: of "subsample".
        seed: of everything random.
    """

    n_members: int = 32
    resampling: Literal["folds", "bootstrap", "subsample", "time"] = "folds"
    n_folds: int = 8
    share: float = 0.75
    seed: int = 0

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        wrong = []
        if not 1 <= self.n_members <= 10_000:
            wrong.append(f"n_members must be between 1 and 10000, but is {self.n_members}")
        if not 2 <= self.n_folds <= 100:
            wrong.append(f"n_folds must be between 2 and 100, but is {self.n_folds}")
        if not 0 < self.share < 1:
            wrong.append(f"share must be between 0 and 1, but is {self.share}")
        if not 0 <= self.seed < 2**32:
            wrong.append(f"seed must be between 0 and 2^32 - 1, but is {self.seed}")
        return wrong


class Spec(msgspec.Struct, frozen=True):
    """Everything that decides what is trained, apart from the data.

    `augmentation` is the part of regularization that changes rows of a kind while members learn; None for models that have none.
    """

    model: ModelSettings = Mlp()
    initialization: Initialization = Initialization()
    activation: Activation = Activation()
    regularization: Regularization = Regularization()
    optimization: Optimization = Optimization()
    updates: Updates = Updates()
    members: Members = Members()
    augmentation: AnyAugmentation | None = None

    @property
    def solved(self) -> bool:
        """Whether the optimum is solved exactly rather than approached by gradient steps."""
        return self.optimization.optimizer.solves


@dataclasses.dataclass(frozen=True)
class _Choice:
    section: str
    field: str
    table: Mapping[str, Any]


_CHOICES = (
    _Choice("initialization", "name", SCHEMES),
    _Choice("activation", "name", ACTIVATIONS),
    _Choice("regularization", "penalty", PENALTIES),
    _Choice("optimization", "name", OPTIMIZERS),
    _Choice("optimization", "schedule", SCHEDULES),
)

VARYING = (
    "optimization.learning_rate",
    "optimization.weight_decay",
    "optimization.averaging",
    "regularization.strength",
    "regularization.l1_ratio",
    "regularization.dropout",
    "regularization.input_dropout",
    "regularization.max_norm",
    "updates.clip_norm",
    "updates.noise",
)
"""Settings that are numbers inside the compiled program, so that members of one population may differ in them."""


_PATIENCE = 5
"""Rounds without improvement after which members stop (our choice)."""
ASK_FOR_STEPS = (
    "regularization.input_dropout",
    "updates.noise",
    "updates.clip_value",
    "updates.clip_norm",
    "updates.freeze",
    "updates.accumulate",
    "optimization.learning_rate",
    "optimization.n_steps",
    "optimization.batch_size",
)
"""Settings with which a model is not solved where they are in use."""
COUNT_IF_SOLVED = frozenset(
    (
        "regularization.penalty",
        "regularization.strength",
        "regularization.l1_ratio",
        "optimization.name",
        "optimization.tolerance",
        "updates.mask",
    )
)
"""Settings of the elements that count where the optimum is solved; all others act on steps only."""


def check(spec: Spec) -> Spec:
    """The spec itself, if everything in it fits together.

    Raises:
        UsageError: naming the first setting that does not, and what to do.
    """
    for choice in _CHOICES:
        name = _read(spec, choice.section, choice.field)
        if name not in choice.table:
            raise UsageError(f"{choice.section}.{choice.field} has no choice '{name}'. {suggest(name, choice.table)}")
    for section in spec.__struct_fields__:
        part = getattr(spec, section)
        wrong = part.check() if part is not None else []
        if wrong:
            raise UsageError(f"{section}.{wrong[0]}. Change it and run again.")
    for complaint in _misfits(spec):
        raise UsageError(complaint)
    return spec


def _misfits(spec: Spec) -> list[str]:
    """Combinations that cannot work, in words."""
    misfits = []
    optimizer, chosen = spec.optimization.optimizer, f"optimization '{spec.optimization.name}'"
    architecture, name = architecture_of(spec.model), name_of(spec.model)
    if optimizer.solves and not architecture.solves:
        misfits.append(f"{chosen} solves linear models only, but the model is {name}. Use --model linear or another optimizer.")
    if not optimizer.solves and not architecture.takes_steps:
        asking = [*_needs_steps(spec), chosen][0]
        misfits.append(f"The model {name} is solved, and takes no steps, but {asking} asks for them. Leave it out.")
    if optimizer.solves and (unable := _needs_steps(spec)):
        misfits.append(f"{chosen} takes no steps, but {unable[0]} acts on steps. Unset it or choose an optimizer such as adamw.")
    if optimizer.all_rows:
        noisy = {
            "dropout": spec.regularization.dropout or 0,
            "input_dropout": spec.regularization.input_dropout,
            "noise": spec.updates.noise,
            **({} if spec.augmentation is None else spec.augmentation.active),
        }
        random = [name for name, value in noisy.items() if value > 0]
        if random:
            misfits.append(f"{chosen} needs the same loss at every step, but {random[0]} is random. Set it to 0.")
        if architecture.joins(spec.model) > 1:
            misfits.append(f"{chosen} needs the same loss at every step, but strings of words are composed anew. Set words to 0.")
        if spec.updates.accumulate > 1:
            misfits.append(f"{chosen} takes all rows at once, so there is nothing to accumulate. Set accumulate to 1.")
    if optimizer.finds_length and spec.regularization.makes_zeros:
        *rough, last = [name for name, penalty in PENALTIES.items() if penalty.makes_zeros]
        misfits.append(f"{chosen} needs a smooth penalty, but {', '.join(rough)} and {last} are not. Choose sgd, adam or exact.")
    if optimizer.finds_length and spec.regularization.max_norm is not None:
        misfits.append(f"{chosen} needs a smooth problem, but max_norm is a limit. Unset it or choose another optimizer.")
    if not architecture.has_hidden and spec.regularization.dropout:
        misfits.append(f"regularization.dropout silences hidden units, but a {name} model has none. Use input_dropout, or --model mlp.")
    if not architecture.has_hidden and spec.regularization.max_norm is not None:
        misfits.append(f"regularization.max_norm limits hidden units, but a {name} model has none. Use a penalty, or --model mlp.")
    layers = layers_of(spec.model)
    unknown = [layer for layer in spec.updates.freeze if layer not in layers]
    if unknown and layers:
        misfits.append(f"updates.freeze names the layer '{unknown[0]}', which this model does not have. {suggest(unknown[0], layers)}")
    return misfits


def _needs_steps(spec: Spec) -> list[str]:
    """Settings in use that only mean something when weights are learned step by step."""
    unset = Spec()
    values = {name: (_read(spec, *path), _read(unset, *path)) for name, *path in _paths(ASK_FOR_STEPS)}
    return [name for name, (value, usual) in values.items() if value not in (None, 0, (), usual)]


def counts(spec: Spec, section: str, field: str) -> bool:
    """Whether a setting makes a difference for members with this optimizer."""
    return not spec.solved or section == "model" or f"{section}.{field}" in COUNT_IF_SOLVED


def resolve(spec: Spec, n_samples: int, layout: Layout = table_layout(0, 1)) -> Spec:  # noqa: B008 (it is frozen)
    """The spec with every value that was left open filled in, and checked.

    Args:
        spec: what was asked for.
        n_samples: rows.
        layout: of the rows and the outputs.

    Raises:
        UsageError: settings do not fit together, or not these rows.
    """
    architecture = architecture_of(spec.model)
    if not {*architecture.reads} <= {*layout.names}:
        needed, came = describe_blocks(architecture.reads), describe_blocks(layout.names)
        came = "a table" if layout.is_table else came
        hints = [f"--kind COLUMN={name}" for name, kind in KINDS.items() if kind.finds is not None and kind.block in architecture.reads]
        hint = f" A column of them that was taken for something else is named by {hints[0]}." if hints else ""
        raise UsageError(f"The model {name_of(spec.model)} reads {needed}, but {came} came. Leave --model out, or name another.{hint}")
    optimization, members = spec.optimization, spec.members
    if optimization.name == "auto":
        solver = None if _needs_steps(spec) else architecture.defaults.solver
        optimization = msgspec.structs.replace(optimization, name=solver or architecture.defaults.optimizer)
    augmentation = spec.augmentation
    if augmentation is not None:
        augmentation = augmentation.resolved(layout, random=optimization.optimizer.draws_batches)
    spec = check(msgspec.structs.replace(spec, optimization=optimization, augmentation=augmentation))
    # Steps would not end where numbers are as large as they come.
    offered = layout if optimization.optimizer.solves else layout.only([name for name in layout.names if name != NUMBERS])
    model = architecture.resolve(spec.model, offered, n_samples)
    spec = check(msgspec.structs.replace(spec, model=model))  # a layer that is frozen may have gone
    members = msgspec.structs.replace(members, n_folds=min(members.n_folds, n_samples))
    if not optimization.optimizer.solves:
        spec = _fill_in_steps(spec, architecture, n_samples)
    if spec.regularization.dropout is None:
        dropout = architecture.defaults.dropout if optimization.optimizer.draws_batches else 0.0
        regularization = msgspec.structs.replace(spec.regularization, dropout=dropout)
        spec = msgspec.structs.replace(spec, regularization=regularization)
    if spec.regularization.patience is None:
        patience = _PATIENCE if architecture.joins(model) == 1 else 0
        spec = msgspec.structs.replace(spec, regularization=msgspec.structs.replace(spec.regularization, patience=patience))
    return msgspec.structs.replace(spec, members=members)


def _fill_in_steps(spec: Spec, architecture: Architecture, n_samples: int) -> Spec:
    """The spec with everything filled in that steps need."""
    optimization, regularization, defaults = spec.optimization, spec.regularization, architecture.defaults
    optimizer, usual = optimization.optimizer, optimization.name == defaults.optimizer
    learning_rate = (usual and defaults.learning_rate) or optimizer.learning_rate
    weight_decay = optimizer.weight_decay if defaults.weight_decay is None else defaults.weight_decay
    batch_size = min(optimization.batch_size or defaults.batch_size(n_samples), max(n_samples, LEAST_BATCH))
    joined = architecture.joins(spec.model)
    batch_size = n_samples if optimizer.all_rows else -(-batch_size // joined) * joined
    optimization = msgspec.structs.replace(
        optimization,
        learning_rate=optimization.learning_rate or learning_rate,
        weight_decay=weight_decay if optimization.weight_decay is None else optimization.weight_decay,
        batch_size=batch_size,
        n_steps=optimization.n_steps or optimizer.n_steps or defaults.n_steps(n_samples, batch_size),
        averaging=_choose_averaging(spec) if optimization.averaging is None else optimization.averaging,
    )
    regularization = msgspec.structs.replace(regularization, strength=regularization.strength or 0.0)
    return msgspec.structs.replace(spec, optimization=optimization, regularization=regularization)


def _choose_averaging(spec: Spec) -> float:
    """Eight, unless all rows are taken at once or a penalty makes exact zeros, which a mean over steps would lose (our choice)."""
    return 8.0 if spec.optimization.optimizer.draws_batches and not spec.regularization.makes_zeros else 0.0


def varying_values(spec: Spec) -> dict[str, float]:
    """The value of each setting that may differ between members; what is switched off gets the value that does nothing."""
    values = {name: _read(spec, section, field) for name, section, field in _paths(VARYING)}
    nothing = {"regularization.max_norm": float("inf"), "updates.clip_norm": float("inf")}
    return {name: nothing.get(name, 0.0) if value is None else float(value) for name, value in values.items()}


def program_spec(spec: Spec) -> Spec:
    """The spec with every varying number that is in use set to one: specs that agree in it share one compiled program."""
    switches = {name: _turn_on(_read(spec, section, field)) for name, section, field in _paths(VARYING)}
    switches |= {"optimization.n_steps": 1, "regularization.patience": 0}
    changes: dict[str, dict[str, Any]] = {}
    for name, section, field in _paths(tuple(switches)):
        changes.setdefault(section, {})[field] = switches[name]
    parts = {section: msgspec.structs.replace(getattr(spec, section), **fields) for section, fields in changes.items()}
    return msgspec.structs.replace(spec, members=Members(), **parts)


def common_program(specs: Sequence[Spec]) -> Spec:
    """A spec whose program serves all of these: a varying setting is on if it is on in any of them."""
    common = program_spec(specs[0])
    for _, section, field in _paths(VARYING):
        used = [value for spec in specs if (value := _read(program_spec(spec), section, field))]
        part = msgspec.structs.replace(getattr(common, section), **{field: used[0]} if used else {})
        common = msgspec.structs.replace(common, **{section: part})
    return common


def without_numbers(spec: Spec) -> Spec:
    """The spec with every varying number the same, set or not: specs that agree in it may share one program."""
    for _, section, field in _paths((*VARYING, "regularization.patience")):
        spec = msgspec.structs.replace(spec, **{section: msgspec.structs.replace(getattr(spec, section), **{field: 1})})
    return spec


def _turn_on(value: float | None) -> float | None:
    """On (0.5, a lawful value of every varying setting) or off as it is."""
    return value if value is None or value == 0 else 0.5


def _read(spec: Spec, section: str, field: str) -> Any:
    return getattr(getattr(spec, section), field)


def _paths(names: tuple[str, ...]) -> list[tuple[str, str, str]]:
    return [(name, *name.split(".", 1)) for name in names]  # type: ignore[misc]


def with_settings(spec: Spec, settings: Mapping[str, Any]) -> Spec:
    """The spec with some settings changed by name.

    Args:
        spec: to start from.
        settings: name -> value. A name is ``section.field`` ("optimization.learning_rate"), a field that only one
            section has ("learning_rate"), or a section with a main choice ("activation", "model"). Values may be texts,
            as from a command line: "0.01", "none", "64,64".

    Raises:
        UsageError: a name is not known or a value is not of its type.

    Example:
        >>> with_settings(Spec(), {"activation": "gelu", "hidden": "64,64"}).model.hidden
        (64, 64)
    """
    for name, value in sorted(settings.items(), key=lambda item: item[0] not in ("model", "model.name")):
        section, field = find_setting(spec, name)
        if (section, field) == ("model", "name"):
            if value not in ARCHITECTURES:
                raise UsageError(f"There is no model '{value}'. {suggest(str(value), ['auto', *ARCHITECTURES])}")
            if name_of(spec.model) != value:
                chosen = ARCHITECTURES[value]
                augmentation = None if chosen.augmentation is None else chosen.augmentation()
                spec = msgspec.structs.replace(spec, model=chosen.settings(), augmentation=augmentation)
            continue
        part = getattr(spec, section)
        types = {f.name: f.type for f in msgspec.structs.fields(type(part))}
        if value is None and not _takes_none(types[field]):
            continue  # left open
        changed = msgspec.structs.replace(part, **{field: convert_setting(value, types[field], f"{section}.{field}")})
        spec = msgspec.structs.replace(spec, **{section: changed})
    return spec


_MAIN = {"initialization": "name", "activation": "name", "regularization": "penalty", "optimization": "name"}
"""The main choice of a section, for which its name alone may stand."""


def list_settings() -> dict[str, tuple[Any, Any]]:
    """Settings of the elements, the members and the models of tables, by a name that needs no section: type, and value if not given.

    That is None where None leaves the choice to Weights.
    """
    records: list[type[msgspec.Struct]] = [Linear]
    records += [type(part) for section in Spec.__struct_fields__ if (part := getattr(Spec(), section)) is not None]
    chosen = {section: (str | None, None) for section, field in _MAIN.items() if field == "name"}
    fields = [field for record in records for field in msgspec.structs.fields(record) if field.name != "name"]
    return chosen | {field.name: (field.type | None, field.default if _takes_none(field.type) else None) for field in fields}


def _takes_none(kind: Any) -> bool:
    return type(None) in get_args(kind)


def find_setting(spec: Spec, name: str) -> tuple[str, str]:
    """The section and the field of a setting, by any name that `with_settings` knows.

    Raises:
        UsageError: there is none of this name.
    """
    parts = {section: part for section in spec.__struct_fields__ if (part := getattr(spec, section)) is not None}
    sections = {section: {field.name for field in msgspec.structs.fields(type(part))} for section, part in parts.items()}
    section, _, field = name.partition(".")
    if name in ("model", "model.name"):
        return "model", "name"
    if field and field in sections.get(section, ()):
        return section, field
    if not field and name in _MAIN:
        return name, _MAIN[name]
    owners = [s for s, fields in sections.items() if name in fields and name != "name"]
    if len(owners) == 1:
        return owners[0], name
    known = [f"{s}.{f}" for s, fields in sections.items() for f in sorted(fields)]
    short = [f for fields in sections.values() for f in sorted(fields) if f != "name"]
    raise UsageError(f"There is no setting '{name}' for this model. {suggest(name, [*known, *short])}")


def convert_setting(value: Any, kind: Any, name: str) -> Any:
    """The value of a setting as its type, from a text as well.

    Raises:
        UsageError: it is not of that type.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str) and "tuple" in str(kind):
        value = [part.strip() for part in value.split(",") if part.strip()]
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        if isinstance(value, str) and value.lower() == "none" and type(None) in get_args(kind):
            return None
        raise UsageError(f"{name} cannot be {value!r}: {str(error).lower()}. See `weights fit --help`.") from error
