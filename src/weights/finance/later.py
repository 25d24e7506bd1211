"""Prices that came after those a forecaster learned from: read like them, and put behind them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import pyarrow as pa

from weights.data.series.panel import read_panel
from weights.data.table.delimited import remarks_of
from weights.data.table.read import read_table
from weights.errors import DataError, listed, printable
from weights.finance.forecaster import PriceForecaster
from weights.finance.history import PriceHistory, lay_out_prices

_MOST_BETWEEN = 100_000
"""Steps that may lie between the last that was learned from and the first later one (our choice)."""


class LaterPrices(NamedTuple):
    """A forecaster whose history reaches to the last price that is known, and sentences about the rows that brought it there."""

    forecaster: PriceForecaster
    notes: list[str]


def read_later_prices(forecaster: PriceForecaster, data: Any) -> LaterPrices:
    """The forecaster with later rows behind its history; series that it never saw are forecast by the same weights.

    Args:
        forecaster: of prices.
        data: rows with the same columns; those at or before its last moment are passed over. Columns beside the price may be missing.

    Raises:
        NotFoundError, DataError: as `read_panel`; no row is later, or rows lie too far behind.
    """
    task, history, origin = forecaster.task, forecaster.history, forecaster.report.origin
    missing = () if origin is None else origin.roles.missing
    table = read_table(data, missing=missing, verbatim=[task.series] if task.series else [])
    columns, lacking = _find_columns(table, history, task.target)
    for name in lacking:
        table = table.append_column(name, pa.nulls(table.num_rows, pa.float64()))
    panel = read_panel(table, [task.target, *columns.values()], time=task.time, series=task.series, calendar=forecaster.calendar)
    later, _ = lay_out_prices(replace(panel, columns=[task.target, *columns]))
    if task.time is None:
        later = replace(later, begin=history.end + 1)
    if later.begin - history.end > _MOST_BETWEEN:
        raise DataError(
            f"Later rows must follow the last that was learned from, but {later.begin - history.end - 1:,} steps lie between. "
            "Give the rows between too, or fit again."
        )
    known = {label: s for s, label in enumerate(forecaster.labels)}
    unknown = [label for label in panel.labels if label not in known]
    if later.end <= history.end and not unknown:
        raise DataError("Rows later than those it learned from were needed, but there are none. Give rows that go on behind them.")
    labels = [*forecaster.labels, *unknown]
    places = [labels.index(label) for label in panel.labels]
    notes = [*remarks_of(table), *panel.remarks]
    if lacking:
        notes.append(f"missing in these rows, and taken as not known: {listed([printable(name) for name in lacking], 5)}")
    if unknown:
        several = f"{len(unknown):,} series were" if len(unknown) > 1 else "a series was"
        notes.append(f"{several} not there when it learned: {listed([printable(label) for label in unknown], 5)}")
    if (begun := history.end + 1 - later.begin) > 0:
        several = f"{begun:,} moments are" if begun > 1 else "a moment is"
        notes.append(f"{several} not later than the last that is known, and passed over")
    whole = history.behind(later, places, len(labels))
    return LaterPrices(replace(forecaster, history=whole, labels=labels, calendar=panel.calendar), notes)


def _find_columns(table: pa.Table, history: PriceHistory, target: str) -> tuple[dict[str, str], list[str]]:
    """The columns beside prices by what they are in the history, as they are called in a table, and those that it lacks."""
    by_name = {name.strip().lower(): name for name in table.column_names if name != target}
    columns = {role: by_name.get(role, role) for role in history.beside} | {name: name for name in history.signals}
    return columns, [name for name in columns.values() if name not in table.column_names]
