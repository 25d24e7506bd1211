"""What the folder of a forecaster holds: config and arrays, what must hold of them, and the forecaster that they are."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np

from weights.adaptive import AdaptiveBounds, shapes_of
from weights.data.series.calendar import Calendar, check_calendar, wrong_in_numbers
from weights.ensemble import Report
from weights.errors import CorruptError
from weights.errorsizes import ErrorSizes
from weights.forecasting.columns import ChosenColumns, wrong_in_columns
from weights.forecasting.drivers import Drivers
from weights.forecasting.forecaster import Forecaster, LagModel, SeriesArrays
from weights.forecasting.settings import wrong_in_settings
from weights.store.card import forecast_card
from weights.store.checks import check_shapes, wrong_in_names, wrong_without_columns
from weights.store.content import Content, Listed
from weights.store.networks import build_network, network_arrays, network_shapes, wrong_in_network, wrong_in_network_arrays
from weights.tasks.forecast import Forecast
from weights.training.lag_network import NetworkSettings
from weights.types import AnyArray

_WHOLE = ("series", "target", "ends", "logged", "floored")
_ABOVE_ZERO, _NOT_BELOW_ZERO = ("spread", "season_error"), ("farthest", "past_spread")
_BOUNDS = ("prior", "issued", "quantiles", "spread", "rows")
_SIZES = ("prior", "issued", "spread", *ErrorSizes._fields)
_LAST = -1
"""The moment of the last value that was learned from, as bounds count it."""
_LARGEST = 1e150
_MAY_MISS = "units/known"
"""Where a later value is not known yet."""
_POOLED, _PAST, _PAST_SHARES = "pooled", "past", "past_shares"


class ForecastConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of config.json. `tensors` lists type and shape of every array in model.safetensors."""

    format: str
    format_version: int
    weights_version: str
    task: Forecast
    calendar: Calendar
    labels: list[str]
    model: LagModel
    columns: ChosenColumns
    tensors: dict[str, tuple[str, list[int]]]
    drivers: Drivers | None = None
    network: NetworkSettings | None = None

    judged: ClassVar[str] = "at rolling origins"

    @property
    def models(self) -> list[str]:
        """What answers, in words."""
        return ["lags" if self.model.beaten else self.model.plain, *(["network"] if self.network else [])]


def describe_forecaster(forecaster: Forecaster, format_version: int, listed: Listed) -> ForecastConfig:
    """The content of config.json."""
    return ForecastConfig(
        format="weights-forecaster",
        format_version=format_version,
        weights_version=forecaster.report.version,
        task=forecaster.task,
        calendar=forecaster.calendar,
        labels=[*forecaster.labels],
        model=forecaster.model,
        columns=forecaster.columns,
        tensors=listed,
        drivers=forecaster.drivers,
        network=forecaster.network and forecaster.network.network.settings,
    )


def arrays_of(forecaster: Forecaster) -> dict[str, AnyArray]:
    """The arrays of a forecaster by name."""
    arrays = {f"units/{name}": getattr(forecaster.units, name).astype(np.float64) for name in SeriesArrays._fields}
    arrays |= network_arrays(forecaster.network)
    bounds = forecaster.bounds
    arrays |= {f"bounds/{name}": getattr(bounds, name) for name in _BOUNDS} | {
        f"bounds/{name}": getattr(bounds.sizes, name) for name in ErrorSizes._fields
    }
    beside = {_POOLED: forecaster.pooled, _PAST: forecaster.past_weights}
    beside |= {} if forecaster.past_weights is None else {_PAST_SHARES: np.asarray(forecaster.past_shares)}
    return arrays | {name: own for name, own in beside.items() if own is not None}


def wrong_in_config(config: ForecastConfig) -> list[str]:
    """What is wrong with the task, the calendar or the names of series, in words."""
    wrong = [*config.task.check(), *check_calendar(config.calendar), *wrong_in_names("series", config.labels)]
    if config.model.n_lags < 1 or not all(season >= 2 for season in config.model.seasons):
        wrong.append(f"{config.model.n_lags} lags and seasons of {config.model.seasons} steps cannot be")
    wrong += [said] if (said := wrong_in_settings(config.model.settings)) else []
    wrong += wrong_in_network(config.network, config.model.n_lags, beaten=config.model.beaten)
    wrong = wrong or wrong_in_columns(config.columns, config.calendar)
    if not all(0 <= share <= 1.0001 for share in config.model.shares.values()):
        wrong.append("a share is below zero or above one")
    return wrong


def check_names(config: ForecastConfig, path: Path) -> None:
    """Refuse arrays that are not those of the forecaster that config.json describes.

    Raises:
        CorruptError: there are such.
    """
    listed = {name: shape for name, (_, shape) in config.tensors.items()}
    n_units = listed.get("units/series", [])
    if len(n_units) != 1:
        raise CorruptError(f"'{path}' must hold 'units/series', but holds {', '.join(sorted(listed)[:10])}. Fit again.")
    n_lags, horizon = config.model.n_lags, config.task.horizon
    needed = {f"units/{name}": n_units for name in SeriesArrays._fields}
    needed |= {f"units/{name}": [*n_units, n_lags] for name in ("tails", "tail_effects")}
    needed |= {"units/weights": [*n_units, n_lags, horizon], "units/slopes": [*n_units, len(config.columns.names)]}
    n_known = listed.get("units/known", [0, 0, 0])[1:2] or [0]
    n_filter = listed.get("units/filters", [0, 0])[1:2] or [0]
    needed |= {"units/filters": [*n_units, min(n_filter[0], n_lags)]}
    n_past = len(config.columns.past)
    needed |= {"units/known": [*n_units, max(n_known[0], 1), len(config.columns.known) + n_past]}
    n_past_lags = max((listed.get(_PAST, [0])[:1] or [0])[0], 1) if n_past else 0
    needed |= {
        "units/past": [*n_units, n_past_lags, n_past],
        "units/past_center": [*n_units, n_past],
        "units/past_spread": [*n_units, n_past],
    }
    needed |= {_PAST: [n_past_lags, n_past, horizon], _PAST_SHARES: [horizon]} if n_past else {}
    needed |= {f"bounds/{name}": shape for name, shape in _shapes_of_bounds(n_units[0], horizon, listed).items()}
    needed |= network_shapes(config.network, n_units[0], horizon, len(config.model.seasons), listed)
    needed |= {_POOLED: [n_lags, horizon]} if _POOLED in listed else {}
    check_shapes(path, listed, needed)


def _shapes_of_bounds(n_units: int, horizon: int, listed: dict[str, list[int]]) -> dict[str, list[int]]:
    """The shapes of the arrays of bounds, whose season and number of rows are free."""
    free = {name: listed.get(f"bounds/{name}", [0])[place] for name, place in (("phases", -1), ("rows", 0)) if listed.get(f"bounds/{name}")}
    return shapes_of(n_units, horizon, season=free.get("phases", 0), n_rows=free.get("rows", 0))


def wrong_in_arrays(arrays: dict[str, AnyArray], config: ForecastConfig) -> list[str]:
    """What is wrong with the values of arrays: types, numbers that are not finite, and codes of series that are not there."""
    for name, array in arrays.items():
        if str(array.dtype) != "float64":
            return [f"numbers in '{name}' have the type {array.dtype}"]
        if (name != _MAY_MISS and not np.isfinite(array).all()) or np.abs(array).max(initial=0.0) > _LARGEST:
            return [f"numbers in '{name}' that are not finite"]
    units = {name: arrays[f"units/{name}"] for name in SeriesArrays._fields}
    wrong = [f"codes in 'units/{name}' that are not whole numbers" for name in _WHOLE if not _whole(units[name])]
    wrong += wrong_in_network_arrays(arrays)
    wrong += [f"numbers in 'units/{name}' that are not above zero" for name in _ABOVE_ZERO if not (units[name] > 0).all()]
    most = {"series": len(config.labels), "target": len(config.task.targets), "logged": 2, "floored": 2}
    wrong += [f"numbers in 'units/{name}' that are below zero" for name in _NOT_BELOW_ZERO if (units[name] < 0).any()]
    wrong += [f"codes in 'units/{name}' of what is not there" for name, n in most.items() if not _within(units[name], n)]
    bounds = {name: arrays[f"bounds/{name}"] for name in (*_BOUNDS, *ErrorSizes._fields)}
    if (np.diff(bounds["quantiles"], axis=1) < 0).any():
        wrong.append("quantiles that are not in ascending order")
    wrong += [f"numbers in 'bounds/{name}' that are below zero" for name in _SIZES if (bounds[name] < 0).any()]
    if not len(bounds["rows"]) or ((bounds["rows"] <= 0) | (bounds["rows"] >= 1)).any():
        wrong.append("ranks that are not between 0 and 1")
    wrong = wrong or wrong_in_numbers(config.calendar, units["ends"].astype(np.int64))
    pairs = [*zip(units["series"].tolist(), units["target"].tolist(), strict=True)]
    if any(a >= b for a, b in itertools.pairwise(pairs)):
        wrong.append("series that are there twice, or out of order")
    return wrong


def build_forecaster(config: ForecastConfig, report: Report, tensors: dict[str, AnyArray]) -> Forecaster:
    """The forecaster that checked records and arrays are of."""
    parts: dict[str, Any] = {name: tensors[f"units/{name}"] for name in SeriesArrays._fields}
    parts |= {name: parts[name].astype(np.int64) for name in ("series", "target", "ends")}
    sizes = ErrorSizes(*(tensors[f"bounds/{name}"] for name in ErrorSizes._fields))
    own = {name: tensors[f"bounds/{name}"] for name in _BOUNDS}
    bounds = AdaptiveBounds(moment=_LAST, sizes=sizes, **own)
    network = build_network(config.network, tensors)
    said = config.task, config.calendar, config.labels, config.model, config.columns
    past = tensors.get(_PAST), tensors.get(_PAST_SHARES, 0.0)
    return Forecaster(*said, SeriesArrays(**parts), tensors.get(_POOLED), bounds, config.drivers, report, *past, network)


def _whole(values: AnyArray) -> bool:
    return bool((values == np.floor(values)).all() and (np.abs(values) < 2**53).all())


def _within(values: AnyArray, n: int) -> bool:
    return bool((values >= 0).all() and (values < n).all())


FORECASTER = Content(
    name="weights-forecaster",
    saves=Forecaster,
    config=ForecastConfig,
    describe=describe_forecaster,
    arrays=arrays_of,
    card=forecast_card,
    wrong_in_config=wrong_in_config,
    wrong_beside_config=wrong_without_columns,
    check_names=check_names,
    wrong_in_arrays=wrong_in_arrays,
    build=build_forecaster,
)
