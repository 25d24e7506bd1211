"""Rows as models read them: `Inputs`, one array for each block of a row, and their `Layout`.

What numbers, words and dates of a table become is the block ``x``, float32 of shape (n, p), in which numbers are bounded. As they are,
centred and scaled alone, they stand in the block ``numbers``, float32 of shape (n, numeric), for models that can do without a bound. A
column of another kind (kind.py) is a block of its own, such as ``pixels``, uint8 of shape (n, height, width, channels), or ``text``, whose
rows are bags of features (bags.py). A model says which blocks it reads.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from weights.data.bags import Bags, join_bags
from weights.types import AnyArray, FloatArray, IntArray

COLUMNS = "x"
"""The block of encoded columns."""
NUMBERS = "numbers"
"""The block of the numbers among them without a bound, in the order of `Layout.numeric`."""
FARTHEST = 1e8
"""Quartile distances beyond which a number counts as that many: its square must stay a number beside others of one (our choice)."""
_MOST_PLACES = 1 << 18
"""Places of rows with places, such as pixels, whose activations are held at a time."""
_MOST_BAGS = 128
"""Rows that are bags and are answered at a time in a program: the row of each entry is looked for among them (our choice)."""


class Inputs:
    """Rows as arrays by block, sample axis first, all of the same length; `inputs[rows]` are some of them.

    Example:
        >>> inputs = Inputs({"x": np.zeros((5, 2)), "pixels": np.zeros((5, 8, 8, 1))})
        >>> len(inputs), inputs[:3]["pixels"].shape
        (5, (3, 8, 8, 1))
    """

    __slots__ = ("blocks",)

    def __init__(self, blocks: Mapping[str, Any]) -> None:
        self.blocks: dict[str, Any] = dict(blocks)

    def __len__(self) -> int:
        return len(next(iter(self.blocks.values())))

    def __getitem__(self, key: Any) -> Any:
        """A block by its name, or the same blocks of some rows."""
        return self.blocks[key] if isinstance(key, str) else Inputs({name: block[key] for name, block in self.blocks.items()})

    @property
    def x(self) -> Any:
        """The block of columns, shape (n, p), of which there may be none."""
        return self.blocks[COLUMNS] if COLUMNS in self.blocks else np.zeros((len(self), 0), np.float32)

    @property
    def joined(self) -> FloatArray:
        """The block of columns and behind it that of numbers, shape (n, p + numeric), or (n, p) where there is no such block."""
        return np.concatenate([self.x, self.blocks[NUMBERS]], axis=1) if NUMBERS in self.blocks else self.x

    def replace_joined(self, joined: Any) -> Inputs:
        """The rows with other columns and numbers, as `joined` has them."""
        if NUMBERS not in self.blocks:
            return self.replace(**{COLUMNS: joined})
        n_columns = self.blocks[COLUMNS].shape[1]
        return self.replace(**{COLUMNS: joined[:, :n_columns], NUMBERS: joined[:, n_columns:]})

    @property
    def arrays(self) -> list[AnyArray]:
        """All that blocks are made of."""
        return [array for block in self.blocks.values() for array in (block.arrays if isinstance(block, Bags) else (block,))]

    def only(self, names: Collection[str]) -> Inputs:
        """The rows with some of their blocks."""
        return Inputs({name: block for name, block in self.blocks.items() if name in names})

    def replace(self, **blocks: Any) -> Inputs:
        """The rows with other arrays for some blocks."""
        return Inputs({**self.blocks, **blocks})

    def padded(self, n: int) -> Inputs:
        """The rows with rows of zeros behind them, so that there are n."""
        return Inputs({name: block.padded(n) if isinstance(block, Bags) else pad(block, n) for name, block in self.blocks.items()})


def pad(array: AnyArray, n: int) -> AnyArray:
    """The array with zeros behind its rows, so that there are n."""
    return array if len(array) == n else np.concatenate([array, np.zeros((n - len(array), *array.shape[1:]), array.dtype)])


def concatenate(parts: list[Inputs]) -> Inputs:
    """Rows one part behind the other."""

    def join(blocks: list[Any]) -> Any:
        return join_bags(blocks) if isinstance(blocks[0], Bags) else np.concatenate(blocks)

    return Inputs({name: join([part[name] for part in parts]) for name in parts[0].blocks})


class Part(NamedTuple):
    """What a column has of a block that columns share.

    Attributes:
        width: along the last axis.
        leading: how much of that leads, where rows are bags.
        entries: how many features a row has, about. leading_entries: of these how many lead.
    """

    width: int
    leading: int | None = None
    entries: int = 0
    leading_entries: int = 0


class Layout(NamedTuple):
    """What a model must fit: the shape of a row in each block, and the number of outputs k.

    Attributes:
        blocks: name and shape of each, ``x`` first where there is one.
        n_outputs: of the model.
        numeric: which inputs of ``x`` are scaled numbers, not flags or levels.
        parts: of the blocks along whose last axis columns stand side by side, what each column has; any other block is one feature.
        rates: of the blocks whose first axis is time, how many moments a second have.
        n_classes: that rows are of, or symbols of texts, where settings are resolved; none for numbers.
        n_moments: at which outputs tell symbols apart, likewise; none where they are of rows as a whole.
    """

    blocks: tuple[tuple[str, tuple[int, ...]], ...]
    n_outputs: int
    numeric: tuple[int, ...] = ()
    parts: tuple[tuple[str, tuple[Part, ...]], ...] = ()
    rates: tuple[tuple[str, int], ...] = ()
    n_classes: int = 0
    n_moments: int = 0

    @property
    def seconds(self) -> float | None:
        """How long rows that go on last at most; None where none do."""
        return max((self.shape(name)[0] / rate for name, rate in self.rates), default=None)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the blocks."""
        return tuple(name for name, _ in self.blocks)

    def only(self, names: Collection[str]) -> Layout:
        """The layout of rows with some of their blocks."""
        return self._replace(blocks=tuple((name, shape) for name, shape in self.blocks if name in names))

    def shape(self, block: str) -> tuple[int, ...]:
        """The shape of a row in a block."""
        return dict(self.blocks)[block]

    def rate(self, block: str) -> int:
        """How many moments a second a block has whose first axis is time."""
        return dict(self.rates)[block]

    @property
    def n_columns(self) -> int:
        """Inputs in the block of columns, p; none where there is no such block."""
        return math.prod(dict(self.blocks).get(COLUMNS, (0,)))

    @property
    def n_numbers(self) -> int:
        """Numbers of a row in all blocks."""
        return sum(math.prod(shape) for _, shape in self.blocks)

    @property
    def is_table(self) -> bool:
        """Whether rows are columns and nothing else: small, and worth to be padded to a few sizes."""
        return COLUMNS in self.names and not self._apart

    @property
    def n_places(self) -> int:
        """Places of inputs: one for each column, and one for each feature in blocks of other kinds, see `Encoding.groups`."""
        return self.n_columns + sum(map(self._count_features, self._apart))

    def place(self, block: str) -> int:
        """The position of a block's first feature behind those of the columns, see `Encoding.groups`."""
        before = self._apart[: self._apart.index(block)]
        return self.n_columns + sum(map(self._count_features, before))

    def places_in(self, block: str) -> IntArray:
        """The place of the feature that each number along the last axis of a block is of, see `Encoding.groups`."""
        parts, first = self.parts_of(block) or (Part(self.shape(block)[-1]),), self.place(block)
        leading = np.repeat(np.arange(len(parts)), [part.leading or 0 for part in parts])
        others = np.repeat(np.arange(len(parts)), [part.width - (part.leading or 0) for part in parts])
        return first + np.concatenate([leading, others])

    def numbers_in(self, block: str, column: int) -> IntArray:
        """Where along the last axis of a block the numbers of one of its columns stand, in their order, shape (its width,)."""
        return np.flatnonzero(self.places_in(block) == self.place(block) + column)

    def parts_of(self, block: str) -> tuple[Part, ...]:
        """What each column has of a block that columns share; nothing of one that they do not."""
        return dict(self.parts).get(block, ())

    def n_leading(self, block: str) -> int:
        """How many features lead in a block of bags."""
        return sum(part.leading or 0 for part in self.parts_of(block))

    def count_entries(self, block: str, *, leading: bool = False) -> int:
        """How many entries a row of a block of bags has, about, of all features or of those that lead."""
        return sum(part.leading_entries if leading else part.entries for part in self.parts_of(block))

    @property
    def holds_bags(self) -> bool:
        """Whether rows of some block are bags."""
        return any(map(self._holds_bags, self.names))

    def _holds_bags(self, block: str) -> bool:
        return any(part.leading is not None for part in self.parts_of(block))

    def _count_features(self, block: str) -> int:
        return max(len(self.parts_of(block)), 1)

    @property
    def _apart(self) -> list[str]:
        """The blocks that are not made of columns of numbers, words and dates."""
        return [name for name in self.names if name not in (COLUMNS, NUMBERS)]

    def rows_at_once(self, most: int) -> int:
        """How many rows to answer at a time, at most so many: fewer where layers keep numbers for each place of a row, or rows are bags."""
        own = (math.prod(shape[:-1]) * self._count_features(name) for name, shape in self.blocks if name != COLUMNS)
        places = max(own, default=1)
        if self.holds_bags:
            most = min(most, _MOST_BAGS)
        if places <= 1:
            return most
        fitting = max(_MOST_PLACES // places, 1)
        return min(most, max(1 << (fitting.bit_length() - 1), 32))

    def held_bytes(self, n_members: int) -> int:
        """Bytes that a row takes in memory where so many members learn; blocks of other kinds than columns stay on disk."""
        columns = 4 * (self.n_columns + math.prod(dict(self.blocks).get(NUMBERS, (0,))))
        return columns + 24 * self.n_outputs + 2 * n_members if self.is_table else columns

    def zeros(self, n: int) -> Inputs:
        """So many rows of zeros."""

        def make(name: str, shape: tuple[int, ...]) -> Any:
            return Bags.empty(n, shape[-1], self.n_leading(name)).padded(n) if self._holds_bags(name) else np.zeros((n, *shape), np.float32)

        return Inputs({name: make(name, shape) for name, shape in self.blocks})


def example_layout(blocks: tuple[str, ...]) -> Layout:
    """A layout of these blocks, whatever their size."""
    shapes = {name: (1,) if name == COLUMNS else (32, 32, 3) for name in blocks}
    rates = tuple((name, shape[0]) for name, shape in shapes.items())
    return Layout(tuple(shapes.items()), 1, (0,) if COLUMNS in blocks else (), rates=rates)


def table_layout(n_columns: int, n_outputs: int, numeric: tuple[int, ...] = ()) -> Layout:
    """The layout of rows that are encoded columns alone."""
    return Layout(((COLUMNS, (n_columns,)),), n_outputs, numeric)
