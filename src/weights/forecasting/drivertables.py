"""What drives forecasts as tables: which lag counts at which step ahead, and what columns add."""

from __future__ import annotations

from weights.errors import listed, printable
from weights.forecasting.drivers import Drivers, LagWeight
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.pastdrivers import PastEffect
from weights.tables import Shown, Table, between, compact, show_p

_MOST, _ALPHA = 6, 0.05
_TITLE = "{:<14}{}"
_EACH_ALONE = "[95 % interval] of each by itself, p adjusted for all that were tried (Holm)"


class DriverTables(Shown):
    """What drives forecasts, which shows itself as tables."""

    __slots__ = ("_tables",)

    def __init__(self, tables: list[Table]) -> None:
        self._tables = tables

    def tables(self) -> list[Table]:
        """Of lags, and of columns."""
        return self._tables

    def lines(self) -> list[str]:
        """Aligned text."""
        return [line for table in self._tables for line in table.lines()]


def tabulate_drivers(forecaster: Forecaster, drivers: Drivers, *, top: int | None = None) -> DriverTables:
    """What drives forecasts as tables.

    Args:
        forecaster: whose.
        drivers: what was measured.
        top: at most so many lags of each step, and columns.
    """
    top = _MOST if top is None else top
    tables = []
    if drivers.lags:
        tables.append(_tabulate_lags(drivers, top))
    elif drivers.reason:
        tables.append(Table(_TITLE.format("Lags", drivers.reason), [], []))
    if drivers.columns:
        tables.append(_tabulate_columns(drivers, top))
    if drivers.past.effects:
        tables.append(_tabulate_past(drivers, forecaster, top))
    elif drivers.past.reason:
        tables.append(Table(_TITLE.format("Past columns", f"not measured: {drivers.past.reason}"), [], []))
    return DriverTables(tables)


def _tabulate_lags(drivers: Drivers, top: int) -> Table:
    several = f"of {drivers.n_series:,} series together, each in units of its own deviation; " if drivers.n_series > 1 else ""
    rows = []
    for name, step in drivers.steps.items():
        own = [weight for weight in drivers.lags if weight.step == step]
        counted = sorted((weight for weight in own if weight.adjusted < _ALPHA), key=lambda weight: -abs(weight.weight))
        rows.append([name if counted else f"{name}: no lag is distinguishable from zero", *[""] * 4])
        rows += [_lag_cells(weight, name) for weight in counted[:top]]
        rows += [[f"  and {len(counted) - top} more (--top)", *[""] * 4]] if len(counted) > top else []
    notes = [f"{_EACH_ALONE}; both respect dependence", "used: the shrunk weight of forecasts, which has no interval"]
    notes += _describe_left_over(drivers.left_over)
    title = f"weight in the best linear forecast, {several}{drivers.n_windows:,} windows"
    return Table(_TITLE.format("Lags", title), ["", "weight", "", "p (Holm)", "used"], rows, notes)


def _lag_cells(weight: LagWeight, step: str) -> list[str]:
    shown = f"  {weight.name.removesuffix(f', {step}')}"
    return [shown, compact(weight.weight), between(weight.low, weight.high), show_p(weight.adjusted), compact(weight.used)]


def _tabulate_columns(drivers: Drivers, top: int) -> Table:
    known = sorted(drivers.columns, key=lambda column: (1.0 if column.adjusted is None else column.adjusted, -abs(column.effect)))
    rows = [
        [printable(column.name), compact(column.effect), between(column.low, column.high), show_p(column.adjusted)]
        for column in known[:top]
    ]
    rows += [[f"and {len(known) - top} more (--top)", *[""] * 3]] if len(known) > top else []
    several = f", the mean of {drivers.n_series:,} series" if drivers.n_series > 1 else ""
    title = f"what each adds beside the others, for one of its units{several}; levels beside the first of their kind"
    heads = ["column", drivers.basis, "", "p (Holm)"]
    return Table(_TITLE.format("Columns", title), heads, rows, [_EACH_ALONE] if not drivers.lags else [])


def _tabulate_past(drivers: Drivers, forecaster: Forecaster, top: int) -> Table:
    """Columns known up to the origin, those that tell most surely first, at the step at which they do."""
    past, steps = drivers.past, {step: name for name, step in drivers.steps.items()}
    names = dict.fromkeys(effect.name for effect in past.effects)
    surest = {name: min((own for own in past.effects if own.name == name), key=_doubt) for name in names}
    order = sorted(surest, key=lambda name: _doubt(surest[name]))
    rows = []
    for name in order[:top]:
        effect = surest[name]
        step = steps.get(effect.step, f"step {effect.step}")
        used = "used" if name in forecaster.columns.past else ""
        rows.append([printable(name), step, compact(effect.effect), between(effect.low, effect.high), show_p(effect.adjusted), used])
    rows += [[f"and {len(order) - top} more (--top)", *[""] * 5]] if len(order) > top else []
    unit = "a deviation, in deviations" if drivers.n_series > 1 else "one, in logarithms" if past.logged else "one"
    title = f"change where its last {past.n_lags} values are all higher by {unit}, other lags and columns as they are"
    notes = [
        "each at the step ahead at which it tells most surely; p: of none of its lags telling anything, for all columns and steps (Holm)"
    ]
    if past.followed:
        notes.append(
            f"not measured, as they are constant or follow from the others: {listed([printable(name) for name in past.followed], 5)}"
        )
    notes += _describe_left_over(past.left_over)
    return Table(_TITLE.format("Past columns", title), ["column", "ahead", "effect", "", "p (Holm)", ""], rows, notes)


def _describe_left_over(p_value: float | None) -> list[str]:
    """What is to be said where lags do not tell all that the past tells."""
    narrow = p_value is not None and p_value < _ALPHA
    return ["these lags do not tell all that the past tells (p < 0.05), so that intervals may be too narrow"] if narrow else []


def _doubt(effect: PastEffect) -> tuple[float, float]:
    """What effects are sorted by: their p-values, adjusted and not."""
    return (1.0 if effect.adjusted is None else effect.adjusted, 1.0 if effect.p_value is None else effect.p_value)
