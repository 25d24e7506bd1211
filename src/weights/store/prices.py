"""What the folder of a forecaster of prices holds: config and arrays, what must hold of them, and the forecaster that they are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np

from weights.data.series.calendar import Calendar, check_calendar, wrong_in_numbers
from weights.ensemble import Report
from weights.errors import CorruptError
from weights.finance.forecaster import LEARNED, PriceDrivers, PriceForecaster
from weights.finance.history import OF_A_DAY, TRADED, PriceHistory
from weights.finance.paths import N_RANKS, N_SHAPES, PathModel
from weights.store.card import price_card
from weights.store.checks import check_shapes, wrong_in_names, wrong_without_columns
from weights.store.content import Content, Listed
from weights.tasks.prices import PriceForecast
from weights.training.drift import Drift
from weights.training.volatility import Volatility, count_inputs
from weights.types import AnyArray

_LARGEST = 1e150
_OF_VOLATILITY, _OF_DRIFT = ("weights", "centre", "start"), ("centre", "scale", "weights")
_OF_MODEL = ("shapes", "ranks", "n_independent")
_CLOSE = "history/close"


class PriceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of config.json. `tensors` lists type and shape of every array in model.safetensors."""

    format: str
    format_version: int
    weights_version: str
    task: PriceForecast
    calendar: Calendar
    labels: list[str]
    begin: int
    n_learned: int
    beside: list[str]
    signals: list[str]
    answering: str
    a_year: float
    strength: float
    drift: float
    drift_rule: str
    tensors: dict[str, tuple[str, list[int]]]
    drivers: PriceDrivers | None = None

    judged: ClassVar[str] = "at rolling origins"

    @property
    def models(self) -> list[str]:
        """What answers, in words."""
        return ["volatility and paths" if self.answering == LEARNED else self.answering]


def describe_prices(forecaster: PriceForecaster, format_version: int, listed: Listed) -> PriceConfig:
    """The content of config.json."""
    history, model = forecaster.history, forecaster.model
    return PriceConfig(
        format="weights-prices",
        format_version=format_version,
        weights_version=forecaster.report.version,
        task=forecaster.task,
        calendar=forecaster.calendar,
        labels=[*forecaster.labels],
        begin=history.begin,
        n_learned=forecaster.n_learned,
        beside=[*history.beside],
        signals=[*history.signals],
        answering=forecaster.answering,
        a_year=forecaster.a_year,
        strength=model.volatility.strength,
        drift=model.drift.constant,
        drift_rule=model.drift.rule,
        tensors=listed,
        drivers=forecaster.drivers,
    )


def arrays_of(forecaster: PriceForecaster) -> dict[str, AnyArray]:
    """The arrays of a forecaster by name."""
    history, model = forecaster.history, forecaster.model
    arrays = {_CLOSE: history.close} | {_beside(name): values for name, values in history.beside.items()}
    arrays |= {_signal(i): values for i, values in enumerate(history.signals.values())}
    arrays |= {f"volatility/{name}": getattr(model.volatility, name) for name in _OF_VOLATILITY}
    arrays |= {f"drift/{name}": getattr(model.drift, name) for name in _OF_DRIFT}
    return arrays | {name: getattr(model, name) for name in _OF_MODEL}


def wrong_in_config(config: PriceConfig) -> list[str]:
    """What is wrong with the task, the calendar, the names of shares or what answers, in words."""
    wrong = [*config.task.check(), *check_calendar(config.calendar), *wrong_in_names("series", config.labels)]
    known = [[], [TRADED], [*OF_A_DAY], [*OF_A_DAY, TRADED]]
    if config.beside not in known or len({*config.signals}) < len(config.signals):
        wrong.append(f"columns beside prices that cannot be: {', '.join([*config.beside, *config.signals][:10])}")
    if not wrong and config.answering not in (LEARNED, *config.task.told.baselines):
        wrong.append(f"'{config.answering}' answers, which is not known")
    if not (config.a_year > 0 and all(math.isfinite(number) for number in (config.a_year, config.strength, config.drift))):
        wrong.append("numbers that are not finite")
    return wrong


def check_names(config: PriceConfig, path: Path) -> None:
    """Refuse arrays that are not those of the forecaster that config.json describes.

    Raises:
        CorruptError: there are such.
    """
    listed = {name: shape for name, (_, shape) in config.tensors.items()}
    n_moments = (listed.get(_CLOSE) or [0])[0]
    if n_moments < 1 or not 1 <= config.n_learned <= n_moments:
        raise CorruptError(f"'{path}' must hold '{_CLOSE}', with what was learned from, but holds {n_moments} moments. Fit again.")
    horizon, history = config.task.horizon, [n_moments, len(config.labels)]
    n_inputs, n_known = count_inputs(len(config.beside) >= len(OF_A_DAY)), len(_name_predictors(config))
    needed = {_CLOSE: history} | {_beside(name): history for name in config.beside}
    needed |= {_signal(i): history for i in range(len(config.signals))}
    needed |= {"volatility/weights": [n_inputs, horizon], "volatility/centre": [n_inputs], "volatility/start": [horizon]}
    needed |= {f"drift/{name}": [n_known] for name in _OF_DRIFT}
    n_shapes = min(max((listed.get("shapes") or [1])[0], 1), N_SHAPES)
    needed |= {"shapes": [n_shapes, horizon], "ranks": [N_RANKS, horizon], "n_independent": [horizon]}
    check_shapes(path, listed, needed)


def wrong_in_arrays(arrays: dict[str, AnyArray], config: PriceConfig) -> list[str]:
    """What is wrong with the values of arrays: types, numbers that are not finite, prices that are none."""
    for name, array in arrays.items():
        if str(array.dtype) != "float64":
            return [f"numbers in '{name}' have the type {array.dtype}"]
        may_miss = name.startswith("history/")
        if np.isinf(array).any() or (not may_miss and np.isnan(array).any()) or np.nanmax(np.abs(array), initial=0.0) > _LARGEST:
            return [f"numbers in '{name}' that are not finite"]
    prices = [_CLOSE, *(_beside(name) for name in config.beside if name in OF_A_DAY)]
    wrong = [f"prices in '{name}' that are not above zero" for name in prices if (arrays[name] <= 0).any()]
    if np.isnan(arrays[_CLOSE]).all(axis=0).any():
        wrong.append("a series without a price")
    if (np.diff(arrays["ranks"], axis=0) < 0).any() or ((arrays["ranks"] < 0) | (arrays["ranks"] > 1)).any():
        wrong.append("ranks that are not in ascending order between 0 and 1")
    wrong += [f"numbers in '{name}' that are not above zero" for name in ("drift/scale", "n_independent") if (arrays[name] <= 0).any()]
    return wrong or wrong_in_numbers(config.calendar, np.asarray([config.begin, config.begin + len(arrays[_CLOSE]) - 1]))


def build_prices(config: PriceConfig, report: Report, tensors: dict[str, AnyArray]) -> PriceForecaster:
    """The forecaster that checked records and arrays are of."""
    history = PriceHistory(
        config.begin,
        tensors[_CLOSE],
        {name: tensors[_beside(name)] for name in config.beside},
        {name: tensors[_signal(i)] for i, name in enumerate(config.signals)},
    )
    of_volatility: dict[str, Any] = {name: tensors[f"volatility/{name}"] for name in _OF_VOLATILITY}
    of_drift = {name: tensors[f"drift/{name}"] for name in _OF_DRIFT}
    volatility = Volatility(**of_volatility, strength=config.strength, loss={})
    drift = Drift(**of_drift, constant=config.drift, rule=config.drift_rule)
    model = PathModel(volatility, drift, **{name: tensors[name] for name in _OF_MODEL})
    said = config.task, config.calendar, config.labels
    return PriceForecaster(*said, history, config.n_learned, model, config.answering, config.a_year, config.drivers, report)


def _beside(name: str) -> str:
    return f"history/{name}"


def _signal(place: int) -> str:
    return f"history/signal {place}"


def _name_predictors(config: PriceConfig) -> list[str]:
    """The names of what may tell of prices, which follow from the columns that there are."""
    one = np.ones((1, 1))
    return PriceHistory(0, one, dict.fromkeys(config.beside, one), dict.fromkeys(config.signals, one)).predictors[0]


PRICES = Content(
    name="weights-prices",
    saves=PriceForecaster,
    config=PriceConfig,
    describe=describe_prices,
    arrays=arrays_of,
    card=price_card,
    wrong_in_config=wrong_in_config,
    wrong_beside_config=wrong_without_columns,
    check_names=check_names,
    wrong_in_arrays=wrong_in_arrays,
    build=build_prices,
)
