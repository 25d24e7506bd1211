"""Small models, settings and tables that tests of many files share, so that their programs are compiled once."""

from __future__ import annotations

import functools

import jax

from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.base import Model, Shape
from weights.models.registry import AnyModel, build


@functools.cache
def compiled(settings: AnyModel, shape: Shape, initialization: Initialization | None = None, activation: Activation | None = None) -> Model:
    """The model with these settings, whose functions are compiled whole, as training and answering have them.

    Called as they are, each of their operations becomes a program of its own, and a forward pass some fifty of them.
    """
    return whole(build(settings, shape, initialization or Initialization(), activation or Activation()))


def whole(model: Model) -> Model:
    """The same model, each of whose functions is one compiled program."""
    return model._replace(
        init=jax.jit(model.init), enter=jax.jit(model.enter), proceed=jax.jit(model.proceed, static_argnums=2, static_argnames="silence")
    )
