"""From named columns to the matrix that models read: `fit_encoding` once, `apply_encoding` ever after.

Each kind of column is a record with what was learned from the training rows (median, scale, levels) and one
function that applies it. The records are saved with the ensemble, so that what is served is encoded exactly
as what was learned from. Nothing here ever looks at the target.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

import msgspec
import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from weights.data.inputs import COLUMNS, FARTHEST, NUMBERS, Inputs, Layout, Part
from weights.data.kind import BlockEncoding, Kind, joined_shape
from weights.data.memory import check_memory_for
from weights.data.registry import KINDS, kind_of
from weights.data.scaling import center_and_scale, clipped, encode_cycle, find_varying_cycles, range_of
from weights.data.table.columns import (
    as_text,
    find_flag_words,
    is_missing,
    is_number,
    to_flags,
    to_levels,
    to_numbers,
    to_seconds,
    without_words,
    words_among_moments,
    words_among_numbers,
)
from weights.data.table.delimited import flag_words_of, notation_of, time_format_of
from weights.data.table.labels import Form, find_form, read_labels
from weights.data.table.moments import DURATION, TIME_OF_DAY, UNMISTAKABLE, find_time_format, find_unmistakable, format_of_type
from weights.data.table.notation import PLAIN, TRUTH, Notation, find_numbers
from weights.data.table.rownumbers import kept_numbers, rows_numbered
from weights.errors import DataError, counted, suggest
from weights.types import FloatArray, IntArray


class Numeric(msgspec.Struct, frozen=True, tag="numeric"):
    """A number: centred by its median, scaled by its quartiles, clipped smoothly; missing (and `words`) is the median plus a flag.

    `notation` is how it was written as text, None where it was not; `low` and `high` are the least and the largest of training, None where
    there was none or a run does not say.
    """

    name: str
    center: float
    scale: float
    missing: bool
    words: list[str] = []
    notation: Notation | None = None
    from_times: bool = False
    low: float | None = None
    high: float | None = None

    @property
    def of_moments(self) -> bool:
        """Whether the cells are moments, which are read in seconds."""
        return self.from_times


class Boolean(msgspec.Struct, frozen=True, tag="boolean"):
    """Yes or no: 1 and -1; missing is 0 plus a flag. `no` and `yes` are how they were written in training, most often."""

    name: str
    missing: bool
    no: str = "no"
    yes: str = "yes"


class Category(msgspec.Struct, frozen=True, tag="category"):
    """One of several levels: a column each; rare and unseen levels share one column, missing has its own. `form` is what cells were."""

    name: str
    levels: list[str]
    rare: bool
    missing: bool
    form: Form = ""


class Datetime(msgspec.Struct, frozen=True, tag="datetime"):
    """A moment: its place in time, and a cyclical encoding (sine and cosine) of the day, week and year where these vary.

    It is missing where a cell is one of `words`.
    """

    name: str
    center: float
    scale: float
    cycles: list[str]
    missing: bool
    time_format: str | None = None
    from_numbers: bool = False
    low: float | None = None
    high: float | None = None
    words: list[str] = []

    @property
    def of_moments(self) -> bool:
        """Whether the cells are moments, and not numbers that count seconds or years."""
        return not self.from_numbers


ColumnEncoding = Numeric | Boolean | Category | Datetime


class Encoding(msgspec.Struct, frozen=True):
    """How rows become inputs of models.

    Attributes:
        columns: numbers, words and dates, in the order in which they stand in the block of columns.
        clip: bound of the smooth clip of numbers (None: no clip).
        missing_words: further words that mean "no value". kept_words: those that text files mean it by, and that are labels here.
        blocks: columns of other kinds, in the order of `KINDS`; each is a block of its own, or a channel of that of its kind.
        unbounded: whether numbers also come without the clip, as the block `NUMBERS`.
    """

    columns: list[ColumnEncoding]
    clip: float | None = 4.0
    missing_words: list[str] = []
    blocks: list[BlockEncoding] = []
    unbounded: bool = False
    kept_words: list[str] = []

    @property
    def names(self) -> list[str]:
        """The names of all columns that are read: those of the block of columns, then those of other kinds."""
        return [column.name for column in (*self.columns, *self.blocks)]

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs in the block of columns, length p, such as ``age``, ``age is missing``, ``ward = north``."""
        return [name for column in self.columns for name in _input_names(column)]

    @property
    def column_groups(self) -> list[int]:
        """For each input in the block of columns the position of its feature in `names`, length p."""
        return [j for j, column in enumerate(self.columns) for _ in _input_names(column)]

    @property
    def joined_groups(self) -> list[int]:
        """The same, and then for each number without a bound, see `Inputs.joined`."""
        groups = self.column_groups
        return [*groups, *([groups[j] for j in self.numeric_inputs] if self.unbounded else [])]

    @property
    def groups(self) -> list[int]:
        """The same, and then for each column of another kind its own position: one entry for each place of the inputs."""
        return [*self.column_groups, *range(len(self.columns), len(self.columns) + len(self.blocks))]

    @property
    def kinds(self) -> list[Kind]:
        """The kind of each column of another kind."""
        return [kind_of(block) for block in self.blocks]

    @property
    def beginning(self) -> str:
        """What explanations of rows begin with, in words: average inputs, and what stands for values of other kinds."""
        return " and ".join([*(["average inputs"] if self.columns else []), *dict.fromkeys(kind.nothing for kind in self.kinds)])

    @property
    def placed_blocks(self) -> Iterator[tuple[BlockEncoding, Kind, int]]:
        """Each column of another kind, its kind, and its place among the columns that share a block."""
        places: Counter[str] = Counter()
        for block, kind in zip(self.blocks, self.kinds, strict=True):
            yield block, kind, places[kind.block]
            places[kind.block] += 1

    @property
    def disclaimer(self) -> str:
        """What every report of a run that reads this ends with; empty for nothing."""
        return next((kind.disclaimer for kind in self.kinds if kind.disclaimer), "")

    def describe_blocks(self) -> str:
        """What the columns of other kinds are, in a few words."""
        counts = Counter(kind_of(block).describe(block) for block in self.blocks)
        return " and ".join(f"{n} {words}" if n > 1 else words for words, n in counts.items())

    def layout(self, n_outputs: int) -> Layout:
        """What models must fit that read these inputs and have so many outputs."""
        n_inputs = len(self.inputs)
        own = [(COLUMNS, (n_inputs,))] if n_inputs else []
        shapes: dict[str, list[tuple[int, ...]]] = {}
        for block in self.blocks:
            shapes.setdefault(kind_of(block).block, []).append(kind_of(block).shape(block))
        others = [(name, joined_shape(own)) for name, own in shapes.items()]
        parts: dict[str, tuple[Part, ...]] = {}
        for block in self.blocks:
            if (kind := kind_of(block)).part is not None:
                parts[kind.block] = (*parts.get(kind.block, ()), kind.part(block))
        numbers = [(NUMBERS, (len(self.numeric_inputs),))] if self.unbounded else []
        rates = tuple((kind.block, kind.rate(block)) for block in self.blocks if (kind := kind_of(block)).rate is not None)
        return Layout((*own, *others, *numbers), n_outputs, tuple(self.numeric_inputs), tuple(parts.items()), rates)

    def agrees_with(self, other: Encoding) -> bool:
        """Whether the same cells become the same columns, also if one is of an older run that kept less."""
        return _without_additions(self) == _without_additions(other)

    @property
    def numeric_inputs(self) -> list[int]:
        """Positions of the encoded columns that hold scaled numbers (not flags or levels)."""
        numeric, position = [], 0
        for column in self.columns:
            if isinstance(column, Numeric | Datetime):
                numeric.append(position)
            position += len(_input_names(column))
        return numeric


def fit_encoding(table: pa.Table, kinds: dict[str, str], *, clip: float | None = 4.0, max_levels: int = 64, min_count: int = 5) -> Encoding:
    """Learn how to encode the named columns.

    Args:
        table: training rows.
        kinds: for each column to use, its kind: numeric, boolean, category, datetime or one of `KINDS`.
        clip: bound of the smooth clip ``z / sqrt(1 + (z / clip)^2)`` of scaled numbers (Holzmüller et al. 2024,
            section 3, with 3 on their scale); None leaves numbers linear, so that outliers keep their full weight.
        max_levels: a category keeps at most this many levels, the most frequent.
        min_count: levels with fewer rows than this are rare.

    Raises:
        DataError: a column cannot be read as its kind.
    """
    blocks = [KINDS[kind].fit(table, name) for kind in KINDS for name, its in kinds.items() if its == kind]
    own = {name: kind for name, kind in kinds.items() if kind not in KINDS}
    columns = [_fit_column(table[name], table.schema.field(name), kind, max_levels, min_count) for name, kind in own.items()]
    numbers = any(isinstance(column, Numeric | Datetime) for column in columns)
    return Encoding(columns, clip, blocks=blocks, unbounded=clip is not None and numbers)


def apply_encoding(encoding: Encoding, table: pa.Table) -> Inputs:
    """The rows of a table as models read them.

    Args:
        encoding: from `fit_encoding`.
        table: any rows; columns may come in any order, columns that are not needed are ignored.

    Returns:
        Encoded columns, float32, shape (n, p), without missing values, where there are some; each block of another kind; and, where
        `encoding.unbounded`, the numbers without their bound, float32, shape (n, numeric).

    Raises:
        DataError: a needed column is absent or cannot be read as its kind.
    """
    known = set(table.column_names)
    needed = encoding.names
    absent = [name for name in needed if name not in known]
    if absent:
        raise DataError(
            f"The model needs {counted(len(needed), 'column')}, but {len(absent)} {'is' if len(absent) == 1 else 'are'} not in the data "
            f"(first: '{absent[0]}'). {suggest(absent[0], [name for name in table.column_names if name.isprintable()])}"
        )
    with rows_numbered(kept_numbers(table)):
        return Inputs({**_apply_columns(encoding, table), **_apply_blocks(encoding, table), **_apply_numbers(encoding, table)})


def _apply_blocks(encoding: Encoding, table: pa.Table) -> dict[str, Any]:
    """The blocks of other kinds."""
    parts: dict[str, list[Any]] = {}
    joins = {kind.block: kind.join for kind in encoding.kinds}
    for block in encoding.blocks:
        parts.setdefault(kind_of(block).block, []).append(kind_of(block).apply(block, table))
    return {name: joins[name](own) for name, own in parts.items()}


def _apply_columns(encoding: Encoding, table: pa.Table) -> dict[str, FloatArray]:
    """The block of columns, where there is one."""
    parts = (values for column in encoding.columns for values in _apply_column(column, table[column.name], encoding.clip))
    return {COLUMNS: _side_by_side(parts, table.num_rows, len(encoding.inputs))} if encoding.columns else {}


def _apply_numbers(encoding: Encoding, table: pa.Table) -> dict[str, FloatArray]:
    """The block of numbers without their bound, where there is one."""
    if not encoding.unbounded:
        return {}
    numeric = [column for column in encoding.columns if isinstance(column, Numeric | Datetime)]
    parts = (_without_infinities(column, _apply_column(column, table[column.name], np.inf)[0]) for column in numeric)
    return {NUMBERS: _side_by_side(parts, table.num_rows, len(numeric))}


def _without_infinities(column: Numeric | Datetime, z: FloatArray) -> FloatArray:
    """Scaled numbers with the farthest of training for infinite ones, and none beyond a hundred million."""
    low, high = (0.0 if end is None else (end - column.center) / column.scale for end in (column.low, column.high))
    return np.nan_to_num(z, posinf=high, neginf=low).clip(-FARTHEST, FARTHEST)


def _side_by_side(parts: Iterable[FloatArray], n_rows: int, n_parts: int) -> FloatArray:
    """The parts, each (n,), as the columns of a matrix, float32, shape (n, parts)."""
    check_memory_for(4.0 * n_rows * n_parts, f"A matrix of {n_rows:,} rows x {n_parts:,} inputs")
    # From Arrow, because what it allocates begins where JAX can read it without a copy of its own.
    matrix = np.frombuffer(pa.allocate_buffer(4 * n_rows * n_parts), np.float32).reshape(n_rows, n_parts)
    for place, values in enumerate(parts):
        matrix[:, place] = values
    matrix.flags.writeable = False
    return matrix


def _without_additions(encoding: Encoding) -> Encoding:
    """The encoding as a run of an older version would say it."""

    def without(column: ColumnEncoding) -> ColumnEncoding:
        match column:
            case Numeric():
                return replace(column, low=None, high=None, notation=None if column.notation == PLAIN else column.notation)
            case Datetime():
                mistakable = column.time_format not in (*UNMISTAKABLE, TIME_OF_DAY, DURATION)
                return replace(column, low=None, high=None, time_format=column.time_format if mistakable else None)
            case Boolean():
                return Boolean(column.name, column.missing)
            case Category():
                return replace(column, form="")

    return replace(encoding, columns=[without(column) for column in encoding.columns], unbounded=False)


def apply_unclipped(encoding: Encoding, table: pa.Table) -> FloatArray:
    """As `apply_encoding`, but float64 and with numbers as they are: centred and scaled, not clipped, shape (n, p).

    What lies beyond a hundred million quartile distances, infinity included, counts as that.
    """
    columns = [v for column in encoding.columns for v in _apply_column(column, table[column.name], np.inf)]
    return np.clip(np.stack(columns, axis=1), -FARTHEST, FARTHEST) if columns else np.zeros((table.num_rows, 0))


def cells(column: ColumnEncoding, table: pa.Table) -> list[float | str | None]:
    """The cells of a column as people know them: finite numbers of numeric columns, text of others, None where missing."""
    if isinstance(column, Numeric):
        numbers = numbers_of(column, table[column.name])
        return [float(value) if np.isfinite(value) else None for value in numbers]
    return [None if cell is None else str(cell) for cell in table[column.name].to_pylist()]


def numbers_of(column: Numeric | Datetime, raw: pa.ChunkedArray) -> FloatArray:
    """The cells as numbers, those of moments in seconds, NaN where missing; each as it would have been read in training.

    Raises:
        DataError: a cell could not have been read there, or is of another type.
    """
    if pa.types.is_string(raw.type):
        if not column.of_moments:
            words, notation = (column.words, column.notation) if isinstance(column, Numeric) else ((), None)
            return to_numbers(raw, column.name, words, notation or PLAIN)
        text = without_words(as_text(raw), column.words)
        return to_seconds(text, column.name, find_unmistakable(text, None if isinstance(column, Numeric) else column.time_format))
    if pa.types.is_temporal(raw.type) != column.of_moments and not _is_empty(raw):
        _refuse_type(column.name, raw, "dates" if column.of_moments else "numbers")
    return to_numbers(raw, column.name) if isinstance(column, Numeric) else to_seconds(raw, column.name)


def codes_of(column: Category, raw: pa.ChunkedArray) -> IntArray:
    """Position of each cell among the levels, shape (n,), -1 where it is missing or none of them; read as in training."""
    return read_labels(raw, column.name, column.levels, column.form)


def _input_names(column: ColumnEncoding) -> list[str]:
    match column:
        case Category():
            names = [f"{column.name} = {level}" for level in column.levels] + [f"{column.name} = (rare)"] * column.rare
        case Datetime():
            names = [column.name] + [f"{column.name} {half} of {cycle}" for cycle in column.cycles for half in ("sine", "cosine")]
        case _:
            names = [column.name]
    return names + [f"{column.name} is missing"] * column.missing


def _fit_column(raw: pa.ChunkedArray, field: pa.Field, kind: str, max_levels: int, min_count: int) -> ColumnEncoding:
    name = field.name
    missing = bool(is_missing(raw).any())
    if kind == "numeric":
        words = words_among_numbers(raw) if pa.types.is_string(raw.type) else []
        notation = TRUTH if pa.types.is_boolean(raw.type) else notation_of(field)
        if pa.types.is_string(raw.type):
            found = find_numbers(without_words(as_text(raw), words))
            notation = None if found is None else found.notation
        numbers = to_numbers(raw, name, words, notation)
        center, scale = center_and_scale(numbers)
        gaps, from_times = bool(np.isnan(numbers).any()), pa.types.is_temporal(raw.type)
        return Numeric(name, center, scale, gaps, words, notation, from_times, *range_of(numbers))
    if kind == "boolean":
        to_flags(raw, name)
        return Boolean(name, missing, *(flag_words_of(field) or find_flag_words(raw)))
    if kind == "datetime":
        words, time_format = [], time_format_of(field) or format_of_type(raw.type)
        if pa.types.is_string(raw.type):
            words = words_among_moments(raw) if find_time_format(as_text(raw)) is None else []
            time_format = find_time_format(without_words(as_text(raw), words))
        seconds = to_seconds(raw, name, words=words)
        center, scale = center_and_scale(seconds)
        cycles, from_numbers = find_varying_cycles(seconds), is_number(raw.type)
        return Datetime(name, center, scale, cycles, missing or bool(words), time_format, from_numbers, *range_of(seconds), words)
    codes, levels = to_levels(raw)
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    by_frequency = np.argsort(-counts, kind="stable")[:max_levels]
    kept = sorted(int(i) for i in by_frequency if counts[i] >= min(min_count, counts.max()))
    return Category(name, [levels[i] for i in kept], rare=len(kept) < len(levels), missing=missing, form=find_form(raw.type))


def _apply_column(column: ColumnEncoding, raw: pa.ChunkedArray, clip: float | None) -> list[FloatArray]:
    match column:
        case Numeric():
            values = _scaled(numbers_of(column, raw), column, clip)
            return _with_flag([np.nan_to_num(values)], np.isnan(values), column.missing)
        case Boolean():
            flags = to_flags(raw, column.name)
            return _with_flag([np.nan_to_num(flags)], np.isnan(flags), column.missing)
        case Datetime():
            seconds = numbers_of(column, raw)
            line = np.nan_to_num(_scaled(seconds, column, clip))
            cycles = [np.nan_to_num(half) for cycle in column.cycles for half in encode_cycle(seconds, cycle)]
            return _with_flag([line, *cycles], np.isnan(seconds), column.missing)
        case Category():
            codes, absent = codes_of(column, raw), is_missing(raw)
            levels = [(codes == i).astype(np.float64) for i in range(len(column.levels))]
            rare = [((codes < 0) & ~absent).astype(np.float64)] * column.rare
            return _with_flag(levels + rare, absent, column.missing)


def _is_empty(raw: pa.ChunkedArray) -> bool:
    return raw.null_count == len(raw)


def _refuse_type(name: str, raw: pa.ChunkedArray, needed: str) -> NoReturn:
    raise DataError(
        f"Column '{name}' held {needed} in training, but holds {raw.type} now (such as {raw.drop_null()[0]}). Give {needed} again."
    )


def _with_flag(values: Sequence[FloatArray], absent: FloatArray, flag: bool) -> list[FloatArray]:
    return [*values, absent.astype(np.float64)] if flag else [*values]


def _scaled(values: FloatArray, column: Numeric | Datetime, clip: float | None) -> FloatArray:
    """Centred, scaled and smoothly clipped in float64; infinities land on the bound, NaN stays."""
    with np.errstate(over="ignore", invalid="ignore"):
        z = (values - column.center) / column.scale
        if clip is None:
            too_large = np.abs(z) > np.finfo(np.float32).max
            if too_large.any():
                row = int(np.argmax(too_large)) + 1
                raise DataError(
                    f"Column '{column.name}' is too large in row {row}, which needs the smooth clip. Leave clip on or repair the row."
                )
        return clipped(z, clip)
