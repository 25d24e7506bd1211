"""From the user's words to recommendations that are ready to be learned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from weights.acting import check_acting
from weights.data.interactions.catalogue import read_catalogue
from weights.data.interactions.events import EventColumns, Interactions, read_interactions
from weights.data.interactions.ids import collect_ids
from weights.data.interactions.splits import PROTOCOLS, Parts, usual_protocol
from weights.data.roles import Roles, check_claims, column_labels, name_column, name_columns
from weights.data.steering import find_test_rows
from weights.data.table.delimited import remarks_of
from weights.data.table.read import describe_source, part_of, read_table
from weights.ensemble import Origin, check_threads
from weights.errors import DataError, UsageError, counted, printable, suggest
from weights.fitoptions import DataOptions, Request
from weights.prepared import GivenRows
from weights.recommending.plan import EventPlan, RankingPlan
from weights.recommending.settings import read_settings
from weights.tasks.ranking import EventTask, Ranking

P = TypeVar("P", bound=EventPlan)
TAKES = (
    "task",
    "user",
    "item",
    "value",
    "time",
    "users",
    "items",
    "repeats",
    "protocol",
    "split",
    "missing",
    "sheet",
    "query",
    "model",
    "seed",
    "threads",
)
"""Options that act on recommendations."""


def plan_ranking(data: Any, request: Request) -> RankingPlan:
    """Read events and decide what would be learned of them.

    Args:
        data: as `weights.fit`.
        request: what was said.

    Raises:
        UsageError: an option is missing, or does nothing for recommendations.
        NotFoundError, DataError: as `read_interactions`; there is too little to learn from, or nothing to judge by.
    """
    check_acting(request, TAKES, "recommendations")
    return plan_events(data, request, RankingPlan, Ranking, read_settings(request.settings, request.fit.model))


def plan_events(data: Any, request: Request, plan: type[P], task: type[EventTask], settings: Any) -> P:
    """Read events and decide how what is learned of them is judged.

    Args:
        data: as `weights.fit`.
        request: what was said.
        plan: what it becomes.
        task: of what is learned.
        settings: of what is learned.

    Raises:
        UsageError, NotFoundError, DataError: as `plan_ranking`.
    """
    said = request.data
    data = part_of(data, said)
    columns, split, missing = name_event_columns(data, said)
    table = read_table(data, missing=missing, verbatim=[name for name in (columns.user, columns.item, split) if name])
    check_claims(table.column_names, columns.named, "The table", article="the ")
    tested = _find_tested(table, split)
    users = read_catalogue(said.users, columns.user, collect_ids(table[columns.user]), "users", missing=missing)
    items = read_catalogue(said.items, columns.item, collect_ids(table[columns.item]), "items", missing=missing)
    repeats = said.repeats or task.usual_repeats
    events, of_events = read_interactions(table.filter(pa.array(~tested)), columns, repeats=repeats, users=users.ids, items=items.ids)
    events = replace(events, user_tags=users.tags, item_tags=items.tags)
    test, of_test = None, list[str]()
    if tested.any():
        test, of_test = read_interactions(table.filter(pa.array(tested)), columns, repeats=repeats, users=users.ids, items=items.ids)
    protocol = _choose_protocol(said.protocol, events)
    parts = PROTOCOLS[protocol].part(events, request.fit.seed)
    learned = task(columns, protocol, repeats)
    _check_enough(events, parts, learned)
    return plan(
        task=learned,
        events=events,
        parts=parts,
        tested=test,
        users=users,
        items=items,
        settings=settings,
        source=printable(describe_source(data)),
        origin=Origin(GivenRows(data).source, Roles(target=columns.item, time=columns.time, split=split, missing=missing)),
        n_samples=table.num_rows,
        remarks=[*remarks_of(table), *users.remarks, *items.remarks, *of_events, *(f"of the test: {remark}" for remark in of_test)],
        n_threads=check_threads(request.fit.threads),
        seed=request.fit.seed,
    )


def name_event_columns(data: Any, said: DataOptions) -> tuple[EventColumns, str | None, tuple[str, ...]]:
    """Which column of rows that are not read yet is what, the one that says what is for the test, and words that mean "no value".

    Raises:
        UsageError: the user or the item was not named.
    """
    labels = column_labels(data)
    named = {role: None if (asked := getattr(said, role)) is None else name_column(asked, labels) for role in _ROLES}
    for role in ("user", "item"):
        if named[role] is None:
            raise UsageError(f"The column that says which {role} an event is of was not named. Name it with --{role} (in Python: {role}).")
    columns = EventColumns(**{role: named[role] for role in ("user", "item", "value", "time")})  # type: ignore[arg-type]
    return columns, named["split"], name_columns(said.missing, ())


_ROLES = ("user", "item", "value", "time", "split")


def _find_tested(table: pa.Table, split: str | None) -> Any:
    """Which rows are for the test only, shape (n,)."""
    if split is not None and split not in table.column_names:
        raise UsageError(f"The table has no column '{printable(split)}' to use as split. {suggest(split, table.column_names)}")
    return find_test_rows(table, split)


def _choose_protocol(asked: str | None, events: Interactions) -> str:
    """How events are parted to judge by.

    Raises:
        UsageError: it is not known, or needs times that there are not.
    """
    if asked is None:
        return usual_protocol(events)
    if asked not in PROTOCOLS:
        raise UsageError(f"--protocol must be one of {', '.join(PROTOCOLS)}, but is '{asked}'. {suggest(asked, PROTOCOLS)}")
    if PROTOCOLS[asked].timed and usual_protocol(events) != asked:
        raise UsageError(f"--protocol {asked} needs moments that differ, but there are none. Name their column with --time.")
    return asked


def _check_enough(events: Interactions, parts: Parts, task: EventTask) -> None:
    """Refuse events of which nothing can be learned, or by which nothing can be judged.

    Raises:
        DataError: they are such.
    """
    n_users, n_items = len(np.unique(events.user)), len(np.unique(events.item))
    if n_users < 2 or n_items < 2:
        came = f"{counted(len(events), 'event')} of {counted(n_users, 'user')} and {counted(n_items, 'item')} came"
        raise DataError(f"What users do is learned from what several did with several items, but {came}. Give more events.")
    judges = task.judges(events.value)
    asked, n_learned = np.unique(events.user[parts.came & judges]), int((parts.learned & judges).sum())
    if len(asked) < 2 or not n_learned:
        raise DataError(
            f"What is learned is judged by {PROTOCOLS[task.protocol].help}, but that leaves {counted(len(asked), 'user')} to judge by and "
            f"{counted(n_learned, 'event')} to learn from. Give more events, or part them otherwise with --protocol."
        )
