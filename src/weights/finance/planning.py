"""From the user's words to a forecast of prices that is ready to be learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from weights.acting import check_acting
from weights.data.series.finance import QUANTITIES
from weights.data.series.panel import Panel, read_panel
from weights.data.steering import find_test_rows
from weights.data.table.columns import find_kind
from weights.data.table.delimited import remarks_of
from weights.ensemble import check_threads
from weights.errors import DataError, UsageError, listed, printable
from weights.finance.fitting import PricePlan
from weights.finance.history import PriceHistory, describe_ends, lay_out_prices
from weights.fitoptions import Request
from weights.forecasting.planning import check_horizon
from weights.forecasting.reading import choose_time, name_series_columns
from weights.tasks.prices import PriceForecast

TAKES = ("task", "target", "time", "series", "horizon", "quantity", "drop", "split", "missing", "sheet", "query", "threads", "inspect")
"""Options that act on forecasts of prices."""


def plan_prices(data: Any, request: Request, *, held_out: int = 0) -> PricePlan:
    """Read prices and decide what would be learned of them.

    Args:
        data: as `weights.fit`.
        request: what was said.
        held_out: how many of the last moments are not learned from, where no split says so.

    Raises:
        UsageError: an option is missing, or does nothing for forecasts of prices.
        NotFoundError, DataError: as `read_panel` and `lay_out_prices`; rows of the test do not come last.
    """
    check_acting(request, TAKES, "forecasts of prices (--as)")
    for name in request.settings:
        raise UsageError(
            f"The setting '{name}' does nothing for forecasts of prices (--as), which are learned in closed form. Leave it out."
        )
    horizon, quantity = check_horizon(request.data.horizon), check_quantity(request.data.quantity)
    named = name_series_columns(data, request.data)
    targets, series, split = named.targets, named.series, named.split
    if len(targets) != 1:
        raise UsageError("One column of prices is needed. Name it with --target.")
    table = named.read()
    time, said_of_time = choose_time(table, named.time, {*targets, series, split})
    if series is not None and time is None:
        raise UsageError("Prices of several series are learned from together, moment by moment. Name the column of dates with --time.")
    signals, unread = _find_signals(table, {*targets, time, series, split})
    panel = read_panel(table, [*targets, *signals], time=time, series=series)
    history, remarks = lay_out_prices(panel)
    remarks += describe_ends(history, panel.labels)
    if unread:
        remarks.append(f"not looked at, as they are no numbers: {listed([printable(name) for name in unread], 5)}")
    if panel.calendar.numbered and QUANTITIES[quantity].by_year:
        remarks.append("rows are steps without dates, so that volatility is that of a step, not of a year")
    n_learned = len(history) - held_out if split is None else _find_first_tested(table, panel, history, split)
    return PricePlan(
        task=PriceForecast(targets[0], quantity, horizon, time, series),
        calendar=panel.calendar,
        labels=[*panel.labels],
        history=history,
        n_learned=n_learned,
        source=named.source,
        origin=named.origin(time),
        n_samples=table.num_rows,
        remarks=[*remarks_of(table), *said_of_time, *panel.remarks, *remarks],
        n_threads=check_threads(request.fit.threads),
        inspect=request.fit.inspect is not False,
    )


def check_quantity(quantity: Any) -> str:
    """The quantity, if it is one.

    Raises:
        UsageError: it is not.
    """
    if quantity not in QUANTITIES:
        raise UsageError(f"--as (in Python: quantity) must be one of {', '.join(QUANTITIES)}, but is '{quantity}'.")
    return str(quantity)


def _find_signals(table: pa.Table, taken: set[Any]) -> tuple[list[str], list[str]]:
    """The other columns of numbers, and those of anything else."""
    others = [name for name in table.column_names if name not in taken]
    kinds = {name: find_kind(table[name], name).kind for name in others}
    signals = [name for name in others if kinds[name] in ("numeric", "boolean")]
    return signals, [name for name in others if name not in signals]


def _find_first_tested(table: pa.Table, panel: Panel, history: PriceHistory, split: str) -> int:
    """The place of the first moment that is for the test.

    Raises:
        DataError: a row that is not lies behind one that is.
    """
    tested = find_test_rows(table, split)
    lengths = np.diff(panel.offsets)
    places = np.concatenate([begin - history.begin + np.arange(n) for begin, n in zip(panel.begins, lengths, strict=True)])
    there = panel.rows >= 0
    of_test = tested[panel.rows[there]]
    if not of_test.any():
        return len(history)
    first = int(places[there][of_test].min())
    if (places[there][~of_test] >= first).any():
        raise DataError(f"What is for the test must come after what is learned from, but '{split}' mixes them. Split by time.")
    return first
