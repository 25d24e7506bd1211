"""What an architecture says of itself: all that others ask of a model, so that nobody asks which model is at hand.

Each model declares its `Architecture` at the foot of its own file; registry.py lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from weights.data.inputs import COLUMNS, Inputs, Layout
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.base import Cost, MemberModel
from weights.models.scene import Scene

LEAST_BATCH = 32
"""Fewer rows than this are drawn several times for a batch: tables of any few rows then share one compiled program."""


class ModelSettings:
    """Settings of a model: architectures derive theirs, as frozen msgspec records tagged with their name, with a `check`."""

    __slots__ = ()

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        return []


def choose_batch_size(n_samples: int) -> int:
    """32 to 256, more for more rows, so that an epoch stays between some ten and some hundred steps (our choice)."""
    return next((size for limit, size in ((1_000, LEAST_BATCH), (4_000, 64), (20_000, 128)) if n_samples <= limit), 256)


def choose_n_steps(n_samples: int, batch_size: int) -> int:
    """About a hundred passes over the rows, from 1,000 to 6,000 steps, but in any case one pass (our choice)."""
    return count_steps(n_samples, batch_size, n_passes=100, least=1_000, most=6_000)


def count_steps(n_samples: int, batch_size: int, *, n_passes: int, least: int, most: int) -> int:
    """Steps of so many passes over the rows, within bounds, but in any case of one pass."""
    return int(max(min(max(n_passes * n_samples / batch_size, least), most), -(-n_samples // batch_size)))


class Defaults(NamedTuple):
    """What members of an architecture learn with where nothing is asked for (our choices; --budget changes the steps).

    Attributes:
        solver: optimizer that solves the optimum, where no setting asks for steps; None where there is none.
        optimizer: of members that take steps.
        learning_rate: of this optimizer; None takes its own.
        weight_decay: with any optimizer; None takes the optimizer's own.
        dropout: where steps take random rows.
        batch_size: n_samples -> rows in a step.
        n_steps: (n_samples, batch_size) -> steps.
        n_members: size of the population; None takes the usual one.
    """

    solver: str | None = None
    optimizer: str = "adamw"
    learning_rate: float | None = None
    weight_decay: float | None = None
    dropout: float = 0.0
    batch_size: Callable[[int], int] = choose_batch_size
    n_steps: Callable[[int, int], int] = choose_n_steps
    n_members: int | None = None


class Pace(NamedTuple):
    """How long members take for what their `Cost` counts, and what they hold meanwhile (measured).

    Attributes:
        compile_seconds: of the program.
        multiplication: time of one in a step, as a share of one in a large product of matrices.
        multiplication_judged: the same where rows are only answered.
        activation: multiplications that take as long as reading and writing an activation, on its ways forward and back.
        held_in_steps: numbers that are held for each activation of a batch.
        held_in_answers: the same of the rows that are answered at a time.
    """

    compile_seconds: float = 2.5
    multiplication: float = 1.0
    multiplication_judged: float = 0.64
    activation: float = 0.0
    held_in_steps: int = 4
    held_in_answers: int = 0


class Architecture(NamedTuple):
    """A model and all that others ask of it.

    Attributes:
        settings: type of its settings, a frozen record with a `check`, tagged with the name of the architecture.
        build: (settings, layout, initialization, activation) -> the functions of one member, of resolved settings.
        layers: settings -> names of the layers, as signals pass; none while it is not known how many there will be.
        cost: (settings, layout) -> what a member has and takes, of resolved settings.
        resolve: (settings, layout, n_samples) -> the settings with everything filled in.
        lacks: settings -> what a saved run does not say of them, in words; empty if they are resolved.
        n_bins: settings -> bins of each number whose edges are looked up in all rows before the first draw; 0 for none.
        reads: the blocks that it needs. also_reads: those that it reads as well where they are there.
        augmentation: type of the settings of what is changed in rows while members learn; None for none.
        scene: (settings, layout, one row) -> the row as an image on which maps are drawn, of resolved settings; None where it is none.
        joins: settings -> how many rows of a batch are learned from together, see `MemberModel.together`.
        capacity: the setting that makes it wider or narrower, a number of units, or one for each layer; empty if there is none.
        has_hidden: whether there are hidden units, which dropout silences and max_norm limits.
        linear: whether outputs are ``x @ w + b`` of the layer "output" and columns x, so that weights are coefficients.
        solves: whether the optimum of the layer "output" can be solved, all before it being drawn, not learned.
        sparse: whether it is solved over sparse inputs, see `MemberModel.sparse`.
        takes_steps: whether members can also be trained by steps.
        tells_moments: whether outputs can tell symbols apart at moments (`Layout.n_moments`).
        in_auto: whether it is trained where no model is asked for.
        beside: settings, by name, of a second population trained beside it where no model is asked for; none if empty. beside_name: what is
            added to its name.
        defaults: what its members learn with.
        pace: how long that takes.
    """

    settings: type[Any]
    build: Callable[[Any, Layout, Initialization, Activation], MemberModel]
    layers: Callable[[Any], list[str]]
    cost: Callable[[Any, Layout], Cost]
    resolve: Callable[[Any, Layout, int], Any] = lambda settings, layout, n_samples: settings
    lacks: Callable[[Any], str] = lambda settings: ""
    n_bins: Callable[[Any], int] = lambda settings: 0
    reads: tuple[str, ...] = (COLUMNS,)
    also_reads: tuple[str, ...] = ()
    augmentation: type[Any] | None = None
    scene: Callable[[Any, Layout, Inputs], Scene] | None = None
    joins: Callable[[Any], int] = lambda settings: 1
    capacity: str = ""
    has_hidden: bool = True
    linear: bool = False
    solves: bool = False
    sparse: bool = False
    takes_steps: bool = True
    tells_moments: bool = False
    in_auto: bool = False
    beside: Mapping[str, Any] = {}
    beside_name: str = "loose"
    defaults: Defaults = Defaults()
    pace: Pace = Pace()
