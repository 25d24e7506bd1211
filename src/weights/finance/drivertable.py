"""What tells of prices as a table: each variable with its slope, interval and p-values, and whether any tells at all."""

from __future__ import annotations

from weights.errors import printable
from weights.finance.forecaster import PriceDrivers, PriceForecaster
from weights.tables import Table, between, compact, show_p
from weights.training.drift import ZERO

_ALPHA = 0.05
_HEADS = ["known at the moment", "slope", "", "p", "p (adjusted)", "explained"]


def find_significant(drivers: PriceDrivers) -> list[str]:
    """The variables that are distinguishable from no effect among all that were looked at."""
    return [row.name for row in drivers.predictors if row.p_adjusted < _ALPHA]


def tabulate_predictors(forecaster: PriceForecaster, drivers: PriceDrivers, *, top: int | None = None) -> Table:
    """What tells of the quantity, at most so many variables, the surest first."""
    title = f"{'Drivers':<14}"
    if drivers.reason:
        return Table(f"{title}{drivers.reason}", [], [], drivers.suspects)
    task, sure, n = forecaster.task, find_significant(drivers), len(drivers.predictors)
    of = f"{task.quantity} {task.horizon:,} steps ahead"
    tell = "variables tells" if len(sure) == 1 else "variables tell"
    said = f"{len(sure)} of {n} {tell} of {of}, beside the others and adjusted for all of them"
    if not sure:
        said = f"nothing: none of {n} variables is distinguishable from no effect on {of}"
    known = sorted(drivers.predictors, key=lambda row: (row.p_adjusted, -abs(row.slope)))
    rows = [
        [
            printable(row.name),
            compact(row.slope),
            between(row.low, row.high),
            show_p(row.p_value),
            show_p(row.p_adjusted),
            f"{100 * row.explained:.2f} %",
        ]
        for row in known[:top]
    ]
    rows += [[f"and {len(known) - len(rows)} more", *[""] * 5]] if len(known) > len(rows) else []
    notes = [
        *drivers.suspects,
        f"slope: {drivers.unit}, with its own 95 % interval; {drivers.n_dates:,} dates, {drivers.n_rows:,} rows",
        "a date with all its series is one observation; adjusted (Romano and Wolf) for having looked at all of them",
    ]
    if sure and task.told.neutral is not None and forecaster.model.drift.rule == ZERO:
        notes.append("that is too little to forecast by: at rolling origins zero loses no more than a regression on these, beyond doubt")
    return Table(f"{title}{said}", _HEADS, rows, notes)
