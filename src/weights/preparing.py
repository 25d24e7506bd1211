"""From the user's words to a fit that is ready to start: read the rows, find what is asked of them, decide what is trained.

`decide` is the usual entrance, after `read_whole` or, for what does not fit into memory, `read_streamed`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from weights.candidates import candidates, check_memory, describe_members, plans_of, races, shorten_to_budget, sizes_of
from weights.data.classnames import parse_class_names
from weights.data.dataset import Dataset, prepare, prepare_streamed
from weights.data.examples import EXAMPLES
from weights.data.files.labelled import FILE_NAMES
from weights.data.files.naming import folder_of
from weights.data.files.threads import available_threads
from weights.data.kind import Source
from weights.data.registry import KINDS, find_block_kind, kind_of
from weights.data.roles import STEERING, Roles, column_labels, name_column, name_columns, parse_kept, parse_kinds
from weights.data.table.columns import to_numbers
from weights.data.table.delimited import with_remark
from weights.data.table.duplicates import merge_copies
from weights.data.table.read import describe_source, missing_words_of, read_table
from weights.data.table.rownumbers import kept_numbers, rows_numbered, take_numbers
from weights.ensemble import Ensemble, Origin, check_threads
from weights.errors import DataError, UsageError, listed, printable
from weights.fitoptions import DataOptions, Request
from weights.fitting import check_streamed_target
from weights.inspection.leakage import find_leaks
from weights.inspection.sources import find_sources
from weights.inspection.wordweights import estimate_seconds
from weights.models.registry import ARCHITECTURES, architecture_of
from weights.prepared import GivenRows, Prepared
from weights.spec import Spec
from weights.tasks.base import Task
from weights.tasks.registry import TASKS, find_task
from weights.training.plan import estimate_weighing
from weights.types import AnyArray, IntArray, ReportProgress
from weights.weighing import has_weights

_MOST_INSPECTED = 2_000
_FEW_ROWS, _FEW_OF_CLASS = 20, 8
"""Fewer rows, or fewer of a class, are said to be too few; a class of fewer than 8 is missing from some folds (our choice)."""


def name_roles(data: Any, said: DataOptions) -> tuple[Roles, dict[str, Any]]:
    """What was said of columns by their names in the table, and by role what was given as values apart from it.

    The target is "" where it comes apart, or was not named.
    """
    labels = column_labels(data)
    given = {role: getattr(said, role) for role in STEERING}
    named = {role: None if asked is None else name_column(asked, labels) for role, asked in given.items()}
    apart = {role: values for role, values in given.items() if values is not None and named[role] is None}
    kinds, words = parse_kinds(said.kinds), name_columns(said.missing, ())
    roles = Roles(
        target=named.pop("target") or "",
        **named,
        drop=name_columns(said.drop, labels),
        kinds=kinds,
        missing=words,
        keep=parse_kept(said.keep, words),
        clip=said.clip,
        picture_size=said.picture_size,
        sample_rate=said.sample_rate,
        recording_seconds=said.recording_seconds,
        whole=said.task in TASKS and TASKS[said.task].whole,
        classes=() if said.classes is None else parse_class_names(said.classes),
    )
    return roles, apart


def read_whole(
    rows: GivenRows,
    roles: Roles,
    *,
    merge: bool,
    report_progress: ReportProgress = lambda share: None,
    see: Callable[[pa.Table], None] = lambda table: None,
) -> Dataset:
    """All rows, in memory, or, of pictures, in a file that is mapped into it; `see` is shown a table as it was read."""
    data = rows.data
    table, roles = _table_and_roles(rows, roles, report_progress, see)
    table = _with_words_named(table, rows, roles)
    if merge and (kinds := [name for field in table.schema if (name := find_block_kind(field))]):
        raise UsageError(f"Copies of {KINDS[kinds[0]].plural} cannot be merged, only rows of a table can. Leave copies as they are.")
    n_rows = table.num_rows
    table, roles, numbers = _merge_copies(table, roles) if merge else (table, roles, None)
    dataset = prepare(table, roles, source=printable(describe_source(data)), numbers=numbers)
    if table.num_rows < n_rows:
        merged = f"{n_rows - table.num_rows} of {n_rows} rows are copies or of weight zero; copies count as one row of their summed weight"
        dataset = replace(dataset, remarks=[*dataset.remarks, merged])
    del table
    pa.default_memory_pool().release_unused()
    return dataset


def read_streamed(path: Path, roles: Roles, apart: Collection[str], *, merge: bool, seed: int) -> Dataset:
    """A sample of the rows of a Parquet file that does not fit into memory, and the way to all of them.

    Raises:
        UsageError: the target was not named, or something is asked that needs all rows at once.
    """
    if apart or merge:
        asked = f"{min(apart)} as values apart from the file" if apart else "merging copies"
        raise UsageError(f"{path.name} does not fit into memory, which {asked} would need. Use a column of the file, or fewer rows.")
    if not roles.target:
        raise UsageError("The target was not named. Name the column to predict with --target.")
    return prepare_streamed(path, roles, source=printable(describe_source(path)), seed=seed)


def can_stream(data: Any) -> bool:
    """Whether rows that do not fit into memory can be streamed from their file."""
    return isinstance(data, str | os.PathLike) and Path(data).suffix.lower() == ".parquet"


def decide(dataset: Dataset, request: Request, origin: Origin | None = None, given: GivenRows | None = None) -> Prepared:
    """What is asked of the rows, what is trained for it, and what that takes; `request` says what was asked for."""
    fit, chosen, search = request.fit, request.chosen, request.fit.search or {}
    n_threads = check_threads(fit.threads)
    _check_acts(dataset, [*chosen, *search], inspect=fit.inspect is True)
    class_weight = request.data.class_weight
    with rows_numbered(dataset.numbers):
        task = _find_task_of(dataset, request.data)
        check_streamed_target(dataset, task)
        y = task.encode(dataset.target)
    weight = task.row_weights(y, dataset.sample_weight)
    layout = dataset.encoding.layout(task.n_outputs)
    if dataset.time is not None:
        chosen = {"resampling": "time", **chosen}
    specs = candidates(fit.model, chosen, dataset, task, varied=not search)
    n_streamed, n_features, inspect = dataset.n_samples if dataset.streamed else 0, len(dataset.used_features), fit.inspect
    if inspect is None:
        inspect = has_weights(dataset.encoding) and n_features <= _MOST_INSPECTED and bool(task.outcomes())
    elif inspect and not task.outcomes():
        raise UsageError(f"Features have effects on numbers and classes, but '{printable(task.target)}' holds texts. Leave --inspect out.")
    weighed = len(dataset.inspected.rows), len(dataset.encoding.columns) * inspect
    weighing_seconds = estimate_weighing(specs.values(), layout, *weighed, n_threads=n_threads)
    weighing_seconds += estimate_seconds(dataset.encoding, len(dataset.inputs), task.n_outputs, n_threads=n_threads) * bool(inspect)
    if fit.budget is not None:
        seconds, most = max(float(fit.budget) - weighing_seconds, float(fit.budget) / 4), chosen.get("n_steps")
        specs = shorten_to_budget(specs, seconds, layout, len(dataset.inputs), n_threads, n_streamed=n_streamed, most=most)
    raced = races(specs, {name: several_values(name, values) for name, values in search.items()}, sizes_of(dataset, task))
    plans = plans_of(specs, layout, len(dataset.inputs), n_threads=n_threads, n_streamed=n_streamed)
    check_memory(plans)
    remarks = [
        *dataset.remarks,
        *([task.remark] if task.remark else []),
        *find_leaks(dataset, task, y),
        *find_sources(dataset, task, y),
        *_too_few(dataset.n_samples, task, y),
        *_never_learned(dataset, task),
        *describe_members(specs, chosen),
        *_never_read(dataset, specs),
    ]
    if dataset.streamed is not None and task.classes and dataset.streamed.n_other_labels:
        n_rare = dataset.streamed.n_other_labels
        remarks.append(f"rows of {n_rare:,} {'class' if n_rare == 1 else 'classes'} too rare for the sample to hold one were left out")
    if class_weight is not None:
        remarks.append(
            "probabilities speak of classes weighted as asked, not of their shares in the data; the metrics count rows as they are"
        )
    if fit.inspect is None and n_features > _MOST_INSPECTED:
        remarks.append(f"{n_features:,} features are too many to inspect each, unless asked for with --inspect")
    return Prepared(dataset, task, y, weight, layout, specs, raced, plans, remarks, n_threads, inspect, origin, given, weighing_seconds)


def _find_task_of(dataset: Dataset, said: DataOptions) -> Task:
    """The task that the target asks for, if the user does not; why there is none, with what was remarked of its cells."""
    try:
        return find_task(
            dataset.target,
            dataset.roles.target,
            kind=said.task,
            class_weight=said.class_weight,
            positive=said.positive,
            x=dataset.inputs.x,
            gaps=dataset.target_gaps,
            levels=dataset.target_levels,
            notation=dataset.target_notation,
            seconds=dataset.encoding.layout(1).seconds,
        )
    except DataError as error:
        remarked = [remark for remark in dataset.remarks if remark.startswith(f"'{dataset.roles.target}': ")]
        raise DataError(" ".join([str(error), *(f"{remark}." for remark in remarked)])) from error


def ready_again(dataset: Dataset, task: Task, specs: dict[str, Spec], n_threads: int) -> Prepared:
    """Rows of an earlier fit, with its task and resolved settings."""
    y = task.encode(dataset.target)
    weight, layout = task.row_weights(y, dataset.sample_weight), dataset.encoding.layout(task.n_outputs)
    return Prepared(dataset, task, y, weight, layout, specs, {}, [], [], n_threads)


def read_rows_again(ensemble: Ensemble, rows: GivenRows, report_progress: ReportProgress) -> Prepared:
    """The rows of a fit, ready to be trained on again with its settings.

    Raises:
        NotFoundError, DataError: they are gone, or cannot be read as they were.
    """
    origin = ensemble.report.origin
    roles = Roles(ensemble.task.target) if origin is None else origin.roles
    for block in ensemble.encoding.blocks:
        if (own := kind_of(block).source) is not None:
            roles = msgspec.structs.replace(roles, **own.options(block))
    dataset = read_whole(rows, roles, merge=origin is not None and origin.merged, report_progress=report_progress)
    specs = {population.name: population.spec for population in ensemble.populations}
    origin = None if origin is None else msgspec.structs.replace(origin, source=rows.source)
    return replace(ready_again(dataset, ensemble.task, specs, available_threads()), origin=origin, given=rows)


def _table_and_roles(rows: GivenRows, roles: Roles, report_progress: ReportProgress, see: Callable[[pa.Table], None]) -> tuple[Any, Roles]:
    """The table, with what came apart as columns, and the roles with their names."""
    data, kind = rows.data, find_source_kind(rows.data)
    if kind is not None:
        table, roles = _labelled_and_roles(kind, rows, roles, report_progress)
    else:
        table = read_table(data, **roles.wording)
        see(table)
        excluded = {name for role in STEERING if (name := getattr(roles, role)) and role not in rows.apart}
        for name, column in find_block_columns(table, data, roles, excluded).items():
            source = dict(_sources())[name]
            other = _find_other(source, table, data, {*excluded, *roles.drop, *roles.kinds, column})
            if other is not None:
                remark = f"names {KINDS[name].plural} too, of which only those of '{column}' are read"
                table = with_remark(table, other, remark)
            table = source.fill_column(table, column, folder_of(data), roles, report_progress)
    named = {}
    for role, values in rows.apart.items():
        name = getattr(roles, role) or getattr(values, "name", None)
        table, named[role] = _with_column(table, role if name is None or name == "" else name, values)
    roles = msgspec.structs.replace(roles, **named)
    if not roles.target and isinstance(data, str) and data in EXAMPLES:
        roles = msgspec.structs.replace(roles, target=EXAMPLES[data].target)
    if not roles.target:
        columns = [name for name in table.column_names if name != FILE_NAMES]
        raise UsageError(f"The target was not named. Name the column to predict with --target; columns: {', '.join(columns[:30])}.")
    return table, roles


def _with_words_named(table: pa.Table, rows: GivenRows, roles: Roles) -> pa.Table:
    """The table with a remark about a target of a text file whose cells hold words that mean "no value", and may be classes."""
    if roles.target not in table.column_names or "target" in rows.apart:
        return table
    counted = {word: n for word, n in missing_words_of(rows.data, table, roles.target).items() if word not in roles.missing}
    if not counted:
        return table
    said = ", ".join(f"{n:,} cells hold '{word}'" for word, n in counted.items())
    # Words that were kept are none among numbers and dates, unless these are said to be classes.
    kept = f"--kind {roles.target}=category" if {*counted} <= {*roles.keep} else f"--keep {','.join(counted)}"
    return with_remark(table, roles.target, f"{said}, which means no value: if it is a class, say {kept}")


def find_block_columns(table: pa.Table, data: Any, roles: Roles, excluded: Collection[str]) -> dict[str, str]:
    """By kind, the column that names files of which a block of inputs is made, as asked for or found.

    Raises:
        UsageError: several columns are asked for of a kind. DataError: as `Source.find_column`.
    """
    columns = {}
    for name, source in _sources():
        asked = [column for column, kind in roles.kinds.items() if kind == name]
        if len(asked) > 1 and KINDS[name].part is None:
            named = f"One column of {KINDS[name].plural} can be read, but {len(asked)} were named: {listed(asked, 5)}"
            raise UsageError(f"{named}. Leave the others out with --drop.")
        column = asked[0] if asked else source.find_column(table, folder_of(data), {*excluded, *roles.drop, *roles.kinds})
        if column:
            columns[name] = column
    return columns


def _find_other(source: Source, table: pa.Table, data: Any, excluded: Collection[str]) -> str | None:
    """Another column that names files of a kind, whose files are there."""
    with contextlib.suppress(DataError):
        return source.find_column(table, folder_of(data), excluded)
    return None


def _sources() -> list[tuple[str, Source]]:
    """The kinds whose values may come from files, and how these are read."""
    return [(name, kind.source) for name, kind in KINDS.items() if kind.source is not None]


def find_source_kind(data: Any) -> str | None:
    """The name of the kind that a source is of which is no table, such as a folder of pictures; of several the last, the particular."""
    return next((name for name, source in reversed(_sources()) if source.holds(data)), None)


def _labelled_and_roles(kind: str, rows: GivenRows, roles: Roles, report_progress: ReportProgress) -> tuple[pa.Table, Roles]:
    """The values of a folder or the like with their labels, and the roles of the columns that come with them."""
    source = KINDS[kind].source
    assert source is not None
    table = source.read(rows.data, roles, report_progress)
    unnamed = not roles.target and "target" not in rows.apart
    if unnamed and "class" not in table.column_names:
        raise DataError(
            f"{KINDS[kind].plural.capitalize()} to learn from need a class each, but these come without. Sort them into a folder for each "
            "class, of which there must be two at least; put labels beside the images of an .npz or an array; or name the files in a "
            "table with their target."
        )
    split = "split" if roles.split is None and "split" in table.column_names else roles.split
    return table, msgspec.structs.replace(roles, split=split, target="class" if unnamed else roles.target)


def _check_acts(dataset: Dataset, settings: Collection[str], *, inspect: bool) -> None:
    """Refuse what was asked for and cannot act on rows like these.

    Raises:
        UsageError: something is for columns, and there are none, or for a kind of column that is not there.
    """
    roles, encoding = dataset.roles, dataset.encoding
    present = {kind_of(block).block: block for block in encoding.blocks}
    for name in settings:
        field = name.removeprefix("augmentation.")
        changing = [one for one in ARCHITECTURES.values() if one.augmentation and field in one.augmentation.__struct_fields__]
        if changing and not any(present.keys() & {*architecture.reads} for architecture in changing):
            plurals = dict.fromkeys(kind.plural for one in changing for kind in KINDS.values() if kind.block in one.reads)
            raise UsageError(f"'{name}' is a change of {' and '.join(plurals)}, but a table of numbers and words came. Leave it out.")
    for name, source in _sources():
        if complaint := source.complain(roles, present.get(KINDS[name].block)):
            raise UsageError(complaint)
    if encoding.columns:
        return
    kind = kind_of(encoding.blocks[0])
    if roles.clip != Roles("").clip:
        raise UsageError(f"--clip bounds the numbers of a table, but {kind.plural} came, which are learned from as they are. Leave it out.")
    if inspect and not has_weights(encoding):
        raise UsageError(
            f"Inspection estimates the effect of each column, but {kind.plural} came, and {kind.block} have no effects of their own. "
            "Leave --inspect out; see `weights explain`, which says what an answer rests on, and `weights draw`."
        )


def _too_few(n_samples: int, task: Task, y: AnyArray) -> list[str]:
    """Remarks about a table, or classes, of very few rows."""
    if n_samples < _FEW_ROWS:
        return [f"{n_samples} rows are too few to judge a model by: read its figures as a rough guess"]
    few = task.find_few(y, _FEW_OF_CLASS)
    return [f"classes with too few rows to learn or to judge: {listed(few, 5)}"] if few else []


def _never_learned(dataset: Dataset, task: Task) -> list[str]:
    """A remark about rows of the test whose class no other row has."""
    if dataset.held_out is None:
        return []
    target = dataset.held_out.target
    known = task.knows(target)
    others = sorted({str(label) for label in target.filter(pa.array(~known)).to_pylist()})
    n_others = np.count_nonzero(~known)
    said = f"{n_others:,} of {len(known):,} rows for the test are of classes that nothing is learned of, and not judged: "
    return [said + listed(others, 5)] if others else []


def _never_read(dataset: Dataset, specs: Mapping[str, Spec]) -> list[str]:
    """Remarks about columns that none of the models reads."""
    blocks = {kind.block: (name, kind) for name, kind in dataset.blocks.items()}
    for spec in specs.values():
        architecture = architecture_of(spec.model)
        for block in (*architecture.reads, *architecture.also_reads):
            blocks.pop(block, None)
    models = " and ".join(specs)
    return [f"the {kind.plural} in '{name}' are not read by {models}, and have no say in the answers" for name, kind in blocks.values()]


def _with_column(table: Any, name: str, values: Any) -> tuple[Any, str]:
    """The table with one more column, and the name it got."""
    name = str(name)
    read = read_table({name: values})
    column = read[name]
    if len(column) != table.num_rows:
        if isinstance(values, list | tuple) and {*values} <= {*table.column_names}:
            named = listed([printable(label) for label in values], 5)
            raise UsageError(f"One column may be the {name} of rows, but several were named: {named}. Name one, or add --task forecast.")
        raise DataError(
            f"'{name}' must have one value a row, but there are {len(column)} values and {table.num_rows} rows. Check how they were split."
        )
    while name in table.column_names:
        name += "_"
    return table.append_column(read.schema.field(0).with_name(name), column), name


def _merge_copies(table: Any, roles: Roles) -> tuple[Any, Roles, IntArray | None]:
    """The table with copies merged, the roles with the column of their summed weights, and the numbers that the rows had."""
    name = roles.sample_weight
    with rows_numbered(kept_numbers(table)):
        weight = np.ones(table.num_rows) if name is None else to_numbers(table[name], name)
    if not (np.isfinite(weight).all() and weight.min() >= 0 and weight.any()):
        return table, roles, None  # `prepare` says what is wrong with them
    table, lines = take_numbers(table)
    table, merged, numbers = merge_copies(table if name is None else table.drop_columns([name]), weight)
    table, name = _with_column(table, name or "sample_weight", merged)
    return table, msgspec.structs.replace(roles, sample_weight=name), numbers if lines is None else lines[numbers]


def several_values(name: str, values: Any) -> list[Any]:
    """The values of a setting that is searched or varied; one value stands for itself."""
    several = list(values) if isinstance(values, list | tuple | np.ndarray) else [values]
    if not several:
        raise UsageError(f"There must be values to try, but '{name}' has none. Give some, such as {name}=[0.01, 0.1].")
    return several


def values_to_vary(vary: Any) -> dict[str, list[Any]]:
    """The values of each setting that is to be varied, by its name.

    Raises:
        UsageError: they are not given by name, or one has none.
    """
    if not isinstance(vary, Mapping) or not all(isinstance(name, str) for name in vary):
        raise UsageError(f"What to vary must be settings by name, such as {{'initialization': ['he', 'xavier']}}, but {vary!r} came.")
    return {name: several_values(name, values) for name, values in dotted(vary).items()}


def dotted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by name; in Python ``members__share`` may stand for ``members.share``."""
    return {name.replace("__", "."): value for name, value in settings.items()}
