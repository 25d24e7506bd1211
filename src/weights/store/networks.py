"""What the folder of a forecaster holds of a network that adds to its forecasts: settings and arrays, and what must hold of them.

Arrays are float64, as all of a forecaster; what members learned is float32, and comes back as it was.
"""

from __future__ import annotations

import math

import numpy as np

from weights.data.inputs import table_layout
from weights.forecasting.network import SeriesNetwork
from weights.models.registry import architecture_of, layers_of
from weights.store.checks import wrong_in_spec
from weights.store.ensembles import member_shapes
from weights.training.lag_network import LagNetwork, NetworkSettings
from weights.types import AnyArray, Params

_PREFIX = "network/"
_PARAMS = f"{_PREFIX}params/"
_WIDEST = 1 << 16
"""Inputs of a network, at most, that is read."""


def network_arrays(network: SeriesNetwork | None) -> dict[str, AnyArray]:
    """The arrays of a network by name; none where there is none."""
    if network is None:
        return {}
    params = {f"params/{layer}/{part}": own for layer, parts in network.network.params.items() for part, own in parts.items()}
    arrays = {"center": network.network.center, "spread": network.network.spread, "traits": network.traits, **params}
    return {f"{_PREFIX}{name}": np.ascontiguousarray(array, np.float64) for name, array in arrays.items()}


def network_shapes(
    settings: NetworkSettings | None, n_units: int, horizon: int, n_seasons: int, listed: dict[str, list[int]]
) -> dict[str, list[int]]:
    """Names and shapes of the arrays that a network needs, with as many members as are listed.

    Args:
        settings: of the network; None where there is none.
        n_units: of the forecaster, U.
        horizon: its steps, H.
        n_seasons: how many it has.
        listed: shapes of the arrays that are there.

    Raises:
        CorruptError: there can be no such model.
    """
    if settings is None:
        return {}
    n_traits = max(n_seasons + 3, (listed.get(f"{_PREFIX}traits") or [0])[-1])  # those of the table stand behind
    alone = settings.n_lags + 3 + horizon + n_traits
    n_inputs = alone + horizon if listed.get(f"{_PREFIX}center") == [alone + horizon] else alone
    n_members = next((shape[0] for name, shape in listed.items() if name.startswith(_PARAMS) and shape), 1)
    shapes = member_shapes(settings.spec, table_layout(n_inputs, horizon))
    needed = {"center": [n_inputs], "spread": [n_inputs], "traits": [n_units, n_traits]}
    needed |= {name: [max(n_members, 1), *shape] for name, shape in shapes.items()}
    return {f"{_PREFIX}{name}": shape for name, shape in needed.items()}


def wrong_in_network(settings: NetworkSettings | None, n_lags: int, *, beaten: bool) -> list[str]:
    """What is wrong with the settings of a network beside regressions on so many lags, in words."""
    if settings is None:
        return []
    wrong = wrong_in_spec(settings.spec)
    if not wrong and (lacking := architecture_of(settings.spec.model).lacks(settings.spec.model)):
        wrong = [f"{lacking} of the network are missing"]
    if not 1 <= settings.n_lags <= min(n_lags, _WIDEST) or not beaten:
        wrong.append(f"a network looks at {settings.n_lags} lags beside regressions on {n_lags if beaten else 0}")
    if not 0 < settings.share <= 1 or not 0 <= settings.gain < math.inf:
        wrong.append(f"a network has the share {settings.share} and the gain {settings.gain}")
    return wrong


def wrong_in_network_arrays(arrays: dict[str, AnyArray]) -> list[str]:
    """What is wrong with the values of a network's arrays, in words; nothing where there are none."""
    spread = arrays.get(f"{_PREFIX}spread", np.ones(1))
    return [f"numbers in '{_PREFIX}spread' that are not above zero"] if (spread <= 0).any() else []


def build_network(settings: NetworkSettings | None, tensors: dict[str, AnyArray]) -> SeriesNetwork | None:
    """The network that checked records and arrays are of."""
    if settings is None:
        return None
    params: Params = {layer: {} for layer in layers_of(settings.spec.model)}
    for name in (name for name in tensors if name.startswith(_PARAMS)):
        layer, part = name.removeprefix(_PARAMS).split("/")
        params[layer][part] = tensors[name].astype(np.float32)
    network = LagNetwork(settings, params, tensors[f"{_PREFIX}center"], tensors[f"{_PREFIX}spread"])
    return SeriesNetwork(network, tensors[f"{_PREFIX}traits"])
