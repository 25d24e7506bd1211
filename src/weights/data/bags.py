"""Rows as bags of features: `Bags`, a block of inputs of which a row holds few numbers of very many.

Rows are entries one behind the other, so that some rows are chosen without a copy of what they hold, by NumPy and by JAX alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from weights.types import FloatArray, IntArray

_LEAST_ENTRIES = 1 << 12
"""Entries of padded rows at least, so that few programs serve all."""


class Entries(NamedTuple):
    """What rows hold, each (entries,).

    Attributes:
        ids: which features, those of a row ascending, int32.
        values: of these, float32.
        flags: their values if all that counts is that they are there, float32.
    """

    ids: Any
    values: Any
    flags: Any


class Bags:
    """Rows of few numbers each, all others zero; `bags[rows]` are some of them.

    Attributes:
        entries: of all rows.
        starts: the first entry of each row, shape (n,).
        sizes: how many entries each row has, shape (n,).
        leading: how many of them are of the first `n_leading` features, shape (n,).
        width: how many features there are. n_leading: how many of them lead.
        thinned: what decides by chance which entries count, as `models.bagging` reads it; None where all do.

    Example:
        >>> bags = Bags.of(scipy.sparse.csr_array([[0.0, 2.0, 1.0], [3.0, 0.0, 0.0]]), np.ones(3), n_leading=2)
        >>> len(bags), bags[1:].matrix().toarray().tolist(), bags.leading.tolist()
        (2, [[3.0, 0.0, 0.0]], [1, 1])
    """

    __slots__ = ("entries", "leading", "n_leading", "sizes", "starts", "thinned", "width")
    dtype = np.dtype(np.float32)

    def __init__(self, entries: Entries, starts: Any, sizes: Any, leading: Any, *, width: int, n_leading: int, thinned: Any = None) -> None:
        self.entries, self.starts, self.sizes, self.leading = entries, starts, sizes, leading
        self.width, self.n_leading, self.thinned = width, n_leading, thinned

    @classmethod
    def of(cls, matrix: scipy.sparse.csr_array, flags: FloatArray, n_leading: int) -> Bags:
        """The rows of a sparse matrix (n, width), whose columns ascend in each row, with the flags (entries,) of its entries."""
        ends = matrix.indptr.astype(np.int64)
        before = np.concatenate([[0], np.cumsum(matrix.indices < n_leading)])[ends]
        entries = Entries(matrix.indices.astype(np.int32), matrix.data.astype(np.float32), flags.astype(np.float32))
        return cls(entries, ends[:-1], np.diff(ends), np.diff(before), width=matrix.shape[1], n_leading=n_leading)

    @classmethod
    def empty(cls, n: int, width: int, n_leading: int) -> Bags:
        """Rows without entries."""
        return cls.of(scipy.sparse.csr_array((n, width)), np.zeros(0), n_leading)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: Any) -> Bags:
        """Some rows, which share the entries of all."""
        return self.replace(starts=self.starts[rows], sizes=self.sizes[rows], leading=self.leading[rows])

    @property
    def shape(self) -> tuple[int, int]:
        """(n, width)."""
        return len(self), self.width

    @property
    def arrays(self) -> tuple[Any, ...]:
        """All that they are made of."""
        return *self.entries, self.starts, self.sizes, self.leading

    def replace(self, **parts: Any) -> Bags:
        """The same rows with some parts replaced."""
        return Bags(**{name: parts.get(name, getattr(self, name)) for name in self.__slots__})

    def compact(self) -> Bags:
        """The same rows, with no entries but their own, in their order."""
        ends = np.cumsum(self.sizes)
        if len(self.entries.ids) == (ends[-1] if len(ends) else 0) and np.array_equal(self.starts, ends - self.sizes):
            return self
        places = spread(self.starts, self.sizes)
        return self.replace(entries=Entries(*(part[places] for part in self.entries)), starts=ends - self.sizes)

    def padded(self, n: int) -> Bags:
        """The rows with empty rows behind them, so that there are n, and so many entries that few programs serve all."""
        own = self.compact()
        n_entries = max(1 << max(len(own.entries.ids) - 1, 0).bit_length(), _LEAST_ENTRIES)
        more = {name: _pad(getattr(own, name), n) for name in ("starts", "sizes", "leading")}
        return own.replace(entries=Entries(*(_pad(part, n_entries) for part in own.entries)), **more)

    def put(self, places: Any, rows: Bags) -> Bags:
        """The rows with others at these places; there are so many entries that few programs serve all."""
        own, new = self.replace(sizes=self.sizes.copy(), leading=self.leading.copy(), starts=self.starts.copy()), rows.compact()
        own.sizes[places] = 0
        own = own.compact()
        own.starts[places] = len(own.entries.ids) + new.starts
        own.sizes[places], own.leading[places] = new.sizes, new.leading
        joined = Entries(*(np.concatenate(parts) for parts in zip(own.entries, new.entries, strict=True)))
        return own.replace(entries=joined).padded(len(own))

    def matrix(self, dtype: Any = np.float64, *, flags: bool = False) -> scipy.sparse.csr_array:
        """The rows as a sparse matrix of values, or of flags, shape (n, width)."""
        own = self.compact()
        ends = np.concatenate([[0], np.cumsum(own.sizes)])
        values = own.entries.flags if flags else own.entries.values
        return scipy.sparse.csr_array((values.astype(dtype), own.entries.ids, ends), shape=self.shape)

    def leading_matrix(self) -> scipy.sparse.csr_array:
        """The leading entries of rows as a sparse matrix of values, float32, shape (n, n_leading)."""
        places = spread(self.starts, self.leading)
        ends = np.concatenate([[0], np.cumsum(self.leading)])
        return scipy.sparse.csr_array((self.entries.values[places], self.entries.ids[places], ends), shape=(len(self), self.n_leading))


def join_bags(parts: Sequence[Bags]) -> Bags:
    """Rows of the same features, one part behind the other."""
    own = [part.compact() for part in parts]
    sizes, leading = (np.concatenate([getattr(part, name) for part in own]) for name in ("sizes", "leading"))
    entries = Entries(*(np.concatenate(column) for column in zip(*(part.entries for part in own), strict=True)))
    return own[0].replace(entries=entries, starts=np.cumsum(sizes) - sizes, sizes=sizes, leading=leading)


def lay_side_by_side(parts: Sequence[Bags]) -> Bags:
    """The bags of several columns as those of one: what leads of each, one behind the other, and then all else, shape (n, widths)."""
    if len(parts) == 1:
        return parts[0]
    n_leading = sum(part.n_leading for part in parts)
    values, flags = ([part.matrix(np.float32, flags=of_flags) for part in parts] for of_flags in (False, True))

    def lay(matrices: list[scipy.sparse.csr_array]) -> scipy.sparse.csr_array:
        pairs = [*zip(parts, matrices, strict=True)]
        halves = [*(m[:, : part.n_leading] for part, m in pairs), *(m[:, part.n_leading :] for part, m in pairs)]
        laid = scipy.sparse.csr_array(scipy.sparse.hstack(halves, format="csr"))
        laid.sort_indices()
        return laid

    return Bags.of(lay(values), lay(flags).data, n_leading)


def spread(starts: IntArray, sizes: IntArray) -> IntArray:
    """The numbers from each start on, as many as its size, one start behind the other.

    Example:
        >>> spread(np.array([7, 0]), np.array([2, 3])).tolist()
        [7, 8, 0, 1, 2]
    """
    before = np.cumsum(sizes) - sizes
    return np.repeat(starts - before, sizes) + np.arange(int(sizes.sum()))


def _pad(array: Any, n: int) -> Any:
    return np.concatenate([array, np.zeros(n - len(array), array.dtype)])
