"""Small models that tests of many files share, so that their programs are compiled once and they are fitted once."""

from __future__ import annotations

import functools
from unittest import mock

import jax

import weights
from planted import bent, stacked, traded, weekly, weekly_counts
from preferences import SAID as RANKED
from preferences import draw_preferences, list_items
from weights.data.inputs import Layout
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.architecture import ModelSettings
from weights.models.base import MemberModel
from weights.models.registry import build
from weights.training import lag_network


@functools.cache
def compiled(
    settings: ModelSettings, layout: Layout, initialization: Initialization | None = None, activation: Activation | None = None
) -> MemberModel:
    """The model with these settings, whose functions are compiled whole, as training and answering have them.

    Called as they are, each of their operations becomes a program of its own, and a forward pass some fifty of them.
    """
    return whole(build(settings, layout, initialization or Initialization(), activation or Activation()))


@functools.cache
def fitted_example(example: str, **options) -> weights.Model:
    """A linear model of 8 members of a bundled example, for whatever asks for a small run: fitted once, and not to be changed."""
    return weights.fit(example, **{"model": "linear", "members": 8} | options)


def whole(model: MemberModel) -> MemberModel:
    """The same model, each of whose functions is one compiled program."""
    return model._replace(
        init=jax.jit(model.init), embed=jax.jit(model.embed), forward=jax.jit(model.forward, static_argnums=2, static_argnames="dropout")
    )


HORIZON = 5
"""Steps ahead of the small forecasts."""


@functools.cache
def forecast_one() -> weights.ForecastModel:
    """A model of 105 days of a weekly rhythm in noise; learned once, and not to be changed."""
    return weights.fit(weekly(105), "sold", task="forecast", time="day", horizon=HORIZON)


@functools.cache
def forecast_counts() -> weights.ForecastModel:
    """A model of 140 days of small counts, many of them zero."""
    return weights.fit(weekly_counts(140), "sold", task="forecast", time="day", horizon=HORIZON, inspect=False)


@functools.cache
def forecast_targets() -> weights.ForecastModel:
    """A model of two targets of one series, the second in thousands."""
    table = weekly(105)
    table["weight"] = 1000 * weekly(105, seed=1)["sold"]
    return weights.fit(table, ["sold", "weight"], task="forecast", time="day", horizon=HORIZON, inspect=False)


@functools.cache
def forecast_two() -> weights.ForecastModel:
    """The same of two shops, b twice as high as a, of which b ends ten days earlier."""
    a, b = weekly(105, shop=["a"] * 105), weekly(95, seed=1, shop=["b"] * 95)
    table = stacked(b | {"sold": 2 * b["sold"]}, a)
    return weights.fit(table, "sold", task="forecast", time="day", series="shop", horizon=HORIZON)


@functools.cache
def forecast_many() -> weights.ForecastModel:
    """A model of 24 shops in which a network helps, which took few steps."""
    with mock.patch.object(lag_network, "_N_STEPS", 600):
        return weights.fit(bent(), "sold", task="forecast", time="day", series="shop", horizon=2, inspect=False)


@functools.cache
def forecast_prices(quantity: str = "volatility") -> weights.PriceModel:
    """A model of what four shares do over five days, from 420 days; learned once, and not to be changed."""
    return weights.fit(traded(), "close", task="forecast", time="day", series="share", horizon=HORIZON, quantity=quantity)


@functools.cache
def rank_items(*, tagged: bool = True) -> weights.RankingModel:
    """A model of which of 40 items 120 users turn to, with what is known of items or without; learned once, and not to be changed."""
    return weights.fit(draw_preferences(), items=list_items() if tagged else None, **RANKED)
