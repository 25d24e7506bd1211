"""What a column may hold besides numbers, words and dates: the contract of a kind of data.

A `Kind` is a record of functions: how such a column is recognised, what is learned of it from the rows of training (a saved record), how it
becomes a block of inputs, and, where its values come from files, how these are read. `registry.py` lists the kinds there are; nobody
outside asks which one is at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from weights.data.inputs import Part
from weights.types import AnyArray, BoolArray, ReportProgress


class BlockEncoding:
    """What was learned of a column from the rows of training; kinds derive it, as frozen msgspec records tagged with their name.

    Attributes:
        name: of the column.
    """

    __slots__ = ()

    name: str


class Attachment(NamedTuple):
    """A file of a saved run in which people read what is long in a record.

    Attributes:
        name: of the file.
        write: (record) -> its content.
        without: (record) -> the record without that.
        read: (record without that, content) -> the record.

    Raises:
        ValueError: `read`, where the content is none that `write` wrote for such a record.
    """

    name: str
    write: Callable[[Any], str]
    without: Callable[[Any], Any]
    read: Callable[[Any, str], Any]


class Source(NamedTuple):
    """How values of a kind are read from elsewhere than a column that holds them.

    Attributes:
        holds: (data) -> whether this is no table, but a source of this kind: a folder, an archive, an array.
        read: (data, options, report_progress) -> such a source as a table.
        find_column: (table, folder, excluded) -> the column that names files of this kind, relative to the folder; None if there is none.
        fill_column: (table, column, folder, options, report_progress) -> the table with values in place of their files' names.
        read_like: (data, encoding, read) -> new values like those of training, in a column of the same name, from whatever source; `read`
            makes a table of what is one.
        fill_like: (table, encoding, folder) -> new rows of a table with values like those of training in place of their files' names.
        complain: (options, encoding) -> why options cannot act on what came, in words; empty if they can. Encoding is None where nothing
            of this kind came.
        options: (encoding) -> the options of the data with which the same values are read again.
    """

    holds: Callable[[Any], bool]
    read: Callable[[Any, Any, ReportProgress], pa.Table]
    find_column: Callable[[pa.Table, Path, Collection[str]], str | None]
    fill_column: Callable[[pa.Table, str, Path, Any, ReportProgress], pa.Table]
    read_like: Callable[[Any, Any, Callable[[Any], pa.Table]], pa.Table]
    fill_like: Callable[[pa.Table, Any, Path], pa.Table]
    complain: Callable[[Any, Any], str]
    options: Callable[[Any], dict[str, Any]]


def joined_shape(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape of a row in the block that columns of these shapes share: as long as the longest, side by side along the last axis.

    Example:
        >>> joined_shape([(20, 1), (30, 1)])
        (30, 2)
    """
    return (*(max(sizes) for sizes in zip(*(shape[:-1] for shape in shapes), strict=True)), sum(shape[-1] for shape in shapes))


def side_by_side(parts: Sequence[AnyArray]) -> AnyArray:
    """The block that columns of a kind share, from the block of each, sample axis first; where one is shorter than others it holds NaN."""
    if len(parts) == 1:
        return parts[0]
    joined = np.full((len(parts[0]), *joined_shape([part.shape[1:] for part in parts])), np.nan, parts[0].dtype)
    begin = 0
    for part in parts:
        end = begin + part.shape[-1]
        joined[(*map(slice, part.shape[:-1]), slice(begin, end))] = part
        begin = end
    return joined


class Kind(NamedTuple):
    """A kind of column, and all that others ask of it.

    Attributes:
        block: the name of its block of inputs.
        encoding: type of its saved record, a `BlockEncoding`.
        recognises: (field) -> whether a column holds values of this kind, by its type.
        finds: (column, name) -> whether a column of cells holds them, by these; None where cells cannot. Such a column is marked as one,
            and may also be asked for.
        fit: (table, column) -> the record, from the rows of training.
        apply: (record, table) -> the block, sample axis first: an array, or `Bags`.
        shape: (record) -> the shape of a row in the block.
        describe: (record) -> what rows are, in a few words, such as "pictures of 8 x 8 in grey".
        remark: (field) -> what users should know of a column.
        hash_values: (column) -> a 64-bit number for each value, equal where values are, shape (n,).
        check: (record) -> what is wrong with values that were read from a file, in words.
        plural: what its values are called.
        part: (record) -> what a column has of a block that several columns share, side by side along its last axis, each a feature of its
            own; None where a block holds one column. join: (blocks) -> that block, from the block of each.
        attachment: the file in which a saved run keeps what is long in a record; None for none.
        strange: (record, column, block or None) -> which values, shape (n,), hold nothing that training knew, and what is said of them
            after "rows"; the block is what `apply` made of the column, where that is known.
        locate: (record, value) -> the words of a value and their shares in its features, see `data/text/locating.py`; None for values
            without words.
        vocabulary: (record) -> the words of its values, whose effects are told, see `data/text/vocabulary.py`; None for values without.
        as_column: (data) -> values that came without a table, as a column; None where they are no such values.
        nothing: what stands for a value in explanations before it is known.
        identifies: whether equal values are copies of one thing, which nobody may learn from and be judged by at once.
        source: how values are read from files; None where columns hold them.
        rate: (record) -> how many moments a second the first axis of a row in the block has; None where it is no time.
        origin: (record, block) -> what tells who or what values come from, whatever they are of, (n, d); None where nothing does.
        cells: (record, table) -> what each row holds, in a few words, where no file has its name; length n.
        modality: how model cards call it.
        example: what new rows are called in examples.
        disclaimer: what every report of such a run ends with; empty for nothing. card_notice: the same, at length, for the model card.
        next_steps: (answers with classes?) -> commands that come next for a run of nothing else, ``{run}`` standing for its name.
    """

    block: str
    encoding: type[Any]
    recognises: Callable[[pa.Field], bool]
    fit: Callable[[pa.Table, str], Any]
    apply: Callable[[Any, pa.Table], Any]
    shape: Callable[[Any], tuple[int, ...]]
    describe: Callable[[Any], str]
    remark: Callable[[pa.Field], str]
    hash_values: Callable[[pa.ChunkedArray], AnyArray]
    check: Callable[[Any], list[str]]
    plural: str
    part: Callable[[Any], Part] | None = None
    join: Callable[[Sequence[Any]], Any] = side_by_side
    finds: Callable[[pa.ChunkedArray, str], bool] | None = None
    attachment: Attachment | None = None
    strange: Callable[[Any, pa.ChunkedArray, Any], tuple[BoolArray, str]] | None = None
    locate: Callable[[Any, str], Any] | None = None
    vocabulary: Callable[[Any], Any] | None = None
    as_column: Callable[[Any], pa.ChunkedArray | None] = lambda data: None
    nothing: str = "zeros"
    identifies: bool = True
    source: Source | None = None
    rate: Callable[[Any], int] | None = None
    origin: Callable[[Any, Any], AnyArray] | None = None
    cells: Callable[[Any, pa.Table], Sequence[str | None]] = lambda record, table: [None] * table.num_rows
    modality: str = "tabular"
    example: str = "new-rows.csv"
    disclaimer: str = ""
    card_notice: str = ""
    next_steps: Callable[[bool], list[str]] = lambda classes: ["diagnose {run}", "predict {run} NEW.csv"]
