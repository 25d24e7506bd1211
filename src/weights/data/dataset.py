"""A table made ready to learn from: which column plays which role, and the encoded rows.

`prepare` turns a raw table and the user's wishes (`Roles`) into a `Dataset`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from weights.data.classnames import name_classes
from weights.data.distributions import Distribution, summarise
from weights.data.encoding import Boolean, Category, ColumnEncoding, Encoding, apply_encoding, apply_unclipped, fit_encoding
from weights.data.files.labelled import FILE_NAMES
from weights.data.fingerprint import fingerprint_rows
from weights.data.inputs import Inputs
from weights.data.kind import Kind
from weights.data.levels import bound_levels
from weights.data.registry import KINDS, find_block_kind, kind_of, mark_kinds, used_kinds
from weights.data.repeats import describe_repeats
from weights.data.roles import STEERING, Roles, check_cells, check_roles
from weights.data.steering import (
    Steering,
    describe_parts,
    find_test_rows,
    keep_copies_together,
    read_group,
    read_sample_weight,
    read_steering,
)
from weights.data.table.columns import Found, as_text, describe_cells, find_bare_kind, find_kind, is_missing
from weights.data.table.delimited import notation_of, remark_of, remarks_of
from weights.data.table.indices import describe_index
from weights.data.table.keys import text_keys
from weights.data.table.levels import levels_of
from weights.data.table.notation import Notation
from weights.data.table.parquet import types_of
from weights.data.table.read import came_as_codes, reading
from weights.data.table.rownumbers import renumbered, rows_counted_from, rows_numbered, take_numbers
from weights.data.table.streaming import RowStream, is_plain
from weights.errors import DataError, UsageError
from weights.types import BoolArray, FloatArray, IntArray

MOST_INSPECTED, _MOST_INSPECTED_CELLS = 50_000, 10_000_000
"""Rows, and encoded cells, that are kept for what is asked of a table after training, such as feature weights (our choice)."""
_MOST_SUMMARISED = 100_000
"""Rows from which the distributions of columns are known (our choice: their shares are then known to a tenth of a percent)."""


class Feature(msgspec.Struct, frozen=True):
    """A column of the table as the user knows it: its name, kind, and what was remarked about it."""

    name: str
    kind: str
    note: str = ""

    @property
    def used(self) -> bool:
        """Whether models see it; otherwise it was ignored, and `note` says why."""
        return self.kind in used_kinds()


@dataclass(frozen=True, eq=False)
class Streamed:
    """Where the rows come from that do not fit into memory, of which a `Dataset` holds a sample.

    Attributes:
        stream: all rows.
        keys: of the sample, uint64, shape (s,): rows with the same key go together.
        mean_weight: sample weight of a row, on average.
        n_other_labels: how many values of the target the sample lacks.
    """

    stream: RowStream
    keys: IntArray
    mean_weight: float
    n_other_labels: int


class HeldOut(NamedTuple):
    """Rows that are for the test only.

    inputs: t rows. target: raw, t cells, none missing. weight: of mean one, shape (t,). group, names, time: as of
    `Dataset`.
    """

    inputs: Inputs
    target: pa.ChunkedArray
    weight: FloatArray
    group: IntArray | None = None
    names: pa.ChunkedArray | None = None
    time: FloatArray | None = None


class Inspected(NamedTuple):
    """Rows that are asked about after training: all, or a random choice of many.

    Attributes:
        rows: their positions in the dataset, ascending, shape (r,).
        x: their columns as they are, see `apply_unclipped`, float64, shape (r, p).
    """

    rows: IntArray
    x: FloatArray


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows ready for training.

    Attributes:
        inputs: n encoded rows.
        target: the raw target, n cells, none missing.
        features: every column of the table but the target and the steering ones.
        encoding: how these were made.
        sample_weight: weight of each row with mean one, float64, shape (n,).
        group: code of the rows that stay together, shape (n,): of the column that was named, else, without order in time, of copies of
            one value of another kind than a cell; None where there are none.
        time: seconds or any number that orders rows, shape (n,), or None.
        remarks: sentences about what was ignored or repaired.
        roles: what the columns are for.
        source: where the rows came from, in a few words.
        inspected: those that are asked about after training.
        held_out: those for the test, if a column names them.
        streamed: where all rows come from, where inputs and the like hold only a sample of them.
        names: of the files that rows were read from, n cells; None where there were none.
        distributions: of the encoded columns.
        numbers: of the rows in the user's table, counted from 0, shape (n,); None where these are all of it, in order.
        target_gaps: whether there were rows without a target, which were left out.
        target_levels: the labels of the target as text, in the order in which the frame had them; empty where it had none.
        fingerprint: a text that rows of other values do not have; empty of streamed rows, of which there is only a sample.
        target_notation: how numbers of the target were written in a text file; None where they were not.
    """

    inputs: Inputs
    target: pa.ChunkedArray
    features: list[Feature]
    encoding: Encoding
    sample_weight: FloatArray
    group: IntArray | None
    time: FloatArray | None
    remarks: list[str]
    roles: Roles
    source: str
    inspected: Inspected
    held_out: HeldOut | None = None
    streamed: Streamed | None = None
    names: pa.ChunkedArray | None = None
    distributions: Sequence[Distribution] = ()
    numbers: IntArray | None = None
    target_gaps: bool = False
    target_levels: Sequence[str] = ()
    target_notation: Notation | None = None
    fingerprint: str = ""

    @property
    def n_samples(self) -> int:
        """Number of rows that are learned from."""
        return len(self.inputs) if self.streamed is None else self.streamed.stream.n_rows

    @property
    def used_features(self) -> list[Feature]:
        """The features models see, in the order of the encoding."""
        by_name = {feature.name: feature for feature in self.features}
        return [by_name[name] for name in self.encoding.names]

    @property
    def blocks(self) -> dict[str, Kind]:
        """The columns of other kinds than numbers, words and dates, each with its kind."""
        return {block.name: kind_of(block) for block in self.encoding.blocks}


def prepare(table: pa.Table, roles: Roles, *, source: str = "table", numbers: IntArray | None = None) -> Dataset:
    """Find kinds, ignore columns that cannot be used, and encode the rest.

    Args:
        table: raw rows; rows whose target is missing are left out and counted in the remarks.
        roles: what each column is for.
        source: name of the table for messages.
        numbers: of the rows in the user's table, counted from 0, shape (n,); None where these are all of it, in order.

    Raises:
        NotFoundError: a named column does not exist.
        DataError: no usable row or column remains, or a steering column is unusable.
        UsageError: a kind is not known, or a column has two roles.
    """
    names = table[FILE_NAMES] if FILE_NAMES in table.column_names else None
    table = table if names is None else table.drop_columns([FILE_NAMES])
    remarks, (table, in_file) = remarks_of(table), take_numbers(table)
    numbers = in_file if numbers is None else numbers
    check_roles(table.column_names, roles, source)
    check_cells(table, roles)
    table = mark_kinds(table, roles.kinds, among=_list_candidates(table, roles))
    with rows_numbered(numbers):
        table, named, naming = name_classes(table, roles.target, roles.classes)
    roles, remarks = msgspec.structs.replace(roles, classes=named or ()), [*remarks, *filter(None, [naming])]
    steering = read_steering(table, roles, names, numbers)
    known, without_target = _rows_with_target(table, roles.target)
    tests = find_test_rows(table, roles.split)
    steering, copied = keep_copies_together(steering, table, roles, known, tests)
    learned, rows = steering.of(known & ~tests), _rows(table, known & ~tests)
    features = _find_features(rows, roles, learned.numbers)
    target = rows.schema.field(roles.target)
    remarks += [*without_target, *copied, *_describe_target_and_weight(rows, roles.target, learned), *describe_repeats(rows)]
    with rows_numbered(learned.numbers):
        usable = {feature.name: feature.kind for feature in features if feature.used}
        encoding, crowded = bound_levels(fit_encoding(rows, usable, clip=roles.clip), rows)
        encoding = msgspec.structs.replace(encoding, missing_words=[*roles.missing], kept_words=[*roles.keep])
        inputs = apply_encoding(encoding, rows)
    held_out = _hold_out(table, known & tests, steering, encoding, roles.target)
    for_test = [] if held_out is None else [f"{len(held_out.inputs):,} rows are for the test: nothing is learned from them"]
    return Dataset(
        inputs=inputs,
        target=rows[roles.target],
        features=features,
        encoding=encoding,
        sample_weight=learned.weight / learned.weight.mean(),
        group=learned.group,
        time=learned.time,
        remarks=[*remarks, *crowded, *for_test, *describe_parts(encoding.columns)],
        roles=roles,
        source=source,
        inspected=_inspected(encoding, rows),
        held_out=held_out,
        names=learned.names,
        distributions=summarise(encoding, _sampled(rows)),
        numbers=learned.numbers,
        target_gaps=not known.all(),
        target_levels=levels_of(target),
        target_notation=notation_of(target),
        fingerprint=fingerprint_rows(encoding, rows, [name for role in STEERING if (name := getattr(roles, role)) is not None]),
    )


def _find_features(table: pa.Table, roles: Roles, numbers: IntArray | None) -> list[Feature]:
    """Every column that neither is the target nor steers, with its kind.

    Raises:
        DataError: none can be used.
    """
    candidates = _list_candidates(table, roles)
    features = _one_of_each_block([describe(table, name, roles.kinds.get(name), numbers) for name in candidates])
    if not any(feature.used for feature in features):
        reasons = "; ".join(f"{f.name} ({f.kind}{': ' + f.note if f.note else ''})" for f in features[:5]) or "there is no other column"
        raise DataError(
            f"At least one usable feature was needed, but none is left of {len(candidates)}: {reasons}. Use --kind to use one anyway."
        )
    return features


def _list_candidates(table: pa.Table, roles: Roles) -> list[str]:
    """The columns that neither are the target nor steer."""
    steering = {roles.group, roles.time, roles.sample_weight, roles.split, roles.target, *roles.drop}
    return [name for name in table.column_names if name not in steering]


def _describe_target_and_weight(rows: pa.Table, target: str, steering: Steering) -> list[str]:
    """What was remarked of the cells of the target, and of rows of which nothing is learned."""
    cells = describe_cells(rows[target], target, find_bare_kind(rows[target], target).kind)
    notes = filter(None, [remark_of(rows.field(target)), renumbered(cells, steering.numbers)])
    idle, weight = np.count_nonzero(steering.weight == 0), steering.weight
    said = [f"'{target}': {note}" for note in notes]
    return [*said, *([f"{idle:,} of {len(weight):,} rows have weight zero: nothing is learned from them"] if idle else [])]


def _hold_out(table: pa.Table, held: BoolArray, steering: Steering, encoding: Encoding, target: str) -> HeldOut | None:
    """The rows that are for the test only (n,), encoded as those of training; None where there are none."""
    if not held.any():
        return None
    aside, own = _rows(table, held), steering.of(held)
    with rows_numbered(own.numbers):
        inputs = apply_encoding(encoding, aside)
    return HeldOut(inputs, aside[target], own.weight / max(own.weight.mean(), 1e-300), own.group, own.names, own.time)


def _sampled(table: pa.Table) -> pa.Table:
    """At most `_MOST_SUMMARISED` rows, drawn at random, always the same."""
    if table.num_rows <= _MOST_SUMMARISED:
        return table
    return table.take(pa.array(np.sort(np.random.default_rng(0xD15).choice(table.num_rows, _MOST_SUMMARISED, replace=False))))


def _rows(table: pa.Table, chosen: BoolArray) -> pa.Table:
    """The chosen rows (n,); where they follow each other, as train and test parts do, without a copy."""
    n_chosen = int(np.count_nonzero(chosen))
    begin = int(np.argmax(chosen))
    return table.slice(begin, n_chosen) if chosen[begin : begin + n_chosen].all() else table.filter(pa.array(chosen))


def _one_of_each_block(features: list[Feature]) -> list[Feature]:
    """The features that can be read together: a block holds one column, unless columns of its kind stand side by side."""
    alone = [feature for feature in features if feature.kind in KINDS and KINDS[feature.kind].part is None]
    first: dict[str, str] = {}
    for feature in alone:
        first.setdefault(KINDS[feature.kind].block, feature.name)
    left_out = {
        f.name: f"not read beside the {KINDS[f.kind].plural} in '{name}'" for f in alone if (name := first[KINDS[f.kind].block]) != f.name
    }
    return [Feature(f.name, "unsupported", left_out[f.name]) if f.name in left_out else f for f in features]


def _inspected(encoding: Encoding, table: pa.Table) -> Inspected:
    if not encoding.columns:
        return Inspected(np.zeros(0, np.intp), np.zeros((0, 0)))
    most = min(MOST_INSPECTED, max(_MOST_INSPECTED_CELLS // len(encoding.inputs), 1000))
    if table.num_rows <= most:
        return Inspected(np.arange(table.num_rows), apply_unclipped(encoding, table))
    rows = np.sort(np.random.default_rng(0x1A5).choice(table.num_rows, most, replace=False))
    return Inspected(rows, apply_unclipped(encoding, table.take(pa.array(rows))))


def prepare_streamed(path: Path, roles: Roles, *, source: str, seed: int = 0) -> Dataset:
    """As `prepare`, of a Parquet file that does not fit into memory: what the columns are and how they are encoded, a sample of rows says.

    Args:
        path: of the file.
        roles: what each column is for.
        source: name of the table for messages.
        seed: of the sample and of the order of rows.

    Raises:
        NotFoundError, DataError, UsageError: as `prepare`; rows cannot be ordered by time.
    """
    if roles.split is not None:
        raise UsageError(f"{source} does not fit into memory, and a split is then not known. Leave out the rows of the test yourself.")
    if roles.classes:
        raise UsageError(f"{source} does not fit into memory, and names of classes can then not be given. Write them into the file.")
    if roles.time is not None:
        raise UsageError(f"{source} does not fit into memory, and its rows can then not be split by time. Leave out --time, or use fewer.")
    with reading(path, "parquet"):
        types = types_of(path)
    check_roles([*types], roles, source)
    stream, sample = RowStream.open(path, roles.target, missing=roles.missing, drop=roles.drop, seed=seed)
    dataset = prepare(sample.table, msgspec.structs.replace(roles, drop=()), source=source, numbers=sample.numbers)
    steering = [name for name in (roles.target, roles.sample_weight, roles.group) if name]
    stream = stream.only([*(feature.name for feature in dataset.used_features), *steering])
    mean_weight = float(read_sample_weight(sample.table, roles.sample_weight).mean())
    streamed = Streamed(stream, _keys(sample.table, sample.numbers, roles.group), mean_weight, sample.n_other_labels)
    _check_streamed(stream, types, dataset.encoding, roles)
    n_without = int(stream.sizes.sum()) - stream.n_rows
    remarks = [
        f"the table does not fit into memory: members learn from all {stream.n_rows:,} rows, streamed from the file; "
        f"kinds, encoding, strengths of penalties and all figures come from a random sample of {len(dataset.inputs):,}",
        *([f"{n_without:,} of {stream.sizes.sum():,} rows have no '{roles.target}' and were left out"] if n_without else []),
        *dataset.remarks,
    ]
    return replace(dataset, streamed=streamed, remarks=remarks, fingerprint="")


def encode_streamed(dataset: Dataset, table: pa.Table, numbers: IntArray) -> tuple[Inputs, FloatArray, IntArray]:
    """Rows that pass, as the sample was encoded: inputs, weights of mean one (r,), keys (r,); numbers are those of rows."""
    assert dataset.streamed is not None
    weight = read_sample_weight(table, dataset.roles.sample_weight) / dataset.streamed.mean_weight
    return apply_encoding(dataset.encoding, table), weight, _keys(table, numbers, dataset.roles.group)


def _keys(table: pa.Table, numbers: IntArray, group: str | None) -> IntArray:
    return numbers.astype(np.uint64) if group is None else text_keys(as_text(table[group]))


def _check_streamed(stream: RowStream, types: Mapping[str, pa.DataType], encoding: Encoding, roles: Roles) -> None:
    """Read the columns once in which a later cell may be unreadable, so that it is known before training."""
    doubtful = [column for column in encoding.columns if _may_surprise(column, types[column.name])]
    steering = [name for name in (roles.sample_weight, roles.group) if name]
    if not doubtful and not steering:
        return
    for table, numbers in stream.only([*(column.name for column in doubtful), *steering]).in_order():
        with rows_counted_from(numbers[0]):
            read_sample_weight(table, roles.sample_weight)
            read_group(table, roles.group)
            try:
                apply_encoding(msgspec.structs.replace(encoding, columns=doubtful), table)
            except DataError as error:
                raise DataError(f"{error} What kind a column is was found in a sample of the rows; --kind decides otherwise.") from error


def _may_surprise(column: ColumnEncoding, kind: pa.DataType) -> bool:
    """Whether cells that the sample did not hold may be unreadable: words among numbers, a third number among zeros and ones."""
    return not isinstance(column, Category) and not (pa.types.is_boolean(kind) if isinstance(column, Boolean) else is_plain(kind))


def _rows_with_target(table: pa.Table, name: str) -> tuple[BoolArray, list[str]]:
    """Which rows have a target, shape (n,), and a remark about the others."""
    absent = is_missing(table[name])
    if absent.all():
        why = f" ({note})" if (note := remark_of(table.field(name))) else ""
        raise DataError(
            f"The target '{name}' must have values, but it is missing in all {len(absent)} rows{why}. Check it or name another target."
        )
    remarks = [f"{absent.sum()} of {len(absent)} rows have no '{name}' and were left out"] if absent.any() else []
    return ~absent, remarks


def describe(table: pa.Table, name: str, asked: str | None = None, numbers: IntArray | None = None) -> Feature:
    """A column as a feature: its kind, found unless asked for, and what deserves saying about it; `numbers` as `prepare`."""
    if (block := find_block_kind(table.schema.field(name))) is not None:
        return Feature(name, block, KINDS[block].remark(table.schema.field(name)))
    if asked not in used_kinds() and (index := describe_index(table, name)):
        return Feature(name, "identifier", index)
    column, coded = table[name], came_as_codes(table.field(name))
    kind, note = Found(asked, describe_cells(column, name, asked)) if asked in used_kinds() else find_kind(column, name, coded=coded)  # type: ignore[arg-type]
    return Feature(name, kind, "; ".join(filter(None, [remark_of(table.schema.field(name)), renumbered(note, numbers)])))
